"""The resident's pages outside the form: own applications, beginning, progress, corrections, withdrawal, receipt."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import cover, discarding, offices, papers, pictures, progress, services, simulator, steps, terms
from enrollment.codes import ForWhom
from enrollment.correction_forms import CorrectionAnswersForm
from enrollment.forms import AppealForm, StartForm, WithdrawForm, YearForm
from enrollment.messages import is_adult, told
from enrollment.models import CASE_ROLES, Appeal, Application, CorrectionItem, Cover, grouped_materials
from enrollment.states import State
from enrollment.views.public import chosen_region, pick_first
from enrollment.workflow import WITHDRAWABLE
from portal import audit
from portal.design.context import address
from portal.documents.papers import PaperCode, paper_response
from portal.documents.papers.codes import code_data_uri
from portal.documents.records import public_address
from portal.people import questions
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Region
from portal.workflow.errors import Refused
from portal.workflow.views import conflict_page

LISTED = 50
PAPER_READERS = (Role.RESIDENT, *CASE_ROLES)


def own_application(request: HttpRequest, pk: UUID) -> Application:
    """The application if this actor may see it, else 404."""
    return get_object_or_404(Application.objects.visible_to(request.actor).for_pages(), pk=pk)


def posted_version(request: HttpRequest) -> int:
    """The version a form carries; 0, which matches nothing, when it carries none."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@require_role(Role.RESIDENT)
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Everything the resident has applied for, what waits for them on top, and who is insured (UX-R22)."""
    visible = Application.objects.visible_to(request.actor).exclude(state=State.LAPSED, number=None)
    rows = list(visible.for_pages().order_by("-created_at")[:LISTED])
    shown = [
        {"application": row, "step": progress.step(row), "colour": progress.TAG_COLOURS[State(row.state)]}
        for row in rows
        if not row.is_discarded
    ]
    today = calendar.today()
    family = Resident.objects.visible_to(request.actor)
    covers = Cover.objects.filter(person__in=family, until__gte=today).select_related("person", "region")
    context = {
        "waiting": [row for row in shown if row["step"].waits_for_you],
        "others": [row for row in shown if not row["step"].waits_for_you],
        "covers": [{"cover": row, "status": row.status_on(today)} for row in covers],
        "discarded": [row for row in rows if row.is_discarded and row.due_at and row.due_at > timezone.now()],
    }
    return render(request, "enrollment/my.html", context)


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Asks whom the application is for, and for which year where several can be joined."""
    resident = get_object_or_404(Resident, pk=request.actor.resident_id)
    region = chosen_region(request) or resident.home_region
    if region is None:
        return pick_first(request)
    if (guarded := through_guardian(request, resident, region)) is not None:
        return guarded
    others = Resident.objects.visible_to(request.actor).exclude(pk=resident.pk).order_by("birth_date", "name")
    form = StartForm(
        request.POST if request.method == "POST" else None,
        family=others,
        own_name=resident.name,
        initial={"who": request.GET.get("who", "")},
    )
    if request.method == "POST" and form.is_valid():
        return _begin(request, region, resident, form)
    return render(request, "enrollment/start.html", {"form": form, "region": region, "add_child_url": _add_child_url()})


def through_guardian(request: HttpRequest, resident: Resident, region: Region) -> HttpResponse | None:
    """The page for a child who has signed in alone: who applies for it, and how; None for everybody else (A10)."""
    policy = policies.for_region(region)
    age = terms.guardian_age(resident, policy, calendar.today())
    if age is None:
        return None
    office = next(iter(offices.serving(region, policy)), None)
    return render(request, "enrollment/through_guardian.html", {"age": age, "office": office})


def _add_child_url() -> str:
    return f"{reverse('people:child')}?{urlencode({'next': reverse('enrollment:start')})}"


def _begin(request: HttpRequest, region: Region, resident: Resident, form: StartForm) -> HttpResponse:
    person = form.chosen() or resident
    years = _years(person, region)
    if not years:
        return render(request, "enrollment/not_open.html", {"region": region, "opens_on": _opens_on(region)})
    year = years[0].year
    if len(years) > 1:
        choices = [(open_year.year, str(open_year.year)) for open_year in years]
        asked = "cover_year" in request.POST
        year_form = YearForm(request.POST if asked else None, years=choices)
        if not asked or not year_form.is_valid():
            context = {
                "form": year_form,
                "who": form.cleaned_data["who"],
                "region": region,
                "person": person,
                "years": years,
            }
            return render(request, "enrollment/year.html", context)
        year = year_form.cleaned_data["cover_year"]
    taken = Application.objects.live().filter(beneficiary=person, cover_year=year)
    if taken.exists():
        return _duplicate(request, taken.visible_to(request.actor).first())
    application = services.start(
        actor=request.actor,
        resident=resident,
        region=region,
        for_whom=_for_whom(person, resident),
        cover_year=year,
        beneficiary=person,
    )
    return redirect("enrollment:tasks", application.pk)


