"""Whatever happens to money in whatever order: the books balance, and of every fen it can be said where it is."""

from collections import defaultdict
from datetime import timedelta
from uuid import uuid4

from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from payments import exceptions, payouts
from payments.gateways.base import BackOutcome, BackReport
from payments.models import (
    Account,
    Entry,
    Journal,
    JournalKind,
    Notice,
    Payment,
    PaymentException,
    Payout,
    PayoutState,
)
from payments.states import State
from tests.payments.notices import draft, issue, pay, snapshot
from tests.payments.test_ledger import FIRST, SECOND, check_books, play

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
]
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


def move(name: str, turn: int, notices: list[Notice], wanted: list) -> None:
    """Makes one move; what the state does not allow is refused and changes nothing."""
    which = turn % 2
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
    }
    if name not in own:
        play(name, notices, which, wanted[which])
        return
    try:
        with transaction.atomic():
            own[name]()
    except (exceptions.NotDecidable, payouts.NothingOwed):
        pass


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 7)), min_size=8, max_size=24))
def test_any_interleaving_leaves_every_fen_traceable(db, history):
    """N8, N10, E6, E10: payments, statements, refunds, replacements, decisions and payouts in any order."""
    with transaction.atomic():
        policy = snapshot()
        wanted = [draft(policy=policy), draft(policy=policy)]
        notices = [issue(**vars(case)) for case in wanted]
        for name, turn in history:
            move(name, turn, notices, wanted)
            every_fen_is_traceable()
        transaction.set_rollback(True)


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
