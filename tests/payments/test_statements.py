"""Statements: read whole or refused whole, booked once, and what does not fit waits for a decision."""

import io
import multiprocessing
import os
import signal
import zipfile
from datetime import date, timedelta
from functools import partial

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.asserts import assertContains

from payments import ledger, statements
from payments.models import (
    Account,
    Format,
    LineOutcome,
    Notice,
    Payment,
    PaymentException,
    Reason,
    Receipt,
    Statement,
    StatementLine,
    StatementState,
)
from payments.services import cancel_notices, supersede_notice
from payments.statement_formats import (
    Fault,
    StatementFault,
    detect,
    parse,
)
from payments.statement_writers import WrittenRow, write_alipay, write_nontax, write_wechat
from payments.states import State
from portal.jobs import services as jobs
from portal.jobs.models import Job
from portal.people.actors import SYSTEM, Actor, Role
from tests.payments.notices import DUE_ON, NOON, TODAY, draft, issue, pay, snapshot
from tests.payments.racing import at_once
from tests.people_cast import region, sign_in

CASHIER = Actor(Role.CASHIER, user_id=77)


@pytest.fixture(autouse=True)
def december(settings, tmp_path):
    """Everything that these tests pay lies in the past; files go to a folder of their own."""
    settings.VAR_DIR = tmp_path
    with time_machine.travel(date(2026, 12, 10), tick=True):
        yield


def row(notice: Notice | None = None, **fields) -> WrittenRow:
    """A line that pays a notice as it should be paid."""
    txn = fields.pop("txn", f"B{next(COUNT):09d}")
    defaults = {
        "amount_fen": notice.amount_fen if notice else 2_000,
        "paid_on": TODAY,
        "number": notice.pay_code if notice else "",
        "payer": "张三",
    }
    return WrittenRow(txn=txn, **(defaults | fields))


COUNT = iter(range(1, 10**6))


def card_notice(**fields) -> Notice:
    """A card fee, which three banks take."""
    return issue(kind="nontax", **fields)


def bring(content: bytes, name: str = "bank.txt") -> Statement:
    """Hands a file in and runs its job to the end."""
    statement, is_new = statements.receive(content, name=name, region=region("450302"), actor=CASHIER)
    if is_new:
        assert jobs.run(statement.job_id) == "done"
    statement.refresh_from_db()
    return statement


