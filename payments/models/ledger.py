"""The ledger: journals of double entry, written once and balanced by the database (N8)."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models.notices import CITY_DEPTH, Notice, Payment
from portal.audit.append_only import AppendOnlyModel, AppendOnlyQuerySet
from portal.people.actors import Actor, Role
from portal.regions.models import Region


class Account(models.TextChoices):
    """The accounts; `Entry.sub` tells the channel, kind or reason apart within one."""

    BANK = "bank", _("Bank clearing")
    CASH_HELD = "cash_held", _("Cash held until it is remitted")
    COLLECTED = "collected", _("Collected for the payee")
    SUSPENSE = "suspense", _("Suspense: money that waits for a decision")
    REFUNDS = "refunds", _("Refunds payable")


class JournalKind(models.TextChoices):
    """What happened; every journal is one fact."""

    PAYMENT = "payment", _("Payment")
    EXCEPTION = "exception", _("Handed to the exceptions desk")
    ASSIGNED = "assigned", _("Assigned to a notice")
    KEPT = "kept", _("Kept in suspense")
    REFUND = "refund", _("Refund")
    PAID_OUT = "paid_out", _("Refund paid out")
    REVERSED = "reversed", _("Taken back by the bank")
    REMITTED = "remitted", _("Cash remitted")


class JournalQuerySet(AppendOnlyQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Journals of the actor's own area for those who keep or check the books."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role not in (Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR):
            return self.none()
        return self.filter(region__in=Region.objects.within_path(actor.region_path))


class Journal(AppendOnlyModel):
    """One fact in the books: its entries sum to zero. `posted_on` is the accounting day, never a closed one.

    On SQLite entries are written first and `posted` is set last, because it has no deferred triggers; there an
    unbalanced journal cannot become posted, and nothing reads one that is not.
    """

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=JournalKind.choices)
    posted_on = models.DateField(_("accounting day"))
    booked_at = models.DateTimeField(_("booked"), default=timezone.now)
    channel = models.CharField(_("channel"), max_length=40)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), null=True, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="journals")
    posted = models.BooleanField(default=True)
    actor_role = models.CharField(max_length=24)
    actor_user_id = models.BigIntegerField(null=True)

    objects = JournalQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("journal")
        verbose_name_plural = _("journals")
        ordering = ["posted_on", "pk"]
        indexes = [models.Index(fields=["posted_on", "channel"], name="payments_journal_of_day")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=JournalKind.values), name="payments_journal_known_kind")
        ]

    def __str__(self) -> str:
        return self.key


class Entry(AppendOnlyModel):
    """One line of a journal: debit above zero, credit below, in fen; `notice` where the money concerns one."""

    journal = models.ForeignKey(Journal, models.PROTECT, related_name="entries")
    account = models.CharField(_("account"), max_length=12, choices=Account.choices)
    sub = models.CharField(max_length=40, blank=True)
    notice = models.ForeignKey(Notice, models.PROTECT, null=True, related_name="entries")
    amount_fen = models.BigIntegerField(_("amount in fen"))

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = [
            models.CheckConstraint(condition=Q(account__in=Account.values), name="payments_entry_known_account"),
            models.CheckConstraint(condition=~Q(amount_fen=0), name="payments_entry_moves_money"),
        ]

    def __str__(self) -> str:
        return f"{self.account}/{self.sub} {self.amount_fen}"


class DayCloseQuerySet(AppendOnlyQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Closed days of the actor's own area."""
        if actor.role not in (Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR):
            return self.none()
        return self.filter(Q(region__in=Region.objects.within_path(actor.region_path)) | _nobodys(actor))


def _nobodys(actor: Actor) -> Q:
    """Books of no known place, for those who look after a city or more."""
    sees = bool(actor.region_path) and actor.region_path.count("/") <= CITY_DEPTH
    return Q(region=None) if sees else Q(pk=None)


class DayClose(AppendOnlyModel):
    """A day of one channel and area whose books balanced and take no more postings (E8)."""

    # Without a region: the money of this channel for which no place is known.
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), null=True, related_name="+")
    channel = models.CharField(_("channel"), max_length=40)
    on = models.DateField(_("day"))
    closed_at = models.DateTimeField(_("closed"), default=timezone.now)
    count = models.PositiveIntegerField(_("payments"))
    settled_fen = models.PositiveBigIntegerField(_("settled"))
    waiting_fen = models.PositiveBigIntegerField(_("handed to the exceptions desk"))
    counted_fen = models.PositiveBigIntegerField(_("counted or on statements"))
    receipts = models.PositiveIntegerField(_("receipts"))
    actor_user_id = models.BigIntegerField(null=True)

    objects = DayCloseQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("closed day")
        verbose_name_plural = _("closed days")
        ordering = ["-on", "channel"]
        constraints = [
            models.UniqueConstraint(fields=["region", "channel", "on"], name="payments_dayclose_once"),
            models.UniqueConstraint(
                fields=["channel", "on"], condition=Q(region=None), name="payments_dayclose_placeless_once"
            ),
            models.CheckConstraint(
                condition=Q(counted_fen=F("settled_fen") + F("waiting_fen")), name="payments_dayclose_balances"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.on}"
