"""Confirmed refunds leave once: by the service that took the money, or by hand, and the books know when (E10, N8)."""

from datetime import timedelta
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains

from payments import exceptions, ledger, orders, payouts
from payments.gateways.base import BackOutcome, BackReport, Unreachable
from payments.models import (
    Account,
    Action,
    Journal,
    JournalKind,
    Notice,
    PaidBy,
    Payment,
    Payout,
    PayoutState,
    Reason,
    Statement,
)
from payments.sandbox import book, statements, wechat
from payments.sandbox.faults import BackFault, Fault
from payments.services import confirm_refund, propose_refund
from payments.statement_formats import detect, parse
from payments.statements import import_chunk
from payments.states import State
from portal.audit.models import AuditEntry
from portal.design.paging import keyed_page
from portal.outbox.models import Message
from portal.people.actors import SYSTEM, Role
from tests.payments.notices import issue, pay
from tests.payments.test_ledger import check_books
from tests.people_cast import actor, make_staff, region, sign_in

pytestmark = pytest.mark.django_db
PROVIDERS = ("wechat", "alipay")


def paid_online(bank, provider="wechat", fault="") -> Notice:
    """A notice paid through a channel, whose refunds go wrong as asked."""
    order = orders.pay_now(issue(at=timezone.now()), provider, actor=SYSTEM)
    bank.pay(order)
    book.set_wish(provider, order.number, fault)
    return Notice.objects.get(pk=order.notice_id)


def refunded(notice: Notice, cast) -> Payout:
    """The payout after two persons have agreed to pay back."""
    propose_refund(notice, reason="paid_twice", actor=actor(cast.cashier))
    confirm_refund(notice, actor=actor(cast.second_cashier))
    return Payout.objects.get(notice=notice)


def later(**time) -> None:
    """The worker comes round after a while."""
    payouts.send_due(at=timezone.now() + timedelta(**time))


def is_paid_once(payout: Payout, by: str = PaidBy.PROVIDER) -> None:
    """One payout in the books, nothing owed, one message, and one refund at the bank at most."""
    payout.refresh_from_db()
    assert (payout.state, payout.paid_by) == (PayoutState.DONE, by)
    assert Journal.objects.filter(kind=JournalKind.PAID_OUT).count() == 1
    assert ledger.balance(Account.REFUNDS) == ledger.balance(Account.BANK) == 0
    assert Message.objects.filter(key=f"payments.paid_out:{payout.pk}").count() == 1
    assert len(book.rows("SELECT * FROM payback")) <= 1
    check_books()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_online_payment_goes_back_the_way_it_came(bank, cast, provider):
    """E10: after the second person's word the service is asked, and the books wait for its yes."""
    payout = refunded(paid_online(bank, provider), cast)
    assert (payout.state, payout.provider, payout.amount_fen) == (PayoutState.WAITING, provider, 40_000)
    assert not book.rows("SELECT * FROM payback")
    later(seconds=1)
    payout.refresh_from_db()
    if provider == "wechat":
        assert payout.state == PayoutState.SENT
        assert ledger.balance(Account.REFUNDS) == -40_000
    bank.tell()
    is_paid_once(payout)
    [back] = book.rows("SELECT * FROM payback")
    assert (back["refund_number"], back["amount_fen"]) == (payout.number, 40_000)
    for _again in range(3):
        later(days=1)
        bank.tell()
    is_paid_once(payout)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_lost_answer_is_asked_for_and_not_sent_again(bank, cast, provider):
    """REL-K: the bank paid, its answer and its callback were lost; the question finds it."""
    payout = refunded(paid_online(bank, provider, BackFault.SILENT), cast)
    later(seconds=1)
    payout.refresh_from_db()
    assert payout.state == PayoutState.SENT
    assert ledger.balance(Account.REFUNDS) == -40_000
    row = book.payback(provider, payout.number)
    with book.opened() as opened:
        opened.execute("UPDATE payback SET ends_at = 0 WHERE back_id = ?", (row["back_id"],))
    later(minutes=2)
    is_paid_once(payout)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_silent_service_is_asked_with_the_same_number(bank, cast, provider):
    """REL-K: killed or cut off between request and answer, before the bank heard of it: the same number again."""
    payout = refunded(paid_online(bank, provider), cast)
    bank.is_down = True
    for days in range(5):
        later(days=days)
    payout.refresh_from_db()
    assert (payout.state, payout.asked) == (PayoutState.SENT, 5)
    bank.is_down = False
    later(days=6)
    bank.tell()
    is_paid_once(payout)
    assert book.payback(provider, payout.number) is not None


