"""Working days over plain data: the published vectors, every day of three years, and properties of the counting."""

import csv
from datetime import date, datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.regions import workdays
from portal.regions.calendar_data import delivered_years
from portal.regions.workdays import CalendarData, add_workdays, provisional_days_off, qingming, workdays_between

VECTORS = list(
    csv.DictReader((Path(__file__).parent / "data" / "workdays.csv").read_text(encoding="utf-8").splitlines())
)


def delivered(
    *, published: tuple[int, ...] = (2024, 2025, 2026), extra: dict[str, frozenset[date]] | None = None
) -> CalendarData:
    special, statutory = {}, {}
    for year in delivered_years():
        days = {date.fromisoformat(day["date"]): day["kind"] == "makeup_workday" for day in year["days"]}
        if year["year"] in published:
            special |= days
        else:
            statutory[year["year"]] = frozenset(day for day, worked in days.items() if not worked)
    return CalendarData(special=special, published=frozenset(published), statutory=statutory, extra=extra or {})


CALENDAR = delivered()
GUANGXI = delivered(extra={"450000": frozenset({date(2026, 4, 20), date(2026, 4, 21)})})

days_of_three_years = st.dates(date(2024, 1, 1), date(2026, 12, 31))
any_day = st.dates(date(1990, 1, 1), date(2090, 1, 1))
counts = st.integers(0, 60)


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: f"{row['start']}+{row['n']}")
def test_counting_agrees_with_the_published_vectors(row: dict[str, str]) -> None:
    """N1, B1, D9, REL-C2: published calendars by table; an unpublished year is provisional, never an error."""
    result = add_workdays(CALENDAR, date.fromisoformat(row["start"]), int(row["n"]))
    if row["expected"] == "UNPUBLISHED_YEAR":
        assert result.provisional
        assert result.date.year == 2027
    else:
        assert result.date == date.fromisoformat(row["expected"])
        assert CALENDAR.is_workday(date.fromisoformat(row["start"])) == (row["start_is_workday"] == "true")


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2024-02-09", 3, "2024-02-20"),
        ("2025-01-27", 20, "2025-03-03"),
        ("2026-02-12", 3, "2026-02-24"),
        ("2026-02-13", 20, "2026-03-19"),
        ("2024-09-30", 3, "2024-10-10"),
        ("2025-09-30", 20, "2025-11-04"),
        ("2026-09-18", 3, "2026-09-22"),
        ("2026-11-21", 3, "2026-11-25"),
        ("2026-11-21", 20, "2026-12-18"),
        ("2026-12-03", 20, "2026-12-31"),
        ("2026-11-20", 0, "2026-11-20"),
        ("2026-11-21", 0, "2026-11-23"),
        ("2026-02-14", 0, "2026-02-14"),
    ],
)
def test_hand_counts_hold(start: str, days: int, expected: str) -> None:
    """N1: the table of hand counts, with starts inside holidays and n = 0."""
    assert add_workdays(CALENDAR, date.fromisoformat(start), days).date == date.fromisoformat(expected)


