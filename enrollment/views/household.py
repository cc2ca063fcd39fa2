"""A family in one visit: whom, what is the same for all, what concerns each, one check, one declaration (N13)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import cover, households, offices, progress, steps, terms
from enrollment.forms import DeclarationForm
from enrollment.household_forms import FamilyYearForm, PeopleForm
from enrollment.households import Trouble
from enrollment.messages import told
from enrollment.models import Application, HouseholdPack
from enrollment.states import State
from enrollment.views.public import chosen_region, pick_first
from enrollment.views.resident import through_guardian
from portal.design.components import SummaryRow, Task
from portal.people import questions
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.models import Resident
from portal.regions import calendar, materials
from portal.regions import policy as policies
from portal.regions.models import Region
from portal.workflow.errors import Refused

SHARED_TITLES = {
    steps.CONTACT: gettext_lazy("Contact and address of the family"),
    steps.OFFICE: gettext_lazy("Office for the family"),
}


def own_pack(request: HttpRequest, pk: UUID) -> HouseholdPack:
    """The family if the actor is its applicant, else 404."""
    packs = HouseholdPack.objects.visible_to(request.actor).select_related("applicant", "region", "office")
    return get_object_or_404(packs, pk=pk)


@require_role(Role.RESIDENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Asks which people of the family are to be registered together, and for which year."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    applicant = get_object_or_404(Resident, pk=request.actor.resident_id)
    if (guarded := through_guardian(request, applicant, region)) is not None:
        return guarded
    today = calendar.today()
    years = terms.open_years(today, applicant.birth_date or today, region, policies.for_region(region))
    if not years:
        opens_on = cover.next_opening(today, policies.for_region(region))
        return render(request, "enrollment/not_open.html", {"region": region, "opens_on": opens_on})
    data = request.POST if request.method == "POST" else None
    form = PeopleForm(data, people=_family(request, applicant))
    choices = [(year.year, str(year.year)) for year in years]
    year_form = FamilyYearForm(data, years=choices, initial={"cover_year": choices[0][0]}) if len(years) > 1 else None
    if request.method == "POST" and form.is_valid() and (year_form is None or year_form.is_valid()):
        year = year_form.cleaned_data["cover_year"] if year_form else years[0].year
        pack = households.open_pack(actor=request.actor, applicant=applicant, region=region, cover_year=year)
        return _added(request, pack, form.chosen())
    return _people_page(request, form, region, year_form)


def _family(request: HttpRequest, applicant: Resident) -> list[tuple[Resident, str]]:
    others = Resident.objects.visible_to(request.actor).exclude(pk=applicant.pk).order_by("birth_date", "name")
    own = (applicant, _("Myself (%(name)s)") % {"name": applicant.name})
    return [own, *((person, person.name) for person in others)]


def _people_page(request: HttpRequest, form: PeopleForm, region: Region, year_form: Any = None) -> HttpResponse:
    add_child = f"{reverse('people:child')}?{urlencode({'next': request.path})}"
    context = {"form": form, "year_form": year_form, "region": region, "add_child_url": add_child}
    return render(request, "enrollment/household_people.html", context)


def _added(request: HttpRequest, pack: HouseholdPack, people: list[Resident]) -> HttpResponse:
    """Goes on to the pages, and names those who need no application because there is one."""
    for trouble in households.add_members(pack=pack, actor=request.actor, people=people):
        messages.info(request, _taken(trouble))
    return redirect("enrollment:household", pack.pk)


def _taken(trouble: Trouble) -> str:
    person = trouble.application.beneficiary
    name = person.name if person else ""
    if trouble.first is None:
        return _("%(name)s cannot be registered here. Please ask the office.") % {"name": name}
    return _("%(name)s is left out: application %(number)s for this year exists already.") % {
        "name": name,
        "number": trouble.first.grouped_number,
    }


@require_role(Role.RESIDENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Adds further people to a family that is not submitted yet."""
    pack = own_pack(request, pk)
    if pack.submitted_at is not None:
        return redirect("enrollment:household", pack.pk)
    inside = {row.beneficiary_id for row in households.drafts(pack)}
    free = [(person, label) for person, label in _family(request, pack.applicant) if person.pk not in inside]
    form = PeopleForm(request.POST if request.method == "POST" else None, people=free)
    if request.method == "POST" and form.is_valid():
        return _added(request, pack, form.chosen())
    return _people_page(request, form, pack.region)


