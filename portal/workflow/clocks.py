"""The clock ledger: working days used, what a pause leaves, and the date a promise falls on (N2).

A clock runs while its subject is in certain states, is paused in others and stops everywhere else. Every start,
pause, resume, recount and stop is a row of `ClockEntry`, and the due date is a replay of those rows:

    start on s with n days      due = n working days after s
    pause on p                  rest = n − (working days strictly between s and p), at least 1;
                                the pause day is not used
    resume on r                 due = rest working days after r
    revert                      the segment that the last pause or stop ended goes on as if it had not ended
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol
from uuid import UUID

from django.db import models
from django.db.models.functions import Cast

from portal.regions import calendar, workdays

from .deadlines import Days, Facts, as_date, days_of
from .lookups import Keys
from .models import ClockEntry

Action = ClockEntry.Action
ENDS = (Action.PAUSE, Action.STOP)
"""The actions after which a clock does not run."""


class Line(Protocol):
    """What replay reads of a ledger row."""

    action: str
    on: date
    days: int


class Tail(NamedTuple):
    """The last row of a clock: where its present segment began and how many days that has.

    `before` is start and days of the segment that a last row of pause or stop ended, for a decision that is taken back.
    """

    action: str
    on: date
    days: int
    due_on: date | None
    before: tuple[date, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Clock:
    """One kind of clock of a workflow.

    `days` is a number, a policy key or a function of the row; `start_on` the column that holds the day the law counts
    from (the date of submission or of payment), else the day of the move; `mirrored_in` a date column of the subject
    that always shows the date the running clock falls on.
    """

    kind: str
    days: Days
    runs_in: Collection[str]
    pauses_in: Collection[str] = ()
    start_on: str | None = None
    mirrored_in: str | None = None
    columns: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of the subject the clock looks at."""
        start = (self.start_on,) if self.start_on else ()
        return (
            tuple(dict.fromkeys(("policy_id", *start, *self.columns)))
            if self.days_from_policy
            else (*start, *self.columns)
        )

    @property
    def days_from_policy(self) -> bool:
        return not isinstance(self.days, int)

    def action(self, source: str, target: str) -> Action | None:
        """What a move does to the clock; the states alone decide, so a start needs no look-up."""
        was = self._phase(source)
        will_be = self._phase(target)
        if was == will_be:
            return None
        if will_be == "runs":
            return Action.START if was == "stopped" else Action.RESUME
        return Action.PAUSE if will_be == "paused" and was == "runs" else (Action.STOP if was != "stopped" else None)

    def _phase(self, state: str) -> str:
        return "runs" if state in self.runs_in else "paused" if state in self.pauses_in else "stopped"


class Tick(NamedTuple):
    """A ledger row in the making, equal for every subject of a group."""

    kind: str
    action: str
    on: date
    days: int
    due_on: date | None
    provisional: bool


def tick(clock: Clock, action: Action | None, facts: Facts, tail: Tail | None) -> Tick | None:
    """Compute the ledger row of one action from the clock's last row; a clock that never ran is started by a resume."""
    if action == Action.START or (action == Action.RESUME and tail is None):
        declared = facts[clock.start_on] if clock.start_on else None
        start = as_date(declared) if declared else facts.on
        days = days_of(clock.days, facts)
        due = facts.workdays(start, days)
        return Tick(clock.kind, Action.START, start, days, due.date, due.provisional)
    if action == Action.RESUME and tail is not None:
        due = facts.workdays(facts.on, tail.days)
        return Tick(clock.kind, action, facts.on, tail.days, due.date, due.provisional)
    if action == Action.PAUSE and tail is not None:
        used = workdays.workdays_between(facts.setting.calendar, tail.on, facts.on, facts.codes)
        return Tick(clock.kind, action, facts.on, rest_after(tail.days, used), None, False)
    if action == Action.STOP:
        return Tick(clock.kind, action, facts.on, 0, None, False)
    if action == Action.REVERT and tail is not None and tail.before is not None:
        start, days = tail.before
        due = facts.workdays(start, days)
        return Tick(clock.kind, action, start, days, due.date, due.provisional)
    return None


def rest_after(days: int, used: int) -> int:
    """What a pause leaves of a number of days; never less than one."""
    return max(1, days - used)


