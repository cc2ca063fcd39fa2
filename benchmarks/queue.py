"""Goal 10: a clerk's queue at 10,000 and at a million applications: first page, next page, 90 % depth, counts.

    python benchmarks/queue.py [--rows 1000000] [--rounds 200]

Starts a PostgreSQL cluster of its own, or uses DATABASE_URL. One office in fifty has a tenth of all applications, a
tenth of those wait for a decision; the others are elsewhere. Printed is the time in the database (median),
of the very functions the page calls. Targets: 90 % depth against the first page 1.5 (aim 1.2), a million against
10,000 rows 1.5 (aim 1.1), no count above 101 rows.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "queue":
    # A benchmark started by its path has this folder in front of the standard library, whose queue is meant then.
    meant = importlib.util.spec_from_file_location("queue", Path(sysconfig.get_path("stdlib")) / "queue.py")
    if meant is None or meant.loader is None:
        raise ImportError("queue")
    sys.modules["queue"] = importlib.util.module_from_spec(meant)
    meant.loader.exec_module(sys.modules["queue"])

SMALL = 10_000
MUST, WARM_UP = 1.5, 30

STATES = (
    "(ARRAY['under_review', 'correction_required', 'awaiting_payment', 'escalated', 'rejected', 'withdrawn', "
    "'enrolled', 'enrolled', 'enrolled', 'enrolled'])[1 + (n / 10) % 10]"
)
TIMED = "('under_review', 'correction_required', 'escalated')"


def main() -> None:
    """Fill twice and measure each time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.harness import services as servers

    with ExitStack() as stack:
        os.environ.setdefault(
            "CANBAO_VAR_DIR", stack.enter_context(tempfile.TemporaryDirectory(prefix="canbao-bench-"))
        )
        if "DATABASE_URL" not in os.environ:
            cluster = stack.enter_context(servers.postgresql())
            os.environ["DATABASE_URL"] = f"{cluster.url}/postgres"
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        os.environ["CANBAO_STATEMENT_SECONDS"] = "0"
        raise SystemExit(measure(options.rows, options.rounds))


def measure(rows: int, rounds: int) -> int:
    """Fill to both sizes, measure, compare; return 1 when a target is missed."""
    import django

    django.setup()

    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    call_command("load_regions", verbosity=0)
    from tests.enrollment import journeys
    from tests.people_cast import Cast, actor

    cast = Cast()
    sample = journeys.under_review(cast.zhang, year=_open_year())
    clerk = actor(cast.clerk)
    found: dict[int, dict[str, float]] = {}
    filled = 0
    for size in (SMALL, rows):
        fill(sample, filled, size)
        filled = size
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE enrollment_application")
            cursor.execute("VACUUM ANALYZE people_resident")
        found[size] = timings(clerk, rounds)
        print(f"{size:,} applications: " + ", ".join(f"{name} {value:.2f} ms" for name, value in found[size].items()))
    failed = 0
    for name, value in found[rows].items():
        ratio = value / found[SMALL][name]
        failed += ratio > MUST
        print(f"{name}: {rows:,} against {SMALL:,} rows {ratio:.2f} (must {MUST}, aim 1.1)")
    for size, values in found.items():
        ratio = values["page at 90 %"] / values["first page"]
        failed += ratio > MUST
        print(f"90 % depth against the first page at {size:,} rows {ratio:.2f} (must {MUST}, aim 1.2)")
    return int(failed > 0)


def _open_year() -> int:
    from portal.regions import calendar

    today = calendar.today()
    return today.year + 1 if today.month >= 9 else today.year


def fill(sample: Any, first: int, last: int) -> None:
    """Copies people and applications of one real case until there are `last` of them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM regions_office ORDER BY id LIMIT 50")
        offices = [pk for (pk,) in cursor.fetchall() if pk != sample.office_id]
        cursor.execute("SET session_replication_role = replica")  # the copies refer to what is there
        person = {
            "id": "md5('p' || n)::uuid",
            "id_index": "md5('i' || n) || md5('j' || n)",
            "phone_index": "md5('t' || n)",
            "id_tail_index": "md5('e' || n % 90000)",
            "user_id": "NULL",
        }
        copy(cursor, "people_resident", sample.resident_id, person, first, last)
        elsewhere = f"ARRAY{offices}::bigint[]"
        case = {
            "id": "md5('a' || n)::uuid",
            "number": "'8' || lpad(n::text, 15, '0')",
            "submit_token": "md5('s' || n)::uuid",
            "resident_id": "md5('p' || n)::uuid",
            "beneficiary_id": "md5('p' || n)::uuid",
            "office_id": f"CASE WHEN n % 10 = 0 THEN {sample.office_id} ELSE ({elsewhere})[1 + n % {len(offices)}] END",
            "state": STATES,
            "state_since": "now() - n * interval '1 second'",
            "due_at": f"CASE WHEN {STATES} IN {TIMED} THEN now() + (n * 37 % 1000003) * interval '1 second' END",
            "remind_at": "NULL",
            "paid_on": f"CASE WHEN {STATES} = 'enrolled' THEN current_date END",
            "payable_fen": "40000",
            "premium_pending": "false",
            "decision_reason": "'x'",
            "decision_next_step": "'x'",
        }
        copy(cursor, "enrollment_application", sample.pk, case, first, last)
        cursor.execute("SET session_replication_role = origin")


def copy(cursor: Any, table: str, pk: Any, changed: dict[str, str], first: int, last: int) -> None:
    """INSERT … SELECT the row `pk`, once per number, with the changed columns."""
    cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
    columns = [name for (name,) in cursor.fetchall()]
    quoted = [f'"{name}"' for name in columns]
    values = [changed.get(name, f't."{name}"') for name in columns]
    selected = ", ".join(values).replace("%", "%%")
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(quoted)}) "
        f"SELECT {selected} FROM {table} t, generate_series({first + 1}, {last}) n WHERE t.id = %s",
        [pk],
    )


def timings(clerk: Any, rounds: int) -> dict[str, float]:
    """Median time in the database of what the queue page asks, in turns."""
    from enrollment import queueing
    from enrollment.views.desk import _loaded
    from portal.design.paging import keyed_page

    view = queueing.read({"tab": "decide"}, clerk)
    closed = queueing.read({"tab": "closed"}, clerk)

    def page(view: Any, after: str = "") -> Any:
        return keyed_page(queueing.chosen(clerk, view), view.order, after=after, query=view.query, load=_loaded)

    def key_at(view: Any, share: float) -> str:
        rows = queueing.chosen(clerk, view)[0].order_by(*view.order.by)
        return view.order.key_of(rows[int(rows.count() * share)])

    first, _links = page(view)
    second, deep, old = view.order.key_of(first[-1]), key_at(view, 0.9), key_at(closed, 0.9)
    work: dict[str, Callable[[], Any]] = {
        "first page": lambda: page(view),
        "next page": lambda: page(view, second),
        "page at 90 %": lambda: page(view, deep),
        "closed, at 90 %": lambda: page(closed, old),
        "counts": lambda: queueing.tabs(clerk, "decide"),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + WARM_UP):
        for name, one in work.items():
            taken = database_time(one)
            if number >= WARM_UP:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def database_time(work: Callable[[], Any]) -> float:
    """Milliseconds spent in statements while the work is done."""
    from django.db import connection

    spent = 0.0

    def clock(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal spent
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent += time.perf_counter() - start

    with connection.execute_wrapper(clock):
        work()
    return spent * 1000


if __name__ == "__main__":
    main()
