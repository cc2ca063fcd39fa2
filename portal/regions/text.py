"""Picks the language of content that carries both languages in its data."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import get_language

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def pick(value: Any) -> str:
    """Returns the text of a {"zh", "en"} value in the active language; Chinese stands in where English is missing."""
    if isinstance(value, Mapping):
        if (get_language() or "").startswith("en"):
            return str(value.get("en") or value.get("zh") or "")
        return str(value.get("zh") or value.get("en") or "")
    return "" if value is None else str(value)


def both(zh: str, en: str) -> dict[str, str]:
    """Builds a bilingual value."""
    return {"zh": zh, "en": en}


def day_text(day: date) -> str:
    """Writes a date as 2026年11月21日 or 21 November 2026 (UX-E14)."""
    if (get_language() or "").startswith("en"):
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{day.year}年{day.month}月{day.day}日"
