"""Every (role, state, transition) of the enrolment, from the declaration."""

import pytest

from enrollment.workflow import EnrollmentWorkflow
from tests.enrollment import journeys
from tests.enrollment.test_transitions import put
from tests.workflow.combinations import check_every_combination

pytestmark = pytest.mark.django_db


def test_what_is_declared_is_done_and_nothing_else(monday, cast, monkeypatch):
    """B3: role × state × transition: done, 403 or 409."""
    check_every_combination(journeys.under_review(cast.zhang), EnrollmentWorkflow, put, monkeypatch)
