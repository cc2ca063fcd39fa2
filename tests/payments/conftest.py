"""People for these tests, and frozen time that also decides on PostgreSQL."""

import pytest

from tests.payments.bank import bank
from tests.people_cast import cast

__all__ = ["bank", "cast"]


@pytest.fixture(autouse=True)
def process_clock(settings) -> None:
    """Let frozen time decide what is due on PostgreSQL too."""
    settings.DATABASE_CLOCK = False
