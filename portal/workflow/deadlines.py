"""When a state must be left and when people are reminded: declarations that are computed once per group of equal rows.

A deadline names the columns of the subject it depends on (`policy_id`, `office__kind`, a start date). The machine
groups the arriving rows by those columns, so that a batch of thousands asks the calendar a handful of times. Every
instant is the first one after the last day: 00:00 Asia/Shanghai of the next day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from portal.regions import calendar, workdays
from portal.regions.calendar import CalendarData, end_instant, local_date
from portal.regions.models import PolicySnapshot
from portal.regions.policy_values import Policy


@dataclass(frozen=True)
class Setting:
    """What all rows of one batch share: the instant, the calendar, and the policies of their snapshots."""

    at: datetime
    calendar: CalendarData
    policies: Mapping[int, tuple[Policy, tuple[str, ...]]]

    @classmethod
    def bare(cls, at: datetime) -> Setting:
        """For moves that compute no date."""
        return cls(at, CalendarData(), {})

    @classmethod
    def of(cls, at: datetime, policy_ids: set[int]) -> Setting:
        """Read the calendar and the snapshots of a batch in two queries, three where a policy is new to the process."""
        rows = PolicySnapshot.objects.read(policy_ids) if policy_ids else {}
        held = {pk: (row.policy, tuple(row.region.codes)) for pk, row in rows.items()}
        return cls(at, calendar.current(), held)


@dataclass(frozen=True)
class Facts:
    """What a deadline may look at: the row's declared columns, the instant of the move and the dates of its clocks."""

    setting: Setting
    source: str
    target: str
    values: Mapping[str, Any]
    clocks: Mapping[str, date] = field(default_factory=dict)
    due_at: datetime | None = None
    since: datetime = datetime.max

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    @property
    def at(self) -> datetime:
        return self.setting.at

    @property
    def on(self) -> date:
        """The local date of the move."""
        return local_date(self.at)

    @property
    def policy_id(self) -> int | None:
        return self.values.get("policy_id")

    @property
    def policy(self) -> Policy:
        """The policy frozen for this row; raises KeyError for a row without a snapshot."""
        return self.setting.policies[self.values["policy_id"]][0]

    @property
    def codes(self) -> tuple[str, ...]:
        """The region codes by which regional days off are found; empty without a policy."""
        held = self.setting.policies.get(self.values.get("policy_id") or 0)
        return held[1] if held else ()

    def workdays(self, start: date, days: int) -> workdays.WorkdayResult:
        return workdays.add_workdays(self.setting.calendar, start, days, self.codes)


Days = int | str | Callable[[Facts], "int | str"]
"""A number, the key of a time limit in the policy, or a function of the row that gives either."""


def days_of(days: Days, facts: Facts) -> int:
    """Resolve a length to a number of days."""
    found = days(facts) if callable(days) else days
    return facts.policy.days(found) if isinstance(found, str) else found


def as_date(value: date | datetime) -> date:
    return local_date(value) if isinstance(value, datetime) else value


@dataclass(frozen=True)
class Deadline:
    """How one state gets its `due_at`: the columns and clocks it depends on, and what the diagram says about it.

    `by_calendar` says that a newly published holiday calendar may move it.
    """

    instant: Callable[[Facts], datetime | None]
    columns: tuple[str, ...] = ()
    label: str = ""
    clocks: tuple[str, ...] = ()
    by_calendar: bool = False


def _start(facts: Facts, column: str | None) -> date:
    declared = facts[column] if column else None
    return as_date(declared) if declared else facts.on


def _columns(days: Days, start: str | None, columns: tuple[str, ...]) -> tuple[str, ...]:
    policy = () if isinstance(days, int) else ("policy_id",)
    return tuple(dict.fromkeys((*policy, *((start,) if start else ()), *columns)))


def _label(days: Days, unit: str) -> str:
    return f"{days.__name__ if callable(days) else days} {unit}"


def at_once() -> Deadline:
    """Due on arrival: the next sweep moves it."""
    return Deadline(lambda facts: facts.at, label="at once")


