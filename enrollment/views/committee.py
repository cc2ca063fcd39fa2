"""The desk of committee agents: their rosters and cases, one resident at a time, and who else may read rosters."""

from typing import Any
from uuid import UUID

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from enrollment import pictures, progress
from enrollment.models import Application, Outcome, Roster, RosterRow, grouped_materials
from enrollment.rosters import services
from enrollment.rosters.columns import Fault
from enrollment.rosters.forms import PersonForm
from enrollment.rosters.texts import sentences, who_is_told
from enrollment.states import State
from enrollment.views.rosters import setting_choices
from payments.models import HeldCash
from payments.states import State as NoticeState
from portal import audit
from portal.design.components import PageLinks
from portal.design.paging import Order, keyed_page
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions import calendar
from portal.regions.models import Region

AGENT = Role.COMMITTEE_AGENT
PAGE_SIZE = 25
SHOWN = 10


@require_role(AGENT)
@require_safe
def home(request: Request) -> HttpResponse:
    """What waits for the agent: unfinished rosters, cases that need the resident, cash that is to be remitted (G4)."""
    own = Application.objects.visible_to(request.actor)
    held = HeldCash.objects.visible_to(request.actor).open()
    today = calendar.today()
    context = {
        "rosters": _listed(Roster.objects.visible_to(request.actor).order_by("-created_at", "-pk")[:SHOWN]),
        "shown": SHOWN,
        "cases": own.exclude(state=State.DRAFT).count(),
        "to_correct": own.filter(state=State.CORRECTION_REQUIRED).count(),
        "to_pay": own.filter(state=State.AWAITING_PAYMENT).count(),
        "held": held.aggregate(sum=Sum("amount_fen"))["sum"] or 0,
        "held_count": held.count(),
        "late_count": held.overdue(today).count(),
    }
    return render(request, "enrollment/committee.html", context)


def _listed(rosters: Any) -> list[dict[str, Any]]:
    """Rosters with their figures, in two queries."""
    found = list(rosters.select_related("region", "created_by", "office"))
    figures: dict[UUID, dict[str, int]] = {}
    rows = RosterRow.objects.filter(roster__in=found).order_by().values_list("roster", "outcome")
    for roster_id, outcome, number in rows.annotate(number=Count("pk")):
        figures.setdefault(roster_id, {})[outcome] = number
    return [
        {"roster": roster, **{code.value: figures.get(roster.pk, {}).get(code, 0) for code in Outcome}}
        for roster in found
    ]


@require_role(AGENT, Role.CLERK, Role.COUNTY_REVIEWER, Role.AUDITOR)
@require_safe
def rosters(request: Request) -> HttpResponse:
    """All rosters, newest first, page by page: an agent's own, or those that came to the reader's office or area."""
    rows = Roster.objects.visible_to(request.actor)
    found, page = keyed_page([rows], Order("created_at", forward=False), after=request.GET.get("after", ""))
    newest = Roster.objects.filter(pk__in=[row.pk for row in found]).order_by("-created_at", "-pk")
    return render(request, "enrollment/rosters.html", {"rosters": _listed(newest), "page": page})


@require_role(AGENT)
@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    """The applications this agent entered, newest first, by state or number (G3)."""
    rows = Application.objects.visible_to(request.actor).exclude(state=State.DRAFT)
    state = request.GET.get("state", "")
    if state in State.values:
        rows = rows.filter(state=state)
    number = "".join(request.GET.get("number", "").split())[:32]
    if number:
        rows = rows.filter(number=number)
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) <= 16:
        rows = rows.filter(number__lt=after)
    # Numbers never change and are unique: the key of the page, though not the order of filing.
    found = list(rows.select_related("beneficiary", "notice").order_by("-number")[: PAGE_SIZE + 1])
    query = {key: value for key, value in (("state", state), ("number", number)) if value}
    following = query | {"after": found[PAGE_SIZE - 1].number} if len(found) > PAGE_SIZE else None
    context = {
        "rows": [(row, progress.TAG_COLOURS[State(row.state)]) for row in found[:PAGE_SIZE]],
        "page": PageLinks(
            previous_url=f"?{urlencode(query)}" if after else "",
            next_url=f"?{urlencode(following)}" if following else "",
        ),
        "states": [(code.value, code.label, code == state) for code in State if code != State.DRAFT],
        "number": number,
        "clear_url": reverse("enrollment:committee_cases"),
    }
    return render(request, "enrollment/committee_cases.html", context)


@require_role(AGENT)
@never_cache
@require_safe
def case(request: Request, pk: UUID) -> HttpResponse:
    """One application the agent entered: where it stands, what to bring, the notice, and cash taken for it."""
    application = get_object_or_404(Application.objects.visible_to(request.actor).for_pages(), pk=pk)
    audit.record("enrollment.application_viewed", request.actor, subject=application)
    notice = application.notice
    context = {
        "application": application,
        "step": progress.step(application),
        "colour": progress.TAG_COLOURS[State(application.state)],
        "timeline": progress.timeline(application, request.actor),
        "entries": grouped_materials(application.materials.all()),
        "corrections": application.corrections.filter(round=application.correction_round)
        if application.state == State.CORRECTION_REQUIRED
        else [],
        "held": notice.held_cash.filter(end=None).first() if notice else None,
        "may_take_cash": notice is not None and notice.state == NoticeState.ISSUED,
        "takes_photos": pictures.mode_of(application) != pictures.OFF
        and pictures.may_change(application, request.actor),
        "photos": application.pictures.standing().filter(upload__uploaded_by_id=request.actor.user_id).count(),
    }
    return render(request, "enrollment/committee_case.html", context)


@require_role(AGENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: Request) -> HttpResponse:
    """Registers one resident field by field, by the rules of a line of a roster."""
    form = PersonForm(request.POST if request.method == "POST" else None, **setting_choices(request.actor))
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            made = services.register_one(
                actor=request.actor, office=told["office"], cover_year=told["cover_year"], cells=form.cells()
            )
        except services.LineRefused as refused:
            judged = refused.judged
            faults = judged.faults or [Fault("", "applied")]
            form.refuse(zip(faults, sentences(judged.raw, faults, refused.setting), strict=True))
        else:
            return redirect("enrollment:committee_case", made.pk)
    sentence = who_is_told(Region.objects.get(code=request.actor.region_code))
    return render(request, "enrollment/committee_register.html", {"form": form, "told": sentence})
