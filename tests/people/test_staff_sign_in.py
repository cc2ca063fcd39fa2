"""Staff sign in by username and password, choose a role, and replace a temporary password."""

import datetime
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from portal.audit.models import AuditEntry
from portal.people.actors import Role
from portal.people.models import StaffGrant, User
from portal.people.services import account_of
from tests.people_cast import PASSWORD, Cast, StaffGrantFactory, UserFactory, region, sign_in

SIGN_IN = "/staff/sign-in/"
DESK = "/desk/people/"
NEUTRAL = "用户名或密码不正确。"


def try_password(client: Client, username: str, password: str, **query: str):
    return client.post(
        SIGN_IN + ("?next=" + query["next"] if query else ""), {"username": username, "password": password}
    )


def test_clerk_signs_in_under_a_new_session(client: Client, cast: Cast) -> None:
    """REL-S4, RELIABILITY §4.3; the sign-in is recorded."""
    assert cast.clerk
    client.get(SIGN_IN)
    answer = try_password(client, "meng", PASSWORD, next=DESK)
    assert (answer.status_code, answer["Location"]) == (302, DESK)
    assert client.get(DESK).status_code == 200
    entry = AuditEntry.objects.get(action="people.staff_signed_in")
    assert (entry.actor_user_id, entry.actor_role) == (cast.clerk.pk, "clerk")


def test_every_failure_reads_the_same(client: Client, cast: Cast) -> None:
    """REL-S1: unknown name, wrong password, switched off, no role, a resident's account."""
    assert cast.clerk
    UserFactory(username="off", password=PASSWORD, is_active=False)
    UserFactory(username="norole", password=PASSWORD)
    resident = account_of(cast.zhang).username
    for username, password in [
        ("nobody", PASSWORD),
        ("meng", "wrong"),
        ("off", PASSWORD),
        ("norole", PASSWORD),
        (resident, PASSWORD),
    ]:
        answer = try_password(client, username, password)
        assert answer.status_code == 200
        assert answer.context["form"].non_field_errors() == [NEUTRAL]
        assert f'value="{password}"' not in answer.content.decode()
    assert client.get(DESK).status_code == 302
    refused = AuditEntry.objects.filter(action="people.staff_signed_in", outcome="refused")
    assert refused.count() == 5
    assert refused.filter(subject_id=str(cast.clerk.pk)).count() == 1


def test_eleventh_try_waits_half_an_hour(cast: Cast) -> None:
    """J6: per account from any address; the right password has to wait too, and then works."""
    assert cast.clerk
    with time_machine.travel(datetime.datetime(2026, 11, 21, 1, 0, tzinfo=datetime.UTC), tick=False) as clock:
        for n in range(10):
            client = Client(REMOTE_ADDR=f"203.0.113.{n}")
            assert try_password(client, "MENG" if n % 2 else "meng", "wrong").status_code == 200
        refused = try_password(Client(), "meng", PASSWORD)
        assert (refused.status_code, refused["Retry-After"]) == (429, "1800")
        clock.shift(1800)
        assert try_password(Client(), "meng", PASSWORD).status_code == 302


def test_right_passwords_cost_nothing(cast: Cast) -> None:
    """J6: negative twin, a busy account is not locked."""
    assert cast.clerk
    for _ in range(15):
        assert try_password(Client(), "meng", PASSWORD).status_code == 302


