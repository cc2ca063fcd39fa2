"""Paying a notice online: one live order, silent ones are asked about, and the pages tell the truth."""

import urllib.request
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.asserts import assertContains, assertNotContains

from payments import gateways, orders, payouts, statement_formats
from payments.gateways.base import Unreachable
from payments.models import Notice, OrderState, Payment, PaymentOrder, Payout, Reason, Receipt
from payments.sandbox import book, post
from payments.sandbox.faults import Fault
from payments.services import cancel_notices, confirm_refund, propose_refund
from payments.states import State
from portal.audit.models import AuditEntry
from portal.outbox.models import Message
from portal.people.actors import SYSTEM, Actor, Role
from tests.harness.soak import many
from tests.payments.notices import issue, pay
from tests.payments.racing import at_once
from tests.people_cast import ResidentFactory, sign_in

pytestmark = pytest.mark.django_db


def fresh(**fields):
    return issue(at=timezone.now(), **fields)


def opened(provider="wechat", **fields):
    return orders.pay_now(fresh(**fields), provider, actor=SYSTEM)


def ask(made, **later):
    """The worker comes round after a time."""
    orders.ask_silent(at=timezone.now() + timedelta(**later))
    made.refresh_from_db()
    return made


def test_double_click_is_one_order(bank, client):
    """UX-E15: two posts, two tabs, back and again: one order at the portal and one at the bank."""
    notice = fresh()
    sign_in(client, notice.resident)
    address = reverse("payments:pay", args=[notice.pk])
    places = {client.post(address, {"provider": "wechat"}).url for _click in range(3)}
    assert len(places) == 1
    made = PaymentOrder.objects.get()
    assert len(book.rows("SELECT * FROM trade")) == 1
    assertContains(client.get(places.pop()), "data:image/png;base64,")
    assert AuditEntry.objects.filter(action="payment.order_opened").count() == 1
    assert made.expires_at - made.opened_at == timedelta(minutes=30)


def test_changing_the_channel_closes_the_older_order(bank):
    """Two codes for one notice would invite paying twice: the first is closed at its channel."""
    first = opened("wechat")
    second = orders.pay_now(first.notice, "alipay", actor=SYSTEM)
    first.refresh_from_db()
    assert (first.state, second.state) == (OrderState.CLOSED, OrderState.OPEN)
    assert bank.pay(first) is None
    bank.pay(second)
    assert Payment.objects.get().provider == "alipay"


def test_older_order_that_was_paid_meanwhile_is_booked(bank):
    """The closing finds it paid: the notice is settled, the new order is closed."""
    first = opened("wechat")
    bank.pay(first, Fault.LOST)
    second = orders.pay_now(first.notice, "alipay", actor=SYSTEM)
    first.refresh_from_db()
    assert (first.state, Payment.objects.get().settled) == (OrderState.PAID, True)
    ask(second, seconds=1)
    assert second.state == OrderState.CLOSED


def test_bank_that_is_down_keeps_the_order_and_says_so(bank, client):
    """E: nothing was taken, the same click later goes on with the same order."""
    bank.is_down = True
    notice = fresh()
    sign_in(client, notice.resident)
    address = reverse("payments:pay", args=[notice.pk])
    assertContains(client.post(address, {"provider": "alipay"}, follow=True), "支付服务没有响应")
    made = PaymentOrder.objects.get()
    assert made.state == OrderState.OPENING
    assertContains(client.get(reverse("payments:order", args=[made.pk])), "再试一次")
    bank.is_down = False
    assert orders.pay_now(notice, "alipay", actor=SYSTEM).pk == made.pk
    assert PaymentOrder.objects.get().state == OrderState.OPEN


def test_lost_callback_is_made_good_by_asking(bank):
    """RELIABILITY §6.3: asked about after 5 minutes; nothing is asked before."""
    made = opened()
    bank.pay(made, Fault.LOST)
    assert ask(made, minutes=4).state == OrderState.OPEN
    assert ask(made, minutes=6).state == OrderState.PAID
    assert Payment.objects.get().settled
    assert ask(made, days=1).asked == 1


