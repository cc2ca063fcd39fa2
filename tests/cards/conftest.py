"""What the tests of the card share: the real regions, and a Monday on which work is done."""

from datetime import datetime

import pytest
import time_machine

from portal.regions.calendar import SHANGHAI
from tests import regions_kept
from tests.people_cast import Cast, cast  # noqa: F401

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)


@pytest.fixture
def regions(db):
    """Guilin, Zhongshan and Nanchang as they are delivered."""
    regions_kept.load()


@pytest.fixture
def monday(regions):
    """Monday 23 November 2026, ten in the morning."""
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock
