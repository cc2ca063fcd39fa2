"""What payments itself does about moves of its notices: messages to payers, and older papers losing their validity."""

from django.utils import timezone

from payments import messages
from payments.records import SUBJECT_KIND
from portal.documents.models import PaperRecord, PaperState
from portal.regions.calendar import local_date
from portal.workflow.core import Batch


def tell_payers_paid(batch: Batch) -> None:
    messages.tell_paid(messages.facts_of(batch.subjects()))


def remind_payers(batch: Batch) -> None:
    messages.tell_reminded(messages.facts_of(batch.subjects()), local_date(batch.at))


def tell_payers_refunded(batch: Batch) -> None:
    messages.tell_refunded(list(batch.subjects()))


def retire_papers(batch: Batch) -> None:
    """Marks papers printed before the move as superseded: who scans one learns that it no longer says how things stand
    (E11).
    """
    _mark(batch, PaperState.SUPERSEDED)


def void_papers(batch: Batch) -> None:
    """Marks papers of cancelled and expired notices as void: nobody should pay by them."""
    _mark(batch, PaperState.VOID)


def _mark(batch: Batch, state: str) -> None:
    papers = PaperRecord.objects.filter(subject_kind=SUBJECT_KIND, subject_id__in=[str(pk) for pk in batch.pks])
    papers.filter(state=PaperState.VALID).update(state=state, state_since=timezone.now())
