"""The main claim in one picture: what it promises, and the rise in profit that the models find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.errors import Unavailable
from analysis.interval import Interval, spanned
from analysis.plotting import INK, MUTED, PALE, WIDE, format_ticks, name_axes, own_axes, stroke_of
from analysis.words import shown, tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.claims.ledger import Claims


def plot_claimed_range(
    claims: Claims, ax: Axes | None = None, *, claim: str = "five_points_more_profit", together: bool = False
) -> Axes:
    """A claim about profit: its number under each model, with its interval, beside the range that is claimed (shaded).

    Parameters
    ----------
    together
        Whether all models are one row, from the lowest estimate to the highest.

    Raises
    ------
    Unavailable
        Where the claim cannot be tested.
    """
    verdict = claims[claim]
    if verdict.reason:
        raise Unavailable(verdict.reason)
    (low, high), found = verdict.declared.range, dict(verdict.estimates)
    strokes, names = [stroke_of(model) for model in found], list(found)
    kind = "estimate percent1"
    if together:
        found, kind = {"": spanned(found.values())}, "range percent"
        strokes, names = strokes[:1], [tr("Your customers")]
    ax = own_axes(ax, size=(WIDE, 1.2 + 0.4 * len(found)))
    ax.axvspan(low, high, color=PALE, alpha=0.45, lw=0)
    ax.axvline(0, color=INK, linewidth=0.8)
    for place, (each, stroke) in enumerate(zip(found.values(), strokes, strict=True)):
        ax.hlines(-place, each.lower, each.upper, color=stroke.color, linewidth=9 if together else 3)
        if not together:
            ax.plot(each.estimate, -place, stroke.marker, color=stroke.color, markersize=7)
        text, end = shown(kind, each), (each.upper, -place)
        ax.annotate(text, end, xytext=(8, 0), textcoords="offset points", va="center", color=stroke.color)
    ax.set_yticks([-place for place in range(len(found))], names)
    ends = [0.0, high, *(end for each in found.values() for end in (each.lower, each.upper))]
    left, right = min(ends) - 0.02, max(ends) + 0.03
    ax.set(xlim=(left, right), ylim=(0.6 - len(found), 0.6))
    ax.grid(visible=False)
    claimed = tr("claimed: {range:range percent}", range=Interval(low, low, high, verdict.estimate.level))
    above = {"xytext": (0, 4), "textcoords": "offset points", "va": "bottom", "ha": "center"}
    ax.annotate(claimed, ((low + high) / 2, 1), xycoords=ax.get_xaxis_transform(), color=MUTED, **above)
    return format_ticks(name_axes(ax, x=tr("Change of profit")), x="percent")
