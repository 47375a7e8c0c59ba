"""What the value room hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.interval import Interval
from analysis.value.readings import Choice


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

    @property
    def brings_money(self) -> bool:
        """Whether the base brings more than it costs, so that shares and ranks of value mean something."""
        return self.residual_clv is not None and self.residual_clv.estimate > 0


@dataclass(frozen=True)
class Lift:
    """The effect of raising retention under one reading of the claim and one purchase model.

    Attributes
    ----------
    choice, model
        The reading, and the purchase model.
    lift
        Relative change of profit; None where profit may be zero or less, or where retention cannot rise so far.
    gain
        Change of profit [currency], of one new customer, the base or the firm; None where it cannot rise so far.
    profit_before
        Profit at today's retention [currency].
    p_in_range, p_above, p_below
        Posterior probability that the lift lies within, above or below the claimed range; NaN where there is no lift.
    p_unprofitable
        Posterior probability that the profit before is zero or less.
    retention_before, retention_after
        First-year retention of those concerned.
    break_even_cost
        The most that may be spent on each customer who is still there and each year before the gain is gone
        [currency]; None where it cannot rise so far, or where the rise brings nothing even if keeping is free.
    reason
        Message key of why there is no lift; None where there is one.
    draws
        The lift under each posterior draw, shape (draws,), NaN where profit is not positive; empty without a lift.
    """

    choice: Choice
    model: str
    lift: Interval | None
    gain: Interval | None
    profit_before: Interval | None
    p_in_range: float
    p_above: float
    p_below: float
    p_unprofitable: float
    retention_before: Interval | None
    retention_after: Interval | None
    break_even_cost: Interval | None
    reason: str | None = None
    draws: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


@dataclass(frozen=True)
class RetentionLift:
    """The lift for every reading that matters, under every model.

    Attributes
    ----------
    named
        The reading that the configuration names; verdicts rest on it.
    lifts
        The named reading first, then each that differs in one choice, then scopes by horizons.
    models
        The primary model first.
    new_customers_per_year
        As configured or observed; None where unknown.
    growth_per_year
        Growth of order values used under growing margins; None where unknown.
    """

    named: Choice
    lifts: tuple[Lift, ...]
    models: tuple[str, ...]
    new_customers_per_year: float | None
    growth_per_year: Interval | None

    def of(self, choice: Choice, model: str) -> Lift:
        return next(lift for lift in self.lifts if lift.choice == choice and lift.model == model)

    @property
    def named_lifts(self) -> Mapping[str, Lift]:
        return {model: self.of(self.named, model) for model in self.models}

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(dict.fromkeys(lift.choice for lift in self.lifts))
