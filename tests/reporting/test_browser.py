"""Finished pages in a real browser: English and Dutch, light and dark, a phone, paper."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from tests.reporting.browser import DESK, PHONE, launched, visit
from tests.reporting.small_runs import folder_with, small_config, use_small_study

from analysis.config import config_from_mapping
from analysis.errors import NotebookFailed
from analysis.reporting.runner import run_report

SHOP = {
    "name": "shop",
    "data": {"transactions": {"sample": "cdnow"}, "holdout_weeks": 39},
    "economics": {"currency": "USD", "gross_margin": 0.3, "annual_discount_rate": 0.1, "horizon_years": 3},
    "strategies": {"draws": 20, "customers": 200},
}
MOST_MILLISECONDS, MOST_BYTES = 1000, 2_000_000
A4 = {"width": 673, "height": 986}
"""The part of the sheet inside its margins, in CSS pixels."""
PAGES = ("en", "nl", "failed", "index")


@dataclass(frozen=True)
class Reports:
    """The folder of all reports, and the page of each kind in it."""

    out: Path
    pages: dict[str, Path]


def made(folder: Path) -> dict[str, str]:
    """A report in each language, the Dutch one compared with the English; and one that failed."""
    pages = {}
    for language in ("en", "nl"):
        config = config_from_mapping(SHOP | {"language": language}, path=folder / "shop.yml")
        pages[language] = str(run_report(config, out=folder / "out") / "index.html")
    with pytest.MonkeyPatch.context() as patch:
        use_small_study(patch)
        with pytest.raises(NotebookFailed):
            run_report(small_config(), out=folder / "out", notebooks=folder_with(folder, "good", "cell_error"))
    (failed,) = (folder / "out" / "shop" / "failed").iterdir()
    return pages | {"failed": str(failed / "index.html"), "index": str(folder / "out" / "index.html")}


@pytest.fixture(scope="session")
def reports(tmp_path_factory, worker_id) -> Reports:
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "browser-reports"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):  # the processes of pytest-xdist share one set
        known = folder / "pages.json"
        if not known.exists():
            known.write_text(json.dumps(made(folder)))
    pages = {name: Path(path) for name, path in json.loads(known.read_text()).items()}
    return Reports(folder / "out", pages)


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_complains_of_nothing_and_is_accessible(browser, reports, name, scheme):
    with visit(browser, reports.pages[name], scheme=scheme) as seen:
        assert seen.violations() == []
        assert seen.requests == []
        assert seen.complaints == []
        assert seen.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_reaches_beyond_a_phone(browser, reports, name):
    with visit(browser, reports.pages[name], window=PHONE) as seen:
        assert seen.too_wide() == []
        seen.open_all()
        assert seen.too_wide() == []


@pytest.mark.parametrize("name", ["en", "nl"])
def test_every_picture_says_what_it_shows_and_is_there(browser, reports, name):
    with visit(browser, reports.pages[name]) as seen:
        images = seen.page.evaluate(
            "[...document.images].map(one => [one.alt, one.complete && one.naturalWidth > 0 && one.naturalHeight > 0])"
        )
    assert len(images) > 20
    assert all(is_drawn for _, is_drawn in images)
    assert all(len(alt) > 40 and any(sign.isdigit() for sign in alt) for alt, _ in images)


@pytest.mark.parametrize("name", ["en", "nl", "index"])
def test_a_page_is_light_and_its_first_paint_comes_within_a_second(browser, reports, name):
    paints = []
    for _ in range(3):
        with visit(browser, reports.pages[name]) as seen:
            paints.append(round(seen.first_paint()))
    size = reports.pages[name].stat().st_size
    print(f"{name}: first paint after {paints} ms, {size:,} bytes")
    assert min(paints) < MOST_MILLISECONDS
    assert size < MOST_BYTES


@pytest.mark.parametrize("name", ["en", "nl"])
def test_no_figure_is_cut_on_paper(browser, reports, name):
    with visit(browser, reports.pages[name], window=A4) as seen:
        seen.page.emulate_media(media="print")
        figures = seen.page.evaluate(
            """[...document.querySelectorAll('figure')].map(one =>
            [getComputedStyle(one).breakInside, one.getBoundingClientRect().height])"""
        )
        printed = seen.page.pdf(format="A4", prefer_css_page_size=True)
    assert len(figures) > 10
    assert {inside for inside, _ in figures} == {"avoid"}
    assert max(height for _, height in figures) < A4["height"]
    assert printed.startswith(b"%PDF-")


def test_the_page_says_what_changed_since_the_run_before(browser, reports):
    english = reports.pages["en"].parent.name
    with visit(browser, reports.pages["nl"], window=DESK) as seen:
        said = seen.page.inner_text("main")
    assert f"Vergeleken met run {english}" in said
    assert "Instelling language: nl, eerder en." in said
    assert "Gegevens: dezelfde rijen." in said
    with visit(browser, reports.pages["en"]) as seen:
        assert "There is no earlier run of this report to compare with." in seen.page.inner_text("main")


def test_the_list_of_reports_draws_how_figures_went(browser, reports):
    with visit(browser, reports.pages["index"]) as seen:
        labels = seen.page.evaluate("[...document.querySelectorAll('svg[role=img]')].map(one => one.ariaLabel)")
    assert len(labels) == 3
    assert all("2 runs" in label for label in labels)
