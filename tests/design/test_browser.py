"""The frame, the style guide, the guides and the error pages, seen and pressed in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.harness.browser import DESKTOP, PHONE, Pages

pytestmark = pytest.mark.browser

ADDRESSES = [
    "/",
    "/design/",
    "/design/?errors=1",
    "/help/",
    "/help/paying/",
    "/help/offices/",
    "/feedback/",
    "/nowhere/",
]

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TOO_SMALL = """least => [...document.querySelectorAll(
    'button, .govuk-button, select, .govuk-input, textarea, summary, .portal-action, .portal-nav__link, ' +
    '.portal-switches__link, .portal-links__link, .govuk-radios__item, .govuk-checkboxes__item, .govuk-back-link, ' +
    '.govuk-breadcrumbs__link, .govuk-error-summary__list a, .govuk-task-list__link, .portal-pages__link')]
  .filter(node => { const box = node.getBoundingClientRect(); return box.height > 0 && box.height < least - 0.5; })
  .map(node => node.className + ' ' + node.getBoundingClientRect().height)"""


def switch(page: Page, served: str, *, english: bool = False, elder: bool = False) -> None:
    """Chooses language and size as the links in the header do."""
    page.goto(f"{served}/language/{'en' if english else 'zh-hans'}/?next=/help/")
    page.goto(f"{served}/display/{'elder' if elder else 'standard'}/?next=/help/")


@pytest.mark.parametrize(
    ("english", "size"),
    [
        pytest.param(False, PHONE, id="zh-phone"),
        pytest.param(True, DESKTOP, id="en-desktop"),
        pytest.param(False, DESKTOP, id="zh-desktop", marks=pytest.mark.soak),
        pytest.param(True, PHONE, id="en-phone", marks=pytest.mark.soak),
    ],
)
def test_axe_finds_nothing(
    pages: Pages, served: str, axe: Callable[[Page], None], size: tuple[int, int], english: bool
) -> None:
    """UX-E1, J2: no finding on any page state, at both widths, in both languages."""
    page = pages.open(size=size)
    switch(page, served, english=english)
    for address in ADDRESSES:
        page.goto(served + address)
        axe(page)


def test_axe_finds_nothing_in_the_large_edition(pages: Pages, served: str, axe: Callable[[Page], None]) -> None:
    """UX-R18, J2: the large edition is as sound as the standard one."""
    page = pages.open(size=PHONE)
    switch(page, served, elder=True)
    for address in ADDRESSES:
        page.goto(served + address)
        axe(page)


@pytest.mark.parametrize("elder", [False, True], ids=["standard", "large"])
def test_nothing_scrolls_sideways_at_320_pixels(pages: Pages, served: str, elder: bool) -> None:
    """UX-E5: at 320 px, and there with larger text, in both editions."""
    page = pages.open(size=(320, 700), scripts=False)
    switch(page, served, elder=elder)
    for address in ADDRESSES:
        page.goto(served + address)
        assert page.evaluate(SIDEWAYS) == 0, address


def test_nothing_scrolls_sideways_with_text_at_200_percent(pages: Pages, served: str) -> None:
    """UX-E5: doubled text on a phone wraps instead of leaving the page."""
    page = pages.open(size=PHONE)
    switch(page, served)
    for address in ADDRESSES:
        page.goto(served + address)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate(SIDEWAYS) == 0, address


@pytest.mark.parametrize(("elder", "least"), [(False, 44), (True, 60)], ids=["standard", "large"])
def test_controls_are_large_enough_to_press(pages: Pages, served: str, elder: bool, least: int) -> None:
    """UX-R18: 44 px, and 60 px in the large edition."""
    page = pages.open(size=PHONE)
    switch(page, served, elder=elder)
    for address in ADDRESSES:
        page.goto(served + address)
        assert page.evaluate(TOO_SMALL, least) == [], address


def test_large_text_is_large(pages: Pages, served: str) -> None:
    """UX-R18: body text of at least 22 px with lines of at least one and a half; nothing below 18 px."""
    page = pages.open(size=PHONE)
    switch(page, served, elder=True)
    for address in ADDRESSES:
        page.goto(served + address)
        smallest = page.evaluate(
            """Math.min(...[...document.querySelectorAll('body *')]
              .filter(node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
              .filter(node => node.getBoundingClientRect().height > 1)
              .map(node => parseFloat(getComputedStyle(node).fontSize)))"""
        )
        assert smallest >= 17.5, address
    page.goto(f"{served}/help/paying/")
    style = page.evaluate(
        """(() => { const s = getComputedStyle(document.querySelector('main .govuk-body'));
            return [parseFloat(s.fontSize), parseFloat(s.lineHeight)]; })()"""
    )
    assert style[0] >= 22
    assert style[1] / style[0] >= 1.5


def test_the_keyboard_finds_the_content_and_the_errors(pages: Pages, served: str) -> None:
    """UX-E7: skip link first; errors take the focus, and their links put it on the control."""
    page = pages.open()
    switch(page, served)
    page.goto(f"{served}/help/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.hash") == "#main"
    page.goto(f"{served}/design/?errors=1")
    assert page.evaluate("document.activeElement.id") == "error-summary"
    page.get_by_role("link", name="2025年2月只有 28 天").click()
    assert page.evaluate("document.activeElement.id") == "id_birth_date_2"


def test_error_links_work_without_scripts(pages: Pages, served: str) -> None:
    """UX-E4, UX-R7: the links are plain anchors."""
    page = pages.open(scripts=False)
    switch(page, served)
    page.goto(f"{served}/design/?errors=1")
    page.get_by_role("link", name="2025年2月只有 28 天").click()
    assert page.url.endswith("#id_birth_date_2")


def test_focus_is_visible(pages: Pages, served: str) -> None:
    """UX-E7: whatever the Tab key reaches shows that it has the focus."""
    page = pages.open()
    switch(page, served)
    page.goto(f"{served}/design/")
    unseen = []
    for _step in range(45):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """(() => { const node = document.activeElement; const s = getComputedStyle(node);
                const near = node.closest('.portal-upload, .govuk-radios__item, .govuk-checkboxes__item');
                const marks = [s, near && getComputedStyle(near.querySelector('label'), '::before'),
                               near && getComputedStyle(near.querySelector('label'))].filter(Boolean);
                return [node.tagName + '.' + node.className, marks.some(m =>
                    m.outlineStyle !== 'none' && m.outlineWidth !== '0px' || m.boxShadow !== 'none')]; })()"""
        )
        if not seen[1]:
            unseen.append(seen[0])
    assert unseen == []


def test_paper_has_content_and_no_navigation(pages: Pages, served: str) -> None:
    """UX-E13: on paper the frame is gone, the name of the service and the time stand on top."""
    page = pages.open()
    switch(page, served)
    page.goto(f"{served}/help/paying/")
    page.emulate_media(media="print")
    for gone in (".portal-header", ".portal-nav", ".portal-footer", ".govuk-breadcrumbs", ".portal-contents"):
        assert not page.locator(gone).first.is_visible()
    assert page.locator("h1").is_visible()
    assert "打印时间" in page.locator(".portal-print-head").inner_text()


def test_pages_weigh_little(pages: Pages, served: str) -> None:
    """UX-E3: at most five requests, to this host only."""
    page = pages.open(size=PHONE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/")
    page.wait_for_load_state("networkidle")
    assert len(asked) <= 5
    assert all(address.startswith(served) for address in asked)
