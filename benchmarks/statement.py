"""Import of a bank statement: lines a second through the whole posting path, against parsing and COPY of the lines.

    python -m benchmarks.statement [--lines 100000]

Starts a PostgreSQL cluster of its own, or uses DATABASE_URL. Every line pays a notice of its own, so every line costs
what a payment costs: judgement, payment row, journal with two entries, move with timeline, message, receipt with its
serial, statement line. The naive side reads the same file with the same parser and copies its lines into one bare
table. Both run in the same minutes; the ratio is theirs / ours in lines per second.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.harness import services  # noqa: E402

ISSUED_AT_ONCE = 2_000
ROUNDS = 3


def main() -> None:
    """Prints lines per second of both sides, the ratio, and the memory at its highest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="canbao-bench-"))
        os.environ.setdefault("CANBAO_VAR_DIR", folder)
        if "DATABASE_URL" not in os.environ:
            cluster = stack.enter_context(services.postgresql(durable=True))
            os.environ["DATABASE_URL"] = f"{cluster.url}/postgres"
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        os.environ["CANBAO_DEMO"] = "1"
        os.environ["CANBAO_STATEMENT_SECONDS"] = "0"
        measure(options.lines)


def measure(lines: int) -> None:
    """Issues the notices, writes the file, and runs both sides over it."""
    import django

    django.setup()

    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    content = statement_file(lines)
    print(f"{lines} lines, {len(content) / 1e6:.1f} MB")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    naive = min((Spent.by(lambda: copied(content)) for _round in range(ROUNDS)), key=lambda spent: spent.cpu)
    chunks: list[float] = []
    with timed_chunks(chunks):
        ours = Spent.by(lambda: imported(content, lines))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, spent in (("parse and COPY", naive), ("import", ours)):
        print(
            f"{name:16} {lines / spent.seconds:10.0f} lines/s, {spent.seconds / lines * 1e6:.0f} us a line; processor: "
            f"{spent.python / lines * 1e6:.0f} us here, {spent.server / lines * 1e6:.0f} us in the server"
        )
    print(
        f"ratio            {ours.seconds / naive.seconds:10.1f} by the clock, {ours.cpu / naive.cpu:.1f} by processor"
    )
    print(f"transactions     {len(chunks)}, the longest {max(chunks):.1f} s")
    print(f"memory           {before / 1024:.0f} MB before, {after / 1024:.0f} MB at the highest")


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of processor in this process and in the server's process behind its connection."""

    seconds: float
    python: float
    server: float

    @property
    def cpu(self) -> float:
        return self.python + self.server

    @classmethod
    def by(cls, work: Callable[[], object]) -> Spent:
        """What one piece of work takes."""
        clock, python, server = time.perf_counter(), time.process_time(), server_seconds()
        work()
        return cls(time.perf_counter() - clock, time.process_time() - python, server_seconds() - server)


def server_seconds() -> float:
    """Processor seconds of the server's process, 0 where it runs on another machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def timed_chunks(taken: list[float]) -> Iterator[None]:
    """Notes how long each transaction of the import lasts."""
    from unittest.mock import patch

    from payments import statements

    whole = statements.import_chunk

    def timed(*args: Any, **kwargs: Any) -> None:
        began = time.perf_counter()
        whole(*args, **kwargs)
        taken.append(time.perf_counter() - began)

    with patch.object(statements, "import_chunk", timed):
        yield


def statement_file(lines: int) -> bytes:
    """A bank detail that pays freshly issued card fees, one line each."""
    from django.db import connection

    from payments.services import issue_notices
    from payments.statement_writers import WrittenRow, write_nontax
    from portal.people.actors import SYSTEM
    from portal.regions import calendar
    from tests.payments.notices import draft, snapshot

    policy = snapshot()
    resident = draft(policy=policy).resident
    today = calendar.today()
    rows: list[WrittenRow] = []
    for start in range(0, lines, ISSUED_AT_ONCE):
        count = min(ISSUED_AT_ONCE, lines - start)
        drafts = [draft(kind="nontax", policy=policy, resident=resident, tell=False) for _line in range(count)]
        for notice in issue_notices(drafts, actor=SYSTEM):
            rows.append(
                WrittenRow(
                    txn=f"B{len(rows):012d}",
                    amount_fen=notice.amount_fen,
                    paid_on=today,
                    number=notice.pay_code,
                    payer=resident.name,
                )
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return write_nontax(rows, bank_code="ICBC", on=today)


def copied(content: bytes) -> None:
    """Parses the file and copies its lines into a bare table."""
    from django.db import connection

    from payments.models import Format
    from payments.statement_formats import parse

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_line")
        cursor.execute(
            "CREATE TABLE bench_line (number int, txn text, given text, fen bigint, paid_on date, payer text)"
        )
    rows = parse(content, Format.NONTAX)
    text = io.StringIO()
    for row in rows:
        text.write(f"{row.number}\t{row.txn}\t{row.given_number}\t{row.amount_fen}\t{row.paid_on}\t{row.payer}\n")
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY bench_line FROM STDIN", text)


def imported(content: bytes, lines: int) -> None:
    """Imports the file through the job's own steps, and proves that all of it was booked."""
    from payments import ledger, statements
    from payments.models import Account, LineOutcome, Receipt, StatementState
    from portal.jobs import services as jobs
    from portal.people.actors import Actor, Role
    from portal.regions.models import Region

    by = Actor(Role.CASHIER, user_id=1)
    statement, _is_new = statements.receive(
        content, name="bench.txt", region=Region.objects.get(code="450302"), actor=by
    )
    state: Any = ""
    while state != "done":
        state = jobs.run(statement.job_id)
        if state not in ("done", "waiting"):
            raise SystemExit(f"the import ended as {state!r}")
    statement.refresh_from_db()
    booked = statement.rows.filter(outcome=LineOutcome.BOOKED).count()
    receipts = Receipt.objects.count()
    collected = -ledger.balance(Account.COLLECTED)
    if statement.state != StatementState.DONE or (booked, receipts, collected) != (lines, lines, statement.total_fen):
        raise SystemExit(
            f"not all of it was booked: {statement.state}, {booked} lines, {receipts} receipts, {collected} fen"
        )


if __name__ == "__main__":
    main()
