"""The customers whose futures are simulated: sampled from the fitted base, or new ones from the fitted population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv, gammaincinv, logit

from analysis.models.beta_geometric import BetaGeometric
from analysis.models.registry import MODELS
from analysis.models.spend import GammaGamma, GammaGammaParams, expected_order_values
from analysis.strategies.parameters import ParameterDraws
from analysis.strategies.sampling import even_sequence
from analysis.time import TimeUnit, from_days, to_days

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.fits import PurchaseFit
    from analysis.models.spend import SpendFit

DEAL, EXPERIENCE = 0, 1
TYPE_SENSITIVITY = {"service": (0.5, 1.75), "offer": (2.0, 0.5), "brand": (0.75, 1.25), "at_hand": (0.75, 0.5)}
"""How strongly a customer type takes deals and experiences, where all types together are 1: an assumption."""
BINDING_SENSITIVITY = {
    "situational": (1.25, 1.25),
    "economic": (1.5, 1.0),
    "legal": (0.5, 0.5),
    "emotional": (0.75, 1.5),
    "technical": (1.0, 0.75),
}
"""How strongly leaving answers to deals and experiences under a binding: an assumption."""
FELT = {
    "theta_deal": (DEAL, True),
    "gamma_deal": (DEAL, False),
    "theta_exp": (EXPERIENCE, True),
    "gamma_exp": (EXPERIENCE, False),
    "promotional_lift": (DEAL, False),
}
"""Parameter that customers feel differently -> its channel, and whether it is about leaving, which bonds hold back."""
PLACES, BASE, POOL = 2, 3, 4
"""Streams of random numbers of a seed; 0 and 1 are those of what happens to customers."""
LEAST_DROPOUT = 1e-12
LEAST_RATE = 1e-30


@dataclass(frozen=True)
class Fitted:
    """The fitted models as the simulation needs them, one row a draw.

    Attributes
    ----------
    model
        BG/NBD or MBG/NBD.
    purchase
        Draws of (r, alpha, a, b), shape (D, 4), in weeks.
    spend
        Draws of (p, q, v), shape (D, 3); None where every order is worth what the spend model says at its best.
    """

    model: BetaGeometric
    purchase: np.ndarray
    spend: np.ndarray | None

    def __len__(self) -> int:
        return len(self.purchase)


@dataclass(frozen=True)
class People:
    """M customers under D draws; everything is of shape (D, M) unless stated.

    Attributes
    ----------
    alive
        Whether the customer is one at the start.
    rate
        Orders per week while alive.
    log_odds
        Log odds of leaving at an order.
    value
        List value of an order [currency].
    felt
        Parameter of ``FELT`` -> the customer's sensitivity, as a multiple of the average customer's.
    kind
        Number of the customer type.
    row
        Row of the customer summary, shape (M,); for new customers -1.
    """

    alive: np.ndarray
    rate: np.ndarray
    log_odds: np.ndarray
    value: np.ndarray
    felt: Mapping[str, np.ndarray]
    kind: np.ndarray
    row: np.ndarray

    def draws(self, chosen: slice) -> People:
        """The same customers under some of the draws."""
        apart = {"row": self.row, "felt": {name: times[chosen] for name, times in self.felt.items()}}
        fields = {name: getattr(self, name)[chosen] for name in self.__dataclass_fields__ if name not in apart}
        return People(**fields, **apart)


def fitted_draws(fit: PurchaseFit, spend: SpendFit, count: int) -> Fitted:
    """``count`` posterior draws of a purchase model that loses customers at orders, and of the spend model."""
    # Draws are exchangeable, so that repeating them in order is as good as any choice where there are too few.
    draws = fit.posterior.draws[np.arange(count) % len(fit.posterior.draws)].copy()
    draws[:, 1] *= from_days(to_days(1.0, fit.time_unit), TimeUnit.WEEK)
    money = None if spend.posterior is None else spend.posterior.draws[np.arange(count) % len(spend.posterior.draws)]
    return Fitted(MODELS[fit.model], draws, money)


def base_people(
    summary: CustomerSummary,
    fitted: Fitted,
    spend: SpendFit,
    parameters: ParameterDraws,
    count: int,
    seed: int,
    todays_deal: float = 0.0,
    kinds: np.ndarray | None = None,
) -> People:
    """``count`` customers of a summary, the same under every draw, alive or not, each with a rate and a dropout.

    They are taken at equal distances from the summary sorted by orders, age and value, so that few stand well for
    many. Given its history a customer is alive with P(alive), then lambda ~ Gamma(r + x, alpha + T) and
    p ~ Beta(a, b + x); all by inverse distribution functions of the same uniform numbers under every draw.

    Parameters
    ----------
    kinds
        Number of every customer's type, shape (customers,), where data tell it; -1 where unknown.
    """
    table = summary.table
    x = table["frequency"].to_numpy()
    recency, age = (from_days(table[name].to_numpy(), TimeUnit.WEEK) for name in ("recency_days", "T_days"))
    mean_value = table["mean_repeat_value"].to_numpy(dtype=float)
    u = even_sequence(count, 5, [seed, BASE])
    jitter = np.random.default_rng([seed, PLACES]).random(count)
    place = ((np.arange(count) + jitter) * len(table) / count).astype(int)
    order = np.lexsort((np.nan_to_num(mean_value), recency, age, x))
    row = order[np.minimum(place, len(table) - 1)]
    x, recency, age, mean_value = x[row], recency[row], age[row], mean_value[row]
    trials = fitted.model.survived_trials(x)
    alive, rate, dropout, value = np.empty((4, len(fitted), count))
    for number, (r, alpha, a, b) in enumerate(fitted.purchase):
        params = fitted.model.Params(r, alpha, a, b)
        alive[number] = u[:, 0] < fitted.model.p_alive(params, x, recency, age)
        rate[number] = gammaincinv(r + x, u[:, 1]) / (alpha + age)
        dropout[number] = betaincinv(a, b + trials, u[:, 2])
        value[number] = _values(fitted, spend, number, x, mean_value)
    known = None if kinds is None else np.asarray(kinds)[row]
    return _people(alive > 0, rate, dropout, value / (1 - todays_deal), parameters, u[:, 3:], row, known)


def new_people(
    fitted: Fitted, spend: SpendFit, parameters: ParameterDraws, count: int, seed: int, todays_deal: float = 0.0
) -> People:
    """``count`` new customers from the fitted population, the same under every draw; neighbours differ evenly."""
    u = even_sequence(count, 4, [seed, POOL])
    r, alpha, a, b = (column[:, None] for column in fitted.purchase.T)
    rate = gammaincinv(r, u[:, 0]) / alpha
    dropout = betaincinv(a, b, u[:, 1])
    nobody = np.zeros(count, dtype=int), np.full(count, np.nan)
    value = np.array([_values(fitted, spend, number, *nobody) for number in range(len(fitted))])
    alive = np.ones(rate.shape, dtype=bool)
    row = np.full(count, -1)
    return _people(alive, rate, dropout, value / (1 - todays_deal), parameters, u[:, 2:], row, None)


def _values(fitted: Fitted, spend: SpendFit, number: int, x, mean_value) -> np.ndarray:
    if fitted.spend is None:
        return expected_order_values(spend, x, mean_value)
    known = (x > 0) & np.isfinite(mean_value)
    own = np.where(known, np.maximum(np.nan_to_num(mean_value), 0.0), 0.0)
    return GammaGamma().expected_order_value(GammaGammaParams(*fitted.spend[number]), np.where(known, x, 0), own)


def _people(alive, rate, dropout, value, parameters: ParameterDraws, u, row, known) -> People:
    kind = _chosen(parameters.types, u[:, 0])
    if known is not None:
        kind = np.where(known >= 0, known, kind)
    binding = _chosen(parameters.bindings, u[:, 1])
    felt = {name: _sensitivity(name, parameters, kind, binding) for name in FELT}
    odds = logit(np.clip(dropout, LEAST_DROPOUT, 1 - LEAST_DROPOUT))
    return People(alive, np.maximum(rate, LEAST_RATE), odds, value, felt, kind, row)


def _sensitivity(name: str, parameters: ParameterDraws, kind: np.ndarray, binding: np.ndarray) -> np.ndarray:
    """Multiples of the average customer's, by type, and where it is about leaving also by what binds, shape (D, M)."""
    channel, is_about_leaving = FELT[name]
    typed = _multiples(name, channel, TYPE_SENSITIVITY, parameters.types, parameters)
    of_type = np.take_along_axis(typed, kind, axis=1)
    if not is_about_leaving:
        return of_type
    bound = _multiples(name, channel, BINDING_SENSITIVITY, parameters.bindings, parameters)
    return of_type * np.take_along_axis(bound, binding, axis=1)


def _multiples(name: str, channel: int, table: Mapping, shares: np.ndarray, parameters: ParameterDraws) -> np.ndarray:
    contrast = parameters.values["type_contrast"][:, None]
    multiples = np.maximum(1 + contrast * (np.array([row[channel] for row in table.values()]) - 1), 0.0)
    if parameters.origin[name] == "estimate":
        # What was estimated from these customers is their average already, whatever their mix.
        multiples = multiples / np.maximum((multiples * shares).sum(axis=1), 1e-9)[:, None]
    return multiples


def _chosen(shares: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Number of the part that each uniform number falls into, shape (draws, customers)."""
    edges = np.cumsum(shares, axis=1)[:, :-1]
    return (u[None, :, None] >= edges[:, None, :]).sum(axis=2)
