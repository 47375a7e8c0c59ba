"""The simulation of strategies beside a plain loop over customers and weeks, on the same dynamics.

Run with ``python -m benchmarks.strategies``. 200 draws x 1,000 customers x 4 strategies x 156 weeks, with the new
customers that a report simulates beside them; the loop takes a part of these, and its time is stated for all. Both end
with profit by strategy, which must agree.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import resource
import time

import numpy as np
import pandas as pd

from analysis.config.strategies import Experience, Promotion, Strategy, built_in_strategies
from analysis.data import CustomerSummary
from analysis.data.simulation import PurchaseTruth, SpendTruth, simulate_customers
from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit
from analysis.strategies.customers import Fitted, base_people, new_people
from analysis.strategies.microsimulation import CALENDAR, PER_PURCHASE
from analysis.strategies.newcomers import pool_size
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics, Schedule, schedule_of
from analysis.strategies.simulation import Inputs, simulate

SHOP = (0.243, 4.414, 0.793, 2.426)
GROCER = (1.2, 2.4, 0.3, 9.0)
WEEKS, DRAWS, CUSTOMERS = 156, 200, 1_000
STRATEGIES = built_in_strategies(Promotion(), Experience(invested_per_order=0.5, invested_per_customer_year=2.0))


def run(purchases: tuple[float, ...] = SHOP, lives: int = 4_000) -> dict[str, float]:
    """Seconds of both for all paths, their ratio, and how far their profits are apart in standard errors."""
    inputs = simulated_inputs(purchases)
    start, started = time.perf_counter(), time.process_time()
    found = simulate(inputs, STRATEGIES)
    middle, used = time.perf_counter(), time.process_time() - started
    alone = simulate(simulated_inputs(purchases, new=False), STRATEGIES)
    loop = time.perf_counter()
    plain, error = plain_profit(inputs, STRATEGIES, lives)
    seconds = (time.perf_counter() - loop) * DRAWS * CUSTOMERS / lives
    ours, own_error = (
        alone.profit.mean(axis=0) / inputs.customers,
        np.sqrt(np.diag(alone.common_noise)) / inputs.customers,
    )
    return {
        "paths": DRAWS * CUSTOMERS,
        "paths_of_new_customers": DRAWS * inputs.new.rate.shape[1],
        "orders_per_customer": float(found.weekly.orders[:, 0].sum(axis=1).mean() / inputs.customers),
        "seconds": middle - start,
        "seconds_without_new_customers": loop - middle,
        "processor_seconds": used,
        "plain_loop_seconds": seconds,
        "ratio": seconds / (middle - start),
        "largest_difference_in_errors": float(np.max(np.abs(ours - plain) / np.hypot(error, own_error))),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def simulated_inputs(
    purchases: tuple[float, ...], draws: int = DRAWS, customers: int = CUSTOMERS, *, new: bool = True
) -> Inputs:
    """Inputs of simulated customers; draws scatter by 5% around the truth."""
    summary = _summary(purchases)
    scatter = np.random.default_rng(2).standard_normal((draws, 4))
    fitted = Fitted(MODELS["BG/NBD"], np.array(purchases) * np.exp(0.05 * scatter), None)
    spend = SpendFit("constant", {"mean": 35.0}, {}, math.nan, 100, 0, 35.0)
    parameters = draw_parameters(draws, 1)
    return Inputs(
        base=base_people(summary, fitted, spend, parameters, customers, 1),
        new=new_people(fitted, spend, parameters, pool_size(customers, WEEKS), 2) if new else None,
        fitted=fitted,
        parameters=parameters,
        economics=Economics(gross_margin=0.3, cost_per_order=1.0, annual_discount_rate=0.1),
        customers=5_000,
        coming_per_week=20.0,
        weeks=WEEKS,
        seed=1,
        labels={},
    )


def _summary(purchases: tuple[float, ...]) -> CustomerSummary:
    people = simulate_customers(
        5_000, T=78.0, births=39.0, seed=2, purchases=PurchaseTruth(*purchases), spend=SpendTruth(6.25, 3.74, 15.44)
    )
    table = pd.DataFrame(
        {
            "frequency": people.frequency,
            "recency_days": 7 * people.recency,
            "T_days": 7 * people.T,
            "mean_repeat_value": people.mean_repeat_value,
        }
    )
    return CustomerSummary(table, dt.date(2025, 12, 31), has_money=True)


def plain_profit(
    inputs: Inputs, strategies: tuple[Strategy, ...], lives: int, structure: str = PER_PURCHASE, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Profit per customer of today's base and its standard error, by strategy, from ``lives`` lives taken singly."""
    rng = random.Random(seed)
    schedule = schedule_of(strategies, inputs.weeks, inputs.economics.annual_discount_rate)
    draws, customers = inputs.base.rate.shape
    earned = np.zeros((lives, len(strategies)))
    for life in range(lives):
        draw, who = rng.randrange(draws), rng.randrange(customers)
        if inputs.base.alive[draw, who]:
            for row in range(len(strategies)):
                earned[life, row] = plain_life(rng, inputs, draw, who, schedule, row, structure)
    return earned.mean(axis=0), earned.std(axis=0, ddof=1) / math.sqrt(lives)