def _years(person: Resident, region: Region) -> Sequence[simulator.Outcome]:
    """The years a person can join today, each with what a payment today would give, as far as is on file."""
    today = calendar.today()
    asked = simulator.Question(person.birth_date or today, today, category=person.assistance_category)
    policy = policies.for_region(region)
    return simulator.outcomes(asked, policy, lambda day: calendar.is_workday(day, region))


def _opens_on(region: Region) -> date:
    return cover.next_opening(calendar.today(), policies.for_region(region))


def _for_whom(person: Resident, resident: Resident) -> str:
    if person.pk == resident.pk:
        return ForWhom.SELF
    return ForWhom.FAMILY if is_adult(person) else ForWhom.CHILD


def _duplicate(request: HttpRequest, first: Application | None) -> HttpResponse:
    """Leads to the first application where the reader may see it, else says so without telling whose it is (A9)."""
    return render(request, "enrollment/duplicate.html", {"first": first}, status=409)


@require_role(Role.RESIDENT)
@require_safe
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where the application stands: done, now, next, by when, with whom, and what to do (F1, N2)."""
    application = own_application(request, pk)
    usage = progress.used(application)
    context = {
        "application": application,
        "step": progress.step(application),
        "colour": progress.TAG_COLOURS[State(application.state)],
        "timeline": progress.timeline(application, request.actor),
        "standing": progress.standing(application),
        "used_words": progress.used_words(usage),
        "paused": usage is not None and usage.paused,
        "provisional": usage is not None and usage.provisional,
        "cover": Cover.objects.filter(application=application).first(),
        "appeal": progress.appeal(application) if application.state == State.REJECTED else None,
        "filed_appeal": Appeal.objects.filter(application=application).first(),
        "appeal_until": services.appeal_until(application) if application.state == State.REJECTED else None,
        "entries": grouped_materials(application.materials.all()),
        "photos": pictures.counts(application),
        "withdrawable": application.state in WITHDRAWABLE,
        "told": told(application),
        "office": offices.in_charge(application) or offices.fallback(application.region),
        "hotline": policies.for_region(application.region).setting("hotline", "12393"),
    }
    return render(request, "enrollment/progress.html", context)


@require_role(Role.RESIDENT)
@require_safe
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page after submission: the number, what happens next, the receipt to keep (F3, UX-R12)."""
    application = own_application(request, pk)
    if not application.number:
        return redirect("enrollment:tasks", application.pk)
    context = {
        "application": application,
        "decided_by": papers.expected_decision_on(application),
        "promise": offices.promise(application.policy.policy, application.office_kind),
        "told": told(application),
        "entries": grouped_materials(application.materials.all()),
        "photos": pictures.counts(application),
        "progress_code": _progress_code(application),
        "hotline": application.policy.policy.setting("hotline", "12393"),
    }
    return render(request, "enrollment/receipt.html", context)


def _progress_code(application: Application) -> str:
    """The code that leads to the progress, as a picture, for another device or a relative (UX-R12)."""
    path = address("lookup_case", application.pk)
    return code_data_uri(PaperCode("qr", public_address() + path)) if path else ""