def outcomes(statement: Statement) -> list[str]:
    """What became of each line."""
    return list(statement.rows.order_by("number").values_list("outcome", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_bank_detail_settles_its_notices(encoding):
    """N6: pay code and amount, in both encodings; receipts and journals as for any other payment."""
    notices = [card_notice(), card_notice()]
    rows = [row(notice, payer="韦𠮷·阿卜杜") for notice in notices]
    statement = bring(write_nontax(rows, bank_code="ICBC", on=TODAY, encoding=encoding))
    assert (statement.state, statement.lines, statement.total_fen) == (StatementState.DONE, 2, 4_000)
    assert outcomes(statement) == [LineOutcome.BOOKED] * 2
    for notice in notices:
        notice.refresh_from_db()
        assert (notice.state, notice.paid_on) == (State.PAID, TODAY)
        payment = notice.payments.get()
        assert (payment.channel, payment.payer, payment.booked_at.date()) == ("ICBC", "韦𠮷·阿卜杜", date(2026, 12, 10))
    assert Receipt.objects.count() == 2
    assert ledger.balance(Account.BANK, "ICBC") == 4_000


@pytest.mark.django_db
def test_nine_faults_make_nine_exceptions_and_the_totals_are_equal():
    """N6, E6: every fault has its name, and no fen of the file is missing."""
    paid, late, cancelled, replaced = (card_notice() for _count in range(4))
    pay(paid, provider_txn="earlier")
    cancel_notices(purpose=cancelled.purpose, references=[cancelled.reference], actor=SYSTEM, reason="withdrawn")
    wanted = draft(kind="nontax", reference=replaced.reference, resident=replaced.resident, amount_fen=1_500)
    supersede_notice(replaced, wanted, actor=SYSTEM, at=NOON)
    good = card_notice()
    rows = [
        row(good),
        row(card_notice(), amount_fen=1_999),
        row(card_notice(), amount_fen=2_001),
        row(number="88888888"),
        row(paid),
        row(late, paid_on=DUE_ON + timedelta(days=1)),
        row(card_notice(), bank_code="BOC"),
        row(cancelled),
        row(replaced),
        row(card_notice(), takes_back=True),
    ]
    statement = bring(write_nontax(rows, bank_code="ICBC", on=date(2026, 12, 2)))
    reasons = [
        line.payment.exception.reason
        for line in statement.rows.select_related("payment__exception").order_by("number")[1:]
    ]
    assert reasons == [
        Reason.WRONG_AMOUNT,
        Reason.WRONG_AMOUNT,
        Reason.UNKNOWN_NOTICE,
        Reason.DUPLICATE,
        Reason.LATE,
        Reason.WRONG_BANK,
        Reason.CANCELLED,
        Reason.SUPERSEDED,
        Reason.REVERSED,
    ]
    assert PaymentException.objects.count() == 9
    sums = statements.totals(statement)
    booked = sum(total for outcome, (_count, total) in sums.items() if outcome != LineOutcome.REVERSED)
    assert booked == statement.total_fen == sum(one.amount_fen for one in rows[:-1])
    waiting = sum(one.amount_fen for one in rows[1:-1])
    assert -ledger.balance(Account.SUSPENSE) == waiting
    assert -ledger.balance(Account.COLLECTED) == 4_000


@pytest.mark.django_db
def test_money_reported_before_is_matched_and_not_doubled():
    """N6, E4: a callback and a teller were first; the bank's line finds both, even by another reporter's name."""
    online, counter = issue(), card_notice()
    pay(online, channel="online", provider="wechat", provider_txn="4200001")
    pay(counter, channel="ABC", provider="teller", provider_txn="T-77")
    bill = write_wechat([row(online, txn="4200001", number=online.number)], merchant="16", app="wx")
    assert outcomes(bring(bill, "wx.csv")) == [LineOutcome.MATCHED]
    detail = write_nontax([row(counter, txn="T-77")], bank_code="ABC", on=TODAY)
    assert outcomes(bring(detail)) == [LineOutcome.MATCHED]
    assert (Payment.objects.count(), Receipt.objects.count()) == (2, 2)


@pytest.mark.django_db
def test_line_with_another_amount_than_booked_is_shown():
    """N6: the difference is named and the day will not close, but nothing is booked twice."""
    notice = card_notice()
    pay(notice, channel="ABC", provider_txn="T-1")
    statement = bring(write_nontax([row(notice, txn="T-1", amount_fen=1)], bank_code="ABC", on=TODAY))
    assert outcomes(statement) == [LineOutcome.DIFFERS]
    assert Payment.objects.count() == 1


@pytest.mark.django_db
def test_platform_bills_book_what_no_callback_reported():
    """N6: WeChat finds the notice by its data packet, Alipay by its remark."""
    first, second = issue(), issue()
    bring(write_wechat([row(first, number=first.number)], merchant="16", app="wx"), "wx.csv")
    bring(write_alipay([row(second, number=second.number)], account="2088", on=TODAY), "ali.zip")
    assert [payment.provider for payment in Payment.objects.order_by("booked_at")] == ["wechat", "alipay"]
    assert Payment.objects.filter(outcome="settled", channel="online").count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["PROCESSING", "FAIL", "CHANGE"])
def test_platform_refund_that_has_not_succeeded_moves_nothing(status):
    """N6, E10: a bill counts the refund it has under way, and the books wait for the one that succeeded."""
    notice = issue()
    paid = row(notice, number=notice.number)
    bring(write_wechat([paid], merchant="16", app="wx"), "paid.csv")
    back = write_wechat([row(notice, txn=paid.txn, takes_back=True)], merchant="16", app="wx")
    assert back.count(b"`SUCCESS,") == 1
    statement = bring(back.replace(b"`SUCCESS,", f"`{status},".encode()), "under-way.csv")
    assert outcomes(statement) == []
    assert not PaymentException.objects.exists()
    assert outcomes(bring(back, "done.csv")) == [LineOutcome.REVERSED]


@pytest.mark.django_db
def test_reversal_takes_booked_money_out_of_the_books():
    """N6: reversed a day later: the money has left, the notice goes to the exceptions desk, once."""
    notice = card_notice()
    paid = row(notice)
    bring(write_nontax([paid], bank_code="ICBC", on=TODAY))
    back = row(notice, txn=paid.txn, takes_back=True)
    for day in (TODAY, TODAY + timedelta(days=1)):
        statement = bring(write_nontax([back], bank_code="ICBC", on=day))
        assert outcomes(statement) == [LineOutcome.REVERSED]
    assert PaymentException.objects.get().reason == Reason.REVERSED
    assert (ledger.balance(Account.BANK), ledger.balance(Account.COLLECTED)) == (0, 0)


@pytest.mark.django_db
def test_same_file_twice_adds_nothing():
    """E7: recognised by its digest, whatever its name; the same lines in another file are matched."""
    notice = card_notice()
    line = row(notice)
    content = write_nontax([line], bank_code="ICBC", on=TODAY)
    first = bring(content)
    assert bring(content, "copy.txt") == first
    other = bring(write_nontax([line], bank_code="ICBC", on=TODAY + timedelta(days=1)))
    assert outcomes(other) == [LineOutcome.MATCHED]
    assert (Payment.objects.count(), StatementLine.objects.count(), Statement.objects.count()) == (1, 2, 2)


def good_file() -> list[str]:
    """The lines of a bank detail of two payments of 20 yuan."""
    rows = [WrittenRow(txn=txn, amount_fen=2_000, paid_on=TODAY, number="1") for txn in ("A", "B")]
    return write_nontax(rows, bank_code="ICBC", on=TODAY).decode().splitlines()


def changed(line: int, old: str, new: str) -> bytes:
    """The file with one line changed; lines count from 1."""
    lines = good_file()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("content", "fault", "line"),
    [
        (lambda: b"", Fault.EMPTY, 0),
        (lambda: changed(4, "40.00", "40.01"), Fault.TOTAL, 4),
        (lambda: changed(4, "T|2", "T|3"), Fault.COUNT, 4),
        (lambda: "\n".join(good_file()[:3]).encode(), Fault.TRUNCATED, 4),
        (lambda: "\n".join([*good_file(), "x"]).encode(), Fault.AFTER_END, 5),
        (lambda: changed(3, "|B|", "|A|"), Fault.REPEATED, 3),
        (lambda: changed(2, "20.00", "20.000"), Fault.AMOUNT, 2),
        (lambda: changed(2, "20.00", "1e3"), Fault.AMOUNT, 2),
        (lambda: changed(2, "20.00", "NaN"), Fault.AMOUNT, 2),
        (lambda: changed(2, "20.00", "-20.00"), Fault.AMOUNT, 2),
        (lambda: changed(2, "20.00", "２0.00"), Fault.AMOUNT, 2),
        (lambda: changed(2, "20.00", "0.00"), Fault.AMOUNT, 2),
        (lambda: changed(3, "|20261123|", "|20270101|"), Fault.DAY, 3),
        (lambda: changed(3, "|20261123|", "|20261131|"), Fault.DAY, 3),
        (lambda: changed(2, "|0|", "|9|"), Fault.STATUS, 2),
        (lambda: changed(2, "|A|", "||"), Fault.TRANSACTION, 2),
        (lambda: changed(3, "counter|", ""), Fault.COLUMNS, 3),
        (lambda: changed(3, "counter", "x" * 5_000), Fault.LONG_LINE, 3),
        (lambda: changed(1, "H|ICBC", "H"), Fault.HEAD, 1),
        (lambda: changed(3, "counter", "@@").replace(b"@@", b"\x80\xff"), Fault.ENCODING, 3),
        (lambda: changed(3, "counter", "a\0b"), Fault.SIGNS, 3),
        (lambda: changed(2, "counter", "\x1b[2J"), Fault.SIGNS, 2),
        (lambda: changed(1, "ICBC", "B" * 41), Fault.BANK, 1),
        (lambda: changed(2, "|ICBC|", f"|{'B' * 41}|"), Fault.BANK, 2),
        (lambda: changed(2, "|A|", f"|{'A' * 81}|"), Fault.TRANSACTION, 2),
        (lambda: changed(2, "|20261123|", "|20261123 |"), Fault.DAY, 2),
        (lambda: changed(4, "T|2|40.00", "T|2"), Fault.COUNT, 4),
        (lambda: changed(4, "T|2|40.00", "T|2|40"), Fault.AMOUNT, 4),
        (lambda: changed(4, "T|2|40.00", "T|2|60.00"), Fault.TOTAL, 4),
        (lambda: changed(2, "20.00", "99999999999999.00"), Fault.AMOUNT, 2),
        (lambda: "\n".join(good_file()).encode()[:-40], Fault.COLUMNS, 3),
        (lambda: "\n".join([good_file()[0], "", *good_file()[1:]]).encode(), Fault.COLUMNS, 2),
        (lambda: "\n".join([*good_file(), good_file()[-1]]).encode(), Fault.AFTER_END, 5),
    ],
    ids=lambda value: str(value) if isinstance(value, Fault) else "",
)
def test_wrong_file_is_refused_with_its_line(content, fault, line):
    """E7, REL-B1: totals, cut, encoding, amounts, days, huge lines: the line and the fault are named."""
    with pytest.raises(StatementFault) as refusal:
        parse(content(), Format.NONTAX)
    assert (refusal.value.fault, refusal.value.line) == (fault, line)