def test_every_day_of_three_years_agrees_with_an_independent_table() -> None:
    """N1: 1,096 days against chinesecalendar."""
    day = date(2024, 1, 1)
    while day.year < 2027:
        assert CALENDAR.is_workday(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def test_unpublished_year_counts_statutory_days_and_compensation() -> None:
    """REL-C1, REL-C3: 2027 has its statutory days and the weekdays right after for those on a weekend."""
    off = [day for day in (date(2027, 1, 1) + timedelta(days=n) for n in range(365)) if day.isoweekday() < 6]
    off = [day for day in off if not CALENDAR.is_workday(day)]
    assert off == [
        date(2027, 1, 1),
        date(2027, 2, 5),
        date(2027, 2, 8),
        date(2027, 2, 9),
        date(2027, 2, 10),
        date(2027, 4, 5),
        date(2027, 5, 3),
        date(2027, 5, 4),
        date(2027, 6, 9),
        date(2027, 9, 15),
        date(2027, 10, 1),
        date(2027, 10, 4),
        date(2027, 10, 5),
    ]


@pytest.mark.parametrize(
    ("start", "days", "provisional"),
    [
        ("2026-12-01", 17, False),
        ("2026-12-01", 18, True),
        ("2026-12-24", 0, False),
        ("2026-12-25", 0, True),
        ("2026-12-03", 20, True),
        ("2024-12-20", 10, False),
        ("2023-06-01", 3, True),
        ("2031-05-01", 20, True),
    ],
)
def test_last_week_of_december_is_provisional_until_next_year_is_published(
    start: str, days: int, provisional: bool
) -> None:
    """REL-C1: 25–31 December can still change by the next year's notice."""
    assert add_workdays(CALENDAR, date.fromisoformat(start), days).provisional is provisional


def test_publishing_a_year_settles_its_dates() -> None:
    """REL-C1: with 2027 published nothing up to 24 December 2027 is provisional."""
    settled = delivered(published=(2024, 2025, 2026, 2027))
    assert not add_workdays(settled, date(2026, 12, 20), 30).provisional


def test_extra_days_hold_in_their_region_only() -> None:
    """REL-C5: 三月三 moves a date in Guilin, not in Zhongshan."""
    start = date(2026, 4, 17)
    assert add_workdays(GUANGXI, start, 3, ["000000", "450000", "450300"]).date == date(2026, 4, 24)
    assert add_workdays(GUANGXI, start, 3, ["000000", "440000", "442000"]).date == date(2026, 4, 22)
    assert add_workdays(GUANGXI, start, 3).date == date(2026, 4, 22)


def test_moments_and_negative_lengths_are_refused() -> None:
    """REL-C4: a moment is no local date."""
    with pytest.raises(TypeError):
        add_workdays(CALENDAR, datetime(2026, 11, 21, 23, 59), 3)
    with pytest.raises(ValueError, match="negative"):
        add_workdays(CALENDAR, date(2026, 11, 21), -1)


@pytest.mark.parametrize(("year", "day"), [(2024, 4), (2025, 4), (2026, 5), (2027, 5), (2028, 4), (2030, 5)])
def test_qingming_falls_on_the_fourth_or_fifth_of_april(year: int, day: int) -> None:
    assert qingming(year) == date(year, 4, day)


def test_compensation_follows_each_run_of_days_off() -> None:
    run = frozenset({date(2027, 5, 1), date(2027, 5, 2)})
    assert provisional_days_off(run) == run | {date(2027, 5, 3), date(2027, 5, 4)}


@given(days_of_three_years, st.integers(1, 60))
def test_result_is_a_workday_after_start_with_exactly_so_many_counted(start: date, days: int) -> None:
    """N1: the result is worked, and strictly between it and the start lie one fewer."""
    result = add_workdays(CALENDAR, start, days)
    assert result.date > start
    assert CALENDAR.is_workday(result.date)
    assert workdays_between(CALENDAR, start, result.date) == days - 1


@given(any_day, counts)
def test_no_date_raises_and_provisional_follows_from_the_years_touched(start: date, days: int) -> None:
    """REL-C3: whatever the year, the resident gets a date."""
    result = add_workdays(CALENDAR, start, days)
    assert CALENDAR.is_workday(result.date)
    if not result.provisional:
        assert {2024, 2025, 2026} >= {result.date.year}


@given(days_of_three_years, st.integers(1, 30), st.integers(1, 30))
def test_counting_can_be_split(start: date, first: int, second: int) -> None:
    middle = add_workdays(CALENDAR, start, first).date
    assert add_workdays(CALENDAR, middle, second).date == add_workdays(CALENDAR, start, first + second).date


@given(days_of_three_years, counts)
def test_later_starts_never_end_earlier(start: date, days: int) -> None:
    following = start + timedelta(days=1)
    assert add_workdays(CALENDAR, following, days).date >= add_workdays(CALENDAR, start, days).date


@given(days_of_three_years, counts)
def test_extra_days_never_bring_a_date_forward(start: date, days: int) -> None:
    """REL-C5"""
    assert add_workdays(GUANGXI, start, days, ["450000"]).date >= add_workdays(GUANGXI, start, days).date


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)))
def test_compensation_gives_one_weekday_for_each_weekend_day(day: date) -> None:
    statutory = frozenset(day + timedelta(days=n) for n in range(4))
    added = provisional_days_off(statutory) - statutory
    assert len(added) == sum(each.isoweekday() >= workdays.SATURDAY for each in statutory)
    assert all(each.isoweekday() < workdays.SATURDAY and each > max(statutory) for each in added)


@given(days_of_three_years, days_of_three_years)
def test_between_is_zero_in_the_wrong_order(one: date, other: date) -> None:
    first, last = sorted((one, other))
    assert workdays_between(CALENDAR, last, first) == 0
    assert 0 <= workdays_between(CALENDAR, first, last) <= max(0, (last - first).days - 1)
