"""Every page of the card, in its states: sound for assistive technology, and never wider than a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from cards import services
from cards.models import Card
from cards.workflow import CardWorkflow
from portal.demo.enrolments import actor_for
from portal.people.models import User
from tests.cards import journeys
from tests.harness.browser import DESKTOP, PHONE
from tests.harness.portals import LivePortal
from tests.journeys.stops import Stop, Visitor, barriers_and_width
from tests.journeys.walk import Newcomer
from tests.people_cast import actor

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param("zh-hans", PHONE, id="zh-phone"),
    pytest.param("en", DESKTOP, id="en-desktop"),
    pytest.param("zh-hans", DESKTOP, id="zh-desktop", marks=pytest.mark.soak),
    pytest.param("en", PHONE, id="en-phone", marks=pytest.mark.soak),
]
"""Each language and each size in every run; the other two pairs in `make soak`."""

STAFF = ("card.zhongshan", "clerk.xiaolan", "hotline.zhongshan")
PUBLIC = ["/cards/?region=442000100", "/cards/window/", "/cards/services/lost/", "/cards/services/password/"]


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
        self.stops += [Stop("unpaid", home + page) for page in ("", "form/", "form/html/", "pay/", "withdraw/")]
        self.stops.append(Stop("unpaid", "/cards/mine/"))
        reviewed = journeys.under_review(self.person("reviewed"))
        desk = f"/desk/cards/applications/{reviewed.pk}/"
        queues = [f"/desk/cards/?tab={tab}" for tab in ("decide", "production", "closed")]
        self.stops += [Stop(STAFF[0], address) for address in (*queues, desk, "/desk/cards/production/")]
        self.stops.append(Stop(STAFF[0], "/desk/cards/production/report/", sent_empty=True))
        self.stops.append(Stop("reviewed", f"/cards/applications/{reviewed.pk}/"))
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
        self.stops.append(Stop("ready", home, sent_empty=True))  # the button makes the agent's code
        self.stops.append(Stop(STAFF[0], f"/desk/cards/production/{ready.batches.get().pk}/"))
        self.stops.append(Stop(STAFF[1], "/desk/cards/pickup/"))
        self.stops.append(Stop(STAFF[1], f"/desk/cards/pickup/?number={ready.number}"))
        desk = f"/desk/cards/applications/{ready.pk}/"
        self.stops += [Stop(STAFF[1], desk + page, sent_empty=True) for page in ("hand-over/", "turn-away/")]
        rejected = journeys.under_review(self.person("rejected"))
        services.reject(
            application=rejected, actor=self.office, version=rejected.version, reason="已有卡。", next_step="请咨询。"
        )
        self.stops.append(Stop("rejected", f"/cards/applications/{rejected.pk}/"))
        self._cards(clerk)

    def _cards(self, clerk: User) -> None:
        """A card that is active, one reported lost, and one that waits for its activation."""
        for name in ("active", "lost"):
            made, code = journeys.collected(self.person(name), clerk)
            services.activate(card=made, actor=actor(self.people[name]), channel="online", code=code)
            if name == "lost":
                CardWorkflow.report_loss.fire(made, actor(self.people[name]))
            self.stops.append(Stop(name, f"/cards/card/{made.pk}/"))
        self.stops.append(Stop("lost", "/cards/mine/"))
        self.stops.append(Stop("lost", "/cards/apply/?region=442000100", sent_empty=True))  # has a card already
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
def test_axe_finds_nothing_on_any_page_of_the_card_and_none_is_wider_than_a_narrow_phone(
    live_portal: LivePortal,
    browser_page: Callable[..., Page],
    world: World,
    axe: Callable[[Page], None],
    language: str,
    size: tuple[int, int],
) -> None:
    """J2, UX-E1, UX-E5: the pages of holders, card office, pickup point and hotline, also with errors in their forms,
    at 320 pixels too.
    """
    page = browser_page(size=size)
    assert barriers_and_width(page, live_portal, language, world.people, world.stops, axe) == []
