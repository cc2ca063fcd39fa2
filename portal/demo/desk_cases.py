"""Makes further work of the demo's desk: powers of attorney, employees' registrations, a family, a roster, renewals.

Everything goes through the commands of the portal, on days on which the region takes applications.
"""

import csv
import io
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from enrollment import attorney, coordination_services, households, offices, renewal, steps, terms
from enrollment import services as enrolments
from enrollment.codes import OtherCover, Relation, Status
from enrollment.models import Application, Cover, Employment, HouseholdPack, Registration, Roster
from enrollment.rosters import services as rosters
from enrollment.workflow import EnrollmentWorkflow
from portal.demo import material_pictures, people
from portal.demo.enrolments import Teller, actor_for, moment, open_day
from portal.demo.history import clock_at
from portal.jobs import services as jobs
from portal.people import services as residents
from portal.people.actors import SYSTEM
from portal.people.identity import parse_identity_number
from portal.people.models import Basis, Level, Resident, User
from portal.people.models import Relation as Kinship
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, Region

FIRST_POSITION = 100
PLACE, COUNTY, AREA, MOVED_TO = "450302003", "450302", "450302", "442000100"
REFUSED = "委托书没有委托人签名，请补签后重新提交。"
NOT_SUBMITTED = 2
"""Lines of the roster that have to be corrected first."""


class Neighbours:
    """Hands out further residents of Jiashan one after another."""

    def __init__(self) -> None:
        self.position = FIRST_POSITION

    def description(self) -> people.Person:
        """Somebody who is not on file yet."""
        self.position += 1
        return people.further(self.position, PLACE, AREA)

    def next(self, home: str = PLACE) -> Resident:
        """Somebody on file."""
        person = self.description()
        return residents.register_resident(
            identity_number=person.number,
            name=person.name,
            phone=person.phone,
            home_region=Region.objects.get(code=home),
            hukou_region_code=AREA,
            level=Level.VERIFIED,
            has_id_card=True,
        )


def seed_desk(staff: dict[str, User]) -> int:
    """Makes all of it; returns how many applications there are more."""
    before = Application.objects.count()
    neighbours = Neighbours()
    _mandates(staff["clerk.jiashan"], neighbours)
    _registrations(staff["clerk.centre"], neighbours)
    _family(staff, neighbours)
    _roster(staff["agent.jiashan"], neighbours)
    _renewal(staff["reviewer.xiufeng"], neighbours)
    material_pictures.seed_pictures(staff, (neighbours.next(), neighbours.next()))
    return Application.objects.count() - before


def _mandates(clerk: User, neighbours: Neighbours) -> None:
    """Three that wait for their paper, one in force, one that was not accepted."""
    region = Region.objects.get(code=PLACE)
    office = offices.serving(region, policies.for_region(region))[0]
    today = calendar.today()
    made = []
    for days_ago in (0, 1, 3, 5, 6):
        agent, principal = neighbours.next(), neighbours.description()
        with clock_at(moment(today - timedelta(days=days_ago), 9)):
            made.append(
                attorney.declare(
                    actor=actor_for(agent),
                    name=principal.name,
                    number=parse_identity_number(principal.number),
                    relation=Relation.PARENT,
                    valid_from=today,
                    valid_until=today + timedelta(days=180),
                    region=region,
                    office=office,
                )
            )
    attorney.confirm(mandate=made[3], actor=actor_for(clerk))
    attorney.refuse(mandate=made[4], actor=actor_for(clerk), reason=REFUSED)


def _registrations(clerk: User, neighbours: Neighbours) -> None:
    """Two to take over, one in arrears, one that runs."""
    who = actor_for(clerk)
    for days_ago, accepted in ((0, False), (2, False), (75, True), (40, True)):
        day = calendar.today() - timedelta(days=days_ago)
        with clock_at(moment(day, 10)):
            row = _registration(neighbours.next(), day, flexible=days_ago in (2, 75))
            if accepted:
                codes = set(row.materials.values_list("code", flat=True))
                row = coordination_services.see_papers(registration=row, actor=who, version=row.version, seen=codes)
                coordination_services.accept(registration=row, actor=who, version=row.version)
    for days_ago in (62, 31, 0):
        coordination_services.open_periods(calendar.today() - timedelta(days=days_ago))
    for row in Registration.objects.standing().filter(employment=Employment.UNIT).order_by("-accepted_at")[:1]:
        for period in row.periods.filter(paid_on__isnull=True):
            proof = f"DEMO{period.month:%Y%m}"
            coordination_services.pay(period=period, actor=who, paid_on=calendar.today(), proof=proof)


def _registration(resident: Resident, day: date, *, flexible: bool) -> Registration:
    told: dict[str, Any] = {
        "employment": Employment.FLEXIBLE if flexible else Employment.UNIT,
        "employer": "" if flexible else "桂林示例机械有限公司",
        "hired_on": None if flexible else day - timedelta(days=20),
        "wage_fen": 650_000,
        "dependants": False,
        "medical_costs": False,
    }
    who = actor_for(resident)
    row = coordination_services.save(actor=who, region=Region.objects.get(code=PLACE), values=told)
    return coordination_services.hand_in(registration=row, actor=who, version=row.version)


