"""Real processes that race for the same rows, on the database of their environment; prints one JSON line.

    python -m tests.workflow.racer decide|naive|expire|sweepers|kill|poison|late NUMBER

The parent makes the rows, tells its children at which instant to strike, and counts what came of it. `naive` is the
negative twin: reading, checking and saving, as many portals do, so that the race is shown to exist.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from datetime import timedelta
from functools import partial
from typing import Any

import django
import psycopg2

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from portal.audit import record, seals  # noqa: E402
from portal.audit.models import AuditEntry, SealBlock, SealMark  # noqa: E402
from portal.people.actors import SYSTEM, Actor, Role  # noqa: E402
from portal.regions.models import CalendarDay, CalendarYear, Office, PolicySnapshot, Region, RegionalHoliday  # noqa: E402
from portal.regions.models.versions import ConfigVersion  # noqa: E402
from portal.workflow import rounds  # noqa: E402
from portal.workflow.core import Batch, Workflow  # noqa: E402
from portal.workflow.errors import NotAvailable  # noqa: E402
from portal.workflow.models import ClockEntry, Heartbeat, Note, ReactionFailure  # noqa: E402
from tests.harness.forked import Forked  # noqa: E402
from tests.workflow.sample import Case, CaseEntry, SampleWorkflow, State  # noqa: E402

TABLES = [
    Region,
    Office,
    PolicySnapshot,
    ConfigVersion,
    CalendarYear,
    CalendarDay,
    RegionalHoliday,
    AuditEntry,
    SealBlock,
    SealMark,
    Note,
    ClockEntry,
    Heartbeat,
    ReactionFailure,
    Case,
    CaseEntry,
]
CLERK = Actor(Role.CLERK, user_id=1)
REVIEWER = Actor(Role.COUNTY_REVIEWER, user_id=2)
POISON = 666


def naive(pk: str, target: str) -> bool:
    """Read, check, save: right for one clerk at a time."""
    with transaction.atomic() if connection.vendor == "postgresql" else _nothing():
        case = Case.objects.get(pk=pk)
        if case.state != State.UNDER_REVIEW:
            return False
        time.sleep(0.002)
        case.state, case.due_at = target, None
        case.save()
    return True


class _nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


def strike(how: str, pk: str) -> bool:
    """One attempt at one row; says whether it won."""
    if how.startswith("naive"):
        return naive(pk, State.APPROVED if how == "naive-approve" else State.REJECTED)
    if how == "sweep":
        return bool(SampleWorkflow.escalate.sweep())
    transition = SampleWorkflow.transitions[how]
    try:
        transition.fire(Case.objects.get(pk=pk), CLERK if how == "approve" else REVIEWER, 1, note="because")
    except NotAvailable:
        return False
    return True


def child(how: str) -> None:
    """Wait for "pk instant" lines, strike at the instant, answer with 1 or 0."""
    connection.ensure_connection()
    print("ready", flush=True)
    for line in sys.stdin:
        pk, instant = line.split()
        while time.time() < float(instant):
            pass
        print(int(strike(how, pk)), flush=True)


def tables() -> None:
    with connection.schema_editor() as editor:
        for model in TABLES:
            editor.create_model(model)


def duel(first: str, second: str, rounds: int) -> dict[str, Any]:
    """Let two processes strike at one row per round."""
    children = [Forked(partial(child, how)) for how in (first, second)]
    for one in children:
        assert one.answer() == "ready"
    wins = []
    for _ in range(rounds):
        case = Case.objects.create(state=State.UNDER_REVIEW, due_at=timezone.now() - timedelta(hours=1))
        instant = time.time() + 0.02 + random.random() * 0.005
        for one in children:
            one.tell(f"{case.pk} {instant}")
        wins.append([int(one.answer()) for one in children])
        if Case.objects.get(pk=case.pk).state == State.UNDER_REVIEW:
            # A sweep on PostgreSQL passes by a row that the clerk holds, and the clerk may have been refused.
            SampleWorkflow.escalate.sweep()
    for one in children:
        one.wait()
    return {
        "rounds": rounds,
        "both": sum(1 for pair in wins if sum(pair) == 2),
        "one": sum(1 for pair in wins if sum(pair) == 1),
        "none": sum(1 for pair in wins if sum(pair) == 0),
        "first": sum(pair[0] for pair in wins),
        "entries": CaseEntry.objects.count(),
        "still_open": Case.objects.filter(state=State.UNDER_REVIEW).count(),
    }


def sweeper() -> None:
    """Sweep until nothing is due."""
    print("ready", flush=True)
    sys.stdin.readline()
    moved = 0
    while found := SampleWorkflow.accept.sweep(limit=20):
        moved += found
    print(moved, flush=True)


def make_due(count: int) -> None:
    now = timezone.now()
    Case.objects.bulk_create(
        Case(state=State.SUBMITTED, due_at=now - timedelta(minutes=n), submitted_at=now) for n in range(count)
    )


def sweepers(rows: int) -> dict[str, Any]:
    """Three sweepers at once over the same rows."""
    make_due(rows)
    children = [Forked(sweeper) for _ in range(3)]
    for one in children:
        assert one.answer() == "ready"
    for one in children:
        one.tell("go")
    moved = [int(one.answer()) for one in children]
    for one in children:
        one.wait()
    return {"rows": rows, "moved": sum(moved), **sums()}


def kill(rounds: int) -> dict[str, Any]:
    """Kill a sweeper at a random moment, again and again, then let one finish (REL-K1)."""
    rows = rounds * 400  # more than a sweeper gets done before it is killed
    make_due(rows)
    killed = 0
    for _ in range(rounds):
        one = Forked(sweeper)
        assert one.answer() == "ready"
        one.tell("go")
        time.sleep(random.random() * 0.15)
        killed += one.kill() == -signal.SIGKILL
    before = sums()
    while SampleWorkflow.accept.sweep(limit=20):
        pass
    return {"rows": rows, "killed": killed, "whole_before": before["entries"] * 2 == before["clocks"], **sums()}


def worker() -> None:
    """One tick of the real round; the process dies where it meets the poison row, as by a crash in C."""
    Workflow.registry.clear()
    Workflow.registry["sample"] = SampleWorkflow

    def die(batch: Batch) -> None:
        if batch.subjects().filter(owner=POISON).exists():
            os.kill(os.getpid(), signal.SIGKILL)

    SampleWorkflow.accept.reactions.append(die)
    rounds.run(seconds=30)


def poison(rows: int) -> dict[str, Any]:
    """Start workers one after the other until all but the row that kills them have moved (REL-K13)."""
    make_due(rows)
    bad = Case.objects.order_by("due_at")[rows // 2]
    Case.objects.filter(pk=bad.pk).update(owner=POISON)
    deaths = 0
    for _ in range(7):
        deaths += Forked(worker).wait() == -signal.SIGKILL
        left = Case.objects.filter(state=State.SUBMITTED).count()
        if left == 1:
            break
        # The dead worker's lease runs out.
        Heartbeat.objects.update(until=timezone.now())
    bad.refresh_from_db()
    return {
        "deaths": deaths,
        "attempts": bad.sweep_attempts,
        "bad_moved": bad.state != State.SUBMITTED,
        **sums(),
    }


LONGEST_OTHER_SECONDS = 120
"""Transactions of other databases of the same server, where other tests run, hold seals back too."""


def late(careless: int) -> dict[str, Any]:
    """Seal while a transaction holds an entry with a lower id; `careless` seals whatever is visible (negative twin)."""
    if careless:
        seals._settled = lambda stream, mark: AuditEntry.objects.latest("pk").pk
    other = psycopg2.connect(**connection.get_connection_params())
    with other.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditentry "
            "(at, action, actor_role, subject_label, subject_id, purpose, outcome, details) "
            "VALUES (now(), 'early', 'system', '', '', '', 'ok', '{}') RETURNING id"
        )
    record("late", SYSTEM)
    before = sum(seals.seal("audit") for _ in range(3))
    other.commit()
    other.close()
    after, patience = sum(seals.seal("audit") for _ in range(3)), time.monotonic() + LONGEST_OTHER_SECONDS
    while not careless and after < 2 and time.monotonic() < patience:
        time.sleep(0.1)
        after += sum(seals.seal("audit") for _ in range(3))
    return {"before": before, "after": after, "broken": seals.verify("audit") is not None}


def sums() -> dict[str, int]:
    return {
        "entries": CaseEntry.objects.count(),
        "subjects": CaseEntry.objects.values("subject_id").distinct().count(),
        "clocks": ClockEntry.objects.count(),
        "left": Case.objects.filter(state=State.SUBMITTED).count(),
    }


def main(mode: str, number: str) -> None:
    tables()
    count = int(number)
    races = {
        "decide": lambda: duel("approve", "reject", count),
        "naive": lambda: duel("naive-approve", "naive-reject", count),
        "expire": lambda: duel("approve", "sweep", count),
        "sweepers": lambda: sweepers(count),
        "kill": lambda: kill(count),
        "poison": lambda: poison(count),
        "late": lambda: late(count),
    }
    print(json.dumps(races[mode]()))


if __name__ == "__main__":
    main(*sys.argv[1:])
