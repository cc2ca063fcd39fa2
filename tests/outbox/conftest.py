"""People and providers for the tests of messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine

from portal.outbox.clock import Hours
from portal.outbox.providers import Answer, Fate, NoAnswer, Refused
from tests.outbox.gateway import Gateway, serve
from tests.people_cast import cast  # noqa: F401

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Noon of a Monday, standing still until a test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@dataclass
class ScriptedProvider:
    """Answers as the script says, then accepts; keeps what it was asked."""

    script: list[object] = field(default_factory=list)
    fates: list[object] = field(default_factory=list)
    dedupes: bool = True
    name: str = "scripted"
    quiet_hours: Hours | None = (22, 8)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def send(self, reference: str, phone: str, text: str) -> str:
        self.sent.append((reference, phone, text))
        step = self.script.pop(0) if self.script else "ok"
        if isinstance(step, Exception):
            raise step
        return f"id-{reference}"

    def query(self, reference: str) -> Answer:
        self.asked.append(reference)
        step = self.fates.pop(0) if self.fates else Fate.ACCEPTED
        if isinstance(step, Exception):
            raise step
        return Answer(step, f"id-{reference}")


REFUSED_FOR_NOW = Refused("http_429", final=False)
REFUSED_FOR_GOOD = Refused("http_400", final=True)
NO_ANSWER = NoAnswer("timeout")


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with serve(Gateway()) as running:
        yield running
