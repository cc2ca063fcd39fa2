"""Batch notices of a roster: one sum for up to 2,000 of its people, each of whom keeps a notice of their own (G2)."""

from dataclasses import dataclass

from django.db.models import Sum

from enrollment.models import Application, ApplicationQuerySet, Outcome, Roster
from payments import collective
from payments.models import Notice
from payments.states import State as NoticeState
from portal import audit
from portal.people.actors import Actor, Role
from portal.people.identity import IdentityNumber
from portal.people.models import Resident, identity_index
from portal.people.names import comparable_name
from portal.people.services import AlreadyRegistered, register_resident
from portal.regions import calendar

PURPOSE = "enrollment.roster"
MEMBERS_PER_NOTICE = 2_000
"""More than a village has. A member who pays alone makes the notice of all the others anew, which costs more the more
they are.
"""


class NoPayer(Exception):
    """The agent is not on file as a person, and nobody was named who answers for the sum."""


class OtherName(Exception):
    """Another name is on file for the number of the person who is to answer for the sum."""


class NothingToPay(Exception):
    """No person of the roster has a notice that can be paid now."""


@dataclass(frozen=True)
class Totals:
    """What the people of a roster owe: how many have an open notice, their sum, how many have paid, their sum."""

    open_count: int
    open_fen: int
    paid_count: int
    paid_fen: int


def payer_of(roster: Roster, actor: Actor) -> Resident | None:
    """Who answers for the sum: the agent where they are on file as a resident, else whom the last notice names."""
    if actor.resident_id is not None:
        return Resident.objects.filter(pk=actor.resident_id).first()
    last = Notice.objects.filter(purpose=PURPOSE, reference__startswith=f"{roster.pk}/").order_by("-issued_at").first()
    return last.resident if last is not None else None


def answerable(*, name: str, identity_number: IdentityNumber, roster: Roster) -> Resident:
    """The person whom the committee names to answer for its sums, put on file where they are not yet.

    Raises OtherName where the number is on file under another name.
    """
    index = identity_index(identity_number.kind, identity_number.normalized)
    found = Resident.objects.filter(id_index=index).first()
    if found is None:
        try:
            return register_resident(identity_number=identity_number, name=name, home_region=roster.region)
        except AlreadyRegistered:
            found = Resident.objects.get(id_index=index)
    if comparable_name(found.name) != comparable_name(name):
        raise OtherName
    return found


def issue(roster: Roster, actor: Actor, payer: Resident | None = None) -> list[Notice]:
    """Issues the batch notices for everybody of the roster who has to pay now; the same people get the same notices.

    The place in the roster decides which notice somebody belongs to, so that people who are billed later join the
    notice of their neighbours. Raises NoPayer and NothingToPay.
    """
    payer = payer or payer_of(roster, actor)
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
