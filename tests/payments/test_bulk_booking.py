"""Many lines at once: the same books as line by line, nothing lost to a kill, and the guards that stand meanwhile."""

import multiprocessing
import os
import random
import re
import signal
import time
from datetime import date, timedelta
from functools import partial
from uuid import uuid4

import pytest
import time_machine
from django.db import DatabaseError, connection, connections, transaction
from django.template import Engine
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from payments import bulk_booking, ledger, statements
from payments.collective import issue_collective
from payments.models import (
    Account,
    Journal,
    LineOutcome,
    Notice,
    NoticeTimelineEntry,
    Payment,
    PaymentException,
    Receipt,
    Statement,
    StatementLine,
    StatementState,
)
from payments.numbers import grouped
from payments.services import cancel_notices, issue_notices, supersede_notice
from payments.statement_formats import StatementRow
from payments.statement_writers import WrittenRow, write_nontax
from portal.jobs import services as jobs
from portal.jobs.models import Job
from portal.outbox.models import Message
from portal.outbox.moulds import Moulds
from portal.outbox.services import _body
from portal.people.actors import SYSTEM, Actor, Role
from tests.harness.soak import many
from tests.payments.notices import DUE_ON, NOON, TODAY, draft, issue, pay, snapshot
from tests.people_cast import ResidentFactory, region

CASHIER = Actor(Role.CASHIER, user_id=77)
AT = NOON + timedelta(days=17)
PLAIN, PAID, CANCELLED, REPLACED, MEMBERS, WHOLE = (0, 1, 2), 3, 4, 5, (6, 7), 8
NOBODYS = 9

LINES = st.lists(
    st.tuples(
        st.integers(0, NOBODYS),
        st.sampled_from([0, 0, 0, 0, 1, -1]),  # fen too much
        st.sampled_from([TODAY, TODAY, TODAY, DUE_ON + timedelta(days=1)]),
        st.sampled_from(["ICBC", "ICBC", "ICBC", "BOC"]),
    ),
    min_size=1,
    max_size=9,
)


@pytest.fixture(autouse=True)
def december(settings, tmp_path):
    """Everything that these tests pay lies in the past; files go to a folder of their own."""
    settings.VAR_DIR = tmp_path
    with time_machine.travel(date(2026, 12, 10), tick=True):
        yield


def world() -> list[Notice]:
    """Notices in every condition in which money can meet one; their references are the same in every world."""
    policy = snapshot()
    resident = ResidentFactory()
    rows = [
        issue(kind="nontax", policy=policy, resident=resident, reference=f"world-{number}") for number in range(WHOLE)
    ]
    pay(rows[PAID], provider_txn="earlier")
    cancel_notices(purpose="test.nontax", references=[f"world-{CANCELLED}"], actor=SYSTEM, reason="withdrawn")
    again = draft(kind="nontax", policy=policy, resident=resident, reference=f"world-{REPLACED}")
    supersede_notice(rows[REPLACED], again, actor=SYSTEM, at=NOON)
    rows.append(
        issue_collective(
            purpose="test.whole",
            reference="world-whole",
            members=[rows[place] for place in MEMBERS],
            payer=resident,
            region=region("450302001"),
            office=None,
            policy=policy,
            actor=SYSTEM,
            at=NOON,
        )
    )
    return rows


def chunk(rows: list[Notice], drawn: list[tuple[int, int, date, str]]) -> list[StatementRow]:
    """The lines of a statement that pay these notices."""
    found = []
    for number, (place, more, paid_on, bank) in enumerate(drawn, 2):
        notice = rows[place] if place < NOBODYS else None
        found.append(
            StatementRow(
                number=number,
                provider=bank,
                txn=f"T-{number}",
                bank_code=bank,
                given_number=notice.pay_code if notice else "88888888",
                order_number="",
                amount_fen=(notice.amount_fen if notice else 2_000) + more,
                paid_on=paid_on,
                payer="韦𠮷\\阿\t",
                takes_back=False,
            )
        )
    return found


