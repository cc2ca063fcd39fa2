"""M1: every address, every role, every method, against the one table."""

import logging

import pytest
from django.http import HttpResponse

from portal.people.actors import Role
from tests.access.addresses import METHODS, address, key_of, patterns
from tests.access.matrix import LETTERS, PUBLIC, TABLE
from tests.access.world import ROLES, World, unchanged

pytestmark = pytest.mark.django_db
FOUND = dict(patterns())


@pytest.fixture
def bare_refusals(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Answers refusals without drawing their page; `test_headers` and `test_scopes` read the pages."""
    caplog.set_level(logging.CRITICAL, "django.request")
    monkeypatch.setattr("portal.errors._answer", lambda request, template, status: HttpResponse(status=status))


def test_the_table_names_every_address_and_no_other() -> None:
    """M1: a page that nobody entered into the table fails the run, as does an entry without its page."""
    assert sorted(TABLE) == sorted(FOUND)


def test_every_address_that_names_a_row_has_a_thing() -> None:
    """M2: no page about one row escapes the comparison with what does not exist."""
    assert [name for name, pattern in FOUND.items() if bool(key_of(pattern)) != bool(TABLE[name].thing)] == []


def test_pages_that_are_open_to_visitors_are_those_of_the_table() -> None:
    """RELIABILITY §4.1: deny by default; whoever opens a page to the world writes it down."""
    opened = {name for name, pattern in FOUND.items() if not getattr(pattern.callback, "login_required", True)}
    assert opened == {name for name, row in TABLE.items() if row.roles == PUBLIC}


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.usefixtures("bare_refusals")
def test_every_role_gets_what_the_table_says(name: str, all_things: World) -> None:
    """M1, J5: nine roles and visitors by five methods; what a request changed is taken back."""
    row, pattern = TABLE[name], FOUND[name]
    thing = all_things.things[row.thing] if row.thing else None
    url = address(name, pattern, row, all_things)
    wrong = []
    for role in (None, *ROLES):
        person = all_things.person(role, thing) if role else None
        for method in METHODS:
            client = all_things.client(person)
            if method == "POST":
                with unchanged():
                    answer = client.post(url)
            else:
                answer = client.generic(method, url)
            expected = row.expected(role, method)
            if answer.status_code != expected:
                wrong.append(f"{method} {role or 'visitor'}: {answer.status_code}, the table says {expected}")
            if answer.status_code == 302 and role is None and not row.is_public:
                assert "/sign-in/?next=" in answer["Location"]
    assert not wrong, "\n".join([name, *wrong])


def test_letters_are_the_nine_roles() -> None:
    """M1: no role is forgotten."""
    assert set(LETTERS.values()) == set(ROLES)
    assert set(ROLES) == set(Role) - {Role.SYSTEM, Role.ANONYMOUS}


@pytest.mark.parametrize("role", ROLES)
def test_the_django_admin_opens_to_administrators_alone(role: Role, all_things: World) -> None:
    """RELIABILITY §3: AD; a superuser flag without the role opens nothing, and neither does the role without it."""
    for url in ("/admin/", "/admin/people/user/", "/admin/people/user/add/"):
        with unchanged():
            answer = all_things.client(all_things.person(role)).get(url)
        assert answer.status_code == (200 if role == Role.ADMIN else 302), url


def test_visitors_do_not_reach_the_django_admin(all_things: World) -> None:
    """M1: they are sent to the sign-in page of staff."""
    for url in ("/admin/", "/admin/people/user/", "/admin/jsi18n/", "/admin/no-such/"):
        answer = all_things.client(None).get(url, follow=True)
        assert "sign-in/?next=" in answer.redirect_chain[-1][0]
