"""What a page shows: sentences, tables, figures and cards as HTML with plain text beside it."""

from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from tests.report.sample import Study, small_study

from analysis.config import Config, config_from_mapping
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.report import page as module
from analysis.report.page import ROLE, Card, open_page
from analysis.report.stamp import SENTINEL
from analysis.words import Message, reader

HOSTILE = "<img src=x onerror=alert(1)>"
SAMPLE = {"transactions": {"sample": "cdnow"}}
LIFT = pd.DataFrame({"model": ["m"], "estimate": [4300.0], "lower": [3900.0], "upper": [5312.0]})


@pytest.fixture
def shown(monkeypatch):
    """Every output, in order: its data and what it is."""
    outputs = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, *, raw, metadata: outputs.append((data, metadata[ROLE]))
    )
    with reader("en", "USD"):
        yield outputs


@pytest.fixture
def page(shown):
    opened = open_page(small_study())
    shown.clear()
    return opened


def soup_of(shown) -> BeautifulSoup:
    return BeautifulSoup("".join(data.get("text/html", "") for data, _ in shown), "html.parser")


def test_sentences_are_html_with_plain_text_and_jupyterlabs_mathematics_leaves_them_alone(page, shown):
    page.title("What is a customer worth?")
    page.text("**{low:money} to {high:money}** for {name}", low=43053.0, high=53122.0, name=HOSTILE)
    page.text(Message("One."), Message("Two."))
    page.text()
    page.points([Message("a"), Message("b")])
    page.points([])
    page.note("{n:integer} row was left out", "{n:integer} rows were left out", n=2)
    assert [data["text/plain"] for data, _ in shown] == [
        "What is a customer worth?", f"US$43,053 to US$53,122 for {HOSTILE}", "One. Two.", "- a\n- b",
        "Note: 2 rows were left out",
    ]  # fmt: skip
    assert [said["role"] for _, said in shown] == ["title", "text", "text", "text", "text"]
    assert all(data["text/html"].startswith('<div class="rl mathjax_ignore">') for data, _ in shown)
    assert shown[0][1]["title"] == "What is a customer worth?"
    assert soup_of(shown).find("img") is None
    assert soup_of(shown).strong.text == "US$43,053 to US$53,122"


def test_what_is_not_known_says_why_once_in_its_place_and_the_page_goes_on(page, shown):
    for heading in ("Value", "Segments"):
        with page.section(heading):
            raise Unavailable("The data hold no amounts of money.")
    with page.section("Customers"):
        page.text("Still here.")
    tags = [(one.name, one.text) for one in soup_of(shown).find_all(["h2", "p"])]
    assert tags == [
        ("h2", "Value"), ("p", "The data hold no amounts of money."),
        ("h2", "Segments"), ("p", "Not known, for the reason given above."), ("h2", "Customers"), ("p", "Still here."),
    ]  # fmt: skip
    with pytest.raises(ZeroDivisionError), page.section("A mistake"):
        _ = 1 / 0


def test_a_figure_stands_under_its_sentence_with_alternative_text_and_its_data(page, shown):
    columns = {"model": "Model of {most:money}", "estimate": ("Difference", "bracketed money")}
    page.figure(
        lambda ax: ax.plot([1, 2]), "It brings {most:money}", most=4300.0, data=LIFT, columns=columns, height=3.0
    )
    page.figure(lambda ax: ax.plot([1]), Message("A sentence"), alt="What {who} sees", who=HOSTILE)
    first, second = soup_of(shown).find_all("figure")
    assert first.figcaption.text == first.img["alt"] == "It brings US$4,300"
    assert first.img["src"].startswith("data:image/svg+xml,")
    assert (first.img["width"], first.img["height"]) == ("720", "300")
    assert [cell.text for cell in first.details.find_all(["th", "td"])] == [
        "Model of US$4,300", "Difference", "m", "US$4,300 (US$3,900 to US$5,312)",
    ]  # fmt: skip
    assert second.img["alt"] == f"What {HOSTILE} sees"
    assert second.details is None
    open_page(small_study(), phone=True).figure(lambda ax: ax.plot([1, 2]), "Narrow")
    assert soup_of(shown).find_all("img")[-1]["width"] == "460"


def test_a_table_and_points_may_be_folded_behind_a_line(page, shown):
    page.table(LIFT, "{n:integer} model", "{n:integer} models", columns={"model": "Model"}, n=1)
    page.table(LIFT, Message("All models"), fold=True)
    page.points([Message("one"), Message("two")], behind=Message("What it rests on"))
    open_one, folded = soup_of(shown).find_all("table")
    assert open_one.caption.text == "1 model"
    assert folded.find_parent("details").summary.text == "All models"
    points = soup_of(shown).find_all("details")[1]
    assert points.summary.text == "What it rests on"
    assert [point.text for point in points.find_all("li")] == ["one", "two"]


