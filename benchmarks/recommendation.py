"""How good the advice is: companies whose truth is known, analysed as a user would.

Run with ``python -m benchmarks.recommendation [COMPANIES]``. For each company a truth is drawn from the stated ranges,
or from the same moved by a standard deviation; orders come from BG/NBD; the model is fitted, strategies at random
prices are compared, and the advice is held against the profits under the truth. Ranges are the package's own, or a
quarter as wide, as of a company that knows its customers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.config.assumptions import PARAMETERS
from analysis.config.strategies import Experience, Gift, Promotion, Strategy
from analysis.data import CustomerSummary
from analysis.data.simulation import PurchaseTruth, SpendTruth, simulate_customers
from analysis.models.beta_geometric import BGNBD
from analysis.models.fits import PurchaseFit
from analysis.models.gamma_gamma import GammaGamma
from analysis.strategies import compare_strategies
from analysis.strategies.comparison import StrategyComparison
from analysis.strategies.parameters import draw_parameters

TRUTH = PurchaseTruth(r=0.9, alpha=5.0, a=0.6, b=6.0)
CUSTOMERS, MARGIN, JOINING = 2_000, 0.5, 500.0
SETTINGS = (("own", "prior"), ("own", "shifted"), ("quarter", "prior"), ("quarter", "shifted"))
MONEY = {"gross_margin": MARGIN, "horizon": "2Y", "joining_per_year": JOINING}


def company(seed: int) -> CustomerSummary:
    """The customers of a company, from BG/NBD."""
    import datetime as dt

    people = simulate_customers(
        CUSTOMERS, purchases=TRUTH, T=104.0, births=78.0, seed=seed, spend=SpendTruth(6.25, 3.74, 15.44)
    )
    columns = {"customer_id": np.arange(CUSTOMERS), "frequency": people.frequency}
    columns |= {"recency_days": 7 * people.recency, "T_days": 7 * people.T}
    table = pd.DataFrame(columns | {"mean_repeat_value": people.mean_repeat_value})
    return CustomerSummary(table, dt.date(2025, 12, 31), has_money=True)


def offered(rng: np.random.Generator) -> list[Strategy]:
    """Strategies at prices at which some pay and some do not."""
    deal = Promotion(depth=rng.uniform(0.05, 0.3), every_weeks=int(rng.integers(4, 12)))
    points = Promotion(depth=0.0, points=rng.uniform(0.005, 0.05), programme_cost_per_year=rng.uniform(0, 2_000))
    better = Experience(lift=rng.uniform(0.2, 1.2), invested_per_order=rng.uniform(0.05, 3.0))
    gift = Gift(lift=rng.uniform(0.3, 1.5), cost=rng.uniform(0.5, 6.0))
    return [Strategy("weeks", deal), Strategy("programme", points), Strategy("service", None, better),
            Strategy("present", gift=gift), Strategy("weeks_service", deal, better)]  # fmt: skip


def beliefs(rng: np.random.Generator, ranges: str) -> dict[str, dict[str, float]]:
    """What a company states of every assumption: the package's range, or one a quarter as wide inside it."""
    stated = {}
    for each in PARAMETERS:
        low, high, likely = each.low, each.high, each.default
        if ranges == "quarter":
            width = (high - low) / 4
            low = rng.uniform(low, high - width)
            high, likely = low + width, low + width / 2
        stated[each.name] = {"low": low, "high": high, "most_likely": likely}
    return stated


def truth_of(rng: np.random.Generator, stated: dict, where: str) -> dict[str, float]:
    """One draw from what is stated, moved by a standard deviation of it where ``shifted``."""
    drawn = draw_parameters(200, int(rng.integers(1e9)), given={n: _span(s) for n, s in stated.items()}).values
    found = {}
    for each in PARAMETERS:
        value = float(rng.choice(drawn[each.name]))
        if where == "shifted":
            value += float(drawn[each.name].std() * rng.choice([-1, 1]))
        found[each.name] = float(np.clip(value, each.least, each.most))
    return found


