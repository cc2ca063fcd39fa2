"""The sweep: bounded batches of due rows, poison set aside, one runner at a time."""

from __future__ import annotations

import logging
import os
import socket
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from portal.people.actors import SYSTEM

from . import instants
from .reacting import CONNECTION_LOST, WAITS

if TYPE_CHECKING:
    from .core import Transition

logger = logging.getLogger(__name__)

WORKER = f"{socket.gethostname()}:{os.getpid()}"
REMINDER_WAIT = timedelta(hours=1)


def batch_size() -> int:
    """Rows per transaction: one writer's patience on SQLite, a second's work on PostgreSQL."""
    return 5_000 if connection.vendor == "postgresql" else 500


def ready(at: datetime) -> Q:
    """Rows that never failed, or whose wait after the last failure is over; after five failures an operator decides."""
    found = Q(sweep_attempts=0)
    for attempts, wait in enumerate(WAITS, start=1):
        found |= Q(sweep_attempts=attempts, sweep_failed_at__lte=at - wait)
    return found


def due(transition: Transition, at: datetime) -> QuerySet[Any]:
    """What the sweep of one transition takes now, the longest due first."""
    if transition.on_reminder:
        return transition.movable(at).order_by("remind_at")
    return transition.movable(at).filter(ready(at)).order_by("due_at")


def sweep(transition: Transition, limit: int | None = None, at: datetime | None = None) -> int:
    """Move one batch in its own transaction; when it raises, move its rows one by one and set the offenders aside."""
    at = at or instants.now()
    if not connection.features.has_select_for_update and not due(transition, at).exists():
        # Opening the transaction would take SQLite's one write lock: a tick with nothing due only reads.
        return 0
    seen: list[UUID | str] = []
    try:
        return _move(transition, due(transition, at), at, seen, limit or batch_size())
    except CONNECTION_LOST:
        raise
    except Exception:
        if not seen:
            raise
        logger.exception("sweep_batch_failed transition=%s rows=%d", transition, len(seen))
    return sum(one(transition, pk, at) for pk in seen)


def _move(
    transition: Transition, chosen: QuerySet[Any], at: datetime, seen: list[UUID | str], limit: int | None = None
) -> int:
    with transaction.atomic():
        moved = transition.take(chosen, SYSTEM, at, limit=limit, skip_locked=True, codes={"worker": WORKER}, seen=seen)
    return len(moved.keys) if moved else 0


def one(transition: Transition, pk: UUID | str, at: datetime) -> int:
    """Move one due row in its own transaction, and set it aside when it raises."""
    try:
        return _move(transition, due(transition, at).filter(pk=pk), at, [])
    except CONNECTION_LOST:
        raise
    except Exception:
        logger.exception("sweep_row_failed transition=%s subject=%s", transition, pk)
        set_aside(transition, pk, at)
        return 0


def set_aside(transition: Transition, pk: UUID | str, at: datetime) -> None:
    """Count a failure of one row. A failing reminder only waits: it must never hold up the row's deadline."""
    row = transition.workflow.model._base_manager.filter(pk=pk)
    if transition.on_reminder:
        row.update(remind_at=at + REMINDER_WAIT)
    else:
        row.update(sweep_attempts=F("sweep_attempts") + 1, sweep_failed_at=at)
