"""Decisions about money that waits: assign it to a notice, pay it back, keep it in suspense, or let it stand (N6, N10).

Each step is a fact that is never edited. Money that goes back, or to another name, needs two persons; money that one
cashier moves back to the name it was paid for needs one. What is decided is posted with the decision.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from payments import booking, ledger, payouts, refunds
from payments.booking import Report
from payments.models import (
    Action,
    ExceptionDecision,
    Journal,
    JournalKind,
    Notice,
    PaymentException,
    Payout,
    Step,
)
from payments.states import State
from portal.people.actors import Actor
from portal.people.services import related_ids
from portal.workflow.errors import ConflictOfInterest, Refused

PROVIDER = "assigned"


class NotDecidable(Exception):
    """The decision cannot be made now; the text says why to the cashier."""


def open_proposal(exception: PaymentException) -> ExceptionDecision | None:
    """The proposal that waits for a second person, or None."""
    last = exception.decisions.order_by("pk").last()
    return last if last is not None and last.step == Step.PROPOSED else None


def is_open(exception: PaymentException) -> bool:
    """Whether anything can still be decided; money kept in suspense stays open until its owner is found."""
    return exception.resolved_at is None


def needs_two(exception: PaymentException, action: str, notice: Notice | None) -> bool:
    """Whether a second person must confirm: money goes back, or to a name other than the one it was paid for."""
    if action == Action.REFUND:
        return True
    if action == Action.DISMISS:
        return exception.payment.settled and was_taken_back(exception)
    if action != Action.ASSIGN or notice is None:
        return False
    if exception.payment.settled:
        return True
    named = exception.payment.notice
    return named is None or named.resident_id != notice.resident_id


def actions_for(exception: PaymentException) -> list[Action]:
    """What may be decided about this money."""
    if not is_open(exception):
        return []
    if was_taken_back(exception):
        if exception.payment.settled or not ledger.lies_fen(exception.payment):
            return [Action.DISMISS]
        # The bank took a part back: the rest asks for no notice any more.
        return [Action.REFUND, *([] if exception.kept_at else [Action.KEEP])]
    if exception.payment.settled:
        return [Action.ASSIGN, Action.REFUND, Action.DISMISS]
    return [Action.ASSIGN, Action.REFUND, *([] if exception.kept_at else [Action.KEEP])]


def decide(
    exception: PaymentException, *, action: str, actor: Actor, notice: Notice | None = None, at: datetime | None = None
) -> ExceptionDecision:
    """Decides about waiting money, or proposes it to a second person; returns the step that was written.

    Raises NotDecidable.
    """
    at = at or timezone.now()
    try:
        with transaction.atomic():
            held = _held(exception)
            notice = Notice.objects.get(pk=notice.pk) if notice is not None else None
            if action not in actions_for(held):
                raise NotDecidable(_("This has been decided already, or cannot be decided about this money."))
            if open_proposal(held) is not None:
                raise NotDecidable(_("A proposal waits for a second person."))
            _check(held, action, notice, actor)
            two = needs_two(held, action, notice)
            step = _write(held, action, Step.PROPOSED if two else Step.CONFIRMED, notice, actor, at)
            if not two:
                _carry_out(held, step, actor, at)
    except IntegrityError as error:
        raise NotDecidable(_("Somebody else has just decided about this money.")) from error
    return step


def confirm(exception: PaymentException, *, actor: Actor, at: datetime | None = None) -> ExceptionDecision:
    """Confirms the open proposal as a second person and carries it out; raises NotDecidable."""
    return _end(exception, Step.CONFIRMED, actor, at or timezone.now())


def refuse(exception: PaymentException, *, actor: Actor, at: datetime | None = None) -> ExceptionDecision:
    """Refuses the open proposal as a second person; the money waits on. Raises NotDecidable."""
    return _end(exception, Step.REFUSED, actor, at or timezone.now())


def _end(exception: PaymentException, step: str, actor: Actor, at: datetime) -> ExceptionDecision:
    try:
        with transaction.atomic():
            held = _held(exception)
            proposal = open_proposal(held)
            if proposal is None or not is_open(held):
                raise NotDecidable(_("Nothing waits for a second person."))
            if proposal.actor_user_id == actor.user_id:
                raise NotDecidable(_("You proposed this yourself: a second person confirms it."))
            _check(held, proposal.action, proposal.notice, actor)
            ended = _write(held, proposal.action, step, proposal.notice, actor, at, proposal)
            if step == Step.CONFIRMED:
                _carry_out(held, ended, actor, at, proposal)
    except IntegrityError as error:
        raise NotDecidable(_("Somebody else has just decided about this money.")) from error
    return ended


def _held(exception: PaymentException) -> PaymentException:
    """The exception, locked: of two decisions at once the second one sees the first."""
    rows = PaymentException.objects.select_for_update(of=("self",)).select_related("payment__notice")
    return rows.get(pk=exception.pk)


def _check(exception: PaymentException, action: str, notice: Notice | None, actor: Actor) -> None:
    """What must hold whoever decides; raises NotDecidable."""
    mine = related_ids(actor.resident_id) if actor.resident_id else set()
    named = [one for one in (exception.payment.notice, notice) if one is not None]
    members = Notice.objects.filter(collective__in=named).values_list("resident", flat=True)
    concerned = {*(one.resident_id for one in named), *members}
    if concerned & set(mine):
        raise NotDecidable(_("This money concerns your household: a colleague decides."))
    if action != Action.ASSIGN:
        return
    if notice is None:
        raise NotDecidable(_("Name the notice that the money is for."))
    if notice.state not in (State.ISSUED, State.EXPIRED):
        raise NotDecidable(_("That notice is not to be paid: it is paid, cancelled or replaced."))
    if notice.amount_fen != exception.payment.amount_fen:
        raise NotDecidable(_("The notice asks for another amount. Only the exact amount can be assigned."))
    if exception.payment.paid_on > notice.due_on:
        raise NotDecidable(_("The money came after the pay-by date of that notice."))


def _write(
    exception: PaymentException,
    action: str,
    step: str,
    notice: Notice | None,
    actor: Actor,
    at: datetime,
    proposal: ExceptionDecision | None = None,
) -> ExceptionDecision:
    last = exception.decisions.order_by("turn").last()
    turn = proposal.turn if proposal else (last.turn + 1 if last else 1)
    return ExceptionDecision.objects.create(
        exception=exception,
        turn=turn,
        action=action,
        step=step,
        notice=notice,
        at=at,
        actor_user_id=actor.user_id or 0,
        proposed_by=proposal.actor_user_id if proposal else None,
    )


def _carry_out(
    exception: PaymentException,
    decision: ExceptionDecision,
    actor: Actor,
    at: datetime,
    proposal: ExceptionDecision | None = None,
) -> None:
    """Does what was decided: the books, the notice, and the end of the waiting."""
    payment = exception.payment
    if decision.action == Action.KEEP:
        ledger.post_kept(payment, at=at, actor=actor)
        PaymentException.objects.filter(pk=exception.pk).update(kept_at=at)
        return
    if decision.action == Action.ASSIGN and decision.notice is not None:
        if payment.settled:
            _leave(payment.notice, "assigned", decision, proposal, actor, at, freed=True)
        ledger.post_freed(payment, at=at, actor=actor)
        _assign(exception, decision, decision.notice, actor, at)
    elif decision.action == Action.REFUND:
        if payment.settled:
            _leave(payment.notice, "not_waiting", decision, proposal, actor, at)
        else:
            ledger.post_refund_of_payment(payment, at=at, actor=actor)
            payouts.open_for(payment, at)
    elif payment.settled and was_taken_back(exception):
        _leave(payment.notice, "taken_back", decision, proposal, actor, at)
    elif payment.settled and payment.notice is not None:
        ledger.post_stands(payment, payment.notice, at=at, actor=actor)
    PaymentException.objects.filter(pk=exception.pk, resolved_at=None).update(resolved_at=at)


def _leave(
    notice: Notice | None,
    reason: str,
    decision: ExceptionDecision,
    proposal: ExceptionDecision | None,
    actor: Actor,
    at: datetime,
    freed: bool = False,
) -> None:
    """Takes the money out of a paid notice, and out of its members where it covers several people, by the two persons
    who decided; their receipts are reversed with it.
    """
    if notice is None or proposal is None:
        raise NotDecidable(_("Nothing waits for a second person."))
    if freed:
        # Out of the notice's reach first: the reversal of the notice then finds no money that is owed to the payer.
        ledger.post_freed(decision.exception.payment, at=at, actor=actor)
    proposer = Actor(actor.role, user_id=proposal.actor_user_id, region_path=actor.region_path)
    members = notice.members.filter(state__in=[State.PAID, State.REFUNDING]).order_by("pk")
    try:
        for one in (*members, notice):
            if one.state == State.PAID:
                refunds.propose_refund(one, reason=reason, actor=proposer, at=at)
            refunds.confirm_refund(one, actor=actor, at=at)
    except (Refused, ConflictOfInterest) as error:
        raise NotDecidable(_("A refund of this notice waits for another person. Decide about it first.")) from error


def _assign(
    exception: PaymentException, decision: ExceptionDecision, notice: Notice, actor: Actor, at: datetime
) -> None:
    """Settles the notice with the money of the exception; the day it was paid on stays."""
    payment = exception.payment
    report = Report(
        provider=PROVIDER,
        provider_txn=str(decision.pk),
        channel=payment.channel,
        given_number=notice.number,
        amount_fen=payment.amount_fen,
        paid_on=payment.paid_on,
        payer=payment.payer,
        actor=actor,
        at=at,
        region_id=payment.region_id,
        source_id=payment.source_id or payment.pk,
    )
    if booking.store_settled(report, notice) is None:
        raise NotDecidable(_("That notice is not to be paid: it is paid, cancelled or replaced."))


def payouts_of(exception: PaymentException) -> list[Payout]:
    """The refunds of this money, paid out or not, the latest first."""
    payment = exception.payment
    rows = Payout.objects.filter(payment=payment.source_id or payment.pk).select_related("payment")
    if payment.settled:
        rows = rows.filter(notice=payment.notice)
    return list(rows.order_by("-opened_at"))


def was_taken_back(exception: PaymentException) -> bool:
    """Whether the bank has taken this money back."""
    payment = exception.payment
    return Journal.objects.filter(payment=payment.source_id or payment.pk, kind=JournalKind.REVERSED).exists()
