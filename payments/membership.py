"""What ties a notice to the collective notice that covers it: who is locked first, and whose money settled it.

A collective notice is locked before its members. In that order a payment of the whole, a payment of one member and a
withdrawal wait for each other and cannot block each other for good.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from payments.models import Notice, Payment
from payments.states import State
from portal.workflow.lookups import Keys

OPEN = (State.ISSUED, State.EXPIRED)
"""States in which money paid in time still settles a notice."""

MAX_LOOKS = 5


class MembersMoved(Exception):
    """The members kept changing their collective notice while it was being locked; the whole is to be tried again."""


def hold(pks: Iterable[UUID | str]) -> None:
    """Locks, for the rest of the transaction, the open collective notices of these notices, before these are moved.

    A member may have got another collective notice while we waited for the lock, so the question is asked again.
    Raises MembersMoved.
    """
    wanted, held = pks if isinstance(pks, Keys) else Keys(pks), set[UUID]()
    for _look in range(MAX_LOOKS):
        named = collectives_of(wanted)
        if named <= held:
            return
        lock(named)
        held |= named
    raise MembersMoved


def collectives_of(pks: Iterable[UUID | str]) -> set[UUID]:
    """The open collective notices these notices belong to."""
    named = Notice.objects.filter(pk__among=pks, collective__state__in=OPEN).order_by()
    return {pk for pk in named.values_list("collective", flat=True).distinct() if pk}


def lock(pks: Iterable[UUID]) -> list[Notice]:
    """Locks notices in one fixed order for the rest of the transaction and reads them as they are then."""
    return list(Notice.objects.filter(pk__among=list(pks)).order_by("pk").select_for_update(no_key=True))


def is_stale(notice: Notice) -> bool:
    """Whether a collective notice asks for money that one of its members no longer owes; never true for others."""
    return notice.members.exclude(state__in=OPEN).exists()


def payment_of(notice: Notice) -> Payment | None:
    """The money that settled a notice: its own payment, or that of its collective notice; None while unpaid."""
    if notice.paid_on is None:
        return None
    settled = Payment.objects.filter(outcome=Payment.Outcome.SETTLED)
    own = settled.filter(notice=notice).first()
    return own or (settled.filter(notice=notice.collective_id).first() if notice.collective_id else None)


def told_by_collective(notices: Iterable[Any], state: str) -> set[str]:
    """The keys, written out, of those notices whose payer is told the same fact by their collective notice, which is in
    `state`.
    """
    members = [notice.pk for notice in notices if notice.collective_id is not None]
    if not members:
        return set()
    covered = Q(collective__state=state, collective__resident=F("resident"))
    return {str(pk) for pk in Notice.objects.filter(covered, pk__among=members).values_list("pk", flat=True)}
