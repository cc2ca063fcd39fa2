"""One actor moves one subject."""

import pytest
from django.db.models import Q

from portal.audit.models import AuditEntry
from portal.people.actors import SYSTEM, Actor, Role
from portal.workflow.errors import ConflictOfInterest, NotAvailable, Unmet, WrongRole
from portal.workflow.models import Note
from tests.workflow.sample import Case, SampleWorkflow, State

pytestmark = pytest.mark.django_db


def test_begin_stores_the_subject_with_due_date_and_first_entry(resident):
    """B1: the first state has its deadline from the start."""
    case = SampleWorkflow.begin(Case(), resident)
    entry = case.timeline.get()
    assert (case.state, entry.transition, entry.source, entry.target) == (State.DRAFT, "begin", "", State.DRAFT)
    assert case.due_at is not None
    assert case.remind_at is not None
    assert (entry.actor_role, entry.actor_user_id, entry.version) == (Role.RESIDENT, 11, 1)


def test_resident_submits_and_the_timeline_says_so(resident):
    """B3, N25: one move, one entry with actor, states and version."""
    case = SampleWorkflow.begin(Case(), resident)
    SampleWorkflow.submit.fire(case, resident, case.version)
    entry = case.timeline.last()
    assert (case.state, case.version) == (State.SUBMITTED, 2)
    assert (entry.transition, entry.source, entry.target, entry.version) == ("submit", "draft", "submitted", 2)
    assert case.due_at == case.state_since


def test_wrong_role_is_refused_without_looking_at_the_state(make_case, resident):
    """B3: a resident approves nothing, whatever the state."""
    for state in (State.UNDER_REVIEW, State.DONE):
        with pytest.raises(WrongRole):
            SampleWorkflow.approve.fire(make_case(state), resident)


def test_wrong_state_says_not_available_and_brings_the_current_row(make_case, clerk):
    """B3: illegal moves are refused and nothing is written."""
    case = make_case(State.APPROVED)
    with pytest.raises(NotAvailable) as refused:
        SampleWorkflow.approve.fire(case, clerk, case.version)
    assert refused.value.subject.state == State.APPROVED
    assert not case.timeline.exists()


def test_old_page_cannot_decide_new_data(make_case, clerk):
    """N18, REL-R2: the version the clerk saw goes into the WHERE."""
    case = make_case()
    assert Case.objects.all().edited(case.pk, case.version, complete=False)
    with pytest.raises(NotAvailable):
        SampleWorkflow.approve.fire(case, clerk, case.version)
    case.refresh_from_db()
    assert (case.state, case.version) == (State.UNDER_REVIEW, 2)
    assert not Case.objects.all().edited(case.pk, 1, complete=True)


def test_unmet_requirement_is_named(make_case, resident):
    case = make_case(State.DRAFT, complete=False)
    with pytest.raises(Unmet) as refused:
        SampleWorkflow.submit.fire(case, resident, case.version)
    assert refused.value.reasons == ["Complete the form first."]


def test_rejection_needs_a_reason_which_stays_erasable(make_case, clerk):
    """The entry keeps the digest of the note, the note can be erased."""
    case = make_case()
    with pytest.raises(Unmet):
        SampleWorkflow.reject.fire(case, clerk, case.version, note="  ")
    SampleWorkflow.reject.fire(case, clerk, case.version, note="The paper is not yours.")
    entry = case.timeline.get()
    assert entry.note.text == "The paper is not yours."
    assert entry.note_digest == Note.digest("The paper is not yours.")
    assert Note.erase("sample", [case.pk]) == 1
    entry = case.timeline.get()
    assert (entry.note.text, bool(entry.note_digest)) == ("", True)


