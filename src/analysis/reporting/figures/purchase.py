"""Pictures of the purchase models: what is known of the parameters, and who counts as alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.interval import Interval
from analysis.models.results import Posterior
from analysis.reporting.exhibit import name_key
from analysis.reporting.style import (
    INK,
    MUTED,
    ORANGE,
    PALE,
    few_ticks,
    format_ticks,
    is_narrow,
    label_ends,
    name_axes,
    own_axes,
    stroke_of,
)  # fmt: skip
from analysis.reporting.words import Words


def plot_posterior(
    posterior: Posterior, estimates: Mapping[str, float], level: float, words: Words, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """One small histogram of draws a parameter, with its central interval and the maximum-likelihood estimate."""
    if axes is None:
        axes = Figure(figsize=(7.2, 2.2), layout="constrained").subplots(1, len(posterior.names))
    flat = list(np.ravel(axes))
    for ax, name, draws in zip(flat, posterior.names, posterior.draws.T, strict=True):
        _plot_draws(ax, draws, estimates[name], level)
        ax.set_title(words("axis.parameter", name=name), loc="left", color=INK)
        ax.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
        format_ticks(ax, x=words.formats.number)
    return flat


def _plot_draws(ax: Axes, draws: np.ndarray, estimate: float, level: float) -> None:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    shown = draws[(draws > np.quantile(draws, 0.002)) & (draws < np.quantile(draws, 0.998))]
    sns.histplot(x=shown, bins=32, ax=ax, color=PALE, edgecolor="none", alpha=1)
    ax.axvspan(low, high, color=PALE, alpha=0.25, linewidth=0)
    ax.axvline(estimate, color=ORANGE, linewidth=1.6)
    ax.set(yticks=[], xlabel="", ylabel="")


def plot_customers_alive(alive: Mapping[str, Interval], customers: int, words: Words, ax: Axes | None = None) -> Axes:
    """Expected number of customers still alive under each model, with its interval, out of all of them."""
    ax = own_axes(ax, size=(7.2, 1.8))
    places = np.arange(len(alive))[::-1]
    for place, (model, interval) in zip(places, alive.items(), strict=True):
        stroke = stroke_of(model)
        ax.plot([interval.lower, interval.upper], [place, place], color=stroke.color, linewidth=5, alpha=0.35)
        ax.plot(interval.estimate, place, stroke.marker, color=stroke.color, markersize=7)
        ax.annotate(
            words.formats.integer(interval.estimate), (interval.estimate, place), xytext=(0, 8),
            textcoords="offset points", ha="center", color=stroke.color,
        )  # fmt: skip
    return _model_rows(ax, places, alive, customers, words, words("axis.customers_alive"), words.formats.integer)


def plot_alive_among_one_time_buyers(shares: Mapping[str, float], words: Words, ax: Axes | None = None) -> Axes:
    """Share of the customers without a repeat order that each model counts as alive."""
    ax = own_axes(ax, size=(7.2, 1.8))
    places = np.arange(len(shares))[::-1]
    for place, (model, share) in zip(places, shares.items(), strict=True):
        stroke = stroke_of(model)
        ax.plot([0, share], [place, place], color=stroke.color, linewidth=1.6, alpha=0.5)
        ax.plot(share, place, stroke.marker, color=stroke.color, markersize=7)
        ax.annotate(
            words.formats.percent(share), (share, place), xytext=(0, 8), textcoords="offset points", ha="center",
            color=stroke.color,
        )  # fmt: skip
    return _model_rows(ax, places, shares, 1, words, words("axis.alive_one_time"), words.formats.percent)


def _model_rows(ax, places, models, top, words, title, tick_format) -> Axes:
    ax.set_yticks(places, [words(name_key(model)) for model in models])
    ax.set(xlim=(0, top * 1.04), ylim=(-0.5, len(places) - 0.35))
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    few_ticks(ax, x=4 if is_narrow(ax) else 5)
    format_ticks(ax, x=tick_format)
    for label, model in zip(ax.get_yticklabels(), models, strict=True):
        label.set_color(stroke_of(model).color)
    return name_axes(ax, y=title)


def plot_alive_by_silence(curves: pd.DataFrame, words: Words, ax: Axes | None = None, *, labelled: bool = True) -> Axes:
    """Chance of being alive against the time since the last order, one line a model.

    Parameters
    ----------
    curves
        Columns weeks, and one a model.
    labelled
        Whether to name the lines at their ends.
    """
    ax = own_axes(ax)
    models = [name for name in curves if name != "weeks"]
    for model in models:
        stroke = stroke_of(model)
        ax.plot(curves["weeks"], curves[model], color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
    ax.set(ylim=(0, 1.04), xlim=(0, curves["weeks"].iloc[-1]))
    few_ticks(ax, x=4, y=5)
    format_ticks(ax, x=words.formats.integer, y=words.formats.percent)
    end = curves["weeks"].iloc[-1]
    if labelled:
        label_ends(ax, [(end, curves[m].iloc[-1], words(name_key(m)), stroke_of(m).color) for m in models])
    ax.tick_params(axis="x", color=MUTED)
    return name_axes(ax, x=words("axis.weeks_since_last"), y=words("axis.p_alive"))
