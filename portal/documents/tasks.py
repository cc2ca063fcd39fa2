"""Celery wrappers of the documents; safe to run twice."""

from celery import shared_task

from portal.documents import uploads


@shared_task
def sweep_orphans() -> None:
    """Removes files that no row names."""
    uploads.sweep_orphans()


@shared_task
def scan_held() -> None:
    """Scans what came while the virus scanner was away."""
    uploads.scan_held()
