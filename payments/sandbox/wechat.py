"""The WeChat Pay side of the sandbox bank: the v3 protocol with the bank's own platform key."""

import re
import secrets
import time
from datetime import datetime
from sqlite3 import Row
from typing import Any

from django.http import HttpRequest, HttpResponse

from payments.gateways import signatures
from payments.gateways.wechat import ALGORITHM, FRESH, SIGNATURE_TYPE, dumped
from payments.sandbox import book
from payments.sandbox.faults import BackFault, Fault
from payments.sandbox.keys import APPID, MCHID, MERCHANT_SERIAL, PLATFORM_SERIAL, bank_keys
from portal.regions.calendar import SHANGHAI

PROVIDER = "wechat"
PATH_PREFIX = "/sandbox/wechat"
BACK_SECONDS = 3
"""How long a refund is under way."""

_AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')
_STATES = {"open": "NOTPAY", "paid": "SUCCESS", "closed": "CLOSED", "refunded": "REFUND"}


def is_ours(request: HttpRequest) -> bool:
    """Whether the merchant signed this request, a moment ago."""
    kind, _space, rest = request.headers.get("Authorization", "").partition(" ")
    said = dict(_AUTHORIZATION.findall(rest))
    if kind != SIGNATURE_TYPE or said.get("mchid") != MCHID or said.get("serial_no") != MERCHANT_SERIAL:
        return False
    stamp = said.get("timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(time.time() - int(stamp)) > FRESH.total_seconds():
        return False
    path = request.get_full_path().removeprefix(PATH_PREFIX)
    message = f"{request.method}\n{path}\n{stamp}\n{said.get('nonce_str')}\n".encode() + request.body + b"\n"
    key = signatures.public_key(bank_keys().merchant_public)
    return signatures.is_signed(key, message, said.get("signature", ""))


def answer(value: dict[str, Any] | None, status: int = 200) -> HttpResponse:
    """A signed answer."""
    body = dumped(value).encode() if value is not None else b""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    response = HttpResponse(body, content_type="application/json", status=status)
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    response["Wechatpay-Timestamp"], response["Wechatpay-Nonce"] = stamp, nonce
    response["Wechatpay-Serial"], response["Wechatpay-Signature-Type"] = PLATFORM_SERIAL, SIGNATURE_TYPE
    response["Wechatpay-Signature"] = signatures.sign(signatures.private_key(bank_keys().platform), message)
    return response


def refuse(code: str, status: int) -> HttpResponse:
    """A refusal in the words of WeChat Pay."""
    return answer({"code": code, "message": code}, status)


def open_order(data: dict[str, Any], cashier: str, *, is_h5: bool = False) -> HttpResponse:
    """A native or H5 order; `cashier` is the address of the cashier's page without its token."""
    amount = data.get("amount")
    total = amount.get("total") if isinstance(amount, dict) else None
    if data.get("mchid") != MCHID or data.get("appid") != APPID:
        return refuse("APPID_MCHID_NOT_MATCH", 400)
    if type(total) is not int or total <= 0 or not all(data.get(key) for key in ("out_trade_no", "notify_url")):
        return refuse("PARAM_ERROR", 400)
    if is_h5 and not _is_phone(data.get("scene_info")):
        return refuse("PARAM_ERROR", 400)
    known = book.open_trade(
        PROVIDER,
        str(data["out_trade_no"]),
        token=secrets.token_urlsafe(16),
        amount_fen=total,
        subject=str(data.get("description", "")),
        note=str(data.get("attach", "")),
        notify_url=str(data["notify_url"]),
        expires_at=datetime.fromisoformat(data["time_expire"]).timestamp(),
    )
    if known["amount_fen"] != total:
        return refuse("INVALID_REQUEST", 400)
    if known["state"] != "open":
        return refuse("ORDERPAID" if known["state"] == "paid" else "ORDER_CLOSED", 400)
    place = cashier + known["token"] + "/"
    return answer({"h5_url": f"{place}?prepay_id=wx{known['token'][:8]}"} if is_h5 else {"code_url": place})


def _is_phone(scene: Any) -> bool:
    """Whether an H5 order says who pays and from what, as WeChat Pay demands."""
    kind = scene.get("h5_info") if isinstance(scene, dict) else None
    return bool(scene and scene.get("payer_client_ip") and isinstance(kind, dict) and kind.get("type"))


def pay_back(data: dict[str, Any]) -> HttpResponse:
    """A refund of a paid trade, under way at first; its end comes by callback."""
    txn, number, amount = str(data["transaction_id"]), str(data["out_refund_no"]), data["amount"]
    row = book.one("SELECT * FROM trade WHERE provider = ? AND txn = ?", PROVIDER, txn)
    if row is None:
        return refuse("RESOURCE_NOT_EXISTS", 404)
    if type(amount["refund"]) is not int or amount["total"] != row["paid_fen"]:
        return refuse("PARAM_ERROR", 400)
    fault = book.wish(PROVIDER, row["number"])
    if fault == BackFault.ACCOUNT_GONE:
        return refuse("USER_ACCOUNT_ABNORMAL", 403)
    if fault == BackFault.NO_MONEY:
        return refuse("NOT_ENOUGH", 403)
    is_new = book.payback(PROVIDER, number) is None
    made, wrong = book.pay_back(
        PROVIDER,
        txn,
        number,
        amount["refund"],
        back_id=f"5030{secrets.randbelow(10**20):020d}",
        ends={BackFault.ABNORMAL: "ABNORMAL", BackFault.CLOSED: "CLOSED"}.get(BackFault(fault), "SUCCESS"),
        ends_at=time.time() + BACK_SECONDS,
        notify_url=str(data.get("notify_url", "")),
        due_at=time.time() + BACK_SECONDS,
        mark=secrets.token_hex(16),
        done=int(fault == BackFault.SILENT or not data.get("notify_url")),
    )
    if made is None:
        return refuse("INVALID_REQUEST" if wrong == "TOO_MUCH" else "PARAM_ERROR", 400)
    if is_new and fault == BackFault.SILENT:
        return HttpResponse(status=504)
    return answer(told_back(made))


def told_back(row: Row, *, is_over: bool = False) -> dict[str, Any]:
    """A refund as WeChat Pay tells of it."""
    ended = is_over or row["ends_at"] <= time.time()
    told: dict[str, Any] = {
        "refund_id": row["back_id"],
        "out_refund_no": row["refund_number"],
        "transaction_id": row["txn"],
        "out_trade_no": row["number"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": _moment(row["at"]),
        "status": row["ends"] if ended else "PROCESSING",
        "amount": {"refund": row["amount_fen"], "payer_refund": row["amount_fen"], "currency": "CNY"},
    }
    if ended and row["ends"] == "SUCCESS":
        told["success_time"] = _moment(min(row["ends_at"], time.time()))
    return told


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(int(epoch), SHANGHAI).isoformat()


def transaction(row: Row) -> dict[str, Any]:
    """A trade as WeChat Pay tells of it."""
    told: dict[str, Any] = {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": row["number"],
        "trade_state": _STATES[row["state"]],
        "attach": row["note"],
        "amount": {"total": row["amount_fen"], "currency": "CNY"},
    }
    if row["paid_at"]:
        told |= {
            "transaction_id": row["txn"],
            "trade_type": "NATIVE",
            "bank_type": "OTHERS",
            "success_time": datetime.fromtimestamp(int(row["paid_at"]), SHANGHAI).isoformat(),
            "payer": {"openid": "oSandbox0000000000000000000"},
            "amount": {
                "total": row["paid_fen"],
                "payer_total": row["paid_fen"],
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
    return told


def letter(row: Row, fault: str, mark: str) -> tuple[bytes, dict[str, str]]:
    """The callback of a paid trade, with the fault asked for: body and headers."""
    told = transaction(row)
    told["trade_state"] = "SUCCESS"
    if fault == Fault.WRONG_MERCHANT:
        told["mchid"] = "1900009999"
    if fault == Fault.UNKNOWN_NOTICE:
        told |= {"out_trade_no": f"UNKNOWN{row['txn'][-12:]}", "attach": ""}
    return _sealed(told, "TRANSACTION.SUCCESS", "transaction", mark, fault)


def back_letter(row: Row, fault: str = Fault.NONE) -> tuple[bytes, dict[str, str]]:
    """The callback of a refund that has come to its end: body and headers."""
    told = told_back(row, is_over=True)
    told |= {"mchid": MCHID, "refund_status": told.pop("status")}
    if fault == Fault.WRONG_MERCHANT:
        told["mchid"] = "1900009999"
    if fault == Fault.WRONG_AMOUNT:
        told["amount"]["refund"] += 1
    return _sealed(told, f"REFUND.{row['ends']}", "refund", row["mark"], fault)


def _sealed(told: dict[str, Any], event: str, kind: str, mark: str, fault: str) -> tuple[bytes, dict[str, str]]:
    keys = bank_keys()
    nonce = secrets.token_hex(6)
    resource = {
        "original_type": kind,
        "algorithm": ALGORITHM,
        "ciphertext": signatures.encrypt(keys.apiv3_key, nonce, kind, dumped(told).encode()),
        "associated_data": kind,
        "nonce": nonce,
    }
    created = datetime.now(SHANGHAI).isoformat(timespec="seconds")
    body = dumped(
        {
            "id": mark,
            "create_time": created,
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": "退款" if kind == "refund" else "支付成功",
            "resource": resource,
        }
    ).encode()
    stamp = str(int(time.time()) - (3600 if fault == Fault.STALE else 0))
    key = signatures.private_key(keys.forger if fault == Fault.FORGED else keys.platform)
    nonce = secrets.token_hex(16)
    return body, {
        "Content-Type": "application/json",
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": PLATFORM_SERIAL,
        "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        "Wechatpay-Signature": signatures.sign(key, f"{stamp}\n{nonce}\n".encode() + body + b"\n"),
    }


def was_taken(status: int, _text: str) -> bool:
    """Whether the merchant's answer ends the retries."""
    return status in (200, 204)
