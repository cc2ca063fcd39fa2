"""Closing a day: four sources agree, or the difference is named and the day stays open."""

from datetime import date, timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection
from django.urls import reverse
from pytest_django.asserts import assertContains

from payments import closing, ledger
from payments.closing import NotBalanced, close_day, sheet
from payments.models import DayClose, Entry, Journal, JournalKind, Notice, Receipt
from payments.services import confirm_refund, propose_refund
from payments.statement_writers import write_nontax
from portal.audit.triggers import disabled
from portal.people.actors import Actor, Role
from tests.payments.notices import TODAY, issue, pay, snapshot
from tests.payments.racing import at_once
from tests.payments.test_statements import bring, card_notice, december, row
from tests.people_cast import actor, make_staff, region, sign_in

__all__ = ["december"]

BY = Actor(Role.CASHIER, user_id=5)
HERE = "450302"


def counted_day(count: int = 2) -> list[Notice]:
    """Notices that were paid in cash at the committee today, 400 yuan each."""
    notices = [issue() for _count in range(count)]
    for notice in notices:
        pay(notice, channel="committee")
    return notices


def close(counted_fen: int | None = None, channel: str = "committee", on: date = TODAY) -> DayClose:
    """Closes a day in Xiufeng."""
    return close_day(region=region(HERE), channel=channel, on=on, counted_fen=counted_fen, actor=BY)


def differences(**fields) -> list[str]:
    """What keeps the day open."""
    with pytest.raises(NotBalanced) as refusal:
        close(**fields)
    assert not DayClose.objects.exists()
    return refusal.value.differences


@pytest.mark.django_db
def test_day_that_balances_is_closed_once():
    """E8: notices, cash, ledger and receipts agree; a second close finds the first."""
    counted_day()
    first = close(counted_fen=80_000)
    assert (first.count, first.settled_fen, first.counted_fen, first.receipts) == (2, 80_000, 80_000, 2)
    assert close(counted_fen=1) == first
    assert DayClose.objects.count() == 1


@pytest.mark.django_db
def test_bank_day_needs_every_payment_on_a_statement():
    """E8: a payment that stands on no statement keeps the day open; the statement closes it."""
    notices = [card_notice(), card_notice()]
    for number, notice in enumerate(notices):
        pay(notice, channel="ICBC", provider_txn=f"Z-{number}")
    assert "2" in differences(channel="ICBC")[0]
    bring(write_nontax([row(one, txn=f"Z-{n}") for n, one in enumerate(notices)], bank_code="ICBC", on=TODAY))
    assert close(channel="ICBC").counted_fen == 4_000


@pytest.mark.django_db
def test_wrong_amount_on_the_statement_keeps_the_day_open():
    """E8: booked 20 yuan, the bank says one fen."""
    notice = card_notice()
    pay(notice, channel="ICBC", provider_txn="Z-9")
    bring(write_nontax([row(notice, txn="Z-9", amount_fen=1)], bank_code="ICBC", on=TODAY))
    assert len(differences(channel="ICBC")) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("counted_fen", [None, 39_999, 80_001])
def test_cash_that_was_not_counted_or_differs_keeps_the_day_open(counted_fen):
    """E8: nobody closes by not looking."""
    counted_day()
    assert len(differences(counted_fen=counted_fen)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["receipt", "ledger"])
def test_missing_receipt_or_entry_keeps_the_day_open(fault):
    """E8: a fault in one source is named by its source."""
    notice = counted_day()[0]
    connection.check_constraints()
    with disabled():
        if fault == "receipt":
            Receipt.objects.filter(notice=notice)._raw_delete("default")
        else:
            journal = notice.payments.get().journals.get()
            Entry.objects.filter(journal=journal)._raw_delete("default")
    assert len(differences(counted_fen=80_000)) == 1


@pytest.mark.django_db
def test_money_at_the_exceptions_desk_belongs_to_its_day():
    """E8: settled and waiting add up to what was counted."""
    counted_day(1)
    pay(issue(), channel="committee", amount_fen=100)
    closed = close(counted_fen=40_100)
    assert (closed.settled_fen, closed.waiting_fen) == (40_000, 100)


