"""What channels report: a tampered callback changes nothing, a genuine one is booked once."""

import base64
import json
import time
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from django.test import Client
from django.utils import timezone

from payments import callbacks, gateways, orders
from payments.gateways import signatures
from payments.models import CallbackMark, Notice, OrderState, Payment, PaymentOrder, Reason, Receipt
from payments.sandbox import book, keys
from payments.sandbox.faults import Fault
from payments.services import cancel_notices, supersede_notice
from payments.states import State
from portal.audit.models import AuditEntry
from portal.outbox.models import Message
from portal.people.actors import SYSTEM
from tests.payments.notices import draft, issue, pay

pytestmark = pytest.mark.django_db
PROVIDERS = ("wechat", "alipay")


@pytest.fixture
def order(bank):
    """A WeChat order that was paid at the bank, whose callback nobody sent yet."""
    return opened(bank, "wechat")


def opened(bank, provider, *, paid=True, **fields):
    made = orders.pay_now(issue(at=timezone.now(), **fields), provider, actor=SYSTEM)
    if paid:
        bank.pay(made, Fault.LOST)
    return made


def send(bank, order, body, headers):
    return bank.send(f"/pay/callback/{order.provider}/", body, headers)[0]


def signed(body: bytes, *, stamp=None, nonce="n0nce", serial=keys.PLATFORM_SERIAL, key="platform"):
    stamp = str(int(time.time()) if stamp is None else stamp)
    private = signatures.private_key(getattr(keys.bank_keys(), key))
    return {
        "Content-Type": "application/json",
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Wechatpay-Signature": signatures.sign(private, f"{stamp}\n{nonce}\n".encode() + body + b"\n"),
    }


def resealed(body: bytes, **changes) -> bytes:
    """A callback whose sealed part says something else; the caller signs it anew."""
    data = json.loads(body)
    box, key = data["resource"], keys.bank_keys().apiv3_key
    told = json.loads(signatures.decrypt(key, box["nonce"], box["associated_data"], box["ciphertext"]))
    told |= changes
    box["ciphertext"] = signatures.encrypt(key, box["nonce"], box["associated_data"], json.dumps(told).encode())
    return json.dumps(data).encode()


