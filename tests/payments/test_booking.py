"""Booking money: every way it can be right or wrong, and nothing is lost."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from payments import numbers
from payments.models import Notice, Payment, PaymentException, Reason
from payments.services import (
    TransactionReused,
    cancel_notices,
    confirm_refund,
    open_exception,
    propose_refund,
    supersede_notice,
)
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.audit.append_only import Immutable
from portal.people.actors import SYSTEM, Actor, Role
from portal.regions.calendar import SHANGHAI
from tests.payments.notices import DUE_ON, NOON, TODAY, draft, issue, pay

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def reason_of(payment: Payment) -> str:
    """Why the payment waits, or an empty text when it settled its notice."""
    assert (payment.outcome == Payment.Outcome.SETTLED) != PaymentException.objects.filter(payment=payment).exists()
    return "" if payment.settled else payment.exception.reason


def sweep(at: datetime) -> None:
    """Runs the deadline of notices as the worker does at a moment."""
    with time_machine.travel(at, tick=False):
        while NoticeWorkflow.expire.sweep():
            pass


def test_exact_payment_settles_the_notice():
    """S1-08, E5: exact amount, in time, by a channel of the region."""
    notice = issue()
    payment = pay(notice)
    notice.refresh_from_db()
    assert reason_of(payment) == ""
    assert (notice.state, notice.paid_on, notice.due_at, notice.remind_at) == (State.PAID, TODAY, None, None)
    assert notice.paid_at is not None
    assert notice.timeline.last().transition == "settle"


def test_teller_may_use_number_or_pay_code_in_any_grouping():
    """N7: notice number and pay code name the same notice."""
    first, second = issue(), issue(kind="nontax")
    assert pay(first, notice_number=first.grouped_number).settled
    assert pay(second, notice_number="", pay_code=second.grouped_pay_code).settled


@pytest.mark.parametrize("kind", ["premium", "nontax"])
def test_every_channel_of_the_kind_posts_the_same_way(kind):
    """E3, S1-09, S1-10, S1-11, S1-12, S1-13, S4-19: each allowed channel settles, the other kind's channels do not."""
    own = [channel.code for channel in issue(kind=kind).channels]
    assert len(own) == 3
    assert all(pay(issue(kind=kind), channel=code).settled for code in own)
    stranger = "ICBC" if kind == "premium" else "coop"
    assert reason_of(pay(issue(kind=kind), channel=stranger)) == Reason.WRONG_BANK


@pytest.mark.parametrize("amount_fen", [39_999, 40_001, 1, 80_000])
def test_wrong_amount_waits_at_the_exceptions_desk(amount_fen):
    """E6, REL-B2: one fen under or over does not settle, and the money is on the books."""
    notice = issue()
    payment = pay(notice, amount_fen=amount_fen)
    assert reason_of(payment) == Reason.WRONG_AMOUNT
    assert (payment.notice, payment.amount_fen) == (notice, amount_fen)
    notice.refresh_from_db()
    assert notice.state == State.ISSUED
    assert pay(notice).settled


@pytest.mark.parametrize("number", ["6126000000000", "not a number", "", numbers.notice_number("premium", 2026, 77)])
def test_money_for_an_unknown_number_is_kept(number):
    """E6: a mistyped or foreign number loses no money."""
    payment = pay(issue(), notice_number=number)
    assert reason_of(payment) == Reason.UNKNOWN_NOTICE
    assert payment.notice is None


def test_second_payment_is_a_duplicate():
    """E6, REL-R4: the second money waits to be paid back, the notice stays as the first one left it."""
    notice = issue()
    assert pay(notice, paid_on=TODAY).settled
    assert reason_of(pay(notice, paid_on=TODAY + timedelta(days=1), channel="online")) == Reason.DUPLICATE
    notice.refresh_from_db()
    assert notice.paid_on == TODAY
    assert notice.timeline.count() == 2


@pytest.mark.parametrize("refunded", [False, True])
def test_money_after_a_refund_is_a_duplicate(refunded):
    """REL-I2: a callback after the refund is booked and waits; the refund stands."""
    notice = issue()
    pay(notice)
    notice.refresh_from_db()
    propose_refund(notice, reason="rejected", actor=Actor(Role.CASHIER, user_id=900))
    if refunded:
        confirm_refund(notice, actor=Actor(Role.CASHIER, user_id=901))
    assert reason_of(pay(notice)) == Reason.DUPLICATE


def test_same_transaction_is_booked_once():
    """REL-I1: a report that comes again changes nothing and answers with the first payment."""
    notice = issue()
    first = pay(notice, provider_txn="T1")
    assert pay(notice, provider_txn="T1").pk == first.pk
    assert pay(notice, provider_txn="T1", notice_number=notice.grouped_number).pk == first.pk
    assert Payment.objects.count() == 1
    assert pay(issue(), provider_txn="T1", provider="another").settled


@pytest.mark.parametrize("other", [{"amount_fen": 1}, {"paid_on": DUE_ON}, {"notice_number": "1"}])
def test_reused_transaction_number_with_other_facts_is_reported(other):
    """REL-I6: the same key with other content is told, never booked and never swallowed."""
    notice = issue()
    first = pay(notice, provider_txn="T1")
    with pytest.raises(TransactionReused) as refusal:
        pay(notice, provider_txn="T1", **other)
    assert refusal.value.payment == first
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(("amount_fen", "txn"), [(0, "T"), (-40_000, "T"), (40_000, "")])
def test_payment_without_amount_or_transaction_is_refused(amount_fen, txn):
    """REL-B1: no negative money and nothing that could not be recognised again."""
    with pytest.raises(ValueError, match="amount"):
        pay(issue(), amount_fen=amount_fen, provider_txn=txn)


