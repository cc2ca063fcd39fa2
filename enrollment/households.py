"""Families: entered in one visit, submitted together, decided one by one, paid with one notice (N13)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone

from enrollment import services, steps
from enrollment.codes import ForWhom
from enrollment.messages import is_adult
from enrollment.models import Application, HouseholdPack
from enrollment.models.households import pack_notices
from enrollment.states import FINAL, State
from enrollment.workflow import EnrollmentWorkflow
from payments import collective
from payments import services as payments
from payments.messages import tell_issued
from payments.models import Notice
from payments.states import State as NoticeState
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions.models import PolicySnapshot, Region
from portal.workflow.core import Batch
from portal.workflow.errors import NotAvailable

PURPOSE = "enrollment.household"
SHARED = (steps.CONTACT, steps.OFFICE)
"""Sections that are asked once for everybody; each person's own page can still differ."""

MOST_MEMBERS = 20


@dataclass
class Trouble:
    """Why one member cannot be submitted: sections without an answer, a closed year, or an application that exists."""

    application: Application
    missing: list[steps.Section] = field(default_factory=list)
    not_open: bool = False
    duplicate: bool = False
    first: Application | None = None


class PackRefused(Exception):
    """Nothing was submitted; `troubles` says why, person by person."""

    def __init__(self, troubles: list[Trouble]) -> None:
        super().__init__("pack refused")
        self.troubles = troubles


class PackChanged(Exception):
    """Somebody changed an answer after the page was shown that is now being submitted."""


def open_pack(*, actor: Actor, applicant: Resident, region: Region, cover_year: int) -> HouseholdPack:
    """The family's open pack of this year and place, begun where there is none; two tabs get the same one."""
    if actor.resident_id != applicant.pk:
        raise PermissionDenied
    wanted = {"applicant": applicant, "region": region, "cover_year": cover_year}
    unsent = HouseholdPack.objects.filter(submitted_at__isnull=True, helper__isnull=True, **wanted)
    pack = unsent.first()
    if pack is None:
        try:
            with transaction.atomic():
                pack = HouseholdPack.objects.create(**wanted)
        except IntegrityError:
            pack = unsent.get()
    return pack


def add_members(*, pack: HouseholdPack, actor: Actor, people: Iterable[Resident]) -> list[Trouble]:
    """Begins a draft for each person, with the shared answers of those already in; names those who have applied
    already. Raises PermissionDenied for somebody the actor may not act for.
    """
    troubles = []
    with transaction.atomic():
        _locked(pack)
        for person in people:
            live = Application.objects.live().filter(beneficiary=person, cover_year=pack.cover_year)
            if live.exists():
                blank = Application(resident=pack.applicant, beneficiary=person, cover_year=pack.cover_year)
                troubles.append(Trouble(blank, duplicate=True, first=live.visible_to(actor).first()))
                continue
            application = services.start(
                actor=actor,
                resident=pack.applicant,
                region=pack.region,
                for_whom=for_whom(person, pack.applicant),
                cover_year=pack.cover_year,
                beneficiary=person,
            )
            _join(application, pack)
    return troubles


def for_whom(person: Resident, applicant: Resident) -> str:
    """In what capacity the applicant registers a person."""
    if person.pk == applicant.pk:
        return ForWhom.SELF
    return ForWhom.FAMILY if is_adult(person) else ForWhom.CHILD


def _join(application: Application, pack: HouseholdPack) -> None:
    sibling = pack.members.filter(state=State.DRAFT).exclude(pk=application.pk).order_by("created_at").first()
    Application.objects.filter(pk=application.pk, state=State.DRAFT).update(pack=pack)
    answered = sibling.answers if sibling else {}
    for section in SHARED:
        if section in answered and section not in application.answers:
            columns = {"office": sibling.office} if section == steps.OFFICE and sibling else {}
            services.save_section(application=application, section=section, values=answered[section], **columns)


def leave_out(*, pack: HouseholdPack, application: Application) -> None:
    """Takes a person out of an unsent family; the draft stays as an application of its own."""
    with transaction.atomic():
        _locked(pack)
        Application.objects.filter(pk=application.pk, pack=pack, state=State.DRAFT).update(pack=None)


