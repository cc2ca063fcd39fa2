"""Messages about applications: to the applicant, and to an adult whom somebody else insures (F5)."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from enrollment.models import Application
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.actors import Role
from portal.people.identity import age_on
from portal.people.models import Resident, StaffGrant
from portal.people.names import mask_phone
from portal.people.services import ADULT_AGE_YEARS
from portal.regions import calendar
from portal.workflow.core import Batch

OF_DECISIONS = ("approved", "approved_held", "rejected", "correction")
MOST_RECIPIENTS = 10

READ = ("resident", "beneficiary", "office", "region", "notice", "helper")

OWN_MESSAGES = "village.own_messages"
"""The setting of a region: whether people entered by a village get their own messages; else the village tells them."""

ALWAYS_TOLD = ("rejected", "correction", "correction_lapsing", "lapsed")
"""What a person is told by the portal whoever entered it: what has to be acted on, or contested."""

Params = Callable[[Application], dict[str, Any] | None]
"""Further parameters of one message; None for an application that gets none."""


def recipients(application: Application) -> list[tuple[Resident, str]]:
    """Who is told and on which telephone: the applicant on the number typed, an adult they act for on their own."""
    typed = application.answers.get("contact", {}).get("phone", "")
    told = [(application.resident, typed or application.resident.phone)]
    other = application.beneficiary
    if other is not None and other.pk != application.resident_id and other.phone and is_adult(other):
        told.append((other, other.phone))
    return told


def told(application: Application) -> list[tuple[str, str]]:
    """The same for pages: masked name and masked telephone."""
    return [(resident.masked_name, mask_phone(phone)) for resident, phone in recipients(application)]


def entered_by(application: Application) -> str:
    """Who filled the form in for somebody else, as messages name them; empty for who did it in person (UX-R20)."""
    if application.helper is not None:
        return application.helper.display_name
    return application.resident.masked_name if application.is_for_other else ""


def is_adult(resident: Resident) -> bool:
    """Whether a person gets messages of their own; somebody without a known date of birth does."""
    return resident.birth_date is None or age_on(resident.birth_date, calendar.today()) >= ADULT_AGE_YEARS


def key_of(template: str, pk: UUID, version: int, place: int) -> str:
    """The key of the message to one recipient about one timeline entry."""
    return f"enrollment.{template}:{pk}:{version}:{place}"


def keys_about(pk: UUID, version: int) -> list[str]:
    """The keys of every message that the decision of one timeline entry can have made."""
    return [key_of(template, pk, version, place) for template in OF_DECISIONS for place in range(MOST_RECIPIENTS)]


def tell(template: str, batch: Batch, params: Params = lambda application: {}) -> None:
    """Stores the messages of one batch; the timeline entry makes the key, so that the same fact is told once."""
    drafts = []
    moved = _moved(batch)
    left_to_village = set() if template in ALWAYS_TOLD else told_by_village([row for row, _version in moved])
    for application, version in moved:
        if application.pk in left_to_village:
            continue
        extra = params(application)
        if extra is None:
            continue
        person = application.beneficiary or application.resident
        common = {
            "number": application.grouped_number,
            "name": person.masked_name,
            "year": application.cover_year,
            "by": entered_by(application),
        }
        drafts += [
            MessageDraft(
                key=key_of(template, application.pk, version, place),
                template=f"enrollment_{template}",
                resident_id=resident.pk,
                language=resident.language,
                phone=phone,
                params=common | extra,
                not_before=application.undo_until,
            )
            for place, (resident, phone) in enumerate(recipients(application))
            if phone  # somebody a village registered may have none; the village tells them
        ]
    enqueue_many(drafts)


def told_by_village(rows: Sequence[Application]) -> set[UUID]:
    """Those of the applications that a committee agent entered where the region lets the village tell its people."""
    chosen = [
        row
        for row in rows
        if row.helper_id is not None and row.policy is not None and not row.policy.policy.setting(OWN_MESSAGES, True)
    ]
    if not chosen:
        return set()
    agents = set(
        StaffGrant.objects.filter(user__in={row.helper_id for row in chosen}, role=Role.COMMITTEE_AGENT).values_list(
            "user", flat=True
        )
    )
    return {row.pk for row in chosen if row.helper_id in agents}


def _moved(batch: Batch) -> list[tuple[Application, int]]:
    """The applications of a batch with all that messages say, each with the version its timeline entry made."""
    if batch.held is not None:
        return [(batch.held, batch.held.version)]
    subjects = {row.pk: row for row in batch.subjects().select_related(*READ).prefetch_related("policy")}
    return [(subjects[entry.subject_id], entry.version) for entry in batch.entries]


def last_day(instant: datetime | None) -> date | None:
    """The last day before an exclusive due instant, as people name it."""
    return calendar.local_date(instant - timedelta(microseconds=1)) if instant else None
