"""M2 to M4: what lies outside of a scope does not exist, cannot be touched, and is never named."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from pytest_django import Settings

from enrollment.models import Application
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.models import Resident, User
from portal.regions.models import Office
from portal.urls import urlpatterns as own_patterns
from tests.access.addresses import address, key_of, patterns
from tests.access.matrix import LETTERS, PUBLIC, TABLE, Row
from tests.access.world import World, unchanged

pytestmark = pytest.mark.django_db
FOUND = dict(patterns())
ABOUT_ROWS = [name for name in FOUND if TABLE[name].thing]
FORMS_ABOUT_ROWS = [name for name in ABOUT_ROWS if TABLE[name].post != 405]
FORM = "application/x-www-form-urlencoded"
CASE_APPS = ("people", "outbox", "documents", "jobs", "workflow", "payments", "enrollment", "cards")


def outsiders(row: Row, world: World) -> Iterator[Resident | User]:
    """People who hold a role of the page and in whose scope the row does not lie."""
    thing = world.things[row.thing]
    for letter, role in LETTERS.items():
        if letter not in row.roles:
            continue
        if role == Role.RESIDENT:
            yield world.strangers["guilin"]
            yield world.strangers["zhongshan"]
            continue
        yield world.elsewhere(thing.city)[role]
        if role in world.nextdoor[thing.city]:
            yield world.nextdoor[thing.city][role]


def without_traces(answer: HttpResponse, url: str) -> tuple[int, str, dict[str, str]]:
    """An answer without what differs from one request to the next: its own address, its number, form tokens."""
    text = answer.content.decode(errors="replace").replace(url, "URL").replace(quote(url, safe=""), "URL")
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
    text = text.replace(answer.headers.get("X-Request-ID", "no number"), "NUMBER")
    headers = {key: value for key, value in answer.headers.items() if key not in ("X-Request-ID", "Content-Length")}
    return answer.status_code, text, headers


def differences(world: World, name: str, pattern: URLPattern, row: Row) -> list[str]:
    """Who is told more about a row out of scope than about one that does not exist."""
    found = []
    for method in [one for one, status in (("GET", row.get), ("POST", row.post)) if status != 405]:
        for person in outsiders(row, world):
            answers = []
            for missing in (False, True):
                url = address(name, pattern, row, world, missing=missing)
                with unchanged():
                    answer = world.client(person).generic(method, url, content_type=FORM)
                answers.append(without_traces(answer, url))
            if answers[0] != answers[1] or answers[0][0] != 404:
                found.append(f"{method} {name} by {person!r}: {answers[0][0]} and {answers[1][0]}")
    return found


@pytest.mark.parametrize("name", ABOUT_ROWS)
def test_what_is_out_of_scope_answers_like_what_does_not_exist(name: str, all_things: World) -> None:
    """M2, J5: other household, other office, other county, other city: status, text and headers are the same."""
    assert differences(all_things, name, FOUND[name], TABLE[name]) == []


def test_a_household_sees_what_it_shares_and_not_the_draft(all_things: World) -> None:
    """M2, RELIABILITY §3: own household reads submitted cases, notices and pictures; a draft is its writer's alone."""
    for name in ABOUT_ROWS:
        row = TABLE[name]
        thing = all_things.things[row.thing]
        if "R" not in row.roles or row.get == 405 or (thing.family is None and row.thing != "draft"):
            continue
        reader = thing.family or all_things.things["notice"].owner
        with unchanged():
            answer = all_things.client(reader).get(address(name, FOUND[name], row, all_things))
        assert answer.status_code == (404 if row.thing == "draft" else row.get), name


@require_role(Role.RESIDENT)
def careless(request: HttpRequest, pk: Any) -> HttpResponse:
    """A view as it must not be: it asks for the role and not whose the row is."""
    return HttpResponse(get_object_or_404(Application, pk=pk).pk)


urlpatterns = [path("careless/<uuid:pk>/", careless, name="careless"), *own_patterns]
handler403, handler404 = "portal.errors.permission_denied", "portal.errors.page_not_found"


