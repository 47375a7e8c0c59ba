"""Streams of money of every posterior draw, before and after a rise of retention, in as few numbers as they need.

Draws of one model differ in few directions: the streams of all draws are those at the fit plus a few components, as
many as keep every draw within ``TOLERANCE``, at most ``MOST_COMPONENTS``. Between the gains at which a change is known
it is a polynomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis.models.results import Posterior, PurchaseFit, SpendResult
from analysis.value.base_grid import BaseGrid
from analysis.value.leaving import NO_SHIFT, Shift
from analysis.value.lift import MAY_BE_UNPROFITABLE, most_draws, worlds
from analysis.value.readings import NEW_SCOPES, Choice
from analysis.value.streams import target_retention
from analysis.value.worlds import Market, World

TOLERANCE, MOST_COMPONENTS = 1e-3, 12
"""Largest error of a draw's value, cost and change of these, relative to the value at the fit."""
DISCOUNT_RATES = (0.0, 0.3)
"""Between these the tolerance holds."""
GAINS, GAIN_TOLERANCE = (4, 6, 8), 1e-4
"""How many gains the change is known at: as few as keep the change at the fit within this share of itself between."""
BETWEEN = (0.04, 0.3, 0.6, 0.95)
GAIN_STEP, LARGEST_GAIN = 0.005, 0.10
HIGHEST_RETENTION = 0.995


@dataclass(frozen=True)
class Quantity:
    """One sum of money over time that makes up profit.

    Attributes
    ----------
    is_cost
        Whether it is taken off as it is; otherwise the margin on it is earned.
    joining
        Whether its times are ages of customers who go on joining up to the horizon; otherwise times from now.
    """

    is_cost: bool
    joining: bool

    def counts(self, times: np.ndarray, annual_discount_rate: float, horizon_years: float) -> np.ndarray:
        """What one unit of money at each time [years] counts for today."""
        delta, left = np.log1p(annual_discount_rate), np.maximum(horizon_years - times, 0.0)
        counts = np.where(left > 0, np.exp(-delta * times), 0.0)
        if self.joining:
            counts = counts * (-np.expm1(-delta * left) / delta if delta else left)
        return counts


QUANTITIES = tuple(Quantity(is_cost, joining) for joining in (False, True) for is_cost in (False, True))


@dataclass(frozen=True)
class Streams:
    """The money of one model over time.

    Attributes
    ----------
    money
        By state of the world (the fit, then draws), then before and its change at ``gains``, by quantity of
        ``QUANTITIES`` and time, weighted for integration [currency].
    gains
        Gains at which the change is known; at zero it is zero unless zero is among them.
    largest_gain
        Beyond it retention cannot rise under every draw.
    """

    money: np.ndarray = field(repr=False)
    gains: tuple[float, ...]
    largest_gain: float

    def of(self, quantities: Sequence[Quantity]) -> Streams:
        """The streams of some of the quantities."""
        places = [QUANTITIES.index(each) for each in quantities]
        return Streams(self.money[:, :, places], self.gains, self.largest_gain)

    def profits(self, weights: np.ndarray, gain: float) -> tuple[np.ndarray, np.ndarray]:
        """Profit before and the gain in it, at the fit and then by draw; ``weights`` by quantity and time."""
        money = np.einsum("njqt,qt->nj", self.money, weights)
        return money[:, 0], money[:, 1:] @ polynomial_weights(self.gains, gain)


@dataclass(frozen=True)
class ReducedStreams:
    """The same in fewer numbers.

    Attributes
    ----------
    components
        Streams at the fit, then the directions in which draws differ from it, shape (1 + components, 1 + gains,
        quantities, times).
    draws
        How far each draw lies in each direction, shape (draws, components).
    gains, largest_gain
        As in ``Streams``.
    """

    components: np.ndarray = field(repr=False)
    draws: np.ndarray = field(repr=False)
    gains: tuple[float, ...]
    largest_gain: float

    def profits(self, weights: np.ndarray, gain: float) -> tuple[np.ndarray, np.ndarray]:
        """As of ``Streams``."""
        money = np.einsum("kjqt,qt->kj", self.components, weights)
        money = np.vstack([money[:1], money[0] + self.draws @ money[1:]])
        return money[:, 0], money[:, 1:] @ polynomial_weights(self.gains, gain)


def streams_of(
    fit: PurchaseFit, posterior: Posterior, spend: SpendResult, grid: BaseGrid, market: Market, named: Choice
) -> Streams:
    """The streams of one model in every state of the world, for the draws that the lift of a reading rests on."""
    every = list(worlds(fit, posterior, spend, grid, market, most_draws(grid)))
    largest, kept = _largest_gain(every, named)
    gains = _enough_gains(every[0], named, largest)
    if market.paid(named):
        gains = (0.0, *gains)
    money = []
    for world in (each for each, is_kept in zip(every, kept, strict=True) if is_kept):
        before = _money(world, named, NO_SHIFT)
        changes = [_money(world, named, _shift(world, named, gain), paid=market.paid(named)) - before for gain in gains]
        money.append([before, *changes])
    return Streams(np.array(money), gains, largest)


