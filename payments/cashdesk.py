"""The cashier's window: find what is owed, take exactly that, and account for the day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from payments import booking
from payments.booking import book_payment
from payments.models import Notice, Payment, Reason
from payments.numbers import parse_number
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal import audit
from portal.people.actors import Actor, Role
from portal.people.models import Guardianship, HouseholdMember, Resident
from portal.people.services import household_ids
from portal.regions import calendar
from portal.regions.models import Office, OfficeKind
from portal.regions.policy_values import Channel

PROVIDER = "desk"
MEANS = ("cash", "card")
FOUND = 20
NAMED = 200
NOT_AT_A_WINDOW = (OfficeKind.BANK, OfficeKind.VILLAGE_COMMITTEE)


class NotTaken(Exception):
    """The money may not be taken; `reason` is a `Reason`, or a code of this module."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class ChannelSum:
    """What a cashier took through one channel in a day, in fen."""

    name: str
    cash_fen: int = 0
    card_fen: int = 0
    count: int = 0

    @property
    def total_fen(self) -> int:
        return self.cash_fen + self.card_fen


@dataclass
class DayList:
    """A cashier's day: every payment in the order it was taken, and the sums."""

    on: date
    payments: list[Payment]
    sums: list[ChannelSum] = field(default_factory=list)

    @property
    def cash_fen(self) -> int:
        return sum(row.cash_fen for row in self.sums)

    @property
    def card_fen(self) -> int:
        return sum(row.card_fen for row in self.sums)

    @property
    def total_fen(self) -> int:
        return self.cash_fen + self.card_fen


def find(actor: Actor, text: str) -> list[Notice]:
    """Notices the cashier may see: the one with a typed or scanned number, else the open ones of a payer by name.

    Raises InvalidNumber for digits that no notice can have.
    """
    rows = Notice.objects.visible_to(actor).select_related("policy__region", "superseded_by")
    words = text.strip()
    if any(character.isdigit() for character in words):
        return list(rows.with_number(parse_number(words))[:1])
    if not words:
        return []
    return list(rows.filter(resident__in=_payers(words), state=State.ISSUED).order_by("due_on", "number")[:FOUND])


def _payers(words: str) -> set[UUID]:
    """Who may have been sent the notice of a person of this name: they, their household, who stands for them."""
    named = set(Resident.objects.filter(name__startswith=words).order_by("pk").values_list("pk", flat=True)[:NAMED])
    homes = HouseholdMember.objects.filter(resident__in=named).values("household")
    together = HouseholdMember.objects.filter(household__in=homes).values_list("resident_id", flat=True)
    guardians = Guardianship.objects.live().filter(ward__in=named).values_list("guardian_id", flat=True)
    return named.union(together, guardians)


def owed_together(notice: Notice, actor: Actor) -> list[Notice]:
    """The other open notices of the payer's household that the cashier may see."""
    people = household_ids(notice.resident_id)
    rows = Notice.objects.visible_to(actor).filter(resident__in=people, state=State.ISSUED).exclude(pk=notice.pk)
    return list(rows.order_by("due_on", "number")[:FOUND])


def window_channels(notice: Notice, actor: Actor) -> list[Channel]:
    """The channels of the notice that this window may take money through: those of its own kind of office, else every
    office counter of the region that is neither a bank nor a committee (S1-12).
    """
    office = Office.objects.filter(pk=actor.office_id).only("kind").first() if actor.office_id else None
    own = [channel for channel in notice.channels if office and channel.office_kind == office.kind]
    counters = [
        channel for channel in notice.channels if not channel.online and channel.office_kind not in NOT_AT_A_WINDOW
    ]
    return own or counters


def refusal(notice: Notice, actor: Actor) -> str:
    """Why this cashier may take no money for the notice now, as a code; empty when they may."""
    if NoticeWorkflow.conflict(actor, [notice.pk]):
        return "own_case"
    found = window_channels(notice, actor)
    if not found and notice.state == State.ISSUED:
        return "no_channel"
    code = found[0].code if found else notice.channels[0].code
    return booking.verdict(notice, channel=code, amount_fen=notice.amount_fen, paid_on=calendar.today())


def take(*, notice: Notice, actor: Actor, channel: str, means: str, token: UUID) -> Payment:
    """Books exactly the amount of the notice; the same form again returns the first payment.

    Raises PermissionDenied for a notice out of reach or of the cashier's own household (N19), NotTaken otherwise.
    """
    if actor.role != Role.CASHIER or actor.user_id is None:
        raise PermissionDenied
    if not Notice.objects.visible_to(actor).filter(pk=notice.pk).exists():
        raise PermissionDenied
    seen = taken_before(actor, token)
    if seen is not None:
        return seen
    reason = refusal(notice, actor)
    if reason == "own_case":
        audit.record("payment.own_case", actor, subject=notice, outcome="refused")
        raise PermissionDenied
    if reason:
        raise NotTaken(reason)
    if channel not in {known.code for known in window_channels(notice, actor)} or means not in MEANS:
        raise NotTaken(Reason.WRONG_BANK)
    try:
        payment = book_payment(
            channel=channel,
            provider=f"{PROVIDER}-{means}",
            provider_txn=token.hex,
            amount_fen=notice.amount_fen,
            paid_on=calendar.today(),
            notice_number=notice.number,
            payer=notice.payer_name,
            actor=actor,
        )
    except booking.TransactionReused as error:
        raise NotTaken(Reason.DUPLICATE) from error
    audit.record("payment.taken", actor, subject=payment, details={"channel": channel, "means": means})
    return payment


def taken_before(actor: Actor, token: UUID) -> Payment | None:
    """What this cashier booked by the same form before."""
    providers = [f"{PROVIDER}-{means}" for means in MEANS]
    return Payment.objects.filter(provider__in=providers, provider_txn=token.hex, actor_user_id=actor.user_id).first()


def own_payments(actor: Actor) -> QuerySet[Payment]:
    """What this cashier took at the window."""
    return Payment.objects.filter(
        actor_user_id=actor.user_id, actor_role=str(Role.CASHIER), provider__startswith=f"{PROVIDER}-"
    )


def day_list(actor: Actor, on: date) -> DayList:
    """The cashier's own day with sums by channel and means (UX-C15)."""
    begins, ends = calendar.start_of_day(on), calendar.start_of_day(on + timedelta(days=1))
    taken = list(
        own_payments(actor)
        .filter(booked_at__gte=begins, booked_at__lt=ends)
        .select_related("notice__policy__region", "exception")
        .order_by("booked_at")
    )
    return DayList(on, taken, _sums(taken))


def _sums(taken: Sequence[Payment]) -> list[ChannelSum]:
    sums: dict[str, ChannelSum] = {}
    for payment in taken:
        row = sums.setdefault(payment.channel, ChannelSum(payment.channel_name))
        row.count += 1
        if payment.provider.endswith("-cash"):
            row.cash_fen += payment.amount_fen
        else:
            row.card_fen += payment.amount_fen
    return [sums[code] for code in sorted(sums)]
