"""The one door to regional policies: `for_region`, from memory while nothing has changed."""

from collections.abc import Callable, Sequence
from datetime import date

from portal.regions import calendar
from portal.regions.models import PolicyRule, Region
from portal.regions.models.policy import resolve
from portal.regions.policy_values import Channel, Fee, Policy, PolicyGap

__all__ = ["Channel", "Fee", "Policy", "PolicyGap", "for_region", "impact_counters", "on_publish"]

impact_counters: list[Callable[[PolicyRule], Sequence[tuple[str, int]]]] = []
"""Upper layers append what counts the cases a rule touches, as (words, number) pairs, before publication (N17)."""

on_publish: list[Callable[[PolicyRule], None]] = []
"""Upper layers append what a published or withdrawn rule wakes, such as held applications, in its transaction."""


def for_region(region: Region, on: date | None = None) -> Policy:
    """The policy of a region on a local date, today by default; one query by primary key while rules are unchanged."""
    return resolve(region, on or calendar.today())
