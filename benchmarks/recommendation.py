"""How often the recommendation is right: companies whose truth is known, analysed as a user would.

Run with ``python -m benchmarks.recommendation [REPETITIONS]`` (100 companies take half an hour on two cores). In
each repetition a truth is drawn from the ranges that the company states of its customers; orders are simulated from
BG/NBD; the models are fitted to these, the strategies compared, and the recommendation is held against the profits
under the truth. The cost of the better experience is set so that one strategy is truly better by 10 to 25% of the
base's profit, or that the two tie exactly.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.config import Config
from analysis.data import CustomerSummary
from analysis.data.simulation import PurchaseTruth, simulate_customers
from analysis.models import purchase_result
from analysis.models.estimate import MODELS
from analysis.models.results import SpendFit, SpendResult
from analysis.strategies.comparison import stated_assumptions, strategy_world
from analysis.strategies.customers import Fitted, base_people, new_people
from analysis.strategies.decision import outcome_of, ranking
from analysis.strategies.lives import CALENDAR, PER_PURCHASE
from analysis.strategies.noise import expected_differences
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.results import Simulation
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics
from analysis.strategies.simulation import World, simulate
from analysis.strategies.strategy import NOTHING, Experience, Promotion, Strategy

TRUTH = PurchaseTruth(r=0.9, alpha=5.0, a=0.6, b=6.0)
CUSTOMERS, VALUE, WEEKS, JOINING, MARGIN = 2_000, 40.0, 104, 1_500.0, 0.7
TRUE_CUSTOMERS = 4_000
GAPS = (0.10, 0.25)
"""By which share of the base's profit the better strategy is better, where one is: evenly between these."""
BELIEFS = {
    "promotional_lift": {"low": 0.8, "high": 1.1},
    "borrowed": {"low": 0.04, "high": 0.15},
    "gamma_deal": {"low": 0.0, "high": 0.3},
    "theta_deal": {"low": 0.0, "high": 0.5},
    "won": {"low": 1.0, "high": 1.3},
    "won_value": {"low": 0.9, "high": 1.1},
    "mercenary_share": {"low": 0.05, "high": 0.15},
    "theta_exp": {"low": 0.55, "high": 0.65},
    "gamma_exp": {"low": 0.32, "high": 0.38},
    "kappa_exp": {"low": 0.04, "high": 0.05},
    "delivery": {"low": 0.95, "high": 1.05},
    "inconsistency": {"low": 0.1, "high": 0.2},
    "sector_rise": {"low": 0.0, "high": 0.05},
    "referrals": {"low": 0.0, "high": 0.005},
    "type_contrast": {"low": 0.8, "high": 1.2},
}
"""What such a company has learned about its customers: ranges of about a tenth to a quarter of the package's own."""
MIXES = {
    "types": {"service": 0.3, "offer": 0.25, "brand": 0.25, "at_hand": 0.2},
    "bindings": {"situational": 0.4, "economic": 0.1, "legal": 0.1, "emotional": 0.2, "technical": 0.2},
}
PROMOTION = {"depth": 0.2, "every_weeks": 4, "coverage": 1.0, "redemption": 0.6}
LIFT = 1.6
SPEND = SpendResult(SpendFit("constant", {"mean": VALUE}, {}, math.nan, 100, 0, VALUE), None, None, None)
VIEWS = (("BG/NBD", PER_PURCHASE), ("BG/NBD", CALENDAR), ("MBG/NBD", PER_PURCHASE))
KINDS = ("promotion", "expectation", "tie")


@dataclass(frozen=True)
class Verdict:
    """What was said of a company: the recommended strategy (None for undecided), and the truly best, or ``tie``."""

    kind: str
    said: str | None
    best: str

    @property
    def decided(self) -> bool:
        return self.said is not None

    @property
    def wrong(self) -> bool:
        return self.decided and self.said != self.best


def verdicts_on(seed: int) -> list[Verdict]:
    """One company with three prices of being better, one for each kind, analysed.

    What an order costs moves no customer, so the models are fitted once and all prices go through one simulation.
    """
    summary, config = company(seed), _config(seed)
    truth = _true_world(summary, config, seed)
    costs = _costs(truth, np.random.default_rng(seed).uniform(*GAPS))
    purchase = purchase_result(summary, config.model)
    promotion = Strategy("promotion", promotion=Promotion(**PROMOTION))
    better = [Strategy(kind, experience=Experience(LIFT, invested_per_order=cost)) for kind, cost in costs.items()]
    runs = []
    for model, structure in VIEWS:
        world, _ = strategy_world(
            summary, purchase, SPEND, config, model=model, joining_per_year=JOINING, observed_deal=0.0
        )
        strategies = [NOTHING, promotion, *(replace(each, name=f"better_{each.name}") for each in better)]
        runs.append(simulate(world, strategies, structure, threads=1))
    found = []
    for kind in KINDS:
        rankings = []
        for run in (_with_one_price(each, kind) for each in runs):
            rankings.append(ranking(run, expected_differences(run), 0.9, seed))
        found.append(Verdict(kind, outcome_of(rankings)[1], kind))
    return found


