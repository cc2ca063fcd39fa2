import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, current_app
from django.db import transaction

from portal.jobs import nudge as nudging
from portal.jobs.nudge import Breaker, nudge
from tests.harness import services

TASK = "portal.jobs.tasks.run_stalled"


@pytest.fixture(autouse=True)
def closed_breaker() -> Iterator[None]:
    nudging.breaker.reset()
    yield
    nudging.breaker.reset()


class Broker:
    """Stands in for the application: counts publishes, and fails when told to."""

    def __init__(self) -> None:
        self.published: list[tuple[str, tuple[Any, ...], str]] = []
        self.error: Exception | None = None

    def send_task(self, name: str, args: tuple[Any, ...], queue: str, **options: Any) -> None:
        if self.error:
            raise self.error
        self.published.append((name, args, queue))


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    stand_in = Broker()
    monkeypatch.setattr(nudging, "current_app", stand_in)
    return stand_in


@pytest.mark.django_db
def test_nudge_is_published_after_commit(broker: Broker, django_capture_on_commit_callbacks: Any) -> None:
    """RELIABILITY §6.3."""
    with django_capture_on_commit_callbacks(execute=True):
        nudge(TASK, "a", 1, queue="papers")
        assert broker.published == []
    assert broker.published == [(TASK, ("a", 1), "papers")]


@pytest.mark.django_db(transaction=True)
def test_nudge_called_inside_on_commit_is_published_at_once(broker: Broker) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: nudge(TASK, queue="papers"))
    assert broker.published == [(TASK, (), "papers")]


@pytest.mark.django_db(transaction=True)
def test_broker_that_fails_is_left_alone_for_half_a_minute(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """REL-K3: the request never sees it, the log does, and the next requests do not wait for it."""
    now = [1000.0]
    monkeypatch.setattr(nudging.time, "monotonic", lambda: now[0])
    broker.error = ConnectionError("redis is gone")
    nudge(TASK, queue="papers")
    assert "nudge_failed" in caplog.text
    broker.error = None
    nudge(TASK, queue="papers")
    assert broker.published == []
    now[0] += nudging.BREAKER_SECONDS
    nudge(TASK, queue="papers")
    assert len(broker.published) == 1


def test_breaker_opens_and_closes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(nudging.time, "monotonic", lambda: now[0])
    breaker = Breaker(30)
    breaker.trip()
    assert breaker.is_open
    now[0] = 30
    assert not breaker.is_open


@pytest.fixture
def redis_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Celery, services.Redis]]:
    """The application's settings on a Redis of our own."""
    with services.redis() as server:
        app = Celery("nudged", broker=server.url, set_as_current=False)
        app.conf.broker_transport_options = {
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        }
        app.conf.task_ignore_result = True
        monkeypatch.setattr(nudging, "current_app", app)
        yield app, server
        app.pool.force_close_all()


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_stopped_or_dead_redis_does_not_hold_the_request(redis_app: tuple[Celery, services.Redis]) -> None:
    """REL-K3, K4: under 5 s with a stopped broker, at once while the breaker is open, under 2 s with a dead one."""
    _app, server = redis_app
    nudge(TASK, queue="papers")
    assert not nudging.breaker.is_open
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        assert seconds_of_a_nudge() < 5
        assert nudging.breaker.is_open
        assert seconds_of_a_nudge() < 0.05
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    nudging.breaker.reset()
    server.stop(signal.SIGKILL)
    assert seconds_of_a_nudge() < 2
    assert nudging.breaker.is_open
    nudging.breaker.reset()
    server.start()
    nudge(TASK, queue="papers")
    assert not nudging.breaker.is_open, "works again at once after a restart"


def seconds_of_a_nudge() -> float:
    started = time.monotonic()
    nudge(TASK, queue="papers")
    return time.monotonic() - started


@pytest.mark.django_db(transaction=True)
def test_file_broker_takes_nudges(settings: Any) -> None:
    """The embedded broker of the default settings."""
    if not settings.CELERY_BROKER_URL.startswith("canbao-files"):
        nudging.breaker.trip()
    nudge(TASK, queue="papers")
    assert current_app.conf.task_ignore_result
