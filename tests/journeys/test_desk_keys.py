"""The desk in a browser: its keys, pictures, countdown and the number shown for a minute; and all of it without
scripts.
"""

import io
from collections.abc import Callable

import pytest
from django.test import override_settings
from PIL import Image
from playwright.sync_api import Page, expect

from enrollment.models import Application
from portal.documents.uploads import store_image
from portal.people.models import User
from tests.harness.portals import LivePortal
from tests.journeys import walk

pytestmark = pytest.mark.browser

FOCUSED = "document.activeElement.textContent.trim()"


@pytest.fixture
def cases(live_portal: LivePortal) -> list[Application]:
    """Three new cases of Jiashan; two pictures, one lying on its side, with the first."""
    made = [walk.with_application(live_portal, name, "under_review")[1] for name in ("钟甲", "钟乙", "钟丙")]
    with live_portal.orm(), override_settings(VAR_DIR=live_portal.folder):
        for size in ((900, 600), (600, 900)):
            file = io.BytesIO()
            Image.new("RGB", size, (230, 230, 240)).save(file, "JPEG")
            file.seek(0)
            store_image(file, owner=made[0].resident, purpose="material", reference=str(made[0].pk))
    return made


@pytest.fixture
def desk(live_portal: LivePortal, browser_page: Callable[..., Page]) -> Callable[..., Page]:
    """Opens a page with the session of the clerk of Jiashan."""

    def open_desk(**options: object) -> Page:
        page = browser_page(**options)
        with live_portal.orm():
            clerk = User.objects.get(username="clerk.jiashan")
        walk.enter(page, live_portal, clerk)
        return page

    return open_desk


def go(page: Page, key: str) -> None:
    """Presses a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(key)


def test_a_clerk_works_by_keys(desk: Callable[..., Page], cases: list[Application]) -> None:
    """UX-C3, UX-C4, UX-C6, UX-C11: rows, help, search, the pictures, the number and the way back to the row."""
    page = desk()
    page.goto("/desk/queue/?tab=decide")
    for key in "jjx":
        page.keyboard.press(key)
    row = page.locator("tr[data-here]")
    expect(row.locator("input[type=checkbox]")).to_be_checked()
    second = page.evaluate("document.activeElement.id")
    assert second.startswith("case-")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.id") != second
    page.keyboard.press("?")
    expect(page.locator("[data-keys-help]")).to_have_attribute("open", "")
    page.keyboard.press("/")
    page.keyboard.type("jx?")  # keys never act while somebody types
    expect(page.locator("#q")).to_have_value("jx?")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    here = page.evaluate("document.activeElement.id")
    go(page, "Enter")
    page.keyboard.press("a")
    assert page.evaluate(FOCUSED) == "通过并办下一件"
    page.keyboard.press("r")
    assert page.evaluate(FOCUSED) == "要求补正"
    go(page, "Escape")
    expect(page.locator(f"#{here}")).to_be_focused()
    expect(page.locator("tr[data-here]")).to_have_count(1)

    page.goto(f"/desk/applications/{cases[0].pk}/?in=tab%3Ddecide")
    stage, picture = page.locator("[data-stage]"), page.locator("[data-stage] img")
    first = picture.get_attribute("src")
    for key, name, value in (("z", "data-zoom", "2"), ("z", "data-zoom", "3"), ("t", "data-turn", "1")):
        page.keyboard.press(key)
        expect(stage).to_have_attribute(name, value)
    page.keyboard.press("n")
    expect(picture).not_to_have_attribute("src", str(first))
    expect(stage).to_have_attribute("data-zoom", "1")
    page.keyboard.press("t")
    expect(stage).to_have_attribute("data-turn", "1")
    expect(picture).to_have_js_property("complete", True)
    frame, turned = page.locator(".portal-viewer__frame").bounding_box(), picture.bounding_box()
    assert frame
    assert turned
    assert turned["x"] >= frame["x"] - 1
    assert turned["y"] >= frame["y"] - 1
    assert turned["width"] > turned["height"], "an upright picture lies on its side when it is turned"

    page.locator("[data-identity] summary").click()
    page.locator("[data-identity] select").select_option("compare")
    page.locator("[data-identity] button").click()
    expect(page.locator("[data-identity] [role=status]")).to_have_text(cases[0].resident.identity_number)

    walk.accept_all(page)
    with page.expect_navigation():
        walk.press(page, "通过并办下一件")
    strip = page.locator("[data-undo]")
    expect(strip).to_contain_text(cases[0].grouped_number)
    start = int(strip.locator("[data-left]").inner_text())
    page.wait_for_function("start => Number(document.querySelector('[data-left]').textContent) < start", arg=start)
    with page.expect_navigation():
        walk.press(page, "撤回")
    expect(page.locator("main")).to_contain_text("已撤回")

    page.goto("/desk/queue/")
    page.locator("[data-keys-help] summary").click()
    with page.expect_navigation():
        walk.press(page, "关闭快捷键")
    page.keyboard.press("j")
    expect(page.locator("tr[data-here]")).to_have_count(0)
    page.locator("[data-keys-help] summary").click()
    with page.expect_navigation():
        walk.press(page, "开启快捷键")


def test_the_desk_works_without_scripts(desk: Callable[..., Page], cases: list[Application]) -> None:
    """UX-C4, UX-C6, UX-C7, UX-C11, UX-E4: picture, number, decision, taking back and many at once with scripts off."""
    page = desk(scripts=False)
    page.goto(f"/desk/applications/{cases[0].pk}/?in=tab%3Ddecide")
    links = page.locator("[data-picture]")
    assert page.request.get(links.nth(1).get_attribute("href") or "").headers["content-type"] == "image/jpeg"
    page.locator("[data-identity] summary").click()
    page.locator("[data-identity] select").select_option("call")
    page.locator("[data-identity] button").click()
    expect(page.locator("#identity-number")).to_have_text(cases[0].resident.identity_number)
    page.goto(f"/desk/applications/{cases[0].pk}/?in=tab%3Ddecide")
    walk.accept_all(page)
    walk.press(page, "保存并通过")
    walk.press(page, "撤回")
    walk.heading(page, "申请")
    expect(page.locator("main")).to_contain_text("已撤回")
    page.goto(f"/desk/queue/?q={cases[1].number}")
    assert str(cases[1].pk) in page.url
    walk.accept_all(page)
    walk.press(page, "只保存核对结果")
    page.goto("/desk/queue/?tab=decide")
    walk.press(page, "批量通过当前筛选的全部申请，最多500件（先预览）")
    expect(page.locator("main")).to_contain_text("将会办理")
    expect(page.locator("main")).to_contain_text("必需材料尚未全部核验")
