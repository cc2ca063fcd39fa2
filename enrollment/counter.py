"""Registration at the counter: a clerk enters a person who stands there, and decides on the spot where the office may.

What is typed is kept as a sealed draft of the office; nothing of it reaches the files before it is submitted, and then
all of it does in one transaction (UX-C9, B2, S1-01).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from enrollment import households, offices, pictures, services, steps, terms
from enrollment.codes import ForWhom, Relation
from enrollment.models import Application, ApplicationMaterial, CheckResult, HouseholdPack, MaterialPicture, WalkIn
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from payments.models import Notice
from portal import audit
from portal.people import services as people
from portal.people.actors import SYSTEM, Actor
from portal.people.identity import IdentityNumber, age_on, parse_identity_number
from portal.people.models import Basis, Resident, User, identity_index
from portal.people.names import comparable_name
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, Region

KEPT_DAYS = 30
"""Calendar days for which an unfinished draft is kept (ARCHITECTURE §8)."""

CARRIED = ("phone", "address", "in_area", "lives_at_hukou", "home")
"""What the next person of the same household is not asked again."""


BASES = {str(Relation.PARENT): Basis.PARENT, str(Relation.GUARDIAN): Basis.COURT}
"""Relations proved by papers that make somebody the guardian of a child; others apply this once only."""


class OwnCase(Exception):
    """The person is the clerk or belongs to the clerk's household: a colleague serves them (N19)."""


class NameDiffers(Exception):
    """The number belongs to somebody on file with another name; `applicant` says whether it is the applicant's."""

    def __init__(self, *, applicant: bool) -> None:
        super().__init__("name differs")
        self.applicant = applicant


class AlreadyApplied(Exception):
    """There is an application for each year the person could join; `found` are those the clerk may see."""

    def __init__(self, found: list[Application]) -> None:
        super().__init__("already applied")
        self.found = found


class DraftChanged(Exception):
    """A colleague has saved or submitted the draft since the page was opened."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Everything on the long page, cleaned."""

    name: str
    document: str
    who: str
    applicant_number: IdentityNumber | None
    applicant_name: str
    home: Region
    cover_year: int
    sections: Mapping[str, Mapping[str, Any]]
    seen: Collection[str] = field(default_factory=list)

    @property
    def birth_on(self) -> date:
        found: date = self.sections[steps.PERSON]["birth_on"]
        return found


def look_up(*, number: IdentityNumber, office: Office, actor: Actor, pack: HouseholdPack | None = None) -> WalkIn:
    """The office's unfinished draft for this person, begun where there is none.

    Raises OwnCase, and AlreadyApplied when no year is left to join.
    """
    person = on_file(number)
    require_stranger(actor, number, person)
    if person is not None and not free_years(person.birth_date or number.birth_date, office.region, person):
        live = Application.objects.live().filter(beneficiary=person)
        raise AlreadyApplied(list(live.visible_to(actor).select_related("office", "beneficiary")))
    index = identity_index(number.kind, number.normalized)
    unfinished = WalkIn.objects.unfinished().filter(office=office, id_index=index)
    draft = unfinished.first()
    if draft is not None:
        return draft
    if actor.user_id is None:
        raise PermissionDenied
    draft = WalkIn(office=office, clerk_id=actor.user_id, id_index=index, pack=pack)
    draft.typed = {"number": [number.normalized], "number_kind": [number.kind], **_carried(pack)}
    try:
        with transaction.atomic():
            draft.save(force_insert=True)
    except IntegrityError:
        return unfinished.get()
    return draft


def on_file(number: IdentityNumber) -> Resident | None:
    """Who has this number, found by its keyed index."""
    return Resident.objects.filter(id_index=identity_index(number.kind, number.normalized)).first()


def require_stranger(actor: Actor, number: IdentityNumber, person: Resident | None) -> None:
    """Raises OwnCase for the clerk and the clerk's household, and notes the attempt."""
    own_index = User.objects.filter(pk=actor.user_id or 0).values_list("own_id_index", flat=True).first()
    own = bool(own_index) and own_index == identity_index(number.kind, number.normalized)
    if own or (person is not None and people.same_household(actor, person.pk)):
        audit.record("enrollment.walk_in", actor, subject=person, outcome="conflict_of_interest")
        raise OwnCase


def number_of(draft: WalkIn) -> IdentityNumber:
    """The identity number the draft was begun with."""
    typed = draft.typed
    return parse_identity_number(typed["number"][0], typed["number_kind"][0])


def free_years(birth_on: date | None, region: Region, person: Resident | None) -> list[int]:
    """The cover years that can be joined today and for which the person has no application."""
    today = calendar.today()
    open_years = terms.open_years(today, birth_on or today, region, policies.for_region(region))
    live = Application.objects.live().filter(beneficiary=person) if person else Application.objects.none()
    taken = set(live.values_list("cover_year", flat=True))
    return [year.year for year in open_years if year.year not in taken]


