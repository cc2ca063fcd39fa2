"""Messages about applications: to the applicant, and to an adult whom somebody else insures (F5)."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from enrollment.models import Application
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.identity import age_on
from portal.people.models import Resident
from portal.people.names import mask_phone
from portal.people.services import ADULT_AGE_YEARS
from portal.regions import calendar
from portal.workflow.core import Batch

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


def is_adult(resident: Resident) -> bool:
    """Whether a person gets messages of their own; somebody without a known date of birth does."""
    return resident.birth_date is None or age_on(resident.birth_date, calendar.today()) >= ADULT_AGE_YEARS


def tell(template: str, batch: Batch, params: Params = lambda application: {}) -> None:
    """Stores the messages of one batch; the timeline entry makes the key, so that the same fact is told once."""
    subjects = {row.pk: row for row in batch.subjects().select_related("resident", "beneficiary", "office", "region")}
    drafts = []
    for entry in batch.entries:
        application = subjects[entry.subject_id]
        extra = params(application)
        if extra is None:
            continue
        person = application.beneficiary or application.resident
        common = {"number": application.grouped_number, "name": person.masked_name, "year": application.cover_year}
        drafts += [
            MessageDraft(
                key=f"enrollment.{template}:{application.pk}:{entry.version}:{place}",
                template=f"enrollment_{template}",
                resident_id=resident.pk,
                phone=phone,
                params=common | extra,
            )
            for place, (resident, phone) in enumerate(recipients(application))
        ]
    enqueue_many(drafts)


def last_day(instant: datetime | None) -> date | None:
    """The last day before an exclusive due instant, as people name it."""
    return calendar.local_date(instant - timedelta(microseconds=1)) if instant else None
