"""What a notice's page says about paying it online."""

from typing import Any

from django import template
from django.utils import timezone

from payments import gateways, orders
from payments.models import Notice

register = template.Library()


@register.inclusion_tag("payments/_pay_online.html")
def pay_online(notice: Notice) -> dict[str, Any]:
    """Offers to pay online where the region has an online channel and the portal its keys; else nothing."""
    offered = bool(orders.online_channel(notice) and gateways.offered())
    return {"notice": notice, "offered": offered and not orders.refusal(notice, timezone.now())}
