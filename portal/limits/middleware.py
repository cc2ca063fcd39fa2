"""Turns a used-up allowance into a page that says how long to wait."""

import math
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.limits.buckets import RateLimited


class RateLimitMiddleware:
    """Answers RateLimited with status 429, Retry-After and the waiting time in words."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, RateLimited):
            return None
        seconds = exception.retry_after_seconds
        context = {"retry_after_seconds": seconds, "wait_minutes": math.ceil(seconds / 60)}
        response = render(request, "429.html", context, status=429)
        response["Retry-After"] = str(seconds)
        return response
