"""Pays confirmed refunds out: online money by the service that took it, all other money by hand (E10).

The row and its number are stored with the second person's decision. The worker sends the number to the payment service
until that gives a clear answer; a number sent twice is paid once. The books learn of it once, when somebody who knows
says that the money has left: the service, a statement, or a cashier. The network is never spoken to inside a
transaction.
"""

import logging
import secrets
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from payments import gateways, ledger, messages
from payments.gateways import PROVIDERS, NotOffered
from payments.gateways.base import AskedBack, BackOutcome, BackReport, Gateway, Refused, Unreachable
from payments.models import (
    ON_ITS_WAY,
    Account,
    Entry,
    Journal,
    JournalKind,
    PaidBy,
    Payment,
    Payout,
    PayoutState,
)
from portal import audit
from portal.jobs.nudge import nudge
from portal.people.actors import SYSTEM, Actor
from portal.people.services import related_ids
from portal.regions.calendar import local_date

logger = logging.getLogger(__name__)

TASK = "payments.tasks.send_payouts"
ASKED_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(days=1),
)
"""A refund is asked about after so long, then daily; a service may take days to reach the payer's bank."""

REFUSED_UNTIL = timedelta(days=7)
"""A service that says no for so long, because the merchant's account is empty say, leaves the refund to the desk."""

AT_ONCE = 50


class NothingOwed(ValueError):
    """No confirmed refund waits to be paid out by hand; the text says why."""


def open_for(payment: Payment, at: datetime) -> list[Payout]:
    """Opens a payout for each refund of this payment that the books owe and that has none yet."""
    root = payment.source or payment
    owed = Journal.objects.filter(kind=JournalKind.REFUND, payment=root, payout=None).order_by("pk")
    opened = [_opened(journal, root, at) for journal in owed]
    if any(payout.is_on_its_way for payout in opened):
        nudge(TASK, queue="outbox")
    return opened


def _opened(journal: Journal, payment: Payment, at: datetime) -> Payout:
    lines = _owed_lines(journal)
    notices = {line.notice_id for line in lines}
    online = payment.provider in PROVIDERS
    return Payout.objects.create(
        number=f"RF{at:%y%m%d}{secrets.token_hex(10)}",
        journal=journal,
        payment=payment,
        notice_id=notices.pop() if len(notices) == 1 else None,
        region_id=journal.region_id,
        provider=payment.provider if online else "",
        amount_fen=sum(line.amount_fen for line in lines),
        total_fen=payment.amount_fen,
        opened_at=at,
        state=PayoutState.WAITING if online else PayoutState.BY_HAND,
        ask_at=at if online else None,
    )


def _owed_lines(journal: Journal) -> list[ledger.Line]:
    """The debits that clear what a refund has made payable."""
    rows = Entry.objects.filter(journal=journal, account=Account.REFUNDS).order_by("pk")
    return [ledger.Line(Account.REFUNDS, row.sub, -row.amount_fen, row.notice_id) for row in rows]


def send_due(limit: int = AT_ONCE, at: datetime | None = None) -> int:
    """Sends waiting refunds and asks about those under way; returns how many were spoken about."""
    at = at or timezone.now()
    spoken = 0
    for payout in list(Payout.objects.due(at).select_related("payment")[:limit]):
        # Whoever moves the date speaks; two workers never speak about one refund at once.
        claimed = Payout.objects.filter(pk=payout.pk, ask_at=payout.ask_at, state__in=ON_ITS_WAY)
        if not claimed.update(ask_at=_next(payout, at), asked=F("asked") + 1):
            continue
        spoken += 1
        try:
            _speak(payout, at)
        except Unreachable as error:
            logger.warning("refund_unanswered payout=%s error=%s", payout.number, error)
        except Refused as refusal:
            _said_no(payout, refusal.code, at)
        except NotOffered:
            _said_no(payout, "not_offered", at)
    return spoken


def _next(payout: Payout, at: datetime) -> datetime:
    """When to speak again about a refund that nobody has answered clearly."""
    return at + ASKED_AFTER[min(payout.asked, len(ASKED_AFTER) - 1)]


def _speak(payout: Payout, at: datetime) -> None:
    """Asks for a refund that was sent before, and sends it where the service does not know it."""
    gateway = gateways.gateway(payout.provider)
    if payout.sent_at is not None:
        report = gateway.query_refund(payout.number, payout.payment.provider_txn)
        if report.outcome is not BackOutcome.UNKNOWN:
            take_report(payout.provider, report, at)
            return
    # Noted before the request leaves: after a kill the next worker asks first.
    Payout.objects.filter(pk=payout.pk, state__in=ON_ITS_WAY).update(
        state=PayoutState.SENT, sent_at=payout.sent_at or at
    )
    take_report(payout.provider, _send(gateway, payout), at)


def _send(gateway: Gateway, payout: Payout) -> BackReport:
    return gateway.refund(
        AskedBack(
            number=payout.number,
            txn=payout.payment.provider_txn,
            amount_fen=payout.amount_fen,
            total_fen=payout.total_fen,
            notify_url=settings.CALLBACK_URL + reverse("payments:callback", args=[payout.provider]),
        )
    )


