"""Sign-in takes the same time for people on file and for people who are not."""

import math
import random
import statistics
import time

import pytest
from django.test import Client
from pytest_django import Settings

from portal.people import codes
from tests.people_cast import ResidentFactory, next_identity_number

COUNT = 200


def seconds_of(number: str, phone: str, position: int) -> float:
    client = Client(REMOTE_ADDR=f"10.{position // 200}.{position % 200}.1")
    begun = time.perf_counter()
    answer = client.post("/sign-in/", {"name": "测试", "identity_number": number, "phone": phone})
    taken = time.perf_counter() - begun
    assert answer.status_code == 302
    return taken


def farthest_gap(first: list[float], second: list[float]) -> float:
    """Returns the Kolmogorov-Smirnov distance of two samples."""
    both = sorted(first + second)
    return max(
        abs(sum(x <= limit for x in first) / len(first) - sum(x <= limit for x in second) / len(second))
        for limit in both
    )


@pytest.mark.soak
def test_times_of_known_and_unknown_cannot_be_told_apart(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REL-S1: 200 known against 200 unknown; medians within 10 ms, distributions alike (p > 0.01)."""
    settings.SIGN_IN_FLOOR_SECONDS = 0.4
    settings.SIGN_IN_CODES_PER_HOUR = 10 * COUNT
    monkeypatch.setattr(codes, "senders", [lambda **_: None])
    residents = [ResidentFactory(home_region=None) for _ in range(COUNT)]
    people = [(True, resident.identity_number, resident.phone) for resident in residents]
    people += [(False, next_identity_number("450305"), f"198{position:08d}") for position in range(COUNT)]
    random.shuffle(people)
    taken: dict[bool, list[float]] = {True: [], False: []}
    for position, (is_known, number, phone) in enumerate(people):
        taken[is_known].append(seconds_of(number, phone, position))
    known, unknown = taken[True], taken[False]
    assert abs(statistics.median(known) - statistics.median(unknown)) < 0.010
    critical = 1.628 * math.sqrt(2 / COUNT)  # of the two-sample test at 0.01
    assert farthest_gap(known, unknown) < critical