def books_after(drawn: list[tuple[int, int, date, str]], *, one_by_one: bool) -> dict[str, object]:
    """All that an import leaves behind, in words that do not depend on keys; the world is undone afterwards."""
    with transaction.atomic():
        rows = world()
        statement = Statement.objects.create(format="nontax", digest=uuid4().hex, name="s", region=region("450302"))
        whole = bulk_booking.book_many
        if one_by_one:
            bulk_booking.book_many = lambda reports, named=None: [bulk_booking._single(one) for one in reports]
        try:
            statements.import_chunk(statement, chunk(rows, drawn), at=AT)
        finally:
            bulk_booking.book_many = whole
        found = described(statement)
        transaction.set_rollback(True)
    return found


def described(statement: Statement) -> dict[str, object]:
    """The books in words: notices by reference and turn, payments by their transaction."""
    names: dict[object, str] = {}
    seen: dict[str, int] = {}
    for notice in Notice.objects.order_by("number"):
        seen[notice.reference] = seen.get(notice.reference, 0) + 1
        names[notice.pk] = f"{notice.reference}/{seen[notice.reference]}"
    told = {grouped(notice.number): names[notice.pk] for notice in Notice.objects.all()}

    def text(message: Message) -> str:
        body = message.body
        for number, name in told.items():
            body = body.replace(number, name)
        return body

    def place(one: Payment | Journal) -> str:
        return one.region.code if one.region else ""

    entries = ("account", "sub", "notice", "amount_fen")
    return {
        "lines": list(statement.rows.order_by("number").values_list("number", "outcome", "payment__provider_txn")),
        "payments": sorted(
            (one.provider_txn, one.provider, one.channel, one.given_number[:6], names.get(one.notice_id, ""),
             one.amount_fen, one.paid_on, one.payer, place(one), one.outcome, one.actor_role, one.booked_at)
            for one in Payment.objects.exclude(provider_txn="earlier")
        ),
        "exceptions": sorted(PaymentException.objects.values_list("payment__provider_txn", "reason", "opened_at")),
        "journals": sorted(
            (one.payment.provider_txn, one.kind, one.posted_on, one.channel, place(one), one.posted,
             one.actor_role, sorted((account, sub, names.get(notice, ""), fen)
             for account, sub, notice, fen in one.entries.values_list(*entries)))
            for one in Journal.objects.select_related("payment")
        ),
        "notices": sorted(
            (names[one.pk], one.state, one.paid_on, one.version, names.get(one.collective_id, ""))
            for one in Notice.objects.all()
        ),
        "timeline": sorted(
            (names[one.subject_id], one.version, one.transition, one.source, one.target, str(sorted(one.codes)))
            for one in NoticeTimelineEntry.objects.all()
        ),
        "receipts": sorted(
            (names[one.notice_id], one.payment.provider_txn, one.kind, one.issuer, one.amount_fen, one.turn)
            for one in Receipt.objects.select_related("payment")
        ),
        "serials": sorted(Receipt.objects.values_list("serial", flat=True)),
        "messages": sorted((one.template, one.state, text(one)) for one in Message.objects.all()),
    }  # fmt: skip


