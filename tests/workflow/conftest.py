"""Tables of the sample workflow, for the length of one test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from portal.people.actors import Actor, Role
from tests.workflow.sample import Case, CaseEntry, SampleWorkflow, State


@pytest.fixture(scope="module", autouse=True)
def sample_tables(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Create the sample's tables, and drop them before another module flushes the database."""
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Case)
            editor.create_model(CaseEntry)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(CaseEntry)
            editor.delete_model(Case)


@pytest.fixture(autouse=True)
def process_clock(settings) -> None:
    """Let frozen time decide what is due on PostgreSQL too."""
    settings.DATABASE_CLOCK = False


@pytest.fixture(autouse=True)
def no_reactions() -> Iterator[None]:
    """Leave no reaction behind."""
    yield
    for transition in SampleWorkflow.transitions.values():
        transition.reactions.clear()


@pytest.fixture
def clerk() -> Actor:
    return Actor(Role.CLERK, user_id=7, office_id=3, name="Clerk")


@pytest.fixture
def resident() -> Actor:
    return Actor(Role.RESIDENT, user_id=11, name="Resident")


@pytest.fixture
def make_case():
    """Make a case directly in a state, as factories of other apps do."""

    def make(state: str = State.UNDER_REVIEW, **columns) -> Case:
        if state in (*SampleWorkflow.deadlines, *SampleWorkflow.targets) and "due_at" not in columns:
            from django.utils import timezone

            columns["due_at"] = timezone.now()
        return Case.objects.create(state=state, **columns)

    return make
