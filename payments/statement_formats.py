"""Reads statement files (DOMAIN §7): a wrong file is refused as a whole, with the line and the fault.

Bank detail: text separated by bars, in UTF-8 or GB18030. The first line is `H|bank_code|clearing_date`, the last
`T|count|sum`; between them stand the sixteen columns of `NONTAX_COLUMNS`. `count` counts all lines, `sum` adds the
amounts of those with status 0. A line with status 1 takes an earlier transaction back.

WeChat Pay `ALL` bill: comma separated with a backtick before each value, two lines of totals at the end. Alipay trade
bill: a zip with a GBK table between lines that begin with #, the totals in the last of them.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.utils.translation import gettext as _

from payments.amounts import InvalidAmount, parse_yuan
from payments.models import Format
from portal.regions import calendar

MAX_LINE = 4_000
MAX_LINES = 300_000
MAX_UNPACKED = 96 * 1024 * 1024
MAX_MEMBERS = 20
MAX_TXN = 80
MAX_BANK = 40
GB18030_MARK = "\ufeff".encode("gb18030")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Signs that stand in no text: a damaged file, or one that somebody has tampered with."""

READ_BYTES = 1 << 20

NONTAX_COLUMNS = (
    "seq",
    "pay_code",
    "notice_no",
    "executing_unit_code",
    "item_code",
    "payer_name",
    "amount",
    "bank_code",
    "branch_code",
    "channel",
    "bank_txn_no",
    "txn_date",
    "txn_time",
    "clearing_date",
    "status",
    "remark",
)


def _heads(text: str) -> list[str]:
    """The heads of columns as one reads them in the first line of a file."""
    return text.split(",")


