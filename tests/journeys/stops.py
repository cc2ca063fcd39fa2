"""Walks over many pages in a browser: who looks at them, whether axe finds barriers, whether they are too wide."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Page, ViewportSize

from portal.people.models import Resident, User
from tests.harness.portals import LivePortal
from tests.journeys import walk

Visitor = Resident | User | None
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NARROW: ViewportSize = {"width": 320, "height": 700}
NOWHERE = "/nowhere/"
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
        answer = page.goto(stop.address)
        assert answer, stop
        # Else the page of errors would be looked at, and found sound.
        assert answer.status != 404 or stop.address == NOWHERE, stop
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
            found += _seen_by(axe, page, stop)
    return found


def _seen_by(axe: Callable[[Page], None], page: Page, stop: Stop) -> list[str]:
    try:
        axe(page)
    except AssertionError as error:
        return [f"{stop}: {error}"]
    return []


def barriers_and_width(
    page: Page,
    live: LivePortal,
    language: str,
    people: Mapping[str, Visitor],
    stops: list[Stop],
    axe: Callable[[Page], None],
) -> list[str]:
    """What axe finds on each page at the size it was opened with, and which pages scroll sideways on a narrow phone.

    For walks over many pages whose making costs more than the looks: each is gone to once for both.
    """
    size = page.viewport_size
    assert size is not None
    found: list[str] = []
    with journey(page, live, language, people) as go:
        for stop in stops:
            if page.viewport_size != size:
                page.set_viewport_size(size)
            go(stop)
            found += _seen_by(axe, page, stop)
            if size["width"] > NARROW["width"]:
                page.set_viewport_size(NARROW)
            if sideways := page.evaluate(SIDEWAYS):
                found.append(f"{stop}: {sideways} px")
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