@pytest.mark.django_db
def test_refused_file_changes_nothing_and_says_where(client, cast):
    """E7: nothing is booked; the page names line and fault, and the file stays known."""
    sign_in(client, cast.cashier)
    notice = card_notice()
    content = write_nontax([row(notice)], bank_code="ICBC", on=TODAY).replace(b"T|1|20.00", b"T|1|21.00")
    answer = client.post(reverse("payments:statements"), {"file": SimpleUploadedFile("bank.txt", content)})
    statement = Statement.objects.get()
    assert answer.url == reverse("jobs:show", args=[statement.job_id])
    jobs.run(statement.job_id)
    page = client.get(statement.get_absolute_url())
    statement.refresh_from_db()
    assert (statement.state, statement.fault, statement.fault_line) == (StatementState.REFUSED, Fault.TOTAL, 3)
    assertContains(page, "3")
    assert not Payment.objects.exists()
    again = client.post(reverse("payments:statements"), {"file": SimpleUploadedFile("b.txt", content)})
    assert again.url.endswith("?again=1")
    for empty in (b"", b"nonsense"):
        page = client.post(reverse("payments:statements"), {"file": SimpleUploadedFile("b.txt", empty)})
        assertContains(page, "govuk-error-message")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", "\ufeff".encode("gb18030")])
