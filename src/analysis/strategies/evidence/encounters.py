"""What customers met at their purchases, what they expected of it, and the time until they ordered again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property

import ibis
import numpy as np
import pandas as pd

from analysis.data import Orders
from analysis.errors import Unavailable
from analysis.value.history import history, left_truncation
from analysis.words import Message

DAYS_PER_WEEK = 7
FEWEST_REDEEMING = 50
"""Customers with a discount, below whom nothing is estimated."""
CONSTANT = 1e-6
NEARLY_ALL, ROUNDING = (0.01, 0.99), 0.005
"""A deal that is rounded to cents differs by so little for nearly all orders; who saves the same share has no gap."""
FORMING = 3
"""Orders that only form an expectation, where it is unknown what a customer had met before the data begin."""
MOST_ENCOUNTERS = 150_000
FEWEST_CLOSED = 200
INTERVALS = Message("times between two orders")
COLUMNS = ("customer", "day", "paid", "listed", "saved")


@dataclass(frozen=True)
class Encounters:
    """A company's orders, by customer and day; arrays of shape (n,) unless stated.

    Attributes
    ----------
    customer
        Position in the customer summary; a customer's orders stand together, in the order in which they came.
    day
        Days since ``start``.
    paid, listed
        What the order brought, and its value at list prices [currency].
    saved
        Share of the list value that was saved; NaN where an order has no list value.
    start, end_day
        First day of the window, and the number of its last one.
    births_known
        Whether the first order in the data is the customer's first.
    """

    customer: np.ndarray
    day: np.ndarray
    paid: np.ndarray
    listed: np.ndarray
    saved: np.ndarray
    start: dt.date
    end_day: int
    births_known: bool

    def __len__(self) -> int:
        return len(self.day)

    @cached_property
    def first(self) -> np.ndarray:
        """Row of each customer's first order, shape (customers,)."""
        return np.flatnonzero(np.diff(self.customer, prepend=-1))

    @cached_property
    def count(self) -> np.ndarray:
        """Orders of each customer, shape (customers,)."""
        return np.diff(self.first, append=len(self))

    @property
    def mean_saved(self) -> float:
        """Share of the list value that all orders together saved."""
        listed = float(self.listed.sum())
        return float(1 - self.paid.sum() / listed) if listed > 0 else 0.0

    @property
    def number(self) -> np.ndarray:
        """Number of each order in its customer's history, from 0."""
        return np.arange(len(self)) - np.repeat(self.first, self.count)

    def of_customers(self, chosen: np.ndarray) -> Encounters:
        """The orders of some customers, given as a mask over those with orders."""
        keep = np.repeat(chosen, self.count)
        return replace(self, **{name: getattr(self, name)[keep] for name in COLUMNS})


def encounters_of(transactions: Orders) -> Encounters:
    """Orders with the share of their list value that was saved; the list value is what was paid plus the discount.

    Raises
    ------
    Unavailable
        Where there is no money or no discount column, discounts are negative, hardly any customer had one, or every
        order saved the same share.
    """
    if not transactions.has_money:
        raise Unavailable(
            "The data hold no amounts of money, so what a deal saves is unknown.", code="evidence.reason.no_money"
        )
    if not transactions.days.has_discount:
        raise Unavailable(
            "The data have no discount column (`data.columns.discount`), so nothing can be learned about deals.",
            code="evidence.reason.no_discount_column",
        )
    found = encounters(occasions_of(transactions), transactions)
    saved = found.saved[np.isfinite(found.saved)]
    if (saved < -CONSTANT).any():
        raise Unavailable(
            "Some orders have a negative discount; discounts must be positive amounts.",
            code="evidence.reason.negative_discounts",
        )
    redeeming = np.unique(found.customer[np.nan_to_num(found.saved) > 0]).size
    if redeeming < FEWEST_REDEEMING:
        raise too_few("too_few_redeeming", Message("customers who ever had a discount"), redeeming, FEWEST_REDEEMING)
    if np.ptp(np.quantile(saved, NEARLY_ALL)) < ROUNDING:
        raise Unavailable(
            "Nearly every order saved the same share, so there is no better or worse deal to compare.",
            code="evidence.reason.constant_discount",
        )
    return found


def encounters(orders: pd.DataFrame, transactions: Orders) -> Encounters:
    """Orders (customer, day, amount, discount; sorted by customer and day) as encounters."""
    paid, discount = orders["amount"].to_numpy(), orders["discount"].to_numpy()
    listed = paid + discount
    with np.errstate(invalid="ignore", divide="ignore"):
        saved = np.where(listed > 0, discount / listed, np.nan)
    day = orders["day"].to_numpy().astype("datetime64[D]") - np.datetime64(transactions.observation_start)
    return Encounters(
        customer=orders["customer"].to_numpy(),
        day=day.astype(np.int64),
        paid=listed - discount,
        listed=listed,
        saved=saved,
        start=transactions.observation_start,
        end_day=(transactions.observation_end - transactions.observation_start).days,
        births_known=left_truncation(transactions) is None,
    )


