"""What changed since the last run: which run that is, what differs, and how it is said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from markupsafe import Markup
from tests.reporting import fakes

from analysis.interval import Interval
from analysis.models.results import as_plain
from analysis.provenance import dependency_versions, files_hash, package_hash
from analysis.reporting.changes import changes_since
from analysis.reporting.exhibits import changes as show
from analysis.reporting.exhibits import summary
from analysis.reporting.history import compared_with, earlier_run, figures_of
from analysis.reporting.mail import said
from analysis.reporting.results_json import results
from analysis.reporting.tables import table_html
from analysis.reporting.words import Words

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
HASHES = {path.stem: files_hash([path], path.parent) for path in NOTEBOOKS.glob("*.ipynb")}


@pytest.fixture
def study():
    return fakes.study()


@pytest.fixture
def published(tmp_path, study):
    """A run as it is published, with some of its content replaced."""

    def published(run_id="0" * 12, *, results_differ=None, config=None, latest=True, **manifest) -> Path:
        report = tmp_path / "shop"
        folder = report / run_id
        folder.mkdir(parents=True)
        content = as_plain(results(study))
        for dotted, value in (results_differ or {}).items():
            *parts, leaf = dotted.split(".")
            part = content
            for name in parts:
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
            "versions": dependency_versions(),
            "package": {"source_hash": package_hash()},
            "notebooks": HASHES,
            "previous_run": None,
        }
        (folder / "manifest.json").write_text(json.dumps(told | manifest))
        if latest:
            (report / "latest").unlink(missing_ok=True)
            (report / "latest").symlink_to(run_id)
        return folder

    return published


def sentences(changes, language="en", currency="USD"):
    words = Words(language, currency)
    return [said(reason, words).replace("\N{NO-BREAK SPACE}", " ") for reason in show.reasons(changes)]


class TestTheRunToCompareWith:
    def test_is_the_one_that_latest_points_to(self, published):
        published("a" * 12)
        report = published("b" * 12).parent
        assert compared_with(report, "c" * 12, force=False) == "b" * 12

    def test_is_none_for_the_first_run_and_none_where_its_results_cannot_be_read(self, published, tmp_path):
        assert compared_with(tmp_path / "shop", "c" * 12, force=False) is None
        folder = published()
        (folder / "results.json").write_text("{}")
        assert compared_with(folder.parent, "c" * 12, force=False) is None

    def test_of_a_run_that_is_made_again_is_the_one_of_the_first_time(self, published):
        published("a" * 12)
        published("b" * 12, previous_run="a" * 12)
        report = published("c" * 12, previous_run="b" * 12).parent
        assert compared_with(report, "b" * 12, force=True) == "a" * 12
        assert compared_with(report, "a" * 12, force=True) is None
        assert compared_with(report, "d" * 12, force=True) == "c" * 12

    def test_that_is_gone_is_not_compared_with(self, published):
        report = published("b" * 12, previous_run="a" * 12).parent
        assert compared_with(report, "b" * 12, force=True) is None


class TestWhatChanged:
    def test_is_nothing_where_the_same_is_made_again(self, published, study):
        changes = changes_since(published(), study)
        assert changes.same_data
        assert (changes.settings, changes.versions, changes.program, changes.verdicts) == ((), (), False, {})
        assert sentences(changes) == ["Data: the same rows.", "Settings: the same.", "Program and versions: the same."]
        assert [said(one, Words()) for one in show.card_changes(changes).values()] == ["as in the last run"] * 6

    def test_is_told_for_new_data(self, published, study):
        before = {
            "data.customers": 380,
            "data.observation_end": "1998-05-31",
            "data.orders": 6000,
            "data.rows_used": 6200,
        }
        (data, *_) = sentences(changes_since(published(data_hash="e" * 64, results_differ=before), study))
        assert data == (
            "Data: up to 30 June 1998, before up to 31 May 1998: +719 rows used, +696 orders, +20 customers."
        )

    def test_is_told_for_another_last_day_of_the_same_rows(self, published, study):
        before = {"data.observation_end": "1998-05-31", "data.orders": 6000}
        (data, *_) = sentences(changes_since(published(results_differ=before), study))
        assert data == "Data: up to 30 June 1998, before up to 31 May 1998: 0 rows used, +696 orders, 0 customers."

    def test_is_not_told_of_what_changes_no_figure(self, published, study):
        found = changes_since(published(config={"customer_files": False}), study)
        assert found.settings == ()

    def test_is_told_for_settings_with_both_values(self, published, study):
        config = {"economics": {"gross_margin": 0.25, "currency": "EUR"}, "deadline_minutes": {}}
        found = changes_since(published(config=config), study)
        assert "Setting economics.gross_margin: 0.3, before 0.25." in sentences(found)
        assert "Setting economics.currency: not set, before EUR." in sentences(found)
        assert not [change for change in found.settings if "deadline" in change.name]

    def test_of_files_is_told_by_their_names_alone(self, published, study):
        there = published(config={"data": {"transactions": ["../../a/one.csv", "/srv/two.csv"]}})
        moved = {"data": study.config.data.model_copy(update={"transactions": ["/new/one.csv", "/new/three.csv"]})}
        study.config = study.config.model_copy(update=moved)
        (change,) = changes_since(there, study).settings
        assert (change.before, change.now) == ("one.csv, two.csv", "one.csv, three.csv")

    def test_of_a_folder_that_moved_is_nothing(self, published, study):
        shop = {"transactions": "/srv/old/orders.csv", "columns": {"customer": "c", "date": "d"}}
        there = published(config={"data": shop})
        study.config = study.config.model_copy(
            update={"data": study.config.data.model_copy(update={"transactions": "/srv/new/orders.csv"})}
        )
        assert [change.name for change in changes_since(there, study).settings] == [
            "data.columns.customer",
            "data.columns.date",
        ]

    def test_is_told_for_versions_and_the_program(self, published, study):
        older = dependency_versions() | {"pandas": "3.0.0"}
        found = sentences(changes_since(published(versions=older, package={"source_hash": "0"}), study))
        assert (
            f"Versions: 1 package below the program differs: pandas 3.0.0 → {dependency_versions()['pandas']}." in found
        )
        assert any(sentence.startswith("Program: another version") for sentence in found)
        assert changes_since(published("1" * 12, notebooks=HASHES | {"06-summary": "0"}), study).program

    def test_is_told_for_a_verdict(self, published, study):
        claims = [{"id": "twenty_bring_eighty", "verdict": "depends"}, {"id": "gone", "verdict": "supported"}]
        found = sentences(changes_since(published(results_differ={"claims": claims}), study))
        (verdict,) = [sentence for sentence in found if sentence.startswith("Verdict")]
        assert verdict.endswith("now reads “supported”, before “depends”.")

    def test_is_said_in_dutch(self, published, study):
        before = {"data.customers": 380, "data.observation_end": "1998-05-31"}
        config = {"economics": {"gross_margin": 0.25}}
        found = changes_since(published(results_differ=before, config=config, data_hash="e"), study)
        data, setting, *_ = sentences(found, "nl")
        assert data == (
            "Gegevens: tot en met 30 juni 1998, eerder tot en met 31 mei 1998: "
            "0 gebruikte rijen, 0 bestellingen, +20 klanten."
        )
        assert setting == "Instelling economics.gross_margin: 0.3, eerder 0.25."


class TestFigures:
    def test_stand_side_by_side_with_their_difference(self, published, study):
        worth = study.value.residual_clv.estimate
        before = {"portfolio.residual_clv.estimate": worth / 1.25, "data.customers": 500}
        changes = changes_since(published(results_differ=before), study)
        html = table_html(show.figures_table(changes), Words("en", "USD"))
        assert Words("en", "USD").format("bracketed money", study.value.residual_clv) in Markup(html).striptags()
        assert "−100 (−20%)" in html
        assert "(+25%)" in html
        cards = summary.cards(study.transactions, study.purchase, study.value, changes)
        told = {card.label: said(card.change, Words("en", "USD")) for card in cards}
        assert told["card.customers"] == "−100 (−20%) since the last run"
        assert told["card.value"].endswith("(+25%) since the last run")
        assert told["card.orders"] == "as in the last run"

    def test_of_amounts_without_cents_differ_without_cents(self, published, study):
        worth = study.value.residual_clv.estimate
        changes = changes_since(published(results_differ={"portfolio.residual_clv.estimate": worth - 888.16}), study)
        (row,) = [row for row in show.figures_table(changes).rows if row[0] == "card.value"]
        assert said(row[3][1], Words("en", "USD")).startswith("+US$888 (")

    def test_of_the_claim_differ_in_points_where_that_can_be_seen(self, published, study):
        now = figures_of(published()).lift
        changes = changes_since(published("1" * 12), study)
        same = [row for row in show.figures_table(changes).rows if row[0][0] == "changes.lift"]
        assert [row[0][1]["model"].key for row in same] == ["name.bg_nbd", "name.mbg_nbd", "name.pareto_nbd"]
        assert {row[3][1].key for row in same} == {"changes.none"}
        less = {name: dataclasses.replace(lift, estimate=lift.estimate - 0.031) for name, lift in now.items()}
        before = dataclasses.replace(changes.before.figures, lift=less)
        further = dataclasses.replace(changes, before=dataclasses.replace(changes.before, figures=before))
        *_, moved = show.figures_table(further).rows
        assert said(moved[3][1], Words()) == "+3.1 points"

    def test_in_another_currency_are_not_compared(self, published, study):
        changes = changes_since(published(results_differ={"portfolio.currency": "EUR"}), study)
        assert "card.value" not in show.card_changes(changes)
        labels = [row[0] for row in show.figures_table(changes).rows]
        assert "card.value" not in labels
        assert "card.orders" in labels

    def test_of_models_that_were_not_fitted_before_are_left_out(self, published, study):
        few = as_plain(Interval(300.0, 280.0, 320.0, 0.9))
        changes = changes_since(
            published(results_differ={"portfolio.customers_alive_intervals": {"BG/NBD": few}}), study
        )
        labels = [row[0][0] for row in show.figures_table(changes).rows if isinstance(row[0], tuple)]
        assert labels.count("changes.alive") == 1
        assert said(show.card_changes(changes)["card.alive"], Words()) == "300 to 300 in the last run"

    def test_of_a_first_run_have_no_change(self, study):
        assert show.figures_table(None) is None
        assert show.reasons(None) == []
        assert show.compared_with(None).key == "changes.first"
        cards = summary.cards(study.transactions, study.purchase, study.value)
        assert [card.change for card in cards] == [None] * 6


@pytest.mark.parametrize("damage", ["{", "[]", '{"data": 3}', '{"data": {"customers": 0}}'])
def test_a_damaged_run_is_no_run_to_compare_with(published, study, damage):
    folder = published()
    (folder / "results.json").write_text(damage)
    assert figures_of(folder) is None
    assert earlier_run(folder) is None
    assert changes_since(folder, study) is None


def test_a_run_whose_configuration_is_gone_is_no_run_to_compare_with(published, study):
    folder = published()
    (folder / "config.yml").unlink()
    assert changes_since(folder, study) is None
    (folder / "config.yml").write_text("a: [")
    assert changes_since(folder, study) is None


def test_the_page_says_which_run_it_is_compared_with_and_escapes_what_settings_say(published, study, monkeypatch):
    folder = published("abcdefabcdef", config={"economics": {"currency": "<img src=x onerror=alert(1)>"}})
    changes = changes_since(folder, study)
    words = Words("en")
    assert said(show.compared_with(changes), words) == (
        "Compared with run abcdefabcdef, made 1 January 2026, 04:30 UTC from data up to 30 June 1998."
    )
    html = "".join(words.said(reason) for reason in show.reasons(changes))
    assert "&lt;img src=x" in html
    assert "<img" not in html
