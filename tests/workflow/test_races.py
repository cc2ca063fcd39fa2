"""Races between real processes, on PostgreSQL and on SQLite, each with the twin that shows the race exists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.harness import services
from tests.harness.soak import SECONDS, many

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = many(12, 200)
KILLS = many(5, 20, "kills")
SWEPT = many(300, 6_000, "rows for three sweepers")

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a PostgreSQL server without a database name."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given.rsplit("/", 1)[0]
        return
    with services.postgresql() as made:
        yield made.url


@pytest.fixture(params=["postgresql", "sqlite"])
def race(request: pytest.FixtureRequest, tmp_path: Path):
    """Run one race in processes of its own on an empty database."""
    environment = {**os.environ, "CANBAO_VAR_DIR": str(tmp_path), "CANBAO_STATEMENT_SECONDS": "30"}
    environment.pop("DATABASE_URL", None)
    name = f"race_{os.getpid()}"
    if request.param == "postgresql":
        server = psycopg2.connect(f"{request.getfixturevalue('cluster')}/postgres")
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        environment["DATABASE_URL"] = f"{request.getfixturevalue('cluster')}/{name}"

    def run(mode: str, number: int) -> dict[str, int]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.workflow.racer", mode, str(number)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    yield run
    if request.param == "postgresql":
        with server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.close()


def decide(race, rounds):
    found = race("decide", rounds)
    assert (found["both"], found["none"], found["one"]) == (0, 0, rounds)
    assert found["entries"] == rounds


def expire(race, rounds):
    found = race("expire", rounds)
    assert found["both"] == 0
    assert found["entries"] == rounds
    assert found["still_open"] == 0


def sweepers(race, rows):
    found = race("sweepers", rows)
    assert (found["moved"], found["entries"], found["subjects"], found["left"]) == (rows, rows, rows, 0)
    assert found["clocks"] == rows * 2


def kill(race, rounds):
    found = race("kill", rounds)
    assert found["killed"] > 0
    assert found["whole_before"]
    assert (found["entries"], found["subjects"], found["left"]) == (found["rows"], found["rows"], 0)
    assert found["clocks"] == found["rows"] * 2


def test_two_clerks_decide_one_case_and_exactly_one_wins(race):
    """REL-R1, N18, B3."""
    decide(race, ROUNDS)


def test_negative_twin_both_clerks_win_when_the_state_is_read_checked_and_saved(race):
    """REL-R1: the race is real, so the test above means something."""
    assert race("naive", ROUNDS)["both"] > 0


def test_clerk_and_sweep_in_the_same_instant_give_one_outcome(race):
    """REL-R3."""
    expire(race, ROUNDS)


def test_three_sweepers_move_every_row_once(race):
    """REL-K8: two beats, or three."""
    sweepers(race, SWEPT)


def test_kill_in_the_middle_of_a_sweep_leaves_all_or_nothing(race):
    """REL-K1: history, deadline and clock rows of a batch come together or not at all."""
    kill(race, KILLS)


def test_row_that_kills_its_worker_stops_nobody_else(race):
    """REL-K13: two deaths, the batch and the row, then it is set aside and everything else has moved."""
    found = race("poison", 12)
    assert found["deaths"] == 2
    assert (found["attempts"], found["bad_moved"], found["left"]) == (1, False, 1)
    assert found["entries"] == found["subjects"] == 11


@pytest.mark.parametrize("race", ["postgresql"], indirect=True)
def test_entry_that_becomes_visible_late_is_sealed_with_the_others(race):
    """REL-A4: on PostgreSQL a higher id may commit before a lower one; nothing is sealed over the gap."""
    assert race("late", 0) == {"before": 0, "after": 2, "broken": False}


@pytest.mark.parametrize("race", ["postgresql"], indirect=True)
def test_negative_twin_sealing_what_is_visible_breaks_the_seal(race):
    """REL-A4: the gap is real."""
    assert race("late", 1)["broken"] is True
