"""The counter: a person stands there with the document."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal import audit
from portal.people import services
from portal.people.access import require_role
from portal.people.forms import BindPhoneForm, CheckIdentityForm, FindPersonForm
from portal.people.models import Resident
from portal.people.requests import Request

at_the_counter = require_role(*services.ROLES_AT_THE_COUNTER)


@at_the_counter
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: Request) -> HttpResponse:
    """Finds a person by the number on the document; numbers travel in the form, never in an address."""
    form = FindPersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        number = form.cleaned_data["identity_number"]
        people = Resident.objects.visible_to(request.actor)
        person = people.by_identity_number(number.normalized, number.kind).first()
        if person is not None:
            return redirect("people:desk_person", pk=person.pk)
        form.add_error("identity_number", _("Nobody of your area is on file with this number."))
    return render(request, "people/desk_find.html", {"form": form})


@at_the_counter
@require_http_methods(["GET", "HEAD"])
def person(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Shows a person, masked, with what can be done at the counter; the view is recorded."""
    found = _visible(request, pk)
    audit.record("people.person_viewed", request.actor, subject=found)
    return _page(request, found, CheckIdentityForm(), BindPhoneForm())


@at_the_counter
@require_POST
def confirm_identity(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Notes which document was seen; the account is verified from now on."""
    found = _visible(request, pk)
    form = CheckIdentityForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, BindPhoneForm())
    services.confirm_identity(request.actor, found, purpose=form.cleaned_data["document"])
    messages.success(request, _("The identity check is recorded."))
    return redirect("people:desk_person", pk=found.pk)


@at_the_counter
@sensitive_post_parameters()
@require_POST
def bind_phone(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Binds the telephone that codes go to."""
    found = _visible(request, pk)
    form = BindPhoneForm(request.POST)
    if not form.is_valid():
        return _page(request, found, CheckIdentityForm(), form)
    services.bind_phone(request.actor, found, form.cleaned_data["phone"], purpose=form.cleaned_data["seen"])
    messages.success(request, _("Codes go to the new number from now on."))
    return redirect("people:desk_person", pk=found.pk)


def _visible(request: Request, pk: uuid.UUID) -> Resident:
    people = Resident.objects.visible_to(request.actor).select_related("home_region", "user")
    return get_object_or_404(people, pk=pk)


def _page(request: Request, found: Resident, check: CheckIdentityForm, phone: BindPhoneForm) -> HttpResponse:
    is_own = services.same_household(request.actor, found.pk)
    context = {"person": found, "check_form": check, "phone_form": phone, "is_own": is_own}
    return render(request, "people/desk_person.html", context)