def drafts(pack: HouseholdPack) -> list[Application]:
    """The members not submitted yet, in the order they were added."""
    rows = pack.members.filter(state=State.DRAFT, beneficiary__isnull=False).order_by("created_at", "pk")
    return list(rows.select_related("resident", "beneficiary", "region", "office", "policy"))


def members(pack: HouseholdPack) -> list[Application]:
    """Everybody in the family, in the order they were added."""
    return list(
        Application.objects.for_pages().filter(pack=pack, beneficiary__isnull=False).order_by("created_at", "pk")
    )


def save_shared(*, pack: HouseholdPack, section: str, values: Mapping[str, Any], **columns: Any) -> None:
    """Stores one answer for everybody who is not submitted yet."""
    with transaction.atomic():
        _locked(pack)
        for application in drafts(pack):
            services.save_section(application=application, section=section, values=values, **columns)


def save_one(
    *, pack: HouseholdPack, application: Application, section: str, values: Mapping[str, Any], **columns: Any
) -> None:
    """Stores an answer about one member."""
    with transaction.atomic():
        _locked(pack)
        services.save_section(application=application, section=section, values=values, **columns)


def personal_sections() -> list[steps.Section]:
    """The sections that are asked for each person."""
    return [section for section in steps.SECTIONS if section.code not in SHARED]


def next_page(pack: HouseholdPack) -> tuple[Application | None, str] | None:
    """The first page without an answer: (None, section) for all, (member, section) for one; None when complete."""
    waiting = drafts(pack)
    for code in SHARED:
        if any(code not in row.answers for row in waiting):
            return None, code
    for row in waiting:
        for section in personal_sections():
            if not steps.is_complete(row, section):
                return row, section.code
    return None


def fingerprint(rows: Sequence[Application]) -> str:
    """What a page showed, in short: who is in, and in which version."""
    told = ",".join(sorted(f"{row.pk}:{row.version}" for row in rows))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def submit(*, pack: HouseholdPack, actor: Actor, token: UUID, shown: str) -> list[Trouble]:
    """Submits everybody in one transaction and returns those left out because they have applied already.

    The same token again changes nothing. Raises PackChanged for an old page, PackRefused when somebody cannot be
    submitted for another reason or nobody is left; nothing is submitted then.
    """
    with transaction.atomic():
        row = _locked(pack)
        if row.submit_token != token:
            raise PackChanged
        if row.submitted_at is not None:
            return []
        waiting = drafts(row)
        if fingerprint(waiting) != shown:
            raise PackChanged
        troubles = [trouble for trouble in (_submit_one(one, actor) for one in waiting) if trouble]
        left_out = [trouble for trouble in troubles if trouble.duplicate]
        if len(left_out) < len(troubles) or len(left_out) == len(waiting):
            raise PackRefused(troubles)
        office = next((one.office for one in waiting if one.office), None)
        HouseholdPack.objects.filter(pk=row.pk).update(submitted_at=timezone.now(), office=office)
    pack.refresh_from_db()
    return left_out


def _submit_one(application: Application, actor: Actor) -> Trouble | None:
    try:
        services.submit(
            application=application, actor=actor, token=application.submit_token, version=application.version
        )
    except services.Incomplete as incomplete:
        return Trouble(application, missing=incomplete.sections)
    except services.NotOpen:
        return Trouble(application, not_open=True)
    except services.DuplicateApplication as duplicate:
        return Trouble(application, duplicate=True, first=duplicate.first)
    except NotAvailable:
        raise PackChanged from None
    return None


def _locked(pack: HouseholdPack) -> HouseholdPack:
    """The pack, locked: its members are entered, submitted and billed together by one process at a time."""
    return HouseholdPack.objects.select_for_update(no_key=True).get(pk=pack.pk)


