"""What the timeline says about decisions and requests; a paper is valid only while its timeline says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from enrollment.models import Application, CorrectionItem
from enrollment.states import State
from portal.regions import calendar

UNDECIDED = (State.SUBMITTED, State.UNDER_REVIEW, State.CORRECTION_REQUIRED, State.ESCALATED)
REVIEWED = (State.UNDER_REVIEW, State.ESCALATED)
DECIDED = (State.APPROVED, State.REJECTED)
ENDED = (State.WITHDRAWN, State.LAPSED)
BY_SILENCE = "deem_approved"
TAKEN_BACK = ("reopen", "county_reopen")


@dataclass(frozen=True)
class Decision:
    """One decision: `version` names it among those of its application, `outcome` says whether it still stands.

    `outcome` is empty while it stands, "superseded" when a later decision replaced it, "void" when the case was
    reopened or ended without cover.
    """

    version: int
    approved: bool
    deemed: bool
    at: datetime
    office_id: int | None
    by_county: bool
    outcome: str = ""

    @property
    def on(self) -> date:
        return calendar.local_date(self.at)


def decisions(application: Application) -> list[Decision]:
    """Every decision on an application, oldest first, in one query."""
    entries = list(application.timeline.order_by("id"))
    return [
        Decision(
            version=entry.version,
            approved=entry.target == State.APPROVED,
            deemed=entry.transition == BY_SILENCE,
            at=entry.at,
            office_id=entry.actor_office_id,
            by_county=entry.source == State.ESCALATED,
            outcome=_outcome(entries[place + 1 :]),
        )
        for place, entry in enumerate(entries)
        if is_decision(entry)
    ]


def is_decision(entry: Any) -> bool:
    """Whether a timeline entry took a case from its review to a decision."""
    return entry.source in REVIEWED and entry.target in DECIDED


def _outcome(later: Sequence[Any]) -> str:
    if any(is_decision(entry) for entry in later):
        return "superseded"
    if any(entry.target in UNDECIDED and entry.source not in UNDECIDED for entry in later):
        return "void"
    moves = [entry for entry in later if entry.target != entry.source]
    return "void" if moves and moves[-1].target in ENDED else ""


def last_decision(application: Application) -> Decision | None:
    """The decision a paper can be printed of: the last one that cannot be taken back any more, unless the case was
    reopened since.
    """
    if application.state in UNDECIDED or not is_final(application):
        return None
    found = decisions(application)
    return found[-1] if found else None


def is_final(application: Application) -> bool:
    """Whether the last decision stands: within some seconds its clerk may take it back, and no paper of it is made
    that would have to be called back.
    """
    return application.undo_until is None or application.undo_until <= timezone.now()


def rounds_on_paper(application: Application) -> int:
    """How many rounds of corrections a paper can be printed of."""
    is_open = application.state == State.CORRECTION_REQUIRED and not is_final(application)
    return application.correction_round - int(is_open)


@dataclass(frozen=True)
class Request:
    """One round of corrections: when it was asked, until when it could be answered, when it was answered."""

    round: int
    asked_at: datetime
    until: date | None
    answered_at: datetime | None
    office_id: int | None
    by_county: bool
    items: list[CorrectionItem]

    @property
    def on(self) -> date:
        return calendar.local_date(self.asked_at)


def requests(application: Application) -> list[Request]:
    """Every round of corrections of an application that was not taken back, oldest first, in two queries."""
    items = list(application.corrections.all())
    entries = list(application.timeline.order_by("id"))
    rounds = [
        (entry, next((later for later in entries[place + 1 :] if later.target != State.CORRECTION_REQUIRED), None))
        for place, entry in enumerate(entries)
        if _asks(entry)
    ]
    asked = [(entry, left) for entry, left in rounds if left is None or left.transition not in TAKEN_BACK]
    found = []
    for number, (entry, left) in enumerate(asked[: rounds_on_paper(application)], start=1):
        due_at = left.was_due_at if left is not None else application.due_at
        found.append(
            Request(
                round=number,
                asked_at=entry.at,
                until=calendar.local_date(due_at - timedelta(microseconds=1)) if due_at else None,
                answered_at=left.at if left is not None and left.target in REVIEWED else None,
                office_id=entry.actor_office_id,
                by_county=entry.source == State.ESCALATED,
                items=[item for item in items if item.round == number],
            )
        )
    return found


def _asks(entry: Any) -> bool:
    return entry.target == State.CORRECTION_REQUIRED and entry.source in REVIEWED


def answered_rounds(application: Application) -> int:
    """How many rounds of corrections the resident has answered; each makes the earlier form and receipt outdated."""
    resolved = application.corrections.filter(resolved_at__isnull=False)
    return resolved.order_by("-round").values_list("round", flat=True).first() or 0
