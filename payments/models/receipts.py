"""Receipts: numbered without a gap per issuer and year, printed again as copies, reversed and never edited (N9)."""

import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.amounts import rmb_capital
from payments.models.notices import Kind, Notice, Payment
from portal.audit.append_only import AppendOnlyModel, AppendOnlyQuerySet
from portal.people.actors import Actor


class ReceiptSeries(models.Model):
    """The last serial of one issuer in one year; its row is locked until the receipt is committed."""

    issuer = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "year"], name="payments_receiptseries_once")]

    def __str__(self) -> str:
        return f"{self.issuer} {self.year}: {self.last}"


class ReceiptQuerySet(AppendOnlyQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The receipts of the notices this actor may see."""
        return self.filter(notice__in=Notice.objects.visible_to(actor))

    def standing(self) -> Self:
        """Receipts that are neither void nor reversed, and reverse nothing themselves."""
        return self.filter(voiding=None, reversal=None, reverses=None)


class Receipt(AppendOnlyModel):
    """Proof that a notice was paid: a fiscal receipt or a premium receipt. A reversal is a receipt of its own with a
    number of its own that points to the first one (DOMAIN §7).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    issuer = models.CharField(_("issuer"), max_length=40)
    year = models.PositiveSmallIntegerField(_("year"))
    serial = models.PositiveBigIntegerField(_("serial"))
    code = models.CharField(_("receipt code"), max_length=8)
    number = models.CharField(_("receipt number"), max_length=20)
    notice = models.ForeignKey(Notice, models.PROTECT, verbose_name=_("notice"), related_name="receipts")
    payment = models.ForeignKey(Payment, models.PROTECT, verbose_name=_("payment"), related_name="receipts")
    turn = models.PositiveSmallIntegerField(default=1)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversal")
    amount_fen = models.PositiveBigIntegerField(_("amount in fen"))
    issued_at = models.DateTimeField(_("issued"), default=timezone.now)
    issued_on = models.DateField(_("issued on"))
    actor_role = models.CharField(max_length=24)
    actor_user_id = models.BigIntegerField(null=True)

    objects = ReceiptQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ["-issued_at"]
        constraints = [
            models.UniqueConstraint(fields=["issuer", "year", "serial"], name="payments_receipt_serial_once"),
            models.UniqueConstraint(fields=["code", "number"], name="payments_receipt_number_once"),
            models.UniqueConstraint(
                fields=["notice", "turn"], condition=Q(reverses=None), name="payments_receipt_one_a_turn"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_receipt_positive"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="payments_receipt_known_kind"),
            models.CheckConstraint(
                condition=Q(reverses=None) | ~Q(reverses=F("id")), name="payments_receipt_reverses_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("payments:receipt", args=[self.pk])

    @property
    def signed_fen(self) -> int:
        """The amount, below zero on a reversal."""
        return -self.amount_fen if self.reverses_id else self.amount_fen

    @property
    def amount_capital(self) -> str:
        return rmb_capital(self.amount_fen)

    @property
    def is_void(self) -> bool:
        return hasattr(self, "voiding")

    @property
    def is_reversed(self) -> bool:
        return hasattr(self, "reversal")

    @property
    def stands(self) -> bool:
        """Whether the paper proves a payment today."""
        return not (self.is_void or self.is_reversed or self.reverses_id)


class VoidReason(models.TextChoices):
    """Why a receipt is void although the money stands."""

    SPOILED = "spoiled", _("The paper is spoiled")
    WRONG_NAME = "wrong_name", _("The name was corrected")
    LOST = "lost", _("The payer lost the original")


class ReceiptVoid(AppendOnlyModel):
    """A receipt that is void; it keeps its number for ever, and another one has taken its place."""

    receipt = models.OneToOneField(Receipt, models.PROTECT, related_name="voiding")
    reason = models.CharField(_("reason"), max_length=12, choices=VoidReason.choices)
    at = models.DateTimeField(_("void since"), default=timezone.now)
    actor_user_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("void receipt")
        verbose_name_plural = _("void receipts")
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=VoidReason.values), name="payments_receiptvoid_known_reason")
        ]

    def __str__(self) -> str:
        return f"{self.receipt_id} {self.reason}"


class ReceiptPrint(AppendOnlyModel):
    """One printing of a receipt: the first is the original, every later one a copy (E9)."""

    receipt = models.ForeignKey(Receipt, models.PROTECT, related_name="prints")
    number = models.PositiveIntegerField()
    form = models.CharField(max_length=8)
    at = models.DateTimeField(default=timezone.now)
    actor_role = models.CharField(max_length=24)
    actor_user_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("printing of a receipt")
        verbose_name_plural = _("printings of receipts")
        constraints = [models.UniqueConstraint(fields=["receipt", "number"], name="payments_receiptprint_once")]

    def __str__(self) -> str:
        return f"{self.receipt_id} no. {self.number}"
