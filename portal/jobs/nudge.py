"""Nudges: telling a worker that there is something to do, without ever making the request depend on it.

The row is the truth and a periodic task finds it again; a lost nudge costs seconds. So publishing happens after
commit, with the short timeouts of the broker settings, its failure is logged and never shown, and a breaker keeps a
dead broker from slowing every request.
"""

import logging
import time
from functools import partial

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)

BREAKER_SECONDS = 30
PATIENCE_SECONDS = 0.5


class Breaker:
    """Keeps this process from talking to a broker that has just failed."""

    def __init__(self, seconds: float = BREAKER_SECONDS) -> None:
        self.seconds = seconds
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._open_until

    def trip(self) -> None:
        self._open_until = time.monotonic() + self.seconds

    def reset(self) -> None:
        self._open_until = 0.0


breaker = Breaker()


def nudge(task_name: str, *args: object, queue: str) -> None:
    """Publishes a task once the transaction is committed (at once outside of one) and never raises because of the
    broker.
    """
    transaction.on_commit(partial(_publish, task_name, args, queue), robust=True)


def _publish(task_name: str, args: tuple[object, ...], queue: str) -> bool:
    """Publishes now; returns whether the broker took it."""
    if breaker.is_open:
        return False
    started = time.monotonic()
    for is_last in (False, True):
        try:
            current_app.send_task(task_name, args=args, queue=queue, expires=300, retry=False)
        except Exception as error:  # every broker raises its own classes, and none may reach the resident
            # A connection from before a restart of the broker fails at once, and the next one works; a broker that is
            # stopped fails slowly, and is not asked twice.
            if is_last or time.monotonic() - started > PATIENCE_SECONDS:
                breaker.trip()
                logger.warning("nudge_failed task=%s error=%s", task_name, type(error).__name__)
                return False
        else:
            return True
    return False
