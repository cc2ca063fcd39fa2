"""Which clock says that something is due."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """The database's time on PostgreSQL, so that a worker with a wrong clock moves nothing early; else the process's.

    Tests that travel in time set `DATABASE_CLOCK = False`.
    """
    if connection.vendor != "postgresql" or not getattr(settings, "DATABASE_CLOCK", True):
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
