"""What every workflow stands on: subjects, timelines, notes, clock ledgers and the sweep's own rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.audit.append_only import AppendOnlyModel
from portal.crypto import keyed_digest
from portal.regions.calendar import local_date

from . import lookups  # noqa: F401  registers pk__among


class SubjectQuerySet(models.QuerySet[Any]):
    """Rows of a workflow; every app overrides `visible_to`, the only door for views."""

    def visible_to(self, actor: Any) -> Self:
        """Nobody sees a subject until its app says who may."""
        return self.none()

    def edited(self, pk: UUID, version: int, **changes: Any) -> bool:
        """Change reviewable data of one row if it still has the version the editor saw, and raise the version."""
        return bool(self.filter(pk=pk, version=version).update(version=F("version") + 1, **changes))


class Subject(models.Model):
    """The row a workflow moves. Only the machine writes these columns; apps add theirs, and a manager."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    state = models.CharField(_("state"), max_length=32, editable=False)
    state_since = models.DateTimeField(_("state since"), default=timezone.now, editable=False)
    due_at = models.DateTimeField(_("due"), null=True, blank=True, editable=False)
    remind_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    sweep_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    sweep_failed_at = models.DateTimeField(null=True, blank=True, editable=False)

    if TYPE_CHECKING:
        timeline: Any

    class Meta:
        abstract = True
        # Read by every sweep tick; the condition is the only form that SQLite uses with bound parameters (PERFORMANCE
        # §2).
        indexes = [
            models.Index(fields=["due_at"], name="%(app_label)s_%(class)s_due", condition=Q(due_at__isnull=False)),
            models.Index(
                fields=["remind_at"], name="%(app_label)s_%(class)s_rem", condition=Q(remind_at__isnull=False)
            ),
        ]

    def name_of(self, user_id: int | None) -> str:
        """The name of a resident who acts for the subject; empty where its app does not know the account (UX-R20)."""
        return ""

    @property
    def last_day(self) -> date | None:
        """The last local day on which the subject is still in time."""
        return local_date(self.due_at - timedelta(microseconds=1)) if self.due_at is not None else None


def state_constraints(states: type[models.TextChoices], due_in: Iterable[str] = ()) -> list[models.CheckConstraint]:
    """Database rules of a subject: a known state, and `due_at` set in the states of `due_in` and in no other."""
    return [
        models.CheckConstraint(
            condition=Q(state__in=[str(value) for value in states.values]), name="%(app_label)s_%(class)s_known_state"
        ),
        models.CheckConstraint(
            condition=Q(state__in=[str(value) for value in due_in], due_at__isnull=False)
            | (~Q(state__in=[str(value) for value in due_in]) & Q(due_at__isnull=True)),
            name="%(app_label)s_%(class)s_due_where_declared",
        ),
    ]


class Note(models.Model):
    """Free text a person wrote with a transition; erasable, while the timeline keeps only its keyed digest."""

    workflow = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    text = models.TextField(blank=True)
    written_at = models.DateTimeField(default=timezone.now, editable=False)
    author_id = models.BigIntegerField(null=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        indexes = [models.Index(fields=["workflow", "subject_id"], name="workflow_note_by_subject")]

    def __str__(self) -> str:
        return f"{self.workflow} {self.subject_id}"

    @staticmethod
    def digest(text: str) -> str:
        """Keyed digest of the text, 64 hex characters, or empty for no text."""
        return keyed_digest(text.encode(), purpose="workflow.note") if text else ""

    @classmethod
    def erase(cls, workflow: str, subject_ids: Iterable[UUID]) -> int:
        """Blank every note of these subjects, and say how many there were (retention, PIPL art. 47)."""
        notes = cls.objects.filter(workflow=workflow, subject_id__among=list(subject_ids), erased_at__isnull=True)
        return notes.update(text="", erased_at=timezone.now())


class TimelineEntryBase(AppendOnlyModel):
    """One move of one subject: ids, codes and dates only.

    The app adds `subject = ForeignKey(<Subject>, PROTECT, related_name="timeline", db_index=False)`; the unique pair
    (subject, version) is also the index of the look-up by subject, and makes two histories of one version impossible.
    """

    version = models.PositiveIntegerField()
    transition = models.CharField(max_length=40)
    source = models.CharField(max_length=32, blank=True)
    target = models.CharField(max_length=32)
    at = models.DateTimeField()
    was_due_at = models.DateTimeField(null=True)
    actor_role = models.CharField(max_length=24)
    actor_user_id = models.BigIntegerField(null=True)
    actor_office_id = models.BigIntegerField(null=True)
    on_behalf_of = models.UUIDField(null=True)
    codes = models.JSONField(default=dict)
    note = models.ForeignKey(Note, models.PROTECT, null=True, related_name="+", db_index=False)
    note_digest = models.CharField(max_length=64, blank=True)

    if TYPE_CHECKING:
        subject_id: UUID

    class Meta:
        abstract = True
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["subject", "version"], name="%(app_label)s_%(class)s_version")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.transition}: {self.source} → {self.target}"


class ClockEntry(AppendOnlyModel):
    """One line of a subject's clock ledger; every promised date is a replay of these rows (N2)."""

    class Action(models.TextChoices):
        START = "start", _("started")
        PAUSE = "pause", _("paused")
        RESUME = "resume", _("resumed")
        RECOUNT = "recount", _("recounted for a new calendar")
        STOP = "stop", _("stopped")
        REVERT = "revert", _("put back as before a decision that was taken back")

    workflow = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    kind = models.CharField(max_length=16)
    action = models.CharField(max_length=8, choices=Action.choices)
    on = models.DateField()
    days = models.PositiveSmallIntegerField()
    due_on = models.DateField(null=True)
    provisional = models.BooleanField(default=False)
    region_codes = models.CharField(max_length=80, blank=True)
    policy_id = models.BigIntegerField(null=True)
    calendar = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("clock entry")
        verbose_name_plural = _("clock entries")
        ordering = ["id"]
        indexes = [models.Index(fields=["subject_id", "kind", "id"], name="workflow_clock_by_subject")]

    def __str__(self) -> str:
        return f"{self.kind} {self.action} {self.on} ({self.days})"

    @property
    def codes(self) -> tuple[str, ...]:
        """The region codes by which the row's regional days off are found."""
        return tuple(self.region_codes.split())


class Heartbeat(models.Model):
    """The single-runner lease and the pulse of one periodic task."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=100, blank=True)
    until = models.DateTimeField(null=True)
    working_on = models.CharField(max_length=120, blank=True)
    backlog = models.PositiveIntegerField(default=0)
    oldest_due = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return f"{self.name} {self.at}"


class ReactionFailure(models.Model):
    """A reaction that raised on a fact: the fact stands, this row is retried and shown to operators."""

    workflow = models.CharField(max_length=32)
    transition = models.CharField(max_length=40)
    reaction = models.CharField(max_length=200)
    entry_ids = models.JSONField()
    error = models.CharField(max_length=300)
    failed_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=1)
    next_try_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("failed reaction")
        verbose_name_plural = _("failed reactions")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["next_try_at"], name="workflow_reaction_retry", condition=Q(next_try_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.workflow}.{self.transition} → {self.reaction}"
