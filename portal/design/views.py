"""Switches between languages and sizes, and the style guide."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import check_for_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.design.context import ELDER_COOKIE
from portal.design.samples import guide_context
from portal.people.addresses import wanted_page

ONE_YEAR_SECONDS = 365 * 24 * 3600


def _back(request: HttpRequest) -> HttpResponseRedirect:
    """Redirects to the page the reader came from, never to another host."""
    return HttpResponseRedirect(wanted_page(request) or "/")


@login_not_required
@never_cache
@require_safe
def language(request: HttpRequest, code: str) -> HttpResponse:
    """Keeps the chosen language in a cookie and returns to the page (UX-R21)."""
    if code not in dict(settings.LANGUAGES) or not check_for_language(code):
        raise Http404
    response = _back(request)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=ONE_YEAR_SECONDS,
        samesite="Lax",
        secure=request.is_secure(),
        httponly=True,
    )
    return response


@login_not_required
@never_cache
@require_safe
def display(request: HttpRequest, mode: str) -> HttpResponse:
    """Turns the large edition on or off and returns to the page (UX-R18)."""
    response = _back(request)
    if mode == "elder":
        response.set_cookie(
            ELDER_COOKIE, "1", max_age=ONE_YEAR_SECONDS, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    elif mode == "standard":
        response.delete_cookie(ELDER_COOKIE)
    else:
        raise Http404
    return response


@login_not_required
@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Shows every component and form state; only in the demonstration."""
    if not settings.DEMO:
        raise Http404
    return render(request, "design/guide.html", guide_context(refused="errors" in request.GET))
