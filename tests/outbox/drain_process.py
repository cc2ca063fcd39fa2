"""A process that drains the outbox until it is killed, with waits of a second instead of minutes."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.outbox.providers import HttpSms


def work(url: str, kind: str) -> None:
    """Drains without end; kinds are "dedupes" and "plain" (what the gateway does), and "naive" (without a claim)."""
    from portal.outbox import clock, providers
    from portal.outbox.drain import drain

    clock.LEASE_SECONDS = 1
    clock.BACKOFF_SECONDS = (0.2,) * 200
    clock.QUERY_SECONDS = (0.5,) * 50
    providers.TIMEOUT_SECONDS = 0.5
    sms = providers.HttpSms(url, "token", dedupes=kind == "dedupes")
    sms.quiet_hours = None
    print("ready", flush=True)
    while True:
        if kind == "naive":
            drain_naively(sms)
        else:
            drain(provider=sms)
        time.sleep(0.02)


def drain_naively(sms: "HttpSms") -> None:
    """Reads, sends, then marks: the way that doubles."""
    from portal.outbox.models import Message, MessageState

    for message in Message.objects.filter(state=MessageState.PENDING).order_by("pk")[:10]:
        sms.send(message.key, message.phone, message.body)
        Message.objects.filter(pk=message.pk).update(state=MessageState.SENT, next_try_at=None)
