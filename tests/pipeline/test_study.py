"""A study computes each result once, keeps it by what it is made of, and says why it computed one again."""

import datetime as dt
import functools
import os
import subprocess
import sys
import time

import pandas as pd
import pytest
from tests.conftest import refuses

from analysis.config import Config
from analysis.data.tables import LoyaltyTables
from analysis.errors import DataError, InputRefused, NotIdentified, Unavailable, UsageError
from analysis.pipeline import STEPS, Store, Study, all_steps, open_study
from analysis.pipeline.sources import content_hash
from analysis.pipeline.step import Step


class Computed(list):
    def __init__(self):
        self.made, self.held = {}, "what the files hold"


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


def config(folder, **sections) -> Config:
    if not (folder / "orders.csv").exists():
        (folder / "orders.csv").write_text("c,d\n")
    data = {"transactions": "orders.csv", "columns": {"customer": "c", "date": "d"}, **sections.pop("data", {})}
    return Config(name="shop", folder=folder, data=data, **sections)


@pytest.fixture
def study(tmp_path, computed):
    """A study of the files in a folder, whose steps only say from what they were computed."""

    def study(*, folder=tmp_path, as_of=None, **sections) -> Study:
        return Study(config(folder, **sections), as_of, tmp_path / "store")

    return study


def after(*names: str) -> set[str]:
    """These stored steps and all that rest on them."""
    found = set(names)
    while more := {name for name, step in all_steps().items() if found & set(step.inputs)} - found:
        found |= more
    return {name for name in found if STEPS[name].stored}


def test_every_step_is_computed_once_after_its_inputs(study, computed):
    one = study()
    stored = [name for name, step in STEPS.items() if step.stored]
    assert sorted(one.compute()) == sorted(one.compute()) == sorted(stored)
    assert {name: computed.count(name) for name in stored} == dict.fromkeys(stored, 1)
    for name in stored:
        assert all(computed.index(earlier) < computed.index(name) for earlier in STEPS[name].inputs)


MODELS = {"orders", "split", "candidates", "fits", "spend", "forecasts", "periods", "growth", "tables"}


@pytest.mark.parametrize(("settings", "again", "kept"), [
    ({"holdout_weeks": 13}, after("split"), MODELS - {"split", "candidates", "fits", "forecasts"}),
    ({"active_window_days": 90}, {"periods", *after("periods")}, MODELS - {"periods"}),
    ({"gross_margin": 0.4}, {"value", "lift", "strategies"}, MODELS),
])  # fmt: skip
def test_only_what_depends_on_a_setting_is_computed_again(study, computed, settings, again, kept):
    list(study().compute())
    computed.clear()
    list(study().with_(**settings).compute())
    assert again <= set(computed)
    assert not kept & set(computed)


def test_where_a_result_comes_out_as_before_no_step_that_rests_on_it_is_computed(study, computed):
    computed.made |= {"model_time": lambda **given: "", "fits": lambda **given: "BG/NBD leads"}
    list(study().compute())
    computed.clear()
    list(study().with_(holdout_weeks=13).compute())
    assert set(computed) - {"origins", "outlook", "backtest", "claims"} == {
        "split", "windows", "model_time", "fits", "forecasts", "longer_more_profitable",
    }  # fmt: skip
    computed.clear()
    list(study().with_(previous_primary="MBG/NBD").compute())
    assert [name for name in computed if STEPS[name].stored] == ["fits"]


