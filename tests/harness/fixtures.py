"""The fixtures of the harness, loaded for every test by `-p` in pyproject.toml."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.harness.browser import Pages
    from tests.harness.portals import LivePortal, Portals

REPORT = pytest.StashKey[dict[str, pytest.TestReport]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Lets fixtures see whether their test failed."""
    report = yield
    item.stash.setdefault(REPORT, {})[report.when] = report
    return report


def failed(request: pytest.FixtureRequest) -> bool:
    """Whether the body of the test failed."""
    report = request.node.stash.get(REPORT, {}).get("call")
    return report is not None and report.failed


@pytest.fixture(scope="session")
def portals() -> "Portals":
    """Makes whole portals in real processes: `with portals.portal(demo=True) as live: live.start()`."""
    from tests.harness.portals import Portals

    return Portals(Path(os.environ["CANBAO_VAR_DIR"]) / "portals")


@pytest.fixture(scope="session")
def live_portal(portals: "Portals", django_db_blocker: Any) -> Iterator["LivePortal"]:
    """One running portal with demo data, shared by the journeys of this test process.

    Each journey brings people of its own, so that it meets no trace of another. Rows: `with live_portal.orm(): ...`.
    """
    with django_db_blocker.unblock(), portals.portal(demo=True) as live:
        live.open_all_year()
        live.start()
        yield live


@pytest.fixture
def fresh_portal(portals: "Portals", django_db_blocker: Any, request: pytest.FixtureRequest) -> Iterator["LivePortal"]:
    """A portal with regions and no people, not started yet, for this test alone: for crashes, races and outages."""
    with django_db_blocker.unblock(), portals.portal() as live:
        yield live
        if failed(request):
            print(live.logs())


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """The browser of this test process."""
    from tests.harness.browser import chromium as start

    with start() as browser:
        yield browser


@pytest.fixture
def pages(chromium: "Browser", request: pytest.FixtureRequest) -> Iterator["Pages"]:
    """Opens browser pages, and fails the test for faults seen in them; pictures are kept when it fails.

    A test that provokes a fault on purpose clears `pages.faults` after looking at it.
    """
    from tests.harness.browser import Pages

    made = Pages(chromium)
    yield made
    if failed(request) or made.faults:
        made.keep_pictures(re.sub(r"\W+", "-", request.node.name))
    made.close()
    assert made.faults == []


@pytest.fixture
def browser_page(pages: "Pages", live_portal: "LivePortal") -> Callable[..., "Page"]:
    """Opens a page on the live portal: `browser_page(scripts=False, size=PHONE, language="en-GB")`."""

    def open_page(**options: Any) -> "Page":
        return pages.open(base_url=live_portal.url, **options)

    return open_page


@pytest.fixture
def axe() -> Callable[["Page"], None]:
    """Checks a page (with scripts on) against the WCAG 2.2 AA rules of axe; fails with what it finds."""
    from axe_playwright_python.sync_playwright import Axe

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    # Lists of what passed are not read, and cost half of the time.
    options = {"runOnly": {"type": "tag", "values": tags}, "resultTypes": ["violations"]}

    def check(page: "Page") -> None:
        found = Axe()
        if page.evaluate("typeof axe !== 'undefined'"):
            found.axe_script = "0"  # half a megabyte that this page has read already
        results = found.run(page, options=options)
        assert results.violations_count == 0, results.generate_report()

    return check
