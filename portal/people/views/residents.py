"""Sign-in of residents: who, then the code (ARCHITECTURE §8, RELIABILITY §4.2)."""

import secrets
import uuid

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal import audit
from portal.people import codes, preferences, questions, sessions
from portal.people.access import public
from portal.people.actors import Actor, Role
from portal.people.addresses import wanted_page, with_next
from portal.people.allowances import code_failure_keys, counted_failures, take_for_code_request
from portal.people.forms import CodeForm, SignInForm
from portal.people.models import SignInCode, User
from portal.people.requests import Request
from portal.people.services import account_of
from portal.people.timing import floor

PENDING = "people.code"


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: Request) -> HttpResponse:
    """Asks for name, identity number and telephone; whatever they are, the next page is the same."""
    if request.actor.is_resident:
        return redirect(wanted_page(request) or settings.LOGIN_REDIRECT_URL)
    asked = questions.one_at_a_time(request, SignInForm)
    form = asked or SignInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and asked is None and form.is_valid():
        number, phone = form.cleaned_data["identity_number"], form.cleaned_data["phone"]
        with floor():
            take_for_code_request(request, number, phone)
            session_key = secrets.token_urlsafe(24)
            code = codes.issue(
                number=number,
                name=form.cleaned_data["name"],
                phone=phone,
                session_key=session_key,
                language=get_language() or settings.LANGUAGE_CODE,
            )
            request.session[PENDING] = {"id": str(code.pk), "key": session_key}
        return redirect(with_next("people:sign_in_code", wanted_page(request)))
    return render(request, "people/sign_in.html", {"form": form})


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: Request) -> HttpResponse:
    """Asks for the code, and signs in whom it proves."""
    pending = request.session.get(PENDING)
    start = with_next("people:sign_in", wanted_page(request))
    if pending is None:
        return redirect(start)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with floor():
            user = _user_of(request, form, uuid.UUID(pending["id"]), pending["key"])
        if user is not None:
            sessions.begin(request, user)
            audit.record("people.resident_signed_in", Actor(Role.RESIDENT, user.pk))
            response = redirect(wanted_page(request) or settings.LOGIN_REDIRECT_URL)
            preferences.take_over(request, response, user)
            return response
    context = {"form": form, "minutes": codes.CODE_SECONDS // 60, "start_again": start}
    return render(request, "people/sign_in_code.html", context)


def _user_of(request: Request, form: CodeForm, pk: uuid.UUID, session_key: str) -> User | None:
    """Returns the account that the typed code opens, or puts into the form why there is none."""
    subject = SignInCode.objects.filter(pk=pk).values_list("subject_digest", flat=True).first()
    try:
        with counted_failures(*code_failure_keys(request, subject or str(pk))):
            code = codes.redeem(pk, form.cleaned_data["code"], session_key=session_key)
            return account_of(codes.resident_of(code))
    except codes.WrongCode as error:
        if error.tries_left:
            form.add_error("code", _tries_left(error.tries_left))
        else:
            form.add_error("code", _("The code is not right, and it was the last try. Ask for a new code."))
    except codes.CodeOver:
        form.add_error("code", _("This code can no longer be used. Ask for a new one."))
    return None


def _tries_left(count: int) -> str:
    return ngettext(
        "The code is not right. You may try once more.",
        "The code is not right. You may try %(count)d more times.",
        count,
    ) % {"count": count}
