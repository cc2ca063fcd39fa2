"""The two online channels: they speak to the sandbox bank through the real libraries, and believe no forged answer."""

import io
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from wechatpayv3 import WeChatPay, WeChatPayType

from payments import gateways
from payments.gateways import NotOffered, signatures
from payments.gateways.alipay import AlipayGateway
from payments.gateways.base import Asked, AskedBack, BackOutcome, Outcome, Refused, Unreachable
from payments.gateways.wechat import WeChatGateway, _day
from payments.sandbox import book, keys, post

PROVIDERS = ("wechat", "alipay")
NUMBER = "CB261123ABCDEF01"


def asked(**fields):
    values = {
        "number": NUMBER,
        "amount_fen": 40_001,
        "description": "示例缴费通知单 {6126}",
        "note": "6126000000000101",
        "expires_at": timezone.now() + timedelta(minutes=30),
        "notify_url": "http://testserver/pay/callback/x/",
    }
    return Asked(**(values | fields))


def paid(gateway, provider):
    gateway.create(asked())
    post.pay(book.trade(provider, NUMBER)["token"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_order_lives_at_the_bank(bank, provider):
    """S1-13: opened, opened again, asked about, paid, paid back; all over the real protocol."""
    gateway = gateways.gateway(provider)
    offer = gateway.create(asked())
    assert offer == gateway.create(asked())
    assert offer.code.startswith("http://testserver/sandbox/cashier/")
    assert gateway.query(NUMBER).outcome is Outcome.WAITING
    paid(gateway, provider)
    report = gateway.query(NUMBER)
    assert (report.outcome, report.amount_fen, report.note) == (Outcome.PAID, 40_001, "6126000000000101")
    assert report.paid_on == timezone.localdate()
    assert gateway.close(NUMBER) is False
    assert gateway.query_refund("RF0001", report.provider_txn).outcome is BackOutcome.UNKNOWN
    back = AskedBack(
        number="RF0001", txn=report.provider_txn, amount_fen=40_001, total_fen=40_001, notify_url=asked().notify_url
    )
    for _again in range(2):
        assert gateway.refund(back).outcome in (BackOutcome.UNDERWAY, BackOutcome.PAID_BACK)
    assert gateway.refund(replace(back, number="RF0002", amount_fen=1)).outcome is BackOutcome.FAILED
    assert len(book.rows("SELECT * FROM payback")) == 1
    bank.tell()
    told = gateway.query_refund("RF0001", report.provider_txn)
    assert (told.outcome, told.amount_fen, told.paid_on) == (BackOutcome.PAID_BACK, 40_001, timezone.localdate())
    assert gateway.query(NUMBER).outcome is Outcome.PAID


@pytest.mark.parametrize("provider", PROVIDERS)
def test_closed_order_is_not_payable_and_an_unknown_one_is_unknown(bank, provider):
    """An order closed by us can be neither paid nor opened anew."""
    gateway = gateways.gateway(provider)
    gateway.create(asked())
    assert gateway.close(NUMBER) is True
    assert gateway.close(NUMBER) is True
    assert gateway.query(NUMBER).outcome is Outcome.CLOSED
    assert post.pay(book.trade(provider, NUMBER)["token"]) is None
    with pytest.raises(Refused):
        gateway.create(asked())
    assert gateway.query("CB26112300000000").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("provider", PROVIDERS)
def test_silent_bank_is_unreachable(bank, provider):
    """REL-K: no answer is no answer, never a closed or a paid order."""
    bank.is_down = True
    gateway = gateways.gateway(provider)
    for call in (lambda: gateway.create(asked()), lambda: gateway.query(NUMBER), lambda: gateway.close(NUMBER)):
        with pytest.raises(Unreachable):
            call()
    back = AskedBack(number="RF0001", txn="42000001", amount_fen=1, total_fen=1, notify_url="")
    for speak in (lambda: gateway.refund(back), lambda: gateway.query_refund("RF0001", "42000001")):
        with pytest.raises(Unreachable):
            speak()


def test_forged_answer_is_not_believed(bank, monkeypatch):
    """E5: an answer signed with a strange key says nothing, whatever it says."""
    forger = keys.bank_keys().forger
    paid(gateways.gateway("wechat"), "wechat")
    real = signatures.sign
    monkeypatch.setattr(
        "payments.sandbox.wechat.signatures.sign", lambda key, text: real(signatures.private_key(forger), text)
    )
    for provider in PROVIDERS:
        with pytest.raises(Unreachable):
            gateways.gateway(provider).query(NUMBER)


def test_bank_refuses_a_strange_merchant(bank):
    """The bank checks our signature as the real one does."""
    strange = keys.bank_keys().forger
    with pytest.raises(Refused):
        WeChatGateway(replace(keys.merchant_keys("wechat"), merchant_key=strange)).create(asked())
    with pytest.raises((Refused, Unreachable)):
        AlipayGateway(replace(keys.merchant_keys("alipay"), app_key=strange)).create(asked())


def test_channel_without_all_its_keys_is_not_offered(settings):
    """E3: outside the demo nothing is offered that cannot be verified."""
    settings.DEMO = False
    assert gateways.offered() == {}
    settings.WECHATPAY = {**settings.WECHATPAY, "mchid": "1900000109", "appid": "wx1"}
    assert gateways.offered() == {}
    with pytest.raises(NotOffered):
        gateways.gateway("wechat")
    with pytest.raises(NotOffered):
        gateways.gateway("../alipay")


def test_channel_with_keys_leaves_the_sandbox(settings):
    """With keys of its own the portal speaks to the real address, demo or not; a key that is none stops it plainly."""
    given = keys.merchant_keys("wechat")
    settings.WECHATPAY = {**vars(given), "address": ""}
    assert gateways.gateway("wechat")._library._core._gate_way == "https://api.mch.weixin.qq.com"
    settings.WECHATPAY = {**vars(given), "apiv3_key": "short", "address": ""}
    with pytest.raises(signatures.BadKey):
        gateways.offered()
    settings.WECHATPAY = {**vars(given), "platform_keys": (("S", "no key"),), "address": ""}
    with pytest.raises(signatures.BadKey):
        gateways.offered()


def test_bank_speaks_what_the_library_understands(bank):
    """The sandbox's callbacks are taken by the channel's own library too: the protocol is not one of our making."""
    given = keys.merchant_keys("wechat")
    paid(gateways.gateway("wechat"), "wechat")
    body, headers = post.SIDES["wechat"].letter(book.trade("wechat", NUMBER), "", "mark")
    library = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=given.mchid,
        private_key=given.merchant_key,
        cert_serial_no=given.merchant_serial,
        appid=given.appid,
        apiv3_key=given.apiv3_key,
        public_key=given.platform_keys[0][1],
        public_key_id=given.platform_keys[0][0],
    )
    assert library.callback(headers, body)["resource"]["out_trade_no"] == NUMBER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        '{"sign":"x"}',
        '{"alipay_trade_query_response":{"code":"10000"},"sign":"AAAA"}',
        '{"alipay_trade_query_response":{"code":"10000"}',
        '{"alipay_trade_query_response":[1],"sign":"AAAA"}',
        '{"other_response":{},"alipay_trade_query_response":{"code":"10000"},"sign":"AAAA"}',
    ],
)
def test_answer_of_alipay_without_its_signature_is_no_answer(bank, monkeypatch, text):
    """E5: whatever stands on the line between: without Alipay's signature over these characters nothing is believed."""
    gateway = gateways.gateway("alipay")
    gateway.create(asked(description='带 {括号} 的说明 "引号"'))
    assert gateway.query(NUMBER).outcome is Outcome.WAITING
    opener = SimpleNamespace(open=lambda url, timeout: io.BytesIO(text.encode()))
    monkeypatch.setattr("payments.gateways.alipay.build_opener", lambda: opener)
    with pytest.raises(Unreachable):
        gateway.query(NUMBER)


def test_key_change_of_the_platform_is_survived():
    """Both platform keys count while the platform changes its key; a third one does not."""
    given = keys.merchant_keys("wechat")
    pair = (("NEW", keys.bank_keys().alipay_public), *given.platform_keys)
    known = WeChatGateway(replace(given, platform_keys=pair))._known
    assert set(known) == {"NEW", keys.PLATFORM_SERIAL}


def test_moment_of_payment_is_a_local_day():
    """The day of payment is Shanghai's, whatever zone the channel writes."""
    assert _day("2026-11-30T16:00:00+00:00").isoformat() == "2026-12-01"
