"""The promise and the other deadlines of the card, as people meet them."""

from datetime import date, datetime, timedelta

import pytest

from cards import batches, services
from cards.models import CardApplication
from cards.states import CardState, State
from cards.workflow import CardApplicationWorkflow
from payments.models import Notice
from payments.refunds import refuse_refund
from payments.states import State as NoticeState
from payments.workflow import NoticeWorkflow
from portal.outbox.models import Message
from portal.people.actors import SYSTEM
from portal.regions.calendar import SHANGHAI
from portal.workflow import clocks
from tests.cards import journeys
from tests.people_cast import actor, sign_in

pytestmark = pytest.mark.django_db


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def told(template, application):
    return Message.objects.filter(template=f"cards_{template}", key__contains=str(application.pk)).count()


@pytest.mark.parametrize(
    ("reported", "paid_on", "promised_on"),
    [
        ("2026-11-23T11:00", date(2026, 11, 23), date(2026, 12, 21)),
        ("2026-11-25T11:00", date(2026, 11, 23), date(2026, 12, 21)),
        ("2026-11-28T11:00", date(2026, 11, 28), date(2026, 12, 25)),
        ("2026-11-30T11:00", date(2026, 11, 30), date(2026, 12, 28)),
    ],
)
def test_the_promise_counts_from_the_confirmed_payment(reported, paid_on, promised_on, monday):
    """S4-21, D9, B9: twenty working days from the day of payment, not of submission nor of the report."""
    application = journeys.submitted(journeys.resident())
    assert application.promised_on is None
    monday.move_to(at(reported))
    journeys.pay(application, on=paid_on)
    assert application.promised_on == promised_on
    assert clocks.replayed("cards", application.pk, "promise") == promised_on


def test_a_failed_production_keeps_the_promised_day(monday):
    """N22, S4-21: the producer's failure is not the resident's; the application goes into the next batch."""
    clerk = journeys.card_clerk()
    application = journeys.in_production(journeys.resident(), clerk)
    first = batches.make_batch(actor=actor(clerk), region=journeys.region("442000"))
    assert batches.make_batch(actor=actor(clerk), region=journeys.region("442000")) is None
    report = batches.report_production(
        actor=actor(clerk), region=journeys.region("442000"), arrived=[], failed=[application.number]
    )
    assert (report.arrived, report.failed) == (0, 1)
    row = journeys.fresh(application)
    assert (row.state, row.promised_on) == (State.IN_PRODUCTION, date(2026, 12, 21))
    second = batches.make_batch(actor=actor(clerk), region=journeys.region("442000"))
    assert second.pk != first.pk


def test_an_overdue_promise_alarms_daily_and_tells_the_resident_once(monday, client):
    """B9, N2: nothing is skipped when the day is over; the office is alarmed each day, the resident told once."""
    clerk = journeys.card_clerk()
    application = journeys.under_review(journeys.resident())
    monday.move_to(at("2026-12-21T18:00"))
    journeys.sweep()
    assert application.timeline.filter(transition="alarm").count() == 0
    for day, alarms in (("2026-12-22T09:00", 1), ("2026-12-22T15:00", 1), ("2026-12-23T09:00", 2)):
        monday.move_to(at(day))
        journeys.sweep()
        journeys.sweep()
        assert application.timeline.filter(transition="alarm").count() == alarms, day
    assert told("late", application) == 1
    row = journeys.fresh(application)
    assert row.state == State.UNDER_REVIEW
    sign_in(client, application.applicant)
    page = client.get(f"/cards/applications/{row.pk}/").content.decode()
    assert "承诺2026年12月21日可领卡，现已延误" in page
    assert "承诺领卡日期" not in page
    sign_in(client, clerk)
    page = client.get("/desk/cards/?late=1").content.decode()
    assert application.grouped_number in page
    assert "超期" in page


def test_an_unclaimed_card_is_recalled_and_at_last_sealed(monday):
    """N22: a reminder after 180 days, sealed after 365; the person may apply again."""
    clerk = journeys.card_clerk()
    application = journeys.ready(journeys.resident(), clerk)
    monday.move_to(at("2027-05-21T09:00"))
    journeys.sweep()
    assert told("reminder", application) == 0
    monday.move_to(at("2027-05-23T09:00"))
    journeys.sweep()
    journeys.sweep()
    assert told("reminder", application) == 1
    monday.move_to(at("2027-11-25T09:00"))
    journeys.sweep()
    assert journeys.fresh(application).state == State.SEALED
    assert told("sealed", application) == 1
    assert services.obstacles(application.resident) == []


@pytest.mark.parametrize(
    ("issued", "valid_until"),
    [("2026-11-30T09:00", date(2036, 11, 30)), ("2028-02-29T09:00", date(2038, 2, 28))],
)
def test_a_card_expires_after_its_last_day(issued, valid_until, monday):
    """S2-13, D13: valid to the end of the day of issue ten years later; then expired by the worker, not before."""
    monday.move_to(at(issued))
    card, _code = journeys.collected(journeys.resident(), journeys.card_clerk())
    assert card.valid_until == valid_until
    monday.move_to(at(f"{valid_until}T23:59"))
    journeys.sweep()
    assert journeys.fresh(card).state == CardState.INACTIVE
    monday.move_to(at(f"{valid_until + timedelta(days=1)}T00:00"))
    journeys.sweep()
    assert journeys.fresh(card).state == CardState.EXPIRED


