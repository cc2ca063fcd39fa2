"""The bank's statement files of a day, right or with a fault that a real one has shown."""

from datetime import date, datetime
from sqlite3 import Row

from django.utils.translation import gettext_lazy as _

from payments.sandbox import book
from payments.sandbox.keys import ALIPAY_SELLER_ID, APPID, MCHID
from payments.statement_writers import WrittenRow, write_alipay, write_nontax, write_wechat
from portal.regions.calendar import SHANGHAI, end_instant, start_of_day

KINDS = [("bank", _("Bank detail")), ("wechat", _("WeChat Pay bill")), ("alipay", _("Alipay bill"))]
ENCODINGS = [("utf-8", "UTF-8"), ("gb18030", "GB18030")]
FAULTS = [
    ("", _("Nothing goes wrong")),
    ("truncated", _("The end of the file is missing")),
    ("wrong_amount", _("The first line has another amount")),
    ("unknown", _("The first line names a notice that nobody knows")),
    ("twice", _("The first line stands there twice")),
    ("empty", _("The file is empty")),
]
BANK = "ICBC"


def name_of(kind: str, on: date) -> str:
    """The file's name as the bank gives it."""
    return f"{kind}_{on:%Y%m%d}.{ {'bank': 'txt', 'wechat': 'csv', 'alipay': 'zip'}[kind] }"


def content(kind: str, on: date, *, bank_code: str = BANK, encoding: str = "utf-8", fault: str = "") -> bytes:
    """The file of one day; for a bank of that bank alone."""
    rows = _taken(on, bank_code) if kind == "bank" else _paid(kind, on)
    if fault == "twice":
        rows = rows[:1] + rows
    elif rows and fault in ("wrong_amount", "unknown"):
        first = {name: getattr(rows[0], name) for name in WrittenRow.__dataclass_fields__}
        wrong = {"amount_fen": first["amount_fen"] - 1}
        unknown = {"number": "4503026999999999999", "notice_number": "", "order_number": "UNKNOWN", "txn": "UNKNOWN1"}
        rows = [WrittenRow(**{**first, **(wrong if fault == "wrong_amount" else unknown)}), *rows[1:]]
    if fault == "empty":
        return b""
    if kind == "bank":
        made = write_nontax(rows, bank_code=bank_code, on=on, encoding=encoding)
    elif kind == "wechat":
        made = write_wechat(rows, merchant=MCHID, app=APPID)
    else:
        made = write_alipay(rows, account=ALIPAY_SELLER_ID, on=on)
    return made[: len(made) * 2 // 3] if fault == "truncated" else made


def _day(on: date) -> tuple[float, float]:
    return start_of_day(on).timestamp(), end_instant(on).timestamp()


def _taken(on: date, bank_code: str) -> list[WrittenRow]:
    """What the tellers of one bank took."""
    rows = book.rows("SELECT * FROM taken WHERE at >= ? AND at < ? AND bank = ? ORDER BY at", *_day(on), bank_code)
    return [
        WrittenRow(
            txn=row["txn"],
            amount_fen=row["amount_fen"],
            paid_on=on,
            number=row["pay_code"],
            notice_number=row["number"],
            payer=row["payer"],
            bank_code=row["bank"],
            at=datetime.fromtimestamp(row["at"], SHANGHAI),
        )
        for row in rows
    ]


def _paid(provider: str, on: date) -> list[WrittenRow]:
    """The online orders paid on a day, whether their callback arrived or not, and the refunds that left on it."""
    rows = book.rows(
        "SELECT * FROM trade WHERE provider = ? AND paid_at >= ? AND paid_at < ? ORDER BY paid_at", provider, *_day(on)
    )
    backs = book.rows(
        "SELECT payback.*, trade.note FROM payback JOIN trade USING (provider, txn)"
        " WHERE provider = ? AND ends = 'SUCCESS' AND ends_at >= ? AND ends_at < ? ORDER BY ends_at",
        provider,
        *_day(on),
    )
    return [*(_row(row, row["paid_fen"], row["paid_at"], on) for row in rows), *(_back_row(row, on) for row in backs)]


def _row(row: Row, amount_fen: int, at: float, on: date, refund_number: str = "") -> WrittenRow:
    return WrittenRow(
        txn=row["txn"],
        amount_fen=amount_fen,
        paid_on=on,
        number=row["note"],
        order_number=row["number"],
        payer="buyer",
        at=datetime.fromtimestamp(at, SHANGHAI),
        takes_back=bool(refund_number),
        refund_number=refund_number,
    )


def _back_row(row: Row, on: date) -> WrittenRow:
    return _row(row, row["amount_fen"], row["ends_at"], on, row["refund_number"])
