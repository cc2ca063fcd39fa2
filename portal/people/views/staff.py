"""Sign-in of staff, choice of role, and their password."""

import re

from django.conf import settings
from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal import audit
from portal.people import second_factor, sessions
from portal.people.access import public, require_staff, with_temporary_password
from portal.people.actors import ANONYMOUS
from portal.people.addresses import staff_start, wanted_page, with_next
from portal.people.allowances import counted_failures, password_failure_keys
from portal.people.backends import actor_of
from portal.people.forms import NewPasswordForm, StaffSignInForm
from portal.people.models import StaffGrant, User
from portal.people.requests import Request

GRANT_NUMBER = re.compile(r"[0-9]{1,18}")


class SignInFailed(Exception):
    """Wrong username, wrong password, switched off, or without a role: the page does not tell which."""


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: Request) -> HttpResponse:
    """Asks for username and password."""
    if request.actor.is_staff_role:
        return redirect(wanted_page(request) or settings.STAFF_HOME_URL)
    form = StaffSignInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        username = form.cleaned_data["username"]
        try:
            with counted_failures(*password_failure_keys(request, username)):
                user = _staff_member(request, username, form.cleaned_data["password"])
        except SignInFailed:
            form.add_error(None, _("Username or password is not right."))
        else:
            grants = user.live_grants
            sessions.begin(request, user, grants[0].id)
            owed = second_factor.page_owed(request, user)
            action = "people.staff_password_given" if owed else "people.staff_signed_in"
            audit.record(action, actor_of(user, grants[0].id))
            return redirect(with_next(owed, wanted_page(request)) if owed else staff_start(request, grants))
    return render(request, "people/staff_sign_in.html", {"form": form})


def _staff_member(request: Request, username: str, password: str) -> User:
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User) and user.live_grants:
        return user
    # What was typed is not stored: people type passwords into the wrong box.
    meant = User.objects.filter(username=username).first()
    audit.record("people.staff_signed_in", ANONYMOUS, subject=meant, outcome="refused")
    raise SignInFailed


@require_staff
@require_http_methods(["GET", "HEAD", "POST"])
def role(request: Request) -> HttpResponse:
    """Lets staff who hold several roles choose the one they work in now."""
    grants = StaffGrant.objects.live().filter(user=request.user).select_related("region", "office")
    if request.method == "POST":
        wanted = request.POST.get("grant", "")
        if not GRANT_NUMBER.fullmatch(wanted):
            raise Http404
        grant = get_object_or_404(grants, pk=wanted)
        request.session.cycle_key()
        request.session[sessions.GRANT] = grant.pk
        audit.record("people.role_chosen", actor_of(request.user, grant.pk))
        return redirect(wanted_page(request) or settings.STAFF_HOME_URL)
    current = request.session.get(sessions.GRANT)
    return render(request, "people/staff_role.html", {"grants": grants, "current": current})


@with_temporary_password
@require_staff
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: Request) -> HttpResponse:
    """Lets staff choose their own password; every other session of the account ends with it."""
    form = NewPasswordForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        request.user.set_password(form.cleaned_data["password"])
        request.user.password_is_temporary = False
        request.user.save(update_fields=["password", "password_is_temporary"])
        update_session_auth_hash(request, request.user)
        audit.record("people.password_changed", request.actor)
        return redirect(settings.STAFF_HOME_URL)
    return render(request, "people/staff_password.html", {"form": form})
