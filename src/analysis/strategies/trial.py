"""The experiment with one strategy: what these customers can show, what that is worth, and who is assigned.

Customers are assigned to two arms at random; the outcome is their margin over some weeks, compared by a regression on
their margin over as many weeks before, which takes the share rho^2 of the variance out [1]_. Variance and rho come from
the base's own last weeks, the difference to be expected from the simulation. An experiment tells of the profit over
the whole horizon as far as the two go together over the draws of everything uncertain [2]_.

References
----------
.. [1] Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
   pre-experiment data, WSDM '13:123-132.
.. [2] Raiffa, Schlaifer (1961), Applied Statistical Decision Theory.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.interval import Interval
from analysis.strategies.decision import worth_of_trying
from analysis.strategies.experiment import Period, margins_of
from analysis.strategies.lives import ranks_of
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics
from analysis.strategies.simulation import SEGMENTS, WINDOWS

if TYPE_CHECKING:
    from analysis.data import Orders
    from analysis.models.fits import PurchaseFit
    from analysis.strategies.comparison import StrategyComparison

POWER = 0.8
FEWEST_CUSTOMERS = 20
LARGEST_CORRELATION = 0.999
"""Beyond this the past tells the outcome, and nothing is left to size an experiment by."""
LEAST_EFFECT, FEWEST_IN_AN_ARM = 1e-4, 10
STRATA = 10
GROUPS = {"all": SEGMENTS, "top_tenth": SEGMENTS[:1]}


@dataclass(frozen=True)
class Trial:
    """An experiment with a strategy against going on as today, on half of a group of customers each.

    Attributes
    ----------
    weeks, group
        How long it runs; ``all`` customers, or the ``top_tenth`` by what they are expected to bring.
    customers
        Who can take part: those of the group with an order before it.
    deviation, correlation
        Standard deviation of a customer's margin over the weeks [currency], and its correlation with the weeks before.
    expected
        Expected difference of a customer's margin [currency], with its interval over everything uncertain.
    break_even
        The difference at which the strategy just pays over the whole horizon [currency a customer].
    detectable, power
        The difference that shows with a chance of 80% [currency a customer]; the chance that the expected one shows.
    customers_per_arm
        Needed for that chance if the difference is the expected one; None where none is expected.
    worth
        What the trial is worth in all, net of what it costs and delays [currency].
    shows
        Whether it can tell the break-even from what is possible on either side of it.
    """

    weeks: int
    group: str
    customers: int
    deviation: float
    correlation: float
    expected: Interval
    break_even: float
    detectable: float
    power: float
    customers_per_arm: int | None
    worth: float
    shows: bool


def trials_of(
    found: StrategyComparison, fit: PurchaseFit, economics: Economics, early: np.ndarray, worth: np.ndarray
) -> dict[str, tuple[Trial, ...]]:
    """Experiments of every strategy; none where orders are not known or too short.

    Parameters
    ----------
    early
        Difference of undiscounted margin within ``WINDOWS``, shape (windows, S, D, segments) [currency].
    worth
        What each customer is expected to bring, shape (customers,).
    """
    outcomes = {} if fit.orders is None else dict(_outcomes(fit.orders, economics, worth))
    return {
        name: tuple(
            trial_of(found, row, window, group, early[WINDOWS.index(window), row][:, : len(GROUPS[group])], outcome)
            for (window, group), outcome in outcomes.items()
        )
        for name, row in zip(found.names[1:], range(1, len(found.names)), strict=True)
    }


def _outcomes(orders: Orders, economics: Economics, worth: np.ndarray):
    """Window and group -> customers, standard deviation of their margins, and correlation with the weeks before."""
    days, segment = (orders.observation_end - orders.observation_start).days + 1, ranks_of(worth)
    for weeks in WINDOWS:
        if days < 2 * weeks * 7:
            return
        last = orders.observation_end
        period = Period(last - dt.timedelta(days=weeks * 7 - 1), last, weeks * 7, weeks * 7)
        money = margins_of(orders, orders.histories.table["customer_id"], period, economics)
        for group, segments in GROUPS.items():
            inside = ~money.newcomer & (segment < len(segments))
            during, before = money.during[inside], money.before[inside]
            if inside.sum() < FEWEST_CUSTOMERS or during.std() == 0:
                continue
            rho = float(np.corrcoef(during, before)[0, 1]) if before.std() > 0 else 0.0
            if abs(rho) <= LARGEST_CORRELATION:
                yield (weeks, group), (int(inside.sum()), float(during.std(ddof=1)), rho)


def trial_of(
    found: StrategyComparison, row: int, weeks: int, group: str, early: np.ndarray, outcome: tuple[int, float, float]
) -> Trial:
    """One experiment, from what it would see early and what that says of the whole horizon."""
    (customers, deviation, rho), strategy = outcome, found.strategies[row]
    draws, share = found.draws[row], weeks / WEEKS_PER_YEAR / found.years
    size = sum(found.segments[1][: len(GROUPS[group])])
    each = early.sum(axis=1) / size
    error = np.sqrt(4 / customers) * deviation * np.sqrt(1 - rho**2)
    slope = float(np.cov(draws, each)[0, 1] / max(each.var(ddof=1), 1e-300))
    mean, spread = float(draws.mean()), float(each.std(ddof=1))
    told = abs(slope) * spread**2 / np.sqrt(spread**2 + error**2) if spread > 0 else 0.0
    during = each.mean() * customers / 2 - strategy.fixed_per_year * weeks / WEEKS_PER_YEAR
    worth = worth_of_trying(mean, told) * max(1 - share, 0.0) + during - found.finding_out_costs - max(mean, 0.0)
    reach, break_even = norm.ppf((1 + found.level) / 2), each.mean() - mean / slope if slope else np.inf
    detectable = (reach + norm.ppf(POWER)) * error
    ends = np.quantile(each, [(1 - found.level) / 2, (1 + found.level) / 2])
    effect = abs(each.mean()) / (deviation * np.sqrt(1 - rho**2))
    shown = abs(each.mean()) / error
    return Trial(
        weeks=weeks,
        group=group,
        customers=customers,
        deviation=deviation,
        correlation=rho,
        expected=Interval(float(each.mean()), *ends.tolist(), found.level),
        break_even=float(break_even),
        detectable=float(detectable),
        power=float(norm.sf(reach - shown) + norm.sf(reach + shown)),
        customers_per_arm=customers_per_arm(effect, reach),
        worth=float(worth),
        shows=bool(np.abs(ends - break_even).max() >= detectable),
    )


def customers_per_arm(effect: float, reach: float) -> int | None:
    """Needed for a chance of 80% to show an effect in standard deviations; None below an effect that a billion show.

    >>> customers_per_arm(0.05, norm.ppf(0.95))
    4947
    """
    if effect < LEAST_EFFECT:
        return None
    return max(int(np.ceil(2 * ((reach + norm.ppf(POWER)) / effect) ** 2)), FEWEST_IN_AN_ARM)


def assignment(customers: pd.DataFrame, arms: tuple[str, str] = ("nothing", "tried"), seed: int = 1) -> pd.DataFrame:
    """Customers assigned to two arms by lot within tenths of what they are expected to bring: customer, arm.

    Parameters
    ----------
    customers
        Columns customer_id and residual_clv, such as ``value.customers``, of those who take part.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": list("abcdefgh"), "residual_clv": range(8)})
    >>> sorted(assignment(table)["arm"].value_counts().items())
    [('nothing', 4), ('tried', 4)]
    """
    rng = np.random.default_rng([seed, 61])
    luck = pd.Series(rng.random(len(customers)), index=customers.index)
    stratum = ((customers["residual_clv"].rank(method="first") - 1) * STRATA // max(len(customers), 1)).astype(int)
    place = luck.groupby(stratum).rank(method="first").astype(int) + stratum
    return pd.DataFrame({"customer": customers["customer_id"], "arm": np.array(arms)[place % 2]})
