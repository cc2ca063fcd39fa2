"""The counter: look up who stands there, one long page in the order of the paper form, a decision on the spot."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import counter, counter_forms, households, pictures, progress, services, steps, terms
from enrollment.codes import OtherCover, Status
from enrollment.models import Application, HouseholdPack, WalkIn
from enrollment.states import State
from enrollment.views.resident import posted_version
from portal import audit
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.identity import InvalidIdentityNumber, age_on, parse_identity_number
from portal.people.names import mask_name
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, Region
from portal.workflow.errors import ConflictOfInterest, Unmet

LISTED = 50

at_the_counter = require_role(Role.CLERK)


def own_office(request: HttpRequest) -> Office:
    """The office at whose counter the clerk sits; who has none cannot register anybody."""
    office = Office.objects.select_related("region").filter(pk=request.actor.office_id).first()
    if office is None:
        raise PermissionDenied
    return office


def own_walk_in(request: HttpRequest, pk: UUID) -> WalkIn:
    """The draft if it is the office's, else 404."""
    rows = WalkIn.objects.visible_to(request.actor).select_related("office__region", "clerk", "pack", "application")
    return get_object_or_404(rows, pk=pk)


@at_the_counter
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def look_up(request: HttpRequest) -> HttpResponse:
    """Finds the person by the number on the document, and lists what the office has begun and not finished."""
    office = own_office(request)
    pack = _pack(request)
    form = counter_forms.LookUpForm(request.POST if request.method == "POST" else None)
    found: list[Application] = []
    if request.method == "POST" and form.is_valid():
        try:
            draft = counter.look_up(
                number=form.cleaned_data["identity_number"], office=office, actor=request.actor, pack=pack
            )
        except counter.OwnCase:
            form.add_error(
                "identity_number", _("This is you or a member of your household. A colleague has to do this.")
            )
        except counter.AlreadyApplied as applied:
            found = applied.found
            form.add_error("identity_number", _("There is an application for this person already."))
        else:
            return redirect("enrollment:walk_in", draft.pk)
    rows = WalkIn.objects.visible_to(request.actor).unfinished().select_related("clerk").order_by("-saved_at")[:LISTED]
    context = {
        "form": form,
        "office": office,
        "pack": pack,
        "found": found,
        "unfinished": [(row, mask_name(row.typed.get("name", [""])[0]) or _("No name yet")) for row in rows],
    }
    return render(request, "enrollment/walk_in_look_up.html", context)


def _pack(request: HttpRequest) -> HouseholdPack | None:
    """The household whose next person this is, as the link before says; None for somebody else's."""
    try:
        pk = UUID(request.GET.get("household", ""))
    except ValueError:
        return None
    return HouseholdPack.objects.visible_to(request.actor).filter(pk=pk, submitted_at__isnull=True).first()


@dataclass
class LongPage:
    """The forms of the long page in the order of the paper form, all over the same fields."""

    identity: counter_forms.IdentityForm
    person: counter_forms.CounterPersonForm
    applicant: counter_forms.ApplicantForm
    place: counter_forms.PlaceForm
    contact: counter_forms.ContactForm
    cover: counter_forms.CoverForm
    assistance: counter_forms.AssistanceForm
    terms: counter_forms.TermsForm
    seen: counter_forms.SeenForm

    @property
    def all(self) -> list[Form]:
        return list(vars(self).values())

    def is_valid(self) -> bool:
        wrong = [form for form in self.all if not form.is_valid()]  # every form, so that all errors are told at once
        return not wrong

    def sections(self) -> dict[str, dict[str, Any]]:
        """The answers by section, of the forms that are right so far."""
        forms = {steps.CONTACT: self.contact, steps.COVER: self.cover, steps.ASSISTANCE: self.assistance}
        found = {code: form.cleaned_data for code, form in forms.items() if form.is_valid()}
        if self.person.is_valid():
            found[steps.PERSON] = self.person.answers()
        return found