def test_another_last_day_or_a_changed_file_is_another_input(study, tmp_path):
    keys = [study().key("orders"), study(as_of=dt.date(2024, 1, 1)).key("orders")]
    before = (tmp_path / "orders.csv").stat()
    (tmp_path / "orders.csv").write_text("d,c\n")
    os.utime(tmp_path / "orders.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    keys.append(study().key("orders"))
    assert len(set(keys)) == 3


def test_a_file_that_only_moved_keeps_the_models(study, tmp_path, computed):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        study(folder=tmp_path / name).fits  # noqa: B018
    assert (computed.count("orders"), computed.count("fits")) == (2, 1)


ROWS = "a,2024-01-01\na,2024-02-01\nb,2024-03-01\n"
TABLES = {
    "promotions": {"columns": {"start": "s", "end": "e"}},
    "experiment": {"columns": {"customer": "c", "arm": "a"}, "starts": "2024-03-01", "control": "nothing"},
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_changed_is_read_again_and_what_follows_from_it(study, tmp_path, computed, name):
    for content in ("one", "another"):
        (tmp_path / "table.csv").write_text(content)
        computed.held = content
        list(study(strategies={name: {"file": "table.csv", **TABLES[name]}}).compute())
    assert {name for name in STEPS if computed.count(name) == 2 and STEPS[name].stored} == after("tables")


def test_a_database_is_asked_again_except_within_one_run(study, tmp_path):
    def key():
        return study(data={"transactions": {"database_url_env": "URL", "query": "select 1"}}).key("orders")

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


def test_a_refusal_of_a_model_is_kept_and_ends_the_computing(study, computed):
    computed.made["fits"] = refusing(NotIdentified("The data leave {parameter} open.", parameter="a"))
    for _ in range(2):
        one = study()
        with pytest.raises(NotIdentified, match="leave a open") as raised:
            list(one.compute())
        with pytest.raises(NotIdentified):
            one.value  # noqa: B018
        assert raised.value.exit_code == 3
    assert computed.count("fits") == 1


def test_what_is_unavailable_is_a_result_and_hands_its_reason_on(study, computed):
    computed.made["shifts"] = refusing(Unavailable("No money is known.", code="lift.reason.no_money"))
    computed.made["contractual"] = refusing(NotIdentified("Retention does not rise with tenure."))
    one = study()
    assert {"lift", "contractual"} <= set(one.compute())
    with pytest.raises(Unavailable, match="No money is known") as raised:
        one.what_if  # noqa: B018
    assert raised.value.reason.code == "lift.reason.no_money"


def test_a_step_says_by_a_default_that_an_input_may_be_unavailable(study, computed):
    given = {}
    computed.made["growth"] = refusing(Unavailable("Too short."))
    computed.made["lift"] = lambda **found: given.update(found) or "lift"
    assert study().lift == "lift"
    assert given["growth"] is None


def test_refused_input_is_not_kept(study, computed, tmp_path):
    computed.made["orders"] = refusing(DataError("no rows"))
    for _ in range(2):
        with pytest.raises(DataError, match="no rows"):
            study().orders  # noqa: B018
    assert computed.count("orders") == 2
    assert not list((tmp_path / "store").glob("orders-*.zip"))


def test_why_a_result_is_computed_again_is_said_in_words(study, tmp_path, computed):
    one = study()
    assert one.why("value") == "value: to be computed, since nothing was kept of it"
    list(one.compute())
    assert one.why("value") == "value: computed now, since nothing was kept of it"
    assert study().why("value").startswith("value: kept, computed 2")
    dearer = one.with_(gross_margin=0.4)
    assert dearer.why("value") == "value: to be computed, since economics.gross_margin was 0.3 and is 0.4"
    assert dearer.why("fits").startswith("fits: kept")
    by_day = one.with_(time_unit="day")
    unit = "model.time_unit was week and is day"
    assert by_day.why("lift") == f"lift: to be computed unless windows come out as before, since {unit}"
    assert by_day.lift != one.lift
    assert by_day.why("lift") == f"lift: computed now, since {unit}"
    computed.held = "other rows"
    (tmp_path / "orders.csv").write_text("c,d\nx,2024-01-01\n")
    changed = study()
    assert changed.why("spend") == "spend: to be computed unless orders come out as before, since its files changed"
    assert changed.spend != one.spend
    assert changed.why("spend") == "spend: computed now, since orders changed"
    computed.held = "fewer rows"
    earlier = study(as_of=dt.date(2024, 1, 1))
    assert earlier.lift != one.lift
    assert "as_of was None and is 2024-01-01" in earlier.why("lift")


def test_source_that_changes_while_a_process_runs_is_not_taken_for_what_ran(study, tmp_path, monkeypatch):
    one = study()
    monkeypatch.setattr(one.sources, "newest", lambda modules: time.time() + 60)
    assert one.growth.startswith("growth ")
    assert one.why("growth").endswith("not kept, since the source changed after this process began")
    assert not list((tmp_path / "store").glob("growth-*.zip"))


def test_a_name_that_is_nearly_right_is_named(study):
    one = study()
    assert {"value", "lift", "why", "with_"} <= set(dir(one))
    with pytest.raises(AttributeError, match=r"a study has no 'valeu'; did you mean 'value'\?"):
        one.valeu  # noqa: B018
    with pytest.raises(UsageError, match=r"there is no step 'valeu'; did you mean 'value'\?"):
        one.why("valeu")
    with pytest.raises(UsageError, match=r"there is no setting 'holdout_week'; did you mean 'holdout_weeks'\?"):
        one.with_(holdout_week=20)
    with pytest.raises(InputRefused, match="gross_margin == 4"):
        one.with_(gross_margin=4)


class TestOpening:
    def test_a_sample_has_its_own_configuration_and_a_relative_path_may_start_at_the_notebooks(
        self, tmp_path, monkeypatch
    ):
        assert open_study(sample="cdnow", store=tmp_path, holdout_weeks=None).config.data.holdout_weeks == 39
        monkeypatch.chdir(tmp_path)
        assert open_study("parameters/quick.yml").config.name == "quick"
        assert (tmp_path / ".retention-lab" / ".gitignore").read_text() == "*\n"
        assert (tmp_path / ".retention-lab").stat().st_mode & 0o777 == 0o700

    def test_a_table_stands_in_for_the_file(self, tmp_path):
        frame = pd.DataFrame({"client": [7, 7, 12], "when": ["2025-01-03", "2025-02-11", "2025-02-12"]})
        columns = {"customer": "client", "date": "when"}
        study = open_study({"data": {"transactions": "a table", "columns": columns}}, store=tmp_path, frame=frame)
        assert study.config.name == "study"
        assert study.orders.summary().index.tolist() == [12, 7]
        assert study.with_(gross_margin=0.5).orders is study.orders
        assert study.with_(as_of="2025-02-12").orders is not study.orders

    @pytest.mark.parametrize(("arguments", "told"), [
        ({}, "either a configuration"),
        ({"config": "x.yml", "sample": "cdnow"}, "either a configuration"),
        ({"sample": "cdnov"}, "did you mean 'cdnow'"),
        ({"sample": "cdnow", "as_of": "30-9-1997"}, "must be an ISO date"),
    ])  # fmt: skip
    def test_what_cannot_be_meant_is_refused(self, arguments, told):
        with pytest.raises(UsageError, match=told):
            open_study(**arguments)

    def test_a_purchase_model_that_there_is_not_is_refused_with_those_that_there_are(self, tmp_path):
        with refuses("model.primary == 'BG-NBD', must be one of auto, BG/NBD, MBG/NBD, Pareto/NBD, NBD", 2):
            open_study(sample="cdnow", store=tmp_path, primary="BG-NBD").read_input()


def test_problems_of_the_transactions_and_of_all_tables_are_told_together(tmp_path):
    (tmp_path / "arms.csv").write_text("c,a\nx,promotion\n")
    (tmp_path / "contracts.csv").write_text("c,s,e\nx,soon,\n")
    sections = {
        "contracts": {"file": "contracts.csv", "columns": {"customer": "c", "start": "s", "end": "e"}},
        "strategies": {"experiment": {"file": "arms.csv", **TABLES["experiment"]}},
    }
    of_tables = ("contracts.csv: column 's'", "arms.csv: column 'a' (for arm) names one arm only", "strategies.exp")
    for rows, told in (("a,never\n", ("orders.csv: column 'd'", *of_tables)), (ROWS, of_tables)):
        (tmp_path / "orders.csv").write_text(f"c,d\n{rows}")
        with pytest.raises(InputRefused) as refused:
            Study(config(tmp_path, **sections), store=tmp_path / "store").read_input()
        messages = [problem.message for problem in refused.value.problems]
        assert len(messages) == len(told)
        assert all(message.startswith(start) for message, start in zip(messages, told, strict=True))


def test_tables_are_part_of_what_was_read(tmp_path):
    (tmp_path / "orders.csv").write_text(f"c,d\n{ROWS}")
    (tmp_path / "weeks.csv").write_text("s,e\n2024-01-15,2024-01-21\n")
    alone = Study(config(tmp_path), store=tmp_path / "store")
    strategies = {"promotions": {"file": "weeks.csv", **TABLES["promotions"]}}
    beside = Study(config(tmp_path, strategies=strategies), store=tmp_path / "store")
    beside.read_input()
    assert len(beside.tables.promotions) == 1
    assert beside.data_hash != alone.data_hash == alone.orders.data_hash


def test_opening_a_study_does_not_import_what_only_steps_need(tmp_path):
    heavy = "{'duckdb', 'lifetimes', 'scipy', 'matplotlib', 'pyarrow.parquet'}"
    code = "import sys, analysis as rl; rl.open_study(sample='cdnow', store='s')"
    code += f"; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said.stdout.strip() == "[]"
