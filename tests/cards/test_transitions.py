"""Every combination of role, state and transition of both workflows against the written tables."""

import itertools

import pytest
from django.urls import reverse

from cards.models import Card, CardApplication
from cards.states import CardState, State
from cards.workflow import CardApplicationWorkflow, CardWorkflow
from portal.people.actors import SYSTEM, Actor, Role
from portal.workflow.errors import NotAvailable, Unmet, WrongRole
from tests.cards import journeys
from tests.cards.transition_table import APPLICATION, CARD
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db


def put(row, state):
    """Puts a row into a state as its columns would be there, without a history."""
    known = type(row).objects.get(pk=row.pk)
    columns = {"state": state, "due_at": None}
    if isinstance(row, CardApplication):
        if state in ("draft", "under_review", "correction_required", "in_production", "ready_for_pickup"):
            columns["due_at"] = known.submitted_at
        if state == "rejected":
            columns |= {"decision_reason": "x", "decision_next_step": "y"}
    elif state in (CardState.INACTIVE, CardState.ACTIVE, CardState.LOSS_TEMPORARY):
        columns["due_at"] = known.state_since
    type(row).objects.filter(pk=row.pk).update(**columns)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(("workflow", "table"), [(CardApplicationWorkflow, APPLICATION), (CardWorkflow, CARD)])
def test_the_declaration_is_the_written_table(workflow, table):
    """B3: a transition added, dropped or opened to another role fails here until people have agreed to it."""
    declared = {
        name: (
            sorted(str(source) for source in one.sources),
            None if one.target is None else str(one.target),
            sorted(str(role) for role in one.roles),
        )
        for name, one in workflow.transitions.items()
    }
    assert declared == {name: (sorted(a), b, sorted(c)) for name, (a, b, c) in table.items()}


def state_of(row):
    """The state as the database has it."""
    return type(row).objects.values_list("state", flat=True).get(pk=row.pk)


def subjects(kind):
    if kind == "application":
        return journeys.under_review(journeys.resident()), CardApplicationWorkflow, APPLICATION, State.values
    card, _code = journeys.collected(journeys.resident(), journeys.card_clerk())
    return card, CardWorkflow, CARD, CardState.values


@pytest.mark.parametrize("kind", ["application", "card"])
def test_no_other_role_may_fire(kind, monday):
    """B3: every role and transition: roles outside the table are refused whatever the state (403)."""
    row, workflow, table, states = subjects(kind)
    for state in states:
        put(row, state)
        for (name, transition), role in itertools.product(workflow.transitions.items(), Role):
            if role in table[name][2]:
                continue
            with pytest.raises(WrongRole):
                transition.fire(row, Actor(role, user_id=1), row.version)
            assert state_of(row) == state, (name, role)


@pytest.mark.parametrize("kind", ["application", "card"])
def test_nobody_fires_from_another_state_or_version(kind, monday):
    """B3: the right role from a state outside the table, or with an old version, is told so (409)."""
    row, workflow, table, states = subjects(kind)
    for name, transition in workflow.transitions.items():
        sources, _target, roles = table[name]
        for role, state in itertools.product(roles, states):
            put(row, state)
            actor = SYSTEM if role == "system" else Actor(Role(role), user_id=1)
            version = row.version if state not in sources else row.version + 7
            with pytest.raises((NotAvailable, Unmet)):
                transition.fire(row, actor, version, note="because")
            assert state_of(row) == state


def test_every_role_gets_what_the_desk_promises(monday, cast, client):
    """B3, B10, I1: pages of the card office for each role: done, 403 for others, 404 for other regions."""
    application = journeys.under_review(journeys.resident())
    own = journeys.card_clerk()
    elsewhere = cast.card_clerk
    for name in ("review", "ask_correction", "reject", "photo", "approve", "hand_over"):
        url = reverse(f"cards:{name}", args=[application.pk])
        sign_in(client, elsewhere)
        assert client.post(url).status_code in (404, 405), name
        if name != "approve":
            assert client.get(url).status_code == 404, name
    for role, person in cast.staff().items():
        if role in (Role.CARD_CLERK, Role.AUDITOR):
            continue
        sign_in(client, person)
        assert client.get(reverse("cards:queue")).status_code == 403
        assert client.get(reverse("cards:review", args=[application.pk])).status_code == 403
        assert client.post(reverse("cards:approve", args=[application.pk])).status_code == 403
    sign_in(client, own)
    for state in State.values:
        put(application, state)
        answer = client.post(reverse("cards:approve", args=[application.pk]), {"version": application.version})
        assert answer.status_code == (302 if state == "under_review" else 404 if state == "draft" else 409)


def test_other_residents_see_nothing(monday, cast, client):
    """B10, REL-M2: somebody else's application and card do not exist for a stranger; guests are sent to sign in."""
    card, _code = journeys.collected(journeys.resident(), journeys.card_clerk())
    pages = [
        *[("application", name) for name in ("application", "personal", "check", "form", "pay", "correct", "withdraw")],
        *[("card", name) for name in ("card", "activate")],
    ]
    for kind, name in pages:
        pk = card.application_id if kind == "application" else card.pk
        assert client.get(reverse(f"cards:{name}", args=[pk])).status_code == 302
    sign_in(client, cast.wang)
    for kind, name in pages:
        pk = card.application_id if kind == "application" else card.pk
        assert client.get(reverse(f"cards:{name}", args=[pk])).status_code == 404, name
    assert client.post(reverse("cards:loss", args=[card.pk])).status_code == 404
    assert Card.objects.visible_to(Actor(Role.ANONYMOUS)).count() == 0


def test_nobody_decides_the_case_of_their_household(monday, client):
    """N19: a card clerk who is the applicant at home gets a 403."""
    resident = journeys.resident()
    application = journeys.under_review(resident)
    clerk = journeys.make_staff(
        "self", Role.CARD_CLERK, "442000", office_kind="card_office", own_id_index=resident.id_index
    )
    sign_in(client, clerk)
    answer = client.post(reverse("cards:approve", args=[application.pk]), {"version": application.version})
    assert answer.status_code == 403
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
