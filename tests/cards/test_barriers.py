"""Every page of the card, in its states: sound for assistive technology, and never wider than a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from cards import services
from cards.models import Card
from portal.demo.enrolments import actor_for
from portal.people.models import User
from tests.cards import journeys
from tests.harness.browser import DESKTOP, PHONE, Pages
from tests.harness.portals import LivePortal
from tests.journeys.stops import Stop, Visitor, barriers, too_wide
from tests.journeys.walk import Newcomer

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param("zh-hans", PHONE, id="zh-phone"),
    pytest.param("en", DESKTOP, id="en-desktop"),
    pytest.param("zh-hans", DESKTOP, id="zh-desktop", marks=pytest.mark.soak),
    pytest.param("en", PHONE, id="en-phone", marks=pytest.mark.soak),
]
"""Each language and each size in every run; the other two pairs in `make soak`."""

STAFF = ("card.zhongshan", "clerk.xiaolan", "hotline.zhongshan")
PUBLIC = ["/cards/?region=442000100", "/cards/window/", "/cards/services/replacement/"]


class World:
    """Residents with an application or a card in each state, and the pages about them."""

    def __init__(self) -> None:
        self.people: dict[str, Visitor] = {"visitor": None}
        for user in User.objects.filter(username__in=STAFF):
            self.people[user.username] = user
        self.office = actor_for(User.objects.get(username="card.zhongshan"))
        self.stops = [Stop("visitor", address) for address in PUBLIC]
        self.stops.append(Stop("visitor", "/cards/window/", sent_empty=True))

    def person(self, name: str):
        """A resident of their own for a state."""
        newcomer = Newcomer("林无障")
        self.people[name] = journeys.resident(name=newcomer.name, phone=newcomer.phone)
        return self.people[name]

    def fill(self) -> None:
        """Makes the cases and lists the pages."""
        draft = journeys.draft(self.person("draft"))
        home = f"/cards/applications/{draft.pk}/"
        self.stops += [Stop("draft", home + page) for page in ("personal/", "check/")]
        self.stops += [Stop("draft", home + page, sent_empty=True) for page in ("personal/", "check/")]
        unpaid = journeys.submitted(self.person("unpaid"))
        home = f"/cards/applications/{unpaid.pk}/"
        self.stops += [Stop("unpaid", home + page) for page in ("", "form/", "form/print/", "pay/", "withdraw/")]
        self.stops.append(Stop("unpaid", "/cards/mine/"))
        reviewed = journeys.under_review(self.person("reviewed"))
        desk = f"/desk/cards/applications/{reviewed.pk}/"
        self.stops += [Stop(STAFF[0], address) for address in ("/desk/cards/", desk, "/desk/cards/production/")]
        self.stops += [Stop(STAFF[0], desk + page, sent_empty=True) for page in ("ask-correction/", "reject/")]
        refused = journeys.under_review(self.person("refused"))
        services.ask_correction(
            application=refused, actor=self.office, version=refused.version, fields=["photo", "phone"], reason="太暗。"
        )
        home = f"/cards/applications/{refused.pk}/"
        self.stops += [Stop("refused", home), Stop("refused", home + "correct/", sent_empty=True)]
        clerk = User.objects.get(username="card.zhongshan")
        ready = journeys.ready(self.person("ready"), clerk)
        home = f"/cards/applications/{ready.pk}/"
        self.stops.append(Stop("ready", home))
        self.stops.append(Stop(STAFF[1], "/desk/cards/pickup/"))
        self.stops.append(Stop(STAFF[1], f"/desk/cards/applications/{ready.pk}/hand-over/", sent_empty=True))
        journeys.collected(self.person("holder"), clerk)
        card = Card.objects.get(holder=self.people["holder"])
        home = f"/cards/card/{card.pk}/"
        self.stops.append(Stop("holder", home))
        self.stops.append(Stop("holder", home + "activate/", sent_empty=True))
        self.stops += [Stop(STAFF[2], "/desk/cards/telephone/", sent_empty=True)]
        self.stops.append(Stop(STAFF[1], f"/desk/cards/card/{card.pk}/"))


@pytest.fixture(scope="module")
def world(live_portal: LivePortal) -> World:
    """The cases in the running portal."""
    with live_portal.orm():
        made = World()
        made.fill()
    return made


@pytest.mark.parametrize(("language", "size"), LOOKS)
def test_axe_finds_nothing_on_any_page_of_the_card(
    live_portal: LivePortal,
    browser_page: Callable[..., Page],
    world: World,
    axe: Callable[[Page], None],
    language: str,
    size: tuple[int, int],
) -> None:
    """J2, UX-E1: the pages of holders, card office, pickup point and hotline, also with errors in their forms."""
    page = browser_page(size=size)
    assert barriers(page, live_portal, language, world.people, world.stops, axe) == []


def test_no_page_of_the_card_is_wider_than_320_pixels(live_portal: LivePortal, pages: Pages, world: World) -> None:
    """UX-E5: English words are the longer ones."""
    page = pages.open(base_url=live_portal.url, size=(320, 700), scripts=False)
    assert too_wide(page, live_portal, "en", world.people, world.stops) == []
