"""What a runner holds while it works: parameters, progress, the stop button, and a cursor to go on from."""

import os
import time
from pathlib import Path
from typing import Any

from django.utils import timezone

from portal.jobs.models import Job, JobState

RUN_SECONDS = 60
BEAT_SECONDS = 1


class Stopped(Exception):
    """The owner pressed stop."""


class Lost(Exception):
    """Another worker has taken this job over, because this one gave no sign of life for too long."""


class Yielded(Exception):
    """The time of one task is used up; the job goes on from its cursor in the next one."""


class Progress:
    """The runner's handle on its job.

    `step` is called between units of work, after that unit is committed. It writes progress and heartbeat at most once
    a second (or when told to save), and it ends the run by raising Stopped, Lost or Yielded; a runner lets those pass.
    """

    def __init__(self, job: Job, *, run_seconds: float = RUN_SECONDS) -> None:
        self.job = job
        self.params: dict[str, Any] = job.params
        self.cursor: dict[str, Any] = job.cursor
        self._ends = time.monotonic() + run_seconds
        self._next_beat = 0.0

    def step(
        self, done: int, total: int | None = None, *, message: str | None = None, cursor: dict[str, Any] | None = None
    ) -> None:
        """Records progress and ends the run when stop was pressed, another worker took over, or the time is used up."""
        self.job.done = done
        if total is not None:
            self.job.total = total
        if message is not None:
            self.job.message = message
        if cursor is not None:
            self.cursor = self.job.cursor = cursor
        now = time.monotonic()
        if now >= self._next_beat or now >= self._ends:
            self.save()
            self._next_beat = now + BEAT_SECONDS
        if now >= self._ends:
            raise Yielded

    def save(self) -> None:
        """Writes progress and heartbeat; raises Lost or Stopped when this run is over."""
        job = self.job
        if job.done > job.farthest:
            # A run that comes farther than any before it is no failure, however it ends: the count starts anew.
            job.farthest, job.attempts = job.done, 1
        mine = Job.objects.filter(pk=job.pk, run=job.run, state=JobState.RUNNING)
        written = mine.update(
            done=job.done,
            total=job.total,
            farthest=job.farthest,
            attempts=job.attempts,
            message=job.message,
            cursor=job.cursor,
            heartbeat_at=timezone.now(),
        )
        if not written:
            raise Lost
        if mine.filter(stop_requested=True).exists():
            raise Stopped

    def result_path(self, name: str) -> Path:
        """The place of the file that the owner may download; the folder is made with mode 0700."""
        job = self.job
        job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(job.folder, 0o700)
        return job.folder / Path(name).name

    def finish_with(self, path: Path) -> None:
        """Offers a file of this job's folder for download once the job is done."""
        os.chmod(path, 0o600)
        self.job.result_file = path.name
