"""The demo's own clock: lets services run as if on an earlier day, so that queues and timelines have a past."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch

from django.utils import timezone


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Within the block `timezone.now()` is `moment`; for the one process that makes demo data, never for a server."""
    with patch.object(timezone, "now", lambda: moment):
        yield