def _carried(pack: HouseholdPack | None) -> dict[str, list[str]]:
    """Contact and address of the person entered before in the same household, as typed fields."""
    before = pack.members.exclude(answers_cipher=b"").order_by("-created_at").first() if pack else None
    if before is None:
        return {}
    told = before.answers.get(steps.CONTACT, {})
    spelled = {True: "yes", False: "no"}
    found = {name: [str(spelled.get(told[name], told[name]))] for name in CARRIED if told.get(name) not in (None, "")}
    return found | {"home": [before.region.code]}


def save(draft: WalkIn, typed: Mapping[str, list[str]], *, version: int) -> WalkIn:
    """Keeps what was typed, right or wrong; raises DraftChanged when a colleague saved or submitted meanwhile."""
    own = {name: values for name, values in draft.typed.items() if name in ("number", "number_kind")}
    draft.typed = {**typed, **own}
    rows = WalkIn.objects.unfinished().filter(pk=draft.pk, version=version)
    if not rows.update(typed_cipher=draft.typed_cipher, version=F("version") + 1, saved_at=timezone.now()):
        raise DraftChanged
    draft.refresh_from_db()
    return draft


def discard(draft: WalkIn) -> None:
    """Throws an unfinished draft away, with the photos taken for it."""
    _erase([draft.pk])