class Killed(BaseException):
    """The worker's process is gone."""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_worker_killed_after_the_bank_heard_pays_once(bank, cast, provider, monkeypatch):
    """REL-K: the bank has the request, the worker dies before the answer: the next worker asks by the same number."""
    payout = refunded(paid_online(bank, provider), cast)
    taken = payouts.take_report

    def die(*_words):
        raise Killed

    monkeypatch.setattr(payouts, "take_report", die)
    with pytest.raises(Killed):
        later(seconds=1)
    monkeypatch.setattr(payouts, "take_report", taken)
    assert book.payback(provider, payout.number) is not None
    bank.tell()
    later(minutes=10)
    is_paid_once(payout)


REFUSALS = [
    ("wechat", BackFault.ABNORMAL, "ABNORMAL"),
    ("wechat", BackFault.CLOSED, "CLOSED"),
    ("wechat", BackFault.ACCOUNT_GONE, "USER_ACCOUNT_ABNORMAL"),
    ("alipay", BackFault.ACCOUNT_GONE, "ACQ.BUYER_ERROR"),
    ("alipay", BackFault.CLOSED, "ACQ.TRADE_HAS_FINISHED"),
]


@pytest.mark.parametrize(("provider", "fault", "code"), REFUSALS)
def test_refund_the_service_cannot_pay_comes_to_the_desk(bank, client, cast, provider, fault, code):
    """E10: ABNORMAL, CLOSED, account gone: nothing is booked, the desk reads why and pays by hand once."""
    payout = refunded(paid_online(bank, provider, fault), cast)
    later(seconds=1)
    bank.tell()
    payout.refresh_from_db()
    assert (payout.state, payout.fault) == (PayoutState.BY_HAND, code)
    assert ledger.balance(Account.REFUNDS) == -40_000
    assert AuditEntry.objects.filter(action="refund.failed").count() == 1
    sign_in(client, cast.cashier)
    assertContains(client.get(reverse("payments:payouts")), payout.get_absolute_url())
    assertContains(client.post(payout.get_absolute_url(), {"reference": ""}), "govuk-error-message")
    for _click in range(2):
        client.post(payout.get_absolute_url(), {"reference": "T20261123-1"})
    is_paid_once(payout, PaidBy.HAND)
    assert (payout.reference, payout.actor_user_id) == ("T20261123-1", cast.cashier.pk)


def test_empty_account_is_tried_again_and_left_to_people_after_a_week(bank, cast):
    """A merchant's account without money is full again tomorrow; after a week of no somebody pays by hand."""
    first = refunded(paid_online(bank, fault=BackFault.NO_MONEY), cast)
    later(seconds=1)
    first.refresh_from_db()
    assert (first.state, first.fault) == (PayoutState.SENT, "NOT_ENOUGH")
    book.set_wish("wechat", book.rows("SELECT * FROM trade")[0]["number"], BackFault.NONE)
    later(hours=1)
    bank.tell()
    is_paid_once(first)
    second = refunded(paid_online(bank, fault=BackFault.NO_MONEY), cast)
    for days in range(10):
        later(days=days)
    second.refresh_from_db()
    assert (second.state, second.fault) == (PayoutState.BY_HAND, "NOT_ENOUGH")


