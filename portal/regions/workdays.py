"""Counts working days over plain data: no database, no clock.

The start day is not counted, and a period that ends on a day off ends on the next day on (Civil Code 201, 203). A
year without a published arrangement is counted by weekends, statutory days and their compensation (Holiday Measures
2, 6), and every date that leans on it is provisional.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

ONE_DAY = timedelta(days=1)
SATURDAY = 6
# The next year's notice can still change the last days of December: that for 2019 made 2018-12-29 a working day.
LAST_SETTLED_DAY = (12, 24)


class WorkdayResult(NamedTuple):
    """A date, and whether a notice still to come may move it."""

    date: date
    provisional: bool


def qingming(year: int) -> date:
    """The solar term 清明 of the years 2000–2099, by the usual interpolation."""
    since = year % 100
    return date(year, 4, int(since * 0.2422 + 4.81) - since // 4)


@lru_cache(maxsize=256)
def solar_statutory_days(year: int) -> frozenset[date]:
    """The statutory days that follow from the solar calendar alone; the lunar festivals need a notice."""
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 5, 2)}
    return frozenset(fixed | {date(year, 10, day) for day in (1, 2, 3)} | {qingming(year)})


@lru_cache(maxsize=256)
def provisional_days_off(statutory: frozenset[date]) -> frozenset[date]:
    """Adds to the statutory days one weekday right after each run of them for every one that falls on a weekend."""
    off = set(statutory)
    owed = 0
    for day in sorted(statutory):
        owed += day.isoweekday() >= SATURDAY
        following = day + ONE_DAY
        if following in statutory:
            continue
        while owed:
            if following.isoweekday() < SATURDAY and following not in off:
                off.add(following)
                owed -= 1
            following += ONE_DAY
    return frozenset(off)


@dataclass(frozen=True)
class CalendarData:
    """Everything the counting needs.

    `special` says of a date whether it is worked, for published years; `statutory` holds the known statutory days of
    other years; `extra` holds the days off of single regions by region code.
    """

    special: Mapping[date, bool] = field(default_factory=dict)
    published: frozenset[int] = frozenset()
    statutory: Mapping[int, frozenset[date]] = field(default_factory=dict)
    extra: Mapping[str, frozenset[date]] = field(default_factory=dict)
    version: int = 0

    def extra_for(self, codes: Iterable[str]) -> frozenset[date]:
        """The extra days off of a region, given its own code and those above it."""
        found = [self.extra[code] for code in codes if code in self.extra]
        return frozenset().union(*found)

    def is_workday(self, day: date, codes: Iterable[str] = ()) -> bool:
        return _is_workday(self, day, self.extra_for(codes))

    def is_provisional(self, day: date) -> bool:
        """Whether a notice still to come may change this very day."""
        if day.year not in self.published:
            return True
        return (day.month, day.day) > LAST_SETTLED_DAY and day.year + 1 not in self.published


def _is_workday(data: CalendarData, day: date, extra: Collection[date]) -> bool:
    if day in extra:
        return False
    if day.year in data.published:
        return data.special.get(day, day.isoweekday() < SATURDAY)
    if day.isoweekday() >= SATURDAY:
        return False
    statutory = data.statutory.get(day.year) or solar_statutory_days(day.year)
    return day not in provisional_days_off(statutory)


def plain_day(day: date) -> date:
    """Refuses a moment where a local date is meant: its date in UTC may be another day.

    Raises TypeError.
    """
    if isinstance(day, datetime):
        raise TypeError("a local date is needed, not a moment; use local_date()")
    return day


def add_workdays(data: CalendarData, start: date, days: int, codes: Iterable[str] = ()) -> WorkdayResult:
    """Counts `days` working days after `start`; 0 is the day itself, or the next working day.

    Raises ValueError when `days` is negative.
    """
    plain_day(start)
    if days < 0:
        raise ValueError("the number of working days cannot be negative")
    extra = data.extra_for(codes)
    day = start
    if days == 0:
        provisional = data.is_provisional(day)
        while not _is_workday(data, day, extra):
            day += ONE_DAY
            provisional = provisional or data.is_provisional(day)
        return WorkdayResult(day, provisional)
    provisional = False
    left = days
    while left:
        day += ONE_DAY
        provisional = provisional or data.is_provisional(day)
        left -= _is_workday(data, day, extra)
    return WorkdayResult(day, provisional)


def workdays_between(data: CalendarData, first: date, last: date, codes: Iterable[str] = ()) -> int:
    """The number of working days strictly between two dates; 0 when they are in the wrong order."""
    plain_day(first)
    plain_day(last)
    extra = data.extra_for(codes)
    span = (last - first).days
    return sum(_is_workday(data, first + timedelta(days=offset), extra) for offset in range(1, span))