def test_unpaid_order_is_closed_when_its_time_is_over(bank):
    """The code ends, the channel is asked and told to close it; only then may another begin to be paid."""
    made = opened()
    assert ask(made, minutes=6).state == OrderState.OPEN
    assert ask(made, minutes=31).state == OrderState.CLOSED
    assert bank.pay(made) is None


def test_silent_bank_is_asked_for_a_week(bank, monkeypatch):
    """After 5, 30 and 120 minutes, then daily to the seventh day; then the statement is the last word."""
    made = opened()
    calls = []

    def query(self, number):
        calls.append(number)
        raise Unreachable("silent")

    monkeypatch.setattr("payments.gateways.wechat.WeChatGateway.query", query)
    monkeypatch.setattr("payments.gateways.wechat.WeChatGateway.close", query)
    for hour in range(24 * 9):
        ask(made, hours=hour, minutes=10)
    assert made.ask_at is None
    assert 9 <= len(calls) <= 12


def test_paid_elsewhere_closes_the_code(bank):
    """Paid at the bank while the code is shown: the code is closed, the page says not to pay again."""
    made = opened()
    pay(made.notice, paid_on=timezone.localdate())
    made.refresh_from_db()
    assert made.state == OrderState.CLOSING
    assert ask(made, seconds=1).state == OrderState.CLOSED
    with pytest.raises(orders.NotPayable):
        orders.pay_now(made.notice, "wechat", actor=SYSTEM)


@pytest.mark.parametrize("ending", ["paid", "cancelled", "overdue"])
def test_notice_that_asks_for_nothing_opens_no_order(bank, ending):
    """E6: paid, cancelled, past its pay-by date."""
    notice = issue(at=timezone.now() - timedelta(days=30)) if ending == "overdue" else fresh()
    if ending == "paid":
        pay(notice, paid_on=timezone.localdate())
    elif ending == "cancelled":
        cancel_notices(purpose=notice.purpose, references=[notice.reference], actor=SYSTEM, reason="withdrawn")
    with pytest.raises(orders.NotPayable):
        orders.pay_now(notice, "wechat", actor=SYSTEM)
    assert not PaymentOrder.objects.exists()


def test_card_fee_is_paid_at_exactly_three_banks(bank, client):
    """S4-19, E3: no online channel for it, and three banks on the page."""
    notice = fresh(kind="nontax")
    with pytest.raises(orders.NotPayable) as refused:
        orders.pay_now(notice, "wechat", actor=SYSTEM)
    assert refused.value.reason == Reason.WRONG_BANK
    sign_in(client, notice.resident)
    page = client.get(reverse("payments:pay", args=[notice.pk]))
    for name in ("工商银行", "农业银行", "建设银行"):
        assertContains(page, name)
    assertNotContains(page, 'name="provider"')


def test_pay_page_says_what_to_pay_to_whom_and_where(bank, client):
    """UX-R23: amount in figures and capitals, payee, last day, online first, then every counter."""
    notice = fresh()
    sign_in(client, notice.resident)
    page = client.get(reverse("payments:pay", args=[notice.pk]))
    for text in ("¥400.00", "人民币肆佰元整", "税务机关", "微信支付", "支付宝", "农信社", "村委会", "12393"):
        assertContains(page, text)
    text = page.content.decode()
    assert text.index("微信支付") < text.index("农信社")
    assertContains(client.get(notice.get_absolute_url()), "在线缴费")