def test_nothing_is_paid_by_hand_while_the_service_has_it(bank, client, cast):
    """E10: paid by both would be paid twice; what the service says after a payment by hand is shouted about."""
    payout = refunded(paid_online(bank, fault=BackFault.ABNORMAL), cast)
    with pytest.raises(payouts.NothingOwed):
        payouts.pay_by_hand(payout, actor=actor(cast.cashier))
    later(seconds=1)
    with pytest.raises(payouts.NothingOwed):
        payouts.pay_by_hand(payout, actor=actor(cast.cashier))
    bank.tell()
    payouts.pay_by_hand(payout, actor=actor(cast.cashier), reference="T1")
    report = BackReport(outcome=BackOutcome.PAID_BACK, number=payout.number, amount_fen=40_000)
    for _again in range(2):
        payouts.take_report("wechat", report)
    is_paid_once(payout, PaidBy.HAND)
    assert payout.fault == "paid_twice"
    assert AuditEntry.objects.filter(action="refund.paid_twice").count() == 1
    sign_in(client, cast.cashier)
    assertContains(client.get(payout.get_absolute_url()), "第二笔")


def test_another_amount_paid_back_is_not_booked(bank, cast):
    """E5: a yes about another sum is a question for people."""
    payout = refunded(paid_online(bank), cast)
    payouts.take_report("wechat", BackReport(outcome=BackOutcome.PAID_BACK, number=payout.number, amount_fen=39_999))
    payout.refresh_from_db()
    assert (payout.state, payout.fault) == (PayoutState.BY_HAND, "amount_differs")
    assert payouts.take_report("wechat", BackReport(outcome=BackOutcome.PAID_BACK, number="RF-STRANGE")) is None
    assert not Journal.objects.filter(kind=JournalKind.PAID_OUT).exists()


@pytest.mark.parametrize("fault", [Fault.FORGED, Fault.STALE, Fault.WRONG_MERCHANT])
def test_faulty_callback_about_a_refund_changes_nothing(bank, cast, fault):
    """E5: forged, stale, of another merchant."""
    payout = refunded(paid_online(bank, fault=BackFault.SILENT), cast)
    later(seconds=1)
    body, headers = wechat.back_letter(book.payback("wechat", payout.number), fault)
    assert bank.send("/pay/callback/wechat/", body, headers)[0] in (400, 401)
    payout.refresh_from_db()
    assert payout.state == PayoutState.SENT
    assert not Journal.objects.filter(kind=JournalKind.PAID_OUT).exists()


def test_replayed_callback_about_a_refund_is_refused(bank, cast):
    """E5: the same letter again is a replay; another letter about the same refund changes nothing."""
    payout = refunded(paid_online(bank), cast)
    later(seconds=1)
    row = book.payback("wechat", payout.number)
    letter = wechat.back_letter(row)
    assert [bank.send("/pay/callback/wechat/", *letter)[0] for _again in range(2)] == [204, 409]
    assert bank.send("/pay/callback/wechat/", *wechat.back_letter(row))[0] == 204
    is_paid_once(payout)


def test_cash_and_bank_money_is_paid_back_by_hand(client, cast):
    """E10: no service took it, so none can pay it back."""
    notice = issue()
    pay(notice)
    payout = refunded(Notice.objects.get(pk=notice.pk), cast)
    assert (payout.state, payout.provider) == (PayoutState.BY_HAND, "")
    assert payouts.send_due() == 0
    sign_in(client, cast.auditor)
    assertContains(client.get(payout.get_absolute_url()), payout.number)
    assert client.post(payout.get_absolute_url(), {"reference": "T1"}).status_code == 403
    sign_in(client, make_staff("away", Role.CASHIER, "450305"))
    assert client.post(payout.get_absolute_url(), {"reference": "T1"}).status_code == 404


