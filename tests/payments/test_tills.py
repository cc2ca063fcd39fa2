"""The end of a day: cashiers count, banks bring their files, and every journal can be closed (E8, UX-C15)."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from payments import cashdesk, closing, ledger, orders, retention, statements, tills
from payments.closing import NotBalanced, close_day, sheet
from payments.gateways.base import Outcome, Report
from payments.models import DayClose, Payment, Statement, StatementLine, TillClose, TillLine
from payments.sandbox.faults import Fault
from payments.statement_writers import write_nontax
from payments.statements import receive
from payments.tills import NothingToCount, TillDiffers, count_till, open_tills
from portal.audit.models import AuditEntry
from portal.jobs import services as jobs
from portal.people.actors import SYSTEM, Role
from portal.regions import calendar
from tests.payments.notices import TODAY, issue, pay
from tests.payments.racing import at_once
from tests.payments.test_statements import bring, card_notice, december, row
from tests.people_cast import actor, make_staff, region, sign_in

__all__ = ["december"]
pytestmark = pytest.mark.django_db
HERE = "450302"


def taken(cast, means="cash", who="cashier", notice=None, **fields) -> Payment:
    """Money that a cashier took at the window."""
    by = actor(getattr(cast, who))
    return pay(notice or issue(), channel="committee", provider=f"{cashdesk.PROVIDER}-{means}", actor=by, **fields)


def close(cast, **fields) -> DayClose:
    """Closes the day of the committee's channel in Xiufeng."""
    wanted = {"region": region(HERE), "channel": "committee", "on": TODAY, "actor": actor(cast.cashier)}
    return close_day(**(wanted | fields))


def test_counted_tills_prove_the_day(cast):
    """E8, UX-C15: both cashiers count; the day closes without counting the same cash twice."""
    for means, who in (("cash", "cashier"), ("card", "cashier"), ("cash", "second_cashier")):
        taken(cast, means, who)
    with pytest.raises(NotBalanced) as refusal:
        close(cast)
    text = "; ".join(refusal.value.differences)
    for colleague in (cast.cashier, cast.second_cashier):
        assert colleague.display_name in text
    count_till(actor=actor(cast.cashier), on=TODAY, cash_fen=40_000, card_fen=40_000)
    with pytest.raises(NotBalanced):
        close(cast, counted_fen=120_000)
    count_till(actor=actor(cast.second_cashier), on=TODAY, cash_fen=40_000, card_fen=0)
    assert close(cast).counted_fen == 120_000


def test_till_that_differs_is_not_closed_and_says_by_how_much(cast):
    """E8: cash and slips are compared apart; nothing is written."""
    taken(cast)
    taken(cast, "card")
    with pytest.raises(TillDiffers) as refusal:
        count_till(actor=actor(cast.cashier), on=TODAY, cash_fen=39_900, card_fen=40_100)
    assert len(refusal.value.differences) == 2
    assert "¥1.00" in refusal.value.differences[0]
    assert not TillClose.objects.exists()
    assert AuditEntry.objects.filter(action="till.differs").count() == 1


def test_money_taken_after_the_count_is_counted_again(cast):
    """UX-C15: a later payer of the same day opens the till again, and keeps the day open."""
    taken(cast)
    by = actor(cast.cashier)
    count_till(actor=by, on=TODAY, cash_fen=40_000, card_fen=0)
    with pytest.raises(NothingToCount):
        count_till(actor=by, on=TODAY, cash_fen=0, card_fen=0)
    taken(cast)
    with pytest.raises(NotBalanced):
        close(cast)
    count_till(actor=by, on=TODAY, cash_fen=40_000, card_fen=0)
    assert [count.count for count in tills.counts_of(by, TODAY)] == [1, 1]
    assert close(cast).count == 2


def test_counted_till_and_cash_of_others_need_the_whole_count(cast):
    """E8: money that came to the channel by another way is still to be counted."""
    taken(cast)
    count_till(actor=actor(cast.cashier), on=TODAY, cash_fen=40_000, card_fen=0)
    pay(issue(), channel="committee")
    with pytest.raises(NotBalanced):
        close(cast)
    assert close(cast, counted_fen=80_000).counted_fen == 80_000


def test_cashier_counts_on_the_page(client, cast):
    """UX-C15: the list, the difference in words with what was typed, the count, and the reminder of an older day."""
    taken(cast, notice=issue(at=timezone.now()), paid_on=calendar.today())
    sign_in(client, cast.cashier)
    address = reverse("payments:cashier_day")
    assertContains(client.post(address, {"cash": "", "card": "0"}), "govuk-error-message")
    page = client.post(address, {"cash": "399", "card": "0"})
    assert page.status_code == 409
    assertContains(page, 'value="399"', status_code=409)
    assertContains(page, "¥1.00", status_code=409)
    assertContains(client.get(reverse("payments:days")), cast.cashier.display_name)
    assertContains(client.post(address, {"cash": "400", "card": "0"}, follow=True), "¥400.00")
    assert TillClose.objects.get().cashier_id == cast.cashier.pk
    assertNotContains(client.get(address), 'name="cash"')
    assertContains(client.post(address, {"cash": "400", "card": "0"}, follow=True), "已经全部清点")


