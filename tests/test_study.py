"""A study computes each result once, keeps it by content, and shares it between processes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import pickle
import subprocess
import sys
from types import SimpleNamespace

import pytest

from analysis.config import Config
from analysis.errors import InputRefused, NotIdentified, UsageError
from analysis.store import MISSING, Store
from analysis.study import STEPS, Study
from analysis.study import study as study_module


@pytest.fixture
def computed(monkeypatch):
    """Steps that only note that they were computed."""
    seen: list[str] = []

    def compute(name):
        def step(study):
            for earlier in STEPS[name].made_from:
                getattr(study, earlier)
            seen.append(name)
            return SimpleNamespace(data_hash="d") if name == "transactions" else name

        return step

    fakes = {name: dataclasses.replace(step, compute=compute(name)) for name, step in STEPS.items()}
    monkeypatch.setattr(study_module, "STEPS", fakes)
    return seen


def small_config(tmp_path, **sections) -> Config:
    if not (tmp_path / "orders.csv").exists():
        (tmp_path / "orders.csv").touch()
    data = {"transactions": "orders.csv", "columns": {"customer": "c", "date": "d"}, **sections.pop("data", {})}
    return Config(name="shop", folder=tmp_path, data=data, **sections)


def test_every_step_is_computed_once_in_the_order_of_its_inputs(tmp_path, computed):
    study = Study(small_config(tmp_path), store=tmp_path / "store")
    assert list(study.compute()) == list(STEPS)
    assert list(study.compute()) == list(STEPS)
    assert sorted(computed) == sorted(STEPS)
    for name, step in STEPS.items():
        assert all(computed.index(earlier) < computed.index(name) for earlier in step.made_from)


def test_a_second_study_finds_what_the_first_computed(tmp_path, computed):
    for _ in range(2):
        assert Study(small_config(tmp_path), store=tmp_path / "store").value == "value"
    assert computed.count("value") == 1


def test_only_what_depends_on_a_setting_is_computed_again(tmp_path, computed):
    list(Study(small_config(tmp_path), store=tmp_path / "store").compute())
    computed.clear()
    list(Study(small_config(tmp_path, economics={"gross_margin": 0.4}), store=tmp_path / "store").compute())
    strategic = {"loyalty", "strategies", "choice", "trial"}
    assert set(computed) == {"claims", "contractual", "firm", "landscape", "lift", "value", "what_if"} | strategic


def test_another_last_day_or_changed_file_is_another_input(tmp_path, computed):
    keys = [Study(small_config(tmp_path), store=tmp_path).key("transactions")]
    keys.append(Study(small_config(tmp_path), as_of=dt.date(2024, 1, 1), store=tmp_path).key("transactions"))
    (tmp_path / "orders.csv").write_text("more")
    keys.append(Study(small_config(tmp_path, data={}), store=tmp_path).key("transactions"))
    assert len(set(keys[:2])) == 2
    (tmp_path / "orders.csv").write_text("even more")
    config = Config(name="shop", folder=tmp_path, data=small_config(tmp_path).data)
    assert Study(config, store=tmp_path).key("transactions") not in keys


def test_contracts_that_changed_are_read_again_and_nothing_else_is(tmp_path, computed):
    contracts = {"file": "contracts.csv", "columns": {"customer": "c", "start": "s", "end": "e"}}
    for content in ("one", "another"):
        (tmp_path / "contracts.csv").write_text(content)
        list(Study(small_config(tmp_path, contracts=contracts), store=tmp_path / "store").compute())
    assert sorted(name for name in STEPS if computed.count(name) == 2) == ["contracts", "contractual"]


LOYALTY = {
    "campaigns": {"columns": {"customer": "c", "start": "s", "end": "e"}},
    "promotions": {"columns": {"start": "s", "end": "e"}},
    "satisfaction": {"columns": {"customer": "c", "date": "d", "score": "s"}},
    "experiment": {"columns": {"customer": "c", "arm": "a"}, "starts": "2024-03-01", "control": "nothing"},
}


@pytest.mark.parametrize("name", sorted(LOYALTY))
def test_a_loyalty_table_that_changed_is_read_again_and_what_follows_from_it(tmp_path, computed, name):
    strategies = {name: {"file": "table.csv", **LOYALTY[name]}}
    follow, keys = {"loyalty_tables"}, []
    for step, made in STEPS.items():
        follow |= {step} if follow & set(made.made_from) else set()
    for content in ("one", "another"):
        (tmp_path / "table.csv").write_text(content)
        study = Study(small_config(tmp_path, strategies=strategies), store=tmp_path / "store")
        list(study.compute())
        keys.append(study.key("loyalty_tables"))
    assert {step for step in STEPS if computed.count(step) == 2} == follow
    assert len(set(keys)) == 2
    assert Study(small_config(tmp_path), store=tmp_path / "store").key("loyalty_tables") not in keys


def write_orders(folder, rows="a,2024-01-01\na,2024-02-01\nb,2024-03-01\n"):
    (folder / "orders.csv").write_text(f"c,d\n{rows}")


def test_problems_of_the_transactions_and_of_all_tables_are_told_together(tmp_path):
    (tmp_path / "arms.csv").write_text("c,a\nx,promotion\n")
    (tmp_path / "contracts.csv").write_text("c,s,e\nx,soon,\n")
    sections = {
        "contracts": {"file": "contracts.csv", "columns": {"customer": "c", "start": "s", "end": "e"}},
        "strategies": {"experiment": {"file": "arms.csv", **LOYALTY["experiment"]}},
    }
    of_tables = ("contracts.csv: column 's'", "arms.csv: column 'a' (for arm) names one arm only", "strategies.exp")
    for rows, told in (("a,never\n", ("orders.csv: column 'd'", *of_tables)), (None, of_tables)):
        write_orders(tmp_path, **({"rows": rows} if rows else {}))
        with pytest.raises(InputRefused) as refused:
            Study(small_config(tmp_path, **sections), store=tmp_path / "store").read_input()
        messages = [problem.message for problem in refused.value.problems]
        assert len(messages) == len(told)
        assert all(message.startswith(start) for message, start in zip(messages, told, strict=True))


def test_loyalty_tables_are_part_of_what_was_read(tmp_path):
    write_orders(tmp_path)
    (tmp_path / "weeks.csv").write_text("s,e\n2024-01-15,2024-01-21\n")
    alone = Study(small_config(tmp_path), store=tmp_path / "store")
    assert alone.data_hash == alone.transactions.data_hash
    strategies = {"promotions": {"file": "weeks.csv", **LOYALTY["promotions"]}}
    beside = Study(small_config(tmp_path, strategies=strategies), store=tmp_path / "store")
    beside.read_input()
    assert len(beside.loyalty_tables.promotions) == 1
    assert beside.loyalty_tables.arms is None
    assert beside.data_hash != alone.data_hash


def test_a_file_that_only_moved_keeps_the_models(tmp_path, computed):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        list(Study(small_config(tmp_path / name), store=tmp_path / "store").compute())
    assert computed.count("transactions") == 2
    assert computed.count("purchase") == 1


def test_a_database_is_asked_again_except_within_one_run(tmp_path, computed):
    source = {"database_url_env": "URL", "query": "select 1"}
    config = small_config(tmp_path, data={"transactions": source})

    def key(store):
        return Study(config, store=store).key("transactions")

    Store(tmp_path / "run").make(for_one_run=True)
    assert key(tmp_path / "cache") != key(tmp_path / "cache")
    assert key(tmp_path / "run") == key(tmp_path / "run")


def test_a_refusal_of_a_model_is_kept_and_raised_again(tmp_path, computed, monkeypatch):
    def refuse(study):
        computed.append("purchase")
        raise NotIdentified("BG/NBD", "a", "the data leave a open")

    fakes = {**study_module.STEPS, "purchase": dataclasses.replace(STEPS["purchase"], compute=refuse)}
    monkeypatch.setattr(study_module, "STEPS", fakes)
    for _ in range(2):
        with pytest.raises(NotIdentified, match="leave a open") as raised:
            Study(small_config(tmp_path), store=tmp_path / "store").purchase  # noqa: B018
        assert (raised.value.parameter, raised.value.exit_code) == ("a", 3)
    assert computed.count("purchase") == 1


class TestTheStore:
    def test_gives_back_what_was_written(self, tmp_path):
        store = Store(tmp_path / "store")
        assert store.read("step", "key") is MISSING
        store.write("step", "key", {"a": None})
        assert store.read("step", "key") == {"a": None}
        assert [path.name for path in store.folder.iterdir()] == ["step-key.pickle"]

    def test_is_private(self, tmp_path):
        Store(tmp_path / "store").write("step", "key", 1)
        assert (tmp_path / "store").stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps({"a": 1})[:-4], b"cnot_there\nname\n."])
    def test_takes_what_it_cannot_read_as_missing(self, tmp_path, content):
        (tmp_path / "step-key.pickle").write_bytes(content)
        assert Store(tmp_path).read("step", "key") is MISSING

    def test_leaves_nothing_of_a_write_that_failed(self, tmp_path):
        with pytest.raises(AttributeError):
            Store(tmp_path).write("step", "key", lambda: 1)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
    def test_refuses_a_folder_of_someone_else(self, tmp_path, monkeypatch):
        os.chown(tmp_path, 12345, -1)
        with pytest.raises(UsageError, match="another user"):
            Store(tmp_path).read("step", "key")


def test_importing_the_study_does_not_import_what_only_steps_need():
    heavy = "{'pandas', 'duckdb', 'lifetimes', 'scipy', 'matplotlib'}"
    code = f"import sys, analysis.study; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
