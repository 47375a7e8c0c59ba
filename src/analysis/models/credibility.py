"""Credibility: a customer's own mean and the mean of all, weighed by how much orders vary within and between customers.

The best linear forecast of a customer's next order value from the mean m of x orders is Z m + (1 - Z) mu with
Z = x / (x + K), where K is the expected variance within customers over the variance between them ([1]_). It needs no
distribution, and the variance within customers may grow with their mean. Where a distribution is needed it is the
Gamma-Gamma one of the same mean, K and spread within customers: q - 1 = p K, v = mu K, p = E(mu_i^2) / E(sigma_i^2).

References
----------
.. [1] Bühlmann, Straub (1970), Glaubwürdigkeit für Schadensätze, Mitteilungen der Vereinigung Schweizerischer
       Versicherungsmathematiker 70:111-133.
.. [2] Rubin (1981), The Bayesian bootstrap, Annals of Statistics 9(1):130-134.
"""

from __future__ import annotations

import numpy as np

from analysis.errors import NotIdentified
from analysis.models.posterior import DRAWS, Posterior
from analysis.models.spend import CREDIBILITY, NO_EFFECT, FrequencyEffect, SpendFit, Spending, SpendParams, fitted_spend

LARGEST_USUAL = 0.99
"""Share of customers beyond which means and spreads count in K as the largest usual ones."""
PARTS = 1_000
"""Where there are more customers they are weighted in so many parts, drawn by lot."""
LEAST_RATIO, MOST_RATIO = 1e-6, 1e3
"""Bounds of K: below them a customer's own mean counts alone, above them that of all."""
MOST_P = 1e6
STEPS = 20
CLEARLY = 1.645
"""Standard errors above 0 from which a variance within customers is read from means alone."""


class Credibility:
    """A customer's own mean and that of all, weighed by variances within and between customers; see the module."""

    def fit(self, data, seed: int = 1, by_frequency: FrequencyEffect = NO_EFFECT) -> SpendFit:
        """Moments and posterior on the customers with repeat orders of positive value; parameters as ``GammaGamma``'s.

        Where customers' means spread no more than by chance the mean of all takes its place (``constant``).

        Examples
        --------
        >>> import analysis as rl
        >>> import pandas as pd
        >>> kinds = {"frequency": 4, "monetary_value": [20.0] * 10 + [100.0] * 10, "spend_squares": 4 * 20.0**2}
        >>> frame = pd.DataFrame(kinds)
        >>> frame.loc[10:, "spend_squares"] = 4 * 100.0**2 + 300.0
        >>> rl.Credibility().fit(frame).expected_order_value(frame)[[0, 10]].round(1).tolist()
        [20.3, 99.7]
        """
        return fitted_spend(data, by_frequency, lambda spending: fit_credibility(spending, seed))


def fit_credibility(spending: Spending, seed: int) -> SpendFit:
    """The credibility model; posterior draws weigh customers at random ([2]_), so that they rest on no distribution.

    Raises
    ------
    NotIdentified
        Where customers' means spread no more than by chance.
    """
    sums, rng = contributions(spending), np.random.default_rng(seed)
    if len(sums) > PARTS:
        part = rng.permutation(len(sums)) % PARTS
        sums = np.array([np.bincount(part, column, PARTS) for column in sums.T]).T
    if not np.isfinite(_ratio(sums.sum(axis=0)[None])[0]):
        raise _no_difference()
    params = credibility_params(sums)
    draws = _params(rng.standard_exponential((DRAWS, len(sums))) @ sums)
    posterior = Posterior(SpendParams._fields, draws, float(len(draws)), -np.inf, "bootstrap")
    return SpendFit.at(CREDIBILITY, params, draws.std(axis=0), posterior, len(spending))


def credibility_params(sums: np.ndarray) -> SpendParams:
    """p, q and v from the sums' ``contributions``; where customers do not differ K is ``MOST_RATIO``."""
    return SpendParams(*_params(sums.sum(axis=0)[None])[0].tolist())


def contributions(spending: Spending) -> np.ndarray:
    """What each customer adds to the sums that p, q and v follow from, shape (n, 11).

    Raises
    ------
    NotIdentified
        Where nobody has two orders.
    """
    x, m = spending.frequency.astype(float), spending.mean_value
    several = x > 1
    if not several.any():
        raise _no_difference()
    within = _within(spending)
    usual_m = np.minimum(m, np.quantile(m, LARGEST_USUAL))
    usual = np.minimum(within, np.quantile(within[several] / (x[several] - 1), LARGEST_USUAL) * (x - 1))
    weight = x
    for _ in range(STEPS):
        columns = (
            weight, weight * usual_m, weight * usual_m**2, weight**2, weight / x, weight**2 / x, usual, x - 1,
            weight * m, weight * m**2, within,
        )  # fmt: skip
        sums = np.array(columns).T
        ratio = _ratio(sums.sum(axis=0)[None])[0]
        weight = x / (x + min(ratio, MOST_RATIO))
    return sums


def _no_difference() -> NotIdentified:
    return NotIdentified(
        "The orders do not show that customers differ in what one is worth by more than chance: every order counts "
        "with the mean of all.",
        code="spend.reason.no_difference_between_customers",
    )


def _within(spending: Spending) -> np.ndarray:
    """Squared deviations of a customer's orders from their mean, summed, shape (n,).

    Where only means are known, those that one variance for all gives, if means of more orders clearly lie closer
    together; else none, so that a customer's own mean counts alone.
    """
    x, m = spending.frequency.astype(float), spending.mean_value
    if spending.squares is not None:
        return np.maximum(spending.squares - x * m**2, 0.0)
    shorter, apart = 1 / x - np.mean(1 / x), (m - m.mean()) ** 2
    spread = max(float(shorter @ shorter), 1e-300)
    slope = shorter @ apart / spread
    error = np.sqrt(np.sum((shorter * (apart - apart.mean() - slope * shorter)) ** 2)) / spread
    return (slope if slope > CLEARLY * error else 0.0) * (x - 1)


def _ratio(sums: np.ndarray) -> np.ndarray:
    """K of each row of sums: the variance within customers over that between them, infinite without the latter."""
    within = sums[:, 6] / sums[:, 7]
    between = _between(sums, within, sums[:, 1], sums[:, 2])
    with np.errstate(divide="ignore"):
        return np.where(between > 0, np.maximum(within / np.maximum(between, 1e-300), LEAST_RATIO), np.inf)


def _between(sums: np.ndarray, within: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Variance of customers' means beyond what their own orders' variance makes of it ([1]_, with any weights)."""
    weight, squared, over_x, squared_over_x = sums[:, 0], sums[:, 3], sums[:, 4], sums[:, 5]
    by_chance = within * (over_x - squared_over_x / weight)
    return (second - first**2 / weight - by_chance) / (weight - squared / weight)


def _params(sums: np.ndarray) -> np.ndarray:
    """(p, q, v) of each row of sums."""
    mean, within = sums[:, 8] / sums[:, 0], sums[:, 10] / sums[:, 7]
    between = np.maximum(_between(sums, within, sums[:, 8], sums[:, 9]), 0.0)
    p = np.minimum((between + mean**2) / np.maximum(within, 1e-300), MOST_P)
    ratio = np.minimum(_ratio(sums), MOST_RATIO)
    return np.array([p, 1 + p * ratio, mean * ratio]).T
