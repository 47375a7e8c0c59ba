"""Which spend model forecasts order values that it has not seen, and the fit of that one.

A customer's even repeat orders are forecast from the odd ones and the other way round, with parameters from other
customers. The loss is the Poisson deviance, which is smallest in expectation where the forecast is the mean, whatever
the distribution, and which single very large orders decide less than they do squared errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import xlogy
from statsmodels.genmod.families import Gamma
from statsmodels.genmod.families.links import Log
from statsmodels.genmod.generalized_linear_model import GLM

from analysis.arguments import checked
from analysis.errors import NotIdentified
from analysis.interval import Interval
from analysis.models.credibility import Credibility, contributions, credibility_params
from analysis.models.gamma_gamma import GammaGamma, gamma_gamma_maximum
from analysis.models.patterns import customers_of
from analysis.models.scores import rank_correlation
from analysis.models.spend import (
    CREDIBILITY,
    FEWEST_SPENDERS,
    GAMMA_GAMMA,
    NO_EFFECT,
    FrequencyEffect,
    SpendFit,
    Spending,
    SpendParams,
    spending_of,
)
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, Orders

FEWEST_CUSTOMERS = 100
"""With both an odd and an even repeat order; with fewer, Gamma-Gamma stays."""
MOST_CUSTOMERS = 10_000
FOLDS = 10
"""With two, every third seed chose another model for a shop of 600 customers."""
CLEARLY, NOTICEABLY = 2.58, 0.03
"""Standard errors, and share of the loss, by which another model must lead to take the place of the simpler one."""
GROUPS = 10
SMALLEST_SLOPE = 1e-6
NEGLIGIBLE_CHANGE = 0.05

CHOSEN = Message(
    "Credibility forecast order values that it had not seen better than Gamma-Gamma: it looks at how much each "
    "customer's own orders vary.",
    code="spend.reason.credibility_forecasts_better",
)


@dataclass(frozen=True, repr=False)
class SpendChoice(Result):
    """How well each spend model forecast held-out order values, and which one is used.

    Attributes
    ----------
    model, by_frequency
        The chosen model, and whether order values go with the number of orders in it.
    scores
        One row a candidate: model, by_frequency, loss (mean deviance of an order, in units of the mean order value),
        lead and lead_error (mean over customers by which it beats the simplest one, and its standard error).
    groups
        Customers in tenths by the mean of their odd orders: odd and even (mean order value [currency]), customers, and
        what each model without frequency forecast for the even ones.
    odd_even
        Rank correlation of the means of odd and even orders.
    customers
        With both odd and even orders.
    reason
        Why Gamma-Gamma is not used; None where it is.
    """

    model: str
    by_frequency: bool
    scores: pd.DataFrame
    groups: pd.DataFrame
    odd_even: float
    customers: int
    reason: Message | None = None

    main = "scores"
    plot = Plots("analysis.models.plots", "odd_even")

    def together(self, level: float) -> Interval:
        """``odd_even`` with its interval (Fieller, Hartley & Pearson 1957)."""
        return rank_interval(self.odd_even, self.customers, level)


@checked
def fit_spend(data: Orders | CustomerSummary, choice: SpendChoice | None = None, *, seed: int = 1) -> SpendFit | None:
    """The chosen spend model, Gamma-Gamma where none was; None where there is no money.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> choice = rl.spend_choice(orders)
    >>> choice.model, rl.fit_spend(orders, choice).model
    ('Gamma-Gamma', 'Gamma-Gamma')
    """
    if not data.has_money:
        return None
    if choice is None:
        return GammaGamma().fit(data, seed)
    effect = frequency_effect(spending_of(data)[0]) if choice.by_frequency else NO_EFFECT
    if choice.model == GAMMA_GAMMA:
        return GammaGamma().fit(data, seed, effect)
    found = Credibility().fit(data, seed, effect)
    return found if found.reason else replace(found, reason=choice.reason)


def frequency_effect(spending: Spending) -> FrequencyEffect:
    """How mean order values go with the number of orders: a gamma regression, 1 for the average order."""
    if np.ptp(spending.frequency) == 0 or np.ptp(spending.mean_value) == 0:
        return NO_EFFECT
    slope, _ = frequency_slope(spending, spending.frequency + 1)
    if abs(slope) < SMALLEST_SLOPE:
        return NO_EFFECT
    average = np.average((1.0 + spending.frequency) ** slope, weights=spending.frequency)
    return FrequencyEffect(slope, float(average ** (1 / slope)))


@checked
def spend_choice(orders: Orders | CustomerSummary, *, seed: int = 1) -> SpendChoice | None:
    """The spend model that held-out orders speak for.

    None without money, and where too few customers have both an odd and an even order to hold out, or the summary does
    not tell them apart.

    Examples
    --------
    >>> import analysis as rl
    >>> rl.spend_choice(rl.read_orders({"sample": "cdnow"})).customers
    736
    """
    histories = customers_of(orders)[0]
    if not (histories.has_money and "odd_orders" in histories.table):
        return None
    halves, spending = _halves(histories, seed)
    if halves is None:
        return None
    forecasts, reason = _forecasts(halves, spending, seed)
    if not forecasts:
        return None
    losses = pd.DataFrame({candidate: _deviance(halves, made) for candidate, made in forecasts.items()})
    model = GAMMA_GAMMA if (GAMMA_GAMMA, False) in losses else CREDIBILITY
    if model == GAMMA_GAMMA and _leads(losses, (CREDIBILITY, False), (model, False)):
        model, reason = CREDIBILITY, CHOSEN
    by_frequency = _leads(losses, (model, True), (model, False))
    groups = _groups(halves, {name: made for (name, by), made in forecasts.items() if not by})
    odd_even = rank_correlation(*halves.means)
    return SpendChoice(model, by_frequency, _scores(losses, halves), groups, odd_even, len(halves), reason)


class Halves(NamedTuple):
    """Odd and even repeat orders of the customers who have both.

    Attributes
    ----------
    row
        Of the spending, shape (n,).
    orders, means
        Their number and mean value [currency], shape (2, n): odd, then even.
    """

    row: np.ndarray
    orders: np.ndarray
    means: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


def _halves(histories: CustomerSummary, seed: int) -> tuple[Halves | None, Spending]:
    """Odd and even orders of at most ``MOST_CUSTOMERS``, None for too few; and the spending of these customers."""
    table = histories.table
    counted = np.flatnonzero((table["frequency"] > 0) & (table["mean_repeat_value"] > 0))
    if len(counted) > MOST_CUSTOMERS:
        counted = np.sort(np.random.default_rng([seed, 1]).choice(counted, MOST_CUSTOMERS, replace=False))
    table = table.iloc[counted]
    spending = spending_of(replace(histories, table=table))[0]
    orders, totals = (table[[f"odd_{of}", f"even_{of}"]].to_numpy(dtype=float).T for of in ("orders", "total"))
    row = np.flatnonzero(orders.min(axis=0) > 0)
    if len(row) < FEWEST_CUSTOMERS:
        return None, spending
    return Halves(row, orders[:, row], np.maximum(totals[:, row] / orders[:, row], 0.0)), spending


def _forecasts(halves: Halves, spending: Spending, seed: int):
    """Candidate (model, by_frequency) -> its forecasts of both halves, shape (2, n); and why Gamma-Gamma is missing."""
    test_fold = np.random.default_rng([seed, 2]).permutation(len(spending)) % FOLDS
    forecasts, reason = {}, None
    for (model, params_of), by_frequency in product(PARAMS.items(), (False, True)):

        def fitted(train: Spending, params_of=params_of, by=by_frequency) -> tuple[FrequencyEffect, SpendParams]:
            effect = frequency_effect(train) if by else NO_EFFECT
            return effect, params_of(train.over(effect.relative(train.frequency)))

        try:
            of_all = fitted(spending)
        except NotIdentified as why:
            reason = why.reason if model == GAMMA_GAMMA else reason
            continue
        made = forecasts[model, by_frequency] = np.empty(halves.means.shape)
        for held_out in range(FOLDS):
            try:
                effect, params = fitted(spending.rows(test_fold != held_out))
            except NotIdentified:  # nine tenths of the customers can be too few where all are enough
                effect, params = of_all
            test = test_fold[halves.row] == held_out
            relative = effect.relative(spending.frequency[halves.row[test]])
            made[:, test] = relative * params.expected(halves.orders[::-1, test], halves.means[::-1, test] / relative)
    return forecasts, reason


PARAMS: dict[str, Callable[[Spending], SpendParams]] = {
    GAMMA_GAMMA: lambda spending: gamma_gamma_maximum(spending)[0],
    CREDIBILITY: lambda spending: credibility_params(contributions(spending)),
}


def _deviance(halves: Halves, forecasts: np.ndarray) -> np.ndarray:
    """Poisson deviance of a customer's orders, over the mean order value, shape (n,)."""
    y, mean = halves.means, np.average(halves.means, weights=halves.orders)
    each = 2 * (xlogy(y, y / forecasts) - (y - forecasts))
    return (halves.orders * each).sum(axis=0) / mean


