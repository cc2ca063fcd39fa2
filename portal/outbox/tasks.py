"""Celery wrappers of the outbox; safe to run twice and beside each other."""

from celery import shared_task

from portal.outbox import drain as draining
from portal.outbox import retention


@shared_task
def drain() -> None:
    """Sends what is due."""
    draining.drain()


@shared_task
def erase_old() -> None:
    """Erases old messages after their time."""
    retention.erase_old()
