"""Sending what is stored: two short transactions around every call to the provider, and none during it.

A message whose sender died or got no answer is sent again under the same reference where the provider knows it again,
and asked about where not. One-time codes of unknown fate are never sent again: a new code is a new message.
"""

import logging
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from portal.outbox import clock, providers
from portal.outbox.models import Message, MessageState

logger = logging.getLogger(__name__)

BATCH = 10
RUN_SECONDS = 20
LOST = "lost"


def drain(
    limit: int = 100, *, provider: providers.Provider | None = None, run_seconds: float = RUN_SECONDS
) -> Counter[str]:
    """Handles up to `limit` due messages, urgent ones first; returns how many ended in which state."""
    provider = provider or providers.configured()
    ends = time.monotonic() + run_seconds
    counts: Counter[str] = Counter()
    now = timezone.now()
    if not Message.objects.due(now).exists():
        return counts
    _expire(now)
    _respect_quiet_hours(now, provider.quiet_hours)
    while counts.total() < limit and time.monotonic() < ends:
        due = Message.objects.due(timezone.now()).order_by("-urgent", "next_try_at").values_list("pk", flat=True)
        batch = list(due[: min(BATCH, limit - counts.total())])
        if not batch:
            break
        for pk in batch:
            counts[_handle(pk, provider)] += 1
            if time.monotonic() >= ends:
                break
    return counts


def _handle(pk: int, provider: providers.Provider) -> str:
    """Does the next thing for one message; returns its new state, or "lost" when another drain was first."""
    message = _claim(pk, provider)
    if message is None:
        return LOST
    if message.state == MessageState.SENDING:
        return _send(message, provider)
    return _ask(message, provider)


def _claim(pk: int, provider: providers.Provider) -> Message | None:
    """Takes the lease of one due message, to send it or to ask about it; None when another drain has it."""
    now = timezone.now()
    message = Message.objects.due(now).select_related("resident").filter(pk=pk).first()
    if message is None:
        return None
    seen = Message.objects.filter(
        pk=pk,
        state=message.state,
        attempts=message.attempts,
        queries=message.queries,
        next_try_at=message.next_try_at,
    )
    may_send = message.state == MessageState.PENDING or (provider.dedupes and not message.urgent)
    message.state = MessageState.SENDING if may_send else MessageState.UNKNOWN
    message.attempts += may_send
    message.queries += not may_send
    message.next_try_at = now + timedelta(seconds=clock.LEASE_SECONDS)
    won = seen.update(
        state=message.state,
        attempts=message.attempts,
        queries=message.queries,
        next_try_at=message.next_try_at,
        provider=provider.name,
    )
    return message if won else None


def _send(message: Message, provider: providers.Provider) -> str:
    now = timezone.now()
    try:
        phone = message.phone
        if not phone:
            return _close(message, MessageState.FAILED, error="no_phone")
        provider_id = provider.send(message.key, phone, message.body)
    except providers.Refused as refusal:
        again = None if refusal.final else clock.next_try(now, message.attempts, _quiet(message, provider))
        if again is None:
            return _close(message, MessageState.FAILED, error=refusal.code)
        return _write(message, MessageState.PENDING, next_try_at=again, error=refusal.code)
    except Exception as error:  # whatever a gateway or its library does must not stop the other messages
        if not isinstance(error, providers.NoAnswer):
            logger.exception("message_send_failed message=%s", message.pk)
        if provider.dedupes and not message.urgent:
            again = clock.next_try(now, message.attempts, None)
        else:
            again = clock.next_query(now, message.queries)
        return _write(message, MessageState.UNKNOWN, next_try_at=again, error=str(error)[:60])
    return _close(message, MessageState.SENT, provider_id=provider_id, sent_at=timezone.now(), error="")


def _ask(message: Message, provider: providers.Provider) -> str:
    now = timezone.now()
    try:
        answer = provider.query(message.key)
    except Exception as error:  # as above
        if not isinstance(error, providers.NoAnswer):
            logger.exception("message_query_failed message=%s", message.pk)
        again = clock.next_query(now, message.queries)
        return _write(message, MessageState.UNKNOWN, next_try_at=again, error=str(error)[:60])
    if answer.fate == providers.Fate.ACCEPTED:
        return _close(message, MessageState.SENT, provider_id=answer.provider_id, sent_at=now, error="")
    if message.urgent:
        return _close(message, MessageState.FAILED, error="not_accepted")
    again = clock.next_try(now, message.attempts, _quiet(message, provider))
    if again is None:
        return _close(message, MessageState.FAILED, error="not_accepted")
    return _write(message, MessageState.PENDING, next_try_at=again, error="not_accepted")


def _close(message: Message, state: MessageState, **fields: Any) -> str:
    """Files a message for good; the text of a one-time code goes with it."""
    if message.urgent:
        fields["body_cipher"] = b""
    return _write(message, state, next_try_at=None, **fields)


def _write(message: Message, state: MessageState, *, next_try_at: datetime | None, **fields: Any) -> str:
    """Records the outcome unless another drain has taken the message meanwhile."""
    mine = Message.objects.filter(
        pk=message.pk, state=message.state, attempts=message.attempts, queries=message.queries
    )
    return state.value if mine.update(state=state, next_try_at=next_try_at, **fields) else LOST


def _quiet(message: Message, provider: providers.Provider) -> clock.Hours | None:
    return None if message.urgent else provider.quiet_hours


def _expire(now: datetime) -> None:
    """Files what nobody wants to read any more."""
    late = Message.objects.due(now).filter(state=MessageState.PENDING, expires_at__lte=now)
    late.filter(urgent=True).update(state=MessageState.EXPIRED, next_try_at=None, body_cipher=b"")
    late.update(state=MessageState.EXPIRED, next_try_at=None)


def _respect_quiet_hours(now: datetime, quiet: clock.Hours | None) -> None:
    """Moves what was not sent before the quiet hours to their end."""
    morning = clock.after_quiet_hours(now, quiet)
    if morning != now:
        waiting = Q(state=MessageState.PENDING, urgent=False)
        Message.objects.due(now).filter(waiting).update(next_try_at=morning)
