"""Every (role, state, transition) of a workflow, generated from its declaration.

Refusals are proven beside each app against the written tables; here is the other half: what the declaration allows is
done, in every state and by every role it names, and nothing falls outside of allowed, 403 and 409.
"""

import itertools
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from portal.people.actors import SYSTEM, Actor, Role
from portal.workflow.errors import NotAvailable, WrongRole


def outcome(row, transition, role, state, put):
    """What happens when a role fires a transition in a state, with every requirement met: 302, 403 or 409."""
    actor = SYSTEM if role == Role.SYSTEM else Actor(role, user_id=1)
    if role not in transition.roles:
        row.state = state  # the role is looked at before the row
        with pytest.raises(WrongRole):
            transition.fire(row, actor, row.version)
        return 403
    put(row, state)
    past = timezone.now() - timedelta(minutes=1)
    dates = {"remind_at": past} if transition.on_reminder else {}
    if transition.on_deadline and row.due_at is not None:
        dates["due_at"] = past
    if "paid_on" in {field.name for field in row._meta.get_fields()}:
        dates["paid_on"] = timezone.localdate()
    type(row).objects.filter(pk=row.pk).update(**dates)
    entries = row.timeline.count()
    changes = {"decision_reason": "x", "decision_next_step": "y"} if "reject" in transition.name else {}
    try:
        transition.fire(row, actor, row.version, note="because", changes=changes)
    except NotAvailable:
        return 409
    assert type(row).objects.get(pk=row.pk).state == transition.target_of(state)
    assert row.timeline.count() == entries + 1
    return 302


def check_every_combination(row, workflow, put, monkeypatch):
    """Fires every transition as every role in every state; requirements and reactions have tests of their own.

    `put` brings the row into a state as its columns would be there.
    """
    transitions = workflow.transitions
    for one in transitions.values():
        # A transition the worker fires gives way to earlier ones of its state; here each is looked at by itself.
        monkeypatch.setattr(one, "requires", ())
        monkeypatch.setattr(one, "reactions", [])
        monkeypatch.setattr(one, "_before", list)
    seen = dict.fromkeys((302, 403, 409), 0)
    for transition, role, state in itertools.product(transitions.values(), Role, workflow.states.values):
        allowed = 403 if role not in transition.roles else 302 if state in transition.sources else 409
        with transaction.atomic() if role in transition.roles else nullcontext():
            assert outcome(row, transition, role, state, put) == allowed, (transition.name, role, state)
            if role in transition.roles:
                transaction.set_rollback(True)
        seen[allowed] += 1
    assert sum(seen.values()) == len(transitions) * len(Role) * len(workflow.states)
    assert all(seen.values())