def test_file_is_read_whatever_mark_and_line_ends_it_has(mark):
    """E7, REL-X1: marks of byte order in both encodings, the line ends of Windows, no line end at the end."""
    encoding = "gb18030" if mark and mark != b"\xef\xbb\xbf" else "utf-8"
    content = mark + "\r\n".join(good_file()).replace("counter", "柜台").encode(encoding)
    assert detect(content) == Format.NONTAX
    assert [one.txn for one in parse(content, Format.NONTAX)] == ["A", "B"]
    with pytest.raises(StatementFault) as refusal:
        detect("\n".join(good_file()).encode("utf-16"))
    assert refusal.value.fault in (Fault.ENCODING, Fault.UNKNOWN_FORMAT)


def test_archive_bombs_and_broken_archives_are_refused():
    """REL-X4: measured before unpacking; nothing but one table is read."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(30):
            archive.writestr(f"{number}.csv", b"0" * 10)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as file:
        for _count in range(100):
            file.write(b"0" * (1 << 20))
    for content, fault in (
        (out.getvalue(), Fault.ARCHIVE_SIZE),
        (bomb.getvalue(), Fault.ARCHIVE_SIZE),
        (b"PK\x03\x04broken", Fault.ARCHIVE),
    ):
        assert detect(content) == Format.ALIPAY
        with pytest.raises(StatementFault) as refusal:
            parse(content, Format.ALIPAY)
        assert refusal.value.fault == fault


def test_an_archive_damaged_inside_or_packed_unreadably_is_refused():
    """REL-X4, E7: a list of contents in order over data that nobody can unpack is a verdict, not a fault."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(range(256)) * 40)
    whole = out.getvalue()
    begins = whole.index(b"a.csv") + len(b"a.csv")
    damaged = whole[:begins] + b"\xff" * 40 + whole[begins + 40 :]
    listed = whole.index(b"PK\x01\x02")
    method = (99).to_bytes(2, "little")
    unreadable = whole[:8] + method + whole[10 : listed + 10] + method + whole[listed + 12 :]
    for content in (damaged, unreadable):
        with pytest.raises(StatementFault) as refusal:
            parse(content, Format.ALIPAY)
        assert refusal.value.fault == Fault.ARCHIVE


