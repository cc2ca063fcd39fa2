"""Delivery reports: each statement of the provider counts once, and a later state wins over an earlier one, never
back.
"""

from django.db import transaction

from portal.outbox.models import Delivery, DeliveryReport, Message


@transaction.atomic
def record_report(*, provider: str, provider_id: str, status: Delivery) -> bool:
    """Stores a report; returns False when it was known already. Reports about unknown messages are kept for the
    operators.
    """
    if not provider_id or status == Delivery.NONE:
        raise ValueError("a report names a message and a state")
    message = Message.objects.filter(provider=provider, provider_id=provider_id).first()
    _row, is_new = DeliveryReport.objects.get_or_create(
        provider=provider, provider_id=provider_id, status=status, defaults={"message": message}
    )
    if is_new and message is not None:
        lighter = [member for member in Delivery if member.weight < status.weight]
        Message.objects.filter(pk=message.pk, delivery__in=lighter).update(delivery=status)
    return is_new
