"""What a run makes of the tables beside the transactions: where they lie, whether they changed, what `check` prints."""

import pandas as pd
import pytest
import yaml
from markupsafe import Markup

from analysis.config import Config, load_config
from analysis.data import Note
from analysis.data.loyalty_matches import loyalty_matches
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


class Spoken:
    """Words that only name what they would say."""

    def __call__(self, key, **numbers):
        return key

    def said(self, note):
        return Markup(f"{note.key} {sorted(note.numbers.items())}")


@pytest.fixture
def transactions(load_frame):
    """Two customers, a and b, with two orders each."""
    days = pd.to_datetime(["2025-01-06", "2025-03-03"] * 2)
    return load_frame(pd.DataFrame({"customer": list("aabb"), "date": days, "amount": 1.0}))


def test_check_says_of_every_table_how_much_fits_and_tells_its_notes(transactions):
    notes = (Note("loyalty.rows_without_score", {"rows": 2}),)
    weeks = pd.to_datetime(["2025-01-06", "2025-02-03", "2025-04-07"])
    tables = LoyaltyTables(
        promotions=pd.DataFrame({"start": weeks, "end": weeks}),
        arms=pd.DataFrame({"customer": ["a", "x", "y"], "arm": ["nothing", "club", "club"]}),
        notes=notes,
    )
    assert list(inspection._loyalty_lines(tables, loyalty_matches(tables, transactions), Spoken())) == [
        "loyalty.fit.promotions [('fitting', 2), ('rows', 3)]",
        "note.kind: loyalty.few.ids [('customers', 3), ('known', 1), ('table', 'experiment')]",
        "note.kind: loyalty.rows_without_score [('rows', 2)]",
    ]
    assert list(inspection._loyalty_lines(LoyaltyTables(), (), Spoken())) == []


def test_what_was_read_is_not_kept_between_runs(tmp_path):
    Store(tmp_path / "run").write("loyalty_tables", "key", "customers")
    Kept(tmp_path).take(tmp_path / "run")
    assert Kept(tmp_path).lend(tmp_path / "next") == 0
