"""What reactions look at of the notices that one move has moved: read once, whichever of them asks first."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from payments.models import Notice
from portal.regions.text import pick
from portal.workflow.core import Batch

COLUMNS = ("collective", "resident", "kind", "region__code", "title", "number", "amount_fen", "due_on", "paid_on")


class Moved(NamedTuple):
    """One notice of a batch; its key is text, as the database gave it."""

    pk: str
    collective_id: UUID | None
    resident_id: UUID
    kind: str
    place: str
    title: Mapping[str, str]
    number: str
    amount_fen: int
    due_on: date
    paid_on: date | None

    @property
    def name(self) -> str:
        return pick(self.title)

    @property
    def county(self) -> str:
        """The six digits of the county or city."""
        return f"{self.place[:6]:0>6}"


def notices_of(batch: Batch) -> list[Moved]:
    """The notices of a batch in the order of their numbers."""
    if "notices" not in batch.memory:
        rows = batch.subjects().order_by("number").values_list(Cast("pk", TextField()), *COLUMNS)
        batch.memory["notices"] = [Moved(*row) for row in rows]
    found: list[Moved] = batch.memory["notices"]
    return found


def wholes_of(batch: Batch) -> set[UUID]:
    """The collective notices among those of a batch."""
    if "wholes" not in batch.memory:
        members = Notice.objects.filter(collective__pk__among=batch.keys).order_by()
        batch.memory["wholes"] = set(members.values_list("collective", flat=True).distinct())
    found: set[UUID] = batch.memory["wholes"]
    return found


def are_members(batch: Batch) -> bool:
    """Whether one of the notices of a batch is a member of a collective notice."""
    return any(notice.collective_id is not None for notice in notices_of(batch))
