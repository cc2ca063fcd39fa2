"""The pages of the desk and of the village: sound for assistive technology, and never wider than a narrow phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from enrollment.models import Application, Mandate, Registration, Roster
from portal.people.models import User
from tests.harness.browser import DESKTOP, PHONE
from tests.harness.portals import LivePortal
from tests.journeys.stops import Stop, Visitor, barriers_and_width

pytestmark = pytest.mark.browser

CLERK, CENTRE, REVIEWER, AGENT = "clerk.jiashan", "clerk.centre", "reviewer.xiufeng", "agent.jiashan"


@pytest.fixture(scope="module")
def people(live_portal: LivePortal) -> dict[str, Visitor]:
    """The staff of Xiufeng."""
    with live_portal.orm():
        staff = User.objects.filter(username__in=[CLERK, CENTRE, REVIEWER, AGENT])
        return {"visitor": None} | {user.username: user for user in staff}


@pytest.fixture(scope="module")
def stops(live_portal: LivePortal) -> list[Stop]:
    """Every page of the desk that the demo can show, those with errors too."""
    with live_portal.orm():
        jiashan = Application.objects.filter(office__code="450302003-service")
        family = jiashan.filter(pack__isnull=False, state="under_review").first()
        corrected = jiashan.filter(correction_round__gt=0, state="under_review").first()
        village = Application.objects.filter(roster_row__isnull=False).first()
        roster, mandate = Roster.objects.get(), Mandate.objects.open().first()
        registration = Registration.objects.standing().first()
        asked = jiashan.filter(state="correction_required").first()
        assert asked
        assert family
        assert corrected
        assert village
        assert mandate
        assert registration
    case = f"/desk/applications/{family.pk}/"
    return [
        Stop(CLERK, "/desk/queue/?tab=waiting"),
        Stop(CLERK, case),
        Stop(CLERK, f"/desk/applications/{corrected.pk}/"),
        Stop(CLERK, f"{case}identity/", sent_empty=True),
        Stop(CLERK, f"/desk/applications/{asked.pk}/answer/", sent_empty=True),
        Stop(CLERK, "/desk/workload/"),
        Stop(CLERK, "/desk/day/"),
        Stop(CLERK, "/desk/walk-in/", sent_empty=True),
        Stop(CLERK, "/desk/attorney/"),
        Stop(CLERK, f"/desk/attorney/{mandate.pk}/"),
        Stop(CLERK, "/desk/rosters/"),
        Stop(CLERK, f"/desk/rosters/{roster.pk}/"),
        Stop(CENTRE, "/desk/coordination/?tab=late"),
        Stop(CENTRE, f"/desk/coordination/{registration.pk}/"),
        Stop(REVIEWER, "/desk/queue/"),
        Stop(REVIEWER, "/desk/renewals/"),
        Stop(AGENT, "/desk/committee/"),
        Stop(AGENT, "/desk/rosters/new/", sent_empty=True),
        Stop(AGENT, f"/desk/rosters/{roster.pk}/?show=bad"),
        Stop(AGENT, "/desk/committee/register/", sent_empty=True),
        Stop(AGENT, "/desk/committee/cases/"),
        Stop(AGENT, f"/desk/committee/cases/{village.pk}/"),
    ]


@pytest.mark.parametrize(("language", "size"), [("zh-hans", DESKTOP), ("en", PHONE)], ids=["zh-desktop", "en-phone"])
def test_the_pages_of_the_desk_have_no_barrier_and_fit_320_pixels(
    live_portal: LivePortal,
    browser_page: Callable[..., Page],
    people: dict[str, Visitor],
    stops: list[Stop],
    axe: Callable[[Page], None],
    language: str,
    size: tuple[int, int],
) -> None:
    """UX-E1, UX-E5, J2: cases, decisions, lists, figures, counter, rosters and the village's pages, with errors too."""
    page = browser_page(size=size)
    found = barriers_and_width(page, live_portal, language, people, stops, axe)
    assert not found, "\n".join(found)
