"""Goal 7: one submission through the services, as a ratio to bare SQL for the same writes.

    python benchmarks/submit.py [--rounds 200]

Starts a durable PostgreSQL cluster of its own, or uses DATABASE_URL. "Submit" is `services.submit`: validation, role,
terms frozen, materials, timeline, message, one durable transaction. "Submit and accept" adds the worker's move to the
office with checks and clock, a second transaction. Bare SQL writes rows with the same columns and values and nothing
else. Both sides take turns; the ratio is the median of the rounds. Targets: 3.0, and 1.5 queries per row written.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.harness import services as servers  # noqa: E402

MUST_RATIO, MUST_QUERIES = 3.0, 1.5
WARM_UP = 15


def main() -> None:
    """Run both measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    with ExitStack() as stack:
        os.environ.setdefault(
            "CANBAO_VAR_DIR", stack.enter_context(tempfile.TemporaryDirectory(prefix="canbao-bench-"))
        )
        if "DATABASE_URL" not in os.environ:
            cluster = stack.enter_context(servers.postgresql(durable=True))
            os.environ["DATABASE_URL"] = f"{cluster.url}/postgres"
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        raise SystemExit(measure(options.rounds))


def measure(rounds: int) -> int:
    """Time both ways in turn; return 1 when a target is missed."""
    import django

    django.setup()

    from unittest.mock import patch

    import time_machine
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    call_command("migrate", verbosity=0)
    call_command("load_regions", verbosity=0)

    from enrollment import services
    from enrollment.workflow import EnrollmentWorkflow
    from portal.people.actors import SYSTEM
    from tests.enrollment import journeys
    from tests.enrollment.conftest import MONDAY
    from tests.people_cast import ResidentFactory, actor

    def submit(draft: Any, who: Any) -> None:
        services.submit(application=draft, actor=who, token=draft.submit_token, version=draft.version)

    def submit_and_accept(draft: Any, who: Any) -> None:
        submit(draft, who)
        EnrollmentWorkflow.accept.move([draft.pk], SYSTEM)

    def prepared(count: int) -> Iterator[tuple[Any, Any]]:
        for _number in range(count):
            person = ResidentFactory()
            yield journeys.draft(person), actor(person)

    failed = 0
    # A broker would answer in its own time; the row is what counts here, as in the rest of the figures.
    with time_machine.travel(MONDAY, tick=True), patch("portal.jobs.nudge._publish", return_value=True):
        for name, ours in {"submit": submit, "submit and accept": submit_and_accept}.items():
            sample, who = next(prepared(1))
            with CaptureQueriesContext(connection) as queries:
                ours(sample, who)
            asked = [one["sql"] for one in queries if one["sql"].split()[0] not in ("BEGIN", "COMMIT", "SAVEPOINT")]
            bare = Bare(sample.pk, accepted=name != "submit")
            per_row = len(asked) / bare.written
            pairs = zip(prepared(rounds + WARM_UP), prepared(rounds + WARM_UP), strict=True)
            times: tuple[list[float], list[float]] = ([], [])
            for number, ((mine, owner), (other, _owner)) in enumerate(pairs):
                taken = (clocked(partial(ours, mine, owner)), clocked(partial(bare.write, other.pk)))
                if number >= WARM_UP:
                    for column, value in zip(times, taken, strict=True):
                        column.append(value)
            ratio = statistics.median(one / two for one, two in zip(*times, strict=True))
            print(
                f"{name}: bare SQL {statistics.median(times[1]):.2f} ms, ours {statistics.median(times[0]):.2f} ms, "
                f"ratio {ratio:.2f} (must {MUST_RATIO}); {len(asked)} queries for {bare.written} rows, "
                f"{per_row:.2f} each (must {MUST_QUERIES})"
            )
            failed += ratio > MUST_RATIO or per_row > MUST_QUERIES
    return int(failed > 0)