def test_nobody_pays_out_to_their_own_household(cast):
    """N19: a cashier who is the payer at home leaves it to a colleague."""
    notice = issue(resident=cast.zhang)
    pay(notice)
    payout = refunded(Notice.objects.get(pk=notice.pk), cast)
    at_home = make_staff("zhang-cashier", Role.CASHIER, "450302", own_id_index=cast.zhang.id_index)
    with pytest.raises(payouts.NothingOwed):
        payouts.pay_by_hand(payout, actor=actor(at_home), reference="T1")


@pytest.mark.parametrize("provider", ["", *PROVIDERS])
def test_money_that_settled_nothing_is_paid_back_too(bank, client, cast, provider):
    """N6, N8: overpaid or unknown money: two persons, a reversal, a payout of its own."""
    if provider:
        order = orders.pay_now(issue(at=timezone.now()), provider, actor=SYSTEM)
        bank.pay(order, Fault.WRONG_AMOUNT)
        payment = Payment.objects.get()
    else:
        payment = pay(issue(), notice_number="1234", actor=actor(cast.cashier))
    exception = payment.exception
    exceptions.decide(exception, action=Action.REFUND, actor=actor(cast.cashier))
    with pytest.raises(exceptions.NotDecidable):
        exceptions.confirm(exception, actor=actor(cast.cashier))
    assert not Payout.objects.exists()
    exceptions.confirm(exception, actor=actor(cast.second_cashier))
    payout = Payout.objects.get()
    assert (payout.amount_fen, payout.provider) == (payment.amount_fen, provider)
    sign_in(client, cast.cashier)
    assertContains(client.get(reverse("payments:exception", args=[exception.pk])), payout.get_absolute_url())
    if provider:
        later(seconds=1)
        bank.tell()
    else:
        client.post(payout.get_absolute_url(), {"reference": "T-9"})
    payout.refresh_from_db()
    assert payout.state == PayoutState.DONE
    assert ledger.balance(Account.REFUNDS) == ledger.balance(Account.BANK) == ledger.balance(Account.SUSPENSE) == 0
    check_books()


def test_second_payment_is_paid_back_and_the_first_stays(bank, cast):
    """E6: paid at the bank and by WeChat within a minute: only the second goes back, by WeChat, and once."""
    order = orders.pay_now(issue(at=timezone.now()), "wechat", actor=SYSTEM)
    pay(order.notice, paid_on=timezone.localdate())
    bank.pay(order)
    second = Payment.objects.get(provider="wechat")
    assert second.exception.reason == Reason.DUPLICATE
    exceptions.decide(second.exception, action=Action.REFUND, actor=actor(cast.cashier))
    exceptions.confirm(second.exception, actor=actor(cast.second_cashier))
    later(seconds=1)
    bank.tell()
    payout = Payout.objects.get()
    assert (payout.payment, payout.state) == (second, PayoutState.DONE)
    assert Notice.objects.get(pk=order.notice_id).state == State.PAID
    assert (ledger.balance(Account.BANK), ledger.balance(Account.COLLECTED)) == (40_000, -40_000)
    check_books()


def test_assigned_money_is_paid_back_once_however_the_bank_reports(bank, cast):
    """N10, N8: money moved to a new notice and refunded from there leaves the books once."""
    wrong = pay(issue(), notice_number="1234", actor=actor(cast.cashier), provider_txn="S-1")
    notice = issue()
    exceptions.decide(wrong.exception, action=Action.ASSIGN, notice=notice, actor=actor(cast.cashier))
    exceptions.confirm(wrong.exception, actor=actor(cast.second_cashier))
    payout = refunded(Notice.objects.get(pk=notice.pk), cast)
    assert payout.payment == wrong
    payouts.pay_by_hand(payout, actor=actor(cast.cashier), reference="T1")
    ledger.post_taken_back(wrong, at=timezone.now())
    assert ledger.balance(Account.BANK) == ledger.balance(Account.COLLECTED) == 0
    check_books()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_bill_of_the_service_settles_a_refund_nobody_told_of(bank, cast, provider):
    """E7: payment and refund stand on one bill; the refund is noted by it once, and matched when it was known."""
    payout = refunded(paid_online(bank, provider, BackFault.SILENT), cast)
    later(seconds=1)
    with book.opened() as opened:
        opened.execute("UPDATE payback SET ends_at = at")
    content = statements.content(provider, timezone.localdate())
    rows = parse(content, detect(content))
    assert [(row.takes_back, row.refund_number) for row in rows] == [(False, ""), (True, payout.number)]
    for turn in range(2):
        statement = Statement.objects.create(
            format=detect(content), digest=f"bill-{turn}", name="bill", region=region("450302")
        )
        import_chunk(statement, rows)
    is_paid_once(payout, PaidBy.STATEMENT)
    later(days=1)
    is_paid_once(payout, PaidBy.STATEMENT)