def test_unknown_names_are_counted_alike(db: None) -> None:
    """REL-S1: the limit does not tell which names exist."""
    answers = [try_password(Client(), "nobody", "wrong").status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_several_roles_are_worked_in_one_at_a_time(client: Client, cast: Cast) -> None:
    """RELIABILITY §4.2: new session id at a change of role; only one's own live roles."""
    cashier = StaffGrantFactory(user=cast.clerk, role=Role.CASHIER, region=region("450302"))
    foreign = StaffGrantFactory(role=Role.COUNTY_REVIEWER, region=region("450302"))
    assert try_password(client, "meng", PASSWORD)["Location"] == "/staff/role/"
    assert client.get(DESK).status_code == 200
    before = client.cookies["sid"].value
    assert "收费员" in client.get("/staff/role/").content.decode()
    assert client.post("/staff/role/", {"grant": cashier.pk}).status_code == 302
    assert client.cookies["sid"].value != before
    assert client.get(DESK).status_code == 403
    for wrong in (foreign.pk, "", "x", "-1", 2**63, "２", "²"):
        assert client.post("/staff/role/", {"grant": wrong}).status_code == 404


def test_first_administrator_is_made_on_the_command_line(client: Client, db: None) -> None:
    """RELIABILITY §4.3: the printed password works once, for choosing another."""
    region("450300")
    printed = StringIO()
    call_command("create_staff", "first", "--name", "赵雅", "--role", "admin", "--region", "450300", stdout=printed)
    password = printed.getvalue().split()[-1]
    try_password(client, "first", password)
    assert client.get("/admin/")["Location"] == "/staff/password/"
    assert client.get("/staff/role/")["Location"] == "/staff/password/"
    weak = client.post("/staff/password/", {"password": "123456"})
    assert weak.status_code == 200
    assert weak.context["form"].errors["password"]
    assert client.post("/staff/password/", {"password": password}).status_code == 200
    assert client.post("/staff/password/", {"password": "mountain river cassia flower"}).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert try_password(Client(), "first", password).status_code == 200


def test_password_change_ends_other_sessions(cast: Cast) -> None:
    """REL-S4."""
    here, there = Client(), Client()
    assert cast.clerk
    for client in (here, there):
        try_password(client, "meng", PASSWORD)
    here.post("/staff/password/", {"password": "mountain river cassia flower"})
    assert here.get(DESK).status_code == 200
    assert there.get(DESK).status_code == 302


@pytest.mark.parametrize(
    "words",
    [
        ["meng", "--role", "admin", "--region", "450300"],
        ["new", "--role", "admin", "--region", "999999"],
        ["new", "--role", "clerk", "--region", "450300", "--office", "nowhere"],
    ],
)
def test_command_refuses_what_it_cannot_do(cast: Cast, words: list[str]) -> None:
    """Plain messages, and nothing half made."""
    assert cast.clerk
    with pytest.raises(CommandError):
        call_command("create_staff", *words)
    assert not User.objects.filter(username="new").exists()


def test_django_admin_needs_the_role_and_the_flag(client: Client, cast: Cast) -> None:
    """RELIABILITY §3: AD only; residents and cases are not registered."""
    sign_in(client, cast.admin)
    page = client.get("/admin/")
    assert page.status_code == 200
    assert "resident" not in page.content.decode().lower().replace("residents&#x27; medical insurance", "")
    sign_in(client, cast.second_admin)
    assert client.get("/admin/")["Location"].startswith("/staff/sign-in/") or client.get("/admin/").status_code == 302
    sign_in(client, cast.admin)
    StaffGrant.objects.filter(user=cast.admin).update(role=Role.AUDITOR)
    assert client.get("/admin/").status_code == 302


def test_admin_grants_roles_to_others_and_never_to_oneself(client: Client, cast: Cast) -> None:
    """RELIABILITY §4.9: with who, from when and why, recorded."""
    sign_in(client, cast.admin)
    colleague = UserFactory(username="new")
    page = client.get(f"/admin/people/user/{colleague.pk}/change/")
    assert page.status_code == 200
    form = {
        "username": "new",
        "display_name": "新人",
        "is_active": "on",
        "own_identity_number": cast.li.identity_number,
        "grants-TOTAL_FORMS": "1",
        "grants-INITIAL_FORMS": "0",
        "grants-0-role": "clerk",
        "grants-0-region": region("450302001").pk,
        "grants-0-valid_from": "2026-11-21",
        "grants-0-reason": "new colleague",
    }
    answer = client.post(f"/admin/people/user/{colleague.pk}/change/", form)
    assert answer.status_code == 302, answer.context["errors"]
    grant = StaffGrant.objects.get(user=colleague)
    assert (grant.granted_by, grant.role) == (cast.admin, "clerk")
    colleague.refresh_from_db()
    assert colleague.own_resident_id == cast.li.pk
    assert AuditEntry.objects.filter(action="people.role_granted", purpose="new colleague").exists()
    own = client.get(f"/admin/people/user/{cast.admin.pk}/change/")
    assert "grants-0-role" not in own.content.decode()
