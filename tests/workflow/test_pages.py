"""What people read: the timeline, the buttons, the page that says the case has changed."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.template import Context, Template
from django.test import RequestFactory

from portal.audit.models import AuditEntry
from portal.people.actors import ANONYMOUS, Actor, Role
from portal.workflow import stories
from portal.workflow.errors import ConflictOfInterest, NotAvailable, Unmet
from portal.workflow.middleware import RefusalMiddleware
from portal.workflow.views import conflict_page
from tests.workflow.sample import Case, SampleWorkflow, State

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 5, 11, 2, tzinfo=UTC)


@pytest.fixture
def request_of():
    def make(actor):
        request = RequestFactory().get("/")
        request.actor = actor
        return request

    return make


def render(text, **context):
    return Template("{% load workflow %}" + text).render(Context(context))


def test_timeline_tells_the_viewer_what_they_did_themselves(resident, clerk, make_case):
    """UX-R13: past sentences, the present state last; internal entries for staff only."""
    with time_machine.travel(MONDAY, tick=False):
        case = SampleWorkflow.begin(Case(submitted_at=MONDAY), resident)
        SampleWorkflow.submit.fire(case, resident, case.version)
        SampleWorkflow.accept.sweep()
        Case.objects.update(remind_at=MONDAY)
        SampleWorkflow.remind.sweep()
        case.refresh_from_db()
        mine = stories.items(case, resident)
        theirs = stories.items(case, clerk)
    assert mine[1].title == "您 submitted the case."
    assert [item.state for item in mine] == ["done", "done", "done", "now"]
    assert mine[-1].due == case.last_day
    assert len(theirs) == len(mine) + 1
    assert theirs[-2].title == "A reminder was sent."
    assert (mine[1].actor, theirs[1].actor) == ("", str(Role.RESIDENT.label))


def test_reason_is_shown_until_it_is_erased(make_case, clerk, resident):
    case = make_case()
    SampleWorkflow.reject.fire(case, clerk, case.version, note="Not your paper.")
    assert stories.items(case, resident)[0].text == "Not your paper."


def test_retired_transitions_keep_their_story(make_case, clerk, monkeypatch):
    """Transition names are data: never renamed, only retired."""
    case = make_case()
    SampleWorkflow.approve.fire(case, clerk, case.version)
    monkeypatch.setattr(SampleWorkflow, "retired", {"approve": "Approved long ago."})
    monkeypatch.setattr(SampleWorkflow, "transitions", {})
    assert stories.items(case, clerk)[0].title == "Approved long ago."


def test_timeline_tag_renders_dates(make_case, clerk, request_of):
    case = make_case()
    SampleWorkflow.approve.fire(case, clerk, case.version)
    html = render("{% workflow_timeline subject %}", subject=case, request=request_of(clerk))
    assert "portal-timeline" in html
    assert "您 approved the case." in html


def test_buttons_carry_the_version_and_say_what_is_missing(make_case, clerk, resident, request_of):
    """N18: forms carry the version; a blocked step is explained, not hidden."""
    case = make_case()
    html = render("{% workflow_options subject '/go/' %}", subject=case, request=request_of(clerk), csrf_token="t")
    assert 'name="version" value="1"' in html
    assert 'value="approve"' in html
    assert "csrfmiddlewaretoken" in html
    draft = make_case(State.DRAFT, complete=False)
    html = render("{% workflow_options subject '/go/' %}", subject=draft, request=request_of(resident))
    assert "Complete the form first." in html
    assert "<form" not in html
    assert "<form" not in render("{% workflow_options subject '/go/' %}", subject=draft, request=request_of(ANONYMOUS))


def test_loser_of_a_race_reads_who_decided_and_keeps_the_words(make_case, clerk, request_of):
    """N18, REL-R1, REL-R2: 409, the current state, who and when, and what was typed."""
    case, colleague = make_case(), Actor(Role.COUNTY_REVIEWER, user_id=9)
    SampleWorkflow.approve.fire(Case.objects.get(pk=case.pk), colleague, 1)
    with pytest.raises(NotAvailable) as refused:
        SampleWorkflow.reject.fire(case, clerk, 1, note="My long reason")
    response = conflict_page(request_of(clerk), case, refused.value, return_url="/desk/1/", kept=["My long reason", ""])
    html = response.content.decode()
    assert response.status_code == 409
    assert response["Cache-Control"] == "no-store"
    for text in ("Approved", str(Role.COUNTY_REVIEWER.label), "My long reason", "/desk/1/", "Reject"):
        assert text in html


def test_unmet_requirements_are_listed(make_case, resident, request_of):
    case = make_case(State.DRAFT, complete=False)
    with pytest.raises(Unmet) as refused:
        SampleWorkflow.submit.fire(case, resident, case.version)
    response = conflict_page(request_of(resident), case, refused.value)
    assert "Complete the form first." in response.content.decode()


def test_refused_conflict_of_interest_is_recorded_after_the_view(make_case, clerk, request_of):
    """UX-C: exactly one audit entry, also when the view's transaction was rolled back."""
    case = make_case(owner=clerk.user_id)
    with pytest.raises(ConflictOfInterest) as refused:
        SampleWorkflow.approve.fire(case, clerk, case.version)
    middleware = RefusalMiddleware(lambda request: None)
    for _ in range(2):
        middleware.process_exception(request_of(clerk), refused.value)
        middleware.process_exception(request_of(clerk), ValueError())
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.outcome, entry.details) == (
        "workflow.conflict",
        "refused",
        {"transition": "sample.approve"},
    )
