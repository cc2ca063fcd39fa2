"""Taking a decision back within seconds: the clerk sees a strip, nothing has gone out yet (UX-C6)."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from enrollment import messages
from enrollment.models import Application
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.outbox import services as outbox
from portal.people.actors import Actor, Role
from portal.regions import policy as policies
from portal.workflow.errors import NotAvailable

SECONDS = 10
DECISIONS = tuple(f"{level}{verb}" for level in ("", "county_") for verb in ("approve", "reject", "ask_correction"))
SESSION_KEY = "desk.undo"
DONE = {
    "approve": _("Approved"),
    "reject": _("Rejected"),
    "ask_correction": _("Correction asked for"),
}


def seconds(application: Application) -> int:
    """How long a decision made in the queue can be taken back, by the policy of the region."""
    return max(0, int(policies.for_region(application.region).setting("desk.undo_seconds", SECONDS)))


def remember(request: HttpRequest, application: Application, verb: str) -> None:
    """Keeps the last decision for the strip of the next pages."""
    if application.undo_until is None:
        request.session.pop(SESSION_KEY, None)
        return
    request.session[SESSION_KEY] = {
        "pk": str(application.pk),
        "number": application.grouped_number,
        "version": application.version,
        "until": application.undo_until.isoformat(),
        "verb": verb,
    }


def strip(request: HttpRequest) -> dict[str, Any] | None:
    """The last decision of this session while it can be taken back; None without one."""
    found = request.session.get(SESSION_KEY)
    if not found:
        return None
    until = parse_datetime(found["until"])
    if until is None or until <= timezone.now():
        del request.session[SESSION_KEY]
        return None
    return found | {"until": until, "label": DONE[found["verb"]], "seconds": (until - timezone.now()).seconds + 1}


def take_back(*, application: Application, actor: Actor, version: int) -> Application:
    """Takes the actor's own last decision back: the case is where it was, its clocks go on, its messages stay unsent.

    Both moves stand in the timeline. Raises NotAvailable when somebody else decided, the case moved on, or a message
    is out already, and Unmet when the time for it is over.
    """
    transition = EnrollmentWorkflow.county_reopen if actor.role == Role.COUNTY_REVIEWER else EnrollmentWorkflow.reopen
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        entry = row.timeline.filter(version=row.version, transition__in=DECISIONS).first()
        is_own = entry is not None and entry.actor_user_id == actor.user_id
        if actor.role in transition.roles and (not is_own or row.version != version):
            raise NotAvailable(transition, row)
        changes: dict[str, Any] = {"undo_until": None, "decision_reason": "", "decision_next_step": ""}
        if row.state == State.CORRECTION_REQUIRED:
            changes["correction_round"] = row.correction_round - 1
        transition.fire(row, actor, version, codes={"taken_back": entry.transition if entry else ""}, changes=changes)
        try:
            outbox.cancel(messages.keys_about(row.pk, version))
        except outbox.AlreadyOut:
            raise NotAvailable(transition, row) from None
        if entry is not None and entry.source == State.ESCALATED:
            _restore_target(row, entry.was_due_at)
        row.corrections.filter(round__gt=row.correction_round).delete()
        audit.record("enrollment.decision_taken_back", actor, subject=row)
    application.refresh_from_db()
    return application


def _restore_target(row: Application, due_at: datetime | None) -> None:
    """The shown target of a case at the county stays that of its arrival there; the next reminder follows it."""
    at = timezone.now()
    remind_at = due_at
    while remind_at is not None and remind_at <= at:
        remind_at += timedelta(days=1)
    Application.objects.filter(pk=row.pk).update(due_at=due_at, remind_at=remind_at)