ROWS = st.lists(
    st.builds(
        WrittenRow,
        txn=st.text("ABC0123", min_size=1, max_size=12),
        amount_fen=st.integers(1, 10**9),
        paid_on=st.dates(date(2026, 1, 1), date(2026, 12, 9)),
        number=st.sampled_from(["", "6260000000000107"]),
        payer=st.text("张三·𠮷a ", max_size=6),
        takes_back=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda one: one.txn,
)


@given(rows=ROWS)
def test_what_is_written_is_read_again(rows):
    """REL-B2: the three formats keep transaction, amount, day and direction of every line."""
    with time_machine.travel(date(2026, 12, 10), tick=False):
        wanted = [(one.txn, one.amount_fen, one.paid_on, one.takes_back) for one in rows]
        for kind, content in (
            (Format.NONTAX, write_nontax(rows, bank_code="ICBC", on=TODAY)),
            (Format.WECHAT, write_wechat([plain(one) for one in rows], merchant="1", app="wx")),
            (Format.ALIPAY, write_alipay([plain(one) for one in rows], account="2088", on=TODAY)),
        ):
            assert detect(content) == kind
            found = parse(content, kind)
            assert [(one.txn, one.amount_fen, one.paid_on, one.takes_back) for one in found] == wanted


def plain(one: WrittenRow) -> WrittenRow:
    """The row without a payer, whom the platforms do not name."""
    return WrittenRow(
        txn=one.txn, amount_fen=one.amount_fen, paid_on=one.paid_on, number=one.number, takes_back=one.takes_back
    )


@given(content=st.binary(max_size=300))
def test_no_bytes_break_the_reader(content):
    """REL-F1: anything is read or refused with a fault."""
    for kind in Format:
        try:
            parse(content, kind)
        except StatementFault:
            pass


@pytest.mark.both_databases
@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_import_goes_on_after_a_kill(monkeypatch):
    """E7: kill -9 after the first chunk; the next run books the rest, and nothing twice."""
    monkeypatch.setattr(statements, "CHUNK", 2)
    policy = snapshot()
    rows = [row(card_notice(policy=policy)) for _count in range(5)]
    content = write_nontax(rows, bank_code="ICBC", on=TODAY)
    statement, _is_new = statements.receive(content, name="b", region=region("450302"), actor=CASHIER)
    connections.close_all()
    worker = multiprocessing.get_context("fork").Process(target=die_after_a_chunk, args=(statement.job_id,))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    assert (Payment.objects.count(), StatementLine.objects.count()) == (2, 2)
    Job.objects.update(heartbeat_at=NOON)
    assert jobs.run(statement.job_id) == "done"
    assert (Payment.objects.count(), StatementLine.objects.count(), Receipt.objects.count()) == (5, 5, 5)
    statement.refresh_from_db()
    assert (statement.state, ledger.balance(Account.BANK)) == (StatementState.DONE, 10_000)


def die_after_a_chunk(job_id) -> None:
    """Runs the job in this process until its first chunk is booked, and kills the process there."""
    whole = statements.import_chunk

    def dying(*args, **kwargs) -> None:
        whole(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    statements.import_chunk = dying
    jobs.run(job_id)


@pytest.mark.django_db
def test_cost_of_a_chunk_does_not_grow_with_its_lines():
    """REL-K9: set-based: a chunk of forty lines takes the statements of a chunk of two."""
    policy = snapshot()
    resident = draft(policy=policy).resident

    def cost(count: int) -> int:
        content = write_nontax(
            [row(card_notice(policy=policy, resident=resident)) for _count in range(count)], bank_code="ICBC", on=TODAY
        )
        statement, _is_new = statements.receive(content, name="b", region=region("450302"), actor=CASHIER)
        with CaptureQueriesContext(connection) as queries:
            statements.import_chunk(statement, parse(content, Format.NONTAX))
        assert statement.rows.filter(outcome=LineOutcome.BOOKED).count() == count
        return len(queries)

    cost(1)
    assert cost(40) <= cost(2)


def import_in_process(content: bytes) -> int:
    """Imports a file in this process, as another cashier's worker does."""
    statement, _is_new = statements.receive(content, name="b", region=region("450302"), actor=CASHIER)
    return statements_of(statement)


def statements_of(statement: Statement) -> int:
    """Runs the job of a statement if nobody else has it."""
    jobs.run(statement.job_id or Statement.objects.get(pk=statement.pk).job_id)
    return statement.rows.count()


@pytest.mark.both_databases
@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_file_brought_by_many_at_once_is_imported_once():
    """REL-R7: the same statement by several cashiers: one import, every line once."""
    policy = snapshot()
    content = write_nontax([row(card_notice(policy=policy)) for _count in range(6)], bank_code="ICBC", on=TODAY)
    results = at_once([partial(import_in_process, content)] * 4)
    assert not any(isinstance(result, Exception) for result in results), results
    assert (Statement.objects.count(), StatementLine.objects.count(), Payment.objects.count()) == (1, 6, 6)
