"""Does the lift's 90% interval hold 90% of the time? Slow; the rates stand in docs/statistics.md."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.config import EconomicsConfig, RetentionConfig
from analysis.data import CustomerSummary
from analysis.data.simulation import CDNOW_PURCHASES, CDNOW_SPEND, simulate_customers
from analysis.models.fits import PurchaseFits, fit_one
from analysis.models.patterns import patterns_of
from analysis.models.registry import MODELS
from analysis.models.spend_choice import fit_spend
from analysis.time import Clock, TimeUnit
from analysis.value.lift import Choice, retention_lifts, shifts_of

REPETITIONS = 200
CUSTOMERS = 1_500
ATTAINABLE = range(169, 191)
READINGS = {
    "a new customer": Choice(),
    "a new customer's repeat orders": Choice(scope="new_customer_repeat_orders", horizon_years=5.0),
    "scaled, relative": Choice(shift="scale", gain_kind="relative"),
    "today's base": Choice(scope="base"),
    "the firm": Choice(scope="firm", profit="after_fixed"),
}


def _summary(seed):
    """Customers watched for one to three years, in continuous time."""
    base = simulate_customers(
        CUSTOMERS, purchases=CDNOW_PURCHASES, spend=CDNOW_SPEND, T=156.0, births=104.0, future=1.0, seed=seed
    )
    table = pd.DataFrame({
        "customer_id": np.arange(CUSTOMERS).astype(str), "frequency": base.frequency,
        "recency_days": base.recency * 7, "T_days": base.T * 7, "mean_repeat_value": base.mean_repeat_value,
    })  # fmt: skip
    return CustomerSummary(table, pd.Timestamp("2024-12-31").date(), has_money=True)


def _believed(summary):
    model, patterns = MODELS["BG/NBD"], patterns_of(summary, Clock(TimeUnit.WEEK))
    return PurchaseFits((fit_one(model, patterns, Clock(TimeUnit.WEEK), 1),), {}), fit_spend(summary, seed=1)


def _true(believed, spend):
    """What someone would find who knew the parameters, on the same customers."""
    purchase = {name: getattr(CDNOW_PURCHASES, name) for name in ("r", "alpha", "a", "b")}
    money = {name: getattr(CDNOW_SPEND, name) for name in "pqv"}
    fit = dataclasses.replace(believed.primary, parameters=purchase)
    mean = money["p"] * money["v"] / (money["q"] - 1)
    known = dataclasses.replace(spend, parameters=money, mean_order_value=mean)
    return PurchaseFits((fit,), {}), known


def _lifts(summary, purchase, spend):
    choices = list(READINGS.values())
    economics = EconomicsConfig(acquisition_cost=5, fixed_costs_per_year=2_000)
    shifts = shifts_of(summary, purchase, spend, choices, 500.0)
    found = retention_lifts(shifts, choices, economics, RetentionConfig())
    return {name: found.of(choice)["BG/NBD"] for name, choice in READINGS.items()}


@pytest.mark.slow
def test_the_interval_of_the_lift_holds_its_level(record_property):
    hits = dict.fromkeys(READINGS, 0)
    for seed in range(REPETITIONS):
        summary = _summary(30_000 + seed)
        purchase, spend = _believed(summary)
        found = _lifts(summary, purchase, spend)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("analysis.value.shifts.DRAWS", 2)
            patch.setattr("analysis.value.shifts.FEWEST_DRAWS", 2)
            true = _lifts(summary, *_true(purchase, spend))
        for name, lift in found.items():
            hits[name] += lift.lift.lower <= true[name].lift.estimate <= lift.lift.upper
    record_property("hits", str(hits))
    assert all(count in ATTAINABLE for count in hits.values()), hits
