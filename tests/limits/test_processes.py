"""Limits hold over processes, on both databases."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.services import postgresql

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, TRIES, CAPACITY = 4, 60, 100


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A database of its own with the table of buckets."""
    variables = {**os.environ, "CANBAO_VAR_DIR": str(tmp_path), "DATABASE_URL": ""}
    if request.param == "sqlite":
        yield _migrated(variables)
        return
    with postgresql() as cluster:
        yield _migrated({**variables, "DATABASE_URL": f"{cluster.url}/postgres"})


def _migrated(variables: dict[str, str]) -> dict[str, str]:
    words = [sys.executable, "manage.py", "migrate", "limits", "--skip-checks", "-v", "0"]
    subprocess.run(words, cwd=ROOT, env=variables, check=True)
    return variables


@pytest.mark.processes
def test_four_processes_take_no_more_than_there_is(environment: dict[str, str]) -> None:
    """REL-S3: 240 tries at once for 100 tokens."""
    words = [sys.executable, "-m", "tests.limits.taker", "race", str(CAPACITY), str(TRIES)]
    takers = [
        subprocess.Popen(words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    got = [int(taker.communicate("go\n", timeout=120)[0]) for taker in takers]
    assert sum(got) == CAPACITY
