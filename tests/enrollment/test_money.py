"""The application and its money: pending amounts, nothing payable, late money, refunds."""

import datetime
from datetime import date

import pytest
import time_machine
from django.utils import timezone

from enrollment import services, tasks
from enrollment.models import Application, Cover
from enrollment.states import State
from payments.models import PaymentException
from payments.states import State as NoticeState
from payments.workflow import NoticeWorkflow
from portal.outbox.models import Message
from portal.regions.calendar import SHANGHAI
from portal.regions.models import PolicyRule, Region, versions
from portal.workflow import reacting
from portal.workflow.core import Workflow
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor

pytestmark = pytest.mark.django_db

NANCHANG, ZHONGSHAN = "360102001", "442000001"


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def town_of(county):
    return Region.objects.filter(path__contains=f"{county}/", level="town").order_by("code").first().code


def publish(region_code, year, fen):
    """The amount of a year is published from today on."""
    known = PolicyRule.objects.filter(region__code=region_code, kind="fee", key=f"premium.{year}")
    value = known.get().value | {"standard_fen": fen}
    known.update(value=value)
    versions.bump(versions.POLICY)


def approve_all(application, user):
    journeys.seen(application, user)
    services.approve(application=application, actor=actor(user), version=application.version)
    application.refresh_from_db()
    return application


@pytest.fixture
def nanchang(monday, cast):
    """An application in Nanchang, whose premium for 2027 is not published, and a clerk of its office."""
    application = journeys.under_review(cast.zhang, town=town_of("360100"))
    grant = cast.clerk.grants.get()
    grant.office, grant.region = application.office, application.office.region
    grant.save()
    return application


def test_an_unpublished_premium_holds_the_approved_application_and_publication_wakes_it(nanchang, cast):
    """DOMAIN §13: registration accepted, notice held, issued when the amount is published."""
    assert nanchang.premium_pending
    held = approve_all(nanchang, cast.clerk)
    assert (held.state, held.due_at, held.notice) == (State.APPROVED, None, None)
    assert Message.objects.filter(template="enrollment_approved_held").count() == 1
    with time_machine.travel(at("2026-11-30T10:00"), tick=False):
        assert journeys.sweep() == 0
        assert tasks.price_held() == 0
        publish("360100", 2027, 40000)
        assert tasks.price_held() == 1
        assert tasks.price_held() == 0
        journeys.sweep()
    held.refresh_from_db()
    assert held.state == State.AWAITING_PAYMENT
    assert held.payable_fen == held.notice.amount_fen == 40000
    with time_machine.travel(at("2026-11-30T11:00"), tick=False):
        journeys.pay(held)
    assert held.state == State.ENROLLED


def test_an_amount_published_during_the_review_does_not_move_the_review(nanchang, cast):
    """ARCHITECTURE §4: a promise already made stands."""
    due = nanchang.due_at
    publish("360100", 2027, 40000)
    assert tasks.price_held() == 1
    nanchang.refresh_from_db()
    assert (nanchang.state, nanchang.due_at, nanchang.payable_fen) == (State.UNDER_REVIEW, due, 40000)
    assert approve_all(nanchang, cast.clerk).state == State.AWAITING_PAYMENT


def test_a_region_that_collects_first_holds_the_submitted_application_while_the_amount_is_unknown(monday, cast):
    """A8: no review without the payment, and no notice without the amount."""
    PolicyRule.objects.filter(region__code="442000", kind="fee", key="premium.2027").update(
        value={"standard_fen": None, "label": {"zh": "x", "en": "x"}}
    )
    versions.bump(versions.POLICY)
    application = journeys.submitted(cast.zhang, town=ZHONGSHAN)
    assert journeys.sweep() == 0
    publish("442000", 2027, 40000)
    assert tasks.price_held() == 1
    journeys.sweep()
    application.refresh_from_db()
    assert application.state == State.AWAITING_PAYMENT


@pytest.mark.parametrize("town", ["450302001", ZHONGSHAN])
def test_who_pays_nothing_is_reviewed_and_then_insured_in_either_order(town, monday, cast):
    """S0-09, ARCHITECTURE §5: full assistance asks for no money."""
    application = journeys.under_review(cast.zhang, town=town, answers={"assistance": {"assistance": "ORPHAN"}})
    assert application.payable_fen == 0
    assert application.state == State.UNDER_REVIEW
    grant = cast.clerk.grants.get()
    grant.office, grant.region = application.office, application.office.region
    grant.save()
    application = approve_all(application, cast.clerk)
    assert (application.state, application.notice) == (State.ENROLLED, None)
    assert Cover.objects.get().benefits_from == date(2027, 1, 1)
    assert Message.objects.filter(template="enrollment_enrolled").count() == 1


