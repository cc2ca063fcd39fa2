"""Whatever happens to money in whatever order: the books balance, and of every fen it can be said where it is."""

from collections import defaultdict
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from payments import closing, exceptions, held_cash, ledger, payouts
from payments.collective import NothingToCollect, issue_collective
from payments.gateways.base import BackOutcome, BackReport
from payments.models import (
    Account,
    DayClose,
    Entry,
    HeldCash,
    Journal,
    JournalKind,
    Notice,
    Payment,
    PaymentException,
    Payout,
    PayoutState,
    Statement,
)
from payments.models import notices as models
from payments.statement_formats import StatementRow
from payments.statements import import_chunk
from payments.states import State
from portal.people.actors import SYSTEM
from tests.harness.soak import many
from tests.payments.notices import NOON, TODAY, draft, issue, pay, snapshot
from tests.payments.test_ledger import FIRST, SECOND, by_statement, check_books, play
from tests.people_cast import actor, region

MOVES = [
    *("pay", "short", "unknown", "replace", "cancel", "hand_over", "propose", "confirm", "refuse"),
    *(
        "statement",
        "taken_back",
        "online",
        "online_short",
        "decide",
        "agree",
        "disagree",
        "by_hand",
        "service",
        "fails",
    ),
    *("together", "pay_together", "bill_together", "bounce_together", "part_back"),
    *("take_cash", "give_cash_back", "count_cash", "close", "close"),
]
CHANNELS = ("coop", "committee", "online", "RCC", "wechat")
LIABILITIES = (Account.COLLECTED, Account.SUSPENSE, Account.REFUNDS)


