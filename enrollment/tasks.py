"""Celery tasks of the enrolment: no arguments, one service call, safe to run twice."""

from celery import shared_task

from enrollment import services

BATCH = 500


@shared_task(name="enrollment.tasks.price_held", ignore_result=True)
def price_held() -> int:
    """Gives applications that wait for a premium the amount that is in force now; the sweep bills them."""
    total = 0
    while priced := services.price_held(limit=BATCH):
        total += priced
    return total
