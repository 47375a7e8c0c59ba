"""The yearly profile of the order rate, from repeat orders over what a purchase model expects.

References
----------
.. [1] Rasmussen, Williams (2006), Gaussian Processes for Machine Learning: the periodic kernel (equation 4.31),
       regression (2.25), the marginal likelihood (2.30).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import f as f_distribution

from analysis.errors import NotIdentified
from analysis.models.fits import PurchaseFit, PurchaseFits, fit_patterns
from analysis.models.patterns import patterns_of
from analysis.models.views import expected_cumulative
from analysis.time import DAYS_PER_YEAR, Clock

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
        None where no season can be told from a trend.
    """

    months: pd.DataFrame
    p_value: float
    profile: np.ndarray | None = field(default=None, repr=False)

    @property
    def known(self) -> bool:
        """Whether every calendar month was seen twice, so that a season can be told from a trend."""
        return bool(np.isfinite(self.p_value))


def season_of(daily: pd.DataFrame, births: pd.Series, fit: PurchaseFit) -> Season:
    """The season of repeat orders over what a model expects at the mean rate.

    A fit that follows a season knows how much faster customers leave in it, and so finds more of it than another.

    Parameters
    ----------
    daily
        date, repeat_orders: one row a day.
    births
        First order of each customer.
    """
    dates = pd.to_datetime(daily["date"])
    expected = np.diff(expected_cumulative(fit, births, dates), prepend=0.0)
    if fit.season is not None:
        expected = expected / fit.season[Clock.part_of(dates, len(fit.season)) % len(fit.season)]
    table = pd.DataFrame({"came": daily["repeat_orders"].to_numpy(), "expected": expected, "days": 1.0})
    by_month = table.groupby(dates.dt.to_period("M").to_numpy()).sum()
    by_month = by_month[(by_month["days"] >= 28) & (by_month["expected"] >= FEWEST_EXPECTED)]
    ratio = _log_ratio(by_month)
    years = np.arange(len(ratio)) / 12
    ratio = ratio - np.polyval(np.polyfit(years, ratio, 1), years) if len(ratio) > 3 else ratio
    of_month = ratio.groupby(pd.PeriodIndex(by_month.index, freq="M").month)
    mean, seen = of_month.mean(), of_month.size()
    months = pd.DataFrame({"index": np.exp(mean), "years": seen}).rename_axis("month")
    if len(ratio) < FEWEST_MONTHS or len(months) < 12 or (seen < 2).any():
        return Season(months, float("nan"))
    inside = float(((ratio - of_month.transform("mean")) ** 2).sum()) / max(len(ratio) - 13, 1)
    between = float(seen @ (mean - ratio.mean()) ** 2) / 11
    p_value = float(f_distribution.sf(between / max(inside, 1e-12), 11, max(len(ratio) - 13, 1)))
    by_part = table.groupby(Clock.part_of(dates, PARTS)).sum()
    # A part that the data begin or end in is no whole one.
    by_part = by_part[(by_part["days"] >= int(DAYS_PER_YEAR / PARTS)) & (by_part["expected"] >= FEWEST_EXPECTED)]
    return Season(months, p_value, yearly_profile(by_part.index.to_numpy(), by_part["came"], by_part["expected"]))


def fit_in_season(
    fits: PurchaseFits,
    histories: CustomerSummary,
    daily: pd.DataFrame,
    births: pd.Series,
    seed: int,
    *,
    quick: bool = False,
) -> PurchaseFits | None:
    """The models once more, in the operational time of the season that ``season_of`` finds; None where it finds none.

    ``fits`` are those in calendar time. Log-likelihoods are of histories in operational time; those of the same orders
    in calendar time are larger by ``log_rates``.
    """
    profile = None
    for _ in range(ROUNDS):
        profile = season_of(daily, births, replace(fits.primary, season=profile)).profile
        if profile is None:
            return None
    clock = Clock(fits.primary.time_unit, profile)
    try:
        return fit_patterns(patterns_of(histories, clock), clock, seed, fits.primary.model, quick=quick)
    except NotIdentified:
        return None


def log_rates(daily: pd.DataFrame, profile: np.ndarray) -> float:
    """Sum over repeat orders of the logarithm of the order rate on their day, over the mean."""
    rate = profile[Clock.part_of(daily["date"], len(profile)) % len(profile)]
    return float(daily["repeat_orders"] @ np.log(rate))


def yearly_profile(part: np.ndarray, came: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Order rate in each part of the year over its mean.

    log(came / expected) is a trend, a Gaussian process that is the same in every year (periodic kernel), one that is
    not, and noise. Their scales are averaged over by the marginal likelihood ([1]_), with none among them: where years
    do not agree there is no season.

    Parameters
    ----------
    part
        Number of the part since 1970, shape (n,).
    came, expected
        Orders in it, shape (n,).

    Examples
    --------
    >>> part, rng = np.arange(78), np.random.default_rng(1)
    >>> busy = np.where(part % 26 >= 22, 2.0, 1.0)
    >>> profile = yearly_profile(part, rng.poisson(100 * busy), np.full(78, 100.0))
    >>> profile[[10, 24]].round(1).tolist()
    [0.9, 1.8]
    >>> bool(np.abs(yearly_profile(part, rng.poisson(100.0, 78), np.full(78, 100.0)) - 1).max() < 0.03)
    True
    """
    expected = np.asarray(expected, dtype=float)
    ratio = np.log((np.asarray(came) + 0.5) / (expected + 0.5))
    apart, years = part[:, None] - part[None, :], (part - part.mean()) / PARTS
    trend = TREND_SPREADS[0] ** 2 + TREND_SPREADS[1] ** 2 * np.outer(years, years)
    own = np.exp(-((apart / OWN_LENGTH) ** 2) / 2)
    of_year = np.arange(PARTS)[:, None]
    fits, profiles = [], []
    for length, spread, own_spread, noise in product(LENGTHS, SPREADS, OWN_SPREADS, NOISES):
        if spread == 0 and length != LENGTHS[0]:
            continue
        covariance = trend + own_spread**2 * own + spread**2 * _periodic(apart, length)
        root = cho_factor(covariance + np.diag(noise / expected), lower=True)
        weights = cho_solve(root, ratio)
        prior = 1.0 if spread == 0 else 1 / len(LENGTHS) / (len(SPREADS) - 1)
        fits.append(np.log(prior) - ratio @ weights / 2 - np.log(np.diag(root[0])).sum())
        profiles.append(spread**2 * _periodic(of_year - part % PARTS, length) @ weights)
    share = np.exp(np.array(fits) - max(fits))
    profile = np.exp(share / share.sum() @ np.array(profiles))
    return profile / profile.mean()


def _periodic(apart: np.ndarray, length: float) -> np.ndarray:
    return np.exp(-2 * (np.sin(np.pi * apart / PARTS) / length) ** 2)


def _log_ratio(table: pd.DataFrame) -> pd.Series:
    return np.log((table["came"] + 0.5) / (table["expected"] + 0.5))
