"""How often the recommendation is right: companies whose truth is known, analysed as a user would.

Run with ``python -m benchmarks.recommendation [REPETITIONS]`` (100 companies take an hour on two cores). In
each repetition a truth is drawn from the ranges that the company states of its customers; orders are simulated from
BG/NBD; the purchase models are fitted to these, all four built-in strategies compared, and the recommendation is held
against the profits under the truth. The prices of the promotion and of the better experience are set so that one of
the two is truly better than all others by 10 to 30% of the base's profit, or that promotion, expectation and both tie
exactly, above doing nothing.

What it does not cover: the spend model (orders have one value) and the evidence that data give of the dynamics, which
``tests/strategies/evidence`` measures apart.
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

from analysis.config import StrategiesConfig
from analysis.config.assumptions import Assumption
from analysis.config.strategies import NOTHING, Experience, Promotion, Strategy
from analysis.data import CustomerSummary
from analysis.data.simulation import PurchaseTruth, simulate_customers
from analysis.models.fits import fit_all
from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit
from analysis.strategies.comparison import Setting
from analysis.strategies.customers import Fitted, base_people, new_people
from analysis.strategies.decision import outcome_of, ranking
from analysis.strategies.microsimulation import CALENDAR, PER_PURCHASE
from analysis.strategies.newcomers import pool_size
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics
from analysis.strategies.simulation import Inputs, Simulation, simulate
from analysis.time import TimeUnit

TRUTH = PurchaseTruth(r=0.9, alpha=5.0, a=0.6, b=6.0)
CUSTOMERS, VALUE, WEEKS, JOINING, MARGIN = 2_000, 40.0, 104, 1_500.0, 0.7
TRUE_CUSTOMERS = 10_000
GAPS = (0.10, 0.30)
"""By which share of the base's profit the best strategy is better than the next, where one is: evenly between these,
and for a promotion at most by what it earns more than nothing."""
BANDS = (0.10, 0.15, 0.20)
"""Lower ends of the bands of gaps by which decisions are counted."""
BELIEFS = {
    "promotional_lift": {"low": 0.6, "high": 0.73},
    "borrowed": {"low": 0.04, "high": 0.11},
    "gamma_deal": {"low": 0.0, "high": 0.3},
    "theta_deal": {"low": 0.0, "high": 0.5},
    "won": {"low": 0.8, "high": 1.0},
    "won_value": {"low": 0.9, "high": 1.1},
    "mercenary_share": {"low": 0.05, "high": 0.15},
    "theta_exp": {"low": 0.55, "high": 0.65},
    "gamma_exp": {"low": 0.3, "high": 0.38},
    "kappa_exp": {"low": 0.05, "high": 0.07},
    "delivery": {"low": 0.95, "high": 1.05},
    "inconsistency": {"low": 0.1, "high": 0.2},
    "sector_rise": {"low": 0.0, "high": 0.05},
    "referrals": {"low": 0.0, "high": 0.005},
    "type_contrast": {"low": 0.8, "high": 1.2},
}
"""What such a company has learned about its customers: ranges inside the package's own, at most a quarter as wide."""
STATED = {name: Assumption(**span) for name, span in BELIEFS.items()}
MIXES = {
    "types": {"service": 0.3, "offer": 0.25, "brand": 0.25, "at_hand": 0.2},
    "bindings": {"situational": 0.4, "economic": 0.1, "legal": 0.1, "emotional": 0.2, "technical": 0.2},
}
PROMOTION = {"depth": 0.3, "every_weeks": 2, "coverage": 1.0, "redemption": 0.9}
LIFT = 1.6
SPEND = SpendFit("constant", {"mean": VALUE}, {}, math.nan, 100, 0, VALUE)
VIEWS = (("BG/NBD", PER_PURCHASE), ("BG/NBD", CALENDAR), ("MBG/NBD", PER_PURCHASE))
KINDS = ("promotion", "expectation", "tie")


