"""What the value room hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.models.results import Interval


@dataclass(frozen=True)
class SegmentValue:
    """One segment of the customer base.

    Attributes
    ----------
    dimension
        ``orders``, ``recency`` or ``value``: by what the base was split.
    segment
        Label key within the dimension, such as ``1``, ``2-3`` or ``top_tenth``.
    customers
        Number of customers in it.
    residual_clv
        Total over the segment with its predictive interval [currency]; None without money.
    expected_orders
        Expected orders within the horizon, total over the segment, with its predictive interval.
    share_of_value
        Share of the base's expected residual value; None without money.
    """

    dimension: str
    segment: str
    customers: int
    residual_clv: Interval | None
    expected_orders: Interval
    share_of_value: float | None


@dataclass(frozen=True)
class ModelTotal:
    """The base's totals under one purchase model, with predictive intervals.

    Attributes
    ----------
    residual_clv
        Residual value of the base [currency]; None without money.
    expected_orders
        Orders of the base within the horizon.
    """

    residual_clv: Interval | None
    expected_orders: Interval


@dataclass(frozen=True)
class CustomerValue:
    """What every customer is still worth.

    Attributes
    ----------
    table
        One row a customer with the columns of ``customers.parquet``; recency, T and days in the units that
        the design names (recency and T in the model's time unit).
    residual_clv
        Total of the base with its **predictive** interval [currency]; None without money.
    expected_residual_clv
        The same total with the narrower **credible** interval of its expectation; None without money.
    expected_orders
        Orders of the base within the horizon with the predictive interval.
    segments
        Totals by segment.
    by_model
        Purchase model -> the base's total under it, for BG/NBD and every challenger that the data identify: they
        disagree on who is alive, so they disagree on what the base is worth.
    draws
        Number of simulated futures behind the predictive intervals.
    horizon_years, annual_discount_rate, gross_margin, cost_per_order
        The assumptions, as configured.
    currency
        ISO code, or None where it is unknown.
    """

    table: pd.DataFrame
    residual_clv: Interval | None
    expected_residual_clv: Interval | None
    expected_orders: Interval
    segments: tuple[SegmentValue, ...]
    by_model: Mapping[str, ModelTotal]
    draws: int
    horizon_years: float
    annual_discount_rate: float
    gross_margin: float
    cost_per_order: float
    currency: str | None
