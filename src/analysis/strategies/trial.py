"""The experiment with one strategy: what these customers can show, what that is worth, and who is assigned.

Customers are assigned to two arms at random; the outcome is their margin over some weeks, compared by a regression on
their margin over as many weeks before, which takes the share rho^2 of the variance out [1]_. Variance and rho come from
the base's own last weeks, the difference to be expected from the simulation. An experiment tells of the profit over
the whole horizon as far as the two go together over the draws of everything uncertain.

References
----------
.. [1] Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
   pre-experiment data, WSDM '13:123-132.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.interval import Interval
from analysis.strategies.decision import smooth, untested, worth_of_knowing
from analysis.strategies.experiment import Period, margins_of
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics
from analysis.strategies.simulation import SEGMENTS, WINDOWS, ranks_of

if TYPE_CHECKING:
    from analysis.data import Orders
    from analysis.strategies.comparison import StrategyComparison

POWER = 0.8
FEWEST_CUSTOMERS = 20
LARGEST_CORRELATION = 0.999
"""Beyond this the past tells the outcome, and nothing is left to size an experiment by."""
LEAST_CHANCE = 0.1
"""That a result changes what is done, from which on a trial can show the break-even."""
STRATA = 10
GROUPS = {"all": SEGMENTS, "top_tenth": SEGMENTS[:1]}
OUTCOMES = ("weeks", "group", "outcome", "customers", "deviation", "correlation")
MEASURED = 20_000
"""Customers at most, drawn by lot, from whom it is told how outcomes spread."""


def outcomes_of(orders: Orders | None, economics: Economics, worth: np.ndarray) -> pd.DataFrame:
    """What experiments on these customers would measure; empty where orders are not known or too short.

    Parameters
    ----------
    worth
        What each customer is expected to bring, shape (customers,).

    Returns
    -------
    DataFrame
        weeks (how long it runs); group (``all`` customers, or the ``top_tenth`` by what they are expected to bring);
        outcome (``margin``, or ``orders``, each at the mean margin of all: how much baskets differ adds no chance then,
        and what an arm is known to have given away is taken off); customers (who can take part: those of the group
        with an order before it); deviation (of a customer's outcome over the weeks [currency]) and correlation (with
        the weeks before).
    """
    rows, every = [], len(worth)
    some = np.sort(np.random.default_rng([every, 63]).permutation(every)[:MEASURED])
    segment = ranks_of(worth)[some]
    days = 0 if orders is None else (orders.observation_end - orders.observation_start).days + 1
    for weeks in (each for each in WINDOWS if days >= 2 * each * 7):
        last = orders.observation_end
        period = Period(last - dt.timedelta(days=weeks * 7 - 1), last, weeks * 7, weeks * 7)
        money, _ = margins_of(orders, some, period, economics)
        for group, segments in GROUPS.items():
            inside = money[~money["newcomer"] & (segment < len(segments))]
            if len(inside) < FEWEST_CUSTOMERS or inside["during"].std() == 0:
                continue
            count = round(len(inside) * every / len(some))
            of_an_order = inside["during"].sum() / inside["orders"].sum()
            pooled = inside[["orders", "orders_before"]] * of_an_order
            outcomes = {"margin": inside[["during", "before"]], "orders": pooled}
            for outcome, table in outcomes.items():
                deviation, earlier = table.std()
                rho = float(table.corr().iloc[0, 1]) if deviation > 0 and earlier > 0 else 0.0
                if deviation > 0 and abs(rho) <= LARGEST_CORRELATION:
                    rows.append((weeks, group, outcome, count, float(deviation), rho))
    return pd.DataFrame(rows, columns=list(OUTCOMES))


def trials_of(found: StrategyComparison) -> pd.DataFrame:
    """The experiments with every strategy against going on as today, on half of a group of customers each.

    Returns
    -------
    DataFrame
        strategy and the columns of ``outcomes_of``; error: of the difference that is measured; expected (an
        ``Interval`` over everything uncertain): difference of a customer's margin; break_even: the difference at which
        the strategy just pays over the whole horizon; pays_from: the measured one from which on it is then done, which
        trusts a result as far as its error allows; detectable: the one that shows with a chance of 80% [all currency a
        customer]; worth: of the trial in all, net of what it costs and delays, over choosing untested [currency];
        shows: whether its result would change what is done in at least one of ten cases.
    """
    tried = list(enumerate(found.names))[1:]
    rows = [{"strategy": name, **each, **_trial(found, row, **each)}
            for row, name in tried for each in found.outcomes.to_dict("records")]  # fmt: skip
    columns = ("error", "expected", "break_even", "pays_from", "detectable", "worth", "shows")
    return pd.DataFrame(rows, columns=["strategy", *OUTCOMES, *columns])


def early_of(found: StrategyComparison, row: int, weeks: int, group: str) -> np.ndarray:
    """Difference of a customer's margin that a trial would see, by draw, freed of the luck of lives [currency]."""
    segments = len(GROUPS[group])
    each = found.early[WINDOWS.index(weeks), row][:, :segments].sum(axis=1) / found.segments[1][:segments].sum()
    return smooth(each[None], found.uncertain)[0]


