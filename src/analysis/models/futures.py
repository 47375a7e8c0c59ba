"""Simulated futures: what customers will order and spend, with everything that is uncertain about them.

One pass simulates every customer once under one posterior draw. So the sum of a pass over customers is a draw from
the predictive distribution of the total, and the passes of one customer are draws from that customer's own. Customers
are taken in chunks; a table of customers by passes is never stored as a whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from analysis.models.fits import PurchaseFit
from analysis.models.patterns import Patterns, collapse
from analysis.models.purchase import PurchaseModel, SimulatedOrders
from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit

if TYPE_CHECKING:
    from analysis.data.summary import CustomerSummary  # with DuckDB, which whoever reads a value spares

SINGLY = 32
"""Orders of one future that are valued one by one; the rest of a longer series by its mean and variance."""
CELLS_PER_CHUNK = 4_000_000
MOST_SIMULATED, FEWEST_PASSES = 4e7, 200
"""Customers times passes that are affordable, and passes that are made in any case."""
THREADS = 2
GRID = 500
"""Moments over whose discounts within a season a mean is taken."""


@dataclass(frozen=True)
class Spenders:
    """What is known of customers' spend, and its uncertainty.

    Attributes
    ----------
    frequency, mean_value
        Repeat orders and their mean value over ``relative`` [currency], shape (n,); 0 where it is unknown.
    relative
        What a customer's order values are relative to: the model's are multiplied by it, shape (n,).
    expected
        Value of every order where the spend model has no draws [currency], shape (n,).
    draws
        p, q and v, shape (passes, 3); None of a model that has none.
    """

    frequency: np.ndarray
    mean_value: np.ndarray
    relative: np.ndarray
    expected: np.ndarray
    draws: np.ndarray | None

    def rows(self, chosen: slice) -> Spenders:
        columns = (self.frequency, self.mean_value, self.relative, self.expected)
        return Spenders(*(column[chosen] for column in columns), self.draws)


def spenders_of(histories: CustomerSummary, spend: SpendFit, passes: int) -> Spenders:
    """The customers of a summary with money, for so many passes."""
    x, mean = histories.table["frequency"].to_numpy(), histories.table["mean_repeat_value"].to_numpy(dtype=float)
    draws = None if spend.posterior is None else spend.posterior.draws[:passes]
    return Spenders(*spend.known(x, mean), spend.order_values(x, mean), draws)


@dataclass(frozen=True)
class Discount:
    """What money at a model time is worth now: exp(-delta t) at the calendar time t.

    Attributes
    ----------
    delta
        Continuous rate [per time unit of the calendar].
    calendar
        From model time to time by the calendar; None where both are the same.
    """

    delta: float
    calendar: Callable[[np.ndarray], np.ndarray] | None = None

    def at(self, time: np.ndarray) -> np.ndarray:
        return np.exp(-self.delta * (time if self.calendar is None else self.calendar(time)))

    def moments(self, span: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean of it, and of its square, over times that are uniform up to each span."""
        if self.calendar is None:
            decay = self.delta * span
            with np.errstate(invalid="ignore", divide="ignore"):
                first = np.where(decay > 1e-12, -np.expm1(-decay) / decay, 1.0)
                second = np.where(decay > 1e-12, -np.expm1(-2 * decay) / (2 * decay), 1.0)
            return first, second
        times = np.linspace(0, span.max(), GRID)
        now = self.at((times[1:] + times[:-1]) / 2)
        sums = (np.append(0.0, np.cumsum(now**power)) * times[1] for power in (1, 2))
        first, second = (np.interp(span, times, each) / np.maximum(span, 1e-300) for each in sums)
        return first, second


