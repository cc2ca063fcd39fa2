"""The declaration of the enrolment workflow: who may move an application, when it must move, what the timeline says.

Both payment orders are one graph: `accept` or `collect` leave `submitted`, `settle` or `settle_to_review` leave
`awaiting_payment`. Rows whose premium is not published have no due date where they wait, and `price` wakes them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from enrollment.codes import PaymentOrder
from enrollment.models import Application, ApplicationMaterial, ApplicationTimelineEntry, RenewalEntry
from enrollment.states import State
from portal.people.actors import Actor, Role
from portal.people.services import related_ids
from portal.workflow.clocks import Clock
from portal.workflow.core import Requirement, Transition, Workflow
from portal.workflow.deadlines import (
    Deadline,
    Facts,
    Reminder,
    after_calendar_days,
    after_workdays,
    before_due,
    by_clock,
    when_overdue,
)

REVIEW = "review"
WITHDRAWABLE = (
    State.SUBMITTED,
    State.UNDER_REVIEW,
    State.CORRECTION_REQUIRED,
    State.ESCALATED,
    State.APPROVED,
    State.AWAITING_PAYMENT,
)


def office_limit(facts: Facts) -> str:
    """The time limit of the kind of office that reviews: `review.service_point` and so on."""
    return f"review.{facts['office_kind']}"


def unless_held(facts: Facts) -> datetime | None:
    """At once; not at all while the amount this state leads to is not published."""
    pay_now = facts.target == State.APPROVED or facts["payment_order"] == PaymentOrder.PAY_FIRST
    return None if facts["premium_pending"] and facts["paid_on"] is None and pay_now else facts.at


HOLDERS = ("premium_pending", "payment_order", "paid_on")
at_once_unless_held = Deadline(unless_held, HOLDERS, "at once, held while unpublished")


def after_undo(facts: Facts) -> datetime | None:
    """At once, or when the clerk can no longer take the decision back."""
    instant = unless_held(facts)
    return instant if instant is None or facts["undo_until"] is None else max(instant, facts["undo_until"])


def refund_after_undo(after: datetime, facts: Facts) -> datetime | None:
    """When a rejection of somebody who has paid can no longer be taken back."""
    ends: datetime | None = facts["undo_until"]
    return ends if ends is not None and ends > after and facts["paid_on"] is not None else None


papers = ApplicationMaterial.objects.filter(application=OuterRef("pk"), required=True)
answered = ApplicationMaterial.objects.filter(
    application=OuterRef("application"), group=OuterRef("group"), judged=ApplicationMaterial.Judgement.ACCEPTED
)
papers_seen = Requirement(
    holds=~Exists(papers.exclude(Exists(answered))),
    otherwise=_("Tick every required material as seen and accepted first."),
)
none_refused = Requirement(
    holds=~Exists(
        ApplicationMaterial.objects.filter(application=OuterRef("pk"), judged=ApplicationMaterial.Judgement.REFUSED)
    ),
    otherwise=_("A material was not accepted: ask for a correction, or reject."),
)
pays_first = Requirement(
    holds=Q(payment_order=PaymentOrder.PAY_FIRST, payable_fen__gt=0),
    otherwise=_("Nothing is to be paid before the review."),
)
reviewed_first = Requirement(
    holds=Q(payment_order=PaymentOrder.REVIEW_FIRST), otherwise=_("The payment comes before the review here.")
)
paid_or_free = Requirement(
    holds=Q(paid_on__isnull=False) | Q(payable_fen=0), otherwise=_("The premium is not paid yet.")
)
undo_open = Requirement(
    holds=lambda at: Q(undo_until__gt=at), otherwise=_("The time in which a decision can be taken back is over.")
)
of_campaign = Requirement(
    holds=Exists(RenewalEntry.objects.filter(application=OuterRef("pk"))),
    otherwise=_("Only a renewal campaign renews."),
)
amount_unknown = Requirement(holds=Q(premium_pending=True), otherwise=_("The amount is known already."))
paid = Requirement(holds=Q(paid_on__isnull=False), otherwise=_("The premium is not paid."))
deemed = Requirement(holds=Q(deemed_approval=True), otherwise=_("This region has no deemed approval."))


class EnrollmentWorkflow(Workflow):
    """From the first answer to the cover."""

    name = "enrollment"
    model, timeline, states, initial = Application, ApplicationTimelineEntry, State, State.DRAFT
    begin_story = _("%(actor)s began the registration form.")
    deadlines = {
        State.DRAFT: after_calendar_days("draft_calendar"),
        State.SUBMITTED: at_once_unless_held,
        State.UNDER_REVIEW: by_clock(REVIEW),
        State.CORRECTION_REQUIRED: after_workdays("correction"),
        State.APPROVED: Deadline(
            after_undo, (*HOLDERS, "undo_until"), "when it cannot be taken back; held while unpublished"
        ),
    }
    targets = {State.ESCALATED: after_workdays("escalated")}
    reminders = {
        State.DRAFT: before_due(days=3),
        State.UNDER_REVIEW: before_due(hours=24),
        State.CORRECTION_REQUIRED: before_due(days=3),
        State.ESCALATED: when_overdue(every_days=1),
        State.REJECTED: Reminder(refund_after_undo, ("undo_until", "paid_on"), "when it cannot be taken back, if paid"),
    }
    clocks = [
        Clock(
            kind=REVIEW,
            days=office_limit,
            columns=("office_kind",),
            start_on="review_from",
            runs_in={State.UNDER_REVIEW, State.ESCALATED},
            pauses_in={State.CORRECTION_REQUIRED},
        )
    ]

    submit = Transition(
        sources={State.DRAFT},
        target=State.SUBMITTED,
        roles={Role.RESIDENT, Role.CLERK, Role.COMMITTEE_AGENT},
        label=_("Submit the application"),
        story=_("%(actor)s submitted the application."),
    )
    collect = Transition(
        sources={State.SUBMITTED},
        target=State.AWAITING_PAYMENT,
        on_deadline=True,
        requires=[pays_first],
        label=_("Ask for the payment before the review"),
        story=_("The automatic checks are done; the payment notice was issued. The review begins with the payment."),
    )
    accept = Transition(
        sources={State.SUBMITTED},
        target=State.UNDER_REVIEW,
        on_deadline=True,
        label=_("Accept for review"),
        story=_("The automatic checks are done; the application lies with %(office)s."),
    )
    approve = Transition(
        sources={State.UNDER_REVIEW},
        target=State.APPROVED,
        roles={Role.CLERK},
        decision=True,
        requires=[papers_seen, none_refused],
        label=_("Approve"),
        story=_("%(office)s approved the application."),
    )
    reject = Transition(
        sources={State.UNDER_REVIEW},
        target=State.REJECTED,
        roles={Role.CLERK},
        decision=True,
        needs_note=True,
        label=_("Reject"),
        story=_("%(office)s rejected the application."),
    )
    ask_correction = Transition(
        sources={State.UNDER_REVIEW},
        target=State.CORRECTION_REQUIRED,
        roles={Role.CLERK},
        decision=True,
        label=_("Ask for a correction"),
        story=_("%(office)s asked for corrections; the time for the review stands still."),
    )
    deem_approved = Transition(
        sources={State.UNDER_REVIEW},
        target=State.APPROVED,
        on_deadline=True,
        requires=[deemed],
        label=_("Approve by silence"),
        story=_(
            "The time limit passed without a decision; by the rules of this region the application counts as approved."
        ),
    )
    escalate = Transition(
        sources={State.UNDER_REVIEW},
        target=State.ESCALATED,
        on_deadline=True,
        label=_("Hand up to the county centre"),
        story=_("The time limit passed without a decision; the county centre has the application now."),
    )
    county_approve = Transition(
        sources={State.ESCALATED},
        target=State.APPROVED,
        roles={Role.COUNTY_REVIEWER},
        decision=True,
        requires=[papers_seen, none_refused],
        label=_("Approve"),
        story=_("The county centre approved the application."),
    )
    county_reject = Transition(
        sources={State.ESCALATED},
        target=State.REJECTED,
        roles={Role.COUNTY_REVIEWER},
        decision=True,
        needs_note=True,
        label=_("Reject"),
        story=_("The county centre rejected the application."),
    )
    county_ask_correction = Transition(
        sources={State.ESCALATED},
        target=State.CORRECTION_REQUIRED,
        roles={Role.COUNTY_REVIEWER},
        decision=True,
        label=_("Ask for a correction"),
        story=_("The county centre asked for corrections; the time for the review stands still."),
    )
    reopen = Transition(
        sources={State.APPROVED, State.REJECTED, State.CORRECTION_REQUIRED},
        target=State.UNDER_REVIEW,
        roles={Role.CLERK},
        undoes=True,
        requires=[undo_open],
        label=_("Take the decision back"),
        story=_("%(office)s took its decision back at once; the review goes on."),
    )
    county_reopen = Transition(
        sources={State.APPROVED, State.REJECTED, State.CORRECTION_REQUIRED},
        target=State.ESCALATED,
        roles={Role.COUNTY_REVIEWER},
        undoes=True,
        requires=[undo_open],
        label=_("Take the decision back"),
        story=_("The county centre took its decision back at once; the review goes on."),
    )
    resubmit = Transition(
        sources={State.CORRECTION_REQUIRED},
        target=State.UNDER_REVIEW,
        roles={Role.RESIDENT, Role.CLERK, Role.COMMITTEE_AGENT},
        label=_("Send the corrections"),
        story=_("%(actor)s sent the corrections; the review goes on where it stopped."),
    )
    renew = Transition(
        sources={State.DRAFT},
        target=State.APPROVED,
        fact=True,
        requires=[of_campaign],
        label=_("Renew"),
        story=_("The cover was renewed for the next year; nothing has changed, so no review is needed."),
    )
    renew_for_review = Transition(
        sources={State.DRAFT},
        target=State.SUBMITTED,
        fact=True,
        requires=[of_campaign],
        label=_("Renew after a review"),
        story=_("The cover is to be renewed for the next year; something may have changed, so it is reviewed."),
    )
    enrol = Transition(
        sources={State.APPROVED},
        target=State.ENROLLED,
        on_deadline=True,
        requires=[paid_or_free],
        label=_("Enrol"),
        story=_("The person is insured."),
    )
    bill = Transition(
        sources={State.APPROVED},
        target=State.AWAITING_PAYMENT,
        on_deadline=True,
        label=_("Ask for the payment"),
        story=_("The payment notice was issued."),
    )
    price = Transition(
        sources={State.SUBMITTED, State.UNDER_REVIEW, State.CORRECTION_REQUIRED, State.ESCALATED, State.APPROVED},
        requires=[amount_unknown],
        fact=True,
        label=_("Set the published amount"),
        story=_("The premium for the year was published."),
    )
    settle = Transition(
        sources={State.AWAITING_PAYMENT},
        target=State.ENROLLED,
        fact=True,
        requires=[reviewed_first, paid],
        label=_("Book the payment"),
        story=_("The premium was paid; the person is insured."),
    )
    settle_to_review = Transition(
        sources={State.AWAITING_PAYMENT},
        target=State.UNDER_REVIEW,
        fact=True,
        requires=[pays_first, paid],
        label=_("Book the payment and begin the review"),
        story=_("The premium was paid; the application lies with %(office)s."),
    )
    reinstate = Transition(
        sources={State.LAPSED},
        target=State.ENROLLED,
        fact=True,
        requires=[reviewed_first, paid],
        label=_("Reinstate"),
        story=_("Money paid in time was booked late; the person is insured."),
    )
    reinstate_to_review = Transition(
        sources={State.LAPSED},
        target=State.UNDER_REVIEW,
        fact=True,
        requires=[pays_first, paid],
        label=_("Reinstate for review"),
        story=_("Money paid in time was booked late; the application lies with %(office)s."),
    )
    lapse = Transition(
        sources={State.DRAFT, State.CORRECTION_REQUIRED},
        target=State.LAPSED,
        on_deadline=True,
        label=_("Lapse"),
        story=_("The application lapsed: nothing arrived in time."),
    )
    lapse_unpaid = Transition(
        sources={State.AWAITING_PAYMENT},
        target=State.LAPSED,
        fact=True,
        label=_("Lapse without payment"),
        story=_("The application lapsed: the premium was not paid in time."),
    )
    withdraw = Transition(
        sources=set(WITHDRAWABLE),
        target=State.WITHDRAWN,
        roles={Role.RESIDENT},
        label=_("Withdraw the application"),
        story=_("%(actor)s withdrew the application."),
    )
    remind_resident = Transition(
        sources={State.DRAFT, State.CORRECTION_REQUIRED},
        on_reminder=True,
        label=_("Remind the applicant"),
        story=_("The applicant was reminded of the deadline."),
    )
    remind_office = Transition(
        sources={State.UNDER_REVIEW, State.ESCALATED},
        on_reminder=True,
        internal=True,
        label=_("Remind the office"),
        story=_("The office was reminded of the deadline."),
    )

    open_refund = Transition(
        sources={State.REJECTED},
        on_reminder=True,
        internal=True,
        label=_("Propose the refund"),
        story=_("The money paid was proposed for refund."),
    )

    @classmethod
    def conflict(cls, actor: Actor, pks: Sequence[UUID]) -> set[UUID]:
        """Applications made by or for the actor's own household (N19)."""
        if actor.resident_id is None:
            return set()
        own = related_ids(actor.resident_id)
        concerned = Application.objects.filter(pk__in=pks).filter(Q(resident__in=own) | Q(beneficiary__in=own))
        return set(concerned.values_list("pk", flat=True))
