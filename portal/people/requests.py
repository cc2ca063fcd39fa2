"""What a request carries after the middleware, for annotations."""

import datetime

from django.http import HttpRequest

from portal.people.actors import Actor
from portal.people.models import User


class Request(HttpRequest):
    """A request with its actor; on pages that need a sign-in, `user` is an account."""

    actor: Actor
    user: User
    factor_page: str
    session_expires_at: datetime.datetime


def acting(request: HttpRequest) -> Actor:
    """Returns the actor of a request that Django's own classes hand on as a plain one."""
    return request.actor  # type: ignore[attr-defined]
