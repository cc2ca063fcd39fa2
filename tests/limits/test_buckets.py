"""Token buckets: what they hold, when they fill, what people read."""

import datetime
import time

import pytest
import time_machine
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import Settings

from portal.limits import RateLimited, forget_idle, give_back, take
from portal.limits.addresses import client_address, client_network
from portal.limits.middleware import RateLimitMiddleware
from portal.limits.models import TokenBucket

START = datetime.datetime(2026, 11, 21, 1, 0, tzinfo=datetime.UTC)


def tries(count: int, key: str = "k", **limit: int) -> int:
    got = 0
    for _ in range(count):
        try:
            take(key, **limit)
        except RateLimited:
            continue
        got += 1
    return got


def test_bucket_holds_its_capacity_and_fills_evenly(db: None) -> None:
    """J6: five an hour is one each twelve minutes after five at once."""
    with time_machine.travel(START, tick=False) as clock:
        assert tries(9, capacity=5, seconds=3600) == 5
        clock.shift(719)
        assert tries(3, capacity=5, seconds=3600) == 0
        clock.shift(1)
        assert tries(3, capacity=5, seconds=3600) == 1
        clock.shift(86_400)
        assert tries(9, capacity=5, seconds=3600) == 5


def test_waiting_time_is_told_to_the_second_and_true(db: None) -> None:
    """J6, UX-E10: waiting exactly that long is enough."""
    with time_machine.travel(START, tick=False) as clock:
        assert tries(5, capacity=5, seconds=3600) == 5
        clock.shift(100)
        with pytest.raises(RateLimited) as refused:
            take("k", capacity=5, seconds=3600)
        assert refused.value.retry_after_seconds == 620
        clock.shift(620)
        take("k", capacity=5, seconds=3600)


def test_keys_do_not_share(db: None) -> None:
    """J6."""
    assert tries(2, "a", capacity=1, seconds=60) == 1
    assert tries(2, "b", capacity=1, seconds=60) == 1


def test_clock_set_back_neither_fills_nor_empties(db: None) -> None:
    """REL-C in spirit: time going backwards is not waiting."""
    with time_machine.travel(START, tick=False) as clock:
        assert tries(3, capacity=5, seconds=3600) == 3
        clock.shift(-3600)
        assert tries(9, capacity=5, seconds=3600) == 2


def test_failures_that_did_not_happen_are_given_back(db: None) -> None:
    """J6: and never more than the bucket holds."""
    for _ in range(20):
        take("k", capacity=2, seconds=86_400)
        give_back("k", capacity=2)
    give_back("k", capacity=2)
    assert tries(5, capacity=2, seconds=86_400) == 2


def test_dear_things_cost_more(db: None) -> None:
    """RELIABILITY §4.2."""
    take("k", capacity=10, seconds=3600, cost=8)
    with pytest.raises(RateLimited) as refused:
        take("k", capacity=10, seconds=3600, cost=8)
    assert 2100 <= refused.value.retry_after_seconds <= 2160


def test_table_holds_no_personal_data(db: None) -> None:
    """REL-S7."""
    take("sign-in.phone:19900000001", capacity=1, seconds=60)
    assert "19900000001" not in str(TokenBucket.objects.values_list())


def test_idle_buckets_are_forgotten(db: None) -> None:
    """Retention: nothing is kept that every limit would treat as full."""
    with time_machine.travel(START, tick=False) as clock:
        take("old", capacity=1, seconds=60)
        clock.shift(2 * 86_400)
        take("new", capacity=1, seconds=60)
        assert forget_idle() == 0
        clock.shift(1)
        assert forget_idle() == 1
        assert tries(1, "new", capacity=1, seconds=86_400 * 3) == 0


class RandomTimes(TestCase):
    """Properties over any sequence of tries and pauses."""

    @given(st.lists(st.integers(min_value=0, max_value=500), max_size=30))
    def test_no_window_holds_more_than_burst_and_refill(self, pauses: list[int]) -> None:
        """J6: within t seconds at most capacity + t × rate are taken."""
        TokenBucket.objects.all().delete()
        with time_machine.travel(START, tick=False) as clock:
            begun, got = time.time(), 0
            for pause in pauses:
                clock.shift(pause)
                got += tries(1, capacity=3, seconds=600)
            assert got <= 3 + (time.time() - begun) * 3 / 600 + 1e-6


def test_page_says_how_long_to_wait(rf: RequestFactory, db: None) -> None:
    """UX-E10, D1: 429 with Retry-After and the time in words; other errors are not touched."""
    middleware = RateLimitMiddleware(lambda request: HttpResponse())
    request = rf.get("/")
    answer = middleware.process_exception(request, RateLimited(125))
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (429, "125")
    assert middleware.process_exception(request, ValueError()) is None


def test_addresses_behind_a_proxy(rf: RequestFactory, settings: Settings) -> None:
    """REL-H1: what a browser writes into the header itself counts for nothing."""
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", headers={"x-forwarded-for": "6.6.6.6, 203.0.113.9"})
    assert client_address(request) == "10.0.0.1"
    settings.BEHIND_PROXY = True
    assert client_address(request) == "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("", "unknown"),
    ],
)
def test_networks(rf: RequestFactory, address: str, network: str) -> None:
    """RELIABILITY §4.2: village halls share one address, bot farms a network."""
    assert client_network(rf.get("/", REMOTE_ADDR=address)) == network
