"""What an order of a customer is worth, shrunk towards what orders are worth in general.

Both spend models predict alike: order values of customer i are Gamma(p, nu_i) and nu_i ~ Gamma(q, v). ``Gamma-Gamma``
takes p, q and v from the likelihood of customers' means, ``credibility`` from the spread of each customer's own orders.
Which of them is used, and whether order values go with the number of orders, held-out orders decide
(``analysis.models.spend_choice``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.errors import DataError, NotIdentified, UsageError
from analysis.models.patterns import customers_of
from analysis.models.posterior import Posterior
from analysis.plotting import Plots
from analysis.tables import Result, table_html
from analysis.words import Message

FEWEST_SPENDERS = 10
GAMMA_GAMMA, CREDIBILITY, CONSTANT = "Gamma-Gamma", "credibility", "constant"


def name_of(model: str, by_frequency: bool) -> Message:  # noqa: FBT001 (a pair that is mapped over)
    """A spend model for readers."""
    names = {
        (GAMMA_GAMMA, False): Message("Gamma-Gamma"),
        (GAMMA_GAMMA, True): Message("Gamma-Gamma, by number of orders"),
        (CREDIBILITY, False): Message("Credibility"),
        (CREDIBILITY, True): Message("Credibility, by number of orders"),
        (CONSTANT, False): Message("The mean of all"),
    }
    return names[model, by_frequency]


class SpendParams(NamedTuple):
    """p and q (no unit), v [currency]; numbers, or arrays that broadcast against customers."""

    p: float
    q: float
    v: float

    def expected(self, frequency, mean_value):
        """E(M | m, x), equation (5) of Fader and Hardie (2013): p (v + x m) / (p x + q - 1).

        Examples
        --------
        >>> round(float(SpendParams(p=6.25, q=3.74, v=15.44).expected(0, 0.0)), 2)
        35.22
        """
        p, q, v = self
        return p * (v + frequency * mean_value) / (p * frequency + q - 1)


@dataclass(frozen=True)
class Spending:
    """Repeat customers' spend.

    Attributes
    ----------
    frequency
        Repeat orders, shape (n,), at least 1.
    mean_value
        Mean value of a customer's repeat orders [currency], shape (n,), above 0.
    squares
        Sum of the squares of their values [currency²], shape (n,); None where only means are known.
    """

    frequency: np.ndarray
    mean_value: np.ndarray
    squares: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frequency)

    def rows(self, chosen: np.ndarray) -> Spending:
        squares = None if self.squares is None else self.squares[chosen]
        return Spending(self.frequency[chosen], self.mean_value[chosen], squares)

    def over(self, relative: np.ndarray | float) -> Spending:
        """The same with every value divided by what it is relative to."""
        squares = None if self.squares is None else self.squares / relative**2
        return Spending(self.frequency, self.mean_value / relative, squares)


class FrequencyEffect(NamedTuple):
    """Order values of customers with n orders so far, over those in general: (n / typical) ** slope.

    Attributes
    ----------
    slope
        0 where order values do not go with the number of orders.
    typical
        The number of orders at which values are those in general.
    """

    slope: float = 0.0
    typical: float = 1.0

    def relative(self, frequency) -> np.ndarray:
        """By repeat orders x, which are n - 1.

        >>> FrequencyEffect(0.5, 4.0).relative(np.array([3, 15])).tolist()
        [1.0, 2.0]
        """
        return ((1 + np.asarray(frequency)) / self.typical) ** self.slope


NO_EFFECT = FrequencyEffect()


@dataclass(frozen=True, repr=False)
class SpendFit(Result):
    """A fitted spend model with its posterior.

    Attributes
    ----------
    model
        ``Gamma-Gamma``, ``credibility``, or ``constant`` (every order is worth the mean of all).
    parameters, standard_errors
        p, q (no unit) and v [currency]; of ``constant`` the mean order value.
    log_likelihood
        Of Gamma-Gamma, unscaled sum over customers in the stated currency; else NaN.
    customers
        Repeat customers with a positive mean order value, on whom it was fitted.
    mean_order_value
        Expected value of an order of a customer nothing is known of [currency].
    left_out
        Repeat customers whose repeat orders were worth nothing on balance.
    by_frequency
        How order values go with the number of orders.
    posterior
        Draws of p, q and v; None of ``constant``.
    reason
        Why Gamma-Gamma is not used; None where it is.
    """

    model: str
    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    log_likelihood: float
    customers: int
    mean_order_value: float
    left_out: int = 0
    by_frequency: FrequencyEffect = NO_EFFECT
    posterior: Posterior | None = None
    reason: Message | None = None

    main = "summary"
    plot = Plots("analysis.models.plots", "posterior")

    def __post_init__(self):
        if (self.posterior is None) != (self.model == CONSTANT):
            raise UsageError(f"the spend model {self.model!r} with or without draws, as only one of them may be")
        if self.posterior is not None:
            self.posterior.check(self.model, SpendParams._fields, self.parameters)

    @classmethod
    def at(
        cls, model: str, params: SpendParams, errors: np.ndarray, posterior: Posterior, customers: int,
        log_likelihood: float = np.nan,
    ) -> SpendFit:  # fmt: skip
        """A model at its parameters, with their standard errors."""
        by_name = dict(zip(SpendParams._fields, errors.tolist(), strict=True))
        mean = float(params.expected(0, 0.0))
        return cls(model, params._asdict(), by_name, log_likelihood, customers, mean, posterior=posterior)

    @property
    def summary(self) -> pd.DataFrame:
        """Columns coef, se, lower, upper of each parameter: the ends of the central 90% credible interval."""
        if self.posterior is None:
            return pd.DataFrame({"coef": self.parameters}, columns=["coef", "se", "lower", "upper"], dtype=float)
        return self.posterior.intervals(self.parameters, self.standard_errors, 0.9)

    @property
    def label(self) -> Message:
        return name_of(self.model, self.by_frequency.slope != 0)

    @property
    def half_weight_orders(self) -> float:
        """Repeat orders at which a customer's own mean counts half: (q - 1) / p; infinite of ``constant``."""
        if self.posterior is None:
            return np.inf
        return (self.parameters["q"] - 1) / self.parameters["p"]

    def expected_order_value(self, customers) -> pd.Series:
        """Expected value of each customer's next order [currency], by customer id.

        ``customers`` are ``Orders``, a ``CustomerSummary`` or a frame with the columns frequency and monetary_value.
        """
        table = spend_table(customers)
        worth = self.order_values(table["frequency"].to_numpy(), table["monetary_value"].to_numpy(dtype=float))
        return pd.Series(worth, index=table.index, name="expected_order_value")

    def order_values(self, frequency, mean_value, points: np.ndarray | None = None) -> np.ndarray:
        """Expected value of a customer's next order [currency], shape (n,), or (points, n).

        Parameters
        ----------
        frequency, mean_value
            Repeat orders and their mean value [currency], shape (n,); the mean counts where x > 0 and it is known.
        points
            Points of (p, q, v), shape (points, 3); the fit where not given, and always of ``constant``.
        """
        if self.posterior is None:
            return np.full(np.shape(frequency), self.mean_order_value)
        x, own, relative = self.known(frequency, mean_value)
        params = SpendParams(**self.parameters) if points is None else SpendParams(*points.T[..., None])
        return relative * params.expected(x, own)

    def mean_order_values(self, points: np.ndarray | None) -> np.ndarray:
        """``mean_order_value`` at points of (p, q, v), shape (points,); that of the fit, shape (1,), without any."""
        return np.array([self.mean_order_value]) if points is None else SpendParams(*points.T).expected(0, 0.0)

    def known(self, frequency, mean_value) -> np.ndarray:
        """Repeat orders and mean value that count in p, q and v, and what values are relative to, shape (3, n)."""
        known = (np.asarray(frequency) > 0) & np.isfinite(mean_value)
        relative = self.by_frequency.relative(frequency)
        own = np.where(known, np.maximum(np.nan_to_num(mean_value), 0.0), 0.0) / relative
        return np.array([np.where(known, frequency, 0), own, relative])

    def to_arviz(self):
        """The posterior draws for arviz: its ``InferenceData``, or its ``DataTree`` from version 1 on."""
        if self.posterior is None:
            raise UsageError(f"the spend model {self.model!r} has no posterior draws")
        return self.posterior.to_arviz()

    def _repr_html_(self) -> str:
        mean = Message("{model}, mean order value {mean:money}", model=self.label, mean=self.mean_order_value)
        return table_html(self.summary, mean)


