"""PostgreSQL goes away in the middle of work and comes back, orderly or by a crash."""

import queue
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from enrollment.models import Application, ApplicationTimelineEntry
from enrollment.states import State
from tests.faults.world import Answer, Draft, World
from tests.harness import services
from tests.harness.portals import Portals
from tests.harness.soak import many

pytestmark = pytest.mark.processes

CLIENTS = 4
PER_OUTAGE = many(8, 100, "forms an outage")
OUTAGES = [signal.SIGINT, signal.SIGQUIT] * many(1, 10, "outages of each kind")
"""A fast shutdown and an immediate one, which is a crash."""


@pytest.fixture
def cluster(django_db_blocker: Any) -> Iterator[services.PostgreSQL]:
    """A server that keeps what it has acknowledged, and that nobody else uses."""
    with django_db_blocker.unblock(), services.postgresql(durable=True) as made:
        yield made


@dataclass
class Load:
    """Clients who send forms, and send again what was refused, as people do."""

    world: World
    waiting: "queue.Queue[Draft]" = field(default_factory=queue.Queue)
    taken: list[Draft] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.is_set():
            try:
                draft = self.waiting.get(timeout=0.1)
            except queue.Empty:
                continue
            answer = self.world.submit(draft)
            if answer.status == 302:
                assert answer.location == draft.receipt
                self.taken.append(draft)
            else:
                self.refused.append(answer)
                self.waiting.put(draft)
                time.sleep(0.05)


def test_every_acknowledged_form_survives_restarts_of_the_database(
    portals: Portals, cluster: services.PostgreSQL
) -> None:
    """REL-K7: refused only within the outage, by a 503 page with Retry-After; no 302 without its row; no restart."""
    with portals.portal(cluster=cluster) as live:
        world = World(live)
        total = len(OUTAGES) * PER_OUTAGE + CLIENTS
        drafts = iter(world.drafts(total))
        live.start("web")
        web = live.child("web").process.pid
        load = Load(world)
        clients = [threading.Thread(target=load.run, daemon=True) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for how in OUTAGES:
            taken, refused = len(load.taken), len(load.refused)
            for _ in range(PER_OUTAGE):
                load.waiting.put(next(drafts))
            live.wait_until(lambda taken=taken: len(load.taken) > taken + 1, what="forms are taken")
            cluster.stop(how)
            live.wait_until(lambda refused=refused: len(load.refused) > refused + 1, what="the outage is felt")
            cluster.start()
            live.wait_until(
                lambda taken=taken: len(load.taken) == taken + PER_OUTAGE, what="everything is taken", seconds=60
            )
        after = len(load.refused)
        for draft in drafts:
            load.waiting.put(draft)
        live.wait_until(lambda: len(load.taken) == total, what="calm again")
        load.over.set()
        for client in clients:
            client.join(timeout=60)
        assert len(load.refused) == after, "refused after the outage"
        assert {answer.status for answer in load.refused} == {503}, live.logs(6000)
        assert all(int(answer.retry_after) > 0 for answer in load.refused)
        assert live.child("web").alive
        assert live.child("web").process.pid == web
        with live.orm():
            pks = [draft.pk for draft in load.taken]
            assert Application.objects.filter(pk__in=pks, state=State.SUBMITTED).count() == len(set(pks)) == len(pks)
            entries = ApplicationTimelineEntry.objects.filter(subject__in=pks, transition="submit")
            assert entries.count() == len(pks)