def test_cards_show_a_figure_its_sentence_and_how_it_went(page, shown):
    trend = [Interval(value, value - 1, value + 2, 0.9) for value in (1000.0, 2000.0)]
    page.cards([Card(Message("Margin"), 203_456.0, detail=Message("so far"), trend=trend), Card(Message("None"), None)])
    first, second = soup_of(shown).dl.find_all("div")
    assert [part.text for part in first.find_all(["dt", "dd"])] == ["Margin", "US$200,000", "", "so far"]
    assert first.img["alt"] == "Margin: US$1,000 at first, US$2,000 now, over 2 runs"
    assert second.dd.text == "–"


def test_a_users_own_sentence_on_a_dutch_page_is_marked_as_english(shown):
    page = open_page(small_study("nl"))
    page.text("Nobody has translated this: {total:money}", total=1234.0)
    said = soup_of(shown[1:]).p.span
    assert (said["lang"], said.text) == ("en", "Nobody has translated this: US$\xa01.234")


def page_of(monkeypatch, sections):
    monkeypatch.setattr(module, "identity_of", lambda study: {})
    config = Config(**{"name": "shop", "data": SAMPLE} | sections)
    return open_page(Study(config=config, currency="USD"))


def test_margin_that_rests_on_unanswered_questions_is_marked_and_the_page_says_what_is_assumed(monkeypatch, shown):
    page = page_of(monkeypatch, {"contacts": {"incentive": 5}})
    worth = Interval(48_156.0, 40_000.0, 60_000.0, 0.9)
    page.text("Some {worth:estimate rounded_money}, probably {worth:range rounded_money}.", worth=worth)
    page.text("{worth:interval margin}, {worth:bracketed margin}; {each:margin} each.", worth=worth, each=20.43)
    page.text("{spent:money} was spent.", spent=12_000.0)
    page.finish(summary="Some $48,000†")
    _, marked, in_full, plain, told, _ = (data["text/plain"] for data, _ in shown)
    assert marked == "Some US$48,000†, probably US$40,000 to US$60,000†."
    assert in_full == (
        "US$48,156† (90% interval US$40,000 to US$60,000), US$48,156† (US$40,000 to US$60,000); US$20.43† each."
    )
    assert plain == "US$12,000 was spent."
    assert told == (
        "† This rests on what nobody has answered and is assumed: a margin of 30%, US$0 for an order and amounts "
        "without tax and shipping."
    )
    assert shown[-1][0][SENTINEL]["summary"].endswith(told)


def test_margin_is_not_marked_where_what_it_rests_on_is_answered(monkeypatch, shown):
    told = {"economics": {"gross_margin": 0.3, "cost_per_order": 0}}
    page = page_of(monkeypatch, told | {"data": SAMPLE | {"amount_includes": {"vat": 0}}})
    page.text("Some {worth:rounded_money}.", worth=48_156.0)
    page.finish(summary="In words")
    assert [data["text/plain"] for data, _ in shown] == ["", "Some US$48,000.", ""]
    assert shown[-1][0][SENTINEL] == {"stamp": {}, "summary": "In words"}


def test_margin_is_marked_where_nobody_said_whether_tax_is_in_the_amounts(monkeypatch, shown):
    page = page_of(monkeypatch, {"economics": {"gross_margin": 0.3, "cost_per_order": 0}})
    page.text("Some {worth:rounded_money}.", worth=48_156.0)
    page.finish()
    assert "Some US$48,000†." in [data["text/plain"] for data, _ in shown]


def test_a_configuration_that_was_written_out_keeps_what_was_assumed():
    written = config_from_mapping({"data": SAMPLE}, path=Path("a.yml")).model_dump(mode="json", exclude_none=True)
    written.pop("folder", None)
    assert len(config_from_mapping(written, path=Path("a.yml")).assumed) == 5
    answered = config_from_mapping(written, path=Path("a.yml"), overrides={"economics.gross_margin": 0.3})
    assert "economics.gross_margin" not in answered.assumed
    # A table of the spend answers what winning a customer costs.
    spend = {"file": "spend.csv", "columns": {"date": "month", "spend": "spend"}}
    config = Config(name="shop", data=SAMPLE | {"acquisition": spend})
    assert "economics.acquisition_cost" not in config.assumed
    assert "economics.gross_margin" in config.assumed
