"""The families of a resident on the list of applications."""

from typing import Any

from django import template
from django.template.context import Context

from enrollment.models import HouseholdPack

register = template.Library()

LISTED = 5


@register.inclusion_tag("enrollment/household_mine.html", takes_context=True)
def household_packs(context: Context) -> dict[str, Any]:
    """Lists the families the reader registers together, and leads to a new one."""
    packs = HouseholdPack.objects.visible_to(context["request"].actor).prefetch_related("members__beneficiary")
    shown = [pack for pack in packs[:LISTED] if pack.members.all()]
    for pack in shown:
        pack.names = [row.beneficiary.name for row in pack.members.all() if row.beneficiary]  # type: ignore[attr-defined]
    return {"packs": shown, "request": context["request"]}
