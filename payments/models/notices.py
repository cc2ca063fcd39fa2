"""Payment notices, the money booked for them, and the money that waits for a decision."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments import numbers
from payments.amounts import rmb_capital
from payments.states import State
from portal.audit.append_only import AppendOnlyModel
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions.models import Office, PolicySnapshot, Region
from portal.regions.policy_values import Channel
from portal.regions.text import pick
from portal.workflow.models import Subject, SubjectQuerySet, TimelineEntryBase, state_constraints

LIVE_STATES = (State.ISSUED, State.PAID, State.REFUNDING)
STATE_COLOURS = {
    State.ISSUED: "yellow",
    State.PAID: "green",
    State.REFUNDING: "orange",
    State.REFUNDED: "grey",
    State.EXPIRED: "red",
    State.CANCELLED: "grey",
}
CITY_DEPTH = 2
"""A region path has a slash per level: one for a province, two for a city."""

REGIONAL_READERS = (Role.COUNTY_REVIEWER, Role.AUDITOR)

NoticeScope = Callable[[Actor], Q]
agent_scopes: list[NoticeScope] = []
"""Upper apps append which notices come from cases a committee agent entered (RELIABILITY §3: vil)."""


class Kind(models.TextChoices):
    """The two legal natures of money owed, each with its own series, payee, channels and title (DOMAIN §0.1)."""

    PREMIUM = "premium", _("Social insurance premium")
    NONTAX = "nontax", _("Non-tax revenue")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a notice, frozen at issue: for whom, for what, the full amount, what is paid for the person, what
    remains.

    Amounts in fen. `label` is a bilingual text: the insured category on a premium notice, the fee on a non-tax notice.
    `reference` is the subject of the upper app this line belongs to.
    """

    name: str
    masked_number: str = ""
    label: Mapping[str, str] = field(default_factory=dict)
    standard_fen: int
    assistance_fen: int = 0
    quantity: int = 1
    reference: str = ""

    @property
    def total_fen(self) -> int:
        return self.standard_fen * self.quantity

    @property
    def payable_fen(self) -> int:
        return self.total_fen - self.assistance_fen

    @property
    def what(self) -> str:
        return pick(self.label)


class NumberSeries(models.Model):
    """Last serial given out in the series of a kind, for databases without sequences."""

    kind = models.CharField(max_length=10, primary_key=True, choices=Kind.choices)
    last = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.kind} {self.last}"


