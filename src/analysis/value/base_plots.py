"""Figures of the customer base: its bridge, its drivers, cohorts by age, the ladder and who moves on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.plotting import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    SKY,
    Stroke,
    few_ticks,
    format_ticks,
    heat_map_of_groups,
    is_narrow,
    key_above,
    label_ends,
    name_axes,
    own_axes,
    stroke_of,
)
from analysis.value.contacts import LISTS
from analysis.value.ladder import LABELS
from analysis.value.payback import MONTH, SEEN
from analysis.words import Message, formats, shown, tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.value.base import CustomerBase
    from analysis.value.contacts import ContactLists
    from analysis.value.ladder import Ladder
    from analysis.value.payback import Payback

FEWEST_BARS = 4
"""A figure has room for so many bars, so that one alone does not fill it."""
DRIVERS = {
    "customers": Message("More customers won so far"), "active": Message("Share of them that ordered"),
    "orders": Message("Orders of an active customer"), "order_value": Message("Value of an order"),
    "margin": Message("Margin on it"), "change": Message("Together"),
}  # fmt: skip


def plot_bridge(base: CustomerBase, ax: Axes | None = None) -> Axes:
    """Who ordered in each whole period, kept, back or new, and who of the period before did not."""
    ax, table = own_axes(ax), base.complete
    parts = {"kept": (BLUE, tr("kept")), "came_back": (GREEN, tr("came back")), "new": (SKY, tr("new"))}
    x, bottom, entries = np.arange(len(table)), np.zeros(len(table)), []
    for name, (color, label) in parts.items():
        entries.append((ax.bar(x, table[name], 0.62, bottom=bottom, color=color), label))
        bottom = bottom + table[name].to_numpy()
    entries.append((ax.bar(x, -table["lost"], 0.62, color=ORANGE), tr("lost")))
    ax.axhline(0, color=GREY, linewidth=0.9)
    ax.set_xticks(x, [formats().month(day) for day in table["end"]])
    ax.set_xlim(-0.6, max(len(table), FEWEST_BARS) - 0.4)
    format_ticks(few_ticks(ax, y=6), y="integer")
    lines = key_above(ax, entries)
    return name_axes(ax, x=tr("Period that ended in"), y=tr("Customers"), lines_between=lines)


def plot_drivers(base: CustomerBase, ax: Axes | None = None) -> Axes:
    """What the change of margin against the period before is made of."""
    ax, last = own_axes(ax, size=(7.2, 2.6)), base.drivers.dropna().iloc[-1]
    shown = [name for name in DRIVERS if name != "margin" or abs(last["margin"]) > 1e-9][::-1]
    values = last[shown].astype(float)
    colors = [INK if name == "change" else BLUE if last[name] >= 0 else ORANGE for name in shown]
    ax.barh(np.arange(len(shown)), values, 0.55, color=colors)
    ax.axvline(0, color=GREY, linewidth=0.9)
    ax.set_yticks(np.arange(len(shown)), [str(DRIVERS[name]) for name in shown], color=INK)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    format_ticks(few_ticks(ax, x=4 if is_narrow(ax) else 6), x="compact_money" if base.has_money else "compact")
    return name_axes(ax, x=tr("Change against the period before"))


def plot_second_order(base: CustomerBase, ax: Axes | None = None) -> Axes:
    """Share of each cohort with a second order by age; the newest cohort in colour, the others pale."""
    ax, entries = own_axes(ax), []
    table = base.lives.cohorts.dropna(subset=["estimate"])
    newest = table["cohort"].max()
    for cohort, rows in table.groupby("cohort"):
        color, width = (BLUE, 2.2) if cohort == newest else (PALE, 1.2)
        (line,) = ax.plot(rows["age_days"], rows["estimate"], "o-", color=color, linewidth=width, markersize=4)
        entries.append((line, shown(base.lives.kind, cohort)))
    ax.set_xticks(sorted(table["age_days"].unique()))
    ax.set_ylim(0)
    format_ticks(few_ticks(ax, y=5), x="integer", y="percent")
    lines = key_above(ax, entries[-1:] if len(entries) > 4 else entries)
    return name_axes(
        ax, x=tr("Days since the first order"), y=tr("Share with a second order"), lines_between=lines
    )  # fmt: skip


def plot_rungs(ladder: Ladder, ax: Axes | None = None) -> Axes:
    """Share of the customers on each rung, and of what is still to come from them."""
    ax, table = own_axes(ax), ladder.rungs
    y = np.arange(len(table))
    are = tr("of the names") if {"suspect", "prospect"} & set(table.index) else tr("of the customers")
    bars = {"share": (PALE, are), "spent_share": (SKY, tr("of what was spent so far"))}
    if "value_share" in table:
        bars["value_share"] = (BLUE, tr("of what is still to come"))
    height, entries = 0.8 / len(bars), []
    for number, (name, (color, label)) in enumerate(bars.items()):
        place = y + 0.4 - (number + 0.5) * height
        drawn = ax.barh(place, table[name].fillna(0), height * 0.92, color=color)
        entries.append((drawn, label))
        for at, share in zip(place, table[name].fillna(0), strict=True):
            ax.annotate(
                formats().percent(share) if share else "", (max(share, 0), at), xytext=(4, 0),
                textcoords="offset points", va="center", color=INK,
            )  # fmt: skip
    ax.set_yticks(y, [str(LABELS[rung]) for rung in table.index], color=INK)
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.margins(x=0.12)
    lines = key_above(ax, entries)
    return name_axes(ax, y=tr("Share on each rung"), lines_between=lines)


def plot_payback(payback: Payback, ax: Axes | None = None, model: str | None = None) -> Axes:
    """Margin of the average new customer by age: what was seen, then what is expected; the cost as a line.

    Parameters
    ----------
    model
        The purchase model whose expectations are drawn, as "expected"; None for those of all, by name.
    """
    ax, ends, curve = own_axes(ax), [], payback.curve
    if model:
        curve = curve[curve["model"].isin([SEEN, model])]
    curve = curve[curve.groupby("model")["model"].transform("size") > 1]  # where it was seen so long, no model goes on
    labels = {SEEN: tr("seen"), model: tr("expected")}
    for name, rows in curve.groupby("model", sort=False):
        stroke = Stroke(INK, "solid", "o", 2.2) if name == SEEN else stroke_of(name)
        months = rows["age_days"] / MONTH
        ax.fill_between(months, rows["lower"], rows["upper"], color=stroke.color, alpha=0.15, linewidth=0)
        ax.plot(months, rows["estimate"], color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
        ends.append((months.iloc[-1], rows["estimate"].iloc[-1], labels.get(name, name), stroke.color))
    if payback.cost:
        ax.axhline(payback.cost, color=ORANGE, linewidth=1.2, linestyle=(0, (4, 3)))
        ax.annotate(tr("cost"), (0, payback.cost), xytext=(2, 3), textcoords="offset points", color=ORANGE, va="bottom")
    ax.set_xlim(0)
    ax.set_ylim(min(0, curve["lower"].min()), max(curve["upper"].max(), payback.cost) * 1.08)
    format_ticks(few_ticks(few_ticks(ax, y=5), x=8, integer=True), x="integer", y="compact_money")
    label_ends(ax, ends[1:] if len(ends) > 1 else ends)
    return name_axes(ax, x=tr("Months since the first order"), y=tr("Margin of a new customer so far"))


def plot_break_even(found: ContactLists, ax: Axes | None = None) -> Axes:
    """Lift that a list needs by the chance that its customers order anyway; the larger a point, the more customers."""
    ax, table = own_axes(ax), found.lists.dropna(subset=["break_even"])
    ax.scatter(table["p_order"], table["break_even"], s=20 + 200 * table["send"] / table["send"].max(), color=BLUE)
    for name, row in table.iterrows():
        place = (row["p_order"], row["break_even"])
        ax.annotate(str(LISTS[name]), place, xytext=(9, 3), textcoords="offset points", color=INK)
    ax.set_xlim(0, max(table["p_order"].max() * 1.35, 0.01))
    ax.set_ylim(0, max(table["break_even"].max() * 1.25, 0.01))
    format_ticks(few_ticks(ax, x=5, y=5), x="percent", y="percent1")
    return name_axes(ax, x=tr("Chance of an order anyway"), y=tr("Break-even lift"))


def plot_flows(ladder: Ladder, ax: Axes | None = None, which: str = "coming") -> Axes:
    """Customers by where they stood (rows) and stand then (columns): shares of the row, numbers below."""
    ax, table = own_axes(ax, size=(7.2, 3.0)), ladder.flows(which).astype(float)
    shares = table.div(table.sum(axis=1).where(lambda sums: sums > 0), axis="index").fillna(0)
    shares = shares.set_axis([str(LABELS[name]) for name in table.index])
    shares.columns = [str(LABELS[name]) for name in table.columns]
    heat_map_of_groups(ax, shares, table, "percent", vmax=1)
    ax.set_ylabel("")
    now, then = (tr("Now"), tr("In a year")) if which == "coming" else (tr("A year ago"), tr("Now"))
    return name_axes(ax, x=then, y=now)
