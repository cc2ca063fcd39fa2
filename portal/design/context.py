"""What every page needs around its content: language and size switches, navigation, telephone, reference."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from portal.design import desk
from portal.design.text import is_chinese
from portal.people.actors import Role
from portal.people.preferences import is_elder
from portal.prepared import Prepared
from portal.regions.models import Office

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
    """Gives every template the frame of the page; only the desk header asks the database, for its office."""
    here = request.get_full_path()
    code = get_language() or settings.LANGUAGE_CODE
    elder = is_elder(request)
    return {
        "html_lang": "zh-Hans" if is_chinese() else "en",
        "elder": elder,
        "elder_url": address("design:display", "standard" if elder else "elder", next=here),
        "languages": [
            {
                "code": known,
                "lang": lang,
                "name": name,
                "current": code.startswith(lang[:2]),
                "url": address("design:language", known, next=here),
            }
            for known, lang, name in LANGUAGE_NAMES
        ],
        "hotlines": HOTLINES,
        "demo": settings.DEMO,
        "page_path": request.path,
        "printed_at": timezone.now(),
        "reference": getattr(request, "request_id", ""),
        "resident_nav": SimpleLazyObject(lambda: desk.links(desk.resident_entries, request)),
        "desk_nav": SimpleLazyObject(lambda: desk.links(desk.desk_entries, request)),
        "desk_role": SimpleLazyObject(lambda: _role_label(request)),
        "desk_office": SimpleLazyObject(lambda: _office_name(request)),
        "feedback_url": address("help:feedback", page=request.path),
    }


def _office_name(request: HttpRequest) -> str:
    number = getattr(getattr(request, "actor", None), "office_id", None)
    found = _OFFICE(number) if number else []
    return found[0].name if found else ""


def _role_label(request: HttpRequest) -> str:
    role = getattr(getattr(request, "actor", None), "role", "")
    return str(Role(role).label) if role else ""