def nothing_happened(refusals: int = 1) -> bool:
    refused = AuditEntry.objects.filter(action="payment.callback_refused")
    return (
        not Payment.objects.exists()
        and not CallbackMark.objects.exists()
        and not Notice.objects.filter(state=State.PAID).exists()
        and refused.count() == refusals
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_genuine_callback_pays_the_notice_once(bank, provider):
    """E4, E5: one payment, one receipt, one message, and the answer that the channel wants to hear."""
    made = opened(bank, provider, paid=False)
    bank.pay(made, Fault.DUPLICATED)
    assert set(bank.answers) == {(204, "") if provider == "wechat" else (200, "success")}
    assert len(bank.answers) == 20
    made.refresh_from_db()
    assert (made.state, made.notice.state) == (OrderState.PAID, State.PAID)
    assert made.payment == Payment.objects.get()
    assert (made.payment.provider, made.payment.channel) == (provider, "online")
    assert Receipt.objects.filter(notice=made.notice).count() == 1
    assert Message.objects.filter(key__startswith=f"payments.paid:{made.notice_id}").count() == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", [Fault.FORGED, Fault.STALE, Fault.WRONG_MERCHANT])
def test_faulty_callback_changes_nothing(bank, provider, fault):
    """E5, REL-B3: refused with 4xx, audited without a personal detail."""
    made = opened(bank, provider, paid=False)
    bank.pay(made, fault)
    assert 400 <= bank.answers[0][0] < 500
    assert nothing_happened()
    entry = AuditEntry.objects.get(action="payment.callback_refused")
    assert set(entry.details) == {"provider", "reason"}


def test_tampered_wechat_callbacks_change_nothing(bank, order):
    """REL-B3: every header, the body re-written, the envelope, depth and doubled keys."""
    [(body, headers)] = bank.letters(order)
    packed = json.dumps(json.loads(body), indent=1).encode()
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    cases = [
        (body, {**headers, "Wechatpay-Signature": ""}),
        (body, {**headers, "Wechatpay-Signature": "not base64!"}),
        (body, {**headers, "Wechatpay-Signature": base64.b64encode(b"x" * 256).decode()}),
        (body, {**headers, "Wechatpay-Timestamp": "now"}),
        (body, {**headers, "Wechatpay-Timestamp": "²"}),
        (body, {**headers, "Wechatpay-Nonce": ""}),
        (body, {**headers, "Wechatpay-Nonce": "other"}),
        (body, {**headers, "Wechatpay-Serial": "7777"}),
        (body, {**headers, "Wechatpay-Signature-Type": "WECHATPAY2-RSA-SHA1"}),
        (packed, headers),
        (body + b" ", headers),
        (b"", headers),
        (body, signed(body, key="merchant")),
        (body, signed(body, stamp=time.time() - 360)),
        (body, signed(body, stamp=time.time() + 360)),
        (deep, signed(deep)),
        (b'{"a":1,"a":2}', signed(b'{"a":1,"a":2}')),
        (b"[]", signed(b"[]")),
        (b"\xff\xfe", signed(b"\xff\xfe")),
        (body, {**headers, "Content-Encoding": "gzip"}),
        (b"x" * 1_000_000, signed(b"x" * 1_000_000)),
    ]
    for case in cases:
        assert 400 <= send(bank, order, *case) < 500, case[1]
    assert nothing_happened(len(cases))


@pytest.mark.parametrize(
    "changes",
    [
        {"mchid": "1900009999"},
        {"appid": "wxother"},
        {"out_trade_no": "'; drop table"},
        {"out_trade_no": None},
        {"trade_state": "HOAX"},
        {"amount": {"total": 40_000, "currency": "USD"}},
        {"amount": {"total": -1, "currency": "CNY"}},
        {"amount": {"total": "40000", "currency": "CNY"}},
        {"amount": {"total": True, "currency": "CNY"}},
        {"amount": 40_000},
        {"transaction_id": ""},
        {"success_time": "2026-11-23T12:00:00"},
        {"success_time": "yesterday"},
    ],
)
def test_callback_with_wrong_facts_changes_nothing(bank, order, changes):
    """E5: the signature alone proves nothing; merchant, currency, amount, number and time are checked."""
    [(body, _headers)] = bank.letters(order)
    body = resealed(body, **changes)
    assert send(bank, order, body, signed(body)) == 400
    assert nothing_happened()


def test_sealed_part_of_another_key_is_refused(bank, order):
    """REL-B3: associated data, nonce and text belong together."""
    [(body, _headers)] = bank.letters(order)
    for part, value in (("associated_data", "refund"), ("nonce", "0" * 12), ("ciphertext", "AAAA"), ("algorithm", "X")):
        data = json.loads(body)
        data["resource"][part] = value
        changed = json.dumps(data).encode()
        assert send(bank, order, changed, signed(changed)) == 400
    assert nothing_happened(4)


def test_replayed_wechat_callback_is_refused_and_an_alipay_one_answered(bank):
    """E5: the same callback twice is one payment; Alipay repeats itself and must hear `success`."""
    for provider, second in (("wechat", 409), ("alipay", 200)):
        made = opened(bank, provider)
        [(body, headers)] = bank.letters(made)
        assert send(bank, made, body, headers) in (200, 204)
        assert send(bank, made, body, headers) == second
        assert Payment.objects.filter(provider=provider).count() == 1
    assert Message.objects.filter(key__startswith="payments.paid:").count() == 2


def test_callback_about_something_else_is_acknowledged(bank, order):
    """A used coupon is no payment: taken, nothing booked."""
    [(body, _headers)] = bank.letters(order)
    body = json.dumps({**json.loads(body), "event_type": "COUPON.USE"}).encode()
    assert send(bank, order, body, signed(body)) == 204
    assert not Payment.objects.exists()


def test_wrong_amount_with_the_right_signature_waits_at_the_exceptions_desk(bank):
    """E6, REL-B3: money that came is never refused, and never settles what it does not fit."""
    made = opened(bank, "wechat", paid=False)
    bank.pay(made, Fault.WRONG_AMOUNT)
    payment = Payment.objects.get()
    assert (bank.answers[0][0], payment.amount_fen) == (204, 39_999)
    assert payment.exception.reason == Reason.WRONG_AMOUNT
    made.notice.refresh_from_db()
    assert made.notice.state == State.ISSUED


@pytest.mark.parametrize("provider", PROVIDERS)
def test_money_for_nobody_knows_what_waits_at_the_exceptions_desk(bank, provider):
    """E6: an order and a notice nobody knows, but our merchant and a right signature: booked as unknown."""
    made = opened(bank, provider, paid=False)
    bank.pay(made, Fault.UNKNOWN_NOTICE)
    assert bank.answers[0][0] in (200, 204)
    assert Payment.objects.get().exception.reason == Reason.UNKNOWN_NOTICE


@pytest.mark.parametrize("provider", PROVIDERS)
def test_callback_from_before_the_orders_row_finds_its_notice(bank, provider):
    """REL-I2: the note names the notice, so the money settles it though the order is not stored yet."""
    made = opened(bank, provider)
    [(body, headers)] = bank.letters(made)
    PaymentOrder.objects.filter(pk=made.pk).delete()
    assert send(bank, made, body, headers) in (200, 204)
    assert Payment.objects.get().settled
    made.ask_at = timezone.now()
    made.save(force_insert=True)
    assert orders.ask_silent() == 1
    made.refresh_from_db()
    assert (made.state, Payment.objects.count()) == (OrderState.PAID, 1)


def test_callback_for_a_notice_that_is_gone_is_booked_for_the_cashier(bank):
    """REL-I3: cancelled, replaced by another amount, paid already: booked, waiting, answered as taken."""
    cancelled, replaced, doubled = (opened(bank, "wechat") for _order in range(3))
    target = cancelled.notice
    cancel_notices(purpose=target.purpose, references=[target.reference], actor=SYSTEM, reason="withdrawn")
    wanted = draft(resident=replaced.notice.resident, amount_fen=50_000)
    supersede_notice(
        replaced.notice,
        type(wanted)(**{**vars(wanted), "purpose": "test.premium", "reference": replaced.notice.reference}),
        actor=SYSTEM,
    )
    pay(doubled.notice, paid_on=timezone.localdate())
    for made, reason in (
        (cancelled, Reason.CANCELLED),
        (replaced, Reason.SUPERSEDED),
        (doubled, Reason.DUPLICATE),
    ):
        [(body, headers)] = bank.letters(made)
        assert send(bank, made, body, headers) == 204
        made.refresh_from_db()
        assert made.payment.exception.reason == reason


def test_late_callback_of_money_paid_in_time_counts(bank):
    """REL-I2: three days late, the notice expired meanwhile; what counts is the day of payment."""
    made = opened(bank, "wechat")
    report = gateways.gateway("wechat").query(made.number)
    Notice.objects.filter(pk=made.notice_id).update(state=State.EXPIRED, due_at=None)
    assert orders.book("wechat", report, timezone.now() + timedelta(days=9)).settled


def test_same_transaction_with_other_facts_is_refused(bank, order):
    """A transaction number is one payment for ever."""
    [(first, headers)] = bank.letters(order)
    assert send(bank, order, first, headers) == 204
    second = resealed(first, amount={"total": 1, "currency": "CNY"})
    assert send(bank, order, second, signed(second, nonce="another")) == 409
    assert Payment.objects.count() == 1


def alipay_form(order, charset="utf-8", **changes):
    """A signed form in a charset, with fields of our own."""
    from payments.sandbox.alipay import letter

    body, _headers = letter(book.trade("alipay", order.number), "", "ab" * 16)
    fields = dict(parse_qsl(body.decode())) | {"charset": charset} | changes
    fields.pop("sign", None)
    kind = fields.pop("sign_type")
    text = "&".join(f"{key}={fields[key]}" for key in sorted(fields))
    private = signatures.private_key(keys.bank_keys().alipay)
    coded = "gb18030" if charset.lower().startswith("gb") else "utf-8"
    fields |= {"sign_type": kind, "sign": signatures.sign(private, text.encode(coded))}
    return urlencode(fields, encoding=coded).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"app_id": "2021"},
        {"seller_id": "2088"},
        {"total_amount": "400"},
        {"total_amount": "4e2"},
        {"total_amount": "400.001"},
        {"total_amount": "0.00"},
        {"total_amount": "４００.００"},
        {"trans_currency": "USD"},
        {"trade_status": "TRADE_HOAX"},
        {"trade_no": ""},
        {"gmt_payment": ""},
        {"notify_id": ""},
        {"notify_time": "2027-01-01 00:00:00"},
        {"sign_type": "RSA"},
        {"charset": "utf-7"},
    ],
)
def test_alipay_form_with_wrong_facts_changes_nothing(bank, changes):
    """E5: application, seller, amount to the fen, status and time; the library looks at none of them (DOMAIN §0.12)."""
    made = opened(bank, "alipay")
    answer = bank.send("/pay/callback/alipay/", alipay_form(made, **changes), {"Content-Type": "text/plain"})
    assert answer[0] >= 400
    assert answer[1] != "success"
    assert nothing_happened()


