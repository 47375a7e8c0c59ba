"""What the what-if panel of notebook 04 holds: settings, what is taken for granted, and a table for every reader."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import name_key
from analysis.reporting.exhibits.readings import LARGEST_SAID, SMALLEST_SAID, probability
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.what_if import Panel
from analysis.reporting.words import Saying
from analysis.value.lift import CLAIMED, MAY_BE_UNPROFITABLE
from analysis.value.readings import horizons
from analysis.value.results import RetentionLift
from analysis.value.what_if import WhatIf

TABLE_GAINS = (0.5, 1.0, 2.0)
"""In the table, as multiples of the configured gain."""


def panel(what_if: WhatIf | None, lift: RetentionLift | Note) -> Panel | None:
    """The panel; None where the reading has no number at any setting."""
    if what_if is None or isinstance(lift, Note):
        return None
    return Panel(
        what_if=what_if,
        start=lift.named_lifts,
        chances={model: probability(each) for model, each in lift.named_lifts.items()},
        claimed=CLAIMED,
        limits=(SMALLEST_SAID, LARGEST_SAID),
        unprofitable=MAY_BE_UNPROFITABLE,
        labels=labels(what_if),
        remarks=remarks(what_if),
        table=table(what_if, lift),
    )


def labels(what_if: WhatIf) -> dict[str, list[Saying]]:
    """What each value of each setting is called."""
    offered, kind = what_if.offered, what_if.choice.gain_kind
    return {
        "gross_margin": _shares(offered.gross_margin),
        "annual_discount_rate": _shares(offered.annual_discount_rate),
        "horizon_years": [Saying("whatif.years", {"horizon": horizon}) for horizon in offered.horizon_years],
        "gain": [_gain(kind, gain) for gain in offered.gain],
    }


def _shares(values: tuple[float, ...]) -> list[Saying]:
    whole = all(math.isclose(100 * value, round(100 * value), abs_tol=1e-9) for value in values)
    key = "whatif.percent" if whole else "whatif.percent_exact"
    return [Saying(key, {"share": value}) for value in values]


def _gain(kind: str, gain: float) -> Saying:
    return Saying(f"whatif.gain.{kind}", {"gain": 100 * gain})


def remarks(what_if: WhatIf) -> list[Saying]:
    """The reading, what does not move, whose intervals these are, and how exact the page computes."""
    choice = what_if.choice
    reading = {
        name: Saying(f"reading.{name}.{getattr(choice, name)}")
        for name in ("scope", "shift", "profit", "margins", "keeping")
    }
    has_costs = any(each.is_cost for each in what_if.quantities)
    # Rounded up, so that what is said holds.
    share = max(1, math.ceil(100 * what_if.largest_error)) / 100
    return [
        Saying("whatif.reading", reading),
        Saying("whatif.costs" if has_costs else "whatif.no_costs"),
        Saying("whatif.models", {"level": what_if.level}),
        Saying("whatif.exact", {"settings": what_if.compared, "share": share}),
    ]


def table(what_if: WhatIf, lift: RetentionLift) -> Table:
    """The lift by gain and horizon under each model; a place is empty where there is no lift."""

    def found(model: str, gain: float, horizon: float) -> Interval | None:
        # At the configured gain the report has the lift at every horizon, and one number has one rounding.
        if gain == choice.gain:
            return lift.of(replace(lift.named, horizon_years=horizon), model).lift
        return what_if.lift(model, what_if.start._replace(gain=gain, horizon_years=horizon))

    choice, offered = what_if.choice, what_if.offered
    columns = [Column("column.rise_in_retention", "label"), Column("column.horizon", "years")]
    for model in what_if.by_model:
        columns += interval_columns(name_key(model), "percent", what_if.level)
    largest = max(streams.largest_gain for streams in what_if.by_model.values())
    gains = sorted({gain for each in TABLE_GAINS if (gain := round(each * choice.gain, 6)) <= largest} | {choice.gain})
    lengths = [each for each in horizons(choice.horizon_years) if each in offered.horizon_years]
    rows = [
        [
            _gain(choice.gain_kind, gain),
            horizon,
            *(found(model, gain, horizon) for model in what_if.by_model for _ in range(2)),
        ]
        for gain, horizon in product(gains, lengths)
    ]
    settings = {"margin": what_if.start.gross_margin, "rate": what_if.start.annual_discount_rate}
    return Table("table.what_if.caption", columns, rows, settings)