@dataclass(frozen=True)
class Verdict:
    """What was said of a company: the recommended strategy (None for undecided), and the truly best, or ``tie``.

    ``gap`` is by which share of the base's profit the best is truly better than the next.
    """

    kind: str
    said: str | None
    best: str
    gap: float = 0.0

    @property
    def decided(self) -> bool:
        return self.said is not None

    @property
    def wrong(self) -> bool:
        return self.decided and self.said != self.best


def verdicts_on(seed: int) -> list[Verdict]:
    """One company with three price lists, one for each kind, analysed."""
    summary = company(seed)
    truth = _true_inputs(summary, seed)
    prices = _prices(truth, np.random.default_rng(seed).uniform(*GAPS))
    fits, setting = fit_all(summary, time_unit=TimeUnit.WEEK, seed=seed), _setting(seed)
    runs = []
    for model, structure in VIEWS:
        inputs = setting.inputs(fits[model].of(summary), SPEND)
        runs.append(simulate(inputs, PRICED, structure, threads=1))
    found = []
    for kind in KINDS:
        rankings = [ranking(at_prices(each, prices[kind]), 0.9, seed) for each in runs]
        found.append(Verdict(kind, outcome_of(rankings)[1], kind, prices[kind].gap))
    return found


@dataclass(frozen=True)
class Prices:
    """What the better experience costs for each order, and the promotion's programme a year [currency].

    ``gap`` is by which share of the base's profit the best strategy is then better than the next.
    """

    per_order: float
    per_year: float
    gap: float = 0.0


def strategies_at(prices: Prices) -> list[Strategy]:
    """All four strategies at these prices."""
    promotion = Promotion(**PROMOTION, programme_cost_per_year=prices.per_year)
    better = Experience(LIFT, invested_per_order=prices.per_order)
    sides = {"promotion": (promotion, None), "expectation": (None, better), "both": (promotion, better)}
    return [NOTHING, *(Strategy(name, deal, experience) for name, (deal, experience) in sides.items())]


FREE, DEAR = Prices(0.0, 0.0), Prices(10.0, 0.0)
PRICED = [
    *strategies_at(FREE),
    *(Strategy(f"dear_{each.name}", each.promotion, each.experience) for each in strategies_at(DEAR)[2:]),
]
"""What strategies cost moves no customer, so that profit is linear in prices: two of them tell those of all others."""


def at_prices(run: Simulation, prices: Prices) -> Simulation:
    """The four strategies at other prices, from a simulation of ``PRICED``: their profits and errors alone."""
    dear = prices.per_order / DEAR.per_order
    mix = np.zeros((4, len(PRICED)))
    mix[[0, 1, 2, 3], [0, 1, 2, 3]] = 1.0, 1.0, 1 - dear, 1 - dear
    mix[[2, 3], [4, 5]] = dear
    programme = prices.per_year / WEEKS_PER_YEAR * float(run.discount.sum()) * np.array([0.0, 1.0, 0.0, 1.0])
    return replace(
        run.among([each.name for each in strategies_at(prices)]),
        strategies=tuple(strategies_at(prices)),
        profit=run.profit @ mix.T - programme,
        noise_covariance=mix @ run.noise_covariance @ mix.T,
        common_noise=mix @ run.common_noise @ mix.T,
    )


def company(seed: int) -> CustomerSummary:
    """The customers of a company, from BG/NBD."""
    people = simulate_customers(CUSTOMERS, purchases=TRUTH, T=104.0, births=78.0, seed=seed)
    mean = np.where(people.frequency > 0, VALUE, np.nan)
    table = pd.DataFrame(
        {"frequency": people.frequency, "recency_days": 7 * people.recency, "T_days": 7 * people.T,
         "mean_repeat_value": mean}
    )  # fmt: skip
    return CustomerSummary(table, dt.date(2025, 12, 31), has_money=True)


def _setting(seed: int) -> Setting:
    return Setting(
        economics=Economics(MARGIN, 0.0, 0.1, 0.0),
        weeks=WEEKS,
        stated=StrategiesConfig(draws=200, customers=1_000, assumptions=BELIEFS, **MIXES),
        coming_per_week=JOINING / WEEKS_PER_YEAR,
        seed=seed,
    )


