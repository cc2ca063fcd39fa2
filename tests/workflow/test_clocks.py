"""The clock ledger replays to the stored due date."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.people.actors import SYSTEM, Actor, Role
from portal.regions import calendar, workdays
from portal.regions.calendar import end_instant, local_date
from portal.workflow import clocks
from portal.workflow.clocks import Action, Tail, replay, rest_after
from portal.workflow.models import ClockEntry
from tests.workflow.sample import Case, SampleWorkflow, State

MONDAY = datetime(2026, 5, 11, 2, tzinfo=UTC)
CLERK = Actor(Role.CLERK, user_id=7, office_id=3)
RESIDENT = Actor(Role.RESIDENT, user_id=11)


def review_of(case):
    return clocks.usages("sample", case.pk)["review"]


@pytest.mark.parametrize(("days", "used", "rest"), [(3, 0, 3), (3, 1, 2), (3, 2, 1), (3, 3, 1), (3, 9, 1), (0, 0, 1)])
def test_a_pause_leaves_what_is_unused_and_at_least_one_day(days, used, rest):
    """ARCHITECTURE §4: n minus the working days strictly between start and pause, at least 1."""
    assert rest_after(days, used) == rest


@pytest.mark.django_db
def test_pause_day_is_not_used_and_the_resident_sees_two_of_three():
    """N2: start Monday, asked for correction on Thursday (2 days used), answered the Tuesday after."""
    with time_machine.travel(MONDAY, tick=False) as now:
        case = Case.objects.create(state=State.SUBMITTED, submitted_at=MONDAY, due_at=MONDAY)
        SampleWorkflow.accept.sweep()
        case.refresh_from_db()
        assert case.due_at == end_instant(date(2026, 5, 14))
        now.move_to(MONDAY + timedelta(days=3))
        assert review_of(case).used == 2
        assert review_of(case).due_on == date(2026, 5, 14)
        SampleWorkflow.ask_correction.fire(case, CLERK, case.version)
        pause = ClockEntry.objects.filter(kind="review").last()
        assert (pause.action, pause.on, pause.days, pause.due_on) == (Action.PAUSE, date(2026, 5, 14), 1, None)
        assert (review_of(case).used, review_of(case).days, review_of(case).paused) == (2, 3, True)
        now.move_to(MONDAY + timedelta(days=8))
        assert review_of(case).used == 2
        SampleWorkflow.resubmit.fire(case, RESIDENT, case.version)
        assert case.due_at == end_instant(date(2026, 5, 20))
        assert clocks.replayed("sample", case.pk, "review") == date(2026, 5, 20)
        now.move_to(MONDAY + timedelta(days=9))
        SampleWorkflow.approve.fire(case, CLERK, case.version)
        assert review_of(case).stopped
        assert clocks.replayed("sample", case.pk, "review") is None


@pytest.mark.django_db
def test_clock_counts_from_submission_and_not_from_the_late_sweep():
    """ARCHITECTURE §4: the worker was off for two days; the promise is the same."""
    with time_machine.travel(MONDAY + timedelta(days=2), tick=False):
        case = Case.objects.create(state=State.SUBMITTED, submitted_at=MONDAY, due_at=MONDAY)
        SampleWorkflow.accept.sweep()
        case.refresh_from_db()
        assert case.due_at == end_instant(date(2026, 5, 14))


@pytest.mark.django_db
def test_promise_is_mirrored_and_a_later_deadline_follows_it():
    """The promised date runs on through production, whose deadline is the later of both."""
    with time_machine.travel(MONDAY, tick=False) as now:
        case = Case.objects.create(state=State.SUBMITTED, due_at=MONDAY)
        SampleWorkflow.accept.sweep()
        case.refresh_from_db()
        assert case.promised_on == date(2026, 6, 8)
        SampleWorkflow.approve.fire(case, CLERK, case.version)
        SampleWorkflow.produce.fire(case, SYSTEM)
        assert case.due_at == end_instant(date(2026, 6, 8))
        slow = Case.objects.create(state=State.SUBMITTED, due_at=MONDAY)
        SampleWorkflow.accept.sweep()
        slow.refresh_from_db()
        SampleWorkflow.approve.fire(slow, CLERK, slow.version)
        now.move_to(MONDAY + timedelta(days=25))
        SampleWorkflow.produce.fire(slow, SYSTEM)
        assert slow.due_at == end_instant(workdays.add_workdays(calendar.current(), local_date(now_of(now)), 10).date)


def now_of(traveller):
    from django.utils import timezone

    return timezone.now()


@pytest.mark.django_db
def test_rows_made_without_a_clock_start_one_when_they_resume():
    """Factories of other apps put rows straight into a state."""
    with time_machine.travel(MONDAY, tick=False):
        case = Case.objects.create(state=State.CORRECTION, due_at=MONDAY)
        SampleWorkflow.resubmit.fire(case, RESIDENT, case.version)
        assert case.due_at == end_instant(date(2026, 5, 14))
        bare = Case.objects.create(state=State.UNDER_REVIEW, due_at=MONDAY)
        SampleWorkflow.ask_correction.fire(bare, CLERK, bare.version)
        assert not ClockEntry.objects.filter(subject_id=bare.pk).exists()


DATA = workdays.CalendarData()
steps = st.lists(st.integers(min_value=0, max_value=12), min_size=1, max_size=12)


def ledger(days, gaps):
    """A history by the machine's own formulas: start, then pause and resume in turn after so many calendar days."""
    on = date(2026, 1, 5)
    due = workdays.add_workdays(DATA, on, days).date
    lines = [Tail(Action.START, on, days, due)]
    start, rest = on, days
    for number, gap in enumerate(gaps):
        on += timedelta(days=gap)
        if number % 2 == 0:
            rest = rest_after(rest, workdays.workdays_between(DATA, start, on))
            lines.append(Tail(Action.PAUSE, on, rest, None))
        else:
            start = on
            lines.append(Tail(Action.RESUME, on, rest, workdays.add_workdays(DATA, on, rest).date))
    return lines


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days=st.integers(min_value=0, max_value=30), gaps=steps)
def test_replay_of_a_thousand_random_ledgers_equals_what_was_stored(days, gaps):
    """N2: and what a pause left is computed anew, so a tampered rest is not believed."""
    lines = ledger(days, gaps)
    add = lambda start, count: workdays.add_workdays(DATA, start, count).date  # noqa: E731
    between = lambda first, last: workdays.workdays_between(DATA, first, last)  # noqa: E731
    assert replay(lines, add, between) == lines[-1].due_on
    tampered = [line._replace(days=99) if line.action != Action.START else line for line in lines]
    assert replay(tampered, add, between) == lines[-1].due_on


@pytest.mark.django_db
def test_stored_due_date_equals_the_replay_after_random_walks_through_the_machine():
    """N2: real moves, thirty subjects in step, clocks written by the machine."""
    import random

    rng = random.Random(20260511)
    with time_machine.travel(MONDAY, tick=False) as now:
        for _ in range(30):
            Case.objects.create(state=State.SUBMITTED, submitted_at=MONDAY, due_at=MONDAY)
        SampleWorkflow.accept.sweep()
        for _ in range(12):
            now.shift(timedelta(days=rng.choice([0, 1, 1, 2, 5, 9])))
            for case in Case.objects.filter(state__in=[State.UNDER_REVIEW, State.CORRECTION]):
                if rng.random() < 0.5:
                    continue
                if case.state == State.UNDER_REVIEW:
                    SampleWorkflow.ask_correction.fire(case, CLERK, case.version)
                else:
                    SampleWorkflow.resubmit.fire(case, RESIDENT, case.version)
            for case in Case.objects.filter(state=State.UNDER_REVIEW):
                assert end_instant(clocks.replayed("sample", case.pk, "review")) == case.due_at
                assert clocks.replayed("sample", case.pk, "promise") == case.promised_on
