"""Goals 5 and 6 of the sweep: time per due row against one bare SQL statement for the same rows, and the idle tick.

    python benchmarks/sweep.py [--rows 1000000] [--due 100000] [--rounds 3]

Starts a PostgreSQL cluster of its own, or uses DATABASE_URL. Both sides run in the same minutes on the same table and
write the same columns and indexes; the ratio is the median of the rounds. CPU is that of this process and of its
database server process, which a busy machine disturbs less than the wall clock. Targets: move 3.5 (aim 1.5), idle tick
1.1.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.harness import services  # noqa: E402

WAITING, DONE, CLOCKED = "submitted", "lapsed", "under_review"

HISTORY = """(subject_id, version, transition, source, target, at, was_due_at, actor_role, codes, note_digest)
    SELECT id, version, 'drop', 'submitted', '{target}', now(), was_due_at, 'system',
        '{{"worker": "bench:1"}}'::jsonb, ''"""

MOVE = """
WITH due AS (
    SELECT id, due_at AS was_due_at FROM bench_case WHERE state = 'submitted' AND due_at <= now() AND sweep_attempts = 0
    ORDER BY due_at {limit} FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE bench_case c SET state = '{target}', state_since = now(), due_at = {due_at}, remind_at = {remind_at},
        version = version + 1, sweep_attempts = 0, sweep_failed_at = NULL
    FROM due WHERE c.id = due.id RETURNING c.id, c.version, due.was_due_at
), history AS (
    INSERT INTO bench_caseentry {history} FROM moved RETURNING subject_id
)
"""
COUNT = "SELECT count(*) FROM history"
CLOCK_AND_MESSAGE = """
, clock AS (
    INSERT INTO workflow_clockentry
        (workflow, subject_id, kind, action, "on", days, due_on, provisional, region_codes, policy_id, calendar, at)
    SELECT 'bench', id, 'review', 'start', current_date, 3, current_date + 5, false, '', NULL, 1, now() FROM moved
    RETURNING id
), message AS (
    INSERT INTO bench_message (key, subject_id, body, created_at)
    SELECT 'bench:' || id || ':' || version, id, 'Your case was accepted.', now() FROM moved RETURNING id
)
SELECT count(*) FROM history
"""


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with ExitStack() as stack:
        os.environ.setdefault(
            "CANBAO_VAR_DIR", stack.enter_context(tempfile.TemporaryDirectory(prefix="canbao-bench-"))
        )
        if "DATABASE_URL" not in os.environ:
            cluster = stack.enter_context(services.postgresql(durable=True))
            os.environ["DATABASE_URL"] = f"{cluster.url}/postgres"
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        os.environ["CANBAO_STATEMENT_SECONDS"] = "0"
        measure(options.rows, options.due, options.rounds)


def measure(rows: int, due: int, rounds: int) -> None:
    """Build the tables and compare both ways in turn."""
    import django

    django.setup()

    from django.core.management import call_command
    from django.db import connection

    from portal.workflow import sweeping

    call_command("migrate", verbosity=0)
    from benchmarks._sweep_case import AcceptWorkflow, BenchWorkflow, Case, CaseEntry, Message

    with connection.schema_editor() as editor:
        for model in (Case, CaseEntry, Message):
            editor.create_model(model)

    def sql(text: str) -> list[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []

    def fill(count: int) -> None:
        sql("TRUNCATE bench_case, bench_caseentry, bench_message RESTART IDENTITY CASCADE")
        sql(
            "INSERT INTO bench_case (id, state, state_since, version, sweep_attempts, office, payload) "
            "SELECT gen_random_uuid(), 'lapsed', now(), 1, 0, n % 50, repeat('x', 200) "
            f"FROM generate_series(1, {count}) n"
        )

    def make_due(count: int) -> None:
        sql(
            "UPDATE bench_case SET state = 'submitted', due_at = now() - random() * interval '1 day' "
            f"WHERE id IN (SELECT id FROM bench_case WHERE due_at IS NULL ORDER BY random() LIMIT {count})"
        )
        sql("VACUUM ANALYZE bench_case")
        sql("CHECKPOINT")

    server = int(str(sql("SELECT pg_backend_pid()")[0][0]))

    def cpu() -> float:
        words = Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()
        return time.process_time() + (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def drained(transition: object) -> int:
        longest = 0.0
        total = 0
        while True:
            start = time.perf_counter()
            moved = transition.sweep()
            if not moved:
                break
            longest = max(longest, time.perf_counter() - start)
            total += moved
        transactions.append(longest)
        return total

    def statement(
        target: str, rest: str, due_at: str = "NULL", remind_at: str = "NULL", limit: str = ""
    ) -> Callable[[], int]:
        text = MOVE.format(
            target=target, due_at=due_at, remind_at=remind_at, limit=limit, history=HISTORY.format(target=target)
        ).rstrip()
        # The last CTE is followed by more CTEs or by the final SELECT.
        text = f"{text}\n{rest}"
        return lambda: int(sql(text)[0][0])

    transactions: list[float] = []
    floor = statement(DONE, COUNT)
    clock_floor = statement(CLOCKED, CLOCK_AND_MESSAGE, due_at="current_date + 6", remind_at="current_date + 5")
    ways = {
        "move": (floor, lambda: drained(BenchWorkflow.drop)),
        "move, clock and message": (clock_floor, lambda: drained(AcceptWorkflow.accept)),
    }
    fill(rows)
    print(
        f"PostgreSQL {sql('SHOW server_version')[0][0]}, {rows:,} rows, {due:,} due, "
        f"batches of {sweeping.batch_size():,}"
    )
    for name, (bare, ours) in ways.items():
        transactions.clear()
        ratios, floors, times, work = [], [], [], []
        for _ in range(rounds):
            taken, burnt = [], []
            for way in (bare, ours):
                sql("UPDATE bench_case SET state = 'lapsed', due_at = NULL, remind_at = NULL WHERE due_at IS NOT NULL")
                make_due(due)
                start, before = time.perf_counter(), cpu()
                moved = way()
                taken.append((time.perf_counter() - start) / moved * 1e6)
                burnt.append(cpu() - before)
                if moved != due:
                    raise SystemExit(f"{name}: {moved} rows moved instead of {due}")
            floors.append(taken[0])
            times.append(taken[1])
            ratios.append(taken[1] / taken[0])
            work.append(burnt[1] / burnt[0])
        print(
            f"{name}: SQL {statistics.median(floors):.1f} us/row, ours {statistics.median(times):.1f} us/row, "
            f"ratio {statistics.median(ratios):.2f} ({', '.join(f'{one:.2f}' for one in ratios)}), "
            f"CPU ratio {statistics.median(work):.2f} ({', '.join(f'{one:.2f}' for one in work)}), "
            f"longest transaction {max(transactions) * 1000:.0f} ms"
        )
    history = sql("SELECT count(*), count(DISTINCT (subject_id, version)) FROM bench_caseentry")[0]
    if history[0] != history[1] or history[0] != due * 2 * rounds * len(ways):
        raise SystemExit(f"history does not add up: {history}")

    idle = {}
    for count in (10_000, rows):
        fill(count)
        sql("VACUUM ANALYZE bench_case")
        for _ in range(50):
            BenchWorkflow.drop.sweep()
        ticks = []
        for _ in range(500):
            start = time.perf_counter()
            BenchWorkflow.drop.sweep()
            ticks.append(time.perf_counter() - start)
        idle[count] = statistics.median(ticks) * 1000
    small, large = idle[10_000], idle[rows]
    print(f"idle tick: {small:.2f} ms at 10,000 rows, {large:.2f} ms at {rows:,} rows, ratio {large / small:.2f}")
    with connection.schema_editor() as editor:
        for model in (Message, CaseEntry, Case):
            editor.delete_model(model)


if __name__ == "__main__":
    main()
