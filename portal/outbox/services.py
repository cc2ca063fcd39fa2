"""Storing messages: the text is rendered now, in the reader's language, and sent after commit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.template import Context, Engine
from django.utils import timezone, translation
from django.utils.translation import gettext

from portal import audit
from portal.jobs.nudge import nudge
from portal.outbox import clock, providers
from portal.outbox.models import Message, MessageState
from portal.people.actors import Actor
from portal.people.models import Resident

MAX_CHARACTERS = 500


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
    """Stores a batch of messages with one read and one write per 500; keys that exist already are left as they are."""
    drafts = list(drafts)
    if not drafts:
        return
    now = timezone.now()
    quiet = providers.configured().quiet_hours
    languages = _languages(drafts)
    rows = [_message(draft, languages.get(draft.resident_id, settings.LANGUAGE_CODE), now, quiet) for draft in drafts]
    Message.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    nudge("portal.outbox.tasks.drain", queue="outbox")


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
    with translation.override(language):
        body = (
            Engine.get_default()
            .get_template(f"messages/{template}.txt")
            .render(Context(dict(params), autoescape=False))
        )
        text = gettext("[Canbao] %(text)s") % {"text": " ".join(body.split())}
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


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


def _message(draft: MessageDraft, language: str, now: datetime, quiet: clock.Hours | None) -> Message:
    language = draft.language or language
    expires_at = draft.expires_at
    if draft.urgent and expires_at is None:
        expires_at = now + timedelta(seconds=clock.CODE_SECONDS)
    message = Message(
        key=draft.key,
        template=draft.template,
        channel=draft.channel,
        language=language,
        resident_id=draft.resident_id,
        urgent=draft.urgent,
        created_at=now,
        next_try_at=now if draft.urgent else clock.after_quiet_hours(max(now, draft.not_before or now), quiet),
        expires_at=expires_at,
    )
    message.body = render_text(draft.template, draft.params, language)
    message.phone = draft.phone or ""
    return message
