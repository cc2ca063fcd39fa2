"""The policy desk: what applies in a region and from where, drafts, and their publication by a second admin."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.regions import calendar, publishing, wording
from portal.regions import policy as policies
from portal.regions.access import ADMIN, AUDITOR, may_change, regions_visible_to, require_role
from portal.regions.forms import ChangeForm, FeeForm, MaterialForm
from portal.regions.models import PolicyRule, Region, RegionLevel, RuleKind, RuleState
from portal.regions.publishing import PolicyRefused

KINDS = (RuleKind.FEE, RuleKind.MATERIAL, RuleKind.TIME_LIMIT, RuleKind.CHANNEL)
YEARS_AHEAD = 1


@dataclass(frozen=True)
class Row:
    """One line of the list of rules."""

    title: str
    value: str
    source: str
    own: bool
    valid_from: date | None
    edit_url: str


def _regions(request: HttpRequest) -> QuerySet[Region]:
    return regions_visible_to(request.actor).filter(active=True)


def _rules(request: HttpRequest) -> QuerySet[PolicyRule]:
    return PolicyRule.objects.filter(region__in=_regions(request)).select_related("region", "supersedes__region")


@require_role(ADMIN, AUDITOR)
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """What applies in a region today, with a column that says from where (UX-A4), and the changes on their way."""
    places = list(_regions(request).order_by("path"))
    if not places:
        raise PermissionDenied
    code = request.GET.get("region", "")
    region = get_object_or_404(_regions(request), code=code) if code else _first(places)
    kind = request.GET.get("kind", RuleKind.FEE)
    if kind not in KINDS:
        raise Http404
    scenarios = [(key, str(label)) for key, label in wording.SCENARIO_LABELS.items()]
    scenario = request.GET.get("scenario", scenarios[0][0])
    waiting = _rules(request).filter(region__in=Region.objects.within(region))
    drafts = waiting.filter(state=RuleState.DRAFT).order_by("valid_from", "pk")
    scheduled = waiting.filter(state=RuleState.PUBLISHED, valid_from__gt=calendar.today()).order_by("valid_from")
    known = policies.for_region(region).data["rules"].get(RuleKind.MATERIAL, {})
    return render(
        request,
        "regions/rules.html",
        {
            "places": places,
            "region": region,
            "kind": kind,
            "tabs": _tabs(region, kind),
            "scenarios": scenarios,
            "scenario": scenario,
            "rows": _rows(region, kind, scenario, may_change(request.actor, region)),
            "missing_papers": _missing_papers(known, scenario) if kind == RuleKind.MATERIAL else [],
            "drafts": [_change_row(rule) for rule in drafts],
            "scheduled": [_change_row(rule) for rule in scheduled],
            "may_change": may_change(request.actor, region),
        },
    )


def _first(places: list[Region]) -> Region:
    """The first city an admin looks after, else the first place."""
    return next((place for place in places if place.level == RegionLevel.CITY), places[0])


def _tabs(region: Region, kind: str) -> list[dict[str, Any]]:
    return [
        {
            "label": choice.label,
            "url": f"?{urlencode({'region': region.code, 'kind': choice})}",
            "current": choice == kind,
        }
        for choice in KINDS
    ]


def _rows(region: Region, kind: str, scenario: str, editable: bool) -> list[Row]:
    today = calendar.today()
    policy = policies.for_region(region, today)
    values = dict(policy.data["rules"].get(kind, {}))
    if kind == RuleKind.FEE:
        for year in range(today.year, today.year + YEARS_AHEAD + 1):
            values.setdefault(f"premium.{year}", None)
    if kind == RuleKind.MATERIAL:
        values = {key: value for key, value in values.items() if key.startswith(f"{scenario}.")}
    places = {place.code: place.name for place in Region.objects.filter(code__in=region.codes)}
    starts = {
        (code, key): start
        for code, key, start in PolicyRule.objects.in_force(today)
        .filter(kind=kind, region__code__in=region.codes)
        .values_list("region__code", "key", "valid_from")
    }
    papers = policy.data["rules"].get(RuleKind.MATERIAL, {})
    rows = []
    for key in sorted(values, key=lambda key: (_order(papers, key) if kind == RuleKind.MATERIAL else 0, key)):
        source = policy.source(kind, key)
        shown = key.partition(".")[2] if kind == RuleKind.MATERIAL else key
        rows.append(
            Row(
                title=wording.title(kind, shown, papers),
                value=wording.describe(kind, key, values[key]),
                source=places.get(source, ""),
                own=source == region.code,
                valid_from=starts.get((source, key)),
                edit_url=_edit_url(region, kind, key) if editable else "",
            )
        )
    return rows


def _order(papers: dict[str, Any], key: str) -> int:
    """Where a paper stands in the list of residents."""
    described = papers.get(key.partition(".")[2], {})
    return int(papers[key].get("order", described.get("order", 100)))


def _edit_url(region: Region, kind: str, key: str) -> str:
    if kind == RuleKind.FEE and not key.startswith("assistance"):
        return reverse("regions:edit_fee", args=[region.code, key])
    if kind == RuleKind.MATERIAL and "." in key:
        return reverse("regions:edit_material", args=[region.code, key])
    return ""


def _missing_papers(known: dict[str, Any], scenario: str) -> list[tuple[str, str]]:
    """The papers that are described but that a scenario does not ask for."""
    return [
        (f"{scenario}.{code}", wording.title(RuleKind.MATERIAL, code, known))
        for code in sorted(known)
        if "." not in code and f"{scenario}.{code}" not in known
    ]


def _change_row(rule: PolicyRule) -> dict[str, Any]:
    papers = policies.for_region(rule.region).data["rules"].get(RuleKind.MATERIAL, {})
    return {
        "rule": rule,
        "title": wording.title(rule.kind, rule.key, papers),
        "value": wording.describe(rule.kind, rule.key, rule.value),
    }


@require_role(ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_fee(request: HttpRequest, code: str, key: str) -> HttpResponse:
    """Drafts another amount."""
    region = get_object_or_404(_regions(request), code=code)
    if not _is_fee(key):
        raise Http404
    former, own = _former(region, RuleKind.FEE, key)
    part = "standard_fen" if key.startswith("premium.") else "amount_fen"
    initial = {"amount": former.get(part), "pending": bool(former) and former.get(part) is None}
    form = FeeForm(request.POST or None, initial=initial, part=part, own_rule=own)
    if not former and part == "amount_fen":
        raise Http404
    return _edit(request, region, RuleKind.FEE, key, former, form)


@require_role(ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_material(request: HttpRequest, code: str, key: str) -> HttpResponse:
    """Drafts another way of asking for a paper, or a paper not asked for until now."""
    region = get_object_or_404(_regions(request), code=code)
    scenario, dot, paper = key.partition(".")
    papers = policies.for_region(region).data["rules"].get(RuleKind.MATERIAL, {})
    if not dot or paper not in papers or scenario not in wording.SCENARIO_LABELS:
        raise Http404
    former, own = _former(region, RuleKind.MATERIAL, key)
    shown = {**papers[paper], **former}
    initial = {name: shown.get(name) for name in ("level", "original_or_copy", "copies")}
    for name in ("condition", "note"):
        text = shown.get(name) or {}
        initial |= {f"{name}_zh": text.get("zh", ""), f"{name}_en": text.get("en", "")}
    form = MaterialForm(request.POST or None, initial=initial, own_rule=own)
    return _edit(request, region, RuleKind.MATERIAL, key, former, form)


def _is_fee(key: str) -> bool:
    name, _dot, year = key.partition(".")
    if name == "premium":
        return year.isdecimal() and year.isascii() and 2020 <= int(year) <= calendar.today().year + 5
    return key in ("card_first", "card_replacement")


def _former(region: Region, kind: str, key: str) -> tuple[dict[str, Any], bool]:
    """The value in force, and whether it is the region's own."""
    policy = policies.for_region(region)
    return dict(policy.rule(kind, key, None) or {}), policy.source(
        kind, key
    ) == region.code and region.level != "nation"


