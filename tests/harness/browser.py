"""A headless Chromium and pages that report what went wrong in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from tests.harness.services import ComponentMissing

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = (375, 812)
DESKTOP = (1280, 900)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed Chromium, headless; no browser is ever downloaded."""
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists():
        raise ComponentMissing(f"Chromium is not at {path}. Run tools/setup.py test, or name it in CHROMIUM")
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    # Playwright runs an event loop in this thread; the tests' own database calls are still synchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Pages:
    """Opens pages and keeps a list of the faults seen in them: script errors, refused content, missing files, 5xx."""

    def __init__(self, browser: Browser, base_url: str | None = None) -> None:
        self.browser = browser
        self.base_url = base_url
        self.faults: list[str] = []
        self.pages: list[Page] = []

    def open(
        self,
        *,
        scripts: bool = True,
        size: tuple[int, int] = DESKTOP,
        language: str = "zh-CN",
        dark: bool = False,
        reduced_motion: bool = False,
        base_url: str | None = None,
    ) -> Page:
        """Opens a page in a context of its own: no cookies shared with any other."""
        context = self.browser.new_context(
            base_url=base_url or self.base_url,
            java_script_enabled=scripts,
            viewport={"width": size[0], "height": size[1]},
            locale=language,
            timezone_id="Asia/Shanghai",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if reduced_motion else "no-preference",
            accept_downloads=True,
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("response", self._on_response)
        self.pages.append(page)
        return page

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium also logs every answer of 400 and above; those are judged in `_on_response`.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _on_response(self, response: Response) -> None:
        missing_file = response.status == 404 and response.request.resource_type != "document"
        if response.status >= 500 or missing_file:
            self.faults.append(f"{response.status} {response.url}")

    def keep_pictures(self, name: str) -> None:
        """Saves a picture of every open page to test-results, to look at after a failure."""
        folder = Path("test-results")
        folder.mkdir(exist_ok=True)
        for number, page in enumerate(self.pages):
            if not page.is_closed():
                page.screenshot(path=folder / f"{name}-{number}.png", full_page=True)

    def close(self) -> None:
        """Closes every context."""
        for page in self.pages:
            page.context.close()
        self.pages.clear()
