"""The whole way from the first answer to the cover, through services and the worker."""

import datetime

import pytest

from enrollment.models import Cover
from enrollment.states import State
from portal.people.models import Resident
from tests.enrollment import journeys

pytestmark = pytest.mark.django_db


def test_a_resident_of_guilin_is_reviewed_pays_and_is_insured(monday, cast):
    """S1-02, S1-08, A8, B1: review first, due after three working days, notice, payment, cover from New Year."""
    application = journeys.submitted(cast.zhang)
    assert application.state == State.SUBMITTED
    assert application.payable_fen == 40000

    journeys.sweep()
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    assert application.due_at == datetime.datetime.fromisoformat("2026-11-27T00:00:00+08:00")
    assert application.checks.count() == 7

    application = journeys.approved(cast.li, cast.clerk)
    assert application.state == State.AWAITING_PAYMENT
    assert application.notice.amount_fen == 40000
    journeys.pay(application)
    assert application.state == State.ENROLLED
    cover = Cover.objects.get(person=Resident.objects.get(pk=cast.li.pk))
    assert (cover.benefits_from, cover.until) == (datetime.date(2027, 1, 1), datetime.date(2027, 12, 31))


def test_a_resident_of_zhongshan_pays_first_and_is_then_reviewed(monday, cast):
    """S0-08, A8: the review clock starts on the day of payment."""
    application = journeys.submitted(cast.zhang, town="442000001")
    journeys.sweep()
    application.refresh_from_db()
    assert application.state == State.AWAITING_PAYMENT
    journeys.pay(application)
    assert application.state == State.UNDER_REVIEW
    assert application.review_from == datetime.date(2026, 11, 23)