def orders_without_deals(transactions: Orders) -> Encounters:
    """Orders for questions that need no discount: everything is taken as bought at list price."""
    return encounters(occasions_of(transactions).assign(discount=0.0), transactions)


def observed_deal(transactions: Orders) -> float | None:
    """Share of the list value that all orders saved, also where deals cannot be studied; None where it is unknown."""
    if not (transactions.has_money and transactions.days.has_discount):
        return None
    found = encounters(occasions_of(transactions), transactions)
    return None if (np.nan_to_num(found.saved) < -CONSTANT).any() else found.mean_saved


def scores_of(found: Encounters, transactions: Orders, scores: pd.DataFrame) -> np.ndarray:
    """A score for each order, in standard deviations of all scores, NaN where there is none, shape (n,).

    Parameters
    ----------
    scores
        Columns customer (the id), date, and score; several of a customer and day are averaged.

    Raises
    ------
    Unavailable
        Where no score belongs to an order, or all are the same.
    """
    place = transactions.histories.places(scores["customer"])
    day = pd.to_datetime(scores["date"]).to_numpy().astype("datetime64[D]") - np.datetime64(found.start)
    mean = scores["score"].astype(float).groupby([place, day.astype(int)]).mean()
    aligned = mean.reindex(pd.MultiIndex.from_arrays([found.customer, found.day])).to_numpy()
    if not np.isfinite(aligned).any():
        raise Unavailable(
            "No satisfaction score names a customer of these data and the day of an order.",
            code="evidence.reason.scores_elsewhere",
        )
    if (spread := np.nanstd(aligned)) <= CONSTANT:
        raise nothing_varies()
    return (aligned - np.nanmean(aligned)) / spread


def occasions_of(transactions: Orders, some: np.ndarray | None = None) -> pd.DataFrame:
    """All orders by customer and day: customer (place in the summary), day, amount, discount (0 without one).

    ``some`` are the places of those customers whose orders are read; None reads all.
    """
    with history(transactions) as bought:
        discount = bought.discount if "discount" in bought.columns else ibis.literal(0.0)
        rows = bought.select("customer", "day", "amount", discount=discount)
        if some is not None:
            rows = rows.semi_join(ibis.memtable({"customer": some}), "customer")
        return rows.order_by("customer", "day").to_pandas()


def expected_before(met, first, count, kappa: float, initial: float) -> np.ndarray:
    """Expectation that each encounter finds, E <- E + kappa (X - E), shape (n,).

    Parameters
    ----------
    met
        What was met at each encounter, sorted by customer and time, shape (n,); NaN where nothing was met, which
        leaves the expectation as it is.
    first, count
        Row of each customer's first encounter, and how many there are, shape (customers,).
    kappa
        Share of the gap by which the expectation moves.
    initial
        What a customer expects of the first encounter.

    Examples
    --------
    >>> expected_before(np.array([0.2, 0.0, 0.4]), np.array([0]), np.array([3]), 0.5, initial=0.0)
    array([0.  , 0.1 , 0.05])
    """
    expected = np.full(len(met), float(initial))
    by_length = np.argsort(-count, kind="stable")
    first, count = first[by_length], count[by_length]
    for step in range(int(count.max(initial=1)) - 1):
        row = first[: np.searchsorted(-count, -(step + 1))] + step
        gap = met[row] - expected[row]
        expected[row + 1] = expected[row] + kappa * np.where(np.isnan(gap), 0.0, gap)
    return expected


def gaps(met, first, count, kappa: float, initial: float) -> tuple[np.ndarray, np.ndarray]:
    """Surplus and shortfall of each encounter against its expectation, both at least 0 and of shape (n,).

    >>> surplus, shortfall = gaps(np.array([0.2, 0.0]), np.array([0]), np.array([2]), 0.5, initial=0.1)
    >>> surplus.round(3), shortfall.round(3)
    (array([0.1, 0. ]), array([0.  , 0.15]))
    """
    gap = np.nan_to_num(met - expected_before(met, first, count, kappa, initial))
    return np.maximum(gap, 0.0), np.maximum(-gap, 0.0)


