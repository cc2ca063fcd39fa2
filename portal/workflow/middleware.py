"""Records refused decisions that the view's own transaction would have rolled back."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal.audit import record

from .errors import ConflictOfInterest


class RefusalMiddleware:
    """Writes the audit entry of a conflict of interest after the view has unwound."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if isinstance(exception, ConflictOfInterest) and not exception.recorded:
            exception.recorded = True
            details = {"transition": str(exception.transition)}
            record("workflow.conflict", exception.actor, subject=exception.subject, outcome="refused", details=details)
