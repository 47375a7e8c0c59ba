"""Wide tables in a real browser: whole on paper, and on a screen with a shade where they go on."""

import pytest
from tests.reporting.browser import DESK, PHONE, launched, visit

from analysis.interval import Interval
from analysis.reporting.page import compose
from analysis.reporting.stamp import Stamp
from analysis.reporting.tables import Column, Table, table_html
from analysis.reporting.words import Saying, Words

A4 = {"width": 673, "height": 986}
STAMP = Stamp("0123456789ab", "shop", "c" * 64, "d" * 64, "1998-06-30", "nl", generated_at="2026-01-01T00:00:00Z")
SHOWN = """() => {
    const place = document.querySelector(".rl-scroll"), table = place.querySelector("table")
    const label = place.querySelector("tbody th"), style = getComputedStyle(place)
    return {place: place.clientWidth, table: table.offsetWidth, label: label.offsetWidth, shade: style.backgroundImage}
}"""


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def page(tmp_path):
    """A page of one table as wide as that of the strategies at the horizon, or wider."""

    def made(strategies):
        words = Words("nl", "USD")
        named = [Saying("strategies.name.own", {"name": f"Strategie nummer {place}"}) for place in range(strategies)]
        columns = [Column("column.measure", "label")]
        columns += [Column("column.of_strategy", "bracketed money", {"strategy": name}) for name in named]
        cells = [Interval(49_062.0, 44_653.0, 53_404.0, 0.9)] * strategies
        table = Table("table.strategy_states.caption", columns, [["strategies.measure.margin", *cells]],
                      {"weeks": 157, "level": 0.9})  # fmt: skip
        file = tmp_path / "page.html"
        file.write_text(compose("Shop", [str(table_html(table, words))], STAMP, lang="nl"), encoding="utf-8")
        return file

    return made


def seen(browser, file, media="screen", **options):
    with visit(browser, file, **options) as visited:
        visited.page.emulate_media(media=media)
        return visited.page.evaluate(SHOWN)


@pytest.mark.parametrize("strategies", [4, 6])
def test_a_table_is_whole_on_paper(browser, page, strategies):
    shown = seen(browser, page(strategies), media="print", window=A4)
    assert shown["table"] <= A4["width"]
    assert shown["shade"] == "none"


def test_the_table_of_four_strategies_fits_a_desk_and_its_labels_keep_several_words_a_line(browser, page):
    shown = seen(browser, page(4), window=DESK)
    assert shown["table"] <= shown["place"]
    assert shown["label"] >= 140


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", [DESK, PHONE], ids=["desk", "phone"])
def test_a_table_that_scrolls_has_a_shade_at_its_side(browser, page, window, scheme):
    shown = seen(browser, page(8), window=window, scheme=scheme)
    assert shown["table"] > shown["place"]
    assert shown["shade"].count("linear-gradient") == 4
