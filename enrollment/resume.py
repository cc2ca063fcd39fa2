"""One link that leads back to a draft on another device (A11).

The link carries a random code and a tag made with the key of the portal. It opens nothing by itself: who follows it
signs in with the own telephone and is taken to the page they left. A new link takes the place of the one before.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from enrollment.models import Application, ResumeLink
from enrollment.states import State
from portal import audit
from portal.crypto import blind_index
from portal.documents.records import public_address
from portal.limits import take
from portal.outbox.services import enqueue
from portal.people.actors import Actor

VALID_DAYS = 7
MESSAGE_HOURS = 1
SENT_PER_DAY = 5
DAY_SECONDS = 86_400
CODE_LENGTH, TAG_LENGTH = 12, 8


class NoPhone(Exception):
    """There is no telephone on file to send a link to."""


class NotADraft(Exception):
    """The form was handed in or has lapsed."""


class LinkState(StrEnum):
    """What a link is good for."""

    VALID = "valid"
    EXPIRED = "expired"
    REPLACED = "replaced"
    HANDED_IN = "handed_in"


@dataclass(frozen=True)
class Found:
    """A link that was followed; the application is None when the link names none any more."""

    state: LinkState
    application: Application | None = None
    expires_at: datetime | None = None


class NotALink(LookupError):
    """The text was never a link of this portal."""


def send(*, application: Application, actor: Actor) -> ResumeLink:
    """Sends a link to the applicant's own telephone; the one sent before stops working.

    Raises NoPhone, NotADraft, PermissionDenied for anybody but the applicant, and RateLimited after five a day.
    """
    if not actor.is_resident or actor.resident_id != application.resident_id:
        raise PermissionDenied
    if not application.resident.phone:
        raise NoPhone
    take(f"resume:{application.resident_id}", capacity=SENT_PER_DAY, seconds=DAY_SECONDS)
    now = timezone.now()
    token = new_token()
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        if row.state != State.DRAFT or row.due_at is None:
            raise NotADraft
        expires_at = min(row.due_at, now + timedelta(days=VALID_DAYS))
        link = ResumeLink.objects.filter(application=row).first() or ResumeLink(application=row, sent=0)
        link.digest, link.sent_at, link.expires_at, link.sent = digest_of(token), now, expires_at, link.sent + 1
        link.save()
        enqueue(
            key=f"enrollment.resume:{row.pk}:{link.sent}",
            template="enrollment_resume",
            resident_id=application.resident_id,
            phone=application.resident.phone,
            params={"link": f"{public_address()}{reverse('enrollment:resume', args=[token])}", "until": expires_at},
            expires_at=now + timedelta(hours=MESSAGE_HOURS),
            urgent=True,
        )
        audit.record("enrollment.resume_link_sent", actor, subject=row)
    return link


def find(token: str) -> Found:
    """Judges a link; raises NotALink for a text that this portal did not sign."""
    code, tag = token[:CODE_LENGTH], token[CODE_LENGTH:]
    if len(token) != CODE_LENGTH + TAG_LENGTH or not constant_time_compare(tag, tag_of(code)):
        raise NotALink
    link = (
        ResumeLink.objects.filter(digest=digest_of(token))
        .select_related("application__resident", "application__beneficiary", "application__region")
        .first()
    )
    if link is None:
        return Found(LinkState.REPLACED)
    if link.application.state != State.DRAFT:
        return Found(LinkState.HANDED_IN, link.application)
    if link.expires_at <= timezone.now():
        return Found(LinkState.EXPIRED, link.application, link.expires_at)
    return Found(LinkState.VALID, link.application, link.expires_at)


def new_token() -> str:
    """A code of 72 random bits and its tag, in characters that no message breaks."""
    code = secrets.token_urlsafe(CODE_LENGTH)[:CODE_LENGTH]
    return code + tag_of(code)


def tag_of(code: str) -> str:
    """The tag of a code, made with the key of the portal."""
    return salted_hmac("enrollment.resume", code, algorithm="sha256").hexdigest()[:TAG_LENGTH]


def digest_of(token: str) -> str:
    """The look-up key of a link."""
    return blind_index(token, purpose="enrollment.resume")
