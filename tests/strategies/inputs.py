"""Lives whose answers are known: customers who are all alike, in a world without any effect but those given."""

import datetime as dt

import numpy as np
import pandas as pd

from analysis.config.assumptions import PARAMETERS
from analysis.config.strategies import Experience, Strategy
from analysis.data import CustomerSummary
from analysis.data.simulation import PurchaseTruth, SpendTruth, simulate_customers
from analysis.strategies.schedule import Economics
from analysis.strategies.simulation import Lives, World

VALUE = 40.0
NEUTRAL = {"loss_aversion": 1.0, "tau": 100.0, "delivery": 1.0, "won_value": 1.0, "referred_value": 1.0}  # fmt: skip


def world(weeks=156.0, draws=1, *, delta=0.0, margin=1 / VALUE, cost=0.0, seed=1, **given):
    """A world without effects but for those given; an order earns exactly one, so that profit counts orders."""
    values = {each.name: np.full(draws, NEUTRAL.get(each.name, 0.0)) for each in PARAMETERS}
    values |= {name: np.broadcast_to(np.asarray(value, dtype=float), (draws,)) for name, value in given.items()}
    return World(values, Economics(margin, cost), float(weeks), delta, seed=seed)


def alike(count, rate, *, at_orders=0.0, in_time=0.0, draws=1, is_new=False, orders=1):
    """Customers who all have the same rate and the same proneness to leave."""
    one = np.ones(count)
    return Lives(
        draw=np.arange(count) % draws, rate=one * rate, at_orders=one * at_orders, in_time=one * in_time,
        value=one * VALUE, weight=one * draws / count, starts=np.zeros(count),
        orders=np.full(count, 0 if is_new else orders), segment=np.zeros(count, dtype=int), kind=np.full(count, -1),
        mercenary=np.zeros(count, dtype=bool), is_new=is_new,
    )  # fmt: skip


def better(lift=0.5, name="better", **settings):
    """Better service for nothing."""
    weeks = {name: settings.pop(name) for name in ("starts_week", "ends_week") if name in settings}
    return Strategy(name, experience=Experience(lift=lift, invested_per_order=0.0, **settings), **weeks)


def summary(customers=1_000, seed=3, weeks=104.0, truth=PurchaseTruth(0.6, 6.0, 0.8, 4.0)):  # noqa: B008
    """A base of simulated customers."""
    people = simulate_customers(
        customers, T=weeks, births=weeks / 2, seed=seed, purchases=truth, spend=SpendTruth(6.25, 3.74, 15.44)
    )
    columns = {
        "customer_id": np.arange(customers),
        "frequency": people.frequency,
        "recency_days": 7 * people.recency,
        "T_days": 7 * people.T,
    }
    table = pd.DataFrame(columns | {"mean_repeat_value": people.mean_repeat_value})
    return CustomerSummary(table, dt.date(2025, 12, 31), has_money=True)
