"""The one posting function: all money, by whatever way it is reported, comes through `book_payment`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from payments import ledger, membership
from payments.models import Notice, Payment, PaymentException, Reason
from payments.numbers import InvalidNumber, parse_number
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor
from portal.regions.models import Office

if TYPE_CHECKING:
    from payments.bulk_booking import Standing

LONGEST_CHAIN = 50
"""More replacements of one notice than this are a mistake, not a chain."""

MAX_LOOKS = 5
"""A notice moves only a few times in its life, so judging it so often finds it at rest."""


class TransactionReused(Exception):
    """A provider reported a transaction number again with another amount, date or notice; nothing was booked."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(str(payment))
        self.payment = payment


class _Moved(Exception):
    """The notice moved while its money was being booked; what was written about it is undone."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider said about one transaction."""

    provider: str
    provider_txn: str
    channel: str
    given_number: str
    amount_fen: int
    paid_on: date
    payer: str
    actor: Actor
    at: datetime
    region_id: int | None = None
    source_id: UUID | None = None

    def repeats(self, payment: Payment) -> bool:
        return (payment.amount_fen, payment.paid_on, payment.given_number) == (
            self.amount_fen,
            self.paid_on,
            self.given_number,
        )

    def payment(self, notice: Notice | None, reason: str) -> Payment:
        """The row to store: the money settles the notice, or waits for `reason`."""
        return Payment(
            provider=self.provider,
            provider_txn=self.provider_txn,
            channel=self.channel,
            given_number=self.given_number,
            notice=notice,
            amount_fen=self.amount_fen,
            paid_on=self.paid_on,
            booked_at=self.at,
            payer=self.payer,
            region_id=notice.region_id if notice else self.region_id,
            source_id=self.source_id,
            outcome=Payment.Outcome.EXCEPTION if reason else Payment.Outcome.SETTLED,
            actor_role=str(self.actor.role),
            actor_user_id=self.actor.user_id,
            actor_office_id=self.actor.office_id,
        )


def book_payment(
    *,
    channel: str,
    provider_txn: str,
    amount_fen: int,
    paid_on: date,
    actor: Actor,
    notice_number: str = "",
    pay_code: str = "",
    provider: str = "",
    payer: str = "",
    at: datetime | None = None,
) -> Payment:
    """Books money that came, once per provider and transaction: it settles its notice or waits at the exceptions desk.

    Exact amount, paid on or before the pay-by date, through a channel of the notice: the notice is settled, also when
    it has expired meanwhile. Money on a replaced number settles the successor when amount and date fit. Everything
    else is a `PaymentException`, never lost. Raises TransactionReused when the transaction was booked before with
    other facts, ValueError for an amount that is none.
    """
    if amount_fen <= 0 or not provider_txn:
        raise ValueError("a payment has an amount and a transaction number")
    office = Office.objects.filter(pk=actor.office_id).only("region_id").first() if actor.office_id else None
    report = Report(
        provider=provider or channel,
        provider_txn=provider_txn,
        channel=channel,
        given_number=written(notice_number or pay_code),
        amount_fen=amount_fen,
        paid_on=paid_on,
        payer=payer[:100],
        actor=actor,
        at=at or timezone.now(),
        region_id=office.region_id if office else None,
    )
    return book(report)


def book(report: Report) -> Payment:
    """Books one report; a repetition finds what was booked the first time. Raises TransactionReused."""
    seen = _booked(report)
    if seen is None:
        try:
            with transaction.atomic():
                return _post(report)
        except IntegrityError:
            # The same transaction was booked by somebody else while we worked; ours is undone as a whole.
            seen = _booked(report)
            if seen is None:
                raise
    if not report.repeats(seen):
        raise TransactionReused(seen)
    return seen


def open_exception(notice: Notice, reason: str = Reason.NOT_WAITING) -> PaymentException | None:
    """Hands money that settled a notice to the exceptions desk, because the application no longer waits for it; None
    when unpaid.
    """
    payment = notice.payments.filter(outcome=Payment.Outcome.SETTLED).first()
    return open_exception_of(payment, reason) if payment else None


def open_exception_of(payment: Payment, reason: str, at: datetime | None = None) -> PaymentException:
    """The exception about a payment that had settled its notice, opened once; its money moves into suspense."""
    at = at or timezone.now()
    with transaction.atomic():
        opened, created = PaymentException.objects.get_or_create(
            payment=payment, defaults={"reason": reason, "opened_at": at}
        )
        if created:
            ledger.post_handed_over(payment, reason, at=at)
    return opened


def find_notice(text: str) -> Notice | None:
    """The notice with a typed or scanned number; raises InvalidNumber when no notice can have it."""
    return Notice.objects.with_number(parse_number(text)).select_related("superseded_by").first()


