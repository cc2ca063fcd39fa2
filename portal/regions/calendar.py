"""Working days and local days of the portal: the rules of `workdays` over the calendar tables.

The tables are read once per process and version (`models.versions`); a batch that counts many dates holds one version
with `pinned()`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from portal.regions import workdays
from portal.regions.models import CalendarDay, CalendarYear, Region, RegionalHoliday, versions
from portal.regions.models.versions import pinned
from portal.regions.workdays import CalendarData, WorkdayResult

SHANGHAI = ZoneInfo("Asia/Shanghai")

__all__ = [
    "CalendarChange",
    "CalendarData",
    "WorkdayResult",
    "add_workdays",
    "announce_change",
    "current",
    "end_instant",
    "is_workday",
    "local_date",
    "on_change",
    "pinned",
    "start_of_day",
    "today",
    "workdays_between",
]


@dataclass(frozen=True)
class CalendarChange:
    """The dates that changed, the region whose extra days they are (None for the nation), and the two calendars."""

    first: date
    last: date
    region: Region | None
    before: CalendarData
    after: CalendarData


on_change: list[Callable[[CalendarChange], None]] = []
"""Upper layers append what recomputes their due dates; each is called in the transaction of the change."""

_held: tuple[str, CalendarData] | None = None


def current() -> CalendarData:
    """The calendar as it stands, from memory while its version is unchanged."""
    global _held
    version = versions.current(versions.CALENDAR)
    held = _held
    if held is None or held[0] != version.token or not version.token:
        held = (version.token, _read(version.number))
        _held = held
    return held[1]


def _read(version: int) -> CalendarData:
    published = frozenset(
        CalendarYear.objects.filter(status=CalendarYear.Status.PUBLISHED).values_list("year", flat=True)
    )
    special: dict[date, bool] = {}
    statutory: dict[int, set[date]] = {}
    for day, worked in CalendarDay.objects.values_list("date", "is_workday"):
        if day.year in published:
            special[day] = worked
        elif not worked:
            statutory.setdefault(day.year, set()).add(day)
    extra: dict[str, set[date]] = {}
    for code, day in RegionalHoliday.objects.values_list("region__code", "date"):
        extra.setdefault(code, set()).add(day)
    return CalendarData(
        special=special,
        published=published,
        statutory={year: frozenset(days) for year, days in statutory.items()},
        extra={code: frozenset(days) for code, days in extra.items()},
        version=version,
    )


def announce_change(first: date, last: date, before: CalendarData, region: Region | None = None) -> None:
    """Marks the calendar as changed and tells the upper layers; runs in the transaction of the change."""
    versions.bump(versions.CALENDAR)
    change = CalendarChange(first=first, last=last, region=region, before=before, after=current())
    for tell in on_change:
        tell(change)


def _codes(region: Region | None) -> Iterable[str]:
    return region.codes if region is not None else ()


def add_workdays(start: date, days: int, region: Region | None = None) -> WorkdayResult:
    """Counts `days` working days after the local date `start`; see `workdays.add_workdays`."""
    return workdays.add_workdays(current(), start, days, _codes(region))


def is_workday(day: date, region: Region | None = None) -> bool:
    """Whether offices of the region work on the local date."""
    return current().is_workday(workdays.plain_day(day), _codes(region))


def workdays_between(first: date, last: date, region: Region | None = None) -> int:
    """The number of working days strictly between two local dates."""
    return workdays.workdays_between(current(), first, last, _codes(region))


def today() -> date:
    """The local date now."""
    return local_date(timezone.now())


def local_date(moment: datetime) -> date:
    """The date in Asia/Shanghai of an aware moment; 23:59:59 and 00:00:00 there are two days.

    Raises ValueError for a naive moment.
    """
    if timezone.is_naive(moment):
        raise ValueError("an aware moment is needed")
    return moment.astimezone(SHANGHAI).date()


def start_of_day(day: date) -> datetime:
    """The first instant of a local date."""
    return datetime.combine(workdays.plain_day(day), time.min, tzinfo=SHANGHAI)


def end_instant(day: date) -> datetime:
    """The first instant after a local date: 00:00 of the next day, exclusive."""
    return start_of_day(workdays.plain_day(day) + timedelta(days=1))
