"""The case on one page, the judgement of its papers, and the decision."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import changed, checks, leases, progress, queueing, services, steps, undoing
from enrollment.desk_forms import IDENTITY_PURPOSES, IdentityForm, MaterialsForm, NoteForm, refusal_words
from enrollment.households import MOST_MEMBERS
from enrollment.models import Application, ApplicationMaterial, MaterialPicture
from enrollment.navigation import DECIDERS, DESK_ROLES
from enrollment.picture_words import remarks
from enrollment.pictures import OFF, erased_on, may_change, mode_of
from enrollment.queueing import Filter
from enrollment.states import State
from enrollment.views.desk import habits_of
from enrollment.views.resident import own_application, posted_version
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.design.text import format_moment
from portal.documents.models import Upload, UploadState
from portal.people.access import require_role
from portal.people.actors import Actor, Role
from portal.regions import calendar
from portal.workflow.errors import ConflictOfInterest, Refused
from portal.workflow.views import conflict_page

DECISIONS = ("approve", "reject", "ask_correction")


def place(request: HttpRequest) -> tuple[Filter, str]:
    """The view of the queue a case was opened from, and its whole address for the way back (UX-C6)."""
    text = (request.POST.get("in") or request.GET.get("in") or "")[:500]
    data = QueryDict(text)
    view = queueing.read(data, request.actor)
    query = view.query | ({"after": data["after"]} if data.get("after") else {})
    return view, urlencode(query) if text else ""


def case_url(application: Application, inside: str) -> str:
    """The address of a case, with the way back to the queue it was opened from."""
    url = reverse("enrollment:review", args=[application.pk])
    return f"{url}?{urlencode({'in': inside})}" if inside else url


@require_role(*DESK_ROLES)
@require_safe
def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The case: answers left, papers right, then the decision; every view is recorded (UX-C4, I1)."""
    application = own_application(request, pk)
    audit.record("enrollment.application_viewed", request.actor, subject=application)
    return review_page(request, application, takes_lease=request.method == "GET")


def review_page(
    request: HttpRequest,
    application: Application,
    *,
    status: int = 200,
    form: MaterialsForm | None = None,
    takes_lease: bool = False,
) -> HttpResponse:
    """The page of a case; whoever could decide it takes its lease by opening it, unless a colleague has it."""
    at = timezone.now()
    options = {
        option.transition.name.removeprefix("county_"): option
        for option in EnrollmentWorkflow.options(application, request.actor)
    }
    may_decide = any(verb in options for verb in DECISIONS)
    is_own = bool(options) and bool(EnrollmentWorkflow.conflict(request.actor, [application.pk]))
    if is_own:
        options, may_decide = {}, False
    lease = None
    if may_decide:
        opened = leases.open_case if takes_lease else leases.held
        lease = opened(application, request.actor)
    if lease is not None:
        options = {}
    materials = list(application.materials.all())
    pictures = pictures_of(application, request.actor, materials)
    usage = progress.used(application)
    _view, inside = place(request)
    context = {
        "application": application,
        "inside": inside,
        "colour": progress.TAG_COLOURS[State(application.state)],
        "days_left": queueing.working_days_left(application, calendar.today()),
        "paused": usage is not None and usage.paused,
        "used_words": progress.used_words(usage),
        "sections": sections(application),
        "materials": [(material, refusal_words(material)) for material in materials],
        "pictures": pictures,
        "pictures_by": _by_code(pictures),
        "takes_photos": request.actor.role == Role.CLERK
        and mode_of(application) != OFF
        and may_change(application, request.actor),
        "photos_erased_on": None if pictures else erased_on(application),
        "materials_form": form or MaterialsForm(materials=materials),
        "checks": [
            (row, checks.CHECKS.get(row.code, row.code), checks.REASONS.get(row.reason_code, row.reason_code))
            for row in application.checks.all()
        ],
        "corrections": corrections(application),
        "rounds_left": services.rounds_left(application),
        "family": family(application, request.actor),
        "may_go_on": request.actor.role in DECIDERS,
        "timeline": progress.timeline(application, request.actor),
        "notes": application.notes.select_related("author"),
        "note_form": NoteForm(),
        "identity_form": IdentityForm(),
        "options": options,
        "is_own": is_own,
        "lease": lease,
        "lease_words": leases.words(lease, at) if lease else "",
        "lease_live": lease is not None and lease.is_live(at),
        "opened": at,
        "undo": undoing.strip(request),
        "habits": habits_of(request.actor),
        "back_url": f"{reverse('enrollment:queue')}{'?' if inside else ''}{inside}#case-{application.pk}",
    }
    return render(request, "enrollment/review.html", context, status=status)


