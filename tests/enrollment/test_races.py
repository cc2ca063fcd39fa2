"""Two people, or a person and the worker, at the same moment: one outcome, each race with its naive twin."""

import time
from functools import partial
from uuid import UUID

import pytest
from django.db import transaction

from enrollment import services
from enrollment.models import Application
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from portal.outbox.models import Message
from portal.people.actors import Actor
from portal.workflow.errors import Refused
from tests import regions_kept
from tests.enrollment import journeys
from tests.harness.soak import many
from tests.payments.racing import at_once
from tests.people_cast import Cast, ResidentFactory, actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
    pytest.mark.processes,
]

ROUNDS = many(5, 200)
POSTS = 50


@pytest.fixture
def cast():
    """The cast and the regions, in a database that keeps what is committed."""
    regions_kept.load()
    return Cast()


def approve(pk: UUID, who: Actor, version: int) -> str:
    try:
        services.approve(application=Application.objects.get(pk=pk), actor=who, version=version)
    except Refused as refused:
        return type(refused).__name__
    return "approved"


def reject(pk: UUID, who: Actor, version: int) -> str:
    try:
        services.reject(
            application=Application.objects.get(pk=pk),
            actor=who,
            version=version,
            reason_code="other",
            reason="不符合条件",
            next_step="请咨询",
        )
    except Refused as refused:
        return type(refused).__name__
    return "rejected"


def withdraw(pk: UUID, who: Actor, version: int) -> str:
    try:
        services.withdraw(application=Application.objects.get(pk=pk), actor=who, version=version)
    except Refused as refused:
        return type(refused).__name__
    return "withdrawn"


def send(pk: UUID, who: Actor, token: UUID, version: int) -> str:
    application = Application.objects.get(pk=pk)
    try:
        services.submit(application=application, actor=who, token=token, version=version)
    except services.DuplicateApplication as duplicate:
        return f"duplicate of {duplicate.first and duplicate.first.pk}"
    except Refused as refused:
        return type(refused).__name__
    return "submitted"


def ready(cast) -> Application:
    """A case with every paper ticked, waiting for a decision."""
    return journeys.seen(journeys.under_review(ResidentFactory()), cast.clerk)


def test_two_clerks_decide_one_case_and_one_wins(cast):
    """REL-R1, N18: one decision, one message to the resident, the other clerk is told."""
    clerks = actor(cast.clerk), actor(cast.second_clerk)
    for _turn in range(ROUNDS):
        case = ready(cast)
        jobs = [partial(approve, case.pk, clerks[0], case.version), partial(reject, case.pk, clerks[1], case.version)]
        results = at_once(jobs)
        assert sorted(results)[0] == "NotAvailable", results
        decisions = case.timeline.filter(transition__in=["approve", "reject"])
        assert decisions.count() == 1
        told = Message.objects.filter(
            key__contains=str(case.pk), template__in=["enrollment_approved", "enrollment_rejected"]
        )
        assert told.count() == 1


def test_a_decision_and_a_withdrawal_at_once_have_one_outcome(cast):
    """REL-R2."""
    clerk = actor(cast.clerk)
    for _turn in range(ROUNDS):
        case = ready(cast)
        results = at_once(
            [
                partial(approve, case.pk, clerk, case.version),
                partial(withdraw, case.pk, actor(case.resident), case.version),
            ]
        )
        assert "NotAvailable" in results, results
        case.refresh_from_db()
        assert case.state in (State.AWAITING_PAYMENT, State.WITHDRAWN)


def test_a_decision_and_the_escalation_at_once_have_one_outcome(cast):
    """REL-R3: the sweep takes the case in the same second, or the clerk does."""
    clerk = actor(cast.clerk)
    for _turn in range(ROUNDS):
        case = ready(cast)
        Application.objects.filter(pk=case.pk).update(due_at=case.submitted_at)
        at_once([partial(approve, case.pk, clerk, case.version), EnrollmentWorkflow.escalate.sweep])
        moves = case.timeline.filter(transition__in=["approve", "escalate"])
        assert moves.count() == 1
        case.refresh_from_db()
        assert case.state in (State.AWAITING_PAYMENT, State.ESCALATED)


def test_fifty_posts_of_one_form_make_one_application(cast):
    """A9, UX-E15, REL-I4, REL-I5: one number, one receipt, one message; the others get the same application."""
    case = journeys.draft(ResidentFactory())
    results = at_once([partial(send, case.pk, actor(case.resident), case.submit_token, case.version)] * POSTS)
    assert set(results) == {"submitted"}, set(results)
    case.refresh_from_db()
    assert case.timeline.filter(transition="submit").count() == 1
    assert Message.objects.filter(template="enrollment_submitted", key__contains=str(case.pk)).count() == 1


def test_fifty_drafts_of_one_person_in_two_towns_leave_one_application(cast):
    """A9, REL-R5: the database keeps one live application per person and year and leads the others to it."""
    resident = ResidentFactory()
    towns = ["450302001", "450302002"]
    cases = []
    for number in range(POSTS):
        case = journeys.draft(resident, town=towns[number % 2])
        cases.append(case)
        # A draft is reused while it is open; the next one is another row only when this one is out of the way.
        Application.objects.filter(pk=case.pk).update(cover_year=3000 + number)
    Application.objects.filter(pk__in=[case.pk for case in cases]).update(cover_year=2027)
    who = actor(resident)
    results = at_once([partial(send, case.pk, who, case.submit_token, case.version) for case in cases])
    assert results.count("submitted") == 1, results
    first = Application.objects.live().get(beneficiary=resident)
    assert set(results) == {"submitted", f"duplicate of {first.pk}"}


def naive_approve(pk: UUID) -> bool:
    """The twin: looks, thinks, and writes what it saw."""
    with transaction.atomic():
        free = Application.objects.get(pk=pk).state == State.UNDER_REVIEW
        time.sleep(0.01)
        if free:
            Application.objects.filter(pk=pk).update(version=99)
        return free


def test_naive_decisions_would_both_count(cast):
    """REL-R1, the negative twin; SQLite has one writer and cannot show it."""
    from django.db import connection

    if connection.vendor == "sqlite":
        case = ready(cast)
        assert naive_approve(case.pk)
        return
    for _turn in range(20):
        case = ready(cast)
        if sum(at_once([partial(naive_approve, case.pk)] * 2)) == 2:
            return
    pytest.fail("the race was not provoked")
