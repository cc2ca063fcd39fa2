"""The employees' pooled scheme: public page, the resident's registration, the desk (S3-01 to S3-12, C1 to C3)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import coordination
from enrollment import coordination_services as services
from enrollment.coordination_forms import EndForm, PaymentForm, RegistrationForm, ReturnForm
from enrollment.forms import DeclarationForm
from enrollment.models import Employment, Period, Registration
from enrollment.navigation import DESK_ROLES
from enrollment.views.public import chosen_region, pick_first
from enrollment.views.resident import posted_version
from portal import audit
from portal.people import questions
from portal.people.access import public, require_role
from portal.people.actors import Role
from portal.regions import calendar, materials
from portal.regions import policy as policies

DECIDERS = (Role.CLERK, Role.COUNTY_REVIEWER)


@public
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Who is in the employees' scheme, its two parts, what to bring, where to go, and the law."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    policy = policies.for_region(region)
    rates = coordination.rates(policy)
    everything = {"flexible": True}  # what depends on family and costs stays conditional, with its words
    wages = [rates.floor_fen, rates.average_wage_fen, rates.cap_fen]
    context = {
        "region": region,
        "policy": policy,
        "rates": rates,
        "examples": [
            (
                wage,
                coordination.parts(wage, Employment.UNIT, rates),
                coordination.parts(wage, Employment.FLEXIBLE, rates),
            )
            for wage in wages
        ],
        "basis": policy.setting("coordination").get("basis", {}),
        "kinds": kinds(coordination.papers(policy, everything)),
        "office": services.office_for(region),
        "laws": policy.setting("legal.coordination", []),
        "consult": policy.text("consult_text", ""),
    }
    return render(request, "enrollment/coordination.html", context)


def kinds(
    papers: list[tuple[int, materials.MaterialRule]],
) -> list[tuple[int, Any, list[list[materials.MaterialRule]]]]:
    """The papers by kind, each kind with its title and its entries."""
    return [
        (number, title, materials.groups([rule for kind, rule in papers if kind == number]))
        for number, title in _kind_titles().items()
    ]


def _kind_titles() -> dict[int, str]:
    return {
        1: _("Identity"),
        2: _("Household or residence"),
        3: _("Proof of employment"),
        4: _("Social security"),
        5: _("Medical costs"),
    }


@require_role(Role.RESIDENT)
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Leads to the resident's open registration, else to the page about the scheme."""
    row = Registration.objects.visible_to(request.actor).order_by("-created_at").first()
    if row is None:
        return redirect("enrollment:coordination")
    return redirect("enrollment:registration", row.pk)


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, employment: str) -> HttpResponse:
    """The questions of a registration, through an employer or alone; saving leads to the check page."""
    if employment not in Employment.values:
        raise Http404
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    known = Registration.objects.visible_to(request.actor).filter(ended_on__isnull=True).first()
    if known is not None and not known.is_editable:
        return redirect("enrollment:registration", known.pk)
    fields = ("employer", "hired_on", "wage_fen", "dependants", "medical_costs")
    initial = {name: getattr(known, name) for name in fields} if known is not None else {}

    def build(data: QueryDict | None) -> RegistrationForm:
        return RegistrationForm(data, employment=employment, initial=initial)

    asked = questions.one_at_a_time(request, build)
    form = asked or build(request.POST if request.method == "POST" else None)
    if request.method == "POST" and asked is None and form.is_valid():
        try:
            row = services.save(actor=request.actor, region=region, values=form.columns())
        except services.Changed:
            return redirect("enrollment:my_coordination")
        return redirect("enrollment:registration", row.pk)
    context = {"form": form, "region": region, "employment": Employment(employment)}
    return render(request, "enrollment/coordination_register.html", context)


def own_registration(request: HttpRequest, pk: UUID) -> Registration:
    """A registration this actor may see, else 404."""
    rows = Registration.objects.visible_to(request.actor).with_arrears(calendar.today())
    return get_object_or_404(rows.select_related("resident", "region", "office", "policy", "accepted_by"), pk=pk)


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The registration with both parts, its papers and months; hands it in with the declaration (S0-06, S3-02)."""
    row = own_registration(request, pk)
    form = DeclarationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.hand_in(registration=row, actor=request.actor, version=posted_version(request))
        except services.Changed:
            return _page(request, own_registration(request, pk), form, changed=True, status=409)
        messages.success(request, _("Handed in. Bring the papers to the office."))
        return redirect("enrollment:registration", row.pk)
    return _page(request, row, form)


@require_role(Role.RESIDENT)
@require_POST
def give_up(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Takes a registration back before the office has accepted it."""
    row = own_registration(request, pk)
    try:
        if row.accepted_at is not None:
            raise services.Changed
        services.end(registration=row, actor=request.actor, version=posted_version(request), ended_on=calendar.today())
    except services.Changed:
        return _page(request, own_registration(request, pk), DeclarationForm(), changed=True, status=409)
    messages.success(request, _("The registration was taken back."))
    return redirect("enrollment:coordination")


