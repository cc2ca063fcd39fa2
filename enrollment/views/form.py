"""The registration form: task list, one page per section, check-your-answers, submission."""

from datetime import date
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from enrollment import attorney, cover, offices, pictures, services, simulator, steps, terms
from enrollment.codes import ForWhom
from enrollment.forms import DeclarationForm
from enrollment.messages import told
from enrollment.models import Application, Mandate
from enrollment.states import State
from enrollment.views.resident import own_application, posted_version
from portal.design.components import SummaryRow, Task
from portal.people import questions
from portal.people import services as people
from portal.people.access import require_role
from portal.people.actors import Role
from portal.regions import calendar, materials
from portal.regions import policy as policies
from portal.regions.policy_values import Policy
from portal.workflow.errors import Refused
from portal.workflow.views import conflict_page


def own_draft(request: HttpRequest, pk: UUID) -> Application:
    """The actor's own draft; 404 for anybody else's, also where they may see it once it is submitted."""
    application = own_application(request, pk)
    if application.resident_id != request.actor.resident_id:
        raise Http404
    return application


@require_role(Role.RESIDENT)
@require_safe
def tasks(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The hub of the form: every section with its state, and the way on (UX-R3, UX-R5)."""
    application = own_draft(request, pk)
    if application.state != State.DRAFT:
        return redirect("enrollment:application", application.pk)
    missing = steps.missing(application)
    context = {
        "application": application,
        "tasks": [_task(application, section) for section in steps.SECTIONS],
        "photo_tasks": _photo_tasks(application),
        "submit_tasks": [_submit_task(application, missing)],
        "later_tasks": _later_tasks(application),
        "answered": len(steps.SECTIONS) - len(missing),
        "total": len(steps.SECTIONS),
    }
    return render(request, "enrollment/tasks.html", context)


def _task(application: Application, section: steps.Section) -> Task:
    done = steps.is_complete(application, section)
    return Task(
        title=section.title,
        url=reverse("enrollment:section", args=[application.pk, section.code]),
        state="completed" if done else "not_started",
        hint=section.hint,
    )


def _submit_task(application: Application, missing: list[steps.Section]) -> Task:
    if missing:
        return Task(title=_("Check and submit"), state="cannot_start", hint=_("Answer every section above first."))
    return Task(title=_("Check and submit"), url=reverse("enrollment:check_answers", args=[application.pk]))


def _photo_tasks(application: Application) -> list[Task]:
    """The photos of the materials, where the region takes them (UX-R3)."""
    mode = pictures.mode_of(application)
    if mode == pictures.OFF:
        return []
    title, entries = _("Photos of the materials"), pictures.asked(application)
    if not entries:
        return [Task(title=title, state="cannot_start", hint=_("Your answers decide which materials are needed."))]
    sent = any(one.files for entry in entries for one in entry)
    state = "in_progress" if sent else "not_started"
    if not pictures.missing(entries):
        state = "completed"
    wanted = _("A photo of every required material is needed before you submit.")
    free = _("If you like; you can also bring the originals to the counter.")
    url = reverse("enrollment:pictures", args=[application.pk])
    return [Task(title=title, url=url, state=state, hint=wanted if mode == pictures.REQUIRED else free)]


def _later_tasks(application: Application) -> list[Task]:
    """What comes after the form: not to be started yet, and why; no payment of somebody with nothing to pay (UX-R3)."""
    paying = _("Follows by itself; we send a message with the amount and the day.")
    card = _("When the person is insured; the card has an application of its own.")
    later = [Task(title=_("Get the social security card"), state="cannot_start", hint=card)]
    if not _is_free(application):
        later.insert(0, Task(title=_("Pay the premium"), state="cannot_start", hint=paying))
    return later


def _is_free(application: Application) -> bool:
    """Whether the answers given so far say that the state pays the whole premium."""
    if not {steps.PERSON, steps.COVER, steps.ASSISTANCE} <= set(application.answers):
        return False
    policy = policies.for_region(application.region)
    facts = terms.facts_of(application, policy, calendar.today())
    return terms.terms_of(facts, policy, application.cover_year).fee.nothing_payable


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, pk: UUID, code: str) -> HttpResponse:
    """One page of the form; it saves, and returns to the check page when that is where the reader came from (UX-R6)."""
    application = own_draft(request, pk)
    found = steps.BY_CODE.get(code)
    if found is None:
        raise Http404
    if application.state != State.DRAFT:
        return redirect("enrollment:application", application.pk)
    to_check = request.GET.get("back") == "check"
    initial = steps.initial_answers(application, found)
    form = found.build(application, request.POST if request.method == "POST" else None, initial)
    # In the large edition the questions come one by one; until the last is answered there is nothing to save (J3).
    asked = questions.one_at_a_time(request, lambda data: found.build(application, data, initial))
    form = asked or form
    gone: list[steps.Answer] = []
    is_answered = request.method == "POST" and asked is None and form.is_valid()
    if is_answered:
        gone = steps.dropped(application, found, form.cleaned_data)
    if is_answered and (not gone or request.POST.get("drop") == "yes"):
        columns = {"office": form.cleaned_data["office"]} if code == steps.OFFICE else {}
        if "relation" in form.cleaned_data:
            columns["relation"] = form.cleaned_data["relation"]
        try:
            services.save_section(application=application, section=code, values=form.cleaned_data, **columns)
        except Refused as refused:
            back = reverse("enrollment:application", args=[application.pk])
            return conflict_page(request, application, refused, return_url=back)
        following = steps.next_section(application, code)
        if to_check or following is None:
            return redirect("enrollment:check_answers", application.pk)
        return redirect("enrollment:section", application.pk, following.code)
    context = {
        "application": application,
        "section": found,
        "form": form,
        "number": list(steps.BY_CODE).index(code) + 1,
        "total": len(steps.SECTIONS),
        "to_check": to_check,
        "gone": gone,
        "mandate": mandate_of(application),
        "asked_first": policies.for_region(application.region).setting("sharing.answers", []),
        "materials": _materials(application) if code == steps.OFFICE else None,
    }
    return render(request, "enrollment/section.html", context)


def mandate_of(application: Application) -> Mandate | None:
    """The power of attorney under which an application for another adult is made, if there is one (A10)."""
    if application.for_whom != ForWhom.FAMILY or application.beneficiary_id is None:
        return None
    return attorney.in_force(application.resident_id, application.beneficiary_id)


def _materials(application: Application) -> list[Any]:
    """The list of materials by what was answered so far; empty until that is enough."""
    if steps.PERSON not in application.answers or steps.COVER not in application.answers:
        return []
    policy = policies.for_region(application.region)
    facts = terms.facts_of(application, policy, calendar.today())
    return materials.groups(terms.terms_of(facts, policy, application.cover_year).materials)


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def check_answers(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Check-your-answers with the declaration; submits once, however often it is sent (S0-06, S0-07, A4, A9, F5)."""
    application = own_draft(request, pk)
    if request.method == "POST":
        return _submit(request, application)
    if application.state != State.DRAFT:
        return redirect("enrollment:application", application.pk)
    if steps.missing(application):
        return redirect("enrollment:tasks", application.pk)
    return _check_page(request, application, DeclarationForm())


def _submit(request: HttpRequest, application: Application) -> HttpResponse:
    token = _posted_token(request)
    if application.state != State.DRAFT and token == application.submit_token:
        return redirect("enrollment:receipt", application.pk)
    form = DeclarationForm(request.POST)
    if application.state == State.DRAFT and not form.is_valid():
        return _check_page(request, application, form)
    beneficiary_id = application.beneficiary_id
    if application.state == State.DRAFT and beneficiary_id and not people.may_act_for(request.actor, beneficiary_id):
        return render(request, "enrollment/authority_ended.html", {"application": application}, status=409)
    try:
        services.submit(application=application, actor=request.actor, token=token, version=posted_version(request))
    except pictures.PicturesMissing:
        return redirect(reverse("enrollment:pictures", args=[application.pk]) + "?missing")
    except services.Incomplete:
        return redirect("enrollment:tasks", application.pk)
    except services.NotOpen:
        opens_on = cover.next_opening(calendar.today(), policies.for_region(application.region))
        return render(
            request, "enrollment/not_open.html", {"region": application.region, "opens_on": opens_on}, status=409
        )
    except services.DuplicateApplication as duplicate:
        return render(request, "enrollment/duplicate.html", {"first": duplicate.first}, status=409)
    except Refused as refused:
        back = reverse("enrollment:check_answers", args=[application.pk])
        return conflict_page(request, application, refused, return_url=back)
    pictures.drop_surplus(application)
    return redirect("enrollment:receipt", application.pk)


def _posted_token(request: HttpRequest) -> UUID:
    """The submit token of the page; one that matches nothing when it carries none."""
    try:
        return UUID(request.POST.get("token", ""))
    except ValueError:
        return UUID(int=0)


def _check_page(request: HttpRequest, application: Application, form: DeclarationForm) -> HttpResponse:
    policy = policies.for_region(application.region)
    today = calendar.today()
    facts = terms.facts_of(application, policy, today)
    found = terms.terms_of(facts, policy, application.cover_year)
    context = {
        "application": application,
        "form": form,
        "sections": [(section, _rows(application, section)) for section in steps.SECTIONS],
        "fee": found.fee,
        "mandate": mandate_of(application),
        "asked_first": policy.setting("sharing.answers", []),
        "entries": materials.groups(found.materials),
        "refusals": terms.verdict(facts, policy, today).refusals,
        "promise": offices.promise(policy, application.office.kind) if application.office else "",
        "payment_order": policy.setting("payment_order", "review_first"),
        "pay_for_birth_by": _pay_for_birth_by(application, facts, policy),
        "gives": _gives(application, facts, policy),
        "birth_differs": _birth_differs(application, facts),
        "told": told(application),
        "photo_mode": pictures.mode(policy),
        "photos": pictures.counts(application),
    }
    return render(request, "enrollment/check_answers.html", context, status=200)


def _pay_for_birth_by(application: Application, facts: dict[str, Any], policy: Policy) -> date | None:
    """The last day to pay for a newborn's cover from birth; None for everybody else."""
    birth_on = date.fromisoformat(facts["birth_on"])
    return terms.newborn_until(birth_on, application.region, policy) if facts["newborn"] else None


def _birth_differs(application: Application, facts: dict[str, Any]) -> bool:
    """Whether the date of birth typed is not the one in the identity number: allowed, and looked at (UX-R8)."""
    known = application.beneficiary.birth_date if application.beneficiary else None
    return known is not None and known.isoformat() != facts["birth_on"]


def _gives(application: Application, facts: dict[str, Any], policy: Policy) -> simulator.Outcome | None:
    """What a payment today would give for the year applied for; None when the year is closed (N21)."""
    region = application.region
    birth_on = date.fromisoformat(facts["birth_on"])
    asked = simulator.Question(birth_on, calendar.today(), facts["missed_years"], category=facts["category"])
    found = simulator.outcomes(asked, policy, lambda day: calendar.is_workday(day, region))
    return next((outcome for outcome in found if outcome.year == application.cover_year), None)


def _rows(application: Application, section: steps.Section) -> list[SummaryRow]:
    url = reverse("enrollment:section", args=[application.pk, section.code]) + "?back=check"
    rows = [
        SummaryRow(answer.label, answer.value, url)
        for answer in steps.answers_shown(application)
        if answer.section == section.code
    ]
    if section.code == steps.PERSON and application.beneficiary is not None:
        person = application.beneficiary
        known = [SummaryRow(_("Name"), person.name), SummaryRow(_("Identity number"), person.masked_identity_number)]
        rows = known + rows
    return rows
