"""The subject of benchmarks/sweep.py: as many columns and indexes as a real application, moved by the real machine."""

from __future__ import annotations

from django.db import connection, models

from portal.workflow.clocks import Clock
from portal.workflow.core import Batch, Transition, Workflow
from portal.workflow.deadlines import at_once, before_due, by_clock
from portal.workflow.models import Subject, TimelineEntryBase


class State(models.TextChoices):
    SUBMITTED = "submitted"
    UNDER_REVIEW = "under_review"
    LAPSED = "lapsed"


class Case(Subject):
    office = models.IntegerField()
    payload = models.TextField()

    class Meta(Subject.Meta):
        app_label = "bench"


class CaseEntry(TimelineEntryBase):
    subject = models.ForeignKey(Case, models.PROTECT, related_name="timeline", db_index=False)

    class Meta(TimelineEntryBase.Meta):
        app_label = "bench"


class Message(models.Model):
    """Stands for the outbox: a unique key and a rendered text."""

    key = models.CharField(max_length=120, unique=True)
    subject_id = models.UUIDField()
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return self.key


class BenchWorkflow(Workflow, registered=False):
    name = "bench"
    model, timeline, states, initial = Case, CaseEntry, State, State.SUBMITTED
    deadlines = {State.SUBMITTED: at_once(), State.UNDER_REVIEW: by_clock("review")}
    reminders = {State.UNDER_REVIEW: before_due(hours=24)}
    clocks = [Clock(kind="review", days=3, runs_in={State.UNDER_REVIEW})]

    drop = Transition(sources={State.SUBMITTED}, target=State.LAPSED, on_deadline=True, label="Drop", story="Dropped.")


class AcceptWorkflow(Workflow, registered=False):
    """The same rows, moved to a state with clock, due date and reminder, and told about."""

    name = "bench"
    model, timeline, states, initial = Case, CaseEntry, State, State.SUBMITTED
    deadlines = BenchWorkflow.deadlines
    reminders = BenchWorkflow.reminders
    clocks = BenchWorkflow.clocks

    accept = Transition(
        sources={State.SUBMITTED}, target=State.UNDER_REVIEW, on_deadline=True, label="Accept", story="Accepted."
    )


def tell(batch: Batch) -> None:
    """Write one message per moved row, set-based from the timeline entries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_message (key, subject_id, body, created_at) "
            "SELECT 'bench:' || subject_id || ':' || version, subject_id, %s, %s "
            "FROM bench_caseentry WHERE id = ANY(%s)",
            ["Your case was accepted.", batch.at, batch.entry_ids],
        )


AcceptWorkflow.accept.reactions.append(tell)
