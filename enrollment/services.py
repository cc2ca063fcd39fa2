"""Commands of the enrolment: keyword-only, atomic, returning what they made."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from enrollment import correcting, leases, offices, pictures, steps, terms
from enrollment.models import Appeal, Application, ApplicationMaterial, CorrectionItem, InternalNote
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from payments.numbers import check_digits
from portal import audit, prepared_writes
from portal.people import services as people
from portal.people.actors import SYSTEM, Actor, Role
from portal.people.models import Resident
from portal.prepared import Prepared
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.materials import WAIVED, MaterialRule
from portal.regions.models import PolicySnapshot, Region, versions
from portal.regions.policy_values import Policy
from portal.workflow.core import Transition
from portal.workflow.errors import ConflictOfInterest, NotAvailable, Unmet, WrongRole

SERIES = "3"
CORRECTION_ROUNDS = 3
REFUSED = ApplicationMaterial.Judgement.REFUSED
ONE_LIVE = "enrollment_one_live_per_person_and_year"


class DuplicateApplication(Exception):
    """The person already has a live application for the year; `first` is it when the actor may see it, else None."""

    def __init__(self, first: Application | None) -> None:
        super().__init__("already applied")
        self.first = first


class Incomplete(Exception):
    """Sections of the form are not answered yet."""

    def __init__(self, sections: list[steps.Section]) -> None:
        super().__init__("incomplete")
        self.sections = sections


class AppealNotPossible(Exception):
    """There is no rejection, or the time to appeal is over."""


class NotOpen(Exception):
    """The cover year cannot be joined on this day."""


def start(
    *,
    actor: Actor,
    resident: Resident,
    region: Region,
    for_whom: str,
    cover_year: int,
    beneficiary: Resident,
) -> Application:
    """Begins a draft, or returns the applicant's open draft for the same person and year.

    Raises PermissionDenied when the actor may not act for the beneficiary.
    """
    if not people.may_act_for(actor, beneficiary.pk):
        raise PermissionDenied
    with transaction.atomic():
        # The applicant's row is the queue: two tabs that start at once end in one draft.
        Resident.objects.select_for_update().get(pk=resident.pk)
        open_drafts = Application.objects.filter(
            state=State.DRAFT, resident=resident, beneficiary=beneficiary, region=region, cover_year=cover_year
        )
        draft = open_drafts.filter(due_before_discard=None).order_by("created_at").first()
        if draft is not None:
            return draft
        application = Application(
            resident=resident,
            beneficiary=beneficiary,
            for_whom=for_whom,
            region=region,
            cover_year=cover_year,
            policy=PolicySnapshot.objects.take(region, calendar.today()),
            helper_id=actor.user_id if actor.is_staff_role else None,
        )
        return EnrollmentWorkflow.begin(application, actor)


def save_section(*, application: Application, section: str, values: Mapping[str, Any], **columns: Any) -> Application:
    """Stores one section of a draft; the last one to save a section wins.

    Raises NotAvailable for anything but a draft.
    """
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        if row.state != State.DRAFT or row.is_discarded:
            raise NotAvailable(EnrollmentWorkflow.submit, row)
        row.answers = row.answers | {section: steps.stored(dict(values))}
        _edit(row, answers_cipher=row.answers_cipher, **columns)
    application.refresh_from_db()
    return application


def submit(*, application: Application, actor: Actor, token: UUID, version: int) -> Application:
    """Freezes the region's terms and submits; the same token again returns the application as it is.

    Raises Incomplete, NotOpen, DuplicateApplication, PicturesMissing, and NotAvailable for an old page.
    """
    try:
        return _submit_once(application, actor, token, version)
    except IntegrityError:
        first = Application.objects.live().filter(
            beneficiary=application.beneficiary_id, cover_year=application.cover_year
        )
        if first.exists():
            raise DuplicateApplication(first.visible_to(actor).first()) from None
    # No other application of the person: the number drawn was taken, one chance in a hundred thousand million.
    return _submit_once(application, actor, token, version)


def _locked(pk: UUID) -> "QuerySet[Application]":
    rows = Application.objects.select_related("resident", "region", "office", "policy").defer("policy__data")
    return rows.select_for_update(of=("self",)).filter(pk=pk)


locked_whole = Prepared(_locked, UUID)
"""The row of an application with all that submission looks at, locked; none where it does not exist."""


def _submit_once(application: Application, actor: Actor, token: UUID, version: int) -> Application:
    with transaction.atomic(), versions.pinned(versions.POLICY, versions.CALENDAR):
        found = locked_whole(application.pk)
        if not found:
            raise Application.DoesNotExist
        row = found[0]
        if row.beneficiary_id == row.resident_id:
            row.beneficiary = row.resident
        if row.state != State.DRAFT and row.submit_token == token:
            return row
        if row.state != State.DRAFT or row.version != version or row.submit_token != token:
            raise NotAvailable(EnrollmentWorkflow.submit, row)
        return _submit(row, actor)


def _submit(row: Application, actor: Actor) -> Application:
    at = timezone.now()
    today = calendar.local_date(at)
    snapshot = PolicySnapshot.objects.take(row.region, today, known=row.policy)
    columns, papers = frozen_terms(row, snapshot, snapshot.policy, at)
    pictures.require(row, snapshot.policy, papers)
    prepared_writes.insert(papers)
    # One UPDATE writes terms, number and state.
    changes = columns | {"number": drawn_number(today.year)}
    return EnrollmentWorkflow.submit.fire(row, actor, row.version, changes=changes, at=at, held=True)


def frozen_terms(
    row: Application, snapshot: PolicySnapshot, policy: Policy, at: datetime
) -> tuple[dict[str, Any], list[ApplicationMaterial]]:
    """What submission writes into a complete draft, and its materials: the rules of one application and of a roster.

    `policy` is that of the snapshot, read once for many rows. Raises Incomplete and NotOpen.
    """
    answers = row.answers
    sections = [section for section in steps.SECTIONS if section.code not in answers]
    if sections or row.beneficiary is None:
        raise Incomplete(sections or [steps.BY_CODE[steps.PERSON]])
    today = calendar.local_date(at)
    birth_on = date.fromisoformat(answers[steps.PERSON]["birth_on"])
    if row.cover_year not in [year.year for year in terms.open_years(today, birth_on, row.region, policy)]:
        raise NotOpen
    facts = terms.facts_of(row, policy, today)
    found = terms.terms_of(facts, policy, row.cover_year)
    office = row.office or offices.fallback(row.region)
    columns = {
        "facts": facts,
        "scenario": found.scenario,
        "category": facts["status"],
        "assistance": facts["category"],
        "policy": snapshot,
        "payment_order": policy.setting("payment_order", "review_first"),
        "deemed_approval": bool(policy.setting("deemed_approval", False)),
        "payable_fen": found.fee.amount_fen,
        "premium_pending": found.fee.pending,
        "office": office,
        "office_kind": office.kind if office else "county_centre",
        "submitted_at": at,
        "submitted_on": today,
        "review_from": today,
        "declaration_at": at,
    }
    return columns, _materials(row, found.materials)


def _materials(row: Application, rules: Iterable[MaterialRule]) -> list[ApplicationMaterial]:
    return [
        ApplicationMaterial(
            application=row,
            position=position,
            code=rule.code,
            group=rule.alternatives or rule.code,
            name_zh=rule.name["zh"],
            name_en=rule.name["en"],
            required=rule.required,
            waived_by=rule.sharing_source if rule.level == WAIVED else {},
        )
        for position, rule in enumerate(rules)
    ]


def drawn_number(year: int) -> str:
    """A random application number: series, year, eleven digits, two check digits; the database keeps it unique."""
    payload = f"{SERIES}{year % 100:02d}{secrets.randbelow(10**11):011d}"
    return payload + check_digits(payload)


def free_numbers(year: int, count: int) -> list[str]:
    """New application numbers that nobody has, for many applications at once."""
    found: set[str] = set()
    while len(found) < count:
        missing = range(count - len(found))
        numbers = {drawn_number(year) for _number in missing}
        found |= numbers - set(Application.objects.filter(number__in=numbers).values_list("number", flat=True))
    return list(found)


def judge_materials(
    *,
    application: Application,
    actor: Actor,
    version: int,
    judgements: Mapping[str, str],
    reasons: Mapping[str, tuple[str, str]] | None = None,
) -> Application:
    """Records which papers a clerk saw and how they judge them; raises the version of the case.

    `reasons` gives, for materials that were not accepted, the code of the reason and the words for the resident.
    Raises NotAvailable when the case moved on or was edited since the clerk's page, HeldByColleague while somebody
    else has it open.
    """
    at = timezone.now()
    with transaction.atomic():
        row = _decidable(application, actor, version)
        changed = []
        for material in row.materials.all():
            judged = judgements.get(material.code, material.judged)
            code, text = (reasons or {}).get(material.code, ("", "")) if judged == REFUSED else ("", "")
            if (judged, code, text) != (material.judged, material.refusal_code, material.refusal_text):
                material.judged, material.refusal_code, material.refusal_text = judged, code, text
                material.seen_by_id = actor.user_id if judged else None
                material.seen_at = at if judged else None
                changed.append(material)
        if changed:
            columns = ["judged", "seen_by", "seen_at", "refusal_code", "refusal_text"]
            ApplicationMaterial.objects.bulk_update(changed, columns)
            _edit(row)
    application.refresh_from_db()
    return application


def approve(*, application: Application, actor: Actor, version: int, undo_seconds: int = 0) -> Application:
    """Approves as clerk or county reviewer; what follows (notice, cover, messages) is reactions.

    Within `undo_seconds` the same person can take it back, and what follows waits for their end.
    """
    transition = _free_decision("approve", application, actor)
    at = timezone.now()
    transition.fire(application, actor, version, changes=_undoable(at, undo_seconds), at=at)
    leases.give_back(application, actor)
    return application


def reject(
    *,
    application: Application,
    actor: Actor,
    version: int,
    reason_code: str,
    reason: str,
    next_step: str,
    undo_seconds: int = 0,
) -> Application:
    """Rejects with the reason and the next step the resident will read; `undo_seconds` as in `approve`."""
    transition = _free_decision("reject", application, actor)
    at = timezone.now()
    transition.fire(
        application,
        actor,
        version,
        note=reason,
        codes={"reason": reason_code},
        changes={"decision_reason": reason, "decision_next_step": next_step} | _undoable(at, undo_seconds),
        at=at,
    )
    leases.give_back(application, actor)
    return application


def rounds_left(application: Application) -> int:
    """How many more times corrections may be asked for; after the last the case is decided as it is (N20)."""
    most = int(policies.for_region(application.region).setting("desk.correction_rounds", CORRECTION_ROUNDS))
    return max(0, most - application.correction_round)


def ask_correction(
    *, application: Application, actor: Actor, version: int, items: Iterable[Any], undo_seconds: int = 0
) -> Application:
    """Tells the resident once of everything that is to be put right; the review clock pauses.

    `undo_seconds` as in `approve`. Raises Unmet when the region's number of rounds is used up.
    """
    transition = _free_decision("ask_correction", application, actor)
    with transaction.atomic():
        number = application.correction_round + 1
        if actor.role in transition.roles and not rounds_left(application):
            raise Unmet(transition, application, [str(_("Corrections were asked for often enough: decide the case."))])
        shown = application.answers
        at = timezone.now()
        transition.fire(
            application,
            actor,
            version,
            codes={"round": number},
            changes={"correction_round": number} | _undoable(at, undo_seconds),
            at=at,
        )
        rows = []
        for asked in items:
            item = CorrectionItem(
                application=application, round=number, kind=asked.kind, code=asked.code, reason=asked.reason
            )
            if asked.kind == CorrectionItem.Kind.FIELD:
                section, field = asked.code.split(".")
                item.before = shown.get(section, {}).get(field)
            rows.append(item)
        CorrectionItem.objects.bulk_create(rows)
        leases.give_back(application, actor)
    return application


def _undoable(at: datetime, seconds: int) -> dict[str, Any]:
    return {"undo_until": at + timedelta(seconds=seconds) if seconds > 0 else None}


def resubmit(
    *, application: Application, actor: Actor, version: int, values: Mapping[str, Any], handed_in: Iterable[str]
) -> Application:
    """Takes corrected answers, and only those asked for, by `section.field`; the review goes on where it stopped.

    `handed_in` names the materials the resident says to have handed in; they are open for judgement again.
    """
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        if row.state != State.CORRECTION_REQUIRED or row.version != version:
            raise NotAvailable(EnrollmentWorkflow.resubmit, row)
        at = timezone.now()
        open_items = list(row.corrections.filter(round=row.correction_round))
        answers = row.answers
        for item in open_items:
            if item.kind == CorrectionItem.Kind.FIELD and item.code in values:
                section, field = item.code.split(".")
                answers.setdefault(section, {})[field] = steps.stored({field: values[item.code]})[field]
                item.after = answers[section][field]
            item.resolved_at = at
        CorrectionItem.objects.bulk_update(open_items, ["after_cipher", "resolved_at"])
        row.materials.filter(code__in=list(handed_in)).update(
            judged="", seen_by=None, seen_at=None, refusal_code="", refusal_text=""
        )
        row.answers = answers
        changes: dict[str, Any] = {"answers_cipher": row.answers_cipher}
        if any(item.kind == CorrectionItem.Kind.FIELD and item.before != item.after for item in open_items):
            changes |= correcting.follow(row, _materials)
        _edit(row, **changes)
        EnrollmentWorkflow.resubmit.fire(row, actor, row.version, codes={"round": row.correction_round}, at=at)
    application.refresh_from_db()
    return application


def withdraw(*, application: Application, actor: Actor, version: int, reason: str = "") -> Application:
    """Withdraws on the applicant's word; reactions cancel an unpaid notice and propose the refund of paid money."""
    return EnrollmentWorkflow.withdraw.fire(application, actor, version, note=reason)


