"""The other ways in, with their error states: sound for assistive technology, and never wider than a phone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from enrollment import attorney, coordination_services, households
from enrollment.models import Registration
from portal.demo.enrolments import actor_for
from portal.people.identity import parse_identity_number
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions.models import Office, Region
from tests.harness.browser import Pages
from tests.harness.portals import LivePortal
from tests.journeys import walk
from tests.journeys.stops import NARROW, Stop, Visitor, barriers_and_width
from tests.people_cast import next_identity_number

pytestmark = pytest.mark.browser

TOWN = "450302003"
PUBLIC = [
    Stop("visitor", f"/check/when/?region={TOWN}", sent_empty=True),
    Stop("visitor", "/coordination/"),
    Stop("visitor", "/lookup/", sent_empty=True),
    Stop("visitor", "/cards/window/"),
    Stop("visitor", "/feedback/"),
]


@pytest.fixture(scope="module")
def people(live_portal: LivePortal) -> dict[str, Visitor]:
    """A visitor, a resident who goes every way, and one with a rejection."""
    found: dict[str, Visitor] = {"visitor": None}
    with live_portal.orm():
        found["resident"] = walk.newcomer_of_jiashan("黄多路")
    return found


@pytest.fixture(scope="module")
def stops(live_portal: LivePortal, people: dict[str, Visitor]) -> list[Stop]:
    """The pages of each way in, once as they open or, where they have a form, as they come back with errors."""
    resident = people["resident"]
    assert isinstance(resident, Resident)
    made = [*PUBLIC, *(Stop("resident", address) for address in ways_of(live_portal, resident))]
    made += [Stop("resident", address, sent_empty=True) for address in EMPTY]
    rejected, application = walk.with_application(live_portal, "黄复议", "rejected")
    people["rejected"] = rejected
    made.append(Stop("rejected", f"/applications/{application.pk}/appeal/", sent_empty=True))
    asked, application = walk.with_application(live_portal, "黄补正", "correction_required")
    people["asked"] = asked
    made.append(Stop("asked", f"/applications/{application.pk}/correct/", sent_empty=True))
    return made


EMPTY = ["/attorney/new/", "/coordination/register/flexible/", "/family/child/", "/together/"]


def ways_of(live: LivePortal, resident: Resident) -> list[str]:
    """The addresses of a mandate, a registration with an employer, a family and a draft of one resident."""
    with live.orm():
        who, region, today = actor_for(resident), Region.objects.get(code=TOWN), calendar.today()
        mandate = attorney.declare(
            actor=who,
            name="黄老人",
            number=parse_identity_number(next_identity_number()),
            relation="child",
            valid_from=today,
            valid_until=today + timedelta(days=90),
            region=region,
            office=Office.objects.responsible_for(region, "service_point"),
        )
        columns = {"employer": "某公司", "hired_on": today, "wage_fen": 650_050, "employment": "unit"}
        columns |= {"dependants": True, "medical_costs": True}
        registration: Registration = coordination_services.save(actor=who, region=region, values=columns)
        pack = households.open_pack(actor=who, applicant=resident, region=region, cover_year=2027)
        households.add_members(pack=pack, actor=who, people=[resident])
        (row,) = households.drafts(pack)
    return [
        "/attorney/",
        f"/attorney/{mandate.pk}/",
        f"/coordination/{registration.pk}/",
        f"/together/{pack.pk}/",
        f"/together/{pack.pk}/all/contact/",
        f"/together/person/{row.pk}/person/",
        f"/applications/{row.pk}/discard/",
        f"/applications/{row.pk}/restore/",
    ]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_way_in_is_sound_and_narrow(
    live_portal: LivePortal,
    pages: Pages,
    people: dict[str, Visitor],
    stops: list[Stop],
    axe: Callable[[Page], None],
    language: str,
) -> None:
    """J2, UX-E1, UX-E5: at 320 pixels axe finds nothing and nothing scrolls sideways, error states included."""
    page = pages.open(base_url=live_portal.url, size=(NARROW["width"], NARROW["height"]))
    assert barriers_and_width(page, live_portal, language, people, stops, axe) == []
