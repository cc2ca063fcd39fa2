"""The ledger: every fen is in balanced journals, and neither mistake nor malice can unbalance them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from payments import ledger, membership, refunds
from payments.ledger import JournalDraft, Line, Unbalanced
from payments.models import Account, Entry, Journal, JournalKind, Notice, Payment, PaymentException, Reason, Statement
from payments.services import (
    cancel_notices,
    confirm_refund,
    open_exception,
    propose_refund,
    refuse_refund,
    supersede_notice,
)
from payments.statement_formats import StatementRow
from payments.statements import import_chunk
from payments.states import State
from portal.audit.append_only import Immutable
from portal.people.actors import SYSTEM, Actor, Role
from portal.workflow.errors import ConflictOfInterest, Refused
from tests.payments.notices import DUE_ON, NOON, TODAY, draft, issue, pay, snapshot
from tests.people_cast import actor, region

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FIRST = Actor(Role.CASHIER, user_id=901)
SECOND = Actor(Role.CASHIER, user_id=902)


def sums() -> dict[int, int]:
    """What the entries of each journal add up to, for those that do not add up to zero."""
    found: dict[int, int] = {}
    for journal, fen in Entry.objects.values_list("journal", "amount_fen"):
        found[journal] = found.get(journal, 0) + fen
    return {journal: total for journal, total in found.items() if total}


def money_in() -> int:
    """All money that came, in fen: assigned money is no new money."""
    return sum(Payment.objects.filter(source=None).values_list("amount_fen", flat=True))


def check_books() -> None:
    """Balanced, complete, and right for every notice (N8)."""
    assert sums() == {}
    assert Journal.objects.filter(posted=False).count() == 0
    held = {account: ledger.balance(account) for account in Account.values}
    assert sum(held.values()) == 0
    left = Entry.objects.filter(journal__kind__in=[JournalKind.PAID_OUT, JournalKind.REVERSED], account=Account.BANK)
    paid_out = -sum(left.values_list("amount_fen", flat=True))
    assert held[Account.BANK] + held[Account.CASH_HELD] == money_in() - paid_out
    for notice in Notice.objects.all():
        if notice.members.exists():
            assert not ledger.notice_balance(notice).get(Account.COLLECTED, 0)
            continue  # its money is its members'
        collected = -ledger.notice_balance(notice).get(Account.COLLECTED, 0)
        settled = membership.payment_of(notice)
        handed = PaymentException.objects.filter(payment=settled, resolved_at=None).exists() if settled else False
        counts = notice.state in (State.PAID, State.REFUNDING) and not handed
        assert collected == (notice.amount_fen if counts else 0), (notice.state, ledger.notice_balance(notice))
    gone = Journal.objects.filter(kind=JournalKind.REVERSED).values("payment")
    # Of money that the bank has taken back in part, the rest waits.
    waiting = PaymentException.objects.filter(resolved_at=None).select_related("payment__source")
    whole = waiting.exclude(payment__in=gone).exclude(payment__source__in=gone)
    apart = set(whole.values_list("pk", flat=True))
    rests = sum(ledger.lies_fen(one.payment) for one in waiting if one.pk not in apart)
    assert -held[Account.SUSPENSE] == sum(whole.values_list("payment__amount_fen", flat=True)) + rests


def test_settled_payment_goes_from_the_bank_to_the_payee():
    """N8: money by channel against money collected by kind, in the transaction of the booking."""
    notice = issue()
    payment = pay(notice)
    journal = payment.journals.get()
    entries = set(journal.entries.values_list("account", "sub", "notice", "amount_fen"))
    assert entries == {("bank", "coop", None, 40_000), ("collected", "premium", notice.pk, -40_000)}
    assert (journal.kind, journal.posted_on, journal.region) == (JournalKind.PAYMENT, TODAY, notice.region)
    check_books()


def test_money_nobody_can_place_lies_in_suspense():
    """N8, E6: what waits for a decision is in the books from the first moment."""
    notice = issue()
    pay(notice, amount_fen=39_999)
    pay(notice, notice_number="1234")
    assert (ledger.balance(Account.SUSPENSE), ledger.balance(Account.COLLECTED)) == (-79_999, 0)
    assert ledger.balance(Account.SUSPENSE, Reason.UNKNOWN_NOTICE) == -40_000
    check_books()


def test_refund_reverses_and_edits_nothing(cast):
    """E10: the journal of the payment stands; the refund is a journal of its own, and so is the payout."""
    notice = issue()
    pay(notice)
    before = list(Entry.objects.values_list("pk", "amount_fen"))
    notice.refresh_from_db()
    propose_refund(notice, reason="paid_twice", actor=actor(cast.cashier))
    check_books()
    confirm_refund(notice, actor=actor(cast.second_cashier))
    assert list(Entry.objects.filter(pk__in=[pk for pk, _fen in before]).values_list("pk", "amount_fen")) == before
    assert (ledger.balance(Account.REFUNDS), refunds.owed_fen(notice)) == (-40_000, 40_000)
    check_books()
    refunds.record_payout(notice, actor=actor(cast.cashier), at=timezone.now())
    assert ledger.balance(Account.BANK) == ledger.balance(Account.REFUNDS) == 0
    with pytest.raises(refunds.NothingOwed):
        refunds.record_payout(notice, actor=actor(cast.cashier), at=timezone.now())
    check_books()


def test_refused_refund_leaves_the_payment_standing(cast):
    """E10: a second person may say no; the proposer cannot, and a new proposal may follow."""
    notice = issue()
    pay(notice)
    notice.refresh_from_db()
    propose_refund(notice, reason="paid_twice", actor=actor(cast.cashier))
    with pytest.raises(ConflictOfInterest):
        refuse_refund(notice, actor=actor(cast.cashier))
    refuse_refund(notice, actor=actor(cast.second_cashier))
    assert (notice.state, notice.refund_proposed_by, notice.paid_on) == (State.PAID, None, TODAY)
    propose_refund(notice, reason="paid_twice", actor=actor(cast.second_cashier))
    confirm_refund(notice, actor=actor(cast.cashier))
    check_books()


def test_handed_over_money_moves_to_suspense_once():
    """ARCHITECTURE §1: money for an application that no longer waits lies in suspense, in the same transaction."""
    notice = issue()
    pay(notice)
    open_exception(notice)
    open_exception(notice)
    assert ledger.balance(Account.SUSPENSE, Reason.NOT_WAITING) == -40_000
    check_books()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_entry SET amount_fen = 1",
        "DELETE FROM payments_entry",
        "UPDATE payments_journal SET posted_on = '2020-01-01'",
        "DELETE FROM payments_journal",
        "UPDATE payments_receipt SET serial = 99",
        "DELETE FROM payments_receipt",
    ],
)
def test_database_refuses_to_change_the_books(statement):
    """N8, N9: SQL over the models' heads fails."""
    pay(issue())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(Immutable):
        Entry.objects.update(amount_fen=1)


