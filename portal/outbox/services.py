"""Storing messages: the text is rendered now, in the reader's language, and sent after commit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.template import Context, Engine
from django.utils import timezone, translation
from django.utils.translation import gettext

from portal import audit, prepared_writes
from portal.jobs.nudge import nudge
from portal.outbox import clock, providers
from portal.outbox.models import Message, MessageState
from portal.outbox.moulds import Moulds
from portal.people.actors import Actor
from portal.people.models import Resident

MAX_CHARACTERS = 500
MANY = 50
"""From so many messages on they are written as plain rows."""

COLUMNS = (
    *("key", "template", "channel", "language", "resident_id", "phone_cipher", "body_cipher", "urgent", "created_at"),
    *("next_try_at", "expires_at", "state", "attempts", "queries", "provider", "provider_id", "error", "delivery"),
)
FRESH = (str(MessageState.PENDING), 0, 0, "", "", "", "")
"""How every message begins: the values of the last seven columns."""


@dataclass(frozen=True, kw_only=True)
class MessageDraft:
    """One message to be stored; `key` names the business fact, so that the same fact never makes a second message."""

    key: str
    template: str
    params: Mapping[str, Any] = field(default_factory=dict)
    resident_id: UUID | None = None
    phone: str | None = None
    channel: str = "sms"
    expires_at: datetime | None = None
    language: str | None = None
    urgent: bool = False
    not_before: datetime | None = None


def enqueue(
    *,
    key: str,
    template: str,
    resident_id: UUID | None = None,
    phone: str | None = None,
    params: Mapping[str, Any] | None = None,
    channel: str = "sms",
    expires_at: datetime | None = None,
    language: str | None = None,
    urgent: bool = False,
) -> Message:
    """Stores one message in the caller's transaction and returns it, or the one that the same key made before."""
    draft = MessageDraft(
        key=key,
        template=template,
        params=params or {},
        resident_id=resident_id,
        phone=phone,
        channel=channel,
        expires_at=expires_at,
        language=language,
        urgent=urgent,
    )
    enqueue_many([draft])
    return Message.objects.get(key=key)


def enqueue_many(drafts: Iterable[MessageDraft]) -> None:
    """Stores a batch of messages with one read and one write per thousand; what was told already is left out."""
    drafts = list(drafts)
    if not drafts:
        return
    now = timezone.now()
    quiet = providers.configured().quiet_hours
    languages = _languages(drafts)
    moulds = Moulds(_body)
    at_once = clock.after_quiet_hours(now, quiet)
    rows = []
    for draft in drafts:
        language = draft.language or languages.get(draft.resident_id, settings.LANGUAGE_CODE)
        body = _signed(moulds.body(draft.template, draft.params, language), language)
        send_at = now if draft.urgent else at_once
        if not draft.urgent and draft.not_before is not None and draft.not_before > now:
            send_at = clock.after_quiet_hours(draft.not_before, quiet)
        rows.append(_row(draft, language, body, now, send_at))
    _store(rows)
    nudge("portal.outbox.tasks.drain", queue="outbox")


def _store(rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes messages; those whose key exists already are left as they are."""
    if len(rows) >= MANY:
        try:
            with transaction.atomic():
                return prepared_writes.pour(Message, COLUMNS, rows)
        except IntegrityError:
            pass  # some of the facts were told before: the database leaves them out
    return prepared_writes.add(Message, COLUMNS, rows)


class AlreadyOut(Exception):
    """A message that was to be taken back has been handed to the provider already."""


def cancel(keys: Iterable[str]) -> int:
    """Takes messages back that nobody has tried to send, in the caller's transaction; returns how many there were.

    Raises AlreadyOut, and leaves the caller's transaction to be rolled back, when one of them is out or on its way.
    """
    stored = Message.objects.filter(key__in=list(keys))
    waiting = stored.filter(state=MessageState.PENDING, attempts=0)
    taken_back = waiting.update(state=MessageState.CANCELLED, next_try_at=None)
    if stored.exclude(state=MessageState.CANCELLED).exists():
        raise AlreadyOut
    return taken_back


def render_text(template: str, params: Mapping[str, Any], language: str) -> str:
    """The text of a message in one language: one line, with the sender's signature in front."""
    return _signed(_body(template, params, language), language)


def _body(template: str, params: Mapping[str, Any], language: str) -> str:
    with translation.override(language):
        found = Engine.get_default().get_template(f"messages/{template}.txt")
        return " ".join(found.render(Context(dict(params), autoescape=False)).split())


def _signed(body: str, language: str) -> str:
    text = _signature(language) % {"text": body}
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


@cache
def _signature(language: str) -> str:
    with translation.override(language):
        return gettext("[Canbao] %(text)s")


def send_again(message: Message, *, actor: Actor) -> bool:
    """Puts a stuck message back into the queue, under its old reference; False when somebody else did so before."""
    stuck = Message.objects.stuck().filter(pk=message.pk, urgent=False)
    with transaction.atomic():
        done = stuck.update(state=MessageState.PENDING, attempts=0, queries=0, next_try_at=timezone.now(), error="")
        if done:
            audit.record("message.sent_again", actor, subject=message)
    nudge("portal.outbox.tasks.drain", queue="outbox")
    return bool(done)


def _languages(drafts: Iterable[MessageDraft]) -> dict[UUID | None, str]:
    """The language each resident reads, for the drafts that name none."""
    residents = {draft.resident_id for draft in drafts if draft.resident_id and not draft.language}
    if not residents:
        return {}
    return dict(Resident.objects.filter(pk__in=residents).values_list("pk", "language"))


def _row(draft: MessageDraft, language: str, body: str, now: datetime, send_at: datetime) -> tuple[Any, ...]:
    """The message as it is stored, in the order of COLUMNS."""
    expires_at = draft.expires_at
    if draft.urgent and expires_at is None:
        expires_at = now + timedelta(seconds=clock.CODE_SECONDS)
    phone = Message.sealed_phone(draft.key, draft.phone) if draft.phone else b""
    return (
        *(draft.key, draft.template, draft.channel, language, draft.resident_id, phone),
        *(Message.sealed_body(draft.key, body), draft.urgent, now, send_at, expires_at),
        *FRESH,
    )
