"""A renewal campaign is killed at every stage: everybody has one application, one notice and one message."""

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
import time_machine

from enrollment import renewal
from enrollment.models import Application, RenewalEntry
from payments.models import Notice
from portal.jobs import services as jobs
from portal.outbox.models import Message
from portal.regions.calendar import SHANGHAI
from tests import regions_kept
from tests.enrollment.test_renewal import campaign, insured
from tests.faults.dying import finish, kill_through, let_time_pass
from tests.harness.soak import many
from tests.people_cast import cast

__all__ = ["cast"]

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.mark.both_databases
def test_killed_campaign_renews_everybody_once(cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 5, N17: kill -9 at one statement after another, in batches of two."""
    regions_kept.load()
    monkeypatch.setattr(renewal, "BATCH", 2)
    with time_machine.travel(datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI), tick=False):
        people = [insured() for _person in range(many(5, 100, "insured people"))]
        made = campaign(cast)
        killed = kill_through(
            lambda: jobs.run(made.job_id), first=8, growth=many(29, 7, "statements between kills"), after=let_time_pass
        )
        assert killed >= 2, killed
        finish(made.job_id)
    pks = [person.pk for person in people]
    once = dict.fromkeys(pks, 1)
    applications = Application.objects.filter(cover_year=2027)
    assert Counter(applications.values_list("beneficiary_id", flat=True)) == once
    assert Counter(RenewalEntry.objects.values_list("person_id", flat=True)) == once
    assert Counter(Notice.objects.values_list("resident_id", flat=True)) == once
    assert None not in applications.values_list("notice", flat=True)
    told = Message.objects.filter(template="enrollment_renewed").values_list("resident_id", flat=True)
    assert Counter(told) == once
    made.refresh_from_db()
    assert made.finished_at is not None