@require_role(*PAPER_READERS)
@require_safe
def paper(request: HttpRequest, pk: UUID, kind: str, fmt: str) -> HttpResponse:
    """One paper about the application as web print, PDF or Word file, made on the spot without any worker (F3, N5).

    Every reading by staff is on the audit log.
    """
    application = own_application(request, pk)
    made = papers.make(kind, application) if fmt in papers.FORMATS else None
    if made is None:
        raise Http404
    if request.actor.is_staff_role:
        details = {"kind": kind, "form": fmt}
        audit.record("enrollment.paper", request.actor, subject=application, details=details)
    return paper_response(request, made, fmt, f"{kind}-{application.number}")


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Opens exactly the answers and materials the office asked about; everything else stays as it is (N20, UX-R16)."""
    application = own_application(request, pk)
    if application.state != State.CORRECTION_REQUIRED:
        return redirect("enrollment:application", application.pk)
    items = list(application.corrections.filter(round=application.correction_round))

    def build(data: QueryDict | None) -> CorrectionAnswersForm:
        return CorrectionAnswersForm(data, application=application, items=items)

    asked = questions.one_at_a_time(request, build)
    form = asked or build(request.POST if request.method == "POST" else None)
    version = posted_version(request) if request.method == "POST" else application.version
    if request.method == "POST" and asked is None and form.is_valid():
        try:
            services.resubmit(
                application=application,
                actor=request.actor,
                version=version,
                values=form.answers(),
                handed_in=form.handed_in(),
            )
        except Refused as refused:
            back = reverse("enrollment:application", args=[application.pk])
            return conflict_page(request, application, refused, return_url=back)
        return redirect("enrollment:application", application.pk)
    context = {"application": application, "form": form, "version": version, "rest": _unasked(application, items)}
    return render(request, "enrollment/correct.html", context | _photos(application, items))


def _photos(application: Application, items: Iterable[CorrectionItem]) -> dict[str, object]:
    """Whether materials can be put right by photos, and how many were sent so far."""
    if pictures.mode_of(application) == pictures.OFF or all(item.kind != item.Kind.MATERIAL for item in items):
        return {}
    sent = application.pictures.standing().filter(round=application.correction_round).count()
    return {"photos_asked": True, "photos": sent}


def _unasked(application: Application, items: Iterable[CorrectionItem]) -> list[steps.Answer]:
    """The answers that stay as they are, shown and not open (UX-R16)."""
    asked = {item.code for item in items}
    return [answer for answer in steps.answers_shown(application) if answer.key not in asked]


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def appeal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Files an application for reconsideration online (Reconsideration Law 22)."""
    application = own_application(request, pk)
    if application.state != State.REJECTED or Appeal.objects.filter(application=application).exists():
        return redirect("enrollment:application", application.pk)
    form = AppealForm(request.POST if request.method == "POST" else None)
    until = services.appeal_until(application)
    over = calendar.today() > until
    if request.method == "POST" and form.is_valid() and not over:
        services.appeal(application=application, actor=request.actor, text=form.cleaned_data["text"])
        return redirect("enrollment:application", application.pk)
    context = {"application": application, "form": form, "until": until, "over": over}
    return render(request, "enrollment/appeal.html", context | {"appeal": progress.appeal(application)})


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks once more before an application is withdrawn (UX-R17)."""
    application = own_application(request, pk)
    back = reverse("enrollment:application", args=[application.pk])
    if application.state not in WITHDRAWABLE and request.method != "POST":
        return redirect(back)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    version = posted_version(request) if request.method == "POST" else application.version
    if request.method == "POST" and form.is_valid():
        try:
            services.withdraw(
                application=application, actor=request.actor, version=version, reason=form.cleaned_data["reason"]
            )
        except Refused as refused:
            return conflict_page(request, application, refused, return_url=back, kept=[form.cleaned_data["reason"]])
        return redirect(back)
    context = {"application": application, "form": form, "version": version, "title": _("Withdraw the application")}
    return render(request, "enrollment/withdraw.html", context)


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks once more before a draft is deleted; for ten minutes it can be taken back (UX-R17)."""
    application = own_application(request, pk)
    if application.resident_id != request.actor.resident_id:
        raise Http404
    if application.state != State.DRAFT or (request.method != "POST" and application.is_discarded):
        return redirect("enrollment:mine")
    if request.method == "POST":
        try:
            discarding.discard(application=application, actor=request.actor, version=posted_version(request))
        except Refused as refused:
            return conflict_page(request, application, refused, return_url=reverse("enrollment:mine"))
        return redirect("enrollment:mine")
    context = {"application": application, "minutes": discarding.UNDO_MINUTES}
    return render(request, "enrollment/discard.html", context)


@require_role(Role.RESIDENT)
@require_POST
def restore(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Takes the deletion of a draft back."""
    application = own_application(request, pk)
    if application.resident_id != request.actor.resident_id:
        raise Http404
    try:
        discarding.restore(application=application, actor=request.actor)
    except Refused as refused:
        return conflict_page(request, application, refused, return_url=reverse("enrollment:mine"))
    return redirect("enrollment:tasks", application.pk)
