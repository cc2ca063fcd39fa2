"""The clerk's desk: queue by time left, the case on one page, the decision."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import checks, progress, services, steps
from enrollment.desk_forms import NEXT_STEPS, CorrectionForm, MaterialsForm, NoteForm, RejectForm
from enrollment.models import Application, ApplicationQuerySet
from enrollment.navigation import DESK_ROLES
from enrollment.states import State
from enrollment.views.resident import own_application, posted_version
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.design.components import PageLinks
from portal.people.access import require_role, require_staff
from portal.people.actors import Actor, Role
from portal.regions import calendar
from portal.workflow.errors import Refused
from portal.workflow.views import conflict_page

PAGE_SIZE = 25
COUNTED_UP_TO = 100
DECIDERS = (Role.CLERK, Role.COUNTY_REVIEWER)

TABS = {
    "decide": (gettext_lazy("To decide"), (State.UNDER_REVIEW,)),
    "escalated": (gettext_lazy("Escalated"), (State.ESCALATED,)),
    "waiting": (gettext_lazy("Waiting for the resident"), (State.CORRECTION_REQUIRED, State.AWAITING_PAYMENT)),
    "moving": (gettext_lazy("With the portal"), (State.SUBMITTED, State.APPROVED)),
    "closed": (gettext_lazy("Closed"), (State.ENROLLED, State.REJECTED, State.WITHDRAWN, State.LAPSED)),
}
BY_DUE = ("decide", "escalated")


@require_staff
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Opens the page a role works on; those without a queue of applications get the list of their tasks."""
    if request.actor.role in DESK_ROLES:
        return redirect("enrollment:queue")
    return render(request, "enrollment/desk_home.html")


@require_role(*DESK_ROLES)
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The own office's or county's applications, nearest deadline first, filters in the address (UX-C1, UX-C2, B8)."""
    visible = Application.objects.visible_to(request.actor)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else default_tab(request.actor)
    late = request.GET.get("late") == "1" and tab in BY_DUE
    number = "".join(request.GET.get("number", "").split())[:32]
    if number:
        found = visible.filter(number=number).first()
        if found is not None:
            return redirect("enrollment:review", found.pk)
    rows, page = page_of(visible, tab, late, request)
    today = calendar.today()
    with calendar.pinned():
        shown = [
            {
                "application": row,
                "colour": progress.TAG_COLOURS[State(row.state)],
                "days_left": days_left(row, today) if tab in BY_DUE else None,
            }
            for row in rows
        ]
    context = {
        "rows": shown,
        "page": page,
        "tab": tab,
        "tabs": [_tab(visible, code, tab) for code in TABS],
        "by_due": tab in BY_DUE,
        "late": late,
        "number": number,
        "not_found": bool(number),
        "clear_url": f"?{urlencode({'tab': tab})}",
    }
    return render(request, "enrollment/queue.html", context)


def default_tab(actor: Actor) -> str:
    """The county reviewer begins with what was handed up, a clerk with what is to be decided."""
    return "escalated" if actor.role == Role.COUNTY_REVIEWER else "decide"


def _tab(visible: ApplicationQuerySet, code: str, current: str) -> dict[str, Any]:
    label, states = TABS[code]
    count = visible.filter(state__in=states).order_by()[: COUNTED_UP_TO + 1].count()
    words = f"{COUNTED_UP_TO}+" if count > COUNTED_UP_TO else str(count)
    return {"label": label, "url": f"?{urlencode({'tab': code})}", "current": code == current, "count": words}


def page_of(
    visible: ApplicationQuerySet, tab: str, late: bool, request: HttpRequest
) -> tuple[list[Application], PageLinks]:
    """One page found by key: rows behind the last one of the page before, never by counting from the start."""
    rows = visible.filter(state__in=TABS[tab][1]).select_related("beneficiary", "region", "office", "helper")
    rows = rows.defer("answers_cipher", "facts")
    column, forward = ("due_at", True) if tab in BY_DUE else ("state_since", False)
    if late:
        rows = rows.filter(due_at__lte=timezone.now())
    if (key := _key(request.GET.get("after", ""))) is not None:
        instant, pk = key
        side = "gt" if forward else "lt"
        rows = rows.filter(Q(**{f"{column}__{side}": instant}) | Q(**{column: instant, f"pk__{side}": pk}))
    sign = "" if forward else "-"
    found = list(rows.order_by(f"{sign}{column}", f"{sign}pk")[: PAGE_SIZE + 1])
    query = {"tab": tab} | ({"late": "1"} if late else {})
    more = len(found) > PAGE_SIZE
    found = found[:PAGE_SIZE]
    following = query | {"after": f"{getattr(found[-1], column).isoformat()}_{found[-1].pk}"} if more else None
    first_page = f"?{urlencode(query)}" if key is not None else ""
    return found, PageLinks(previous_url=first_page, next_url=f"?{urlencode(following)}" if following else "")


def _key(text: str) -> tuple[datetime, UUID] | None:
    instant, _separator, pk = text.partition("_")
    try:
        parsed = parse_datetime(instant)
        return (parsed, UUID(pk)) if parsed is not None and parsed.tzinfo is not None else None
    except ValueError:
        return None


def days_left(application: Application, today: date) -> int | None:
    """Working days until the last day of the deadline; below zero the days it is over."""
    last = application.last_day
    if last is None:
        return None
    if last >= today:
        return calendar.workdays_between(today, last + timedelta(days=1), application.region)
    return -max(1, calendar.workdays_between(last, today + timedelta(days=1), application.region))


@require_role(*DESK_ROLES)
@require_safe
def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The case: answers left, papers right, then the decision; every view is recorded (UX-C4, I1)."""
    application = own_application(request, pk)
    audit.record("enrollment.application_viewed", request.actor, subject=application)
    return _review_page(request, application)