def spend_table(data) -> pd.DataFrame:
    """Customers in any of the accepted forms by their ids: frequency, monetary_value, and whatever else is known."""
    if isinstance(data, pd.DataFrame):
        missing = [name for name in ("frequency", "monetary_value") if name not in data]
        if missing:
            raise DataError(*(f"customer summary: there is no column {name!r}" for name in missing))
        return data
    histories = customers_of(data)[0]
    if not histories.has_money:
        raise DataError("orders: there are no amounts, so that there is no spend to model")
    return histories.table.rename(columns={"mean_repeat_value": "monetary_value"}).set_axis(histories.ids)


def spending_of(data) -> tuple[Spending, int]:
    """The repeat customers whose repeat orders were worth something, and how many are left out.

    ``data`` are ``Orders``, a ``CustomerSummary``, or a frame with lifetimes' columns frequency and monetary_value.
    """
    table = spend_table(data)
    x, m = table["frequency"].to_numpy(), table["monetary_value"].to_numpy(dtype=float)
    counted = (x > 0) & (m > 0)
    squares = table["spend_squares"].to_numpy(dtype=float)[counted] if "spend_squares" in table else None
    return Spending(x[counted], m[counted], squares), int(((x > 0) & ~counted).sum())


def fitted_spend(data, by_frequency: FrequencyEffect, fit: Callable[[Spending], SpendFit]) -> SpendFit:
    """What ``fit`` finds on the repeat customers; the mean of all where it raises ``NotIdentified`` or has too few."""
    spending, left_out = spending_of(data)
    relative = by_frequency.relative(spending.frequency)
    try:
        refuse_too_little(spending)
        found = fit(spending.over(relative))
    except NotIdentified as why:
        mean = _mean_order_value(data, spending)
        return SpendFit(CONSTANT, {"mean": mean}, {}, np.nan, len(spending), mean, left_out, reason=why.reason)
    total = found.log_likelihood - float(np.log(relative).sum())
    return replace(found, left_out=left_out, by_frequency=by_frequency, log_likelihood=total)


def refuse_too_little(spending: Spending) -> None:
    """Raise ``NotIdentified`` where these customers cannot tell what differs between customers."""
    if len(spending) < FEWEST_SPENDERS:
        raise NotIdentified(
            "There are fewer than ten repeat customers with orders of positive value, too few to tell what differs "
            "between customers: every order counts with the mean of all.",
            code="spend.reason.few_spenders",
        )
    if np.ptp(spending.mean_value) <= 1e-9 * spending.mean_value.max():
        raise NotIdentified(
            "All repeat customers spend the same an order, so that nothing tells one from the other: every order "
            "counts with the mean of all.",
            code="spend.reason.same_value",
        )


def _mean_order_value(data, spending: Spending) -> float:
    """Mean of all orders; of repeat orders alone where a summary holds no others."""
    table = spend_table(data)
    if "spent" in table and "orders" in table:
        spent, orders = table["spent"].sum(), table["orders"].sum()
    else:
        spent, orders = spending.frequency @ spending.mean_value, spending.frequency.sum()
    return float(max(spent / orders, 0.0)) if orders else 0.0
