"""A real browser for finished pages: the Chromium that is installed, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.conftest import skip_or_fail

from analysis.errors import UsageError
from analysis.reporting.paper import INSTALL, chromium

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}


def installed_chromium() -> str:
    """Path of Chromium; skips the test with the installing command where there is none."""
    for package in ("playwright", "axe_playwright_python"):
        if find_spec(package) is None:
            skip_or_fail(f"{package} is missing; run: make setup")
    try:
        return chromium()
    except UsageError:
        return skip_or_fail(f"Chromium is missing; run: {INSTALL}")


@contextmanager
def launched() -> Iterator[Any]:
    """A browser, once for many pages."""
    program = installed_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page, and everything that it did which nobody should see.

    Attributes
    ----------
    page
        Playwright's page.
    requests
        Addresses that it asked for, but for its own file and data inside it.
    complaints
        Errors and warnings on the console, and exceptions.
    dialogs
        What it said in dialogs.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def heard(self, file: Path) -> None:
        own = file.absolute().as_uri()
        self.page.on("request", lambda asked: self._requested(asked.url, own))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type != "log" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dismissed)

    def violations(self) -> list[str]:
        """What axe finds, folded parts opened: rule, place and reason."""
        from axe_playwright_python.sync_playwright import Axe

        self.open_all()
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    def open_all(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")

    def too_wide(self) -> list[str]:
        """The elements that reach beyond the window, where the page scrolls sideways."""
        return self.page.evaluate(
            """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
            [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => `${one.tagName}.${one.className} ${Math.round(one.getBoundingClientRect().right)}`)"""
        )

    def first_paint(self) -> float:
        """Milliseconds from the start of loading to the first content on the screen."""
        return self.page.evaluate(
            """() => new Promise(found => new PerformanceObserver(list => list.getEntries()
            .filter(one => one.name === 'first-contentful-paint').forEach(one => found(one.startTime)))
            .observe({type: 'paint', buffered: true}))"""
        )

    def _requested(self, url: str, own: str) -> None:
        if url.split("#")[0] != own and not url.startswith("data:"):
            self.requests.append(url)

    def _dismissed(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


@contextmanager
def visit(browser: Any, file: Path, *, scheme: str = "light", window: dict[str, int] = DESK) -> Iterator[Visit]:
    """A page opened from its file, in a context of its own."""
    context = browser.new_context(color_scheme=scheme, viewport=window)
    try:
        visited = Visit(context.new_page())
        visited.heard(file)
        visited.page.goto(file.absolute().as_uri(), wait_until="load")
        yield visited
    finally:
        context.close()
