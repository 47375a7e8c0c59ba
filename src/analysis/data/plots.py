"""Figures of the orders and of the customers behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import Unavailable
from analysis.plotting import (
    BLUE,
    INK,
    PALE,
    few_ticks,
    format_ticks,
    heat_map,
    is_narrow,
    month_ticks,
    name_axes,
    own_axes,
)
from analysis.words import formats, tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.data.cleaning import Cleaned
    from analysis.data.orders import Orders


MOST_COHORTS = 24


def plot_orders_over_time(orders: Cleaned, ax: Axes | None = None) -> Axes:
    """First orders on top of repeat orders, by the periods of ``orders.by_period()``."""
    from matplotlib import dates

    ax, periods = own_axes(ax), orders.by_period()
    starts, widths = dates.date2num(periods["start"]), periods["days"] * 0.86
    repeat, first = periods["repeat_orders"], periods["first_orders"]
    repeat_bars = ax.bar(starts, repeat, widths, align="edge", color=BLUE)
    first_bars = ax.bar(starts, first, widths, bottom=repeat, align="edge", color=PALE)
    month_ticks(ax, periods["start"].iloc[0], periods["start"].iloc[-1])
    format_ticks(ax, y="integer")
    few_ticks(ax, y=5, integer=True)
    unit = tr("Orders per month") if periods["days"].iloc[0] > 7 else tr("Orders per week")
    return name_axes(ax, y=unit, key=[(first_bars, tr("First orders")), (repeat_bars, tr("Repeat orders"))])


def plot_frequency(orders: Orders, ax: Axes | None = None) -> Axes:
    """Customers by number of repeat orders; those without one are grey."""
    ax, counts = own_axes(ax), orders.by_frequency()
    places = np.arange(len(counts))
    bars = ax.bar(places, counts["customers"], 0.66, color=BLUE)
    labels = [formats().integer(number) for number in counts["customers"]]
    ax.bar_label(bars, labels, padding=3, color=INK, fontsize=7.5 if is_narrow(ax) else 9)
    ax.set_xticks(places, counts["label"])
    ax.margins(y=0.12)
    format_ticks(ax, y="integer")
    few_ticks(ax, y=5, integer=True)
    return name_axes(ax, x=tr("Repeat orders"), y=tr("Customers"))


def plot_cohorts(orders: Cleaned, ax: Axes | None = None) -> Axes:
    """Heat map of ``orders.cohorts("customers")`` per customer of the cohort, from its second month on.

    Each cohort stands with its month and the number of its customers; of more than two years those of a quarter are
    taken together, as long as all of them were seen. A month that the data end in would look like a fall and is left
    out.
    """
    ax, table = own_axes(ax), orders.cohorts("customers").astype(float)
    sizes, end = table[0], pd.Timestamp(orders.observation_end)
    table = table.where(np.add.outer(range(len(table)), table.columns) < len(table) - (not end.is_month_end))
    quarterly = len(table) > MOST_COHORTS
    if quarterly:
        quarter = table.index.asfreq("Q")
        seen = table.notna().groupby(quarter).all()
        table, sizes = table.groupby(quarter).sum().where(seen), sizes.groupby(quarter).sum()
    shares = table.div(sizes, axis="index")[sizes > 0].iloc[:, 1:].dropna(axis="columns", how="all")
    shares = shares.dropna(how="all")
    if shares.empty:
        raise Unavailable("Cohorts need at least two whole calendar months of data.")
    name = formats().quarter if quarterly else formats().month
    labels = [f"{name(first.start_time)} ({formats().integer(sizes[first])})" for first in shares.index]
    heat_map(ax, shares.set_axis(labels), "percent")
    return name_axes(ax, x=tr("Months since the first order"), y=tr("Share of the cohort that ordered in a month"))
