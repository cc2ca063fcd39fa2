"""When a message may go out: quiet hours, waits between tries, and expiry. Plain functions over plain times."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")
BACKOFF_SECONDS = (10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600)
QUERY_SECONDS = (60, 180, 360)
LEASE_SECONDS = 60
CODE_SECONDS = 120

Hours = tuple[int, int]


def after_quiet_hours(at: datetime, quiet: Hours | None) -> datetime:
    """Returns `at`, or the next morning when it falls into the quiet hours (from, until; local time)."""
    if quiet is None:
        return at
    begins, ends = quiet
    local = at.astimezone(LOCAL)
    is_late, is_early = local.hour >= begins, local.hour < ends
    crosses_midnight = begins > ends
    if not ((is_late or is_early) if crosses_midnight else (is_late and is_early)):
        return at
    morning = local.date() + timedelta(days=1) if crosses_midnight and is_late else local.date()
    return datetime.combine(morning, time(ends), LOCAL)


def next_try(at: datetime, attempts: int, quiet: Hours | None) -> datetime | None:
    """When to try again after the given number of failed attempts; None when the ladder is at its end."""
    if attempts > len(BACKOFF_SECONDS):
        return None
    return after_quiet_hours(at + timedelta(seconds=BACKOFF_SECONDS[attempts - 1]), quiet)


def next_query(at: datetime, queries: int) -> datetime | None:
    """When to ask the provider again after the given number of questions; None when nothing more is to ask."""
    if queries >= len(QUERY_SECONDS):
        return None
    return at + timedelta(seconds=QUERY_SECONDS[queries])