@dataclass(frozen=True)
class Forecast:
    """What a model or baseline forecast of each customer's orders in a window, beside what came.

    Attributes
    ----------
    name
        Of the model or baseline.
    mean
        Expected orders, shape (n,).
    log_probability
        Of what each customer did, shape (n,).
    below, at
        Probability of fewer orders than came, and of just as many, shape (n,).
    totals
        Simulated totals over customers, shape (passes,).
    money
        The same of their amounts [currency]; None without a spend model.
    """

    name: str
    mean: np.ndarray
    log_probability: np.ndarray
    below: np.ndarray
    at: np.ndarray
    totals: np.ndarray
    money: np.ndarray | None = None


def forecast(
    fit: PurchaseFit, patterns: Patterns, came: np.ndarray, after: dt.date, days: float, *, seed: int, most: int,
    spenders: Spenders | None = None,
) -> Forecast:  # fmt: skip
    """Forecast so many days after a day, in which customers ordered ``came``, shape (n,), with ``most`` passes."""
    model, horizon = MODELS[fit.model], float(fit.clock.ahead(days, after))
    mean = model.expected_purchases(fit.params, horizon, *patterns.history)[patterns.index]
    # Probabilities of distinct histories and outcomes alone: they are dear, and most customers share them.
    width = int(came.max(initial=0)) + 1
    code, of_customer = np.unique(patterns.index * width + came, return_inverse=True)
    rows, counts = np.divmod(code, width)
    probability = model.pmf(fit.params, horizon, *(part[rows] for part in patterns.history), counts)[of_customer]
    draws = fit.posterior.draws[: passes_for(patterns.customers, most=most)]
    below, at, totals, money = (np.zeros(size) for size in (len(came), len(came), len(draws), len(draws)))
    history = tuple(part[patterns.index] for part in patterns.history)
    for rows, orders, worth, _ in simulate_futures(model, draws, history, horizon, spenders=spenders, seed=seed):
        below[rows], at[rows] = (orders < came[rows]).mean(axis=0), (orders == came[rows]).mean(axis=0)
        totals += orders.sum(axis=1)
        money += 0.0 if worth is None else worth.sum(axis=1)
    known = np.log(np.maximum(probability, 1e-300))
    return Forecast(fit.model, mean, known, below, at, totals, None if spenders is None else money)


