"""Deadlines and reminders as declarations."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.regions.calendar import end_instant
from portal.regions.policy_values import Policy
from portal.regions.workdays import CalendarData
from portal.workflow.deadlines import (
    Facts,
    Setting,
    after_calendar_days,
    after_workdays,
    at_once,
    before_due,
    days_of,
    latest,
    since_arrival,
    when_overdue,
)

# Friday 8 May 2026, 23:30 in Shanghai.
LATE_FRIDAY = datetime(2026, 5, 8, 15, 30, tzinfo=UTC)
POLICY = Policy(
    "450302",
    date(2026, 5, 8),
    {"region": "450302", "rules": {"time_limit": {"review.tax_bureau": {"days": 10}}}, "sources": {}},
)
DAY_OFF = CalendarData(extra={"450000": frozenset({date(2026, 5, 11)})})


def facts(at=LATE_FRIDAY, data=None, **values):
    setting = Setting(at, data or CalendarData(), {5: (POLICY, ("000000", "450000", "450302"))})
    due_at = values.pop("due_at", None)
    return Facts(setting, "a", "b", {"policy_id": 5, **values}, due_at=due_at, since=at)


def test_local_date_decides_the_start_day():
    """B1: half past eleven at night in Shanghai is still Friday, whatever UTC says."""
    assert after_workdays(1).instant(facts()) == end_instant(date(2026, 5, 11))


def test_zero_working_days_is_that_day_or_the_next_working_one():
    assert after_workdays(0).instant(facts()) == end_instant(date(2026, 5, 8))
    assert after_workdays(0).instant(facts(LATE_FRIDAY + timedelta(days=1))) == end_instant(date(2026, 5, 11))


def test_regional_days_off_are_found_by_the_policys_region():
    """N1: 三月三 in Guangxi."""
    assert after_workdays(1).instant(facts(data=DAY_OFF)) == end_instant(date(2026, 5, 12))


def test_length_comes_from_the_policy_by_key_or_function():
    assert days_of("review.tax_bureau", facts()) == 10
    assert days_of(lambda row: f"review.{row['kind']}", facts(kind="tax_bureau")) == 10
    assert days_of(4, facts()) == 4


def test_columns_say_what_the_deadline_depends_on():
    deadline = after_workdays(lambda row: "x", start="paid_on", columns=("office__kind",))
    assert deadline.columns == ("policy_id", "paid_on", "office__kind")
    assert after_calendar_days(30).columns == ()
    assert latest(after_workdays("a"), after_calendar_days(3, start="day")).columns == ("policy_id", "day")


def test_start_column_may_hold_a_date_or_a_moment_or_nothing():
    deadline = after_calendar_days(2, start="day")
    for value in (date(2026, 5, 8), LATE_FRIDAY, None):
        assert deadline.instant(facts(day=value)) == end_instant(date(2026, 5, 10))


def test_at_once_is_the_instant_of_arrival():
    assert at_once().instant(facts()) == LATE_FRIDAY


def test_latest_takes_the_later_one():
    assert latest(after_calendar_days(1), after_calendar_days(9)).instant(facts()) == end_instant(date(2026, 5, 17))


DUE = end_instant(date(2026, 5, 14))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (DUE - timedelta(hours=25), DUE - timedelta(hours=24)),
        (DUE - timedelta(hours=24), None),
        (DUE - timedelta(hours=1), None),
    ],
)
def test_reminder_before_due_comes_once_and_not_to_late_arrivals(after, expected):
    """B9."""
    assert before_due(hours=24).following(after, facts(due_at=DUE)) == expected


@given(late=st.integers(min_value=0, max_value=60 * 60 * 24 * 40))
def test_overdue_reminder_is_always_the_next_one_and_within_a_day(late):
    """N3: whatever the outage was, the next reminder lies in the future, on the daily beat."""
    after = DUE + timedelta(seconds=late)
    following = when_overdue(every_days=1).following(after, facts(due_at=DUE))
    assert after < following <= after + timedelta(days=1)
    assert (following - DUE) % timedelta(days=1) == timedelta(0)


def test_reminders_chain_in_order_of_time():
    both = before_due(hours=24).then(when_overdue(every_days=1))
    start = DUE - timedelta(days=3)
    first = both.following(start, facts(due_at=DUE))
    second = both.following(first, facts(due_at=DUE))
    assert (first, second) == (DUE - timedelta(hours=24), DUE)
    assert set(both.columns) == {"due_at"}


def test_reminder_since_arrival_repeats_only_when_asked():
    once, weekly = since_arrival(180), since_arrival(180, every_days=7)
    first = end_instant(date(2026, 11, 4))
    assert once.following(LATE_FRIDAY, facts()) == first
    assert once.following(first, facts()) is None
    assert weekly.following(first, facts()) == first + timedelta(days=7)


def test_nothing_due_means_nothing_to_remind_of():
    assert before_due(days=1).following(LATE_FRIDAY, facts()) is None
    assert when_overdue().following(LATE_FRIDAY, facts()) is None