def tails(workflow: str, subjects: Keys) -> dict[str, dict[str, Tail]]:
    """The last ledger row of every clock of these subjects by the text of their pk, in one query."""
    found: dict[str, dict[str, Tail]] = {}
    rows = ClockEntry.objects.filter(workflow=workflow, subject_id__among=subjects).order_by("id")
    key = Cast("subject_id", models.TextField())
    for subject_id, kind, action, on, days, due_on in rows.values_list(key, "kind", "action", "on", "days", "due_on"):
        held = found.setdefault(subject_id, {})
        ended = held.get(kind) if action in ENDS else None
        before = (ended.on, ended.days) if ended is not None and ended.action not in ENDS else None
        held[kind] = Tail(action, on, days, due_on, before)
    return found


AddWorkdays = Callable[[date, int], date]
Between = Callable[[date, date], int]


def replay(lines: Iterable[Line], add_workdays: AddWorkdays, between: Between) -> date | None:
    """The date the clock falls on after these rows, or None while it is paused or stopped.

    Only action, date and the days of `start` are read; what a pause left is computed anew, so that a stored rest is
    checked and not believed.
    """
    start: date | None = None
    rest = 0
    due: date | None = None
    before: tuple[date | None, int] = (None, 0)
    for line in lines:
        if line.action in ENDS:
            before = (start, rest)
        if line.action == Action.START:
            start, rest = line.on, line.days
        elif line.action == Action.REVERT:
            start, rest = before
        elif line.action == Action.PAUSE and start is not None:
            rest = rest_after(rest, between(start, line.on))
            start = None
        elif line.action == Action.RESUME:
            start = line.on
        elif line.action == Action.STOP:
            start = None
        due = add_workdays(start, rest) if start is not None else None
    return due


def replayed(workflow: str, subject_id: UUID, kind: str) -> date | None:
    """The due date of one stored clock by the calendar as it stands."""
    lines = list(ClockEntry.objects.filter(workflow=workflow, subject_id=subject_id, kind=kind).order_by("id"))
    codes = lines[0].codes if lines else ()
    data = calendar.current()
    return replay(
        lines,
        lambda start, days: workdays.add_workdays(data, start, days, codes).date,
        lambda first, last: workdays.workdays_between(data, first, last, codes),
    )


class Usage(NamedTuple):
    """How far a clock has run: `used` of `days` working days; `due_on` is None while it is paused or stopped."""

    kind: str
    used: int
    days: int
    due_on: date | None
    paused: bool
    stopped: bool
    provisional: bool

    @property
    def left(self) -> int:
        return self.days - self.used


def usage(lines: Sequence[ClockEntry], today: date) -> Usage | None:
    """ "2 of 3 days used": whole working days that lie strictly between the start and today, pauses left out."""
    if not any(line.action == Action.START for line in lines):
        return None
    data = calendar.current()
    used = allotted = 0
    start: date | None = None
    before: tuple[int, date | None] = (0, None)
    for line in lines:
        if line.action in ENDS:
            before = (used, start)
        if line.action == Action.START:
            used, allotted, start = 0, line.days, line.on
        elif line.action == Action.REVERT:
            used, start = before
        elif line.action in ENDS:
            used += workdays.workdays_between(data, start, line.on, line.codes) if start else 0
            start = None
        elif line.action == Action.RESUME:
            start = line.on
    last = lines[-1]
    if start is not None:
        used += workdays.workdays_between(data, start, today, last.codes)
    return Usage(
        kind=last.kind,
        used=used,
        days=allotted,
        due_on=last.due_on if start is not None else None,
        paused=last.action == Action.PAUSE,
        stopped=last.action == Action.STOP,
        provisional=last.provisional,
    )


def usages(workflow: str, subject_id: UUID, today: date | None = None) -> dict[str, Usage]:
    """The usage of every clock of one subject, in one query and the calendar's."""
    by_kind: dict[str, list[ClockEntry]] = {}
    for line in ClockEntry.objects.filter(workflow=workflow, subject_id=subject_id).order_by("id"):
        by_kind.setdefault(line.kind, []).append(line)
    day = today or calendar.today()
    return {kind: found for kind, lines in by_kind.items() if (found := usage(lines, day))}
