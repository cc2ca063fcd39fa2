"""Response headers that depend on who asks, and requests that no page can answer."""

from collections.abc import Callable
from typing import Any

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponse]


class PolicyMiddleware(CSPMiddleware):
    """The content security policy, put together once; answers and pages with a part of their own get their own."""

    _of: Any = None
    _text = ""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        policy = settings.CONTENT_SECURITY_POLICY
        has_own = getattr(request, "_csp_nonce", None) or any(name.startswith("_csp_") for name in vars(response))
        is_plain = set(policy) == {"DIRECTIVES"} and not hasattr(settings, "CONTENT_SECURITY_POLICY_REPORT_ONLY")
        if has_own or not is_plain or settings.DEBUG or HEADER in response:
            return super().process_response(request, response)
        if policy is not self._of:
            self._of, self._text = policy, build_policy()
        response.headers[HEADER] = self._text
        # As in the original: a nonce taken after this would not be in the header.
        request.csp_nonce = CheckableLazyObject(self._csp_nonce_post_response)  # type: ignore[attr-defined]
        return response


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
