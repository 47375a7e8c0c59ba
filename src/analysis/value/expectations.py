"""Expected orders and residual value of every customer, in closed form, at given parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.models.estimate import MODELS, params_of
from analysis.models.futures import Terms
from analysis.models.patterns import Patterns
from analysis.models.results import PurchaseFit, SpendFit
from analysis.models.spend import expected_order_values
from analysis.timeunits import TimeUnit, force_of_interest, from_days, to_days, units_per_year

if TYPE_CHECKING:
    from analysis.config import EconomicsConfig, ModelConfig
    from analysis.data import CustomerSummary
    from analysis.models.purchase import PurchaseModel


def terms_of(config: ModelConfig, economics: EconomicsConfig) -> Terms:
    """The configured horizon, discounting and margin in the model's time unit."""
    return Terms(
        horizon=economics.horizon_years * units_per_year(config.time_unit),
        delta=force_of_interest(economics.annual_discount_rate, config.time_unit),
        margin=economics.gross_margin,
        cost_per_order=economics.cost_per_order,
    )


def customer_expectations(
    summary: CustomerSummary, patterns: Patterns, fit: PurchaseFit, spend: SpendFit | None, terms: Terms
) -> pd.DataFrame:
    """The columns of ``customers.parquet`` that need no simulation; bounds are left empty.

    Recency and T are in the time unit of ``fit``; money is in the data's currency and empty without a spend model.
    """
    by_pattern = expected_by_pattern(MODELS[fit.model], params_of(fit), patterns, terms)
    expected = {name: values[patterns.index] for name, values in by_pattern.items()}
    table = _known(summary, fit.time_unit)
    for name in ("p_alive", "expected_orders", "p_order"):
        table[name] = expected[name]
    worth = np.full(len(table), np.nan)
    if spend is not None:
        worth = expected_order_values(spend, table["frequency"], summary.table["mean_repeat_value"].to_numpy())
    table["expected_order_value"] = worth
    table["residual_clv"] = expected["discounted_orders"] * (terms.margin * worth - terms.cost_per_order)
    table["residual_clv_lower"] = table["residual_clv_upper"] = np.nan
    days = to_days(expected["until_half"], fit.time_unit)
    table["days_until_p_alive_half"] = np.where(np.isfinite(days), days, np.nan)
    table["no_repeat_yet"] = table["frequency"] == 0
    return table


def expected_by_pattern(model: PurchaseModel, params, patterns: Patterns, terms: Terms) -> Mapping[str, np.ndarray]:
    """Expectations for each distinct history, each of shape (n,)."""
    return {
        **expected_orders_by_pattern(model, params, patterns, terms.horizon),
        "discounted_orders": discounted_orders(model, params, patterns, terms),
        "until_half": model.time_until_p_alive_half(params, *patterns.history),
    }


def expected_orders_by_pattern(
    model: PurchaseModel, params, patterns: Patterns, horizon: float
) -> Mapping[str, np.ndarray]:
    """P(alive), expected orders in ``horizon`` and P(at least one), for each distinct history, shape (n,)."""
    frequency, ages, of_pattern = _distinct_ages(patterns)
    alive = model.p_alive(params, *patterns.history)
    while_alive = model.expected_while_alive(params, horizon, frequency, ages)
    none = model.pmf_while_alive(params, horizon, frequency, ages, np.zeros(frequency.size))
    return {
        "p_alive": alive,
        "expected_orders": alive * while_alive[of_pattern],
        "p_order": alive * (1 - none)[of_pattern],
    }


def discounted_orders(model: PurchaseModel, params, patterns: Patterns, terms: Terms) -> np.ndarray:
    """Expected orders within the horizon, discounted, for each distinct history, shape (n,)."""
    frequency, ages, of_pattern = _distinct_ages(patterns)
    discounted = model.discounted_while_alive(params, terms.horizon, terms.delta, frequency, ages)
    return model.p_alive(params, *patterns.history) * discounted[of_pattern]


def _known(summary: CustomerSummary, unit: TimeUnit) -> pd.DataFrame:
    source = summary.table
    table = source[["customer_id", "first_order", "last_order", "orders"]].copy()
    table["spent"] = source["spent"] if summary.has_money else np.nan
    table["frequency"] = source["frequency"]
    table["recency"] = from_days(source["recency_days"], unit)
    table["T"] = from_days(source["T_days"], unit)
    return table


def _distinct_ages(patterns: Patterns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a customer who is alive will do depends on (x, T) alone, and of these there are far fewer."""
    code, ages = pd.factorize(patterns.T)
    of_pattern, key = pd.factorize(patterns.frequency * len(ages) + code)
    count, place = np.divmod(key, len(ages))
    return count, ages[place], of_pattern
