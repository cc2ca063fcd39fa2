"""Heartbeat rows: the single-runner lease of a periodic task, and its pulse for the watchdog."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from .models import Heartbeat

LEASE = timedelta(seconds=30)
PULSE = timedelta(seconds=30)
"""How long an idle task may go without writing its pulse, so that a tick with nothing due only reads."""


def acquire(name: str, owner: str, at: datetime) -> str | None:
    """Take the lease if nobody holds it.

    Return what the runner before was working on when it died, an empty text after a clean end, or None when another
    runner is alive.
    """
    row, _created = Heartbeat.objects.get_or_create(name=name)
    free = Q(until__isnull=True) | Q(until__lte=at) | Q(owner=owner)
    taken = Heartbeat.objects.filter(free, name=name, working_on=row.working_on).update(owner=owner, until=at + LEASE)
    return row.working_on if taken else None


def hold(name: str, owner: str, at: datetime, working_on: str) -> bool:
    """Prolong the lease before a piece of work, and leave word of it for the case that it kills this process."""
    held = Heartbeat.objects.filter(name=name, owner=owner)
    return bool(held.update(until=at + LEASE, working_on=working_on[:120]))


def release(name: str, owner: str) -> None:
    """Give the lease back after a clean end."""
    Heartbeat.objects.filter(name=name, owner=owner).update(until=None, working_on="")


def pulse(name: str, at: datetime, *, backlog: int = 0, oldest_due: datetime | None = None) -> None:
    """Say that the task is alive, and how much it left undone."""
    row, _created = Heartbeat.objects.get_or_create(name=name)
    fresh = row.at is not None and at - PULSE < row.at <= at
    if fresh and (row.backlog, row.oldest_due) == (backlog, oldest_due):
        return
    Heartbeat.objects.filter(name=name).update(at=at, backlog=backlog, oldest_due=oldest_due)
