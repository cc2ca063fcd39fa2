"""From when until when a person is covered: collection period, newborn window, late window, waiting period (DOMAIN §6).

Plain functions over dates and a policy. The text of 国办发〔2024〕38号 leaves open whether the first missed year adds a
month; the region's setting `first_gap_year_adds` decides.
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portal.regions.policy_values import Policy


class Window(StrEnum):
    """On which ground a cover year can be joined on a day."""

    COLLECTION = "collection"
    NEWBORN = "newborn"
    INFANT = "infant"
    LATE = "late"


@dataclass(frozen=True)
class OpenYear:
    """A cover year that can be joined, on which ground, and the last day of that window."""

    year: int
    window: Window
    until: date


@dataclass(frozen=True)
class CoverDates:
    """First and last day of cover, the months of waiting in between, and the rule that gave them."""

    benefits_from: date
    until: date
    waiting_months: int
    rule: Window


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day (Civil Code 202)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def collection_period(cover_year: int, policy: Policy) -> tuple[date, date]:
    """First and last day of the period in which a cover year's premium is collected; it may run over New Year."""
    period = policy.setting("collection_period", {"from": "09-01", "until": "12-31"})
    begins, ends = _month_day(period["from"]), _month_day(period["until"])
    last_year = cover_year - 1 if begins <= ends else cover_year
    return _day(cover_year - 1, begins), _day(last_year, ends)


def late_window_until(cover_year: int, policy: Policy) -> date | None:
    """Last day on which a missed collection period can be made up, or None where the region has no late window."""
    text = policy.setting("late_window_until", None)
    return _day(cover_year, _month_day(text)) if text else None


def newborn_window_until(birth_on: date, policy: Policy, is_workday: Callable[[date], bool]) -> date:
    """Last day of a newborn's window; one that ends on a day off ends on the next working day (Civil Code 201, 203)."""
    day = birth_on + timedelta(days=int(policy.setting("newborn_days", 90)))
    while not is_workday(day):
        day += timedelta(days=1)
    return day


def open_years(on: date, birth_on: date, policy: Policy, is_workday: Callable[[date], bool]) -> list[OpenYear]:
    """Cover years that a person can join on a day, the one to offer first at the front.

    A newborn is offered the year of birth as well as the year whose collection runs: a family may owe both.
    """
    newborn_until = newborn_window_until(birth_on, policy, is_workday)
    found = []
    if birth_on <= on <= newborn_until:
        found = [OpenYear(year, Window.NEWBORN, newborn_until) for year in sorted({birth_on.year, on.year})]
    elif newborn_until < on < add_months(birth_on, 12):
        found = [OpenYear(on.year, Window.INFANT, add_months(birth_on, 12) - timedelta(days=1))]
    for year in (on.year + 1, on.year):
        begins, ends = collection_period(year, policy)
        late_until = late_window_until(year, policy)
        if any(option.year == year for option in found):
            continue
        if begins <= on <= ends:
            found.append(OpenYear(year, Window.COLLECTION, ends))
        elif late_until is not None and ends < on <= late_until:
            found.append(OpenYear(year, Window.LATE, late_until))
    return found


def next_opening(on: date, policy: Policy) -> date:
    """First day of the next collection period."""
    return min(
        day for day in (collection_period(year, policy)[0] for year in (on.year, on.year + 1, on.year + 2)) if day > on
    )


def waiting_months(
    *, policy: Policy, in_period: bool, missed_years: int = 0, repaid_years: int = 0, exempt: bool = False
) -> int:
    """Months between payment and benefits: a fixed part, one more per further missed year, one less per year paid up.

    Not under the region's floor (6) when many years in a row (4) were missed, even after repair.
    """
    if exempt or (in_period and missed_years == 0):
        return 0
    counted = missed_years if policy.setting("first_gap_year_adds", True) else max(0, missed_years - 1)
    months = int(policy.setting("waiting_months", 3)) + max(0, counted - repaid_years)
    if missed_years >= int(policy.setting("waiting_floor_missed_years", 4)):
        return max(months, int(policy.setting("waiting_floor_months", 6)))
    return months


def cover_dates(
    *,
    policy: Policy,
    cover_year: int,
    paid_on: date,
    birth_on: date,
    newborn_until: date,
    missed_years: int = 0,
    repaid_years: int = 0,
    exempt: bool = False,
) -> CoverDates:
    """Cover that a payment gives: a newborn's from birth, otherwise from New Year or the day after payment and waiting.

    `paid_on` is the day of payment, or of the application where nothing is payable; `newborn_until` the last day of the
    newborn's window, after which an infant waits for the next day or month only.
    """
    new_year, last_day = date(cover_year, 1, 1), date(cover_year, 12, 31)
    if birth_on <= paid_on <= newborn_until:
        return CoverDates(max(birth_on, new_year), last_day, 0, Window.NEWBORN)
    begins, ends = collection_period(cover_year, policy)
    in_period = begins <= paid_on <= ends
    if not in_period and paid_on < add_months(birth_on, 12):
        by_month = policy.setting("newborn_after", "next_month") == "next_month"
        start = add_months(paid_on.replace(day=1), 1) if by_month else paid_on + timedelta(days=1)
        return CoverDates(max(new_year, start), last_day, 0, Window.INFANT)
    months = waiting_months(
        policy=policy, in_period=in_period, missed_years=missed_years, repaid_years=repaid_years, exempt=exempt
    )
    if months == 0:
        start = max(new_year, paid_on + timedelta(days=1))
    else:
        start = add_months(max(new_year - timedelta(days=1), paid_on), months) + timedelta(days=1)
    return CoverDates(start, last_day, months, Window.COLLECTION if in_period else Window.LATE)


def _month_day(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)


def _day(year: int, month_day: tuple[int, int]) -> date:
    month, day = month_day
    return date(year, month, min(day, monthrange(year, month)[1]))
