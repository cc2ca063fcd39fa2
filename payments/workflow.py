"""The life of a payment notice: issued, paid, and the ways around it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from payments.models import Notice, NoticeTimelineEntry
from payments.states import State
from portal.people.actors import Actor, Role
from portal.people.services import related_ids
from portal.regions.calendar import end_instant, start_of_day
from portal.workflow.core import Requirement, Transition, Workflow
from portal.workflow.deadlines import Deadline, Facts, Reminder

REMINDED_AT = timedelta(hours=9)
"""Reminders are due at nine in the morning, local time."""

DEFAULT_REMIND_DAYS = (7, 1)


def clearing_ends(facts: Facts) -> datetime:
    """The instant from which a payment of the last day can no longer be on its way."""
    return end_instant(facts["due_on"] + timedelta(days=int(facts.policy.setting("clearing_days", 3))))


def next_reminder(after: datetime, facts: Facts) -> datetime | None:
    """The first reminder after a moment: at nine, so many days before the pay-by date, and after it while money may
    still be on its way, as the policy lists (E12).
    """
    ahead = [-int(days) for days in facts.policy.setting("notice.remind_days", DEFAULT_REMIND_DAYS)]
    clearing = int(facts.policy.setting("clearing_days", 3))
    late = [int(days) for days in facts.policy.setting("notice.late_remind_days", ()) if 0 < int(days) <= clearing]
    instants = (start_of_day(facts["due_on"] + timedelta(days=days)) + REMINDED_AT for days in (*ahead, *late))
    return min((instant for instant in instants if instant > after), default=None)


stands_alone = Requirement(
    holds=~Exists(Notice.objects.filter(collective=OuterRef("pk"), state__in=[State.PAID, State.REFUNDING])),
    otherwise=_("This notice covers several people: open the notice of the person whose money is to be paid back."),
)


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
        requires=[stands_alone],
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

    refuse_refund = Transition(
        sources=(State.REFUNDING,),
        target=State.PAID,
        roles=(Role.CASHIER,),
        decision=True,
        label=_("Refuse the refund"),
        story=_("The refund was refused by a second person; the payment stands."),
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