WECHAT_COLUMNS = _heads(
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
UNDECIDED_REFUNDS = ("PROCESSING", "FAIL", "CHANGE")
WECHAT_TOTALS = _heads("总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额")
ALIPAY_COLUMNS = _heads(
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
ALIPAY_END = "业务明细列表结束"
_ALIPAY_TOTAL = re.compile(r"#交易合计：([0-9]+)笔，商家实收共([0-9.]+)元")


class Fault(StrEnum):
    """What is wrong with a file."""

    EMPTY = "empty"
    ENCODING = "encoding"
    SIGNS = "signs"
    BANK = "bank"
    UNKNOWN_FORMAT = "unknown_format"
    HEAD = "head"
    LONG_LINE = "long_line"
    TOO_MANY = "too_many"
    COLUMNS = "columns"
    AMOUNT = "amount"
    DAY = "day"
    STATUS = "status"
    TRANSACTION = "transaction"
    REPEATED = "repeated"
    TRUNCATED = "truncated"
    COUNT = "count"
    TOTAL = "total"
    AFTER_END = "after_end"
    ARCHIVE = "archive"
    ARCHIVE_SIZE = "archive_size"


class StatementFault(ValueError):
    """The file cannot be imported; nothing was booked. `line` counts from 1 and is 0 where no line is to blame."""

    def __init__(self, fault: Fault, line: int = 0) -> None:
        super().__init__(fault, line)
        self.fault = fault
        self.line = line


def explain(fault: str) -> str:
    """What is wrong, in the words of the person who brought the file."""
    return {
        Fault.EMPTY: _("The file is empty."),
        Fault.ENCODING: _("The text is neither UTF-8 nor GB18030."),
        Fault.SIGNS: _("The line holds signs that are no text. The file is damaged."),
        Fault.BANK: _("The code of the bank is missing or too long."),
        Fault.UNKNOWN_FORMAT: _(
            "This is none of the files the portal reads: bank detail, WeChat Pay bill, Alipay bill."
        ),
        Fault.HEAD: _("The first line or the heads of the columns are not as agreed."),
        Fault.LONG_LINE: _("The line is far too long."),
        Fault.TOO_MANY: _("The file has too many lines. Ask the bank for one file per day."),
        Fault.COLUMNS: _("The line does not have the agreed number of columns."),
        Fault.AMOUNT: _("The amount is not a sum in yuan with two decimals."),
        Fault.DAY: _("The day is not a date, or lies in the future."),
        Fault.STATUS: _("The status is none of those agreed."),
        Fault.TRANSACTION: _("The transaction has no number, or one that is too long."),
        Fault.REPEATED: _("The same transaction stands in the file twice."),
        Fault.TRUNCATED: _("The last line with the totals is missing: the file was cut off."),
        Fault.COUNT: _("The number of lines is not the one in the totals."),
        Fault.TOTAL: _("The sum of the lines is not the one in the totals."),
        Fault.AFTER_END: _("There is more after the line with the totals."),
        Fault.ARCHIVE: _("The archive cannot be opened, is encrypted, or holds no table."),
        Fault.ARCHIVE_SIZE: _("The archive holds far more than a day of payments."),
    }[Fault(fault)]


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One transaction as a statement has it; `bank_code` is empty for payment platforms."""

    number: int
    provider: str
    txn: str
    bank_code: str
    given_number: str
    order_number: str
    amount_fen: int
    paid_on: date
    payer: str
    takes_back: bool
    refund_number: str = ""


def detect(content: bytes) -> Format:
    """Which of the formats a file is in; raises StatementFault."""
    if not content:
        raise StatementFault(Fault.EMPTY)
    if content.startswith(b"PK"):
        return Format.ALIPAY
    start = content[:6].removeprefix(b"\xef\xbb\xbf").removeprefix(GB18030_MARK)
    if start.startswith(b"H|"):
        return Format.NONTAX
    if decode(content[:MAX_LINE].rsplit(b"\n", 1)[0]).startswith(WECHAT_COLUMNS[0]):
        return Format.WECHAT
    raise StatementFault(Fault.UNKNOWN_FORMAT, 1)


def parse(content: bytes, kind: str) -> list[StatementRow]:
    """Every transaction of a file after the whole file was checked, totals included; raises StatementFault."""
    if not content:
        raise StatementFault(Fault.EMPTY)
    reader: Callable[[bytes], list[StatementRow]] = {
        Format.NONTAX: _nontax,
        Format.WECHAT: _wechat,
        Format.ALIPAY: _alipay,
    }[Format(kind)]
    rows = reader(content)
    seen: set[tuple[str, bool, str]] = set()
    for row in rows:
        known = (row.txn, row.takes_back, row.refund_number)
        if known in seen:
            raise StatementFault(Fault.REPEATED, row.number)
        seen.add(known)
    return rows


def decode(content: bytes) -> str:
    """The text of a file in UTF-8 or GB18030; raises StatementFault with the line that is in neither."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reached = error.start
    try:
        return content.decode("gb18030").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        reached = max(reached, error.start)
    raise StatementFault(Fault.ENCODING, content.count(b"\n", 0, reached) + 1)


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends; empty ones at the end are left out."""
    _check_lengths(content)
    text = decode(content).rstrip("\r\n")
    for number, line in enumerate(text.split("\n"), 1):
        if number > MAX_LINES:
            raise StatementFault(Fault.TOO_MANY, number)
        if _NO_TEXT.search(line):
            raise StatementFault(Fault.SIGNS, number)
        yield number, line.rstrip("\r")


def _check_lengths(content: bytes) -> None:
    """Refuses a line that no bank writes before anything tries to make sense of it."""
    start = number = 0
    while start < len(content):
        number += 1
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        if end - start > MAX_LINE:
            raise StatementFault(Fault.LONG_LINE, number)
        start = end + 1


def _nontax(content: bytes) -> list[StatementRow]:
    rows: list[StatementRow] = []
    bank = ""
    trailer: tuple[int, list[str]] | None = None
    today = calendar.today()
    for number, line in _lines(content):
        cells = line.split("|")
        if trailer is not None:
            raise StatementFault(Fault.AFTER_END, number)
        if number == 1:
            if len(cells) != 3 or cells[0] != "H" or not cells[1]:
                raise StatementFault(Fault.HEAD, number)
            bank = _bank(cells[1], number)
            _day(cells[2], number, today)
        elif cells[0] == "T":
            trailer = number, cells
        else:
            rows.append(_nontax_row(cells, number, bank, today))
    if trailer is None:
        raise StatementFault(Fault.TRUNCATED, len(rows) + 2)
    number, cells = trailer
    if len(cells) != 3 or not _is_digits(cells[1]) or int(cells[1]) != len(rows):
        raise StatementFault(Fault.COUNT, number)
    if _fen(cells[2], number) != sum(row.amount_fen for row in rows if not row.takes_back):
        raise StatementFault(Fault.TOTAL, number)
    return rows


def _nontax_row(cells: Sequence[str], number: int, bank: str, today: date) -> StatementRow:
    if len(cells) != len(NONTAX_COLUMNS):
        raise StatementFault(Fault.COLUMNS, number)
    if cells[14] not in ("0", "1"):
        raise StatementFault(Fault.STATUS, number)
    code = _bank(cells[7] or bank, number)
    return StatementRow(
        number=number,
        provider=code,
        txn=_transaction(cells[10], number),
        bank_code=code,
        given_number=(cells[1] or cells[2]).strip()[:40],
        order_number="",
        amount_fen=_positive(cells[6], number),
        paid_on=_day(cells[11], number, today),
        payer=cells[5].strip()[:100],
        takes_back=cells[14] == "1",
    )


def _bank(text: str, number: int) -> str:
    code = text.strip()
    if not code or len(code) > MAX_BANK:
        raise StatementFault(Fault.BANK, number)
    return code


def _wechat(content: bytes) -> list[StatementRow]:
    rows: list[StatementRow] = []
    totals: list[str] | None = None
    awaiting_totals = False
    today = calendar.today()
    number = listed = 0
    for number, line in _lines(content):
        if totals is not None:
            raise StatementFault(Fault.AFTER_END, number)
        if number == 1:
            if line.split(",") != WECHAT_COLUMNS:
                raise StatementFault(Fault.HEAD, number)
        elif line.split(",") == WECHAT_TOTALS:
            awaiting_totals = True
        elif awaiting_totals:
            totals = _ticked(line, number, len(WECHAT_TOTALS))
        else:
            cells = dict(zip(WECHAT_COLUMNS, _ticked(line, number, len(WECHAT_COLUMNS)), strict=True))
            listed += 1
            # A refund under way or refused moved no money yet; the service is asked, or a later bill has it.
            if cells["交易状态"] != "REFUND" or cells["退款状态"].strip() not in UNDECIDED_REFUNDS:
                rows.append(_wechat_row(cells, number, today))
    if totals is None:
        raise StatementFault(Fault.TRUNCATED, number + 1)
    if not _is_digits(totals[0]) or int(totals[0]) != listed:
        raise StatementFault(Fault.COUNT, number)
    if _fen(totals[5], number) != sum(row.amount_fen for row in rows if not row.takes_back):
        raise StatementFault(Fault.TOTAL, number)
    return rows


def _wechat_row(cells: Mapping[str, str], number: int, today: date) -> StatementRow:
    if cells["交易状态"] not in ("SUCCESS", "REFUND", "REVOKED"):
        raise StatementFault(Fault.STATUS, number)
    takes_back = cells["交易状态"] != "SUCCESS"
    return StatementRow(
        number=number,
        provider="wechat",
        txn=_transaction(cells["微信订单号"], number),
        bank_code="",
        given_number=cells["商户数据包"].strip()[:40],
        order_number=cells["商户订单号"].strip()[:64],
        amount_fen=_positive(cells["退款金额"] if takes_back else cells["订单金额"], number),
        paid_on=_day(cells["交易时间"][:10], number, today),
        payer="",
        takes_back=takes_back,
        refund_number=cells["商户退款单号"].strip()[:64] if takes_back else "",
    )


def _ticked(line: str, number: int, columns: int) -> list[str]:
    """The values of a line that has a backtick before each, so that commas inside a value do no harm."""
    if not line.startswith("`"):
        raise StatementFault(Fault.COLUMNS, number)
    cells = line[1:].split(",`")
    if len(cells) != columns:
        raise StatementFault(Fault.COLUMNS, number)
    return cells


def _alipay(content: bytes) -> list[StatementRow]:
    rows: list[StatementRow] = []
    head: list[str] | None = None
    has_ended = False
    total: tuple[int, str, str] | None = None
    today = calendar.today()
    number = 0
    for number, line in _lines(_unpacked(content)):
        if line.startswith("#"):
            has_ended = has_ended or ALIPAY_END in line
            found = _ALIPAY_TOTAL.match(line.replace(" ", ""))
            total = (number, found[1], found[2]) if found else total
        elif has_ended:
            raise StatementFault(Fault.AFTER_END, number)
        elif head is None:
            head = [cell.strip() for cell in line.split(",")]
            if head[: len(ALIPAY_COLUMNS)] != ALIPAY_COLUMNS:
                raise StatementFault(Fault.HEAD, number)
        else:
            values = [value.strip() for value in next(csv.reader([line]), [])]
            if len(values) != len(head):
                raise StatementFault(Fault.COLUMNS, number)
            rows.append(_alipay_row(dict(zip(head, values, strict=True)), number, today))
    if not has_ended or total is None:
        raise StatementFault(Fault.TRUNCATED, number + 1)
    if int(total[1]) != sum(1 for row in rows if not row.takes_back):
        raise StatementFault(Fault.COUNT, total[0])
    if _fen(total[2], total[0]) != sum(row.amount_fen for row in rows if not row.takes_back):
        raise StatementFault(Fault.TOTAL, total[0])
    return rows


def _alipay_row(cells: Mapping[str, str], number: int, today: date) -> StatementRow:
    if cells["业务类型"] not in ("交易", "退款"):
        raise StatementFault(Fault.STATUS, number)
    takes_back = cells["业务类型"] == "退款"
    amount = cells["订单金额（元）"]
    return StatementRow(
        number=number,
        provider="alipay",
        txn=_transaction(cells["支付宝交易号"], number),
        bank_code="",
        given_number=_number_in(cells["备注"]) or _number_in(cells["商品名称"]),
        order_number=cells["商户订单号"][:64],
        amount_fen=_positive(amount.removeprefix("-") if takes_back else amount, number),
        paid_on=_day(cells["完成时间"][:10], number, today),
        payer="",
        takes_back=takes_back,
        refund_number=cells["退款批次号/请求号"].strip()[:64] if takes_back else "",
    )


def _number_in(text: str) -> str:
    """The notice number or pay code that a text for people carries, such as the name of the goods."""
    found = re.search(r"(?<![0-9])(?:[0-9]{20}|[0-9]{16})(?![0-9])", text)
    return found[0] if found else ""


def _unpacked(content: bytes) -> bytes:
    """The one table of an archive, measured before and while it is unpacked (REL-X4)."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED:
                raise StatementFault(Fault.ARCHIVE_SIZE)
            tables = [one for one in members if one.filename.lower().endswith(".csv") and "汇总" not in _name(one)]
            if len(tables) != 1 or tables[0].flag_bits & 1:
                raise StatementFault(Fault.ARCHIVE)
            with archive.open(tables[0]) as file:
                found = file.read(MAX_UNPACKED + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        # RuntimeError: locked, or packed in a way that nobody reads; zlib.error: damaged inside.
        if isinstance(error, StatementFault):
            raise
        raise StatementFault(Fault.ARCHIVE) from error
    if len(found) > MAX_UNPACKED:
        raise StatementFault(Fault.ARCHIVE_SIZE)
    if not found:
        raise StatementFault(Fault.EMPTY)
    return found


def _name(member: zipfile.ZipInfo) -> str:
    """The name of a member, which older packers write in GBK without saying so."""
    if member.flag_bits & 0x800:
        return member.filename
    return member.filename.encode("cp437", "replace").decode("gbk", "replace")


def _fen(text: str, number: int) -> int:
    if not re.fullmatch(r"[0-9]{1,13}\.[0-9]{2}", text, re.ASCII):
        raise StatementFault(Fault.AMOUNT, number)
    try:
        return parse_yuan(text)
    except InvalidAmount as error:
        raise StatementFault(Fault.AMOUNT, number) from error


def _positive(text: str, number: int) -> int:
    fen = _fen(text.strip(), number)
    if fen <= 0:
        raise StatementFault(Fault.AMOUNT, number)
    return fen


def _day(text: str, number: int, today: date) -> date:
    plain = text.replace("-", "").replace("/", "")
    if not re.fullmatch(r"[0-9]{8}", plain, re.ASCII):
        raise StatementFault(Fault.DAY, number)
    try:
        day = date(int(plain[:4]), int(plain[4:6]), int(plain[6:]))
    except ValueError as error:
        raise StatementFault(Fault.DAY, number) from error
    if day > today or day.year < 2000:
        raise StatementFault(Fault.DAY, number)
    return day


def _transaction(text: str, number: int) -> str:
    txn = text.strip()
    if not txn or len(txn) > MAX_TXN:
        raise StatementFault(Fault.TRANSACTION, number)
    return txn


def _is_digits(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,9}", text, re.ASCII))
