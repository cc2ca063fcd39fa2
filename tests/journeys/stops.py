"""Walks over many pages in a browser: who looks at them, whether axe finds barriers, whether they are too wide."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Page

from portal.people.models import Resident, User
from tests.harness.portals import LivePortal
from tests.journeys import walk

Visitor = Resident | User | None
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SEND = "main form[method=post] button:not([formaction])"


@dataclass(frozen=True)
class Stop:
    """One page: who looks at it, its address, and whether its form is sent empty, to see it with errors."""

    visitor: str
    address: str
    sent_empty: bool = False


@contextmanager
def journey(
    page: Page, live: LivePortal, language: str, people: Mapping[str, Visitor]
) -> Iterator[Callable[[Stop], None]]:
    """Gives a function that goes to a stop, signing in where the visitor is another one than before."""
    page.goto(f"/language/{language}/?next=/papers/")
    present = ["visitor"]

    def go(stop: Stop) -> None:
        visitor = people[stop.visitor]
        if stop.visitor != present[0] and visitor is not None:
            walk.enter(page, live, visitor)
        present[0] = stop.visitor
        page.goto(stop.address)
        if stop.sent_empty:
            with page.expect_navigation():
                page.locator(SEND).first.click()

    yield go


def barriers(
    page: Page,
    live: LivePortal,
    language: str,
    people: Mapping[str, Visitor],
    stops: list[Stop],
    axe: Callable[[Page], None],
) -> list[str]:
    """What axe finds on each page."""
    found: list[str] = []
    with journey(page, live, language, people) as go:
        for stop in stops:
            go(stop)
            try:
                axe(page)
            except AssertionError as error:
                found.append(f"{stop}: {error}")
    return found


def too_wide(
    page: Page, live: LivePortal, language: str, people: Mapping[str, Visitor], stops: list[Stop]
) -> list[str]:
    """The pages that scroll sideways."""
    found: list[str] = []
    with journey(page, live, language, people) as go:
        for stop in stops:
            go(stop)
            if sideways := page.evaluate(SIDEWAYS):
                found.append(f"{stop}: {sideways} px")
    return found
