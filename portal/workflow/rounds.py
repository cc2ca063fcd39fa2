"""One round of the sweep: every deadline and every reminder of every workflow, then the failed reactions."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min

from portal.regions import calendar

from . import instants, leases, reacting, recounting, sweeping
from .core import Transition, Workflow

logger = logging.getLogger(__name__)

NAME = "sweep"
CAREFUL_ROWS = 500


def swept() -> Iterator[Transition]:
    """The transitions the worker fires, in declared order; deadlines before reminders."""
    for workflow in Workflow.registry.values():
        moves = workflow.transitions.values()
        yield from (one for one in moves if one.on_deadline)
        yield from (one for one in moves if one.on_reminder)


def pending(at: datetime) -> list[Transition]:
    """The transitions that have something to do now; an idle tick is these reads and nothing else."""
    return [one for one in swept() if sweeping.due(one, at).exists()]


def sweep_all(limit: int | None = None, seconds: float | None = None, owner: str = "") -> Counter[str]:
    """Move everything that is due, batch by batch in turn, until nothing is or the time is over; count by transition.

    A state that is due at once on arrival is taken in the same call. With `owner` the lease is prolonged before each
    batch, and the round ends when it was lost.
    """
    ends = time.monotonic() + seconds if seconds is not None else None
    moved: Counter[str] = Counter()
    with calendar.pinned():
        while todo := pending(instants.now()):
            before = moved.total()
            for transition in todo:
                if (ends is not None and time.monotonic() >= ends) or not _held(owner, str(transition)):
                    return moved
                moved[str(transition)] += transition.sweep(limit)
            if moved.total() == before:
                # Only rows that are held by others or were set aside are left.
                break
    return moved


def _held(owner: str, working_on: str) -> bool:
    return not owner or leases.hold(NAME, owner, instants.now(), working_on)


def run(seconds: float = 3.0) -> Counter[str]:
    """One tick of the worker: a time-boxed round under the lease; a second beat at the same time does nothing."""
    owner = sweeping.WORKER
    at = instants.now()
    moved: Counter[str] = Counter()
    if pending(at) or reacting.waiting().filter(next_try_at__lte=at).exists() or recounting.stale():
        left_behind = leases.acquire(NAME, owner, at)
        if left_behind is None:
            return moved
        if left_behind:
            careful(left_behind, owner)
        moved = sweep_all(seconds=seconds, owner=owner)
        moved["reactions"] += reacting.retry_due(instants.now(), Workflow.registry)
        moved["recounted"] += recounting.recount_all()
        leases.release(NAME, owner)
    at = instants.now()
    todo = pending(at)
    leases.pulse(NAME, at, backlog=_backlog(todo, at), oldest_due=oldest_due(todo, at))
    return +moved


def _backlog(todo: list[Transition], at: datetime) -> int:
    return sum(sweeping.due(one, at).count() for one in todo)


def oldest_due(todo: list[Transition], at: datetime) -> datetime | None:
    """The due date that has waited longest, rows given up on left out."""
    found = [
        sweeping.due(one, at).order_by().aggregate(oldest=Min("due_at"))["oldest"] for one in todo if one.on_deadline
    ]
    return min((instant for instant in found if instant is not None), default=None)


def careful(left_behind: str, owner: str) -> int:
    """Go row by row after a round that killed its process, and set aside the row it died on (REL-K13)."""
    name, _, pk = left_behind.partition(":")
    transition = next((one for one in swept() if str(one) == name), None)
    if transition is None:
        return 0
    logger.warning("sweep_after_crash transition=%s subject=%s", name, pk)
    if pk:
        sweeping.set_aside(transition, UUID(pk), instants.now())
    rows = list(sweeping.due(transition, instants.now()).values_list("pk", flat=True)[:CAREFUL_ROWS])
    moved = 0
    for row in rows:
        if not leases.hold(NAME, owner, instants.now(), f"{name}:{row}"):
            break
        moved += sweeping.one(transition, row, instants.now())
    return moved


def given_up(limit: int = 100) -> list[Any]:
    """The rows of every workflow that only an operator can put back (`Workflow.retry`), the latest failure first."""
    rows = [
        row for workflow in Workflow.registry.values() for row in workflow.failed().order_by("-sweep_failed_at")[:limit]
    ]
    return sorted(rows, key=lambda row: row.sweep_failed_at, reverse=True)[:limit]
