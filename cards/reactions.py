"""What the card desk does about batches of facts, its own and those of payment notices."""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from cards.messages import tell
from cards.models import CardApplication
from cards.services import PURPOSE
from cards.states import FINAL, State
from cards.workflow import CardApplicationWorkflow
from payments import services as payments
from payments.models import Notice
from payments.states import State as NoticeState
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM
from portal.workflow.core import Batch
from portal.workflow.errors import NotAvailable


def register() -> None:
    """Hangs every reaction on its transition."""
    own = CardApplicationWorkflow
    own.settle.reactions.append(tell_paid)
    own.approve.reactions.append(tell_approved)
    own.ask_correction.reactions.append(tell_correction)
    own.resubmit.reactions.append(tell_resubmitted)
    own.reject.reactions += [propose_refunds, tell_rejected]
    own.arrive.reactions.append(tell_ready)
    own.expect_arrival.reactions.append(tell_expected)
    own.collect.reactions.append(tell_collected)
    own.turn_away.reactions.append(tell_turned_away)
    own.withdraw.reactions += [cancel_notices, propose_refunds, tell_withdrawn]
    own.lapse.reactions += [erase_drafts, propose_refunds, tell_lapsed]
    own.lapse_unpaid.reactions.append(tell_lapsed)
    own.seal.reactions.append(tell_sealed)
    own.remind_resident.reactions.append(tell_reminder)
    own.alarm.reactions += [expect_arrivals, tell_late]
    NoticeWorkflow.settle.reactions.append(on_notice_settled)
    NoticeWorkflow.expire.reactions.append(on_notice_expired)


def tell_paid(batch: Batch) -> None:
    """The fee came; the promised day is named."""
    tell("paid", batch)


def tell_approved(batch: Batch) -> None:
    """The card goes into production."""
    tell("approved", batch)


def tell_correction(batch: Batch) -> None:
    """Something must be put right; the promise stands still."""
    tell("correction", batch, lambda row: {"reason": row.decision_reason, "day": row.last_day})


def tell_resubmitted(batch: Batch) -> None:
    """The correction came; the promised day is named anew."""
    tell("resubmitted", batch)


def tell_rejected(batch: Batch) -> None:
    """The application was rejected, why, and what to do."""
    tell(
        "rejected",
        batch,
        lambda row: {"reason": row.decision_reason, "next_step": row.decision_next_step} | _refund(row),
    )


def tell_ready(batch: Batch) -> None:
    """The card can be collected: where, when, with what (S2-03)."""
    tell("ready", batch, _pickup)


def tell_expected(batch: Batch) -> None:
    """The card should be there; nobody has seen it."""
    tell("expected", batch, _pickup)


def tell_collected(batch: Batch) -> None:
    """The card was handed over, and whether it still has to be activated (S2-07)."""
    tell("collected", batch, lambda row: {"inactive": _needs_activation(row)})


def tell_turned_away(batch: Batch) -> None:
    """The card was not handed over: why, and that it waits (S2-04)."""
    tell("turned_away", batch, lambda row: {"reason": row.decision_reason, "day": row.last_day})


def tell_withdrawn(batch: Batch) -> None:
    """The application was taken back."""
    tell("withdrawn", batch, _refund)


def tell_lapsed(batch: Batch) -> None:
    """The application lapsed."""
    tell("lapsed", batch, _refund)


def tell_sealed(batch: Batch) -> None:
    """The card was not collected and was sealed."""
    tell("sealed", batch)


def tell_reminder(batch: Batch) -> None:
    """Something waits for the applicant."""
    tell("reminder", batch)


def tell_late(batch: Batch) -> None:
    """The promised day is over; told once, while the office is alarmed daily."""
    late = batch.subjects().filter(state__in=[State.UNDER_REVIEW, State.IN_PRODUCTION])
    first = [row.pk for row in late if row.timeline.filter(transition="alarm").count() == 1]
    if first:
        tell("late", batch_of(batch, first))


