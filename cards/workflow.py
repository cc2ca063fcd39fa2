"""The declarations of the two card workflows: the application with its promise, and the card's own life."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cards.models import Card, CardApplication, CardApplicationTimelineEntry, CardTimelineEntry
from cards.states import CardState, State
from portal.people.actors import Actor, Role
from portal.people.services import related_ids
from portal.regions.calendar import end_instant
from portal.workflow.clocks import Clock
from portal.workflow.core import Requirement, Transition, Workflow
from portal.workflow.deadlines import (
    Deadline,
    after_calendar_days,
    after_workdays,
    before_due,
    by_clock,
    latest,
    since_arrival,
    when_overdue,
)

PROMISE = "promise"

paid = Requirement(holds=Q(paid_on__isnull=False), otherwise=_("The fee is not paid."))
payable = Requirement(holds=Q(fee_fen__gt=0), otherwise=_("Nothing is to be paid."))
free = Requirement(holds=Q(fee_fen=0), otherwise=_("The fee must be paid first."))
no_feed = Requirement(holds=Q(has_feed=False), otherwise=_("The producer reports the arrival here."))


class CardApplicationWorkflow(Workflow):
    """From the personal information to the card in hand (S4-07 to S4-24).

    The promise runs from the day of the confirmed payment; approval and production are never skipped when it is over,
    so their due dates are targets that remind and alarm.
    """

    name = "cards"
    model, timeline, states, initial = CardApplication, CardApplicationTimelineEntry, State, State.DRAFT
    begin_story = _("%(actor)s began the card application.")
    deadlines = {
        State.DRAFT: after_calendar_days("draft_calendar"),
        State.CORRECTION_REQUIRED: after_workdays("card.correction"),
        State.READY_FOR_PICKUP: after_calendar_days("card.seal_calendar"),
    }
    targets = {
        State.UNDER_REVIEW: by_clock(PROMISE),
        State.IN_PRODUCTION: latest(by_clock(PROMISE), after_workdays("card.production", start="approved_on")),
    }
    reminders = {
        State.DRAFT: before_due(days=3),
        State.UNDER_REVIEW: when_overdue(every_days=1),
        State.CORRECTION_REQUIRED: before_due(days=3),
        State.IN_PRODUCTION: when_overdue(every_days=1),
        State.READY_FOR_PICKUP: since_arrival("card.remind_unclaimed_calendar", every_days=60),
    }
    clocks = [
        Clock(
            kind=PROMISE,
            days="card.promise",
            start_on="paid_on",
            runs_in={State.UNDER_REVIEW, State.IN_PRODUCTION},
            pauses_in={State.CORRECTION_REQUIRED},
            mirrored_in="promised_on",
        )
    ]

    submit = Transition(
        sources={State.DRAFT},
        target=State.AWAITING_PAYMENT,
        roles={Role.RESIDENT},
        requires=[payable],
        label=_("Submit the application"),
        story=_("%(actor)s submitted the application; the payment notice was issued."),
    )
    submit_free = Transition(
        sources={State.DRAFT},
        target=State.UNDER_REVIEW,
        roles={Role.RESIDENT},
        requires=[free, paid],
        label=_("Submit the application"),
        story=_("%(actor)s submitted the application; there is nothing to pay."),
    )
    settle = Transition(
        sources={State.AWAITING_PAYMENT, State.LAPSED},
        target=State.UNDER_REVIEW,
        fact=True,
        requires=[payable, paid],
        label=_("Book the payment"),
        story=_("The fee was paid; the card office has the application, and the promised time runs."),
    )
    lapse_unpaid = Transition(
        sources={State.AWAITING_PAYMENT},
        target=State.LAPSED,
        fact=True,
        label=_("Lapse without payment"),
        story=_("The application lapsed: the fee was not paid in time."),
    )
    approve = Transition(
        sources={State.UNDER_REVIEW},
        target=State.IN_PRODUCTION,
        roles={Role.CARD_CLERK},
        decision=True,
        label=_("Approve"),
        story=_("The card office approved the application; the card goes into production."),
    )
    ask_correction = Transition(
        sources={State.UNDER_REVIEW},
        target=State.CORRECTION_REQUIRED,
        roles={Role.CARD_CLERK},
        decision=True,
        needs_note=True,
        label=_("Ask for a correction"),
        story=_("The card office asked for a correction; the promised time stands still."),
    )
    reject = Transition(
        sources={State.UNDER_REVIEW},
        target=State.REJECTED,
        roles={Role.CARD_CLERK},
        decision=True,
        needs_note=True,
        label=_("Reject"),
        story=_("The card office rejected the application."),
    )
    resubmit = Transition(
        sources={State.CORRECTION_REQUIRED},
        target=State.UNDER_REVIEW,
        roles={Role.RESIDENT},
        label=_("Send the correction"),
        story=_("%(actor)s sent the correction; the promised time goes on."),
    )
    production_failed = Transition(
        sources={State.IN_PRODUCTION},
        roles={Role.CARD_CLERK, Role.SYSTEM},
        label=_("Note that production failed"),
        story=_("The production of the card failed; it is made again, and the promised day stays."),
    )
    arrive = Transition(
        sources={State.IN_PRODUCTION},
        target=State.READY_FOR_PICKUP,
        roles={Role.CARD_CLERK, Role.SYSTEM},
        label=_("Note the arrival"),
        story=_("The card arrived at the pickup point."),
    )
    expect_arrival = Transition(
        sources={State.IN_PRODUCTION},
        target=State.READY_FOR_PICKUP,
        fact=True,
        requires=[no_feed],
        label=_("Expect the arrival"),
        story=_("The card is expected at the pickup point; nobody has reported its arrival."),
    )
    collect = Transition(
        sources={State.READY_FOR_PICKUP},
        target=State.COLLECTED,
        roles={Role.CARD_CLERK, Role.CLERK},
        decision=True,
        label=_("Hand the card over"),
        story=_("The card was handed over after a check of the identity."),
    )
    turn_away = Transition(
        sources={State.READY_FOR_PICKUP},
        roles={Role.CARD_CLERK, Role.CLERK},
        decision=True,
        needs_note=True,
        label=_("Do not hand the card over"),
        story=_("The card was not handed over: the papers were not in order."),
    )
    seal = Transition(
        sources={State.READY_FOR_PICKUP},
        target=State.SEALED,
        on_deadline=True,
        label=_("Seal the unclaimed card"),
        story=_("The card was not collected in time and was sealed."),
    )
    lapse = Transition(
        sources={State.DRAFT, State.CORRECTION_REQUIRED},
        target=State.LAPSED,
        on_deadline=True,
        label=_("Lapse"),
        story=_("The application lapsed: nothing arrived in time."),
    )
    withdraw = Transition(
        sources={State.AWAITING_PAYMENT, State.UNDER_REVIEW, State.CORRECTION_REQUIRED},
        target=State.WITHDRAWN,
        roles={Role.RESIDENT},
        label=_("Withdraw the application"),
        story=_("%(actor)s withdrew the application."),
    )
    remind_resident = Transition(
        sources={State.DRAFT, State.CORRECTION_REQUIRED, State.READY_FOR_PICKUP},
        on_reminder=True,
        label=_("Remind the applicant"),
        story=_("The applicant was reminded."),
    )
    alarm = Transition(
        sources={State.UNDER_REVIEW, State.IN_PRODUCTION},
        on_reminder=True,
        label=_("Raise the alarm"),
        story=_("The promised day is over; the card office was alarmed."),
    )

    @classmethod
    def conflict(cls, actor: Actor, pks: Sequence[UUID]) -> set[UUID]:
        """Applications made by or for the actor's own household (N19)."""
        if actor.resident_id is None:
            return set()
        own = related_ids(actor.resident_id)
        concerned = CardApplication.objects.filter(pk__in=pks).filter(Q(resident__in=own) | Q(applicant__in=own))
        return set(concerned.values_list("pk", flat=True))


