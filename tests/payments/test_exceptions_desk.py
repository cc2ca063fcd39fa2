"""The exceptions desk: money that waits is assigned, paid back, kept or let stand, by as many persons as it needs."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from payments import exceptions, ledger
from payments.exceptions import NotDecidable, confirm, decide, open_proposal, refuse
from payments.models import (
    Account,
    Action,
    ExceptionDecision,
    Notice,
    Payment,
    PaymentException,
    PayoutState,
    Reason,
    Receipt,
    Step,
)
from payments.services import open_exception, receipt_of, supersede_notice
from payments.states import State
from portal.people.actors import SYSTEM, Role
from portal.people.models import Resident
from tests.payments.notices import DUE_ON, NOON, draft, issue, pay
from tests.payments.test_ledger import check_books
from tests.people_cast import ResidentFactory, actor, make_staff, office, region, sign_in

pytestmark = pytest.mark.django_db


def waiting(payment: Payment) -> PaymentException:
    """The exception about a payment."""
    return PaymentException.objects.get(payment=payment)


def unknown(amount_fen: int = 40_000, **fields) -> PaymentException:
    """Money with a number nobody knows, reported in Xiufeng."""
    payment = pay(issue(), notice_number="12", amount_fen=amount_fen, **fields)
    return waiting(payment)


def same_payer() -> tuple[PaymentException, Notice]:
    """Money that was paid by a channel the notice does not know, and another notice of the same person."""
    resident: Resident = ResidentFactory()
    named = issue(resident=resident)
    return waiting(pay(named, channel="ICBC")), named


def test_one_cashier_assigns_money_to_the_name_it_was_paid_for(cast):
    """N6, N10: the wrong bank was a mistake of the channel: one person puts it right, the day it was paid on stays."""
    exception, notice = same_payer()
    step = decide(exception, action=Action.ASSIGN, notice=notice, actor=actor(cast.cashier))
    assert step.step == Step.CONFIRMED
    notice.refresh_from_db()
    exception.refresh_from_db()
    assert (notice.state, notice.paid_on) == (State.PAID, exception.payment.paid_on)
    assert exception.resolved_at is not None
    moved = notice.payments.get(outcome=Payment.Outcome.SETTLED)
    assert (moved.source, receipt_of(moved).amount_fen) == (exception.payment, 40_000)
    assert (ledger.balance(Account.SUSPENSE), ledger.balance(Account.COLLECTED)) == (0, -40_000)
    check_books()


def test_money_for_another_name_needs_a_second_person(cast):
    """N6: proposed by one, confirmed by another; the proposer cannot, and the database knows it."""
    exception, notice = unknown(), issue()
    proposed = decide(exception, action=Action.ASSIGN, notice=notice, actor=actor(cast.cashier))
    assert proposed.step == Step.PROPOSED
    check_books()
    with pytest.raises(NotDecidable):
        confirm(exception, actor=actor(cast.cashier))
    with pytest.raises(NotDecidable):
        decide(exception, action=Action.REFUND, actor=actor(cast.second_cashier))
    confirm(exception, actor=actor(cast.second_cashier))
    notice.refresh_from_db()
    assert notice.state == State.PAID
    check_books()
    with pytest.raises(IntegrityError), transaction.atomic():
        ExceptionDecision.objects.create(
            exception=exception, turn=9, action=Action.KEEP, step=Step.CONFIRMED, actor_user_id=5, proposed_by=5
        )


def test_refused_proposal_leaves_the_money_waiting(cast):
    """N6: the second person says no; another proposal may follow."""
    exception = unknown()
    decide(exception, action=Action.REFUND, actor=actor(cast.cashier))
    refuse(exception, actor=actor(cast.second_cashier))
    assert open_proposal(exception) is None
    exception.refresh_from_db()
    assert exception.resolved_at is None
    decide(exception, action=Action.REFUND, actor=actor(cast.second_cashier))
    confirm(exception, actor=actor(cast.cashier))
    assert (ledger.balance(Account.SUSPENSE), ledger.balance(Account.REFUNDS)) == (0, -40_000)
    [waiting] = exceptions.payouts_of(exception)
    assert (waiting.amount_fen, waiting.state) == (40_000, PayoutState.BY_HAND)
    assert [row.turn for row in exception.decisions.all()] == [1, 1, 2, 2]
    check_books()


def test_kept_money_stays_open_until_its_owner_is_found(cast):
    """N6: written to suspense by one person; a year later it can still be assigned."""
    exception, notice = unknown(), issue()
    decide(exception, action=Action.KEEP, actor=actor(cast.cashier))
    exception.refresh_from_db()
    assert exception.kept_at is not None
    assert list(PaymentException.objects.all().waiting()) == []
    assert ledger.balance(Account.SUSPENSE, "kept") == -40_000
    assert Action.KEEP not in exceptions.actions_for(exception)
    decide(exception, action=Action.ASSIGN, notice=notice, actor=actor(cast.cashier))
    confirm(exception, actor=actor(cast.second_cashier))
    check_books()


@pytest.mark.parametrize("wrong", ["amount", "paid", "late", "none"])
def test_money_is_assigned_exactly_or_not_at_all(cast, wrong):
    """N6, E10: another amount, a paid notice or a missed day is refused, and nothing is written."""
    late = {"paid_on": DUE_ON + timedelta(days=1)} if wrong == "late" else {}
    exception = unknown(amount_fen=39_999 if wrong == "amount" else 40_000, **late)
    notice = issue()
    if wrong == "paid":
        pay(notice)
    with pytest.raises(NotDecidable):
        decide(exception, action=Action.ASSIGN, notice=None if wrong == "none" else notice, actor=actor(cast.cashier))
    assert not ExceptionDecision.objects.exists()


def test_money_nobody_waits_for_moves_to_the_new_notice(cast):
    """N10: settled an old case, wanted by the new one: the old receipt is reversed, the new one issued, by two."""
    old = issue()
    payment = pay(old)
    exception = open_exception(old)
    new = issue(resident=old.resident)
    decide(exception, action=Action.ASSIGN, notice=new, actor=actor(cast.cashier))
    confirm(exception, actor=actor(cast.second_cashier))
    for notice in (old, new):
        notice.refresh_from_db()
    assert (old.state, new.state) == (State.REFUNDED, State.PAID)
    assert receipt_of(payment) is None
    assert Receipt.objects.filter(notice=old).count() == 2
    assert (ledger.balance(Account.REFUNDS), ledger.balance(Account.COLLECTED)) == (0, -40_000)
    check_books()


def test_money_handed_over_by_mistake_stays_with_its_notice(cast):
    """N6: one person says that nothing is to be done; the books follow."""
    notice = issue()
    pay(notice)
    exception = open_exception(notice)
    decide(exception, action=Action.DISMISS, actor=actor(cast.cashier))
    notice.refresh_from_db()
    assert (notice.state, ledger.notice_balance(notice)) == (State.PAID, {Account.COLLECTED: -40_000})
    check_books()


def test_money_on_an_old_number_is_settled_or_flagged_never_lost(cast):
    """N10: the chain of a notice made anew twice; the money lands on the last one, or waits and is assigned to it."""
    wanted = draft()
    first = issue(**vars(wanted))
    second = supersede_notice(first, draft(reference=first.reference, resident=first.resident, amount_fen=30_000),
                              actor=SYSTEM, at=NOON)  # fmt: skip
    assert waiting(pay(first)).reason == Reason.SUPERSEDED
    exact = pay(first, amount_fen=30_000, channel="ICBC")
    exception = waiting(exact)
    decide(exception, action=Action.ASSIGN, notice=second, actor=actor(cast.cashier))
    second.refresh_from_db()
    assert second.state == State.PAID
    check_books()


def test_nobody_decides_about_money_of_their_own_household(cast):
    """N19: a cashier who is Zhang's wife at home does not assign to Zhang."""
    assert cast.li
    at_home = make_staff("li-cashier", Role.CASHIER, "450302", own_id_index=cast.li.id_index)
    with pytest.raises(NotDecidable):
        decide(unknown(), action=Action.ASSIGN, notice=issue(resident=cast.zhang), actor=actor(at_home))


