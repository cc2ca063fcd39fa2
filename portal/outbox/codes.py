"""Puts the one-time codes of residents on their way."""

import datetime
import uuid

from django.utils import timezone

from portal.outbox.clock import CODE_SECONDS
from portal.outbox.services import enqueue


def send_code(
    *,
    phone: str,
    code: str,
    resident_id: uuid.UUID | None,
    language: str,
    expires_at: datetime.datetime,
    reference: str,
) -> None:
    """Stores the message with a code; one that cannot go out within two minutes is dropped, because its reader asked
    for a new one.
    """
    now = timezone.now()
    enqueue(
        key=f"code:{reference}",
        template="one_time_code",
        phone=phone,
        resident_id=resident_id,
        params={"code": code, "minutes": max(1, round((expires_at - now).total_seconds() / 60))},
        expires_at=min(expires_at, now + datetime.timedelta(seconds=CODE_SECONDS)),
        language=language,
        urgent=True,
    )