def test_nobody_decides_the_case_of_their_own_household(make_case, clerk):
    """UX-E: refused for the decision only, and recorded in the audit log."""
    case = make_case(owner=clerk.user_id)
    with pytest.raises(ConflictOfInterest) as refused:
        SampleWorkflow.approve.fire(case, clerk, case.version)
    # The test's own transaction is open, so the middleware would write the entry.
    assert refused.value.recorded is False
    assert SampleWorkflow.approve.move([case.pk], clerk) == []
    assert AuditEntry.objects.get().subject_id == str(case.pk)
    SampleWorkflow.ask_correction.fire(case, clerk, case.version)
    assert case.state == State.CORRECTION


def test_move_takes_what_may_move_and_leaves_the_rest(make_case, clerk):
    """UX-C: a bulk decision moves its rows in one batch and says which."""
    good, gone = [make_case() for _ in range(3)], make_case(State.DONE)
    moved = SampleWorkflow.approve.move([*(case.pk for case in good), gone.pk], clerk, note="seen together")
    assert sorted(moved) == sorted(case.pk for case in good)
    assert Note.objects.count() == 3
    for case in good:
        assert case.timeline.get().note.subject_id == case.pk


def test_move_accepts_a_queryset_with_joins(make_case, clerk):
    make_case()
    found = Case.objects.filter(Q(office__isnull=True) | Q(office__kind="service_point"))
    assert len(SampleWorkflow.approve.move(found, clerk)) == 1


def test_codes_and_changes_are_written_with_the_move(make_case, clerk):
    case = make_case()
    SampleWorkflow.approve.fire(case, clerk, case.version, codes={"rule": "R1"}, changes={"complete": False})
    assert case.timeline.get().codes == {"rule": "R1"}
    assert case.complete is False


def test_options_name_what_is_missing_in_one_query(make_case, resident, clerk, django_assert_num_queries):
    """The button and the click follow one rule."""
    case = make_case(State.DRAFT, complete=False)
    with django_assert_num_queries(1):
        (option,) = SampleWorkflow.options(case, resident)
    assert (option.transition, option.unmet, option.available) == (
        SampleWorkflow.submit,
        ["Complete the form first."],
        False,
    )
    own = make_case(owner=clerk.user_id)
    blocked = {option.transition.name: option.available for option in SampleWorkflow.options(own, clerk)}
    assert blocked == {"approve": False, "reject": False, "ask_correction": True}
    assert SampleWorkflow.options(make_case(State.DONE), clerk) == []


def test_worker_only_moves_are_nobodys_option(make_case):
    assert SampleWorkflow.options(make_case(State.SUBMITTED), SYSTEM) == []


def test_every_role_state_and_transition_gives_the_declared_answer(make_case):
    """B3: the full matrix; 200, 403 or 409 and nothing else."""
    for transition in SampleWorkflow.transitions.values():
        if transition.on_deadline or transition.on_reminder:
            continue
        for role in Role:
            for state in State:
                case = make_case(state)
                actor = Actor(role, user_id=1)
                if role not in transition.roles:
                    expected = WrongRole
                else:
                    expected = None if state in transition.sources else NotAvailable
                if expected:
                    with pytest.raises(expected):
                        transition.fire(case, actor, case.version, note="because")
                else:
                    transition.fire(case, actor, case.version, note="because")
                    assert case.state == transition.target


def test_a_row_due_on_arrival_nudges_the_worker_after_commit(
    make_case, resident, clerk, monkeypatch, django_capture_on_commit_callbacks
):
    """ARCHITECTURE §1: the nudge is sent once the row is stored, and only where something is due now."""
    from portal.jobs import nudge

    sent = []
    monkeypatch.setattr(nudge, "_publish", lambda *words: sent.append(words))
    with django_capture_on_commit_callbacks(execute=True):
        draft = make_case(State.DRAFT)
        SampleWorkflow.submit.fire(draft, resident, draft.version)
        assert sent == []
    assert sent == [("portal.workflow.tasks.sweep", (), "sweep")]
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        case = make_case()
        SampleWorkflow.approve.fire(case, clerk, case.version)
    assert callbacks == []