def verdict(notice: Notice | None, *, channel: str, amount_fen: int, paid_on: date) -> str:
    """Why this money would not settle this notice, as a `Reason`, or an empty text when it would."""
    reason = judge(notice, channel=channel, amount_fen=amount_fen, paid_on=paid_on)
    if not reason and notice is not None and membership.is_stale(notice):
        return Reason.SUPERSEDED
    return reason


def judge(notice: "Notice | Standing | None", *, channel: str, amount_fen: int, paid_on: date) -> str:
    """The same for a notice that stands for itself alone; asks no database."""
    if notice is None:
        return Reason.UNKNOWN_NOTICE
    if notice.state == State.CANCELLED:
        return Reason.SUPERSEDED if notice.superseded_by_id else Reason.CANCELLED
    if notice.state not in (State.ISSUED, State.EXPIRED):
        return Reason.DUPLICATE
    if channel not in {known.code for known in notice.channels}:
        return Reason.WRONG_BANK
    if amount_fen != notice.amount_fen:
        return Reason.WRONG_AMOUNT
    if paid_on > notice.due_on:
        return Reason.LATE
    return ""


def written(text: str) -> str:
    """The number as given, tidied when it is well-formed, so that a replay is recognised however it was grouped."""
    try:
        return parse_number(text).digits
    except InvalidNumber:
        return text[:40]


def _booked(report: Report) -> Payment | None:
    return Payment.objects.filter(provider=report.provider, provider_txn=report.provider_txn).first()


def _post(report: Report) -> Payment:
    """Judges, stores and settles in one transaction; looks again when the notice moved while we judged it."""
    for _try in range(MAX_LOOKS):
        named = _find(report.given_number)
        notice = latest(named) if named else None
        reason = verdict(notice, channel=report.channel, amount_fen=report.amount_fen, paid_on=report.paid_on)
        if reason and notice != named:
            notice, reason = named, Reason.SUPERSEDED
        if reason or notice is None:
            return store_waiting(report, notice, reason)
        settled = store_settled(report, notice)
        if settled is not None:
            return settled
    return store_waiting(report, named, Reason.DUPLICATE)


def store_settled(report: Report, notice: Notice) -> Payment | None:
    """Stores the payment and settles the notice; the UPDATE of the notice is the judge between two payments at once.

    None, and nothing written, where the notice moved meanwhile.
    """
    membership.hold([notice.pk])
    payment = report.payment(notice, "")
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
            shares = shares_of([notice])[notice.pk]
            if sum(fen for _notice, _kind, fen in shares) != notice.amount_fen:
                raise _Moved
            ledger.post([ledger.payment_draft(payment, "", shares)], at=report.at, actor=report.actor)
            if not settle([notice.pk], report):
                raise _Moved
    except _Moved:
        return None
    except IntegrityError:
        if _booked(report) is not None or not Payment.objects.filter(notice=notice, outcome="settled").exists():
            raise
        return None
    return payment


def store_waiting(report: Report, notice: Notice | None, reason: str) -> Payment:
    """Stores money that waits for a decision."""
    payment = report.payment(notice, reason)
    payment.save(force_insert=True)
    PaymentException.objects.create(payment=payment, reason=reason, opened_at=report.at)
    ledger.post([ledger.payment_draft(payment, reason, [])], at=report.at, actor=report.actor)
    return payment


def settle(pks: Sequence[UUID | str], report: Report) -> int:
    """Moves notices to paid by the facts of a report, in the caller's transaction; returns how many moved."""
    moved = NoticeWorkflow.settle.take(
        NoticeWorkflow.settle.movable(report.at).filter(pk__among=pks),
        SYSTEM,
        report.at,
        changes={"paid_on": report.paid_on, "paid_at": report.at},
        codes={"channel": report.channel, "provider": report.provider},
    )
    return len(moved.keys) if moved else 0


def shares_of(notices: list[Notice]) -> dict[UUID, list[tuple[UUID, str, int]]]:
    """Whose money the amount of each notice is: its members' where it is a collective notice, else its own."""
    pks = [notice.pk for notice in notices]
    shares: dict[UUID, list[tuple[UUID, str, int]]] = {notice.pk: [] for notice in notices}
    members = Notice.objects.filter(collective__in=pks, state__in=membership.OPEN).order_by("pk")
    for pk, whole, kind, fen in members.values_list("pk", "collective", "kind", "amount_fen"):
        shares[whole].append((pk, kind, fen))
    for notice in notices:
        if not shares[notice.pk]:
            shares[notice.pk].append((notice.pk, notice.kind, notice.amount_fen))
    return shares


def _find(number: str) -> Notice | None:
    try:
        return find_notice(number)
    except InvalidNumber:
        return None


def latest(notice: Notice) -> Notice:
    """The last notice of a chain of replacements; the notice itself when it was not replaced."""
    for _step in range(LONGEST_CHAIN):
        if notice.superseded_by is None:
            break
        notice = notice.superseded_by
    return notice
