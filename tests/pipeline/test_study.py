"""A study computes each result once, keeps it by what it is made of, and says why it computed one again."""

from __future__ import annotations

import datetime as dt
import functools
import os
import subprocess
import sys
import time

import pandas as pd
import pytest

import analysis as rl
from analysis.config import Config
from analysis.data.tables import LoyaltyTables
from analysis.errors import DataError, InputRefused, NotIdentified, Unavailable, UsageError
from analysis.pipeline import STEPS, Store, Study, all_steps, open_study
from analysis.pipeline.sources import content_hash
from analysis.pipeline.step import Step
from analysis.pipeline.study import notebooks_folder


@pytest.fixture
def computed(monkeypatch):
    """Steps that only say from what they were computed; ``computed.made`` replaces what one of them gives."""
    seen = Computed()

    def fake(step: Step) -> Step:
        @functools.wraps(step.function)
        def function(**given):
            seen.append(step.name)
            if step.name in seen.made:
                return seen.made[step.name](**given)
            return LoyaltyTables(data_hash=seen.held) if step.reads else f"{step.name} {content_hash(given)}"

        made = Step(function, step.stored)
        vars(made)["parameters"] = step.parameters
        return made

    for name, step in list(all_steps().items()):
        monkeypatch.setitem(STEPS, name, fake(step))
    return seen


class Computed(list):
    def __init__(self):
        self.made, self.held = {}, "what the files hold"


def config(folder, **sections) -> Config:
    if not (folder / "orders.csv").exists():
        (folder / "orders.csv").write_text("c,d\n")
    data = {"transactions": "orders.csv", "columns": {"customer": "c", "date": "d"}, **sections.pop("data", {})}
    return Config(name="shop", folder=folder, data=data, **sections)


def after(*names: str) -> set[str]:
    """These steps and all that rest on them."""
    found = set(names)
    while more := {name for name, step in all_steps().items() if found & set(step.inputs)} - found:
        found |= more
    return found


def test_every_parameter_of_a_step_is_another_step_or_a_setting():
    for step in all_steps().values():
        assert set(step.settings.values()) <= set(Config.fields())


def test_every_step_is_computed_once_after_its_inputs(tmp_path, computed):
    study = Study(config(tmp_path), store=tmp_path / "store")
    stored = [name for name, step in STEPS.items() if step.stored]
    assert sorted(study.compute()) == sorted(study.compute()) == sorted(stored)
    assert {name: computed.count(name) for name in stored} == dict.fromkeys(stored, 1)
    for name in stored:
        assert all(computed.index(earlier) < computed.index(name) for earlier in STEPS[name].inputs)


MODELS = {"orders", "split", "candidates", "fits", "spend", "forecasts", "periods", "growth", "tables"}


@pytest.mark.parametrize(("settings", "again", "kept"), [
    ({"holdout_weeks": 13}, after("split"), MODELS - {"split", "candidates", "fits", "forecasts"}),
    ({"active_window_days": 90}, {"periods", *after("periods")}, MODELS - {"periods"}),
    ({"todays_deal": 0.1}, {"strategies"}, MODELS),
    ({"time_unit": "day"}, after("fits", "forecasts"), MODELS - {"candidates", "fits", "forecasts"}),
    ({"gross_margin": 0.4}, {"value", "lift", "strategies"}, MODELS),
    ({"credible_level": 0.8}, {"value", "lift", "periods"}, MODELS - {"periods", "growth"}),
])  # fmt: skip
def test_only_what_depends_on_a_setting_is_computed_again(tmp_path, computed, settings, again, kept):
    study = Study(config(tmp_path), store=tmp_path / "store")
    list(study.compute())
    computed.clear()
    list(study.with_(**settings).compute())
    assert {name for name in computed if STEPS[name].stored} >= {name for name in again if STEPS[name].stored}
    assert not kept & set(computed)


