"""What changed since the last run and whether it is within the noise; which run that is; the list of all runs."""

import json
from types import SimpleNamespace

import pytest
import yaml
from bs4 import BeautifulSoup
from tests.conftest import put
from tests.report.test_folders import finished
from tests.test_golden import golden

from analysis.config import Config
from analysis.pipeline import notebooks_folder
from analysis.pipeline.sources import dependency_versions, package_hash
from analysis.report import compare, folders
from analysis.report.compare import changes_since, compared_with, notebook_hashes
from analysis.words import reader

HASHES = notebook_hashes(list(notebooks_folder().glob("*.ipynb")))


@pytest.fixture
def study(monkeypatch):
    """A study whose results are those of the golden file."""
    monkeypatch.setattr("analysis.report.results.results", lambda study: golden("cdnow"))
    config = Config(name="shop", data={"transactions": {"sample": "cdnow"}}, economics={"currency": "USD"})
    with reader("en", "USD"):
        yield SimpleNamespace(config=config, data_hash="d" * 64)


@pytest.fixture
def published(tmp_path, study):
    """A run as it is published, with some of its content replaced."""

    def published(run_id="0" * 12, *, results=None, config=None, **manifest):
        folder = tmp_path / "shop" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        content = golden("cdnow")
        for dotted, value in (results or {}).items():
            put(content, dotted, value)
        (folder / "results.json").write_text(json.dumps(content))
        settings = study.config.model_dump(mode="json", exclude_none=True)
        for section, values in (config or {}).items():
            settings[section] = settings.get(section, {}) | values if isinstance(values, dict) else values
        (folder / "config.yml").write_text(yaml.safe_dump(settings))
        told = {
            "data_hash": study.data_hash, "generated_at": "2026-01-01T04:30:00+00:00",
            "finished_at": f"2026-01-{len(list(folder.parent.iterdir())):02}", "versions": dependency_versions(),
            "package": {"source_hash": package_hash()}, "notebooks": HASHES, "previous_run": None,
        }  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(told | manifest))
        folders.set_latest(folder.parent, run_id)
        return folder

    return published


def sentences(changes):
    return [str(reason).replace("\N{NO-BREAK SPACE}", " ") for reason in changes.reasons]


class TestTheRunToCompareWith:
    def test_is_the_one_that_latest_points_to(self, published, tmp_path):
        assert compared_with(tmp_path / "shop", "c" * 12, force=False) is None
        published("a" * 12)
        report = published("b" * 12).parent
        assert compared_with(report, "c" * 12, force=False) == "b" * 12

    def test_is_none_where_its_results_cannot_be_read(self, published):
        folder = published()
        for content in ("{}", "[]", "[" * 100_000, '{"data": {"customers": "many"}}'):
            (folder / "results.json").write_text(content)
            assert compared_with(folder.parent, "c" * 12, force=False) is None

    @pytest.mark.parametrize("damage", [
        {"results": {"ladder": {"member_orders": "3"}}},
        {"config": {"ladder": "3"}},
        {"config": {"model": {"previous_primary": 7}}},
        {"results": {"data.rows_used": "all"}},
        {"results": {"data.currency": ["USD"], "portfolio.currency": None}},
        {"results": {"claims": ["yes"]}},
        {"results": {"portfolio.residual_clv": [1, 2, 3]}},
        {"package": ["source_hash"]},
    ])  # fmt: skip
    def test_is_none_where_it_holds_what_no_run_writes(self, published, damage):
        assert compared_with(published(**damage).parent, "c" * 12, force=False) is None

    def test_of_a_run_that_is_made_again_is_the_one_of_the_first_time(self, published):
        published("b" * 12, previous_run="a" * 12)
        report = published("c" * 12, previous_run="b" * 12).parent
        assert compared_with(report, "c" * 12, force=True) == "b" * 12
        assert compared_with(report, "b" * 12, force=True) is None  # a is gone
        assert compared_with(report, "d" * 12, force=True) == "c" * 12


