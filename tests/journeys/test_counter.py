"""A walk-in at the county centre, on a running portal with scripts off: card on the reader, one page, paper in hand."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import walk
from tests.journeys.walk import heading, press
from tests.people_cast import next_identity_number

pytestmark = pytest.mark.browser

RADIOS = {
    "document": "ID_CARD",
    "in_area": "yes",
    "status": "local_hukou",
    "other_cover": "none",
    "missed_years": "0",
    "assistance": "none",
}


def test_county_centre_registers_a_walk_in_with_scripts_off(browser_page: Callable[..., Page]) -> None:
    """B2, S1-01, UX-C9: number by the reader, saved half typed, approved in the same session, papers to print."""
    page = browser_page(scripts=False)
    number = next_identity_number("450302", "F")
    walk.staff_sign_in(page, "clerk.centre")
    page.goto("/desk/walk-in/")
    heading(page, "窗口登记")
    page.keyboard.type(number)  # a reader types like a keyboard, into the box that has the focus
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text(number)
    expect(page.locator("[name=birth_on_year]")).to_have_value(number[6:10])
    expect(page.locator("[name=sex][value=F]")).to_be_checked()
    page.locator("[name=name]").fill("苏小桂")
    page.locator("[name=address]").fill("甲山村12号")
    press(page, "保存，稍后继续")
    page.goto("/desk/walk-in/")
    page.get_by_role("link", name="苏*").first.click()
    expect(page.locator("[name=address]")).to_have_value("甲山村12号")
    for name, value in RADIOS.items():
        page.locator(f"[name={name}][value='{value}']").check()
    for name in ("original", "declared"):
        page.locator(f"[name={name}]").check()
    page.locator("[name=home]").select_option("450302001")
    page.locator("[name=phone]").fill("19900880001")
    for box in page.locator("[name^=seen-]").all():
        box.check()
    press(page, "提交并当场通过")
    expect(page.locator(".govuk-panel")).to_contain_text("待缴费")
    expect(page.locator("main")).to_contain_text("覃中心")
    for link in page.locator("main a[href$='/pdf/']").all():
        address = link.get_attribute("href") or ""
        assert page.request.get(address).headers["content-type"] == "application/pdf"
    assert re.search(r"\d{4} \d{4} \d{4} \d{4}", page.locator(".govuk-panel").inner_text())
