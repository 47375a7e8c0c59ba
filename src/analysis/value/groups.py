"""What customers are worth by group, where covariates tell groups apart: with intervals, and with differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.config import EconomicsConfig
from analysis.time import DAYS_PER_YEAR, duration, force_of_interest
from analysis.value.intervals import ends
from analysis.value.shifts import retention_shifts, streams_at_rest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.models.covariates import CovariateFit
    from analysis.models.leaving import Curves
    from analysis.models.spend import SpendFit


def value_by_group(
    fit: CovariateFit,
    spend: SpendFit,
    horizon: Any = "3Y",
    gross_margin: float = 0.3,
    annual_discount_rate: float = 0.1,
    cost_per_order: float = 0.0,
    level: float = 0.9,
) -> pd.DataFrame:
    """What a customer of each group is worth, and how groups differ.

    Parameters
    ----------
    fit
        A purchase model with covariates, such as ``rl.BGNBD(rate=["channel"]).fit(orders)``.
    spend
        The fitted spend model, of all customers together.

    Returns
    -------
    DataFrame, index group
        customers; estimate, lower, upper: what an average customer of today is still worth [currency], with its
        credible interval; new_customer and its ends: the same of a new customer, the first order included; difference
        and its ends: a new customer's from that of the largest group, with the same draws in both. What today's
        customers differ by is also the luck of their histories; what new ones differ by is not.
    """
    years = duration(horizon) / DAYS_PER_YEAR
    EconomicsConfig.checked(
        horizon_years=years,
        annual_discount_rate=annual_discount_rate,
        gross_margin=gross_margin,
        cost_per_order=cost_per_order,
    )
    today, new = {}, {}
    for label, group in fit.groups.items():
        histories, delta = group.known_histories(), force_of_interest(annual_discount_rate, group.time_unit)
        weights, times, base = streams_at_rest(histories, group, spend, years)
        kernel = weights * np.exp(-delta * times)
        today[label] = _left(base, kernel, gross_margin, cost_per_order) / group.customers
        shifts = retention_shifts(histories, [group], spend, [], [years])
        streams, mean_year = shifts.by_model[0], shifts.line.weights[0] * np.exp(-delta * shifts.line.times[1:])
        first = gross_margin * streams.order_value - cost_per_order
        new[label] = first + _left(streams.new[0], mean_year, gross_margin, cost_per_order)
    points, of_new = (_aligned(each) for each in (today, new))
    largest = int(fit.design["customers"].to_numpy().argmax())
    apart = ends(of_new - of_new[:, [largest]], level, "difference")
    columns = ends(points, level) | ends(of_new, level, "new_customer") | apart
    table = pd.DataFrame({"customers": fit.design["customers"], **columns}, index=list(today))
    return table.rename_axis("group")


def _left(curves: Curves, kernel: np.ndarray, margin: float, cost: float) -> np.ndarray:
    """What orders leave, discounted, at each point of the parameters."""
    return margin * (curves.revenue[:, 1:] @ kernel) - cost * (curves.orders[:, 1:] @ kernel)


def _aligned(by_group: Mapping[str, np.ndarray]) -> np.ndarray:
    """Shape (points, groups); the dearer the histories of a group, the fewer draws it has: the first ones."""
    draws = min(map(len, by_group.values()))
    return np.array([each[:draws] for each in by_group.values()]).T
