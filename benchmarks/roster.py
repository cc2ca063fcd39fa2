"""A village roster from file to applications, against reading and storing the same rows with no rules at all.

    python benchmarks/roster.py [--rows 50000] [--submit 5000]

Starts a PostgreSQL cluster of its own, or uses DATABASE_URL. The floor reads the same workbook with the same library
and inserts one row per line with the same columns, in batches of 500. The check does that as well, and in between reads
every cell, seals the line, finds doubles, looks up people, applications and covers, and applies the rules of the
region. The submission makes applications with materials, timeline and messages for as many lines as asked.
Peak memory is that of this process, which holds no more than a batch at a time, and of the child that opens the file.
"""

from __future__ import annotations

import argparse
import datetime
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.harness import services as servers  # noqa: E402

MONDAY = datetime.datetime(2026, 11, 23, 2, 0, tzinfo=datetime.UTC)
BATCH = 500


def main() -> None:
    """Prints rows per second, the ratio to the floor, and the peak memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--submit", type=int, default=5_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        os.environ.setdefault(
            "CANBAO_VAR_DIR", stack.enter_context(tempfile.TemporaryDirectory(prefix="canbao-bench-"))
        )
        if "DATABASE_URL" not in os.environ:
            cluster = stack.enter_context(servers.postgresql(durable=True))
            os.environ["DATABASE_URL"] = f"{cluster.url}/postgres"
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        os.environ["CANBAO_STATEMENT_SECONDS"] = "0"
        measure(options.rows, options.submit)


def measure(rows: int, submit: int) -> None:
    """Builds the world, measures the floor, the check and the submission."""
    import django
    import time_machine

    django.setup()

    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("load_regions", verbosity=0)
    with time_machine.travel(MONDAY, tick=True):
        compare(rows, submit)


def compare(rows: int, submit: int) -> None:
    """The three measurements, on one file."""
    from django.db import connection

    from enrollment.models import Roster
    from enrollment.rosters import services
    from portal.people.actors import Role
    from tests.people_cast import actor, make_staff

    agent = make_staff("bench-agent", Role.COMMITTEE_AGENT, "450302001", office_kind="village_committee")
    begun = time.perf_counter()
    content = workbook(rows)
    print(f"{rows:,} lines, workbook of {len(content) / 1e6:.1f} MB, written in {time.perf_counter() - begun:.1f} s")

    before = peak()
    floor = timed(lambda: bare(content))
    print(f"floor (read, insert): {rows / floor.clock:,.0f} rows/s")

    who = actor(agent)
    roster = services.take(actor=who, office=None, cover_year=2027, file_name="bench.xlsx", content=content)
    check = timed(lambda: services.check(roster, lambda done, total: None))
    roster = Roster.objects.get(pk=roster.pk)
    figures = services.counts(roster)
    ratios = f"{check.clock / floor.clock:.2f} by the clock, {check.cpu / floor.cpu:.2f} by CPU"
    print(f"check: {rows / check.clock:,.0f} rows/s, ratio to the floor {ratios}, verdicts {figures}")

    size = min(submit, figures["good"])
    further = workbook(size, first=rows)
    some = services.take(actor=who, office=None, cover_year=2027, file_name="some.xlsx", content=further)
    services.check(some, lambda done, total: None)
    some.refresh_from_db()
    services.submit(some, who)
    some.refresh_from_db()
    counter = Counter()
    with connection.execute_wrapper(counter):
        taken = timed(lambda: services.submit_good(some, lambda done, total: None))
    done = services.counts(some)["submitted"]
    print(f"submission: {done / taken.clock:,.0f} applications/s, {counter.count / done:.2f} queries per application")
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory: {peak():.0f} MB ({before:.0f} MB before the roster), child {child:.0f} MB")
    if figures["good"] + figures["bad"] != rows or done != size:
        raise SystemExit(f"the lines do not add up: {figures}, {done} of {size}")


class Counter:
    """Counts statements."""

    count = 0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        self.count += 1
        return execute(sql, params, many, context)


class Taken(NamedTuple):
    """Seconds by the clock, and of CPU of this process and the children it waited for; the database is not in them."""

    clock: float
    cpu: float


def timed(work) -> Taken:  # type: ignore[no-untyped-def]
    """What the work took; by CPU it can be compared on a busy machine."""
    begun, used = time.perf_counter(), cpu()
    work()
    return Taken(time.perf_counter() - begun, cpu() - used)


def cpu() -> float:
    """Seconds of CPU of this process and its finished children."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def peak() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare(content: bytes) -> None:
    """Reads the workbook and inserts its rows in a table of their own, without any rule."""
    import python_calamine
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_line (id bigserial PRIMARY KEY, line integer, cells bytea, id_index varchar(64), "
            "name_index varchar(64), outcome varchar(10), faults jsonb, fault_count smallint)"
        )
        cursor.execute("CREATE INDEX ON bench_line (outcome, line)")
        cursor.execute("CREATE INDEX ON bench_line (id_index)")
        lines: Iterator[tuple[int, list[object]]] = enumerate(
            python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).iter_rows()
        )
        while batch := list(islice(lines, BATCH)):
            with transaction.atomic():
                cursor.executemany(
                    "INSERT INTO bench_line (line, cells, id_index, name_index, outcome, faults, fault_count) "
                    "VALUES (%s, %s, %s, %s, 'good', '[]', 0)",
                    [(number, "|".join(map(str, cells)).encode(), cells[1], cells[0]) for number, cells in batch],
                )
        cursor.execute("DROP TABLE bench_line")


def workbook(rows: int, first: int = 0) -> bytes:
    """A roster of synthetic people, one in ten of whose lines is wrong."""
    import xlsxwriter

    from portal.people.identity import check_character

    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["姓名", "证件号码", "手机号码", "住址", "参保身份", "其他医疗保险", "断保年数"])
    signs = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
    for number in range(rows):
        place = first + number
        day = datetime.date(1950, 1, 1) + datetime.timedelta(days=place // 10)
        body = f"450302{day:%Y%m%d}99{place % 10}"
        wrong = first == 0 and number % 10 == 9
        row = [
            signs[place % 16] + signs[place // 16 % 16],
            body + ("?" if wrong else check_character(body)),
            f"199{place:08d}",
            f"甲山村{place}号",
            "本地户籍",
            "无",
            str(place % 3),
        ]
        for column, cell in enumerate(row):
            sheet.write_string(number + 1, column, cell)
    book.close()
    return stream.getvalue()


if __name__ == "__main__":
    main()
