"""Lets the flush between transactional tests empty append-only tables, and nothing else.

A conftest that uses transactional tests says `from tests.audit.flush import flush_past_triggers  # noqa: F401`.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.db.backends.base.operations import BaseDatabaseOperations

from portal.audit import triggers


@pytest.fixture(scope="session", autouse=True)
def flush_past_triggers() -> Iterator[None]:
    """Open the triggers for the length of each flush."""
    real = BaseDatabaseOperations.execute_sql_flush

    def flush(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        # The switch table itself is no model's, so the flush leaves it alone.
        with triggers.disabled():
            real(self, sql_list)

    with patch.object(BaseDatabaseOperations, "execute_sql_flush", flush):
        yield
