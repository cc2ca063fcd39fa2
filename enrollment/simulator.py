"""“Pay on this date, covered from that date” (N21): windows, waiting months and lapse of a region as a plain rule."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from enrollment import cover
from enrollment.cover import CoverDates, Window
from portal.regions.policy_values import Policy

LONGEST_LOOK_AHEAD_DAYS = 500


@dataclass(frozen=True)
class Question:
    """A person and a day of payment; `missed_years` without insurance before it, `repaid_years` of them paid up.

    `next_year` is the first year that is not paid for yet: who pays for a later one has missed it as well.
    """

    birth_on: date
    pay_on: date
    missed_years: int = 0
    repaid_years: int = 0
    category: str = ""
    next_year: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a payment for one cover year gives, the ground on which it is possible, and the last day of that."""

    year: int
    window: Window
    pay_until: date
    dates: CoverDates

    @property
    def comes_too_late(self) -> bool:
        """Whether the waiting period outlasts the year, so that the payment buys no benefits."""
        return self.dates.benefits_from > self.dates.until


@dataclass(frozen=True)
class Stretch:
    """Days of payment with the same windows open, and what a payment on the first of them gives."""

    begins: date
    ends: date | None
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Lapse:
    """What follows when the next year is not paid in its collection period."""

    year: int
    pay_from: date
    pay_until: date
    late_until: date | None
    waiting_months: int


def outcomes(question: Question, policy: Policy, is_workday: Callable[[date], bool]) -> tuple[Outcome, ...]:
    """The cover years a payment on the day can buy, and from when until when each covers; empty between the windows."""
    newborn_until = cover.newborn_window_until(question.birth_on, policy, is_workday)
    exempt = is_exempt(question.category, policy)
    return tuple(
        Outcome(
            option.year,
            option.window,
            option.until,
            cover.cover_dates(
                policy=policy,
                cover_year=option.year,
                paid_on=question.pay_on,
                birth_on=question.birth_on,
                newborn_until=newborn_until,
                missed_years=question.missed_years + _let_go_by(question, option.year),
                repaid_years=question.repaid_years,
                exempt=exempt,
            ),
        )
        for option in cover.open_years(question.pay_on, question.birth_on, policy, is_workday)
    )


def if_you_wait(question: Question, policy: Policy, is_workday: Callable[[date], bool]) -> list[Stretch]:
    """The stretches of days from the day of payment on, up to and including the next collection period.

    Who waits until a later year is on offer lets the one between go by, which lengthens the waiting period.
    """
    begins, last = question.pay_on, question.pay_on + timedelta(days=LONGEST_LOOK_AHEAD_DAYS)
    edges = sorted(day for day in _edges(question, policy, is_workday) if begins < day <= last)
    waiting = replace(question, next_year=_next_year(question, policy, is_workday))
    found: list[Stretch] = []
    for start, following in zip([begins, *edges], [*edges, None], strict=True):
        given = outcomes(replace(waiting, pay_on=start), policy, is_workday)
        ends = following - timedelta(days=1) if following else None
        if found and _same_windows(found[-1].outcomes, given):
            found[-1] = Stretch(found[-1].begins, ends, found[-1].outcomes)
        else:
            found.append(Stretch(start, ends, given))
    return found


def is_exempt(category: str, policy: Policy) -> bool:
    """Whether a group that is helped with the premium never waits for benefits in this region."""
    return bool(category) and category in policy.setting("waiting_exempt", [])


def lapse(cover_year: int, policy: Policy, category: str = "") -> Lapse:
    """What happens to somebody covered for a year who does not pay for the next one in time."""
    following = cover_year + 1
    pay_from, pay_until = cover.collection_period(following, policy)
    late_until = cover.late_window_until(following, policy)
    months = cover.waiting_months(policy=policy, in_period=False, exempt=is_exempt(category, policy))
    return Lapse(following, pay_from, pay_until, late_until, months)


def _next_year(question: Question, policy: Policy, is_workday: Callable[[date], bool]) -> int | None:
    """The year that somebody who waits from the day on does not pay for; None for children who are new."""
    options = cover.open_years(question.pay_on, question.birth_on, policy, is_workday)
    if any(option.window in (Window.NEWBORN, Window.INFANT) for option in options):
        return None
    return max((option.year for option in options), default=question.pay_on.year + 1)


def _let_go_by(question: Question, year: int) -> int:
    """How many years stay unpaid between the one that could be paid for and another."""
    return 0 if question.next_year is None else max(0, year - question.next_year)


def _edges(question: Question, policy: Policy, is_workday: Callable[[date], bool]) -> set[date]:
    """The first days on which other windows are open than the day before."""
    day = timedelta(days=1)
    edges = {
        cover.newborn_window_until(question.birth_on, policy, is_workday) + day,
        cover.add_months(question.birth_on, 12),
        date(question.pay_on.year + 1, 1, 1),
    }
    for year in range(question.pay_on.year, question.pay_on.year + 3):
        begins, ends = cover.collection_period(year, policy)
        late_until = cover.late_window_until(year, policy)
        edges |= {begins, ends + day} | ({late_until + day} if late_until else set())
    return edges


def _same_windows(before: tuple[Outcome, ...], after: tuple[Outcome, ...]) -> bool:
    return [(one.year, one.window) for one in before] == [(one.year, one.window) for one in after]
