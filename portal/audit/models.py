"""The audit log and the seals over it and over every timeline."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .append_only import AppendOnlyModel


class AuditEntry(AppendOnlyModel):
    """One thing somebody did or was refused: ids and codes only (RELIABILITY §4.5)."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    action = models.CharField(max_length=64)
    actor_role = models.CharField(max_length=24)
    actor_user_id = models.BigIntegerField(null=True)
    actor_office_id = models.BigIntegerField(null=True)
    acting_for_id = models.UUIDField(null=True)
    subject_label = models.CharField(max_length=64, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    purpose = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=24, default="ok")
    details = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(fields=["subject_label", "subject_id", "id"], name="audit_entry_by_subject"),
            models.Index(fields=["actor_user_id", "id"], name="audit_entry_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_role} {self.action} {self.outcome}"


class SealBlock(AppendOnlyModel):
    """The keyed digest over one run of rows of a stream, chained to the block before it."""

    stream = models.CharField(max_length=64)
    no = models.PositiveIntegerField()
    from_id = models.BigIntegerField()
    to_id = models.BigIntegerField()
    count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True)
    sealed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        constraints = [models.UniqueConstraint(fields=["stream", "no"], name="audit_seal_stream_no")]

    def __str__(self) -> str:
        return f"{self.stream} #{self.no} ({self.from_id}–{self.to_id})"


class SealMark(models.Model):
    """How far a stream may be sealed: rows up to `high_id`, once every transaction before `horizon` has ended."""

    stream = models.CharField(max_length=64, primary_key=True)
    high_id = models.BigIntegerField(default=0)
    horizon = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("seal mark")
        verbose_name_plural = _("seal marks")

    def __str__(self) -> str:
        return f"{self.stream} ≤ {self.high_id}"