@require_role(Role.RESIDENT)
@never_cache
@require_safe
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The family's page: the pages still to fill in, later where each person stands and what is to be paid."""
    pack = own_pack(request, pk)
    return _progress_page(request, pack) if pack.submitted_at else _tasks_page(request, pack)


def _tasks_page(request: HttpRequest, pack: HouseholdPack) -> HttpResponse:
    rows = households.drafts(pack)
    following = households.next_page(pack)
    context = {
        "pack": pack,
        "shared": [_shared_task(pack, code, rows) for code in households.SHARED] if rows else [],
        "people": [(row, _person_tasks(pack, row)) for row in rows],
        "submit_tasks": [_check_task(pack, complete=bool(rows) and following is None)],
        "next_url": _page_url(pack, following) if rows else "",
        "newborns": _newborns(pack, rows),
    }
    return render(request, "enrollment/household_tasks.html", context)


def _newborns(pack: HouseholdPack, rows: list[Application]) -> list[tuple[Resident, cover.OpenYear]]:
    """The newborns of the family with the years, beside the family's, that still give cover from birth."""
    today, policy = calendar.today(), policies.for_region(pack.region)
    found = [
        (person, option)
        for person in (row.beneficiary for row in rows)
        if person is not None
        for option in terms.newborn_years(person, pack.region, policy, today)
        if option.year != pack.cover_year
    ]
    taken = Application.objects.live().filter(beneficiary__in=[person for person, _option in found])
    known = set(taken.values_list("beneficiary_id", "cover_year")) if found else set()
    return [(person, option) for person, option in found if (person.pk, option.year) not in known]


def _shared_task(pack: HouseholdPack, code: str, rows: list[Application]) -> Task:
    done = all(code in row.answers for row in rows)
    url = reverse("enrollment:household_shared", args=[pack.pk, code])
    return Task(SHARED_TITLES[code], url, "completed" if done else "not_started", _("Asked once for everybody"))


def _person_tasks(pack: HouseholdPack, row: Application) -> list[Task]:
    return [
        Task(
            section.title,
            reverse("enrollment:household_section", args=[row.pk, section.code]),
            "completed" if steps.is_complete(row, section) else "not_started",
            section.hint,
        )
        for section in households.personal_sections()
    ]


def _check_task(pack: HouseholdPack, *, complete: bool) -> Task:
    if not complete:
        return Task(title=_("Check and submit"), state="cannot_start", hint=_("Answer every section above first."))
    return Task(title=_("Check and submit"), url=reverse("enrollment:household_check", args=[pack.pk]))


def _page_url(pack: HouseholdPack, page: tuple[Application | None, str] | None) -> str:
    if page is None:
        return reverse("enrollment:household_check", args=[pack.pk])
    row, code = page
    if row is None:
        return reverse("enrollment:household_shared", args=[pack.pk, code])
    return reverse("enrollment:household_section", args=[row.pk, code])


