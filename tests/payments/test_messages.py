"""What payers are told, and how often."""

from datetime import datetime, timedelta

import pytest
import time_machine

from payments.workflow import NoticeWorkflow
from portal.outbox.models import Message
from portal.people.models import Resident
from portal.regions.calendar import SHANGHAI
from tests.payments.notices import DUE_ON, draft, issue, pay, snapshot

pytestmark = pytest.mark.django_db


def messages(notice) -> list[str]:
    """The templates of the messages about a notice, in the order they were stored."""
    found = Message.objects.filter(key__endswith=str(notice.pk)).order_by("pk")
    return [message.template.removeprefix("payments_") for message in found]


def sweep_daily(first: datetime, days: int) -> None:
    """Runs the reminders once an hour, as a worker that is always there."""
    for hours in range(days * 24):
        with time_machine.travel(first + timedelta(hours=hours), tick=False):
            NoticeWorkflow.remind.sweep()


def test_payer_is_told_of_the_notice_and_of_the_payment():
    """S1-07, E4: one message each, with number, amount and date."""
    notice = issue()
    pay(notice)
    assert messages(notice) == ["issued", "paid"]
    issued, paid = Message.objects.filter(resident=notice.resident).order_by("pk")
    assert all(part in issued.body for part in (notice.grouped_number, "¥400.00", "2026年11月30日"))
    assert notice.grouped_number in paid.body


def test_unpaid_notice_is_reminded_on_each_set_day_once():
    """E12: seven days and one day before the pay-by date, once each."""
    notice = issue(policy=snapshot(), due_on=DUE_ON + timedelta(days=3))
    sweep_daily(datetime(2026, 11, 23, 13, tzinfo=SHANGHAI), 12)
    assert messages(notice) == ["issued", "reminder", "reminder"]
    sent_on = [entry.at.astimezone(SHANGHAI).date() for entry in notice.timeline.filter(transition="remind")]
    assert [(notice.due_on - day).days for day in sent_on] == [7, 1]
    notice.refresh_from_db()
    assert notice.remind_at is None
    assert notice.due_at is not None


def test_paid_notice_is_not_reminded():
    """E12: none after payment."""
    notice = issue(due_on=DUE_ON + timedelta(days=3))
    pay(notice)
    sweep_daily(datetime(2026, 11, 23, 13, tzinfo=SHANGHAI), 12)
    assert messages(notice) == ["issued", "paid"]


def test_late_worker_reminds_once_for_the_days_it_missed():
    """E12, REL-K9: an outage over both reminder days gives one reminder, not two."""
    notice = issue(due_on=DUE_ON + timedelta(days=3))
    sweep_daily(datetime(2026, 12, 2, 20, tzinfo=SHANGHAI), 2)
    assert messages(notice) == ["issued", "reminder"]


def test_late_payer_is_reminded_once_while_money_may_be_on_its_way():
    """E12: the day after the pay-by date the payer is told not to pay late; nobody is after the clearing days, and
    nobody who has paid.
    """
    policy = snapshot(**{"notice.remind_days": [1], "notice.late_remind_days": [1, 9]})
    late, paid = issue(policy=policy), issue(policy=policy)
    pay(paid)
    sweep_daily(datetime(2026, 11, 28, 13, tzinfo=SHANGHAI), 12)
    assert messages(late) == ["issued", "reminder", "late"]
    assert "2026年11月30日" in Message.objects.get(template="payments_late").body
    assert messages(paid) == ["issued", "paid"]


def test_days_of_reminders_are_policy():
    """E12: another region reminds on other days."""
    policy = snapshot(**{"notice.remind_days": [3]})
    notice = issue(policy=policy)
    assert notice.remind_at == datetime(2026, 11, 27, 9, tzinfo=SHANGHAI)


def test_guardian_reads_for_a_child_without_telephone(cast):
    """S1-15: the message about a child's premium goes to the guardian."""
    assert cast.guardian
    notice = issue(resident=cast.child)
    [message] = Message.objects.filter(key__endswith=str(notice.pk))
    assert message.resident == cast.zhang


def test_payer_reads_in_their_language():
    """UX-E14: the message is in the language of the person, money and dates as that language writes them."""
    wanted = draft()
    Resident.objects.filter(pk=wanted.resident.pk).update(language="en")
    notice = issue(**vars(wanted))
    [message] = Message.objects.filter(resident=notice.resident)
    assert "30 November 2026" in message.body
    assert "Sample Notice of Payment" in message.body


def test_upper_app_may_write_itself():
    """UX-R16: one fact, one message; an app that tells the payer itself says so."""
    notice = issue(tell=False)
    assert messages(notice) == []