def every_fen_is_traceable() -> None:
    """Each payment lies, to the fen, with payees, in suspense, with refunds, or has left by a payout or the bank."""
    check_books()
    lies: dict[object, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for payment, kind, account, fen in Entry.objects.values_list(
        "journal__payment", "journal__kind", "account", "amount_fen"
    ):
        lies[payment][account if account in LIABILITIES else f"{account}:{kind}"] += fen
    for money in Payment.objects.filter(source=None):
        found = lies[money.pk]
        came = found["bank:payment"] + found["cash_held:payment"]
        left = -found["bank:paid_out"] - found["bank:reversed"]
        assert came == money.amount_fen
        assert all(found[account] <= 0 for account in LIABILITIES), dict(found)
        assert -sum(found[account] for account in LIABILITIES) + left == money.amount_fen
    for closed in DayClose.objects.all():
        # What was counted when the day was closed is what stands there for ever.
        day = closing.sheet(region=closed.region, channel=closed.channel, on=closed.on)
        assert (day.ledger_fen, day.payments) == (closed.counted_fen, closed.count)
    open_cash = HeldCash.objects.all().open()
    assert not Payment.objects.filter(
        provider="held-cash", provider_txn__in=[str(one.pk) for one in open_cash]
    ).exists()
    assert ledger.balance(Account.CASH_HELD) == 0
    refunds = Journal.objects.filter(kind=JournalKind.REFUND)
    assert refunds.count() == Payout.objects.count() == refunds.exclude(payout=None).count()
    left = set(Journal.objects.filter(kind=JournalKind.PAID_OUT).values_list("key", flat=True))
    done = Payout.objects.filter(state=PayoutState.DONE).values_list("journal__key", flat=True)
    assert left == {key.replace("refund:", "payout:", 1) for key in done}


def decide(turn: int, notices: list[Notice]) -> None:
    """A cashier decides about the first money that waits, in a way that turns with the move."""
    waiting = PaymentException.objects.filter(resolved_at=None).order_by("pk").first()
    if waiting is None:
        return
    actions = exceptions.actions_for(waiting)
    action = actions[turn % len(actions)]
    notice = notices[turn % len(notices)] if action == "assign" else None
    exceptions.decide(waiting, action=action, notice=notice, actor=FIRST)


def answer(agree: bool) -> None:
    """The second person answers the first proposal that waits."""
    for waiting in PaymentException.objects.filter(resolved_at=None).order_by("pk"):
        if exceptions.open_proposal(waiting) is not None:
            (exceptions.confirm if agree else exceptions.refuse)(waiting, actor=SECOND)
            return


def report(outcome: BackOutcome) -> None:
    """The service says how the first refund with it ended; twice, as services do."""
    waiting = Payout.objects.exclude(provider="").order_by("opened_at").first()
    for _again in range(2 if waiting else 0):
        payouts.take_report(waiting.provider, BackReport(outcome=outcome, number=waiting.number, code="CLOSED"))


def by_hand() -> None:
    """A cashier pays the first open refund out."""
    waiting = Payout.objects.open().order_by("opened_at").first()
    if waiting is not None:
        payouts.pay_by_hand(waiting, actor=FIRST, reference="T")


def together(notices: list[Notice]) -> None:
    """A village issues one notice for those who have not paid."""
    first = notices[0]
    fields = {"region": first.region, "office": None, "policy": first.policy, "payer": first.resident}
    issue_collective(purpose="test.whole", reference="w", members=notices, actor=SYSTEM, at=NOON, **fields)


def whole() -> Notice | None:
    """The last notice for several people."""
    return Notice.objects.filter(purpose="test.whole").order_by("number").last()


def bill_together(*, takes_back: bool) -> None:
    """The bank's line for it, booked, matched or reversed."""
    notice = whole()
    if notice is not None:
        by_statement(notice, 7, takes_back=takes_back, amount_fen=notice.amount_fen)


def part_back(which: int, turn: int) -> None:
    """The service has paid a part of the first online payment back, each part under a number of its own."""
    paid = Payment.objects.filter(provider="wechat", source=None).order_by("booked_at").first()
    if paid is None or paid.amount_fen < 1_000:
        return
    statement = Statement.objects.create(format="wechat", digest=uuid4().hex, name="s", region=region("450302"))
    line = StatementRow(
        number=2,
        provider="wechat",
        txn=paid.provider_txn,
        bank_code="",
        given_number="",
        order_number="",
        amount_fen=1_000 * (turn + 1),
        paid_on=TODAY,
        payer="",
        takes_back=True,
        refund_number=f"M{turn}",
    )
    import_chunk(statement, [line])


def count_cash(cast) -> None:
    """The cashier counts what the agent has handed over."""
    rows = list(HeldCash.objects.all().open())
    total = sum(row.amount_fen for row in rows)
    by = actor(cast.cashier)
    held_cash.remit(agent_id=cast.agent.pk, held_ids=[row.pk for row in rows], counted_fen=total, actor=by)


def give_cash_back(cast) -> None:
    """The agent gives the first sum back."""
    row = HeldCash.objects.all().open().order_by("taken_at").first()
    if row is not None:
        held_cash.give_back(held=row, actor=actor(cast.agent), reason="x")


def close(turn: int) -> None:
    """Somebody closes a channel's day, whatever the sources say of it."""
    here, on = region("450302"), TODAY + timedelta(days=turn // len(CHANNELS))
    channel = CHANNELS[turn % len(CHANNELS)]
    counted = closing.sheet(region=here, channel=channel, on=on).paid_fen
    closing.close_day(region=here, channel=channel, on=on, counted_fen=counted, actor=FIRST)


REFUSALS = (
    *(exceptions.NotDecidable, payouts.NothingOwed, NothingToCollect, closing.NotBalanced),
    *(held_cash.CashRefused, held_cash.RemittanceRefused),
)


def move(name: str, turn: int, notices: list[Notice], wanted: list, cast=None) -> None:
    """Makes one move; what the state does not allow is refused and changes nothing."""
    which = turn % 2
    notices[which].refresh_from_db()
    if name == "hand_over" and notices[which].collective_id and not notices[which].payments.exists():
        name = "propose"  # its share of a common payment goes back by a refund, as upper apps do it
    paid_on = notices[which].due_on - timedelta(days=1)
    own = {
        "decide": lambda: decide(turn, notices),
        "agree": lambda: answer(agree=True),
        "disagree": lambda: answer(agree=False),
        "by_hand": by_hand,
        "service": lambda: report(BackOutcome.PAID_BACK),
        "fails": lambda: report(BackOutcome.FAILED),
        "online": lambda: pay(notices[which], channel="online", provider="wechat", paid_on=paid_on),
        "online_short": lambda: pay(notices[which], channel="online", provider="wechat", amount_fen=7),
        "together": lambda: together(notices),
        "pay_together": lambda: pay(whole()) if whole() else None,
        "bill_together": lambda: bill_together(takes_back=False),
        "bounce_together": lambda: bill_together(takes_back=True),
        "part_back": lambda: part_back(which, turn),
        "take_cash": lambda: held_cash.take(
            notice=notices[which], actor=actor(cast.agent), amount_fen=notices[which].amount_fen
        ),
        "give_cash_back": lambda: give_cash_back(cast),
        "count_cash": lambda: count_cash(cast),
        "close": lambda: close(turn),
    }
    if name not in own:
        play(name, notices, which, wanted[which])
        return
    try:
        with transaction.atomic():
            own[name]()
    except REFUSALS:
        pass


@pytest.fixture
def village(monkeypatch, cast):
    """Everybody on Tuesday, the day after the notices; the agent has entered every case."""
    monkeypatch.setattr(models, "agent_scopes", [lambda actor: Q(pk__isnull=False)])
    assert cast.agent.pk != cast.cashier.pk  # they are made here: a history is undone after its test
    with time_machine.travel(NOON + timedelta(days=1), tick=True):
        yield cast


@settings(
    max_examples=many(12, 300, "histories"),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 9)), min_size=8, max_size=24))
