"""Where a notice can be paid: its channels with the places of the region that take the money."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from payments.models import Notice
from portal.regions.models import Office, Region
from portal.regions.policy_values import Channel

PLACES_SHOWN = 2


@dataclass(frozen=True)
class WayToPay:
    """One channel and the nearest places of it; an online channel has none."""

    channel: Channel
    offices: list[Office]

    @property
    def name(self) -> str:
        return self.channel.name

    @property
    def where(self) -> str:
        """The places in one text: name and address each."""
        if self.channel.online:
            return _("Online, at any hour")
        listed = [f"{office.name} {office.address}" for office in self.offices]
        return "；".join(listed) or _("Every outlet in the region")


def ways_to_pay(notice: Notice, places: int = PLACES_SHOWN) -> list[WayToPay]:
    """Every channel of the notice with a few places, the nearest first, and none far away where one is near."""
    channels = notice.channels
    offices = _offices(notice.region, {channel.office_kind for channel in channels if channel.office_kind})
    ways = []
    for channel in channels:
        fitting = [
            office
            for office in offices
            if office.kind == channel.office_kind and (not channel.bank_code or office.bank_code == channel.bank_code)
        ]
        near = [office for office in fitting if _county(office.region) == _county(notice.region)]
        ways.append(WayToPay(channel, (near or fitting)[:places]))
    return ways


def _county(region: Region) -> list[str]:
    """The path of a place down to its county, by which near and far are told apart."""
    return region.path.split("/")[:3]


def _offices(region: Region, kinds: Iterable[str]) -> list[Office]:
    """The offices of these kinds in the region's city, those sharing most of the region's path first."""
    own = region.path.rstrip("/").split("/")
    city = "/".join(own[:2]) + "/"
    found = Office.objects.in_use().filter(kind__in=list(kinds), region__path__startswith=city).select_related("region")

    def distance(office: Office) -> tuple[int, str]:
        theirs = office.region.path.rstrip("/").split("/")
        shared = sum(1 for mine, other in zip(own, theirs, strict=False) if mine == other)
        return len(own) + len(theirs) - 2 * shared, office.code

    return sorted(found, key=distance)
