"""The second factor of staff: required outside the demo, one code one time, and a way back."""

import datetime
import re
import time
from collections.abc import Iterator
from io import StringIO

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from portal.audit.models import AuditEntry
from portal.people import second_factor
from portal.people.actors import Role
from tests.people_cast import PASSWORD, Cast, StaffGrantFactory, actor, cast, region, sign_in

__all__ = ["cast"]

SIGN_IN, ASK, SET_UP = "/staff/sign-in/", "/staff/second-factor/", "/staff/second-factor/set-up/"
CODES, DESK, ADMIN = "/staff/second-factor/codes/", "/desk/people/", "/admin/"
NOON = datetime.datetime(2026, 11, 23, 4, 0, tzinfo=datetime.UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Noon, until a test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def required(settings: Settings) -> None:
    """A portal outside the demo, as far as the factor goes."""
    settings.SECOND_FACTOR_REQUIRED = True


def code_now(secret: str, steps: int = 0) -> str:
    """What an app that holds the secret shows, some half minutes from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def give_password(client: Client, username: str = "meng", address: str = DESK):
    return client.post(f"{SIGN_IN}?next={address}", {"username": username, "password": PASSWORD})


def set_up(client: Client) -> str:
    """Sets a factor up on the pages; returns its secret."""
    page = client.get(SET_UP).content.decode()
    secret = re.search(r"<strong translate=\"no\">([A-Z2-7 ]+)</strong>", page)[1].replace(" ", "")
    assert client.post(SET_UP, {"code": code_now(secret)}).status_code == 302
    return secret


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r"<li>(\d{8})</li>", client.get(CODES).content.decode())


def protected(cast: Cast, clock: time_machine.Traveller) -> tuple[str, list[str]]:
    """Gives clerk Meng a factor; returns the secret and the recovery codes."""
    assert cast.clerk
    client = Client()
    give_password(client)
    secret = set_up(client)
    codes = recovery_codes(client)
    client.post(CODES)
    client.post("/staff/sign-out/")
    clock.shift(120)
    return secret, codes


@pytest.mark.usefixtures("required", "clock")
@pytest.mark.parametrize("address", [DESK, ADMIN, "/", "/staff/role/", "/staff/password/", "/help/", "/my/", CODES])
def test_staff_without_a_factor_reach_only_its_set_up(client: Client, cast: Cast, address: str) -> None:
    """REL-S5: every other page leads there, whatever the method, and nothing is done."""
    assert cast.admin
    give_password(client, "zhao")
    for answer in (client.get(address), client.post(address), client.put(address)):
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, SET_UP)
    assert client.get("/no-such-page/").status_code == 404
    assert "zhao" not in client.get(SET_UP).content.decode()
    assert client.post("/staff/sign-out/").status_code == 302
    assert client.get(SET_UP)["Location"].startswith(SIGN_IN)


@pytest.mark.usefixtures("required")
def test_set_up_opens_the_desk_and_shows_recovery_codes_once(client: Client, cast: Cast, clock) -> None:
    """RELIABILITY §4.3: the app proves the secret, ten codes are noted, then the page that was wanted."""
    assert cast.clerk
    assert give_password(client)["Location"] == f"{SET_UP}?next=%2Fdesk%2Fpeople%2F"
    page = client.get(SET_UP)
    assert 'src="data:image/png;base64,' in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    assert client.post(SET_UP, {"code": "000000"}).context["form"].errors
    assert not Authenticator.objects.exists()
    secret = set_up(client)
    codes = recovery_codes(client)
    assert len(set(codes)) == 10
    assert client.post(f"{CODES}?next={DESK}")["Location"] == DESK
    assert client.get(DESK).status_code == 200
    assert recovery_codes(client) == []
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(code in stored for code in codes)
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "people.staff_password_given",
        "people.second_factor_set_up",
    }


@pytest.mark.usefixtures("required")
def test_password_alone_opens_nothing_and_each_code_works_once(cast: Cast, clock) -> None:
    """REL-S5, S2: the code is asked for before anything else; the same code is refused in another browser."""
    secret, _codes = protected(cast, clock)
    here, there = Client(), Client()
    for client in (here, there):
        assert give_password(client)["Location"] == f"{ASK}?next=%2Fdesk%2Fpeople%2F"
        assert client.get(DESK)["Location"].startswith(ASK)
        assert client.get(SET_UP)["Location"] == CODES
        assert client.get(CODES)["Location"].startswith(ASK)
    before = here.cookies["sid"].value
    assert here.post(f"{ASK}?next={DESK}", {"code": code_now(secret)})["Location"] == DESK
    assert here.cookies["sid"].value != before
    assert here.get(DESK).status_code == 200
    refused = there.post(ASK, {"code": code_now(secret)})
    assert (refused.status_code, bool(refused.context["form"].errors)) == (200, True)
    assert there.get(DESK)["Location"].startswith(ASK)
    entry = AuditEntry.objects.get(action="people.staff_signed_in")
    assert entry.details == {"second_factor": "totp"}
    assert AuditEntry.objects.filter(action="people.second_factor_given", outcome="refused").count() == 1


@pytest.mark.usefixtures("required")
@pytest.mark.parametrize(("steps", "status"), [(-2, 200), (-1, 302), (0, 302), (1, 302), (2, 200)])
def test_a_code_lives_for_a_minute_and_a_half(client: Client, cast: Cast, clock, steps: int, status: int) -> None:
    """RELIABILITY §4.3: one step to either side for slow fingers and wrong telephones, no more."""
    secret, _codes = protected(cast, clock)
    give_password(client)
    assert client.post(ASK, {"code": code_now(secret, steps)}).status_code == status


@pytest.mark.usefixtures("required")
def test_the_code_of_the_set_up_does_not_sign_in(client: Client, cast: Cast, clock) -> None:
    """REL-S2: what proved the app is used up."""
    assert cast.clerk
    give_password(client)
    secret = set_up(client)
    other = Client()
    give_password(other)
    assert other.post(ASK, {"code": code_now(secret)}).status_code == 200


@pytest.mark.usefixtures("required")
def test_a_recovery_code_works_once(cast: Cast, clock) -> None:
    """RELIABILITY §4.3: ten codes, each for one sign-in."""
    _secret, codes = protected(cast, clock)
    for expected in (302, 200):
        client = Client()
        give_password(client)
        assert client.post(ASK, {"code": f"{codes[3][:4]} {codes[3][4:]}"}).status_code == expected
    assert len(second_factor.recovery_codes(cast.clerk).get_unused_codes()) == 9


@pytest.mark.usefixtures("required")
def test_new_recovery_codes_replace_the_old_ones(cast: Cast, clock) -> None:
    """RELIABILITY §4.3: made against a code of the app, and never against a recovery code."""
    secret, old = protected(cast, clock)
    client = Client()
    give_password(client)
    client.post(ASK, {"code": code_now(secret)})
    assert client.post(CODES, {"code": old[0]}).context["form"].errors
    clock.shift(60)
    assert client.post(CODES, {"code": code_now(secret)})["Location"] == CODES
    assert not set(recovery_codes(client)) & set(old)
    other = Client()
    give_password(other)
    assert other.post(ASK, {"code": old[1]}).status_code == 200


@pytest.mark.usefixtures("required")
def test_the_eleventh_code_waits(cast: Cast, clock) -> None:
    """J6: ten wrong codes from any address, then one each half hour, the right one included."""
    secret, _codes = protected(cast, clock)
    for number in range(10):
        client = Client(REMOTE_ADDR=f"203.0.113.{number}")
        give_password(client)
        assert client.post(ASK, {"code": "000000"}).status_code == 200
    client = Client()
    give_password(client)
    refused = client.post(ASK, {"code": code_now(secret)})
    assert (refused.status_code, refused["Retry-After"]) == (429, "1800")
    clock.shift(1800)
    give_password(client)
    assert client.post(ASK, {"code": code_now(secret)}).status_code == 302


@pytest.mark.usefixtures("required")
@pytest.mark.parametrize("code", ["", "12345", "1234567", "１２３", "½½½½½½", "abcdef", "9" * 30, "12345\x00"])
def test_what_is_no_code_costs_no_try(client: Client, cast: Cast, clock, code: str) -> None:
    """REL-F1: a field error, never a fault."""
    protected(cast, clock)
    give_password(client)
    for _ in range(11):
        assert client.post(ASK, {"code": code}).status_code == 200


@pytest.mark.usefixtures("required")
def test_reset_ends_what_the_factor_opened(cast: Cast, clock) -> None:
    """RELIABILITY §4.3: after `reset_second_factor` open sessions lead to the set-up."""
    secret, _codes = protected(cast, clock)
    client = Client()
    give_password(client)
    client.post(ASK, {"code": code_now(secret)})
    printed = StringIO()
    call_command("reset_second_factor", "meng", stdout=printed)
    assert "meng" in printed.getvalue()
    assert client.get(DESK)["Location"].startswith(SET_UP)
    assert AuditEntry.objects.get(action="people.second_factor_reset").subject_id == str(cast.clerk.pk)
    for username in ("meng", "nobody"):
        with pytest.raises(CommandError):
            call_command("reset_second_factor", username)


@pytest.mark.usefixtures("required")
def test_a_temporary_password_is_replaced_after_the_set_up(client: Client, cast: Cast, clock) -> None:
    """RELIABILITY §4.3: first the factor, then the password, then the desk."""
    assert cast.clerk
    type(cast.clerk).objects.filter(pk=cast.clerk.pk).update(password_is_temporary=True)
    assert give_password(client)["Location"].startswith(SET_UP)
    set_up(client)
    assert len(recovery_codes(client)) == 10
    client.post(CODES)
    assert client.get(DESK)["Location"] == "/staff/password/"
    client.post("/staff/password/", {"password": "mountain river cassia flower"})
    assert client.get(DESK).status_code == 200


@pytest.mark.usefixtures("required")
def test_roles_are_chosen_after_the_code(client: Client, cast: Cast, clock) -> None:
    """RELIABILITY §4.2: the choice of role belongs to what the factor opens, and keeps it open."""
    secret, _codes = protected(cast, clock)
    cashier = StaffGrantFactory(user=cast.clerk, role=Role.CASHIER, region=region("450302"))
    give_password(client)
    assert client.post(ASK, {"code": code_now(secret)})["Location"].startswith("/staff/role/")
    assert client.post("/staff/role/", {"grant": cashier.pk}).status_code == 302
    assert client.get("/staff/password/").status_code == 200


@pytest.mark.usefixtures("clock")
def test_the_demo_asks_only_whoever_set_a_factor_up(client: Client, cast: Cast) -> None:
    """Issue 3: optional in the demo, from a page; once there it is asked for."""
    assert cast.clerk
    give_password(client)
    assert client.get(DESK).status_code == 200
    assert SET_UP in client.get("/staff/password/").content.decode()
    set_up(client)
    assert client.get(DESK).status_code == 200
    other = Client()
    assert give_password(other)["Location"].startswith(ASK)


@pytest.mark.usefixtures("required")
def test_residents_have_no_second_factor(client: Client, cast: Cast) -> None:
    """M1: their code is one already; the pages are for staff."""
    sign_in(client, cast.zhang)
    assert client.get("/my/").status_code == 200
    for address in (ASK, SET_UP, CODES):
        assert client.get(address).status_code == 403
        assert Client().get(address)["Location"].startswith(SIGN_IN)


@pytest.mark.usefixtures("required")
def test_administrators_of_the_django_admin_do_not_see_factors(client: Client, cast: Cast, clock) -> None:
    """RELIABILITY §3: no model of allauth is registered."""
    sign_in(client, cast.admin)
    assert client.get(ADMIN)["Location"].startswith(SET_UP)
    set_up(client)
    client.post(CODES)
    assert client.get(ADMIN).status_code == 200
    for model in ("mfa/authenticator", "account/emailaddress"):
        assert client.get(f"{ADMIN}{model}/").status_code == 404


def test_a_factor_is_set_up_once(cast: Cast, clock) -> None:
    """Two tabs: the second one is told that its code is not right, and changes nothing."""
    secrets = ["JBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLU"]
    second_factor.set_up(cast.clerk, actor(cast.clerk), secrets[0], code_now(secrets[0]))
    with pytest.raises(second_factor.WrongFactor):
        second_factor.set_up(cast.clerk, actor(cast.clerk), secrets[1], code_now(secrets[1]))
    assert Authenticator.objects.filter(user=cast.clerk).count() == 2