def test_any_interleaving_leaves_every_fen_traceable(village, history):
    """N8, N10, E6, E8, E10, G4: payments, statements, refunds, replacements, decisions, payouts, notices for several
    people, cash in an agent's hands and closes of days, in any order.
    """
    with transaction.atomic():
        policy = snapshot()
        wanted = [draft(policy=policy), draft(policy=policy)]
        notices = [issue(**vars(case)) for case in wanted]
        for name, turn in history:
            move(name, turn, notices, wanted, village)
            every_fen_is_traceable()
        transaction.set_rollback(True)


def test_a_village_pays_bounces_and_pays_in_cash(village):
    """N8, E8, G4: a common notice paid and taken back, money refunded in parts, cash counted, days closed."""
    policy = snapshot()
    wanted = [draft(policy=policy), draft(policy=policy)]
    notices = [issue(**vars(case)) for case in wanted]
    for name, turn in (
        *(("together", 0), ("bill_together", 0), ("bounce_together", 0), ("decide", 0), ("agree", 0)),
        *(("online", 0), ("part_back", 0), ("part_back", 1), ("part_back", 0), ("decide", 0), ("agree", 0)),
        *(("service", 0), ("close", 3), ("bounce_together", 0), ("close", 2)),
    ):
        move(name, turn, notices, wanted, village)
        every_fen_is_traceable()
    assert Notice.objects.filter(state=State.REFUNDED).count() == 3
    for number, again in enumerate([issue(policy=policy), issue(policy=policy)]):
        move("take_cash", 0, [again, again], wanted, village)
        move(("count_cash", "give_cash_back")[number], 0, [again, again], wanted, village)
        every_fen_is_traceable()
    move("close", 6, notices, wanted, village)
    assert DayClose.objects.filter(channel="committee").get().counted_fen == 40_000


def test_a_long_life_of_one_payment_is_traceable(db):
    """N8, E10: unknown, assigned, refunded, refused by the service, paid by hand, reported paid after all."""
    wrong = pay(issue(), channel="online", provider="alipay", notice_number="1234", provider_txn=uuid4().hex[:20])
    notice = issue()
    exceptions.decide(wrong.exception, action="assign", notice=notice, actor=FIRST)
    exceptions.confirm(wrong.exception, actor=SECOND)
    every_fen_is_traceable()
    for name in ("propose", "confirm", "fails", "by_hand", "service", "taken_back"):
        move(name, 0, [notice, notice], [None, None])
        every_fen_is_traceable()
    assert Notice.objects.get(pk=notice.pk).state == State.REFUNDED
    assert Payout.objects.get().fault == "paid_twice"
    assert timezone.now() > Payout.objects.get().done_at
