"""Steps side by side: the results of one process, whatever becomes of the workers, and none of these is left."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil
import pytest
from tests.conftest import write_tables
from tests.pipeline.same import assert_same
from tests.pipeline.test_study import config
from tests.report.test_ends import awaited

from analysis.config import Config, config_from_mapping
from analysis.data.simulation import simulate_transactions
from analysis.errors import InputRefused, Unavailable
from analysis.pipeline import Store, Study, all_steps
from analysis.processes import pool
from analysis.report.run import EARLY


def small_shop(folder: Path) -> dict:
    """The orders of 150 customers and every table that may lie beside them, in a folder; gives the configuration."""
    orders = simulate_transactions(150, birth_days=700, seed=3)
    who = orders["customer"].drop_duplicates().sort_values(ignore_index=True)
    start = pd.Timestamp("2020-01-15") + pd.to_timedelta(11 * who.index, unit="D")
    left = (start + pd.Timedelta(days=330)).where(who.index % 3 == 0)
    left = left.where(who.index % 10 != 1, start + pd.Timedelta(days=700))
    weeks = pd.date_range("2023-03-06", periods=8, freq="12W")
    scores = orders[["customer", "date"]].assign(score=range(len(orders))).iloc[::3]
    tables = {
        "orders": orders,
        "customers": pd.DataFrame({"customer": who, "channel": ["shop", "web"] * 75}),
        "contracts": pd.DataFrame({"customer": who, "start": start, "end": left}),
        "campaigns": pd.DataFrame({"customer": who[::2], "start": weeks[3], "end": weeks[3] + pd.Timedelta(days=20)}),
        "promotions": pd.DataFrame({"start": weeks, "end": weeks + pd.Timedelta(days=6)}),
        "satisfaction": scores.assign(score=scores["score"] % 10),
        "customer_types": pd.DataFrame({"customer": who, "type": ["service", "offer", "brand"] * 50}),
        "experiment": pd.DataFrame({"customer": who, "arm": ["nothing", "club"] * 75}),
    }
    named = write_tables(folder, tables)
    named["experiment"] |= {"starts": "2024-03-01", "control": "nothing"}
    ordered, customers, contracts = (named.pop(name) for name in ("orders", "customers", "contracts"))
    data = {"transactions": ordered["file"], "columns": ordered["columns"], "customers": customers, "holdout_weeks": 70}
    economics = {"horizon_years": 1}
    return {"name": "small", "data": data, "economics": economics, "contracts": contracts, "strategies": named}


STORED = [name for name, step in all_steps().items() if step.stored]


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Config:
    """A shop of 150 customers, about which everything is known that can be."""
    folder = tmp_path_factory.mktemp("small")
    return config_from_mapping(small_shop(folder), path=folder / "small.yml")


@pytest.fixture(scope="module")
def computed() -> dict[str, object]:
    """What each step gave when it was computed, before the store had it."""
    return {}


@pytest.fixture(scope="module")
def alone(small, computed, few_proposals, few_draws) -> Study:
    """Every step of it, by one process, on few draws."""
    study = Study(small, store=small.folder / "store")

    def write(name, key, result, record):
        computed[name] = result
        Store.write(study.store, name, key, result, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study.store, "write", write)
        list(study.compute())
    return study


@pytest.mark.parametrize("name", STORED)
def test_the_store_gives_back_the_result_of_each_step_as_it_was_computed(alone, computed, name):
    # Too few customers have orders to hold out, and no covariates are named; there are no two years of months, and no
    # names of referrers.
    assert (computed[name] is None) == (name in ("covariate_fit", "spend_choice"))
    assert isinstance(computed[name], Unavailable) == (
        name in ("alerts", "earned_growth", "promotion_honesty", "referred")
    )
    assert_same(alone.outcome(name), computed[name])
    Store.write(alone.store, f"again {name}", "key", alone.outcome(name), {})
    assert alone.digest(name) == alone.store.record(f"again {name}", "key")["digest"]


def test_what_a_worker_that_died_was_to_compute_is_computed_all_the_same(alone):
    study = alone.with_(active_window_days=45)
    told = []
    with pool(2, preload=EARLY) as workers:
        for name in study.compute(workers):
            told.append(name)
            if name == "orders":
                next(one for one in psutil.Process().children(recursive=True) if worker_name(one)).kill()
    assert sorted(told) == sorted(STORED)
    assert {"periods", "more_orders_stronger_tie"} <= set(study.seconds)
    assert [incident.split(";")[0] for incident in study.incidents] == ["a worker process ended"]


@pytest.mark.slow
def test_several_processes_give_the_results_of_one(small, tmp_path):
    study, alone = (Study(small, store=tmp_path / name) for name in ("several", "one"))
    with pool(2, preload=EARLY) as workers:
        assert sorted(study.compute(workers)) == sorted(alone.compute()) == sorted(STORED)
    assert not study.incidents
    for name in STORED:
        if name != "orders":  # its customer-days lie in another folder
            # DuckDB's threads add up numbers in any order.
            assert_same(study.outcome(name), alone.outcome(name), rtol=1e-9)


def worker_name(process: psutil.Process) -> str:
    """The command line of a process that a fork server made; nothing of the server's own."""
    parent = process.parent()
    return " ".join(process.cmdline()) if parent and "forkserver" in " ".join(parent.cmdline()) else ""


def test_a_refusal_is_raised_and_no_worker_is_left(tmp_path):
    (tmp_path / "orders.csv").write_text("c,d\n" + "".join(f"c{n},2024-01-0{1 + n % 9}\n" for n in range(30)))
    with pytest.raises(InputRefused, match="repeat"), pool(2, preload=EARLY) as workers:
        list(Study(config(tmp_path), store=tmp_path / "store").compute(workers))
    assert not [one for one in psutil.Process().children(recursive=True) if worker_name(one)]


COMPUTES = """
import json, os, sys
from analysis.pipeline import open_study
from analysis.processes import pool
from analysis.report.run import EARLY
os.chdir(sys.argv[2])
study = open_study(json.loads(sys.argv[1]), store="store")
sys.path[:0] = ["", sys.argv[2]]
with pool(2, preload=EARLY) as workers:
    for name in study.compute(workers):
        print(name, flush=True)
"""


def test_no_process_outlives_the_one_that_asked_or_imports_what_lies_beside_the_configuration(tmp_path):
    content = small_shop(tmp_path)
    for name in ("analysis", "numpy", "json", "pickle", "signal"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})")
    command = [sys.executable, "-P", "-c", COMPUTES, json.dumps(content), str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert "split\n" in parent.stdout
    below = psutil.Process(parent.pid).children(recursive=True)
    assert len([one for one in below if worker_name(one)]) == 2
    parent.kill()
    assert parent.wait(10) == -signal.SIGKILL
    assert awaited(lambda: [one.pid for one in below]) == []
    assert not (tmp_path / "ran").exists()