def _trial(
    found: StrategyComparison, row: int, weeks: int, group: str, customers: int, deviation: float, correlation: float,
    **_: str,
) -> dict[str, Any]:  # fmt: skip
    """One experiment, from what it would see early and what that says of the whole horizon."""
    draws, share = found.draws[row], weeks / WEEKS_PER_YEAR / found.years
    each = early_of(found, row, weeks, group)
    error = float(np.sqrt(4 / customers) * deviation * np.sqrt(1 - correlation**2))
    slope = float(np.cov(draws, each)[0, 1] / max(each.var(ddof=1), 1e-300))
    mean, seen, spread = float(draws.mean()), float(each.mean()), float(each.std(ddof=1))
    trusted = spread**2 / (spread**2 + error**2) if spread > 0 else 0.0
    fixed = found.strategies[row].fixed_per_year * weeks / WEEKS_PER_YEAR
    decided = worth_of_knowing(mean + slope * np.sqrt(trusted) * (each - seen)) * max(1 - share, 0.0)
    detectable = float((norm.ppf((1 + found.level) / 2) + norm.ppf(POWER)) * error)
    pays_from = seen - mean / (slope * trusted) if slope * trusted else np.inf
    return {
        "error": error,
        "expected": Interval.of_draws(each, found.level),
        "break_even": seen - mean / slope if slope else np.inf,
        "pays_from": pays_from,
        "detectable": detectable,
        "worth": decided + seen * customers / 2 - fixed - found.finding_out_costs - untested(draws),
        "shows": bool(norm.sf(abs(pays_from - seen) / np.hypot(spread, error)) >= LEAST_CHANCE),
    }


def assignment(customers: pd.DataFrame, arms: tuple[str, ...] = ("nothing", "tried"), seed: int = 1) -> pd.DataFrame:
    """Customers assigned to arms by lot within tenths of what they are expected to bring: customer, arm.

    Parameters
    ----------
    customers
        Columns customer_id and residual_clv, such as ``value.customers``, of those who take part.
    arms
        As many for each; one that stands there twice gets twice as many.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": list("abcdefgh"), "residual_clv": range(8)})
    >>> sorted(assignment(table)["arm"].value_counts().items())
    [('nothing', 4), ('tried', 4)]
    """
    rng = np.random.default_rng([seed, 61])
    worth = customers["residual_clv"].rank(method="first").to_numpy()
    stratum = ((worth - 1) * STRATA // max(len(customers), 1)).astype(int)
    place = np.empty(len(customers), dtype=int)
    place[np.lexsort([rng.random(len(customers)), stratum])] = np.arange(len(customers))
    return pd.DataFrame({"customer": customers["customer_id"], "arm": np.array(arms)[place % len(arms)]})
