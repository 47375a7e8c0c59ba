"""How far the tables beside the transactions fit these: ids of another system match nobody, and wrong days no order."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.config import LOYALTY_TABLES
from analysis.data.engine import parquet_scan, scratch
from analysis.data.loyalty_tables import TABLE_NAMES, LoyaltyTables
from analysis.data.orders import Orders
from analysis.words import Message

FEW = 0.5
"""Share of rows below which a table hardly fits."""


@dataclass(frozen=True)
class Match:
    """How far one table fits the transactions.

    Attributes
    ----------
    table
        Its key under ``strategies``.
    rows, fitting
        Its rows; those that name a customer of the transactions and, where the table has days, a day of the data: of
        satisfaction the day of one of the customer's orders.
    customers, known, fitted
        Customers whom it names; those of them in the transactions; those with a row that fits. None without customers.
    first, last
        First and last day of the data.
    of_part
        Whether the transactions are one part of the data, so that most customers of a table may rightly not be there.

    Examples
    --------
    >>> first, last = dt.date(2025, 1, 6), dt.date(2025, 6, 29)
    >>> str(Match("customer_types", 10, 9, customers=10, known=9, fitted=9, first=first, last=last).note)
    'Rows in the file of customer types that fit the transactions: 9 of 10.'
    >>> str(Match("campaigns", 10, 1, customers=8, known=8, fitted=1, first=first, last=last).note).split(":")[0]
    'Rows in the file of campaigns that fall into the data (6 January 2025 to 29 June 2025)'
    """

    table: str
    rows: int
    fitting: int
    customers: int | None
    known: int | None
    fitted: int | None
    first: dt.date
    last: dt.date
    of_part: bool = False

    @property
    def is_few(self) -> bool:
        """Whether fewer than half of the rows fit; for a part of the data, none."""
        return self.fitting == 0 if self.of_part else self.fitting < FEW * self.rows

    @property
    def note(self) -> Message:
        """How much fits; where that is little, what does not."""
        counts = {name: getattr(self, name) for name in ("rows", "fitting", "known", "customers")}
        if not self.is_few:
            return Message(
                "Rows in the file of {table} that fit the transactions: {fitting:integer} of {rows:integer}.",
                table=TABLE_NAMES[self.table], **counts,
            )  # fmt: skip
        if self.customers is not None and self.known < FEW * self.customers:
            return Message(
                "Customers in the file of {table} who are in the transactions: {known:integer} of {customers:integer}, "
                "fewer than half, so the file says little here. Are the ids written in the same way in both files?",
                code="loyalty.few.ids", table=TABLE_NAMES[self.table], **counts,
            )  # fmt: skip
        if self.table == "satisfaction":
            return Message(
                "Satisfaction scores with the day of an order of the customer: {fitting:integer} of {rows:integer}, "
                "fewer than half (customers in the transactions: {known:integer} of {customers:integer}). The other "
                "scores cannot be used: a score belongs to the day of the order that it is about, not to that of the "
                "answer.",
                code="loyalty.few.order_days", **counts,
            )  # fmt: skip
        return Message(
            "Rows in the file of {table} that fall into the data ({first:date} to {last:date}): {fitting:integer} of "
            "{rows:integer}, fewer than half, so the file says little here. Are its days the right ones?",
            code="loyalty.few.days", table=TABLE_NAMES[self.table], first=self.first, last=self.last, **counts,
        )  # fmt: skip


def loyalty_matches(tables: LoyaltyTables, transactions: Orders, *, of_part: bool = False) -> tuple[Match, ...]:
    """How far each table that is there fits the transactions, which may be one part of the data (``data.part``)."""
    found = []
    for name in LOYALTY_TABLES:
        frame = getattr(tables, "arms" if name == "experiment" else name)
        if frame is not None:
            found.append(_match(name, frame, transactions, of_part=of_part))
    return tuple(found)


def scores_at_orders(satisfaction: pd.DataFrame, transactions: Orders) -> np.ndarray:
    """Which rows of satisfaction scores name a customer and a day with an order, shape (rows,)."""
    return _at_an_order(_positions(satisfaction, transactions), satisfaction["date"], transactions)


def _match(name: str, frame: pd.DataFrame, transactions: Orders, *, of_part: bool) -> Match:
    fits = np.ones(len(frame), dtype=bool)
    customers = known = None
    if "customer" in frame:
        positions = _positions(frame, transactions)
        fits = positions >= 0
        customers, known = frame["customer"].nunique(), frame["customer"][fits].nunique()
    if name == "satisfaction":
        fits = _at_an_order(positions, frame["date"], transactions)
    elif "start" in frame:
        first, last = (pd.Timestamp(day) for day in (transactions.observation_start, transactions.observation_end))
        fits = fits & (frame["end"] >= first).to_numpy() & (frame["start"] <= last).to_numpy()
    return Match(
        table=name,
        rows=len(frame),
        fitting=int(fits.sum()),
        customers=customers,
        known=known,
        fitted=None if customers is None else frame["customer"][fits].nunique(),
        first=transactions.observation_start,
        last=transactions.observation_end,
        of_part=of_part,
    )


def _positions(frame: pd.DataFrame, transactions: Orders) -> np.ndarray:
    """Position of every row's customer in the summary, -1 where there is none."""
    ids = transactions.histories.table["customer_id"].astype(str).to_numpy()
    return pd.Index(ids).get_indexer(frame["customer"].astype(str))


def _at_an_order(positions: np.ndarray, days: pd.Series, transactions: Orders) -> np.ndarray:
    answers = pd.DataFrame({"row": np.arange(len(days)), "customer": positions, "day": days.to_numpy()})
    with scratch(transactions.occasions.parent) as connection:
        connection.register("answers", answers)
        found = connection.execute(
            f"""SELECT "row" FROM answers SEMI JOIN {parquet_scan([transactions.occasions])} AS o
                ON answers.customer = o.customer AND CAST(answers.day AS DATE) = o.day"""
        ).fetchnumpy()["row"]
    fits = np.zeros(len(days), dtype=bool)
    fits[np.asarray(found, dtype=int)] = True
    return fits
