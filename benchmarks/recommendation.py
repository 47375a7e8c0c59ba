"""How good the advice is: companies whose truth is known, analysed as a user would, and the advice followed through.

Run with ``python -m benchmarks.recommendation [COMPANIES] [PROCESSES]``; 40 companies take 25 processor minutes.
For each company a truth is drawn from the stated ranges, or from the same moved by a standard deviation; orders come
from BG/NBD; the model is fitted, strategies at random prices are compared, and what comes of following the advice is
held against other rules. Ranges are the package's own, or a quarter as wide, as of a company that knows its customers.

Every strategy is judged on its own, against going on as today. A test is followed through: what it costs, what its arm
earns or loses, the horizon that is left, and the decision by a result that chance moves. The best rule knows what the
advice knows: it takes whatever is worth most over the draws, and weighs the draws by the result of a test.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import norm

import analysis as rl
from analysis.config.assumptions import PARAMETERS, Assumption
from analysis.config.strategies import Experience, Gift, Promotion, Strategy
from analysis.data.simulation import PurchaseTruth, SpendTruth, simulate_transactions
from analysis.strategies.comparison import StrategyComparison, compare_strategies
from analysis.strategies.decision import (
    DO,
    DO_NOT,
    EITHER,
    FIND_OUT_FIRST,
    TRY_FIRST,
    Advice,
    untested,
    worth_of_asking,
)
from analysis.strategies.dynamics import draw_parameters
from analysis.strategies.schedule import WEEKS_PER_YEAR
from analysis.strategies.trial import early_of

TRUTH = PurchaseTruth(r=0.9, alpha=5.0, a=0.6, b=6.0)
CUSTOMERS, MARGIN, JOINING = 10_000, 0.5, 2_500.0
SETTINGS = (("own", "prior"), ("own", "shifted"), ("quarter", "prior"), ("quarter", "shifted"))
MONEY = {"gross_margin": MARGIN, "horizon": "2Y", "new_customers_per_year": JOINING}
TEST_COSTS = 100.0, 2_000.0
"""Of a test or an answer, drawn between these on a scale of ratios; the base's profit is about 1,100,000."""
DRAWS, DRAWS_OF_TRUTH = 200, 60
"""Posterior draws of a comparison, and of one under the truth, in which only lives differ: fewer than a user has."""
RULES = ("advice", "best rule", "always doing", "never doing", "always trying", "doing where expected to pay")
FIRST = 200
"""Seed of the first company; the rule was mended after those of 0 to 11 and of 100 to 119."""
BANDS = (0.0, 0.1, 0.35, 0.65, 0.9, 1.0)
CHANCE = norm.ppf((np.arange(41) + 0.5) / 41)


def company(seed: int):
    """The orders of a company, from BG/NBD, and the models fitted to them."""
    spend = SpendTruth(6.25, 3.74, 15.44)
    frame = simulate_transactions(CUSTOMERS, purchases=TRUTH, spend=spend, window_days=749, birth_days=546, seed=seed)
    columns = {"customer": "customer", "date": "date", "amount": "amount"}
    orders = rl.read_orders(frame, **columns, currency="EUR")
    return fewer(rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders), DRAWS)


def fewer(fit, spend, count: int):
    """The fits with their first posterior draws."""
    return tuple(replace(each, posterior=replace(each.posterior, draws=each.posterior.draws[:count]))
                 for each in (fit, spend))  # fmt: skip


def offered(rng: np.random.Generator) -> list[Strategy]:
    """Strategies at prices at which some pay and some do not."""
    deal = Promotion(depth=rng.uniform(0.05, 0.3), every_weeks=int(rng.integers(4, 12)))
    points = Promotion(depth=0.0, points=rng.uniform(0.005, 0.05), programme_cost_per_year=rng.uniform(0, 10_000))
    better = Experience(lift=rng.uniform(0.2, 1.2), invested_per_order=rng.uniform(0.05, 3.0))
    gift = Gift(lift=rng.uniform(0.3, 1.5), cost=rng.uniform(0.5, 6.0))
    return [Strategy("weeks", deal), Strategy("programme", points), Strategy("service", None, better),
            Strategy("present", gift=gift), Strategy("weeks_service", deal, better)]  # fmt: skip


def beliefs(rng: np.random.Generator, ranges: str) -> dict[str, Assumption]:
    """What a company states of every assumption: the package's range, or one a quarter as wide inside it."""
    stated = {}
    for each in PARAMETERS:
        low, high, likely = each.low, each.high, each.default
        if ranges == "quarter":
            width = (high - low) / 4
            low = rng.uniform(low, high - width)
            high, likely = low + width, low + width / 2
        stated[each.name] = Assumption(low=low, high=high, most_likely=likely)
    return stated


