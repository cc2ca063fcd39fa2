"""The pages for what goes wrong: plain words, what became of the data, what to do, whom to call (UX-E10)."""

import logging
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import Resolver404
from django.utils.crypto import get_random_string
from django.utils.translation import get_language

from portal.design.context import HOTLINES, page
from portal.design.desk import NO_LINKS
from portal.design.text import is_chinese

logger = logging.getLogger(__name__)

LAST_RESORT = """<!DOCTYPE html><html lang="zh-Hans"><meta charset="utf-8"><title>系统出了问题 – 参保</title>
<h1>抱歉，系统出了问题</h1><p>您之前保存的内容都在。请过几分钟再试，或者拨打 12393。编号：%(number)s</p>
<p lang="en">Sorry, something went wrong on our side. What you saved stays saved. Try again soon or call 12393.</p>
</html>"""
REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that are mistaken for another when read out


def reference(request: HttpRequest | None) -> str:
    """Returns the number under which the log knows this request; gives one when nobody has yet."""
    known = getattr(request, "request_id", "")
    if not known:
        known = get_random_string(8, REFERENCE_LETTERS)
        if request is not None:
            setattr(request, "request_id", known)  # noqa: B010 - a plain assignment is unknown to the type checker
    return str(known)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answers a request that cannot be understood: 413 when it is too large, otherwise 400.

    Django takes a session that cannot be stored for one that was deleted: 503 when the database itself is away.
    """
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    if isinstance(exception, SessionInterrupted) and _database_is_away(exception):
        return unavailable(request)
    return _answer(request, "400.html", 400)


def too_large(request: HttpRequest) -> HttpResponse:
    """Answers a form or file beyond the limit."""
    return _answer(request, "413.html", 413)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answers a page that belongs to another role."""
    return _answer(request, "403.html", 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a form whose protection is missing or old, mostly because cookies are off or another tab signed out."""
    return _answer(request, "403_csrf.html", 403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answers an address that does not exist, or not for this person; both look alike."""
    del exception
    return _answer(request, "404.html", 404)


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answers somebody who opens the address of a button, mostly because signing in again led back to it."""
    response = _answer(request, "405.html", 405)
    response["Allow"] = allowed
    return response


class MethodMiddleware:
    """Gives the empty answer of an address that takes no visit a page with words and a way on (UX-E10)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and request.method == "GET" and not response.streaming and not response.content:
            return method_not_allowed(request, response["Allow"])
        return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answers a fault of ours without touching the database; 503 when the database itself is away."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return unavailable(request)
    try:
        return _answer(request, "500.html", 500, bare=True)
    except Exception:
        logger.exception("the page for faults could not be drawn")
        return HttpResponse(LAST_RESORT % {"number": reference(request)}, status=500)


def _database_is_away(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, OperationalError | InterfaceError):
        error = error.__cause__ or error.__context__
    return error is not None


def unavailable(request: HttpRequest, until: datetime | None = None) -> HttpResponse:
    """Says that the portal is closed for a while, and until when if that is known."""
    response = _answer(request, "503.html", 503, bare=True, until=until)
    response["Retry-After"] = "120"
    return response


def _answer(request: HttpRequest, template: str, status: int, *, bare: bool = False, **extra: Any) -> HttpResponse:
    number = reference(request)
    context = {"status_code": status, "error_reference": number, **extra}
    if bare:
        context = {**_frame(request), **context}
        html = render_to_string(template, context)
    else:
        html = render_to_string(template, context, request=request)
    response = HttpResponse(html, status=status)
    response["Cache-Control"] = "no-store"
    response["X-Request-ID"] = number
    return response


def _frame(request: HttpRequest) -> dict[str, Any]:
    """Builds the frame of a page from the request alone: no session, no messages, no account."""
    try:
        frame = page(request)
    except (AttributeError, Resolver404):
        frame = {"html_lang": "zh-Hans" if is_chinese() else "en", "hotlines": HOTLINES, "demo": settings.DEMO}
    frame.update(resident_nav=NO_LINKS, desk_nav=NO_LINKS, signed_in=False, person="", desk_office="", session_ends="")
    frame["LANGUAGE_CODE"] = get_language()
    return frame
