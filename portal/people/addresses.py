"""Where to go after signing in."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal.people.actors import LiveGrant


def wanted_page(request: HttpRequest) -> str:
    """Returns the page of this portal that `?next=` names, or nothing: other hosts and schemes are ignored."""
    address = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    inside = address.startswith("/") and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if inside else ""


def with_next(name: str, address: str) -> str:
    """Returns the address of a named page that leads on to `address`."""
    return f"{reverse(name)}?{urlencode({REDIRECT_FIELD_NAME: address})}" if address else reverse(name)


def staff_start(request: HttpRequest, grants: Sequence[LiveGrant]) -> str:
    """Returns where staff begin: the choice among several roles, else the page they wanted, else the desk."""
    if len(grants) > 1:
        return with_next("people:staff_role", wanted_page(request))
    return wanted_page(request) or settings.STAFF_HOME_URL
