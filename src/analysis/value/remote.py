"""Values of customers whose rows stay in an engine: expressions there, the total and its interval here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.config import EconomicsConfig
from analysis.data.remote import InEngine, RemoteHistories, mean_repeat_value
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.fits import PurchaseFit
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit
from analysis.time import DAYS_PER_YEAR, force_of_interest, from_days
from analysis.value.valuation import discounted_orders

DRAWS = 200


@dataclass(frozen=True)
class RemoteValue:
    """What every customer is still worth, as a table of the engine that holds them.

    Attributes
    ----------
    customers
        One row a customer: the id, p_alive, expected_orders and p_order within the horizon, and with money
        expected_order_value and residual_clv [currency].
    expected_total, expected_orders
        Residual value [currency] and orders of the base in expectation, with their **credible** intervals.
    """

    customers: InEngine
    expected_total: Interval | None
    expected_orders: Interval

    @property
    def total(self) -> Interval:
        """Never known here: a predictive interval simulates the future of every customer."""
        raise Unavailable(
            "Predictive intervals simulate every customer, which takes a base that fits into memory; "
            "`expected_total` has the credible interval."
        )

    def by(self, group: pd.Series) -> pd.DataFrame:
        """As ``CustomerValue.by`` of groups by customer id, in expectation: ``lower`` and ``upper`` are not known."""
        customers = self.customers.to_frame()
        worth = customers["residual_clv" if "residual_clv" in customers else "expected_orders"]
        cells = worth.groupby(group.reindex(worth.index).to_numpy())
        found = pd.DataFrame({"customers": cells.size(), "estimate": cells.sum(), "share": cells.sum() / worth.sum()})
        return found.assign(lower=np.nan, upper=np.nan, level=np.nan)


def remote_value(
    fit: PurchaseFit,
    spend: SpendFit | None,
    horizon_days: float,
    gross_margin: float,
    annual_discount_rate: float,
    cost_per_order: float,
    level: float,
) -> RemoteValue:
    """See ``customer_value``."""
    years = horizon_days / DAYS_PER_YEAR
    economics = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    EconomicsConfig.checked(horizon_years=years, annual_discount_rate=annual_discount_rate, **economics)
    histories: RemoteHistories = fit.known_histories()
    patterns, known, end = patterns_of(histories, fit.clock), histories.collapsed, histories.observation_end
    horizon, delta = fit.clock.ahead(horizon_days, end), force_of_interest(annual_discount_rate, fit.time_unit)
    discounting = from_days(horizon_days, fit.time_unit), delta, end
    found = MODELS[fit.model].expectations(fit.params, patterns, horizon)
    found = {name: values[patterns.index] for name, values in found.items()}
    points = [replace(fit, parameters=draw) for draw in _drawn(fit.posterior)]
    orders = [_orders(each, patterns, horizon) for each in points]
    expected_orders = Interval.around(_orders(fit, patterns, horizon), np.array(orders), level)
    if spend is None or not histories.has_money:
        return RemoteValue(histories.predicted(found), None, expected_orders)

    def total(fit: PurchaseFit, spend: SpendFit) -> float:
        intercept, slope = affine_order_values(spend, known["frequency"])
        mean = known["repeat_total"] / (known["frequency"] * known["customers"]).clip(lower=1)
        left = gross_margin * (intercept + slope * mean) - cost_per_order
        return float((known["customers"] * discounted_orders(fit, patterns, *discounting) * left).sum())

    spends = [spend] * len(points)
    if spend.posterior is not None:
        spends = [replace(spend, parameters=draw) for draw in _drawn(spend.posterior)]
    totals = [total(*pair) for pair in zip(points, spends, strict=True)]
    intercept, slope = affine_order_values(spend, known["frequency"])
    parts = {"discounted": discounted_orders(fit, patterns, *discounting), "intercept": intercept, "slope": slope}
    table = histories.joined(found | parts)
    table = table.mutate(expected_order_value=table.intercept + table.slope * mean_repeat_value(table))
    left = table.expected_order_value * gross_margin - cost_per_order
    columns = {histories.orders.id_column: table.customer, **{name: table[name] for name in found}}
    columns |= {"expected_order_value": table.expected_order_value, "residual_clv": table.discounted * left}
    customers = InEngine(table.select(**columns), histories.orders.id_column)
    return RemoteValue(customers, Interval.around(total(fit, spend), np.array(totals), level), expected_orders)


def _drawn(posterior) -> list[dict[str, float]]:
    return [dict(zip(posterior.names, draw, strict=True)) for draw in posterior.draws[:DRAWS].tolist()]


def _orders(fit: PurchaseFit, patterns: Patterns, horizon: float) -> float:
    return patterns.total(MODELS[fit.model].expected_purchases(fit.params, horizon, *patterns.history))


def affine_order_values(spend: SpendFit, frequency: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Intercept [currency] and slope of the expected order value in a customer's own mean, by repeat orders.

    Every spend model here is affine in the mean, so that an engine needs no more than these two of each frequency.

    Raises
    ------
    Unavailable
        Of a model that is not.

    Examples
    --------
    >>> import analysis as rl
    >>> spend = rl.GammaGamma().fit(rl.read_orders({"sample": "cdnow"}))
    >>> intercept, slope = affine_order_values(spend, pd.Series([0, 4]))
    >>> slope.round(2).tolist(), (intercept + slope * 20).round(2).tolist()
    ([0.0, 0.85], [35.81, 22.3])
    """
    scale = spend.mean_order_value or 1.0
    low, one, two = (
        spend.expected_order_value(pd.DataFrame({"frequency": frequency, "monetary_value": times * scale})).to_numpy()
        for times in (0.5, 1.0, 2.0)
    )
    slope = (two - one) / scale
    if not np.allclose(one - low, slope * scale / 2, rtol=1e-6, atol=1e-9 * scale):
        raise Unavailable("This spend model has no closed form in a customer's mean order value.")
    return one - slope * scale, slope