def test_where_a_result_comes_out_as_before_no_step_that_rests_on_it_is_computed(tmp_path, computed):
    computed.made |= {"model_time": lambda **given: "", "fits": lambda **given: "BG/NBD leads"}
    study = Study(config(tmp_path), store=tmp_path / "store")
    list(study.compute())
    computed.clear()
    list(study.with_(holdout_weeks=13).compute())
    assert set(computed) - {"origins", "outlook", "backtest", "claims"} == {
        "split", "windows", "model_time", "fits", "forecasts", "longer_more_profitable",
    }  # fmt: skip
    computed.clear()
    list(study.with_(previous_primary="MBG/NBD").compute())
    assert [name for name in computed if STEPS[name].stored] == ["fits"]


def test_another_last_day_or_a_changed_file_is_another_input(tmp_path, computed):
    keys = [Study(config(tmp_path), store=tmp_path / "store").key("orders")]
    keys.append(Study(config(tmp_path), as_of=dt.date(2024, 1, 1), store=tmp_path / "store").key("orders"))
    before = (tmp_path / "orders.csv").stat()
    (tmp_path / "orders.csv").write_text("d,c\n")
    os.utime(tmp_path / "orders.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    keys.append(Study(config(tmp_path), store=tmp_path / "store").key("orders"))
    assert len(set(keys)) == 3


def test_a_file_that_only_moved_keeps_the_models(tmp_path, computed):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        list(Study(config(tmp_path / name), store=tmp_path / "store").compute())
    assert (computed.count("orders"), computed.count("fits")) == (2, 1)


TABLES = {
    "campaigns": {"columns": {"customer": "c", "start": "s", "end": "e"}},
    "promotions": {"columns": {"start": "s", "end": "e"}},
    "satisfaction": {"columns": {"customer": "c", "date": "d", "score": "s"}},
    "experiment": {"columns": {"customer": "c", "arm": "a"}, "starts": "2024-03-01", "control": "nothing"},
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_changed_is_read_again_and_what_follows_from_it(tmp_path, computed, name):
    strategies = {name: {"file": "table.csv", **TABLES[name]}}
    for content in ("one", "another"):
        (tmp_path / "table.csv").write_text(content)
        computed.held = content
        list(Study(config(tmp_path, strategies=strategies), store=tmp_path / "store").compute())
    again = {name for name in STEPS if computed.count(name) == 2 and STEPS[name].stored}
    assert again == {name for name in after("tables") if STEPS[name].stored}


def test_a_database_is_asked_again_except_within_one_run(tmp_path, computed):
    asked = config(tmp_path, data={"transactions": {"database_url_env": "URL", "query": "select 1"}})

    def key():
        return Study(asked, store=tmp_path / "store").key("orders")

    assert key() != key()
    Store(tmp_path / "store").begin_run()
    first = key()
    assert key() == first
    Store(tmp_path / "store").begin_run()
    assert key() != first


def refusing(refusal):
    def function(**given):
        raise refusal

    return function


def test_a_refusal_of_a_model_is_kept_and_ends_the_computing(tmp_path, computed):
    computed.made["fits"] = refusing(NotIdentified("The data leave {parameter} open.", parameter="a"))
    for _ in range(2):
        study = Study(config(tmp_path), store=tmp_path / "store")
        with pytest.raises(NotIdentified, match="leave a open") as raised:
            list(study.compute())
        with pytest.raises(NotIdentified):
            study.value  # noqa: B018
        assert raised.value.exit_code == 3
    assert computed.count("fits") == 1


def test_what_is_unavailable_is_a_result_and_hands_its_reason_on(tmp_path, computed):
    computed.made["shifts"] = refusing(Unavailable("No money is known.", code="lift.reason.no_money"))
    study = Study(config(tmp_path), store=tmp_path / "store")
    assert "what_if" in list(study.compute())
    with pytest.raises(Unavailable, match="No money is known") as raised:
        study.what_if  # noqa: B018
    assert raised.value.reason.code == "lift.reason.no_money"


def test_a_model_of_contracts_that_is_not_identified_ends_nothing(tmp_path, computed):
    computed.made["contractual"] = refusing(NotIdentified("Retention does not rise with tenure."))
    assert "contractual" in list(Study(config(tmp_path), store=tmp_path / "store").compute())


def test_a_step_says_by_a_default_that_an_input_may_be_unavailable(tmp_path, computed):
    given = {}
    computed.made["growth"] = refusing(Unavailable("Too short."))
    computed.made["lift"] = lambda **found: given.update(found) or "lift"
    assert Study(config(tmp_path), store=tmp_path / "store").lift == "lift"
    assert given["growth"] is None


def test_refused_input_is_not_kept(tmp_path, computed):
    computed.made["orders"] = refusing(DataError("no rows"))
    for _ in range(2):
        with pytest.raises(DataError, match="no rows"):
            Study(config(tmp_path), store=tmp_path / "store").orders  # noqa: B018
    assert computed.count("orders") == 2
    assert not list((tmp_path / "store").glob("orders-*.zip"))


def test_why_a_result_is_computed_again_is_said_in_words(tmp_path, computed):
    study = Study(config(tmp_path), store=tmp_path / "store")
    assert study.why("value") == "value: to be computed, since nothing was kept of it"
    list(study.compute())
    assert study.why("value") == "value: computed now, since nothing was kept of it"
    assert Study(study.config, store=tmp_path / "store").why("value").startswith("value: kept, computed 2")
    dearer = study.with_(gross_margin=0.4)
    assert dearer.why("value") == "value: to be computed, since economics.gross_margin was 0.3 and is 0.4"
    assert dearer.why("fits").startswith("fits: kept")
    by_day = study.with_(time_unit="day")
    unit = "model.time_unit was week and is day"
    assert by_day.why("lift") == f"lift: to be computed unless windows come out as before, since {unit}"
    assert by_day.lift != study.lift
    assert by_day.why("lift") == f"lift: computed now, since {unit}"
    computed.held = "other rows"
    (tmp_path / "orders.csv").write_text("c,d\nx,2024-01-01\n")
    changed = Study(config(tmp_path), store=tmp_path / "store")
    assert changed.why("spend") == "spend: to be computed unless orders come out as before, since its files changed"
    assert changed.spend != study.spend
    assert changed.why("spend") == "spend: computed now, since orders changed"
    computed.held = "fewer rows"
    earlier = Study(study.config, as_of=dt.date(2024, 1, 1), store=tmp_path / "store")
    assert earlier.lift != study.lift
    assert "as_of was None and is 2024-01-01" in earlier.why("lift")
    with pytest.raises(UsageError, match=r"there is no step 'valeu'; did you mean 'value'\?"):
        study.why("valeu")


def test_source_that_changes_while_a_process_runs_is_not_taken_for_what_ran(tmp_path, computed, monkeypatch):
    study = Study(config(tmp_path), store=tmp_path / "store")
    monkeypatch.setattr(study.sources, "newest", lambda modules: time.time() + 60)
    assert study.growth.startswith("growth ")
    assert study.why("growth").endswith("not kept, since the source changed after this process began")
    assert not list((tmp_path / "store").glob("growth-*.zip"))


def test_another_setting_shares_what_is_in_memory(tmp_path, computed):
    study = Study(config(tmp_path), store=tmp_path / "store")
    orders = study.orders
    assert study.with_(gross_margin=0.4).orders is orders
    assert study.with_(as_of="2024-01-01").orders is not orders


def test_a_name_that_is_nearly_right_is_named(tmp_path):
    study = Study(config(tmp_path), store=tmp_path / "store")
    assert {"value", "lift", "why", "with_"} <= set(dir(study))
    with pytest.raises(AttributeError, match=r"a study has no 'valeu'; did you mean 'value'\?"):
        study.valeu  # noqa: B018
    with pytest.raises(UsageError, match=r"there is no setting 'holdout_week'; did you mean 'holdout_weeks'\?"):
        study.with_(holdout_week=20)
    with pytest.raises(InputRefused, match="gross_margin == 4"):
        study.with_(gross_margin=4)


class TestOpening:
    def test_a_sample_has_its_own_configuration(self, tmp_path):
        study = rl.open_study(sample="cdnow", store=tmp_path)
        assert study.config.data.holdout_weeks == 39
        assert rl.open_study(sample="cdnow", store=tmp_path, holdout_weeks=None).config == study.config

    def test_a_mapping_is_a_configuration(self, tmp_path):
        study = open_study({"data": {"transactions": {"sample": "cdnow"}}}, store=tmp_path, gross_margin=0.5)
        assert (study.config.name, study.config.economics.gross_margin) == ("study", 0.5)

    def test_a_relative_path_may_start_at_the_notebooks(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert open_study("parameters/quick.yml").config.name == "quick"
        assert (tmp_path / ".retention-lab" / ".gitignore").read_text() == "*\n"
        assert (tmp_path / ".retention-lab").stat().st_mode & 0o777 == 0o700
        assert notebooks_folder().joinpath("parameters", "quick.yml").exists()

    def test_a_table_stands_in_for_the_file(self, tmp_path):
        frame = pd.DataFrame({"client": [7, 7, 12], "when": ["2025-01-03", "2025-02-11", "2025-02-12"]})
        columns = {"customer": "client", "date": "when"}
        content = {"data": {"transactions": "a table", "columns": columns}}
        study = open_study(content, store=tmp_path, frame=frame)
        assert study.orders.summary().index.tolist() == [12, 7]
        assert study.with_(gross_margin=0.5).orders is study.orders

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ({}, "either a configuration"),
            ({"config": "x.yml", "sample": "cdnow"}, "either a configuration"),
            ({"sample": "cdnov"}, "did you mean 'cdnow'"),
            ({"sample": "cdnow", "as_of": "30-9-1997"}, "must be an ISO date"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, arguments, told):
        with pytest.raises(UsageError, match=told):
            open_study(**arguments)


def write_orders(folder, rows="a,2024-01-01\na,2024-02-01\nb,2024-03-01\n"):
    (folder / "orders.csv").write_text(f"c,d\n{rows}")


def test_problems_of_the_transactions_and_of_all_tables_are_told_together(tmp_path):
    (tmp_path / "arms.csv").write_text("c,a\nx,promotion\n")
    (tmp_path / "contracts.csv").write_text("c,s,e\nx,soon,\n")
    sections = {
        "contracts": {"file": "contracts.csv", "columns": {"customer": "c", "start": "s", "end": "e"}},
        "strategies": {"experiment": {"file": "arms.csv", **TABLES["experiment"]}},
    }
    of_tables = ("contracts.csv: column 's'", "arms.csv: column 'a' (for arm) names one arm only", "strategies.exp")
    for rows, told in (("a,never\n", ("orders.csv: column 'd'", *of_tables)), (None, of_tables)):
        write_orders(tmp_path, **({"rows": rows} if rows else {}))
        with pytest.raises(InputRefused) as refused:
            Study(config(tmp_path, **sections), store=tmp_path / "store").read_input()
        messages = [problem.message for problem in refused.value.problems]
        assert len(messages) == len(told)
        assert all(message.startswith(start) for message, start in zip(messages, told, strict=True))


def test_tables_are_part_of_what_was_read(tmp_path):
    write_orders(tmp_path)
    (tmp_path / "weeks.csv").write_text("s,e\n2024-01-15,2024-01-21\n")
    alone = Study(config(tmp_path), store=tmp_path / "store")
    assert alone.data_hash == alone.orders.data_hash
    strategies = {"promotions": {"file": "weeks.csv", **TABLES["promotions"]}}
    beside = Study(config(tmp_path, strategies=strategies), store=tmp_path / "store")
    beside.read_input()
    assert len(beside.tables.promotions) == 1
    assert beside.data_hash != alone.data_hash


def test_opening_a_study_does_not_import_what_only_steps_need(tmp_path):
    heavy = "{'duckdb', 'lifetimes', 'scipy', 'matplotlib', 'pyarrow.parquet'}"
    code = "import sys, analysis as rl; rl.open_study(sample='cdnow', store='s')"
    code += f"; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said.stdout.strip() == "[]"


def test_a_purchase_model_that_there_is_not_is_refused_with_those_that_there_are(tmp_path):
    study = open_study(sample="cdnow", store=tmp_path, primary="BG-NBD")
    with pytest.raises(InputRefused) as said:
        study.read_input()
    assert said.value.exit_code == 2
    assert "model.primary == 'BG-NBD', must be one of auto, BG/NBD, MBG/NBD, Pareto/NBD, NBD" in str(said.value)
