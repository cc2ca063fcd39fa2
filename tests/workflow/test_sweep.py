"""The worker moves everything that is due."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone

from portal.people.actors import Role
from portal.regions.models import Office, Region
from portal.workflow import sweeping
from portal.workflow.core import Requirement
from portal.workflow.models import ReactionFailure
from tests.workflow.sample import Case, SampleWorkflow, State

pytestmark = pytest.mark.django_db

# Monday 11 May 2026, 10:00 in Shanghai.
MONDAY = datetime(2026, 5, 11, 2, tzinfo=UTC)


def shanghai_midnight(year, month, day):
    return datetime(year, month, day, tzinfo=UTC) - timedelta(hours=8)


@pytest.fixture
def frozen():
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def states():
    return sorted(Case.objects.values_list("state", flat=True))


def test_due_date_is_the_first_instant_after_the_third_working_day(frozen, make_case):
    """B1: submitted on Monday, 3 working days, due when Thursday has passed."""
    case = make_case(State.SUBMITTED, submitted_at=MONDAY, due_at=MONDAY)
    assert SampleWorkflow.accept.sweep() == 1
    case.refresh_from_db()
    assert case.due_at == shanghai_midnight(2026, 5, 15)


def test_nothing_moves_a_second_before_and_everything_on_the_instant(frozen, make_case):
    due = shanghai_midnight(2026, 5, 15)
    make_case(due_at=due)
    frozen.move_to(due - timedelta(seconds=1))
    assert SampleWorkflow.escalate.sweep() == 0
    frozen.move_to(due)
    assert SampleWorkflow.escalate.sweep() == 1
    assert SampleWorkflow.escalate.sweep() == 0


def test_a_week_of_silence_is_caught_up_in_order_of_due_date(frozen, make_case):
    """REL-K9: no lower bound in time; each once, the oldest first."""
    old = [make_case(due_at=MONDAY - timedelta(days=7, minutes=number)) for number in range(5)]
    assert SampleWorkflow.escalate.sweep(limit=2) == 2
    moved = set(Case.objects.filter(state=State.ESCALATED).values_list("pk", flat=True))
    assert moved == {old[4].pk, old[3].pk}
    assert [SampleWorkflow.escalate.sweep(limit=2) for _ in range(3)] == [2, 1, 0]
    entry = old[0].timeline.get()
    assert entry.was_due_at == MONDAY - timedelta(days=7)
    assert entry.codes["worker"] == sweeping.WORKER


def test_earlier_declared_move_goes_first_even_for_unknown_values(frozen, make_case):
    """Deemed approval where the region has it, else escalation; SQL's unknown is no."""
    make_case(deemed=True)
    make_case(deemed=False)
    make_case(deemed=None)
    assert SampleWorkflow.escalate.sweep() == 2
    assert SampleWorkflow.deem.sweep() == 1
    assert states() == ["approved", "escalated", "escalated"]


def test_reminder_comes_once_before_due_and_touches_no_date(frozen, make_case):
    """B9, N3: one reminder 24 hours before, then none; due date and state_since stay."""
    case = make_case(State.SUBMITTED, submitted_at=MONDAY, due_at=MONDAY)
    SampleWorkflow.accept.sweep()
    case.refresh_from_db()
    due, since = case.due_at, case.state_since
    assert case.remind_at == due - timedelta(hours=24)
    assert SampleWorkflow.remind.sweep() == 0
    frozen.move_to(case.remind_at)
    assert [SampleWorkflow.remind.sweep(), SampleWorkflow.remind.sweep()] == [1, 0]
    case.refresh_from_db()
    assert (case.due_at, case.state_since, case.remind_at) == (due, since, None)
    assert (case.state, case.timeline.last().target) == (State.UNDER_REVIEW, State.UNDER_REVIEW)


def test_escalated_case_is_reminded_daily_and_never_dropped(frozen, make_case):
    """N3, B9: due, then every day; a week of outage gives one reminder."""
    case = make_case(due_at=MONDAY)
    SampleWorkflow.escalate.sweep()
    case.refresh_from_db()
    due = case.due_at
    assert due == shanghai_midnight(2026, 5, 13)
    assert case.remind_at == due
    frozen.move_to(due + timedelta(minutes=1))
    assert [SampleWorkflow.remind.sweep(), SampleWorkflow.remind.sweep()] == [1, 0]
    case.refresh_from_db()
    assert case.remind_at == due + timedelta(days=1)
    frozen.move_to(due + timedelta(days=7, hours=1))
    assert [SampleWorkflow.remind.sweep(), SampleWorkflow.remind.sweep()] == [1, 0]
    case.refresh_from_db()
    assert (case.remind_at, case.state, case.due_at) == (due + timedelta(days=8), State.ESCALATED, due)


