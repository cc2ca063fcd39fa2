"""Response headers that depend on who asks, and requests that no page can answer."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


class NoStoreMiddleware:
    """Keeps every answer given inside a session out of browser and proxy caches (REL §4.1)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        session = getattr(request, "session", None)
        if session is not None and not session.is_empty():
            response.headers["Cache-Control"] = "no-store"
        return response


class NulMiddleware:
    """Answers 400 to an address with a NUL: PostgreSQL stores and compares no such text (REL-F1)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path_info:
            raise BadRequest("NUL in the address")
        return self.get_response(request)
