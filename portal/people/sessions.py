"""How long a session lives, and how it begins and ends (RELIABILITY §4.2; J7)."""

import datetime
import time

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse

from portal.people import unsent
from portal.people.actors import Role
from portal.people.models import User
from portal.regions import public

RESIDENT_IDLE_SECONDS = 15 * 60
STAFF_IDLE_SECONDS = 30 * 60
TOTAL_SECONDS = 8 * 3600
TOUCH_EVERY_SECONDS = 30  # spares the session row a write at every click

STARTED = "people.started_at"
SEEN = "people.seen_at"
GRANT = "people.grant_id"

BACKEND = "portal.people.backends.PeopleBackend"


def begin(request: HttpRequest, user: User, grant_id: int | None = None) -> None:
    """Signs an account in under a new session key; of what an anonymous session held only the chosen place stays,
    and what this very person had typed when the last session ended.
    """
    place, typed = request.session.get(public.SESSION_KEY), unsent.carry(request, user.pk)
    request.session.flush()
    login(request, user, backend=BACKEND)
    if place is not None:
        request.session[public.SESSION_KEY] = place
    if typed is not None:
        request.session[unsent.KEY] = typed
    now = int(time.time())
    request.session[STARTED] = request.session[SEEN] = now
    if grant_id is not None:
        request.session[GRANT] = grant_id


def end(request: HttpRequest) -> None:
    """Ends the session in the database, so that a kept cookie opens nothing."""
    logout(request)


def forget_browser_data(response: HttpResponse) -> HttpResponse:
    """Tells the browser to drop what it kept of the portal (ASVS 14.3.1); preferences in cookies stay."""
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


def idle_seconds(role: Role) -> int:
    return RESIDENT_IDLE_SECONDS if role == Role.RESIDENT else STAFF_IDLE_SECONDS


def expires_at(request: HttpRequest, role: Role) -> datetime.datetime:
    """Returns the moment at which this session ends if nothing more is clicked."""
    started = request.session.get(STARTED, 0)
    seen = request.session.get(SEEN, started)
    return datetime.datetime.fromtimestamp(min(started + TOTAL_SECONDS, seen + idle_seconds(role)), tz=datetime.UTC)


def is_over(request: HttpRequest, role: Role) -> bool:
    """Says whether the session has been idle, or open, for too long."""
    started = request.session.get(STARTED)
    if started is None:
        return False
    return expires_at(request, role).timestamp() <= time.time()


def touch(request: HttpRequest) -> None:
    """Notes that somebody is there."""
    now = int(time.time())
    request.session.setdefault(STARTED, now)
    if now - request.session.get(SEEN, 0) >= TOUCH_EVERY_SECONDS:
        request.session[SEEN] = now
