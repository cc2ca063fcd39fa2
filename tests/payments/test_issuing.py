"""Issuing notices: frozen, once, in bulk."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from payments.models import Line, Notice
from payments.numbers import parse_number
from payments.services import (
    WrongTotal,
    cancel_notices,
    issue_notice,
    issue_notices,
    live_notice,
    supersede_notice,
)
from payments.states import State
from portal.people.actors import SYSTEM
from portal.regions.calendar import SHANGHAI, end_instant
from portal.regions.text import both
from portal.workflow.errors import NotAvailable
from tests.payments.notices import DUE_ON, NOON, TODAY, draft, issue, pay, snapshot

pytestmark = pytest.mark.django_db


def test_notice_says_who_owes_what_and_by_when():
    """S1-07, S1-08, E1: number, title, amount and pay-by date come from the policy of the case."""
    notice = issue()
    assert parse_number(notice.number).kind == parse_number(notice.pay_code).kind == "premium"
    assert notice.pay_code.startswith("450302")
    assert notice.title == both("示例缴费通知单", "Sample Notice of Payment")
    assert (notice.state, notice.amount_fen, notice.amount_capital) == (State.ISSUED, 40_000, "人民币肆佰元整")
    assert (notice.issued_on, notice.due_on) == (TODAY, DUE_ON)
    assert notice.due_at == end_instant(DUE_ON + timedelta(days=3))
    assert notice.remind_at == datetime(2026, 11, 29, 9, tzinfo=SHANGHAI)
    [entry] = notice.timeline.all()
    assert (entry.transition, entry.target, entry.version) == ("begin", State.ISSUED, 1)


def test_notice_stays_as_issued_when_the_policy_changes():
    """E1, N16: tomorrow's fee, title and channels do not touch today's notice."""
    old = issue()
    newer = snapshot(**{"notice.premium.title": both("新标题", "New title"), "clearing_days": 9})
    new = issue(policy=newer)
    old.refresh_from_db()
    assert (old.name, new.name) == ("示例缴费通知单", "新标题")
    assert new.due_at - old.due_at == timedelta(days=6)


@pytest.mark.parametrize("column", ["amount_fen", "number", "due_on", "lines_data"])
def test_database_refuses_to_change_an_issued_notice(column):
    """E1: what a notice states cannot be changed, not even past the models."""
    notice = issue()
    value = {"amount_fen": 1, "number": "'6'", "due_on": "'2027-01-01'", "lines_data": "'[]'"}[column]
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE payments_notice SET {column} = {value}")
    notice.refresh_from_db()
    assert notice.amount_fen == 40_000


def test_series_of_kinds_are_distinct():
    """E2: premium and non-tax notices are numbered in series of their own."""
    premium, nontax = issue(), issue(kind="nontax")
    assert premium.number[0] != nontax.number[0]
    assert parse_number(nontax.number).kind == "nontax"
    assert nontax.amount_fen == 2_000


def test_second_call_for_the_same_case_returns_the_first_notice():
    """UX-E15: one live notice per purpose and reference."""
    wanted = draft()
    first = issue_notice(actor=SYSTEM, at=NOON, **vars(wanted))
    second = issue_notice(actor=SYSTEM, at=NOON, **vars(wanted))
    assert first.pk == second.pk
    assert Notice.objects.count() == 1
    assert live_notice(purpose=wanted.purpose, reference=wanted.reference) == first


def test_paid_notice_is_not_issued_again():
    """UX-E15: a paid notice still holds its purpose and reference."""
    wanted = draft()
    notice = issue_notice(actor=SYSTEM, at=NOON, **vars(wanted))
    pay(notice)
    assert issue_notice(actor=SYSTEM, at=NOON, **vars(wanted)).pk == notice.pk


def test_amount_must_be_the_sum_of_the_lines():
    """S3-02: standard, assistance and payable are stored apart and add up."""
    lines = [Line(name="甲", standard_fen=40_000, assistance_fen=24_000), Line(name="乙", standard_fen=40_000)]
    notice = issue(amount_fen=56_000, lines=lines)
    assert [line.payable_fen for line in notice.lines] == [16_000, 40_000]
    for wrong in (80_000, 0):
        with pytest.raises(WrongTotal):
            issue(amount_fen=wrong, lines=lines if wrong else [])


def test_case_may_set_its_own_date():
    """B9: an upper app with a date of its own (a newborn's window) gives it."""
    notice = issue(due_on=date(2026, 12, 31))
    assert notice.due_on == date(2026, 12, 31)
    assert notice.remind_at == datetime(2026, 12, 24, 9, tzinfo=SHANGHAI)


def test_hundreds_of_notices_cost_few_queries():
    """S0-08: a sweep bills a whole village; the number of queries does not grow with it."""
    policy = snapshot()
    resident = draft(policy=policy).resident

    def drafts(count):
        return [draft(policy=policy, resident=resident) for _ in range(count)]

    def cost(count):
        wanted = drafts(count)
        with CaptureQueriesContext(connection) as queries:
            made = issue_notices(wanted, actor=SYSTEM, at=NOON)
        assert len({notice.number for notice in made}) == count
        return len(queries)

    # SQLite takes about a thousand values a statement, which splits the inserts.
    assert cost(200) <= cost(3) + 15 <= 40


def test_many_are_returned_in_order_with_those_that_exist():
    """UX-E15: a repeated batch adds nothing and answers with the same notices."""
    wanted = [draft() for _ in range(5)]
    first = issue_notices(wanted[:2], actor=SYSTEM, at=NOON)
    every = issue_notices([*wanted, wanted[0]], actor=SYSTEM, at=NOON)
    assert [notice.reference for notice in every] == [one.reference for one in [*wanted, wanted[0]]]
    assert every[:2] == first
    assert Notice.objects.count() == 5


def test_replaced_notice_leads_to_its_successor():
    """N10: the old notice is cancelled and names the new one."""
    wanted = draft()
    old = issue_notice(actor=SYSTEM, at=NOON, **vars(wanted))
    new = supersede_notice(old, wanted, actor=SYSTEM, at=NOON)
    old.refresh_from_db()
    assert (old.state, old.superseded_by, new.state) == (State.CANCELLED, new, State.ISSUED)
    assert new.number != old.number
    with pytest.raises(NotAvailable):
        supersede_notice(old, wanted, actor=SYSTEM, at=NOON)


def test_paid_notice_cannot_be_replaced():
    """N10: a replacement that comes after the payment changes nothing."""
    wanted = draft()
    notice = issue_notice(actor=SYSTEM, at=NOON, **vars(wanted))
    pay(notice)
    with pytest.raises(NotAvailable):
        supersede_notice(notice, replace(wanted, amount_fen=2, lines=[Line(name="x", standard_fen=2)]), actor=SYSTEM)
    assert Notice.objects.count() == 1


def test_withdrawn_case_cancels_its_unpaid_notice_only():
    """REL-I3: cancelling touches what is unpaid; the paid one is for a refund to decide."""
    unpaid, paid = issue(), issue()
    pay(paid)
    references = [unpaid.reference, paid.reference]
    moved = cancel_notices(purpose=unpaid.purpose, references=references, actor=SYSTEM, reason="withdrawn")
    assert moved == [unpaid.pk]
    assert unpaid.timeline.last().codes["reason"] == "withdrawn"
