"""Inputs of simulations whose answers are known: customers who are all alike, or a base of the fitted model."""

import numpy as np
import pandas as pd
from scipy.special import logit

from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit
from analysis.strategies.customers import FELT, Fitted, People, base_people, new_people
from analysis.strategies.newcomers import pool_size
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.schedule import Economics
from analysis.strategies.simulation import Inputs

OFF = (
    "theta_deal", "gamma_deal", "theta_exp", "gamma_exp", "sector_rise", "promotional_lift", "won", "mercenary_share",
    "referrals", "rival_pull",
)  # fmt: skip
WITHOUT_EFFECT = dict.fromkeys(OFF, 0.0) | {"tau": 1e9}
"""The values at which the dynamics are the fitted model."""
PURCHASES = (0.6, 6.0, 0.8, 2.4)
VALUE = 40.0
SPEND = SpendFit("constant", {"mean": VALUE}, {}, float("nan"), 100, 0, VALUE)


class Base:
    """Customers with the given histories, in weeks."""

    has_money = True

    def __init__(self, frequency, recency, age, mean_value=VALUE):
        self.table = pd.DataFrame(
            {
                "frequency": np.asarray(frequency, dtype=np.int64),
                "recency_days": 7.0 * np.asarray(recency, dtype=float),
                "T_days": 7.0 * np.asarray(age, dtype=float),
                "mean_repeat_value": np.where(np.asarray(frequency) > 0, mean_value, np.nan),
            }
        )


def some_base(customers=500, seed=3):
    """Customers with x from 0 to 9."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 10, customers)
    age = rng.uniform(30, 130, customers)
    return Base(x, np.where(x > 0, age * rng.uniform(0.4, 1, customers), 0), age)


def drawn(draws=1, seed=1, **given):
    """Parameters without any effect, but for those given."""
    return draw_parameters(draws, seed, given=WITHOUT_EFFECT | given)


def alike(count, rate, dropout, draws=1, value=VALUE):
    """Customers who all have the same rate and dropout."""
    full = np.full((draws, count), 1.0)
    odds = full * logit(dropout)
    kind = np.zeros((draws, count), dtype=int)
    return People(full > 0, full * rate, odds, full * value, dict.fromkeys(FELT, full), kind, np.arange(count))


def inputs_of_alike(count, rate, dropout, parameters, weeks=156, seed=5, coming=0.0, new=None, economics=None):
    """A inputs of customers who are all alike."""
    fitted = Fitted(MODELS["BG/NBD"], np.tile(PURCHASES, (len(parameters), 1)), None)
    return Inputs(
        base=alike(count, rate, dropout, len(parameters)),
        new=new,
        fitted=fitted,
        parameters=parameters,
        economics=economics or Economics(gross_margin=0.5),
        customers=count,
        coming_per_week=coming,
        weeks=weeks,
        seed=seed,
        labels={},
    )


def fitted_inputs(
    parameters, base=None, customers=2_000, weeks=104, seed=5, coming=0.0, economics=None, model="BG/NBD", pool=None
):
    """A inputs that starts from BG/NBD with known parameters."""
    base = base or some_base()
    economics = economics or Economics(gross_margin=0.5, cost_per_order=2.0, annual_discount_rate=0.1)
    fitted = Fitted(MODELS[model], np.tile(PURCHASES, (len(parameters), 1)), None)
    today = economics.todays_deal
    return Inputs(
        base=base_people(base, fitted, SPEND, parameters, customers, seed, today),
        new=new_people(fitted, SPEND, parameters, pool or pool_size(customers, weeks), seed, today),
        fitted=fitted,
        parameters=parameters,
        economics=economics,
        customers=len(base.table),
        coming_per_week=coming,
        weeks=weeks,
        seed=seed,
        labels={},
    )
