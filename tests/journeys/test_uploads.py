"""Photos of materials in a browser: a progress for each file, one refused and one lost on the way cost none of the
others.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from enrollment.models import MaterialPicture
from tests.documents import corpus, pdf_files
from tests.documents.test_pdf_pages import sheet
from tests.enrollment import journeys
from tests.harness.browser import PHONE
from tests.harness.portals import LivePortal
from tests.journeys import walk

pytestmark = pytest.mark.browser

SLOW = 30_000
"""Milliseconds within which a busy machine has drawn the pages of three files."""


def test_each_file_has_its_progress_and_is_sent_again_after_the_line_was_lost(
    live_portal: LivePortal, browser_page: Callable[..., Page], axe: Callable[[Page], None]
) -> None:
    """UX-R9, UX-E1: in order, refused with the reason, lost and sent again; kept once even if the answer was lost."""
    with live_portal.orm():
        resident = walk.newcomer_of_jiashan("上传甲")
        draft = journeys.draft(resident, town="450302003")
    page = browser_page(size=PHONE)
    walk.enter(page, live_portal, resident)
    sent: list[int] = []

    def lose_two(route: Route) -> None:
        """The first answer is lost on its way back, the third file on its way there."""
        if route.request.method != "POST":
            route.continue_()
            return
        sent.append(1)
        if len(sent) == 1:
            route.fetch()
            route.abort("connectionreset")
        elif len(sent) == 3:
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/photos/", lose_two)
    page.goto(f"/applications/{draft.pk}/photos/")
    good = {"name": "正面.jpg", "mimeType": "image/jpeg", "buffer": corpus.jpeg(sheet(700, 900))}
    bad = {"name": "坏.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 broken"}
    pages = {"name": "两页.pdf", "mimeType": "application/pdf", "buffer": pdf_files.drawn(2, (300, 400))}
    page.set_input_files("#id_photos-ID_CARD", files=[good, bad, pages])
    queue = page.locator("#photos-of-ID_CARD [data-queue]")
    expect(queue.locator("progress")).to_have_count(3)
    expect(queue.get_by_text("网络中断")).to_have_count(2, timeout=SLOW)
    expect(queue.get_by_text("PDF文件已损坏")).to_have_count(1)
    axe(page)
    for name in ("正面.jpg", "两页.pdf"):
        queue.get_by_role("button", name=f"重新上传 {name}").click()
    expect(page.locator("#photos-of-ID_CARD img.portal-photos__picture")).to_have_count(2, timeout=SLOW)
    expect(queue.locator("li")).to_have_count(1, timeout=SLOW)
    queue.get_by_role("button", name="不传了").click()
    expect(queue).to_be_hidden()
    expect(page.get_by_text("PDF，共2页")).to_be_visible()
    with live_portal.orm():
        rows = list(MaterialPicture.objects.filter(application=draft).values_list("place", "page"))
    assert rows == [(1, 1), (2, 1), (2, 2)]
    axe(page)
