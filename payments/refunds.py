"""Refunds: one person proposes, a second one confirms."""

from datetime import datetime

from payments.models import Notice
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor, Role


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
