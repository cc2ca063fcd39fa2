"""Cash in an agent's hands stays held until a cashier has counted it (G4)."""

from datetime import date

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse

from enrollment.models import Application
from payments import held_cash
from payments.models import Account, Entry, HeldCash, HeldCashEnd, Notice, Payment, PaymentException, Remittance
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.audit.append_only import Immutable
from portal.outbox.models import Message
from tests import regions_kept
from tests.enrollment import journeys
from tests.enrollment.conftest import MONDAY
from tests.people_cast import ResidentFactory, actor, make_staff, sign_in

pytestmark = pytest.mark.django_db
THURSDAY = MONDAY.replace(day=26)
FRIDAY = MONDAY.replace(day=27)


@pytest.fixture
def monday(db):
    """Monday 23 November 2026, ten in the morning, with the regions as they are delivered."""
    regions_kept.load()
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock


def notice_of(cast, **person):
    """A premium notice of a case that the agent entered."""
    case = journeys.approved(ResidentFactory(**person), cast.clerk)
    Application.objects.filter(pk=case.pk).update(helper=cast.agent)
    return case.notice


def taken(cast, **person):
    notice = notice_of(cast, **person)
    return held_cash.take(notice=notice, actor=actor(cast.agent), amount_fen=notice.amount_fen)


def remit(cast, *held, counted=None, by=None):
    total = sum(row.amount_fen for row in held)
    return held_cash.remit(
        agent_id=cast.agent.pk,
        held_ids=[row.pk for row in held],
        counted_fen=total if counted is None else counted,
        actor=actor(by or cast.cashier),
    )


def test_cash_is_a_payment_of_the_day_it_was_taken_once_it_is_counted(cast, monday):
    """G4: held, not paid; the cashier counts three days later, and the notice is paid on the day of the slip."""
    held = taken(cast)
    assert Notice.objects.get(pk=held.notice_id).state == State.ISSUED
    assert not Payment.objects.exists()
    assert (held.taken_on, held.remit_by) == (date(2026, 11, 23), date(2026, 11, 26))
    monday.move_to(THURSDAY)
    remittance = remit(cast, held)
    notice = Notice.objects.get(pk=held.notice_id)
    payment = Payment.objects.get()
    assert (notice.state, notice.paid_on) == (State.PAID, date(2026, 11, 23))
    assert (payment.provider, payment.provider_txn, payment.channel) == ("held-cash", str(held.pk), "village_committee")
    assert (remittance.counted_fen, remittance.listed_fen) == (40_000, 40_000)
    assert HeldCashEnd.objects.get(held=held).payment == payment
    assert sum(Entry.objects.filter(account=Account.CASH_HELD).values_list("amount_fen", flat=True)) == 0


def test_cash_counted_after_the_notice_expired_still_pays_it(cast, monday):
    """G4, REL-I1: the resident handed the money over in time."""
    held = taken(cast)
    notice = held.notice
    monday.move_to(MONDAY.replace(month=12, day=30))
    NoticeWorkflow.expire.sweep()
    remit(cast, held)
    assert Notice.objects.get(pk=notice.pk).state == State.PAID
    assert not PaymentException.objects.exists()


def test_cash_is_taken_once_exactly_and_by_the_agent_of_the_case(cast, monday):
    """G3, G4: no second slip for one notice, no other sum, nobody else's case, no paid notice."""
    held = taken(cast)
    agent = actor(cast.agent)

    def refused(notice, amount=40_000):
        with pytest.raises(held_cash.CashRefused) as caught:
            held_cash.take(notice=notice, actor=agent, amount_fen=amount)
        return caught.value.code

    assert refused(held.notice) == "held"
    other = notice_of(cast)
    assert refused(other, 39_999) == "amount"
    journeys.pay(Application.objects.get(notice=other))
    assert refused(Notice.objects.get(pk=other.pk)) == "not_open"
    foreign = journeys.approved(ResidentFactory(), cast.clerk).notice
    for who, notice in ((agent, foreign), (actor(cast.clerk), other), (actor(cast.cashier), other)):
        with pytest.raises(PermissionDenied):
            held_cash.take(notice=notice, actor=who, amount_fen=40_000)
    assert HeldCash.objects.count() == 1


def test_money_given_back_can_be_taken_again_and_never_remitted(cast, monday):
    """G4: what was given back is no sum any more; a later slip is another turn."""
    held = taken(cast)
    held_cash.give_back(held=held, actor=actor(cast.agent), reason="银行已缴")
    held_cash.give_back(held=held, actor=actor(cast.agent), reason="again")
    with pytest.raises(held_cash.RemittanceRefused):
        remit(cast, held)
    again = held_cash.take(notice=held.notice, actor=actor(cast.agent), amount_fen=40_000)
    assert (again.turn, HeldCashEnd.objects.count()) == (2, 1)