def test_poison_row_is_set_aside_and_the_others_go_on(frozen, make_case, monkeypatch):
    """REL-K13: at most five attempts with growing waits, then the operators' list."""
    good, bad = make_case(due_at=MONDAY), make_case(due_at=MONDAY)
    real = sweeping._move

    def explode(transition, chosen, at, seen, limit=None):
        if chosen.filter(pk=bad.pk).exists():
            seen += list(chosen.values_list("pk", flat=True))
            raise ValueError("poison")
        return real(transition, chosen, at, seen, limit)

    monkeypatch.setattr(sweeping, "_move", explode)
    assert SampleWorkflow.escalate.sweep() == 1
    good.refresh_from_db()
    assert good.state == State.ESCALATED
    waits = []
    for _ in range(4):
        bad.refresh_from_db()
        before = bad.sweep_attempts
        start = timezone.now()
        while True:
            frozen.shift(timedelta(seconds=30))
            SampleWorkflow.escalate.sweep()
            bad.refresh_from_db()
            if bad.sweep_attempts > before:
                break
        waits.append(timezone.now() - start)
    assert waits == sorted(waits)
    assert bad.sweep_attempts == 5
    assert list(SampleWorkflow.failed()) == [bad]
    frozen.shift(timedelta(days=30))
    assert SampleWorkflow.escalate.sweep() == 0
    monkeypatch.setattr(sweeping, "_move", real)
    assert SampleWorkflow.retry([bad.pk]) == 1
    assert SampleWorkflow.escalate.sweep() == 1
    bad.refresh_from_db()
    assert (bad.sweep_attempts, bad.sweep_failed_at) == (0, None)


def test_lost_connection_blames_no_row(make_case, monkeypatch):
    case = make_case()

    def lost(transition, chosen, at, seen, limit):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(sweeping, "_move", lost)
    with pytest.raises(OperationalError):
        SampleWorkflow.escalate.sweep()
    case.refresh_from_db()
    assert case.sweep_attempts == 0


def test_reaction_gets_the_batch_once(frozen, make_case):
    for _ in range(3):
        make_case(due_at=MONDAY)
    batches = []
    SampleWorkflow.escalate.reactions.append(batches.append)
    SampleWorkflow.escalate.sweep()
    (batch,) = batches
    assert len(batch.pks) == 3
    assert {entry.subject_id for entry in batch.entries} == set(batch.pks)
    assert {entry.actor_role for entry in batch.entries} == {Role.SYSTEM}
    assert batch.subjects().filter(state=State.ESCALATED).count() == 3


def test_reaction_vetoes_a_click_and_never_a_fact(frozen, make_case, clerk):
    """ARCHITECTURE §1: the click is undone, the fact stands with a row for the operators."""

    def refuse(batch):
        batch.subjects().update(complete=False)
        raise ValueError("no")

    SampleWorkflow.approve.reactions.append(refuse)
    SampleWorkflow.escalate.reactions.append(refuse)
    clicked = make_case(due_at=MONDAY + timedelta(days=1))
    with pytest.raises(ValueError, match="no"):
        SampleWorkflow.approve.fire(clicked, clerk, clicked.version)
    clicked.refresh_from_db()
    assert (clicked.state, clicked.complete) == (State.UNDER_REVIEW, True)
    due = make_case(due_at=MONDAY)
    SampleWorkflow.escalate.sweep()
    due.refresh_from_db()
    assert (due.state, due.complete) == (State.ESCALATED, True)
    failure = ReactionFailure.objects.get()
    assert failure.entry_ids == list(due.timeline.values_list("pk", flat=True))
    assert failure.error == "builtins.ValueError"


def test_requirement_with_a_join_moves_only_what_it_holds_for(frozen, make_case, monkeypatch):
    """The lock stays on the subject's own table, also where a condition reaches into another."""
    with_office, without = make_case(due_at=MONDAY), make_case(due_at=MONDAY)
    region = Region.objects.create(code="450302", level="province", name_zh="甲", name_en="A")
    office = Office.objects.create(code="o1", kind="service_point", region=region, name_zh="甲", name_en="A")
    Case.objects.filter(pk=with_office.pk).update(office=office)
    joined = Requirement(holds=Q(office__region__code="450302"), otherwise="no office")
    monkeypatch.setattr(SampleWorkflow.escalate, "requires", [joined])
    assert SampleWorkflow.escalate.sweep(limit=1) == 1
    assert SampleWorkflow.escalate.sweep() == 0
    without.refresh_from_db()
    assert without.state == State.UNDER_REVIEW
