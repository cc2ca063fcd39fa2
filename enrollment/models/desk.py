"""What the clerk's desk stores: who has a case open, views and habits of a clerk, and decisions over many cases."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from enrollment.models.applications import Application
from portal.people.actors import Actor


class CaseLease(models.Model):
    """One clerk has a case open to decide it; until when, if they give no further sign of life (N18)."""

    application = models.OneToOneField(Application, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("holder"), on_delete=models.CASCADE, related_name="+"
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("open case")
        verbose_name_plural = _("open cases")
        constraints = [models.CheckConstraint(condition=Q(until__gt=F("since")), name="enrollment_lease_has_length")]

    def __str__(self) -> str:
        return f"{self.application_id} {self.holder_id}"

    def is_live(self, at: datetime) -> bool:
        return self.until > at

    def minutes(self, at: datetime) -> int:
        """Whole minutes since the holder opened the case."""
        return max(0, (at - self.since) // timedelta(minutes=1))


class SavedView(models.Model):
    """A filter of the queue that a clerk keeps under a name."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="queue_views")
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="enrollment_view_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="enrollment_view_has_name"),
        ]

    def __str__(self) -> str:
        return self.name


class DeskPreference(models.Model):
    """How one clerk works: the filter they used last, and whether keys may act (B8, UX-C3)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="desk_preference"
    )
    last_query = models.CharField(max_length=500, blank=True)
    shortcuts = models.BooleanField(_("keyboard shortcuts"), default=True)

    class Meta:
        verbose_name = _("habits at the desk")
        verbose_name_plural = _("habits at the desk")

    def __str__(self) -> str:
        return str(self.user_id)


class BulkDecisionQuerySet(models.QuerySet["BulkDecision"]):
    def visible_to(self, actor: Actor) -> "BulkDecisionQuerySet":
        """A clerk's own ones; nobody else's."""
        return self.filter(owner_id=actor.user_id) if actor.user_id else self.none()


class BulkDecision(models.Model):
    """An approval of many cases at once: what was selected, previewed and then done (B7, UX-C7)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    grant_id = models.BigIntegerField(null=True)
    query = models.CharField(max_length=500, blank=True)
    selected = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    job_id = models.UUIDField(null=True)

    objects = BulkDecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision over many cases")
        verbose_name_plural = _("decisions over many cases")
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(started_at__isnull=False),
                name="enrollment_bulk_finished_was_started",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class BulkItem(models.Model):
    """One case of such a decision, with the version the clerk saw and what became of it."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        APPROVED = "approved", _("Approved")
        SKIPPED = "skipped", _("Not approved")

    bulk = models.ForeignKey(BulkDecision, on_delete=models.CASCADE, related_name="items")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    reason = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = _("case of a decision over many")
        verbose_name_plural = _("cases of a decision over many")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["bulk", "application"], name="enrollment_bulk_item_once"),
            models.UniqueConstraint(fields=["bulk", "position"], name="enrollment_bulk_item_position"),
            models.CheckConstraint(
                condition=~Q(outcome="skipped") | ~Q(reason=""), name="enrollment_bulk_skipped_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.outcome}"