def _edit(
    request: HttpRequest, region: Region, kind: str, key: str, former: dict[str, Any], form: ChangeForm
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            rule = publishing.draft_rule(
                region=region,
                kind=kind,
                key=key,
                value=form.value(former),
                valid_from=form.cleaned_data["valid_from"],
                actor=request.actor,
                note=form.cleaned_data["reason"],
            )
        except PolicyRefused as refused:
            form.refuse(refused.message, refused.field)
        else:
            messages.success(request, _("The draft is stored. A second administrator has to publish it."))
            return redirect("regions:change", pk=rule.pk)
    policy = policies.for_region(region)
    papers = policy.data["rules"].get(RuleKind.MATERIAL, {})
    source = Region.objects.filter(code=policy.source(kind, key)).first()
    return render(
        request,
        "regions/edit.html",
        {
            "form": form,
            "region": region,
            "rule_title": wording.title(kind, key, papers),
            "now": wording.describe(kind, key, former or None),
            "source": source,
            "back": _list_url(region, kind, key),
        },
    )


def _list_url(region: Region, kind: str, key: str) -> str:
    query = {"region": region.code, "kind": kind}
    if kind == RuleKind.MATERIAL:
        query["scenario"] = key.partition(".")[0]
    return f"{reverse('regions:rules')}?{urlencode(query)}"


@require_role(ADMIN, AUDITOR)
@require_safe
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """A change before it is published: old and new, whom it touches, and who may do what (UX-A3, N17)."""
    return _show_change(request, get_object_or_404(_rules(request), pk=pk))


def _show_change(request: HttpRequest, rule: PolicyRule, refusal: str = "", status: int = 200) -> HttpResponse:
    actor = request.actor
    today = calendar.today()
    before = rule.valid_from - timedelta(days=1) if rule.state == RuleState.PUBLISHED else rule.valid_from
    former = PolicyRule.objects.merged(rule.region, before)["rules"].get(rule.kind, {}).get(rule.key)
    papers = policies.for_region(rule.region).data["rules"].get(RuleKind.MATERIAL, {})
    mine = may_change(actor, rule.region)
    in_force = rule.state == RuleState.PUBLISHED and rule.valid_from <= today
    names = dict(
        get_user_model()
        ._default_manager.filter(pk__in=[pk for pk in (rule.drafted_by, rule.published_by, rule.withdrawn_by) if pk])
        .values_list("pk", "display_name")
    )
    context = {
        "rule": rule,
        "rule_title": wording.title(rule.kind, rule.key, papers),
        "differences": wording.differences(rule.kind, rule.key, former, rule.value),
        "impact": publishing.impact(rule),
        "scheduled": rule.state == RuleState.PUBLISHED and rule.valid_from > today,
        "in_force": in_force and (rule.valid_until is None or rule.valid_until >= today),
        "stale": rule.state == RuleState.DRAFT and rule.valid_from < today,
        "may_publish": mine and rule.state == RuleState.DRAFT and rule.drafted_by != actor.user_id,
        "own_draft": mine and rule.state == RuleState.DRAFT and rule.drafted_by == actor.user_id,
        "may_withdraw": mine
        and (rule.state == RuleState.DRAFT or (rule.state == RuleState.PUBLISHED and not in_force)),
        "may_roll_back": mine and in_force and rule.valid_until is None and rule.origin == PolicyRule.Origin.ADMIN,
        "drafter": names.get(rule.drafted_by or 0, ""),
        "publisher": names.get(rule.published_by or 0, ""),
        "refusal": refusal,
        "back": _list_url(rule.region, rule.kind, rule.key),
    }
    return render(request, "regions/change.html", context, status=status)


@require_role(ADMIN)
@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Publishes somebody else's draft."""
    rule = get_object_or_404(_rules(request), pk=pk)
    try:
        publishing.publish(rule, request.actor)
    except PolicyRefused as refused:
        return _show_change(request, get_object_or_404(_rules(request), pk=pk), refused.message, status=409)
    messages.success(request, _("The change is published."))
    return redirect("regions:change", pk=pk)


@require_role(ADMIN)
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes back a draft or a change whose day has not come."""
    rule = get_object_or_404(_rules(request), pk=pk)
    try:
        publishing.withdraw(rule, request.actor)
    except PolicyRefused as refused:
        return _show_change(request, get_object_or_404(_rules(request), pk=pk), refused.message, status=409)
    messages.success(request, _("The change is withdrawn."))
    return redirect("regions:change", pk=pk)


@require_role(ADMIN)
@require_POST
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Drafts the return to the former rule from tomorrow on."""
    rule = get_object_or_404(_rules(request).filter(state=RuleState.PUBLISHED), pk=pk)
    tomorrow = calendar.today() + timedelta(days=1)
    try:
        draft = publishing.draft_rollback(rule, valid_from=tomorrow, actor=request.actor)
    except PolicyRefused as refused:
        return _show_change(request, rule, refused.message, status=409)
    messages.success(request, _("The draft is stored. A second administrator has to publish it."))
    return redirect("regions:change", pk=draft.pk)


@require_role(ADMIN, AUDITOR)
@require_safe
def calculator(request: HttpRequest) -> HttpResponse:
    """What each category pays in a region on a day, and by which rule (UX-A5)."""
    region = get_object_or_404(_regions(request), code=request.GET.get("region", ""))
    today = calendar.today()
    try:
        on = date.fromisoformat(request.GET.get("on", "") or today.isoformat())
    except ValueError:
        on = today
    policy = policies.for_region(region, on)
    years = [on.year, on.year + 1]
    rows = [
        (label, [policy.fee("premium", cover_year=year, category=category) for year in years])
        for category, label in wording.CATEGORY_LABELS.items()
    ]
    places = {place.code: place.name for place in Region.objects.filter(code__in=region.codes)}
    sources = [places.get(policy.source(RuleKind.FEE, f"premium.{year}"), "") for year in years]
    context = {"region": region, "on": on, "years": years, "rows": rows, "sources": sources}
    return render(request, "regions/calculator.html", {**context, "back": _list_url(region, RuleKind.FEE, "")})