def has_company(rows: Iterable[Application]) -> set[UUID]:
    """The packs of these applications in which more than one person was submitted together."""
    packs = HouseholdPack.objects.filter(
        pk__in={row.pack_id for row in rows if row.pack_id}, submitted_at__isnull=False
    )
    counted = packs.annotate(submitted=Count("members", filter=~Q(members__state=State.DRAFT)))
    return set(counted.filter(submitted__gt=1).values_list("pk", flat=True))


def still_to_come(pack: HouseholdPack) -> bool:
    """Whether somebody may still get a notice: submitted, not decided, and not free of the premium or paid."""
    undecided = pack.members.exclude(state__in=[*FINAL, State.DRAFT, State.AWAITING_PAYMENT])
    return undecided.filter(paid_on__isnull=True).exclude(payable_fen=0).exists()


def bill_together(pks: Iterable[UUID], *, so_far: bool = False, skip_locked: bool = False) -> list[Notice]:
    """Issues one notice for each of these families where everybody is decided, or for those approved so far.

    Where only one notice is to be paid, that one is told to the payer as usual. Safe to run again.
    """
    issued = []
    locked = HouseholdPack.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    for pack in locked.filter(pk__in=set(pks)).order_by("pk"):
        if pack.submitted_at is None or (not so_far and still_to_come(pack)):
            continue
        unpaid = (
            pack_notices(pack)
            .filter(state=NoticeState.ISSUED, due_on__gte=calendar.today())
            .order_by("issued_at", "pk")
        )
        notices = list(unpaid.select_related("collective"))
        if len(notices) == 1 and not collective.open_collective(purpose=PURPOSE, reference=str(pack.pk)):
            tell_issued(notices)
            issued += notices
        elif notices:
            issued.append(_issue(pack, notices))
    return issued


def _issue(pack: HouseholdPack, notices: list[Notice]) -> Notice:
    applicant = Resident.objects.get(pk=pack.applicant_id)
    return payments.issue_collective(
        purpose=PURPOSE,
        reference=str(pack.pk),
        members=notices,
        payer=applicant,
        region=pack.region,
        office=pack.office,
        policy=PolicySnapshot.objects.take(pack.region, calendar.today()),
        actor=SYSTEM,
        at=timezone.now(),
    )


def pay_so_far(pack: HouseholdPack) -> Notice | None:
    """One notice for everybody approved by now, though others are still being decided; None when nothing is due."""
    with transaction.atomic():
        issued = bill_together([pack.pk], so_far=True)
    return issued[0] if issued else None


def family_notices(pack: HouseholdPack) -> list[Notice]:
    """The notices for several people that are open or paid, the newest first."""
    return collective.collectives(purpose=PURPOSE, reference=str(pack.pk))


def on_decided(batch: Batch) -> None:
    """A member is billed or out: where it was the last one, the family gets its one notice."""
    packs = set(batch.subjects().filter(pack__isnull=False).values_list("pack", flat=True))
    if packs:
        bill_together(packs)


def on_reminder(batch: Batch) -> None:
    """A member's notice comes near its day while others are undecided: the family may pay those approved so far."""
    near = batch.subjects().filter(collective__isnull=True, purpose="enrollment.premium")
    packs = set(Application.objects.filter(notice__in=near, pack__isnull=False).values_list("pack", flat=True))
    if packs:
        # The reminder holds the notices already: a family that is in other hands is left to them.
        bill_together(packs, so_far=True, skip_locked=True)


def hold(batch: Batch) -> None:
    """Locks the families before their notices: everybody who bills or cancels goes in this order."""
    packs = batch.subjects().filter(pack__isnull=False).values("pack")
    list(HouseholdPack.objects.select_for_update(no_key=True).filter(pk__in=packs).order_by("pk"))


def register() -> None:
    """Hangs the one notice on whatever decides a member; called once, when the apps are ready."""
    own = EnrollmentWorkflow
    for decided in (
        own.bill,
        own.collect,
        own.accept,
        own.enrol,
        own.reject,
        own.county_reject,
        own.withdraw,
        own.lapse,
    ):
        decided.reactions.append(on_decided)
    own.withdraw.reactions.insert(0, hold)
    NoticeWorkflow.remind.reactions.append(on_reminder)
