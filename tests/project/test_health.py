"""Whether a process lives, and whether the portal can do its work."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from portal import health


@pytest.fixture
def age(monkeypatch: pytest.MonkeyPatch):
    """Sets how long ago the last sweep was."""

    def set_age(seconds: float | None) -> None:
        monkeypatch.setattr(health, "sweep_age", lambda: seconds)
        monkeypatch.setattr(health, "oldest_due", lambda: None)

    set_age(12.0)
    return set_age


@pytest.mark.django_db
def test_a_working_portal_is_ready(client: Client, age) -> None:
    """REL §6.3: database, migrations, storage and sweep are in order."""
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"]
    assert set(answer.json()["checks"].values()) == {"ok"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "no sweep yet"), (181, "181 seconds old"), (-6, "in the future")],
)
def test_a_silent_or_future_sweep_makes_the_portal_unready(client: Client, age, seconds, words) -> None:
    """K14, REL finding 11: after the clock went back beat is silent, and somebody must notice."""
    age(seconds)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert words in answer.json()["checks"]["sweep"]


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [-4.9, 0, 179])
def test_a_sweep_within_its_limits_is_in_order(client: Client, age, seconds) -> None:
    """REL §6.3: between −5 and 180 seconds."""
    age(seconds)
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("minutes", "status"), [(4, 200), (6, 503)])
def test_what_the_sweep_leaves_waiting_makes_the_portal_unready(
    client: Client, age, monkeypatch, minutes, status
) -> None:
    """REL §6.3: a sweep that runs and does not keep up is a fault too."""
    oldest = timezone.now() - timedelta(minutes=minutes)
    monkeypatch.setattr(health, "oldest_due", lambda: oldest)
    assert client.get("/readyz").status_code == status


@pytest.mark.django_db
def test_a_missing_database_is_named_without_details(client: Client, age, monkeypatch) -> None:
    """K7: the answer says which part fails and nothing about addresses or accounts."""

    def broken() -> str:
        raise OperationalError("could not connect to server at 10.0.0.7 as canbao")

    monkeypatch.setitem(health.CHECKS, "database", broken)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "OperationalError"
    assert "10.0.0.7" not in answer.text


def test_a_process_that_answers_is_alive(client: Client) -> None:
    """REL §6.3: liveness asks for nothing else, not even the database."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_health_addresses_take_no_other_method(client: Client, path: str) -> None:
    """M1: they read and nothing else."""
    assert client.post(path).status_code == 405
