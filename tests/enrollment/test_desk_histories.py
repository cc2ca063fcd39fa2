"""Random histories: legal and illegal moves by any role leave a consistent timeline and a replayable due date (N2)."""

import random
from datetime import timedelta
from itertools import pairwise

import pytest

from enrollment import services, undoing
from enrollment.models import Application, ApplicationMaterial
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from portal.people.actors import SYSTEM, Actor, Role
from portal.regions.calendar import end_instant
from portal.workflow import clocks
from portal.workflow.errors import ConflictOfInterest, Refused, WrongRole
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor

pytestmark = pytest.mark.django_db

HISTORIES = 20
STEPS = 5
# What needs money or a published amount is tested with the money; here it would only stop the walk.
MOVES = [name for name in EnrollmentWorkflow.transitions if "settle" not in name and "reinstate" not in name]


def any_actor(rng, cast, case):
    role = rng.choice([*Role])
    if role == Role.RESIDENT:
        return actor(case.resident)
    if role == Role.SYSTEM:
        return SYSTEM
    user = cast.staff().get(role)
    return actor(user) if user else Actor(role)


def step(rng, cast, case):
    """One thing somebody tries; refusals are part of the walk."""
    clerk = actor(cast.reviewer if case.state == State.ESCALATED else cast.clerk)
    likely = {
        State.CORRECTION_REQUIRED: ["answer", "undo"],
        State.APPROVED: ["undo"],
        State.REJECTED: ["undo"],
    }.get(State(case.state), ["approve", "ask", "reject"])
    verb = rng.choice(["fire", *likely, *likely, "answer"])
    seconds = rng.choice([0, 10])
    held = {"application": case, "version": case.version}
    try:
        if verb == "fire":
            name, version = rng.choice(MOVES), rng.choice([case.version, case.version, case.version - 1, None])
            told = {"decision_reason": "x", "decision_next_step": "y"} if "reject" in name else None
            one = EnrollmentWorkflow.transitions[name]
            one.fire(case, any_actor(rng, cast, case), version, note="x", changes=told)
        elif verb == "approve":
            services.approve(**held, actor=clerk, undo_seconds=seconds)
        elif verb == "reject":
            more = {"reason_code": "other", "reason": "x", "next_step": "y"}
            services.reject(**held, actor=clerk, undo_seconds=seconds, **more)
        elif verb == "ask":
            items = [journeys.Requested("field", "contact.address", "x")]
            services.ask_correction(**held, actor=clerk, items=items, undo_seconds=seconds)
        elif verb == "answer":
            services.resubmit(**held, actor=actor(case.resident), values={"contact.address": "1号"}, handed_in=[])
        else:
            undoing.take_back(**held, actor=clerk)
    except (Refused, WrongRole, ConflictOfInterest):
        return False
    return True


def check(case):
    """Timeline, state, version and clock tell the same story."""
    entries = list(case.timeline.all())
    versions = [entry.version for entry in entries]
    assert versions == sorted(set(versions))
    assert versions[-1] <= case.version
    assert entries[-1].target == case.state
    for before, after in pairwise(entries):
        assert after.source == before.target
        one = EnrollmentWorkflow.transitions[after.transition]
        assert after.source in one.sources
        assert after.target == one.target_of(after.source)
        assert after.actor_role in {str(role) for role in one.roles}
    lines = clocks.replayed("enrollment", case.pk, "review")
    if case.state == State.UNDER_REVIEW:
        assert end_instant(lines) == case.due_at
    elif case.state in (State.CORRECTION_REQUIRED, State.REJECTED, State.APPROVED, State.WITHDRAWN):
        assert lines is None


def walk_histories(seed, monday, cast):
    """Twenty cases moved at random over some days; says which transitions happened."""
    rng = random.Random(seed)
    cases = [journeys.submitted(ResidentFactory()) for _number in range(HISTORIES)]
    journeys.sweep()
    ApplicationMaterial.objects.update(judged="accepted", seen_at=cases[0].submitted_at)
    done = 0
    for _step in range(STEPS):
        for pk in [case.pk for case in cases]:
            for _try in range(2):
                done += step(rng, cast, Application.objects.select_related("resident", "region").get(pk=pk))
        for case in Application.objects.filter(pk__in=[case.pk for case in cases]):
            check(case)
        monday.shift(rng.choice([timedelta(seconds=5), timedelta(hours=20), timedelta(days=2)]))
        journeys.sweep()
    assert done > HISTORIES
    seen = set(Application.timeline.rel.related_model.objects.values_list("transition", flat=True))
    return seen


def test_random_moves_leave_a_consistent_history(monday, cast):
    """N2, N18, B3: twenty histories in every run; due date = replay of the ledger."""
    assert {"approve", "ask_correction", "reject", "reopen"} <= walk_histories(20261123, monday, cast)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(49))
def test_a_thousand_random_histories_are_consistent(seed, monday, cast):
    """N2: with the twenty of every run, a thousand histories, each twenty from a seed of its own."""
    assert walk_histories(seed, monday, cast)