def erase_old(limit: int = 500) -> int:
    """Erases drafts nobody has touched for 30 days; returns how many."""
    old = WalkIn.objects.unfinished().filter(saved_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    return _erase(list(old.values_list("pk", flat=True)[:limit]))


def _erase(draft_ids: list[UUID]) -> int:
    with transaction.atomic():
        rows = list(WalkIn.objects.select_for_update().unfinished().filter(pk__in=draft_ids).order_by("pk"))
        pictures.erase(MaterialPicture.objects.filter(walk_in__in=rows))
        return WalkIn.objects.filter(pk__in=[row.pk for row in rows]).delete()[0]


def sketch(draft: WalkIn, told: Mapping[str, Mapping[str, Any]], *, who: str, year: int) -> Application:
    """The application as it would be, unsaved, for the list of papers and the premium on the page."""
    number = number_of(draft)
    person = on_file(number) or Resident(
        id_kind=number.kind, birth_date=number.birth_date, sex=number.sex, home_region=draft.office.region
    )
    made = Application(
        resident=person,
        beneficiary=person,
        for_whom=ForWhom(who),
        region=draft.office.region,
        office=draft.office,
        cover_year=year,
    )
    made.answers = {section: steps.stored(dict(values)) for section, values in told.items()}
    return made


def decides_here(office: Office) -> bool:
    """Whether this office decides on the spot by the policy of its region."""
    return offices.review_days(policies.for_region(office.region), office.kind) == 0


def register(*, draft: WalkIn, told: Told, actor: Actor, decide: bool) -> Application:
    """Puts the people on file, applies, notes the papers seen and, where asked and allowed, approves: all or nothing.

    A second call returns the application of the first. Raises OwnCase, NameDiffers, PermissionDenied for a place
    outside the office's area, services.DuplicateApplication, services.NotOpen, services.Incomplete, and
    portal.workflow.errors.Unmet when required papers were not seen.
    """
    # Before the transaction, so that the record of a refused attempt stays.
    for one in filter(None, (number_of(draft) if draft.typed_cipher else None, told.applicant_number)):
        require_stranger(actor, one, on_file(one))
    with transaction.atomic():
        row = (
            WalkIn.objects.select_for_update(no_key=True, of=("self",))
            .select_related("office", "pack")
            .get(pk=draft.pk)
        )
        if row.application is not None:
            return row.application
        if not Region.objects.within_path(actor.region_path).filter(pk=told.home.pk).exists():
            raise PermissionDenied
        person = _person(row, told, actor)
        applicant = person if told.who == ForWhom.SELF else _applicant(told, person, actor)
        application = services.start(
            actor=actor,
            resident=applicant,
            region=told.home,
            for_whom=told.who,
            cover_year=told.cover_year,
            beneficiary=person,
        )
        _enter(application, row, told, actor)
        services.submit(
            application=application, actor=actor, token=application.submit_token, version=application.version
        )
        pictures.hand_over(walk_in=row, application=application)
        _note_papers(application, told.seen, actor)
        _begin_review(application)
        if decide and may_decide(application, row.office):
            services.approve(application=application, actor=actor, version=application.version)
        WalkIn.objects.filter(pk=row.pk).update(
            application=application, finished_at=timezone.now(), typed_cipher=b"", version=F("version") + 1
        )
        audit.record("enrollment.walk_in", actor, subject=application)
    application.refresh_from_db()
    return application


def may_decide(application: Application, office: Office) -> bool:
    """Whether the case can be approved in the same session: an office that decides on the spot, nothing found."""
    found = application.checks.filter(outcome=CheckResult.Outcome.FINDING).exists()
    return application.state == State.UNDER_REVIEW and decides_here(office) and not found


def _person(row: WalkIn, told: Told, actor: Actor) -> Resident:
    number = number_of(row)
    contact = told.sections[steps.CONTACT]
    phone = contact["phone"] if told.who == ForWhom.SELF else ""
    return _file(
        number,
        told.name,
        actor,
        document=told.document,
        home=told.home,
        address=contact["address"],
        phone=phone,
        birth_on=told.birth_on,
        sex=told.sections[steps.PERSON]["sex"],
        has_id_card=bool(told.sections[steps.PERSON].get("has_id_card")),
    )


def _applicant(told: Told, person: Resident, actor: Actor) -> Resident:
    if told.applicant_number is None:
        raise LookupError("an applicant without a number")
    contact = told.sections[steps.CONTACT]
    applicant = _file(
        told.applicant_number,
        told.applicant_name,
        actor,
        document=told.document,
        home=told.home,
        address=contact["address"],
        phone=contact["phone"],
        applicant=True,
    )
    if told.who == ForWhom.CHILD and applicant.pk != person.pk:
        relation = told.sections[steps.PERSON].get("relation")
        basis = BASES.get(str(relation))
        if basis is not None and applicant.pk not in _guardians(person):
            people.appoint_guardian(
                guardian=applicant, ward=person, basis=basis, valid_until=people.last_day_as_minor(person)
            )
    return applicant


def _guardians(person: Resident) -> set[Any]:
    return set(person.guardians.live().values_list("guardian_id", flat=True))


def _file(
    number: IdentityNumber,
    name: str,
    actor: Actor,
    *,
    document: str,
    home: Region,
    address: str,
    phone: str,
    birth_on: date | None = None,
    sex: str = "",
    has_id_card: bool = True,
    applicant: bool = False,
) -> Resident:
    """The person on file, put there where new, moved here where they lived elsewhere, with the identity checked."""
    person = on_file(number)
    if person is None:
        person = people.register_resident(
            identity_number=number,
            name=name,
            phone=phone if not birth_on or age_on(birth_on, calendar.today()) >= people.ADULT_AGE_YEARS else "",
            birth_date=birth_on,
            sex=sex,
            home_region=home,
            hukou_region_code=number.region_code,
            address=address,
            has_id_card=has_id_card,
        )
    elif comparable_name(person.name) != comparable_name(name):
        raise NameDiffers(applicant=applicant)
    elif not applicant and person.home_region_id != home.pk:
        people.set_home(person, region=home, address=address, hukou_region_code=person.hukou_region_code)
        audit.record("people.home_changed", actor, subject=person, purpose=document)
    if not person.is_verified and Resident.objects.visible_to(actor).filter(pk=person.pk).exists():
        people.confirm_identity(actor, person, purpose=document)
    return person


def _enter(application: Application, row: WalkIn, told: Told, actor: Actor) -> None:
    """Stores every section; a draft the resident had begun online is taken over by the counter."""
    relation = told.sections[steps.PERSON].get("relation", "")
    for section, values in told.sections.items():
        services.save_section(application=application, section=section, values=values)
    services.save_section(
        application=application,
        section=steps.OFFICE,
        values={"office": row.office},
        office=row.office,
        helper_id=actor.user_id,
        for_whom=told.who,
        relation=relation,
        pack=row.pack,
    )
    application.refresh_from_db()


def _note_papers(application: Application, seen: Collection[str], actor: Actor) -> None:
    application.materials.filter(code__in=list(seen), waived_by={}).update(
        judged=ApplicationMaterial.Judgement.ACCEPTED, seen_by_id=actor.user_id, seen_at=timezone.now()
    )


def _begin_review(application: Application) -> None:
    """Does at once what the worker would do within seconds: the checks, and the way the region's order asks for."""
    at = timezone.now()
    for transition in (EnrollmentWorkflow.collect, EnrollmentWorkflow.accept):
        transition.move([application.pk], SYSTEM, at=at)
    application.refresh_from_db()


def next_of_household(*, application: Application, actor: Actor) -> HouseholdPack:
    """The family this application belongs to, begun with it where there is none yet."""
    with transaction.atomic():
        row = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        if row.pack is not None:
            return row.pack
        pack = HouseholdPack.objects.create(
            applicant=row.resident,
            region=row.region,
            office=row.office,
            helper_id=actor.user_id,
            cover_year=row.cover_year,
        )
        Application.objects.filter(pk=row.pk).update(pack=pack)
        WalkIn.objects.filter(application=row).update(pack=pack)
    return pack


def finish_household(pack: HouseholdPack) -> Notice | None:
    """Nobody else follows: one notice for everybody billed by now; None while nobody has to pay."""
    with transaction.atomic():
        HouseholdPack.objects.filter(pk=pack.pk, submitted_at__isnull=True).update(submitted_at=timezone.now())
        issued = households.bill_together([pack.pk])
    pack.refresh_from_db()
    return issued[0] if issued else None
