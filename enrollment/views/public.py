"""Before sign-in: may I join, and what do I need in my region."""

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from enrollment import cover, eligibility, lists, offices, papers, simulator, terms
from enrollment.codes import Status
from enrollment.forms import ASSISTANCE, GROUPS, EligibilityForm, MaterialsForm, SimulatorForm
from portal.documents.papers import paper_response
from portal.people import questions
from portal.people.identity import age_on
from portal.regions import calendar, materials
from portal.regions import policy as policies
from portal.regions import public as places
from portal.regions.models import Region
from portal.regions.policy_values import Fee, Policy

FORMATS = ("html", "pdf", "docx")


def chosen_region(request: HttpRequest) -> Region | None:
    """The place the visitor picked, from the address or from the pages before."""
    code = request.GET.get("region", "")
    found = (
        Region.objects.filter(code=code, active=True).exclude(level__in=["nation", "province"]).first()
        if code
        else None
    )
    if found is not None:
        places.remember(request, found)
    return found or places.chosen(request)


def pick_first(request: HttpRequest) -> HttpResponse:
    """Sends the visitor to pick a place and back to this page."""
    return redirect(f"{reverse('regions:pick')}?{urlencode({'next': request.path})}")


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Says who may join, with a reason for each rule; nothing of the answers is kept (A1, S1-14..16, S1-22)."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)

    def build(data: QueryDict | None) -> EligibilityForm:
        return EligibilityForm(data, initial={"assistance": "none"})

    asked = questions.one_at_a_time(request, build)
    form = asked or build(request.POST if request.method == "POST" else None)
    if request.method == "POST" and asked is None and form.is_valid():
        return render(request, "enrollment/check_result.html", result_context(region, form.cleaned_data))
    return render(request, "enrollment/check.html", {"form": form, "region": region})


def result_context(region: Region, told: dict[str, Any]) -> dict[str, Any]:
    """The verdict, the open years, and where to go on."""
    policy = policies.for_region(region)
    today = calendar.today()
    assistance = "" if told["assistance"] == "none" else told["assistance"]
    conditions = {name: told[name] for name in ("birth_on", "status", "other_cover", "in_area")}
    facts = eligibility.Facts(on=today, **conditions)
    verdict = eligibility.check(facts, policy)
    asked = simulator.Question(facts.birth_on, today, category=assistance)
    years = simulator.outcomes(asked, policy, lambda day: calendar.is_workday(day, region))
    group = group_of(facts.birth_on, region, policy, today)
    query = {"status": told["status"], "group": group, "assistance": told["assistance"]}
    return {
        "region": region,
        "verdict": verdict,
        "notes": eligibility.notes(facts, policy, terms.newborn_until(facts.birth_on, region, policy), assistance),
        "years": [(year, year_fee(policy, year.year, assistance, facts.birth_on)) for year in years],
        "opens_on": cover.next_opening(today, policy),
        "materials_url": f"{reverse('enrollment:materials')}?{urlencode(query)}",
        "office": next(iter(offices.serving(region, policy)), None),
        "consult": policy.text("consult_text", ""),
    }


def year_fee(policy: Policy, cover_year: int, assistance: str, birth_on: date) -> Fee:
    """What this person pays for a cover year."""
    age = age_on(birth_on, max(birth_on, date(cover_year, 1, 1)))
    return terms.premium(policy, cover_year, assistance, age)


def group_of(birth_on: date, region: Region, policy: Policy, on: date) -> str:
    """The age group that decides the list of materials."""
    if on <= terms.newborn_until(birth_on, region, policy):
        return "newborn"
    alone = int(policy.setting("self_application_age", 16))
    return "minor" if age_on(birth_on, on) < alone else "adult"


