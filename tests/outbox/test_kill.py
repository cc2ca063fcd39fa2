import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal.outbox.models import Message, MessageState
from portal.outbox.services import MessageDraft, enqueue_many
from tests.outbox.gateway import Gateway, serve

if TYPE_CHECKING:
    from tests.harness.portals import LivePortal

SCRIPT = Path(__file__).with_name("drain_process.py")
pytestmark = [pytest.mark.processes, pytest.mark.both_databases]


def start(portal: "LivePortal", gateway: Gateway, kind: str = "") -> subprocess.Popen[bytes]:
    """Starts a drain and waits until it is about to look for work."""
    kind = kind or ("dedupes" if gateway.dedupes else "plain")
    process = subprocess.Popen(
        [sys.executable, SCRIPT, gateway.url, kind],
        env={**os.environ, **portal.environment},
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


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
            kill(process)
        with portal.orm():
            caught += Message.objects.filter(state=MessageState.SENDING).count()
    gateway.refuse_share = gateway.hold_share = 0.0
    drains = [start(portal, gateway) for _number in range(2)]
    try:
        portal.wait_until(lambda: not unfinished(portal), what="every message settled", seconds=90)
    finally:
        for process in drains:
            kill(process)
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
    gateway = run(fresh_portal, dedupes=True, count=150, rounds=6, longest_life=0.4)
    assert {len(texts) for texts in gateway.accepted.values()} == {1}
    assert len(gateway.accepted) == 150


def test_killed_drains_ask_a_provider_that_does_not_dedupe(fresh_portal: "LivePortal") -> None:
    """REL-K5: unknown fates are asked about; nothing is lost, and nothing is sent twice blindly."""
    gateway = run(fresh_portal, dedupes=False, count=150, rounds=6, longest_life=0.4)
    assert len(gateway.accepted) == 150
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
                kill(process)
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


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("dedupes", [True, False])
def test_600_messages_survive_forty_seconds_of_kills(fresh_portal: "LivePortal", dedupes: bool) -> None:
    """REL-K5 in full."""
    gateway = run(fresh_portal, dedupes=dedupes, count=600, rounds=30, longest_life=1.0)
    assert len(gateway.accepted) == 600
    assert {len(texts) for texts in gateway.accepted.values()} == {1}
