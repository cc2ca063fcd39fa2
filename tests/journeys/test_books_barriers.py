"""The pages of the books: sound for assistive technology, and never wider than a narrow phone."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from payments import exceptions
from payments.booking import book_payment
from payments.models import Action, Notice, Payout
from payments.services import live_notice
from portal.people.actors import Actor
from portal.people.backends import actor_of, load_user
from portal.people.models import User
from tests.harness.browser import PHONE, Pages
from tests.harness.portals import LivePortal
from tests.journeys import walk
from tests.journeys.stops import Stop, Visitor, barriers, too_wide

pytestmark = pytest.mark.browser
FIRST, SECOND = "cashier.guilin", "cashier2.guilin"


@pytest.fixture(scope="module")
def people(live_portal: LivePortal) -> dict[str, Visitor]:
    """The two cashiers of Guilin, and a payer."""
    payer, application = walk.with_application(live_portal, "账无障", "awaiting_payment")
    with live_portal.orm():
        staff = {user.username: user for user in User.objects.filter(username__in=[FIRST, SECOND])}
        notice = live_notice(purpose="enrollment.premium", reference=str(application.pk))
        assert notice is not None
        _money(notice, *(_actor(staff[name]) for name in (FIRST, SECOND)))
    return {"payer": payer, **staff}


def _actor(user: User) -> Actor:
    loaded = load_user(user.pk)
    assert loaded is not None
    return actor_of(loaded)


def _money(notice: Notice, first: Actor, second: Actor) -> None:
    """Money that waits, money to be paid back by hand, and money in a till that nobody has counted."""
    for provider, amount in (("bank", 39_999), ("bank", 1), ("desk-cash", notice.amount_fen)):
        payment = book_payment(
            channel=notice.channels[0].code,
            provider=provider,
            provider_txn=f"axe-{notice.number}-{amount}",
            amount_fen=amount,
            paid_on=timezone.localdate(),
            notice_number=notice.number,
            actor=first,
        )
        if amount == 1:
            exceptions.decide(payment.exception, action=Action.REFUND, actor=first)
            exceptions.confirm(payment.exception, actor=second)


@pytest.fixture(scope="module")
def stops(live_portal: LivePortal, people: dict[str, Visitor]) -> list[Stop]:
    """Every page of the cashier, of finance and of the payer's money, with their errors."""
    with live_portal.orm():
        payout = Payout.objects.order_by("-opened_at").first()
        assert payout is not None
        assert payout.notice is not None
        notice, money, channel = payout.notice, payout.payment.exception, payout.payment.channel
    today = timezone.localdate().isoformat()
    return [
        Stop(FIRST, "/desk/cashier/?q=abc"),
        Stop(FIRST, "/desk/cashier/day/", sent_empty=True),
        Stop(FIRST, f"/desk/payments/{notice.pk}/"),
        Stop(FIRST, "/desk/payouts/"),
        Stop(FIRST, payout.get_absolute_url(), sent_empty=True),
        Stop(FIRST, "/desk/exceptions/"),
        Stop(FIRST, f"/desk/exceptions/{money.pk}/"),
        Stop(FIRST, "/desk/statements/"),
        Stop(FIRST, "/desk/days/"),
        Stop(FIRST, f"/desk/days/{today}/{channel}/"),
        Stop(FIRST, "/desk/finance/"),
        Stop(FIRST, "/desk/remittances/"),
        Stop("payer", f"/notices/{notice.pk}/"),
        Stop("payer", f"/pay/{notice.pk}/"),
    ]


def test_axe_finds_nothing_on_the_pages_of_the_books(
    live_portal: LivePortal,
    browser_page: Callable[..., Page],
    people: dict[str, Visitor],
    stops: list[Stop],
    axe: Callable[[Page], None],
) -> None:
    """UX-E1, J2: cashier, refunds, exceptions, statements, close, finance, and the payer's own pages."""
    assert barriers(browser_page(size=PHONE), live_portal, "zh-hans", people, stops, axe) == []


def test_no_page_of_the_books_is_wider_than_320_pixels(
    live_portal: LivePortal, pages: Pages, people: dict[str, Visitor], stops: list[Stop]
) -> None:
    """UX-E5: no page scrolls sideways on the narrowest phone, in the longer language."""
    page = pages.open(base_url=live_portal.url, size=(320, 640), scripts=False)
    assert too_wide(page, live_portal, "en", people, stops) == []