def test_assistance_reduces_the_amount_and_the_notice_says_so(monday, cast):
    """DOMAIN §9: 60 % of 400 yuan."""
    application = journeys.approved(cast.zhang, cast.clerk, answers={"assistance": {"assistance": "DIBAO"}})
    line = application.notice.lines[0]
    assert (line.standard_fen, line.assistance_fen, line.payable_fen) == (40000, 24000, 16000)
    assert line.name == "张三"


def expire(application):
    moment = application.notice.due_at + datetime.timedelta(seconds=1)
    with time_machine.travel(moment, tick=False):
        NoticeWorkflow.expire.sweep(at=timezone.now())
    application.refresh_from_db()
    return moment


def test_an_unpaid_notice_lapses_the_application_and_money_paid_in_time_reinstates_it(monday, cast):
    """ARCHITECTURE §5: lapsed by the notice, reinstated when money of the last day is booked late."""
    application = journeys.approved(cast.zhang, cast.clerk)
    moment = expire(application)
    assert application.state == State.LAPSED
    with time_machine.travel(moment + datetime.timedelta(days=2), tick=False):
        payment = journeys.pay(application, paid_on=application.notice.due_on)
    assert payment.settled
    assert application.state == State.ENROLLED
    assert Cover.objects.count() == 1


def test_reinstated_first_payers_go_to_the_review(monday, cast):
    """ARCHITECTURE §5, A8."""
    application = journeys.submitted(cast.zhang, town=ZHONGSHAN)
    journeys.sweep()
    application.refresh_from_db()
    moment = expire(application)
    assert application.state == State.LAPSED
    with time_machine.travel(moment + datetime.timedelta(days=2), tick=False):
        journeys.pay(application, paid_on=application.notice.due_on)
    assert application.state == State.UNDER_REVIEW
    assert application.review_from == application.notice.due_on


def test_late_booked_money_for_somebody_who_applied_anew_waits_at_the_exceptions_desk(monday, cast):
    """ARCHITECTURE §1: money for an application that no longer waits goes to the exceptions desk; nobody is doubled."""
    old = journeys.approved(cast.zhang, cast.clerk)
    moment = expire(old)
    with time_machine.travel(moment, tick=False):
        new = journeys.under_review(cast.zhang)
    with time_machine.travel(moment + datetime.timedelta(days=1), tick=False):
        journeys.pay(old, paid_on=old.notice.due_on)
    with time_machine.travel(moment + datetime.timedelta(days=2), tick=False):
        reacting.retry_due(timezone.now(), Workflow.registry)
    new.refresh_from_db()
    assert (old.state, new.state) == (State.LAPSED, State.UNDER_REVIEW)
    assert PaymentException.objects.filter(payment__notice=old.notice, reason="not_waiting").count() == 1


@pytest.mark.parametrize("end", ["reject", "withdraw"])
def test_money_paid_before_a_refusal_or_withdrawal_is_proposed_for_refund(end, monday, cast):
    """ARCHITECTURE §5: after payment a rejection or withdrawal opens a refund proposal."""
    application = journeys.submitted(cast.zhang, town=ZHONGSHAN)
    journeys.sweep()
    application.refresh_from_db()
    journeys.pay(application)
    grant = cast.clerk.grants.get()
    grant.office, grant.region = application.office, application.office.region
    grant.save()
    if end == "reject":
        services.reject(
            application=application,
            actor=actor(cast.clerk),
            version=application.version,
            reason_code="other",
            reason="不符合参保条件",
            next_step="请咨询",
        )
    else:
        services.withdraw(application=application, actor=actor(cast.zhang), version=application.version)
    application.notice.refresh_from_db()
    assert application.notice.state == NoticeState.REFUNDING


def test_a_sweep_over_many_costs_the_same_number_of_statements(monday, cast, django_assert_max_num_queries):
    """REL-P1: checks, acceptance and billing are set-based."""
    for _count in range(3):
        journeys.submitted(ResidentFactory())
    with django_assert_max_num_queries(60) as few:
        journeys.sweep()
    for _count in range(12):
        journeys.submitted(ResidentFactory())
    with django_assert_max_num_queries(60) as many:
        journeys.sweep()
    assert len(many) == len(few)
    assert Application.objects.filter(state=State.UNDER_REVIEW).count() == 15
