"""One notice for many: paying it pays everybody once, and whoever leaves it changes it at once."""

import io
from datetime import UTC, date, datetime
from functools import partial

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from payments import collective, kinds
from payments.membership import payment_of
from payments.models import Line, Notice, Payment, PaymentException, Reason
from payments.services import (
    cancel_notices,
    confirm_refund,
    issue_collective,
    propose_refund,
    supersede_notice,
)
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.design.text import format_yuan
from portal.outbox.models import Message
from portal.people.actors import SYSTEM
from portal.workflow.errors import Unmet
from tests.payments.notices import DUE_ON, NOON, TODAY, draft, issue, pay, snapshot
from tests.payments.racing import at_once
from tests.payments.test_papers import squeezed, words_of
from tests.people_cast import ResidentFactory, actor, region, sign_in

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def at_noon():
    """Monday noon; the members are due on Monday of the week after."""
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def payer(db):
    return ResidentFactory()


def family(payer, amounts=(40_000, 40_000, 20_000), **fields) -> list[Notice]:
    """Unpaid notices of one payer, as the enrolment issues them one by one."""
    return [issue(resident=payer, amount_fen=amount, **fields) for amount in amounts]


def together(members, payer, **fields) -> Notice:
    defaults = {
        "purpose": "test.household",
        "reference": "pack-1",
        "members": members,
        "payer": payer,
        "region": region("450302001"),
        "office": None,
        "policy": snapshot(),
        "actor": SYSTEM,
        "at": NOON,
    }
    return issue_collective(**(defaults | fields))


def states(members) -> list[str]:
    return [Notice.objects.get(pk=member.pk).state for member in members]


def test_collective_has_the_sum_and_a_line_for_each_member(payer):
    """N13: one number, one sum, one line per person; due on the earliest day of the members."""
    members = family(payer)
    early = issue(resident=payer, due_on=date(2026, 11, 26))
    whole = together([*members, early], payer)
    assert (whole.kind, whole.state, whole.amount_fen) == ("premium", State.ISSUED, 140_000)
    assert whole.due_on == date(2026, 11, 26)
    assert [line.reference for line in whole.lines] == [row.reference for row in [*members, early]]
    assert sum(line.payable_fen for line in whole.lines) == whole.amount_fen
    assert len({whole.number, *(row.number for row in members)}) == 4
    assert set(whole.members.all()) == {*members, early}
    assert Message.objects.filter(key=f"payments.issued:{whole.pk}").count() == 1


def test_asking_again_returns_the_same_notice_and_new_members_replace_it(payer):
    """N10, N13: idempotent for the same members; another set of members supersedes, the chain holds."""
    members = family(payer)
    first = together(members, payer)
    assert together(list(reversed(members)), payer).pk == first.pk
    later = issue(resident=payer)
    second = together([*members, later], payer)
    first.refresh_from_db()
    assert (first.state, first.superseded_by_id, second.amount_fen) == (State.CANCELLED, second.pk, 140_000)
    assert {row.collective_id for row in Notice.objects.filter(pk__in=[m.pk for m in [*members, later]])} == {second.pk}
    assert second.reference == "pack-1"


def test_paying_the_collective_pays_every_member_on_the_same_day(payer):
    """N13: one payment, every member settled in the same transaction, one message to the payer, no fen twice."""
    members = family(payer)
    whole = together(members, payer)
    payment = pay(whole)
    assert payment.settled
    rows = Notice.objects.filter(pk__in=[m.pk for m in members])
    assert {(row.state, row.paid_on, row.paid_at) for row in rows} == {(State.PAID, TODAY, payment.booked_at)}
    assert Payment.objects.count() == 1
    assert {payment_of(row) for row in rows} == {payment}
    assert Message.objects.filter(template="payments_paid").count() == 1
    assert all(row.timeline.filter(transition="settle").count() == 1 for row in rows)


def test_queries_of_a_payment_do_not_grow_with_the_members(payer):
    """UX-C9: a whole village is settled by as many statements as a family."""

    def queries(size: int) -> int:
        whole = together([issue(resident=payer) for _person in range(size)], payer, reference=f"of-{size}")
        with CaptureQueriesContext(connection) as captured:
            pay(whole)
        assert whole.members.filter(state=State.PAID).count() == size
        return len(captured)

    queries(2)  # fills the caches
    assert queries(12) == queries(3)


def test_late_money_paid_in_time_settles_members_that_expired(payer):
    """E11: the collective and its members expired each on its own; money of an earlier day still counts for all."""
    members = family(payer)
    whole = together(members, payer)
    with time_machine.travel(datetime(2026, 12, 6, tzinfo=UTC), tick=False):
        while NoticeWorkflow.expire.sweep():
            pass
        assert states([whole, *members]) == [State.EXPIRED] * 4
        assert pay(whole, paid_on=DUE_ON).settled
    assert states([whole, *members]) == [State.PAID] * 4