def after_calendar_days(days: Days, *, start: str | None = None, columns: tuple[str, ...] = ()) -> Deadline:
    """Due when `days` calendar days have passed since the move, or since the day in the column `start`."""
    return Deadline(
        lambda facts: end_instant(_start(facts, start) + timedelta(days=days_of(days, facts))),
        _columns(days, start, columns),
        _label(days, "calendar days"),
    )


def after_workdays(days: Days, *, start: str | None = None, columns: tuple[str, ...] = ()) -> Deadline:
    """Due when `days` working days have passed, the start day not counted; 0 is that or the next working day (B1)."""
    return Deadline(
        lambda facts: end_instant(facts.workdays(_start(facts, start), days_of(days, facts)).date),
        _columns(days, start, columns),
        _label(days, "working days"),
        by_calendar=True,
    )


def by_clock(kind: str) -> Deadline:
    """Due when the clock of that kind has run out."""

    def instant(facts: Facts) -> datetime | None:
        return end_instant(facts.clocks[kind]) if kind in facts.clocks else None

    return Deadline(instant, label=f"{kind} clock", clocks=(kind,), by_calendar=True)


def latest(*deadlines: Deadline) -> Deadline:
    """The last of several deadlines."""

    def instant(facts: Facts) -> datetime | None:
        return max((found for one in deadlines if (found := one.instant(facts)) is not None), default=None)

    columns = tuple(dict.fromkeys(column for one in deadlines for column in one.columns))
    kinds = tuple(kind for one in deadlines for kind in one.clocks)
    return Deadline(
        instant, columns, "; ".join(one.label for one in deadlines), kinds, any(one.by_calendar for one in deadlines)
    )


@dataclass(frozen=True)
class Reminder:
    """When people are reminded in one state: `following(after, facts)` is the first instant after `after`, or None."""

    following: Callable[[datetime, Facts], datetime | None]
    columns: tuple[str, ...] = ()
    label: str = ""

    def then(self, other: Reminder) -> Reminder:
        """Both reminders, in the order of time."""

        def following(after: datetime, facts: Facts) -> datetime | None:
            found = [one.following(after, facts) for one in (self, other)]
            return min((instant for instant in found if instant is not None), default=None)

        columns = tuple(dict.fromkeys((*self.columns, *other.columns)))
        return Reminder(following, columns, f"{self.label}; {other.label}")


def before_due(*, days: int = 0, hours: int = 0) -> Reminder:
    """Once, so long before `due_at`; not at all for a row that arrives later than that (N3, B9)."""
    ahead = timedelta(days=days, hours=hours)

    def following(after: datetime, facts: Facts) -> datetime | None:
        instant = facts.due_at - ahead if facts.due_at is not None else None
        return instant if instant is not None and instant > after else None

    return Reminder(following, ("due_at",), f"{days} days before due" if days else f"{hours} hours before due")


def when_overdue(*, every_days: int = 1) -> Reminder:
    """At `due_at` and every so many days after it; an outage of a week gives one reminder, not seven."""
    step = timedelta(days=every_days)

    def following(after: datetime, facts: Facts) -> datetime | None:
        return _next_step(facts.due_at, step, after) if facts.due_at is not None else None

    return Reminder(following, ("due_at",), f"overdue, every {every_days} days")


def since_arrival(days: Days, *, every_days: int | None = None, columns: tuple[str, ...] = ()) -> Reminder:
    """At the end of calendar day `days` after the row arrived, and every so many days after that when asked."""
    step = timedelta(days=every_days) if every_days else None

    def following(after: datetime, facts: Facts) -> datetime | None:
        return _next_step(end_instant(local_date(facts.since) + timedelta(days=days_of(days, facts))), step, after)

    return Reminder(following, ("state_since", *_columns(days, None, columns)), _label(days, "days after arrival"))


def _next_step(first: datetime, step: timedelta | None, after: datetime) -> datetime | None:
    if first > after:
        return first
    return first + step * ((after - first) // step + 1) if step else None
