"""The names of channels, for pages about many notices."""

from payments.models import Kind
from portal.regions.models import Region
from portal.regions.policy import for_region
from portal.regions.policy_values import PolicyGap


def channel_names(region: Region) -> dict[str, str]:
    """The channels of a region by code, in the active language; those of no kind are left out."""
    policy = for_region(region)
    names: dict[str, str] = {}
    for kind in Kind.values:
        try:
            names |= {channel.code: channel.name for channel in policy.channels(kind)}
        except PolicyGap:
            continue
    return names
