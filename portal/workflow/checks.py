"""System checks of every registered workflow: what the declaration promises must be possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from portal.people.actors import Role

from .core import Workflow


@register("workflow")
def check_workflows(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check the declarations of all workflows."""
    return [message for workflow in Workflow.registry.values() for message in problems(workflow)]


def problems(workflow: type[Workflow]) -> Iterator[CheckMessage]:
    """Everything that is wrong with one workflow."""
    yield from _unknown_names(workflow)
    yield from _unreachable(workflow)
    yield from _dead_ends(workflow)
    yield from _reminders(workflow)


def _error(workflow: type[Workflow], number: int, text: str) -> Error:
    return Error(f"{workflow.__name__}: {text}", obj=workflow, id=f"workflow.E{number:03d}")


def _unknown_names(workflow: type[Workflow]) -> Iterator[CheckMessage]:
    known = {str(state) for state in workflow.states.values}
    named = {"initial": {workflow.initial}, "deadlines": workflow.deadlines, "targets": workflow.targets}
    named |= {"reminders": workflow.reminders}
    named |= {f"clock {clock.kind}": {*clock.runs_in, *clock.pauses_in} for clock in workflow.clocks}
    named |= {name: {*one.sources, *one.targets} for name, one in workflow.transitions.items()}
    for where, states in named.items():
        for state in sorted({str(state) for state in states} - known):
            yield _error(workflow, 1, f"{where} names the unknown state {state}")
    for name, one in workflow.transitions.items():
        for role in sorted({str(role) for role in one.roles} - set(Role.values)):
            yield _error(workflow, 2, f"{name} names the unknown role {role}")
        if not one.roles:
            yield _error(workflow, 2, f"{name} may be fired by nobody")


def _unreachable(workflow: type[Workflow]) -> Iterator[CheckMessage]:
    reached = {str(workflow.initial)}
    while found := {
        str(target)
        for one in workflow.transitions.values()
        for source in one.sources
        if source in reached and (target := one.target_of(source)) not in reached
    }:
        reached |= found
    for state in workflow.states.values:
        if state not in reached:
            yield _error(workflow, 3, f"the state {state} cannot be reached")


def _dead_ends(workflow: type[Workflow]) -> Iterator[CheckMessage]:
    for state in workflow.deadlines:
        ways = [one for one in workflow.transitions.values() if one.on_deadline and state in one.sources]
        if not ways or ways[-1].requires:
            yield _error(
                workflow,
                4,
                f"a row due in {state} may have no way out: the last on-deadline move must be unconditional",
            )
        if any(one.target_of(state) == state for one in ways):
            yield _error(workflow, 5, f"an on-deadline move of {state} stays there and would run for ever")
        if any(not one.requires for one in ways[:-1]):
            yield _error(workflow, 6, f"an unconditional on-deadline move of {state} hides those after it")
    for name, one in workflow.transitions.items():
        for state in sorted({str(source) for source in one.sources} - set(map(str, workflow.deadlines))):
            if one.on_deadline:
                yield _error(workflow, 7, f"{name} is on-deadline, but {state} has no deadline")
    for state in workflow.targets:
        if state in workflow.deadlines:
            yield _error(workflow, 8, f"{state} has both a deadline and a target")
        if state not in workflow.reminders:
            yield _error(workflow, 9, f"{state} has a target that nobody is reminded of")
    leaving = {
        str(source)
        for one in workflow.transitions.values()
        for source in one.sources
        if one.target_of(source) != source
    }
    for state in workflow.states.values:
        if state not in leaving and (state in workflow.deadlines or state in workflow.targets):
            yield _error(workflow, 10, f"{state} has a due date and no way out")
        stuck = any(state in one.sources for one in workflow.transitions.values()) and state not in leaving
        if stuck:
            yield _error(workflow, 11, f"{state} is not final, but every move stays there")


def _reminders(workflow: type[Workflow]) -> Iterator[CheckMessage]:
    for state in workflow.reminders:
        ways = [one for one in workflow.transitions.values() if one.on_reminder and state in one.sources]
        if len(ways) != 1 or ways[0].requires or ways[0].target is not None:
            yield _error(workflow, 12, f"{state} needs exactly one unconditional on-reminder move without a target")
    for name, one in workflow.transitions.items():
        for state in sorted({str(source) for source in one.sources} - set(map(str, workflow.reminders))):
            if one.on_reminder:
                yield _error(workflow, 13, f"{name} is on-reminder, but {state} has no reminder")
