"""Diagrams of the workflows, written from the declarations in the order of the enums."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.utils import translation

from .core import Transition, Workflow

FOLDER = Path("docs") / "workflows"


def draw(workflow: type[Workflow]) -> str:
    """The page of one workflow: a mermaid diagram and a table of its transitions."""
    with translation.override("en"):
        return "\n".join([*_head(workflow), *_diagram(workflow), "", *_tables(workflow)]) + "\n"


def _head(workflow: type[Workflow]) -> list[str]:
    return [
        f"# {workflow.__name__}",
        "",
        "Written by `manage.py draw_workflows` from the declaration; do not edit.",
        "",
    ]


def _diagram(workflow: type[Workflow]) -> list[str]:
    order = [str(state) for state in workflow.states.values]
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {workflow.initial}"]
    for state in order:
        for one in workflow.transitions.values():
            if state in one.sources and not one.on_reminder:
                lines.append(f"    {state} --> {one.target_of(state)}: {one.name} ({_who(one)})")
    lines += [f"    {state} --> [*]" for state in workflow.final]
    return [*lines, "```"]


def _who(one: Transition) -> str:
    if one.on_deadline:
        return "when due"
    if one.on_reminder:
        return "reminder"
    return ", ".join(sorted(str(role) for role in one.roles))


def _tables(workflow: type[Workflow]) -> Iterable[str]:
    yield from ["## States", "", "| state | due | reminders |", "|---|---|---|"]
    for state in workflow.states.values:
        deadline = workflow.deadline(state)
        soft = " (shown only)" if state in workflow.targets else ""
        reminder = workflow.reminders.get(state)
        yield f"| {state} | {deadline.label + soft if deadline else ''} | {reminder.label if reminder else ''} |"
    yield from [
        "",
        "## Transitions",
        "",
        "| transition | from | to | who | needs | reactions |",
        "|---|---|---|---|---|---|",
    ]
    order = [str(state) for state in workflow.states.values]
    for one in workflow.transitions.values():
        sources = ", ".join(sorted(map(str, one.sources), key=order.index))
        needs = "; ".join([*(str(rule.otherwise) for rule in one.requires), *(["a reason"] if one.needs_note else [])])
        reactions = ", ".join(f"`{reaction.__module__}.{reaction.__qualname__}`" for reaction in one.reactions)
        yield f"| {one.name}: {one.label} | {sources} | {one.target or 'stays'} | {_who(one)} | {needs} | {reactions} |"
    if workflow.clocks:
        yield from ["", "## Clocks", "", "| clock | days | runs in | pauses in |", "|---|---|---|---|"]
    for clock in workflow.clocks:
        days = clock.days.__name__ if callable(clock.days) else clock.days
        runs, pauses = (
            ", ".join(sorted(map(str, states), key=order.index)) for states in (clock.runs_in, clock.pauses_in)
        )
        yield f"| {clock.kind} | {days} | {runs} | {pauses} |"


def pages() -> dict[Path, str]:
    """The path and text of every registered workflow's page."""
    folder = Path(settings.BASE_DIR) / FOLDER
    return {folder / f"{name}.md": draw(workflow) for name, workflow in sorted(Workflow.registry.items())}