def company(seed: int) -> CustomerSummary:
    """The customers of a company, from BG/NBD."""
    people = simulate_customers(CUSTOMERS, purchases=TRUTH, T=104.0, births=78.0, seed=seed)
    mean = np.where(people.frequency > 0, VALUE, np.nan)
    table = pd.DataFrame(
        {"frequency": people.frequency, "recency_days": 7 * people.recency, "T_days": 7 * people.T,
         "mean_repeat_value": mean}
    )  # fmt: skip
    return CustomerSummary(table, dt.date(2025, 12, 31), has_money=True)


def _config(seed: int) -> Config:
    strategies = {
        "horizon_weeks": WEEKS, "draws": 200, "customers": 1_000,
        "promotion": PROMOTION, "experience": {"lift": LIFT}, "assumptions": BELIEFS, **MIXES,
    }  # fmt: skip
    return Config(
        name="company",
        data={"transactions": {"sample": "cdnow"}},
        model={"seed": seed},
        economics={"gross_margin": MARGIN, "annual_discount_rate": 0.1},
        strategies=strategies,
    )


def _true_world(summary: CustomerSummary, config: Config, seed: int) -> World:
    """The company as it is: its own purchase process, and effects drawn from what it states of them."""
    truth = draw_parameters(1, 100_000 + seed, given=stated_assumptions(config.strategies), **MIXES)
    fitted = Fitted(MODELS["BG/NBD"], np.array([[TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b]]), None)
    return World(
        base=base_people(summary, fitted, SPEND, truth, TRUE_CUSTOMERS, seed),
        new=new_people(fitted, SPEND, truth, TRUE_CUSTOMERS, seed + 1),
        fitted=fitted,
        parameters=truth,
        economics=Economics(MARGIN, 0.0, 0.1, 0.0),
        customers=len(summary.table),
        coming_per_week=JOINING / WEEKS_PER_YEAR,
        weeks=WEEKS,
        seed=900_000 + seed,
        labels={},
    )


def _costs(truth: World, gap: float) -> dict[str, float]:
    """Cost of an order that makes a company of each kind; where promotion leads, nothing may be its second."""
    promotion = Strategy("promotion", promotion=Promotion(**PROMOTION))
    expectation = Strategy("expectation", experience=Experience(lift=LIFT))
    run = simulate(truth, [NOTHING, promotion, expectation], threads=1)
    base, deal, free = run.profit[0]
    orders = float(run.weekly.orders[0, 2] @ run.discount)
    aims = {"promotion": deal - gap * base, "expectation": deal + gap * base, "tie": deal}
    costs = {kind: (free - aim) / orders for kind, aim in aims.items()}
    if min(costs.values()) < 0 or deal / base - 1 < GAPS[0]:
        raise ValueError(f"no such company: costs {costs}, promotion {deal / base - 1:.1%}")
    return costs


def _with_one_price(run: Simulation, kind: str) -> Simulation:
    """The three strategies of one company."""
    keep = [run.strategy(name) for name in ("nothing", "promotion", f"better_{kind}")]
    pair = np.ix_(keep, keep)
    strategies = [run.strategies[place] for place in keep]
    return replace(
        run,
        strategies=(*strategies[:2], replace(strategies[2], name="expectation")),
        profit=run.profit[:, keep],
        noise_covariance=run.noise_covariance[:, pair[0], pair[1]],
        common_noise=run.common_noise[pair],
    )


def rates(verdicts: list[Verdict]) -> dict[str, float]:
    """Shares by kind: decided, and wrong; a decision where the two tie is not wrong, but it is not wanted either."""
    found: dict[str, float] = {}
    for kind in KINDS:
        of_kind = [each for each in verdicts if each.kind == kind]
        if of_kind:
            found[f"{kind}: decided"] = sum(each.decided for each in of_kind) / len(of_kind)
            if kind != "tie":
                found[f"{kind}: wrong"] = sum(each.wrong for each in of_kind) / len(of_kind)
            found[f"{kind}: said"] = dict(Counter(each.said for each in of_kind))
    return found


def run(repetitions: int = 100, processes: int = 2) -> dict[str, float]:
    """Rates over ``repetitions`` companies of each kind."""
    with ProcessPoolExecutor(processes) as pool:
        return rates([each for of_one in pool.map(verdicts_on, range(repetitions)) for each in of_one])


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
