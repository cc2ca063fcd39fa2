"""Cash that a village agent took from residents: held, then remitted to a cashier or given back (G4).

Three kinds of facts, each written once: money taken, money counted by a cashier, and what became of each sum.
"""

import uuid
from datetime import date
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments import numbers
from payments.amounts import rmb_capital
from payments.models.notices import Notice, Payment
from portal.audit.append_only import AppendOnlyModel, AppendOnlyQuerySet
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions.models import Office, Region

READERS_BY_AREA = (Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)


class HeldCashQuerySet(AppendOnlyQuerySet):
    """Doors to the sums held."""

    def visible_to(self, actor: Actor) -> Self:
        """Agents see what they took themselves, cashiers, reviewers and auditors their area, residents their own."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.COMMITTEE_AGENT and actor.user_id:
            return self.filter(taken_by=actor.user_id)
        if actor.role in READERS_BY_AREA:
            return self.filter(region__in=Region.objects.within_path(actor.region_path))
        if actor.role == Role.RESIDENT:
            return self.filter(notice__resident__in=Resident.objects.visible_to(actor))
        return self.none()

    def open(self) -> Self:
        """Sums that are neither remitted nor given back."""
        return self.filter(end=None)

    def overdue(self, on: date) -> Self:
        """Open sums whose last day has passed."""
        return self.open().filter(remit_by__lt=on)


class HeldCash(AppendOnlyModel):
    """Cash an agent took for one notice; not a payment until a cashier has counted it.

    `turn` counts the times money was taken for the notice, so that two agents, or two clicks, cannot take it twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("slip number"), max_length=16, unique=True)
    notice = models.ForeignKey(Notice, models.PROTECT, verbose_name=_("notice"), related_name="held_cash")
    turn = models.PositiveSmallIntegerField(default=1)
    amount_fen = models.PositiveBigIntegerField(_("amount in fen"))
    channel = models.CharField(_("channel"), max_length=40)
    taken_at = models.DateTimeField(_("taken"), default=timezone.now)
    taken_on = models.DateField(_("taken on"))
    remit_by = models.DateField(_("to be remitted by"))
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("taken by"), related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, verbose_name=_("office"), null=True, related_name="+")
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), related_name="+")

    objects = HeldCashQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("cash held")
        verbose_name_plural = _("cash held")
        ordering = ["taken_at", "pk"]
        indexes = [
            # the agent's own list
            models.Index(fields=["taken_by", "taken_at"], name="payments_heldcash_of_agent"),
            # the cashier's and reviewer's list of what is late
            models.Index(fields=["region", "remit_by"], name="payments_heldcash_late"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["notice", "turn"], name="payments_heldcash_once"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_heldcash_positive"),
            models.CheckConstraint(condition=Q(remit_by__gte=F("taken_on")), name="payments_heldcash_due_after_taking"),
        ]

    def __str__(self) -> str:
        return numbers.grouped(self.number)

    @property
    def grouped_number(self) -> str:
        return numbers.grouped(self.number)

    @property
    def amount_capital(self) -> str:
        return rmb_capital(self.amount_fen)


class Remittance(AppendOnlyModel):
    """Cash a cashier counted: the sum of the listed rows, or it is not written at all."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("agent"), related_name="+")
    cashier = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("cashier"), related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, verbose_name=_("office"), null=True, related_name="+")
    counted_fen = models.PositiveBigIntegerField(_("counted"))
    listed_fen = models.PositiveBigIntegerField(_("listed"))
    counted_at = models.DateTimeField(_("counted at"), default=timezone.now)

    class Meta:
        verbose_name = _("remittance")
        verbose_name_plural = _("remittances")
        ordering = ["-counted_at"]
        constraints = [
            models.CheckConstraint(condition=Q(counted_fen=F("listed_fen")), name="payments_remittance_adds_up"),
            models.CheckConstraint(condition=Q(counted_fen__gt=0), name="payments_remittance_positive"),
            models.CheckConstraint(condition=~Q(agent=F("cashier")), name="payments_remittance_by_two"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class HeldCashEnd(AppendOnlyModel):
    """What became of a sum: remitted and booked, or given back to the resident; one of them, once."""

    class How(models.TextChoices):
        REMITTED = "remitted", _("Remitted and booked")
        RETURNED = "returned", _("Given back")

    held = models.OneToOneField(HeldCash, models.PROTECT, related_name="end")
    how = models.CharField(_("outcome"), max_length=10, choices=How.choices)
    at = models.DateTimeField(_("at"), default=timezone.now)
    actor_user_id = models.BigIntegerField()
    remittance = models.ForeignKey(Remittance, models.PROTECT, null=True, related_name="rows")
    payment = models.OneToOneField(Payment, models.PROTECT, null=True, related_name="held_cash_end")
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("end of cash held")
        verbose_name_plural = _("ends of cash held")
        constraints = [
            models.CheckConstraint(
                condition=Q(how="remitted", remittance__isnull=False, payment__isnull=False, reason="")
                | Q(how="returned", remittance__isnull=True, payment__isnull=True) & ~Q(reason=""),
                name="payments_heldcashend_is_one_of_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.held_id} {self.how}"
