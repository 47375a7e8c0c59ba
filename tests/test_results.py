"""Results are values: who edits, sorts, copies, pickles or shares one changes nothing that is computed from it."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import analysis as rl


@pytest.fixture
def orders():
    days = pd.date_range("2025-01-01", periods=90)
    frame = pd.DataFrame({"client": [day.day % 13 for day in days], "when": days, "eur": range(90)})
    return rl.read_orders(frame, customer="client", date="when", amount="eur", currency="EUR")


def test_an_edited_frame_of_a_study_reaches_no_later_step(tmp_path):
    study = rl.open_study(sample="cdnow", store=tmp_path)
    frame = study.orders.daily
    frame["orders"] = 0
    assert study.call(lambda orders: orders.daily["orders"].sum()) == study.orders.orders


def test_groups_hold_after_the_frame_of_customers_was_sorted(small_shop):
    orders, _, value, _ = small_shop
    before = value.by(rl.rfm(orders))
    value.customers.sort_values("residual_clv", inplace=True)  # noqa: PD002
    pd.testing.assert_frame_equal(value.by(rl.rfm(orders)), before)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda orders: pickle.loads(pickle.dumps(orders))])
def test_a_copy_of_orders_outlives_them(again):
    orders = rl.read_orders({"sample": "cdnow"})
    cohorts, copied = orders.cohorts(), again(orders)
    del orders
    assert copied.cohorts().equals(cohorts)
    assert len(copied.summary(until="1997-06-30")) > 0


def test_pickled_orders_are_whole_in_another_process(orders, tmp_path):
    (tmp_path / "orders.pkl").write_bytes(pickle.dumps(orders))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).cohorts()[0].sum())"
    said = subprocess.run([sys.executable, "-c", code, tmp_path / "orders.pkl"], capture_output=True, text=True)
    assert said.stdout.strip() == str(orders.cohorts()[0].sum()), said.stderr


def test_both_doors_give_the_same_value(sample_study):
    study = sample_study("cdnow")
    orders, economics = study.orders, study.config.economics
    window = f"{study.config.data.holdout_weeks // 2}W"
    fit, spend = rl.fit_purchase(orders, window), rl.fit_spend(orders, rl.spend_choice(orders))
    settings = {"gross_margin": economics.gross_margin, "annual_discount_rate": economics.annual_discount_rate}
    value = rl.customer_value(fit, spend, f"{economics.horizon_years}Y", **settings)
    assert fit.model == study.fit.model
    assert value.total == study.value.total


def test_a_kept_value_is_read_without_what_only_computing_needs(sample_study):
    study = sample_study("cdnow")
    assert study.value.total is not None
    heavy = ("duckdb", "ibis", "statsmodels", "scipy.stats")
    code = "import sys, analysis as rl; rl.open_study(sample='cdnow', store=sys.argv[1]).value; "
    code += f"print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code, study.store.folder], capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr


def test_several_threads_ask_for_the_same_thing_at_once(orders):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: rl.customer_base(orders).bridge, range(4)))
    assert all(each.equals(found[0]) for each in found)


IDS = {
    "UUIDs": lambda place: uuid.UUID(int=place + 1), "bytes": lambda place: bytes([65 + place]),
    "truth values": lambda place: bool(place % 2), "tuples": lambda place: (place, "nl"),
    "numbers and text": lambda place: place or "a", "days": lambda place: dt.date(2020, 1, 1 + place),
}  # fmt: skip


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_any_kind_come_back_as_they_came(kind):
    ids = [IDS[kind](place % 7) for place in range(40)]
    frame = pd.DataFrame({"client": ids, "when": pd.date_range("2025-01-01", periods=40)})
    summary = rl.read_orders(frame, customer="client", date="when").summary("day")
    assert set(summary.index) == set(ids)
    found = rl.NBD().fit(summary, unit="day").predict("13W")
    assert len(frame.merge(found, left_on="client", right_index=True)) == 40