def test_two_workers_speak_about_a_refund_once(bank, cast, monkeypatch):
    """REL-K: whoever moves the date speaks."""
    payout = refunded(paid_online(bank), cast)
    calls = []

    def speak(*words):
        calls.append(words)
        assert payouts.send_due(at=words[1]) == 0
        raise Unreachable("slow")

    monkeypatch.setattr(payouts, "_speak", speak)
    later(seconds=1)
    payout.refresh_from_db()
    assert (len(calls), payout.asked) == (1, 1)


@pytest.mark.both_databases
def test_database_keeps_the_facts_of_a_payout(cast):
    """N8: amount and number cannot be changed, rows not deleted, and more than was paid cannot go back."""
    notice = issue()
    pay(notice)
    payout = refunded(Notice.objects.get(pk=notice.pk), cast)
    rows = Payout.objects.filter(pk=payout.pk)
    for change in (
        lambda: rows.update(amount_fen=1),
        lambda: rows.update(number="RF-OTHER"),
        lambda: rows.update(state=PayoutState.DONE),
        lambda: rows._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_lists_of_money_cost_the_same_whatever_their_length(client, cast, monkeypatch):
    """UX-C1, E10, N6: refunds, exceptions and the desk are read by key, in as many queries for many rows as for two."""
    for name in ("payouts", "exceptions", "desk"):
        monkeypatch.setattr(f"payments.views.{name}.keyed_page", partial(keyed_page, size=5))
    sign_in(client, cast.cashier)
    pages = [
        reverse("payments:payouts"),
        f"{reverse('payments:payouts')}?show=done",
        reverse("payments:exceptions"),
        reverse("payments:desk"),
    ]

    def grow(count: int) -> None:
        for _row in range(count):
            for paid_out in (True, False):
                payout = refunded_in_cash(cast)
                if paid_out:
                    payouts.pay_by_hand(payout, actor=actor(cast.cashier), reference="R1")
            pay(issue(), notice_number="88888888", actor=actor(cast.cashier))

    def cost(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    grow(2)
    few = [cost(address) for address in pages]
    grow(4)
    assert [cost(address) for address in pages] == few
    # The second page begins behind the last row of the first one, and a bad key shows the first page.
    for address in pages:
        first = client.get(address)
        following = first.context["page"].next_url
        joint = address.split("?")[0]
        shown = [row.pk for row in first.context["rows"]]
        rest = [row.pk for row in client.get(joint + following).context["rows"]]
        assert len(shown) == 5
        assert rest
        assert not set(shown) & set(rest)
        for bad in ("x", "2026-01-01_1", "9" * 40, "2026-11-23T04:00:00+00:00_" + "9" * 30):
            answer = client.get(address, {**dict(parse_qsl(urlsplit(address).query)), "after": bad})
            assert answer.status_code == 200
    assertContains(client.get(pages[1]), f'href="{payouts_of_done()[-1].get_absolute_url()}"')


def payouts_of_done() -> list[Payout]:
    """Refunds that have left, the first of them first."""
    return list(Payout.objects.filter(state=PayoutState.DONE).order_by("done_at"))


def refunded_in_cash(cast) -> Payout:
    """A refund of money that came over a counter."""
    notice = issue()
    pay(notice)
    return refunded(notice, cast)