class TestWhatChanged:
    def test_is_nothing_where_the_same_is_made_again_and_not_known_without_an_earlier_run(
        self, published, study, tmp_path
    ):
        changes = changes_since(published(), study)
        compared = "Compared with run 000000000000, from data up to 30 June 1998."
        assert sentences(changes) == [compared, "Data: the same rows."]
        assert str(changes.headline).endswith("as in the last run.")
        for previous in (None, tmp_path / "nowhere"):
            changes = changes_since(previous, study)
            assert "no earlier run" in str(changes.headline)
            assert sentences(changes) == changes.trend("value") == []

    def test_is_told_for_new_data_and_for_another_last_day_of_the_same_rows(self, published, study):
        before = {"data.customers": 2347, "data.observation_end": "1998-05-31", "data.orders": 6000}
        first, second = (
            published(f"{number}" * 12, data_hash=data, results=before) for number, data in enumerate(("e", "d" * 64))
        )
        for folder in (first, second):
            assert sentences(changes_since(folder, study))[1] == ("Data: 0 rows used, +696 orders, +10 customers.")
        told = "Data: as many orders as before, but other rows, or other tables or lots beside them."
        assert sentences(changes_since(published("f" * 12, data_hash="e" * 64), study))[1] == told

    def test_is_told_for_settings_and_not_for_what_changes_no_figure(self, published, study):
        config = {"economics": {"gross_margin": 0.25, "currency": "USD"}, "model": {"seed": 3}}
        found = changes_since(published(config=config | {"customer_files": False, "deadline_minutes": 3.0}), study)
        assert "Settings: 2 differ (config.yml)." in sentences(found)
        assert found.settings == ("economics.gross_margin", "model.seed")

    @pytest.mark.parametrize(("file", "differing"), [("two.csv", ()), ("three.csv", ("data.transactions",))])
    def test_of_files_is_told_by_their_names_alone(self, published, study, file, differing):
        there = published(config={"data": {"transactions": ["../../a/one.csv", "/srv/two.csv"]}})
        moved = study.config.data.model_copy(update={"transactions": ["/new/one.csv", f"/new/{file}"]})
        study.config = study.config.model_copy(update={"data": moved})
        assert changes_since(there, study).settings == differing

    @pytest.mark.parametrize("older", [
        {"versions": dependency_versions() | {"pandas": "3.0.0"}},
        {"package": {"source_hash": "0"}},
        {"notebooks": HASHES | {"00-summary": "0"}},
    ])  # fmt: skip
    def test_is_told_for_the_program_and_what_it_is_made_of(self, published, study, older):
        assert sentences(changes_since(published(**older), study))[-1].startswith("Program: another version")

    def test_is_told_for_the_model_of_ordering_without_its_name_and_for_verdicts(self, published, study):
        claims = [{"id": "twenty_bring_eighty", "verdict": "depends", "sentence": "x"}]
        claims.append({"id": "gone", "verdict": "supported", "sentence": "y"})
        before = published(results={"purchase_model.name": "MBG/NBD", "claims": claims})
        worth = golden("cdnow")["portfolio"]["by_model"]
        change = worth["BG/NBD"]["residual_clv"]["estimate"] / worth["MBG/NBD"]["residual_clv"]["estimate"] - 1
        forecast, verdicts = sentences(changes_since(before, study))[-2:]
        assert forecast.startswith("Forecast: it follows another model of ordering, which the settings name, or")
        assert forecast.endswith(f" That alone moves the total by {100 * change:+.0f}%.")
        assert verdicts == "Verdicts: 1 claim now reads otherwise; see the page on retention and profit."

    def test_says_whether_it_is_within_the_noise(self, published, study):
        now = golden("cdnow")["portfolio"]["residual_clv"]
        told = []
        for times in (1.03, 1.5):
            worth = {name: value * (1 if name == "level" else times) for name, value in now.items()}
            told.append(str(changes_since(published(results={"portfolio.residual_clv": worth}), study).headline))
        assert "chance alone explains so small a difference" in told[0]
        assert told[1] == (
            "What your customers are still worth: US$48,000, before US$72,000; more than chance alone explains."
        )

    def test_follows_a_figure_through_the_runs_by_their_last_day(self, published, study):
        for number, day in ((1, "1998-05-31"), (2, "1998-03-31"), (3, "1998-04-30")):
            worth = {"estimate": 1000.0 * number, "lower": 1.0, "upper": 9000.0, "level": 0.9}
            results = {"data.observation_end": day, "portfolio.residual_clv": worth}
            folder = published(f"{number}" * 12, results=results)
        published("3" * 12 + "-2", results=results)  # made again: the same point
        other = published("9" * 12, results={"portfolio.currency": "EUR", "data.currency": "EUR"})
        assert str(changes_since(other, study).headline).startswith("Orders to come")  # other money is not compared
        trend = changes_since(folder, study).trend("value")
        assert [round(value.estimate) for value in trend] == [2000, 3000, 1000, 48156]
        assert [value.upper for value in changes_since(folder, study).trend("customers")] == [2357] * 4


class TestTheListOfRuns:
    def listed(self, out):
        compare.write_index(out, "en")
        return BeautifulSoup((out / "index.html").read_text(encoding="utf-8"), "html.parser")

    def test_holds_every_run_with_how_it_ended_and_escapes_names(self, tmp_path):
        assert "No report has been made here yet." in self.listed(tmp_path).text
        finished(tmp_path / "shop", "0123456789ab", finished_at="2026-01-01", generated_at="<b>early</b>")
        finished(tmp_path / "shop", "ba9876543210", finished_at="2026-01-02", as_of="2025-12-31")
        finished(tmp_path / "shop" / "failed", "0123456789ab", finished_at="2026-01-03")
        finished(tmp_path / "shop", "scores")
        broken = finished(tmp_path / "shop", "abcdefabcdef")
        (broken / folders.MANIFEST).write_text("{")
        folders.set_latest(tmp_path / "shop", "ba9876543210")
        page = self.listed(tmp_path)
        assert [item.text.strip() for item in page.find_all("li")] == [
            "0123456789ab: did not finish",
            "ba9876543210: latest, data up to 31 December 2025",
            "0123456789ab: earlier, made <b>early</b>",
        ]
        assert page.a["href"] == "shop/failed/0123456789ab/index.html"
        assert page.dl is None

    def test_shows_how_key_figures_of_the_newest_runs_went(self, published, tmp_path, monkeypatch):
        monkeypatch.setattr(compare, "MOST_POINTS", 2)
        for number in (0, 1, 2):
            worth = {"estimate": 1000.0 * number, "lower": 900.0, "upper": 3000.0, "level": 0.9}
            folder = published(f"{number}" * 12, results={"portfolio.residual_clv": worth})
        assert not compare.is_listed(tmp_path, folder)
        page = self.listed(tmp_path)
        assert compare.is_listed(tmp_path, folder)
        assert [part.text for part in page.find_all("dd")[:3]] == ["US$2,000", "", "(US$900 to US$3,000)"]
        assert page.img["alt"].endswith(": US$1,000 at first, US$2,000 now, over 2 runs")

    def test_shows_the_interval_of_the_page_which_allows_for_how_far_forecasts_missed(self, published, tmp_path):
        wide = {"estimate": 1000.0, "lower": 500.0, "upper": 3000.0, "level": 0.9}
        published(results={"portfolio.calibrated": {"money": wide, "orders": wide}})
        assert "(US$500 to US$3,000)" in self.listed(tmp_path).text
