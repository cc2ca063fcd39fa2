"""Commands about registrations for the pooled scheme: draft, hand in, papers seen, accept or give back, months paid."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from enrollment import coordination, offices
from enrollment.models import Cover, Employment, Period, Registration, RegistrationMaterial
from portal import audit
from portal.design.text import format_yuan
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people import services as people
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions.models import Office, PolicySnapshot, Region

DESK_ROLES = (Role.CLERK, Role.COUNTY_REVIEWER)
BATCH = 500
REMIND_DAYS_BEFORE = 3
REMIND_DAYS_AFTER = 30


class Changed(Exception):
    """The registration is in another stage or version than the page showed."""


class PapersMissing(Exception):
    """A kind of material, or a choice within one, has not been seen; `entries` are lists of alternatives."""

    def __init__(self, entries: list[list[RegistrationMaterial]]) -> None:
        super().__init__("papers missing")
        self.entries = entries


class NoOffice(LookupError):
    """No centre or bureau of the place takes registrations."""


def office_for(region: Region) -> Office:
    """The medical insurance centre of the place, else the bureau (S3-01); raises NoOffice."""
    found = offices.fallback(region) or Office.objects.responsible_for(region, "tax_bureau")
    if found is None:
        raise NoOffice(region.code)
    return found


def save(*, actor: Actor, region: Region, values: dict[str, Any]) -> Registration:
    """Stores the resident's open registration, with both parts computed by today's rates; there is one at a time.

    Raises Changed when it lies with the desk already.
    """
    today = calendar.today()
    snapshot = PolicySnapshot.objects.take(region, today)
    found = coordination.parts(values["wage_fen"], values["employment"], coordination.rates(snapshot.policy))
    columns = values | {
        "region": region,
        "office": office_for(region),
        "policy": snapshot,
        "base_fen": found.base_fen,
        "individual_fen": found.individual_fen,
        "unit_fen": found.unit_fen,
    }
    if not actor.is_resident or actor.resident_id is None:
        raise PermissionDenied
    with transaction.atomic():
        # The person's row is the queue: two tabs that begin at once end in one registration.
        resident = Resident.objects.select_for_update().get(pk=actor.resident_id)
        row = Registration.objects.filter(resident=resident, ended_on__isnull=True).first()
        if row is None:
            return Registration.objects.create(resident=resident, created_at=timezone.now(), **columns)
        if not row.is_editable:
            raise Changed
        for name, value in columns.items():
            setattr(row, name, value)
        row.version += 1
        row.save()
    return row


def hand_in(*, registration: Registration, actor: Actor, version: int) -> Registration:
    """Hands a draft over to the office with its list of papers; papers seen before a return stay seen."""
    with transaction.atomic():
        row = _locked(registration, version)
        if not actor.is_resident or row.resident_id != actor.resident_id:
            raise PermissionDenied
        if not row.is_editable:
            raise Changed
        told = coordination.facts(row)
        asked = coordination.papers(row.policy.policy, told)
        row.materials.exclude(code__in=[rule.code for _kind, rule in asked]).delete()
        known = set(row.materials.values_list("code", flat=True))
        RegistrationMaterial.objects.bulk_create(
            RegistrationMaterial(
                registration=row,
                position=position,
                kind=kind,
                code=rule.code,
                group=rule.alternatives or rule.code,
                name_zh=rule.name["zh"],
                name_en=rule.name["en"],
                required=rule.required,
            )
            for position, (kind, rule) in enumerate(asked)
            if rule.code not in known
        )
        row.handed_in_at, row.returned_at, row.return_reason = timezone.now(), None, ""
        _keep(row)
        audit.record("enrollment.coordination_handed_in", actor, subject=row)
    return row


def see_papers(*, registration: Registration, actor: Actor, version: int, seen: Collection[str]) -> Registration:
    """Records exactly which papers a clerk has seen; raises Changed unless it waits for them."""
    at = timezone.now()
    with transaction.atomic():
        row = _at_the_desk(registration, actor, version)
        for material in row.materials.all():
            if (material.code in seen) != (material.seen_at is not None):
                material.seen_at = at if material.code in seen else None
                material.seen_by_id = actor.user_id if material.code in seen else None
                material.save(update_fields=["seen_at", "seen_by"])
        _keep(row)
    return row


def outstanding(materials: Iterable[RegistrationMaterial]) -> list[list[RegistrationMaterial]]:
    """The required entries of which no alternative has been seen (C1)."""
    entries: dict[str, list[RegistrationMaterial]] = {}
    for material in materials:
        entries.setdefault(material.group, []).append(material)
    return [
        entry
        for entry in entries.values()
        if any(material.required for material in entry) and not any(material.seen_at for material in entry)
    ]


def accept(*, registration: Registration, actor: Actor, version: int) -> Registration:
    """Takes a registration over and opens its months; raises PapersMissing and Changed."""
    at = timezone.now()
    today = calendar.local_date(at)
    with transaction.atomic():
        row = _at_the_desk(registration, actor, version)
        missing = outstanding(row.materials.all())
        if missing:
            raise PapersMissing(missing)
        row.accepted_at, row.accepted_by_id = at, actor.user_id
        _keep(row)
        first = coordination.first_month(row.employment, row.hired_on, today)
        Period.objects.bulk_create([_period(row, month, today) for month in coordination.months(first, today)])
        audit.record("enrollment.coordination_accepted", actor, subject=row)
        _tell("coordination_accepted", row, {"amount": format_yuan(row.total_fen)})
    return row


def give_back(*, registration: Registration, actor: Actor, version: int, reason: str) -> Registration:
    """Returns a registration with what to put right; the resident edits it and hands it in again."""
    with transaction.atomic():
        row = _at_the_desk(registration, actor, version)
        row.handed_in_at, row.returned_at, row.return_reason = None, timezone.now(), reason
        _keep(row)
        audit.record("enrollment.coordination_returned", actor, subject=row)
        _tell("coordination_returned", row, {"phone": row.office.phone})
    return row


def pay(*, period: Period, actor: Actor, paid_on: date, proof: str) -> Period:
    """Records a month as paid by the number of its tax receipt; with the first, the person takes part (S3-03).

    Cover under the residents' scheme ends then: nobody is in both. Raises Changed for a month paid already.
    """
    with transaction.atomic():
        row = Registration.objects.select_for_update().get(pk=period.registration_id)
        _require_desk(row, actor)
        if row.stage != "accepted":
            raise Changed
        if not Period.objects.filter(pk=period.pk, paid_on__isnull=True).update(paid_on=paid_on, proof=proof):
            raise Changed
        if row.periods.filter(paid_on__isnull=False).count() == 1:
            Resident.objects.filter(pk=row.resident_id).update(employee_insured=True)
            Cover.objects.standing().filter(person=row.resident_id, until__gte=paid_on).update(
                ended_on=paid_on, end_reason=Cover.EndReason.EMPLOYED
            )
        audit.record("enrollment.coordination_paid", actor, subject=row, details={"month": f"{period.month:%Y-%m}"})
    period.refresh_from_db()
    return period


def end(*, registration: Registration, actor: Actor, version: int, ended_on: date) -> Registration:
    """Ends a registration, by the desk or, before it is accepted, by the person; later months are dropped if unpaid."""
    with transaction.atomic():
        row = _locked(registration, version)
        own = actor.is_resident and actor.resident_id == row.resident_id and row.accepted_at is None
        if not own:
            _require_desk(row, actor)
        if row.ended_on is not None:
            raise Changed
        row.ended_on = ended_on
        _keep(row)
        row.periods.filter(month__gt=ended_on, paid_on__isnull=True).delete()
        if row.accepted_at is not None:
            Resident.objects.filter(pk=row.resident_id).update(employee_insured=False)
        audit.record("enrollment.coordination_ended", actor, subject=row)
    return row


def open_periods(today: date) -> int:
    """Opens the present month of every standing registration; returns how many were opened, 0 on a second run."""
    month = today.replace(day=1)
    opened = 0
    while True:
        lacking = Registration.objects.standing().exclude(periods__month=month).select_related("policy")
        rows = list(lacking.filter(accepted_at__lt=timezone.now()).order_by("pk")[:BATCH])
        if not rows:
            return opened
        made = Period.objects.bulk_create(
            [_period(row, month, calendar.local_date(row.accepted_at)) for row in rows if row.accepted_at],
            ignore_conflicts=True,
        )
        opened += len(made)


def remind(today: date) -> int:
    """Reminds of unpaid months three days before their day, and once after it; returns how many were looked at."""
    unpaid = Period.objects.filter(
        paid_on__isnull=True,
        due_on__gte=today - timedelta(days=REMIND_DAYS_AFTER),
        due_on__lte=today + timedelta(days=REMIND_DAYS_BEFORE),
        registration__ended_on__isnull=True,
    ).select_related("registration__resident")
    count = 0
    drafts: list[MessageDraft] = []
    for period in unpaid.order_by("pk").iterator(chunk_size=BATCH):
        template = "coordination_arrears" if period.is_late(today) else "coordination_due"
        resident = period.registration.resident
        count += 1
        if not resident.phone:
            continue
        amount = period.individual_fen if period.registration.employment == Employment.UNIT else period.total_fen
        drafts.append(
            MessageDraft(
                key=f"enrollment.{template}:{period.pk}",
                template=f"enrollment_{template}",
                resident_id=resident.pk,
                phone=resident.phone,
                params={"month": f"{period.month:%Y-%m}", "amount": format_yuan(amount), "due": period.due_on},
            )
        )
    enqueue_many(drafts)
    return count


def _period(row: Registration, month: date, accepted_on: date) -> Period:
    due_on = coordination.due_day(month, coordination.rates(row.policy.policy), accepted_on)
    return Period(
        registration=row, month=month, individual_fen=row.individual_fen, unit_fen=row.unit_fen, due_on=due_on
    )


def _locked(registration: Registration, version: int) -> Registration:
    row = (
        Registration.objects.select_for_update(of=("self",))
        .select_related("policy", "office", "resident")
        .get(pk=registration.pk)
    )
    if row.version != version:
        raise Changed
    return row


def _at_the_desk(registration: Registration, actor: Actor, version: int) -> Registration:
    row = _locked(registration, version)
    _require_desk(row, actor)
    if row.stage != "handed_in":
        raise Changed
    return row


def _require_desk(row: Registration, actor: Actor) -> None:
    """Staff of the office or area only, and nobody for their own people (N19)."""
    if actor.role not in DESK_ROLES or not Registration.objects.visible_to(actor).filter(pk=row.pk).exists():
        raise PermissionDenied
    if people.same_household(actor, row.resident_id):
        raise PermissionDenied


def _keep(row: Registration) -> None:
    row.version += 1
    row.save()


def _tell(template: str, row: Registration, params: dict[str, Any]) -> None:
    if row.resident.phone:
        enqueue_many(
            [
                MessageDraft(
                    key=f"enrollment.{template}:{row.pk}:{row.version}",
                    template=f"enrollment_{template}",
                    resident_id=row.resident_id,
                    phone=row.resident.phone,
                    params=params,
                )
            ]
        )
