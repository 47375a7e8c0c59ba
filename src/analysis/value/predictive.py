"""Totals and bounds from simulated futures: parameters, alive or not, number of orders and spend all vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.models.futures import Spenders, Terms, simulate_futures
from analysis.models.purchase import PurchaseModel
from analysis.value.segments import Segment


@dataclass(frozen=True)
class PredictiveTotals:
    """Simulated futures, summed.

    Attributes
    ----------
    orders, value
        Totals by group and pass, shape (1 + segments, passes), the whole base first; value is None without money.
    customer_bounds
        Lower and upper bound of each customer's value, shape (2, customers); None without money.
    """

    orders: np.ndarray
    value: np.ndarray | None
    customer_bounds: np.ndarray | None


def predictive_totals(
    model: PurchaseModel,
    draws: np.ndarray,
    history,
    terms: Terms,
    spenders: Spenders | None,
    segments: Sequence[Segment],
    level: float,
    seed: int,
) -> PredictiveTotals:
    """One future of every customer for each posterior draw, summed over the base and its segments.

    Memory grows with customers and with passes, never with their product.
    """
    customers = len(history[0])
    groups = np.vstack([np.ones(customers), *(segment.members for segment in segments)])
    orders, value = np.zeros((2, len(groups), len(draws)))
    bounds = np.full((2, customers), np.nan)
    tails = [(1 - level) / 2, (1 + level) / 2]
    for chunk in simulate_futures(model, draws, history, terms, spenders, seed):
        members = groups[:, chunk.rows]
        orders += members @ chunk.orders.T
        if chunk.value is not None:
            value += members @ chunk.value.T
            bounds[:, chunk.rows] = np.quantile(chunk.value, tails, axis=0)
    if spenders is None:
        return PredictiveTotals(orders, None, None)
    return PredictiveTotals(orders, value, bounds)
