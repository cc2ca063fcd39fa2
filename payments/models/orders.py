"""Online orders: one row per attempt to pay a notice through a channel, and the marks of callbacks already taken."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.models.notices import Notice, Payment
from portal.people.actors import Actor


class OrderState(models.TextChoices):
    """Where an attempt stands; only money that a channel confirmed makes it paid."""

    OPENING = "opening", _("Being opened")
    OPEN = "open", _("Waiting for the payment")
    CLOSING = "closing", _("Being closed")
    PAID = "paid", _("Paid")
    CLOSED = "closed", _("Closed")


class Way(models.TextChoices):
    """How a payer gets to the app: by scanning a code, or from the browser of the telephone itself."""

    CODE = "code", _("Code to scan")
    H5 = "h5", _("Browser of a telephone")


LIVE_ORDERS = (OrderState.OPENING, OrderState.OPEN)
UNSETTLED = (*LIVE_ORDERS, OrderState.CLOSING)


class PaymentOrderQuerySet(models.QuerySet["PaymentOrder"]):
    def visible_to(self, actor: Actor) -> Self:
        """Orders of the notices this actor may see."""
        return self.filter(notice__in=Notice.objects.visible_to(actor))

    def live(self) -> Self:
        """Those a payer may still pay by."""
        return self.filter(state__in=LIVE_ORDERS)

    def silent(self, at: datetime) -> Self:
        """Those whose channel is to be asked now."""
        return self.filter(state__in=UNSETTLED, ask_at__lte=at).order_by("ask_at")


class PaymentOrder(models.Model):
    """One attempt: its number is all the channel knows of us, its amount is the notice's when it was opened."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("order number"), max_length=32, unique=True, editable=False)
    notice = models.ForeignKey(Notice, models.PROTECT, verbose_name=_("notice"), related_name="orders")
    provider = models.CharField(_("provider"), max_length=20)
    channel = models.CharField(_("channel"), max_length=40)
    amount_fen = models.PositiveBigIntegerField(_("amount in fen"))
    way = models.CharField(_("way to the app"), max_length=4, choices=Way.choices, default=Way.CODE)
    state = models.CharField(_("state"), max_length=10, choices=OrderState.choices, default=OrderState.OPENING)
    code = models.CharField(_("text of the code to scan"), max_length=2048, blank=True)
    link = models.CharField(_("address to open on a telephone"), max_length=2048, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    link_until = models.DateTimeField(_("address valid until"), null=True)
    expires_at = models.DateTimeField(_("ends"))
    ask_at = models.DateTimeField(_("channel asked next"), null=True)
    asked = models.PositiveSmallIntegerField(_("times asked"), default=0)
    payment = models.OneToOneField(
        Payment, models.PROTECT, verbose_name=_("payment"), null=True, related_name="order", editable=False
    )

    objects = PaymentOrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("online order")
        verbose_name_plural = _("online orders")
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["notice"], condition=Q(state__in=LIVE_ORDERS), name="payments_order_one_live"
            ),
            models.CheckConstraint(condition=Q(state__in=OrderState.values), name="payments_order_known_state"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_order_asks_for_money"),
            models.CheckConstraint(
                condition=~Q(state=OrderState.PAID) | Q(payment__isnull=False), name="payments_order_paid_has_payment"
            ),
            models.CheckConstraint(
                condition=~Q(state=OrderState.OPEN) | ~Q(code=""), name="payments_order_open_has_code"
            ),
            models.CheckConstraint(condition=Q(way__in=Way.values), name="payments_order_known_way"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("opened_at")), name="payments_order_ends_later"),
        ]
        indexes = [
            # read by the task that asks about silent orders
            models.Index(fields=["ask_at"], name="payments_order_silent", condition=Q(state__in=UNSETTLED)),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_ORDERS


class CallbackMark(models.Model):
    """The mark of a callback that was taken: a replay finds it here."""

    provider = models.CharField(max_length=20)
    mark = models.CharField(max_length=128)
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("callback taken")
        verbose_name_plural = _("callbacks taken")
        constraints = [models.UniqueConstraint(fields=["provider", "mark"], name="payments_callback_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.mark[:8]}"
