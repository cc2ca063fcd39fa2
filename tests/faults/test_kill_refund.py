"""The worker that pays refunds back is killed at its statements and inside its request: the money leaves once (E10)."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import ledger, payouts
from payments.models import Account, Journal, JournalKind, PaidBy, Payout, PayoutState
from payments.sandbox import book
from portal.outbox.models import Message
from tests.faults.dying import is_killed
from tests.harness.soak import many
from tests.payments.bank import bank
from tests.payments.test_ledger import check_books
from tests.payments.test_payouts import paid_online, refunded
from tests.people_cast import cast

__all__ = ["bank", "cast"]
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def let_time_pass() -> None:
    """The bank's refund under way comes to its end."""
    with book.opened() as opened:
        opened.execute("UPDATE payback SET ends_at = 0")


@pytest.mark.both_databases
@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_killed_refund_is_asked_for_and_paid_once(bank: Any, cast: Any, provider: str) -> None:
    """E10, REL-K1: kill -9 before and after the request, and between the bank's yes and our note of it; the next worker
    asks by the same number, and the callback that comes besides changes nothing.
    """
    apart = many(6, 1, "statements between kills")
    met: set[tuple[str, bool]] = set()
    for at in itertools.count(0, apart):
        payout = refunded(paid_online(bank, provider), cast)

        def send(number: Any = payout.pk) -> None:
            payouts.send_due(at=timezone.now() + timedelta(seconds=1))

        killed = is_killed(send, at)
        payout.refresh_from_db()
        met.add((payout.state, book.payback(provider, payout.number) is not None))
        let_time_pass()
        for days in range(1, 4):
            payouts.send_due(at=timezone.now() + timedelta(days=days))
        bank.tell()
        payout.refresh_from_db()
        assert (payout.state, payout.paid_by) == (PayoutState.DONE, PaidBy.PROVIDER), at
        assert Journal.objects.filter(kind=JournalKind.PAID_OUT, payment=payout.payment_id).count() == 1
        backs = book.rows("SELECT * FROM payback WHERE txn = ?", payout.payment.provider_txn)
        assert [(row["refund_number"], row["amount_fen"]) for row in backs] == [(payout.number, payout.amount_fen)]
        assert Message.objects.filter(key=f"payments.paid_out:{payout.pk}").count() == 1
        if not killed:
            break
    # Killed before the request, and after the bank had paid while the portal did not know.
    assert {(PayoutState.WAITING, False), (PayoutState.SENT, True)} <= met
    assert ledger.balance(Account.REFUNDS) == ledger.balance(Account.BANK) == 0
    assert Payout.objects.count() == Payout.objects.filter(state=PayoutState.DONE).count()
    check_books()