@login_not_required
@require_safe
def needed(request: HttpRequest) -> HttpResponse:
    """What to bring, what it costs, where to go and how long it takes here; made to be printed (A3, S0-03, S0-04)."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    policy = policies.for_region(region)
    form, told = asked_for(request)
    today = calendar.today()
    rules = policy.materials(scenario(told, policy), facts(told, policy))
    category = "" if told["assistance"] == "none" else told["assistance"]
    year = next(iter(terms.open_years(today, date(1980, 1, 1), region, policy)), None)
    cover_year = year.year if year else cover.next_opening(today, policy).year + 1
    context = {
        "region": region,
        "form": form if form.is_bound else MaterialsForm(initial=told),
        "told": told,
        "entries": materials.groups(rules),
        "asked_first": policy.setting("sharing.answers", []),
        "paper_query": urlencode({**told, "region": region.code}),
        "fee": policy.fee("premium", cover_year=cover_year, category=category),
        "cover_year": cover_year,
        "collection": cover.collection_period(cover_year, policy),
        "offices": [(office, offices.promise(policy, office.kind)) for office in offices.serving(region, policy)],
        "channels": policy.channels("premium"),
        "payment_order": policy.setting("payment_order", "review_first"),
        "appeal_law": policy.setting("legal.enrollment", []),
        "consult": policy.text("consult_text", ""),
        "waiting": policy.text("waiting_rule_text", ""),
    }
    return render(request, "enrollment/materials.html", context)


def asked_for(request: HttpRequest) -> tuple[MaterialsForm, dict[str, Any]]:
    """For whom the list is asked: what the address says, else an adult with a household register here."""
    form = MaterialsForm(request.GET if {"status", "group"} & set(request.GET) else None)
    if form.is_bound and form.is_valid():
        return form, form.cleaned_data
    return form, {"status": Status.LOCAL_HUKOU, "group": "adult", "assistance": "none"}


@login_not_required
@require_safe
def needed_paper(request: HttpRequest, fmt: str) -> HttpResponse:
    """The list of materials as web print, PDF or Word file, before anybody has signed in (A3, N15)."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    if fmt not in FORMATS:
        raise Http404
    policy = policies.for_region(region)
    _form, told = asked_for(request)
    rules = policy.materials(scenario(told, policy), facts(told, policy))
    paper = lists.materials_list(region, policy, rules, labels_of(told))
    return paper_response(request, paper, fmt, f"materials-{region.code}")


def labels_of(told: dict[str, Any]) -> list[str]:
    """For whom a list is, in words."""
    group = str(dict(GROUPS)[told["group"]])
    return [group, str(Status(told["status"]).label), str(dict(ASSISTANCE)[told["assistance"]])]


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def when(request: HttpRequest) -> HttpResponse:
    """“Pay on this date, covered from that date”: the simulator; nothing typed is kept (N21)."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    bound = request.method == "POST"

    def build(data: QueryDict | None) -> SimulatorForm:
        return SimulatorForm(data, initial={"pay_on": calendar.today(), "assistance": "none"})

    asked = questions.one_at_a_time(request, build)
    form = asked or build(request.POST if bound else None)
    context: dict[str, Any] = {"form": form, "region": region}
    if bound and asked is None and form.is_valid():
        context |= simulated(region, form.cleaned_data)
    return render(request, "enrollment/simulator.html", context)


def simulated(region: Region, told: dict[str, Any]) -> dict[str, Any]:
    """What a payment on the day gives, what follows from waiting, and what from not renewing."""
    policy = policies.for_region(region)
    assistance = "" if told["assistance"] == "none" else told["assistance"]
    birth_on, pay_on = told["birth_on"], told["pay_on"]
    question = simulator.Question(birth_on, pay_on, told["missed_years"], told["repaid_years"], assistance)

    def is_workday(day: date) -> bool:
        return calendar.is_workday(day, region)

    with calendar.pinned():
        found = simulator.outcomes(question, policy, is_workday)
        stretches = simulator.if_you_wait(question, policy, is_workday)
    last_year = max((outcome.year for outcome in found), default=cover.next_opening(pay_on, policy).year + 1)
    return {
        "asked": question,
        "outcomes": [(outcome, year_fee(policy, outcome.year, assistance, birth_on)) for outcome in found],
        "stretches": stretches,
        "opens_on": cover.next_opening(pay_on, policy),
        "lapse": simulator.lapse(last_year, policy, assistance),
        "waiting": policy.text("waiting_rule_text", ""),
    }


@login_not_required
@require_safe
def blank_form(request: HttpRequest, fmt: str) -> HttpResponse:
    """The region's registration form to fill in by hand, as web print, PDF or Word file (A5, S1-17)."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    if fmt not in FORMATS:
        raise Http404
    return paper_response(request, papers.blank_form(region), fmt, f"form-{region.code}")


AGES = {"adult": 40, "minor": 8, "newborn": 0}


def facts(told: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """The facts the solver may know before anybody has signed in; whatever is unknown stays conditional."""
    return {
        "age": AGES[told["group"]],
        "newborn": told["group"] == "newborn",
        "local": told["status"] == Status.LOCAL_HUKOU,
        "hmt": told["status"] == Status.HMT_RESIDENT,
        "foreign": told["status"] == Status.FOREIGN_PERMANENT,
        "guardian": told["group"] != "adult",
        "student": told["status"] == Status.STUDENT,
        "category": "" if told["assistance"] == "none" else told["assistance"],
        "self_application_age": int(policy.setting("self_application_age", 16)),
    }


def scenario(told: dict[str, Any], policy: Policy) -> str:
    """The list of materials these facts lead to."""
    return materials.scenario_for(facts(told, policy))
