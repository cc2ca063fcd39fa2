"""Batch notices of a roster: one sum for up to 400 of its people, each of whom keeps a notice of their own (G2)."""

from dataclasses import dataclass

from django.db.models import Sum

from enrollment.models import Application, ApplicationQuerySet, Outcome, Roster
from payments import collective
from payments.models import Notice
from payments.states import State as NoticeState
from portal import audit
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions import calendar

PURPOSE = "enrollment.roster"
MEMBERS_PER_NOTICE = 400
"""A paper with one line for each of them is as long as a paper may be."""


class NoPayer(Exception):
    """The agent is not on file as a person, and somebody must answer for the sum."""


class NothingToPay(Exception):
    """No person of the roster has a notice that can be paid now."""


@dataclass(frozen=True)
class Totals:
    """What the people of a roster owe: how many have an open notice, their sum, how many have paid, their sum."""

    open_count: int
    open_fen: int
    paid_count: int
    paid_fen: int


def issue(roster: Roster, actor: Actor) -> list[Notice]:
    """Issues the batch notices for everybody of the roster who has to pay now; the same people get the same notices.

    The place in the roster decides which notice somebody belongs to, so that people who are billed later join the
    notice of their neighbours. Raises NoPayer and NothingToPay.
    """
    payer = Resident.objects.filter(pk=actor.resident_id).first() if actor.resident_id else None
    if actor.role != Role.COMMITTEE_AGENT or payer is None:
        raise NoPayer
    made = []
    for number, members in _parts(roster):
        newest = members[0].policy
        try:
            notice = collective.issue_collective(
                purpose=PURPOSE,
                reference=f"{roster.pk}/{number}",
                members=members,
                payer=payer,
                region=roster.region,
                office=roster.office,
                policy=newest,
                actor=actor,
                tell=False,
            )
        except collective.NothingToCollect:
            continue
        made.append(notice)
    if not made:
        raise NothingToPay
    audit.record("enrollment.roster_billed", actor, subject=roster, details={"notices": len(made)})
    return made


def of(roster: Roster) -> list[Notice]:
    """The batch notices of a roster that are open or paid, in the order of their parts."""
    rows = Notice.objects.filter(purpose=PURPOSE, reference__startswith=f"{roster.pk}/").live()
    return sorted(rows.select_related("policy"), key=lambda notice: (len(notice.reference), notice.reference))


def totals(roster: Roster) -> Totals:
    """Sums over the members' own notices, to which those of the batch notices must be equal."""
    members = Notice.objects.filter(pk__in=_cases(roster).filter(notice__isnull=False).order_by().values("notice"))
    owed, paid = members.filter(state=NoticeState.ISSUED), members.filter(paid_on__isnull=False)
    return Totals(
        owed.count(),
        owed.aggregate(sum=Sum("amount_fen"))["sum"] or 0,
        paid.count(),
        paid.aggregate(sum=Sum("amount_fen"))["sum"] or 0,
    )


def _cases(roster: Roster) -> ApplicationQuerySet:
    return Application.objects.filter(roster_row__roster=roster)


def _parts(roster: Roster) -> list[tuple[int, list[Notice]]]:
    """The members with an open notice, by the part of the roster they stand in."""
    rows = roster.rows.filter(outcome=Outcome.SUBMITTED).select_related("application__notice__policy").order_by("line")
    today = calendar.today()
    parts: dict[int, list[Notice]] = {}
    for place, row in enumerate(rows.iterator(chunk_size=500)):
        notice = row.application.notice
        if notice is not None and notice.state == NoticeState.ISSUED and notice.due_on >= today:
            parts.setdefault(place // MEMBERS_PER_NOTICE + 1, []).append(notice)
    return sorted(parts.items())