def test_expiry_of_the_collective_leaves_members_alone(payer):
    """The collective is due with its earliest member; the others keep their own day."""
    early = issue(resident=payer, due_on=date(2026, 11, 24))
    late = issue(resident=payer, due_on=date(2026, 12, 11))
    whole = together([early, late], payer)
    with time_machine.travel(datetime(2026, 11, 29, tzinfo=UTC), tick=False):
        while NoticeWorkflow.expire.sweep():
            pass
    assert states([whole, early, late]) == [State.EXPIRED, State.EXPIRED, State.ISSUED]


def test_member_paid_on_its_own_leaves_a_new_collective_for_the_rest(payer):
    """N10: the old number asks for too much now, so money on it is an exception; the new one settles the rest."""
    members = family(payer)
    whole = together(members, payer)
    pay(members[0])
    whole.refresh_from_db()
    rest = whole.superseded_by
    assert (whole.state, rest.amount_fen, rest.members.count()) == (State.CANCELLED, 60_000, 2)
    wrong = pay(whole)
    assert wrong.exception.reason == Reason.SUPERSEDED
    assert states(members) == [State.PAID, State.ISSUED, State.ISSUED]
    assert pay(rest).settled
    assert states(members) == [State.PAID] * 3
    assert sum(payment.amount_fen for payment in Payment.objects.filter(outcome="settled")) == 100_000
    assert Message.objects.filter(key=f"payments.paid:{members[0].pk}").count() == 1


def test_member_cancelled_or_replaced_leaves_the_rest_and_the_last_cancels_the_collective(payer):
    """N10: withdrawn and replaced members leave; a collective of nobody is cancelled and its money an exception."""
    members = family(payer)
    whole = together(members, payer)
    cancel_notices(purpose="test.premium", references=[members[0].reference], actor=SYSTEM, reason="withdrawn", at=NOON)
    second = collective.open_collective(purpose="test.household", reference="pack-1")
    assert (second.amount_fen, second.members.count()) == (60_000, 2)
    again = draft(resident=payer, reference=members[1].reference, amount_fen=30_000)
    replaced = supersede_notice(members[1], again, actor=SYSTEM, at=NOON)
    third = collective.open_collective(purpose="test.household", reference="pack-1")
    assert (third.amount_fen, list(third.members.all())) == (20_000, [members[2]])
    assert Notice.objects.get(pk=replaced.pk).collective is None
    cancel_notices(purpose="test.premium", references=[members[2].reference], actor=SYSTEM, reason="withdrawn", at=NOON)
    assert states([whole, second, third]) == [State.CANCELLED] * 3
    assert pay(third, amount_fen=20_000).exception.reason == Reason.CANCELLED
    assert together([*members, replaced], payer).amount_fen == 30_000


def test_members_that_can_no_longer_be_paid_are_left_out(payer):
    """A collective never asks for what nobody owes; of nothing, none is made."""
    members = family(payer)
    pay(members[0])
    over = issue(resident=payer, due_on=TODAY)
    with time_machine.travel(datetime(2026, 11, 24, 4, tzinfo=UTC), tick=False) as clock:
        whole = together([*members, over], payer, at=datetime(2026, 11, 24, 4, tzinfo=UTC))
        assert set(whole.members.all()) == set(members[1:])
        clock.move_to(datetime(2026, 12, 2, 4, tzinfo=UTC))
        with pytest.raises(collective.NothingToCollect):
            together([members[0], over], payer, at=datetime(2026, 12, 2, 4, tzinfo=UTC))


def test_wrong_sum_on_the_collective_settles_nobody(payer):
    """B2 of RELIABILITY §2.5: a fen too little waits as an exception, for the whole."""
    members = family(payer)
    whole = together(members, payer)
    assert pay(whole, amount_fen=whole.amount_fen - 1).exception.reason == Reason.WRONG_AMOUNT
    assert pay(whole, paid_on=date(2026, 12, 1)).exception.reason == Reason.LATE
    assert states([whole, *members]) == [State.ISSUED] * 4


def test_refund_is_the_members_own(payer, cast):
    """E10, N19: the collective itself cannot be paid back; a member is, by two persons, and the others stay paid."""
    members = family(payer)
    whole = together(members, payer)
    pay(whole)
    whole.refresh_from_db()
    with pytest.raises(Unmet):
        propose_refund(whole, reason="withdrawn", actor=SYSTEM)
    member = Notice.objects.get(pk=members[1].pk)
    propose_refund(member, reason="rejected", actor=SYSTEM)
    confirm_refund(member, actor=actor(cast.cashier))
    assert states([whole, *members]) == [State.PAID, State.PAID, State.REFUNDED, State.PAID]