def passes_for(customers: int, most: int) -> int:
    """How many passes are affordable, ``most`` at most.

    >>> passes_for(2_357, 2_000), passes_for(100_000, 2_000), passes_for(1_000_000, 2_000)
    (2000, 400, 200)
    """
    return int(np.clip(MOST_SIMULATED // max(customers, 1), FEWEST_PASSES, most))


def simulate_futures(
    model: PurchaseModel,
    draws: np.ndarray,
    history,
    horizon: float,
    delta: float = 0.0,
    spenders: Spenders | None = None,
    seed: int = 1,
    calendar: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Iterator[tuple[slice, np.ndarray, np.ndarray | None, np.ndarray | None]]:
    """Chunks of customers with one future for each row of ``draws``.

    Parameters
    ----------
    draws
        Parameters of ``model``, shape (passes, k): one row a pass.
    history
        (frequency, recency, T) of customers, each of shape (n,).
    horizon, delta
        Length of the future [time units], and continuous discount rate [per time unit].
    spenders
        Row-aligned with ``history``; None without money.
    seed
        The same seed gives the same futures, on any number of threads.
    calendar
        From model time to time by the calendar, by which money is discounted; None where both are the same.

    Yields
    ------
    tuple
        Which customers; their orders within the horizon, shape (passes, customers of the chunk); the discounted value
        of these [currency] and their discounted number, same shape, None without money.
    """
    discount = Discount(delta, calendar)
    customers = len(history[0])
    edges = np.linspace(0, customers, -(-customers * len(draws) // CELLS_PER_CHUNK) + 1).astype(int)
    chunks = [slice(start, end) for start, end in pairwise(edges.tolist())]
    seeds = np.random.SeedSequence(seed).spawn(len(chunks))

    def simulate(rows: slice, source: np.random.SeedSequence):
        part = tuple(np.asarray(column)[rows] for column in history)
        own = None if spenders is None else spenders.rows(rows)
        return rows, *_simulated(model, draws, part, horizon, discount, own, np.random.default_rng(source))

    with ThreadPoolExecutor(THREADS) as pool:
        waiting = iter(zip(chunks, seeds, strict=True))
        running = [pool.submit(simulate, *job) for job in islice(waiting, THREADS)]
        while running:
            done = running.pop(0).result()
            running.extend(pool.submit(simulate, *job) for job in islice(waiting, 1))
            yield done


def _simulated(model, draws, history, horizon: float, discount: Discount, spenders, rng):
    """Orders of one future a pass, with money their discounted value and number."""
    n, alike = len(history[0]), collapse(*history)
    orders = np.zeros((len(draws), n), dtype=np.int32)
    amount, discounted = (None, None) if spenders is None else np.zeros((2, len(draws), n))
    for number, draw in enumerate(draws):
        params = model.Params(*draw.tolist())
        alive = np.flatnonzero(rng.random(n) < model.p_alive(params, *alike.history)[alike.index])
        future = model.draw_orders_while_alive(rng, params, horizon, history[0][alive], history[2][alive])
        orders[number, alive] = future.count
        if spenders is not None:
            buys = future.count > 0
            future, who = SimulatedOrders(*(part[buys] for part in future)), alive[buys]
            worth = _discounted(rng, future, discount, *_amounts(rng, spenders, who, number))
            amount[number, who], discounted[number, who] = worth
    return orders, amount, discounted


def _amounts(rng, spenders: Spenders, who: np.ndarray, number: int) -> tuple[float, np.ndarray]:
    """An order's amount is Gamma(shape, rate); for infinite shape it is exactly 1 / rate."""
    if spenders.draws is None:
        return np.inf, 1 / np.maximum(spenders.expected[who], 1e-300)
    p, q, v = spenders.draws[number]
    x, m = spenders.frequency[who], spenders.mean_value[who]
    return p, rng.standard_gamma(p * x + q) / ((v + x * m) * spenders.relative[who])


def _discounted(rng, orders: SimulatedOrders, discount: Discount, shape: float, rate: np.ndarray):
    """Discounted amount and discounted number of the orders of each series."""
    anywhere = orders.count - orders.last_at_end
    singly = np.minimum(anywhere, SINGLY)
    whose = np.repeat(np.arange(singly.size), singly)
    weight = discount.at(rng.random(whose.size) * orders.span[whose])
    # Of no orders at all there would be counts of whole numbers.
    amount = np.bincount(whose, weight * _drawn(rng, shape, rate[whose]), singly.size).astype(float)
    number = np.bincount(whose, weight, singly.size).astype(float)
    last = np.flatnonzero(orders.last_at_end)
    weight = discount.at(orders.span[last])
    amount[last] += weight * _drawn(rng, shape, rate[last])
    number[last] += weight
    rest = np.flatnonzero(anywhere > SINGLY)
    if rest.size:
        more = _many(rng, anywhere[rest] - SINGLY, discount.moments(orders.span[rest]), shape, rate[rest])
        amount[rest], number[rest] = amount[rest] + more[0], number[rest] + more[1]
    return amount, number


def _drawn(rng, shape: float, rate: np.ndarray) -> np.ndarray:
    return 1 / rate if np.isinf(shape) else rng.standard_gamma(shape, rate.size) / rate


def _many(rng, count, moments, shape: float, rate) -> tuple[np.ndarray, np.ndarray]:
    """As ``_discounted`` of many orders at uniform times: normal variates with their exact means and variances."""
    first, second = moments
    times, amounts = rng.standard_normal((2, count.size))
    number = count * first + np.sqrt(count * np.maximum(second - first**2, 0.0)) * times
    mean, variance = (1 / rate, 0.0) if np.isinf(shape) else (shape / rate, shape / rate**2)
    return mean * number + np.sqrt(count * second * variance) * amounts, number