def truth_of(rng: np.random.Generator, stated: dict[str, Assumption], where: str) -> dict[str, float]:
    """One draw from what is stated, every number moved by a standard deviation of it where ``shifted``."""
    drawn = draw_parameters(200, int(rng.integers(1e9)), given=stated).values
    found = {}
    for each in PARAMETERS:
        value = float(rng.choice(drawn[each.name]))
        if where == "shifted":
            value += float(drawn[each.name].std() * rng.choice([-1, 1]))
        found[each.name] = float(np.clip(value, each.least, each.most))
    return found


def under_truth(fit, spend, strategies, truth: dict[str, float]) -> StrategyComparison:
    """The strategies as they really are: the true purchase process and the true effects, without uncertainty."""
    known, spend = fewer(fit, spend, DRAWS_OF_TRUTH)
    process = np.tile([TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b], (DRAWS_OF_TRUTH, 1))
    parameters = dict(zip(fit.parameters, process[0].tolist(), strict=True))
    known = replace(known, parameters=parameters, posterior=replace(known.posterior, draws=process))
    return compare_strategies(known, spend, strategies, assumptions=truth, seed=99, **MONEY)


class Offer:
    """One strategy: what is said of it, and what each rule that is followed through really earns."""

    def __init__(self, said: StrategyComparison, real: StrategyComparison, truth: dict[str, float], row: int):
        self.said, self.real, self.truth, self.row = said, real, truth, row
        self.name = said.names[row]
        self.draws, self.earns = said.draws[row], float(real.draws[row].mean())
        self.trials = list(said.trials[said.trials["strategy"] == self.name].itertuples())

    @property
    def advice(self) -> Advice:
        return self.said.advice[self.name]

    def of_advice(self) -> float:
        """What following the advice earns."""
        advice = self.advice
        if advice.form == TRY_FIRST:
            return self.tried(advice.trial, self.trusted)
        if advice.form == FIND_OUT_FIRST:
            return self.asked()
        if advice.form == EITHER:
            other = self.said.advice.get(advice.other)
            is_cheaper = other is not None and other.cost < advice.cost
            return float(self.real.draws[self.said.names.index(other.strategy)].mean()) if is_cheaper else (
                self.earns if other is not None else 0.0)  # fmt: skip
        return {DO: self.earns, DO_NOT: 0.0}[advice.form]

    def tried(self, trial, decides) -> float:
        """What a test and the decision after it earn, over what chance does to its result."""
        share = trial.weeks / WEEKS_PER_YEAR / self.said.years
        seen = float(early_of(self.real, self.row, trial.weeks, trial.group).mean())
        done = decides(trial, seen + trial.error * CHANCE).mean()
        return self.during(trial, seen) - self.said.finding_out_costs + done * (1 - share) * self.earns

    def during(self, trial, difference):
        fixed = self.said.strategies[self.row].fixed_per_year * trial.weeks / WEEKS_PER_YEAR
        return difference * trial.customers / 2 - fixed

    def trusted(self, trial, result) -> np.ndarray:
        """Whether it is done after a result, as the report says: from where on it pays."""
        rises = np.cov(self.draws, early_of(self.said, self.row, trial.weeks, trial.group))[0, 1] > 0
        pays = result > trial.pays_from if rises else result < trial.pays_from
        return pays if np.isfinite(trial.pays_from) else np.full(np.shape(result), self.draws.mean() > 0)

    def weighed(self, trial, result) -> np.ndarray:
        """Whether it is done after a result, by the draws weighted with what the result makes of them."""
        early = early_of(self.said, self.row, trial.weeks, trial.group)
        # A kernel keeps single draws from standing for all others where a test tells much.
        width = np.hypot(trial.error, early.std() * len(early) ** -0.2)
        fits = np.exp(-0.5 * ((np.reshape(result, (-1, 1)) - early) / width) ** 2) + 1e-300
        return fits @ self.draws > 0

    def asked(self) -> float:
        """What asking for the assumption that decides, and the decision by its true value, earn."""
        values = self.said.parameters.values[self.advice.asked.name]
        line = np.polyfit(values - values.mean(), self.draws, 2)
        told = np.polyval(line, self.truth[self.advice.asked.name] - values.mean())
        return self.earns * (told > 0) - self.said.finding_out_costs

    def of_best_rule(self) -> float:
        """What is worth most over the draws: to do it, not to, any of the tests, or the answer."""
        worth = {("not",): 0.0, ("do",): self.draws.mean()}
        asked, of_asking = worth_of_asking(self.draws, self.said.parameters.values, self.said.parameters.origin)
        if asked is not None:
            worth["ask",] = of_asking + untested(self.draws) - self.said.finding_out_costs
        for trial in self.trials:
            early = early_of(self.said, self.row, trial.weeks, trial.group)
            share = trial.weeks / WEEKS_PER_YEAR / self.said.years
            results = early[:, None] + trial.error * CHANCE[2::4]
            done = self.weighed(trial, results).reshape(results.shape).mean(axis=1)
            later = (1 - share) * (done * self.draws).mean() - self.said.finding_out_costs
            worth["try", trial] = later + self.during(trial, early.mean())
        what, *more = max(worth, key=worth.get)
        if what == "try":
            return self.tried(more[0], self.weighed)
        return {"not": lambda: 0.0, "do": lambda: self.earns, "ask": self.asked}[what]()

    def of_always_trying(self) -> float:
        """What the test that is worth most earns, worth its price or not."""
        return self.tried(max(self.trials, key=lambda each: each.worth), self.trusted)

    def row_of_table(self) -> dict:
        advice, expected = self.advice, float(self.draws.mean())
        need = float(self.real.advice[self.name].need.estimate)
        earned = (self.of_advice(), self.of_best_rule(), self.earns, 0.0, self.of_always_trying(),
                  self.earns if expected > 0 else 0.0)  # fmt: skip
        return {"strategy": self.name, "form": advice.form, "expected": expected, "loss": advice.loss,
                "real": self.earns, "base": self.real.go_on.estimate, **dict(zip(RULES, earned, strict=True)),
                "brackets": advice.need.lower <= need <= advice.need.upper}  # fmt: skip


