"""Refunds: one person proposes, a second one confirms or refuses. Always the whole amount; the books reverse it and
edit nothing (E10).
"""

from datetime import datetime

from payments import ledger, membership, payouts
from payments.models import Account, Notice, PaymentException
from payments.payouts import NothingOwed
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor, Role
from portal.workflow.core import Batch


def propose_refund(
    notice: Notice, *, reason: str, actor: Actor, version: int | None = None, at: datetime | None = None
) -> Notice:
    """Opens the refund of a paid notice; `reason` is a code, such as "rejected" or "withdrawn".

    An upper app that reacts to a decision passes the actor who decided: that person cannot confirm. Raises
    NotAvailable when the notice is not paid.
    """
    by = actor if actor.role == Role.CASHIER else SYSTEM
    codes = {"reason": reason, "proposed_by_role": str(actor.role)}
    return NoticeWorkflow.propose_refund.fire(
        notice, by, version, codes=codes, changes={"refund_proposed_by": actor.user_id}, at=at
    )


def confirm_refund(notice: Notice, *, actor: Actor, version: int | None = None, at: datetime | None = None) -> Notice:
    """Confirms a proposed refund as a second person; raises ConflictOfInterest for the proposer and for one's own
    household.
    """
    return NoticeWorkflow.confirm_refund.fire(
        notice, actor, version, changes={"refund_confirmed_by": actor.user_id}, at=at
    )


def refuse_refund(notice: Notice, *, actor: Actor, version: int | None = None, at: datetime | None = None) -> Notice:
    """Refuses a proposed refund as a second person: the payment stands, and a new proposal may follow.

    Raises ConflictOfInterest for the proposer and for one's own household.
    """
    return NoticeWorkflow.refuse_refund.fire(notice, actor, version, changes={"refund_proposed_by": None}, at=at)


def book_refunds(batch: Batch) -> None:
    """Reverses the money of refunded notices in the books and closes what the exceptions desk had open about it."""
    for notice in batch.subjects():
        payment = membership.payment_of(notice)
        if payment is None:
            continue
        ledger.post_refund_of_notice(notice, payment, at=batch.at, actor=batch.actor)
        payouts.open_for(payment, batch.at)
        if payment.notice_id == notice.pk:
            PaymentException.objects.filter(payment=payment, resolved_at=None).update(resolved_at=batch.at)


def owed_fen(notice: Notice) -> int:
    """What a confirmed refund still owes the payer of this notice, in fen."""
    return -ledger.notice_balance(notice).get(Account.REFUNDS, 0)


def record_payout(notice: Notice, *, actor: Actor, at: datetime) -> None:
    """Notes that somebody has paid the refund of a notice out by hand; raises NothingOwed."""
    waiting = notice.payouts.filter(journal__key=f"refund:{notice.pk}").first()
    if waiting is None:
        raise NothingOwed
    payouts.pay_by_hand(waiting, actor=actor, at=at)
