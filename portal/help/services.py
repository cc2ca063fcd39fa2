"""Keeps feedback and counts it."""

from typing import Any

from django.db.models import Avg, Count
from django.utils import timezone
from django.utils.translation import get_language

from portal.help.models import Feedback


def give_feedback(*, page: str, rating: int | None, text: str) -> Feedback:
    """Stores a remark with its date only, so that it cannot be matched with an access log."""
    return Feedback.objects.create(
        page=page, rating=rating, text=text, language=get_language() or "", given_on=timezone.localdate()
    )


def counts_per_page() -> list[dict[str, Any]]:
    """Counts remarks and averages grades for each page."""
    rows = (
        Feedback.objects.values("page")
        .annotate(remarks=Count("id"), grades=Count("rating"), average=Avg("rating"))
        .order_by("-remarks", "page")
    )
    return [dict(row) for row in rows]
