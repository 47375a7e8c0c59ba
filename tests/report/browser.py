"""A real browser for finished pages, and what every page must pass in it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.conftest import skip_or_fail

from analysis.errors import UsageError
from analysis.report.pdf import chromium

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
SHEET = {"width": 673, "height": 1001}
"""The part of an A4 sheet inside the margins of the style sheet [CSS pixels]."""


@contextmanager
def launched() -> Iterator[Any]:
    """A browser, once for many pages; skips the test with the installing command where there is none."""
    for package in ("playwright", "axe_playwright_python"):
        if find_spec(package) is None:
            skip_or_fail(f"{package} is missing; run: make setup")
    try:
        program = chromium()
    except UsageError as missing:
        skip_or_fail(str(missing))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page (Playwright's), and everything that it did which nobody should see.

    That is requests but for its own file and data inside it, errors and warnings on the console, exceptions, dialogs.
    """

    page: Any
    complaints: list[str] = field(default_factory=list)

    def heard(self, own: str) -> None:
        self.page.on("request", lambda asked: self._requested(asked.url, own))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type != "log" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dismissed)

    def violations(self) -> list[str]:
        """What axe finds, folded parts opened: rule, place and reason."""
        from axe_playwright_python.sync_playwright import Axe

        self.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    def too_wide(self) -> list[str]:
        """The elements that reach beyond the window, where the page scrolls sideways."""
        return self.page.evaluate(
            """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
            [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => `too wide: ${one.tagName}.${one.className} ${Math.round(one.getBoundingClientRect().right)}`)"""
        )

    def _requested(self, url: str, own: str) -> None:
        if url.split("#")[0] != own and not url.startswith("data:"):
            self.complaints.append(f"request: {url}")

    def _dismissed(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def visit(
    browser: Any, file: Path, *, scheme: str = "light", window: dict[str, int] = DESK, media: str = "screen"
) -> Iterator[Visit]:
    """A page opened from its file, in a context of its own."""
    context = browser.new_context(color_scheme=scheme, viewport=window)
    try:
        visited = Visit(context.new_page())
        own = file.absolute().as_uri()
        visited.heard(own)
        visited.page.emulate_media(media=media, color_scheme=scheme)
        visited.page.goto(own, wait_until="load")
        yield visited
    finally:
        context.close()


def pages_of(folder: Path) -> list[Path]:
    """The pages of a finished run: the index first."""
    return [folder / "index.html", *sorted((folder / "pages").glob("*.html"))]


LOOKS = (("light", DESK), ("dark", PHONE), ("dark", DESK), ("light", PHONE))


def problems_of(browser: Any, file: Path, looks: Sequence[Any] = LOOKS, *, axe: bool = True) -> list[str]:
    """What is wrong with a page: on a desk and on a phone, in light and in dark; with what axe finds, or without."""
    found = []
    for scheme, window in looks:
        with visit(browser, file, scheme=scheme, window=window) as seen:
            told = [*seen.too_wide(), *(seen.violations() if axe else ()), *seen.too_wide(), *seen.complaints]
            found += [f"{file.name}, {scheme}, {window['width']} px: {one}" for one in told]
    return found


def cut_on_paper(browser: Any, file: Path) -> list[str]:
    """What does not fit an A4 sheet, or may be torn over two."""
    with visit(browser, file, window=SHEET, media="print") as seen:
        torn = seen.page.evaluate(
            """height => [...document.querySelectorAll('figure, tbody tr, .rl-cards > div')].filter(one =>
            getComputedStyle(one).breakInside != 'avoid' || one.getBoundingClientRect().height > height)
            .map(one => `torn: ${one.tagName}.${one.className}`)""",
            SHEET["height"],
        )
        return [*seen.too_wide(), *torn]


def sheets_of(browser: Any, file: Path) -> int:
    """How many A4 sheets a page takes."""
    with visit(browser, file, media="print") as seen:
        printed = seen.page.pdf(format="A4", prefer_css_page_size=True)
    return max(int(count) for count in re.findall(rb"/Count (\d+)", printed))  # the tree of pages knows them all
