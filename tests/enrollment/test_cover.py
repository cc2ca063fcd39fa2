"""Cover dates as tables: collection period, newborns, late window, waiting period."""

from datetime import date

import pytest

from enrollment.cover import (
    Window,
    add_months,
    collection_period,
    cover_dates,
    newborn_window_until,
    next_opening,
    open_years,
    waiting_months,
)
from portal.regions.policy_values import Policy


def region(**settings):
    """A policy of plain settings."""
    return Policy(region_code="450300", on=date(2026, 11, 21), data={"rules": {"setting": settings}, "sources": {}})


GUILIN = region(collection_period={"from": "09-01", "until": "12-31"}, late_window_until="06-30", newborn_days=90)
ZHONGSHAN = region(collection_period={"from": "09-01", "until": "12-31"})
NANCHANG = region(collection_period={"from": "09-15", "until": "02-29"})


def weekday(day):
    return day.weekday() < 5


def cover(paid_on, *, policy=GUILIN, year=2027, birth_on=date(1980, 1, 1), **rest):
    until = newborn_window_until(birth_on, policy, weekday)
    found = cover_dates(policy=policy, cover_year=year, paid_on=paid_on, birth_on=birth_on, newborn_until=until, **rest)
    return found.benefits_from, found.until, found.waiting_months


@pytest.mark.parametrize(
    ("policy", "year", "period"),
    [
        (GUILIN, 2027, (date(2026, 9, 1), date(2026, 12, 31))),
        (NANCHANG, 2027, (date(2026, 9, 15), date(2027, 2, 28))),
        (NANCHANG, 2028, (date(2027, 9, 15), date(2028, 2, 29))),
    ],
)
def test_the_collection_period_may_run_over_new_year_and_ends_on_the_last_day_of_february(policy, year, period):
    """N21."""
    assert collection_period(year, policy) == period


@pytest.mark.parametrize(
    ("paid_on", "rest", "expected"),
    [
        (date(2026, 9, 1), {}, (date(2027, 1, 1), 0)),
        (date(2026, 12, 31), {}, (date(2027, 1, 1), 0)),
        (date(2027, 1, 1), {}, (date(2027, 4, 2), 3)),
        (date(2027, 6, 30), {}, (date(2027, 10, 1), 3)),
        (date(2027, 2, 10), {"exempt": True}, (date(2027, 2, 11), 0)),
        (date(2026, 11, 21), {"missed_years": 1}, (date(2027, 5, 1), 4)),
        (date(2026, 11, 21), {"missed_years": 2}, (date(2027, 6, 1), 5)),
        (date(2026, 11, 21), {"missed_years": 2, "repaid_years": 2}, (date(2027, 4, 1), 3)),
        (date(2026, 11, 21), {"missed_years": 5, "repaid_years": 5}, (date(2027, 7, 1), 6)),
        (date(2026, 11, 21), {"missed_years": 5, "exempt": True}, (date(2027, 1, 1), 0)),
    ],
)
def test_benefits_begin_at_new_year_or_the_day_after_the_waiting_period(paid_on, rest, expected):
    """N21, DOMAIN §6: three months, one more per missed year, one less per year paid up, at least six after four."""
    begins, ends, months = cover(paid_on, **rest)
    assert (begins, months) == expected
    assert ends == date(2027, 12, 31)


@pytest.mark.parametrize(
    ("paid_on", "birth_on", "year", "expected"),
    [
        (date(2026, 11, 21), date(2026, 10, 10), 2026, (date(2026, 10, 10), date(2026, 12, 31), 0)),
        (date(2026, 11, 21), date(2026, 10, 10), 2027, (date(2027, 1, 1), date(2027, 12, 31), 0)),
        (date(2027, 1, 5), date(2026, 10, 10), 2027, (date(2027, 1, 1), date(2027, 12, 31), 0)),
        (date(2026, 11, 30), date(2026, 8, 31), 2026, (date(2026, 8, 31), date(2026, 12, 31), 0)),
    ],
)
def test_a_newborn_is_covered_from_birth(paid_on, birth_on, year, expected):
    """N21, DOMAIN §13: also across the end of the year."""
    assert cover(paid_on, birth_on=birth_on, year=year) == expected


@pytest.mark.parametrize(("after", "begins"), [("next_month", date(2026, 9, 1)), ("next_day", date(2026, 8, 11))])
def test_an_infant_past_the_newborn_window_does_not_wait_for_months(after, begins):
    """N21, DOMAIN §9: Guilin from the next month, Nanchang from the next day, both until the first birthday."""
    policy = region(newborn_after=after)
    assert cover(date(2026, 8, 10), policy=policy, birth_on=date(2026, 1, 15), year=2026)[::2] == (begins, 0)
    found = open_years(date(2026, 8, 10), date(2026, 1, 15), policy, weekday)
    assert [(option.year, option.window) for option in found] == [(2026, Window.INFANT)]


def test_a_newborn_window_that_ends_on_a_sunday_ends_on_monday():
    """DOMAIN §13: born 2026-08-31, 90 days end on Sunday 2026-11-29 (Civil Code 203)."""
    assert newborn_window_until(date(2026, 8, 31), GUILIN, weekday) == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("on", "policy", "expected"),
    [
        (date(2026, 11, 21), GUILIN, [(2027, Window.COLLECTION)]),
        (date(2027, 3, 1), GUILIN, [(2027, Window.LATE)]),
        (date(2027, 7, 1), GUILIN, []),
        (date(2027, 3, 1), ZHONGSHAN, []),
        (date(2027, 2, 28), NANCHANG, [(2027, Window.COLLECTION)]),
        (date(2027, 3, 1), NANCHANG, []),
    ],
)
def test_years_open_to_an_adult(on, policy, expected):
    """N21."""
    assert [(found.year, found.window) for found in open_years(on, date(1980, 1, 1), policy, weekday)] == expected


def test_a_family_with_a_newborn_may_owe_two_years():
    """DOMAIN §13: born 2026-10-10, registered on 2026-11-21."""
    found = open_years(date(2026, 11, 21), date(2026, 10, 10), GUILIN, weekday)
    assert [(option.year, option.window) for option in found] == [(2026, Window.NEWBORN), (2027, Window.COLLECTION)]


def test_the_first_missed_year_counts_only_where_the_region_says_so():
    """DOMAIN §14: `first_gap_year_adds`."""
    assert waiting_months(policy=GUILIN, in_period=True, missed_years=1) == 4
    assert waiting_months(policy=region(first_gap_year_adds=False), in_period=True, missed_years=1) == 3


def test_the_next_collection_period_is_named_when_nothing_is_open():
    """UX-R22."""
    assert next_opening(date(2027, 7, 1), GUILIN) == date(2027, 9, 1)
    assert next_opening(date(2026, 9, 1), GUILIN) == date(2027, 9, 1)


def test_a_month_later_than_the_31st_is_the_last_day_of_the_month():
    """Civil Code 202."""
    assert add_months(date(2026, 11, 30), 3) == date(2027, 2, 28)
