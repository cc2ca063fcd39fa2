"""The worker's round: everything due, failed reactions, the lease, a crash in the middle, a new calendar."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command

from portal.regions.calendar import end_instant
from portal.regions.models import Region, RegionalHoliday
from portal.workflow import clocks, health, leases, reacting, recounting, rounds, sweeping, tasks
from portal.workflow.core import Workflow
from portal.workflow.models import ClockEntry, Heartbeat, ReactionFailure
from tests.workflow.sample import Case, SampleWorkflow, State

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 5, 11, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def only_sample(monkeypatch):
    monkeypatch.setattr(Workflow, "registry", {"sample": SampleWorkflow})


@pytest.fixture
def frozen():
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def test_one_tick_moves_through_states_that_are_due_at_once(frozen, make_case):
    """Submitted is due at once, escalation follows three days later, the reminder before it."""
    case = make_case(State.SUBMITTED, submitted_at=MONDAY)
    assert tasks.sweep() == {"sample.accept": 1}
    assert tasks.sweep() == {}
    frozen.move_to(end_instant(date(2026, 5, 13)))
    assert tasks.sweep() == {"sample.remind": 1}
    assert tasks.sweep() == {}
    frozen.move_to(end_instant(date(2026, 5, 14)))
    assert tasks.sweep() == {"sample.escalate": 1}
    assert tasks.sweep() == {}
    case.refresh_from_db()
    assert [entry.transition for entry in case.timeline.all()] == ["accept", "remind", "escalate"]


def test_batches_take_turns_and_leave_nothing(frozen, make_case):
    for _ in range(7):
        make_case(due_at=MONDAY)
    assert rounds.sweep_all(limit=2)["sample.escalate"] == 7


def test_time_box_ends_the_round_and_the_backlog_is_told(frozen, make_case):
    for _ in range(3):
        make_case(due_at=MONDAY - timedelta(hours=1))
    assert rounds.sweep_all(limit=1, seconds=0) == {}
    assert rounds.run(seconds=0) == {}
    beat = Heartbeat.objects.get(name="sweep")
    assert (beat.backlog, beat.oldest_due) == (3, MONDAY - timedelta(hours=1))
    assert health.oldest_due() == MONDAY - timedelta(hours=1)


def test_idle_tick_only_reads(frozen, django_assert_num_queries):
    """ARCHITECTURE §4: on SQLite a tick with nothing due takes no write lock."""
    tasks.sweep()
    frozen.shift(timedelta(seconds=10))
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        assert tasks.sweep() == {}
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


def test_age_of_the_sweep_goes_negative_when_the_clock_goes_back(frozen):
    """REL-K14: the watchdog sees both silence and a clock set back."""
    assert health.sweep_age() is None
    tasks.sweep()
    assert health.sweep_age() == 0
    frozen.shift(timedelta(minutes=5))
    assert health.sweep_age() == 300
    frozen.shift(-timedelta(hours=1))
    assert health.sweep_age() < -5


def test_second_runner_does_nothing_while_the_first_is_alive(frozen, make_case):
    """REL-K8: two beats at once."""
    make_case(due_at=MONDAY)
    assert leases.acquire("sweep", "other:1", MONDAY) == ""
    assert tasks.sweep() == {}
    frozen.shift(timedelta(seconds=31))
    assert tasks.sweep() == {"sample.escalate": 1}


def test_runner_that_lost_its_lease_stops(frozen, make_case):
    for _ in range(2):
        make_case(due_at=MONDAY)
    leases.acquire("sweep", "mine:1", MONDAY)
    assert rounds.sweep_all(limit=1, owner="another:2") == {}


def test_row_that_kills_the_worker_is_set_aside_after_the_crash(frozen, make_case):
    """REL-K13: the dead runner left word of the batch, then of the row."""
    first, second = (make_case(due_at=MONDAY - timedelta(minutes=number)) for number in (2, 1))
    leases.acquire("sweep", "dead:1", MONDAY)
    leases.hold("sweep", "dead:1", MONDAY, f"sample.escalate:{first.pk}")
    frozen.shift(timedelta(seconds=31))
    tasks.sweep()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.sweep_attempts) == (State.UNDER_REVIEW, 1)
    assert second.state == State.ESCALATED
    frozen.shift(timedelta(minutes=1))
    assert tasks.sweep() == {"sample.escalate": 1}


def test_batch_that_killed_the_worker_is_taken_row_by_row(frozen, make_case):
    make_case(due_at=MONDAY)
    leases.acquire("sweep", "dead:1", MONDAY)
    leases.hold("sweep", "dead:1", MONDAY, "sample.escalate")
    frozen.shift(timedelta(seconds=31))
    assert rounds.careful("sample.escalate", leases_owner()) == 0
    tasks.sweep()
    assert Case.objects.get().state == State.ESCALATED


def leases_owner():
    return "nobody:0"


def test_failed_reaction_is_repaired_later_and_once(frozen, make_case):
    """REL-K13: the fact stands at once, the reaction follows when it can."""
    broken, seen = [True], []

    def tell(batch):
        if broken:
            raise ValueError("away")
        seen.append(sorted(batch.pks))

    SampleWorkflow.escalate.reactions.append(tell)
    case = make_case(due_at=MONDAY)
    assert tasks.sweep() == {"sample.escalate": 1}
    assert tasks.sweep() == {}
    broken.clear()
    frozen.shift(timedelta(seconds=31))
    assert tasks.sweep() == {"reactions": 1}
    assert seen == [[case.pk]]
    frozen.shift(timedelta(hours=5))
    assert tasks.sweep() == {}
    assert ReactionFailure.objects.get().resolved_at is not None


def test_failing_batch_is_split_and_only_the_bad_row_stays(frozen, make_case):
    good, bad = make_case(due_at=MONDAY), make_case(due_at=MONDAY)
    told = []

    def tell(batch):
        if bad.pk in batch.pks:
            raise ValueError("bad row")
        told.extend(batch.pks)

    SampleWorkflow.escalate.reactions.append(tell)
    tasks.sweep()
    for attempt in range(1, 6):
        failure = ReactionFailure.objects.get()
        assert failure.attempts == attempt
        frozen.shift(timedelta(hours=2))
        tasks.sweep()
    assert told == [good.pk]
    failure.refresh_from_db()
    assert failure.entry_ids == list(bad.timeline.values_list("pk", flat=True))
    assert failure.next_try_at is None
    assert list(reacting.waiting()) == [failure]


def test_reaction_that_is_gone_waits_for_an_operator(frozen, make_case):
    def tell(batch):
        raise ValueError("no")

    SampleWorkflow.escalate.reactions.append(tell)
    make_case(due_at=MONDAY)
    tasks.sweep()
    SampleWorkflow.escalate.reactions.clear()
    frozen.shift(timedelta(seconds=31))
    assert reacting.retry_due(MONDAY + timedelta(hours=1), Workflow.registry) == 0
    assert ReactionFailure.objects.get().error == "reaction no longer registered"


def test_published_calendar_moves_the_promise_visibly_and_once(frozen):
    """ARCHITECTURE §4: new date, clock row, timeline entry; a second round changes nothing."""
    from portal.regions import calendar

    assert not recounting.stale()
    case = Case.objects.create(state=State.SUBMITTED, submitted_at=MONDAY, due_at=MONDAY)
    tasks.sweep()
    waiting = Case.objects.create(state=State.CORRECTION, due_at=end_instant(date(2026, 6, 1)), state_since=MONDAY)
    before = calendar.current()
    nation = Region.objects.get_or_create(
        code="000000", defaults={"level": "nation", "name_zh": "全国", "name_en": "China"}
    )[0]
    RegionalHoliday.objects.create(region=nation, date=date(2026, 5, 13), name_zh="例假", name_en="Day off")
    # Without a policy a case has no region, so the national calendar itself must change.
    from portal.regions.models import CalendarDay

    CalendarDay.objects.create(date=date(2026, 5, 13), is_workday=False, kind="off")
    calendar.announce_change(date(2026, 5, 13), date(2026, 5, 13), before)
    assert recounting.stale()
    assert tasks.sweep() == {"recounted": 2}
    case.refresh_from_db()
    waiting.refresh_from_db()
    assert case.due_at == end_instant(date(2026, 5, 15))
    assert case.promised_on == date(2026, 6, 9)
    assert waiting.due_at == end_instant(date(2026, 6, 2))
    assert case.timeline.last().transition == "recount"
    assert ClockEntry.objects.filter(subject_id=case.pk, action="recount").count() == 2
    assert clocks.replayed("sample", case.pk, "review") == date(2026, 5, 15)
    assert tasks.sweep() == {}


def test_sweep_command_prints_every_deadline(frozen, make_case):
    make_case(due_at=MONDAY)
    out = StringIO()
    call_command("sweep", stdout=out)
    assert "sample.escalate: 1" in out.getvalue()
    assert "sample.lapse: 0" in out.getvalue()


def test_sweep_command_names_rows_given_up_on(frozen, make_case):
    make_case(due_at=MONDAY, sweep_attempts=5, sweep_failed_at=MONDAY)
    out = StringIO()
    call_command("sweep", stdout=out)
    assert "sample: 1 rows given up on" in out.getvalue()
    assert [row.state for row in rounds.given_up()] == [State.UNDER_REVIEW]


def test_failing_reminder_never_holds_up_the_deadline(frozen, make_case):
    """REL-K13: the reminder waits an hour, the deadline moves on time."""
    case = make_case(due_at=MONDAY + timedelta(minutes=10), remind_at=MONDAY)
    sweeping.set_aside(SampleWorkflow.remind, case.pk, MONDAY)
    case.refresh_from_db()
    assert (case.remind_at, case.sweep_attempts) == (MONDAY + timedelta(hours=1), 0)
    frozen.shift(timedelta(minutes=10))
    assert SampleWorkflow.escalate.sweep() == 1