def appeal_until(application: Application) -> date:
    """Last day on which a rejection can be appealed against; the day of the decision is not counted."""
    decided_on = calendar.local_date(application.state_since)
    return decided_on + timedelta(days=application.policy.policy.days("appeal_calendar"))


def appeal(*, application: Application, actor: Actor, text: str) -> Appeal:
    """Files an appeal against a rejection; a second one returns the first.

    Raises AppealNotPossible when nothing was rejected or the time is over.
    """
    if application.state != State.REJECTED or calendar.today() > appeal_until(application):
        raise AppealNotPossible
    filed = Appeal(application=application, filed_at=timezone.now())
    filed.text = text
    try:
        with transaction.atomic():
            filed.save()
            audit.record("enrollment.appeal_filed", actor, subject=application)
    except IntegrityError:
        return Appeal.objects.get(application=application)
    return filed


def add_note(*, application: Application, actor: Actor, text: str) -> InternalNote:
    """Keeps a remark for colleagues."""
    if actor.user_id is None:
        raise PermissionDenied
    return InternalNote.objects.create(application=application, author_id=actor.user_id, text=text, at=timezone.now())


def price_held(*, limit: int = 500) -> int:
    """Gives applications the amount their region has published since, and wakes those that were held for it.

    Returns how many got an amount; call again until it returns 0.
    """
    today = calendar.today()
    groups = (
        Application.objects.live()
        .filter(premium_pending=True)
        .values_list("region", "cover_year")
        .order_by("region", "cover_year")
        .distinct()
    )
    priced = 0
    for region_id, year in groups:
        region = Region.objects.get(pk=region_id)
        if policies.for_region(region, today).fee("premium", cover_year=year).pending:
            continue
        priced += _price_group(region, year, limit)
    return priced


