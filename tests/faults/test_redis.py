"""The broker dies, stops, or forgets everything: the resident never notices, and the worker catches up."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from enrollment.states import State
from tests.faults.world import World
from tests.harness.soak import many

pytestmark = pytest.mark.processes

DEAD_SECONDS = 2
STOPPED_SECONDS = 5


def test_a_form_is_taken_while_the_broker_is_dead(world: World) -> None:
    """REL-K3: 302 within two seconds, the receipt page is served, and the sweep moves the row after the restart."""
    live = world.live
    live.start("web")
    drafts = world.drafts(3)
    assert world.submit(drafts[0]).status == 302
    live.redis.stop(signal.SIGKILL)
    for draft in drafts[1:]:
        answer = world.submit(draft)
        assert (answer.status, answer.location) == (302, draft.receipt)
        assert answer.seconds < DEAD_SECONDS
        assert world.ask(draft.receipt, draft.session).status == 200
    live.redis.start()
    live.start("sweep", "outbox", "beat")
    world.settle()
    world.check([draft.pk for draft in drafts], "accept", State.UNDER_REVIEW, message="submitted")


def test_a_form_is_taken_while_the_broker_is_stopped(world: World) -> None:
    """REL-K4: alive but silent: the answer comes within five seconds and is no fault; the log has a warning."""
    live = world.live
    live.start("web")
    drafts = world.drafts(4)
    assert world.submit(drafts[0]).status == 302
    live.redis.stop(signal.SIGSTOP)
    try:
        for draft in drafts[1:]:
            answer = world.submit(draft)
            assert (answer.status, answer.location) == (302, draft.receipt)
            assert answer.seconds < STOPPED_SECONDS
            assert world.ask(draft.receipt, draft.session).status == 200
    finally:
        live.redis.process.send_signal(signal.SIGCONT)
    assert "nudge_failed" in (live.folder / "log" / "web.log").read_text()
    live.start("sweep", "outbox")
    world.nudge("sweep", "outbox")
    world.settle()
    world.check([draft.pk for draft in drafts], "accept", State.UNDER_REVIEW, message="submitted")


def test_a_broker_that_forgets_everything_costs_nothing(world: World) -> None:
    """REL-K6: kill -9 without persistence again and again under work; the workers go on without a restart."""
    live = world.live
    live.start()
    workers = [live.child(name).process.pid for name in ("sweep", "outbox", "beat")]
    drafts = world.drafts(4 * many(3, 15, "outages of the broker"))
    for position, draft in enumerate(drafts):
        if position % 4 == 1:
            live.redis.stop(signal.SIGKILL)
        if position % 4 == 3:
            live.redis.start()
        assert world.submit(draft).status == 302
    world.settle()
    assert [live.child(name).process.pid for name in ("sweep", "outbox", "beat")] == workers
    assert all(live.child(name).alive for name in ("sweep", "outbox", "beat"))
    world.check([draft.pk for draft in drafts], "accept", State.UNDER_REVIEW, message="submitted")


def test_fifty_posts_of_one_form_at_once_lead_to_one_receipt(world: World) -> None:
    """A9, REL-I4: over HTTP, through two web processes: every answer is the same receipt, and there is one row."""
    world.live.start("web")
    (draft,) = world.drafts(1)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(world.submit, [draft] * 50))
    assert {(answer.status, answer.location) for answer in answers} == {(302, draft.receipt)}
    assert world.ask(draft.receipt, draft.session).status == 200
    world.live.start("sweep", "outbox")
    world.nudge("sweep", "outbox")
    world.settle()
    world.check([draft.pk], "accept", State.UNDER_REVIEW, message="submitted")
