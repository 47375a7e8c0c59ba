"""Figures of the purchase models, the spend model and the back test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.models.fits import LEVEL, PurchaseFit, PurchaseFits
from analysis.models.spend import CREDIBILITY, GAMMA_GAMMA, SpendFit
from analysis.models.spend import name_of as spend_name
from analysis.plotting import (
    ACTUAL_WIDTH,
    BLUE,
    INK,
    MUTED,
    ORANGE,
    PALE,
    few_ticks,
    format_ticks,
    heat_map,
    label_ends,
    month_ticks,
    name_axes,
    own_axes,
    panels,
    stroke_of,
)
from analysis.time import duration
from analysis.words import formats, tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.models.backtest import BackTest
    from analysis.models.spend_choice import SpendChoice


def name_of(forecast: str) -> str:
    """A model or baseline for readers."""
    baselines = {
        "same rate": tr("Same rate as before"),
        "hiatus": tr("Hiatus rule"),
        "average": tr("Everyone like the average"),
    }
    return baselines.get(forecast, forecast)


def plot_posterior(fit: PurchaseFit | SpendFit, ax: Axes | None = None, level: float = LEVEL) -> Axes:
    """One histogram of posterior draws a parameter, with its central interval and the maximum-likelihood estimate."""
    ax = own_axes(ax, size=(7.2, 2.2))
    axes = panels(ax, len(fit.posterior.names))
    for each, name, draws in zip(axes, fit.posterior.names, fit.posterior.draws.T, strict=True):
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        ends = np.quantile(draws, [0.002, 0.998])
        each.hist(draws, bins=32, range=tuple(ends), color=PALE)
        each.axvspan(low, high, color=PALE, alpha=0.25, linewidth=0)
        each.axvline(fit.parameters[name], color=ORANGE, linewidth=1.6)
        each.set_yticks([])
        format_ticks(few_ticks(each, x=3), x="number")
        name_axes(each, y=name)
    return axes[0]


def plot_frequency_recency(fit: PurchaseFit, ax: Axes | None = None, horizon="13W") -> Axes:
    """Expected orders in the next ``horizon`` by repeat orders and by when the last one fell."""
    title = tr("Expected orders in the next {days:days}", days=round(duration(horizon)))
    return _heat_map(fit.frequency_recency(horizon), own_axes(ax), title, "number")


def plot_p_alive_matrix(fit: PurchaseFit, ax: Axes | None = None) -> Axes:
    """Chance of being active by repeat orders and by when the last one fell."""
    return _heat_map(fit.p_alive_matrix(), own_axes(ax), tr("Chance of being active"), "percent")


def _heat_map(matrix: pd.DataFrame, ax: Axes, title: str, kind: str) -> Axes:
    heat_map(ax, matrix.rename(index=formats().integer, columns=formats().integer)[::-1], kind)
    ax.set_ylabel(tr("Repeat orders"))
    return name_axes(ax, x=tr("Weeks from the first to the last order"), y=title)


def plot_calibration_of_fit(fit: PurchaseFit, ax: Axes | None = None) -> Axes:
    """Customers by number of repeat orders, and what the fitted model expects: a check on the data it was fitted to."""
    ax, counts = own_axes(ax), fit.frequencies()
    places = np.arange(len(counts))
    bars = ax.bar(places, counts["customers"], 0.66, color=BLUE)
    (marks,) = ax.plot(places, counts["expected"], "D", color=ORANGE, markeredgecolor="white", markersize=7)
    ax.set_xticks(places, counts["label"])
    format_ticks(few_ticks(ax, y=5), y="integer")
    key = [(bars, tr("observed")), (marks, tr("expected by {model}", model=fit.model))]
    return name_axes(ax, x=tr("Repeat orders"), y=tr("Customers"), key=key)


def plot_silence(fit: PurchaseFit, ax: Axes | None = None) -> Axes:
    """Chance of being active against the time since the last order, one line for each number of repeat orders."""
    curves, color = fit.silence(), stroke_of(fit.model).color
    looks = {_repeat_orders(x): (curves[x], {"color": color, "alpha": 1 - x / 6, "linewidth": 2}) for x in curves}
    return _silence(own_axes(ax), looks, tr("Chance of being active"))


def plot_silence_by_model(fits: PurchaseFits, ax: Axes | None = None, orders: int = 1) -> Axes:
    """As ``plot_silence`` for one number of repeat orders, one line a model."""
    looks = {fit.model: (fit.silence([orders])[orders], stroke_of(fit.model).look) for fit in fits}
    return _silence(own_axes(ax), looks, tr("Chance of being active, {of}", of=_repeat_orders(orders)))


def _repeat_orders(x: int) -> str:
    return tr("{n:integer} repeat order", "{n:integer} repeat orders", n=x)


def _silence(ax: Axes, looks: dict, title: str) -> Axes:
    lines = {name: ax.plot(curve, **look)[0] for name, (curve, look) in looks.items()}
    ax.set_ylim(0, 1.04)
    ax.margins(x=0)
    format_ticks(few_ticks(ax, x=4, y=5), x="integer", y="percent")
    return name_axes(label_ends(ax, lines), x=tr("Weeks since the last order"), y=title)


def plot_tracking_of_fit(fit: PurchaseFit, ax: Axes | None = None) -> Axes:
    """Cumulative repeat orders as they came, and as the model expects them."""
    ax, tracking = own_axes(ax), fit.tracking()
    days = pd.to_datetime(tracking["date"])
    (came,) = ax.plot(days, tracking["actual"], color=INK, linewidth=ACTUAL_WIDTH, solid_capstyle="butt", zorder=1)
    (expected,) = ax.plot(days, tracking[fit.model], **stroke_of(fit.model).look)
    ax.margins(y=0.1)
    ax.set_ylim(0)
    label_ends(ax, {fit.model: expected, tr("What came"): came})
    ax.set_xlim(days.iloc[0], days.iloc[-1])
    month_ticks(ax, days.iloc[0], days.iloc[-1])
    format_ticks(few_ticks(ax, y=5), y="integer")
    return name_axes(ax, y=tr("Repeat orders since the start"))


def plot_path(test: BackTest, ax: Axes | None = None) -> Axes:
    """Repeat orders since the holdout began: what came, and what was forecast with its predictive interval."""
    ax, path = own_axes(ax), test.path
    start = pd.DataFrame({"date": [pd.Timestamp(test.calibration_end)]}).reindex(columns=path.columns, fill_value=0.0)
    rows = pd.concat([start, path], ignore_index=True)
    band = ax.fill_between(rows["date"], rows["lower"], rows["upper"], color=PALE, alpha=0.6, linewidth=0)
    ax.plot(rows["date"], rows["estimate"], color=BLUE, linestyle=(0, (4, 3)))
    (came,) = ax.plot(rows["date"], rows["actual"], color=INK, marker="o", linewidth=2.4)
    ax.set_ylim(0)
    month_ticks(ax, rows["date"].iloc[0], rows["date"].iloc[-1])
    format_ticks(few_ticks(ax, y=5), y="integer")
    key = [(came, tr("what came")), (band, tr("what was forecast"))]
    return name_axes(ax, y=tr("Repeat orders, added up"), key=key)


def plot_history(fit: PurchaseFit, ax: Axes | None = None, *, customer) -> Axes:
    """One customer's orders (marks) and the chance of being active on every day since the first."""
    ax, days = own_axes(ax, size=(7.2, 2.4)), fit.history(customer)
    bought = days["orders"].diff().fillna(1) > 0
    ax.plot(days["date"], days["p_alive"], color=stroke_of(fit.model).color)
    ax.plot(days["date"][bought], days["p_alive"][bought], "o", color=INK, markersize=5)
    ax.set_ylim(0, 1.04)
    month_ticks(ax, days["date"].iloc[0], days["date"].iloc[-1])
    format_ticks(few_ticks(ax, y=5), y="percent")
    return name_axes(ax, y=tr("Chance of being active, customer {id}", id=str(customer)))


