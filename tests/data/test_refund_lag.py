"""Refunds that come weeks after their orders: what the last weeks will lose still is told and taken off."""

import numpy as np
import pandas as pd
import pytest

import analysis as rl


def shop(lag, share=0.2, days=420, seed=3):
    """Orders of 50 a day by customers who order about twice, and what of the money is paid back after the last day."""
    rng, first = np.random.default_rng(seed), pd.Timestamp("2024-01-01")
    orders = pd.DataFrame({"day": np.repeat(np.arange(days), 50)})
    orders["c"] = rng.integers(0, len(orders) // 2, len(orders))
    orders["a"] = rng.gamma(4, 12, len(orders)).round(2)
    back = orders[rng.random(len(orders)) < share].copy()
    back["day"], back["a"] = back["day"] + rng.integers(*lag, len(back)), -back["a"]
    rows = pd.concat([orders, back[back["day"] < days]])
    rows["d"] = first + pd.to_timedelta(rows["day"], "D")
    return rl.read_orders(rows, customer="c", date="d", amount="a", currency="EUR"), -back.loc[
        back["day"] >= days, "a"
    ].sum()


def notes_of(orders):
    return [note for note in orders.notes if note.code == "data.refunds_to_come"]


def test_what_is_still_to_be_paid_back_is_told_and_stands_by_day():
    orders, truth = shop(lag=(14, 43))
    (note,) = notes_of(orders)
    assert note.values["weeks"] == pytest.approx(6, abs=1)
    assert note.values["amount"] == pytest.approx(truth, rel=0.15)
    to_come = orders.daily["refunds_to_come"]
    assert to_come.sum() == pytest.approx(note.values["amount"])
    assert (to_come[:-49] == 0).all()


def test_refunds_within_days_or_of_next_to_nothing_take_nothing_off():
    for settings in {"lag": (0, 4)}, {"lag": (14, 43), "share": 0.004}:
        orders, _ = shop(**settings)
        assert notes_of(orders) == []
        assert orders.daily["refunds_to_come"].sum() == 0
