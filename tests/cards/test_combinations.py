"""Every (role, state, transition) of card applications and cards, from the declarations."""

import pytest

from tests.cards.test_transitions import put, subjects
from tests.workflow.combinations import check_every_combination

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["application", "card"])
def test_what_is_declared_is_done_and_nothing_else(kind, monday, monkeypatch):
    """B3: role × state × transition: done, 403 or 409."""
    row, workflow, _table, _states = subjects(kind)
    check_every_combination(row, workflow, put, monkeypatch)