def _true_inputs(summary: CustomerSummary, seed: int) -> Inputs:
    """The company as it is: its own purchase process, and effects drawn from what it states of them."""
    truth = draw_parameters(1, 100_000 + seed, given=STATED, **MIXES)
    fitted = Fitted(MODELS["BG/NBD"], np.array([[TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b]]), None)
    return Inputs(
        base=base_people(summary, fitted, SPEND, truth, TRUE_CUSTOMERS, 900_000 + seed),
        new=new_people(fitted, SPEND, truth, pool_size(TRUE_CUSTOMERS, WEEKS), 900_000 + seed),
        fitted=fitted,
        parameters=truth,
        economics=Economics(MARGIN, 0.0, 0.1, 0.0),
        customers=len(summary.table),
        coming_per_week=JOINING / WEEKS_PER_YEAR,
        weeks=WEEKS,
        seed=900_000 + seed,
        labels={},
    )


def _prices(truth: Inputs, gap: float) -> dict[str, Prices]:
    """Prices that make a company of each kind, from its profits at no price at all.

    Where promotion leads, the experience is so dear that neither it nor both come within the gap; where expectation
    leads, the programme is so dear that neither promotion nor both earn more than nothing. In a tie, experience on top
    of the promotion just pays for itself, and the programme costs what promotion would earn more than expectation.
    """
    run = simulate(truth, strategies_at(FREE), threads=1)
    base, deal, better, both = run.profit[0]
    of_better, of_both = (float(run.weekly.orders[0, place] @ run.discount) for place in (2, 3))
    years = float(run.discount.sum()) / WEEKS_PER_YEAR
    lead = min(gap * base, deal - base)
    dear = max((better - deal + lead) / of_better, (both - deal + lead) / of_both)
    fair = (better - base * (1 + gap)) / of_better
    even = (both - deal) / of_both
    prices = {
        "promotion": Prices(dear, 0.0, lead / base),
        "expectation": Prices(fair, max(deal - base, both - fair * of_both - base, 0.0) / years, gap),
        "tie": Prices(even, (deal - better + even * of_better) / years),
    }
    least = min(price for each in prices.values() for price in (each.per_order, each.per_year))
    if least < 0 or lead < GAPS[0] * base or better - even * of_better < base:
        raise ValueError(f"no such company: prices {prices}, promotion {deal / base - 1:.1%}")
    return prices


def rates(verdicts: list[Verdict]) -> dict[str, object]:
    """Shares by kind: decided, and wrong; a decision where the two tie is not wrong, but it is not wanted either."""
    found: dict[str, object] = {}
    for kind in KINDS:
        of_kind = [each for each in verdicts if each.kind == kind]
        if of_kind:
            found[f"{kind}: decided"] = sum(each.decided for each in of_kind) / len(of_kind)
            if kind != "tie":
                found |= {f"{kind}: decided, {band}": share for band, share in _by_band(of_kind).items()}
                found[f"{kind}: wrong"] = sum(each.wrong for each in of_kind) / len(of_kind)
            found[f"{kind}: said"] = dict(Counter(each.said for each in of_kind))
    return found


def _by_band(verdicts: list[Verdict]) -> dict[str, str]:
    """Band of gaps -> how many were decided, of how many."""
    bands: dict[str, list[bool]] = {f"gap from {lower:.0%}": [] for lower in BANDS}
    for each in verdicts:
        lower = max((lower for lower in BANDS if lower <= each.gap), default=BANDS[0])
        bands[f"gap from {lower:.0%}"].append(each.decided)
    return {band: f"{sum(decided)} of {len(decided)}" for band, decided in bands.items()}


def run(repetitions: int = 100, processes: int = 2) -> dict[str, object]:
    """Rates over ``repetitions`` companies of each kind."""
    with ProcessPoolExecutor(processes) as pool:
        return rates([each for of_one in pool.map(verdicts_on, range(repetitions)) for each in of_one])


if __name__ == "__main__":
    for what, share in run(int(sys.argv[1]) if len(sys.argv) > 1 else 100).items():
        print(f"{what}: {share}")
