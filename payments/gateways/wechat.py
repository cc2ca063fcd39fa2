"""WeChat Pay v3: a native order gives a code to scan, an H5 order an address for the browser of a telephone; payments
and refunds come back signed and encrypted (DOMAIN §11).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wechatpayv3 import WeChatPay, WeChatPayType

from payments.gateways import signatures
from payments.gateways.base import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Asked,
    AskedBack,
    BackOutcome,
    BackReport,
    Callback,
    CallbackRefused,
    Gateway,
    Offer,
    Outcome,
    Refused,
    Report,
    Unreachable,
)
from portal.regions.calendar import local_date

FRESH = timedelta(minutes=5)
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"
NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
STATES = {
    "SUCCESS": Outcome.PAID,
    "REFUND": Outcome.PAID,  # paid first and paid back later: the payment is on the books either way
    "NOTPAY": Outcome.WAITING,
    "USERPAYING": Outcome.WAITING,
    "ACCEPT": Outcome.WAITING,
    "CLOSED": Outcome.CLOSED,
    "REVOKED": Outcome.CLOSED,
    "PAYERROR": Outcome.CLOSED,
}
BACK_STATES = {
    "SUCCESS": BackOutcome.PAID_BACK,
    "PROCESSING": BackOutcome.UNDERWAY,
    "CLOSED": BackOutcome.FAILED,
    "ABNORMAL": BackOutcome.FAILED,
}
PASSING = frozenset(
    {"NOT_ENOUGH", "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "BIZERR_NEED_RETRY", "SIGN_ERROR", "NO_AUTH"}
)
"""Refusals of a refund that a later try may overcome: the merchant's account is empty, too many at once, our keys."""

BACK_EVENTS = ("REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED")
NOBODY = ("ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS")


@dataclass(frozen=True, kw_only=True)
class WeChatKeys:
    """What the merchant platform gives out; `platform_keys` are pairs of serial and public key, newest first."""

    mchid: str
    appid: str
    apiv3_key: str = field(repr=False)
    merchant_key: str = field(repr=False)
    merchant_serial: str
    platform_keys: tuple[tuple[str, str], ...]
    address: str = ""


