"""Figures of what customers are worth, how many stay and what that does to profit, and of the base and its ladder."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import Unavailable
from analysis.plotting import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PALE,
    RULE,
    SKY,
    Stroke,
    few_ticks,
    format_ticks,
    heat_map,
    is_narrow,
    label_ends,
    name_axes,
    own_axes,
    panels,
    stroke_of,
)
from analysis.value.contacts import LISTS, ContactLists
from analysis.value.groups import DIMENSIONS, LABELS
from analysis.value.ladder import LABELS as RUNGS
from analysis.value.ladder import Ladder
from analysis.value.lift import CLAIMED, OPTIONS, RetentionLift
from analysis.value.payback import MONTH, SEEN, Payback
from analysis.words import Message, formats, shown, tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from analysis.value.base import CustomerBase
    from analysis.value.contracts import ContractualRetention
    from analysis.value.growth import SpendGrowth
    from analysis.value.retention import ModelRetention
    from analysis.value.valuation import CustomerValue, Outlook

FEWEST_BARS = 4
"""A figure has room for so many bars, so that one alone does not fill it."""
DRIVERS = {
    "customers": Message("More customers won so far"), "active": Message("Share of them that ordered"),
    "orders": Message("Orders of an active customer"), "order_value": Message("Value of an order"),
    "margin": Message("Margin on it"), "change": Message("Together"),
}  # fmt: skip


def plot_segments(
    value: CustomerValue, ax: Axes | None = None, by: str = "orders", outlook: Outlook | None = None
) -> Axes:
    """Total of each segment with its predictive or, with an ``outlook``, calibrated interval: money or else orders."""
    ax, frame = own_axes(ax), value.by(by)[::-1]
    ends = ("lower", "upper") if outlook is None else ("calibrated_lower", "calibrated_upper")
    lower, upper = ((frame if outlook is None else outlook.of(frame))[end] for end in ends)
    places = np.arange(len(frame))
    ax.barh(places, frame["estimate"], 0.5, color=PALE)
    ax.hlines(places, lower, upper, color=BLUE, linewidth=2.2)
    ax.plot(frame["estimate"], places, "o", color=BLUE, markersize=5.5, markeredgecolor="white")
    _rows(ax, [str(LABELS.get(by, {}).get(name, name)) for name in frame.index], _kind(value))
    return name_axes(ax, x=_measured(value), y=str(DIMENSIONS.get(by, by)))


def plot_concentration(value: CustomerValue, ax: Axes | None = None) -> Axes:
    """Share of the expected value or orders that the top customers hold."""
    ax = own_axes(ax, size=(7.2, 3.6))
    held = np.append(0.0, np.cumsum(value.customers[value.measure].clip(lower=0).sort_values(ascending=False)))
    shares, held = np.linspace(0, 1, len(held)), held / (held[-1] or 1.0)
    ax.fill_between(shares, shares, held, color=PALE, alpha=0.3, linewidth=0)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    ax.plot(shares, held, color=BLUE)
    for share in (0.1, 0.2, 0.5):
        at = float(np.interp(share, shares, held))
        ax.plot(share, at, "o", color=BLUE, markersize=6, markeredgecolor="white")
        text = tr("top {share:percent}: {held:percent}", share=share, held=at)
        ax.annotate(text, (share, at), xytext=(9, -5), textcoords="offset points", va="top", color=INK)
    ax.annotate(tr("if all were equal"), (0.62, 0.6), xytext=(6, -4), textcoords="offset points", va="top", color=MUTED)
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    format_ticks(few_ticks(ax, x=4 if is_narrow(ax) else 6, y=5), x="percent", y="percent")
    whose = tr("Share of the expected orders") if value.total is None else tr("Share of the expected value")
    return name_axes(ax, x=tr("Share of customers, highest first"), y=whose)


def plot_value_grid(value: CustomerValue, ax: Axes | None = None) -> Axes:
    """What is expected of customers by orders so far and days since the last one, with how many customers they are."""
    ax, grid = own_axes(ax, size=(7.2, 3.2)), value.grid()
    totals, counts = grid["estimate"].unstack(), grid["customers"].unstack()
    totals = totals.set_axis([str(LABELS["orders"][name]) for name in totals.index])
    totals.columns = [textwrap.fill(str(LABELS["recency"][name]), 10) for name in totals.columns]
    heat_map(ax, totals.round(), _kind(value), counts)
    ax.set_ylabel(str(DIMENSIONS["orders"]))
    return name_axes(ax, x=str(DIMENSIONS["recency"]), y=tr("{measure} (customers)", measure=_measured(value)))


def _kind(value: CustomerValue) -> str:
    return "compact" if value.total is None else "compact_money"


def _measured(value: CustomerValue) -> str:
    return tr("Expected orders") if value.total is None else tr("Residual value")


def plot_retention_by_year(retention: ModelRetention, ax: Axes | None = None) -> Axes:
    """Retention of each coming year under each model, of new and of today's customers.

    The ground is grey where no customer has been watched so long.
    """
    ax = own_axes(ax)
    groups = {"new_customers": tr("New customers"), "base": tr("Today's customers")}
    axes = panels(ax, 2)
    for each, (group, title) in zip(axes, groups.items(), strict=True):
        frame = retention.years[retention.years["group"] == group]
        lines, last = _model_lines(each, frame, "year"), int(frame["year"].max())
        watched = max(np.floor(retention.oldest_age_years), 0)
        if watched < last:
            each.axvspan(watched + 0.5, last + 0.5, color=RULE, alpha=0.3, linewidth=0)
            each.text(last + 0.4, 0.03, tr("beyond the data"), ha="right", color=MUTED)
        each.set(xlim=(0.5, last + 0.5), ylim=(0, 1.02), xticks=range(1, last + 1))
        format_ticks(each, x="integer", y="percent")
        label_ends(each, lines, gap_share=0.085)
        name_axes(each, x=tr("Year"), y=title)
    return axes[0]


def plot_tenure(growth: SpendGrowth, ax: Axes | None = None) -> Axes:
    """Spend in each period of life over that in the first: survivors only, the same customers, all who started."""
    ax, entries, x = own_axes(ax), [], growth.periods["period"].to_numpy()
    ways = {
        "survivors_ratio": (tr("survivors against everyone's first"), Stroke(ORANGE, (0, (4, 3)), "s", 1.7)),
        "growth": (tr("the same customers"), Stroke(BLUE, "solid", "o", 2.0)),
        "all_ratio": (tr("all who started"), Stroke(GREEN, (0, (1.2, 2.4)), "D", 1.5)),
    }
    ax.axhline(1, color=GREY, linewidth=0.9)
    for place, (name, (label, stroke)) in enumerate(ways.items()):
        frame = growth.periods.rename(columns={name: "estimate", f"{name}_lower": "lower", f"{name}_upper": "upper"})
        entries.append((_line(ax, x + (place - 1) * 0.06, frame, stroke), label))
    ax.set_ylim(0)
    ax.set_xticks(x if len(x) <= 8 else x[:: -(-len(x) // 8)])
    format_ticks(few_ticks(ax, y=5), x="integer", y="number")
    return name_axes(
        ax, x=tr("Period since the first order"), y=tr("Spend, times that of the first period"), key=entries
    )


def plot_survival(found: ContractualRetention, ax: Axes | None = None) -> Axes:
    """Share of new customers left after each period: marks observed, line the model; grey ground is the forecast."""
    ax, frame = own_axes(ax), found.periods
    x, last = np.append(0, frame["number"]), int(frame["observed"].last_valid_index()) + 1
    lower, upper, middle = (np.append(1.0, frame[name]) for name in ("survival_lower", "survival_upper", "survival"))
    ax.fill_between(x, lower, upper, color=BLUE, alpha=0.2, linewidth=0)
    (line,) = ax.plot(x, middle, color=BLUE)
    observed = np.append(1.0, frame["observed_survival"])
    (marks,) = ax.plot(x, observed, "o", color=INK, markersize=5, markeredgecolor="white")
    ax.axvspan(last, x[-1], color=RULE, alpha=0.3, linewidth=0)
    ax.text(x[-1], 0.03, tr("forecast") + " ", ha="right", color=MUTED)
    ax.set(xlim=(0, x[-1]), ylim=(0, 1.04))
    format_ticks(few_ticks(few_ticks(ax, y=5), x=8, integer=True), x="integer", y="percent")
    key = [(marks, tr("observed")), (line, tr("shifted-beta-geometric model"))]
    return name_axes(ax, x=tr("Renewals since the start"), y=tr("Share of new customers left"), key=key)


def plot_readings(lift: RetentionLift, ax: Axes | None = None) -> Axes:
    """The lift of the named reading and of each that differs in one choice, by model, beside the claimed range."""
    frame = _known_lifts(lift)
    ax, frame = own_axes(ax, size=(7.2, 6.5)), frame[frame["reading"].str.count("=") <= 1]
    models, entries, labels = list(dict.fromkeys(frame["model"])), {}, []
    ax.axvspan(*CLAIMED, color=PALE, alpha=0.3, linewidth=0)
    ax.axvline(0, color=GREY, linewidth=0.8)
    for place, (reading, rows) in enumerate(frame.groupby("reading", sort=False)):
        if place:
            ax.axhline(place - 0.5, color=RULE, linewidth=0.5)
        labels.append(tr("As named") if reading == "named" else _option(*reading.split("=")))
        for each in rows.itertuples():
            stroke = stroke_of(each.model)
            y = place + (models.index(each.model) - (len(models) - 1) / 2) * 0.6 / len(models)
            ax.hlines(y, each.lower, each.upper, color=stroke.color, linewidth=4, alpha=0.4)
            (entries[each.model],) = ax.plot(each.estimate, y, stroke.marker, color=stroke.color, linestyle="none")
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xlim(min(0.0, 1.1 * frame["lower"].min()) - 0.02, max(1.0, 1.06 * frame["upper"].max()))
    _rows(ax, labels, "percent")
    claimed = tr("claimed: {low:percent} to {high:percent}", low=CLAIMED[0], high=CLAIMED[1])
    ax.text(sum(CLAIMED) / 2, len(labels) - 0.5, claimed, color=MUTED, ha="center", va="bottom", fontsize=8)
    return name_axes(ax, x=tr("Rise in profit"), key=[(mark, model) for model, mark in entries.items()])


def _known_lifts(lift: RetentionLift) -> pd.DataFrame:
    frame = lift.to_frame()
    if frame.loc[frame["reading"] == "named", "estimate"].isna().all():
        raise Unavailable(frame.loc[0, "reason"])
    return frame.dropna(subset=["estimate"])


def _option(name: str, option: str) -> str:
    if name == "horizon_years":
        return tr("{years:years}", years=float(option))
    return _wrapped(OPTIONS[option])


def _wrapped(said: Message) -> str:
    text = str(said)
    return textwrap.fill(text[0].upper() + text[1:], 34)


def plot_lift_horizons(lift: RetentionLift, ax: Axes | None = None) -> Axes:
    """The lift by horizon under each model, one panel a scope; the ground is the claimed range."""
    ax, frame = own_axes(ax, size=(7.2, 2.9)), _known_lifts(lift)
    others = frame["reading"].str.replace(r"(scope|horizon_years)=\w+(\.\d+)?(, )?", "", regex=True)
    frame = frame[others.isin(["", "named"])]
    years = sorted(frame["horizon_years"].unique())
    frame = frame.assign(place=frame["horizon_years"].map(years.index))
    scopes = list(dict.fromkeys(frame["scope"]))
    axes, top = panels(ax, len(scopes)), max(1.0, 1.05 * frame["upper"].max())
    for each, scope in zip(axes, scopes, strict=True):
        each.axhspan(*CLAIMED, color=PALE, alpha=0.3, linewidth=0)
        rows = frame[frame["scope"] == scope].sort_values("horizon_years")
        lines = _model_lines(each, rows, "place")
        each.set_xticks(range(len(years)), [formats().number(year) for year in years])
        each.set(xlim=(-0.5, len(years) - 0.5), ylim=(min(0.0, 1.1 * frame["lower"].min()), top))
        format_ticks(few_ticks(each, y=5), y="percent")
        name_axes(each, x=tr("Horizon in years"), y=_wrapped(OPTIONS[scope]))
    axes[0].figure.legend(lines.values(), lines.keys(), loc="outside upper left", ncols=len(lines))
    return axes[0]


def _model_lines(ax: Axes, frame: pd.DataFrame, x: str) -> dict[str, Line2D]:
    """One line a model with its intervals, beside each other; by model."""
    lines, models = {}, list(dict.fromkeys(frame["model"]))
    for place, model in enumerate(models):
        rows = frame[frame["model"] == model]
        at = rows[x].to_numpy() + (place - (len(models) - 1) / 2) * 0.12
        lines[model] = _line(ax, at, rows, stroke_of(model))
    return lines


def _line(ax: Axes, at: np.ndarray, frame: pd.DataFrame, stroke: Stroke) -> Line2D:
    (line,) = ax.plot(at, frame["estimate"], stroke.marker, **stroke.look, markersize=5, markeredgecolor="white")
    ax.vlines(at, frame["lower"], frame["upper"], color=stroke.color, linewidth=4, alpha=0.35)
    return line


def _rows(ax: Axes, labels: Sequence[str], kind: str) -> None:
    """Names what lies below each other, with lines across."""
    ax.set_yticks(range(len(labels)), labels, color=INK)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    format_ticks(few_ticks(ax, x=4 if is_narrow(ax) else 6), x=kind)


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
    return name_axes(ax, x=tr("Period that ended in"), y=tr("Customers"), key=entries)


def plot_drivers(base: CustomerBase, ax: Axes | None = None) -> Axes:
    """What the change of margin against the period before is made of."""
    ax, last = own_axes(ax, size=(7.2, 2.6)), base.drivers.dropna().iloc[-1]
    shown = [name for name in DRIVERS if name != "margin" or abs(last["margin"]) > 1e-9][::-1]
    values = last[shown].astype(float)
    colors = [INK if name == "change" else BLUE if last[name] >= 0 else ORANGE for name in shown]
    ax.barh(np.arange(len(shown)), values, 0.55, color=colors)
    ax.axvline(0, color=GREY, linewidth=0.9)
    _rows(ax, [str(DRIVERS[name]) for name in shown], "compact_money" if base.has_money else "compact")
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
    key = entries[-1:] if len(entries) > 4 else entries
    return name_axes(ax, x=tr("Days since the first order"), y=tr("Share with a second order"), key=key)


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
        labels = [formats().percent(share) if share else "" for share in table[name].fillna(0)]
        ax.bar_label(drawn, labels, padding=4, color=INK)
    ax.set_yticks(y, [str(RUNGS[rung]) for rung in table.index], color=INK)
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.margins(x=0.12)
    return name_axes(ax, y=tr("Share on each rung"), key=entries)


def plot_payback(payback: Payback, ax: Axes | None = None, model: str | None = None) -> Axes:
    """Margin of the average new customer by age: what was seen, then what is expected; the cost as a line.

    Parameters
    ----------
    model
        The purchase model whose expectations are drawn, as "expected"; None for those of all, by name.
    """
    ax, lines, curve = own_axes(ax), {}, payback.curve
    if model:
        curve = curve[curve["model"].isin([SEEN, model])]
    curve = curve[curve.groupby("model")["model"].transform("size") > 1]  # where it was seen so long, no model goes on
    labels = {SEEN: tr("seen"), model: tr("expected")}
    for name, rows in curve.groupby("model", sort=False):
        stroke = Stroke(INK, "solid", "o", 2.2) if name == SEEN else stroke_of(name)
        months = rows["age_days"] / MONTH
        ax.fill_between(months, rows["lower"], rows["upper"], color=stroke.color, alpha=0.15, linewidth=0)
        (lines[labels.get(name, name)],) = ax.plot(months, rows["estimate"], **stroke.look)
    if payback.cost:
        ax.axhline(payback.cost, color=ORANGE, linewidth=1.2, linestyle=(0, (4, 3)))
        ax.annotate(
            tr("cost"), (1, payback.cost), xycoords=ax.get_yaxis_transform(), xytext=(-2, 3),
            textcoords="offset points", color=ORANGE, ha="right", va="bottom",
        )  # fmt: skip
    ax.set_xlim(0)
    ax.set_ylim(min(0, curve["lower"].min()), max(curve["upper"].max(), payback.cost) * 1.08)
    format_ticks(few_ticks(few_ticks(ax, y=5), x=8, integer=True), x="integer", y="compact_money")
    if len(lines) > 1:
        del lines[labels[SEEN]]
    label_ends(ax, lines)
    return name_axes(ax, x=tr("Months since the first order"), y=tr("Margin of a new customer so far"))


def plot_break_even(found: ContactLists, ax: Axes | None = None) -> Axes:
    """Share of each list that orders anyway, and how many more must for it to pay."""
    ax, table = own_axes(ax), found.lists[np.isfinite(found.lists["break_even"])][::-1]
    places = np.arange(len(table))
    anyway = ax.barh(places, table["p_order"], 0.55, color=PALE)
    more = ax.barh(places, table["break_even"], 0.55, left=table["p_order"], color=BLUE)
    _rows(ax, [str(LISTS[name]) for name in table.index], "percent")
    key = [(anyway, tr("order anyway")), (more, tr("must order more"))]
    return name_axes(ax, x=tr("Share of those written to"), key=key)


def plot_flows(ladder: Ladder, ax: Axes | None = None, which: str = "coming") -> Axes:
    """Customers by where they stood (rows) and stand then (columns): shares of the row, numbers below."""
    ax, table = own_axes(ax, size=(7.2, 3.0)), ladder.flows(which).astype(float)
    shares = table.div(table.sum(axis=1).where(lambda sums: sums > 0), axis="index").fillna(0)
    shares = shares.rename(index=lambda name: str(RUNGS[name]), columns=lambda name: str(RUNGS[name]))
    heat_map(ax, shares, "percent", table, vmax=1)
    now, then = (tr("Now"), tr("In a year")) if which == "coming" else (tr("A year ago"), tr("Now"))
    return name_axes(ax, x=then, y=now)
