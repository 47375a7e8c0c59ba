"""What every customer is still worth: expectations in closed form, intervals from simulated futures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_draws, params_of
from analysis.models.futures import Spenders, Terms, passes_for
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.results import PurchaseFit, PurchaseResult, SpendResult
from analysis.models.spend import GammaGamma, GammaGammaParams
from analysis.value.expectations import (
    customer_expectations,
    discounted_orders,
    expected_orders_by_pattern,
    terms_of,
)
from analysis.value.predictive import PredictiveTotals, predictive_totals
from analysis.value.results import CustomerValue, ModelTotal, SegmentValue
from analysis.value.segments import Segment, segments_of

if TYPE_CHECKING:
    from analysis.config import EconomicsConfig, ModelConfig
    from analysis.data import CustomerSummary

DRAWS_FOR_EXPECTATION = 400
PASSES_OF_CHALLENGERS = 500


def customer_value(
    summary: CustomerSummary,
    purchase: PurchaseResult,
    spend: SpendResult | None,
    config: ModelConfig,
    economics: EconomicsConfig,
) -> CustomerValue:
    """Residual value of every customer, of segments and of the base, over the configured horizon.

    Parameters
    ----------
    summary
        The customers to value; need not be those the models were fitted on.
    purchase, spend
        Fitted models; without ``spend`` there are orders but no money.
    config, economics
        Level of the intervals, seed and time unit; margin, cost per order, discount rate and horizon.
    """
    spend = spend if summary.has_money else None
    patterns, terms = patterns_of(summary, config.time_unit), terms_of(config, economics)
    table = customer_expectations(summary, patterns, purchase.primary, spend and spend.fit, terms)
    segments = segments_of(table, summary.observation_end)
    known = _Spend.of(summary, table, spend)
    totals = _predictive(
        table, segments, purchase.primary, purchase.posterior, known, config, terms, passes_for(len(table))
    )
    if spend:
        table["residual_clv_lower"], table["residual_clv_upper"] = totals.customer_bounds
    level = config.credible_level
    base = _total(table["residual_clv"].sum(), table["expected_orders"].sum(), totals, level)
    challengers = {
        fit.model: _under_challenger(table, patterns, fit, purchase, known, config, terms)
        for fit in purchase.challengers
    }
    return CustomerValue(
        table=table,
        residual_clv=base.residual_clv,
        expected_residual_clv=_credible(table, patterns, purchase, known, terms, level) if spend else None,
        expected_orders=base.expected_orders,
        segments=tuple(_segment_values(table, segments, totals, level)),
        by_model={purchase.primary.model: base, **challengers},
        draws=totals.orders.shape[1],
        horizon_years=economics.horizon_years,
        annual_discount_rate=economics.annual_discount_rate,
        gross_margin=economics.gross_margin,
        cost_per_order=economics.cost_per_order,
        currency=economics.currency,
    )


class _Spend:
    """What is known of each customer's spend, as the expectation and the simulation need it."""

    def __init__(self, frequency: np.ndarray, mean_value: np.ndarray, expected: np.ndarray, draws: np.ndarray | None):
        self.frequency, self.mean_value, self.expected, self.draws = frequency, mean_value, expected, draws

    @classmethod
    def of(cls, summary: CustomerSummary, table: pd.DataFrame, spend: SpendResult | None) -> _Spend | None:
        if spend is None:
            return None
        x, m = table["frequency"].to_numpy(), summary.table["mean_repeat_value"].to_numpy(dtype=float)
        known = (x > 0) & np.isfinite(m)
        draws = None if spend.posterior is None else spend.posterior.draws
        own = np.where(known, np.maximum(np.nan_to_num(m), 0.0), 0.0)
        return cls(np.where(known, x, 0), own, table["expected_order_value"].to_numpy(), draws)

    def spenders(self, passes: int) -> Spenders:
        if self.draws is None:
            return Spenders(self.frequency, self.mean_value, self.expected, None)
        return Spenders(self.frequency, self.mean_value, None, self.draws[:passes])

    def margin(self, terms: Terms) -> np.ndarray:
        """What is left of an order of every customer [currency], shape (customers,)."""
        return terms.margin * self.expected - terms.cost_per_order

    def order_value(self, number: int) -> np.ndarray:
        """Expected order value of every customer under one posterior draw, shape (customers,)."""
        if self.draws is None:
            return self.expected
        params = GammaGammaParams(*self.draws[number])
        return GammaGamma().expected_order_value(params, self.frequency, self.mean_value)


def _predictive(
    table, segments, fit, posterior, known: _Spend | None, config, terms: Terms, passes
) -> PredictiveTotals:
    return predictive_totals(
        MODELS[fit.model],
        posterior.draws[:passes],
        tuple(table[name].to_numpy() for name in ("frequency", "recency", "T")),
        terms,
        known and known.spenders(passes),
        segments,
        config.credible_level,
        config.seed,
    )


def _under_challenger(table, patterns: Patterns, fit: PurchaseFit, purchase, known, config, terms: Terms) -> ModelTotal:
    model, params, passes = MODELS[fit.model], params_of(fit), passes_for(len(table), most=PASSES_OF_CHALLENGERS)
    posterior = purchase.challenger_posteriors[fit.model]
    totals = _predictive(table, (), fit, posterior, known, config, terms, passes)
    orders = patterns.total(expected_orders_by_pattern(model, params, patterns, terms.horizon)["expected_orders"])
    value = discounted_orders(model, params, patterns, terms)[patterns.index] @ known.margin(terms) if known else None
    return _total(value, orders, totals, config.credible_level)


def _total(value: float | None, orders: float, totals: PredictiveTotals, level: float) -> ModelTotal:
    return ModelTotal(
        residual_clv=None if totals.value is None else Interval.around(value, totals.value[0], level),
        expected_orders=Interval.around(orders, totals.orders[0], level),
    )


def _credible(table, patterns: Patterns, purchase, known: _Spend, terms: Terms, level: float) -> Interval:
    """The total's expectation under each posterior draw: what is known of it, without the luck of the future."""
    model = MODELS[purchase.primary.model]
    count = min(DRAWS_FOR_EXPECTATION, passes_for(len(table)))
    totals = []
    for number, params in enumerate(params_draws(purchase.posterior, model, count)):
        orders = discounted_orders(model, params, patterns, terms)[patterns.index]
        totals.append(orders @ (terms.margin * known.order_value(number) - terms.cost_per_order))
    return Interval.around(table["residual_clv"].sum(), np.array(totals), level)


def _segment_values(table: pd.DataFrame, segments: tuple[Segment, ...], totals: PredictiveTotals, level: float):
    value, orders = table["residual_clv"].to_numpy(), table["expected_orders"].to_numpy()
    for row, segment in enumerate(segments, start=1):
        money = (
            None if totals.value is None else Interval.around(value[segment.members].sum(), totals.value[row], level)
        )
        whole = None if money is None else value.sum()
        yield SegmentValue(
            dimension=segment.dimension,
            segment=segment.label,
            customers=int(segment.members.sum()),
            residual_clv=money,
            expected_orders=Interval.around(orders[segment.members].sum(), totals.orders[row], level),
            share_of_value=money.estimate / whole if money and whole else None,
        )
