"""People for these tests, and sign-in without its waiting time."""

import pytest
from pytest_django import Settings

from tests.people_cast import cast

__all__ = ["cast"]


@pytest.fixture(autouse=True)
def no_floor(settings: Settings) -> None:
    """Lets pages of sign-in answer at once; the floor has a test of its own."""
    settings.SIGN_IN_FLOOR_SECONDS = 0
