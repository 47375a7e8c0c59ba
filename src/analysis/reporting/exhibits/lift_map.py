"""What moves the lift: the choices one by one, and the map of base retention, net margin, discount rate and horizon."""

from __future__ import annotations

import numpy as np

from analysis.config import Config
from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import Exhibit, name_key, on_axes
from analysis.reporting.exhibits.readings import VARIED, differences, gain_of
from analysis.reporting.figures import plot_lift_curves, plot_map_panel, plot_tornado
from analysis.reporting.figures.lift import GAP_ROWS, LABEL_ROWS, Span
from analysis.reporting.figures.lift_map import Place, Textbook
from analysis.reporting.style import MUTED
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.value.landscape import Landscape
from analysis.value.lift import CLAIMED
from analysis.value.readings import named_choice
from analysis.value.results import RetentionLift
from analysis.value.streams import target_retention
from analysis.value.textbook import constant_margin_lift, credit_card_lift

CURVE_RETENTION = np.round(np.arange(0.30, 0.951, 0.01), 2)
SHOWN_RETENTION = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TABLE_STEP = 10
PANELS_ACROSS = {"wide": 4, "narrow": 2}


def spans(lift: RetentionLift) -> list[Span]:
    """By how much each choice alone moves the lift, the most moving first; the purchase model is one of them."""
    named = {model: each.lift for model, each in lift.named_lifts.items()}
    if None in named.values():
        return []
    estimates = {model: each.estimate for model, each in named.items()}
    found = []
    for name in VARIED:
        by_model = {}
        for model, at_named in estimates.items():
            varied = [e.lift.estimate for e in lift.lifts if _varies(e, name, model, lift)]
            if varied:
                by_model[model] = (min(at_named, *varied), at_named, max(at_named, *varied))
        if any(high > low for low, _, high in by_model.values()):
            found.append(Span(f"varied.{name}", by_model))
    if found and len(estimates) > 1:
        ends = (min(estimates.values()), next(iter(estimates.values())), max(estimates.values()))
        found.append(Span("varied.model", {None: ends}))
    return sorted(found, key=lambda span: -span.width)


def _varies(each, name: str, model: str, lift: RetentionLift) -> bool:
    return each.model == model and each.lift is not None and differences(each.choice, lift.named) == [name]


def tornado_figure(lift: RetentionLift | Note) -> Exhibit | None:
    """Which choice moves the answer most; None where there is no lift."""
    shown = [] if isinstance(lift, Note) else spans(lift)
    if not shown:
        return None
    columns = [Column("column.varied", "label"), Column("column.model", "label")]
    columns += [Column(f"column.{name}", "percent1") for name in ("lowest", "as_named", "highest")]
    rows = [
        [span.label, name_key(model) if model else "varied.every_model", *ends]
        for span in shown
        for model, ends in span.by_model.items()
    ]
    most = shown[0]
    model, (low, _, high) = max(most.by_model.items(), key=lambda pair: pair[1][2] - pair[1][0])
    numbers = {
        "most": Saying(most.label),
        "model": Saying(name_key(model) if model else "varied.every_model"),
        "low": low,
        "high": high,
        "least": Saying(shown[-1].label),
        "least_width": 100 * shown[-1].width,
    }
    models = len(lift.models)
    wide, narrow = (1.0 + len(shown) * (models + gap) * 0.125 for gap in (GAP_ROWS, LABEL_ROWS))
    table = Table("figure.tornado.data", columns, rows)
    return Exhibit("tornado", on_axes(plot_tornado, shown, CLAIMED), table, numbers, wide, narrow)


def map_sayings(landscape: Landscape | None, config: Config) -> list[Saying]:
    """How to read the map, and where on it the company stands."""
    if landscape is None or config.retention.gain == 0:
        return []
    model, economics = landscape.panels[0].model, config.economics
    names = {"model": Saying(name_key(model)), "retention": landscape.retention[model]}
    sayings = [Saying("map.intro", {"gain": gain_of(named_choice(config)), "low": CLAIMED[0], "high": CLAIMED[1]})]
    share = _net_share(landscape, model)
    if share is None:
        return [*sayings, Saying("map.off", {**names, "cost": economics.acquisition_cost})]
    if economics.acquisition_cost == 0:
        return [*sayings, Saying("map.place_free", names)]
    return [*sayings, Saying("map.place", {**names, "share": share, "cost": economics.acquisition_cost})]