def _said_no(payout: Payout, code: str, at: datetime) -> None:
    """Notes a no that may become a yes; after a week of it, people pay by hand."""
    logger.warning("refund_refused payout=%s code=%s", payout.number, code)
    with transaction.atomic():
        held = Payout.objects.select_for_update(of=("self",)).get(pk=payout.pk)
        if not held.is_on_its_way:
            return
        held.fault = code[:60]
        # Only a service that has just said that it knows no such refund leaves the money free for another way.
        if at - held.opened_at > REFUSED_UNTIL and code != "not_offered":
            _to_the_desk(held)
        held.save(update_fields=["fault", "state", "ask_at"])


def take_report(provider: str, report: BackReport, at: datetime | None = None) -> Payout | None:
    """Takes in what a service says of a refund, by answer, on question or by callback; None for a refund not ours.

    The same report again changes nothing.
    """
    at = at or timezone.now()
    with transaction.atomic():
        rows = Payout.objects.select_for_update(of=("self",)).select_related("payment", "journal")
        payout = rows.filter(provider=provider, number=report.number).first()
        if payout is None:
            logger.error("refund_unknown provider=%s", provider)
            return None
        if payout.state == PayoutState.DONE:
            _check_twice(payout, report)
            return payout
        if report.outcome is BackOutcome.PAID_BACK and report.amount_fen in (None, payout.amount_fen):
            _finish(payout, PaidBy.PROVIDER, SYSTEM, report.paid_on or local_date(at), report.reference, at)
        elif report.outcome in (BackOutcome.FAILED, BackOutcome.PAID_BACK):
            payout.fault = report.code or "amount_differs"
            _to_the_desk(payout)
            payout.save(update_fields=["fault", "state", "ask_at"])
            audit.record("refund.failed", SYSTEM, subject=payout, details={"code": payout.fault})
        elif payout.fault:
            payout.fault = ""
            payout.save(update_fields=["fault"])
    return payout


def _check_twice(payout: Payout, report: BackReport) -> None:
    """A refund that was paid by hand and now by the service too has left twice: people must know."""
    if report.outcome is BackOutcome.PAID_BACK and payout.paid_by == PaidBy.HAND and payout.fault != "paid_twice":
        payout.fault = "paid_twice"
        payout.save(update_fields=["fault"])
        audit.record("refund.paid_twice", SYSTEM, subject=payout)
        logger.error("refund_paid_twice payout=%s", payout.number)


def _to_the_desk(payout: Payout) -> None:
    payout.state, payout.ask_at = PayoutState.BY_HAND, None


def _finish(payout: Payout, by: str, actor: Actor, on: date, reference: str, at: datetime) -> None:
    """Books that the money has left, once, under the locked row."""
    ledger.post_paid_out(payout.journal, _owed_lines(payout.journal), at=at, actor=actor)
    payout.state, payout.ask_at, payout.fault = PayoutState.DONE, None, ""
    payout.paid_by, payout.paid_on, payout.done_at = by, on, at
    payout.actor_user_id, payout.reference = actor.user_id, reference[:80]
    payout.save(
        update_fields=["state", "ask_at", "fault", "paid_by", "paid_on", "done_at", "actor_user_id", "reference"]
    )
    audit.record("refund.paid_out", actor, subject=payout, details={"by": by})
    if payout.notice is not None:
        messages.tell_paid_out(payout.notice, payout.amount_fen, payout.pk)


def pay_by_hand(payout: Payout, *, actor: Actor, reference: str = "", at: datetime | None = None) -> Payout:
    """Notes that a cashier has paid a refund out; raises NothingOwed when it was paid before, is with the payment
    service, or concerns the cashier's own household (N19).
    """
    at = at or timezone.now()
    with transaction.atomic():
        rows = Payout.objects.select_for_update(of=("self",)).select_related("payment__notice", "journal", "notice")
        held = rows.get(pk=payout.pk)
        if held.state == PayoutState.DONE:
            raise NothingOwed(_("This refund was paid out already."))
        if held.is_on_its_way:
            raise NothingOwed(_("The payment service is paying this refund back. Pay nothing by hand."))
        mine = set(related_ids(actor.resident_id)) if actor.resident_id else set()
        if mine & {notice.resident_id for notice in (held.notice, held.payment.notice) if notice is not None}:
            raise NothingOwed(_("This money concerns your household: a colleague decides."))
        _finish(held, PaidBy.HAND, actor, local_date(at), reference, at)
    return held


def paid_by_statement(payment: Payment, *, number: str, amount_fen: int, on: date, actor: Actor, at: datetime) -> bool:
    """Whether a reversal on a statement is a refund of ours; one that was not noted yet is noted by it."""
    rows = Payout.objects.filter(payment=payment).select_for_update(of=("self",)).select_related("payment", "journal")
    ours = list(rows.order_by("opened_at"))
    named = [payout for payout in ours if number and payout.number == number]
    for payout in named:
        _check_twice(payout, BackReport(outcome=BackOutcome.PAID_BACK, number=number))
    fitting = named or [payout for payout in ours if payout.amount_fen == amount_fen]
    waiting = next((payout for payout in fitting if payout.state != PayoutState.DONE), None)
    if waiting is not None and waiting.amount_fen == amount_fen:
        _finish(waiting, PaidBy.STATEMENT, actor, on, number, at)
    return any(payout.amount_fen == amount_fen for payout in fitting)


def of_notices(pks: Iterable[UUID]) -> list[Payout]:
    """The refunds of these notices, the latest first."""
    return list(Payout.objects.filter(notice__in=list(pks)).order_by("-opened_at"))
