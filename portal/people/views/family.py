"""A resident's own people: household and children."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.people import questions
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.addresses import wanted_page
from portal.people.forms import ChildForm
from portal.people.models import Resident
from portal.people.requests import Request
from portal.people.services import AlreadyRegistered, NotAChild, add_child, household_ids, wards_of


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD"])
def family(request: Request) -> HttpResponse:
    """Lists whom the resident may act for, and why."""
    own = request.user.resident.pk
    household, wards = household_ids(own), wards_of(own)
    people = Resident.objects.visible_to(request.actor).order_by("birth_date", "name")
    rows = [
        {
            "resident": person,
            "is_self": person.pk == own,
            "in_household": person.pk in household,
            "is_ward": person.pk in wards,
        }
        for person in people
    ]
    rows.sort(key=lambda row: not row["is_self"])
    return render(request, "people/family.html", {"rows": rows})


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def child(request: Request) -> HttpResponse:
    """Puts a child on file as the parent declares it."""
    asked = questions.one_at_a_time(request, ChildForm)
    form = asked or ChildForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and asked is None and form.is_valid():
        try:
            add_child(
                request.actor,
                identity_number=form.cleaned_data["identity_number"].normalized,
                name=form.cleaned_data["name"],
            )
        except NotAChild:
            form.add_error("identity_number", _("This person is of age and signs in with a number of their own."))
        except AlreadyRegistered:
            form.add_error(
                "identity_number",
                _("We cannot add this child here. Please bring the household register to a service point."),
            )
        else:
            return redirect(wanted_page(request) or "people:family")
    return render(request, "people/child.html", {"form": form})