def test_a_view_without_visible_to_is_caught(all_things: World, settings: Settings) -> None:
    """M2, negative twin: the comparison finds the careless view, and M1 its missing entry."""
    settings.ROOT_URLCONF = "tests.access.test_scopes"
    found = dict(patterns())
    assert set(found) - set(TABLE) == {"careless"}
    caught = differences(all_things, "careless", found["careless"], Row("R", 200, thing="application"))
    assert len(caught) == 2


def digest() -> str:
    """A digest of every row of every case, person, notice, message, picture and policy."""
    total = hashlib.sha256()
    models = [model for label in CASE_APPS for model in apps.get_app_config(label).get_models()]
    for model in [*models, apps.get_model("regions", "PolicyRule")]:
        rows = model._base_manager.order_by("pk").values_list()
        # PostgreSQL hands sealed columns out as memoryview, whose repr is an address.
        plain = [[bytes(cell) if isinstance(cell, memoryview) else cell for cell in row] for row in rows]
        total.update(f"{model._meta.label}{plain!r}".encode())
    return total.hexdigest()


def filled(name: str) -> dict[str, str]:
    """A form as its own reader would send it, so that nothing but the scope stops it."""
    return {
        "version": "1",
        "confirmed": "on",
        "reason": "示例原因",
        "text": "示例",
        "next_step_code": "apply_again",
        "reason_code": "not_eligible",
        "phone": "19900000199",
        "seen": "id_card",
        "document": "id_card",
        "form_seen": "on",
        "address": "示例路1号",
        "identity_seen": "on",
        "name": name,
    }


@pytest.mark.parametrize("name", FORMS_ABOUT_ROWS)
def test_forms_about_foreign_rows_change_nothing(name: str, all_things: World) -> None:
    """M3: the address names somebody else's row: 404, and the database is what it was."""
    row = TABLE[name]
    before = digest()
    for person in outsiders(row, all_things):
        answer = all_things.client(person).post(address(name, FOUND[name], row, all_things), filled(name))
        assert answer.status_code == 404, person
    assert digest() == before


def test_foreign_ids_inside_forms_change_nothing(all_things: World) -> None:
    """M3: person, office, region and role of others in the fields of one's own forms."""
    things = all_things.things
    owner, stranger = things["application"].owner, all_things.strangers["guilin"]
    far_office = Office.objects.filter(region__path__startswith="360000/").first()
    draft, card = things["draft"].pk, things["card_draft"]
    admin, clerk = all_things.staff["guilin"][Role.ADMIN], all_things.staff["guilin"][Role.CLERK]
    foreign_grant = all_things.staff["zhongshan"][Role.CLERK].grants.get()
    tries = [
        (owner, reverse("enrollment:start"), {"who": str(stranger.pk)}),
        (owner, reverse("enrollment:start"), {"who": str(things["foreign_application"].owner.pk)}),
        (owner, reverse("cards:start"), {"who": str(stranger.pk)}),
        (owner, reverse("enrollment:section", args=[draft, "office"]), {"office": str(far_office.pk)}),
        (
            card.owner,
            reverse("cards:personal", args=[card.pk]),
            {"phone": "19900000199", "address": "示例路1号", "pickup_point": str(far_office.pk)},
        ),
        (clerk, reverse("people:staff_role"), {"grant": str(foreign_grant.pk)}),
        (admin, reverse("regions:edit_fee", args=["442000", "premium.2027"]), {"amount": "1", "reason": "x"}),
        (admin, reverse("regions:edit_material", args=["442000", "first.id_card"]), {"level": "waived"}),
    ]
    before = digest()
    for person, url, data in tries:
        answer = all_things.client(person).post(url, data)
        assert answer.status_code in (200, 404), url
        assert digest() == before, url


@pytest.mark.parametrize("query", ["", "?region=442000", "?region=450302&kind=fee", "?region=000000"])
def test_policy_pages_know_the_own_region_only(query: str, all_things: World) -> None:
    """M3: an administrator of one city asks for another one."""
    admin = all_things.staff["guilin"][Role.ADMIN]
    for name in ("regions:rules", "regions:calculator"):
        status = all_things.client(admin).get(reverse(name) + query).status_code
        inside = query.startswith("?region=450302") or (not query and name == "regions:rules")
        assert status == (200 if inside else 404), name