def test_money_without_a_notice_is_seen_where_it_was_reported(client, cast):
    """RELIABILITY §3: by cashiers of that area; where nobody knows the place, by those of the city."""
    teller = actor(cast.cashier)
    here = unknown(actor=teller)
    nowhere = unknown()
    away = make_staff("away", Role.CASHIER, "450305")
    city = make_staff("city", Role.CASHIER, "450300")
    seen = PaymentException.objects.visible_to
    assert list(seen(teller)) == [here]
    assert list(seen(actor(away))) == []
    assert set(seen(actor(city))) == {here, nowhere}
    sign_in(client, away)
    assert client.get(reverse("payments:exception", args=[here.pk])).status_code == 404


def test_cashier_works_through_the_desk(client, cast):
    """N6: the list with reason and age, the page of one, propose, and the second person's confirmation."""
    office("county_centre", "450302")
    exception = unknown(actor=actor(cast.cashier))
    notice = issue()
    sign_in(client, cast.cashier)
    assertContains(client.get(reverse("payments:exceptions")), reverse("payments:exception", args=[exception.pk]))
    address = reverse("payments:exception", args=[exception.pk])
    assertContains(client.post(address, {"action": "assign", "number": ""}), "govuk-error-message")
    assertContains(client.post(address, {"action": "assign", "number": "1111"}), "govuk-error-message")
    answer = client.post(address, {"action": "assign", "number": notice.grouped_number})
    assert answer.status_code == 302
    assertNotContains(client.get(address), reverse("payments:confirm_decision", args=[exception.pk]))
    sign_in(client, cast.second_cashier)
    assertContains(client.get(address), reverse("payments:confirm_decision", args=[exception.pk]))
    client.post(reverse("payments:confirm_decision", args=[exception.pk]), {"answer": "confirm"})
    notice.refresh_from_db()
    assert notice.state == State.PAID
    sign_in(client, cast.auditor)
    assert client.get(address).status_code == 200
    assert client.post(address, {"action": "keep"}).status_code == 403


def test_second_cashier_refuses_a_refund_on_the_page(client, cast):
    """E10: beside confirming stands refusing; the payment stands afterwards."""
    notice = issue()
    pay(notice)
    sign_in(client, cast.cashier)
    client.post(reverse("payments:propose_refund", args=[notice.pk]), {"reason": "paid_twice", "version": 2})
    sign_in(client, cast.second_cashier)
    notice.refresh_from_db()
    assertContains(client.get(reverse("payments:desk_notice", args=[notice.pk])), "refuse-refund")
    client.post(reverse("payments:refuse_refund", args=[notice.pk]), {"version": notice.version})
    notice.refresh_from_db()
    assert (notice.state, region("450302").code) == (State.PAID, "450302")
