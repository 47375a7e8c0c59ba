import re

from tests.reporting.fakes import HOSTILE

from analysis.interval import Interval
from analysis.reporting.tables import Column, Table, interval_columns, table_html
from analysis.reporting.words import Words


def rendered(rows, columns=None, **options) -> str:
    columns = columns or [Column("column.model"), Column("column.customers", "integer")]
    return str(table_html(Table("figure.alive.data", columns, rows, **options), Words("en", "EUR")))


def test_a_table_has_a_caption_and_scopes_for_rows_and_columns():
    html = rendered([["BG/NBD", 2357]])
    assert "<caption" in html
    assert html.count('scope="col"') == 2
    assert html.count('scope="row"') == 1


def test_a_wide_table_scrolls_by_itself_and_can_be_reached_by_keyboard():
    html = rendered([["BG/NBD", 2357]])
    assert re.search(r'<div class="rl-scroll" role="group" tabindex="0" aria-label="[^"]+">', html)


def test_numbers_are_formatted_and_aligned_as_numbers():
    html = rendered([["BG/NBD", 2357]])
    assert '<td class="rl-number">2,357</td>' in html
    assert '<th class="rl-text" scope="row">BG/NBD</th>' in html


def test_hostile_cells_and_captions_are_escaped():
    html = rendered([[HOSTILE, 1]])
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_missing_cells_are_shown_as_missing():
    assert '<td class="rl-number">–</td>' in rendered([["x", None]])
    assert '<td class="rl-number">–</td>' in rendered([["x", float("nan")]])


def test_labels_are_sentences_of_the_catalogue():
    columns = [Column("column.parameter", "label"), Column("column.meaning", "label")]
    html = rendered([[("value.text", {"value": "r"}), "meaning.r"]], columns)
    assert ">r</th>" in html
    assert "how alike customers are" in html


def test_an_interval_takes_two_columns_with_its_level_in_the_head():
    columns = [Column("column.model"), *interval_columns("column.residual_value", "money", 0.9)]
    html = rendered([["all", *[Interval(1200.0, 1000.0, 1400.0, 0.9)] * 2]], columns)
    assert ">€1,200</td>" in html
    assert ">€1,000 to €1,400</td>" in html
    assert "90% interval" in html


def test_an_interval_in_brackets_is_a_part_of_its_own_that_can_go_below_its_estimate():
    shown = Interval(1200.0, 1000.0, 1400.0, 0.9)
    cell = '<td class="rl-number">€1,200 <span class="rl-interval">(€1,000 to €1,400)</span></td>'
    for kind, value in (("bracketed money", shown), ("mixed", ("bracketed money", shown))):
        columns = [Column("column.model"), Column("column.residual_value", kind)]
        assert cell in rendered([["all", value]], columns)
    columns = [Column("column.model"), Column("column.residual_value", "bracketed money")]
    assert '<td class="rl-number">–</td>' in rendered([["all", None]], columns)


def test_a_long_label_gets_room_for_several_words_a_line():
    html = rendered([["Customers of today who are still there", 1], ["BG/NBD", 2]])
    assert '<th class="rl-text rl-long" scope="row">Customers of today' in html
    assert '<th class="rl-text" scope="row">BG/NBD' in html


def test_the_total_is_marked():
    html = rendered([["a", 1], ["sum", 1]], total=True)
    assert html.count('<tr class="rl-total">') == 1
    assert html.index("sum") > html.index("rl-total")
