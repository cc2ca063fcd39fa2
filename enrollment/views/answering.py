"""Corrections that somebody brings to the counter or to the village: entered in the resident's name, as asked (N20)."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from enrollment import messages, pictures, services, steps
from enrollment.correction_forms import OnBehalfForm
from enrollment.models import Application
from enrollment.states import State
from enrollment.views.resident import own_application, posted_version
from enrollment.views.review import case_url, place, require_no_conflict
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.people.access import require_role
from portal.people.actors import Role
from portal.workflow.errors import NotAvailable, Refused
from portal.workflow.views import conflict_page


@require_role(Role.CLERK, Role.COMMITTEE_AGENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Opens exactly what the office asked about, for a clerk of the office or the agent who entered the case.

    Whoever is not online is not left with a request nobody can answer; the timeline says who entered it, and the
    resident is told.
    """
    application = own_application(request, pk)
    back = _back(request, application)
    if application.state != State.CORRECTION_REQUIRED:
        if request.method == "POST":
            refused = NotAvailable(EnrollmentWorkflow.resubmit, application)
            return conflict_page(request, application, refused, return_url=back)
        return redirect(back)
    require_no_conflict(request, application)
    audit.record("enrollment.application_viewed", request.actor, subject=application)
    items = application.corrections.filter(round=application.correction_round)
    form = OnBehalfForm(request.POST if request.method == "POST" else None, application=application, items=items)
    version = posted_version(request) if request.method == "POST" else application.version
    if request.method == "POST" and form.is_valid():
        try:
            services.resubmit(
                application=application,
                actor=request.actor,
                version=version,
                values=form.answers(),
                handed_in=form.handed_in(),
            )
        except Refused as refused:
            return conflict_page(request, application, refused, return_url=back, kept=_typed(application, form))
        return redirect(back)
    context = {
        "application": application,
        "form": form,
        "version": version,
        "inside": place(request)[1],
        "back": back,
        "back_text": _("Back to the case"),
        "told": messages.told(application),
        "takes_photos": pictures.mode_of(application) != pictures.OFF,
    }
    return render(request, "enrollment/answer.html", context)


def _typed(application: Application, form: OnBehalfForm) -> list[str]:
    """What was entered, in words, for the page that says that it was not stored."""
    return [
        f"{form.fields[code].label}{_(': ')}{steps.readable(application, code.rpartition('.')[2], value)}"
        for code, value in steps.stored(form.answers()).items()
    ]


def _back(request: HttpRequest, application: Application) -> str:
    if request.actor.role == Role.COMMITTEE_AGENT:
        return reverse("enrollment:committee_case", args=[application.pk])
    return case_url(application, place(request)[1])
