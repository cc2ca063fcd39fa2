"""The timeline as people read it: one sentence per entry, in their language, with the names filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from portal.people.actors import Actor, Role
from portal.regions.models import Office

from .core import Workflow
from .models import Subject, TimelineEntryBase


@dataclass(frozen=True)
class Item:
    """One line of a timeline: `state` is done, now or next; `due` is the last day of the present state."""

    title: str
    state: str = "done"
    at: datetime | None = None
    on: date | None = None
    due: date | None = None
    actor: str = ""
    text: str = ""
    url: str = ""
    url_label: str = ""


def workflow_of(subject: Subject) -> type[Workflow]:
    """The workflow that moves rows of this model."""
    return Workflow.by_model[type(subject)]


def items(subject: Subject, viewer: Actor, now: bool = True) -> list[Item]:
    """The timeline of a subject for one viewer, oldest first, with the present state as its last line.

    Entries marked internal, and who exactly acted, are for staff only.
    """
    workflow = workflow_of(subject)
    entries = list(subject.timeline.select_related("note"))
    if not viewer.is_staff_role:
        entries = [entry for entry in entries if not _internal(workflow, entry)]
    offices = _offices(entries)
    found = [
        Item(
            title=sentence(workflow, entry, subject, viewer, offices),
            at=entry.at,
            actor=_actor(entry, subject, viewer) if viewer.is_staff_role else "",
            text=entry.note.text if entry.note_id else "",
        )
        for entry in entries
    ]
    if now:
        found.append(Item(title=str(workflow.states(subject.state).label), state="now", due=subject.last_day))
    return found


def sentence(
    workflow: type[Workflow], entry: TimelineEntryBase, subject: Subject, viewer: Actor, offices: dict[int, Office]
) -> str:
    """What happened, as one sentence."""
    office = offices.get(entry.actor_office_id or 0) or getattr(subject, "office", None)
    names = {"actor": _actor(entry, subject, viewer), "office": office.name if office else _("the office in charge")}
    return workflow.story(entry.transition) % names


def _internal(workflow: type[Workflow], entry: TimelineEntryBase) -> bool:
    transition = workflow.transitions.get(entry.transition)
    return transition is not None and transition.internal


def _offices(entries: Iterable[TimelineEntryBase]) -> dict[int, Office]:
    wanted = {entry.actor_office_id for entry in entries if entry.actor_office_id}
    return Office.objects.in_bulk(wanted) if wanted else {}


def _actor(entry: Any, subject: Subject, viewer: Actor) -> str:
    """Who acted: the reader, the resident by name, everybody else by role only."""
    if viewer.user_id is not None and entry.actor_user_id == viewer.user_id:
        return _("You")
    if entry.actor_role == Role.RESIDENT and (name := subject.name_of(entry.actor_user_id)):
        return name
    return str(Role(entry.actor_role).label)
