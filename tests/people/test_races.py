"""Sign-in under races, with real processes on the database of this run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.people import codes
from portal.people.identity import parse_identity_number
from portal.people.models import Resident, SignInCode
from tests.harness.portals import LivePortal
from tests.people_cast import identity_number

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 4
NUMBER = identity_number("450302", "19851010", "F", serial=1)


def race(portal: LivePortal, *words: str) -> list[str]:
    """Lets all processes do the same thing at once and returns what each printed."""
    command = [sys.executable, "-m", "tests.people.racer", *words]
    racers = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **portal.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    return [racer.communicate(timeout=120)[0].strip() for racer in racers]


def issue(monkeypatch: pytest.MonkeyPatch) -> tuple[SignInCode, str]:
    sent: list[str] = []
    monkeypatch.setattr(codes, "senders", [lambda **message: sent.append(message["code"])])
    code = codes.issue(
        number=parse_identity_number(NUMBER), name="张三", phone="19900000077", session_key="key", language="zh-hans"
    )
    return code, sent[0]


@pytest.mark.processes
@pytest.mark.both_databases
def test_one_of_four_uses_the_code(fresh_portal: LivePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """REL-S2: single use by conditional update."""
    with fresh_portal.orm():
        for _ in range(3):
            code, digits = issue(monkeypatch)
            assert sorted(race(fresh_portal, "redeem", str(code.pk), digits, "key")) == ["over", "over", "over", "won"]


@pytest.mark.processes
@pytest.mark.both_databases
def test_eighty_guesses_at_once_are_five(fresh_portal: LivePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """REL-S2: a sixth comparison cannot be bought by speed, and the right code is dead afterwards."""
    with fresh_portal.orm():
        code, digits = issue(monkeypatch)
        wrong = f"{(int(digits) + 1) % 1_000_000:06d}"
        assert sum(map(int, race(fresh_portal, "guess", str(code.pk), wrong, "key"))) == codes.MOST_TRIES
        with pytest.raises(codes.CodeOver):
            codes.redeem(code.pk, digits, session_key="key")


@pytest.mark.processes
@pytest.mark.both_databases
def test_one_number_is_registered_once(fresh_portal: LivePortal) -> None:
    """REL-R: unique by keyed index, and the others are told."""
    with fresh_portal.orm():
        assert sorted(race(fresh_portal, "register", NUMBER, "张三")) == ["known", "known", "known", "won"]
        assert Resident.objects.by_identity_number(NUMBER).count() == 1