SEES: dict[tuple[str, str], set[str]] = {
    ("guilin", Role.CLERK): {"household"},
    ("guilin", Role.COUNTY_REVIEWER): {"household", "neighbour"},
    ("guilin", Role.AUDITOR): {"household", "neighbour", "county"},
    ("guilin", Role.CASHIER): {"household"},
    ("zhongshan", Role.CARD_CLERK): {"cards"},
    ("zhongshan", Role.CLERK): {"cards"},
    ("zhongshan", Role.AUDITOR): {"cards"},
}
NEXT_DOOR = {Role.COUNTY_REVIEWER: {"county"}, Role.AUDITOR: {"county"}, Role.CLERK: {"county"}}
SEARCHES = (
    [f"/desk/queue/?tab={tab}" for tab in ("decide", "escalated", "waiting", "moving", "closed")]
    + [f"/desk/cards/?tab={tab}" for tab in ("decide", "waiting", "production", "pickup", "closed")]
    + ["/desk/payments/?page=1", "/desk/messages/?page=1", "/desk/policy/?kind=fee"]
)


def readable_pages(world: World, letter: str) -> list[str]:
    """The pages and searches that a role may open and that name no row: lists, counters, finds, and by every number."""
    pages = [
        address(name, FOUND[name], row, world)
        for name, row in TABLE.items()
        if row.get not in (405, 404)
        and not row.thing
        and letter in ("R" if row.roles == PUBLIC else row.roles)
        and not name.startswith(("demo:", "payments:counter", "outbox:demo_phone", "people:sign_out", "design:"))
    ]
    if letter == "R":
        return pages
    named = ("application", "foreign_application", "card_review", "card_ready", "notice")
    numbers = [_number(world.things[name].pk) for name in named]
    finds = [f"{page}?number={number}" for number in numbers for page in NUMBER_PAGES]
    return [*pages, *SEARCHES, *finds]


def _number(key: Any) -> str:
    models = [apps.get_model(label) for label in ("enrollment.Application", "cards.CardApplication", "payments.Notice")]
    return next(row.number for model in models for row in model.objects.filter(pk=key))


NUMBER_PAGES = ("/desk/queue/", "/desk/cards/", "/desk/payments/", "/desk/cards/pickup/")


def observers(world: World) -> Iterator[tuple[str, Resident | User, str, set[str]]]:
    for city, staff in world.staff.items():
        for role, user in staff.items():
            yield f"{city} {role}", user, _letter(role), SEES.get((city, role), set())
    for role, user in world.nextdoor["guilin"].items():
        yield f"Qixing {role}", user, _letter(role), NEXT_DOOR.get(role, set())
    yield "owner", world.things["application"].owner, "R", {"household"}
    yield "neighbour", world.strangers["guilin"], "R", {"neighbour"}
    yield "card holder", world.things["card"].owner, "R", {"cards"}
    yield "card stranger", world.strangers["zhongshan"], "R", set()


def _letter(role: Role) -> str:
    return next(letter for letter, one in LETTERS.items() if one == role)


def test_no_list_search_or_counter_names_a_canary_of_another_scope(all_things: World) -> None:
    """M4: a name that only one scope may read stands on no page, redirect or search of the others."""
    leaks, met = [], set()
    for who, person, letter, allowed in observers(all_things):
        client = all_things.client(person)
        for url in readable_pages(all_things, letter):
            with unchanged():
                answer = client.get(url, follow=True)
            text = answer.content.decode(errors="replace")
            for scope, names in all_things.canaries.items():
                if any(name in text for name in names):
                    met.add((who, scope))
                    if scope not in allowed:
                        leaks.append(f"{who} reads {scope} at {url}")
    assert leaks == []
    # Negative twin: the names do stand where they belong, so that a page that names nobody proves nothing.
    assert {("guilin clerk", "household"), ("Qixing county_reviewer", "county"), ("owner", "household")} <= met
    assert ("zhongshan card_clerk", "cards") in met


def test_every_page_about_a_row_is_compared(all_things: World) -> None:
    """M2: each but those open to the world has somebody outside of its scope."""
    for name in ABOUT_ROWS:
        assert TABLE[name].is_public or list(outsiders(TABLE[name], all_things)), name
        assert key_of(FOUND[name]), name