def _leads(losses: pd.DataFrame, one: tuple[str, bool], other: tuple[str, bool]) -> bool:
    """Whether one candidate's loss is clearly below another's."""
    if one not in losses:
        return False
    apart = losses[other] - losses[one]
    return bool(apart.mean() > max(CLEARLY * apart.sem(ddof=0), NOTICEABLY * losses[other].mean()))


def _scores(losses: pd.DataFrame, halves: Halves) -> pd.DataFrame:
    """Loss of an order under each candidate, and its lead over the first one."""
    lead = losses.rsub(losses.iloc[:, 0], axis="index")
    columns = {"loss": losses.mean(), "lead": lead.mean(), "lead_error": lead.sem(ddof=0)}
    scores = pd.DataFrame(columns) / halves.orders.sum(axis=0).mean()
    return scores.rename_axis(["model", "by_frequency"]).reset_index()


def _groups(halves: Halves, forecasts: dict[str, np.ndarray]) -> pd.DataFrame:
    """Customers in tenths by the mean of their odd orders, with what was forecast of the even ones."""
    odd, even = halves.means
    tenth = np.argsort(np.argsort(odd, kind="stable")) * GROUPS // len(halves)
    columns = {"odd": odd, "even": even} | {name: made[1] for name, made in forecasts.items()}

    def means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.bincount(tenth, values * weights) / np.bincount(tenth, weights)

    weights = {"odd": halves.orders[0]}
    found = {name: means(each, weights.get(name, halves.orders[1])) for name, each in columns.items()}
    return pd.DataFrame(found).assign(customers=np.bincount(tenth))


