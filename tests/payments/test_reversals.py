"""Money that the bank takes back: shown to the exceptions desk once, gone from the books to the fen, whoever told of it
first and in whatever order the lines come (N6, E6, E8).
"""

from datetime import timedelta

import pytest
from django.urls import reverse
from pytest_django.asserts import assertContains

from payments import closing, exceptions, ledger
from payments.collective import issue_collective
from payments.models import Account, LineOutcome, Notice, PaidBy, Payment, PaymentException, Payout, Reason, Receipt
from payments.services import confirm_refund, propose_refund
from payments.statement_writers import write_alipay, write_nontax, write_wechat
from payments.states import State
from portal.outbox.models import Message
from portal.people.actors import SYSTEM, Actor, Role
from tests.payments.notices import NOON, TODAY, issue, pay, snapshot
from tests.payments.test_ledger import check_books
from tests.payments.test_statements import bring, card_notice, december, outcomes, row
from tests.people_cast import ResidentFactory, cast, region, sign_in

__all__ = ["cast", "december"]
pytestmark = pytest.mark.django_db
FIRST, SECOND = Actor(Role.CASHIER, user_id=1), Actor(Role.CASHIER, user_id=2)
BOOKED, REVERSED, MATCHED = LineOutcome.BOOKED, LineOutcome.REVERSED, LineOutcome.MATCHED


def detail(*rows, on=TODAY) -> bytes:
    """A bank detail of these lines."""
    return write_nontax(list(rows), bank_code="ICBC", on=on)


def bill(*rows) -> bytes:
    """A bill of WeChat Pay of these lines."""
    return write_wechat(list(rows), merchant="16", app="wx")


def handled_once(notice: Notice | None) -> None:
    """One exception that says so and ends with one decision of two persons; then nothing is open, and nothing lies."""
    check_books()
    waiting = PaymentException.objects.get(resolved_at=None)
    assert exceptions.was_taken_back(waiting)
    assert exceptions.actions_for(waiting) == ["dismiss"]
    exceptions.decide(waiting, action="dismiss", actor=FIRST)
    if notice is not None:
        exceptions.confirm(waiting, actor=SECOND)
        notice.refresh_from_db()
        assert notice.state == State.REFUNDED
        assert not Receipt.objects.standing().filter(notice=notice).exists()
        (told,) = Message.objects.filter(template="payments_taken_back")
        assert notice.grouped_number in told.body
    assert not Message.objects.filter(template="payments_refunded").exists()
    assert not PaymentException.objects.filter(resolved_at=None).exists()
    assert not Payout.objects.exists()
    for account in Account.values:
        assert ledger.balance(account) == 0
    check_books()


FILES = ["one", "one, reversal first", "two", "two, reversal first", "two, both in the later"]


@pytest.mark.parametrize("files", FILES)
def test_reversal_by_a_bank_in_the_same_file_or_a_later_one(files):
    """N6, E6: in either order; the notice is paid only where the payment came first, and the same lines again add
    nothing.
    """
    notice = card_notice()
    paid = row(notice)
    back = row(notice, txn=paid.txn, takes_back=True)
    later = TODAY + timedelta(days=1)
    if files == "one":
        assert outcomes(bring(detail(paid, back))) == [BOOKED, REVERSED]
    elif files == "one, reversal first":
        assert outcomes(bring(detail(back, paid))) == [REVERSED, BOOKED]
    elif files == "two":
        assert [outcomes(bring(detail(paid))), outcomes(bring(detail(back, on=later)))] == [[BOOKED], [REVERSED]]
    elif files == "two, reversal first":
        assert [outcomes(bring(detail(back))), outcomes(bring(detail(paid, on=later)))] == [[REVERSED], [MATCHED]]
    else:
        bring(detail(paid))
        assert outcomes(bring(detail(paid, back, on=later))) == [MATCHED, REVERSED]
    again = bring(detail(paid, back, row(card_notice()), on=later + timedelta(days=1)))
    assert outcomes(again) == [MATCHED, REVERSED, BOOKED]
    pay_back_the_other(again)
    handled_once(None if "two, reversal first" in files else notice)


