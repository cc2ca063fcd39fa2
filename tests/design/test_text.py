"""Dates, amounts and two-language values in the reader's language."""

from datetime import UTC, date, datetime

import pytest
from django.template import Context, Template
from django.utils import translation

from portal.design import text

EVENING_UTC = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)


def test_dates_follow_the_language() -> None:
    """UX-E14: 2026年11月21日 and 21 November 2026, with the day of the week."""
    assert text.format_day(date(2026, 11, 21)) == "2026年11月21日"
    assert text.format_weekday(date(2026, 11, 21)) == "星期六"
    with translation.override("en"):
        assert text.format_day(date(2026, 3, 8)) == "8 March 2026"
        assert text.format_weekday(date(2026, 3, 8)) == "Sunday"


def test_times_are_those_of_shanghai() -> None:
    """UX-E14: half past four in the afternoon of Greenwich is half past midnight of the next day here."""
    assert text.format_moment(EVENING_UTC) == "2026年11月21日 00:30"
    assert text.format_day(EVENING_UTC) == "2026年11月21日"
    with translation.override("en"):
        assert text.format_moment(EVENING_UTC) == "21 November 2026, 00:30"


@pytest.mark.parametrize(
    ("fen", "shown"),
    [(40000, "¥400.00"), (5, "¥0.05"), (0, "¥0.00"), (123456789, "¥1,234,567.89"), (-2050, "-¥20.50"), (None, "")],
)
def test_amounts_have_two_decimals(fen: int | None, shown: str) -> None:
    """UX-E14: money is written from whole fen, never through a float."""
    assert text.format_yuan(fen) == shown


def test_two_language_values_pick_the_readers() -> None:
    """UX-R21: content in data carries both languages; Chinese stands in where English is missing."""
    both = {"zh": "桂林市", "en": "Guilin"}
    assert text.localized(both) == "桂林市"
    assert text.localized("as it is") == "as it is"
    assert text.localized(None) == ""
    with translation.override("en"):
        assert text.localized(both) == "Guilin"
        assert text.localized({"zh": "桂林市"}) == "桂林市"


def test_filters_need_no_loading() -> None:
    """UX-E14: every template has the filters at hand."""
    template = Template("{{ on|day }} {{ fen|yuan }} {{ number|grouped }} {{ name|localized }}")
    context = {"on": date(2026, 1, 2), "fen": 2000, "number": "450302202611", "name": {"zh": "甲", "en": "A"}}
    assert template.render(Context(context)) == "2026年1月2日 ¥20.00 4503 0220 2611 甲"
