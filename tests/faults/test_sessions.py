"""The database goes away between the work of a request and the storing of its session."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client, RequestFactory

from portal import errors


def interruption(store: SessionStore) -> SessionInterrupted:
    """What the session middleware raises when a session cannot be stored."""
    try:
        try:
            store.save()
        except UpdateError:
            raise SessionInterrupted  # noqa: B904  as the middleware does
    except SessionInterrupted as raised:
        return raised
    raise AssertionError("the session was stored")


@pytest.fixture
def changed(client: Client, db: None) -> SessionStore:
    """The session of somebody signed in, changed by a request and not stored yet."""
    client.force_login(get_user_model().objects.create(username="faults", display_name="张三"))
    store = SessionStore(client.session.session_key)
    store["changed"] = True
    return store


def test_a_session_that_an_outage_kept_from_being_stored_is_an_outage(
    changed: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REL-K7: 503 with Retry-After, not 400: the resident made no mistake."""

    def lost(*args: object, **kwargs: object) -> None:
        raise OperationalError("terminating connection due to administrator command")

    monkeypatch.setattr(Session, "save", lost)
    answer = errors.bad_request(RequestFactory().get("/"), interruption(changed))
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_a_session_that_ended_in_another_tab_stays_a_bad_request(changed: SessionStore) -> None:
    """UX-E10: signed out elsewhere while the request ran."""
    Session.objects.all().delete()
    assert errors.bad_request(RequestFactory().get("/"), interruption(changed)).status_code == 400
