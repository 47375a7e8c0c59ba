"""Pictures of customers with a contract."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.reporting.style import BLUE, INK, MUTED, RULE, few_ticks, format_ticks, key_above, name_axes, own_axes
from analysis.reporting.words import Words
from analysis.value.contractual_results import RenewalRate


def plot_contract_survival(periods: Sequence[RenewalRate], words: Words, ax: Axes | None = None) -> Axes:
    """Share of new customers left after each period: marks observed, line the model; grey ground is the forecast."""
    ax = own_axes(ax)
    x = np.array([0, *(each.number for each in periods)])
    lower, middle, upper = (
        np.array([1.0, *(getattr(each.survival, end) for each in periods)]) for end in ("lower", "estimate", "upper")
    )
    ax.fill_between(x, lower, upper, color=BLUE, alpha=0.2, linewidth=0)
    (line,) = ax.plot(x, middle, color=BLUE)
    observed = [(each.number, each.observed_survival) for each in periods if each.observed_survival is not None]
    (marks,) = ax.plot(*zip((0, 1.0), *observed, strict=True), "o", color=INK, markersize=5, markeredgecolor="white")
    last = max(each.number for each in periods if not each.is_forecast)
    if last < x[-1]:
        ax.axvspan(last, x[-1], color=RULE, alpha=0.3, linewidth=0)
        ax.text(x[-1], 0.03, words("legend.forecast") + " ", ha="right", color=MUTED)
    ax.set(xlim=(0, x[-1]), ylim=(0, 1.04))
    few_ticks(ax, y=5)
    few_ticks(ax, x=8, integer=True)
    format_ticks(ax, x=words.formats.integer, y=words.formats.percent)
    lines = key_above(ax, [(marks, words("legend.observed")), (line, words("legend.sbg"))])
    return name_axes(ax, x=words("axis.tenure_renewals"), y=words("axis.left_over"), lines_between=lines)
