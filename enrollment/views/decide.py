"""Asking for corrections and rejecting: what the resident will read is shown before it is sent (UX-C8)."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from enrollment import messages, progress, services, steps, undoing
from enrollment.desk_forms import FIELD_REASONS, NEXT_STEPS, REJECTION_REASONS, CorrectionForm, RejectForm
from enrollment.models import Application
from enrollment.navigation import DECIDERS
from enrollment.views.resident import own_application
from enrollment.views.review import case_url, decided, place, refused_page, require_no_conflict
from portal.outbox.services import render_text
from portal.people.access import require_role
from portal.regions import calendar
from portal.workflow.errors import Refused


@require_role(*DECIDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def ask_correction(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lists everything that can be put right; the resident is told of all of it at once (B5)."""
    application = own_application(request, pk)
    answers = [answer for answer in steps.answers_shown(application) if answer.section != steps.OFFICE]
    form = CorrectionForm(
        request.POST if request.method == "POST" else None,
        answers=answers,
        materials=application.materials.all(),
        initial={"version": application.version},
    )
    wish = request.POST.get("then", "")
    if request.method == "POST" and wish != "edit" and form.is_valid():
        items = form.requested()
        if wish == "preview":
            return _preview(request, application, "correction", form, {"items": form.requested_rows()})
        require_no_conflict(request, application)
        stood = _standing(application)
        try:
            services.ask_correction(
                application=application,
                actor=request.actor,
                version=form.cleaned_data["version"],
                items=items,
                undo_seconds=undoing.seconds(application),
            )
        except Refused as refused:
            return refused_page(request, application, refused, *[item.reason for item in items])
        return decided(request, application, stood, "ask_correction")
    context = _context(request, application, form) | {
        "rows": form.rows(),
        "reasons": FIELD_REASONS,
        "rounds_left": services.rounds_left(application),
    }
    return render(request, "enrollment/ask_correction.html", context)


@require_role(*DECIDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Rejects with a reason and the next step, both as the resident reads them (B6)."""
    application = own_application(request, pk)
    form = RejectForm(request.POST if request.method == "POST" else None, initial={"version": application.version})
    wish = request.POST.get("then", "")
    if request.method == "POST" and wish != "edit" and form.is_valid():
        told = form.cleaned_data
        next_step = " ".join(
            part for part in (str(dict(NEXT_STEPS)[told["next_step_code"]]), told["next_step"]) if part
        )
        if wish == "preview":
            shown = {
                "label": dict(REJECTION_REASONS)[told["reason_code"]],
                "reason": told["reason"],
                "next_step": next_step,
                "appeal": progress.appeal(application),
            }
            return _preview(request, application, "rejected", form, shown)
        stood = _standing(application)
        try:
            services.reject(
                application=application,
                actor=request.actor,
                version=told["version"],
                reason_code=told["reason_code"],
                reason=told["reason"],
                next_step=next_step,
                undo_seconds=undoing.seconds(application),
            )
        except Refused as refused:
            return refused_page(request, application, refused, told["reason"], told["next_step"])
        return decided(request, application, stood, "reject")
    return render(request, "enrollment/reject.html", _context(request, application, form))


def _context(request: HttpRequest, application: Application, form: Any) -> dict[str, Any]:
    inside = place(request)[1]
    return {"application": application, "form": form, "inside": inside, "back": case_url(application, inside)}


def _standing(application: Application) -> Application:
    """Where the case stands in the queue before the decision moves it."""
    return Application(pk=application.pk, due_at=application.due_at, state_since=application.state_since)


def _preview(
    request: HttpRequest, application: Application, template: str, form: Any, shown: dict[str, Any]
) -> HttpResponse:
    """The message and the page as the resident will see them; everything typed travels on in hidden fields."""
    person = application.beneficiary or application.resident
    params: dict[str, Any] = {
        "number": application.grouped_number,
        "name": person.masked_name,
        "year": application.cover_year,
        "phone": application.office.phone if application.office else "",
    }
    if template == "correction" and application.policy is not None:
        days = application.policy.policy.days("correction")
        params["due"] = calendar.add_workdays(calendar.today(), days, application.region).date
    carried = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in ("then", "csrfmiddlewaretoken")
    ]
    context = _context(request, application, form) | {
        "title": _("What the resident will read"),
        "kind": template,
        "message": render_text(f"enrollment_{template}", params, application.resident.language),
        "told": messages.told(application),
        "due": params.get("due"),
        "carried": carried,
        "undo_seconds": undoing.seconds(application),
    }
    return render(request, "enrollment/preview.html", context | shown)
