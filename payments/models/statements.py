"""Statements of banks and payment platforms, line by line, with what became of each line (N6)."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models.notices import Payment
from portal.audit.append_only import AppendOnlyModel
from portal.people.actors import Actor, Role
from portal.regions.models import Region


class Format(models.TextChoices):
    """The files the portal reads."""

    NONTAX = "nontax", _("Bank detail, separated by bars")
    WECHAT = "wechat", _("WeChat Pay bill, all transactions")
    ALIPAY = "alipay", _("Alipay trade bill, zipped")


class StatementState(models.TextChoices):
    """How far the import is; a refused file has changed nothing."""

    WAITING = "waiting", _("Waiting")
    BOOKING = "booking", _("Being booked")
    DONE = "done", _("Booked")
    REFUSED = "refused", _("Refused")


class StatementQuerySet(models.QuerySet["Statement"]):
    def visible_to(self, actor: Actor) -> Self:
        """Statements that were handed in for the actor's own area."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role not in (Role.CASHIER, Role.AUDITOR):
            return self.none()
        return self.filter(region__in=Region.objects.within_path(actor.region_path))


class Statement(models.Model):
    """One file, recognised by its digest: the same file is imported once, whoever brings it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    format = models.CharField(_("format"), max_length=10, choices=Format.choices)
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(_("file name"), max_length=120)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), related_name="+")
    office_id = models.BigIntegerField(null=True)
    actor_user_id = models.BigIntegerField(null=True)
    uploaded_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    state = models.CharField(_("state"), max_length=10, choices=StatementState.choices, default=StatementState.WAITING)
    job_id = models.UUIDField(null=True)
    lines = models.PositiveIntegerField(_("lines"), default=0)
    total_fen = models.PositiveBigIntegerField(_("sum of the lines"), default=0)
    first_on = models.DateField(_("from"), null=True)
    last_on = models.DateField(_("until"), null=True)
    fault_line = models.PositiveIntegerField(_("line with the fault"), null=True)
    fault = models.CharField(_("fault"), max_length=40, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    erased_at = models.DateTimeField(_("file erased"), null=True)

    objects = StatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        ordering = ["-uploaded_at"]
        constraints = [
            models.CheckConstraint(condition=Q(format__in=Format.values), name="payments_statement_known_format"),
            models.CheckConstraint(condition=Q(state__in=StatementState.values), name="payments_statement_known_state"),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(fault="") | ~Q(state="refused") & Q(fault=""),
                name="payments_statement_refused_has_fault",
            ),
            models.CheckConstraint(
                condition=Q(erased_at=None) | Q(state__in=["done", "refused"]),
                name="payments_statement_erased_when_finished",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("payments:statement", args=[self.pk])


class LineOutcome(models.TextChoices):
    """What became of a line."""

    BOOKED = "booked", _("Booked: settles its notice")
    MATCHED = "matched", _("Known already: the same money was reported before")
    WAITING = "waiting", _("Waits at the exceptions desk")
    DIFFERS = "differs", _("Reported before with another amount")
    REVERSED = "reversed", _("Taken back by the bank")


class StatementLine(AppendOnlyModel):
    """One line of a statement and the payment it stands for."""

    statement = models.ForeignKey(Statement, models.PROTECT, related_name="rows", db_index=False)
    number = models.PositiveIntegerField(_("line"))
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="lines")
    amount_fen = models.PositiveBigIntegerField(_("amount in fen"))
    paid_on = models.DateField(_("paid on"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=LineOutcome.choices)

    class Meta:
        verbose_name = _("line of a statement")
        verbose_name_plural = _("lines of statements")
        ordering = ["statement", "number"]
        constraints = [
            models.UniqueConstraint(fields=["statement", "number"], name="payments_statementline_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=LineOutcome.values), name="payments_statementline_known_outcome"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_statementline_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.number}"