def _progress_page(request: HttpRequest, pack: HouseholdPack) -> HttpResponse:
    rows = households.members(pack)
    notices = households.family_notices(pack)
    unpaid = next((notice for notice in notices if notice.state == "issued"), None)
    today = calendar.today()
    waiting = households.still_to_come(pack)
    billed = [row for row in rows if row.state == State.AWAITING_PAYMENT]
    context = {
        "pack": pack,
        "rows": [(row, progress.step(row), progress.TAG_COLOURS[State(row.state)]) for row in rows],
        "notice": unpaid,
        "overdue": unpaid is not None and unpaid.is_overdue(today),
        "single": next((row for row in billed if unpaid is None and not waiting and progress.pay_by(row)), None),
        "paid_notices": [notice for notice in notices if notice.paid_on],
        "waiting": waiting,
        "can_pay_now": waiting and bool(billed) and unpaid is None,
        "billed": len(billed),
    }
    return render(request, "enrollment/household.html", context)


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shared(request: HttpRequest, pk: UUID, code: str) -> HttpResponse:
    """One page that is answered once for everybody."""
    pack = own_pack(request, pk)
    rows = households.drafts(pack)
    if code not in households.SHARED:
        raise Http404
    if pack.submitted_at is not None or not rows:
        return redirect("enrollment:household", pack.pk)
    section = steps.BY_CODE[code]
    first = next((row for row in rows if code in row.answers), rows[0])
    initial = steps.initial_answers(first, section)
    asked = questions.one_at_a_time(request, lambda data: section.build(first, data, initial))
    form = asked or section.build(first, request.POST if request.method == "POST" else None, initial)
    if request.method == "POST" and asked is None and form.is_valid():
        columns = {"office": form.cleaned_data["office"]} if code == steps.OFFICE else {}
        try:
            households.save_shared(pack=pack, section=code, values=form.cleaned_data, **columns)
        except Refused:
            return _stale(request, pack)
        return _after_page(request, pack)
    context = {"pack": pack, "form": form, "title": SHARED_TITLES[code], "everybody": [row.beneficiary for row in rows]}
    return render(request, "enrollment/household_section.html", context)


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, pk: UUID, code: str) -> HttpResponse:
    """One page about one person."""
    pack, row = _own_member(request, pk)
    found = steps.BY_CODE.get(code)
    if found is None or code == steps.OFFICE:
        raise Http404
    initial = steps.initial_answers(row, found)
    asked = questions.one_at_a_time(request, lambda data: found.build(row, data, initial))
    form = asked or found.build(row, request.POST if request.method == "POST" else None, initial)
    gone = []
    if request.method == "POST" and asked is None and form.is_valid():
        gone = [] if request.POST.get("drop") == "yes" else steps.dropped(row, found, form.cleaned_data)
        if not gone:
            columns = {"relation": form.cleaned_data["relation"]} if "relation" in form.cleaned_data else {}
            try:
                households.save_one(pack=pack, application=row, section=code, values=form.cleaned_data, **columns)
            except Refused:
                return _stale(request, pack)
            return _after_page(request, pack)
    context = {"pack": pack, "form": form, "title": found.title, "application": row, "section": found, "gone": gone}
    return render(request, "enrollment/household_section.html", context)


def _own_member(request: HttpRequest, pk: UUID) -> tuple[HouseholdPack, Application]:
    """A person of the actor's own family who is not submitted yet, else 404."""
    packs = HouseholdPack.objects.visible_to(request.actor)
    rows = Application.objects.filter(pack__in=packs, state=State.DRAFT, beneficiary__isnull=False)
    row = get_object_or_404(rows.select_related("resident", "beneficiary", "region", "office", "policy"), pk=pk)
    return own_pack(request, row.pack_id), row


def _after_page(request: HttpRequest, pack: HouseholdPack) -> HttpResponse:
    """Back to the check page when that is where the reader came from, else the next page without an answer."""
    if request.GET.get("back") == "check":
        return redirect("enrollment:household_check", pack.pk)
    return redirect(_page_url(pack, households.next_page(pack)))


def _stale(request: HttpRequest, pack: HouseholdPack) -> HttpResponse:
    messages.warning(request, _("Something changed meanwhile. Please look at the page again."))
    return redirect("enrollment:household", pack.pk)