def _price_group(region: Region, year: int, limit: int) -> int:
    snapshot = PolicySnapshot.objects.take(region, calendar.today())
    policy = snapshot.policy
    at = timezone.now()
    rows = Application.objects.live().filter(premium_pending=True, region=region, cover_year=year)
    amounts: dict[tuple[int, bool], list[UUID]] = {}
    for row in rows.order_by("pk")[:limit]:
        fee = terms.terms_of(row.facts, policy, year).fee
        if fee.amount_fen is not None:
            amounts.setdefault((fee.amount_fen, row.is_held), []).append(row.pk)
    priced = 0
    for (amount_fen, held), pks in amounts.items():
        changes = {"payable_fen": amount_fen, "premium_pending": False} | (
            {"policy": snapshot, "due_at": at} if held else {}
        )
        priced += len(
            EnrollmentWorkflow.price.move(pks, SYSTEM, changes=changes, codes={"amount_fen": amount_fen}, at=at)
        )
    return priced


def _decide(verb: str, actor: Actor) -> Transition:
    """The transition of a decision verb at the actor's level; a case at the other level is not available."""
    name = f"county_{verb}" if actor.role == Role.COUNTY_REVIEWER else verb
    return EnrollmentWorkflow.transitions[name]


def _free_decision(verb: str, application: Application, actor: Actor) -> Transition:
    """The transition of a decision, unless a colleague has the case open."""
    transition = _decide(verb, actor)
    if actor.role in transition.roles:
        leases.require_free(application, actor, transition)
    return transition


def _decidable(application: Application, actor: Actor, version: int) -> Application:
    """The locked row, if this actor could decide it now by role, state, version and interest."""
    row = Application.objects.select_for_update().get(pk=application.pk)
    transition = _decide("approve", actor)
    if actor.role not in transition.roles:
        raise WrongRole(str(transition))
    if EnrollmentWorkflow.conflict(actor, [row.pk]):
        raise ConflictOfInterest(transition, row, actor, recorded=False)
    if row.state not in transition.sources or row.version != version:
        raise NotAvailable(transition, row)
    leases.require_free(row, actor, transition)
    return row


def _edit(row: Application, **changes: Any) -> None:
    """Changes a locked row and raises its version."""
    if not Application.objects.edited(row.pk, row.version, **changes):
        raise NotAvailable(EnrollmentWorkflow.submit, row)
    row.refresh_from_db()
