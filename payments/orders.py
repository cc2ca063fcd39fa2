"""Paying a notice online: one live order per notice, closed when another takes its place, asked about when silent.

The network is never spoken to inside a transaction. Whatever a channel says, the money goes through `book_payment`.
"""

import logging
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from payments import booking, gateways
from payments.gateways import NotOffered
from payments.gateways.base import Asked, Gateway, Outcome, Phone, Refused, Report, Unreachable
from payments.models import Notice, OrderState, Payment, PaymentOrder, Reason, Way
from payments.models.orders import LIVE_ORDERS, UNSETTLED
from payments.numbers import InvalidNumber
from portal import audit
from portal.people.actors import SYSTEM, Actor
from portal.regions.calendar import end_instant, local_date
from portal.workflow.core import Batch

logger = logging.getLogger(__name__)

ORDER_MINUTES = 30
LINK_MINUTES = timedelta(minutes=4)
"""The address of an H5 order is good for five minutes."""

ASKED_AFTER = (timedelta(minutes=5), timedelta(minutes=30), timedelta(minutes=120))
ASKED_DAILY = timedelta(days=1)
ASKED_UNTIL = timedelta(days=7)
"""A silent attempt is asked about after 5, 30 and 120 minutes, then daily for a week (RELIABILITY §6.3)."""

ASKED_AT_ONCE = 50


class NotPayable(Exception):
    """The notice cannot be paid online now; `reason` is a `Reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def online_channel(notice: Notice) -> str:
    """The code of the notice's online channel, or an empty text where its region has none (E3, S4-19)."""
    return next((channel.code for channel in notice.channels if channel.online), "")


def refusal(notice: Notice, at: datetime) -> str:
    """Why the notice cannot be paid online now, as a `Reason`, or an empty text when it can."""
    return booking.verdict(notice, channel=online_channel(notice), amount_fen=notice.amount_fen, paid_on=local_date(at))


def pay_now(
    notice: Notice, provider: str, *, actor: Actor, client_ip: str = "", at: datetime | None = None
) -> PaymentOrder:
    """Opens an order, or returns the live one of this provider and way: a double click is one order (E15).

    With `client_ip` the payer's telephone opens the app itself, where the channel knows that way; else a code is
    scanned. An order through another channel or way is closed first. Raises NotOffered, NotPayable, and Refused or
    Unreachable when the channel did not open it; the order stays and the same call tries again.
    """
    at = at or timezone.now()
    gateway = gateways.gateway(provider)
    way = Way.H5 if client_ip and gateway.knows_phones else Way.CODE
    order, replaced = _claim(notice, provider, way, actor, at)
    for old in replaced:
        _close(old, at)
    # The address for a telephone lives a few minutes only; the same order gets a new one.
    is_stale = order.way == Way.H5 and order.link_until is not None and order.link_until <= at
    if order.state == OrderState.OPENING or is_stale:
        _open(gateway, order, client_ip, at)
    return order


def _claim(
    notice: Notice, provider: str, way: Way, actor: Actor, at: datetime
) -> tuple[PaymentOrder, list[PaymentOrder]]:
    """The one live order of the notice, made if need be, and those it takes the place of; the notice's row is the
    queue.
    """
    with transaction.atomic():
        locked = Notice.objects.select_for_update(of=("self",)).select_related("policy__region").get(pk=notice.pk)
        reason = refusal(locked, at)
        if reason:
            raise NotPayable(reason)
        replaced = []
        for live in PaymentOrder.objects.live().filter(notice=locked):
            if (live.provider, live.way) == (provider, way) and live.expires_at > at:
                return live, []
            replaced.append(live)
        PaymentOrder.objects.filter(pk__in=[old.pk for old in replaced]).update(state=OrderState.CLOSING, ask_at=at)
        order = PaymentOrder.objects.create(
            number=f"CB{at:%y%m%d}{secrets.token_hex(10)}",
            notice=locked,
            provider=provider,
            channel=online_channel(locked),
            way=way,
            amount_fen=locked.amount_fen,
            opened_at=at,
            expires_at=min(at + timedelta(minutes=ORDER_MINUTES), end_instant(locked.due_on)),
            ask_at=at + ASKED_AFTER[0],
        )
        audit.record("payment.order_opened", actor, subject=order, details={"provider": provider, "way": way.value})
    return order, replaced


def _open(gateway: Gateway, order: PaymentOrder, client_ip: str, at: datetime) -> None:
    """Asks the channel for code or address; the same order asked for twice is one order at the channel."""
    page = settings.PUBLIC_URL + reverse("payments:order", args=[order.pk])
    offer = gateway.create(
        Asked(
            number=order.number,
            amount_fen=order.amount_fen,
            description=f"{order.notice.title['zh'][:30]} {order.notice.number}",
            note=order.notice.number,
            expires_at=order.expires_at,
            notify_url=settings.CALLBACK_URL + reverse("payments:callback", args=[order.provider]),
            phone=Phone(client_ip, page) if order.way == Way.H5 else None,
        )
    )
    PaymentOrder.objects.filter(pk=order.pk, state__in=LIVE_ORDERS).update(
        state=OrderState.OPEN,
        code=offer.code,
        link=offer.link,
        link_until=at + LINK_MINUTES if order.way == Way.H5 else None,
    )
    order.refresh_from_db()


