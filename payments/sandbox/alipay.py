"""The Alipay side of the sandbox bank: gateway.do and signed forms with the bank's own RSA2 key."""

import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from sqlite3 import Row
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from payments.amounts import InvalidAmount, parse_yuan
from payments.gateways import signatures
from payments.gateways.wechat import dumped
from payments.sandbox import book
from payments.sandbox.faults import BackFault, Fault
from payments.sandbox.keys import ALIPAY_APP_ID, ALIPAY_SELLER_ID, bank_keys
from portal.regions.calendar import SHANGHAI

PROVIDER = "alipay"
_STATES = {"open": "WAIT_BUYER_PAY", "paid": "TRADE_SUCCESS", "closed": "TRADE_CLOSED", "refunded": "TRADE_SUCCESS"}


def is_ours(request: HttpRequest) -> bool:
    """Whether the merchant's application signed this request."""
    said = {key: str(value) for key, value in request.GET.items()}
    signature = said.pop("sign", "")
    message = "&".join(f"{key}={said[key]}" for key in sorted(said))
    key = signatures.public_key(bank_keys().app_public)
    return said.get("app_id") == ALIPAY_APP_ID and signatures.is_signed(key, message.encode(), signature)


def serve(method: str, content: dict[str, Any], notify_url: str, cashier: str) -> HttpResponse:
    """Answers one method of the gateway."""
    name = method.replace(".", "_") + "_response"
    handlers = {
        "alipay.trade.precreate": lambda: _precreate(content, notify_url, cashier),
        "alipay.trade.query": lambda: _query(content),
        "alipay.trade.close": lambda: _close(content),
        "alipay.trade.refund": lambda: _refund(content),
        "alipay.trade.fastpay.refund.query": lambda: _refund_query(content),
    }
    if method not in handlers:
        return answer("error_response", _no("isv.invalid-method"))
    told = handlers[method]()
    # Without words the answer is lost on its way.
    return answer(name, told) if told else HttpResponse(status=504)


def answer(name: str, told: dict[str, Any]) -> HttpResponse:
    """A signed answer; the signature is over the inner text as it stands."""
    inner = dumped(told)
    signature = signatures.sign(signatures.private_key(bank_keys().alipay), inner.encode())
    return HttpResponse(f'{{"{name}":{inner},"sign":"{signature}"}}', content_type="text/html; charset=utf-8")


def _no(code: str) -> dict[str, Any]:
    return {"code": "40004", "msg": "Business Failed", "sub_code": code, "sub_msg": code}


def _yes(**more: Any) -> dict[str, Any]:
    return {"code": "10000", "msg": "Success", **more}


