"""Powers of attorney: the agent's and the principal's pages, and the clerk's (A10)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import attorney, lists, offices
from enrollment.attorney_forms import MandateForm, RefuseMandateForm, SeenMandateForm
from enrollment.models import Mandate, MandateState
from enrollment.navigation import DESK_ROLES
from enrollment.views.public import FORMATS, chosen_region, pick_first
from portal import audit
from portal.design.text import format_day
from portal.documents.papers import paper_response
from portal.people import questions
from portal.people.access import public, require_role
from portal.people.actors import Role
from portal.regions import calendar
from portal.regions import policy as policies

DECIDERS = (Role.CLERK, Role.COUNTY_REVIEWER)
LISTED = 100


@public
@require_safe
def blank(request: HttpRequest, fmt: str) -> HttpResponse:
    """A power of attorney to print and sign, before anybody has signed in."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    if fmt not in FORMATS:
        raise Http404
    paper = lists.attorney_form(region, policies.for_region(region), {})
    return paper_response(request, paper, fmt, f"attorney-{region.code}")


@require_role(Role.RESIDENT)
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Whom the resident acts for by power of attorney, and who acts for them."""
    rows = list(Mandate.objects.visible_to(request.actor).select_related("agent", "office")[:LISTED])
    today = calendar.today()
    context = {
        "held": [row for row in rows if row.agent_id == request.actor.resident_id],
        "given": [row for row in rows if row.principal_id == request.actor.resident_id],
        "today": today,
    }
    return render(request, "enrollment/attorney.html", context)


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def declare(request: HttpRequest) -> HttpResponse:
    """Notes whom the resident wants to act for; the answer never tells whether that person is on file."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    office = next(iter(offices.serving(region, policies.for_region(region))), None)
    today = calendar.today()
    initial = {"valid_from": today, "valid_until": today + timedelta(days=90)}
    asked = questions.one_at_a_time(request, lambda data: MandateForm(data, initial=initial))
    form = asked or MandateForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and asked is None and form.is_valid() and office is not None:
        told = form.cleaned_data
        try:
            mandate = attorney.declare(
                actor=request.actor,
                name=told["name"],
                number=told["identity_number"],
                relation=told["relation"],
                valid_from=told["valid_from"],
                valid_until=told["valid_until"],
                region=region,
                office=office,
            )
        except attorney.OwnNumber:
            form.add_error(
                "identity_number", _("This is your own number. For yourself no power of attorney is needed.")
            )
        except attorney.NotAnAdult:
            form.add_error("identity_number", _("This person is under 18: a parent or guardian applies for a child."))
        else:
            return redirect("enrollment:mandate", mandate.pk)
    return render(request, "enrollment/attorney_new.html", {"form": form, "region": region, "office": office})


def own_mandate(request: HttpRequest, pk: UUID) -> Mandate:
    """A mandate this actor may see, else 404."""
    rows = Mandate.objects.visible_to(request.actor).select_related("agent", "principal", "office", "region")
    return get_object_or_404(rows, pk=pk)


@require_role(Role.RESIDENT)
@require_safe
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is still to be done for a mandate, until when it holds, and how to end it."""
    mandate = own_mandate(request, pk)
    context = {
        "mandate": mandate,
        "is_agent": mandate.agent_id == request.actor.resident_id,
        "over": mandate.valid_until < calendar.today(),
        "can_end": mandate.state in (MandateState.DECLARED, MandateState.CONFIRMED),
    }
    return render(request, "enrollment/attorney_show.html", context)


@require_role(Role.RESIDENT)
@require_safe
def paper(request: HttpRequest, pk: UUID, fmt: str) -> HttpResponse:
    """The power of attorney with what is known filled in; the numbers are written by hand."""
    mandate = own_mandate(request, pk)
    if fmt not in FORMATS:
        raise Http404
    values = {
        "principal": mandate.principal_name,
        "agent": mandate.agent.name,
        "valid_from": format_day(mandate.valid_from),
        "valid_until": format_day(mandate.valid_until),
    }
    made = lists.attorney_form(mandate.region, policies.for_region(mandate.region), values)
    return paper_response(request, made, fmt, "attorney")


@require_role(Role.RESIDENT)
@require_POST
def take_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ends a mandate, as agent or as the person represented."""
    mandate = own_mandate(request, pk)
    attorney.take_back(mandate=mandate, actor=request.actor)
    messages.success(request, _("The power of attorney has ended."))
    return redirect("enrollment:attorney")


@require_role(*DESK_ROLES)
@require_safe
def desk_show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One mandate with what has to be seen; the view is recorded."""
    mandate = own_mandate(request, pk)
    audit.record("enrollment.mandate_viewed", request.actor, subject=mandate)
    return _desk_page(request, mandate)


@require_role(*DECIDERS)
@require_POST
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The clerk has seen the paper and both documents."""
    mandate = own_mandate(request, pk)
    form = SeenMandateForm(request.POST)
    if not form.is_valid():
        return _desk_page(request, mandate, seen=form)
    try:
        attorney.confirm(mandate=mandate, actor=request.actor)
    except attorney.MandateOver:
        return _desk_page(request, mandate, over=True, status=409)
    except attorney.NameDiffers:
        form.add_error(
            "principal_card",
            _("Another name is on file for this number. Check the person at the counter first, or refuse."),
        )
        return _desk_page(request, mandate, seen=form)
    messages.success(request, _("Recorded: the agent may act now. Both are told."))
    return redirect("enrollment:desk_attorney")


@require_role(*DECIDERS)
@require_POST
def refuse(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The paper is not accepted; the agent reads why."""
    mandate = own_mandate(request, pk)
    form = RefuseMandateForm(request.POST)
    if not form.is_valid():
        return _desk_page(request, mandate, refusal=form)
    try:
        attorney.refuse(mandate=mandate, actor=request.actor, reason=form.cleaned_data["reason"])
    except attorney.MandateOver:
        return _desk_page(request, mandate, refusal=form, over=True, status=409)
    return redirect("enrollment:desk_attorney")


def _desk_page(
    request: HttpRequest,
    mandate: Mandate,
    *,
    seen: SeenMandateForm | None = None,
    refusal: RefuseMandateForm | None = None,
    over: bool = False,
    status: int = 200,
) -> HttpResponse:
    if over:
        mandate.refresh_from_db()
    context: dict[str, Any] = {
        "mandate": mandate,
        "seen_form": seen or SeenMandateForm(),
        "refuse_form": refusal or RefuseMandateForm(),
        "forms": [form for form in (seen, refusal) if form is not None],
        "over": over,
        "past": mandate.valid_until < calendar.today(),
        "may_decide": request.actor.role in DECIDERS and mandate.is_open,
    }
    return render(request, "enrollment/attorney_case.html", context, status=status)
