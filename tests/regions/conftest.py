"""Regions as the fixtures describe them, and admins who look after them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from portal.people.actors import Role
from portal.people.models import User
from portal.regions import loader, policy
from portal.regions.models import Region
from portal.regions.policy import Policy
from tests import regions_kept
from tests.people_cast import Cast, cast, make_staff

__all__ = ["cast"]


@pytest.fixture
def fixtures(db: None) -> loader.Loaded:
    """The regions of the fixture files."""
    return regions_kept.load()


@pytest.fixture
def place(fixtures: loader.Loaded) -> Callable[[str], Region]:
    """Finds a region by code."""
    return lambda code: Region.objects.get(code=code)


@pytest.fixture
def policy_of(place: Callable[[str], Region]) -> Callable[[str], Policy]:
    """The policy in force today in a region."""
    return lambda code: policy.for_region(place(code))


@dataclass
class Admins:
    """Two admins of Guilin, one of Zhongshan, an auditor."""

    first: User
    second: User
    elsewhere: User
    auditor: User


@pytest.fixture
def admins(fixtures: loader.Loaded, cast: Cast) -> Admins:
    return Admins(
        first=cast.admin,
        second=cast.second_admin,
        elsewhere=make_staff("zhong", Role.ADMIN, "442000", display_name="钟山"),
        auditor=cast.auditor,
    )