def pay_back_the_other(statement) -> None:
    """The third line of the file is good money of somebody else: it leaves the books, so that they can be looked at."""
    other = statement.rows.get(outcome=BOOKED).payment
    ledger.post_taken_back(other, amount_fen=other.amount_fen, at=NOON)
    Notice.objects.filter(pk=other.notice_id).update(state=State.REFUNDED)


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_reversal_of_a_payment_that_a_callback_told_of(provider):
    """N6: refunded on the merchant's own page: no refund of ours, so the desk hears of it, by the bill of either."""
    notice = issue()
    pay(notice, channel="online", provider=provider, provider_txn="42000001")
    back = row(notice, txn="42000001", number=notice.number, takes_back=True, payer="")
    if provider == "wechat":
        content, name = bill(back), "wx.csv"
    else:
        content, name = write_alipay([back], account="2088", on=TODAY), "ali.zip"
    assert outcomes(bring(content, name)) == [REVERSED]
    handled_once(notice)


def test_reversal_of_money_nobody_knows_and_of_money_that_waits():
    """N6: unknown: one exception, decided by one person; money that waited for a decision waits no more. The day of the
    unknown one can be closed: its only line is the reversal.
    """
    unknown = row(card_notice(), takes_back=True)
    for day in (TODAY, TODAY + timedelta(days=1)):
        assert outcomes(bring(detail(unknown, on=day))) == [REVERSED]
    closing.close_day(region=region("450302"), channel="ICBC", on=TODAY, actor=FIRST)
    handled_once(None)
    waits = row(number="88888888")
    bring(detail(waits, row(card_notice(), txn="other", takes_back=True), on=TODAY + timedelta(days=2)))
    assert PaymentException.objects.get(payment__provider_txn=waits.txn).resolved_at is None
    back = row(txn=waits.txn, amount_fen=waits.amount_fen, takes_back=True)
    bring(detail(back, on=TODAY + timedelta(days=3)))
    assert PaymentException.objects.get(payment__provider_txn=waits.txn).resolved_at is not None
    assert ledger.balance(Account.SUSPENSE) == ledger.balance(Account.BANK) == 0


def test_reversal_of_money_that_was_decided_about_before_is_shown_again():
    """N6: "it stands" was said before the bank took it back."""
    notice = issue()
    payment = pay(notice, channel="online", provider="wechat", provider_txn="42000002")
    decided = {"reason": Reason.NOT_WAITING, "opened_at": NOON, "resolved_at": NOON}
    shown = PaymentException.objects.create(payment=payment, **decided)
    bring(bill(row(notice, txn="42000002", number=notice.number, takes_back=True)), "wx.csv")
    shown.refresh_from_db()
    assert shown.resolved_at is None
    handled_once(notice)


def test_reversal_of_a_notice_for_several_people_leaves_every_member(client, cast):
    """N6, N13: a village's payment bounces: two persons decide once, every member's receipt is reversed, each payer is
    told that the notice is not paid any more.
    """
    policy, payer = snapshot(), ResidentFactory()
    members = [issue(policy=policy, kind="nontax") for _member in range(3)]
    whole = issue_collective(
        purpose="test.whole", reference="w", members=members, payer=payer, region=region("450302001"), office=None,
        policy=policy, actor=SYSTEM, at=NOON,
    )  # fmt: skip
    paid = row(whole, amount_fen=6_000)
    bring(detail(paid))
    bring(detail(row(whole, txn=paid.txn, amount_fen=6_000, takes_back=True), on=TODAY + timedelta(days=1)))
    waiting = PaymentException.objects.get()
    sign_in(client, cast.cashier)
    page = reverse("payments:exception", args=[waiting.pk])
    assertContains(client.post(page, {"action": "dismiss"}, follow=True), "已提出")
    exceptions.confirm(waiting, actor=SECOND)
    for one in (*members, whole):
        one.refresh_from_db()
        assert one.state == State.REFUNDED
    assert not Receipt.objects.standing().exists()
    assert Receipt.objects.count() == 6
    assert Message.objects.filter(template="payments_taken_back").count() == 3
    assert (ledger.balance(Account.BANK), ledger.balance(Account.COLLECTED), Payout.objects.count()) == (0, 0, 0)


