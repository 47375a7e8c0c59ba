"""The what-if panel as HTML: controls, what the script fills, a table for where no script runs, and the data."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from analysis.reporting.elements import list_html
from analysis.reporting.exhibit import name_key
from analysis.reporting.scripts import data_block
from analysis.reporting.tables import Table, table_html
from analysis.reporting.words import Remark, Saying, Words
from analysis.value.results import Lift
from analysis.value.what_if import WhatIf
from analysis.value.what_if_streams import ReducedStreams

LARGEST_STEP = 32_767


@dataclass(frozen=True)
class Panel:
    """What the panel shows before it is dressed.

    Attributes
    ----------
    what_if
        The numbers that it computes with.
    start
        Model -> the lift of the configured setting, as the report shows it elsewhere.
    chances
        Model -> the probability that this lift lies in the claimed range; None without a lift.
    claimed, limits
        The claimed range; probabilities beyond the limits are said as below or above them.
    unprofitable
        Probability of a profit of zero or less above which there is no lift.
    labels
        Setting -> what each of its values is called.
    remarks
        What the panel takes for granted.
    table
        The lift at a few settings.
    """

    what_if: WhatIf
    start: Mapping[str, Lift]
    chances: Mapping[str, float | None]
    claimed: tuple[float, float]
    limits: tuple[float, float]
    unprofitable: float
    labels: Mapping[str, list[Saying]]
    remarks: list[Remark]
    table: Table


def panel_html(panel: Panel, words: Words) -> Markup:
    """The panel. What needs the script is hidden until it runs; the table is open until then."""
    return Markup(
        '<div class="rl-what-if"><div class="rl-what-if-moved" hidden><p class="rl-say">{intro}</p>'
        '<div class="rl-what-if-settings" role="group" aria-label="{settings}">{controls}'
        '<button type="button" class="rl-what-if-reset">{reset}</button></div>'
        '<p class="rl-what-if-title">{result}</p><p class="rl-what-if-claimed">{claimed}</p>'
        '<ul class="rl-what-if-lifts" aria-live="polite">{models}</ul>'
        '<div class="rl-what-if-axis" aria-hidden="true"><span data-part="zero"></span><span data-part="top"></span>'
        '</div></div>{remarks}<details class="rl-data rl-what-if-table" open><summary>{fold}</summary>{table}</details>'
        "{data}</div>"
    ).format(
        intro=words.html("whatif.intro"),
        settings=words("whatif.settings"),
        controls=Markup("").join(_control(name, panel, words) for name in panel.labels),
        reset=words.html("whatif.reset"),
        result=words.html("whatif.result", whose=Saying(f"reading.scope.{panel.what_if.choice.scope}")),
        claimed=words.html("whatif.claimed", low=panel.claimed[0], high=panel.claimed[1]),
        models=Markup("").join(_model(model, words) for model in panel.what_if.by_model),
        remarks=list_html(panel.remarks, words),
        fold=words.html("whatif.fold"),
        table=table_html(panel.table, words),
        data=data_block(panel_data(panel, words)),
    )


def _control(name: str, panel: Panel, words: Words) -> Markup:
    values = getattr(panel.what_if.offered, name)
    place = values.index(getattr(panel.what_if.start, name))
    return Markup(
        '<div class="rl-what-if-control"><label for="what-if-{name}">{label}</label>'
        '<output for="what-if-{name}" aria-live="off">{shown}</output>'
        '<input type="range" id="what-if-{name}" name="{name}" min="0" max="{last}" step="1" value="{place}" '
        'aria-valuetext="{shown}" autocomplete="off"></div>'
    ).format(
        name=name,
        label=words.html(f"whatif.{name}"),
        shown=words.said(panel.labels[name][place]),
        last=len(values) - 1,
        place=place,
    )


def _model(model: str, words: Words) -> Markup:
    return Markup(
        '<li><p class="rl-what-if-lift"><span class="rl-what-if-model">{}</span> <strong data-part="lift"></strong> '
        '<span data-part="interval"></span></p><p class="rl-what-if-more" data-part="more"></p>'
        '<div class="rl-what-if-track" aria-hidden="true">'
        '<span class="rl-what-if-band"></span><span class="rl-what-if-range"></span><span class="rl-what-if-at"></span>'
        "</div></li>"
    ).format(words.html(name_key(model)))


def panel_data(panel: Panel, words: Words) -> dict[str, Any]:
    """Everything that the script needs: numbers, and the words to say them with."""
    what_if = panel.what_if
    low, high = panel.limits
    open_ends = {"low": "{low}", "high": "{high}"}
    claimed = {"claimed_low": panel.claimed[0], "claimed_high": panel.claimed[1]}
    return {
        "locale": str(words.formats.locale).replace("_", "-"),
        "money": [_money_frame(amount, words) for amount in (1.0, -1.0)],
        "level": what_if.level,
        "claimed": panel.claimed,
        "limits": panel.limits,
        "unprofitable": panel.unprofitable,
        "words": {
            "interval": words("whatif.interval", level=what_if.level, **open_ends),
            "money": words("whatif.money", gain="{gain}", **open_ends),
            "chance": words("whatif.chance", chance="{chance}", **claimed),
            "below": words("lift.chance_below", limit=low),
            "above": words("lift.chance_above", limit=high),
            "no_profit": words("lift.reason.no_profit"),
            "cannot_rise": words("lift.reason.cannot_rise"),
        },
        "offered": {
            name: {
                "values": getattr(what_if.offered, name),
                "labels": [words(each.key, **each.numbers) for each in panel.labels[name]],
            }
            for name in panel.labels
        },
        "times": _short(what_if.times),
        "quantities": [{"cost": each.is_cost, "joining": each.joining} for each in what_if.quantities],
        "models": [
            {"start": _start(panel, model), **_packed_streams(streams)} for model, streams in what_if.by_model.items()
        ],
    }


def _money_frame(amount: float, words: Words) -> str:
    """How an amount is written, with a place for its digits."""
    return words.formats.cents(amount).replace(words.formats.decimal2(1), "{number}")


def _start(panel: Panel, model: str) -> dict[str, Any]:
    """The configured setting as the report has it, so that rounding cannot tell the two apart."""
    lift = panel.start[model]
    ends = {
        name: None if each is None else (each.estimate, each.lower, each.upper)
        for name, each in (("lift", lift.lift), ("gain", lift.gain))
    }
    reason = None if lift.reason is None else lift.reason.rpartition(".")[2]
    return {**ends, "chance": panel.chances[model], "reason": reason}


def _packed_streams(streams: ReducedStreams) -> dict[str, Any]:
    fit, *components = streams.components
    return {
        "gains": streams.gains,
        "largest": streams.largest_gain,
        "count": len(streams.draws),
        "fit": [_short(row) for row in fit.reshape(-1, fit.shape[-1])],
        "components": [packed(each.reshape(-1, each.shape[-1])) for each in components],
        "draws": packed(streams.draws.T),
    }


def packed(rows: np.ndarray) -> dict[str, Any]:
    """Rows as whole steps of a size of their own, 16 bits each, to about five digits of a row's largest number.

    >>> packed(np.array([[1.0, -0.5]]))
    {'sizes': [3.0518509e-05], 'steps': '/38AwA=='}
    """
    sizes = [float(f"{size:.8g}") for size in np.abs(rows).max(axis=1, initial=0.0) / LARGEST_STEP]
    steps = np.rint(rows / np.where(np.array(sizes) > 0, sizes, 1.0)[:, None])
    whole = np.clip(steps, -LARGEST_STEP, LARGEST_STEP).astype("<i2")
    return {"sizes": sizes, "steps": base64.b64encode(whole.tobytes()).decode("ascii")}


def _short(numbers: np.ndarray) -> list[float]:
    return [float(f"{number:.7g}") for number in numbers]
