"""What the watchdog and /readyz ask about the sweep."""

from __future__ import annotations

from datetime import datetime

from . import instants, rounds
from .models import Heartbeat


def sweep_age() -> float | None:
    """Seconds since the last sweep, None before the first; negative when the clock went back."""
    at = Heartbeat.objects.filter(name=rounds.NAME).values_list("at", flat=True).first()
    return (instants.now() - at).total_seconds() if at is not None else None


def oldest_due() -> datetime | None:
    """The due date that the last sweep left waiting longest, or None."""
    return Heartbeat.objects.filter(name=rounds.NAME).values_list("oldest_due", flat=True).first()