def test_waiting_page_works_by_reloading(bank, client):
    """UX-R23, E4: opening, reloading and coming back change nothing; it says not to pay again before and after."""
    made = opened()
    sign_in(client, made.notice.resident)
    address = reverse("payments:order", args=[made.pk])
    for _look in range(3):
        page = client.get(address, {"trade_status": "TRADE_SUCCESS", "out_trade_no": made.number})
        assertContains(page, "请勿重复缴费")
        assertContains(page, '<noscript><meta http-equiv="refresh"')
    assert not Payment.objects.exists()
    bank.pay(made)
    page = client.get(address)
    assertContains(page, "缴费成功")
    assertContains(page, "请勿重复缴费")
    assertNotContains(page, "data:image/png")


def test_waiting_page_explains_every_end(bank, client):
    """Kept for the cashier, over and being asked about, closed."""
    kept, over, closed = opened(), opened(), opened()
    bank.pay(kept, Fault.WRONG_AMOUNT)
    PaymentOrder.objects.filter(pk=over.pk).update(
        opened_at=timezone.now() - timedelta(hours=2), expires_at=timezone.now() - timedelta(hours=1)
    )
    PaymentOrder.objects.filter(pk=closed.pk).update(state=OrderState.CLOSED, ask_at=None)
    for made, text in ((kept, "待核实"), (over, "正在核实您是否已经缴费"), (closed, "再试一次")):
        sign_in(client, made.notice.resident)
        assertContains(client.get(reverse("payments:order", args=[made.pk])), text)


def test_stranger_sees_no_order(bank, client):
    """RELIABILITY §3: an order is as private as its notice."""
    made = opened()
    sign_in(client, ResidentFactory())
    assert client.get(reverse("payments:order", args=[made.pk])).status_code == 404
    assert client.post(reverse("payments:pay", args=[made.notice_id]), {"provider": "wechat"}).status_code == 404


def test_cashier_page_of_the_bank_plays_the_app(bank):
    """The demo: the scanned address shows amount and fault switch, and pays once."""
    made = opened("alipay")
    client = Client()
    page = client.get(made.link)
    assertContains(page, "¥400.00")
    assertContains(client.post(made.link, {"fault": ""}, follow=True), "已支付")
    assertContains(client.post(made.link, {"fault": ""}, follow=True), "已支付")
    assertContains(client.post(reverse("payments:sandbox_send"), follow=True), made.number)
    assert client.get(reverse("payments:sandbox_cashier", args=["nobody"])).status_code == 404


STEPS = st.lists(
    st.sampled_from(["callback", "replay", "return", "ask", "counter", "click", "switch"]), min_size=1, max_size=9
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, fault=st.sampled_from([Fault.LOST, Fault.FORGED, Fault.STALE]))
def test_any_order_of_reports_leaves_one_payment(bank, steps, fault):
    """E4: callbacks, replays, returns, questions, clicks and a counter in any order: one payment settles, one waits
    at most, one receipt and one message are made.
    """
    made = opened()
    client = Client()
    sign_in(client, made.notice.resident)
    bank.pay(made, fault)
    [(body, headers)] = bank.letters(made)
    later = 0
    for step in steps:
        later += 6
        if step in ("callback", "replay"):
            bank.send("/pay/callback/wechat/", body, headers)
        elif step == "return":
            client.get(reverse("payments:order", args=[made.pk]))
        elif step == "ask":
            orders.ask_silent(at=timezone.now() + timedelta(minutes=later))
        elif step == "counter" and not made.notice.payments.exclude(provider="wechat").exists():
            pay(made.notice, paid_on=timezone.localdate())
        elif step in ("click", "switch"):
            client.post(
                reverse("payments:pay", args=[made.notice_id]),
                {"provider": "wechat" if step == "click" else "alipay"},
            )
    orders.ask_silent(at=timezone.now() + timedelta(hours=3))
    payments = Payment.objects.filter(notice=made.notice)
    counted = "counter" in steps
    assert sum(payment.settled for payment in payments) == 1
    assert 1 <= payments.count() <= 1 + counted
    assert payments.filter(provider="wechat").count() == 1
    assert Receipt.objects.filter(notice=made.notice).count() == 1
    assert Message.objects.filter(key__startswith=f"payments.paid:{made.notice_id}").count() == 1
    assert not PaymentOrder.objects.live().filter(notice=made.notice).exists()


