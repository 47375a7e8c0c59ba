"""BG/NBD and MBG/NBD: customers order at their own rate and may leave at an order, never between orders.

Both models give customer i an order rate lambda ~ Gamma(r, alpha) and a dropout probability p ~ Beta(a, b), tried
at each repeat order; MBG/NBD tries it after the first order too. So one count, the number of times a customer who
is alive has survived a trial, tells them apart.

References
----------
.. [1] Fader, Hardie, Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2):275-284.
.. [2] Batislam, Denizel, Filiztekin (2007), Empirical validation and comparison of models for customer base
       analysis, International Journal of Research in Marketing 24(3):201-209.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betainc, betaln, expit, gammaln, hyp2f1

from analysis.models.leaving import BetaLeaving
from analysis.models.patterns import Patterns
from analysis.models.purchase import Customers, PurchaseModel, SimulatedOrders, log_negative_binomial
from analysis.models.quadrature import beta_rule

SINGULAR_WITHIN = 1e-3
"""Within this distance of a = 1 the closed form cancels; it is interpolated across."""

BLOCK = 8_192


class BetaGeometricParams(NamedTuple):
    """r (no unit), alpha [time units], a and b (no unit)."""

    r: float
    alpha: float
    a: float
    b: float


class BetaGeometric(PurchaseModel):
    """What BG/NBD and MBG/NBD have in common."""

    Params = BetaGeometricParams
    time_scaled = (False, True, False, False)
    evaluations = 6e7
    trial_after_first_order: ClassVar[bool]

    def survived_trials(self, frequency):
        """Dropout trials behind a customer who is alive."""
        return frequency + self.trial_after_first_order

    def _leaving_log_odds(self, params, frequency, recency, T, log_ages):
        """Log odds of having left at the last trial, given no order since; -inf without a trial."""
        r, _, a, b = params
        trials = self.survived_trials(frequency)
        with np.errstate(divide="ignore"):
            tried = np.log(a) - np.log(b + np.maximum(trials, 1) - 1)
        return np.where(trials > 0, tried + (r + frequency) * log_ages, -np.inf)

    def log_likelihood(self, params, frequency, recency, T):
        """Equation (6) of [1]_ for BG/NBD; appendix of [2]_ for MBG/NBD.

        Examples
        --------
        >>> cdnow = BGNBD.Params(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> round(float(BGNBD().log_likelihood(cdnow, 2, 30.43, 38.86)), 4)
        -9.4586
        """
        r, alpha, a, b = params
        trials = self.survived_trials(frequency)
        log_ages = np.log((alpha + T) / (alpha + recency))
        return (
            gammaln(r + frequency)
            - gammaln(r)
            + r * np.log(alpha)
            + betaln(a, b + trials)
            - betaln(a, b)
            - (r + frequency) * np.log(alpha + T)
            + np.logaddexp(0.0, self._leaving_log_odds(params, frequency, recency, T, log_ages))
        )

    def total_log_likelihood(self, patterns: Patterns):
        x, _, age = patterns.history
        of_count, counts = pd.factorize(x)
        customers_by_count = np.bincount(of_count, weights=patterns.weight)
        of_age, ages = pd.factorize(age)
        customers_by_age = np.bincount(of_age, weights=patterns.weight)
        orders_by_age = np.bincount(of_age, weights=patterns.weight * x)
        trials = self.survived_trials(counts)
        blocks = list(self._blocks_with_a_trial(patterns, of_count))
        customers = patterns.weight.sum()

        def total(log_params: np.ndarray) -> float:
            r, alpha, a, b = np.exp(log_params)
            by_count = gammaln(r + counts) - gammaln(r) + betaln(a, b + trials) - betaln(a, b)
            odds = np.log(a) - np.log(b + np.maximum(trials, 1) - 1)
            return float(
                customers_by_count @ by_count
                + customers * r * log_params[1]
                - (r * customers_by_age + orders_by_age) @ np.log(alpha + ages)
                + sum(_weighted_softplus(r, alpha, odds, *block) for block in blocks)
            )

        return total

    def _blocks_with_a_trial(self, patterns: Patterns, of_count: np.ndarray):
        """Histories after at least one trial, in blocks that stay in the processor's cache."""
        x, t_x, age = patterns.history
        tried = np.flatnonzero(self.survived_trials(x) > 0)
        columns = (of_count, x.astype(float), t_x, age, patterns.weight)
        for start in range(0, tried.size, BLOCK):
            rows = tried[start : start + BLOCK]
            yield tuple(column[rows] for column in columns)

    def p_alive(self, params, frequency, recency, T):
        """1 / (1 + odds of having left); it is 1 for a BG/NBD customer without a repeat order."""
        frequency = np.asarray(frequency)
        log_ages = np.log((params.alpha + T) / (params.alpha + recency))
        return expit(-self._leaving_log_odds(params, frequency, recency, T, log_ages))

    def _state(self, params, frequency, T):
        r, alpha, a, b = params
        frequency = np.asarray(frequency, dtype=float)
        return r + frequency, alpha + np.asarray(T, dtype=float), a, b + self.survived_trials(frequency)

    def expected_while_alive(self, params, horizon, frequency, T):
        """Equation (10) of [1]_ without its denominator; interpolated across its removable pole at a = 1.

        Examples
        --------
        >>> cdnow = BGNBD.Params(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> round(float(BGNBD().expected_purchases(cdnow, 39, 2, 30.43, 38.86)), 3)
        1.226
        """
        rate, age, a, b = self._state(params, frequency, T)
        if abs(a - 1) < SINGULAR_WITHIN:
            low, high = (
                _expected_orders(rate, age, 1 + side, b, horizon) for side in (-SINGULAR_WITHIN, SINGULAR_WITHIN)
            )
            share = (a - 1 + SINGULAR_WITHIN) / (2 * SINGULAR_WITHIN)
            return low + share * (high - low)
        return _expected_orders(rate, age, a, b, horizon)

    def survival_while_alive(self, params, horizon, frequency, T):
        """2F1(r', a; a + b'; -t / alpha'): the mean of (1 + p t / alpha')^-r' over p ~ Beta(a, b'), by quadrature.

        The hypergeometric function itself fails in the common numerical libraries for many plausible parameters.
        """
        rate, age, a, b, time = np.broadcast_arrays(*self._state(params, frequency, T), horizon)
        survival = np.empty(rate.shape)
        for each in np.unique(b):
            rows = b == each
            dropout, weight = beta_rule(float(a.flat[0]), float(each), nodes=64 if each < 200 else 192)
            risk = np.log1p(np.multiply.outer(time[rows] / age[rows], dropout))
            survival[rows] = np.exp(-rate[rows][:, None] * risk) @ weight
        return survival

    def pmf_while_alive(self, params, horizon, frequency, T, count):
        """Equation (8) of [1]_ for the state of a customer who is alive at T."""
        rate, age, a, b = self._state(params, frequency, T)
        count = np.asarray(count, dtype=float)
        share = horizon / (age + horizon)
        stays = np.exp(betaln(a, b + count) - betaln(a, b) + log_negative_binomial(count, rate, age, horizon))
        several = np.maximum(count, 1)
        leaves = np.exp(betaln(a + 1, b + several - 1) - betaln(a, b)) * betainc(several, rate, share)
        return stays + np.where(count > 0, leaves, 0.0)

    def draw_orders_while_alive(self, rng, params, horizon, frequency, T) -> SimulatedOrders:
        """Orders of one future: a Poisson count, cut off at the geometric number of orders a customer makes."""
        rate, age, a, b = np.broadcast_arrays(*self._state(params, frequency, T))
        count = rng.poisson(rng.standard_gamma(rate) / age * horizon)
        # Only who orders may leave.
        orders = np.flatnonzero(count)
        until_left = rng.geometric(np.maximum(rng.beta(a[orders], b[orders]), 1e-12))
        leaves = until_left <= count[orders]
        gone, until_left = orders[leaves], until_left[leaves]
        span, last_at_end = np.full(count.shape, float(horizon)), np.zeros(count.shape, dtype=bool)
        # The k-th of n uniform times is Beta(k, n - k + 1) of the horizon.
        span[gone] *= rng.beta(until_left, count[gone] - until_left + 1)
        count[gone], last_at_end[gone] = until_left, True
        return SimulatedOrders(count, span, last_at_end)

    def draw_customers(self, rng, params, frequency, T) -> Customers:
        """lambda ~ Gamma(r + x, alpha + T), p ~ Beta(a, b + trials survived)."""
        rate, age, a, b = np.broadcast_arrays(*self._state(params, frequency, T))
        dropout = np.clip(rng.beta(a, b), 1e-12, 1 - 1e-12)
        return Customers(rng.standard_gamma(rate) / age, dropout, np.zeros(rate.shape))

    def leaving(self, params, most_repeats, year):
        return BetaLeaving(params, int(self.trial_after_first_order), most_repeats)


class BGNBD(BetaGeometric):
    """Beta-geometric/NBD (Fader, Hardie & Lee 2005): a customer without a repeat order cannot have left.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"}, observation_end="1997-09-30")
    >>> fit = rl.BGNBD().fit(orders)
    >>> fit.summary["coef"].round(2).to_dict()
    {'r': 0.24, 'alpha': 4.41, 'a': 0.79, 'b': 2.43}
    >>> fit.predict("13W").shape
    (2357, 3)
    """

    name = "BG/NBD"
    trial_after_first_order = False


class MBGNBD(BetaGeometric):
    """Modified BG/NBD (Batislam, Denizel & Filiztekin 2007): a customer may leave right after the first order."""

    name = "MBG/NBD"
    trial_after_first_order = True


def _weighted_softplus(r, alpha, odds, of_count, x, t_x, age, weight) -> float:
    exponent = np.log((alpha + age) / (alpha + t_x))
    exponent *= r + x
    exponent += odds[of_count]
    size = np.abs(exponent)
    exponent += size
    np.log1p(np.exp(np.negative(size, out=size), out=size), out=size)
    return weight @ exponent / 2 + weight @ size


def _expected_orders(rate, age, a, b, horizon):
    share = np.asarray(horizon, dtype=float) / (age + horizon)
    with np.errstate(over="ignore", invalid="ignore"):
        closed = (a + b - 1) / (a - 1) * (1 - np.power(1 - share, rate) * hyp2f1(rate, b, a + b - 1, share))
    most = rate / age * horizon
    wrong = ~((closed >= 0) & (closed <= most * (1 + 1e-9)))
    if not wrong.any():
        return closed
    closed = np.array(closed)
    sizes = (size[wrong] for size in np.broadcast_arrays(rate, age, a, b, horizon))
    closed[wrong] = [_expected_orders_integrated(*each) for each in zip(*sizes, strict=True)]
    return closed


def _expected_orders_integrated(rate, age, a, b, horizon) -> float:
    dropout, weight = beta_rule(a, b)
    left = -np.expm1(-rate * np.log1p(dropout * horizon / age))
    return float(weight @ (left / np.maximum(dropout, 1e-300)))
