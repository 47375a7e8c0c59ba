"""What notebook 03 shows: what the base is still worth, who holds that value, and what it rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.reporting.exhibit import Exhibit, name_key, on_axes
from analysis.reporting.figures import plot_concentration, plot_order_chance, plot_segments, plot_value_histogram
from analysis.reporting.figures.value import dimension_key, segment_key
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.value.results import CustomerValue, SegmentValue

SMALLEST_AMOUNT = 0.005
CUSTOMER_COLUMNS = (
    "customer_id", "first_order", "last_order", "orders", "spent", "frequency", "recency", "T", "p_alive",
    "expected_orders", "p_order", "expected_order_value", "residual_clv", "residual_clv_lower",
    "residual_clv_upper", "days_until_p_alive_half", "no_repeat_yet",
)  # fmt: skip


def answer(value: CustomerValue) -> list[Saying]:
    """The residual value of the base, or its orders where there is no money."""
    common = {"customers": len(value.table), "horizon": value.horizon_years}
    if value.residual_clv is None:
        orders = Saying("value.answer_orders", {**common, "orders": value.expected_orders})
        return [orders, Saying("value.no_money"), Saying("value.answer_caveat_orders")]
    mean = value.residual_clv.per(len(value.table))
    return [
        Saying(
            "value.answer" if value.brings_money else "value.answer_nothing",
            {**common, "total": value.residual_clv, "mean": mean},
        ),
        *no_value(value),
        Saying("value.answer_orders_too", {"orders": value.expected_orders}),
        Saying("value.answer_caveat", {"margin": value.gross_margin, "rate": value.annual_discount_rate}),
    ]


def no_value(value: CustomerValue) -> list[Saying]:
    """Why customers cannot be ranked by value, and what that comes from; nothing where they bring money."""
    if value.residual_clv is None or value.brings_money:
        return []
    numbers = {"margin": value.gross_margin, "cost": value.cost_per_order}
    return [Saying("value.loss" if value.residual_clv.estimate < 0 else "value.zero", numbers)]


def interval_kinds(value: CustomerValue) -> list[Saying]:
    """The predictive interval of the total and the credible interval of its expectation, each by its name."""
    total, mean = value.residual_clv, value.expected_residual_clv
    if total is None or mean is None or total.upper - total.lower < SMALLEST_AMOUNT:
        return []
    wider = mean.upper - mean.lower > total.upper - total.lower
    numbers = {"predictive": total, "credible": mean, "draws": value.draws}
    if wider:
        return [Saying("value.intervals_heavy", numbers)]
    return [Saying("value.intervals", {**numbers, "level": total.level})]


def model_sayings(value: CustomerValue) -> list[Saying]:
    """How far the base's total depends on which model is believed; nothing with a single model."""
    totals = [total.residual_clv or total.expected_orders for total in value.by_model.values()]
    if len(totals) < 2:
        return [Saying("value.one_model")]
    low, high = (pick(total.estimate for total in totals) for pick in (min, max))
    if low <= 0:
        return [Saying("value.by_model_money", {"models": len(totals), "low": low, "high": high})]
    return [Saying("value.by_model", {"models": len(totals), "spread": high / low - 1})]


def model_table(value: CustomerValue) -> Table:
    """The base's totals under each purchase model, with predictive intervals."""
    level = value.expected_orders.level
    columns = [Column("column.model", "label"), *interval_columns("column.expected_orders", "integer", level)]
    rows = [[name_key(name), total.expected_orders, total.expected_orders] for name, total in value.by_model.items()]
    if value.residual_clv is not None:
        columns += interval_columns("column.residual_value", "money", level)
        money = [[total.residual_clv, total.residual_clv] for total in value.by_model.values()]
        rows = [[*row, *more] for row, more in zip(rows, money, strict=True)]
    return Table("table.by_model.caption", columns, rows, {"horizon": value.horizon_years})


def assumptions(value: CustomerValue, currency: str | None) -> list[Saying]:
    """What the value rests on, besides the models; ``currency`` is None where nobody said."""
    horizon = Saying("assumption.horizon", {"horizon": value.horizon_years})
    if value.residual_clv is None:
        return [horizon, Saying("assumption.past_continues")]
    sayings = [
        Saying("assumption.margin", {"margin": value.gross_margin, "cost": value.cost_per_order}),
        Saying("assumption.discount", {"rate": value.annual_discount_rate}),
        horizon,
        Saying("assumption.acquisition"),
        Saying("assumption.past_continues"),
    ]
    return sayings if currency else [*sayings, Saying("value.currency_unknown")]


def segments_of(value: CustomerValue, dimension: str) -> list[SegmentValue]:
    """The segments of one dimension, in orders alone where the base brings no money that they could have shares of."""
    found = [segment for segment in value.segments if segment.dimension == dimension]
    if value.brings_money:
        return found
    return [replace(segment, residual_clv=None, share_of_value=None) for segment in found]


def segment_table(value: CustomerValue, dimension: str) -> Table | None:
    """The segments of one dimension: customers, orders, value with predictive intervals, share.

    None for ranks of a value that is zero or a loss.
    """
    if dimension == "value" and no_value(value):
        return None
    segments, level = segments_of(value, dimension), value.expected_orders.level
    columns = [
        Column(dimension_key(segments[0]), "label"),
        Column("column.customers", "integer"),
        *interval_columns("column.expected_orders", "integer", level),
    ]
    rows = [[segment_key(s), s.customers, s.expected_orders, s.expected_orders] for s in segments]
    if value.brings_money:
        columns += [
            *interval_columns("column.residual_value", "money", level),
            Column("column.share_of_value", "percent1"),
        ]
        money = [[s.residual_clv, s.residual_clv, s.share_of_value] for s in segments]
        rows = [[*row, *more] for row, more in zip(rows, money, strict=True)]
    return Table("table.segments.caption", columns, rows, {"horizon": value.horizon_years})


