"""Photos of materials after their time: the pictures are erased, what stood in the case about them stays.

A form never submitted loses its photos with the draft. An application withdrawn, lapsed or rejected keeps them a year,
so that an appeal can be decided (60 days, six months in court); one that led to cover keeps them as the archive of
social insurance is kept, ten years after the cover ended (DOMAIN §10, RELIABILITY §4.5).
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from enrollment.models import Application, MaterialPicture
from enrollment.states import State
from portal import audit
from portal.documents import uploads
from portal.people.actors import SYSTEM
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import PolicyRule, Region

CONCLUDED, UNFOUNDED = "pictures.keep_days", "pictures.keep_days_without_cover"
DEFAULT_DAYS = {CONCLUDED: 3_653, UNFOUNDED: 365}
"""Calendar days; the settings of the region may say otherwise."""
WITHOUT_COVER = (State.REJECTED, State.WITHDRAWN, State.LAPSED)


def erase_old(at: datetime | None = None) -> int:
    """Erases the pictures of every case whose time is over, case by case; returns how many."""
    at = at or timezone.now()
    erased = 0
    for application_id, days in _over(at):
        erased += _erase(application_id, days, at)
    return erased


def _over(at: datetime) -> list[tuple[UUID, int]]:
    """Cases that still have pictures and whose time is over, with the days they were kept."""
    today = calendar.local_date(at)
    has_pictures = Exists(MaterialPicture.objects.filter(application=OuterRef("pk"), erased_at=None))
    rows = Application.objects.filter(has_pictures).select_related("region", "cover").defer("answers_cipher", "facts")
    # No region keeps them for less, so that a night does not read every case there is.
    closed = rows.filter(state__in=WITHOUT_COVER, state_since__lte=at - timedelta(days=_least(UNFOUNDED)))
    last = today - timedelta(days=_least(CONCLUDED))
    insured = rows.filter(Q(cover__until__lt=last) | Q(cover__ended_on__lt=last), state=State.ENROLLED)
    days = _Days(today)
    found = [
        (row.pk, days.of(row.region, UNFOUNDED))
        for row in closed
        if row.state_since <= at - timedelta(days=days.of(row.region, UNFOUNDED))
    ]
    for row in insured:
        kept = days.of(row.region, CONCLUDED)
        if min(row.cover.until, row.cover.ended_on or row.cover.until) + timedelta(days=kept) < today:
            found.append((row.pk, kept))
    return found


class _Days:
    """How many days each region keeps pictures, asked once for each."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.known: dict[tuple[int, str], int] = {}

    def of(self, region: Region, setting: str) -> int:
        key = (region.pk, setting)
        if key not in self.known:
            self.known[key] = int(policies.for_region(region, self.today).setting(setting, DEFAULT_DAYS[setting]))
        return self.known[key]


def _least(setting: str) -> int:
    """The fewest days any region was ever told to keep them."""
    values = PolicyRule.objects.filter(kind="setting", key=setting).values_list("value", flat=True)
    return min([DEFAULT_DAYS[setting], *(value for value in values if isinstance(value, int))])


def _erase(application_id: UUID, days: int, at: datetime) -> int:
    """The rows stay and say when; the pictures and their sealed files go."""
    with transaction.atomic():
        application = Application.objects.select_for_update().get(pk=application_id)
        rows = application.pictures.filter(erased_at=None)
        upload_ids = [pk for pk in rows.order_by().values_list("upload", flat=True) if pk is not None]
        rows.update(upload=None, erased_at=at)
        uploads.delete_all(upload_ids)
        audit.record(
            "enrollment.pictures_erased",
            SYSTEM,
            subject=application,
            details={"count": len(upload_ids), "days": days},
        )
    return len(upload_ids)
