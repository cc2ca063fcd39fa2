"""What payments itself does about moves of its notices: messages to payers, and older papers losing their validity."""

from django.db.models import Exists, OuterRef
from django.utils import timezone

from payments import messages, refunds
from payments.models import Notice
from payments.moved import notices_of
from payments.records import SUBJECT_KIND
from portal.documents.models import PaperRecord, PaperState
from portal.regions.calendar import local_date
from portal.workflow.core import Batch


def tell_payers_paid(batch: Batch) -> None:
    messages.tell_paid(notices_of(batch))


def remind_payers(batch: Batch) -> None:
    messages.tell_reminded(notices_of(batch), local_date(batch.at))


def tell_payers_refunded(batch: Batch) -> None:
    """Says what is being paid back; of money that the bank has taken back, that the notice is not paid any more. Of a
    notice for several people its members' payers are told.
    """
    notices = list(batch.subjects().exclude(Exists(Notice.objects.filter(collective=OuterRef("pk")))))
    owed = {notice.pk: refunds.owed_fen(notice) for notice in notices}
    messages.tell_refunded([notice for notice in notices if owed[notice.pk]], owed)
    messages.tell_taken_back([notice for notice in notices if not owed[notice.pk]])


def retire_papers(batch: Batch) -> None:
    """Marks papers printed before the move as superseded: who scans one learns that it no longer says how things stand
    (E11).
    """
    _mark(batch, PaperState.SUPERSEDED)


def void_papers(batch: Batch) -> None:
    """Marks papers of cancelled and expired notices as void: nobody should pay by them."""
    _mark(batch, PaperState.VOID)


def _mark(batch: Batch, state: str) -> None:
    papers = PaperRecord.objects.filter(subject_kind=SUBJECT_KIND, subject_id__among=batch.texts)
    papers.filter(state=PaperState.VALID).update(state=state, state_since=timezone.now())