def clocked(work: Callable[[], None]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


class Bare:
    """The rows one submission left behind, written again for another draft by plain statements."""

    def __init__(self, pk: uuid.UUID, *, accepted: bool) -> None:
        self.transactions = [self._submission(pk, "submit" if accepted else None)]
        self.written = 1 + sum(len(rows) for _table, _columns, rows in self.transactions[0][1])
        if accepted:
            self.transactions.append(self._acceptance(pk))
            self.written += 1 + sum(len(rows) for _table, _columns, rows in self.transactions[1][1])

    def write(self, pk: uuid.UUID) -> None:
        """The same rows for another application."""
        from django.db import connection, transaction

        for update, inserts in self.transactions:
            with transaction.atomic(), connection.cursor() as cursor:
                columns, values = update
                number = str(uuid.uuid4().int)[:16]
                cursor.execute(
                    f"UPDATE enrollment_application SET {', '.join(f'{one} = %s' for one in columns)} WHERE id = %s",
                    [number if one == "number" else value for one, value in zip(columns, values, strict=True)] + [pk],
                )
                for table, names, rows in inserts:
                    places = ", ".join(f"({', '.join(['%s'] * len(names))})" for _row in rows)
                    own = {"application_id": pk, "subject_id": pk, "key": str(uuid.uuid4())}
                    cursor.execute(
                        f"INSERT INTO {table} ({', '.join(names)}) VALUES {places}",
                        [
                            own.get(name.strip('"'), value)
                            for row in rows
                            for name, value in zip(names, row, strict=True)
                        ],
                    )

    def _submission(self, pk: uuid.UUID, until: str | None) -> tuple[Any, Any]:
        columns = "number facts scenario category assistance policy_id payment_order deemed_approval payable_fen "
        columns += "premium_pending office_id office_kind submitted_at submitted_on review_from declaration_at "
        columns += "state state_since due_at remind_at version sweep_attempts sweep_failed_at"
        update = self._update(pk, columns.split())
        if until:
            update[1][update[0].index("state")] = "submitted"
        return update, [
            self._rows("enrollment_applicationmaterial", "application_id", pk),
            self._rows("enrollment_applicationtimelineentry", "subject_id", pk, "transition = 'submit'"),
            self._rows("outbox_message", "key", f"enrollment.submitted:{pk}%", operator="LIKE"),
        ]

    def _acceptance(self, pk: uuid.UUID) -> tuple[Any, Any]:
        columns = ["state", "state_since", "due_at", "remind_at", "version", "sweep_attempts", "sweep_failed_at"]
        return self._update(pk, columns), [
            self._rows("enrollment_applicationtimelineentry", "subject_id", pk, "transition = 'accept'"),
            self._rows("workflow_clockentry", "subject_id", pk),
            self._rows("enrollment_checkresult", "application_id", pk),
        ]

    def _update(self, pk: uuid.UUID, columns: list[str]) -> tuple[list[str], list[Any]]:
        _table, _names, rows = self._rows("enrollment_application", "id", pk, columns=columns)
        return columns, list(rows[0])

    def _rows(
        self,
        table: str,
        column: str,
        value: Any,
        condition: str = "true",
        *,
        operator: str = "=",
        columns: list[str] | None = None,
    ) -> tuple[str, list[str], list[Any]]:
        from django.db import connection
        from psycopg2.extras import Json

        with connection.cursor() as cursor:
            if columns is None:
                cursor.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'",
                    [table],
                )
                columns = [f'"{name}"' for (name,) in cursor.fetchall()]
            cursor.execute(
                f"SELECT {', '.join(columns)} FROM {table} WHERE {column} {operator} %s AND {condition}",
                [value],
            )
            names = {one.name: one.type_code for one in cursor.cursor.description}
            rows = [
                [
                    Json(item) if names[name.strip('"')] == 3802 and not isinstance(item, str) else item
                    for name, item in zip(columns, row, strict=True)
                ]
                for row in cursor.fetchall()
            ]
        return table, columns, rows


if __name__ == "__main__":
    main()