def batch_of(batch: Batch, pks: list[UUID]) -> Batch:
    """The part of a batch that concerns these subjects."""
    entries = [entry for entry in batch.entries if entry.subject_id in set(pks)]
    return Batch(batch.transition, batch.actor, batch.at, type(batch.keys)(pks), [entry.pk for entry in entries])


def _pickup(row: CardApplication) -> dict[str, Any]:
    point = row.pickup_point
    return {
        "place": point.name if point else "",
        "address": point.address if point else "",
        "hours": point.hours if point else "",
    }


def _refund(row: CardApplication) -> dict[str, Any]:
    return {"refund": row.paid_on is not None and bool(row.fee_fen)}


def _needs_activation(row: CardApplication) -> bool:
    return row.policy is None or bool(row.policy.policy.setting("card.activation")["required"])


def expect_arrivals(batch: Batch) -> None:
    """Where no producer reports, the card is expected at the pickup point when its time is over."""
    CardApplicationWorkflow.expect_arrival.move(batch.pks, SYSTEM, at=batch.at)


def cancel_notices(batch: Batch) -> None:
    """Cancels the unpaid notices of what was withdrawn."""
    references = [str(pk) for pk in batch.pks]
    payments.cancel_notices(purpose=PURPOSE, references=references, actor=batch.actor, reason="withdrawn", at=batch.at)


def propose_refunds(batch: Batch) -> None:
    """Opens a refund for a fee that was paid before the application ended without a card."""
    paid = batch.subjects().filter(paid_on__isnull=False, notice__state=NoticeState.PAID).select_related("notice")
    for row in paid:
        try:
            payments.propose_refund(row.notice, reason=row.state, actor=batch.actor, at=batch.at)
        except NotAvailable:
            continue  # a cashier was first


def erase_drafts(batch: Batch) -> None:
    """Erases what was typed into drafts that were never submitted (ARCHITECTURE §8)."""
    drafts = [entry.subject_id for entry in batch.entries if entry.source == State.DRAFT]
    CardApplication.objects.filter(pk__in=drafts).update(answers_cipher=b"")


def on_notice_settled(batch: Batch) -> None:
    """The fee came: the review and the promise begin on the day of payment; other money goes to the exceptions desk."""
    notices = _own_notices(batch)
    by_day: dict[date, list[UUID]] = defaultdict(list)
    for pk, notice in notices.items():
        if notice.paid_on is not None:
            by_day[notice.paid_on].append(pk)
    waiting = CardApplication.objects.filter(state__in=[State.AWAITING_PAYMENT, State.LAPSED])
    for day, pks in by_day.items():
        waiting.filter(pk__in=pks).update(paid_on=day)
    CardApplicationWorkflow.settle.move(
        waiting.filter(pk__in=list(notices), state=State.AWAITING_PAYMENT), SYSTEM, at=batch.at
    )
    for row in CardApplication.objects.filter(pk__in=list(notices), state__in=FINAL):
        if row.state != State.LAPSED or not _reinstated(row.pk, batch):
            payments.open_exception(notices[row.pk])


def _reinstated(pk: UUID, batch: Batch) -> bool:
    """Takes up a lapsed application whose fee was paid in time; not when the person has applied anew meanwhile."""
    try:
        with transaction.atomic():
            return bool(CardApplicationWorkflow.settle.move([pk], SYSTEM, at=batch.at))
    except IntegrityError:
        return False


def on_notice_expired(batch: Batch) -> None:
    """Nobody paid: the application lapses."""
    CardApplicationWorkflow.lapse_unpaid.move(list(_own_notices(batch)), SYSTEM, at=batch.at)


def _own_notices(batch: Batch) -> dict[UUID, Notice]:
    return {UUID(notice.reference): notice for notice in batch.subjects().filter(purpose=PURPOSE)}
