"""What every page needs around its content: language and size switches, navigation, telephone, reference."""

from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from portal.design import desk, kept
from portal.design.text import format_moment
from portal.people.actors import Role
from portal.people.preferences import is_elder
from portal.prepared import Prepared
from portal.regions.models import Office
from portal.regions.text import both, pick

HOTLINES = {"medical": "12393", "card": "12333", "government": "12345", "tax": "12366"}
_OFFICE: Prepared[Office] = Prepared(lambda number: Office.objects.filter(pk=number), int)
LANGUAGE_NAMES = (("zh-hans", "zh-Hans", "中文"), ("en", "en", "English"))


def address(name: str, *args: Any, **query: str) -> str:
    """Returns the address of a named page with a query, or nothing while no such page exists."""
    try:
        url = reverse(name, args=args)
    except NoReverseMatch:
        return ""
    return f"{url}?{urlencode(query)}" if query else url


def page(request: HttpRequest) -> dict[str, Any]:
    """Gives every template the frame of the page, cheaply: what stands in the kept parts of it is drawn there."""
    actor = getattr(request, "actor", None)
    role = getattr(actor, "role", "")
    code = get_language() or settings.LANGUAGE_CODE
    return {
        "html_lang": "zh-Hans" if code.startswith("zh") else "en",
        "elder": is_elder(request),
        "here": quote_plus(request.get_full_path()),
        "page_path": quote_plus(request.path),
        "kept_at": kept.server(),
        "hotlines": HOTLINES,
        "demo": settings.DEMO,
        "printed_at": format_moment(timezone.now()),
        "reference": getattr(request, "request_id", ""),
        "session_ends": _moment(getattr(request, "session_expires_at", None)),
        "resident_nav": desk.navigation(desk.resident_entries, request),
        "desk_nav": desk.navigation(desk.desk_entries, request),
        "signed_in": bool(getattr(actor, "user_id", None)),
        "person": getattr(actor, "name", ""),
        "desk_role": Role(role).label if role else "",
        "desk_office": SimpleLazyObject(lambda: _office_name(request)),
    }


def languages() -> list[dict[str, Any]]:
    """The languages that a reader may switch to, each named in itself."""
    code = get_language() or settings.LANGUAGE_CODE
    return [
        {"code": known, "lang": lang, "name": name, "url": address("design:language", known)}
        for known, lang, name in LANGUAGE_NAMES
        if not code.startswith(lang[:2])
    ]


def _moment(value: datetime | None) -> str:
    """An instant as machines read it, in the time of this place."""
    return timezone.localtime(value).isoformat() if value else ""


def _office_name(request: HttpRequest) -> str:
    """The office of the grant that the reader acts by, which came with the account."""
    number = getattr(getattr(request, "actor", None), "office_id", None)
    for grant in getattr(getattr(request, "user", None), "live_grants", ()):
        if grant.office_id == number and any(grant.office_names):
            return pick(both(*grant.office_names))
    found = _OFFICE(number) if number else []
    return found[0].name if found else ""
