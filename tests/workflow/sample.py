"""A small workflow of its own, so that the machine is tested without the apps above it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from portal.people.actors import Role
from portal.regions.models import Office, PolicySnapshot
from portal.workflow.clocks import Clock
from portal.workflow.core import Requirement, Transition, Workflow
from portal.workflow.deadlines import (
    after_calendar_days,
    after_workdays,
    at_once,
    before_due,
    by_clock,
    latest,
    when_overdue,
)
from portal.workflow.models import Subject, SubjectQuerySet, TimelineEntryBase, state_constraints


class State(models.TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    UNDER_REVIEW = "under_review", "Under review"
    CORRECTION = "correction", "Correction required"
    ESCALATED = "escalated", "Escalated"
    APPROVED = "approved", "Approved"
    PRODUCED = "produced", "In production"
    DONE = "done", "Done"
    REJECTED = "rejected", "Rejected"
    LAPSED = "lapsed", "Lapsed"


class CaseQuerySet(SubjectQuerySet):
    def visible_to(self, actor):
        return self.all()


class Case(Subject):
    policy = models.ForeignKey(PolicySnapshot, models.PROTECT, null=True, related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, null=True, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    promised_on = models.DateField(null=True)
    complete = models.BooleanField(default=True)
    deemed = models.BooleanField(null=True)
    owner = models.BigIntegerField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta(Subject.Meta):
        app_label = "sample"
        constraints = state_constraints(
            State,
            due_in=[
                State.DRAFT,
                State.SUBMITTED,
                State.UNDER_REVIEW,
                State.CORRECTION,
                State.ESCALATED,
                State.PRODUCED,
            ],
        )


class CaseEntry(TimelineEntryBase):
    subject = models.ForeignKey(Case, models.PROTECT, related_name="timeline", db_index=False)

    class Meta(TimelineEntryBase.Meta):
        app_label = "sample"


def review_days(facts):
    return 3 if facts["office__kind"] is None else f"review.{facts['office__kind']}"


COMPLETE = Requirement(holds=Q(complete=True), otherwise="Complete the form first.")
DEEMED = Requirement(holds=Q(deemed=True), otherwise="The region has no deemed approval.")


class SampleWorkflow(Workflow, registered=False):
    name = "sample"
    model, timeline, states, initial = Case, CaseEntry, State, State.DRAFT
    deadlines = {
        State.DRAFT: after_calendar_days(30),
        State.SUBMITTED: at_once(),
        State.UNDER_REVIEW: by_clock("review"),
        State.CORRECTION: after_workdays(15),
        State.PRODUCED: latest(by_clock("promise"), after_workdays(10)),
    }
    targets = {State.ESCALATED: after_workdays(1)}
    reminders = {
        State.UNDER_REVIEW: before_due(hours=24),
        State.ESCALATED: when_overdue(every_days=1),
        State.DRAFT: before_due(days=3),
    }
    clocks = [
        Clock(
            kind="review",
            days=review_days,
            columns=("office__kind",),
            start_on="submitted_at",
            runs_in={State.UNDER_REVIEW},
            pauses_in={State.CORRECTION},
        ),
        Clock(
            kind="promise",
            days=20,
            runs_in={State.UNDER_REVIEW, State.ESCALATED, State.APPROVED, State.PRODUCED},
            pauses_in={State.CORRECTION},
            mirrored_in="promised_on",
        ),
    ]

    submit = Transition(
        sources={State.DRAFT},
        target=State.SUBMITTED,
        roles={Role.RESIDENT, Role.CLERK},
        requires=[COMPLETE],
        label="Submit",
        story="%(actor)s submitted the case.",
    )
    accept = Transition(
        sources={State.SUBMITTED},
        target=State.UNDER_REVIEW,
        on_deadline=True,
        label="Accept",
        story="The case was accepted.",
    )
    approve = Transition(
        sources={State.UNDER_REVIEW, State.ESCALATED},
        target=State.APPROVED,
        roles={Role.CLERK, Role.COUNTY_REVIEWER},
        decision=True,
        label="Approve",
        story="%(actor)s approved the case.",
    )
    reject = Transition(
        sources={State.UNDER_REVIEW, State.ESCALATED},
        target=State.REJECTED,
        roles={Role.CLERK, Role.COUNTY_REVIEWER},
        decision=True,
        needs_note=True,
        label="Reject",
        story="%(actor)s rejected the case.",
    )
    ask_correction = Transition(
        sources={State.UNDER_REVIEW, State.ESCALATED},
        target=State.CORRECTION,
        roles={Role.CLERK, Role.COUNTY_REVIEWER},
        label="Ask for correction",
        story="%(actor)s asked for correction.",
    )
    resubmit = Transition(
        sources={State.CORRECTION},
        target=State.UNDER_REVIEW,
        roles={Role.RESIDENT},
        label="Send again",
        story="%(actor)s corrected the case.",
    )
    produce = Transition(
        sources={State.APPROVED}, target=State.PRODUCED, fact=True, label="Produce", story="Production started."
    )
    finish = Transition(
        sources={State.PRODUCED}, target=State.DONE, on_deadline=True, label="Finish", story="The case is done."
    )
    deem = Transition(
        sources={State.UNDER_REVIEW},
        target=State.APPROVED,
        on_deadline=True,
        requires=[DEEMED],
        label="Deem approved",
        story="The time limit passed; the case counts as approved.",
    )
    escalate = Transition(
        sources={State.UNDER_REVIEW},
        target=State.ESCALATED,
        on_deadline=True,
        label="Escalate",
        story="The time limit passed; the case was handed up.",
    )
    lapse = Transition(
        sources={State.DRAFT, State.CORRECTION},
        target=State.LAPSED,
        on_deadline=True,
        label="Lapse",
        story="The case lapsed: nothing arrived in time.",
    )
    remind = Transition(
        sources={State.UNDER_REVIEW, State.ESCALATED, State.DRAFT},
        on_reminder=True,
        internal=True,
        label="Remind",
        story="A reminder was sent.",
    )

    @classmethod
    def conflict(cls, actor, pks):
        if actor.user_id is None:
            return set()
        return set(Case.objects.filter(pk__among=pks, owner=actor.user_id).values_list("pk", flat=True))
