"""The lift of the named reading at other margins, discount rates, horizons and gains, in numbers that fit on a page.

Profit is linear in margin and in what customers do, and a discount rate or a horizon only weighs what they do over
time. So for every posterior draw it is enough to know the streams of value and cost over time, before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.interval import Interval
from analysis.models.results import PurchaseResult, SpendResult
from analysis.value.base_grid import base_grid
from analysis.value.lift import MAY_BE_UNPROFITABLE
from analysis.value.readings import Choice, named_choice
from analysis.value.results import RetentionLift
from analysis.value.what_if_streams import (
    QUANTITIES,
    Quantity,
    ReducedStreams,
    Streams,
    gain_steps,
    reduced,
    streams_of,
)
from analysis.value.worlds import Market

if TYPE_CHECKING:
    from analysis.config import Config
    from analysis.data import CustomerSummary

MARGINS = tuple(step / 100 for step in range(1, 101))
DISCOUNT_RATES = tuple(step / 100 for step in range(31))
HORIZONS = (0.25, 0.5, *range(1, 11), 15, 20, 30, 50, 100)
SHORTEST_HORIZON, LONGEST_HORIZON = 1.0, 10.0
NODES = (10, 3)


class Setting(NamedTuple):
    """What the reader moves.

    Attributes
    ----------
    gross_margin
        Share of an order's value that is left.
    annual_discount_rate
        By how much money a year later counts less [share].
    horizon_years
        How far ahead profit counts; one of ``WhatIf.offered.horizon_years``.
    gain
        By how much first-year retention rises, in the sense of the reading.
    """

    gross_margin: float
    annual_discount_rate: float
    horizon_years: float
    gain: float


class Offered(NamedTuple):
    """The settings that the reader can choose from, each rising and with the configured one."""

    gross_margin: tuple[float, ...]
    annual_discount_rate: tuple[float, ...]
    horizon_years: tuple[float, ...]
    gain: tuple[float, ...]


@dataclass(frozen=True)
class WhatIf:
    """The lift of one reading as a function of four settings.

    Attributes
    ----------
    choice
        The reading; its gain and horizon are those configured.
    start, offered
        The configured setting, and those that can be chosen.
    level
        Level of the intervals.
    times
        Nodes of time [years], the first one now.
    quantities
        What profit is made of.
    by_model
        Purchase model -> its streams.
    largest_error
        By how much what the reduced streams leave out moves an estimate or an end of an interval [share of the
        interval's width], at most, at ``compared`` settings.
    compared
        Number of settings at which the lift was also computed from all that the draws say.
    """

    choice: Choice
    start: Setting
    offered: Offered
    level: float
    times: np.ndarray = field(repr=False)
    quantities: tuple[Quantity, ...]
    by_model: Mapping[str, ReducedStreams]
    largest_error: float = 0.0
    compared: int = 0

    def profits(self, model: str, setting: Setting) -> tuple[np.ndarray, np.ndarray] | None:
        """Profit before and the gain in it [currency], at the fit and then by draw; None beyond the largest gain."""
        return self._profits(self.by_model[model], setting)

    def lift(self, model: str, setting: Setting) -> Interval | None:
        """Relative change of profit; None where profit before may be zero or less or retention cannot rise so far."""
        return self._lift(self.by_model[model], setting)

    def _profits(self, streams: Streams | ReducedStreams, setting: Setting) -> tuple[np.ndarray, np.ndarray] | None:
        if setting.gain > streams.largest_gain:
            return None
        weights = [
            (-1.0 if each.is_cost else setting.gross_margin)
            * each.counts(self.times, setting.annual_discount_rate, setting.horizon_years)
            for each in self.quantities
        ]
        return streams.profits(np.array(weights), setting.gain)

    def _lift(self, streams: Streams | ReducedStreams, setting: Setting) -> Interval | None:
        if (found := self._profits(streams, setting)) is None:
            return None
        before, gain = found
        if before[0] <= 0 or np.mean(before[1:] <= 0) > MAY_BE_UNPROFITABLE:
            return None
        lifts = gain[before > 0] / before[before > 0]
        return Interval.around(lifts[0], lifts[1:], self.level)


def what_if(
    summary: CustomerSummary, purchase: PurchaseResult, spend: SpendResult, config: Config, lift: RetentionLift
) -> WhatIf | None:
    """The named reading's lift at other settings; None where the reading has no number at any of them.

    Parameters
    ----------
    lift
        The lift of the same results: it says how many customers join and how order values grow.
    """
    named, economics = named_choice(config), config.economics
    start = Setting(economics.gross_margin, economics.annual_discount_rate, named.horizon_years, named.gain)
    horizons = _horizons(start.horizon_years)
    choices = [replace(named, horizon_years=horizon) for horizon in horizons]
    market = Market(config, choices, lift.new_customers_per_year, lift.growth_per_year, NODES)
    if market.why_not(named):
        return None
    grid = base_grid(summary, config.model.time_unit)
    posteriors = {purchase.primary.model: purchase.posterior, **purchase.challenger_posteriors}
    with ThreadPoolExecutor(len(purchase.fits)) as pool:
        arguments = ((fit, posteriors[fit.model], spend, grid, market, named) for fit in purchase.fits)
        found = list(pool.map(lambda each: streams_of(*each), arguments))
    used = tuple(each for place, each in enumerate(QUANTITIES) if any(of.money[:, :, place].any() for of in found))
    if not used:  # no money comes in or goes out, at any setting
        return None
    times = np.append(0.0, market.line.times[1:] / market.year)
    offered = Offered(
        gross_margin=_with(MARGINS, start.gross_margin),
        annual_discount_rate=_with(DISCOUNT_RATES, start.annual_discount_rate),
        horizon_years=horizons,
        gain=_with(gain_steps(max(streams.largest_gain for streams in found)), start.gain),
    )
    found = {fit.model: streams.of(used) for fit, streams in zip(purchase.fits, found, strict=True)}
    by_model = {model: reduced(streams, used, market, times) for model, streams in found.items()}
    result = WhatIf(named, start, offered, market.level, times, used, by_model)
    settings = tuple(_compared(result))
    return replace(result, largest_error=_largest_error(result, found, settings), compared=len(settings))


def _largest_error(result: WhatIf, found: Mapping[str, Streams], settings: Iterable[Setting]) -> float:
    errors = [0.0]
    for setting, (model, streams) in product(settings, found.items()):
        whole, shown = result._lift(streams, setting), result.lift(model, setting)
        if whole and shown and whole.upper > whole.lower:
            moved = max(abs(getattr(whole, end) - getattr(shown, end)) for end in ("estimate", "lower", "upper"))
            errors.append(moved / (whole.upper - whole.lower))
    return max(errors)


def _compared(result: WhatIf) -> Iterator[Setting]:
    """The configured setting, and the ends of what is offered with some in between."""
    yield result.start
    spread = [[each[round(share * (len(each) - 1))] for share in (0.1, 0.25, 0.5, 1)] for each in result.offered]
    yield from (Setting(*each) for each in product(*spread))


def _horizons(configured: float) -> tuple[float, ...]:
    shortest, longest = min(SHORTEST_HORIZON, configured), max(LONGEST_HORIZON, configured)
    return _with((float(each) for each in HORIZONS if shortest <= each <= longest), configured)


def _with(values: Iterable[float], configured: float) -> tuple[float, ...]:
    """Rising settings with the configured one.

    >>> _with([0.1, 0.2], 0.15)
    (0.1, 0.15, 0.2)
    """
    return tuple(sorted({*values, configured}))
