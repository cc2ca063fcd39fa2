"""The way a resident picks a place: city, then county, then town, one page each."""

from django.http import HttpRequest

from portal.regions.models import Region, RegionLevel

SESSION_KEY = "region"


def cities() -> list[Region]:
    """The cities residents can choose, in the order of their codes."""
    return list(Region.objects.level(RegionLevel.CITY))


def places_in(region: Region) -> list[Region]:
    """The counties of a city, or the towns of a county; a city without counties has its towns right below."""
    return list(region.children.filter(active=True).order_by("code"))


def chosen(request: HttpRequest) -> Region | None:
    """The place kept in the session, if any."""
    code = request.session.get(SESSION_KEY)
    return Region.objects.filter(code=code, active=True).first() if code else None


def remember(request: HttpRequest, region: Region) -> None:
    """Keeps the place for the pages that follow."""
    request.session[SESSION_KEY] = region.code
