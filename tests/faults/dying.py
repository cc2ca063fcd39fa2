"""Processes that are killed with signal 9 at a chosen statement to the database, so that every point is met."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from portal.jobs import services as jobs
from portal.jobs.models import Job, JobState
from tests.harness.forked import Forked

MOST_STATEMENTS = 5_000


def is_killed(function: Callable[[], object], at: int) -> bool:
    """Runs a function in a process that kill -9 ends before its statement of this number; False when it has ended
    before. Fails when it ends in any other way.
    """
    process = Forked(lambda: _run(function, at))
    status = process.wait()
    assert status in (0, -signal.SIGKILL), status
    return status != 0


def _run(function: Callable[[], object], at: int) -> None:
    settings.DATABASE_CLOCK = False
    left = [at]

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(*arguments)

    with connection.execute_wrapper(count):
        function()


def kill_through(function: Callable[[], object], *, first: int, growth: int, after: Callable[[], object]) -> int:
    """Kills one process after another, each a little later than the one before, until one ends by itself; `after` is
    called after each kill. Returns how many were killed.
    """
    for killed, at in enumerate(range(first, MOST_STATEMENTS, growth)):
        if not is_killed(function, at):
            return killed
        after()
    raise AssertionError("it never came to its end")


def let_time_pass() -> None:
    """The dead cannot object: their heartbeat need not grow old by the clock. A job that dies again and again is given
    up in the end, and then somebody starts it again; here it is forgiven each time.
    """
    Job.objects.update(heartbeat_at=timezone.now() - jobs.STALLED_AFTER - timedelta(seconds=1), attempts=0)


def finish(job_id: Any) -> None:
    """The next worker takes the job over, if the last one has not brought it to its end."""
    let_time_pass()
    jobs.run(job_id)
    assert Job.objects.get(pk=job_id).state == JobState.DONE
