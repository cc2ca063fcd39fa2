"""Starting, running and stopping jobs."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone, translation

from portal.jobs.models import Job, JobState
from portal.jobs.nudge import nudge
from portal.jobs.progress import RUN_SECONDS, Lost, Progress, Stopped, Yielded
from portal.jobs.registry import runners

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
STALLED_AFTER = timedelta(seconds=200)
BACKOFF = (30, 120, 600, 1800)


def start(kind: str, *, owner_id: int | None, params: dict[str, Any], total: int = 0) -> Job:
    """Stores a job in the caller's transaction and nudges the worker; the kind must be registered."""
    if kind not in runners:
        raise LookupError(f"no runner for jobs of kind {kind}")
    job = Job.objects.create(
        kind=kind,
        owner_id=owner_id,
        params=params,
        total=total,
        language=translation.get_language() or "zh-hans",
        next_try_at=timezone.now(),
    )
    nudge("portal.jobs.tasks.run_job", str(job.pk), queue="papers")
    return job


def request_stop(job: Job) -> None:
    """Stops a waiting job at once and a running one at its next step."""
    now = timezone.now()
    stopped = Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(state=JobState.STOPPED, finished_at=now)
    if not stopped:
        Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(stop_requested=True)


def retry(job: Job) -> bool:
    """Puts a failed job back to work from its cursor; False when somebody else did so before."""
    failed = Job.objects.filter(pk=job.pk, state=JobState.FAILED)
    done = failed.update(state=JobState.WAITING, attempts=0, finished_at=None, next_try_at=timezone.now(), message="")
    if done:
        nudge("portal.jobs.tasks.run_job", str(job.pk), queue="papers")
    return bool(done)


def claim(job_id: UUID | str) -> Job | None:
    """Takes a runnable job for this worker, or returns None when somebody else has it or nothing is to do."""
    now = timezone.now()
    taken = (
        Job.objects.runnable(now, now - STALLED_AFTER)
        .filter(pk=job_id)
        .update(state=JobState.RUNNING, run=F("run") + 1, attempts=F("attempts") + 1, heartbeat_at=now)
    )
    return Job.objects.get(pk=job_id) if taken else None


def run(job_id: UUID | str, *, run_seconds: float = RUN_SECONDS) -> str:
    """Runs one job as far as its time allows; returns its state afterwards, or an empty text when it was not ours to
    run.
    """
    job = claim(job_id)
    if job is None:
        return ""
    if job.attempts > MAX_ATTEMPTS:
        return _finish(job, JobState.FAILED)
    if job.stop_requested:
        return _finish(job, JobState.STOPPED)
    entry = runners.get(job.kind)
    if entry is None:
        return _finish(job, JobState.FAILED)
    progress = Progress(job, run_seconds=run_seconds)
    try:
        with translation.override(job.language):
            entry.run(progress)
    except Stopped:
        return _finish(job, JobState.STOPPED)
    except Lost:
        return ""
    except Yielded:
        return _release(job, attempts=0, wait_seconds=0)
    except Exception:
        logger.exception("job_failed kind=%s job=%s attempt=%s", job.kind, job.pk, job.attempts)
        if job.attempts >= MAX_ATTEMPTS:
            return _finish(job, JobState.FAILED)
        return _release(job, attempts=job.attempts, wait_seconds=BACKOFF[job.attempts - 1])
    return _finish(job, JobState.DONE)


def run_stalled() -> int:
    """Runs the oldest job that waits or gave no sign of life for too long; returns how many were run (0 or 1)."""
    now = timezone.now()
    found = Job.objects.runnable(now, now - STALLED_AFTER).filter(finished_at=None).order_by("created_at").first()
    return int(bool(found and run(found.pk)))


def _mine(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, run=job.run, state=JobState.RUNNING)


def _finish(job: Job, state: JobState) -> str:
    now = timezone.now()
    written = _mine(job).update(
        state=state,
        done=job.done,
        total=job.total,
        message=job.message,
        cursor=job.cursor,
        result_file=job.result_file if state == JobState.DONE else "",
        finished_at=now,
        heartbeat_at=now,
        next_try_at=None,
    )
    return state.value if written else ""


def _release(job: Job, *, attempts: int, wait_seconds: int) -> str:
    written = _mine(job).update(
        state=JobState.WAITING, attempts=attempts, next_try_at=timezone.now() + timedelta(seconds=wait_seconds)
    )
    if written and not wait_seconds:
        nudge("portal.jobs.tasks.run_job", str(job.pk), queue="papers")
    return JobState.WAITING.value if written else ""