def spend_dependence(spending: Spending, level: float) -> dict[str, Any] | None:
    """Whether customers who order more often also spend more an order (Gamma-Gamma assumes they do not).

    Returns
    -------
    dict or None
        rank_correlation: Spearman's of frequency and mean repeat order value, and change_per_doubling: relative change
        of the mean order value as the number of repeat orders doubles, with their intervals; customers: repeat
        customers it was computed on; verdict: ``independent``, ``weak`` or ``dependent``. None with fewer than ten
        customers, where one of the two does not vary, or where one customer alone has another frequency.
    """
    x, m = spending.frequency, spending.mean_value
    ranked = np.sort(x)
    lone = x.size < FEWEST_SPENDERS or ranked[0] == ranked[-2] or ranked[1] == ranked[-1]
    if lone or np.ptp(m) <= 1e-12 * m.max():
        return None
    slope = Interval.normal(*frequency_slope(spending, x), level, x.size - 2)
    change = Interval(*(2 ** np.array([slope.estimate, slope.lower, slope.upper]) - 1).tolist(), level)
    return {
        "rank_correlation": rank_interval(rank_correlation(x, m), x.size, level),
        "change_per_doubling": change,
        "customers": int(x.size),
        "verdict": _verdict(change),
    }


def _verdict(change: Interval) -> str:
    if change.lower <= 0 <= change.upper:
        return "independent"
    return "weak" if abs(change.estimate) < NEGLIGIBLE_CHANGE else "dependent"


def rank_interval(rho: float, n: int, level: float) -> Interval:
    """Spearman's rho of n pairs with Fisher's z; its standard error 1.03 / sqrt(n - 3) is that of Fieller, Hartley and
    Pearson (1957), Biometrika 44.
    """
    z = Interval.normal(np.arctanh(np.clip(rho, -0.999999, 0.999999)), np.sqrt(1.06 / (n - 3)), level)
    return Interval(rho, float(np.tanh(z.lower)), float(np.tanh(z.upper)), level)


def frequency_slope(spending: Spending, orders: np.ndarray) -> tuple[float, float]:
    """Slope of the log mean order value over the log of so many orders, shape (n,), and its standard error.

    From a gamma regression with log link and heteroscedasticity-robust errors (HC3, which statsmodels has for linear
    regressions alone): unlike a regression of logs it is not fooled by means of few orders varying more.
    """
    design = np.column_stack([np.ones(len(spending)), np.log(orders)])
    relative = spending.mean_value / spending.mean_value.mean()
    found = GLM(relative, design, family=Gamma(Log())).fit()
    leverage = np.sum(np.linalg.qr(design)[0] ** 2, axis=1)
    residuals = (relative / found.fittedvalues - 1) / np.maximum(1 - leverage, 1e-12)
    return float(found.params[1]), float(np.linalg.norm(np.linalg.pinv(design)[1] * residuals))