@pytest.mark.django_db(transaction=True)
def test_twenty_callbacks_at_once_with_the_browser_are_one_payment(bank):
    """E4, REL-I1: twenty processes take the same payment, others click and reload: one payment, receipt, message."""
    made = opened()
    bank.pay(made, Fault.LOST)
    letters = bank.letters(made, count=many(8, 20, "callbacks at once"))

    def report(body, headers):
        return lambda: bank.send("/pay/callback/wechat/", body, headers)[0]

    def click():
        try:
            orders.pay_now(Notice.objects.get(pk=made.notice_id), "wechat", actor=SYSTEM)
        except orders.NotPayable:
            return 0
        return 0

    codes = at_once([*(report(*letter) for letter in letters), click, lambda: orders.ask_silent() * 0])
    assert set(codes) <= {204, 0}
    made.refresh_from_db()
    assert (made.state, made.notice.state, Payment.objects.count()) == (OrderState.PAID, State.PAID, 1)
    assert Receipt.objects.filter(notice=made.notice).count() == 1
    assert Message.objects.filter(key__startswith="payments.paid:").count() == 1


@pytest.mark.django_db(transaction=True)
def test_clicks_at_once_are_one_order(bank):
    """UX-E15: six clicks in six processes."""
    notice = fresh()

    def click():
        return orders.pay_now(Notice.objects.get(pk=notice.pk), "alipay", actor=SYSTEM).number

    assert len(set(at_once([click] * 6))) == 1
    assert PaymentOrder.objects.count() == 1


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_portal_and_bank_speak_over_the_wire(fresh_portal):
    """S1-13, E10, REL-K: two real processes, the real protocol, real callbacks of payments and refunds."""
    fresh_portal.start("web", "bank")
    environment = fresh_portal.child("bank").environment
    with fresh_portal.orm():
        with override_settings(
            DEMO=True,
            VAR_DIR=fresh_portal.folder,
            SANDBOX_BANK_URL=environment["CANBAO_SANDBOX_BANK_URL"],
            CALLBACK_URL=environment["CANBAO_CALLBACK_URL"],
        ):
            address = f"{environment['CANBAO_SANDBOX_BANK_URL']}/sandbox/"
            fresh_portal.wait_until(lambda: _answers(address), what="the bank answers")
            made = [orders.pay_now(fresh(), provider, actor=SYSTEM) for provider in gateways.offered()]
            for order in made:
                post.pay(book.trade(order.provider, order.number)["token"])
            fresh_portal.wait_until(lambda: Payment.objects.count() == 2, what="both callbacks arrive")
            for notice in Notice.objects.all():
                propose_refund(notice, reason="paid_twice", actor=Actor(Role.CASHIER, user_id=901))
                confirm_refund(notice, actor=Actor(Role.CASHIER, user_id=902))
            assert payouts.send_due() == 2
            fresh_portal.wait_until(
                lambda: Payout.objects.filter(state="done", paid_by="provider").count() == 2, what="both refunds end"
            )
        assert all(payment.settled for payment in Payment.objects.all())
        assert PaymentOrder.objects.filter(state=OrderState.PAID).count() == 2


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.parametrize("kind", ["bank", "wechat", "alipay"])
def test_statement_of_the_bank_finds_what_no_callback_told(bank, client, kind):
    """N6, E7: the bank's file settles what was paid silently, once, and knows what was reported before."""
    told, silent = fresh(), fresh()
    if kind == "bank":
        for notice, report in ((told, "now"), (silent, "statement")):
            form = {"channel": "coop", "means": "cash", "amount": "400", "report": report, "transaction": uuid4().hex}
            client.post(f"/demo/bank/?number={notice.number}", form)
    else:
        bank.pay(orders.pay_now(told, kind, actor=SYSTEM))
        bank.pay(orders.pay_now(silent, kind, actor=SYSTEM), Fault.LOST)
    silent.refresh_from_db()
    assert (silent.state, Payment.objects.count()) == (State.ISSUED, 1)
    answer = client.get(reverse("payments:sandbox_statement", args=[kind]), {"bank": "RCC"})
    rows = statement_formats.parse(answer.content, statement_formats.detect(answer.content))
    assert {row.amount_fen for row in rows} == {40_000}
    assert len(rows) == 2
    assert Payment.objects.get().provider_txn in {row.txn for row in rows}