@at_the_counter
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def walk_in(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The long page: saved at any time, submitted, or submitted and approved in the same step."""
    draft = own_walk_in(request, pk)
    if draft.application is not None:
        return redirect("enrollment:walk_in_done", draft.pk)
    if request.method != "POST":
        audit.record("enrollment.walk_in_viewed", request.actor, subject=draft)
        return _page(request, draft, counter_forms.restored(draft.typed), bound=False)
    try:
        counter.save(draft, counter_forms.kept(request.POST), version=posted_version(request))
    except counter.DraftChanged:
        draft.refresh_from_db()
        messages.warning(
            request, _("A colleague has saved this meanwhile. What you typed is below; saving keeps yours.")
        )
        return _page(request, draft, request.POST, bound=False, status=409)
    if request.POST.get("then") == "photos":
        return redirect("enrollment:walk_in_pictures", draft.pk)
    if request.POST.get("then") not in ("submit", "decide"):
        messages.success(request, _("Saved. You can go on later, and so can your colleagues."))
        return redirect("enrollment:walk_in", draft.pk)
    return _submit(request, draft)


def _submit(request: HttpRequest, draft: WalkIn) -> HttpResponse:
    page = _forms(draft, request.POST, bound=True)
    if not page.is_valid():
        return _page(request, draft, request.POST, page=page)
    decide = request.POST.get("then") == "decide"
    sections = page.sections()
    told = counter.Told(
        name=page.identity.cleaned_data["name"],
        document=page.identity.cleaned_data["document"],
        who=page.applicant.cleaned_data["who"],
        applicant_number=page.applicant.cleaned_data["applicant_number"],
        applicant_name=page.applicant.cleaned_data["applicant_name"],
        home=page.place.cleaned_data["home"],
        cover_year=page.terms.cleaned_data["cover_year"],
        sections=sections,
        seen=page.seen.seen(),
    )
    try:
        counter.register(draft=draft, told=told, actor=request.actor, decide=decide)
    except counter.OwnCase:
        page.applicant.add_error(
            "applicant_number", _("This is you or a member of your household. A colleague has to do this.")
        )
    except counter.NameDiffers as differs:
        form, name = (page.applicant, "applicant_name") if differs.applicant else (page.identity, "name")
        form.add_error(name, _("On file this number has another name. Compare with the document, letter by letter."))
    except services.DuplicateApplication:
        page.terms.add_error("cover_year", _("There is an application for this person and year already."))
    except services.NotOpen:
        page.terms.add_error("cover_year", _("This year cannot be joined now."))
    except Unmet as unmet:
        return _page(request, draft, request.POST, page=page, unmet=unmet.reasons, status=409)
    except ConflictOfInterest:
        raise PermissionDenied from None
    else:
        return redirect("enrollment:walk_in_done", draft.pk)
    return _page(request, draft, request.POST, page=page, status=409)


def _forms(draft: WalkIn, data: QueryDict, *, bound: bool) -> LongPage:
    """The forms over what was typed; unbound they show it without complaining."""
    number = counter.number_of(draft)
    person = counter.on_file(number)
    who = data.get("who", "") if data.get("who") in dict(counter_forms.WHO) else counter_forms.SELF
    region = draft.office.region
    years = counter.free_years(person.birth_date if person else number.birth_date, region, person)

    def build(form: type[Form], initial: dict[str, Any] | None = None, **options: Any) -> Any:
        if bound:
            return form(data, **options)
        made = form(initial=initial, **options)
        made.initial = (initial or {}) | counter_forms.initial_from(made, data)
        return made

    known = {"name": person.name} if person else {}
    told = {
        "birth_on": person.birth_date if person else number.birth_date,
        "sex": person.sex if person else number.sex,
        "has_id_card": True if number.kind == "RESIDENT_ID" else None,
    }
    regions = Region.objects.within_path(region.path).filter(active=True).order_by("path")
    page = LongPage(
        identity=build(counter_forms.IdentityForm, known),
        person=build(counter_forms.CounterPersonForm, told, who=who, id_kind=number.kind),
        applicant=build(counter_forms.ApplicantForm, {"who": counter_forms.SELF}),
        place=build(counter_forms.PlaceForm, {"home": _home(draft, person)}, regions=regions),
        contact=build(counter_forms.ContactForm, {"address": person.address if person else ""}),
        cover=build(counter_forms.CoverForm, id_kind=number.kind),
        assistance=build(
            counter_forms.AssistanceForm, {"assistance": (person.assistance_category if person else "") or "none"}
        ),
        terms=build(counter_forms.TermsForm, {"cover_year": years[0] if years else None}, years=years),
        seen=counter_forms.SeenForm(rules=[]),
    )
    rules = _rules(draft, data, who, years)
    page.seen = build(counter_forms.SeenForm, rules=rules)
    return page


def _home(draft: WalkIn, person: Any) -> str:
    """The place on file where it lies in the office's area, else that of an office of one town."""
    region = draft.office.region
    if person is not None and person.home_region and person.home_region.path.startswith(region.path):
        return str(person.home_region.code)
    return str(region.code) if region.level in ("town", "village") else ""


def papers_of(draft: WalkIn) -> Any:
    """The papers by what is kept of the draft so far."""
    data, number = counter_forms.restored(draft.typed), counter.number_of(draft)
    person = counter.on_file(number)
    who = data.get("who", "") if data.get("who") in dict(counter_forms.WHO) else counter_forms.SELF
    years = counter.free_years(person.birth_date if person else number.birth_date, draft.office.region, person)
    return _rules(draft, data, who, years)


def _rules(draft: WalkIn, data: QueryDict, who: str, years: list[int]) -> Any:
    """The papers by what is typed so far; what is still open counts as the usual case."""
    return _terms(draft, data, who, years).materials


def _terms(draft: WalkIn, data: QueryDict, who: str, years: list[int]) -> terms.Terms:
    number = counter.number_of(draft)
    person = counter_forms.CounterPersonForm(data, who=who, id_kind=number.kind)
    cover = counter_forms.CoverForm(data, id_kind=number.kind)
    contact, assistance = counter_forms.ContactForm(data), counter_forms.AssistanceForm(data)
    usual: dict[str, dict[str, Any]] = {
        steps.PERSON: {"birth_on": number.birth_date or calendar.today(), "sex": number.sex, "has_id_card": True},
        steps.CONTACT: {"in_area": True},
        steps.COVER: {"status": Status.LOCAL_HUKOU, "other_cover": OtherCover.NONE, "missed_years": 0},
        steps.ASSISTANCE: {"assistance": "none"},
    }
    forms = {steps.PERSON: person, steps.CONTACT: contact, steps.COVER: cover, steps.ASSISTANCE: assistance}
    told = {}
    for code, form in forms.items():
        form.full_clean()  # what is right so far counts, the rest is as usual
        values = person.answers() if code == steps.PERSON else form.cleaned_data
        told[code] = usual[code] | {name: value for name, value in values.items() if value not in (None, "")}
    year = int(data.get("cover_year", "0")) if data.get("cover_year", "").isdigit() else 0
    policy = policies.for_region(draft.office.region)
    made = counter.sketch(draft, told, who=who, year=year if year in years else (years or [calendar.today().year])[0])
    return terms.terms_of(terms.facts_of(made, policy, calendar.today()), policy, made.cover_year)


def _page(
    request: HttpRequest,
    draft: WalkIn,
    data: QueryDict,
    *,
    bound: bool = True,
    page: LongPage | None = None,
    unmet: Any = (),
    status: int = 200,
) -> HttpResponse:
    page = page or _forms(draft, data, bound=bound)
    number = counter.number_of(draft)
    person = counter.on_file(number)
    years = [year for year, _label in page.terms.fields["cover_year"].choices]
    who = data.get("who", "") if data.get("who") in dict(counter_forms.WHO) else counter_forms.SELF
    found = _terms(draft, data, who, years)
    policy = policies.for_region(draft.office.region)
    context = {
        "draft": draft,
        "number": number.normalized,
        "person": person,
        "age": age_on(number.birth_date, calendar.today()) if number.birth_date else None,
        "page": page,
        "forms": page.all,
        "fee": found.fee,
        "refusals": terms.verdict(found.facts, policy, calendar.today()).refusals,
        "applicant": _applicant_on_file(data),
        "decides_here": counter.decides_here(draft.office) and policy.setting("payment_order", "") != "pay_first",
        "unmet": unmet,
        "family": _family(draft.pack),
        "takes_photos": pictures.mode(policy) != pictures.OFF,
        "photos": draft.pictures.standing().count(),
    }
    return render(request, "enrollment/walk_in.html", context, status=status)


def _applicant_on_file(data: QueryDict) -> str:
    """The masked name on file of the parent, guardian or agent whose number was typed; empty for a new one."""
    try:
        person = counter.on_file(parse_identity_number(data.get("applicant_number", "")))
    except InvalidIdentityNumber:
        return ""
    return person.masked_name if person else ""


def _family(pack: HouseholdPack | None) -> list[Application]:
    return households.members(pack) if pack else []


@at_the_counter
@never_cache
@require_POST
def discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Throws an unfinished draft away."""
    draft = own_walk_in(request, pk)
    counter.discard(draft)
    messages.success(request, _("The draft was thrown away."))
    return redirect("enrollment:walk_in_look_up")


@at_the_counter
@never_cache
@require_safe
def done(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What was decided, everything to print, and the next person of the household."""
    draft = own_walk_in(request, pk)
    if draft.application is None:
        return redirect("enrollment:walk_in", draft.pk)
    application = get_object_or_404(Application.objects.visible_to(request.actor).for_pages(), pk=draft.application_id)
    audit.record("enrollment.application_viewed", request.actor, subject=application)
    family = _family(application.pack)
    context = {
        "draft": draft,
        "application": application,
        "colour": progress.TAG_COLOURS[State(application.state)],
        "step": progress.step(application),
        "pack": application.pack,
        "family": [(row, progress.TAG_COLOURS[State(row.state)]) for row in family],
        "family_notices": households.family_notices(application.pack) if application.pack else [],
        "to_decide": application.state == State.UNDER_REVIEW,
        "findings": application.checks.filter(outcome="finding").exists(),
    }
    return render(request, "enrollment/walk_in_done.html", context)


@at_the_counter
@never_cache
@require_POST
def next_person(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The next person of the same household: contact and address are kept."""
    draft = own_walk_in(request, pk)
    if draft.application is None:
        return redirect("enrollment:walk_in", draft.pk)
    pack = counter.next_of_household(application=draft.application, actor=request.actor)
    return redirect(f"{reverse('enrollment:walk_in_look_up')}?{urlencode({'household': str(pack.pk)})}")


@at_the_counter
@never_cache
@require_POST
def finish(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Nobody else of the household follows: one notice for everybody who has to pay."""
    draft = own_walk_in(request, pk)
    if draft.pack is None:
        return redirect("enrollment:walk_in_done", draft.pk)
    if counter.finish_household(draft.pack) is None:
        messages.info(request, _("The notice for the household follows when everybody is decided."))
    return redirect("enrollment:walk_in_done", draft.pk)