def sections(application: Application) -> list[tuple[steps.Section, list[steps.Answer]]]:
    """The answers by section, in the order of the form."""
    answers = list(steps.answers_shown(application))
    return [(section, [one for one in answers if one.section == section.code]) for section in steps.SECTIONS]


def pictures_of(
    application: Application, actor: Actor, materials: Iterable[ApplicationMaterial]
) -> list[dict[str, Any]]:
    """The pictures handed in with the case, for the viewer beside the data: by material in the order of the list, the
    latest round first, so that what was put right stands before what it replaces.
    """
    rows = Upload.objects.visible_to(actor).filter(reference=str(application.pk), state=UploadState.READY)
    order_sent = [f"material_picture__{name}" for name in MaterialPicture._meta.ordering]
    shown = list(rows.select_related("material_picture").order_by(*order_sent, "created_at", "pk"))
    order = {material.code: (material.position, material.name) for material in materials}
    known = [(row, getattr(row, "material_picture", None)) for row in shown]
    by_material = [(row, photo) for row, photo in known if photo is None or photo.code in order]
    latest: dict[str, int] = {}
    for _row, photo in by_material:
        if photo is not None:
            latest[photo.code] = max(latest.get(photo.code, 0), photo.round)
    # The sort is stable: within a round the photos stay in the order they came.
    by_material.sort(key=lambda pair: (order[pair[1].code][0], -pair[1].round) if pair[1] is not None else (-1, 0))
    numbers: Counter[str] = Counter()
    pages = Counter(photo.file for _row, photo in by_material if photo is not None)
    found = []
    for row, photo in by_material:
        code = photo.code if photo is not None else ""
        numbers[code] += 1
        label = _("Picture %(number)d, %(moment)s") % {
            "number": numbers[code],
            "moment": format_moment(photo.sent_at if photo is not None else row.created_at),
        }
        if photo is not None:
            said = [*_round_words(photo, latest[code]), *remarks(row, photo, pages[photo.file])]
            label = " · ".join([order[code][1], label, *said])
        found.append(
            {
                "url": reverse("documents:upload", args=[row.pk]),
                "label": label,
                "short": " ".join([str(numbers[code]), *(_round_words(photo, latest[code]) if photo else [])]),
                "code": code,
                "width": row.width,
                "height": row.height,
            }
        )
    return found


def _round_words(photo: MaterialPicture, latest: int) -> list[str]:
    """With which correction a photo came, or that one has replaced it since."""
    if photo.round < latest:
        return [_("before correction %(number)d") % {"number": latest}]
    return [_("correction %(number)d") % {"number": photo.round}] if photo.round else []


