"""Limits hold over processes."""

from functools import partial

import pytest

from tests.harness.forked import Forked
from tests.limits import taker

PROCESSES, TRIES, CAPACITY = 4, 60, 100


@pytest.mark.processes
@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_four_processes_take_no_more_than_there_is() -> None:
    """REL-S3: 240 tries at once for 100 tokens."""
    takers = [Forked(partial(taker.run, "race", CAPACITY, TRIES)) for _ in range(PROCESSES)]
    for one in takers:
        assert one.answer() == "ready"
    for one in takers:
        one.tell("go")
    got = [int(one.answer()) for one in takers]
    assert [one.wait() for one in takers] == [0] * PROCESSES
    assert sum(got) == CAPACITY
