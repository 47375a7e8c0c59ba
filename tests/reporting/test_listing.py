"""The list of all reports: its runs, and how their key figures went."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest
from tests.reporting import fakes
from tests.reporting.test_publish import finished

from analysis.interval import Interval
from analysis.models.results import as_plain
from analysis.reporting import listing, publish
from analysis.reporting.history import key_figures
from analysis.reporting.page import trend_lines
from analysis.reporting.results_json import results
from analysis.reporting.sparkline import HEIGHT, WIDTH, sparkline

CONTENT = as_plain(results(fakes.study()))


def content(worth=1000.0, alive=180.0, currency="EUR", day="1998-06-30"):
    """A results.json."""
    ends = {"estimate": alive, "lower": alive - 20, "upper": alive + 10, "level": 0.9}
    portfolio = CONTENT["portfolio"] | {"currency": currency, "customers_alive_intervals": {"BG/NBD": ends}}
    ends = {"estimate": worth, "lower": 0.8 * worth, "upper": 1.3 * worth, "level": 0.9}
    portfolio["residual_clv"] = ends
    return CONTENT | {"portfolio": portfolio, "data": CONTENT["data"] | {"observation_end": day}}


@pytest.fixture
def run(tmp_path):
    def run(number, again="", **figures):
        folder = finished(tmp_path / "shop", f"{number:>012}{again}", finished_at=f"2026-01-{number:>02}")
        (folder / "results.json").write_text(json.dumps(content(**figures)))
        publish.set_latest(tmp_path / "shop", folder.name)

    return run


def test_the_index_lists_reports_with_their_runs_and_escapes_names(tmp_path):
    finished(tmp_path / "shop", "0123456789ab", finished_at="2026-01-01", generated_at="<b>early</b>")
    finished(tmp_path / "shop", "ba9876543210", finished_at="2026-01-02", as_of="2025-12-31")
    finished(tmp_path / "shop" / "failed", "0123456789ab", finished_at="2026-01-03")
    finished(tmp_path / "shop", "scores")
    publish.set_latest(tmp_path / "shop", "ba9876543210")
    listing.write_index(tmp_path, "en")

    entries = listing.index_entries(tmp_path)
    assert [(entry.run_id, entry.status) for entry in entries] == [
        ("0123456789ab", "failed"),
        ("ba9876543210", "latest"),
        ("0123456789ab", "earlier"),
    ]
    page = (tmp_path / "index.html").read_text()
    assert "shop/failed/0123456789ab/index.html" in page
    assert "<b>early</b>" not in page


def test_a_manifest_that_cannot_be_read_is_left_out_of_the_index(tmp_path):
    run = finished(tmp_path / "shop", "0123456789ab")
    (run / publish.MANIFEST).write_text("{")
    assert listing.index_entries(tmp_path) == []


def test_the_index_shows_the_latest_figures_and_how_they_went(run, tmp_path):
    for number, worth in enumerate([1000, 3000, 2000], 1):
        run(number, worth=worth, alive=100 + number)
    listing.write_index(tmp_path, "en")
    page = (tmp_path / "index.html").read_text()
    assert "<dd>€2,000 (90% interval €1,600 to €2,600)</dd>" in page
    lines = re.findall(r"<svg.*?</svg>", page)
    assert len(lines) == 3
    label = "Residual value of the base over 3 runs: from €1,000 to €2,000, lowest €1,000, highest €3,000"
    assert f'role="img" aria-label="{label}"' in lines[0]
    assert "Customers still active under BG/NBD over 3 runs: from 101 to 103" in lines[1]


def test_runs_in_another_currency_failed_ones_and_unreadable_ones_are_no_part_of_a_line(run, tmp_path):
    run(1, currency="USD")
    run(2)
    run(3)
    finished(tmp_path / "shop", "abcabcabcabc", finished_at="2026-01-04")
    failed = finished(tmp_path / "shop" / "failed", "abcabcabcabc", finished_at="2026-01-05")
    (failed / "results.json").write_text(json.dumps(content()))
    found = listing.trends(tmp_path, listing.index_entries(tmp_path))
    assert [figures.currency for figures in found["shop"]] == ["EUR", "EUR"]


def test_only_the_newest_runs_are_drawn(run, tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "MOST_POINTS", 2)
    for number in (1, 2, 3):
        run(number, worth=1000.0 * number)
    found = listing.trends(tmp_path, listing.index_entries(tmp_path))
    assert [figures.residual_value.estimate for figures in found["shop"]] == [2000, 3000]


def test_a_run_for_an_earlier_day_that_was_made_later_stands_where_its_day_is(run, tmp_path):
    for number, day in ((1, "1998-06-30"), (2, "1998-04-30"), (3, "1998-05-31")):
        run(number, day=day)
    found = listing.trends(tmp_path, listing.index_entries(tmp_path))
    assert [figures.as_of.month for figures in found["shop"]] == [4, 5, 6]


def test_a_run_that_was_made_again_is_one_point(run, tmp_path):
    run("1")
    run("2")
    run("2", again="-2", worth=1000.0)
    found = listing.trends(tmp_path, listing.index_entries(tmp_path))
    assert len(found["shop"]) == 2


def test_one_run_has_figures_and_no_line():
    lines = trend_lines([key_figures(content())], "nl")
    assert [str(line) for _, _, line in lines] == ["", "", ""]
    assert lines[0][0] == "Resterende waarde van het klantenbestand"


def test_a_report_without_money_follows_its_customers(run):
    plain = content() | {"retention_lift": {"reason": "lift.reason.no_money", "readings": []}}
    plain["portfolio"] = plain["portfolio"] | {"residual_clv": None}
    (line,) = trend_lines([key_figures(plain)] * 2)
    assert line[0] == "Customers still active under BG/NBD"


class TestASparkline:
    def test_stays_inside_its_frame_and_goes_up_with_its_values(self):
        drawn = ET.fromstring(sparkline([around(5.0), around(-1.0), around(9.0)], "a < b"))
        assert drawn.attrib["aria-label"] == "a < b"
        points = points_of(drawn.find("polyline"))
        assert points[1][1] > points[0][1] > points[2][1]
        dot = drawn.find("circle").attrib
        assert (float(dot["cx"]), float(dot["cy"])) == points[-1]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points + points_of(drawn.find("polygon")))

    def test_lies_inside_the_band_of_its_intervals(self):
        drawn = ET.fromstring(sparkline([around(5.0, 1.0), around(6.0, 3.0)], "a"))
        line, band = points_of(drawn.find("polyline")), points_of(drawn.find("polygon"))
        above, below = band[:2], band[:1:-1]
        for (_, high), (_, middle), (_, low) in zip(above, line, below, strict=True):
            assert high < middle < low
        assert below[1][1] - above[1][1] == pytest.approx(3 * (below[0][1] - above[0][1]), abs=0.3)

    def test_of_a_figure_that_never_moved_is_level_in_the_middle(self):
        drawn = ET.fromstring(sparkline([around(3.0, 0.0)] * 2, "level"))
        assert {y for _, y in points_of(drawn.find("polyline"))} == {HEIGHT / 2}


def around(estimate, reach=0.5):
    return Interval(estimate, estimate - reach, estimate + reach, 0.9)


def points_of(element):
    return [tuple(map(float, pair.split(","))) for pair in element.attrib["points"].split()]
