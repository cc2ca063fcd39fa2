"""A decision taken back within seconds: the case, its clocks and its papers are as before, nothing has gone out."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from enrollment import services, undoing
from enrollment.models import Application
from enrollment.states import State
from payments.models import Notice
from payments.states import State as NoticeState
from portal.audit.models import AuditEntry
from portal.outbox.drain import drain
from portal.outbox.models import Message, MessageState
from portal.regions.calendar import end_instant
from portal.workflow import clocks
from portal.workflow.errors import Refused, Unmet
from tests.enrollment import journeys
from tests.people_cast import actor, sign_in

pytestmark = pytest.mark.django_db

REJECTION = {"reason_code": "other", "reason": "不符合条件", "next_step": "请到窗口咨询"}


@pytest.fixture
def case(monday, cast):
    return journeys.seen(journeys.under_review(cast.zhang), cast.clerk)


def decide(case, clerk, verb, seconds=10):
    more = REJECTION if verb == "reject" else {}
    if verb == "ask_correction":
        more = {"items": [journeys.Requested("field", "contact.address", "请按户口簿填写")]}
    command = getattr(services, verb)
    return command(application=case, actor=actor(clerk), version=case.version, undo_seconds=seconds, **more)


def about(case):
    return Message.objects.filter(key__contains=str(case.pk)).exclude(template="enrollment_submitted")


@pytest.mark.parametrize("verb", ["approve", "reject", "ask_correction"])
def test_a_decision_is_taken_back_whole(verb, case, monday, cast):
    """UX-C6: state, due date, corrections and reasons as before; both moves in the timeline, the message cancelled."""
    before = {name: getattr(case, name) for name in ("state", "due_at", "correction_round", "decision_reason")}
    decide(case, cast.clerk, verb)
    assert drain() == {} or not about(case).filter(state=MessageState.SENT).exists()
    assert not case.notice_id
    monday.shift(timedelta(seconds=5))
    journeys.sweep()
    undoing.take_back(application=case, actor=actor(cast.clerk), version=case.version)
    case.refresh_from_db()
    assert {name: getattr(case, name) for name in before} == before
    assert not case.corrections.exists()
    assert [entry.transition for entry in case.timeline.all()][-2:] == [verb, "reopen"]
    assert AuditEntry.objects.filter(action="enrollment.decision_taken_back", subject_id=str(case.pk)).count() == 1
    assert end_instant(clocks.replayed("enrollment", case.pk, "review")) == case.due_at
    assert not about(case).exclude(state=MessageState.CANCELLED).exists()
    monday.shift(timedelta(minutes=5))
    journeys.sweep()
    drain()
    assert not about(case).exclude(state=MessageState.CANCELLED).exists()
    assert not Notice.objects.exists()
    decide(case, cast.clerk, verb)  # and it can be decided anew
    monday.shift(timedelta(seconds=11))
    journeys.sweep()
    drain()
    assert about(case).filter(state=MessageState.SENT).exists()


def test_what_was_approved_goes_on_by_itself_when_the_time_is_over(case, monday, cast):
    """UX-C6, S1-08: billed by the sweep, told then and not before."""
    decide(case, cast.clerk, "approve")
    journeys.sweep()
    case.refresh_from_db()
    assert case.state == State.APPROVED
    assert case.due_at == case.undo_until
    monday.shift(timedelta(seconds=10))
    journeys.sweep()
    case.refresh_from_db()
    assert case.state == State.AWAITING_PAYMENT
    assert case.notice
    with pytest.raises(Refused):
        undoing.take_back(application=case, actor=actor(cast.clerk), version=case.version)


def test_on_the_spot_nothing_waits(case, cast):
    """B2, S1-01: without a time to take it back the notice is there in the same transaction."""
    decide(case, cast.clerk, "approve", seconds=0)
    case.refresh_from_db()
    assert case.state == State.AWAITING_PAYMENT


def test_only_who_decided_takes_back_and_only_in_time(case, monday, cast):
    """UX-C6: not a colleague, not an old page, not a second later, not twice."""
    decide(case, cast.clerk, "reject")
    for who, version in ((cast.second_clerk, case.version), (cast.clerk, case.version - 1)):
        with pytest.raises(Refused):
            undoing.take_back(application=case, actor=actor(who), version=version)
    monday.shift(timedelta(seconds=10))
    with pytest.raises(Unmet):
        undoing.take_back(application=case, actor=actor(cast.clerk), version=case.version)
    case.refresh_from_db()
    assert case.state == State.REJECTED


def test_a_message_that_is_out_is_not_taken_back(case, cast):
    """UX-C6: the sent word stands, so the decision does too."""
    decide(case, cast.clerk, "reject")
    about(case).update(state=MessageState.SENDING, attempts=1)
    with pytest.raises(Refused):
        undoing.take_back(application=case, actor=actor(cast.clerk), version=case.version)
    case.refresh_from_db()
    assert case.state == State.REJECTED
    assert about(case).get().state == MessageState.SENDING


def test_the_resident_s_answer_in_the_meantime_wins(case, cast):
    """UX-C6, REL-R2: a withdrawal within the seconds is not undone."""
    decide(case, cast.clerk, "ask_correction")
    version = case.version
    services.withdraw(application=case, actor=actor(cast.zhang), version=version)
    with pytest.raises(Refused):
        undoing.take_back(application=case, actor=actor(cast.clerk), version=version)
    assert Application.objects.get(pk=case.pk).state == State.WITHDRAWN


def test_the_county_takes_its_decision_back_and_keeps_its_target(case, monday, cast):
    """UX-C6, N3: an escalated case is escalated again, with the date it had."""
    monday.move_to(case.due_at)
    journeys.sweep()
    case.refresh_from_db()
    assert case.state == State.ESCALATED
    due_at = case.due_at
    monday.shift(timedelta(days=1, hours=2))
    journeys.sweep()
    case.refresh_from_db()
    decide(case, cast.reviewer, "reject")
    undoing.take_back(application=case, actor=actor(cast.reviewer), version=case.version)
    assert (case.state, case.due_at) == (State.ESCALATED, due_at)
    assert case.remind_at > timezone.now()
    assert end_instant(clocks.replayed("enrollment", case.pk, "review")) is not None


def test_a_pause_before_the_decision_is_not_forgotten(case, monday, cast):
    """N2: after a correction the clock has a rest; taking a decision back keeps it."""
    journeys.ask(case, cast.clerk)
    monday.shift(timedelta(days=2))
    services.resubmit(
        application=case,
        actor=actor(cast.zhang),
        version=case.version,
        values={"contact.address": "新址1号"},
        handed_in=[],
    )
    due_at = case.due_at
    decide(case, cast.clerk, "approve")
    undoing.take_back(application=case, actor=actor(cast.clerk), version=case.version)
    assert case.due_at == due_at
    assert end_instant(clocks.replayed("enrollment", case.pk, "review")) == due_at
    used = clocks.usages("enrollment", case.pk)["review"]
    assert not used.paused
    assert not used.stopped


def test_paid_money_is_proposed_for_refund_only_when_the_rejection_stands(monday, cast):
    """UX-C6, N19: pay-first; the refund waits for the end of the seconds."""
    case = journeys.under_review(cast.zhang)
    Application.objects.filter(pk=case.pk).update(payment_order="pay_first")
    case = journeys.seen(case, cast.clerk)
    services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    case.refresh_from_db()
    journeys.pay(case)
    Application.objects.filter(pk=case.pk).update(state=State.UNDER_REVIEW, due_at=timezone.now() + timedelta(days=3))
    case.refresh_from_db()
    decide(case, cast.clerk, "reject")
    assert Notice.objects.get(pk=case.notice_id).state == NoticeState.PAID
    monday.shift(timedelta(seconds=11))
    journeys.sweep()
    assert Notice.objects.get(pk=case.notice_id).state == NoticeState.REFUNDING


def test_the_strip_leads_back_and_the_next_case_follows_in_this_filter(monday, cast, client):
    """UX-C6, B8: approve and next stays in the filter; the strip takes back; the last one ends at the queue."""
    first, second, third = (
        journeys.seen(journeys.under_review(who), cast.clerk) for who in (cast.zhang, cast.li, cast.wang)
    )
    Application.objects.filter(pk__in=[first.pk, third.pk]).update(category="student")
    sign_in(client, cast.clerk)
    inside = "tab=decide&category=student"
    ticks = {f"material-{row.code}": "accepted" for row in first.materials.all()}
    told = ticks | {"version": first.version, "then": "approve_next", "in": inside}
    chosen = sorted([first, third], key=lambda row: (row.due_at, row.pk))
    case, other = chosen
    told["version"] = case.version
    answer = client.post(reverse("enrollment:judge", args=[case.pk]), told)
    assert answer.url.startswith(reverse("enrollment:review", args=[other.pk]))
    page = client.get(answer.url)
    assert page.context["undo"]["pk"] == str(case.pk)
    undo = client.post(
        reverse("enrollment:undo", args=[case.pk]), {"version": page.context["undo"]["version"], "in": inside}
    )
    assert undo.status_code == 302
    case.refresh_from_db()
    assert case.state == State.UNDER_REVIEW
    assert client.get(reverse("enrollment:queue") + "?tab=decide").context["undo"] is None
    for row in (case, other):
        row.refresh_from_db()
        answer = client.post(reverse("enrollment:judge", args=[row.pk]), told | {"version": row.version})
    assert answer.url == f"{reverse('enrollment:queue')}?{inside}"
    assert Application.objects.get(pk=second.pk).state == State.UNDER_REVIEW
