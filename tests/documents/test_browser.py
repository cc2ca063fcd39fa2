import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from portal.documents import records
from portal.documents.models import PaperRecord

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.harness.portals import LivePortal

pytestmark = pytest.mark.browser


def genuine_address(portal: "LivePortal") -> str:
    """The address in the QR code of some paper of the demo; one is issued for a notice when there is none."""
    from payments import kinds
    from payments.models import Notice

    with portal.orm():
        kinds.paper_of(Notice.objects.filter(state="issued").first())
        record = PaperRecord.objects.filter(state="valid").first()
        facts = records.facts_readers[record.subject_kind](record.subject_id)
        parts = urlsplit(records.check_address(record, facts))
    return f"{parts.path}?{parts.query}"


def test_paper_is_checked_without_scripts(live_portal: "LivePortal", browser_page: Callable[..., "Page"]) -> None:
    """N4, F6, J1: by QR code and by hand, genuine and altered."""
    address = genuine_address(live_portal)
    page = browser_page(scripts=False)
    page.goto(address)
    assert "文书真实有效" in page.locator("h1").inner_text()
    page.goto(re.sub(r"d=\d{8}", "d=20200101", address))
    assert "文书被改动过" in page.locator("h1").inner_text()
    page.get_by_role("link", name="核对另一份文书").click()
    page.get_by_label("文书上的核对码").fill("12345")
    page.get_by_role("button", name="核对").click()
    assert "26 位" in page.get_by_role("alert").inner_text()
    page.get_by_label("文书上的核对码").fill(urlsplit(address).path.split("/")[2].lower())
    page.get_by_role("button", name="核对").click()
    assert "文书真实有效" in page.locator("h1").inner_text()


def test_paper_check_and_demo_phone_have_no_barriers(
    live_portal: "LivePortal", browser_page: Callable[..., "Page"], axe: Callable[["Page"], None]
) -> None:
    """J2, issue 2: the text messages of the demo arrive and fit a telephone."""
    address = genuine_address(live_portal)
    page = browser_page(size=(375, 812))
    for path in (address, re.sub(r"d=\d{8}", "d=20200101", address), "/papers/?code=12"):
        page.goto(path)
        axe(page)
    live_portal.wait_until(lambda: "【参保服务】" in (page.goto("/demo/phone/") and page.content()), what="a message")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