@dataclass(frozen=True)
class Intervals:
    """Encounters and the time after each; arrays of shape (n,) unless stated.

    Attributes
    ----------
    row
        Row among the encounters that the expectation is formed on.
    weeks
        Time until the next order, or for a customer's last one until the end of the data.
    is_open
        Whether it is the customer's last one here; of no length where the customer is followed no further.
    basket
        Log of the order's list value less the customer's mean of it; 0 where an order has no list value.
    """

    row: np.ndarray
    weeks: np.ndarray
    is_open: np.ndarray
    basket: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def first(self) -> np.ndarray:
        """Row of each customer's first interval here, shape (customers,)."""
        return np.flatnonzero(np.r_[True, self.is_open][:-1])

    @cached_property
    def count(self) -> np.ndarray:
        """How many intervals each customer has here, shape (customers,)."""
        return np.diff(self.first, append=len(self))

    @property
    def closed(self) -> np.ndarray:
        """Closed intervals of each customer, shape (customers,)."""
        return self.count - 1

    def usual(self, values) -> np.ndarray:
        """Mean of each customer's values over closed intervals; over all closed ones where the customer has none, (n,).

        With the open interval in it, the mean of those who left, or order seldom, would tell that they did: it would
        be, or lean to, the one value whose outcome is asked for.
        """
        closed = np.where(self.is_open, 0.0, values)
        of_all = closed.sum() / max(int(self.closed.sum()), 1)
        own = np.add.reduceat(closed, self.first) / np.maximum(self.closed, 1)
        return np.repeat(np.where(self.closed > 0, own, of_all), self.count)

    def at_next(self, values, otherwise: float) -> np.ndarray:
        """The values of the encounter that ends each interval; ``otherwise`` where none does."""
        shifted = np.r_[values[1:], 0.0]
        return np.where(self.is_open, otherwise, shifted)

    def at_previous(self, values, otherwise: float) -> np.ndarray:
        """The values of the encounter before each; ``otherwise`` where there is none here."""
        shifted = np.r_[0.0, values[:-1]]
        shifted[self.first] = otherwise
        return shifted


def intervals_of(encounters: Encounters, known: np.ndarray | None = None) -> Intervals:
    """The intervals after each order; where births are unknown, after each but the first 3.

    Parameters
    ----------
    known
        Whether it is known what each encounter met, shape (n,). A customer is followed up to the first encounter of
        which it is not: it ends the interval before it, and an interval of no length after it says nothing. What is
        known may depend on everything up to an encounter, but not on what follows it.
    """
    skipped = 0 if encounters.births_known else FORMING
    number = encounters.number
    followed = encounters.count if known is None else _followed(encounters, known)
    length = np.minimum(followed + 1, encounters.count)
    length[followed <= skipped] = 0
    lengths = np.repeat(length, encounters.count)
    used = (number >= skipped) & (number < lengths)
    is_open = number == lengths - 1
    until = np.where(is_open, encounters.end_day, np.r_[encounters.day[1:], 0])
    until = np.where(number == np.repeat(followed, encounters.count), encounters.day, until)
    return Intervals(
        row=np.flatnonzero(used),
        weeks=((until - encounters.day) / DAYS_PER_WEEK)[used],
        is_open=is_open[used],
        basket=basket_size(encounters)[used],
    )


def _followed(encounters: Encounters, known: np.ndarray) -> np.ndarray:
    """Encounters of each customer before the first of which nothing is known, shape (customers,)."""
    number, count = encounters.number, encounters.count
    return np.minimum.reduceat(np.where(known, np.repeat(count, count), number), encounters.first)


def basket_size(encounters: Encounters) -> np.ndarray:
    """Log list value of each order less its customer's mean; 0 where an order has no list value."""
    known = encounters.listed > 0
    size = np.log(np.where(known, encounters.listed, 1.0))
    totals = np.add.reduceat(np.where(known, size, 0.0), encounters.first)
    means = totals / np.maximum(np.add.reduceat(known.astype(float), encounters.first), 1.0)
    return np.where(known, size - np.repeat(means, encounters.count), 0.0)


def some_customers(encounters: Encounters, seed: int) -> Encounters:
    """All customers, or as many at random as have about 150,000 orders together."""
    if len(encounters) <= MOST_ENCOUNTERS:
        return encounters
    order = np.random.default_rng([seed, 41]).permutation(len(encounters.count))
    chosen = np.zeros(len(encounters.count), dtype=bool)
    chosen[order[np.cumsum(encounters.count[order]) <= MOST_ENCOUNTERS]] = True
    return encounters.of_customers(chosen)


def nothing_varies() -> Unavailable:
    """Why gaps cannot be studied where everybody meets the same."""
    return Unavailable(
        "What orders met does not vary, so there is nothing to compare.", code="evidence.reason.nothing_varies"
    )


def too_few(code: str, what: Message, found: int, needed: int) -> Unavailable:
    """Why nothing can be said on so few of something.

    >>> print(too_few("too_few_left", Message("customers who left"), 3, 20))
    Too few customers who left: 3; at least 20 are needed.
    """
    return Unavailable(
        "Too few {what}: {found:integer}; at least {needed:integer} are needed.",
        code=f"evidence.reason.{code}", what=what, found=int(found), needed=needed
    )  # fmt: skip