def _page(
    request: HttpRequest, row: Registration, form: DeclarationForm, *, changed: bool = False, status: int = 200
) -> HttpResponse:
    today = calendar.today()
    told = coordination.facts(row)
    periods = list(row.periods.all())
    context = {
        "registration": row,
        "form": form,
        "kinds": kinds(coordination.papers(row.policy.policy, told)),
        "periods": [(period, period.is_late(today)) for period in periods],
        "arrears_fen": sum(period.total_fen for period in periods if period.is_late(today)),
        "changed": changed,
        **employer_times(row),
    }
    return render(request, "enrollment/coordination_show.html", context, status=status)


def employer_times(row: Registration) -> dict[str, Any]:
    """The employer's 30 days, while nobody has accepted the registration (S2-10)."""
    if row.hired_on is None or row.accepted_at is not None:
        return {"employer_until": None, "employer_late": False}
    days_left = coordination.employer_days_left(row.hired_on, calendar.today())
    return {"employer_until": coordination.employer_until(row.hired_on), "employer_late": days_left < 0}


@require_role(*DESK_ROLES)
@require_safe
def desk_show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One registration with its papers and months; the view is recorded."""
    row = own_registration(request, pk)
    audit.record("enrollment.coordination_viewed", request.actor, subject=row)
    return _case(request, row)


@require_role(*DECIDERS)
@require_POST
def act(request: HttpRequest, pk: UUID, verb: str) -> HttpResponse:
    """One step of the desk: papers seen, accept, return, a month paid, end."""
    row = own_registration(request, pk)
    step = STEPS.get(verb)
    if step is None:
        raise Http404
    try:
        refused = step(request, row)
    except services.PapersMissing as missing:
        return _case(request, own_registration(request, pk), missing=missing.entries, status=409)
    except services.Changed:
        return _case(request, own_registration(request, pk), changed=True, status=409)
    return refused or redirect("enrollment:desk_registration", row.pk)


def _papers(request: HttpRequest, row: Registration) -> HttpResponse | None:
    seen = request.POST.getlist("seen")
    services.see_papers(registration=row, actor=request.actor, version=posted_version(request), seen=seen)
    return None


def _accept(request: HttpRequest, row: Registration) -> HttpResponse | None:
    services.accept(registration=row, actor=request.actor, version=posted_version(request))
    messages.success(request, _("Accepted. The months to pay are open, and the resident is told."))
    return None


def _return(request: HttpRequest, row: Registration) -> HttpResponse | None:
    form = ReturnForm(request.POST)
    if not form.is_valid():
        return _case(request, row, return_form=form)
    services.give_back(
        registration=row, actor=request.actor, version=posted_version(request), reason=form.cleaned_data["reason"]
    )
    return redirect("enrollment:desk_coordination")


def _pay(request: HttpRequest, row: Registration) -> HttpResponse | None:
    text = request.POST.get("period", "")
    numeric = text.isascii() and text.isdigit() and len(text) < 15
    period = Period.objects.filter(registration=row, pk=int(text)).first() if numeric else None
    if period is None:
        raise services.Changed
    form = PaymentForm(request.POST)
    if not form.is_valid():
        return _case(request, row, pay_form=form)
    services.pay(period=period, actor=request.actor, **form.cleaned_data)
    return None


def _end(request: HttpRequest, row: Registration) -> HttpResponse | None:
    form = EndForm(request.POST)
    if not form.is_valid():
        return _case(request, row, end_form=form)
    services.end(
        registration=row, actor=request.actor, version=posted_version(request), ended_on=form.cleaned_data["ended_on"]
    )
    return None


STEPS: dict[str, Callable[[HttpRequest, Registration], HttpResponse | None]] = {
    "papers": _papers,
    "accept": _accept,
    "return": _return,
    "pay": _pay,
    "end": _end,
}


def _case(
    request: HttpRequest,
    row: Registration,
    *,
    missing: list[Any] | None = None,
    changed: bool = False,
    return_form: ReturnForm | None = None,
    pay_form: PaymentForm | None = None,
    end_form: EndForm | None = None,
    status: int = 200,
) -> HttpResponse:
    today = calendar.today()
    asked = list(row.materials.all())
    by_kind = []
    for number, title in _kind_titles().items():
        found = [material for material in asked if material.kind == number]
        by_kind.append((number, title, found, len({material.group for material in found}) < len(found)))
    context = {
        "registration": row,
        "kinds": [entry for entry in by_kind if entry[2]],
        "outstanding": services.outstanding(asked),
        "missing": missing,
        "changed": changed,
        "periods": [(period, period.is_late(today)) for period in row.periods.all()],
        "unpaid": [period for period in row.periods.all() if period.paid_on is None],
        "return_form": return_form or ReturnForm(),
        "pay_form": pay_form or PaymentForm(initial={"paid_on": today}),
        "end_form": end_form or EndForm(),
        "forms": [form for form in (return_form, pay_form, end_form) if form is not None],
        "may_decide": request.actor.role in DECIDERS,
        **employer_times(row),
    }
    return render(request, "enrollment/coordination_case.html", context, status=status)
