"""Celery tasks of the enrolment: no arguments, one service call, safe to run twice."""

from celery import shared_task

from enrollment import coordination_services, counter, picture_retention, pictures, services
from enrollment.rosters import services as rosters
from portal.regions import calendar

BATCH = 500


@shared_task(name="enrollment.tasks.price_held", ignore_result=True)
def price_held() -> int:
    """Gives applications that wait for a premium the amount that is in force now; the sweep bills them."""
    total = 0
    while priced := services.price_held(limit=BATCH):
        total += priced
    return total


@shared_task(name="enrollment.tasks.coordination_months", ignore_result=True)
def coordination_months() -> int:
    """Opens the month's contribution of every registration in the pooled scheme, and reminds of unpaid months."""
    today = calendar.today()
    coordination_services.open_periods(today)
    return coordination_services.remind(today)


@shared_task(name="enrollment.tasks.erase_rosters", ignore_result=True)
def erase_rosters() -> int:
    """Erases what was written in the lines of rosters after their time."""
    return rosters.erase_old()


@shared_task(name="enrollment.tasks.erase_removed_pictures", ignore_result=True)
def erase_removed_pictures() -> int:
    """Erases photos of materials whose deletion can no longer be taken back."""
    total = 0
    while erased := pictures.erase_removed(limit=BATCH):
        total += erased
    return total


@shared_task(name="enrollment.tasks.erase_old_pictures", ignore_result=True)
def erase_old_pictures() -> int:
    """Erases the photos of materials of cases whose time is over."""
    return picture_retention.erase_old()


@shared_task(name="enrollment.tasks.erase_old_walk_ins", ignore_result=True)
def erase_old_walk_ins() -> int:
    """Erases drafts of the counter that nobody has touched for thirty days."""
    total = 0
    while erased := counter.erase_old(limit=BATCH):
        total += erased
    return total