def test_unbalanced_journal_is_refused_by_the_code():
    """N8: nothing unbalanced is even tried."""
    lines = [Line(Account.BANK, "coop", 100), Line(Account.COLLECTED, "premium", -99)]
    wrong = JournalDraft(key="x", kind=JournalKind.PAYMENT, lines=lines, channel="coop", on=TODAY)
    with pytest.raises(Unbalanced):
        ledger.post([wrong], at=NOON)
    assert not Journal.objects.exists()


def journal_by_hand(*amounts: int) -> None:
    """Writes a journal past the code, as a mistaken migration or a stolen account would."""
    deferred = connection.vendor == "postgresql"
    journal = Journal.objects.create(
        key="by hand", kind=JournalKind.PAYMENT, posted_on=TODAY, channel="coop", posted=deferred, actor_role="system"
    )
    for fen in amounts:
        Entry.objects.create(journal=journal, account=Account.BANK, sub="coop", amount_fen=fen)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE" if deferred else "UPDATE payments_journal SET posted = 1")


@pytest.mark.parametrize("amounts", [(), (100,), (100, -99), (100, -100, 5)])
def test_database_refuses_an_unbalanced_journal(amounts):
    """N8: PostgreSQL when the transaction ends, SQLite when the journal is to be posted."""
    with pytest.raises(DatabaseError, match="balance"), transaction.atomic():
        journal_by_hand(*amounts)
    journal_by_hand(100, -100)