def verdicts_on(seed: int) -> list[dict]:
    """One company under every setting: each strategy's advice, its stated chance of a loss, and what rules earn."""
    rows = []
    fit, spend = company(seed)
    for number, (ranges, where) in enumerate(SETTINGS):
        rng = np.random.default_rng([seed, 5, number])
        strategies, stated = offered(rng), beliefs(rng, ranges)
        test = float(np.exp(rng.uniform(*np.log(TEST_COSTS))))
        said = compare_strategies(fit, spend, strategies, assumptions=stated, finding_out_costs=test, **MONEY)
        truth = truth_of(rng, stated, where)
        real = under_truth(fit, spend, strategies, truth)
        offers = (Offer(said, real, truth, row).row_of_table() for row in range(1, len(said.names)))
        rows += [{"company": seed, "ranges": ranges, "truth": where} | each for each in offers]
    return rows


def rates(table: pd.DataFrame) -> Iterator[dict]:
    """Regret of rules as a share of the base's profit, false advice to do it, and how stated chances of a loss hold."""
    for (ranges, truth), part in table.groupby(["ranges", "truth"], sort=False):
        best, loses = np.maximum(part["real"], 0.0), part["real"] < 0
        lost = {rule: ((best - part[rule]) / part["base"]).mean() for rule in RULES}
        regret = {f"regret of {rule} [%]": round(100 * float(each), 2) for rule, each in lost.items()}
        less = ((part["best rule"] - part["advice"]) / part["base"]).groupby(part["company"]).mean()
        bands = pd.cut(part["loss"], BANDS, include_lowest=True)
        held = loses.groupby(bands, observed=True).agg(["mean", "size"])
        own = part[part["strategy"] == "programme"]
        yield {
            "ranges, truth": f"{ranges}, {truth}",
            **regret,
            "advice against best rule": round(float(lost["advice"] / lost["best rule"]), 2),
            "advice less best rule [%]": f"{100 * less.mean():.2f} ± {100 * less.sem():.2f}",
            "“do it”, of those that lose [%]": round(100 * float((part["form"][loses] == "do").mean()), 1),
            **{f"lost where {abs(band.left):.0%} to {band.right:.0%} was said":
               f"{row['mean']:.0%} of {row['size']:.0f}" for band, row in held.iterrows()},
            "break-even of an own programme holds the truth [%]": round(100 * float(own["brackets"].mean())),
            **{f"“{form}”": int(count) for form, count in part["form"].value_counts().items()},
        }  # fmt: skip


def run(companies: int = 40, processes: int = 1) -> pd.DataFrame:
    """Every strategy of so many companies under each setting."""
    seeds = range(FIRST, FIRST + companies)
    if processes == 1:
        found = list(map(verdicts_on, seeds))
    else:
        with ProcessPoolExecutor(processes) as pool:
            found = list(pool.map(verdicts_on, seeds))
    return pd.DataFrame([row for rows in found for row in rows])


if __name__ == "__main__":
    print(pd.DataFrame(rates(run(*(int(each) for each in sys.argv[1:])))).set_index("ranges, truth").T.to_string())