def plain_life(rng: random.Random, inputs: Inputs, draw: int, who: int, schedule: Schedule, row: int, structure: str):
    """Discounted profit of one customer under one strategy, week by week and order by order."""
    of = {name: float(values[draw]) for name, values in inputs.parameters.values.items()}
    base = inputs.base
    everyone = {"rate": base.rate, "log_odds": base.log_odds, "value": base.value, **base.felt}
    person = {name: float(values[draw, who]) for name, values in everyone.items()}
    economics, reach, depth = inputs.economics, float(schedule.reach[row]), float(schedule.depth[row])
    lift_of = of["promotional_lift"] * person["promotional_lift"] / 0.2
    expected_deal, expected_exp, pace_deal, pace_exp = 0.0, 0.0, 1.0, 1.0
    leaving = 1 / (1 + math.exp(-person["log_odds"]))
    in_calendar_time, profit = structure == CALENDAR, 0.0
    for week in range(inputs.weeks):
        discount, promoted = float(schedule.discount[week]), bool(schedule.promoted[row, week])
        profit -= discount * float(schedule.invested[row, week])
        clock = float(week)
        while True:
            lifted = lift_of * max(depth - expected_deal, 0.0)
            missing = reach * lifted * of["borrowed"] * float(schedule.paid_back[row, week])
            multiple = pace_exp * ((1 + reach * lifted) if promoted else pace_deal * max(1 - missing, 0.0))
            before, clock = clock, clock + rng.expovariate(person["rate"] * multiple)
            stays = math.exp(-person["rate"] * leaving * (min(clock, week + 1) - before))
            if in_calendar_time and rng.random() > stays:
                return profit
            if clock >= week + 1:
                break
            uses = promoted and rng.random() < reach * (1 + lifted) / (1 + reach * lifted)
            saved = depth if uses else 0.0
            margin = economics.gross_margin - saved
            profit += discount * (
                margin * person["value"] - economics.cost_per_order - float(schedule.service[row, week])
            )
            gap = saved - expected_deal
            felt = gap if gap > 0 else of["loss_aversion"] * gap
            planned = float(schedule.lift[row, week])
            met = planned * of["delivery"] + rng.gauss(0, 1) * planned * of["inconsistency"]
            exp_gap = met - of["sector_rise"] * clock / WEEKS_PER_YEAR - expected_exp
            exp_felt = exp_gap if exp_gap > 0 else of["loss_aversion"] * exp_gap
            odds = person["log_odds"] - of["theta_deal"] * person["theta_deal"] * felt
            odds -= of["theta_exp"] * person["theta_exp"] * exp_felt
            leaving = 1 / (1 + math.exp(-odds))
            if exp_gap < -of["tau"] or (not in_calendar_time and rng.random() < leaving):
                return profit
            pace_deal = math.exp(of["gamma_deal"] * person["gamma_deal"] * felt)
            pace_exp = math.exp(of["gamma_exp"] * person["gamma_exp"] * exp_felt)
            expected_deal += of["kappa_deal"] * gap
            expected_exp += of["kappa_exp"] * exp_gap
    return profit


if __name__ == "__main__":
    print(run())
    print(run(GROCER, lives=400))