def test_where_no_producer_reports_the_card_is_expected(monday, client):
    """S4-21 by region: Nanchang has no feed; the portal says that nobody has reported the arrival."""
    clerk = journeys.card_clerk("nan", "360100")
    application = journeys.submitted(journeys.resident(), town="360113001")
    services.approve(application=application, actor=actor(clerk), version=application.version)
    monday.move_to(at("2026-12-10T09:00"))
    journeys.sweep()
    row = journeys.fresh(application)
    assert row.state == State.READY_FOR_PICKUP
    assert told("expected", application) == 1
    sign_in(client, application.resident)
    assert "尚未收到到卡信息" in client.get(f"/cards/applications/{row.pk}/").content.decode()


def test_an_unpaid_application_lapses_and_late_news_of_a_payment_in_time_brings_it_back(monday, client):
    """E12, REL-I1: after the last day nobody is asked to pay; the notice expires, the application lapses; but money
    paid in time and reported late counts.
    """
    application = journeys.submitted(journeys.resident())
    notice = Notice.objects.get(pk=application.notice_id)
    monday.move_to(notice.due_at - timedelta(hours=1))
    sign_in(client, application.applicant)
    for page in ("", "pay/"):
        text = client.get(f"/cards/applications/{application.pk}/{page}").content.decode()
        assert "请先不要缴费" in text, page
        assert "缴费地点" not in text
    monday.move_to(notice.due_at)
    NoticeWorkflow.expire.sweep(at=notice.due_at)
    assert journeys.fresh(application).state == State.LAPSED
    journeys.pay(application, on=date(2026, 11, 25))
    row = journeys.fresh(application)
    assert (row.state, row.paid_on, row.promised_on) == (State.UNDER_REVIEW, date(2026, 11, 25), date(2026, 12, 23))


@pytest.mark.parametrize("end", ["withdraw", "reject"])
def test_an_end_without_a_card_opens_a_refund(end, monday, client, cast):
    """E10, S4-20, F1: the fee that was paid is proposed for refund, once; page and message say how far it is, also when
    the second person refuses it.
    """
    application = journeys.under_review(journeys.resident())
    if end == "withdraw":
        services.withdraw(application=application, actor=actor(application.applicant), version=application.version)
    else:
        services.reject(
            application=application,
            actor=actor(journeys.card_clerk()),
            version=application.version,
            reason="不符合条件",
            next_step="请咨询",
        )
    notice = Notice.objects.get(pk=application.notice_id)
    assert notice.state == NoticeState.REFUNDING
    ended = {"withdraw": "withdrawn", "reject": "rejected"}[end]
    assert "退款" in Message.objects.get(template=f"cards_{ended}").body
    sign_in(client, application.applicant)
    url = f"/cards/applications/{application.pk}/"
    page = client.get(url).content.decode()
    assert "退费正在审批" in page
    assert "进行中" not in page  # nothing goes on in a case that has ended
    assert ("行政复议" in page) == (end == "reject")
    refuse_refund(notice, actor=actor(cast.cashier), version=notice.version)
    assert "未办理退款" in client.get(url).content.decode()


def test_withdrawing_before_the_payment_cancels_the_notice(monday):
    """S4-18: nobody pays for a card that is not made; a payment all the same goes to the exceptions desk."""
    application = journeys.submitted(journeys.resident())
    services.withdraw(application=application, actor=actor(application.applicant), version=application.version)
    assert Notice.objects.get(pk=application.notice_id).state == NoticeState.CANCELLED
    assert journeys.fresh(application).state == State.WITHDRAWN


def test_messages_are_told_once_whatever_runs_twice(monday):
    """REL-I2: a batch moved twice and a payment reported twice make one message each."""
    clerk = journeys.card_clerk()
    application = journeys.ready(journeys.resident(), clerk)
    journeys.pay(application)
    CardApplicationWorkflow.arrive.move([application.pk], SYSTEM)
    for template in ("paid", "approved", "ready"):
        assert told(template, application) == 1, template


def test_the_fee_is_frozen_at_submission(monday):
    """E1, S4-22: a later change of the fee does not touch the notice."""
    from portal.regions.models import PolicyRule

    application = journeys.submitted(journeys.resident())
    for rule in PolicyRule.objects.filter(kind="fee", key="card_first"):
        PolicyRule.objects.filter(pk=rule.pk).update(value=rule.value | {"amount_fen": 9900})
    assert Notice.objects.get(pk=application.notice_id).amount_fen == 2000
    journeys.pay(application)
    assert CardApplication.objects.get(pk=application.pk).state == State.UNDER_REVIEW


def test_the_three_banks_are_the_ways_to_pay(monday):
    """S4-19, E3: exactly ICBC, ABC and CCB."""
    application = journeys.submitted(journeys.resident())
    notice = Notice.objects.get(pk=application.notice_id)
    assert notice.kind == "nontax"
    assert sorted(channel.bank_code for channel in notice.channels) == ["ABC", "CCB", "ICBC"]