class WeChatGateway(Gateway):
    """Native and H5 orders of one merchant."""

    provider: ClassVar[str] = "wechat"
    name = _("WeChat Pay")
    replays_are_answered: ClassVar[bool] = False
    knows_phones: ClassVar[bool] = True

    def __init__(self, keys: WeChatKeys) -> None:
        if len(keys.apiv3_key.encode()) != 32:
            raise signatures.BadKey("the APIv3 key has 32 bytes")
        self.keys = keys
        self._known = {serial: signatures.public_key(pem) for serial, pem in keys.platform_keys}
        serial, pem = keys.platform_keys[0]
        self._library = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=keys.mchid,
            private_key=keys.merchant_key,
            cert_serial_no=keys.merchant_serial,
            appid=keys.appid,
            apiv3_key=keys.apiv3_key,
            public_key=signatures.public_pem(signatures.public_key(pem)),
            public_key_id=serial,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
        )
        if keys.address:
            # The library knows no other place than the real one; this is its only switch.
            self._library._core._gate_way = keys.address

    def create(self, asked: Asked) -> Offer:
        scene: dict[str, Any] = {}
        if asked.phone:
            scene = {
                "pay_type": WeChatPayType.H5,
                "scene_info": {"payer_client_ip": asked.phone.client_ip, "h5_info": {"type": "Wap"}},
            }
        code, answer = self._call(
            "pay",
            **scene,
            description=asked.description,
            out_trade_no=asked.number,
            amount={"total": asked.amount_fen, "currency": "CNY"},
            time_expire=timezone.localtime(asked.expires_at).isoformat(timespec="seconds"),
            attach=asked.note,
            notify_url=asked.notify_url,
        )
        address = answer.get("h5_url" if asked.phone else "code_url")
        if code != 200 or not isinstance(address, str):
            raise Refused(str(answer.get("code", code)))
        if asked.phone:
            joint = "&" if "?" in address else "?"
            address = f"{address}{joint}redirect_url={quote(asked.phone.return_url, safe='')}"
        return Offer(address, address if address.startswith(("https://", "http://")) else "")

    def query(self, number: str) -> Report:
        code, answer = self._call("query", out_trade_no=number)
        if code == 404 and answer.get("code") in NOBODY:
            return Report(outcome=Outcome.UNKNOWN, number=number)
        if code != 200:
            raise Refused(str(answer.get("code", code)))
        try:
            report = self._read(answer)
        except CallbackRefused as refusal:
            raise Unreachable(refusal.reason) from refusal
        if report.number != number:
            raise Unreachable("other_order")
        return report

    def close(self, number: str) -> bool:
        code, answer = self._call("close", out_trade_no=number)
        if code in (200, 204):
            return True
        reason = str(answer.get("code", code))
        if reason == "ORDERPAID":
            return False
        if reason in ("ORDERCLOSED", "ORDER_CLOSED", "ORDERNOTEXIST", "ORDER_NOT_EXIST"):
            return True
        raise Refused(reason)

    def refund(self, asked: AskedBack) -> BackReport:
        code, answer = self._call(
            "refund",
            out_refund_no=asked.number,
            transaction_id=asked.txn,
            amount={"refund": asked.amount_fen, "total": asked.total_fen, "currency": "CNY"},
            notify_url=asked.notify_url,
        )
        return self._answered_back(code, answer, asked.number, asked.txn)

    def query_refund(self, number: str, txn: str) -> BackReport:
        code, answer = self._call("query_refund", out_refund_no=number)
        if code == 404 and answer.get("code") in NOBODY:
            return BackReport(outcome=BackOutcome.UNKNOWN, number=number)
        if code != 200:
            raise Refused(str(answer.get("code", code)))
        return self._answered_back(code, answer, number, txn)

    def _answered_back(self, code: int, answer: dict[str, Any], number: str, txn: str) -> BackReport:
        reason = str(answer.get("code", code))
        if code == 429 or (code != 200 and reason in PASSING):
            raise Refused(reason)
        if code != 200:
            return BackReport(outcome=BackOutcome.FAILED, number=number, code=reason[:60])
        try:
            report = self._read_back(answer, "status")
        except CallbackRefused as refusal:
            raise Unreachable(refusal.reason) from refusal
        if report.number != number or answer.get("transaction_id") != txn:
            raise Unreachable("other_refund")
        return report

    def _read_back(self, refund: dict[str, Any], state_name: str) -> BackReport:
        """What is said of a refund, once currency, amount and number are right."""
        number, state = refund.get("out_refund_no"), str(refund.get(state_name))
        if not isinstance(number, str) or not NUMBER.fullmatch(number):
            raise CallbackRefused("number")
        if state not in BACK_STATES:
            raise CallbackRefused("state")
        amount = refund.get("amount")
        if not isinstance(amount, dict) or amount.get("currency", "CNY") != "CNY":
            raise CallbackRefused("currency")
        back = amount.get("refund")
        if type(back) is not int or back <= 0:
            raise CallbackRefused("amount")
        outcome = BACK_STATES[state]
        return BackReport(
            outcome=outcome,
            number=number,
            amount_fen=back,
            reference=str(refund.get("refund_id") or "")[:80],
            paid_on=_day(refund.get("success_time")) if outcome is BackOutcome.PAID_BACK else None,
            code=state if outcome is BackOutcome.FAILED else "",
        )

    def _call(self, name: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
        try:
            code, text = getattr(self._library, name)(**arguments)
        except Exception as error:  # the library raises bare exceptions, for a bad signature too
            raise Unreachable(type(error).__name__) from error
        if code >= 500:
            raise Unreachable(str(code))
        try:
            return code, signatures.strict_json(text) if text else {}
        except ValueError as error:
            raise Unreachable("unreadable") from error

    def read_callback(self, body: bytes, headers: Mapping[str, str], at: datetime) -> Callback:
        stamp, nonce = headers.get("Wechatpay-Timestamp", ""), headers.get("Wechatpay-Nonce", "")
        key = self._known.get(headers.get("Wechatpay-Serial", ""))
        if not nonce or len(nonce) > 128 or not re.fullmatch(r"[0-9]{1,12}", stamp):
            raise CallbackRefused("headers")
        if headers.get("Wechatpay-Signature-Type", SIGNATURE_TYPE) != SIGNATURE_TYPE:
            raise CallbackRefused("signature_type")
        if key is None:
            raise CallbackRefused("serial", 401)
        if not signatures.is_signed(
            key, f"{stamp}\n{nonce}\n".encode() + body + b"\n", headers.get("Wechatpay-Signature", "")
        ):
            raise CallbackRefused("signature", 401)
        if abs(int(stamp) - at.timestamp()) > FRESH.total_seconds():
            raise CallbackRefused("stale", 401)
        try:
            data = signatures.strict_json(body)
        except ValueError as error:
            raise CallbackRefused("body") from error
        event = str(data.get("event_type"))
        if event in BACK_EVENTS:
            opened = self._opened(data.get("resource"))
            if opened.get("mchid") != self.keys.mchid:
                raise CallbackRefused("merchant")
            return Callback(nonce, None, self._read_back(opened, "refund_status"))
        if event != "TRANSACTION.SUCCESS":
            return Callback(nonce, None)
        report = self._read(self._opened(data.get("resource")))
        return Callback(nonce, report if report.outcome is Outcome.PAID else None)

    def _opened(self, resource: Any) -> dict[str, Any]:
        """What is sealed in a callback."""
        if not isinstance(resource, dict) or resource.get("algorithm") != ALGORITHM:
            raise CallbackRefused("algorithm")
        nonce, text = resource.get("nonce"), resource.get("ciphertext")
        associated = resource.get("associated_data") or ""
        if not (isinstance(nonce, str) and isinstance(text, str) and isinstance(associated, str)):
            raise CallbackRefused("resource")
        plain = signatures.decrypt(self.keys.apiv3_key, nonce, associated, text)
        if plain is None:
            raise CallbackRefused("resource")
        try:
            return signatures.strict_json(plain)
        except ValueError as error:
            raise CallbackRefused("resource") from error

    def _read(self, transaction: dict[str, Any]) -> Report:
        """What a transaction says, once merchant, currency, amount and number are right."""
        if transaction.get("mchid") != self.keys.mchid or transaction.get("appid") != self.keys.appid:
            raise CallbackRefused("merchant")
        number = transaction.get("out_trade_no")
        if not isinstance(number, str) or not NUMBER.fullmatch(number):
            raise CallbackRefused("number")
        outcome = STATES.get(str(transaction.get("trade_state")))
        if outcome is None:
            raise CallbackRefused("state")
        if outcome is not Outcome.PAID:
            return Report(outcome=outcome, number=number)
        amount, txn = transaction.get("amount"), transaction.get("transaction_id")
        if not isinstance(amount, dict) or amount.get("currency", "CNY") != "CNY":
            raise CallbackRefused("currency")
        total = amount.get("total")
        if type(total) is not int or total <= 0:
            raise CallbackRefused("amount")
        if not isinstance(txn, str) or not re.fullmatch(r"[0-9A-Za-z]{6,64}", txn):
            raise CallbackRefused("transaction")
        return Report(
            outcome=outcome,
            number=number,
            provider_txn=txn,
            amount_fen=total,
            paid_on=_day(transaction.get("success_time")),
            note=str(transaction.get("attach") or "")[:40],
        )

    def accepted(self) -> HttpResponse:
        return HttpResponse(status=204)

    def rejected(self, refusal: CallbackRefused) -> HttpResponse:
        return JsonResponse({"code": "FAIL", "message": refusal.reason}, status=refusal.status)


def _day(text: Any) -> date:
    """The local day of a moment with its zone, such as 2026-11-23T12:00:00+08:00."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise CallbackRefused("time") from error
    if moment.tzinfo is None:
        raise CallbackRefused("time")
    return local_date(moment)


def dumped(value: Any) -> str:
    """JSON as WeChat Pay writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