@pytest.mark.django_db
def test_closed_day_takes_no_more_postings():
    """E8: money that comes later is posted to the next open day; the day it was paid on stays."""
    counted_day(1)
    close(counted_fen=40_000)
    late = issue()
    payment = pay(late, channel="committee")
    late.refresh_from_db()
    assert (late.paid_on, payment.journals.get().posted_on) == (TODAY, TODAY + timedelta(days=1))
    elsewhere = issue(region=region("450305001"))
    other = pay(elsewhere, channel="committee")
    assert other.journals.get().posted_on == TODAY
    assert pay(issue(), channel="coop").journals.get().posted_on == TODAY
    assert close(counted_fen=0).count == 1
    assert sheet(region=region(HERE), channel="committee", on=TODAY + timedelta(days=1)).payments == 1


@pytest.mark.django_db
def test_refund_after_the_close_leaves_the_day_as_it_was(cast):
    """E8, E10: the reversal is posted to its own day."""
    notice = counted_day(1)[0]
    close(counted_fen=40_000)
    notice.refresh_from_db()
    propose_refund(notice, reason="paid_twice", actor=actor(cast.cashier))
    confirm_refund(notice, actor=actor(cast.second_cashier))
    assert Journal.objects.get(kind=JournalKind.REFUND).posted_on == date(2026, 12, 10)
    found = sheet(region=region(HERE), channel="committee", on=TODAY, counted_fen=40_000)
    assert found.differences == []
    assert ledger.balance("refunds") == -40_000


@pytest.mark.django_db
def test_cashier_closes_on_the_page_and_others_look(client, cast):
    """E8, RELIABILITY §3: the list of open days, the refusal with its words, the close; an auditor cannot."""
    counted_day()
    sign_in(client, cast.cashier)
    address = reverse("payments:day", args=[TODAY.isoformat(), "committee"])
    assertContains(client.get(reverse("payments:days")), address)
    assertContains(client.post(address, {"counted": ""}), "govuk-error-message")
    assertContains(client.post(address, {"counted": "799.99"}), "799.99", status_code=409)
    assert client.post(address, {"counted": "800"}).status_code == 302
    assert DayClose.objects.get().actor_user_id == cast.cashier.pk
    sign_in(client, cast.auditor)
    assert client.get(address).status_code == 200
    assert client.post(address, {"counted": "800"}).status_code == 403
    assert client.get(reverse("payments:day", args=["2026-13-45", "committee"])).status_code == 404
    sign_in(client, make_staff("away", Role.CASHIER, "450305"))
    assert address not in client.get(reverse("payments:days")).content.decode()


def pay_in_process(pk) -> str:
    """Books money for the day that is being closed, in this process."""
    with time_machine.travel(date(2026, 12, 10), tick=True):
        return str(pay(Notice.objects.get(pk=pk), channel="committee", provider_txn=f"p-{pk}").journals.get().posted_on)


def close_in_process() -> str:
    """Closes with the cash of the two payments that were there before."""
    try:
        return f"closed {close(counted_fen=80_000).count}"
    except NotBalanced:
        return "open"


@pytest.mark.both_databases
@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_closing_and_paying_at_once_end_in_one_of_the_two_orders():
    """E8: money is in the closed day and counted, or in the next day; never in a closed day uncounted."""
    policy = snapshot()
    for notice in [issue(policy=policy) for _count in range(2)]:
        pay(notice, channel="committee")
    late = issue(policy=policy)
    region(HERE)
    result, posted_on = at_once([close_in_process, partial(pay_in_process, late.pk)])
    found = sheet(region=region(HERE), channel="committee", on=TODAY, counted_fen=80_000)
    if result == "closed 2":
        assert (posted_on, found.payments) == (str(TODAY + timedelta(days=1)), 2)
    else:
        assert (result, posted_on, found.payments) == ("open", str(TODAY), 3)
    assert closing.payments_of_day(region=region(HERE), channel="committee", on=TODAY).count() == found.payments
