"""Long work as rows: who asked, how far it is, and what came out."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class JobState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, actor: Any) -> "JobQuerySet":
        """Jobs of this actor's own account; nobody else sees them."""
        return self.filter(owner_id=actor.user_id) if actor.user_id else self.none()

    def runnable(self, at: Any, stalled_since: Any) -> "JobQuerySet":
        """Jobs that a worker may take now: waiting and due, or running without a sign of life since `stalled_since`."""
        waiting = Q(state=JobState.WAITING, next_try_at__lte=at)
        stalled = Q(state=JobState.RUNNING, heartbeat_at__lt=stalled_since)
        return self.filter(waiting | stalled)


class Job(models.Model):
    """One piece of long work with its progress; `run` counts the workers that took it and fences the older ones."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    owner_id = models.BigIntegerField(null=True, db_index=True)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    language = models.CharField(max_length=10, default="zh-hans")
    params = models.JSONField(default=dict)
    cursor = models.JSONField(default=dict)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # The farthest any run has come: only a run that comes farther has made progress.
    farthest = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    run = models.PositiveIntegerField(default=0)
    stop_requested = models.BooleanField(default=False)
    result_file = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    next_try_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            # read by the task that looks for waiting and stalled jobs
            models.Index(fields=["next_try_at"], name="job_live", condition=Q(finished_at__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[JobState.WAITING, JobState.RUNNING], finished_at__isnull=True)
                | Q(state__in=[JobState.DONE, JobState.FAILED, JobState.STOPPED], finished_at__isnull=False),
                name="job_finished_iff_final",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_live(self) -> bool:
        return self.finished_at is None

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100; 0 while the total is unknown."""
        return min(100, self.done * 100 // self.total) if self.total else 0

    @property
    def folder(self) -> Path:
        """The private folder for this job's files."""
        return Path(settings.VAR_DIR) / "private" / "jobs" / str(self.id)

    @property
    def label(self) -> "str | _StrPromise":
        from portal.jobs.registry import runners

        entry = runners.get(self.kind)
        return entry.label if entry else self.kind