@pytest.mark.parametrize("charset", ["utf-8", "GBK", "gb2312"])
def test_alipay_form_is_read_in_the_charset_it_names(bank, charset):
    """The signature is over the decoded values: a title in GBK must not break it."""
    made = opened(bank, "alipay")
    form = alipay_form(made, charset, subject="城乡居民医保缴费 a+b&c=d%")
    assert bank.send("/pay/callback/alipay/", form, {"Content-Type": "text/plain"}) == (200, "success")
    assert Payment.objects.get().settled


def test_doubled_field_is_refused(bank):
    """A form with a field twice says two things."""
    made = opened(bank, "alipay")
    form = alipay_form(made) + b"&total_amount=0.01"
    assert bank.send("/pay/callback/alipay/", form, {"Content-Type": "text/plain"})[0] == 400
    assert nothing_happened()


def test_unpaid_and_closed_trades_are_acknowledged_only(bank):
    """A status that is no payment is taken note of."""
    made = opened(bank, "alipay")
    for status in ("WAIT_BUYER_PAY", "TRADE_CLOSED"):
        form = alipay_form(made, trade_status=status, notify_id=status.replace("_", "") + "00")
        assert bank.send("/pay/callback/alipay/", form, {"Content-Type": "text/plain"})[1] == "success"
    assert not Payment.objects.exists()


