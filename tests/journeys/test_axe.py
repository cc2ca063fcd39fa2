"""Every page of the enrolment journey, in its states: sound for assistive technology, and never wider than a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from payments.services import live_notice
from portal.people.models import User
from tests.harness.browser import DESKTOP, PHONE
from tests.harness.portals import LivePortal
from tests.journeys import walk
from tests.journeys.stops import Stop, Visitor, barriers_and_width

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param("zh-hans", PHONE, id="zh-phone"),
    pytest.param("en", DESKTOP, id="en-desktop"),
    pytest.param("zh-hans", DESKTOP, id="zh-desktop", marks=pytest.mark.soak),
    pytest.param("en", PHONE, id="en-phone", marks=pytest.mark.soak),
]
"""Each language and each size in every run; the other two pairs in `make soak`."""

STATES = ("draft", "under_review", "correction_required", "rejected", "enrolled", "awaiting_payment")
SECTIONS = ("person", "contact", "cover", "assistance", "office")


@pytest.fixture(scope="module")
def people(live_portal: LivePortal) -> dict[str, Visitor]:
    """Who looks at pages: nobody in particular, a resident for each state, and staff."""
    found: dict[str, Visitor] = {"visitor": None}
    with live_portal.orm():
        for user in User.objects.filter(username__in=["clerk.jiashan", "admin.guilin", "cashier.guilin"]):
            found[user.username] = user
    return found


@pytest.fixture(scope="module")
def stops(live_portal: LivePortal, people: dict[str, Visitor]) -> list[Stop]:
    """The pages, those of one visitor after those of another, so that each signs in once."""
    made: list[Stop] = [
        *(Stop("visitor", address) for address in PUBLIC),
        *(Stop("visitor", address, sent_empty=True) for address in ("/check/", "/sign-in/", "/staff/sign-in/")),
        Stop("visitor", "/demo/bank/?number=1"),
    ]
    cases: dict[str, str] = {}
    for state in STATES:
        resident, application = walk.with_application(live_portal, "黄无障", state)
        people[state] = resident
        cases[state] = f"applications/{application.pk}/"
        made.append(Stop(state, f"/{cases[state]}"))
        if state == "draft":
            made += [Stop(state, f"/{cases[state]}form/")]
            made += [Stop(state, f"/{cases[state]}form/{section}/") for section in SECTIONS]
            made += [Stop(state, f"/{cases[state]}form/cover/", sent_empty=True)]
        if state == "under_review":
            made += [Stop(state, f"/{cases[state]}{page}/") for page in ("receipt", "withdraw")]
            made += [Stop(state, address) for address in ("/messages/", "/family/", "/family/child/", "/enrol/")]
        if state == "correction_required":
            made += [Stop(state, f"/{cases[state]}correct/"), Stop(state, "/my/")]
        if state == "awaiting_payment":
            with live_portal.orm():
                notice = live_notice(purpose="enrollment.premium", reference=str(application.pk))
                assert notice is not None
            made += [
                Stop(state, f"/notices/{notice.pk}/"),
                Stop(state, "/notices/"),
                Stop(state, f"/notices/{notice.pk}/print/"),
            ]
            made += [Stop(state, f"/demo/bank/?number={notice.number}")]
    review = f"/desk/{cases['under_review']}"
    clerk = [
        "/desk/queue/",
        "/desk/queue/?tab=closed",
        review,
        f"{review}correct/",
        f"{review}reject/",
        "/desk/people/",
    ]
    made += [Stop("clerk.jiashan", address) for address in clerk]
    made += [Stop("clerk.jiashan", f"{review}{page}/", sent_empty=True) for page in ("correct", "reject")]
    made += [Stop("cashier.guilin", "/desk/payments/")]
    made += [Stop("admin.guilin", address) for address in ADMIN]
    return made


PUBLIC = [
    "/",
    "/nowhere/",
    "/regions/pick/",
    "/regions/pick/?within=450300",
    "/check/?region=450302003",
    "/check/materials/",
    "/sign-in/",
    "/staff/sign-in/",
    "/help/",
    "/help/how-to-join/",
    "/help/offices/",
    "/papers/",
    "/demo/bank/",
    "/demo/phone/",
]
POLICY = "/desk/policy/"
ADMIN = [POLICY, f"{POLICY}calculator/?region=450300", f"{POLICY}calendar/", f"{POLICY}450300/fee/premium.2026/"]


@pytest.mark.parametrize(("language", "size"), LOOKS)
def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_a_narrow_phone(
    live_portal: LivePortal,
    browser_page: Callable[..., Page],
    people: dict[str, Visitor],
    stops: list[Stop],
    axe: Callable[[Page], None],
    language: str,
    size: tuple[int, int],
) -> None:
    """J2, UX-E1, UX-E5: the pages of residents, clerks, cashier and policy, and their error states: no finding of axe,
    and none scrolls sideways at 320 pixels, in English neither, whose words are the longer ones.
    """
    page = browser_page(size=size)
    assert barriers_and_width(page, live_portal, language, people, stops, axe) == []
