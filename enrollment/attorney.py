"""Powers of attorney: an agent declares one, a clerk sees the paper, either side takes it back (A10).

What an agent types about another adult is neither looked up nor answered until a clerk has both papers on the desk:
the page is the same whether the person is on file or not.
"""

from datetime import date, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from enrollment.models import Mandate, MandateState
from portal import audit
from portal.limits import take
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people import services as people
from portal.people.actors import Actor
from portal.people.identity import IdentityNumber, age_on, parse_identity_number
from portal.people.models import Basis, Guardianship, Resident, identity_index
from portal.regions import calendar
from portal.regions.models import Office, Region

LONGEST_DAYS = 366
DECLARED_PER_DAY = 5
DAY_SECONDS = 86_400


class OwnNumber(Exception):
    """Somebody cannot be their own agent."""


class NotAnAdult(Exception):
    """Minors are represented by parents and guardians, not by a power of attorney."""


class MandateOver(Exception):
    """The mandate was decided on, taken back, or its last day is past."""


class NameDiffers(Exception):
    """The number belongs to somebody on file with another name."""


def declare(
    *,
    actor: Actor,
    name: str,
    number: IdentityNumber,
    relation: str,
    valid_from: date,
    valid_until: date,
    region: Region,
    office: Office,
) -> Mandate:
    """Notes a power of attorney that waits for a clerk to see it; the same one declared again is the first.

    Raises OwnNumber, NotAnAdult, and RateLimited after five a day.
    """
    if not actor.is_resident or actor.resident_id is None:
        raise PermissionDenied
    agent = Resident.objects.get(pk=actor.resident_id)
    if identity_index(number.kind, number.normalized) == agent.id_index:
        raise OwnNumber
    today = calendar.today()
    if number.birth_date is not None and age_on(number.birth_date, today) < people.ADULT_AGE_YEARS:
        raise NotAnAdult
    for mandate in Mandate.objects.open().filter(agent=agent, principal_id_kind=number.kind):
        if mandate.principal_number == number.normalized:
            return mandate
    take(f"mandate:{agent.pk}", capacity=DECLARED_PER_DAY, seconds=DAY_SECONDS)
    mandate = Mandate(
        agent=agent,
        principal_name=name,
        principal_id_kind=number.kind,
        relation=relation,
        valid_from=valid_from,
        valid_until=valid_until,
        region=region,
        office=office,
        declared_at=timezone.now(),
    )
    mandate.principal_number = number.normalized
    with transaction.atomic():
        mandate.save(force_insert=True)
        audit.record("enrollment.mandate_declared", actor, subject=mandate)
    return mandate


def confirm(*, mandate: Mandate, actor: Actor) -> Mandate:
    """Notes that a clerk has seen the signed paper and both identity documents: the agent may act from its first day.

    Somebody not on file is put there, unchecked. Raises MandateOver, NameDiffers, and PermissionDenied for own people.
    """
    _require_disinterest(mandate, actor)
    at = timezone.now()
    with transaction.atomic():
        row = _open(mandate)
        if row.valid_until < calendar.local_date(at):
            raise MandateOver
        number = parse_identity_number(row.principal_number, row.principal_id_kind)
        principal = Resident.objects.filter(id_index=identity_index(number.kind, number.normalized)).first()
        if principal is None:
            principal = people.register_resident(
                identity_number=number, name=row.principal_name, home_region=row.region, language=row.agent.language
            )
        elif principal.name != row.principal_name:
            raise NameDiffers
        if people.same_household(actor, principal.pk):
            raise PermissionDenied
        row.guardianship = people.appoint_guardian(
            guardian=row.agent,
            ward=principal,
            basis=Basis.POWER_OF_ATTORNEY,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        row.principal, row.principal_number = principal, ""
        row.state, row.seen_by_id, row.seen_at = MandateState.CONFIRMED, actor.user_id, at
        row.save()
        audit.record("enrollment.mandate_confirmed", actor, subject=row)
        _tell_confirmed(row)
    return row


def refuse(*, mandate: Mandate, actor: Actor, reason: str) -> Mandate:
    """Does not accept a mandate; the agent reads why. Raises MandateOver, and PermissionDenied for own people."""
    _require_disinterest(mandate, actor)
    with transaction.atomic():
        row = _open(mandate)
        row.state, row.reason, row.principal_number = MandateState.REFUSED, reason, ""
        row.save()
        audit.record("enrollment.mandate_refused", actor, subject=row)
        enqueue_many(
            [
                MessageDraft(
                    key=f"enrollment.attorney_refused:{row.pk}",
                    template="enrollment_attorney_refused",
                    resident_id=row.agent_id,
                    phone=row.agent.phone,
                    params={"name": row.masked_principal_name},
                )
            ]
        )
    return row


def take_back(*, mandate: Mandate, actor: Actor) -> Mandate:
    """Ends a mandate at once, on the word of the agent or of the person represented; a second time changes nothing."""
    if not actor.is_resident or actor.resident_id not in (mandate.agent_id, mandate.principal_id):
        raise PermissionDenied
    yesterday = calendar.today() - timedelta(days=1)
    with transaction.atomic():
        row = Mandate.objects.select_for_update(of=("self",)).select_related("guardianship").get(pk=mandate.pk)
        if row.state not in (MandateState.DECLARED, MandateState.CONFIRMED):
            return row
        held = row.guardianship
        row.state, row.guardianship, row.principal_number = MandateState.WITHDRAWN, None, ""
        row.save()
        if held is not None:
            _end(held, yesterday)
        audit.record("enrollment.mandate_taken_back", actor, subject=row)
    return row


def in_force(agent_id: UUID, principal_id: UUID) -> Mandate | None:
    """The confirmed power of attorney under which one person acts for another today, if that is the ground."""
    today = calendar.today()
    return Mandate.objects.filter(
        agent=agent_id,
        principal=principal_id,
        state=MandateState.CONFIRMED,
        valid_from__lte=today,
        valid_until__gte=today,
    ).first()


def _end(held: Guardianship, last_day: date) -> None:
    if held.basis != Basis.POWER_OF_ATTORNEY:
        return
    if held.valid_from > last_day:
        held.delete()
    else:
        held.valid_until = last_day
        held.save(update_fields=["valid_until"])


def _open(mandate: Mandate) -> Mandate:
    row = Mandate.objects.select_for_update(of=("self",)).select_related("agent", "region").get(pk=mandate.pk)
    if row.state != MandateState.DECLARED:
        raise MandateOver
    return row


def _require_disinterest(mandate: Mandate, actor: Actor) -> None:
    """Nobody confirms what lets their own people act (N19)."""
    if people.same_household(actor, mandate.agent_id):
        audit.record("enrollment.mandate_decided", actor, subject=mandate, outcome="conflict_of_interest")
        raise PermissionDenied


def _tell_confirmed(row: Mandate) -> None:
    principal = row.principal
    if principal is None:
        raise LookupError(f"mandate {row.pk} has nobody to represent")
    params = {"agent": row.agent.masked_name, "name": principal.masked_name, "until": row.valid_until}
    told = [(row.agent, "enrollment_attorney_confirmed"), (principal, "enrollment_attorney_given")]
    enqueue_many(
        [
            MessageDraft(
                key=f"{template}:{row.pk}",
                template=template,
                resident_id=person.pk,
                phone=person.phone,
                params=params,
            )
            for person, template in told
            if person.phone
        ]
    )