def segment_figure(value: CustomerValue, dimension: str = "orders") -> Exhibit:
    """The segments of one dimension, each with its predictive interval."""
    segments = segments_of(value, dimension)
    totals = [segment.residual_clv or segment.expected_orders for segment in segments]
    top = segments[int(np.argmax([total.estimate for total in totals]))]
    whole = sum(total.estimate for total in totals) or 1.0
    largest = top.residual_clv or top.expected_orders
    numbers = {
        "dimension": Saying(dimension_key(top)),
        "segment": Saying(segment_key(top)),
        "share": largest.estimate / whole,
        "customers": top.customers / len(value.table),
        "level": largest.level,
        "total": largest,
    }
    height = 0.9 + 0.42 * len(segments)
    return Exhibit(
        "segments_money" if value.brings_money else "segments_orders",
        on_axes(plot_segments, segments),
        segment_table(value, dimension),
        numbers,
        height=height,
        narrow_height=height,
    )


def concentration_curve(values: np.ndarray, points: int = 101) -> pd.DataFrame:
    """Cumulative share of the value by share of customers, most valuable first.

    >>> concentration_curve(np.array([3.0, 1.0]), points=3)["value"].round(2).tolist()
    [0.0, 0.75, 1.0]
    """
    ordered = np.sort(np.maximum(values, 0))[::-1]
    held = np.append(0, np.cumsum(ordered))
    shares = np.linspace(0, 1, points)
    total = held[-1] or 1.0
    return pd.DataFrame({"customers": shares, "value": np.interp(shares, np.linspace(0, 1, len(held)), held / total)})


def concentration(value: CustomerValue) -> Exhibit:
    """How much of the value the most valuable customers hold."""
    measure = "money" if value.brings_money else "orders"
    column = "residual_clv" if measure == "money" else "expected_orders"
    curve = concentration_curve(value.table[column].to_numpy())
    columns = [Column("column.top_customers", "percent"), Column("column.held", "percent1")]
    rows = curve.iloc[::5].to_numpy().tolist()
    top_tenth, top_fifth, top_half = np.interp([0.1, 0.2, 0.5], curve["customers"], curve["value"])
    numbers = {"tenth": top_tenth, "fifth": top_fifth, "half": top_half, "measure": measure}
    data = Table("figure.concentration.data", columns, rows)
    return Exhibit("concentration", on_axes(plot_concentration, curve, measure), data, numbers, height=3.6)


def value_bins(values: np.ndarray, count: int = 30) -> pd.DataFrame:
    """Equal bins from zero (or the lowest value) to a round number near the 98th percentile, and one open bin.

    >>> value_bins(np.array([0.0, 1.0, 2.0, 3.0, 1000.0]), count=2)["customers"].sum()
    np.int64(5)
    """
    low = min(0.0, float(values.min()))
    width = max((float(np.quantile(values, 0.98)) - low) / count, 1e-9)
    magnitude = 10 ** np.floor(np.log10(width))
    width = float(next(step * magnitude for step in (1, 2, 2.5, 5, 10) if step * magnitude >= width))
    start = np.floor(low / width) * width
    edges = start + width * np.arange(int(np.ceil((np.quantile(values, 0.98) - start) / width)) + 1)
    edges = edges if len(edges) > 1 else np.array([start, start + width])
    inside, _ = np.histogram(values[values < edges[-1]], edges)
    return pd.DataFrame(
        {
            "low": edges,
            "high": [*edges[1:], np.nan],
            "customers": [*inside, int((values >= edges[-1]).sum())],
        }
    )


def value_histogram(value: CustomerValue) -> Exhibit | None:
    """Customers by residual value; None where the base brings no money."""
    if not value.brings_money:
        return None
    values = value.table["residual_clv"].to_numpy(dtype=float)
    bins = value_bins(values)
    columns = [Column("column.from", "money"), Column("column.below", "money"), Column("column.customers", "integer")]
    rows = bins.to_numpy().tolist()
    numbers = {
        "median": float(np.median(values)),
        "mean": float(values.mean()),
        "largest": float(values.max()),
        "below_mean": float((values < values.mean()).mean()),
    }
    return Exhibit(
        "histogram", on_axes(plot_value_histogram, bins), Table("figure.histogram.data", columns, rows), numbers
    )


def order_chance(value: CustomerValue) -> Exhibit:
    """Customers by the chance of at least one order within the horizon."""
    chances = value.table["p_order"].to_numpy(dtype=float)
    customers, edges = np.histogram(chances, np.linspace(0, 1, 21))
    bins = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "customers": customers})
    columns = [
        Column("column.from", "percent"),
        Column("column.below", "percent"),
        Column("column.customers", "integer"),
    ]
    numbers = {
        "horizon": value.horizon_years,
        "likely": int((chances > 0.5).sum()),
        "share": float((chances > 0.5).mean()),
        "median": float(np.median(chances)),
    }
    data = Table("figure.chance.data", columns, bins.to_numpy().tolist())
    return Exhibit("chance", on_axes(plot_order_chance, bins), data, numbers, height=2.8)


def customer_columns(value: CustomerValue) -> Table:
    """What stands in each column of the customer file."""
    columns = [Column("column.name", "label"), Column("column.meaning", "label")]
    known = [name for name in CUSTOMER_COLUMNS if name in value.table]
    rows = [[("value.text", {"value": name}), f"customers.{name.lower()}"] for name in known]
    return Table("table.customer_file.caption", columns, rows)
