"""Fills an empty demo: staff of every role, named residents, and sixty applications over every state."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from portal.demo import card_cases, desk_cases, people
from portal.demo.enrolments import Story, Teller
from portal.people.models import Level, Resident, StaffGrant, User
from portal.people.services import register_resident
from portal.regions import calendar
from portal.regions.models import Office, Region

GUILIN_ENDS = (
    *("submitted",) * 1,
    *("under_review",) * 11,
    *("awaiting_payment",) * 5,
    *("lapsed",) * 1,
    *("enrolled",) * 9,
    *("correction_required",) * 4,
    *("rejected",) * 3,
    *("withdrawn",) * 2,
    *("escalated",) * 3,
    *("county_enrolled",) * 1,
    *("resubmitted",) * 2,
    *("draft",) * 3,
)
DAYS_AGO = (0, 1, 2, 1, 3, 2, 4, 0)
EMPLOYED_DAYS = 400
"""For so long the staff has its roles: the past of the demo was their work."""


@dataclass
class Seeded:
    """What was made: accounts by username, residents by number, applications."""

    staff: dict[str, User] = field(default_factory=dict)
    residents: dict[str, Resident] = field(default_factory=dict)
    applications: int = 0


def seed() -> Seeded:
    """Makes everything; call it once, on a database that has regions and no people."""
    made = Seeded()
    with transaction.atomic():
        for colleague in people.STAFF:
            made.staff[colleague.username] = hire(colleague)
        for person in [*people.FEATURED, *card_cases.PEOPLE]:
            made.residents[person.number] = register(person)
    for teller, story in stories(made):
        teller.tell(story)
        made.applications += 1
    made.applications += card_cases.seed_cards(made.staff, made.residents)
    made.applications += desk_cases.seed_desk(made.staff)
    return made


def hire(colleague: people.Colleague) -> User:
    """Makes a staff account with its one role."""
    user = User.objects.create_user(
        colleague.username,
        people.PASSWORD,
        display_name=colleague.name,
        is_superuser=colleague.username == "admin.guilin",
    )
    StaffGrant.objects.create(
        user=user,
        role=colleague.role,
        region=Region.objects.get(code=colleague.region),
        office=Office.objects.get(code=colleague.office) if colleague.office else None,
        reason="demo",
        valid_from=calendar.today() - timedelta(days=EMPLOYED_DAYS),
    )
    if colleague.username in people.AT_HOME:
        user.own_id_index = register(people.AT_HOME[colleague.username]).id_index
        user.save(update_fields=["own_id_index"])
    return user


def register(person: people.Person) -> Resident:
    """Puts a demo resident on file."""
    return register_resident(
        identity_number=person.number,
        name=person.name,
        phone=person.phone,
        home_region=Region.objects.get(code=person.home),
        hukou_region_code=person.hukou,
        level=Level.VERIFIED,
        police_photo=person.police_photo,
        has_id_card=True,
        assistance_category=person.assistance,
    )


def stories(made: Seeded) -> list[tuple[Teller, Story]]:
    """Who tells what: Guilin over every state, Zhongshan paying first, Nanchang held until its premium is published."""
    staff = made.staff
    guilin = Teller(
        clerks=[staff["clerk.jiashan"], staff["clerk.xiufeng"], staff["clerk.centre"]],
        reviewer=staff["reviewer.xiufeng"],
    )
    zhongshan = Teller(clerks=[staff["clerk.xiaolan"]], reviewer=staff["reviewer.zhongshan"])
    nanchang = Teller(clerks=[staff["clerk.shajing"]], reviewer=staff["reviewer.nanchang"])

    def featured(person: people.Person) -> Resident:
        return made.residents[person.number]

    told = [
        (guilin, Story(featured(people.LI), "under_review", days_ago=1)),
        (guilin, Story(featured(people.MEMET), "awaiting_payment", days_ago=3)),
        (guilin, Story(featured(people.WEI), "enrolled", days_ago=5)),
        (nanchang, Story(featured(people.WAN), "approved", days_ago=4)),
        (zhongshan, Story(featured(people.CHEN), "enrolled", days_ago=40)),
    ]
    for position, end in enumerate(GUILIN_ENDS):
        home = ("450302003", "450302001")[position % 2]
        resident = register(people.further(position, home, "450302"))
        days_ago = 9 if end in ("escalated", "county_enrolled") else DAYS_AGO[position % len(DAYS_AGO)]
        told.append((guilin, Story(resident, end, days_ago=days_ago, hour=8 + position % 8)))
    for position in range(45, 50):
        resident = register(people.further(position, "442000100", "442000"))
        told.append((zhongshan, Story(resident, ("awaiting_payment", "enrolled")[position % 2], days_ago=position % 4)))
    for position in range(50, 55):
        resident = register(people.further(position, "360113001", "360113"))
        told.append((nanchang, Story(resident, ("approved", "under_review")[position % 2], days_ago=position % 4)))
    return told
