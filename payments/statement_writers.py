"""Writes statement files as banks and platforms do, for the sandbox bank, the benchmark and the tests."""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from payments.statement_formats import ALIPAY_COLUMNS, ALIPAY_END, WECHAT_COLUMNS, WECHAT_TOTALS


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRow:
    """A transaction to be written into a statement, as the sandbox bank and the tests do."""

    txn: str
    amount_fen: int
    paid_on: date
    number: str = ""
    notice_number: str = ""
    order_number: str = ""
    payer: str = ""
    bank_code: str = ""
    takes_back: bool = False
    refund_number: str = ""
    at: datetime | None = None


def write_nontax(rows: Iterable[WrittenRow], *, bank_code: str, on: date, encoding: str = "utf-8") -> bytes:
    """A bank detail; `number` of a row is the pay code."""
    lines = [f"H|{bank_code}|{on:%Y%m%d}"]
    total = 0
    for seq, row in enumerate(rows, 1):
        total += 0 if row.takes_back else row.amount_fen
        cells = [
            str(seq),
            row.number,
            row.notice_number,
            "",
            "",
            row.payer.replace("|", " "),
            _yuan(row.amount_fen),
            row.bank_code or bank_code,
            "0001",
            "counter",
            row.txn,
            f"{row.paid_on:%Y%m%d}",
            _time(row),
            f"{on:%Y%m%d}",
            "1" if row.takes_back else "0",
            "",
        ]
        lines.append("|".join(cells))
    lines.append(f"T|{len(lines) - 1}|{_yuan(total)}")
    return ("\n".join(lines) + "\n").encode(encoding)


def write_wechat(rows: Iterable[WrittenRow], *, merchant: str, app: str) -> bytes:
    """A WeChat Pay `ALL` bill; `number` of a row travels in the merchant's data packet."""
    lines = [",".join(WECHAT_COLUMNS)]
    paid = back = 0
    for row in rows:
        amount, refund = ("0.00", _yuan(row.amount_fen)) if row.takes_back else (_yuan(row.amount_fen), "0.00")
        paid += 0 if row.takes_back else row.amount_fen
        back += row.amount_fen if row.takes_back else 0
        state = "REFUND" if row.takes_back else "SUCCESS"
        moment = f"{row.paid_on:%Y-%m-%d} {_time(row)}"
        cells = [moment, app, merchant, "0", "", row.txn, row.order_number, "", "NATIVE", state, "OTHERS", "CNY"]
        back_number = row.refund_number or "0"
        way, ended = ("ORIGINAL", "SUCCESS") if row.takes_back else ("", "")
        cells += [amount, "0.00", "0", back_number, refund, "0.00", way, ended, row.payer, row.number]
        cells += ["0.00000", "0.00%"]
        cells += [amount, refund, ""]
        lines.append(",".join(f"`{cell}" for cell in cells))
    count = len(lines) - 1
    lines.append(",".join(WECHAT_TOTALS))
    sums = [str(count), _yuan(paid), _yuan(back), "0.00", "0.00000", _yuan(paid), _yuan(back)]
    lines.append(",".join(f"`{value}" for value in sums))
    return ("\r\n".join(lines) + "\r\n").encode()


def write_alipay(rows: Iterable[WrittenRow], *, account: str, on: date) -> bytes:
    """An Alipay trade bill in its zip; `number` of a row stands in the remark."""
    lines = ["#支付宝业务明细查询", f"#账号：[{account}]", f"#起始日期：[{on:%Y年%m月%d日}]", "#----业务明细列表----"]
    lines.append(",".join(ALIPAY_COLUMNS))
    count = total = 0
    for row in rows:
        sign = "-" if row.takes_back else ""
        count += not row.takes_back
        total += 0 if row.takes_back else row.amount_fen
        moment = f"{row.paid_on:%Y-%m-%d} {_time(row)}"
        amount = f"{sign}{_yuan(row.amount_fen)}"
        kind = "退款" if row.takes_back else "交易"
        cells = [f"{row.txn}\t", f"{row.order_number}\t", kind, row.payer, moment, moment, *[""] * 5, amount, amount]
        rest = ["0.00"] * 5 + ["", "0.00", "0.00", row.refund_number, "0.00", "0.00", row.number]
        lines.append(",".join([*cells, *rest]))
    lines += [f"#----{ALIPAY_END}----", f"#交易合计：{count}笔，商家实收共{_yuan(total)}元，商家优惠共0.00元"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{account}_{on:%Y%m%d}_业务明细.csv", ("\r\n".join(lines) + "\r\n").encode("gbk"))
    return out.getvalue()


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _time(row: WrittenRow) -> str:
    return f"{row.at:%H:%M:%S}" if row.at else "12:00:00"
