"""Turns dates, amounts and two-language values into the text a reader of the active language expects."""

from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language

from portal.regions.text import MONTHS, pick

ENGLISH_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CHINESE_WEEKDAYS = "一二三四五六日"


def is_chinese() -> bool:
    """Says whether the active language is Chinese, which is also the answer when no language is active."""
    return (get_language() or "zh").startswith("zh")


def localized(value: Any) -> str:
    """Returns the text of the active language from `{"zh": ..., "en": ...}`, and any other value as it is."""
    return pick(value)


def local_day(value: date | datetime) -> date:
    """Returns the date in Asia/Shanghai of a date or an aware time."""
    if isinstance(value, datetime):
        return timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
    return value


def format_day(value: date | datetime | None) -> str:
    """Writes a date as 2026年11月21日 or 21 November 2026 (UX-E14)."""
    if not value:
        return ""
    day = local_day(value)
    if is_chinese():
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def format_weekday(value: date | datetime | None) -> str:
    """Writes the day of the week as 星期六 or Saturday."""
    if not value:
        return ""
    number = local_day(value).weekday()
    return f"星期{CHINESE_WEEKDAYS[number]}" if is_chinese() else ENGLISH_WEEKDAYS[number]


def format_moment(value: datetime | None) -> str:
    """Writes a time in Asia/Shanghai as 2026年11月21日 14:05 or 21 November 2026, 14:05 (UX-E14)."""
    if not value:
        return ""
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    separator = " " if is_chinese() else ", "
    return f"{format_day(local)}{separator}{local:%H:%M}"


def format_yuan(fen: int | None) -> str:
    """Writes an amount in fen as ¥400.00, with a comma after each thousand (UX-E14)."""
    if fen is None or fen == "":
        return ""
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(int(fen)) // 100:,}.{abs(int(fen)) % 100:02d}"


def grouped(value: Any, size: int = 4) -> str:
    """Writes a number in groups of `size` characters so that it can be read out and compared (UX-R12)."""
    text = str(value or "")
    return " ".join(text[start : start + size] for start in range(0, len(text), size))
