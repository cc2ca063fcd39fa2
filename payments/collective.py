"""Collective notices: one number and one sum for the notices of many people, each of whom keeps a notice of their own.

Paying the collective pays every member on the same day. A member that leaves it (paid on its own, cancelled, replaced)
makes it wrong, so it is replaced at once by one for the rest, or cancelled when nobody is left. What happens to a
member afterwards, a refund for instance, concerns that member alone.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from payments import membership
from payments.issuing import NoticeDraft, issue_notices, supersede_notice
from payments.membership import OPEN, MembersMoved
from payments.models import Line, Notice, NoticeQuerySet
from payments.moved import are_members, wholes_of
from payments.refunds import propose_refund
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions.models import Office, PolicySnapshot, Region
from portal.workflow.core import Batch
from portal.workflow.errors import NotAvailable

MAX_CONTENDERS = 5
BATCH = 2_000
"""So many members are settled by one statement."""

PAYER_TOLD_UP_TO = 20
"""Members up to which the payer gets a message about every replacement: a family carries the paper home, a committee
follows its list on its own page.
"""


class NothingToCollect(ValueError):
    """None of the members can still be paid."""


class MixedMembers(ValueError):
    """The members are of different kinds, or one of them is a collective notice itself."""


def issue_collective(
    *,
    purpose: str,
    reference: str,
    members: Sequence[Notice],
    payer: Resident,
    region: Region,
    office: Office | None,
    policy: PolicySnapshot,
    actor: Actor,
    at: datetime | None = None,
    tell: bool = True,
) -> Notice:
    """Issues one notice for the members that are still to be paid; due on the earliest of their days.

    The open collective notice of the same purpose and reference is returned where it has the same members, and
    replaced by a new one where it has others. Once it is paid, later members of the same reference get a further one.
    A member of another open collective notice leaves that one. Raises NothingToCollect, MixedMembers.
    """
    at = at or timezone.now()
    for _attempt in range(MAX_CONTENDERS):
        try:
            with transaction.atomic():
                current = open_collective(purpose=purpose, reference=reference)
                payable = _payable(members, current, at)
                chosen = {row.pk for row in payable}
                if current is not None and chosen == set(current.members.values_list("pk", flat=True)):
                    return current
                draft = _draft(
                    payable,
                    purpose=purpose,
                    reference=current.reference if current else _free_reference(purpose, reference),
                    payer=payer,
                    region=region,
                    office=office,
                    policy=policy,
                    tell=tell,
                )
                others = membership.collectives_of(chosen) - ({current.pk} if current else set())
                made = supersede_notice(current, draft, actor=actor, at=at) if current else _first(draft, actor, at)
                _join(payable, made)
                renew(others, at)
                return made
        except MembersMoved:
            continue
    raise MembersMoved


def open_collective(*, purpose: str, reference: str) -> Notice | None:
    """The collective notice of this purpose and reference that can be paid now, or None."""
    return _named(purpose, reference).filter(state=State.ISSUED).first()


def collectives(*, purpose: str, reference: str) -> list[Notice]:
    """Every collective notice of this purpose and reference that is open or paid, the newest first."""
    return list(_named(purpose, reference).live().order_by("-issued_at"))


def renew(pks: Iterable[UUID], at: datetime) -> None:
    """Replaces open collective notices that a member has left by new ones for the rest, and cancels those without any.

    One whose members are all still to be paid stays as it is.
    """
    today = calendar.local_date(at)
    for old in membership.lock(pks):
        rest = [row for row in old.members.all() if _can_be_paid(row, today)]
        if old.state not in OPEN or len(rest) == len(old.lines):
            continue
        if old.state == State.EXPIRED or not rest:
            NoticeWorkflow.cancel.move([old.pk], SYSTEM, codes={"reason": "members_left"}, at=at)
            continue
        places = {line.reference: place for place, line in enumerate(old.lines)}
        rest.sort(key=lambda row: places.get(row.reference, len(places)))
        draft = _draft(
            rest,
            purpose=old.purpose,
            reference=old.reference,
            payer=old.resident,
            region=old.region,
            office=old.office,
            policy=old.policy,
            tell=len(old.lines) <= PAYER_TOLD_UP_TO,
        )
        _join(rest, supersede_notice(old, draft, actor=SYSTEM, at=at))


def settle_members(batch: Batch) -> None:
    """Pays every member of the collective notices that were paid, on the same day and in the same transaction."""
    wholes = wholes_of(batch)
    for whole in Notice.objects.filter(pk__in=wholes) if wholes else ():
        unpaid = list(whole.members.filter(state__in=OPEN).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(unpaid), BATCH):
            NoticeWorkflow.settle.move(
                unpaid[start : start + BATCH],
                SYSTEM,
                at=batch.at,
                changes={"paid_on": whole.paid_on, "paid_at": whole.paid_at},
                codes={"collective": whole.number},
            )


def renew_left(batch: Batch) -> None:
    """Members were paid on their own, cancelled or replaced: their collective notices are made anew for the rest."""
    left = membership.collectives_of(batch.keys) if are_members(batch) else set()
    if left:
        renew(left, batch.at)


def give_back(notice: Notice, at: datetime) -> bool:
    """Opens the refund of a member whose share of a collective payment nobody needs; False for money of its own."""
    whole = notice.collective
    if whole is None or whole.paid_on is None or notice.payments.exists():
        return False
    try:
        propose_refund(notice, reason="not_waiting", actor=SYSTEM, at=at)
    except NotAvailable:
        pass  # its refund is open already
    return True


def _named(purpose: str, reference: str) -> NoticeQuerySet:
    """Notices of a reference, with or without the counter of a further collective notice behind it."""
    return Notice.objects.filter(Q(reference=reference) | Q(reference__startswith=f"{reference}:"), purpose=purpose)


def _free_reference(purpose: str, reference: str) -> str:
    """The reference itself, or with a counter behind it where a paid collective notice holds it."""
    taken = set(_named(purpose, reference).live().values_list("reference", flat=True))
    further = (f"{reference}:{number}" for number in itertools.count(2))
    return next(key for key in itertools.chain([reference], further) if key not in taken)


def _can_be_paid(notice: Notice, today: date) -> bool:
    return notice.state == State.ISSUED and notice.due_on >= today


def _payable(members: Sequence[Notice], current: Notice | None, at: datetime) -> list[Notice]:
    """Those of the members that can still be paid in time, in the order given, locked behind their collective
    notices.
    """
    pks = list(dict.fromkeys(member.pk for member in members))
    held = membership.collectives_of(pks) | ({current.pk} if current else set())
    stands = {row.pk: row.state for row in membership.lock(held)}
    locked = {row.pk: row for row in membership.lock(pks)}
    if membership.collectives_of(pks) - held or (current is not None and stands.get(current.pk) != State.ISSUED):
        raise MembersMoved
    today = calendar.local_date(at)
    payable = [locked[pk] for pk in pks if pk in locked and _can_be_paid(locked[pk], today)]
    if not payable:
        raise NothingToCollect
    if len({row.kind for row in payable}) > 1 or Notice.objects.filter(collective__in=payable).exists():
        raise MixedMembers
    return payable


def _first(draft: NoticeDraft, actor: Actor, at: datetime) -> Notice:
    made = issue_notices([draft], actor=actor, at=at)[0]
    if made.members.exists():
        raise MembersMoved  # somebody else has issued one for this reference meanwhile
    return made


def _join(members: Sequence[Notice], whole: Notice) -> None:
    Notice.objects.filter(pk__among=[member.pk for member in members]).update(collective=whole)


def _draft(
    members: Sequence[Notice],
    *,
    purpose: str,
    reference: str,
    payer: Resident,
    region: Region,
    office: Office | None,
    policy: PolicySnapshot,
    tell: bool,
) -> NoticeDraft:
    years = {member.cover_year for member in members}
    return NoticeDraft(
        kind=members[0].kind,
        purpose=purpose,
        reference=reference,
        resident=payer,
        region=region,
        office=office,
        policy=policy,
        amount_fen=sum(member.amount_fen for member in members),
        lines=[_line(member) for member in members],
        cover_year=years.pop() if len(years) == 1 else None,
        due_on=min(member.due_on for member in members),
        tell=tell,
    )


def _line(member: Notice) -> Line:
    """One member in one line, whatever the lines of its own notice."""
    first = member.lines[0]
    return Line(
        name=first.name,
        masked_number=first.masked_number,
        label=first.label,
        standard_fen=sum(line.total_fen for line in member.lines),
        assistance_fen=sum(line.assistance_fen for line in member.lines),
        reference=member.reference,
    )