def _enough_gains(at_fit: World, named: Choice, largest: float) -> tuple[float, ...]:
    """Chebyshev's places up to the largest gain, close enough for a polynomial through zero; none without a gain."""
    if largest == 0:
        return ()
    before = _money(at_fit, named, NO_SHIFT).sum(axis=-1)

    def change(gain: float) -> np.ndarray:
        return _money(at_fit, named, _shift(at_fit, named, gain)).sum(axis=-1) - before

    between = [largest * share for share in BETWEEN]
    known = [change(gain) for gain in between]
    for count in GAINS:
        gains = tuple((largest * (1 - np.cos(np.pi * np.arange(1, count + 1) / count)) / 2).tolist())
        changes = np.array([change(gain) for gain in gains])
        apart = [
            np.abs(polynomial_weights(gains, gain) @ changes - real) for gain, real in zip(between, known, strict=True)
        ]
        if (np.array(apart) <= GAIN_TOLERANCE * np.abs(known)).all():
            break
    return gains


def _shift(world: World, named: Choice, gain: float) -> Shift:
    return world.rise(replace(named, gain=gain))[1]


def _largest_gain(every: Sequence[World], named: Choice) -> tuple[float, list[bool]]:
    """The largest gain that every draw can have, or the configured one; and the worlds that can have it."""
    retention = np.array([world.rise(replace(named, gain=0.0))[0] for world in every])
    steps = gain_steps(max(LARGEST_GAIN, 2 * named.gain))
    targets = {gain: target_retention(retention, gain, named.gain_kind) for gain in steps}
    largest = max((gain for gain in steps if (targets[gain] < HIGHEST_RETENTION).all()), default=0.0)
    if named.gain > largest:
        kept = [world.rise(named)[1] is not None for world in every]
        if kept[0] and 1 - np.mean(kept[1:]) <= MAY_BE_UNPROFITABLE:
            return named.gain, kept
    return largest, [True] * len(every)


def gain_steps(largest: float) -> list[float]:
    """
    >>> gain_steps(0.012)
    [0.0, 0.005, 0.01]
    """
    return [round(step * GAIN_STEP, 6) for step in range(int(largest / GAIN_STEP + 1e-9) + 1)]


def polynomial_weights(gains: tuple[float, ...], gain: float) -> np.ndarray:
    """Weights of the changes at ``gains`` in the change at another gain, by Lagrange's formula.

    Where no gain of zero is among them, the change there is zero.

    >>> polynomial_weights((0.05, 0.1), 0.05)
    array([1., 0.])
    """
    nodes = gains if 0.0 in gains else (0.0, *gains)
    weights = [np.prod([(gain - other) / (node - other) for other in nodes if other != node]) for node in nodes]
    return np.array(weights[len(nodes) - len(gains) :])


def _money(world: World, named: Choice, shift: Shift, paid: float = 0.0) -> np.ndarray:
    """Each of ``QUANTITIES`` now and at each node, weighted for integration [currency]."""
    ledger, line, year = world.ledger, world.market.line, world.market.year
    weights = line.weights[max(line.weights)]
    growth = (1 + ledger.growth) ** (line.times[1:] / year) if named.margins == "growing" else 1.0
    won = ledger.acquisition_cost if named.profit != "contribution" else 0.0

    def of_group(who: str) -> np.ndarray:
        stream = world.stream(who, shift)
        costs = ledger.cost_per_order * stream.orders[1:] + paid * stream.customers[1:] / year
        return np.column_stack([np.zeros(2), weights * np.array([growth * stream.revenue[1:], costs])])

    money = np.zeros((len(QUANTITIES), line.times.size))
    money[:2] = of_group("new" if named.scope in NEW_SCOPES else "base")
    first = np.array([world.order_value, ledger.cost_per_order + won])
    if named.scope == "new_customer":
        money[:2, 0] = first
    if named.scope == "firm":
        joining = ledger.new_customers * year
        money[2:] = joining * of_group("new")
        money[2:, 0] = joining * first
        if named.profit == "after_fixed":
            money[3, 0] += ledger.fixed_costs * year
    return money


def reduced(streams: Streams, used: Sequence[Quantity], market: Market, times: np.ndarray) -> ReducedStreams:
    """As few components of the streams of the used quantities as keep every draw within the tolerance."""
    at_fit, apart = streams.money[0], streams.money[1:] - streams.money[0]
    # A cost counts by the value that pays for it at the configured margin.
    price = np.array([1 / market.ledger.margin if each.is_cost else 1.0 for each in used])[:, None]
    size = np.linalg.norm(at_fit * price, axis=(1, 2), keepdims=True)
    scale = np.where(size > 0, size, 1.0) / price
    left, strength, right = np.linalg.svd((apart / scale).reshape(len(apart), -1), full_matrices=False)
    right = right.reshape(-1, *at_fit.shape) * scale
    draws, rest, count = left * strength, apart, 0
    counts = [
        price * [each.counts(times, rate, horizon) for each in used]
        for rate in DISCOUNT_RATES
        for horizon in market.line.weights
    ]
    while (
        count < min(MOST_COMPONENTS, len(strength)) and max(_error(rest, at_fit, each) for each in counts) > TOLERANCE
    ):
        rest = rest - np.multiply.outer(draws[:, count], right[count])
        count += 1
    return ReducedStreams(
        np.concatenate([at_fit[None], right[:count]]), draws[:, :count], streams.gains, streams.largest_gain
    )


def _error(rest: np.ndarray, at_fit: np.ndarray, counts: np.ndarray) -> float:
    """Largest sum of what is left out, relative to the sum at the fit, before and for the change at each gain."""
    whole = np.abs(np.einsum("jqt,qt->jq", at_fit, counts)).max(axis=1)
    missing = np.abs(np.einsum("njqt,qt->njq", rest, counts)).max(axis=(0, 2))
    return float(np.max(missing / np.where(whole > 0, whole, np.inf)))