@pytest.mark.parametrize("fault", ["truncated", "empty", "twice"])
def test_faulty_statement_of_the_bank_is_refused_by_the_importer(bank, client, fault):
    """E7, REL-B1: the switch makes files that the importer must refuse."""
    bank.pay(opened())
    answer = client.get(reverse("payments:sandbox_statement", args=["wechat"]), {"fault": fault})
    with pytest.raises(statement_formats.StatementFault):
        statement_formats.parse(answer.content, statement_formats.detect(answer.content))
    assert client.get(reverse("payments:sandbox_statement", args=["nothing"])).status_code == 404


PHONE_BROWSER = "Mozilla/5.0 (Linux; Android 9; HD1905) AppleWebKit/537.36 Chrome/96.0 Mobile Safari/537.36"
IN_WECHAT = f"{PHONE_BROWSER} MicroMessenger/8.0.16"
DESKTOP_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"


@pytest.mark.parametrize(
    ("provider", "agent", "way"),
    [
        ("wechat", PHONE_BROWSER, "h5"),
        ("wechat", IN_WECHAT, "code"),
        ("wechat", DESKTOP_BROWSER, "code"),
        ("wechat", "", "code"),
        ("alipay", PHONE_BROWSER, "h5"),
        ("alipay", IN_WECHAT, "code"),
        ("alipay", DESKTOP_BROWSER, "code"),
    ],
)
def test_telephone_opens_the_app_and_a_desktop_shows_a_code(bank, client, provider, agent, way):
    """S1-13, UX-R23: WeChat H5 and Alipay wap in the browser of a telephone, outside of apps; a code elsewhere."""
    notice = fresh()
    sign_in(client, notice.resident)
    address = reverse("payments:pay", args=[notice.pk])
    page = client.post(address, {"provider": provider}, headers={"User-Agent": agent}, follow=True)
    made = PaymentOrder.objects.get()
    assert (made.way, made.state) == (way, OrderState.OPEN)
    if way == "code":
        assertContains(page, "data:image/png;base64,")
        return
    assertNotContains(page, "data:image/png;base64,")
    back_to = {"wechat": "redirect_url", "alipay": "return_url"}[provider]
    assert f"{back_to}=http%3A%2F%2Ftestserver%2Fpay%2Forders%2F" in made.link
    assertContains(page, made.link.replace("&", "&amp;"))
    # At the bank: pays, and comes back by the browser, which changes nothing; the callback does.
    bank_page = Client()
    opened = bank_page.get(made.link, follow=True)
    assertContains(opened, "¥400.00")
    paid = bank_page.post(
        opened.redirect_chain[-1][0] if opened.redirect_chain else made.link, {"fault": "lost"}, follow=True
    )
    assertContains(paid, reverse("payments:order", args=[made.pk]))
    back = client.get(reverse("payments:order", args=[made.pk]))
    assertContains(back, "请勿重复缴费")
    assert not Payment.objects.exists()
    assert ask(made, minutes=6).state == OrderState.PAID
    assertContains(client.get(reverse("payments:order", args=[made.pk])), "缴费成功")


