"""Messages about card applications: to the applicant, each fact once."""

from collections.abc import Callable
from typing import Any

from cards.models import CardApplication
from portal.outbox.services import MessageDraft, enqueue_many
from portal.workflow.core import Batch

Params = Callable[[CardApplication], dict[str, Any]]


def tell(template: str, batch: Batch, params: Params = lambda application: {}) -> None:
    """Stores the messages of one batch; the timeline entry makes the key, so that the same fact is told once."""
    subjects = {
        row.pk: row
        for row in batch.subjects().select_related("applicant", "resident", "pickup_point", "region", "policy")
    }
    drafts = []
    for entry in batch.entries:
        row = subjects[entry.subject_id]
        common = {"number": row.grouped_number, "name": row.resident.masked_name, "promised_on": row.promised_on}
        drafts.append(
            MessageDraft(
                key=f"cards.{template}:{row.pk}:{entry.version}",
                template=f"cards_{template}",
                resident_id=row.applicant_id,
                phone=row.answers.get("phone") or row.applicant.phone,
                params=common | params(row),
            )
        )
    enqueue_many(drafts)
