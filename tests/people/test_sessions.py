"""Sessions of residents and staff: how long, for whom, and what ends them."""

import datetime
from collections.abc import Iterator

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.people import services
from portal.people.actors import Role
from portal.people.models import StaffGrant, User
from tests.people_cast import PASSWORD, Cast, StaffGrantFactory, actor, region, sign_in

START = datetime.datetime(2026, 11, 21, 1, 0, tzinfo=datetime.UTC)
FAMILY = "/family/"
DESK = "/desk/people/"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def opens(client: Client, address: str) -> bool:
    return client.get(address).status_code == 200


def test_resident_idle_for_fifteen_minutes_is_signed_out(
    client: Client, cast: Cast, clock: time_machine.Traveller
) -> None:
    """J7, REL-S4: to the second."""
    sign_in(client, cast.zhang)
    assert opens(client, FAMILY)
    clock.shift(15 * 60 - 1)
    assert opens(client, FAMILY)
    clock.shift(15 * 60)
    answer = client.get(FAMILY)
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/family/")


def test_staff_stay_thirty_minutes(client: Client, cast: Cast, clock: time_machine.Traveller) -> None:
    """J7: session times differ for staff and residents."""
    sign_in(client, cast.clerk)
    assert opens(client, DESK)
    clock.shift(30 * 60 - 1)
    assert opens(client, DESK)
    clock.shift(30 * 60)
    answer = client.get(DESK)
    assert (answer.status_code, answer["Location"]) == (302, "/staff/sign-in/?next=/desk/people/")


def test_nobody_stays_longer_than_eight_hours(client: Client, cast: Cast, clock: time_machine.Traveller) -> None:
    """REL-S4: however busy."""
    sign_in(client, cast.zhang)
    assert opens(client, FAMILY)
    for _ in range(8 * 6 - 1):
        clock.shift(600)
        assert opens(client, FAMILY)
    clock.shift(600)
    assert not opens(client, FAMILY)


def test_one_click_keeps_the_session(client: Client, cast: Cast, clock: time_machine.Traveller) -> None:
    """J7, UX-E12: and tells scripts when it ends."""
    sign_in(client, cast.zhang)
    assert opens(client, FAMILY)
    clock.shift(13 * 60)
    answer = client.post("/session/keep/")
    assert (answer.status_code, answer["X-Session-Ends"]) == (204, "2026-11-21T01:28:00+00:00")
    assert client.post("/session/keep/", {"next": FAMILY})["Location"] == FAMILY
    clock.shift(14 * 60)
    assert opens(client, FAMILY)


def test_ended_session_is_gone_from_the_database(client: Client, cast: Cast, clock: time_machine.Traveller) -> None:
    """REL-S4: the cookie alone opens nothing."""
    sign_in(client, cast.zhang)
    client.get(FAMILY)
    key = client.cookies["sid"].value
    clock.shift(16 * 60)
    client.get(FAMILY)
    assert not Session.objects.filter(pk=key).exists()


def test_sign_out_ends_the_session_and_clears_the_browser(client: Client, cast: Cast) -> None:
    """RELIABILITY §4.1, REL-S4."""
    sign_in(client, cast.zhang)
    kept = client.cookies["sid"].value
    assert client.get("/sign-out/").status_code == 200
    assert opens(client, FAMILY)
    answer = client.post("/sign-out/")
    assert answer["Location"] == "/signed-out/"
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    thief = Client()
    thief.cookies["sid"] = kept
    assert not opens(thief, FAMILY)


def test_sign_out_everywhere_ends_every_session(cast: Cast) -> None:
    """REL-S4: whoever forgot to sign out in the village hall does it from home."""
    home, hall = Client(), Client()
    for client in (home, hall):
        sign_in(client, cast.zhang)
        assert opens(client, FAMILY)
    assert home.post("/sign-out/everywhere/").status_code == 302
    assert not opens(home, FAMILY)
    assert not opens(hall, FAMILY)
    sign_in(hall, cast.zhang)
    assert opens(hall, FAMILY)


