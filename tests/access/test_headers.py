"""S11: the security headers on every address, whatever the answer."""

from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from portal.people.actors import Role
from tests.access.addresses import address, patterns
from tests.access.matrix import TABLE
from tests.access.world import World, unchanged

pytestmark = pytest.mark.django_db
FOUND = dict(patterns())
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NOBODY_FRAMES = ("frame-ancestors 'none'", "sandbox")


def complaints(answer: HttpResponse) -> list[str]:
    """What is wrong with the headers of an answer."""
    found = [f"{name}: {answer.headers.get(name)}" for name, value in HEADERS.items() if answer.get(name) != value]
    policy = answer.headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy and "sandbox" not in policy:
        found.append(f"policy: {policy}")
    if "unsafe" in policy or not any(words in policy for words in NOBODY_FRAMES):
        found.append(f"policy: {policy}")
    if "geolocation=()" not in answer.headers.get("Permissions-Policy", ""):
        found.append("no Permissions-Policy")
    if "Server" in answer.headers or "X-Powered-By" in answer.headers:
        found.append("names its software")
    return found


@pytest.mark.parametrize("name", FOUND)
def test_every_address_carries_the_headers(name: str, all_things: World) -> None:
    """S11: to visitors, to whom the page is for, and to who may not see it; nothing signed in is ever stored."""
    row = TABLE[name]
    thing = all_things.things[row.thing] if row.thing else None
    url = address(name, FOUND[name], row, all_things)
    for role in (None, Role.RESIDENT, Role.CLERK, Role.CARD_CLERK, Role.ADMIN):
        person = all_things.person(role, thing) if role else None
        with unchanged():
            answer = all_things.client(person).get(url)
        assert complaints(answer) == [], role
        if role is not None:
            assert "no-store" in answer.headers.get("Cache-Control", ""), role


@pytest.mark.parametrize("form", ["print", "pdf", "docx"])
def test_papers_are_never_stored(form: str, all_things: World) -> None:
    """S11, J5: print page, PDF and Word file alike."""
    thing = all_things.things["notice"]
    with unchanged():
        answer = all_things.client(thing.owner).get(f"/notices/{thing.pk}/{form}/")
    assert answer.status_code == 200
    assert complaints(answer) == []
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("url", ["/no-such-page/", "/applications/not-a-number/", "/admin/no-such/", "/static/no"])
def test_missing_pages_carry_the_headers(url: str, client: Client) -> None:
    """S11: 404, and what leads there."""
    answer = client.get(url)
    assert answer.status_code in (302, 400, 404)
    assert complaints(answer) == []


@pytest.mark.parametrize("fault", [RuntimeError("broken"), MemoryError()])
def test_faults_carry_the_headers(fault: Exception, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """S11: a page of ours that fails."""

    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr("portal.people.middleware.actor_of", broken)
    monkeypatch.setattr("portal.design.context.page", broken)
    client.raise_request_exception = False
    monkeypatch.setattr("portal.home.views.render", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert complaints(answer) == []
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("data", [{"number": "1" * 3_000_000}, {str(n): "" for n in range(1001)}])
def test_what_is_too_large_carries_the_headers(data: dict[str, str], client: Client) -> None:
    """S11, H1: 400 and 413."""
    answer = client.post("/check/?region=450302001", data, content_type="application/x-www-form-urlencoded")
    assert complaints(answer) == []


def test_a_forged_form_carries_the_headers() -> None:
    """J5: without the token no form is taken, and the answer is a page of ours."""
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"name": "x"})
    assert answer.status_code == 403
    assert complaints(answer) == []


def test_static_files_carry_the_headers(tmp_path: Path, settings: Settings) -> None:
    """S11: files are answered by WhiteNoise inside the same middleware."""
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "kept.css").write_text("p { margin: 0 }")
    answer = Client().get("/static/kept.css")
    assert b"margin" in answer.getvalue()
    answer.close()
    assert answer.status_code == 200
    assert complaints(answer) == []
