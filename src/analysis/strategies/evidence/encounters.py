"""What customers met at their purchases, what they expected of it, and the time until they ordered again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property

import ibis
import numpy as np
import pandas as pd

from analysis.data.expressions import in_floats
from analysis.data.orders import Orders
from analysis.errors import Unavailable
from analysis.value.history import by_customer, history, left_truncation
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
        What the order brought, and its value at list prices [currency], both without what was given back.
    saved
        Share of the list value that was saved, whatever was given back; NaN where an order has no list value.
    start, end_day
        First day of the window, and the number of its last one.
    births_known, deals_known
        Whether the first order in the data is the customer's first; and whether it is known what orders saved: else
        all are taken as bought at list price.
    """

    customer: np.ndarray
    day: np.ndarray
    paid: np.ndarray
    listed: np.ndarray
    saved: np.ndarray
    start: dt.date
    end_day: int
    births_known: bool
    deals_known: bool

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

    def where(self, rows: np.ndarray) -> Encounters:
        """Some of the orders."""
        kept = ("customer", "day", "paid", "listed", "saved")
        return replace(self, **{name: getattr(self, name)[rows] for name in kept})


def encounters_of(transactions: Orders) -> Encounters:
    """Orders with the share of their list value that was saved; the list value is what was paid plus the discount."""
    orders = occasions_of(transactions)
    paid, discount = orders["amount"].to_numpy(), orders["discount"].to_numpy()
    deals_known = transactions.has_money and transactions.days.has_discount and not (discount < 0).any()
    listed = paid + (discount if deals_known else 0.0)
    day = orders["day"].to_numpy().astype("datetime64[D]") - np.datetime64(transactions.observation_start)
    return Encounters(
        customer=orders["customer"].to_numpy(),
        day=day.astype(np.int64),
        paid=paid,
        listed=listed,
        saved=orders["saved"].to_numpy() if deals_known else np.where(listed > 0, 0.0, np.nan),
        start=transactions.observation_start,
        end_day=(transactions.observation_end - transactions.observation_start).days,
        births_known=left_truncation(transactions) is None,
        deals_known=deals_known,
    )


def refuse_without_deals(found: Encounters, transactions: Orders) -> None:
    """Why nothing can be said on deals: no money, no discounts or negative ones, hardly any, or the same for all."""
    if not transactions.has_money:
        raise Unavailable(
            "The data hold no amounts of money, so what a deal saves is unknown.", code="evidence.reason.no_money"
        )
    if not transactions.days.has_discount:
        raise Unavailable(
            "The data have no discount column (`data.columns.discount`), so nothing can be learned about deals.",
            code="evidence.reason.no_discount_column",
        )
    if not found.deals_known:
        raise Unavailable(
            "Some orders have a negative discount; discounts must be positive amounts.",
            code="evidence.reason.negative_discounts",
        )
    redeeming = np.unique(found.customer[found.saved > CONSTANT]).size
    if redeeming < FEWEST_REDEEMING:
        raise too_few("too_few_redeeming", Message("customers who ever had a discount"), redeeming, FEWEST_REDEEMING)
    if np.ptp(np.nanquantile(found.saved, NEARLY_ALL)) < ROUNDING:
        raise Unavailable(
            "Nearly every order saved the same share, so there is no better or worse deal to compare.",
            code="evidence.reason.constant_discount",
        )


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
    """All orders by customer and day, with the discount on what was not given back, 0 without one.

    Columns customer (place in the summary), day, amount, discount, saved (share of the list value, what was given back
    included; missing where there is none). What was wholly free and not given back keeps its discount.

    ``some`` are the places of those customers whose orders are read; None reads all.
    """
    with history(transactions) as bought:
        deal = ("discount", "gross") if "discount" in bought.columns else ()
        rows = bought.select("customer", "day", "amount", *deal)
        if some is not None:
            rows = rows.semi_join(ibis.memtable({"customer": some}), "customer")
        orders = by_customer(transactions, in_floats(rows.order_by("customer", "day")))
    if not deal:
        return orders.assign(discount=0.0)
    discount, gross = orders["discount"].fillna(0.0), orders.pop("gross")
    kept = (orders["amount"] / gross.where(gross > 0)).fillna(1.0)
    listed = gross + discount
    return orders.assign(discount=discount * kept, saved=1 - gross / listed.where(listed > 0))


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
    skipped, number = 0 if encounters.births_known else FORMING, encounters.number
    table = pd.DataFrame(
        {"day": encounters.day, "known": True if known is None else known, "listed": encounters.listed}
    )
    followed = table["known"].groupby(encounters.customer).cummin().groupby(encounters.customer)
    table = table.assign(known=followed.obj, until=table["day"].groupby(encounters.customer).shift(-1))
    size = np.log(table["listed"].where(table["listed"] > 0))
    table["basket"] = (size - size.groupby(encounters.customer).transform("mean")).fillna(0.0)
    used = followed.shift(fill_value=True) & (number >= skipped) & (followed.transform("sum") > skipped)
    table = table[used.to_numpy()]
    is_open = np.r_[np.diff(encounters.customer[table.index]) != 0, True]
    end = np.where(table["known"], encounters.end_day, table["day"])
    weeks = (np.where(is_open, end, table["until"]) - table["day"].to_numpy()) / DAYS_PER_WEEK
    return Intervals(table.index.to_numpy(), weeks, is_open, table["basket"].to_numpy())


def some_customers(encounters: Encounters, seed: int) -> np.ndarray:
    """Orders of all customers, or of as many at random as have about 150,000 together, as a mask of shape (n,)."""
    order = np.random.default_rng([seed, 41]).permutation(len(encounters.count))
    chosen = np.empty(len(order), dtype=bool)
    chosen[order] = np.cumsum(encounters.count[order]) <= MOST_ENCOUNTERS
    return np.repeat(chosen, encounters.count)


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
