"""The declaration of the notice's life: who may move what, from where."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Notice
from payments.services import issue_notices
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor, Role
from portal.regions.calendar import SHANGHAI
from portal.workflow.errors import NotAvailable, WrongRole
from tests.payments.notices import NOON, TODAY, draft, issue, snapshot

pytestmark = pytest.mark.django_db

PATHS = {
    State.ISSUED: [],
    State.PAID: ["settle"],
    State.REFUNDING: ["settle", "propose_refund"],
    State.REFUNDED: ["settle", "propose_refund", "confirm_refund"],
    State.EXPIRED: ["expire"],
    State.CANCELLED: ["cancel"],
}

ALLOWED = {
    "settle": ({Role.SYSTEM}, {State.ISSUED, State.EXPIRED}, State.PAID),
    "remind": ({Role.SYSTEM}, {State.ISSUED}, State.ISSUED),
    "expire": ({Role.SYSTEM}, {State.ISSUED}, State.EXPIRED),
    "cancel": ({Role.SYSTEM}, {State.ISSUED, State.EXPIRED}, State.CANCELLED),
    "supersede": ({Role.SYSTEM}, {State.ISSUED, State.EXPIRED}, State.CANCELLED),
    "propose_refund": ({Role.SYSTEM, Role.CASHIER}, {State.PAID}, State.REFUNDING),
    "confirm_refund": ({Role.CASHIER}, {State.REFUNDING}, State.REFUNDED),
    "refuse_refund": ({Role.CASHIER}, {State.REFUNDING}, State.PAID),
}
"""Written by hand: role, states and target of every transition, against which the declaration is tested."""

CHANGES = {"settle": {"paid_on": TODAY}}
LATER = datetime(2026, 12, 31, tzinfo=SHANGHAI)


def in_state(state: State) -> Notice:
    """A notice that came to this state by the declared moves."""
    notice = issue()
    for name in PATHS[state]:
        mover = Actor(Role.CASHIER, user_id=900) if name == "confirm_refund" else SYSTEM
        NoticeWorkflow.transitions[name].fire(notice, mover, changes=CHANGES.get(name), at=LATER)
    assert notice.state == state
    return notice


def test_table_names_every_transition():
    """ARCHITECTURE §4: nothing is declared that the table does not expect."""
    assert set(NoticeWorkflow.transitions) == set(ALLOWED)
    assert NoticeWorkflow.final == [State.REFUNDED, State.CANCELLED]


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("name", list(ALLOWED))
def test_every_role_moves_exactly_what_the_table_says(name, state):
    """RELIABILITY §3, REL-R2: allowed, 403 for a wrong role, 409 for a wrong state, in every combination."""
    roles, sources, target = ALLOWED[name]
    transition = NoticeWorkflow.transitions[name]
    allowed = roles if state in sources else set()
    untouched = in_state(state)
    for role in set(Role) - allowed:
        with pytest.raises(NotAvailable if role in roles else WrongRole):
            transition.fire(untouched, mover(role), at=LATER)
    untouched.refresh_from_db()
    assert (untouched.state, untouched.timeline.count()) == (state, 1 + len(PATHS[state]))
    for role in allowed:
        notice = in_state(state)
        transition.fire(notice, mover(role), at=LATER, changes=CHANGES.get(name))
        assert notice.state == target


def mover(role: Role) -> Actor:
    """Somebody of this role who had no part in the notice so far."""
    return Actor(role, user_id=None if role == Role.SYSTEM else 901)


def test_notice_does_not_expire_before_its_time():
    """B9: the deadline is part of the rule: expiring early is not available, even to the portal."""
    notice = issue()
    with pytest.raises(NotAvailable):
        NoticeWorkflow.expire.fire(notice, SYSTEM, at=notice.due_at - timedelta(seconds=1))
    NoticeWorkflow.expire.fire(notice, SYSTEM, at=notice.due_at)


def test_expiring_many_costs_what_expiring_few_costs():
    """REL-K9: a sweep is set-based, however many are due."""
    policy = snapshot()
    resident = draft(policy=policy).resident

    def cost(count: int) -> int:
        issue_notices([draft(policy=policy, resident=resident) for _ in range(count)], actor=SYSTEM, at=NOON)
        with time_machine.travel(LATER, tick=False), CaptureQueriesContext(connection) as queries:
            assert NoticeWorkflow.expire.sweep() == count
        return len(queries)

    assert cost(50) == cost(2)
