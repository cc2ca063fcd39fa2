"""Headers that every answer carries."""

import pytest
from django.test import Client

EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/healthz", "/no-such-page/", "/sign-in/", "/staff/sign-in/", "/admin/login/"])
def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    """S11: pages, errors and health answers alike."""
    answer = client.get(path)
    for name, value in EVERY_ANSWER.items():
        assert answer.headers[name] == value
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "geolocation=()" in answer.headers["Permissions-Policy"]
    assert "Server" not in answer.headers


@pytest.mark.django_db
def test_an_answer_inside_a_session_is_never_stored(client: Client) -> None:
    """ASVS 14.3: browsers on shared computers keep no page of a signed-in person."""
    session = client.session
    session["anything"] = 1
    session.save()
    assert client.get("/sign-in/").headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/demo/bank/?number=%00", "/check/?region=45%0003", "/help/how%00-to-join/"])
def test_an_address_with_a_nul_is_refused_in_plain_words(client: Client, path: str) -> None:
    """REL-F1: no keyboard makes such an address; the answer is a page, never a 500."""
    answer = client.get(path)
    assert answer.status_code == 400
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<h1" in answer.content.decode()