def map_figure(landscape: Landscape | None, config: Config) -> Exhibit | None:
    """Where the claim holds for a new customer, by horizon and discount rate, and the company's place."""
    if landscape is None or config.retention.gain == 0:
        return None
    panels, economics = landscape.panels, config.economics
    own = (economics.annual_discount_rate, float(economics.horizon_years))
    model = panels[0].model
    place = Place(landscape.retention[model], _net_share(landscape, model))

    def draw(figure, words):
        across = PANELS_ACROSS["wide" if figure.get_figwidth() > 5 else "narrow"]
        rows = -(-len(panels) // across)
        axes = figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False)
        for number, (ax, panel) in enumerate(zip(axes.ravel(), panels, strict=False)):
            is_own = (panel.annual_discount_rate, panel.horizon_years) == own
            plot_map_panel(panel, CLAIMED, place, words, ax, is_own=is_own)
            ax.set_xlabel(words("axis.base_retention") if number // across == rows - 1 else "")
        for ax in axes.ravel()[len(panels) :]:
            ax.set_visible(False)
        figure.suptitle(words("axis.net_share"), x=0.01, ha="left", fontsize=9, color=MUTED)

    columns = [
        Column("column.horizon", "years"),
        Column("column.discount", "percent1"),
        Column("column.retention_before", "percent"),
        Column("column.lift", "percent1"),
        Column("column.net_share_from", "percent"),
        Column("column.net_share_to", "percent"),
    ]
    rows = [
        [panel.horizon_years, panel.annual_discount_rate, retention, lift, *_net_shares(lift)]
        for panel in panels
        for retention, lift in list(zip(panel.retention.tolist(), panel.lift.tolist(), strict=True))[8::TABLE_STEP]
        if np.isfinite(lift)
    ]
    numbers = {
        "model": Saying(name_key(model)),
        "low": CLAIMED[0],
        "high": CLAIMED[1],
        "retention": landscape.retention[model],
        "panels": len(panels),
    }
    table = Table("figure.lift_map.data", columns, rows)
    across, narrow = (-(-len(panels) // PANELS_ACROSS[name]) for name in ("wide", "narrow"))
    return Exhibit("lift_map", draw, table, numbers, 0.5 + 1.55 * across, 0.5 + 1.55 * narrow)


def _net_share(landscape: Landscape, model: str) -> Interval | None:
    """The company's net share; None where nothing may be left, as the map has no such ground."""
    share = landscape.net_share[model]
    return None if share is None or share.lower <= 0 else share


def _net_shares(lift: float) -> tuple[float | None, float | None]:
    """Net shares between which the claim holds; none where it would take a profit above the contribution."""
    low, high = lift / CLAIMED[1], min(lift / CLAIMED[0], 1.0)
    return (low, high) if low <= 1 else (None, None)


def curve_figure(landscape: Landscape | None, config: Config) -> Exhibit | None:
    """The company's own lift by base retention under each model, beside what the textbook and 1990 would say."""
    if landscape is None or config.retention.gain == 0:
        return None
    curves, gain, kind = landscape.curves, config.retention.gain, config.retention.gain_kind
    rate = config.economics.annual_discount_rate
    textbook = _textbook(gain, kind, rate)
    places = {curve.model: Place(landscape.retention[curve.model], _at(curve, landscape)) for curve in curves}
    level = landscape.retention[curves[0].model].level
    columns = [Column("column.retention_before", "percent")]
    for curve in curves:
        columns += interval_columns(name_key(curve.model), "percent", level)
    columns += [Column(each.label, "percent1") for each in textbook]
    rows = [
        [
            share,
            *(_interval(curve, share, level) for curve in curves for _ in range(2)),
            *(each.at(share) for each in textbook),
        ]
        for share in SHOWN_RETENTION
    ]
    lifts = [place.share.estimate for place in places.values() if place.share]
    nine = {each.label: each.at(0.9) for each in textbook}
    numbers = {
        "low": min(lifts, default=None),
        "high": max(lifts, default=None),
        "horizon": curves[0].horizon_years,
        "rate": rate,
        "gain": gain_of(named_choice(config)),
        "margin_nine": nine["textbook.constant_margin"],
        "card_nine": nine["textbook.credit_card"],
        "level": level,
    }
    draw = on_axes(plot_lift_curves, curves, textbook, places, CLAIMED)
    table = Table("figure.lift_curves.data", columns, rows)
    return Exhibit("lift_curves", draw, table, numbers, height=3.6, narrow_height=3.6)


def _textbook(gain: float, kind: str, rate: float) -> list[Textbook]:
    shares = CURVE_RETENTION
    more = np.array([target_retention(share, gain, kind) for share in shares]) - shares
    return [
        Textbook("textbook.credit_card", shares, credit_card_lift(shares, more, rate)),
        Textbook("textbook.constant_margin", shares, constant_margin_lift(shares, more, rate, "paid_at_once")),
    ]


def _at(curve, landscape: Landscape) -> Interval | None:
    return _interval(curve, landscape.retention[curve.model].estimate, landscape.retention[curve.model].level)


def _interval(curve, retention: float, level: float) -> Interval | None:
    """The lift on a curve with its interval; None where the model cannot have that retention."""
    ends = [float(np.interp(retention, curve.retention, each)) for each in (curve.lift, curve.lower, curve.upper)]
    return Interval(*ends, level) if np.isfinite(ends).all() else None
