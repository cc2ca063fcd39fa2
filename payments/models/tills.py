"""A cashier's day end: what was taken at the window and counted, payment by payment (UX-C15, E8)."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models.notices import Payment
from portal.audit.append_only import AppendOnlyModel


class TillClose(AppendOnlyModel):
    """One count of a cashier's till: cash and card slips equal to what was booked since the last count."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cashier_id = models.BigIntegerField(db_index=True)
    on = models.DateField(_("day"))
    closed_at = models.DateTimeField(_("counted"), default=timezone.now)
    count = models.PositiveIntegerField(_("payments"))
    cash_fen = models.PositiveBigIntegerField(_("cash counted"))
    card_fen = models.PositiveBigIntegerField(_("card slips"))
    booked_fen = models.PositiveBigIntegerField(_("booked"))

    class Meta:
        verbose_name = _("count of a till")
        verbose_name_plural = _("counts of tills")
        ordering = ["-closed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(booked_fen=F("cash_fen") + F("card_fen")), name="payments_tillclose_balances"
            ),
            models.CheckConstraint(condition=Q(count__gt=0), name="payments_tillclose_counts_something"),
        ]

    def __str__(self) -> str:
        return f"{self.cashier_id} {self.on}"


class TillLine(AppendOnlyModel):
    """A payment that was counted; the database lets it be counted once."""

    close = models.ForeignKey(TillClose, models.PROTECT, related_name="lines")
    payment = models.OneToOneField(Payment, models.PROTECT, related_name="till_line")

    class Meta:
        verbose_name = _("payment in a count")
        verbose_name_plural = _("payments in counts")

    def __str__(self) -> str:
        return f"{self.close_id} {self.payment_id}"