def test_posted_journal_takes_no_further_entry():
    """N8: what balanced yesterday cannot be unbalanced today."""
    journal = pay(issue()).journals.get()
    with pytest.raises(DatabaseError, match=r"balance|posted"), transaction.atomic():
        add_entry(journal)


def add_entry(journal: Journal) -> None:
    """Adds a line to a journal that balanced, and has PostgreSQL weigh it now."""
    Entry.objects.create(journal=journal, account=Account.BANK, sub="coop", amount_fen=1)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


NAMES = "pay pay_again short late unknown bank replace cancel hand_over propose confirm refuse payout"
MOVES = st.sampled_from([*NAMES.split(), *["statement", "taken_back"] * 2])


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(st.tuples(MOVES, st.integers(0, 1)), min_size=3, max_size=12))
def test_any_interleaving_keeps_the_books_balanced(db, history):
    """N8: whatever happens in whatever order, every journal balances and every fen is where it belongs."""
    with transaction.atomic():
        policy = snapshot()
        cases = [draft(policy=policy), draft(policy=policy)]
        notices = [issue(**vars(case)) for case in cases]
        for move, which in history:
            play(move, notices, which, cases[which])
            check_books()
        transaction.set_rollback(True)


def play(move: str, notices: list[Notice], which: int, wanted) -> None:
    """Makes one move; those that the state does not allow are refused and change nothing."""
    notice = notices[which]
    notice.refresh_from_db()
    at = timezone.now()
    actions = {
        "pay": lambda: pay(notice),
        "pay_again": lambda: pay(notice, channel="online"),
        "short": lambda: pay(notice, amount_fen=1),
        "late": lambda: pay(notice, paid_on=DUE_ON + timedelta(days=1)),
        "unknown": lambda: pay(notice, notice_number="000"),
        "bank": lambda: pay(notice, channel="ICBC"),
        "replace": lambda: notices.__setitem__(which, supersede_notice(notice, wanted, actor=SYSTEM, at=NOON)),
        "cancel": lambda: cancel_notices(
            purpose=notice.purpose, references=[notice.reference], actor=SYSTEM, reason="withdrawn"
        ),
        "hand_over": lambda: open_exception(notice),
        "propose": lambda: propose_refund(notice, reason="paid_twice", actor=FIRST),
        "confirm": lambda: confirm_refund(notice, actor=SECOND),
        "refuse": lambda: refuse_refund(notice, actor=SECOND),
        "statement": lambda: by_statement(notice, which, takes_back=False),
        "taken_back": lambda: by_statement(notice, which, takes_back=True),
        "payout": lambda: refunds.record_payout(notice, actor=FIRST, at=at),
    }
    try:
        with transaction.atomic():
            actions[move]()
    except (Refused, ConflictOfInterest, refunds.NothingOwed):
        pass


def by_statement(notice: Notice, which: int, *, takes_back: bool, amount_fen: int = 40_000) -> None:
    """Imports a statement of one line: the same transaction each time, so that it is booked, matched or reversed."""
    statement = Statement.objects.create(format="nontax", digest=uuid4().hex, name="s", region=region("450302"))
    line = StatementRow(
        number=2,
        provider="RCC",
        txn=f"S-{which}",
        bank_code="RCC",
        given_number=notice.pay_code,
        order_number="",
        amount_fen=amount_fen,
        paid_on=TODAY,
        payer="",
        takes_back=takes_back,
    )
    import_chunk(statement, [line])