def test_part_of_a_payment_is_taken_back_and_the_rest_is_paid_back():
    """N6, E10: the merchant's page refunded 100 of 400 yuan, then 50 more: the books follow to the fen, and the desk
    pays the rest back by two persons.
    """
    notice = issue()
    pay(notice, channel="online", provider="wechat", provider_txn="42000003")
    for number, fen in (("MR1", 10_000), ("MR2", 5_000), ("MR1", 10_000)):
        part = row(notice, txn="42000003", number=notice.number, amount_fen=fen, takes_back=True, refund_number=number)
        assert outcomes(bring(bill(part), f"{number}.csv")) == [REVERSED]
    assert ledger.balance(Account.BANK) == 25_000
    assert ledger.balance(Account.SUSPENSE) == -25_000
    waiting = PaymentException.objects.get()
    exceptions.decide(waiting, action="dismiss", actor=FIRST)
    exceptions.confirm(waiting, actor=SECOND)
    payout = Payout.objects.get()
    assert (payout.amount_fen, payout.total_fen, payout.provider) == (25_000, 40_000, "wechat")
    assert "250.00" in Message.objects.get(template="payments_refunded").body


def test_part_of_money_that_waits_is_taken_back_and_the_rest_is_refunded():
    """N6: what is left of it asks for no notice: it is paid back, or kept."""
    payment = pay(issue(), channel="online", provider="wechat", provider_txn="42000004", amount_fen=30_000)
    part = row(txn="42000004", amount_fen=10_000, takes_back=True)
    bring(bill(part), "wx.csv")
    waiting = PaymentException.objects.get(payment=payment)
    assert exceptions.actions_for(waiting) == ["refund", "keep"]
    exceptions.decide(waiting, action="refund", actor=FIRST)
    exceptions.confirm(waiting, actor=SECOND)
    assert Payout.objects.get().amount_fen == 20_000
    assert ledger.balance(Account.SUSPENSE) == 0


def test_more_than_was_paid_is_named_and_not_booked():
    """N6: the bank takes back more than it brought: a difference, no reversal."""
    notice = card_notice()
    paid = row(notice)
    bring(detail(paid))
    more = row(notice, txn=paid.txn, amount_fen=2_001, takes_back=True)
    assert outcomes(bring(detail(more, on=TODAY + timedelta(days=1)))) == [LineOutcome.DIFFERS]
    assert ledger.balance(Account.BANK) == 2_000
    assert not PaymentException.objects.exists()


def test_bill_that_knows_a_refund_paid_by_hand_says_that_it_left_twice(cast):
    """E10: the service paid our number after all: people must know; the books stay as they are."""
    notice = issue()
    pay(notice, channel="online", provider="wechat", provider_txn="42000005")
    propose_refund(notice, reason="paid_twice", actor=FIRST)
    confirm_refund(notice, actor=SECOND)
    Payout.objects.update(state="done", paid_by=PaidBy.HAND, paid_on=TODAY, done_at=NOON, actor_user_id=1, ask_at=None)
    number = Payout.objects.get().number
    bring(bill(row(notice, txn="42000005", number=notice.number, takes_back=True, refund_number=number)), "wx.csv")
    assert Payout.objects.get().fault == "paid_twice"
    assert Payment.objects.count() == 1
