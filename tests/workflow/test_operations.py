"""The operators' page: what failed is named without people, and put back by an administrator (I8, UX-A10)."""

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from enrollment.models import Application
from portal.audit.models import AuditEntry
from portal.jobs.models import Job, JobState
from portal.outbox.models import Message, MessageState
from portal.workflow import reacting
from portal.workflow.models import ReactionFailure
from tests import regions_kept
from tests.enrollment import journeys
from tests.enrollment.conftest import MONDAY
from tests.people_cast import cast, sign_in  # noqa: F401

pytestmark = pytest.mark.django_db
PAGE = "/desk/operations/"


@pytest.fixture
def broken(cast):  # noqa: F811
    """One of each kind of failure."""
    with time_machine.travel(MONDAY, tick=False):
        regions_kept.load()
        case = journeys.submitted(cast.zhang)
        Application.objects.filter(pk=case.pk).update(
            sweep_attempts=reacting.MAX_ATTEMPTS, sweep_failed_at=timezone.now()
        )
        failure = ReactionFailure.objects.create(
            workflow="enrollment",
            transition="accept",
            reaction="enrollment.reactions.run_checks",
            entry_ids=[1],
            error="x",
        )
        job = Job.objects.create(kind="none", state=JobState.FAILED, finished_at=timezone.now())
        Message.objects.update(state=MessageState.FAILED, next_try_at=None)
        yield case, failure, job


def test_every_kind_of_failure_is_on_the_page_and_nobody_s_name(broken, cast, client):  # noqa: F811
    """I8, UX-A10: numbers and codes only."""
    case, failure, _job = broken
    for who in (cast.admin, cast.auditor):
        sign_in(client, who)
        page = client.get(PAGE)
        text = page.content.decode()
        assert case.grouped_number in text
        assert failure.reaction in text
        assert page.context["stuck_messages"] == 1
        assert len(page.context["failed_jobs"]) == 1
        assert cast.zhang.name not in text
    assert '<form method="post" action="/desk/operations' not in text  # the auditor changes nothing


def test_an_administrator_puts_back_what_is_safe_to_do_again(broken, cast, client):  # noqa: F811
    """I8, REL-K13: the case is swept again, the reaction and the job are tried again, each recorded."""
    case, failure, job = broken
    sign_in(client, cast.admin)
    client.post(reverse("workflow:retry_case", args=["enrollment", case.pk]))
    client.post(reverse("workflow:retry_reaction", args=[failure.pk]))
    client.post(reverse("workflow:retry_job", args=[job.pk]))
    case.refresh_from_db()
    assert case.sweep_attempts == 0
    failure.refresh_from_db()
    assert failure.next_try_at is not None
    job.refresh_from_db()
    assert (job.state, job.finished_at, job.attempts) == (JobState.WAITING, None, 0)
    assert AuditEntry.objects.filter(action__startswith="operations.").count() == 3
    assert client.post(reverse("workflow:retry_case", args=["enrollment", case.pk])).status_code == 404
    assert client.post(reverse("workflow:retry_case", args=["nothing", case.pk])).status_code == 404
    assert client.post(reverse("workflow:retry_job", args=[job.pk])).status_code == 404


def test_another_region_s_cases_are_not_shown_or_touched(broken, cast, client):  # noqa: F811
    """B10: an administrator looks after the own part of the country."""
    from portal.people.actors import Role
    from tests.people_cast import make_staff

    case, _failure, _job = broken
    elsewhere = make_staff("admin-zs", Role.ADMIN, "442000", office_kind=None, is_superuser=True)
    sign_in(client, elsewhere)
    assert case.grouped_number not in client.get(PAGE).content.decode()
    assert client.post(reverse("workflow:retry_case", args=["enrollment", case.pk])).status_code == 404
