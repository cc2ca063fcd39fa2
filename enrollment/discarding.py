"""Deleting a draft, and taking that back: the form is kept ten minutes longer and then erased as a lapsed one is."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from enrollment.models import Application
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.people.actors import Actor
from portal.workflow.errors import NotAvailable

UNDO_MINUTES = 10


def discard(*, application: Application, actor: Actor, version: int) -> datetime:
    """Marks a draft for erasure and returns until when that can be taken back; a second call changes nothing (UX-R17).

    Raises NotAvailable for anything but a draft of this version.
    """
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        if row.state != State.DRAFT or row.due_at is None or (row.is_discarded is False and row.version != version):
            raise NotAvailable(EnrollmentWorkflow.lapse, row)
        if row.is_discarded:
            return row.due_at
        until = min(row.due_at, timezone.now() + timedelta(minutes=UNDO_MINUTES))
        Application.objects.edited(row.pk, row.version, due_at=until, due_before_discard=row.due_at)
        audit.record("enrollment.draft_discarded", actor, subject=row)
    return until


def restore(*, application: Application, actor: Actor) -> Application:
    """Takes a deletion back; the draft has its old last day again. Raises NotAvailable once it is erased."""
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        if row.state != State.DRAFT or (row.is_discarded and row.due_at is not None and row.due_at <= timezone.now()):
            raise NotAvailable(EnrollmentWorkflow.lapse, row)
        if row.is_discarded:
            Application.objects.edited(row.pk, row.version, due_at=row.due_before_discard, due_before_discard=None)
            audit.record("enrollment.draft_restored", actor, subject=row)
    application.refresh_from_db()
    return application
