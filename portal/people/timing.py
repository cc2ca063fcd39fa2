"""Makes an answer take the same time whatever it found."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def floor() -> Iterator[None]:
    """Lets the block last at least `SIGN_IN_FLOOR_SECONDS`, also when it fails (RELIABILITY §4.2)."""
    end = time.perf_counter() + settings.SIGN_IN_FLOOR_SECONDS
    try:
        yield
    finally:
        time.sleep(max(0.0, end - time.perf_counter()))
