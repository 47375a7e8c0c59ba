"""The yearly profile of the order rate and its rise in promotions, from repeat orders over what a model expects.

References
----------
.. [1] Rasmussen, Williams (2006), Gaussian Processes for Machine Learning: the periodic kernel (equation 4.31),
       regression (2.25), the marginal likelihood (2.30).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.special import softmax
from scipy.stats import f as f_distribution

from analysis.errors import NotIdentified
from analysis.models.fits import PurchaseFit, PurchaseFits, fit_all
from analysis.models.patterns import patterns_of
from analysis.models.views import expected_cumulative
from analysis.time import DAYS_PER_YEAR, Clock, Promotions, in_promotion

if TYPE_CHECKING:
    from analysis.data import CustomerSummary

FEWEST_MONTHS = 24
FEWEST_EXPECTED = 5
"""Repeat orders that a month, or a part of a year, must have been expected to have, to be looked at."""
PARTS = 26
"""Equal parts of a year between which the order rate differs."""
SPREADS, LENGTHS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8), (0.25, 0.5, 1.0)
"""Standard deviations of the log profile, and lengths over which it changes, that are weighed against each other."""
OWN_SPREADS, OWN_LENGTH = (0.0, 0.05, 0.1, 0.2), 2.0
"""The same of what is one year's own; in parts of a year."""
NOISES = (1.0, 2.0, 4.0, 8.0)
"""Variances of counts over those of Poisson ones."""
ROUNDS = 2
"""How often the season is looked for; what is expected in one is known better the second time."""
TREND_SPREADS = (1.0, 0.5)
"""Standard deviations of the level, and of the change in a year."""
PROMOTION_SPREAD = 0.5
"""Standard deviation of the log rate in promotions over that on other days, beforehand: a factor of 1.65."""
FEWEST_PROMOTED, FEWEST_OTHERS = 3, 6
"""Parts of the years with days in promotions, and with others, from which on these are compared."""


@dataclass(frozen=True)
class Season:
    """Orders by time of the year, over what the model expects.

    Attributes
    ----------
    months
        One row a calendar month that was seen: index (mean over the years), years (in how many it was seen).
    p_value
        Of the analysis of variance of the logarithms by month; NaN where the data do not hold every month twice.
    profile
        Order rate in each of ``PARTS`` of the year over its mean, smooth and shrunk towards 1, as ``Clock`` takes it;
        None where no season can be told from a trend, or where none is likelier than one.
    promotions
        What orders do in promotions, which says nothing of why; None without a calendar of enough of them.
    """

    months: pd.DataFrame
    p_value: float
    profile: np.ndarray | None = field(default=None, repr=False)
    promotions: Promotions | None = field(default=None, repr=False)

    @property
    def known(self) -> bool:
        """Whether every calendar month was seen twice, so that a season can be told from a trend."""
        return bool(np.isfinite(self.p_value))


def season_of(daily: pd.DataFrame, births: pd.Series, fit: PurchaseFit, edges: np.ndarray | None = None) -> Season:
    """The season of repeat orders over what a model expects at the mean rate, and their rise in promotions.

    A fit that follows a season knows how much faster customers leave in it, and so finds more of it than another.

    Parameters
    ----------
    daily
        date, repeat_orders: one row a day.
    births
        First order of each customer.
    edges
        Of the promotions of a calendar, see ``promotion_edges``; None without one.
    """
    dates = pd.to_datetime(daily["date"])
    expected = np.diff(expected_cumulative(fit, births, dates), prepend=0.0)
    if fit.clock.follows:
        expected = expected / fit.clock.rate_on(dates)
    table = pd.DataFrame({"came": daily["repeat_orders"].to_numpy(), "expected": expected, "days": 1.0})
    by_month = table.groupby(dates.dt.to_period("M").to_numpy()).sum()
    by_month = by_month[(by_month["days"] >= 28) & (by_month["expected"] >= FEWEST_EXPECTED)]
    ratio = np.log((by_month["came"] + 0.5) / (by_month["expected"] + 0.5))
    years = np.arange(len(ratio)) / 12
    ratio = ratio - np.polyval(np.polyfit(years, ratio, 1), years) if len(ratio) > 3 else ratio
    of_month = ratio.groupby(pd.PeriodIndex(by_month.index, freq="M").month)
    mean, seen = of_month.mean(), of_month.size()
    months, p_value = pd.DataFrame({"index": np.exp(mean), "years": seen}).rename_axis("month"), float("nan")
    if len(ratio) >= FEWEST_MONTHS and len(months) == 12 and (seen >= 2).all():
        inside = float(((ratio - of_month.transform("mean")) ** 2).sum()) / max(len(ratio) - 13, 1)
        between = float(seen @ (mean - ratio.mean()) ** 2) / 11
        p_value = float(f_distribution.sf(between / max(inside, 1e-12), 11, max(len(ratio) - 13, 1)))
    return Season(months, p_value, *_rates(table, dates, edges, is_known=bool(np.isfinite(p_value))))


