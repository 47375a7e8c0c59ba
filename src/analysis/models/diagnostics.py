"""Whether what the models take for granted holds in these data: season, regularity, drift over cohorts, order values.

References
----------
.. [1] Platzer, Reutterer (2016), Ticking away the moments: timing regularity helps to better predict customer
       activity, Marketing Science 35(5):779-799.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.regression.linear_model import OLS

from analysis.data.orders import Orders
from analysis.errors import NotIdentified
from analysis.models.fits import PurchaseFits
from analysis.models.gamma_gamma import gamma_gamma_maximum
from analysis.models.season import Season, season_of
from analysis.models.spend import Spending, spending_of
from analysis.tables import Result

ALARM = 0.01
"""Probability of an alarm of each test where the models hold."""
FOLLOWED_DAYS = 91
FEWEST_ORDERS = 100
SMALLEST_SEASON, SMALLEST_SHAPE, SMALLEST_DRIFT, SMALLEST_SPREAD = 0.1, 1.5, 0.15, 0.2
"""Effects too small to speak of: of a month, of the Erlang shape, of the first to the last cohort, of order values."""


@dataclass(frozen=True, repr=False)
class Diagnostics(Result):
    """Whether the assumptions of the purchase models and of Gamma-Gamma hold.

    Attributes
    ----------
    found
        One row a check (``season``, ``regularity``, ``drift``, ``order_values``): alarm (whether it fails), known
        (whether the data can tell), effect, p_value.
    season
        Repeat orders by calendar month over what the primary model expects.
    """

    found: pd.DataFrame
    season: Season
    main = "found"

    @property
    def months(self) -> pd.DataFrame:
        """One row a calendar month that was seen: index, years; see ``Season``."""
        return self.season.months

    @property
    def unseen_months(self) -> tuple[int, ...]:
        """Calendar months that were not seen in two years, of which no season can be told."""
        seen = self.months.index[self.months["years"] >= 2]
        return tuple(month for month in range(1, 13) if month not in seen)


def diagnostics(orders: Orders, fits: PurchaseFits) -> Diagnostics:
    """Check season, regularity, drift and order values, each at a nominal chance of 1% of a false alarm.

    Examples
    --------
    >>> import analysis as rl
    >>> from analysis.models.fits import PurchaseFits
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> fits = PurchaseFits((rl.BGNBD().fit(orders),), {})
    >>> diagnostics(orders, fits).found["known"].to_dict()
    {'season': False, 'regularity': True, 'drift': False, 'order_values': True}
    """
    occasions = pd.read_parquet(orders.occasions, columns=["customer", "day"]).sort_values(["customer", "day"])
    who, day = occasions["customer"].to_numpy(), occasions["day"].to_numpy("datetime64[D]").astype(int)
    season = season_of(orders.daily, orders.histories.table["first_order"], fits.primary)
    largest = float((season.months["index"] - 1).abs().max())
    checks = {
        "season": (season.known, largest, season.p_value),
        "regularity": regularity_of(who, day),
        "drift": drift_of(orders, who, day),
        "order_values": order_values_of(spending_of(orders)[0] if orders.has_money else None),
    }
    found = pd.DataFrame.from_dict(checks, orient="index", columns=["known", "effect", "p_value"])
    least = np.array([SMALLEST_SEASON, SMALLEST_SHAPE, SMALLEST_DRIFT, SMALLEST_SPREAD])
    found.insert(0, "alarm", found["known"] & (found["p_value"] < ALARM) & (found["effect"].abs() > least))
    return Diagnostics(found.rename_axis("check"), season)


def regularity_of(who: np.ndarray, day: np.ndarray) -> tuple[bool, float, float]:
    """The Erlang shape of the gaps between orders; 1 for orders at random.

    Of two successive gaps of a customer who orders at random the first takes a uniform share, whatever the rate and
    whenever the customer leaves; with Erlang-k gaps it is Beta(k, k), with variance 1 / (4 (2 k + 1)). Pairs of gaps
    do not overlap.
    """
    gap, same = np.diff(day), np.diff(who) == 0
    place = np.arange(len(gap)) - np.maximum.accumulate(np.where(same, 0, np.arange(len(gap)) + 1))
    first = np.flatnonzero(same[:-1] & same[1:] & (place[:-1] % 2 == 0))
    # Days are whole: half a day either way makes no order of the same day impossible.
    one, two = gap[first] - 0.5, gap[first + 1] - 0.5
    if len(first) < FEWEST_ORDERS:
        return False, np.nan, np.nan
    squares = (one / (one + two) - 0.5) ** 2
    z = (1 / 12 - squares.mean()) * np.sqrt(180 * len(first))
    return True, float((1 / (4 * squares.mean()) - 1) / 2), float(norm.sf(z))


def order_values_of(spending: Spending | None) -> tuple[bool, float, float]:
    """How much more a customer's order values vary than Gamma-Gamma has read from the customers' means.

    Given the mean m of its x values they are x m times a symmetric Dirichlet variable with the parameter p, whatever
    the customer is like, so that their squared deviations from m sum to x m^2 (x - 1) / (x p + 1) in expectation. The
    effect is the sum over customers, each in units of x m^2, over that expectation, less one.
    """
    several = None if spending is None or spending.squares is None else spending.rows(spending.frequency > 1)
    if several is None or len(several) < FEWEST_ORDERS:
        return False, np.nan, np.nan
    try:
        params, errors = gamma_gamma_maximum(spending)
    except NotIdentified:
        return False, np.nan, np.nan
    x, unit = several.frequency, several.frequency * several.mean_value**2
    found, expected = (several.squares - unit) / unit, (x - 1) / (x * params.p + 1)
    slope = np.sum(expected * x / (x * params.p + 1))
    error = np.hypot(np.linalg.norm(found - expected), slope * errors[0])
    z = np.sum(found - expected) / error
    return True, float(found.sum() / expected.sum() - 1), float(2 * norm.sf(abs(z)))


def drift_of(orders: Orders, who: np.ndarray, day: np.ndarray) -> tuple[bool, float, float]:
    """Whether later customers order more or less in their first weeks than earlier ones.

    The effect is the change from the first to the last cohort, over the mean. Where customers came before the data
    begin, nothing is known.
    """
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    born = day[starts]
    soon = np.add.reduceat(((day - np.repeat(born, np.diff(starts, append=len(day)))) <= FOLLOWED_DAYS), starts) - 1.0
    end = np.datetime64(orders.observation_end, "D").astype(int)
    kept = born <= end - FOLLOWED_DAYS
    born, soon = born[kept].astype(float), soon[kept]
    if orders.left_truncation or soon.sum() < FEWEST_ORDERS or np.ptp(born) < FOLLOWED_DAYS:
        return False, np.nan, np.nan
    found = OLS(soon, np.column_stack([np.ones(len(born)), born])).fit(cov_type="HC0")
    return True, float(found.params[1] * np.ptp(born) / soon.mean()), float(found.pvalues[1])
