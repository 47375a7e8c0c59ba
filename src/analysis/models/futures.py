"""Simulated futures: what customers will order and spend, with everything that is uncertain about them.

One pass simulates every customer once under one posterior draw. So the sum of a pass over customers is a draw from
the predictive distribution of the total, and the passes of one customer are draws from that customer's own. Customers
are taken in chunks; a table of customers by passes is never stored as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from analysis.models.purchase import Orders, PurchaseModel

SINGLY = 32
"""Orders of one future that are valued one by one; the rest of a longer series by its mean and variance."""
CELLS_PER_CHUNK = 4_000_000
THREADS = 2


@dataclass(frozen=True)
class Terms:
    """How an order turns into value.

    Attributes
    ----------
    horizon
        Length of the future [time units].
    delta
        Continuous discount rate [per time unit].
    margin
        Share of an order's amount that is left after its direct costs.
    cost_per_order
        Further cost of each order [currency].
    """

    horizon: float
    delta: float
    margin: float
    cost_per_order: float


@dataclass(frozen=True)
class Spenders:
    """What is known of customers' spend, and its uncertainty.

    Attributes
    ----------
    frequency, mean_value
        Repeat orders and their mean value [currency], shape (n,); the value is 0 where it is unknown.
    expected
        Value of every order where no spend model is used, shape (n,); None with one.
    draws
        Gamma-Gamma parameters (p, q, v), shape (passes, 3); None without a model.
    """

    frequency: np.ndarray
    mean_value: np.ndarray
    expected: np.ndarray | None
    draws: np.ndarray | None

    def rows(self, chosen: slice) -> Spenders:
        expected = None if self.expected is None else self.expected[chosen]
        return Spenders(self.frequency[chosen], self.mean_value[chosen], expected, self.draws)


@dataclass(frozen=True)
class Chunk:
    """Futures of the customers in ``rows``.

    Attributes
    ----------
    rows
        Which customers.
    orders
        Orders within the horizon, shape (passes, customers of the chunk).
    value
        Discounted value [currency], same shape; None without money.
    """

    rows: slice
    orders: np.ndarray
    value: np.ndarray | None


def passes_for(customers: int, most: int = 2_000, least: int = 200, cells: float = 4e7) -> int:
    """How many passes are affordable: as many as ``cells`` simulated customers allow.

    >>> passes_for(2_357), passes_for(100_000), passes_for(1_000_000)
    (2000, 400, 200)
    """
    return int(np.clip(cells // max(customers, 1), least, most))


def simulate_futures(
    model: PurchaseModel, draws: np.ndarray, history, terms: Terms, spenders: Spenders | None, seed: int
) -> Iterator[Chunk]:
    """Chunks of customers with one future for each row of ``draws``.

    Parameters
    ----------
    draws
        Parameters of ``model``, shape (passes, k): one row a pass.
    history
        (frequency, recency, T) of customers, each of shape (n,).
    spenders
        Row-aligned with ``history``; None without money.
    seed
        The same seed gives the same futures, on any number of threads.
    """
    customers = len(history[0])
    edges = np.linspace(0, customers, -(-customers * len(draws) // CELLS_PER_CHUNK) + 1).astype(int)
    chunks = [slice(start, end) for start, end in pairwise(edges.tolist())]
    seeds = np.random.SeedSequence(seed).spawn(len(chunks))

    def simulate(rows: slice, source: np.random.SeedSequence) -> Chunk:
        part = tuple(np.asarray(column)[rows] for column in history)
        own = None if spenders is None else spenders.rows(rows)
        return _chunk(model, draws, part, terms, own, np.random.default_rng(source), rows)

    with ThreadPoolExecutor(THREADS) as pool:
        waiting = iter(zip(chunks, seeds, strict=True))
        running = [pool.submit(simulate, *job) for job in islice(waiting, THREADS)]
        while running:
            done = running.pop(0).result()
            running.extend(pool.submit(simulate, *job) for job in islice(waiting, 1))
            yield done


def _chunk(model, draws, history, terms: Terms, spenders, rng, rows: slice) -> Chunk:
    n = len(history[0])
    orders = np.zeros((len(draws), n), dtype=np.int32)
    value = None if spenders is None else np.zeros((len(draws), n))
    for number, draw in enumerate(draws):
        params = model.Params(*draw.tolist())
        alive = np.flatnonzero(rng.random(n) < model.p_alive(params, *history))
        future = model.draw_orders_while_alive(rng, params, terms.horizon, history[0][alive], history[2][alive])
        orders[number, alive] = future.count
        if value is not None:
            buys = future.count > 0
            future = Orders(*(part[buys] for part in future))
            value[number, alive[buys]] = _value(rng, future, terms, spenders, alive[buys], number)
    return Chunk(rows, orders, value)


def _value(rng, orders: Orders, terms: Terms, spenders: Spenders, who: np.ndarray, number: int) -> np.ndarray:
    if spenders.draws is None:
        return _discounted(rng, orders, terms, np.inf, 1 / np.maximum(spenders.expected[who], 1e-300))
    p, q, v = spenders.draws[number]
    x, m = spenders.frequency[who], spenders.mean_value[who]
    scale = rng.standard_gamma(p * x + q) / (v + x * m)
    return _discounted(rng, orders, terms, p, scale)


def _discounted(rng, orders: Orders, terms: Terms, shape: float, scale: np.ndarray) -> np.ndarray:
    """Discounted value of each series; an order is Gamma(shape, scale), or exactly 1 / scale for infinite shape."""
    anywhere = orders.count - orders.last_at_end
    singly = np.minimum(anywhere, SINGLY)
    whose = np.repeat(np.arange(singly.size), singly)
    times = rng.random(whose.size) * orders.span[whose]
    earned = np.exp(-terms.delta * times) * _earned(rng, terms, shape, scale[whose])
    value = np.zeros(singly.size)
    np.add.at(value, whose, earned)
    last = np.flatnonzero(orders.last_at_end)
    value[last] += np.exp(-terms.delta * orders.span[last]) * _earned(rng, terms, shape, scale[last])
    rest = np.flatnonzero(anywhere > SINGLY)
    if rest.size:
        value[rest] += _many(rng, anywhere[rest] - SINGLY, orders.span[rest], terms, shape, scale[rest])
    return value


def _earned(rng, terms: Terms, shape: float, scale: np.ndarray) -> np.ndarray:
    amount = 1 / scale if np.isinf(shape) else rng.standard_gamma(shape, scale.size) / scale
    return terms.margin * amount - terms.cost_per_order


def _many(rng, count, span, terms: Terms, shape: float, scale) -> np.ndarray:
    """Sum of ``count`` discounted orders at uniform times, as a normal variate with its exact mean and variance."""
    rate = terms.delta * span
    with np.errstate(invalid="ignore", divide="ignore"):
        first = np.where(rate > 1e-12, -np.expm1(-rate) / rate, 1.0)
        second = np.where(rate > 1e-12, -np.expm1(-2 * rate) / (2 * rate), 1.0)
    mean_amount = 1 / scale if np.isinf(shape) else shape / scale
    variance = 0.0 if np.isinf(shape) else terms.margin**2 * shape / scale**2
    earned = terms.margin * mean_amount - terms.cost_per_order
    spread = second * (variance + earned**2) - (first * earned) ** 2
    noise = rng.standard_normal(count.size)
    return count * first * earned + np.sqrt(np.maximum(count * spread, 0)) * noise
