"""What a run makes of the tables beside the transactions: where they lie, whether they changed, what `check` prints."""

import pandas as pd
import pytest
import yaml
from markupsafe import Markup

from analysis.config import Config, load_config
from analysis.data import Note
from analysis.data.loyalty_tables import LoyaltyTables
from analysis.reporting import inspection
from analysis.reporting.changes import settings_of
from analysis.reporting.keep import Kept
from analysis.reporting.request import write_resolved
from analysis.reporting.stamp import config_hash
from analysis.store import Store

COLUMNS = {
    "campaigns": {"customer": "c", "start": "s", "end": "e"},
    "promotions": {"start": "s", "end": "e"},
    "satisfaction": {"customer": "c", "date": "d", "score": "s"},
    "experiment": {"customer": "c", "arm": "a"},
}


def configured(folder, file="table.csv", names=tuple(COLUMNS)) -> Config:
    tables = {name: {"file": file, "columns": COLUMNS[name]} for name in names}
    if "experiment" in tables:
        tables["experiment"] |= {"starts": "2025-03-01", "control": "nothing", "cost_per_customer": {"club": 1.2}}
    data = {"transactions": "orders.csv", "columns": {"customer": "c", "date": "d"}}
    contracts = {"file": file, "columns": {"customer": "c", "start": "s", "end": "e"}}
    return Config(name="shop", folder=folder, data=data, contracts=contracts, strategies=tables)


def test_the_resolved_configuration_finds_its_tables_from_anywhere(tmp_path):
    config = configured(tmp_path / "here")
    (tmp_path / "run").mkdir()
    write_resolved(config, tmp_path / "run" / "config.yml")
    resolved = load_config(tmp_path / "run" / "config.yml")
    assert {section.file for section in resolved.further_tables.values()} == {str(tmp_path / "here" / "table.csv")}
    assert resolved.strategies.experiment.starts == config.strategies.experiment.starts
    assert config_hash(resolved) == config_hash(config)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_where_a_table_lies_is_no_other_configuration_and_what_it_is_read_as_is(tmp_path, name):
    here, there = configured(tmp_path), configured(tmp_path / "elsewhere", file="old/table.csv")
    assert config_hash(here) == config_hash(there)
    assert config_hash(here) != config_hash(configured(tmp_path, names=[other for other in COLUMNS if other != name]))


def test_a_table_that_only_moved_is_no_change_of_the_settings(tmp_path):
    before, moved, other = (
        yaml.safe_load(yaml.safe_dump(configured(tmp_path, file=file).model_dump(mode="json", exclude_none=True)))
        for file in ("/a/table.csv", "/b/table.csv", "/a/newer.csv")
    )
    assert settings_of(before) == settings_of(moved)
    changed = {key for key, value in settings_of(other).items() if settings_of(before)[key] != value}
    assert changed == {"contracts.file", *(f"strategies.{name}.file" for name in COLUMNS)}


def test_check_counts_the_rows_of_every_table_and_tells_its_notes():
    class Spoken:
        def __call__(self, key, **numbers):
            return f"{key} {sorted(numbers.items())}"

        def said(self, note):
            return Markup(note.key)

    notes = (Note("loyalty.rows_without_score", {"rows": 2}),)
    tables = LoyaltyTables(
        promotions=pd.DataFrame({"start": [1, 2, 3]}), arms=pd.DataFrame({"arm": ["a"]}), notes=notes
    )
    assert list(inspection._loyalty_lines(tables, Spoken())) == [
        "loyalty.check [('rows', 3), ('table', 'promotions')]",
        "loyalty.check [('rows', 1), ('table', 'experiment')]",
        "note.kind []: loyalty.rows_without_score",
    ]
    assert list(inspection._loyalty_lines(LoyaltyTables(), Spoken())) == []


def test_what_was_read_is_not_kept_between_runs(tmp_path):
    Store(tmp_path / "run").write("loyalty_tables", "key", "customers")
    Kept(tmp_path).take(tmp_path / "run")
    assert Kept(tmp_path).lend(tmp_path / "next") == 0
