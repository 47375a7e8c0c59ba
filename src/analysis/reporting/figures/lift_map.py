"""Pictures of where the claim would hold: the map of base retention and net margin, and curves beside the textbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from analysis.interval import Interval
from analysis.reporting.exhibit import name_key
from analysis.reporting.figures.lift import BAND
from analysis.reporting.style import (
    BLUE,
    GREY,
    INK,
    MUTED,
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
from analysis.value.landscape import LiftCurve

LEAST_NET_SHARE = 0.03


@dataclass(frozen=True)
class Place:
    """Where the company stands: its first-year retention, and the share (or lift) at it; None where it has none."""

    retention: Interval
    share: Interval | None


@dataclass(frozen=True)
class Textbook:
    """The lift that a textbook formula gives at each base retention; ``label`` is the key of its name."""

    label: str
    retention: np.ndarray
    lift: np.ndarray

    def at(self, retention: float) -> float:
        return float(np.interp(retention, self.retention, self.lift))


def plot_map_panel(
    curve: LiftCurve,
    claimed: tuple[float, float],
    place: Place,
    words: Words,
    ax: Axes | None = None,
    *,
    is_own: bool = False,
) -> Axes:
    """One panel of the map: the ground on which the claim holds, and the company's retention.

    Parameters
    ----------
    place
        The company: retention, and profit as a share of contribution, which is shown where ``is_own``.
    is_own
        Whether the panel is that of the configured discount rate and horizon.
    """
    ax = own_axes(ax)
    ax.set(yscale="log", ylim=(LEAST_NET_SHARE, 1.15))
    low, high = curve.lift / claimed[1], np.minimum(curve.lift / claimed[0], 1.0)
    with np.errstate(invalid="ignore"):
        ax.fill_between(curve.retention, low, high, where=low <= high, color=PALE, alpha=0.75, linewidth=0)
    retention, share = place.retention, place.share
    ax.axvspan(retention.lower, retention.upper, color=BLUE, alpha=0.15, linewidth=0)
    ax.axvline(retention.estimate, color=BLUE, linewidth=0.9, linestyle=(0, (3, 2)))
    if is_own and share is not None and share.estimate > LEAST_NET_SHARE:
        ends = np.clip([share.lower, share.upper], LEAST_NET_SHARE, None)
        ax.plot([retention.estimate] * 2, ends, color=BLUE, linewidth=4, alpha=0.5, solid_capstyle="butt")
        ax.plot(retention.estimate, share.estimate, "o", color=BLUE, markersize=7, markeredgecolor="white",
                clip_on=False, zorder=5)  # fmt: skip
    known = curve.retention[np.isfinite(curve.lift)]
    ax.set(xlim=(min(0.3, float(known.min(initial=0.3))), 1.0))
    ax.yaxis.set_major_locator(FixedLocator([0.05, 0.1, 0.2, 0.5, 1.0]))
    ax.yaxis.set_minor_locator(NullLocator())
    few_ticks(ax, x=3)
    format_ticks(ax, x=words.formats.percent, y=words.formats.percent)
    ax.tick_params(labelsize=8)
    numbers = {"horizon": curve.horizon_years, "rate": curve.annual_discount_rate}
    ax.set_title(words("axis.map_panel", **numbers), loc="left", fontsize=8, color=INK if is_own else MUTED,
                 fontweight="bold" if is_own else "normal")  # fmt: skip
    return ax


def plot_lift_curves(
    curves: Sequence[LiftCurve],
    textbook: Sequence[Textbook],
    places: Mapping[str, Place],
    claimed: tuple[float, float],
    words: Words,
    ax: Axes | None = None,
) -> Axes:
    """The lift by base retention: the company's models with intervals, and textbook formulas in grey.

    Parameters
    ----------
    places
        Model -> the company's retention and the lift there.
    """
    ax = own_axes(ax)
    ax.axhspan(*claimed, color=PALE, alpha=BAND, linewidth=0)
    first = textbook[0].retention[0]
    ends = []
    for each, dash in zip(textbook, ((0, (6, 2)), (0, (1, 1.5))), strict=True):
        ax.plot(each.retention, each.lift, color=GREY, linestyle=dash, linewidth=1.6)
        known = np.isfinite(each.lift)
        ends.append((0.955, each.lift[known][-1], words(each.label), MUTED))
    for curve in curves:
        stroke, shown = stroke_of(curve.model), np.isfinite(curve.lift) & (curve.retention >= first)
        if not shown.any():
            continue
        x = curve.retention[shown]
        ax.fill_between(x, curve.lower[shown], curve.upper[shown], color=stroke.color, alpha=0.2, linewidth=0)
        ax.plot(x, curve.lift[shown], color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
        ends.append((0.955, curve.lift[shown][-1], words(name_key(curve.model)), stroke.color))
        place = places[curve.model]
        if place.share is not None:
            ax.plot(place.retention.estimate, place.share.estimate, stroke.marker, color=stroke.color, markersize=8,
                    markeredgecolor="white", zorder=5)  # fmt: skip
    ax.set(xlim=(first, 0.955), ylim=(0, 1.0))
    ax.text(0.95, claimed[1] - 0.01, words("legend.claimed", low=claimed[0], high=claimed[1]), color=MUTED, va="top",
            ha="right")  # fmt: skip
    few_ticks(ax, x=4 if is_narrow(ax) else 7, y=6)
    format_ticks(ax, x=words.formats.percent, y=words.formats.percent)
    label_ends(ax, ends, gap_share=0.07)
    return name_axes(ax, x=words("axis.base_retention"), y=words("axis.lift"))
