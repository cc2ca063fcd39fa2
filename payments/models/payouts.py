"""Refunds on their way: one row per confirmed refund, from the second person's word to the money's leave."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models.ledger import Journal
from payments.models.notices import CITY_DEPTH, Notice, Payment
from portal.people.actors import Actor, Role
from portal.regions.models import Region


class PayoutState(models.TextChoices):
    """Where a refund stands; only DONE means that the money has left."""

    WAITING = "waiting", _("About to be sent to the payment service")
    SENT = "sent", _("With the payment service")
    BY_HAND = "by_hand", _("To be paid out by hand")
    DONE = "done", _("Paid out")


ON_ITS_WAY = (PayoutState.WAITING, PayoutState.SENT)


class PaidBy(models.TextChoices):
    """Who says that the money has left."""

    PROVIDER = "provider", _("The payment service")
    HAND = "hand", _("A cashier")
    STATEMENT = "statement", _("A statement")


class PayoutQuerySet(models.QuerySet["Payout"]):
    def visible_to(self, actor: Actor) -> Self:
        """Refunds of the actor's area; those of no known place for who looks after a city or more."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role not in (Role.CASHIER, Role.AUDITOR):
            return self.none()
        here = Q(region__in=Region.objects.within_path(actor.region_path))
        if actor.region_path and actor.region_path.count("/") <= CITY_DEPTH:
            here |= Q(region=None)
        return self.filter(here)

    def due(self, at: datetime) -> Self:
        """Those about which the payment service is to be asked now."""
        return self.filter(state__in=ON_ITS_WAY, ask_at__lte=at).order_by("ask_at")

    def open(self) -> Self:
        """Those whose money has not left."""
        return self.exclude(state=PayoutState.DONE)


class Payout(models.Model):
    """One refund to be paid out. Its number is what the payment service knows it by: asked twice, it pays once.

    Facts of the refund are written once; the database lets only its progress change.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("refund number"), max_length=32, unique=True, editable=False)
    journal = models.OneToOneField(Journal, models.PROTECT, related_name="payout", editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, verbose_name=_("payment"), related_name="payouts")
    notice = models.ForeignKey(Notice, models.PROTECT, verbose_name=_("notice"), null=True, related_name="payouts")
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), null=True, related_name="+")
    provider = models.CharField(_("provider"), max_length=20, blank=True)
    amount_fen = models.PositiveBigIntegerField(_("amount in fen"))
    total_fen = models.PositiveBigIntegerField(_("amount of the payment in fen"))
    opened_at = models.DateTimeField(_("confirmed"), default=timezone.now)
    state = models.CharField(_("state"), max_length=8, choices=PayoutState.choices)
    sent_at = models.DateTimeField(_("first sent"), null=True)
    ask_at = models.DateTimeField(_("asked next"), null=True)
    asked = models.PositiveSmallIntegerField(_("times asked"), default=0)
    fault = models.CharField(_("fault"), max_length=60, blank=True)
    reference = models.CharField(_("reference of the bank or payment service"), max_length=80, blank=True)
    paid_on = models.DateField(_("paid out on"), null=True)
    done_at = models.DateTimeField(_("noted"), null=True)
    paid_by = models.CharField(_("said by"), max_length=9, choices=PaidBy.choices, blank=True)
    actor_user_id = models.BigIntegerField(null=True)

    objects = PayoutQuerySet.as_manager()

    class Meta:
        verbose_name = _("payout of a refund")
        verbose_name_plural = _("payouts of refunds")
        ordering = ["opened_at"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=PayoutState.values), name="payments_payout_known_state"),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, amount_fen__lte=F("total_fen")), name="payments_payout_within_payment"
            ),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False, paid_on__isnull=False, paid_by__in=PaidBy.values)
                | ~Q(state="done") & Q(done_at=None, paid_on=None, paid_by=""),
                name="payments_payout_done_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(paid_by="hand") | Q(actor_user_id__isnull=False), name="payments_payout_by_hand_has_person"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["waiting", "sent"]) | ~Q(provider="") & Q(ask_at__isnull=False),
                name="payments_payout_on_its_way_is_asked",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="payments_payout_sent_has_moment"
            ),
        ]
        indexes = [
            # read by the task that speaks to the payment services
            models.Index(fields=["ask_at"], name="payments_payout_due", condition=Q(state__in=["waiting", "sent"])),
            # read by the desk's list of what is to be paid by hand, and of what is under way
            models.Index(fields=["state", "opened_at", "id"], name="payments_payout_of_state"),
            # read by the desk's list of what has left
            models.Index(fields=["done_at", "id"], name="payments_payout_done", condition=Q(state="done")),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("payments:payout", args=[self.pk])

    @property
    def is_on_its_way(self) -> bool:
        return self.state in ON_ITS_WAY