def wap_page(content: dict[str, Any], said: Mapping[str, str], cashier: str) -> str:
    """Where the browser of a telephone is sent that opens a wap order: the cashier's page; empty for an order that
    cannot be paid.
    """
    if content.get("product_code") != "QUICK_WAP_WAY" or not content.get("subject"):
        return ""
    try:
        ends = datetime.strptime(str(content.get("time_expire")), "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        return ""
    if ends.timestamp() <= time.time():
        return ""
    told, token = _opened(content, said.get("notify_url", ""), ends.timestamp())
    # A paid order shows its page again, as the real one does.
    if told["code"] != "10000" and told["sub_code"] != "ACQ.TRADE_HAS_SUCCESS":
        return ""
    return f"{cashier}{token}/?{urlencode({'redirect_url': said.get('return_url', '')})}"


def _precreate(content: dict[str, Any], notify_url: str, cashier: str) -> dict[str, Any]:
    minutes = int(str(content.get("timeout_express", "90m")).removesuffix("m"))
    told, token = _opened(content, notify_url, time.time() + minutes * 60)
    return told | {"qr_code": f"{cashier}{token}/"} if told["code"] == "10000" else told


def _opened(content: dict[str, Any], notify_url: str, expires_at: float) -> tuple[dict[str, Any], str]:
    """The trade of an order's number, made at the first asking: what is answered, and its token."""
    try:
        amount = parse_yuan(str(content.get("total_amount", "")))
    except InvalidAmount:
        return _no("ACQ.INVALID_PARAMETER"), ""
    number = str(content.get("out_trade_no", ""))
    if not number or not amount:
        return _no("ACQ.INVALID_PARAMETER"), ""
    known = book.open_trade(
        PROVIDER,
        number,
        token=secrets.token_urlsafe(16),
        amount_fen=amount,
        subject=str(content.get("subject", "")),
        note=str(content.get("body", "")),
        notify_url=notify_url,
        expires_at=expires_at,
    )
    if known["amount_fen"] != amount:
        return _no("ACQ.CONTEXT_INCONSISTENT"), ""
    if known["state"] != "open":
        return _no("ACQ.TRADE_HAS_SUCCESS" if known["state"] == "paid" else "ACQ.TRADE_HAS_CLOSE"), known["token"]
    return _yes(out_trade_no=number), known["token"]


def _query(content: dict[str, Any]) -> dict[str, Any]:
    row = book.trade(PROVIDER, str(content.get("out_trade_no", "")))
    if row is None:
        return _no("ACQ.TRADE_NOT_EXIST")
    told = _yes(out_trade_no=row["number"], trade_status=_STATES[row["state"]], total_amount=_yuan(row["amount_fen"]))
    if row["paid_at"]:
        told |= {
            "trade_no": row["txn"],
            "total_amount": _yuan(row["paid_fen"]),
            "send_pay_date": _moment(row["paid_at"]),
            "body": row["note"],
        }
    return told


def _close(content: dict[str, Any]) -> dict[str, Any]:
    state = book.close_trade(PROVIDER, str(content.get("out_trade_no", "")))
    if not state:
        return _no("ACQ.TRADE_NOT_EXIST")
    return _yes() if state == "closed" else _no("ACQ.TRADE_STATUS_ERROR")


def _refund(content: dict[str, Any]) -> dict[str, Any]:
    try:
        amount = parse_yuan(str(content.get("refund_amount", "")))
    except InvalidAmount:
        return _no("ACQ.INVALID_PARAMETER")
    txn, number = str(content.get("trade_no", "")), str(content.get("out_request_no", ""))
    row = book.one("SELECT * FROM trade WHERE provider = ? AND txn = ?", PROVIDER, txn)
    if row is None:
        return _no("ACQ.TRADE_NOT_EXIST")
    fault = book.wish(PROVIDER, row["number"])
    refused = {
        BackFault.ACCOUNT_GONE: "ACQ.BUYER_ERROR",
        BackFault.NO_MONEY: "ACQ.SELLER_BALANCE_NOT_ENOUGH",
        BackFault.ABNORMAL: "ACQ.TRADE_NOT_ALLOW_REFUND",
        BackFault.CLOSED: "ACQ.TRADE_HAS_FINISHED",
    }
    if fault in refused:
        return _no(refused[BackFault(fault)])
    is_new = book.payback(PROVIDER, number) is None
    now = time.time()
    made, wrong = book.pay_back(
        PROVIDER,
        txn,
        number,
        amount,
        back_id=f"{PROVIDER}{secrets.token_hex(10)}",
        ends="SUCCESS",
        ends_at=now,
        notify_url="",
        due_at=now,
        mark="",
        done=1,
    )
    if made is None:
        return _no("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL" if wrong == "TOO_MUCH" else "ACQ.DISCORDANT_REPEAT_REQUEST")
    if is_new and fault == BackFault.SILENT:
        return {}
    total = book.trade(PROVIDER, row["number"])
    return _yes(
        trade_no=txn,
        out_trade_no=row["number"],
        refund_fee=_yuan(total["refunded_fen"] if total else amount),
        fund_change="Y" if is_new else "N",
    )


def _refund_query(content: dict[str, Any]) -> dict[str, Any]:
    txn, number = str(content.get("trade_no", "")), str(content.get("out_request_no", ""))
    if book.one("SELECT * FROM trade WHERE provider = ? AND txn = ?", PROVIDER, txn) is None:
        return _no("ACQ.TRADE_NOT_EXIST")
    row = book.payback(PROVIDER, number)
    if row is None or row["txn"] != txn:
        return _yes()
    return _yes(
        trade_no=txn,
        out_trade_no=row["number"],
        out_request_no=number,
        refund_amount=_yuan(row["amount_fen"]),
        refund_status="REFUND_SUCCESS",
        gmt_refund_pay=_moment(row["at"]),
    )


def letter(row: Row, fault: str, mark: str) -> tuple[bytes, dict[str, str]]:
    """The callback of a paid trade, with the fault asked for: body and headers."""
    keys = bank_keys()
    sent = time.time() - (30 * 3600 if fault == Fault.STALE else 0)
    fields = {
        "notify_time": _moment(sent),
        "notify_type": "trade_status_sync",
        "notify_id": mark,
        "app_id": ALIPAY_APP_ID,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": row["txn"],
        "out_trade_no": row["number"],
        "trade_status": "TRADE_SUCCESS",
        "total_amount": _yuan(row["paid_fen"]),
        "receipt_amount": _yuan(row["paid_fen"]),
        "seller_id": ALIPAY_SELLER_ID,
        "buyer_id": "2088000000000009",
        "subject": row["subject"],
        "body": row["note"],
        "gmt_create": _moment(row["paid_at"]),
        "gmt_payment": _moment(row["paid_at"]),
    }
    if fault == Fault.WRONG_MERCHANT:
        fields["seller_id"] = "2088000000009999"
    if fault == Fault.UNKNOWN_NOTICE:
        fields |= {"out_trade_no": f"UNKNOWN{row['txn'][-12:]}", "body": ""}
    message = "&".join(f"{key}={fields[key]}" for key in sorted(fields))
    key = signatures.private_key(keys.forger if fault == Fault.FORGED else keys.alipay)
    signed = {**fields, "sign_type": "RSA2", "sign": signatures.sign(key, message.encode())}
    content_type = "application/x-www-form-urlencoded; charset=utf-8"
    return urlencode(signed).encode(), {"Content-Type": content_type}


def was_taken(status: int, text: str) -> bool:
    """Whether the merchant's answer ends the retries: exactly seven letters do."""
    return status == 200 and text == "success"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(int(epoch), SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