def book(provider: str, report: Report, at: datetime | None = None) -> Payment:
    """Books what a channel reports as paid, whether by callback or on question, whether or not the order's row is
    there.

    Raises booking.TransactionReused when the transaction was booked with other facts.
    """
    if report.outcome is not Outcome.PAID or report.paid_on is None:
        raise ValueError("nothing was paid")
    with transaction.atomic():
        order = PaymentOrder.objects.select_related("notice").filter(provider=provider, number=report.number).first()
        # The note carries the notice number, so that a callback from before our row still finds its notice.
        number = order.notice.number if order else report.note or report.number
        payment = booking.book_payment(
            channel=order.channel if order else _channel_for(number),
            provider=provider,
            provider_txn=report.provider_txn,
            amount_fen=report.amount_fen,
            paid_on=report.paid_on,
            actor=SYSTEM,
            notice_number=number,
            at=at,
        )
        if order and order.payment_id is None:
            PaymentOrder.objects.filter(pk=order.pk, payment=None).update(
                state=OrderState.PAID, payment=payment, ask_at=None
            )
    waiting = getattr(payment, "exception", None)
    if waiting is not None and waiting.reason == Reason.WRONG_AMOUNT:
        logger.error("payment_amount_differs provider=%s payment=%s", provider, payment.pk)
    return payment


def _channel_for(number: str) -> str:
    """The online channel of a notice known by its number alone."""
    try:
        notice = booking.find_notice(number)
    except InvalidNumber:
        notice = None
    return (online_channel(notice) if notice else "") or "online"


def ask_silent(limit: int = ASKED_AT_ONCE, at: datetime | None = None) -> int:
    """Asks the channels about orders that were silent for too long; returns how many were asked about.

    Orders of a channel that is not offered any more wait for its keys.
    """
    at = at or timezone.now()
    asked = 0
    for order in list(PaymentOrder.objects.silent(at).select_related("notice")[:limit]):
        # Whoever moves the date asks; two workers never ask about one order at once.
        claimed = PaymentOrder.objects.filter(pk=order.pk, ask_at=order.ask_at, state__in=UNSETTLED)
        if not claimed.update(ask_at=_next(order, at), asked=F("asked") + 1):
            continue
        asked += 1
        try:
            _ask(order, at)
        except (Refused, Unreachable, NotOffered) as error:
            logger.warning("order_unanswered order=%s error=%s", order.number, error)
        except booking.TransactionReused as error:
            logger.error("transaction_reused payment=%s", error.payment.pk)
    return asked


def _next(order: PaymentOrder, at: datetime) -> datetime | None:
    """When to ask again; None after a week, when the statement is the last word."""
    if at - order.opened_at > ASKED_UNTIL:
        return None
    following = [order.opened_at + wait for wait in ASKED_AFTER if order.opened_at + wait > at]
    return following[0] if following else at + ASKED_DAILY


def _ask(order: PaymentOrder, at: datetime) -> None:
    report = gateways.gateway(order.provider).query(order.number)
    if report.outcome is Outcome.PAID:
        book(order.provider, report, at)
    elif report.outcome is Outcome.CLOSED:
        _closed(order)
    elif order.state == OrderState.CLOSING or order.expires_at <= at:
        _close(order, at)


def _close(order: PaymentOrder, at: datetime) -> None:
    """Closes an order at its channel; one that was paid meanwhile is booked, one that gives no answer is asked about
    later.
    """
    try:
        gateway = gateways.gateway(order.provider)
        if gateway.close(order.number):
            _closed(order)
            return
        report = gateway.query(order.number)
        if report.outcome is Outcome.PAID:
            book(order.provider, report, at)
    except (Refused, Unreachable, NotOffered) as error:
        logger.warning("order_not_closed order=%s error=%s", order.number, error)


def _closed(order: PaymentOrder) -> None:
    PaymentOrder.objects.filter(pk=order.pk, state__in=UNSETTLED).update(state=OrderState.CLOSED, ask_at=None)


def latest_order(notice: Notice) -> PaymentOrder | None:
    """The last attempt to pay the notice, live or not."""
    return PaymentOrder.objects.filter(notice=notice).order_by("-opened_at").first()


def retire(batch: Batch) -> None:
    """Marks the live orders of notices that need no money any more as to be closed; the worker closes them."""
    live = PaymentOrder.objects.filter(notice__pk__among=batch.keys, state__in=LIVE_ORDERS)
    live.update(state=OrderState.CLOSING, ask_at=batch.at)
