"""What channels report by themselves: verified, taken once, booked."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from payments import orders, payouts
from payments.booking import TransactionReused
from payments.gateways.base import CallbackRefused, Gateway
from payments.models import CallbackMark, Payment

KEPT_DAYS = 30
"""Marks are kept far longer than the longest time within which a channel repeats itself (25 hours)."""


def take(gateway: Gateway, body: bytes, headers: Mapping[str, str], at: datetime | None = None) -> Payment | None:
    """Books what a callback says of a payment or of a refund; None when it is not about a payment or was taken before.

    The mark and the money are stored together: a callback that failed on our side may come again. Raises
    CallbackRefused, and changes nothing then.
    """
    at = at or timezone.now()
    callback = gateway.read_callback(body, headers, at)
    try:
        with transaction.atomic():
            CallbackMark.objects.create(provider=gateway.provider, mark=callback.mark, at=at)
            if callback.back:
                payouts.take_report(gateway.provider, callback.back, at)
            return orders.book(gateway.provider, callback.report, at) if callback.report else None
    except TransactionReused as error:
        raise CallbackRefused("transaction_reused", 409) from error
    except IntegrityError as error:
        if not CallbackMark.objects.filter(provider=gateway.provider, mark=callback.mark).exists():
            raise
        if gateway.replays_are_answered:
            return None
        raise CallbackRefused("replayed", 409) from error


def forget_old(at: datetime | None = None) -> int:
    """Removes marks after 30 days; returns how many."""
    return CallbackMark.objects.filter(at__lt=(at or timezone.now()) - timedelta(days=KEPT_DAYS)).delete()[0]
