"""How long messages are kept."""

from datetime import timedelta

from django.utils import timezone

from portal.outbox.models import DemoSms, Message

KEEP_DAYS = 3 * 365
KEEP_CODES_HOURS = 24


def erase_old(limit: int = 5000) -> int:
    """Removes one-time codes after 24 hours and other messages after three years; returns the number of rows."""
    now = timezone.now()
    final = Message.objects.filter(next_try_at=None)
    codes = final.filter(urgent=True, created_at__lt=now - timedelta(hours=KEEP_CODES_HOURS))
    old = final.filter(created_at__lt=now - timedelta(days=KEEP_DAYS))
    removed = 0
    for rows in (codes, old):
        keys = list(rows.values_list("key", flat=True)[:limit])
        DemoSms.objects.filter(reference__in=keys).delete()
        removed += Message.objects.filter(key__in=keys).delete()[1].get("outbox.Message", 0)
    return removed