def _rates(
    table: pd.DataFrame, dates: pd.Series, edges: np.ndarray | None, *, is_known: bool
) -> tuple[np.ndarray | None, Promotions | None]:
    """The profile, where a season can be known and is likely, and what orders do in promotions, where enough are."""
    promoted = np.zeros(len(table), dtype=bool) if edges is None else in_promotion(dates, edges)
    part = Clock.part_of(dates, PARTS)
    # A part that the data begin or end in is no whole one.
    whole = table["days"].groupby(part).transform("sum") >= int(DAYS_PER_YEAR / PARTS)

    def cells() -> tuple[pd.DataFrame, np.ndarray]:
        found = table[whole].groupby([part[whole], promoted[whole]]).sum()
        found = found[found["expected"] >= FEWEST_EXPECTED]
        return found, found.index.get_level_values(1).to_numpy()

    by_part, is_in = cells()
    if is_in.sum() < FEWEST_PROMOTED or (~is_in).sum() < FEWEST_OTHERS:
        promoted[:] = False
        by_part, is_in = cells()
    if not (is_known or is_in.any()):
        return None, None
    found = by_part.index.get_level_values(0).to_numpy(), by_part["came"], by_part["expected"]
    profile, factor = order_rates(*found, is_in, spreads=SPREADS if is_known else SPREADS[:1])
    if not is_in.any():
        return profile, None
    in_time = 1.0 if profile is None else profile[part % PARTS]
    share = float(np.average(promoted, weights=in_time + np.zeros(len(part))))
    last = np.datetime64(dates.max(), "D").astype(float) + 1
    return profile, Promotions(edges, factor, share, max(float(edges[-1]), float(last)))


def fit_in_time(
    fits: PurchaseFits,
    histories: CustomerSummary,
    daily: pd.DataFrame,
    births: pd.Series,
    seed: int,
    follows: str,
    edges: np.ndarray | None = None,
    *,
    quick: bool = False,
) -> PurchaseFits | None:
    """The models once more, in the operational time that follows what ``Clock.follows`` names; None where unknown.

    ``fits`` are those in calendar time, ``edges`` those of the promotions of a calendar. Log-likelihoods are of
    histories in operational time; those of the same orders in calendar time are larger by ``log_rates``.
    """
    clock = fits.primary.clock
    for _ in range(ROUNDS):
        last = replace(fits.primary, season=clock.season, promotions=clock.promotions)
        found = season_of(daily, births, last, edges)
        profile = found.profile if "season" in follows else None
        clock = Clock(clock.unit, profile, found.promotions if "promotions" in follows else None)
        if clock.follows != follows:
            return None
    try:
        return fit_all(patterns_of(histories, clock), clock, seed, fits.primary.model, quick=quick)
    except NotIdentified:
        return None


def log_rates(daily: pd.DataFrame, clock: Clock) -> float:
    """Sum over repeat orders of the logarithm of the order rate on their day, over the mean."""
    return float(daily["repeat_orders"] @ np.log(clock.rate_on(daily["date"])))


def order_rates(
    part: np.ndarray, came: np.ndarray, expected: np.ndarray, promoted: np.ndarray, spreads: Sequence[float] = SPREADS
) -> tuple[np.ndarray | None, float]:
    """Order rate in each part of the year over its mean, and that in promotions over that on other days.

    log(came / expected) is a trend, a Gaussian process that is the same in every year (periodic kernel), one that is
    not, a step in promotions, and noise. Scales of the processes are averaged over by the marginal likelihood ([1]_),
    with none among them, which has half of the prior: where years do not agree there is no season, and no profile
    where that is likelier.

    Parameters
    ----------
    part
        Number of the part since 1970, shape (n,).
    came, expected
        Orders in it, shape (n,).
    promoted
        Whether these are those of days in promotions, shape (n,).
    spreads
        Standard deviations of the log profile that are weighed against each other.

    Examples
    --------
    >>> part, rng, none = np.arange(78), np.random.default_rng(1), np.zeros(78, dtype=bool)
    >>> busy = np.where(part % 26 >= 22, 2.0, 1.0)
    >>> profile, _ = order_rates(part, rng.poisson(100 * busy), np.full(78, 100.0), none)
    >>> profile[[10, 24]].round(1).tolist()
    [0.9, 1.8]
    >>> order_rates(part, rng.poisson(100.0, 78), np.full(78, 100.0), none)[0] is None
    True
    >>> promoted = rng.random(78) < 0.2
    >>> _, factor = order_rates(part, rng.poisson(np.where(promoted, 200, 100)), np.full(78, 100.0), promoted)
    >>> 1.8 < factor < 2.2
    True
    """
    expected, promoted = np.asarray(expected, dtype=float), np.asarray(promoted, dtype=float)
    ratio = np.log((np.asarray(came) + 0.5) / (expected + 0.5))
    apart, years = part[:, None] - part[None, :], (part - part.mean()) / PARTS
    trend = TREND_SPREADS[0] ** 2 + TREND_SPREADS[1] ** 2 * np.outer(years, years)
    trend = trend + PROMOTION_SPREAD**2 * np.outer(promoted, promoted)
    own = np.exp(-((apart / OWN_LENGTH) ** 2) / 2)
    of_year = np.arange(PARTS)[:, None]
    fits, without, profiles, steps = [], [], [], []
    for length, spread, own_spread, noise in product(LENGTHS, spreads, OWN_SPREADS, NOISES):
        if spread == 0 and length != LENGTHS[0]:
            continue
        covariance = trend + own_spread**2 * own + spread**2 * _periodic(apart, length)
        root = cho_factor(covariance + np.diag(noise / expected), lower=True)
        weights = cho_solve(root, ratio)
        prior = 1.0 if spread == 0 else 1 / len(LENGTHS) / (len(spreads) - 1)
        fits.append(np.log(prior) - ratio @ weights / 2 - np.log(np.diag(root[0])).sum())
        without.append(spread == 0)
        profiles.append(spread**2 * _periodic(of_year - part % PARTS, length) @ weights)
        steps.append(PROMOTION_SPREAD**2 * promoted @ weights)
    share = softmax(fits)
    profile, step = (np.exp(share @ np.array(each)) for each in (profiles, steps))
    return profile / profile.mean() if share @ without <= 0.5 else None, float(step)


def _periodic(apart: np.ndarray, length: float) -> np.ndarray:
    return np.exp(-2 * (np.sin(np.pi * apart / PARTS) / length) ** 2)
