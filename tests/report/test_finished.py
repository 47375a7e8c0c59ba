"""Finished reports in English and Dutch: short for whoever decides, readable, and nothing of ours in the way."""

import re
from shutil import copy

import pandas as pd
import pytest
import yaml
from filelock import FileLock
from tests.conftest import FEW, FEW_DRAWS, constants, write_tables
from tests.report.browser import LOOKS, PHONE, cut_on_paper, pages_of, problems_of, sheets_of, visit

from analysis.config import Config, config_from_mapping
from analysis.data.shop import REASONS, ShopTruth, simulate_shop
from analysis.models.registry import MODELS
from analysis.pipeline import Study, notebooks_folder
from analysis.report.notebooks import notebooks_in
from analysis.report.run import STORE, run_report

REPORTS = [
    ("en", "simulated-shop"),  # with every table beside the orders
    ("nl", "simulated-shop", "00-summary"),  # whose steps are those of the first
    pytest.param(("nl", "simulated-shop"), marks=pytest.mark.slow),
    pytest.param(("nl", "cdnow"), marks=pytest.mark.slow),
]
NAMES = 1_000  # a twentieth of those of the sample
WORDS = "() => document.querySelector('main').innerText.split(/\\s+/).filter(word => /\\w/.test(word))"
CELL = re.compile(r'>([^<>]*\d[^<>]*?)\s*<span class="rl-interval">\(([^<>()]*) to ([^<>()]*)\)</span>')
JARGON = re.compile(r"log[- ]score|posterior|likelihood|\bNBD\b|gamma|predictive|credible", re.IGNORECASE)


def small_shop(folder) -> dict:
    """The tables of a smaller simulated shop, written into a folder; gives the section that names them."""
    tables = vars(simulate_shop(ShopTruth(names=NAMES, lot_size=NAMES // 10)))
    orders = tables["orders"]
    del tables["truth"]
    tables["orders"] = orders.assign(discount=orders["list_price"] - orders["amount"]).drop(columns="list_price")
    named = write_tables(folder, tables)
    orders, strategies = named.pop("orders"), {"promotions": named.pop("promotions")}
    strategies["satisfaction"] = named.pop("scores")
    strategies["own"] = [{"name": f"deal_{100 * depth:.0f}", "promotion": {"depth": depth}} for depth in (0.05, 0.1)]
    named["exits"]["avoidable"] = list(REASONS[:2])
    data = {"transactions": orders["file"], "columns": orders["columns"], "holdout_weeks": 150} | named  # is faster
    return {"data": data, "strategies": strategies}


@pytest.fixture(scope="module", params=REPORTS, ids="-".join)
def run(request, store):
    """The folder of a report in a language on a ready configuration, of all pages or of those named; made once."""
    (language, sample, *pages), out = request.param, store.with_name("reports")
    ready = notebooks_folder() / "parameters" / f"{sample}.yml"
    chosen = out.with_name("-".join(("notebooks", *pages))) if pages else notebooks_folder()
    with FileLock(f"{out}.lock"), constants(FEW | FEW_DRAWS):
        content = yaml.safe_load(ready.read_text(encoding="utf-8"))
        if sample == "simulated-shop":
            (folder := out.with_name("shop")).mkdir(exist_ok=True)
            content, ready = content | small_shop(folder), folder / ready.name
        config = config_from_mapping(content, path=ready, overrides={"language": language})
        for page in pages:
            chosen.mkdir(exist_ok=True)
            copy(notebooks_folder() / f"{page}.ipynb", chosen)
        list(Study(config, store=out / config.name / STORE).compute())  # of few draws, which is faster
        return run_report(config, out=out, notebooks=chosen)


@pytest.fixture
def index(run, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((run / "index.html").as_uri())
    yield page
    page.close()


def test_the_index_has_at_most_nine_hundred_words_and_seven_pictures_on_about_five_screens(index, run):
    assert 200 < len(index.evaluate(WORDS)) <= 900
    assert 5 <= index.locator("figure").count() <= 7
    assert index.evaluate("() => document.documentElement.scrollHeight") <= 5.6 * 900
    assert (run / "index.html").stat().st_size < 1_000_000


def test_the_index_names_no_model_no_key_and_no_score(index, run):
    for text in (index.inner_text("main"), (run / "summary.txt").read_text(encoding="utf-8")):
        keys = {leaf for key in Config.fields() if "_" in (leaf := key.rpartition(".")[2])}
        assert not [name for name in (*MODELS, *keys) if re.search(rf"\b{re.escape(name)}\b", text)]
        assert not JARGON.search(text)


@pytest.mark.parametrize("run", REPORTS[:1], indirect=True, ids="-".join)
def test_the_folder_has_every_page(run):
    names = [path.name for path in pages_of(run)]
    assert names == ["index.html", *(f"{path.stem}.html" for path in notebooks_in(notebooks_folder())[1:])]


@pytest.mark.parametrize("run", REPORTS[:1], indirect=True, ids="-".join)
def test_files_of_customers_hold_their_groups_and_in_words_what_a_contact_takes(run):
    ladder, contacts = (pd.read_csv(run / name) for name in ("ladder.csv", "contacts.csv"))
    for table in (ladder, contacts):
        assert table["channel"].isin(["search", "social", "referral"]).sum() > 10
    assert contacts["needed"].str.match(r"Of 100 such customers [\d.]+ .* if [\d.]+ more do\.$").mean() > 0.9


@pytest.mark.parametrize("run", REPORTS[:1], indirect=True, ids="-".join)
def test_every_interval_in_a_table_holds_its_estimate(run):
    def number(text):
        return float(re.sub(r"[^\d.-]", "", text.replace("−", "-")))

    pages = [page.read_text(encoding="utf-8") for page in sorted(run.glob("pages/*.html"))]
    cells = [cell.groups() for page in pages for cell in CELL.finditer(page)]
    assert len(cells) > 100
    found = [tuple(map(number, cell)) for cell in cells]  # what is nearly always nothing has a mean all the same
    assert [each for each in found if not each[1] <= each[0] <= each[2] and each[2] > 0] == []


def test_the_mail_says_the_same_decision_as_the_index(index, run):
    mail = " ".join((run / "summary.txt").read_text(encoding="utf-8").split())
    first = index.locator("main p").first.inner_text()
    assert " ".join(first.split()) in mail


def test_pages_are_accessible_narrow_and_ask_for_nothing(run, browser):
    """The index in two looks of the four, in Dutch in the others; the evidence in one, in Dutch with axe."""
    seen = []
    for file in pages_of(run):
        is_english = '<html lang="en"' in file.read_text(encoding="utf-8")
        looks, is_index = LOOKS[:2] if is_english else LOOKS[2:], file.name == "index.html"
        seen += problems_of(browser, file, looks if is_index else looks[1:], axe=is_index or not is_english)
    assert not seen


def test_the_index_is_whole_on_at_most_four_sheets_of_paper(run, browser):
    assert not cut_on_paper(browser, run / "index.html")
    assert sheets_of(browser, run / "index.html") <= 4


def test_text_in_a_figure_is_legible_on_a_phone(run, browser):
    for file in pages_of(run)[:2]:
        with visit(browser, file, window=PHONE) as seen:
            sizes = seen.page.evaluate(
                "[...document.querySelectorAll('figure img[width]')].map(img => img.width / img.getAttribute('width'))"
            )
        assert min(sizes) * 9 / 72 * 100 > 8  # pixels of a letter, 100 an inch where a figure is as wide as drawn
