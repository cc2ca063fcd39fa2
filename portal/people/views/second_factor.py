"""The pages of the second factor: asking for it, setting it up, and the recovery codes."""

import functools
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal import audit
from portal.people import second_factor, sessions
from portal.people.access import View, require_staff, with_temporary_password
from portal.people.actors import Actor
from portal.people.addresses import staff_start, wanted_page, with_next
from portal.people.allowances import counted_failures
from portal.people.backends import actor_of
from portal.people.forms import SecondFactorForm
from portal.people.requests import Request


def staff_account(view: View) -> View:
    """Opens a page to accounts of staff whose factor is still owed, who are nobody on all other pages."""

    @functools.wraps(view)
    def guarded(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.live_grants:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    vars(guarded).update(login_url="people:staff_sign_in")
    return with_temporary_password(guarded)


@staff_account
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: Request) -> HttpResponse:
    """Asks for a code of the app, or for a recovery code."""
    if request.user.second_factor_id is None:
        return redirect(with_next(second_factor.SET_UP_PAGE, wanted_page(request)))
    if not second_factor.page_owed(request, request.user):
        return redirect(wanted_page(request) or settings.STAFF_HOME_URL)
    form = SecondFactorForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (method := _prove(request, form)):
        _given(request, request.user.second_factor_id)
        audit.record("people.staff_signed_in", _actor(request), details={"second_factor": method})
        return redirect(staff_start(request, request.user.live_grants))
    return render(request, "people/second_factor_ask.html", {"form": form})


@staff_account
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: Request) -> HttpResponse:
    """Shows the secret to the authenticator app, and stores it once the app answers with the right code."""
    if request.user.second_factor_id is not None:
        return redirect("people:second_factor_codes")
    secret = second_factor.new_secret(request)
    form = SecondFactorForm(request.POST if request.method == "POST" else None, recovery=False)
    if request.method == "POST" and form.is_valid():
        try:
            with counted_failures(*second_factor.failure_keys(request, request.user)):
                factor = second_factor.set_up(request.user, _actor(request), secret, form.cleaned_data["code"])
        except second_factor.WrongFactor:
            form.add_error("code", _("The code is not right. Wait for the next one in the app and type it."))
        else:
            request.session.pop(second_factor.NEW_SECRET)
            _given(request, factor)
            return redirect(with_next("people:second_factor_codes", wanted_page(request)))
    context = {
        "form": form,
        "picture": second_factor.picture(request.user, secret),
        "secret": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        "required": settings.SECOND_FACTOR_REQUIRED,
    }
    return render(request, "people/second_factor_set_up.html", context)


@with_temporary_password
@require_staff
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: Request) -> HttpResponse:
    """Shows new recovery codes until their holder has noted them; later makes new ones against a code of the app."""
    if request.user.second_factor_id is None:
        return redirect(second_factor.SET_UP_PAGE)
    recovery = second_factor.recovery_codes(request.user)
    if not recovery.did_view:
        if request.method == "POST":
            recovery.mark_as_viewed()
            return redirect(staff_start(request, request.user.live_grants))
        return render(request, "people/second_factor_new_codes.html", {"codes": recovery.get_unused_codes()})
    form = SecondFactorForm(request.POST if request.method == "POST" else None, recovery=False)
    if request.method == "POST" and form.is_valid() and _prove(request, form):
        second_factor.renew_recovery_codes(request.user, request.actor)
        return redirect("people:second_factor_codes")
    context = {"form": form, "left": len(recovery.get_unused_codes())}
    return render(request, "people/second_factor_codes.html", context)


def _prove(request: Request, form: SecondFactorForm) -> str:
    """Returns which kind of code was right, or puts into the form that it was not."""
    try:
        with counted_failures(*second_factor.failure_keys(request, request.user)):
            return second_factor.prove(request.user, form.cleaned_data["code"])
    except second_factor.WrongFactor:
        audit.record("people.second_factor_given", _actor(request), outcome="refused")
        form.add_error("code", _("The code is not right or was used before. Type the one the app shows now."))
        return ""


def _given(request: Request, factor: int) -> None:
    request.session.cycle_key()
    request.session[second_factor.GIVEN] = factor


def _actor(request: Request) -> Actor:
    return actor_of(request.user, request.session.get(sessions.GRANT))