def test_a_count_that_differs_books_nothing_and_names_the_rows(cast, monday):
    """G4: 400 yuan are missing; the row with that sum is named, and no row is booked."""
    first, second = taken(cast, name="甘一"), taken(cast, name="甘二")
    with pytest.raises(held_cash.RemittanceRefused) as caught:
        remit(cast, first, second, counted=40_000)
    assert caught.value.difference_fen == 40_000
    assert set(caught.value.rows) == {first, second}
    assert not (Payment.objects.exists())
    assert not (Remittance.objects.exists())
    assert not (HeldCashEnd.objects.exists())


def test_the_list_is_booked_once(cast, monday):
    """REL-R4, G4: a second click, or a second cashier, finds nothing to book."""
    held = taken(cast)
    remit(cast, held)
    with pytest.raises(held_cash.RemittanceRefused):
        remit(cast, held, by=cast.second_cashier)
    assert Payment.objects.count() == 1


def test_the_database_keeps_the_facts(cast, monday):
    """G4: rows are not changed; a sum ends once, either way; a remittance adds up and has two people."""
    held = taken(cast)
    with pytest.raises(Immutable):
        HeldCash.objects.filter(pk=held.pk).update(amount_fen=1)
    held_cash.give_back(held=held, actor=actor(cast.agent), reason="x")
    broken = [
        lambda: HeldCashEnd.objects.create(held=held, how="returned", actor_user_id=1, reason="x"),
        lambda: Remittance.objects.create(agent=cast.agent, cashier=cast.cashier, counted_fen=1, listed_fen=2),
        lambda: Remittance.objects.create(agent=cast.agent, cashier=cast.agent, counted_fen=1, listed_fen=1),
    ]
    for write in broken:
        with pytest.raises(IntegrityError), transaction.atomic():
            write()


def test_late_cash_is_listed_and_the_agent_is_reminded_once_a_day(cast, monday):
    """G4: after three working days cashier and county see it as late, and the agent gets a message a day."""
    home = ResidentFactory(name="梁秀", phone="19900000077")
    type(cast.agent).objects.filter(pk=cast.agent.pk).update(own_id_index=home.id_index)
    taken(cast)
    monday.move_to(THURSDAY)
    assert held_cash.remind_late() == 0
    monday.move_to(FRIDAY)
    assert held_cash.remind_late() == held_cash.remind_late() == 1
    assert Message.objects.get(template="payments_held_late").resident_id == home.pk
    for who in (cast.cashier, cast.reviewer):
        (row,) = held_cash.sums_of_agents(actor(who))
        assert (row.agent, row.sum_fen, row.late) == (cast.agent, 40_000, True)
    assert held_cash.sums_of_agents(actor(cast.other_reviewer)) == []
    assert held_cash.sums_of_agents(actor(make_staff("far", cast.cashier.grants.get().role, "450305"))) == []


def test_agent_cashier_and_resident_see_the_cash_on_their_pages(client, cast, monday):
    """G4, UX-R23: slip with number, the resident's own page, the cashier's count with the difference in words."""
    notice = notice_of(cast, name="甘一", phone="19900000055")
    sign_in(client, cast.agent)
    url = reverse("payments:cash_take", args=[notice.pk])
    assert "400.00" in client.get(url).content.decode()
    assert client.post(url, {"amount": "300"}).status_code == 200
    slip = client.post(url, {"amount": "¥400.00", "taken": "on"})
    held = HeldCash.objects.get()
    assert slip.url == reverse("payments:cash_held", args=[held.pk])
    assert held.grouped_number in client.get(slip.url).content.decode()
    paper = client.get(reverse("payments:cash_slip", args=[held.pk, "html"])).content.decode()
    assert "肆佰元整" in paper
    assert "不是" in paper
    sign_in(client, notice.resident)
    page = client.get(reverse("payments:notice", args=[notice.pk])).content.decode()
    assert "村（居）委会" in page
    assert "不要重复缴" in page
    sign_in(client, cast.cashier)
    count = reverse("payments:remittance", args=[cast.agent.pk])
    answer = client.post(count, {"rows": [str(held.pk)], "counted": "399"}).content.decode()
    assert "少 ¥1.00" in answer
    assert held.grouped_number in answer
    assert client.post(count, {"rows": [str(held.pk)], "counted": "400"}).status_code == 302
    assert Notice.objects.get(pk=notice.pk).state == State.PAID