@pytest.mark.both_databases
@pytest.mark.django_db
@settings(
    max_examples=many(8, 300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(drawn=LINES)
def test_a_chunk_leaves_the_books_that_single_lines_leave(drawn):
    """N6, N8, N9: judged, booked, posted, receipted and told alike, whatever stands in the file and in what order."""
    assert books_after(drawn, one_by_one=False) == books_after(drawn, one_by_one=True)


@pytest.mark.both_databases
@pytest.mark.django_db
def test_a_chunk_of_every_condition_is_booked_like_single_lines():
    """N6: paid, twice, wrong amount, wrong bank, cancelled, replaced; member before whole, whole before member."""
    once = [(place, 0, TODAY, "ICBC") for place in range(NOBODYS + 1)]
    wrong = [(0, 0, TODAY, "ICBC"), (1, 1, TODAY, "ICBC"), (1, 0, TODAY, "ICBC"), (2, 0, TODAY, "BOC")]
    for drawn in (once, once[::-1], once + once, wrong + once):
        bulk = books_after(drawn, one_by_one=False)
        assert bulk == books_after(drawn, one_by_one=True)
        serials = bulk["serials"]
        assert serials == list(range(1, len(serials) + 1))


@pytest.mark.both_databases
@pytest.mark.django_db
def test_guard_of_notices_watches_every_column_that_must_not_change():
    """E1: the trigger names its columns, so a column that is added to notices later must be named too."""
    migration = __import__("importlib").import_module("payments.migrations.0016_notice_guarded_by_columns")
    issued = issue(kind="nontax")
    wanted = {field.column for field in Notice._meta.local_concrete_fields} - set(migration.MOVED)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'append_only_update_payments_notice'"
            )
        else:
            cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'append_only_update_payments_notice'")
        words = set(re.findall(r"\w+", cursor.fetchone()[0]))
    assert wanted <= words
    others = {"amount_fen": 1, "title": {"zh": "x"}, "due_on": DUE_ON + timedelta(days=9), "payer_name": "x"}
    for column, other in others.items():
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Notice.objects.filter(pk=issued.pk).update(**{column: other})


def test_filled_texts_are_the_rendered_ones():
    """E12: a message that is filled into its mould reads as one that was rendered, in every template and language."""
    folder = next(path for path in Engine.get_default().dirs if (path / "messages").is_dir()) / "messages"
    names = sorted(path.stem for path in folder.glob("[a-z]*.txt"))
    params = dict.fromkeys(("title", "number", "amount", "due", "paid", "name", "by"), "½ & <b> 100% {x}  y")
    filled = []
    for language in ("zh-hans", "en"):
        moulds = Moulds(_body)
        for name in names:
            if name.startswith("payments_"):
                assert moulds.body(name, params, language) == _body(name, params, language), name
                filled += [name for key, mould in moulds._made.items() if key[0] == name and mould]
    assert {"payments_paid", "payments_issued"} <= set(filled)


def work(job_id) -> None:
    """Runs the job in a process of its own."""
    jobs.run(job_id)


@pytest.mark.both_databases
@pytest.mark.processes
@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_a_long_import_survives_kills_at_any_moment():
    """E7, REL-K12: 100,000 lines and a worker that is killed again and again: every line once, and no gap."""
    lines = int(os.environ.get("CANBAO_SOAK_LINES", "100000"))
    policy, resident = snapshot(), ResidentFactory()
    rows: list[WrittenRow] = []
    for start in range(0, lines, 2_000):
        count = min(2_000, lines - start)
        drafts = [draft(kind="nontax", policy=policy, resident=resident, tell=False) for _line in range(count)]
        rows += [
            WrittenRow(txn=f"K{start + place}", amount_fen=2_000, paid_on=TODAY, number=notice.pay_code)
            for place, notice in enumerate(issue_notices(drafts, actor=SYSTEM, at=NOON))
        ]
    content = write_nontax(rows, bank_code="ICBC", on=TODAY)
    statement, _is_new = statements.receive(content, name="b", region=region("450302"), actor=CASHIER)
    connections.close_all()
    kills = 0
    for _round in range(200):
        Job.objects.update(heartbeat_at=NOON, attempts=0)
        connections.close_all()
        worker = multiprocessing.get_context("fork").Process(target=partial(work, statement.job_id))
        worker.start()
        if kills < 12:
            time.sleep(random.uniform(0.05, 6.0))
            os.kill(worker.pid, signal.SIGKILL)
        worker.join(600)
        kills += worker.exitcode == -signal.SIGKILL
        statement.refresh_from_db()
        if statement.state == StatementState.DONE:
            break
    assert kills
    assert statement.state == StatementState.DONE
    numbers = StatementLine.objects.filter(statement=statement, outcome=LineOutcome.BOOKED)
    assert set(numbers.values_list("number", flat=True)) == set(range(2, lines + 2))
    assert (numbers.count(), Payment.objects.count(), Receipt.objects.count()) == (lines, lines, lines)
    assert set(Receipt.objects.values_list("serial", flat=True)) == set(range(1, lines + 1))
    assert Message.objects.filter(template="payments_paid").count() == lines
    assert ledger.balance(Account.BANK) == -ledger.balance(Account.COLLECTED) == lines * 2_000
