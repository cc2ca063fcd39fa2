"""Where: the region tree and its offices, the working-day calendar, and the regional policies."""

from portal.regions.models import versions
from portal.regions.models.calendar import CalendarDay, CalendarYear, RegionalHoliday
from portal.regions.models.places import Office, OfficeKind, OfficeQuerySet, Region, RegionLevel, RegionQuerySet
from portal.regions.models.policy import PolicyRule, PolicySnapshot, RuleKind, RuleState
from portal.regions.models.versions import ConfigVersion

__all__ = [
    "CalendarDay",
    "CalendarYear",
    "ConfigVersion",
    "Office",
    "OfficeKind",
    "OfficeQuerySet",
    "PolicyRule",
    "PolicySnapshot",
    "Region",
    "RegionLevel",
    "RegionQuerySet",
    "RegionalHoliday",
    "RuleKind",
    "RuleState",
    "versions",
]