def _review_page(request: HttpRequest, application: Application, *, status: int = 200, unmet: Any = ()) -> HttpResponse:
    materials = list(application.materials.all())
    options = {
        option.transition.name.removeprefix("county_"): option
        for option in EnrollmentWorkflow.options(application, request.actor)
    }
    usage = progress.used(application)
    context = {
        "application": application,
        "colour": progress.TAG_COLOURS[State(application.state)],
        "days_left": days_left(application, calendar.today()),
        "paused": usage is not None and usage.paused,
        "used_words": progress.used_words(usage),
        "sections": [(section, _answers(application, section.code)) for section in steps.SECTIONS],
        "materials": materials,
        "materials_form": MaterialsForm(materials=materials),
        "checks": [
            (row, checks.CHECKS.get(row.code, row.code), checks.REASONS[row.reason_code])
            for row in application.checks.all()
        ],
        "corrections": _corrections(application),
        "timeline": progress.timeline(application, request.actor),
        "notes": application.notes.select_related("author"),
        "note_form": NoteForm(),
        "options": options,
        "unmet": unmet,
        "back_url": reverse("enrollment:queue"),
    }
    return render(request, "enrollment/review.html", context, status=status)


def _answers(application: Application, code: str) -> list[steps.Answer]:
    return [answer for answer in steps.answers_shown(application) if answer.section == code]


def _corrections(application: Application) -> list[dict[str, Any]]:
    """What was asked for, before and after (N20)."""
    labels = {answer.key: answer.label for answer in steps.answers_shown(application)}
    names = {material.code: material.name for material in application.materials.all()}
    found = []
    for item in application.corrections.all():
        field = item.code.rpartition(".")[2]
        found.append(
            {
                "item": item,
                "label": labels.get(item.code) or names.get(item.code, item.code),
                "before": steps.readable(application, field, item.before) if item.before is not None else "",
                "after": steps.readable(application, field, item.after) if item.after is not None else "",
            }
        )
    return found


@require_role(*DECIDERS)
@require_POST
def judge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keeps which papers were seen, and approves in the same step when the clerk asked for it (B6)."""
    application = own_application(request, pk)
    form = MaterialsForm(request.POST, materials=application.materials.all())
    if not form.is_valid():
        return _review_page(request, application, status=400)
    version = posted_version(request)
    try:
        with transaction.atomic():
            services.judge_materials(
                application=application, actor=request.actor, version=version, judgements=form.judgements()
            )
    except Refused as refused:
        return _refused(request, application, refused)
    if request.POST.get("then") == "approve":
        return _approve(request, application, application.version)
    return redirect("enrollment:review", application.pk)


@require_role(*DECIDERS)
@require_POST
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approves the version of the case that the page showed."""
    return _approve(request, own_application(request, pk), posted_version(request))


def _approve(request: HttpRequest, application: Application, version: int) -> HttpResponse:
    try:
        services.approve(application=application, actor=request.actor, version=version)
    except Refused as refused:
        return _refused(request, application, refused)
    return redirect("enrollment:review", application.pk)


def _refused(request: HttpRequest, application: Application, refused: Refused, *kept: str) -> HttpResponse:
    back = reverse("enrollment:review", args=[application.pk])
    return conflict_page(request, application, refused, return_url=back, kept=kept)


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
    if request.method == "POST" and form.is_valid():
        try:
            services.ask_correction(
                application=application,
                actor=request.actor,
                version=form.cleaned_data["version"],
                items=form.requested(),
            )
        except Refused as refused:
            return _refused(request, application, refused, *[item.reason for item in form.requested()])
        return redirect("enrollment:review", application.pk)
    context = {"application": application, "form": form, "rows": form.rows()}
    return render(request, "enrollment/ask_correction.html", context)


@require_role(*DECIDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Rejects with a reason and the next step, both as the resident reads them (B6)."""
    application = own_application(request, pk)
    form = RejectForm(request.POST if request.method == "POST" else None, initial={"version": application.version})
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        next_step = " ".join(
            part for part in (str(dict(NEXT_STEPS)[told["next_step_code"]]), told["next_step"]) if part
        )
        try:
            services.reject(
                application=application,
                actor=request.actor,
                version=told["version"],
                reason_code=told["reason_code"],
                reason=told["reason"],
                next_step=next_step,
            )
        except Refused as refused:
            return _refused(request, application, refused, told["reason"], told["next_step"])
        return redirect("enrollment:review", application.pk)
    return render(request, "enrollment/reject.html", {"application": application, "form": form})


@require_role(*DECIDERS)
@require_POST
def note(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keeps a remark for colleagues."""
    application = own_application(request, pk)
    form = NoteForm(request.POST)
    if form.is_valid():
        services.add_note(application=application, actor=request.actor, text=form.cleaned_data["text"])
    return redirect("enrollment:review", application.pk)
