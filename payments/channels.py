"""The channels of a region, for pages about many notices."""

from payments.models import Kind
from portal.regions.models import Region
from portal.regions.policy import for_region
from portal.regions.policy_values import Channel, PolicyGap


def channels(region: Region) -> dict[str, Channel]:
    """The channels of a region by code; those of no kind are left out."""
    policy = for_region(region)
    found: dict[str, Channel] = {}
    for kind in Kind.values:
        try:
            found |= {channel.code: channel for channel in policy.channels(kind)}
        except PolicyGap:
            continue
    return found


def channel_names(region: Region) -> dict[str, str]:
    """The names of a region's channels by code, in the active language."""
    return {code: channel.name for code, channel in channels(region).items()}
