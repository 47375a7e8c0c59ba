"""Frames as tables: header scope, aligned digits, intervals from cells or rows, hostile text, what is cut."""

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from analysis.interval import Interval
from analysis.tables import escape_formulas, table_html
from analysis.words import Message, reader

HOSTILE = "<script>alert('x')</script>"


def cells_of(html: str) -> list[list[str]]:
    rows = BeautifulSoup(html, "html.parser").find_all("tr")
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in rows]


def test_a_table_has_a_caption_header_scopes_and_sides():
    frame = pd.DataFrame({"name": ["a", "b"], "orders": [1, 2000], "unused": [0, 0]})
    html = table_html(frame, Message("Orders"), {"name": "Name", "orders": "Orders of {n:integer}"}, {"n": 2})
    table = BeautifulSoup(html, "html.parser").table
    assert table.caption.text == "Orders"
    assert [cell["scope"] for cell in table.find_all("th")] == ["col", "col", "row", "row"]
    assert [cell["class"] for cell in table.tbody.tr.find_all(["th", "td"])] == [["rl-text"], ["rl-number"]]
    assert cells_of(html) == [["Name", "Orders of 2"], ["a", "1"], ["b", "2,000"]]


def test_intervals_come_from_cells_from_their_own_columns_or_from_those_of_the_row():
    frame = pd.DataFrame({
        "model": ["m"], "estimate": [0.2], "lower": [0.1], "upper": [0.3], "level": [0.9],
        "value": [12.0], "value_lower": [10.0], "value_upper": [15.0], "cell": [Interval(1000.0, 900.0, 1200.0, 0.9)],
    })  # fmt: skip
    columns = {
        "model": "Model", "estimate": ("Lift", "interval percent"), "value": ("Value", "range money"),
        "cell": ("Money", "bracketed money"),
    }  # fmt: skip
    with reader("en", "EUR"):
        _, row = cells_of(table_html(frame, columns=columns))
    assert row == ["m", "20% (90% interval 10% to 30%)", "€10.00 to €15.00", "€1,000 (€900 to €1,200)"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT, pd.NA])
def test_what_is_missing_is_a_dash(missing):
    frame = pd.DataFrame({"name": ["a"], "value": pd.Series([missing], dtype=object)})
    for kind in ("money", "bracketed money", "text"):
        assert cells_of(table_html(frame, columns={"name": "Name", "value": ("Value", kind)}))[1] == ["a", "–"]


def test_an_estimate_without_an_interval_stands_alone():
    frame = pd.DataFrame({"name": ["mu"], "coef": [56.88], "lower": [np.nan], "upper": [np.nan]})
    html = table_html(frame, columns={"name": "Name", "coef": ("Estimate", "bracketed decimal3")})
    assert cells_of(html)[1] == ["mu", "56.880"]


def test_cells_without_a_kind_are_shown_by_their_type():
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-01-31"]), "orders": [1200], "share": [0.12345], "spent": [1234.567],
            "active": [True], "said": [Message("a **b**")],
        },
        index=pd.Index(["c1"], name="customer"),
    )  # fmt: skip
    assert cells_of(table_html(frame))[1] == ["c1", "31 January 2026", "1,200", "0.1235", "1,234.6", "yes", "a b"]


def test_a_bare_index_without_a_name_gives_no_header_cell_that_says_nothing():
    html = table_html(pd.DataFrame({"x": [1.0, 2.0]}).describe())
    assert "<th></th>" not in html
    assert cells_of(html)[1] == ["count", "2.0000"]


def test_hostile_text_stays_text():
    frame = pd.DataFrame({HOSTILE: [HOSTILE], "b": [HOSTILE]}, index=pd.Index([HOSTILE], name=HOSTILE + "i"))
    for html in (table_html(frame), table_html(frame, Message("{x}", x=HOSTILE), {"b": ("B", "code")})):
        assert "<script" not in html


def test_a_long_table_says_what_it_leaves_out_and_a_wide_one_scrolls_by_itself():
    long = table_html(pd.DataFrame({"n": range(5000)}), Message("All"), most=3)
    assert "All The first 3 of 5,000 rows." in long
    assert len(cells_of(long)) == 4
    assert "tabindex" not in long
    wide = BeautifulSoup(table_html(pd.DataFrame({f"column{i}": [12345] for i in range(9)})), "html.parser")
    assert wide.find(role="group")["tabindex"] == "0"


def test_columns_of_two_levels_and_periods_are_shown():
    frame = pd.DataFrame({("a", "x"): [1]}, index=pd.PeriodIndex(["2026-01"], freq="M", name="cohort"))
    assert cells_of(table_html(frame)) == [["cohort", "a x"], ["2026-01", "1"]]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_texts_cannot_start_a_formula_in_a_spreadsheet(text):
    frame = pd.DataFrame({"customer_id": [text, "007", None], text: [-1.5, 2.0, 3.0]})
    escaped = escape_formulas(frame)
    assert escaped["customer_id"].tolist()[:2] == [f"'{text}", "007"]
    assert list(escaped.columns) == ["customer_id", f"'{text}"]
    assert escaped[f"'{text}"].tolist() == [-1.5, 2.0, 3.0]
    assert frame["customer_id"].tolist()[0] == text