def test_staff_are_led_back_to_their_own_door(client: Client, cast: Cast) -> None:
    """RELIABILITY §4.1."""
    sign_in(client, cast.clerk)
    answer = client.post("/staff/sign-out/")
    assert "/staff/sign-in/" in client.get(answer["Location"]).content.decode()


def test_switched_off_account_is_refused_at_once(client: Client, cast: Cast) -> None:
    """REL-S6."""
    sign_in(client, cast.clerk)
    assert opens(client, DESK)
    User.objects.filter(pk=cast.clerk.pk).update(is_active=False)
    assert client.get(DESK).status_code == 302


def test_role_taken_away_is_refused_at_the_next_request(client: Client, cast: Cast) -> None:
    """REL-R9."""
    sign_in(client, cast.clerk)
    assert opens(client, DESK)
    StaffGrant.objects.update(valid_until=datetime.date(2020, 1, 1))
    assert client.get(DESK).status_code == 302
    assert "_auth_user_id" not in client.session


def test_role_exchanged_is_refused_where_it_does_not_reach(client: Client, cast: Cast) -> None:
    """REL-R9: another role of the same account opens only its own pages."""
    sign_in(client, cast.clerk)
    StaffGrant.objects.update(role=Role.CASHIER)
    assert client.get(DESK).status_code == 403


def test_chosen_role_that_ends_does_not_fall_back_to_another(client: Client, cast: Cast) -> None:
    """REL-R9: whoever worked as a clerk is not a reviewer a moment later without saying so."""
    StaffGrantFactory(user=cast.clerk, role=Role.COUNTY_REVIEWER, region=region("450302"))
    client.post("/staff/sign-in/", {"username": "meng", "password": PASSWORD})
    assert opens(client, DESK)
    StaffGrant.objects.filter(role=Role.CLERK).update(valid_until=datetime.date(2020, 1, 1))
    assert client.get(DESK).status_code == 302


def test_grant_holds_from_its_first_to_its_last_day(client: Client, cast: Cast, clock: time_machine.Traveller) -> None:
    """RELIABILITY §4.3: role grants have dates, both included, in Shanghai."""
    cast.clerk.grants.update(valid_from=datetime.date(2026, 11, 22), valid_until=datetime.date(2026, 11, 22))
    sign_in(client, cast.clerk)
    assert client.get(DESK).status_code == 302
    clock.move_to(datetime.datetime(2026, 11, 21, 16, 0, tzinfo=datetime.UTC))
    sign_in(client, cast.clerk)
    assert opens(client, DESK)
    clock.move_to(datetime.datetime(2026, 11, 22, 16, 0, tzinfo=datetime.UTC))
    assert client.get(DESK).status_code == 302


def test_rebound_phone_ends_open_sessions(client: Client, cast: Cast) -> None:
    """RELIABILITY §4.2: whoever held the old telephone is out."""
    sign_in(client, cast.zhang)
    assert opens(client, FAMILY)
    services.bind_phone(actor(cast.clerk), cast.zhang, "19900000099", purpose="ID_CARD")
    assert client.get(FAMILY).status_code == 302


def test_signed_in_pages_are_not_stored(client: Client, cast: Cast) -> None:
    """J5: no-store."""
    sign_in(client, cast.zhang)
    assert "no-store" in client.get(FAMILY)["Cache-Control"]
    assert "no-store" in client.get("/sign-in/")["Cache-Control"]


def test_actor_costs_one_query(client: Client, cast: Cast) -> None:
    """The account, its live grants, regions and resident come in one query beside the session's."""
    sign_in(client, cast.clerk_at_home)
    client.post("/session/keep/")
    with CaptureQueriesContext(connection) as queries:
        client.post("/session/keep/")
    assert len(queries) == 2, [query["sql"][:80] for query in queries]