def _span(stated):
    from analysis.config.assumptions import Assumption

    return Assumption(**stated)


def under_truth(fit: PurchaseFit, spend, strategies, truth: dict[str, float]) -> StrategyComparison:
    """The strategies as they really are: the true purchase process and the true effects, without uncertainty."""
    process = np.tile([TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b], (len(fit.posterior.draws), 1))
    known = replace(
        fit,
        parameters=dict(zip(fit.parameters, process[0].tolist(), strict=True)),
        posterior=replace(fit.posterior, draws=process),
    )
    return compare_strategies(known, spend, strategies, assumptions=truth, seed=99, **MONEY)


def verdicts_on(job: tuple[int, str, str]) -> list[dict]:
    """One company: each strategy's advice, its stated chance of a loss, and its true profit."""
    seed, ranges, where = job
    rng = np.random.default_rng([seed, 5])
    fit, spend = BGNBD().fit(company(seed), unit="week"), GammaGamma().fit(company(seed))
    strategies, stated = offered(rng), beliefs(rng, ranges)
    said = compare_strategies(fit, spend, strategies, assumptions=stated, **MONEY)
    real = under_truth(fit, spend, strategies, truth_of(rng, stated, where))
    rows = []
    for name, each in said.advice.items():
        true = real.advice[name]
        need = true.need.estimate
        rows.append(
            {"company": seed, "ranges": ranges, "truth": where, "strategy": name, "form": each.form,
             "expected": each.difference.estimate, "loss": each.loss, "real": true.difference.estimate,
             "brackets": each.need.lower <= need <= each.need.upper, "base": real.go_on.estimate}
        )  # fmt: skip
    return rows


def rates(table: pd.DataFrame) -> Iterator[dict]:
    """Regret of rules as a share of the base's profit, false advice to do it, and how stated chances of a loss hold."""
    for (ranges, truth), part in table.groupby(["ranges", "truth"]):
        by_rule = {"advice": [], "best expected": [], "always the dearest hope": [], "never": []}
        for _, rows in part.groupby("company"):
            best, base = max(rows["real"].max(), 0.0), rows["base"].iloc[0]
            done = rows[rows["form"] == "do"]
            chosen = {
                "advice": done.loc[done["expected"].idxmax(), "real"] if len(done) else 0.0,
                "best expected": rows.loc[rows["expected"].idxmax(), "real"] if rows["expected"].max() > 0 else 0.0,
                "always the dearest hope": rows.loc[rows["expected"].idxmax(), "real"],
                "never": 0.0,
            }
            for rule, profit in chosen.items():
                by_rule[rule].append((best - profit) / base)
        loses = part["real"] < 0
        bands = pd.cut(part["loss"], [-0.01, 0.1, 0.35, 0.65, 0.9, 1.0])
        yield {
            "ranges": ranges,
            "truth": truth,
            **{f"regret: {rule}": round(float(np.mean(each)), 4) for rule, each in by_rule.items()},
            "do it, of those that lose": round(float((part["form"][loses] == "do").mean()), 3),
            "loses, by stated chance": (loses.groupby(bands, observed=True).mean().round(2)).tolist(),
            "need holds the truth": round(float(part["brackets"].mean()), 2),
            "forms": part["form"].value_counts().to_dict(),
        }


def run(companies: int = 40, processes: int = 2) -> list[dict]:
    """Rates over so many companies under each setting."""
    jobs = [(seed, *setting) for setting in SETTINGS for seed in range(companies)]
    if processes == 1:
        found = map(verdicts_on, jobs)
    else:
        with ProcessPoolExecutor(processes) as pool:
            found = list(pool.map(verdicts_on, jobs))
    return list(rates(pd.DataFrame([row for rows in found for row in rows])))


if __name__ == "__main__":
    for line in run(*(int(each) for each in sys.argv[1:])):
        print(line)