def test_payer_changes_from_the_telephone_to_a_code_and_back(bank, client):
    """Only one way is open at a time: the older order is closed at its channel first."""
    notice = fresh()
    sign_in(client, notice.resident)
    address = reverse("payments:pay", args=[notice.pk])
    phone = {"User-Agent": PHONE_BROWSER}
    for way in ("h5", "code", "h5"):
        page = client.post(address, {"provider": "wechat", "way": way}, headers=phone, follow=True)
        live = PaymentOrder.objects.live().get()
        assert live.way == way
    assertContains(page, 'value="code"')
    assert PaymentOrder.objects.filter(state=OrderState.CLOSED).count() == 2
    assert len(book.rows("SELECT * FROM trade WHERE state = 'open'")) == 1


def test_address_for_a_telephone_is_renewed_for_the_same_order(bank, client):
    """The address lives five minutes: later the same order gets a new one, so that nothing can be paid twice."""
    notice = fresh()
    made = orders.pay_now(notice, "wechat", actor=SYSTEM, client_ip="203.0.113.7")
    PaymentOrder.objects.filter(pk=made.pk).update(link_until=timezone.now() - timedelta(minutes=1), link="http://old/")
    sign_in(client, notice.resident)
    page = client.get(reverse("payments:order", args=[made.pk]), headers={"User-Agent": PHONE_BROWSER})
    assertNotContains(page, "http://old/")
    again = orders.pay_now(notice, "wechat", actor=SYSTEM, client_ip="203.0.113.7")
    assert (again.pk, again.link != "http://old/") == (made.pk, True)
    assert again.link_until > timezone.now()
    assert len(book.rows("SELECT * FROM trade")) == 1


def test_bank_sends_a_payer_back_to_the_portal_alone(bank):
    """Whatever address stands in the link: no other place than the portal is offered."""
    made = orders.pay_now(fresh(), "wechat", actor=SYSTEM, client_ip="203.0.113.7")
    bank.pay(made)
    address = f"{made.code.split('?')[0]}?redirect_url=https%3A%2F%2Fevil.example%2F"
    assertNotContains(Client().get(address), 'href="https://evil.example')


def test_changed_or_late_wap_address_opens_nothing_at_the_bank(bank):
    """E5, S1-13: the address carries our signature: another amount, another place to return to, a late opening: no."""
    made = orders.pay_now(fresh(), "alipay", actor=SYSTEM, client_ip="203.0.113.7")
    assert "alipay.trade.wap.pay" in made.link
    for old, new in (
        ("400.00", "4.00"),
        ("testserver%2Fpay%2Forders", "evil.example%2Fpay"),
        ("QUICK_WAP_WAY", "FAST"),
    ):
        changed = made.link.replace(old, new)
        assert changed != made.link
        assertContains(Client().get(changed), "isv.sign")
    with time_machine.travel(made.expires_at + timedelta(seconds=1), tick=False):
        assert Client().get(made.link).status_code == 400
    assert not book.rows("SELECT * FROM trade")
    # Opened twice it is one trade; closed by us it can be opened no more.
    for _twice in range(2):
        assert Client().get(made.link).status_code == 302
    assert len(book.rows("SELECT * FROM trade")) == 1
    cancel_notices(purpose=made.notice.purpose, references=[made.notice.reference], actor=SYSTEM, reason="withdrawn")
    assert ask(made, minutes=1).state == OrderState.CLOSED
    assert Client().get(made.link).status_code == 400


def test_wap_address_that_was_opened_late_loses_no_money(bank):
    """E6: closed by us before the payer opened it, so that Alipay knew of nothing; the money waits or settles, once."""
    made = orders.pay_now(fresh(), "alipay", actor=SYSTEM, client_ip="203.0.113.7")
    pay(made.notice)
    assert ask(made, minutes=1).state == OrderState.CLOSED
    Client().get(made.link)
    bank.pay(made)
    waiting = Payment.objects.get(provider="alipay")
    assert (waiting.outcome, waiting.exception.reason) == ("exception", Reason.DUPLICATE)
