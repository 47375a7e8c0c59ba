"""Months of joining as random effects, on shops whose months are known to differ."""

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data.simulation import PurchaseTruth, simulate_transactions
from analysis.errors import Unavailable
from analysis.models.covariates import with_dropout
from analysis.value.cohort_effects import SPREADS, _spread

AVERAGE, END = rl.BGNBD.Params(0.6, 6.0, 0.8, 2.4), pd.Timestamp("2025-01-01")


def _of_month(rng, rate, dropout):
    faster, sooner = rng.normal(0, rate), rng.normal(0, dropout)
    return faster, with_dropout(rl.BGNBD(), rl.BGNBD().with_order_rate(AVERAGE, np.exp(faster)), sooner, "mean")


def _shop(rate, dropout, seed, months=18, customers=150):
    """Orders, each month's planted effect on the order rate, and the parameters of a month to come."""
    rng, frames, planted = np.random.default_rng([seed, 4]), [], []
    for start in pd.date_range(end=END, periods=months + 1, freq="MS")[:-1]:
        faster, params = _of_month(rng, rate, dropout)
        planted.append(faster)
        days = {"window_days": (END - start).days, "birth_days": start.days_in_month}
        truth = {"purchases": PurchaseTruth(*params), "spend": None, "seed": int(rng.integers(1 << 30))}
        frame = simulate_transactions(customers, start=start.date(), **days, **truth)
        frames.append(frame.assign(customer=frame["customer"] + str(start.date())))
    names = {"customer": "customer", "date": "date", "observation_end": "2024-12-31", "first_orders": "known"}
    return rl.read_orders(pd.concat(frames), **names), np.array(planted), _of_month(rng, rate, dropout)[1]


def _first_year(params):
    return float(rl.BGNBD().expected_purchases(params, 365 / 7, 0, 0, 0))


def test_months_that_differ_are_told_by_how_much_and_which():
    orders, planted, _ = _shop(0.3, 0.4, seed=1)
    found = rl.cohort_effects(orders, rl.BGNBD().fit(orders))
    assert found.spread["lower"].le([0.3, 0.4]).all()
    assert found.spread["upper"].ge([0.3, 0.4]).all()
    assert found.spread.loc["rate", "p"] < 0.001
    by_rate = found.effects.query("process == 'rate'")
    assert by_rate["customers"].sum() == orders.customers
    assert np.corrcoef(by_rate["estimate"], planted)[0, 1] > 0.9


def test_what_a_month_to_come_brings_is_less_sure_than_the_mean_month():
    orders, _, _ = _shop(0.3, 0.4, seed=2)
    found = rl.cohort_effects(orders, rl.BGNBD().fit(orders))
    widths = found.first_year.set_index("joined").eval("upper - lower")
    assert widths["month_to_come"] > 2 * widths["mean_month"]
    future = [_first_year(each) for each in found.future.draws(400)]
    assert np.mean(future) == pytest.approx(found.first_year["estimate"].iloc[1])


def test_months_that_do_not_differ_are_not_said_to():
    orders, _, _ = _shop(0.0, 0.0, seed=3)
    found = rl.cohort_effects(orders, rl.MBGNBD().fit(orders))
    assert (found.spread["p"] > 0.05).all()
    assert (found.spread["lower"] < 0.05).all()


@pytest.mark.filterwarnings("error")
def test_months_that_surely_differ_have_a_p_of_next_to_zero():
    weights = np.zeros((len(SPREADS), len(SPREADS)))
    weights[5, 5] = 1.0
    assert (_spread(weights.ravel(), 0.9)["p"] < 1e-300).all()


def test_few_months_and_a_model_in_which_nobody_leaves_say_why_there_is_no_answer(cdnow, cdnow_purchase):
    with pytest.raises(Unavailable, match="too few months"):
        rl.cohort_effects(cdnow, cdnow_purchase)
    with pytest.raises(Unavailable, match="nobody leaves"):
        rl.cohort_effects(cdnow, rl.NBD().fit(cdnow))


@pytest.mark.slow
def test_intervals_hold_the_spread_and_what_a_month_to_come_brings_as_often_as_they_say():
    held = []
    for seed in range(40):
        orders, _, coming = _shop(0.3, 0.4, seed=100 + seed)
        found = rl.cohort_effects(orders, rl.BGNBD().fit(orders))
        year, truth = found.first_year, _first_year(coming)
        inside = found.spread["lower"].le([0.3, 0.4]) & found.spread["upper"].ge([0.3, 0.4])
        held.append([*inside, *(year["lower"].le(truth) & year["upper"].ge(truth))])
    rate, dropout, mean_month, month_to_come = np.sum(held, axis=0)
    assert min(rate, dropout, month_to_come) >= 32
    assert mean_month < 20


def test_effects_that_the_orders_do_not_tell_are_not_told(monkeypatch):
    monkeypatch.setattr("analysis.value.cohort_effects.ROUNDS", 1)
    orders = rl.read_orders({"sample": "simulated"})
    with pytest.raises(Unavailable, match="does not tell"):
        rl.cohort_effects(orders, rl.BGNBD().fit(orders))
