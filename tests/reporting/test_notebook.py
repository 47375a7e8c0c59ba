import datetime as dt
import re
from pathlib import Path

import pytest
from tests.reporting import fakes

from analysis.config import known_keys
from analysis.errors import InputRefused, UsageError
from analysis.reporting import notebook
from analysis.reporting.exhibits.changes import settings_table
from analysis.reporting.exhibits.value import customer_columns
from analysis.reporting.stamp import SENTINEL, config_hash
from analysis.reporting.words import CatalogueError, Saying

CONFIG = """
name: small
data: {transactions: {sample: cdnow}}
economics: {gross_margin: 0.4}
"""


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(notebook, "display", lambda data, raw, metadata=None: outputs.append((data, metadata or {})))
    return outputs


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.yml"
    path.write_text(CONFIG)
    return path


def test_a_study_is_opened_from_a_configuration_with_values_that_beat_it(shown, config, tmp_path):
    study, page = notebook.open_study(
        config, as_of="1997-09-30", store=tmp_path / "store", gross_margin=None, horizon_years=5, holdout_weeks=13
    )
    assert study.config.economics.gross_margin == 0.4
    assert study.config.economics.horizon_years == 5
    assert study.config.data.holdout_weeks == 13
    assert study.as_of == dt.date(1997, 9, 30)
    assert page.language == "en"


def test_without_a_store_results_stay_in_the_working_folder_and_out_of_git(shown, config, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    study, _ = notebook.open_study(config)
    assert study.store == tmp_path / ".retention-lab"
    assert (study.store / ".gitignore").read_text() == "*\n"


def test_the_sample_configurations_are_found_from_any_folder(shown, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    study, _ = notebook.open_study("parameters/quick.yml")
    assert study.config.name == "quick"


def test_values_out_of_range_and_unknown_parameters_are_refused(shown, config):
    with pytest.raises(InputRefused, match="gross_margin"):
        notebook.open_study(config, gross_margin=3.0)
    with pytest.raises(UsageError, match="'gros_margin': there is no configuration key"):
        notebook.open_study(config, gros_margin=0.3)
    with pytest.raises(UsageError, match="must be an ISO date"):
        notebook.open_study(config, as_of="30-09-1997")


def test_the_last_part_of_a_configuration_key_names_it():
    keys = [key for key in known_keys() if key.count(".") == 1 and not key.startswith("contracts.")]
    assert {notebook.dotted_key(key.partition(".")[2]) for key in keys} == set(keys)
    assert notebook.dotted_key("encoding") == "data.encoding"
    assert notebook.dotted_key("period_months") == "contracts.period_months"


def test_a_page_shows_sentences_figures_and_tables_as_html(shown):
    page = notebook.Page("en", lambda: "EUR")
    page.title("value.question")
    page.heading("value.file_heading")
    page.say("unit.orders", orders=3)
    page.points([Saying("unit.orders", {"orders": 1}), Saying("unit.orders", {"orders": 2})])
    html = [data["text/html"] for data, _ in shown[1:]]
    assert html[0] == '<h1 class="rl-question" id="value" tabindex="-1">What is every customer still worth?</h1>'
    assert html[1] == '<h2 class="rl-heading">The customer file</h2>'
    assert html[2] == '<p class="rl-say">3 orders</p>'
    assert html[3] == '<ul class="rl-points"><li>1 order</li><li>2 orders</li></ul>'
    assert [data["text/plain"] for data, _ in shown[1:]][2] == "3 orders"


def test_the_style_is_marked_so_that_it_stays_in_the_notebook(shown):
    notebook.Page("en")
    assert shown[0][1] == {"retention-lab": {"role": "style"}}
    assert shown[0][0]["text/html"].startswith("<style>")


def test_nothing_is_shown_where_there_is_nothing_to_say(shown):
    page = notebook.Page("en")
    shown.clear()
    page.figure(None)
    page.table(None)
    page.points([])
    page.say([], heading="value.intervals_heading")
    page.notes([])
    assert shown == []


def test_notes_are_call_outs_with_hostile_strings_escaped(shown):
    page = notebook.Page("en")
    page.notes([fakes.Note("data.encoding_guessed", {"encoding": fakes.HOSTILE, "files": 1})])
    html = shown[-1][0]["text/html"]
    assert 'role="note"' in html
    assert "<script" not in html


def test_a_missing_key_is_an_error_and_not_an_empty_place(shown):
    with pytest.raises(CatalogueError):
        notebook.Page("en").say("no.such.key")


def test_the_last_output_is_the_sentinel_with_the_stamp(shown):
    study = fakes.study()
    notebook.Page("en", study=study).finish("03-customer-value")
    sentinel = shown[-1][0][SENTINEL]
    assert sentinel["notebook"] == "03-customer-value"
    assert sentinel["stamp"]["data_hash"] == "d" * 64
    assert sentinel["stamp"]["config_hash"] == config_hash(study.config)
    assert sentinel["stamp"]["as_of"] == "1998-06-30"


def test_the_currency_of_the_data_beats_that_of_the_configuration():
    study = fakes.study()
    assert notebook.currency_of(study, study.config) == "USD"
    study.transactions.currency = None
    assert notebook.currency_of(study, study.config) is None
    assert Path(notebook.CONTENT_CSS).is_file()


def test_the_settings_are_folded_as_the_method_is_and_so_printed(shown, config, tmp_path):
    study, page = notebook.open_study(config, store=tmp_path / "store", as_of="1997-09-30")
    page.closing(settings_table(study.config))
    text = " ".join(data["text/html"] for data, _ in shown)
    fold = text[: text.index("strategies.draws")].rpartition("<details")[2]
    assert fold.startswith(' class="rl-method"')
    style = notebook.CONTENT_CSS.read_text(encoding="utf-8").partition("@media print")[2]
    assert ".rl-method::details-content { content-visibility: visible" in style
    assert not re.search(r"\.rl-method\s*\{[^}]*display: none", style)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_run_without_customer_files_names_none(shown, config, tmp_path, language):
    study, page = notebook.open_study(config, store=tmp_path / "store", as_of="1997-09-30")
    study.config = study.config.model_copy(update={"customer_files": False, "language": language})
    page = notebook.Page(language, study=study)
    columns = customer_columns(fakes.value())
    page.customer_file(columns)
    page.closing(settings_table(study.config))
    text = " ".join(data["text/html"] for data, _ in shown)
    assert "customers." not in text
    assert "ledger.csv" in text
    shown.clear()
    study.config = study.config.model_copy(update={"customer_files": True})
    page.customer_file(columns)
    page.closing(settings_table(study.config))
    assert "".join(data["text/html"] for data, _ in shown).count('href="customers.') == 2
