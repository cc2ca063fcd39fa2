"""Alipay with RSA2: a pre-created order gives a code to scan, a signed address opens the app from the browser of a
telephone (wap pay); payments come back as a signed form (DOMAIN §11).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http.client import HTTPException
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode
from urllib.request import build_opener

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.amounts import InvalidAmount, parse_yuan
from payments.gateways import signatures
from payments.gateways.base import (
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
    Phone,
    Refused,
    Report,
    Unreachable,
)
from portal.regions.calendar import SHANGHAI

OLDEST = timedelta(hours=26)
"""Alipay repeats an unanswered callback for 25 hours, unchanged; a replay is known by its notify_id, not by its age."""

AHEAD = timedelta(minutes=5)
ADDRESS = "https://openapi.alipay.com/gateway.do"
LONGEST_ANSWER = 64 * 1024
CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
NUMBER = re.compile(r"[0-9A-Za-z_\-]{6,64}")
MOST_FIELDS = 100
STATES = {
    "TRADE_SUCCESS": Outcome.PAID,
    "TRADE_FINISHED": Outcome.PAID,
    "WAIT_BUYER_PAY": Outcome.WAITING,
    "TRADE_CLOSED": Outcome.CLOSED,
}
PASSING = ("ACQ.SYSTEM_ERROR", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.REQUEST_TOO_FREQUENT", "aop.", "isp.", "isv.")
"""How refusals of a refund begin that a later try may overcome: no money with the seller, the platform, our keys."""


@dataclass(frozen=True, kw_only=True)
class AlipayKeys:
    """What the open platform gives out; `public_key` is Alipay's own, not the application's."""

    app_id: str
    seller_id: str
    app_key: str = field(repr=False)
    public_key: str
    address: str = ""


class AlipayGateway(Gateway):
    """Pre-created orders and wap orders of one application."""

    provider: ClassVar[str] = "alipay"
    name = _("Alipay")
    replays_are_answered: ClassVar[bool] = True
    knows_phones: ClassVar[bool] = True

    def __init__(self, keys: AlipayKeys) -> None:
        self.keys = keys
        self._key = signatures.public_key(keys.public_key)
        self._own_key = signatures.private_key(keys.app_key)

    def create(self, asked: Asked) -> Offer:
        if asked.phone:
            opens = self._wap_address(asked, asked.phone)
            return Offer(opens, opens)
        minutes = max(1, int((asked.expires_at - timezone.now()).total_seconds() // 60))
        answer = self._call(
            "alipay.trade.precreate",
            notify_url=asked.notify_url,
            subject=asked.description,
            out_trade_no=asked.number,
            total_amount=_yuan(asked.amount_fen),
            body=asked.note,
            timeout_express=f"{minutes}m",
        )
        address = answer.get("qr_code")
        if answer.get("code") != "10000" or not isinstance(address, str):
            raise Refused(str(answer.get("sub_code") or answer.get("code")))
        return Offer(address, address)

    def _wap_address(self, asked: Asked, phone: Phone) -> str:
        """The address of a wap order. Nothing is asked here: Alipay makes the trade when the payer opens it, and a
        second address for the same number opens the same trade.
        """
        return self._address(
            "alipay.trade.wap.pay",
            {"notify_url": asked.notify_url, "return_url": phone.return_url},
            subject=asked.description,
            out_trade_no=asked.number,
            total_amount=_yuan(asked.amount_fen),
            product_code="QUICK_WAP_WAY",
            body=asked.note,
            quit_url=phone.return_url,
            time_expire=asked.expires_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
        )

    def query(self, number: str) -> Report:
        answer = self._call("alipay.trade.query", out_trade_no=number)
        if answer.get("sub_code") == "ACQ.TRADE_NOT_EXIST":
            # Alipay makes the trade when the payer scans: an order that nobody scanned is unknown to it.
            return Report(outcome=Outcome.UNKNOWN, number=number)
        if answer.get("code") != "10000":
            raise Refused(str(answer.get("sub_code") or answer.get("code")))
        if answer.get("out_trade_no") != number:
            raise Unreachable("other_order")
        try:
            return self._read({**answer, "gmt_payment": answer.get("send_pay_date", "")})
        except CallbackRefused as refusal:
            raise Unreachable(refusal.reason) from refusal

    def close(self, number: str) -> bool:
        answer = self._call("alipay.trade.close", out_trade_no=number)
        if answer.get("code") == "10000" or answer.get("sub_code") == "ACQ.TRADE_NOT_EXIST":
            return True
        if answer.get("sub_code") == "ACQ.TRADE_STATUS_ERROR":
            return False
        raise Refused(str(answer.get("sub_code") or answer.get("code")))

    def refund(self, asked: AskedBack) -> BackReport:
        answer = self._call(
            "alipay.trade.refund",
            refund_amount=_yuan(asked.amount_fen),
            trade_no=asked.txn,
            out_request_no=asked.number,
        )
        reason = str(answer.get("sub_code") or answer.get("code"))
        if answer.get("code") == "20000":
            raise Unreachable(reason)
        if answer.get("code") != "10000":
            if reason.startswith(PASSING):
                raise Refused(reason)
            return BackReport(outcome=BackOutcome.FAILED, number=asked.number, code=reason[:60])
        if answer.get("trade_no") != asked.txn:
            raise Unreachable("other_refund")
        # Without a change of funds in this very call the money is on its way, or left at an earlier call: ask.
        changed = answer.get("fund_change") == "Y"
        return BackReport(
            outcome=BackOutcome.PAID_BACK if changed else BackOutcome.UNDERWAY,
            number=asked.number,
            paid_on=timezone.localdate() if changed else None,
        )

    def query_refund(self, number: str, txn: str) -> BackReport:
        answer = self._call(
            "alipay.trade.fastpay.refund.query",
            trade_no=txn,
            out_request_no=number,
            query_options=["gmt_refund_pay"],
        )
        if answer.get("sub_code") == "ACQ.TRADE_NOT_EXIST":
            return BackReport(outcome=BackOutcome.UNKNOWN, number=number)
        if answer.get("code") == "20000":
            raise Unreachable(str(answer.get("sub_code")))
        if answer.get("code") != "10000":
            raise Refused(str(answer.get("sub_code") or answer.get("code")))
        if not answer.get("refund_status"):
            # Alipay knows no refund of this number, or one that did not succeed: the same request may be sent again.
            return BackReport(outcome=BackOutcome.UNKNOWN, number=number)
        if answer.get("out_request_no") != number or answer.get("trade_no") != txn:
            raise Unreachable("other_refund")
        if answer["refund_status"] != "REFUND_SUCCESS":
            return BackReport(outcome=BackOutcome.UNDERWAY, number=number)
        try:
            paid_at = str(answer.get("gmt_refund_pay") or "")
            return BackReport(
                outcome=BackOutcome.PAID_BACK,
                number=number,
                amount_fen=_fen(answer.get("refund_amount")),
                paid_on=_moment(paid_at).date() if paid_at else timezone.localdate(),
            )
        except CallbackRefused as refusal:
            raise Unreachable(refusal.reason) from refusal

    def _call(self, method: str, notify_url: str = "", **content: str | list[str]) -> dict[str, Any]:
        """Asks the open platform, and believes no answer that Alipay's own key has not signed.

        No kit of the platform is used: the one on the package index has no wheel, and finds the signed part of an
        answer by counting braces. Raises Unreachable.
        """
        addresses = {"notify_url": notify_url} if notify_url else {}
        try:
            with build_opener().open(self._address(method, addresses, **content), timeout=READ_SECONDS) as response:
                text = response.read(LONGEST_ANSWER).decode()
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(type(error).__name__) from error
        return self._signed_part(text, method.replace(".", "_") + "_response")

    def _address(self, method: str, addresses: Mapping[str, str], **content: str | list[str]) -> str:
        """A signed request as an address of the open platform."""
        said = {
            **addresses,
            "app_id": self.keys.app_id,
            "method": method,
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": timezone.now().astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        }
        message = "&".join(f"{name}={said[name]}" for name in sorted(said))
        said["sign"] = signatures.sign(self._own_key, message.encode())
        return f"{self.keys.address or ADDRESS}?{urlencode(said)}"

    def _signed_part(self, text: str, name: str) -> dict[str, Any]:
        """The answer inside its wrapping; the signature is over these very characters."""
        opening = re.match(rf'\s*{{\s*"({re.escape(name)}|error_response)"\s*:\s*', text)
        if opening is None:
            raise Unreachable("unreadable")
        try:
            answer, end = json.JSONDecoder().raw_decode(text, opening.end())
            signature = json.loads(text).get("sign", "")
        except ValueError as error:
            raise Unreachable("unreadable") from error
        signed = text[opening.end() : end]
        if not isinstance(answer, dict) or not isinstance(signature, str):
            raise Unreachable("unreadable")
        if not signatures.is_signed(self._key, signed.encode(), signature):
            raise Unreachable("signature")
        return answer

    def read_callback(self, body: bytes, headers: Mapping[str, str], at: datetime) -> Callback:
        charset, fields = _fields(body)
        signature = fields.get("sign", "")
        if fields.get("sign_type") != "RSA2":
            raise CallbackRefused("signature_type")
        signed = "&".join(f"{key}={fields[key]}" for key in sorted(fields) if key not in ("sign", "sign_type"))
        if not signatures.is_signed(self._key, signed.encode(charset), signature):
            raise CallbackRefused("signature", 401)
        mark = fields.get("notify_id", "")
        if not re.fullmatch(r"[0-9A-Za-z]{8,128}", mark):
            raise CallbackRefused("notify_id")
        sent = _moment(fields.get("notify_time", ""))
        if not at - OLDEST <= sent <= at + AHEAD:
            raise CallbackRefused("stale", 401)
        if fields.get("app_id") != self.keys.app_id or fields.get("seller_id") != self.keys.seller_id:
            raise CallbackRefused("merchant")
        report = self._read(fields)
        return Callback(mark, report if report.outcome is Outcome.PAID else None)

    def _read(self, fields: Mapping[str, Any]) -> Report:
        number = fields.get("out_trade_no")
        if not isinstance(number, str) or not NUMBER.fullmatch(number):
            raise CallbackRefused("number")
        outcome = STATES.get(str(fields.get("trade_status")))
        if outcome is None:
            raise CallbackRefused("state")
        if outcome is not Outcome.PAID:
            return Report(outcome=outcome, number=number)
        if any(fields.get(name, "CNY") != "CNY" for name in ("trans_currency", "pay_currency", "settle_currency")):
            raise CallbackRefused("currency")
        txn = fields.get("trade_no")
        if not isinstance(txn, str) or not re.fullmatch(r"[0-9A-Za-z]{6,64}", txn):
            raise CallbackRefused("transaction")
        return Report(
            outcome=outcome,
            number=number,
            provider_txn=txn,
            amount_fen=_fen(fields.get("total_amount")),
            paid_on=_paid_on(fields),
            note=str(fields.get("body") or "")[:40],
        )

    def accepted(self) -> HttpResponse:
        return HttpResponse("success", content_type="text/plain")

    def rejected(self, refusal: CallbackRefused) -> HttpResponse:
        return HttpResponse("failure", content_type="text/plain", status=refusal.status)


def _fields(body: bytes) -> tuple[str, dict[str, str]]:
    """The form in the charset it names itself, and that charset: the signature is over the decoded values in it."""
    try:
        text = body.decode("ascii")
        named = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)).get("charset", "utf-8")
        charset = CHARSETS[named.lower()]
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            encoding=charset,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except KeyError as error:
        raise CallbackRefused("charset") from error
    except ValueError as error:
        raise CallbackRefused("body") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise CallbackRefused("body")
    return charset, fields


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fen(text: Any) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,12}\.[0-9]{2}", text):
        raise CallbackRefused("amount")
    try:
        amount = parse_yuan(text)
    except InvalidAmount as error:
        raise CallbackRefused("amount") from error
    if amount <= 0:
        raise CallbackRefused("amount")
    return amount


def _paid_on(fields: Mapping[str, Any]) -> date:
    return _moment(str(fields.get("gmt_payment") or "")).date()


def _moment(text: str) -> datetime:
    """A moment as Alipay writes it, in local time."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError as error:
        raise CallbackRefused("time") from error