def test_money_paid_in_time_reinstates_an_expired_notice():
    """REL-I3, ARCHITECTURE §5: paid on the last day, booked after the clearing days: in time."""
    notice = issue()
    sweep(datetime(2026, 12, 4, 0, 0, tzinfo=SHANGHAI))
    notice.refresh_from_db()
    assert (notice.state, notice.due_at) == (State.EXPIRED, None)
    assert pay(notice, paid_on=DUE_ON).settled
    notice.refresh_from_db()
    assert (notice.state, notice.paid_on) == (State.PAID, DUE_ON)


def test_notice_waits_for_its_clearing_days():
    """B9: the pay-by date has passed, money of that day may be on its way; a second before the end nothing expires."""
    notice = issue()
    sweep(datetime(2026, 12, 3, 23, 59, 59, tzinfo=SHANGHAI))
    notice.refresh_from_db()
    assert (notice.state, notice.is_overdue(date(2026, 12, 1))) == (State.ISSUED, True)


def test_money_paid_a_day_late_is_an_exception_before_and_after_expiry():
    """E6: late is what was paid after the pay-by date, whatever the state."""
    notice = issue()
    late = DUE_ON + timedelta(days=1)
    assert reason_of(pay(notice, paid_on=late)) == Reason.LATE
    sweep(datetime(2026, 12, 4, 0, 0, tzinfo=SHANGHAI))
    assert reason_of(pay(notice, paid_on=late)) == Reason.LATE
    notice.refresh_from_db()
    assert notice.state == State.EXPIRED


def test_money_for_a_cancelled_notice_is_an_exception():
    """REL-I3: the money is booked, the case goes to the cashier."""
    notice = issue()
    cancel_notices(purpose=notice.purpose, references=[notice.reference], actor=SYSTEM, reason="withdrawn")
    assert reason_of(pay(notice)) == Reason.CANCELLED


def test_money_on_an_old_number_settles_the_successor():
    """N10: paid on the oldest paper of a chain, the newest notice is settled."""
    wanted = draft()
    first = issue(**vars(wanted))
    second = supersede_notice(first, wanted, actor=SYSTEM, at=NOON)
    third = supersede_notice(second, wanted, actor=SYSTEM, at=NOON)
    payment = pay(first)
    third.refresh_from_db()
    assert reason_of(payment) == ""
    assert (payment.notice, payment.given_number) == (third, first.number)
    assert third.state == State.PAID


def test_money_on_an_old_number_with_another_amount_is_flagged():
    """N10: the successor asks for another amount, so the money waits under the old notice."""
    first = issue()
    cheaper = draft(reference=first.reference, resident=first.resident, amount_fen=16_000)
    second = supersede_notice(first, cheaper, actor=SYSTEM, at=NOON)
    payment = pay(first)
    second.refresh_from_db()
    assert (reason_of(payment), payment.notice, second.state) == (Reason.SUPERSEDED, first, State.ISSUED)
    assert pay(second).settled
    assert reason_of(pay(first, amount_fen=16_000)) == Reason.SUPERSEDED


def test_new_notice_takes_the_place_of_an_expired_one():
    """N10: the case got a new notice after the first expired; in-time money for the first settles the second, once."""
    wanted = draft()
    old = issue(**vars(wanted))
    sweep(datetime(2026, 12, 4, 0, 0, tzinfo=SHANGHAI))
    new = issue(at=datetime(2026, 12, 4, 4, 0, tzinfo=SHANGHAI), **vars(wanted))
    old.refresh_from_db()
    assert (old.state, old.superseded_by) == (State.CANCELLED, new)
    assert pay(old, paid_on=DUE_ON).notice == new


def test_settled_money_can_be_handed_to_the_exceptions_desk():
    """ARCHITECTURE §1: money for an application that no longer waits goes to the exceptions desk, once."""
    notice = issue()
    assert open_exception(notice) is None
    pay(notice)
    opened = open_exception(notice)
    assert (opened.reason, open_exception(notice).pk) == (Reason.NOT_WAITING, opened.pk)


@pytest.mark.parametrize("statement", ["UPDATE payments_payment SET amount_fen = 1", "DELETE FROM payments_payment"])
def test_booked_money_cannot_be_changed(statement):
    """N8: payments are append-only for the models and for the database."""
    payment = pay(issue())
    with pytest.raises(Immutable):
        payment.save()
    with pytest.raises(Immutable):
        Payment.objects.update(amount_fen=1)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_failing_reaction_does_not_undo_the_booking():
    """ARCHITECTURE §1: money arrived is a fact; an upper app that stumbles is retried, the money stays booked."""

    def stumble(batch):
        raise RuntimeError

    notice = issue()
    NoticeWorkflow.settle.reactions.append(stumble)
    try:
        assert pay(notice).settled
    finally:
        NoticeWorkflow.settle.reactions.remove(stumble)
    assert Notice.objects.get(pk=notice.pk).state == State.PAID
