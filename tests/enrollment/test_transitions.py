"""Every combination of role, state and transition, through machine and pages, against the written table."""

import itertools

import pytest
from django.urls import reverse

from enrollment.models import Application, ApplicationMaterial
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from portal.people.actors import SYSTEM, Actor, Role
from portal.workflow.errors import NotAvailable, Unmet, WrongRole
from tests.enrollment import journeys
from tests.enrollment.transition_table import DONE, HIDDEN, LEADS_BACK, NOT_NOW, PAGES, TABLE, WRONG_ROLE
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db

ROLES = [role for role in Role if role != Role.SYSTEM]


def put(application, state):
    """Puts an application into a state as its columns would be there, without a history."""
    known = Application.objects.get(pk=application.pk)
    columns = {"state": state, "due_at": None, "paid_on": None, "premium_pending": False, "payable_fen": 40000}
    if state in ("draft", "under_review", "correction_required", "escalated", "submitted", "approved"):
        columns["due_at"] = known.submitted_at
    if state in ("enrolled",):
        columns["paid_on"] = known.submitted_on
    if state == "rejected":
        columns |= {"decision_reason": "x", "decision_next_step": "y"}
    Application.objects.filter(pk=application.pk).update(**columns)
    application.refresh_from_db()
    return application


def state_of(application):
    """The state as the database has it."""
    return Application.objects.values_list("state", flat=True).get(pk=application.pk)


def test_the_declaration_is_the_written_table():
    """B3: a transition added, dropped or opened to another role fails here until people have agreed to it."""
    declared = {
        name: (
            sorted(str(source) for source in one.sources),
            None if one.target is None else str(one.target),
            sorted(str(role) for role in one.roles),
        )
        for name, one in EnrollmentWorkflow.transitions.items()
    }
    written = {name: (sorted(sources), target, sorted(roles)) for name, (sources, target, roles) in TABLE.items()}
    assert declared == written


@pytest.mark.parametrize("name", list(TABLE))
def test_no_other_role_may_fire(name, monday, cast):
    """B3: every role and transition: roles outside the table are refused whatever the state (403)."""
    application = journeys.submitted(cast.zhang)
    transition = EnrollmentWorkflow.transitions[name]
    others = [role for role in Role if role not in TABLE[name][2]]
    for state in State.values:
        put(application, state)
        for role in others:
            with pytest.raises(WrongRole):
                transition.fire(application, Actor(role, user_id=1), application.version)
            assert state_of(application) == state


@pytest.mark.parametrize("name", list(TABLE))
def test_nobody_fires_from_another_state_or_version(name, monday, cast):
    """B3: the right role from a state outside the table, or with an old version, is told so (409)."""
    application = journeys.submitted(cast.zhang)
    transition = EnrollmentWorkflow.transitions[name]
    sources, _target, roles = TABLE[name]
    for state, role in itertools.product(State.values, roles):
        put(application, state)
        actor = SYSTEM if role == "system" else Actor(Role(role), user_id=1)
        version = application.version if state not in sources else application.version + 7
        with pytest.raises((NotAvailable, Unmet)) as refused:
            transition.fire(application, actor, version, note="because")
        if not transition.on_deadline:
            assert isinstance(refused.value, NotAvailable)
        assert state_of(application) == state


def person_of(role, cast):
    return cast.zhang if role == Role.RESIDENT else cast.staff()[role]


def body(page, application):
    version = {"version": application.version}
    if page == "reject":
        return version | {"reason_code": "other", "reason": "不符合条件", "next_step_code": "visit", "next_step": ""}
    if page == "ask_correction":
        return version | {"ask-field-contact.address": "on", "reason-field-contact.address": "请核对"}
    if page == "answer":
        return version | {"word_given": "on"}
    return version


@pytest.mark.parametrize("page", list(PAGES))
@pytest.mark.parametrize("role", ROLES)
def test_pages_answer_as_the_table_says(page, role, monday, cast, client):
    """B3, B10, I1: each page for each role in each state: done, wrong role 403, somebody else's 404, not now 409."""
    application = journeys.under_review(cast.zhang)
    ApplicationMaterial.objects.filter(application=application).update(
        judged="accepted", seen_at=application.submitted_at
    )
    url = reverse(f"enrollment:{page}", args=[application.pk])
    if role != Role.ANONYMOUS:
        sign_in(client, person_of(role, cast))
    for state in State.values:
        put(application, state)
        answer = client.post(url, body(page, application))
        assert answer.status_code == expected(page, role, state), (page, role, state)
        after = state_of(application)
        assert (after != state) == (state in (PAGES[page].get(role) or ()))


def expected(page, role, state):
    if role == Role.ANONYMOUS:
        return DONE  # to the sign-in page
    if role not in PAGES[page]:
        return WRONG_ROLE
    if PAGES[page][role] is None or (state == State.DRAFT and role != Role.RESIDENT):
        return HIDDEN
    return DONE if state in PAGES[page][role] or page in LEADS_BACK else NOT_NOW


def test_a_case_of_another_office_or_person_does_not_exist(monday, cast, client):
    """B10, A9, REL-M2: another clerk, reviewer or resident gets the same 404 as for a case that never was."""
    application = journeys.under_review(cast.zhang)
    addresses = ["review", "approve", "reject", "ask_correction", "judge", "note"]
    for stranger in (cast.other_clerk, cast.other_reviewer):
        sign_in(client, stranger)
        for name in addresses:
            assert client.post(reverse(f"enrollment:{name}", args=[application.pk])).status_code in (404, 405)
        assert client.get(reverse("enrollment:review", args=[application.pk])).status_code == 404
    sign_in(client, cast.wang)
    for name in ("application", "tasks", "receipt", "correct", "withdraw", "check_answers"):
        assert client.get(reverse(f"enrollment:{name}", args=[application.pk])).status_code == 404


def test_nobody_decides_their_own_or_their_household_s_case(monday, cast, client):
    """N19, B10: 403 and a row in the audit log."""
    from portal.audit.models import AuditEntry

    application = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk_at_home)
    ApplicationMaterial.objects.filter(application=application).update(
        judged="accepted", seen_at=application.submitted_at
    )
    for page in ("approve", "reject", "ask_correction"):
        answer = client.post(reverse(f"enrollment:{page}", args=[application.pk]), body(page, application))
        assert answer.status_code == 403
    ticks = {"version": application.version, "material-ID_CARD": "refused"}
    assert client.post(reverse("enrollment:judge", args=[application.pk]), ticks).status_code == 403
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    refusals = AuditEntry.objects.filter(action="workflow.conflict", outcome="refused", subject_id=str(application.pk))
    assert refusals.count() == 4