def _by_code(found: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    by_code: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_code.setdefault(one["code"], []).append(one)
    return by_code


def family(application: Application, actor: Actor) -> dict[str, Any]:
    """The people registered in the same visit: those the actor sees, with their states, and how many others (N13)."""
    if application.pack_id is None:
        return {}
    filed = Application.objects.filter(pack=application.pack_id).exclude(state=State.DRAFT)
    seen = filed.filter(pk__in=Application.objects.visible_to(actor).order_by().values("pk"))
    rows = list(
        seen.select_related("beneficiary").defer("answers_cipher", "facts").order_by("created_at", "pk")[:MOST_MEMBERS]
    )
    elsewhere = filed.count() - len(rows)
    if len(rows) + elsewhere < 2:
        return {}
    return {"members": [(row, progress.TAG_COLOURS[State(row.state)]) for row in rows], "elsewhere": elsewhere}


def corrections(application: Application) -> list[dict[str, Any]]:
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


def require_no_conflict(request: HttpRequest, application: Application) -> None:
    """Raises ConflictOfInterest before anything of an own or household case is judged (N19)."""
    if EnrollmentWorkflow.conflict(request.actor, [application.pk]):
        raise ConflictOfInterest(EnrollmentWorkflow.approve, application, request.actor, recorded=False)


@require_role(*DECIDERS)
@require_POST
def judge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keeps how each paper was judged, and approves in the same step when the clerk asked for it (B6)."""
    application = own_application(request, pk)
    require_no_conflict(request, application)
    form = MaterialsForm(request.POST, materials=application.materials.all())
    if not form.is_valid():
        return review_page(request, application, status=400, form=form)
    try:
        services.judge_materials(
            application=application,
            actor=request.actor,
            version=posted_version(request),
            judgements=form.judgements(),
            reasons=form.reasons(),
        )
    except Refused as refused:
        return refused_page(request, application, refused, *form.typed())
    if request.POST.get("then") in ("approve", "approve_next"):
        return _approve(request, application, application.version)
    notes.success(request, _("What you have seen is kept."))
    return redirect(case_url(application, place(request)[1]))


@require_role(*DECIDERS)
@require_POST
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approves the version of the case that the page showed."""
    return _approve(request, own_application(request, pk), posted_version(request))


def _approve(request: HttpRequest, application: Application, version: int) -> HttpResponse:
    stood = Application(pk=application.pk, due_at=application.due_at, state_since=application.state_since)
    try:
        services.approve(
            application=application,
            actor=request.actor,
            version=version,
            undo_seconds=undoing.seconds(application),
        )
    except Refused as refused:
        return refused_page(request, application, refused)
    return decided(request, application, stood, "approve")


def decided(request: HttpRequest, application: Application, stood: Application, verb: str) -> HttpResponse:
    """After a decision: the strip to take it back, and the next case of this filter where it was asked for (UX-C6)."""
    undoing.remember(request, application, verb)
    if not request.POST.get("then", "").endswith("_next"):
        return redirect(case_url(application, place(request)[1]))
    view, inside = place(request)
    following = queueing.claim_next(request.actor, view, stood)
    if following is None:
        notes.success(request, _("That was the last case of this view."))
        return redirect(f"{reverse('enrollment:queue')}?{view.address}")
    return redirect(case_url(following, inside or view.address))


def refused_page(request: HttpRequest, application: Application, refused: Refused, *kept: str) -> HttpResponse:
    """Says why a step was not carried out, what changed since the page was opened, and what was typed."""
    return conflict_page(
        request,
        application,
        refused,
        return_url=case_url(application, place(request)[1]),
        kept=kept,
        changes=changed.since(refused.subject, request.POST, request.actor),
    )


@require_role(*DECIDERS)
@require_POST
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Takes back the decision this clerk made seconds ago."""
    application = own_application(request, pk)
    request.session.pop(undoing.SESSION_KEY, None)
    try:
        undoing.take_back(application=application, actor=request.actor, version=posted_version(request))
    except Refused as refused:
        return refused_page(request, application, refused)
    notes.success(request, _("Taken back. The case is as it was, and no message has gone out."))
    return redirect(case_url(application, place(request)[1]))


@require_role(*DECIDERS)
@require_POST
def take_over(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Takes a case over whose holder gave no sign of life for too long (N18)."""
    application = own_application(request, pk)
    if leases.take_over(application, request.actor):
        audit.record("enrollment.case_taken_over", request.actor, subject=application)
    else:
        notes.error(request, _("The colleague is still at work on this case."))
    return redirect(case_url(application, place(request)[1]))


@require_role(*DECIDERS)
@require_POST
def give_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Leaves a case to colleagues and goes back to the queue."""
    application = own_application(request, pk)
    leases.give_back(application, request.actor)
    inside = place(request)[1]
    return redirect(f"{reverse('enrollment:queue')}{'?' if inside else ''}{inside}#case-{application.pk}")


@require_role(*DECIDERS)
@require_safe
def following(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Goes to the case behind this one in the view it was opened from, and leaves this one as it is (B8)."""
    application = own_application(request, pk)
    view, inside = place(request)
    found = queueing.next_case(request.actor, view, application)
    if found is None:
        notes.success(request, _("That was the last case of this view."))
        return redirect(f"{reverse('enrollment:queue')}?{view.address}")
    return redirect(case_url(found, inside or view.address))


@require_role(*DECIDERS)
@require_POST
def note(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keeps a remark for colleagues."""
    application = own_application(request, pk)
    form = NoteForm(request.POST)
    if form.is_valid():
        services.add_note(application=application, actor=request.actor, text=form.cleaned_data["text"])
    return redirect(case_url(application, place(request)[1]))


SHOWN_SECONDS = 60
SHOWN = "desk.identity"


@require_role(*DECIDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def identity(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Shows the whole identity number for a minute, after a reason that the audit log keeps (UX-C11)."""
    application = own_application(request, pk)
    form = IdentityForm(request.POST if request.method == "POST" else None)
    at = timezone.now().timestamp()
    if request.method == "POST" and form.is_valid():
        purpose = form.cleaned_data["purpose"]
        audit.record("enrollment.identity_shown", request.actor, subject=application, purpose=purpose)
        request.session[SHOWN] = {"pk": str(application.pk), "until": at + SHOWN_SECONDS}
        return redirect("enrollment:identity", application.pk)
    mark = request.session.get(SHOWN) or {}
    left = int(mark.get("until", 0) - at) if mark.get("pk") == str(application.pk) else 0
    context = {
        "application": application,
        "form": form,
        "left": left,
        "number": application.beneficiary.identity_number if left > 0 and application.beneficiary else "",
        "purposes": IDENTITY_PURPOSES,
    }
    response = render(request, "enrollment/identity.html", context)
    if left > 0:
        response["Refresh"] = f"{left}; url={reverse('enrollment:review', args=[application.pk])}"
    response["Cache-Control"] = "no-store"
    return response
