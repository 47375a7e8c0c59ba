"""What changed since the last run and whether it is within the noise; which run that is; the list of all runs."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import yaml
from tests.report.test_folders import finished
from tests.test_golden import golden

from analysis.config import Config
from analysis.errors import Unavailable
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
        folder.mkdir(parents=True)
        content = golden("cdnow")
        for dotted, value in (results or {}).items():
            *above, leaf = dotted.split(".")
            part = content
            for name in above:
                part = part[name]
            part[leaf] = value
        (folder / "results.json").write_text(json.dumps(content))
        settings = study.config.model_dump(mode="json", exclude_none=True)
        for section, values in (config or {}).items():
            settings[section] = settings.get(section, {}) | values if isinstance(values, dict) else values
        (folder / "config.yml").write_text(yaml.safe_dump(settings))
        told = {
            "data_hash": study.data_hash,
            "generated_at": "2026-01-01T04:30:00+00:00",
            "finished_at": f"2026-01-{len(list(folder.parent.iterdir())):02}",
            "versions": dependency_versions(),
            "package": {"source_hash": package_hash()},
            "notebooks": HASHES,
            "previous_run": None,
        }
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

    def test_of_a_run_that_is_made_again_is_the_one_of_the_first_time(self, published):
        published("b" * 12, previous_run="a" * 12)
        report = published("c" * 12, previous_run="b" * 12).parent
        assert compared_with(report, "c" * 12, force=True) == "b" * 12
        assert compared_with(report, "b" * 12, force=True) is None  # a is gone
        assert compared_with(report, "d" * 12, force=True) == "c" * 12


class TestWhatChanged:
    def test_is_not_known_without_an_earlier_run(self, study, tmp_path):
        for previous in (None, tmp_path / "nowhere"):
            with pytest.raises(Unavailable, match="no earlier run"):
                changes_since(previous, study)

    def test_is_nothing_where_the_same_is_made_again(self, published, study):
        changes = changes_since(published(), study)
        assert sentences(changes) == ["Data: the same rows.", "Settings: the same.", "Program and versions: the same."]
        assert str(changes.headline).endswith("as in the last run.")
        assert {str(change) for change in changes.table["difference"]} == {"no change"}
        assert set(changes.table["within_noise"]) == {None, True}

    def test_is_told_for_new_data_and_for_another_last_day_of_the_same_rows(self, published, study):
        before = {"data.customers": 2347, "data.observation_end": "1998-05-31", "data.orders": 6000}
        first, second = (
            published(f"{number}" * 12, data_hash=data, results=before) for number, data in enumerate(("e", "d" * 64))
        )
        for folder in (first, second):
            assert sentences(changes_since(folder, study))[0] == (
                "Data: up to 30 June 1998, before up to 31 May 1998: 0 rows used, +696 orders, +10 customers."
            )

    def test_is_told_for_settings_with_both_values_and_not_for_what_changes_no_figure(self, published, study):
        config = {
            "economics": {"gross_margin": 0.25, "currency": "USD"},
            "customer_files": False,
            "deadline_minutes": 3.0,
        }
        found = changes_since(published(config=config | {"model": {"seed": 3}}), study)
        assert "Setting economics.gross_margin: 0.3, before 0.25." in sentences(found)
        assert {change.name for change in found.settings} == {"economics.gross_margin", "model.seed"}

    def test_of_files_is_told_by_their_names_alone(self, published, study):
        there = published(config={"data": {"transactions": ["../../a/one.csv", "/srv/two.csv"]}})
        moved = study.config.data.model_copy(update={"transactions": ["/new/one.csv", "/new/three.csv"]})
        study.config = study.config.model_copy(update={"data": moved})
        (change,) = changes_since(there, study).settings
        assert (change.before, change.now) == ("one.csv, two.csv", "one.csv, three.csv")

    def test_is_told_for_versions_the_program_and_verdicts(self, published, study):
        older = dependency_versions() | {"pandas": "3.0.0"}
        claims = [{"id": "twenty_bring_eighty", "verdict": "depends", "sentence": "x"}]
        claims.append({"id": "gone", "verdict": "supported", "sentence": "y"})
        there = published(versions=older, package={"source_hash": "0"}, results={"claims": claims})
        found = sentences(changes_since(there, study))
        assert (
            f"Versions: 1 package below the program differs: pandas 3.0.0 → {dependency_versions()['pandas']}." in found
        )
        assert any(sentence.startswith("Program: another version") for sentence in found)
        assert found[-1].endswith("now reads “contradicted”, before “depends”.")
        assert changes_since(published("1" * 12, notebooks=HASHES | {"00-summary": "0"}), study).program

    def test_says_whether_it_is_within_the_noise(self, published, study):
        now = golden("cdnow")["portfolio"]["residual_clv"]
        near = {name: value * (1 if name == "level" else 1.03) for name, value in now.items()}
        far = {name: value * (1 if name == "level" else 1.5) for name, value in now.items()}
        changes = changes_since(published("1" * 12, results={"portfolio.residual_clv": near}), study)
        assert "chance alone explains so small a difference" in str(changes.headline)
        rows = changes.table.set_index(changes.table["figure"].map(str))
        assert rows.loc["What your customers are still worth", "within_noise"] is True
        assert str(rows.loc["What your customers are still worth", "difference"]) == "−US$1,445 (−3%)"
        changes = changes_since(published("2" * 12, results={"portfolio.residual_clv": far}), study)
        assert str(changes.headline) == (
            "What your customers are still worth: US$48,000, before US$72,000; more than chance alone explains."
        )

    def test_of_money_in_another_currency_is_not_compared(self, published, study):
        other = published(results={"portfolio.currency": "EUR", "data.currency": "EUR"})
        assert not {"value", "value_each"} & set(changes_since(other, study).pairs)

    def test_follows_a_figure_through_the_runs_by_their_last_day(self, published, study):
        for number, day in ((1, "1998-05-31"), (2, "1998-03-31"), (3, "1998-04-30")):
            worth = {"estimate": 1000.0 * number, "lower": 1.0, "upper": 9000.0, "level": 0.9}
            results = {"data.observation_end": day, "portfolio.residual_clv": worth}
            folder = published(f"{number}" * 12, results=results)
        published("3" * 12 + "-2", results=results)  # made again: the same point
        published("9" * 12, results={"portfolio.currency": "EUR", "data.currency": "EUR"})
        trend = changes_since(folder, study).trend("value")
        assert [round(value.estimate) for value in trend] == [2000, 3000, 1000, 48156]
        assert [value.upper for value in changes_since(folder, study).trend("customers")] == [2357] * 4


class TestTheListOfRuns:
    def test_holds_every_run_with_how_it_ended_and_escapes_names(self, tmp_path):
        finished(tmp_path / "shop", "0123456789ab", finished_at="2026-01-01", generated_at="<b>early</b>")
        finished(tmp_path / "shop", "ba9876543210", finished_at="2026-01-02", as_of="2025-12-31")
        finished(tmp_path / "shop" / "failed", "0123456789ab", finished_at="2026-01-03")
        finished(tmp_path / "shop", "scores")
        broken = finished(tmp_path / "shop", "abcdefabcdef")
        (broken / folders.MANIFEST).write_text("{")
        folders.set_latest(tmp_path / "shop", "ba9876543210")
        compare.write_index(tmp_path, "en")

        (report,) = compare.reports_in(tmp_path)
        assert [(run.run_id, run.status) for run in report.runs] == [
            ("0123456789ab", "failed"),
            ("ba9876543210", "latest"),
            ("0123456789ab", "earlier"),
        ]
        page = (tmp_path / "index.html").read_text()
        assert "shop/failed/0123456789ab/index.html" in page
        assert "<b>early</b>" not in page

    def test_shows_how_key_figures_went(self, published, tmp_path):
        for number in (1, 2):
            worth = {"estimate": 1000.0 * number, "lower": 900.0, "upper": 3000.0, "level": 0.9}
            folder = published(f"{number}" * 12, results={"portfolio.residual_clv": worth})
        assert not compare.is_listed(tmp_path, folder)
        compare.write_index(tmp_path, "en")
        assert compare.is_listed(tmp_path, folder)
        (report,) = compare.reports_in(tmp_path)
        assert report.currency == "USD"
        assert [value.estimate for value in report.figures[0].values] == [1000, 2000]
        assert "US$2,000" in (tmp_path / "index.html").read_text()

    def test_draws_only_the_newest_runs(self, published, tmp_path, monkeypatch):
        monkeypatch.setattr(compare, "MOST_POINTS", 2)
        for number in (1, 2, 3):
            published(f"{number}" * 12, results={"data.orders": 6000 + number})
        (report,) = compare.reports_in(tmp_path)
        assert len(report.figures[0].values) == 2