class NoticeQuerySet(SubjectQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Notices this actor may see (RELIABILITY §3): residents of their household and wards, staff of their office
        or region, agents of the cases they entered.

        Administrators, the hotline and visitors see none.
        """
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT:
            return self.filter(resident__in=Resident.objects.visible_to(actor))
        here = Q(region__in=Region.objects.within_path(actor.region_path))
        if actor.role == Role.COMMITTEE_AGENT:
            entered = Q(pk__in=[])
            for scope in agent_scopes:
                entered |= scope(actor)
            return self.filter(here & entered)
        if actor.role in REGIONAL_READERS:
            return self.filter(here)
        if actor.role == Role.CARD_CLERK:
            return self.filter(here, kind=Kind.NONTAX)
        if actor.role == Role.CLERK:
            own = Q(office=actor.office_id) if actor.office_id else Q(pk__in=[])
            return self.filter(own | (here & Q(office=None)) if actor.office_id else here)
        if actor.role == Role.CASHIER:
            return self.filter(Q(office=actor.office_id, office__isnull=False) | here)
        return self.none()

    def live(self) -> Self:
        """Notices that hold their purpose and reference: nobody needs another one."""
        return self.filter(state__in=LIVE_STATES)

    def with_number(self, typed: numbers.TypedNumber) -> Self:
        """The notice with this notice number or pay code."""
        return self.filter(pay_code=typed.digits) if typed.is_pay_code else self.filter(number=typed.digits)


class Notice(Subject):
    """Who owes what to whom, why and by when; amounts, lines, title and channels never change after issue."""

    number = models.CharField(_("notice number"), max_length=16, unique=True, editable=False)
    pay_code = models.CharField(_("pay code"), max_length=20, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, editable=False)
    purpose = models.CharField(_("purpose"), max_length=40, editable=False)
    reference = models.CharField(_("reference"), max_length=64, editable=False)
    resident = models.ForeignKey(
        Resident, models.PROTECT, verbose_name=_("payer"), related_name="notices", editable=False
    )
    payer_name = models.CharField(_("name of the payer"), max_length=100, editable=False)
    payer_number = models.CharField(_("masked identity number"), max_length=24, blank=True, editable=False)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), related_name="+", editable=False)
    office = models.ForeignKey(
        Office, models.PROTECT, verbose_name=_("issuing office"), null=True, related_name="+", editable=False
    )
    policy = models.ForeignKey(
        PolicySnapshot, models.PROTECT, verbose_name=_("policy"), related_name="+", editable=False
    )
    cover_year = models.PositiveSmallIntegerField(_("cover year"), null=True, editable=False)
    title = models.JSONField(_("title"), editable=False)
    lines_data = models.JSONField(_("lines"), editable=False)
    amount_fen = models.PositiveBigIntegerField(_("amount in fen"), editable=False)
    issued_at = models.DateTimeField(_("issued"), editable=False)
    issued_on = models.DateField(_("issued on"), editable=False)
    due_on = models.DateField(_("pay by"), editable=False)
    paid_on = models.DateField(_("paid on"), null=True, editable=False)
    paid_at = models.DateTimeField(_("booked"), null=True, editable=False)
    superseded_by = models.OneToOneField(
        "self", models.PROTECT, verbose_name=_("superseded by"), null=True, related_name="supersedes", editable=False
    )
    # A notice for many people at once; each keeps a notice of their own, which names it here.
    collective = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("collective notice"), null=True, related_name="members", editable=False
    )
    # Plain ids of people.User: two persons decide a refund, whatever becomes of their accounts.
    refund_proposed_by = models.BigIntegerField(null=True, editable=False)
    refund_confirmed_by = models.BigIntegerField(null=True, editable=False)

    objects = NoticeQuerySet.as_manager()

    class Meta(Subject.Meta):
        verbose_name = _("payment notice")
        verbose_name_plural = _("payment notices")
        ordering = ["-issued_at"]
        indexes = [
            *Subject.Meta.indexes,
            # read by the resident's own list and by `visible_to`
            models.Index(fields=["resident", "-issued_at"], name="payments_notice_of_resident"),
            models.Index(fields=["region", "-issued_at"], name="payments_notice_of_region"),
        ]
        constraints = [
            *state_constraints(State, due_in=[State.ISSUED]),
            models.UniqueConstraint(
                fields=["purpose", "reference"], condition=Q(state__in=LIVE_STATES), name="payments_notice_one_live"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="payments_notice_known_kind"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_notice_asks_for_money"),
            models.CheckConstraint(condition=Q(due_on__gte=F("issued_on")), name="payments_notice_due_after_issue"),
            models.CheckConstraint(
                condition=Q(state__in=[State.PAID, State.REFUNDING, State.REFUNDED], paid_on__isnull=False)
                | Q(state__in=[State.ISSUED, State.EXPIRED, State.CANCELLED], paid_on__isnull=True),
                name="payments_notice_paid_has_date",
            ),
            models.CheckConstraint(
                condition=Q(refund_confirmed_by__isnull=True)
                | Q(refund_proposed_by__isnull=True)
                | ~Q(refund_confirmed_by=F("refund_proposed_by")),
                name="payments_notice_refund_by_two",
            ),
            models.CheckConstraint(
                condition=Q(superseded_by__isnull=True) | Q(state=State.CANCELLED),
                name="payments_notice_superseded_is_cancelled",
            ),
        ]

    def __str__(self) -> str:
        return numbers.grouped(self.number)

    def get_absolute_url(self) -> str:
        return reverse("payments:notice", args=[self.pk])

    @property
    def name(self) -> str:
        """The title of the paper in the active language."""
        return pick(self.title)

    @cached_property
    def lines(self) -> list[Line]:
        return [Line(**line) for line in self.lines_data]

    @property
    def amount_capital(self) -> str:
        return rmb_capital(self.amount_fen)

    @property
    def grouped_number(self) -> str:
        return numbers.grouped(self.number)

    @property
    def grouped_pay_code(self) -> str:
        return numbers.grouped(self.pay_code)

    @cached_property
    def channels(self) -> list[Channel]:
        """The ways to pay this notice, as its policy had them at issue."""
        return self.policy.policy.channels(self.kind)

    @property
    def state_name(self) -> str:
        """The state in words."""
        return str(State(self.state).label)

    @property
    def last_day(self) -> date | None:
        """The day residents are told: the pay-by date, not the end of the clearing days after it."""
        return self.due_on if self.state == State.ISSUED else None

    @property
    def state_colour(self) -> str:
        """The colour of the state's tag."""
        return STATE_COLOURS[State(self.state)]

    @property
    def held_now(self) -> Any:
        """Cash a village agent holds for this notice and has not remitted yet, or None (G4)."""
        return self.held_cash.filter(end=None).select_related("taken_by").first()

    def is_overdue(self, on: date) -> bool:
        """Whether the pay-by date has passed unpaid, though a payment of that day may still be on its way."""
        return self.state == State.ISSUED and on > self.due_on


def lines_data(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The lines as stored."""
    return [{**asdict(line), "label": dict(line.label)} for line in lines]


class NoticeTimelineEntry(TimelineEntryBase):
    """One move of one notice."""

    subject = models.ForeignKey(Notice, models.PROTECT, related_name="timeline", db_index=False)

    class Meta(TimelineEntryBase.Meta):
        verbose_name = _("timeline entry of a notice")
        verbose_name_plural = _("timeline entries of notices")


class Payment(AppendOnlyModel):
    """Money that came: one row per transaction of a provider, written once, either settling a notice or waiting as an
    exception.
    """

    class Outcome(models.TextChoices):
        SETTLED = "settled", _("Settled the notice")
        EXCEPTION = "exception", _("Waits for a decision")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(_("provider"), max_length=40)
    provider_txn = models.CharField(_("transaction of the provider"), max_length=80)
    channel = models.CharField(_("channel"), max_length=40)
    given_number = models.CharField(_("number given"), max_length=40)
    notice = models.ForeignKey(Notice, models.PROTECT, verbose_name=_("notice"), null=True, related_name="payments")
    amount_fen = models.PositiveBigIntegerField(_("amount in fen"))
    paid_on = models.DateField(_("paid on"))
    booked_at = models.DateTimeField(_("booked"), default=timezone.now)
    payer = models.CharField(_("payer as told by the channel"), max_length=100, blank=True)
    region = models.ForeignKey(
        Region, models.PROTECT, verbose_name=_("region"), null=True, related_name="+", editable=False
    )
    # Money of another row that a cashier has assigned to this notice: no new money.
    source = models.ForeignKey("self", models.PROTECT, null=True, related_name="assigned", editable=False)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    actor_role = models.CharField(max_length=24)
    actor_user_id = models.BigIntegerField(null=True)
    actor_office_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-booked_at"]
        indexes = [
            # read by the import of statements, which knows the bank but not who reported the money first
            models.Index(fields=["provider_txn"], name="payments_payment_of_txn"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_txn"], name="payments_payment_once"),
            models.UniqueConstraint(
                fields=["notice"], condition=Q(outcome="settled"), name="payments_payment_settles_once"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_payment_positive"),
            models.CheckConstraint(
                condition=Q(outcome="exception") | Q(outcome="settled", notice__isnull=False),
                name="payments_payment_settles_a_notice",
            ),
        ]

    known_channel_name = ""
    """The channel in words, for rows of a list that have been told it together."""

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_txn}"

    @property
    def settled(self) -> bool:
        return self.outcome == self.Outcome.SETTLED

    @property
    def amount_capital(self) -> str:
        return rmb_capital(self.amount_fen)

    @property
    def channel_name(self) -> str:
        """The channel in words where the notice or the area it was reported in knows it, else its code."""
        if self.known_channel_name:
            return self.known_channel_name
        known = self.notice.channels if self.notice else []
        found = next((channel.name for channel in known if channel.code == self.channel), "")
        if not found and self.region is not None:
            from payments.channels import channel_names

            found = channel_names(self.region).get(self.channel, "")
        return found or self.channel

    @property
    def waiting_reason(self) -> str:
        """Why the money waits for a decision, in words; empty when it does not."""
        waiting = getattr(self, "exception", None)
        return str(waiting.get_reason_display()) if waiting else ""


class Reason(models.TextChoices):
    """Why money waits for a decision (N6)."""

    UNKNOWN_NOTICE = "unknown_notice", _("No notice has this number")
    WRONG_AMOUNT = "wrong_amount", _("The amount differs from the notice")
    DUPLICATE = "duplicate", _("The notice was paid already")
    LATE = "late", _("Paid after the pay-by date")
    CANCELLED = "cancelled", _("The notice was cancelled")
    SUPERSEDED = "superseded", _("The notice was replaced by another with a different amount or date")
    WRONG_BANK = "wrong_bank", _("The channel may not take this kind of payment")
    REVERSED = "reversed", _("The bank has taken the money back")
    NOT_WAITING = "not_waiting", _("The application no longer waits for the payment")


class PaymentExceptionQuerySet(models.QuerySet["PaymentException"]):
    def visible_to(self, actor: Actor) -> Self:
        """Exceptions of notices the cashier or auditor may see, and money for no known notice that was reported in
        their area; where nobody knows the place it is for those who look after a city or more.
        """
        if actor.role == Role.SYSTEM:
            return self
        if actor.role not in (Role.CASHIER, Role.AUDITOR):
            return self.none()
        return self.within(actor)

    def within(self, actor: Actor) -> Self:
        """Those of the actor's area, for the pages that count them and show none."""
        nobodys = Q(payment__region__in=Region.objects.within_path(actor.region_path))
        if actor.region_path and actor.region_path.count("/") <= CITY_DEPTH:
            nobodys |= Q(payment__region=None)
        known = Q(payment__notice__in=Notice.objects.visible_to(actor))
        return self.filter(known | Q(payment__notice=None) & nobodys)

    def waiting(self) -> Self:
        """Those nobody has decided about yet."""
        return self.filter(resolved_at=None, kept_at=None)

    def kept(self) -> Self:
        """Those whose money is kept in suspense until its owner is found."""
        return self.filter(resolved_at=None, kept_at__isnull=False)


class PaymentException(models.Model):
    """Money at the exceptions desk; the payment itself is never changed."""

    payment = models.OneToOneField(Payment, models.PROTECT, related_name="exception")
    reason = models.CharField(_("reason"), max_length=16, choices=Reason.choices)
    opened_at = models.DateTimeField(_("since"), default=timezone.now)
    resolved_at = models.DateTimeField(_("decided"), null=True)
    kept_at = models.DateTimeField(_("kept in suspense since"), null=True)

    objects = PaymentExceptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment exception")
        verbose_name_plural = _("payment exceptions")
        ordering = ["opened_at"]
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=Reason.values), name="payments_exception_known_reason")
        ]
        indexes = [
            models.Index(fields=["opened_at"], name="payments_exception_waiting", condition=Q(resolved_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}"
