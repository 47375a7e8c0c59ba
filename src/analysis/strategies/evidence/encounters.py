"""What customers met at their purchases: orders in time, their list value, and the share of it that was saved."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.data import Note, Transactions
from analysis.value.history import births_unknown, history

Amounts = Literal["paid", "list"]
DAYS_PER_WEEK = 7
FEWEST_REDEEMING = 50
"""Customers with a discount, below whom nothing is estimated."""
CONSTANT = 1e-6
NEARLY_ALL, ROUNDING = (0.01, 0.99), 0.005
"""A deal that is rounded to cents differs by so little for nearly all orders; who saves the same share has no gap."""
ABOVE_PRICE = 1 + 1e-6


@dataclass(frozen=True)
class Encounters:
    """A company's orders, by customer and day; arrays of shape (n,) unless stated.

    Attributes
    ----------
    customer
        Position in the customer summary.
    day
        Days since ``start``.
    paid, listed
        What the order brought, and its value at list prices [currency].
    saved
        Share of the list value that was saved; NaN where an order has no list value.
    first
        Row of each customer's first order, shape (customers,).
    count
        Orders of each customer, shape (customers,).
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
    first: np.ndarray
    count: np.ndarray
    start: dt.date
    end_day: int
    births_known: bool

    def __len__(self) -> int:
        return len(self.day)

    @property
    def mean_saved(self) -> float:
        """Share of the list value that all orders together saved."""
        listed = float(self.listed.sum())
        return float(1 - self.paid.sum() / listed) if listed > 0 else 0.0

    @property
    def redeeming(self) -> int:
        """Customers who saved something at least once."""
        return int(np.unique(self.customer[np.nan_to_num(self.saved) > 0]).size)

    @property
    def number(self) -> np.ndarray:
        """Number of each order in its customer's history, from 0."""
        return np.arange(len(self)) - np.repeat(self.first, self.count)

    def of_customers(self, chosen: np.ndarray) -> Encounters:
        """The orders of some customers, given as a mask over those with orders."""
        keep = np.repeat(chosen, self.count)
        count = self.count[chosen]
        columns = {name: getattr(self, name)[keep] for name in ("customer", "day", "paid", "listed", "saved")}
        return Encounters(
            **columns,
            first=np.cumsum(count) - count,
            count=count,
            start=self.start,
            end_day=self.end_day,
            births_known=self.births_known,
        )


def encounters_of(transactions: Transactions, amounts: Amounts = "paid") -> Encounters | Note:
    """Orders with the share of their list value that was saved, or why these data do not tell it.

    Parameters
    ----------
    amounts
        ``paid``: an amount is what was paid, so that the list value is amount plus discount. ``list``: an amount is
        the list value, from which the discount was taken.

    Returns
    -------
    Encounters or Note
        A Note ``evidence.reason.…`` where there is no money or no discount column, where discounts are negative or
        above the whole price, hardly any customer had one, or every order saved the same share.
    """
    if not transactions.has_money:
        return Note("evidence.reason.no_money")
    if not transactions.days.has_discount:
        return Note("evidence.reason.no_discount_column")
    found = encounters(_orders(transactions), transactions, amounts)
    return why_deals_say_nothing(found, amounts) or found


def encounters(orders: pd.DataFrame, transactions: Transactions, amounts: Amounts = "paid") -> Encounters:
    """Orders (customer, day, amount, discount; sorted by customer and day) as encounters."""
    amount, discount = orders["amount"].to_numpy(), orders["discount"].to_numpy()
    listed = amount + discount if amounts == "paid" else amount
    with np.errstate(invalid="ignore", divide="ignore"):
        saved = np.where(listed > 0, discount / listed, np.nan)
    customer = orders["customer"].to_numpy()
    first = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]]) if len(customer) else np.empty(0, dtype=int)
    return Encounters(
        customer=customer,
        day=(orders["day"].to_numpy().astype("datetime64[D]") - np.datetime64(transactions.observation_start)).astype(
            np.int64
        ),
        paid=listed - discount,
        listed=listed,
        saved=saved,
        first=first,
        count=np.diff(np.r_[first, len(customer)]),
        start=transactions.observation_start,
        end_day=(transactions.observation_end - transactions.observation_start).days,
        births_known=births_unknown(transactions) is None,
    )


def orders_without_deals(transactions: Transactions) -> Encounters:
    """Orders for questions that need no discount: everything is taken as bought at list price."""
    return encounters(_orders(transactions).assign(discount=0.0), transactions)


def why_deals_say_nothing(found: Encounters, amounts: Amounts = "paid") -> Note | None:
    """Why deals cannot be studied on these orders; None where they can."""
    saved = found.saved[np.isfinite(found.saved)]
    if negative := int((saved < -CONSTANT).sum()):
        return Note("evidence.reason.negative_discounts", {"orders": negative, "of": len(found)})
    if amounts == "list" and (above := int((saved > ABOVE_PRICE).sum())):
        return Note("evidence.reason.discount_above_price", {"orders": above, "of": len(found)})
    if found.redeeming < FEWEST_REDEEMING:
        return Note("evidence.reason.too_few_redeeming", {"customers": found.redeeming, "needed": FEWEST_REDEEMING})
    if np.ptp(np.quantile(saved, NEARLY_ALL)) < ROUNDING:
        return Note("evidence.reason.constant_discount", {"share": float(saved.mean())})
    return None


def observed_deal(transactions: Transactions, amounts: Amounts = "paid") -> float | None:
    """Share of the list value that all orders saved, also where deals cannot be studied; None where it is unknown."""
    if not (transactions.has_money and transactions.days.has_discount):
        return None
    found = encounters(_orders(transactions), transactions, amounts)
    return None if (np.nan_to_num(found.saved) < -CONSTANT).any() else found.mean_saved


def note_on_deep_deals(found: Encounters) -> Note | None:
    """Orders that saved more than they cost, which cannot be where amounts are list prices; None without any."""
    deep = int((found.saved > 0.5).sum())
    return Note("evidence.note.discount_above_amount", {"orders": deep, "of": len(found)}) if deep else None


def scores_of(found: Encounters, transactions: Transactions, scores: pd.DataFrame) -> np.ndarray:
    """A score for each order, in standard deviations of all scores, NaN where there is none, shape (n,).

    Parameters
    ----------
    scores
        Columns customer (the id), date, and score; several of a customer and day are averaged.
    """
    ids = transactions.summary.table["customer_id"].astype(str)
    position = scores["customer"].astype(str).map(pd.Series(np.arange(len(ids)), index=ids.to_numpy()))
    day = (pd.to_datetime(scores["date"]).to_numpy().astype("datetime64[D]") - np.datetime64(found.start)).astype(int)
    given = pd.DataFrame({"customer": position, "day": day, "score": scores["score"].astype(float)}).dropna()
    mean = given.groupby(["customer", "day"])["score"].mean()
    orders = pd.MultiIndex.from_arrays([found.customer.astype(float), found.day], names=["customer", "day"])
    aligned = mean.reindex(orders).to_numpy()
    spread = np.nanstd(aligned) if np.isfinite(aligned).any() else 0.0
    return (aligned - np.nanmean(aligned)) / spread if spread > CONSTANT else np.full(len(found), np.nan)


def _orders(transactions: Transactions) -> pd.DataFrame:
    discount = "discount" if transactions.days.has_discount else "CAST(0 AS DOUBLE) AS discount"
    with history(transactions) as (connection, occasions):
        query = f"SELECT customer, day, amount, {discount} FROM {occasions} ORDER BY customer, day"
        columns = connection.execute(query).fetchnumpy()
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