@require_role(Role.RESIDENT)
@never_cache
@require_POST
def leave_out(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Takes a person out; the draft stays in the list of applications."""
    pack, row = _own_member(request, pk)
    households.leave_out(pack=pack, application=row)
    name = row.beneficiary.name if row.beneficiary else ""
    messages.success(
        request,
        _("%(name)s is no longer part of this registration. The draft stays under “My applications”.") % {"name": name},
    )
    return redirect("enrollment:household", pack.pk)


@require_role(Role.RESIDENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Everything on one page, one declaration, one submission (A4, A9, S0-06, S0-07)."""
    pack = own_pack(request, pk)
    if pack.submitted_at is not None:
        return redirect("enrollment:household_receipt", pack.pk)
    rows = households.drafts(pack)
    if not rows or households.next_page(pack) is not None:
        return redirect("enrollment:household", pack.pk)
    if request.method != "POST":
        return _check_page(request, pack, rows, DeclarationForm())
    form = DeclarationForm(request.POST)
    if not form.is_valid():
        return _check_page(request, pack, rows, form)
    try:
        left_out = households.submit(
            pack=pack,
            actor=request.actor,
            token=_uuid(request.POST.get("token", "")),
            shown=request.POST.get("shown", ""),
        )
    except households.PackChanged:
        messages.warning(request, _("An answer was changed after this page was opened. Please check once more."))
        return _check_page(request, pack, households.drafts(pack), DeclarationForm(), status=409)
    except households.PackRefused as refused:
        return _check_page(request, pack, rows, form, troubles=refused.troubles, status=409)
    for trouble in left_out:
        messages.info(request, _taken(trouble))
    return redirect("enrollment:household_receipt", pack.pk)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _check_page(
    request: HttpRequest,
    pack: HouseholdPack,
    rows: list[Application],
    form: DeclarationForm,
    *,
    troubles: list[Trouble] | None = None,
    status: int = 200,
) -> HttpResponse:
    policy = policies.for_region(pack.region)
    today = calendar.today()
    found = [_person(pack, row, policy, today) for row in rows]
    amounts = [one["fee"].amount_fen for one in found]
    first = rows[0]
    context = {
        "pack": pack,
        "form": form,
        "shown": households.fingerprint(rows),
        "shared": [
            (SHARED_TITLES[code], _rows(first, code, reverse("enrollment:household_shared", args=[pack.pk, code])))
            for code in households.SHARED
        ],
        "people": found,
        "total_fen": sum(amount or 0 for amount in amounts),
        "pending": any(one["fee"].pending for one in found),
        "nothing_payable": all(one["fee"].nothing_payable for one in found),
        "troubles": [(trouble, _reason(trouble)) for trouble in troubles or []],
        "office": first.office,
        "promise": offices.promise(policy, first.office.kind) if first.office else "",
        "payment_order": policy.setting("payment_order", "review_first"),
        "told": list(dict.fromkeys(entry for row in rows for entry in told(row))),
    }
    return render(request, "enrollment/household_check.html", context, status=status)


def _person(pack: HouseholdPack, row: Application, policy: Any, today: Any) -> dict[str, Any]:
    facts = terms.facts_of(row, policy, today)
    known = terms.terms_of(facts, policy, row.cover_year)
    listed = [
        (
            section,
            _rows(row, section.code, reverse("enrollment:household_section", args=[row.pk, section.code])),
        )
        for section in households.personal_sections()
    ]
    return {
        "application": row,
        "sections": listed,
        "fee": known.fee,
        "entries": materials.groups(known.materials),
        "refusals": terms.verdict(facts, policy, today).refusals,
    }


def _rows(row: Application, code: str, url: str) -> list[SummaryRow]:
    link = f"{url}?back=check"
    return [
        SummaryRow(answer.label, answer.value, link) for answer in steps.answers_shown(row) if answer.section == code
    ]


def _reason(trouble: Trouble) -> str:
    """Why this person keeps the family from being submitted, in plain words."""
    if trouble.missing:
        listed = _(", ").join(str(section.title) for section in trouble.missing)
        return _("Not answered yet: %(sections)s") % {"sections": listed}
    if trouble.not_open:
        return _("This person cannot join for this year now. Take the person out and submit the others.")
    return _taken(trouble)


@require_role(Role.RESIDENT)
@never_cache
@require_safe
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One receipt for the visit: every number, what to bring, what comes next (F3, UX-R12)."""
    pack = own_pack(request, pk)
    if pack.submitted_at is None:
        return redirect("enrollment:household", pack.pk)
    rows = households.members(pack)
    sent = [row for row in rows if row.state != State.DRAFT]
    context = {
        "pack": pack,
        "rows": sent,
        "left_out": [row for row in rows if row.state == State.DRAFT],
        "pays_first": any(row.payment_order == "pay_first" and not row.nothing_payable for row in sent),
        "nothing_payable": all(row.nothing_payable for row in sent),
        "decided_by": offices.expected_on(sent[0]) if sent else None,
        "promise": offices.promise(sent[0].policy.policy, sent[0].office_kind) if sent and sent[0].policy else "",
        "told": list(dict.fromkeys(entry for row in sent for entry in told(row))),
        "newborns": _newborns(pack, sent),
    }
    return render(request, "enrollment/household_receipt.html", context)


@require_role(Role.RESIDENT)
@never_cache
@require_POST
def pay(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One notice for those approved so far, without waiting for the others."""
    pack = own_pack(request, pk)
    notice = households.pay_so_far(pack)
    if notice is None:
        messages.info(request, _("Nobody is waiting for payment at the moment."))
        return redirect("enrollment:household", pack.pk)
    return redirect(notice)