def test_members_added_after_the_payment_get_a_further_collective(payer):
    """N13: paid so far and the rest later: two collective notices of one household, none of them twice."""
    members = family(payer)
    first = together(members[:2], payer)
    pay(first)
    second = together(members[2:], payer)
    assert (second.amount_fen, second.reference) == (20_000, "pack-1:2")
    assert together(members, payer).pk == second.pk
    pay(second)
    assert states(members) == [State.PAID] * 3
    found = collective.collectives(purpose="test.household", reference="pack-1")
    assert {row.pk for row in found} == {first.pk, second.pk}


def test_member_moves_between_two_collectives(payer):
    """A person on a village list and in a family is asked for once: the earlier collective goes on without them."""
    members = family(payer)
    village = together(members, payer, purpose="test.roster", reference="list-1")
    household = together(members[:2], payer)
    village.refresh_from_db()
    assert (village.state, village.superseded_by.amount_fen) == (State.CANCELLED, 20_000)
    assert (household.amount_fen, household.members.count()) == (80_000, 2)


def test_reaction_that_failed_never_lets_a_stale_collective_take_money(payer):
    """REL-R4: while the replacement is still to be retried, money for too many people waits as an exception."""
    members = family(payer)
    whole = together(members, payer)
    Notice.objects.filter(pk=members[0].pk).update(state=State.PAID, paid_on=TODAY, due_at=None)
    assert pay(whole).exception.reason == Reason.SUPERSEDED
    assert states(members) == [State.PAID, State.ISSUED, State.ISSUED]


@pytest.mark.parametrize("form", ["pdf", "html", "docx"])
def test_paper_of_forty_people_names_everybody_and_adds_up(payer, form):
    """N5, N13: a table over pages; every number, every amount and the total are on the paper, in each form."""
    members = [
        issue(resident=payer, lines=[Line(name=f"{payer.name}{place}", masked_number="4***X", standard_fen=40_000)])
        for place in "甲乙丙丁戊己庚辛壬癸" * 4
    ]
    whole = together(members, payer)
    paper = kinds.paper_of(whole, "zh-hans")
    table = paper.tables[0]
    assert (len(table.rows), table.foot[-1]) == (40, format_yuan(1_600_000))
    words = words_of(form, paper)
    assert words.count("4***X") >= 40
    assert words.count(f"{payer.name}癸") == 4
    assert squeezed(whole.amount_capital) in words


def test_pages_name_the_whole_from_the_member_and_the_members_from_the_whole(client, payer):
    """UX-R23: nobody is asked for the same money twice; each page leads to the other."""
    members = family(payer)
    whole = together(members, payer)
    sign_in(client, payer)
    listed = client.get("/notices/").content.decode()
    assert whole.grouped_number in listed
    assert members[0].grouped_number not in listed
    page = client.get(whole.get_absolute_url()).content.decode()
    assert all(row.grouped_number in page for row in members)
    assert whole.get_absolute_url() in client.get(members[0].get_absolute_url()).content.decode()
    printed = client.get(f"{whole.get_absolute_url()}pdf/")
    text = squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(printed.content)).pages))
    assert squeezed(whole.amount_capital) in text


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
@pytest.mark.timeout(300)
def test_member_and_collective_paid_at_once_lose_and_double_nothing():
    """REL-R4, N10: whoever is first, each fen settles once or waits as an exception."""
    for turn in range(4):
        payer = ResidentFactory()
        members = family(payer)
        whole = together(members, payer, reference=f"race-{turn}")

        def book(notice_pk, txn, cut=0) -> str:
            with time_machine.travel(NOON, tick=False):
                return str(pay(Notice.objects.get(pk=notice_pk), provider_txn=txn).pk)

        jobs = [
            partial(book, whole.pk, f"whole-{turn}"),
            partial(book, members[0].pk, f"one-{turn}"),
            partial(book, members[1].pk, f"two-{turn}"),
        ]
        results = at_once(jobs)
        assert all(isinstance(result, str) for result in results), results
        payments = Payment.objects.filter(provider_txn__endswith=f"-{turn}")
        settled = sum(payment.amount_fen for payment in payments if payment.settled)
        paid = Notice.objects.filter(pk__in=[m.pk for m in members], state=State.PAID)
        assert settled == sum(row.amount_fen for row in paid)
        waiting = PaymentException.objects.filter(payment__in=payments).count()
        assert waiting == sum(1 for payment in payments if not payment.settled) > 0
        left = collective.open_collective(purpose="test.household", reference=f"race-{turn}")
        unpaid = Notice.objects.filter(pk__in=[m.pk for m in members], state=State.ISSUED)
        assert (left.amount_fen if left else 0) == sum(row.amount_fen for row in unpaid)
