"""Housekeeping of the buckets."""

from celery import shared_task

from portal.limits.buckets import forget_idle


@shared_task(name="portal.limits.tasks.forget_idle_buckets", ignore_result=True)
def forget_idle_buckets() -> int:
    """Deletes buckets that are full again; safe to run twice."""
    return forget_idle()
