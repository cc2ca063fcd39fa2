"""Refunds by two people."""

import pytest
from django.db import IntegrityError, transaction

from payments.models import Notice
from payments.services import confirm_refund, propose_refund
from payments.states import State
from portal.people.actors import Role
from portal.workflow.errors import ConflictOfInterest, NotAvailable, WrongRole
from tests.payments.notices import issue, pay
from tests.people_cast import actor, make_staff

pytestmark = pytest.mark.django_db


def paid_notice(**fields) -> Notice:
    """A notice that was paid."""
    notice = issue(**fields)
    pay(notice)
    notice.refresh_from_db()
    return notice


def test_refund_needs_two_people(cast):
    """E10, N19: one proposes, another confirms; the proposer cannot."""
    notice = paid_notice()
    first, second = actor(cast.cashier), actor(cast.second_cashier)
    propose_refund(notice, reason="paid twice", actor=first)
    assert notice.state == State.REFUNDING
    with pytest.raises(ConflictOfInterest):
        confirm_refund(notice, actor=first)
    confirm_refund(notice, actor=second)
    assert notice.state == State.REFUNDED
    assert [entry.transition for entry in notice.timeline.all()][-2:] == ["propose_refund", "confirm_refund"]


def test_clerk_who_rejected_counts_as_proposer(cast):
    """E10: a refund opened by a rejection is confirmed by a cashier; the portal notes who decided."""
    notice = paid_notice()
    clerk = actor(cast.clerk)
    propose_refund(notice, reason="rejected", actor=clerk)
    entry = notice.timeline.last()
    assert (notice.refund_proposed_by, entry.actor_role, entry.codes["proposed_by_role"]) == (
        clerk.user_id,
        Role.SYSTEM,
        Role.CLERK,
    )
    confirm_refund(notice, actor=actor(cast.cashier))


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in (Role.CASHIER, Role.ANONYMOUS, Role.SYSTEM, Role.RESIDENT)]
)
def test_only_cashiers_confirm(cast, role):
    """RELIABILITY §3: payment, reverse: one proposes, a cashier confirms."""
    notice = paid_notice()
    propose_refund(notice, reason="rejected", actor=actor(cast.clerk))
    with pytest.raises(WrongRole):
        confirm_refund(notice, actor=actor(cast.staff()[role]))


def test_nobody_confirms_a_refund_to_their_own_household(cast):
    """N19: a cashier who is Li Si at home does not pay back to Zhang San."""
    notice = paid_notice(resident=cast.zhang)
    assert cast.li
    at_home = make_staff("li-cashier", Role.CASHIER, "450302", own_id_index=cast.li.id_index)
    with pytest.raises(ConflictOfInterest):
        propose_refund(notice, reason="rejected", actor=actor(at_home))
    propose_refund(notice, reason="rejected", actor=actor(cast.clerk))
    with pytest.raises(ConflictOfInterest):
        confirm_refund(notice, actor=actor(at_home))


def test_unpaid_notice_has_nothing_to_refund(cast):
    """REL-I2: refunds start from paid, once."""
    with pytest.raises(NotAvailable):
        propose_refund(issue(), reason="rejected", actor=actor(cast.cashier))
    notice = paid_notice()
    propose_refund(notice, reason="rejected", actor=actor(cast.cashier))
    with pytest.raises(NotAvailable):
        propose_refund(notice, reason="rejected", actor=actor(cast.second_cashier))


def test_stale_page_cannot_confirm(cast):
    """REL-R2: a page opened before the proposal changed is refused."""
    notice = paid_notice()
    seen = notice.version
    propose_refund(notice, reason="rejected", actor=actor(cast.cashier))
    with pytest.raises(NotAvailable):
        confirm_refund(notice, actor=actor(cast.second_cashier), version=seen)


def test_database_refuses_one_person_in_both_roles(cast):
    """E10: the rule stands in the database too."""
    notice = paid_notice()
    propose_refund(notice, reason="rejected", actor=actor(cast.cashier))
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.filter(pk=notice.pk).update(refund_confirmed_by=cast.cashier.pk)
