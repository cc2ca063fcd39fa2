"""Declarations that cannot work are refused at start, and diagrams follow the declaration."""

import pytest
from django.core.management import CommandError, call_command

from portal.people.actors import Role
from portal.workflow import checks, drawing
from portal.workflow.clocks import Clock
from portal.workflow.core import Transition, Workflow
from portal.workflow.deadlines import after_workdays, when_overdue
from tests.workflow.sample import Case, CaseEntry, SampleWorkflow, State


def move(source, target, **options):
    return Transition(sources={source}, target=target, label="x", story="x", **options)


def ids(**attributes):
    """The error numbers of a workflow made of these attributes, unreachable states left out."""
    base = {"name": "broken", "model": Case, "timeline": CaseEntry, "states": State, "initial": State.DRAFT}
    held = Workflow.by_model[Case]
    broken = type("BrokenWorkflow", (Workflow,), {**base, **attributes}, registered=False)
    Workflow.by_model[Case] = held
    return {message.id.removeprefix("workflow.E") for message in checks.problems(broken)} - {"003"}


def test_sample_and_every_app_pass():
    """ARCHITECTURE §4: system checks."""
    assert list(checks.problems(SampleWorkflow)) == []
    assert checks.check_workflows() == []


def test_unreachable_state_is_named():
    lonely = type(
        "LonelyWorkflow",
        (Workflow,),
        {"name": "l", "model": Case, "timeline": CaseEntry, "states": State, "initial": State.DRAFT},
        registered=False,
    )
    Workflow.by_model[Case] = SampleWorkflow
    texts = [message.msg for message in checks.problems(lonely) if message.id == "workflow.E003"]
    assert len(texts) == len(State) - 1
    assert "submitted" in texts[0]


@pytest.mark.parametrize(
    ("number", "attributes"),
    [
        ("001", {"go": move(State.DRAFT, "nowhere")}),
        ("001", {"go": move("nowhere", State.DONE)}),
        ("001", {"clocks": [Clock(kind="c", days=1, runs_in={"nowhere"})]}),
        ("002", {"go": move(State.DRAFT, State.DONE, roles={"king"})}),
        ("002", {"go": move(State.DRAFT, State.DONE, roles=())}),
        ("004", {"deadlines": {State.DRAFT: after_workdays(1)}, "go": move(State.DRAFT, State.DONE)}),
        (
            "004",
            {
                "deadlines": {State.DRAFT: after_workdays(1)},
                "go": move(State.DRAFT, State.DONE, on_deadline=True, requires=[SampleWorkflow.submit.requires[0]]),
            },
        ),
        (
            "005",
            {"deadlines": {State.DRAFT: after_workdays(1)}, "go": move(State.DRAFT, State.DRAFT, on_deadline=True)},
        ),
        (
            "006",
            {
                "deadlines": {State.DRAFT: after_workdays(1)},
                "go": move(State.DRAFT, State.DONE, on_deadline=True),
                "also": move(State.DRAFT, State.LAPSED, on_deadline=True),
            },
        ),
        ("007", {"go": move(State.DRAFT, State.DONE, on_deadline=True)}),
        (
            "008",
            {
                "deadlines": {State.DRAFT: after_workdays(1)},
                "targets": {State.DRAFT: after_workdays(1)},
                "go": move(State.DRAFT, State.DONE, on_deadline=True),
            },
        ),
        ("009", {"targets": {State.DRAFT: after_workdays(1)}, "go": move(State.DRAFT, State.DONE)}),
        ("010", {"targets": {State.DONE: after_workdays(1)}, "go": move(State.DRAFT, State.DONE)}),
        ("011", {"go": move(State.DRAFT, State.DRAFT)}),
        ("012", {"reminders": {State.DRAFT: when_overdue()}, "go": move(State.DRAFT, State.DONE)}),
        ("013", {"go": move(State.DRAFT, None, on_reminder=True), "leave": move(State.DRAFT, State.DONE)}),
    ],
)
def test_each_mistake_has_its_number(number, attributes):
    assert number in ids(**attributes)


def test_diagram_follows_the_order_of_the_enum():
    """The same declaration draws the same page on every run."""
    page = drawing.draw(SampleWorkflow)
    assert page == drawing.draw(SampleWorkflow)
    assert "[*] --> draft" in page
    assert "under_review --> escalated: escalate (when due)" in page
    assert "| escalated | 1 working days (shown only) | overdue, every 1 days |" in page
    assert page.index("draft --> submitted") < page.index("under_review --> approved") < page.index("done --> [*]")
    assert "clerk, county_reviewer" in page


def test_drawings_in_docs_are_fresh():
    """Fails when a declaration changed: run manage.py draw_workflows."""
    call_command("draw_workflows", "--check")


def test_stale_drawing_is_written_anew(tmp_path, settings, monkeypatch):
    settings.BASE_DIR = tmp_path
    monkeypatch.setattr(Workflow, "registry", {"sample": SampleWorkflow})
    with pytest.raises(CommandError, match=r"sample\.md"):
        call_command("draw_workflows", "--check")
    call_command("draw_workflows")
    call_command("draw_workflows", "--check")


def test_roles_are_closed_unless_named():
    """Nobody but the worker may fire what names no role."""
    assert move(State.DRAFT, State.DONE).roles == (Role.SYSTEM,)
