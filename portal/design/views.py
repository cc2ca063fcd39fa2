"""Switches between languages and sizes, and the style guide."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import check_for_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.design.samples import guide_context
from portal.people import preferences
from portal.people.addresses import wanted_page


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
        max_age=preferences.ONE_YEAR_SECONDS,
        samesite="Lax",
        secure=request.is_secure(),
        httponly=True,
    )
    return response


@login_not_required
@never_cache
@require_safe
def display(request: HttpRequest, mode: str) -> HttpResponse:
    """Turns the large edition on or off, here and in the account, and returns to the page (UX-R18)."""
    if mode not in ("elder", "standard"):
        raise Http404
    response = _back(request)
    preferences.keep_elder(request, response, mode == "elder")
    return response


@login_not_required
@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Shows every component and form state; only in the demonstration."""
    if not settings.DEMO:
        raise Http404
    return render(request, "design/guide.html", guide_context(refused="errors" in request.GET))
