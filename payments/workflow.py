"""The life of a payment notice: issued, paid, and the ways around it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from payments.models import Notice, NoticeTimelineEntry
from payments.states import State
from portal.people.actors import Actor, Role
from portal.people.services import related_ids
from portal.regions.calendar import end_instant, start_of_day
from portal.workflow.core import Transition, Workflow
from portal.workflow.deadlines import Deadline, Facts, Reminder

REMINDED_AT = timedelta(hours=9)
"""Reminders are due at nine in the morning, local time."""

DEFAULT_REMIND_DAYS = (7, 1)


def clearing_ends(facts: Facts) -> datetime:
    """The instant from which a payment of the last day can no longer be on its way."""
    return end_instant(facts["due_on"] + timedelta(days=int(facts.policy.setting("clearing_days", 3))))


def next_reminder(after: datetime, facts: Facts) -> datetime | None:
    """The first reminder after a moment: at nine, so many days before the pay-by date as the policy lists (E12)."""
    days = facts.policy.setting("notice.remind_days", DEFAULT_REMIND_DAYS)
    instants = (start_of_day(facts["due_on"] - timedelta(days=int(ahead))) + REMINDED_AT for ahead in days)
    return min((instant for instant in instants if instant > after), default=None)


class NoticeWorkflow(Workflow):
    """issued → paid → refunding → refunded; issued → expired or cancelled; expired → paid by money paid in time."""

    name = "notice"
    model = Notice
    timeline = NoticeTimelineEntry
    states = State
    initial = State.ISSUED
    deadlines = {State.ISSUED: Deadline(clearing_ends, ("due_on", "policy_id"), "pay-by date and clearing days")}
    reminders = {State.ISSUED: Reminder(next_reminder, ("due_on", "policy_id"), "days before the pay-by date")}
    begin_story = _("The payment notice was issued.")

    settle = Transition(
        sources=(State.ISSUED, State.EXPIRED),
        target=State.PAID,
        fact=True,
        label=_("Book the payment"),
        story=_("The payment was received."),
    )
    remind = Transition(
        sources=(State.ISSUED,),
        on_reminder=True,
        label=_("Remind the payer"),
        story=_("The payer was reminded."),
    )
    expire = Transition(
        sources=(State.ISSUED,),
        target=State.EXPIRED,
        on_deadline=True,
        label=_("Let the notice expire"),
        story=_("The pay-by date passed without a payment; the notice expired."),
    )
    cancel = Transition(
        sources=(State.ISSUED, State.EXPIRED),
        target=State.CANCELLED,
        label=_("Cancel the notice"),
        story=_("The notice was cancelled."),
    )
    supersede = Transition(
        sources=(State.ISSUED, State.EXPIRED),
        target=State.CANCELLED,
        label=_("Replace the notice"),
        story=_("The notice was replaced by a new one."),
    )
    propose_refund = Transition(
        sources=(State.PAID,),
        target=State.REFUNDING,
        roles=(Role.SYSTEM, Role.CASHIER),
        decision=True,
        label=_("Propose a refund"),
        story=_("A refund was proposed."),
    )
    confirm_refund = Transition(
        sources=(State.REFUNDING,),
        target=State.REFUNDED,
        roles=(Role.CASHIER,),
        decision=True,
        label=_("Confirm the refund"),
        story=_("The refund was confirmed by a second person."),
    )

    @classmethod
    def conflict(cls, actor: Actor, pks: Sequence[UUID]) -> set[UUID]:
        """Notices of the actor's household, and refunds the actor proposed themselves (E10, N19)."""
        found: set[UUID] = set()
        notices = Notice.objects.filter(pk__among=list(pks))
        if actor.resident_id:
            found |= set(notices.filter(resident__in=related_ids(actor.resident_id)).values_list("pk", flat=True))
        if actor.user_id:
            proposed = notices.filter(state=State.REFUNDING, refund_proposed_by=actor.user_id)
            found |= set(proposed.values_list("pk", flat=True))
        return found