@pytest.mark.both_databases
def test_database_counts_a_payment_once(cast):
    """E8: neither twice nor deleted, and cash and slips add up to what was booked."""
    payment = taken(cast)
    made = count_till(actor=actor(cast.cashier), on=TODAY, cash_fen=40_000, card_fen=0)
    for wrong in (
        lambda: TillLine.objects.create(close=made, payment=payment),
        lambda: TillLine.objects.filter(close=made)._raw_delete("default"),
        lambda: TillClose.objects.create(cashier_id=1, on=TODAY, count=1, cash_fen=1, card_fen=1, booked_fen=1),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            wrong()


def count_in_process(actor_) -> str:
    """Counts the till in this process."""
    try:
        count_till(actor=actor_, on=TODAY, cash_fen=40_000, card_fen=0)
    except NothingToCount:
        return "late"
    return "counted"


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_two_tabs_count_a_till_once(cast):
    """UX-E15: the same count sent twice at once is one count."""
    taken(cast)
    both = [partial(count_in_process, actor(cast.cashier))] * 2
    assert sorted(at_once(both)) == ["counted", "late"]
    assert TillLine.objects.count() == 1


def test_money_of_no_known_place_is_closed_apart(bank, client, cast):
    """E8: a callback for a number that nobody knows belongs to no area; whoever keeps a city's books closes it."""
    today = calendar.today()
    report = Report(
        outcome=Outcome.PAID, number="UNKNOWN1", provider_txn="4200000001", amount_fen=100, paid_on=today, note=""
    )
    payment = orders.book("wechat", report)
    here = pay(issue(at=timezone.now()), channel="online", paid_on=today, provider_txn="4200000002")
    assert payment.journals.get().region is None
    assert [row[3] for row in closing.open_days(None)] == [100]
    found = sheet(region=None, channel="online", on=today)
    assert (found.payments, found.unproved, found.paid_fen) == (1, 1, 100)
    city = make_staff("city-cashier", Role.CASHIER, "450300")
    statement = Statement.objects.create(format="wechat", digest="d", name="bill", region=region("450300"))
    StatementLine.objects.create(
        statement=statement, number=1, payment=payment, amount_fen=100, paid_on=today, outcome="waiting"
    )
    address = f"{reverse('payments:day', args=[today.isoformat(), 'online'])}?placeless=1"
    sign_in(client, cast.cashier)
    assert client.get(address).status_code == 404
    assertNotContains(client.get(reverse("payments:days")), "placeless")
    sign_in(client, city)
    assertContains(client.get(reverse("payments:days")), "placeless=1")
    assert client.post(address).status_code == 302
    closed = DayClose.objects.get()
    assert (closed.region, closed.waiting_fen) == (None, 100)
    assert closing.open_days(None) == []
    # Only the money without a place is closed: other money of the day stays on it, more of this kind moves on.
    assert sheet(region=region("450300"), channel="online", on=today).payments == 1
    assert pay(issue(at=timezone.now()), channel="online", paid_on=today).journals.get().posted_on == today
    again = orders.book("wechat", Report(**{**vars(report), "provider_txn": "4200000003", "number": "UNKNOWN2"}))
    assert again.journals.get().posted_on == today + timedelta(days=1)
    assert here.journals.get().posted_on == today
    with pytest.raises(DatabaseError), transaction.atomic():
        DayClose.objects.create(
            channel="online", on=today, count=0, settled_fen=0, waiting_fen=0, counted_fen=0, receipts=0
        )


def test_close_of_the_city_closes_its_counties(cast):
    """E8: what a city has closed is not open in one of its counties."""
    taken(cast)
    count_till(actor=actor(cast.cashier), on=TODAY, cash_fen=40_000, card_fen=0)
    whole = close(cast, region=region("450300"))
    assert closing.open_days(region(HERE)) == []
    assert close(cast) == whole
    assert sheet(region=region(HERE), channel="committee", on=TODAY).closed == whole


def test_new_user_pays_downloads_imports_and_closes(bank, client, cast):
    """E7, E8: pay online, take the bank's file of the day from the page, import it, close the day."""
    made = orders.pay_now(issue(at=timezone.now()), "wechat", actor=SYSTEM)
    bank.pay(made)
    lost = orders.pay_now(issue(at=timezone.now()), "alipay", actor=SYSTEM)
    bank.pay(lost, Fault.LOST)
    today = calendar.today()
    sign_in(client, cast.cashier)
    address = reverse("payments:day", args=[today.isoformat(), "online"])
    page = client.get(address)
    assertContains(page, "/sandbox/statements/wechat/")
    assert client.post(address).status_code == 409
    by = actor(cast.cashier)
    for kind in ("wechat", "alipay"):
        file = client.get(reverse("payments:sandbox_statement", args=[kind]), {"on": today.isoformat()})
        statement, is_new = receive(file.content, name=f"{kind}.csv", region=region(HERE), actor=by)
        assert is_new
        assert jobs.run(statement.job_id) == "done"
    assert client.post(address).status_code == 302
    assert DayClose.objects.get().settled_fen == 80_000


def test_statement_files_are_erased_after_their_time_and_lines_stay():
    """Files older than their region keeps them go, each once and on record; younger and unfinished ones stay."""
    notice = card_notice()
    statement = bring(write_nontax([row(notice, txn="Z-1")], bank_code="ICBC", on=TODAY))
    file = statements.file_of(statement.pk)
    assert Path(file).exists()
    days = retention.DEFAULT_DAYS
    assert retention.erase_old_files(at=timezone.now() + timedelta(days=days - 1)) == 0
    assert retention.erase_old_files(at=timezone.now() + timedelta(days=days + 1)) == 1
    assert retention.erase_old_files(at=timezone.now() + timedelta(days=days + 1)) == 0
    statement.refresh_from_db()
    assert (file.exists(), statement.rows.count(), statement.erased_at is None) == (False, 1, False)
    assert AuditEntry.objects.filter(action="statement.file_erased").count() == 1


def test_open_tills_are_listed_by_name(cast):
    """E8: who has not counted, how much, since when."""
    taken(cast)
    [till] = open_tills(Payment.objects.all())
    assert (till.name, till.count, till.total_fen, till.since) == (cast.cashier.display_name, 1, 40_000, TODAY)
    assert ledger.balance("bank") == 40_000
