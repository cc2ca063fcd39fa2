"""Leaving the form and coming back on another device by one link (A11, UX-R5)."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from enrollment import resume, steps
from enrollment.models import Application
from enrollment.views.form import own_draft
from portal.design.text import format_moment
from portal.people.access import public, require_role
from portal.people.actors import Role
from portal.people.addresses import with_next

GONE = {resume.LinkState.EXPIRED, resume.LinkState.REPLACED}


@require_role(Role.RESIDENT)
@require_POST
def send(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Sends the link to the own telephone; the one sent before stops working."""
    application = own_draft(request, pk)
    try:
        link = resume.send(application=application, actor=request.actor)
    except resume.NoPhone:
        messages.error(request, _("No telephone is on file for you. A service point can put one on file."))
    except resume.NotADraft:
        return redirect("enrollment:application", application.pk)
    else:
        phone, until = application.resident.masked_phone, format_moment(link.expires_at)
        text = _("A link was sent to %(phone)s. It works until %(until)s, once you have signed in there.")
        messages.success(request, text % {"phone": phone, "until": until})
    return redirect("enrollment:tasks", application.pk)


@public
@require_safe
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """Takes the applicant to the page they left, and says in plain words why a link no longer does."""
    try:
        found = resume.find(token)
    except resume.NotALink:
        raise Http404 from None
    application = found.application
    own_id = request.actor.resident_id if request.actor.is_resident else None
    is_own = application is not None and application.resident_id == own_id
    if application is not None and is_own and found.state == resume.LinkState.HANDED_IN:
        return redirect("enrollment:application", application.pk)
    if application is not None and is_own and found.state == resume.LinkState.VALID:
        return _where_left(application)
    context = {
        "state": found.state,
        "expires_at": found.expires_at,
        "application": application if found.state == resume.LinkState.VALID else None,
        "signed_in": not request.actor.is_anonymous,
        "sign_in_url": with_next("people:sign_in", request.path),
    }
    return render(request, "enrollment/resume.html", context, status=410 if found.state in GONE else 200)


def _where_left(application: Application) -> HttpResponse:
    missing = steps.missing(application)
    if missing:
        return redirect("enrollment:section", application.pk, missing[0].code)
    return redirect("enrollment:check_answers", application.pk)
