"""A published holiday calendar moves the promises it touches, visibly: date, clock row, timeline entry (REL P7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from portal.people.actors import SYSTEM
from portal.regions import calendar

from . import clocks, instants, moving
from .clocks import ENDS, Action, Clock, Tick
from .core import RECOUNT, Workflow
from .deadlines import Facts, Setting
from .lookups import Keys
from .models import Heartbeat
from .sweeping import batch_size

NAME = "recount"


def _version() -> int:
    return calendar.current().version


def stale() -> bool:
    """Say whether a calendar was published after the last recount."""
    row = Heartbeat.objects.filter(name=NAME).values_list("working_on", flat=True).first()
    if row is None:
        Heartbeat.objects.get_or_create(name=NAME, defaults={"working_on": str(_version())})
        return False
    return row != str(_version())


def recount_all() -> int:
    """Recount every due date that follows the calendar and say how many moved; does nothing while it is unchanged."""
    if not stale():
        return 0
    version = _version()
    moved = sum(recount(workflow) for workflow in Workflow.registry.values())
    Heartbeat.objects.filter(name=NAME).update(working_on=str(version), at=instants.now())
    return moved


def recount(workflow: type[Workflow], limit: int | None = None) -> int:
    """Recount one workflow in batches; safe to run twice, because a date that is right is left alone."""
    moved = 0
    for pks in _batches(workflow, limit or batch_size()):
        with transaction.atomic():
            moved += _recount_rows(workflow, pks, instants.now())
    return moved


def _followers(workflow: type[Workflow]) -> list[str]:
    """The states whose rows hold a date that follows the calendar."""
    states = [state for state in (*workflow.deadlines, *workflow.targets) if _deadline(workflow, state).by_calendar]
    return list(dict.fromkeys([*states, *(state for clock in workflow.clocks for state in clock.runs_in)]))


def _deadline(workflow: type[Workflow], state: str) -> Any:
    found = workflow.deadline(state)
    if found is None:
        raise LookupError(state)
    return found


def _batches(workflow: type[Workflow], size: int) -> Iterator[list[UUID]]:
    rows: QuerySet[Any] = workflow.model._base_manager.filter(state__in=_followers(workflow)).order_by("pk")
    last: UUID | None = None
    while True:
        pks = list((rows.filter(pk__gt=last) if last else rows).values_list("pk", flat=True)[:size])
        if not pks:
            return
        last = pks[-1]
        yield pks


def _recount_rows(workflow: type[Workflow], pks: list[UUID], at: datetime) -> int:
    wanted = [column for state in _followers(workflow) for column in workflow.arrival_columns(state)]
    policy = ("policy_id",) if any(clock.days_from_policy for clock in workflow.clocks) else ()
    columns = list(dict.fromkeys(["due_at", "state_since", *policy, *wanted]))
    chosen = workflow.model._base_manager.filter(pk__among=pks, state__in=_followers(workflow))
    rows = moving.lock(chosen, columns, skip_locked=False)
    held = clocks.tails(workflow.name, Keys(pks)) if workflow.clocks else {}
    policies = {row[2 + columns.index("policy_id")] for row in rows} - {None} if "policy_id" in columns else set()
    setting = Setting.of(at, policies)
    grouped: dict[moving.Arrival, list[str]] = defaultdict(list)
    for pk, state, *values in rows:
        facts = dict(zip(columns, values, strict=True))
        new = _recounted(workflow, state, facts, held.get(pk, {}), setting)
        if new is not None:
            grouped[new].append(pk)
    found = {new: Keys(group) for new, group in grouped.items()}
    moved = Keys(pk for group in found.values() for pk in group)
    if not moved:
        return 0
    moving.write_history(workflow, moved, SYSTEM, at, transition=RECOUNT, target=None, codes={"calendar": _version()})
    for new, group in found.items():
        dates = {"due_at": new.due_at, "remind_at": new.remind_at, **dict(new.mirrors)}
        workflow.model._base_manager.filter(pk__among=group).update(version=F("version") + 1, **dates)
    moving.write_ticks(workflow, found, at)
    return len(moved)


def _recounted(
    workflow: type[Workflow], state: str, row: dict[str, Any], tails: dict[str, clocks.Tail], setting: Setting
) -> moving.Arrival | None:
    """The new dates of one row, or None when the calendar does not change them."""
    arrived = replace(setting, at=row["state_since"])
    facts = Facts(arrived, state, state, row, since=row["state_since"])
    ticks: list[Tick] = []
    dates: dict[str, date] = {}
    mirrors: list[tuple[str, date | None]] = []
    for clock in workflow.clocks:
        tail = tails.get(clock.kind)
        if tail is None or state not in clock.runs_in or tail.action in ENDS:
            continue
        due = facts.workdays(tail.on, tail.days)
        dates[clock.kind] = due.date
        if due.date != tail.due_on:
            ticks.append(Tick(clock.kind, Action.RECOUNT, tail.on, tail.days, due.date, due.provisional))
            mirrors += _mirror(clock, due.date)
    facts = replace(facts, clocks=dates)
    deadline = workflow.deadline(state)
    due_at = deadline.instant(facts) if deadline and deadline.by_calendar else row["due_at"]
    if not ticks and due_at == row["due_at"]:
        return None
    reminder = workflow.reminders.get(state)
    facts = replace(facts, due_at=due_at)
    return moving.Arrival(
        state,
        stays=True,
        due_at=due_at,
        remind_at=reminder.following(setting.at, facts) if reminder else None,
        mirrors=tuple(mirrors),
        ticks=tuple(ticks),
        policy_id=facts.policy_id,
        codes=facts.codes,
        calendar=setting.calendar.version,
    )


def _mirror(clock: Clock, due_on: date) -> list[tuple[str, date | None]]:
    return [(clock.mirrored_in, due_on)] if clock.mirrored_in else []
