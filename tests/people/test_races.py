"""Sign-in under races, with real processes on the database of this run."""

from collections.abc import Callable
from functools import partial

import pytest

from portal.people import codes
from portal.people.identity import parse_identity_number
from portal.people.models import Resident, SignInCode
from tests.harness.forked import Forked
from tests.harness.portals import LivePortal
from tests.people import racer
from tests.people_cast import identity_number

PROCESSES = 4
NUMBER = identity_number("450302", "19851010", "F", serial=1)


def race(deed: Callable[..., str], *words: str) -> list[str]:
    """Lets all processes do the same thing at once and returns what each printed; call it within `orm()`."""
    racers = [Forked(partial(racer.run, deed, *words)) for _ in range(PROCESSES)]
    for one in racers:
        assert one.answer() == "ready"
    for one in racers:
        one.tell("go")
    said = [one.answer() for one in racers]
    assert [one.wait() for one in racers] == [0] * PROCESSES
    return said


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
            assert sorted(race(racer.redeem, str(code.pk), digits, "key")) == ["over", "over", "over", "won"]


@pytest.mark.processes
@pytest.mark.both_databases
def test_eighty_guesses_at_once_are_five(fresh_portal: LivePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """REL-S2: a sixth comparison cannot be bought by speed, and the right code is dead afterwards."""
    with fresh_portal.orm():
        code, digits = issue(monkeypatch)
        wrong = f"{(int(digits) + 1) % 1_000_000:06d}"
        assert sum(map(int, race(racer.guess, str(code.pk), wrong, "key"))) == codes.MOST_TRIES
        with pytest.raises(codes.CodeOver):
            codes.redeem(code.pk, digits, session_key="key")


@pytest.mark.processes
@pytest.mark.both_databases
def test_one_number_is_registered_once(fresh_portal: LivePortal) -> None:
    """REL-R: unique by keyed index, and the others are told."""
    with fresh_portal.orm():
        assert sorted(race(racer.register, NUMBER, "张三")) == ["known", "known", "known", "won"]
        assert Resident.objects.by_identity_number(NUMBER).count() == 1
