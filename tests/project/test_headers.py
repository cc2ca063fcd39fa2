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
