"""Workers die, beat dies or doubles, everything is off for days: nothing is lost, nothing happens twice."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from uuid import UUID

import pytest
from django.utils import timezone

from enrollment.models import Application, ApplicationTimelineEntry, Roster, RosterRow
from enrollment.states import State
from portal.demo import people, seeding
from portal.demo.supervisor import Child
from portal.jobs.models import Job, JobState
from tests.enrollment import roster_files
from tests.faults.world import World
from tests.harness.portals import LivePortal
from tests.harness.soak import many

pytestmark = pytest.mark.processes

WORKERS = ("sweep", "outbox")
ROUNDS = many(4, 20, "rounds of kills")
MOST_ROUNDS = 3 * ROUNDS
STOP_SECONDS = 30
OFF_DAYS = 7
BATCH = many(2, 50, "rows a sweep")


@pytest.mark.both_databases
def test_killed_workers_and_an_emptied_broker_lose_nothing_and_double_nothing(world: World) -> None:
    """REL-K1, REL-I5, issue 2: kill -9 of sweep and outbox at random moments, the broker emptied each time."""
    live = world.live
    submitted, overdue, caught = [], [], 0
    for turn in range(MOST_ROUNDS):
        if turn >= ROUNDS and caught > 1:
            break
        submitted += world.tell("submitted", many(7, 40, "handed in a round"))
        overdue += world.overdue(many(4, 20, "overdue a round"))
        live.start(*WORKERS)
        world.nudge(*WORKERS)
        live.wait_until(lambda: world.caught() or not world.unfinished(), what="a worker at work", seconds=60)
        time.sleep(random.uniform(0, 0.2))
        live.kill(*WORKERS)
        world.empty_broker()
        caught += world.caught()
        world.run_leases_out()
    assert caught, "no kill met work on its way"
    live.start(*WORKERS, "beat")
    world.nudge(*WORKERS)
    world.settle()
    world.check(submitted, "accept", State.UNDER_REVIEW, message="submitted")
    world.check(overdue, "escalate", State.ESCALATED, message="escalated")


@pytest.mark.both_databases
def test_asked_to_stop_at_work_every_process_ends_in_time(world: World) -> None:
    """REL-K12: SIGTERM in the middle of work ends each process in 30 seconds; the rest is done after the next start."""
    live = world.live
    submitted = world.tell("submitted", many(20, 200, "rows at the stop"))
    live.start("web", "papers", *WORKERS)
    world.nudge(*WORKERS)
    live.wait_until(lambda: world.caught() or not world.unfinished(), what="a worker at work", seconds=60)
    started = time.monotonic()
    for name in ("web", "papers", *WORKERS):
        live.child(name).signal(signal.SIGTERM)
    live.wait_until(
        lambda: not any(child.alive for child in live.children.values()), what="all ended", seconds=STOP_SECONDS
    )
    assert time.monotonic() - started < STOP_SECONDS
    assert live.status("/healthz") == 0
    world.run_leases_out()
    live.start(*WORKERS, "beat")
    world.nudge(*WORKERS)
    world.settle()
    world.check(submitted, "accept", State.UNDER_REVIEW, message="submitted")


def test_a_killed_child_of_the_papers_worker_costs_its_file_nothing(world: World) -> None:
    """REL-K2, REL-I9: the prefork child dies in the middle of a roster; the worker goes on, each line counts once."""
    live = world.live
    lines = many(1200, 20_000, "lines of a roster")
    with live.orm():
        agent = seeding.hire(next(one for one in people.STAFF if one.username == "agent.jiashan"))
        roster = roster_files.take(agent, roster_files.as_csv([roster_files.line() for _ in range(lines)]))
    live.start("papers")
    world.nudge("papers")
    worker = live.child("papers").process
    assert worker is not None
    live.wait_until(lambda: 0 < job_of(live, roster).done < lines, what="the roster is being checked", seconds=120)
    for child in children_of(worker.pid):
        os.kill(child, signal.SIGKILL)
    with live.orm():
        # The dead cannot object: its heartbeat need not grow old by the clock.
        Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    world.nudge("papers")
    live.wait_until(lambda: job_of(live, roster).state == JobState.DONE, what="the roster is checked", seconds=240)
    assert worker.poll() is None
    with live.orm():
        judged = Counter(RosterRow.objects.filter(roster=roster).values_list("line", flat=True))
    assert len(judged) == lines
    assert set(judged.values()) == {1}


def job_of(live: LivePortal, roster: Roster) -> Job:
    """The job of a roster as it stands now."""
    with live.orm():
        return Job.objects.get(pk=roster.job_id)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    listed = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True)
    return [int(word) for word in listed.stdout.split()]


def test_a_dead_beat_is_caught_up_and_two_beats_do_nothing_twice(world: World) -> None:
    """REL-K8: due rows wait for beat and move within a minute of its return; two beats move them once."""
    live = world.live
    first = world.tell("submitted", 5)
    live.start(*WORKERS, "beat")
    world.settle(seconds=60)
    live.kill("beat")
    second = world.tell("submitted", 5)
    beat = live.child("beat")
    schedule = f"--schedule={live.folder / 'second-beat'}"
    twin = Child("second beat", [*beat.arguments, schedule], live.folder / "log" / "second-beat.log", beat.environment)
    live.start("beat")
    twin.start()
    try:
        world.settle(seconds=60)
        third = world.tell("submitted", 5)
        ticks = sent_by(twin)
        live.wait_until(
            lambda: sent_by(twin) >= ticks + many(3, 20, "ticks of two beats"), what="both beats tick on", seconds=300
        )
        world.settle(seconds=60)
    finally:
        twin.signal(signal.SIGKILL, group=True)
        if twin.process is not None:
            twin.process.wait()
    world.check([*first, *second, *third], "accept", State.UNDER_REVIEW, message="submitted")


def sent_by(beat: Child) -> int:
    """How many tasks a beat says it has sent."""
    return beat.log.read_text().count("Sending due task") if beat.log.exists() else 0


@pytest.mark.both_databases
def test_a_week_without_any_process_is_caught_up_in_order(world: World) -> None:
    """REL-K9: all that fell due in a silent week moves in one pass, the longest due first, each once, shown as late."""
    live = world.live
    made: dict[str, list[UUID]] = {"submitted": [], "under_review": [], "correction_required": []}
    for number in range(many(6, 300, "rows of a week, threefold")):
        late = number % 5
        made["submitted"] += world.tell("submitted", 1, days_ago=OFF_DAYS + late)
        made["under_review"] += world.tell("under_review", 1, days_ago=40 + late)
        made["correction_required"] += world.tell("correction_required", 1, days_ago=60 + late)
    live.manage("sweep", "--limit", str(BATCH))
    with live.orm():
        assert not Application.objects.filter(due_at__lte=timezone.now()).exists()
        for transition in ("accept", "escalate", "lapse"):
            dues = late_batches(transition)
            assert len(dues) > 1
            assert all(max(first) <= min(second) for first, second in pairwise(dues))
        accepted = ApplicationTimelineEntry.objects.filter(subject__in=made["submitted"], transition="accept")
        assert Counter(accepted.values_list("subject", flat=True)) == Counter(made["submitted"])
        for application in Application.objects.filter(pk__in=made["under_review"]):
            entry = application.timeline.get(transition="escalate")
            assert entry.at - entry.was_due_at > timedelta(days=OFF_DAYS)
            assert application.remind_at is not None, "the county is reminded until it decides"
    live.start("outbox", "beat")
    world.settle()
    world.check(made["under_review"], "escalate", State.ESCALATED, message="escalated")
    world.check(made["correction_required"], "lapse", State.LAPSED, message="lapsed")


def late_batches(transition: str) -> list[list[datetime]]:
    """When the rows had been due that a sweep moved late, batch by batch in the order of the sweep."""
    entries = ApplicationTimelineEntry.objects.filter(transition=transition).order_by("at")
    late = [entry for entry in entries if entry.at - entry.was_due_at > timedelta(days=1)]
    return [[entry.was_due_at for entry in batch] for _at, batch in groupby(late, key=lambda entry: entry.at)]
