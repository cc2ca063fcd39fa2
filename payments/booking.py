"""The one posting function: all money, by whatever way it is reported, comes through `book_payment`."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from payments.models import Notice, Payment, PaymentException, Reason
from payments.numbers import InvalidNumber, parse_number
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor

LONGEST_CHAIN = 50
"""More replacements of one notice than this are a mistake, not a chain."""

MAX_LOOKS = 5
"""A notice moves only a few times in its life, so judging it so often finds it at rest."""


class TransactionReused(Exception):
    """A provider reported a transaction number again with another amount, date or notice; nothing was booked."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(str(payment))
        self.payment = payment


@dataclass(frozen=True)
class _Report:
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

    def repeats(self, payment: Payment) -> bool:
        return (payment.amount_fen, payment.paid_on, payment.given_number) == (
            self.amount_fen,
            self.paid_on,
            self.given_number,
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
    report = _Report(
        provider=provider or channel,
        provider_txn=provider_txn,
        channel=channel,
        given_number=_written(notice_number or pay_code),
        amount_fen=amount_fen,
        paid_on=paid_on,
        payer=payer[:100],
        actor=actor,
        at=at or timezone.now(),
    )
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
    if payment is None:
        return None
    return PaymentException.objects.get_or_create(payment=payment, defaults={"reason": reason})[0]


def find_notice(text: str) -> Notice | None:
    """The notice with a typed or scanned number; raises InvalidNumber when no notice can have it."""
    return Notice.objects.with_number(parse_number(text)).select_related("superseded_by").first()


def verdict(notice: Notice | None, *, channel: str, amount_fen: int, paid_on: date) -> str:
    """Why this money would not settle this notice, as a `Reason`, or an empty text when it would."""
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


def _written(text: str) -> str:
    """The number as given, tidied when it is well-formed, so that a replay is recognised however it was grouped."""
    try:
        return parse_number(text).digits
    except InvalidNumber:
        return text[:40]


def _booked(report: _Report) -> Payment | None:
    return Payment.objects.filter(provider=report.provider, provider_txn=report.provider_txn).first()


def _post(report: _Report) -> Payment:
    """Settles and stores in one transaction; the UPDATE of the notice is the judge between two payments at once."""
    notice, reason = _judge_and_settle(report)
    payment = Payment.objects.create(
        provider=report.provider,
        provider_txn=report.provider_txn,
        channel=report.channel,
        given_number=report.given_number,
        notice=notice,
        amount_fen=report.amount_fen,
        paid_on=report.paid_on,
        booked_at=report.at,
        payer=report.payer,
        outcome=Payment.Outcome.EXCEPTION if reason else Payment.Outcome.SETTLED,
        actor_role=str(report.actor.role),
        actor_user_id=report.actor.user_id,
        actor_office_id=report.actor.office_id,
    )
    if reason:
        PaymentException.objects.create(payment=payment, reason=reason, opened_at=report.at)
    return payment


def _judge_and_settle(report: _Report) -> tuple[Notice | None, str]:
    """Settles the notice the money is for, or says why not; looks again when the notice moved while we judged it."""
    for _try in range(MAX_LOOKS):
        named = _find(report.given_number)
        notice = latest(named) if named else None
        reason = verdict(notice, channel=report.channel, amount_fen=report.amount_fen, paid_on=report.paid_on)
        if reason and notice != named:
            return named, Reason.SUPERSEDED
        if reason or (notice is not None and _settle(notice, report)):
            return notice, reason
    return named, Reason.DUPLICATE


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


def _settle(notice: Notice, report: _Report) -> bool:
    moved = NoticeWorkflow.settle.move(
        [notice.pk],
        SYSTEM,
        at=report.at,
        changes={"paid_on": report.paid_on, "paid_at": report.at},
        codes={"channel": report.channel, "provider": report.provider},
    )
    return bool(moved)
