"""Housekeeping of sign-in."""

from celery import shared_task

from portal.people.codes import forget_old


@shared_task(name="portal.people.tasks.forget_old_codes", ignore_result=True)
def forget_old_codes() -> int:
    """Deletes codes a day after they were made; safe to run twice."""
    return forget_old()