def _family(staff: dict[str, User], neighbours: Neighbours) -> None:
    """Husband, wife and child registered in one visit: one is approved, two wait for the clerk."""
    region = Region.objects.get(code=PLACE)
    head, spouse = neighbours.next(), neighbours.next()
    birth = date(calendar.today().year - 8, 6, 1)
    child = residents.register_resident(
        identity_number=people.identity_number(AREA, birth, "F", 0),
        name=f"{head.name[0]}小满",
        home_region=region,
        hukou_region_code=AREA,
        level=Level.VERIFIED,
    )
    residents.form_household([(head, Kinship.HEAD), (spouse, Kinship.SPOUSE), (child, Kinship.CHILD)], region)
    for parent, ward, basis in ((head, child, Basis.PARENT), (head, spouse, Basis.POWER_OF_ATTORNEY)):
        residents.appoint_guardian(guardian=parent, ward=ward, basis=basis)
    with clock_at(moment(open_day(region, 1), 9)):
        pack = _filled(head, [head, spouse, child], region)
        shown = households.fingerprint(households.drafts(pack))
        households.submit(pack=pack, actor=actor_for(head), token=pack.submit_token, shown=shown)
        cases = [row.pk for row in households.members(pack)]
        EnrollmentWorkflow.collect.move(cases, SYSTEM)
        EnrollmentWorkflow.accept.move(cases, SYSTEM)
    teller = Teller(clerks=[staff["clerk.jiashan"]], reviewer=staff["reviewer.xiufeng"])
    with clock_at(moment(open_day(region, 1), 15)):
        teller.approve(households.members(pack)[0])


def _filled(head: Resident, members: list[Resident], region: Region) -> HouseholdPack:
    """The family with every answer given."""
    policy = policies.for_region(region)
    today = calendar.today()
    year = terms.open_years(today, date(1990, 1, 1), region, policy)[0].year
    who = actor_for(head)
    pack = households.open_pack(actor=who, applicant=head, region=region, cover_year=year)
    HouseholdPack.objects.filter(pk=pack.pk).update(created_at=timezone.now())  # its default knows no earlier day
    households.add_members(pack=pack, actor=who, people=members)
    office = offices.serving(region, policy)[0]
    contact = {"phone": head.phone, "address": f"{region.name_zh}示例路12号", "in_area": True}
    households.save_shared(pack=pack, section=steps.CONTACT, values=contact)
    households.save_shared(
        pack=pack, section=steps.OFFICE, values={"office": office}, office=office, office_kind=office.kind
    )
    for row in households.drafts(pack):
        person = row.beneficiary or head
        told: dict[str, dict[str, Any]] = {
            steps.PERSON: {"birth_on": person.birth_date, "sex": person.sex, "has_id_card": person.has_id_card},
            steps.COVER: {"status": Status.LOCAL_HUKOU, "other_cover": OtherCover.NONE, "missed_years": 0},
            steps.ASSISTANCE: {"assistance": "none"},
        }
        if person == members[-1]:
            told[steps.PERSON] |= {"relation": Relation.PARENT, "register": "shows"}
        elif person != head:
            told[steps.PERSON] |= {"relation": Relation.SPOUSE}
        for section, values in told.items():
            columns = {"relation": values["relation"]} if "relation" in values else {}
            enrolments.save_section(application=row, section=section, values=values, **columns)
    return pack


def _roster(agent: User, neighbours: Neighbours) -> None:
    """A village list of which the good lines are submitted and two lines wait to be corrected."""
    region = Region.objects.get(code=PLACE)
    day, who = open_day(region, 2), actor_for(agent)
    with clock_at(moment(day, 14)):
        policy = policies.for_region(region)
        year = terms.open_years(day, date(1990, 1, 1), region, policy)[0].year
        office = Office.objects.responsible_for(region, "service_point")
        roster = rosters.take(
            actor=who, office=office, cover_year=year, file_name="甲山村花名册.csv",
            content=_list_of(neighbours, 8),
        )  # fmt: skip
        Roster.objects.filter(pk=roster.pk).update(created_at=timezone.now())  # its default knows no earlier day
        _run(roster.job_id)
        roster.refresh_from_db()
        rosters.submit(roster, who)
        roster.refresh_from_db()
        _run(roster.job_id)
        cases = list(Application.objects.filter(roster_row__roster=roster).values_list("pk", flat=True))
        EnrollmentWorkflow.collect.move(cases, SYSTEM)
        EnrollmentWorkflow.accept.move(cases, SYSTEM)


def _run(job_id: UUID | None) -> None:
    """Runs a job as the worker would; raises LookupError where none was started."""
    if job_id is None:
        raise LookupError("the job was not started")
    jobs.run(job_id)


def _list_of(neighbours: Neighbours, size: int) -> bytes:
    """A CSV file with so many good lines, one with a wrong number and one without a name."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["姓名", "证件号码", "手机号码", "住址"])
    for number in range(1, size + NOT_SUBMITTED + 1):
        person = neighbours.description()
        name = "" if number == size + 1 else person.name
        card = person.number[:-2] + "00" if number == size + NOT_SUBMITTED else person.number
        writer.writerow([name, card, person.phone, f"甲山村{number}组"])
    return text.getvalue().encode("utf-8-sig")


def _renewal(reviewer: User, neighbours: Neighbours) -> None:
    """Six people insured this year, renewed for the next while that is open; one moved and is reviewed first."""
    county, town = Region.objects.get(code=COUNTY), Region.objects.get(code=PLACE)
    today = calendar.today()
    year = today.year + 1
    for number in range(6):
        Cover.objects.create(
            person=neighbours.next(MOVED_TO if number == 0 else PLACE),
            region=town,
            cover_year=today.year,
            benefits_from=date(today.year, 1, 1),
            until=date(today.year, 12, 31),
        )
    if not renewal.is_open(county, year, today):
        return
    campaign = renewal.start(county, year, actor=actor_for(reviewer))
    _run(campaign.job_id)