at_end_of_validity = Deadline(
    lambda facts: end_instant(facts["valid_until"]), ("valid_until",), "the end of the card's validity"
)

unlocked = Requirement(
    holds=Q(locked_at__isnull=True), otherwise=_("Too many wrong tries: the card is locked on every channel.")
)


class CardWorkflow(Workflow):
    """The life of a card in its holder's hand (DOMAIN §5)."""

    name = "card"
    model, timeline, states, initial = Card, CardTimelineEntry, CardState, CardState.INACTIVE
    begin_story = _("The card was handed over.")
    deadlines = {
        CardState.INACTIVE: at_end_of_validity,
        CardState.ACTIVE: at_end_of_validity,
        CardState.LOSS_TEMPORARY: after_calendar_days(
            lambda facts: int(facts.policy.setting("card.temporary_loss_days")), columns=("policy_id",)
        ),
    }

    activate = Transition(
        sources={CardState.INACTIVE},
        target=CardState.ACTIVE,
        roles={Role.RESIDENT, Role.HOTLINE, Role.CARD_CLERK, Role.CLERK},
        requires=[unlocked],
        label=_("Activate the card"),
        story=_("The card was activated."),
    )
    report_loss = Transition(
        sources={CardState.ACTIVE},
        target=CardState.LOSS_TEMPORARY,
        roles={Role.RESIDENT, Role.HOTLINE, Role.CARD_CLERK},
        label=_("Report the loss for a time"),
        story=_("The loss was reported; the card is stopped for a time."),
    )
    lift_loss = Transition(
        sources={CardState.LOSS_TEMPORARY},
        target=CardState.ACTIVE,
        roles={Role.RESIDENT, Role.HOTLINE, Role.CARD_CLERK},
        label=_("Lift the loss report"),
        story=_("The card was found; the loss report was lifted."),
    )
    end_loss = Transition(
        sources={CardState.LOSS_TEMPORARY},
        target=CardState.ACTIVE,
        on_deadline=True,
        label=_("End the temporary loss report"),
        story=_("The temporary loss report ended by itself."),
    )
    report_formal_loss = Transition(
        sources={CardState.INACTIVE, CardState.ACTIVE, CardState.LOSS_TEMPORARY},
        target=CardState.LOSS_FORMAL,
        roles={Role.CARD_CLERK},
        label=_("Report the loss formally"),
        story=_("The loss was formally reported; the card cannot be used again."),
    )
    replace = Transition(
        sources={CardState.INACTIVE, CardState.ACTIVE, CardState.LOSS_FORMAL},
        target=CardState.REPLACED,
        roles={Role.CARD_CLERK},
        label=_("Replace the card"),
        story=_("The card was replaced by a new one."),
    )
    cancel = Transition(
        sources={CardState.INACTIVE, CardState.ACTIVE, CardState.LOSS_FORMAL},
        target=CardState.CANCELLED,
        roles={Role.CARD_CLERK},
        label=_("Cancel the card"),
        story=_("The card was cancelled."),
    )
    expire = Transition(
        sources={CardState.INACTIVE, CardState.ACTIVE},
        target=CardState.EXPIRED,
        on_deadline=True,
        label=_("Expire"),
        story=_("The card reached the end of its validity."),
    )