def plot_calibration(test: BackTest, ax: Axes | None = None) -> Axes:
    """Mean orders in the holdout by repeat orders before it: what came, its interval in grey, and the forecasts."""
    ax, groups = own_axes(ax), test.calibration_by_group
    places = np.arange(len(groups))
    reach = norm.ppf((1 + test.level) / 2) * groups["standard_error"].fillna(0)
    ax.bar(places, 2 * reach, 0.8, bottom=groups["actual"] - reach, color="#dfe4e8")
    came = ax.hlines(groups["actual"], places - 0.4, places + 0.4, color=INK, linewidth=2)
    entries = [(came, tr("What came"))]
    for index, model in enumerate(test.fits.names):
        stroke = stroke_of(model)
        shift = (index - (len(test.fits.names) - 1) / 2) * 0.2
        look = {"color": stroke.color, "markersize": 5.5, "markeredgecolor": "white"}
        (marks,) = ax.plot(places + shift, groups[model], stroke.marker, **look)
        entries.append((marks, model))
    ax.set_ylim(0)
    ax.set_xticks(places, groups["frequency"])
    format_ticks(few_ticks(ax, y=5), y="number")
    return name_axes(ax, x=tr("Repeat orders before the holdout"), y=tr("Mean orders in the holdout"), key=entries)


def plot_odd_even(choice: SpendChoice, ax: Axes | None = None) -> Axes:
    """Customers in tenths by the mean of their odd orders: what their even ones were worth, and what was forecast."""
    ax, groups = own_axes(ax, size=(4.6, 3.4)), choice.groups
    most = 1.05 * groups[["odd", "even"]].to_numpy().max()
    lines = {tr("as before"): ax.plot([0, most], [0, most], color=MUTED, linewidth=1, linestyle="dashed")[0]}
    for name, color in ((GAMMA_GAMMA, BLUE), (CREDIBILITY, ORANGE)):
        if name in groups:
            (lines[str(spend_name(name, by_frequency=False))],) = ax.plot(groups["odd"], groups[name], color=color)
    ax.plot(groups["odd"], groups["even"], "o", color=INK)
    ax.set(xlim=(0, most), ylim=(0, most))
    format_ticks(few_ticks(ax, x=4, y=4), x="compact_money", y="compact_money")
    return name_axes(label_ends(ax, lines), x=tr("Mean of odd repeat orders"), y=tr("Mean of even repeat orders"))
