"""Faults of broker and database servers need those servers: with the embedded ones there is nothing to crash."""

import os

import pytest

from tests.faults.world import World
from tests.harness.portals import LivePortal

collect_ignore = [] if os.environ.get("DATABASE_URL") else ["test_redis.py", "test_postgresql.py"]


@pytest.fixture
def world(fresh_portal: LivePortal) -> World:
    """A portal that is not started yet, with staff, and residents who apply."""
    return World(fresh_portal)
