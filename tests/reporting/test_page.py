import dataclasses
import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from tests.reporting import fakes

from analysis.reporting import gate
from analysis.reporting.page import IndexEntry, compose, index_page, made_html, report_title, time_html
from analysis.reporting.stamp import Stamp
from analysis.reporting.words import Words

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ORDER = (
    *("06-summary", "01-transactions", "02-purchase-model", "03-customer-value", "04-retention-and-profit"),
    "05-loyalty-strategies",
)
STAMP = Stamp(
    run_id="0123456789ab",
    name="shop",
    config_hash="c" * 64,
    data_hash="d" * 64,
    as_of="1998-06-30",
    language="en",
    versions={"retention-lab": "0.1.0", "lifetimes": "0.11.3"},
    generated_at="2026-01-01T00:00:00Z",
)


class Outline(HTMLParser):
    """Elements of a page in their order, with attributes."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


def stamped_values(html: str) -> dict[str, str]:
    """The stamp that a page carries in its ``<meta>`` elements."""
    found = re.findall(r'<meta name="retention-lab:(\w+)" content="([^"]*)">', html)
    return {name: unescape(value) for name, value in found}


def page_of(monkeypatch, **options) -> str:
    study = fakes.study(**options)
    fragments = fakes.sections_of([fakes.executed(NOTEBOOKS / f"{name}.ipynb", study, monkeypatch) for name in ORDER])
    return compose(report_title("shop"), fragments, STAMP, seconds=51.2)


@pytest.fixture(scope="module")
def page():
    with pytest.MonkeyPatch.context() as monkeypatch:
        return page_of(monkeypatch)


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page)


def test_the_page_names_its_language_has_one_first_heading_and_landmarks(outline):
    assert outline.of("html") == [{"lang": "en"}]
    assert len(outline.of("h1")) == 1
    assert [len(outline.of(tag)) for tag in ("header", "main", "footer", "nav")] == [1, 1, 1, 1]
    assert outline.of("a")[0] == {"class": "skip", "href": "#content"}


def test_headings_do_not_skip_a_level(outline):
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_the_navigation_leads_somewhere(outline):
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [link["href"][1:] for link in outline.of("a") if link["href"].startswith("#")]
    assert len(targets) == 9
    assert set(targets) <= set(ids)


def test_every_picture_has_an_alternative_and_sits_in_the_page(outline):
    images = outline.of("img")
    assert len(images) > 20
    assert all(image["alt"] and image["src"].startswith("data:image/") for image in images)


def test_every_table_has_a_caption_and_every_scrolling_container_takes_the_focus(outline):
    assert len(outline.of("caption")) == len(outline.of("table")) > 10
    containers = [a for _, a in outline.elements if a.get("class") == "rl-scroll"]
    assert all(container["tabindex"] == "0" and container["aria-label"] for container in containers)


def test_the_page_passes_the_gate_and_stays_small(tmp_path, page):
    file = tmp_path / "index.html"
    file.write_text(page, encoding="utf-8")
    assert gate.problems_in_page(file, STAMP) == []
    assert file.stat().st_size < 2_000_000


def test_the_page_allows_nothing_from_outside(page, outline):
    policy = next(m["content"] for m in outline.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)
    pictures = re.compile(r'src="data:image/[^"]*"')
    assert all("url(#" in picture.replace("%23", "#") for picture in pictures.findall(page) if "url(" in picture)
    assert "url(" not in pictures.sub("", page)


def test_the_stamp_can_be_read_by_machine_and_by_people(page):
    values = stamped_values(page)
    assert values["run_id"] == STAMP.run_id
    assert values["versions"] == "retention-lab 0.1.0, lifetimes 0.11.3"
    assert page.count(STAMP.data_hash) == 2


def test_the_moment_is_readable_and_the_machine_value_stays(page):
    assert stamped_values(page)["generated_at"] == STAMP.generated_at
    assert f'<time datetime="{STAMP.generated_at}">1 January 2026, 00:00 UTC</time>' in page


def test_a_moment_that_is_none_is_shown_as_it_is_and_escaped():
    assert time_html("<b>soon</b>", Words().formats.moment) == "&lt;b&gt;soon&lt;/b&gt;"
    assert made_html("<b>soon</b>", Words()) == "made &lt;b&gt;soon&lt;/b&gt;"


def test_the_footer_says_dates_as_people_do_and_how_long_the_report_took(page):
    footer = page[page.index("<footer") :]
    assert f'<dt>Data up to</dt><dd><time datetime="{STAMP.as_of}">30 June 1998</time></dd>' in footer
    assert '<dt>Time taken</dt><dd><span class="duration">51 seconds</span></dd>' in footer


@pytest.mark.parametrize(("language", "name"), [("en", "English"), ("nl", "Nederlands")])
def test_the_footer_names_the_language_in_its_own_words(language, name):
    shown = compose("Shop", ["<p>x</p>"], dataclasses.replace(STAMP, language=language), lang=language)
    assert f"<dd>{name}</dd>" in shown
    assert f'content="{language}"' in shown


def test_files_method_and_settings_stand_below_every_figure_and_table(page):
    files, method = (page.index(f'id="closing-{name}"') for name in ("files", "method"))
    settings = page.index("Every setting that can change a result")
    assert page.rindex("<figure") < files < method < settings < page.index("<footer")
    assert page.index("economics.gross_margin") > method
    assert 'href="#closing-files"' in page


def test_no_customer_is_named_on_the_page(page):
    ids = [customer for customer in fakes.summary().table["customer_id"] if customer.startswith("0")]
    assert not [customer for customer in ids if f">{customer}<" in page]
    assert "alert(" not in page


def test_no_code_and_no_authors_note_is_on_the_page(page):
    assert "study." not in page
    assert "open_study" not in page
    assert "Author's note" not in page


def test_without_money_the_page_speaks_of_orders_and_says_so(monkeypatch):
    html = page_of(monkeypatch, has_money=False)
    assert "no amounts of money" in html
    assert "US$" not in html
    assert "Residual value of the base" not in html


def test_without_a_back_test_the_page_says_why(monkeypatch):
    html = page_of(monkeypatch, tested=False)
    assert "not</strong> been put to the test" in html
    assert "A holdout of 39 weeks leaves too little to learn from in a window of 90 days." in html


def test_a_failure_stands_on_top_with_its_reason_escaped():
    html = compose("t", ["<section></section>"], STAMP, failure="ValueError: <b>no</b>")
    assert html.index('role="alert"') < html.index("<main")
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in html


def test_titles_and_stamps_are_escaped():
    hostile = dataclasses.replace(STAMP, name=fakes.HOSTILE)
    html = compose(report_title(fakes.HOSTILE), [], hostile)
    assert "<script" not in html
    assert stamped_values(html)["name"] == fakes.HOSTILE


def test_the_index_lists_reports_with_their_runs_and_escapes_them():
    entries = [
        IndexEntry("shop", "aaa", "shop/aaa/index.html", "1998-06-30", "2026-11-22T04:50:37+00:00", "latest"),
        IndexEntry("shop", "bbb", "shop/failed/bbb/index.html", None, "", "failed"),
        IndexEntry("<b>", "ccc", "x/ccc/index.html"),
    ]
    html = index_page(entries)
    made = '<time datetime="2026-11-22T04:50:37+00:00">made 22 November 2026, 04:50 UTC</time>'
    assert f'<a href="shop/aaa/index.html">aaa</a> · latest · data up to 30 June 1998 · {made}' in html
    assert "did not finish" in html
    assert "<b>" not in html
    assert "No report" in index_page([])
