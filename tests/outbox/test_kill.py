import random
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest

from portal.outbox.models import Message, MessageState
from portal.outbox.services import MessageDraft, enqueue_many
from tests.harness.forked import Forked
from tests.harness.soak import SOAK, many
from tests.outbox import drain_process
from tests.outbox.gateway import Gateway, serve

if TYPE_CHECKING:
    from tests.harness.portals import LivePortal

COUNT = many(150, 600, "messages")
ROUNDS = many(6, 30, "kills of two drains")
LONGEST_LIFE = 1.0 if SOAK else 0.4

pytestmark = [pytest.mark.processes, pytest.mark.both_databases]


def start(portal: "LivePortal", gateway: Gateway, kind: str = "") -> Forked:
    """Starts a drain and waits until it is about to look for work."""
    kind = kind or ("dedupes" if gateway.dedupes else "plain")
    with portal.orm():
        process = Forked(partial(drain_process.work, gateway.url, kind))
    assert process.answer() == "ready"
    return process


def settle(portal: "LivePortal", gateway: Gateway, rounds: int, longest_life: float) -> tuple[Counter[str], int]:
    """Kills two drains again and again at random moments, then lets two finish.

    Returns how many messages are in which state, and how many were caught in the middle of being sent.
    """
    caught = 0
    for turn in range(4 * rounds):
        if turn >= rounds and caught:
            break
        drains = [start(portal, gateway) for _number in range(2)]
        time.sleep(random.uniform(0.02, longest_life))
        for process in drains:
            process.kill()
        with portal.orm():
            caught += Message.objects.filter(state=MessageState.SENDING).count()
    gateway.refuse_share = gateway.hold_share = 0.0
    drains = [start(portal, gateway) for _number in range(2)]
    try:
        portal.wait_until(lambda: not unfinished(portal), what="every message settled", seconds=90)
    finally:
        for process in drains:
            process.kill()
    with portal.orm():
        return Counter(Message.objects.values_list("state", flat=True)), caught


def unfinished(portal: "LivePortal") -> int:
    with portal.orm():
        return Message.objects.exclude(next_try_at=None).count()


def store(portal: "LivePortal", count: int) -> None:
    with portal.orm():
        enqueue_many(
            MessageDraft(
                key=f"campaign:{number}",
                template="one_time_code",
                phone=f"199{number:08d}",
                params={"code": f"{number:06d}", "minutes": 5},
            )
            for number in range(count)
        )


def run(portal: "LivePortal", *, dedupes: bool, count: int, rounds: int, longest_life: float) -> Gateway:
    gateway = Gateway(dedupes=dedupes, hold_share=0.05, hold_seconds=1.0)
    gateway.refuse_share = 0.05
    store(portal, count)
    with serve(gateway):
        states, caught = settle(portal, gateway, rounds, longest_life)
    assert states == {MessageState.SENT: count}, states
    assert caught, "no kill met a message on its way"
    return gateway


def test_killed_drains_lose_nothing_and_double_nothing(fresh_portal: "LivePortal") -> None:
    """REL-K5: one text message per reference at a provider that dedupes."""
    gateway = run(fresh_portal, dedupes=True, count=COUNT, rounds=ROUNDS, longest_life=LONGEST_LIFE)
    assert {len(texts) for texts in gateway.accepted.values()} == {1}
    assert len(gateway.accepted) == COUNT


def test_killed_drains_ask_a_provider_that_does_not_dedupe(fresh_portal: "LivePortal") -> None:
    """REL-K5: unknown fates are asked about; nothing is lost, and nothing is sent twice blindly."""
    gateway = run(fresh_portal, dedupes=False, count=COUNT, rounds=ROUNDS, longest_life=LONGEST_LIFE)
    assert len(gateway.accepted) == COUNT
    assert {len(texts) for texts in gateway.accepted.values()} == {1}


def sent_by_two_drains(portal: "LivePortal", kind: str) -> Gateway:
    """Two drains wait for work, then 100 messages arrive at once; the gateway takes a while for each."""
    gateway = Gateway(dedupes=False, hold_share=1.0, hold_seconds=0.01)
    with serve(gateway):
        drains = [start(portal, gateway, kind) for _number in range(2)]
        try:
            store(portal, 100)
            portal.wait_until(lambda: not unfinished(portal), what="every message sent", seconds=60)
        finally:
            for process in drains:
                process.kill()
    return gateway


def test_two_drains_never_send_the_same_message(fresh_portal: "LivePortal") -> None:
    """The claim decides who sends; the gateway of this test would not notice a double."""
    gateway = sent_by_two_drains(fresh_portal, "plain")
    assert len(gateway.accepted) == 100
    assert {len(texts) for texts in gateway.accepted.values()} == {1}


def test_two_drains_without_the_claim_do_send_twice(fresh_portal: "LivePortal") -> None:
    """The negative twin: the race is real."""
    gateway = sent_by_two_drains(fresh_portal, "naive")
    assert max(len(texts) for texts in gateway.accepted.values()) > 1
