"""Values that would like to be markup stay text, in every page that a browser opens."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.reporting import fakes
from tests.reporting.browser import launched, visit
from tests.reporting.small_runs import folder_with, small_config, use_small_study
from tests.reporting.test_listing import CONTENT
from tests.reporting.test_page import NOTEBOOKS, STAMP

from analysis.config import config_from_mapping
from analysis.data import Note
from analysis.errors import DataError, InputRefused
from analysis.reporting import publish
from analysis.reporting.batch import members_of
from analysis.reporting.page import compose, report_title
from analysis.reporting.runner import run_report

IMAGE = "<img src=x onerror=alert(1)>"
BROKEN_OUT = "\"'></style></script></title><script>alert(2)</script>"
LINK = "javascript:alert(3)"
VECTOR = "<svg onload=alert(4)>&lt;b&gt;{orders:integer} **x** `y` </svg>"
CUSTOMERS, PART = 260, f"{IMAGE} {VECTOR}"
ACTIVE = """() => [...document.querySelectorAll('*')].filter(one =>
    [...one.attributes].some(each => each.name.startsWith('on') || /^\\s*javascript:/i.test(each.value)))
    .map(one => one.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


def write_orders(file: Path, columns: list[str]) -> None:
    """A small shop whose ids, columns and countries are hostile."""
    rng = np.random.default_rng(20261122)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for customer in range(CUSTOMERS):
            born = rng.integers(0, 200)
            gaps = np.cumsum([0, *rng.exponential(40, rng.geometric(0.35) - 1)])
            for day in born + gaps[born + gaps < 500]:
                moment = np.datetime64("2024-01-01") + int(day)
                name = (IMAGE, BROKEN_OUT, LINK, VECTOR)[customer % 4]
                writer.writerow([f"{customer} {name}", moment, f"{rng.gamma(3, 10):.2f}", PART])


def plant_earlier_run(report: Path, settings: dict) -> None:
    """A published run with hostile settings and versions, which the next one is compared with."""
    folder = report / ("0" * 12)
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(CONTENT))
    settings = settings | {"economics": settings["economics"] | {IMAGE: VECTOR}, BROKEN_OUT: LINK}
    (folder / "config.yml").write_text(yaml.safe_dump(settings))
    manifest = {"versions": {IMAGE: BROKEN_OUT}, "generated_at": "2026-01-01T00:00:00+00:00", "as_of": VECTOR}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"finished_at": VECTOR}))
    publish.set_latest(report, folder.name)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A real report on hostile data, compared with a hostile run; a failure with hostile words; the list of both."""
    folder = tmp_path_factory.mktemp("hostile")
    columns = {"customer": IMAGE, "date": f"when {BROKEN_OUT}", "amount": VECTOR}
    file, split = folder / f"orders {IMAGE} & ''.csv", f"{LINK} {IMAGE}"
    write_orders(file, [*columns.values(), split])
    content = {
        "name": "shop",
        "data": {"transactions": file.name, "columns": columns, "holdout_weeks": 13},
        "economics": {"horizon_years": 1},
        "strategies": {"draws": 20, "customers": 200},
        "batch": {"split_by": split},
    }
    (member,) = members_of(config_from_mapping(content, path=folder / "shop.yml"))
    out = folder / "out"
    plant_earlier_run(out / member.config.name, member.config.model_dump(mode="json", exclude_none=True))
    made = run_report(member.config, out=out)
    with pytest.MonkeyPatch.context() as patch:
        use_small_study(patch, refusal=DataError(f"row 3: {IMAGE} {BROKEN_OUT}"))
        with pytest.raises(DataError):
            run_report(small_config(), out=out, notebooks=folder_with(folder, "good"))
    (failed,) = (out / "shop" / "failed").iterdir()
    return {"report": made / "index.html", "failure": failed / "index.html", "list": out / "index.html"}


@pytest.mark.parametrize("name", ["report", "failure", "list"])
def test_nothing_hostile_runs_loads_or_becomes_an_element(browser, pages, name):
    with visit(browser, pages[name]) as seen:
        seen.open_all()
        assert (seen.dialogs, seen.requests, seen.complaints) == ([], [], [])
        assert seen.page.evaluate(ACTIVE) == []
        assert seen.page.locator("img[src='x'], main svg[onload], main b").count() == 0
        assert seen.page.title().count("<") == 0


def test_hostile_settings_and_reasons_are_shown_as_they_are(browser, pages):
    with visit(browser, pages["report"]) as seen:
        said = seen.page.inner_text("main")
        assert f"Setting economics.{IMAGE}: not set, before {VECTOR}" in said
        assert f"{IMAGE} {BROKEN_OUT} → –" in said
    with visit(browser, pages["failure"]) as seen:
        assert f"row 3: {IMAGE} {BROKEN_OUT}" in seen.page.inner_text("[role=alert]")


def test_hostile_values_in_notes_and_titles_are_shown_as_they_are(browser, tmp_path, monkeypatch):

    study = fakes.study(name="shop")
    study.transactions = fakes.transactions(notes=(Note("data.encoding_guessed", {"files": 1, "encoding": VECTOR}),))
    books = [fakes.executed(path, study, monkeypatch) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    fragments = fakes.sections_of(books)
    file = tmp_path / "index.html"
    file.write_text(compose(report_title(BROKEN_OUT), fragments, STAMP))
    with visit(browser, file) as seen:
        assert (seen.dialogs, seen.requests, seen.complaints) == ([], [], [])
        assert BROKEN_OUT in seen.page.title()
        assert VECTOR in seen.page.inner_text("main")


@pytest.mark.parametrize("value", [IMAGE, BROKEN_OUT, LINK])
@pytest.mark.parametrize("content", ["name", "currency"])
def test_a_hostile_name_or_currency_is_refused(tmp_path, content, value):
    asked = {"name": value} if content == "name" else {"economics": {"currency": value}}
    with pytest.raises(InputRefused) as refused:
        config_from_mapping({"data": {"transactions": {"sample": "cdnow"}}, **asked}, path=tmp_path / "shop.yml")
    assert refused.value.exit_code == 2
