"""One world for each module of access tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.world import World, world


@pytest.fixture(scope="module")
def all_things(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The world, built once; every test takes back what it did in it."""
    with django_db_blocker.unblock(), world() as made:
        yield made