def test_callback_address_takes_posts_of_offered_channels_only(bank, settings):
    """REL-H1: no other method, no other channel, and none without keys."""
    client = Client(enforce_csrf_checks=True)
    assert client.get("/pay/callback/wechat/").status_code == 405
    assert client.post("/pay/callback/paypal/").status_code == 404
    assert client.post("/pay/callback/wechat/").status_code == 400
    settings.DEMO = False
    assert client.post("/pay/callback/wechat/").status_code == 404


def test_callback_that_failed_on_our_side_may_come_again(bank, order, monkeypatch):
    """REL-K: the mark is stored with the money or not at all."""
    [(body, headers)] = bank.letters(order)
    gateway = gateways.gateway("wechat")
    with monkeypatch.context() as broken:
        broken.setattr(orders.booking, "book_payment", lambda **fields: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            callbacks.take(gateway, body, headers)
    assert callbacks.take(gateway, body, headers).settled


def test_marks_are_forgotten_after_their_time(bank, order):
    """Marks are kept longer than any channel repeats itself, and then removed."""
    CallbackMark.objects.create(provider="wechat", mark="old", at=timezone.now() - timedelta(days=31))
    CallbackMark.objects.create(provider="wechat", mark="new", at=timezone.now())
    assert callbacks.forget_old() == 1
    assert CallbackMark.objects.get().mark == "new"
