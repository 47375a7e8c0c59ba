"""The customer summary: x, t_x, T and spend at the resolution of a day, by one definition wherever it is needed."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.data import expressions
from analysis.data.engine import Connection, Relation, close, literal, parquet_scan, run, scratch
from analysis.errors import DataError, UsageError, counted, shortened
from analysis.time import from_days, time_unit, to_days

STORED_AT_ONCE = 2_000_000
"""Customer-days up to which nothing has to be spared."""
TABLE = "customer_days"


@dataclass(eq=False)
class Days:
    """Customer-days: a table of a live DuckDB connection that becomes a Parquet file when it must outlive it.

    Attributes
    ----------
    path
        The Parquet file, once ``store`` was called; columns as in ``expressions.customer_days``.
    columns
        Type of every column in Ibis ().
    id_column, id_type
        What the source calls its customers; pandas' type of their ids, which are text here, or the ids by their text.
    connection
        The connection that holds the table, None once it is stored.
    """

    path: Path
    columns: dict[str, str]
    id_column: str = "customer_id"
    id_type: str | dict[str, Any] = "str"
    connection: Connection | None = field(repr=False, default=None, metadata={"stored": False})

    @property
    def has_discount(self) -> bool:
        return "discount" in self.columns

    @property
    def scan(self) -> str:
        return TABLE if self.connection else parquet_scan([self.path])

    def relation(self, connection: Connection) -> Relation:
        """The customer-days, on a connection."""
        return Relation(self.scan, self.columns, connection)

    @contextmanager
    def opened(self) -> Iterator[Relation]:
        """The customer-days, stored, on a connection of their own while the context is."""
        self.store()
        with scratch(self.path.parent) as connection:
            yield self.relation(connection)

    def store(self) -> None:
        """Write the table to ``path`` and let its connection go."""
        if self.connection is not None:
            unfinished = self.path.with_name(f"{self.path.name}-{os.getpid()}.unfinished")
            rows = f"(SELECT * FROM {TABLE} ORDER BY customer, day)"  # threads give them in any order
            self.connection.execute(
                f"COPY {rows} TO {literal(unfinished)} (FORMAT parquet, COMPRESSION lz4)"
            ).fetchall()
            unfinished.replace(self.path)
            close(self.connection, self.path.parent)
            self.connection = None

    def __getstate__(self) -> dict:
        self.store()
        return {**self.__dict__, "path": self.path.read_bytes()}

    def __setstate__(self, state: dict) -> None:
        folder = Path(tempfile.mkdtemp(prefix="rlab-"))
        path = folder / "days.parquet"
        path.write_bytes(state["path"])
        self.__dict__.update(state, path=path)
        self.owns(folder)

    def __deepcopy__(self, _: dict) -> Days:
        return self  # rows do not change, and the file lives as long as any copy

    def __copy__(self) -> Days:
        return self

    def owns(self, folder: Path) -> None:
        """A temporary folder that goes with the last reference to these."""
        weakref.finalize(self, _remove, folder, os.getpid())


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not in a process that was forked from it
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class CustomerSummary:
    """One row per customer, everything up to ``observation_end``, sorted by customer id (as text).

    Attributes
    ----------
    table
        customer_id (text), first_order and last_order (days), orders (occasions, the first included),
        frequency (orders - 1), recency_days (last - first order, 0 without a repeat order), T_days (observation_end -
        first order); with money also spent (refunds taken off) and mean_repeat_value (mean amount of the repeat
        occasions, NaN without one), spend_squares (sum of the squares of their amounts), odd_total, odd_orders,
        even_total and even_orders (amount and number of the first, third, ... and of the second, fourth, ... repeat
        occasion; not above two million customer-days without refunds). With the columns named, first_category and
        first_channel: those of the largest line of the first occasion's day. Of a summary that was handed over
        first_order, last_order and spent are not known.
    observation_end
        The last day that counts; None of a summary that was handed over.
    has_money
        Whether the money columns are there.
    id_column, id_type
        What the source calls its customers; pandas' type of their ids, or the ids by their text.
    """

    table: pd.DataFrame
    observation_end: dt.date | None
    has_money: bool
    id_column: str = "customer_id"
    id_type: str | dict[str, Any] = "str"

    @property
    def here(self) -> CustomerSummary:
        """Itself: its rows are in this process, unlike those of histories in an engine."""
        return self

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ids(self) -> pd.Index:
        """The customers' ids as they came, in the order of ``table``."""
        text, kind = self.table["customer_id"], self.id_type
        if isinstance(kind, str):
            return pd.Index(text.astype(kind), name=self.id_column)
        return pd.Index(list(map(kind.get, text)), name=self.id_column, tupleize_cols=False)

    def places(self, customers: pd.Series) -> np.ndarray:
        """Row of each customer in ``table``, -1 where there is none, shape (n,)."""
        return pd.Index(self.table["customer_id"].astype(str)).get_indexer(customers.astype(str))

    @property
    def collapsed(self) -> pd.DataFrame:
        """Histories for whoever counts them: each customer's own."""
        return self.table

    def predicted(self, found: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """Values of every row of ``collapsed`` by customer id."""
        return pd.DataFrame(found, index=self.ids)

    def frame(self, unit: str = "week") -> pd.DataFrame:
        """The summary by the customers' own ids, in lifetimes' columns and a few more.

        Returns
        -------
        DataFrame, index ids
            frequency (repeat orders), recency and T [unit], monetary_value (mean amount of the repeat orders; 0
            without one, as in lifetimes), and where they are known first_order, last_order, orders, spent and the
            further columns of ``table``.

        Raises
        ------
        UsageError
            For a unit that does not exist.
        """
        unit, table = time_unit(unit), self.table
        frame = {"frequency": table["frequency"]}
        frame |= {name: from_days(table[f"{name}_days"], unit) for name in ("recency", "T")}
        if self.has_money:
            frame["monetary_value"] = table["mean_repeat_value"].fillna(0.0)
        known = ("first_order", "last_order", "orders", "spent", *expressions.SPREAD, "first_category", "first_channel")
        frame |= {name: table[name] for name in known if name in table}
        return pd.DataFrame(frame).set_axis(self.ids, axis="index")

    @classmethod
    def from_arrow(
        cls, frame: pa.Table, end: dt.date, *, has_money: bool, id_column: str, id_type: str
    ) -> CustomerSummary:
        """A summary of the rows of ``expressions.described``, sorted by customer, which are gone afterwards."""
        table = frame.to_pandas(date_as_object=False, split_blocks=True, self_destruct=True)
        days = dict.fromkeys(("first_order", "last_order"), "datetime64[s]")
        return cls(table.astype(days), end, has_money, id_column, id_type)

    @classmethod
    def from_lifetimes(cls, frame: pd.DataFrame, unit: str) -> CustomerSummary:
        """A summary in lifetimes' own columns, whose unit of time must be named since the numbers do not tell it.

        Parameters
        ----------
        frame
            One row a customer, the index their ids: frequency, recency, T, and monetary_value where it is known
            (it is read for customers with a repeat order only).
        unit
            Of recency and T: ``day``, ``week``, ``month`` or ``year``.

        Raises
        ------
        InputRefused
            With every column that is missing and every kind of value that cannot be, with counts and examples.

        Examples
        --------
        >>> frame = pd.DataFrame({"frequency": [2, 0], "recency": [30.0, 0.0], "T": [39.0, 39.0]}, index=[17, 4])
        >>> CustomerSummary.from_lifetimes(frame, unit="week").frame("day")["T"].to_dict()
        {17: 273.0, 4: 273.0}
        >>> CustomerSummary.from_lifetimes(frame.assign(recency=[40.0, 0.0]), unit="week")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        analysis.errors.DataError: customer summary: recency is larger than T for 1 customer, such as 17; ...
        """
        if missing := [name for name in ("frequency", "recency", "T") if name not in frame]:
            listed = ", ".join(map(repr, frame.columns))
            advice = f"it has {listed}; a table of orders is read by `read_orders` first"
            raise UsageError(*(f"customer summary: there is no column {name!r}; {advice}" for name in missing))
        unit, money = time_unit(unit), "monetary_value" in frame
        given = ("frequency", "recency", "T", *(["monetary_value"] if money else []))
        numbers = frame[list(given)].apply(pd.to_numeric, errors="coerce").astype(float)
        if problems := list(_problems_in_summary(numbers)):
            raise DataError(*problems)
        frequency = numbers["frequency"].to_numpy().astype("int64")
        ids = frame.index.to_series().reset_index(drop=True)
        text, others = text_of_ids(ids)
        table = pd.DataFrame({"customer_id": text.astype("str"), "orders": frequency + 1})
        table["frequency"] = frequency
        table["recency_days"] = to_days(numbers["recency"].to_numpy(), unit)
        table["T_days"] = to_days(numbers["T"].to_numpy(), unit)
        if money:
            table["mean_repeat_value"] = np.where(frequency > 0, numbers["monetary_value"], np.nan)
        is_number = frame.index.dtype.kind in "iuf"
        id_type = str(frame.index.dtype) if is_number else others or "str"
        return cls(table, None, money, str(frame.index.name or "customer_id"), id_type)


def text_of_ids(ids: pd.Series) -> tuple[pd.Series, dict[str, Any]]:
    """Ids of a frame, as text where they are neither text nor numbers; then also the ids by their text.

    >>> text, ids = text_of_ids(pd.Series([True, (1, "x")]))
    >>> text.tolist(), ids
    (['True', "(1, 'x')"], {'True': True, "(1, 'x')": (1, 'x')})
    """
    if pd.api.types.infer_dtype(ids) in ("string", "integer", "floating", "mixed-integer-float", "categorical"):
        return ids, {}
    text = ids.map(str, na_action="ignore")
    known = ids.notna()
    return text, dict(zip(text[known], ids[known], strict=True))


def _problems_in_summary(numbers: pd.DataFrame) -> Iterator[str]:
    """What cannot be in a summary in lifetimes' columns; all numbers, NaN for what is none."""
    frequency, recency, age = (numbers[name] for name in ("frequency", "recency", "T"))
    wrong = {}
    for name in ("frequency", "recency", "T"):
        wrong[f"{name} is missing or no number"] = ~np.isfinite(numbers[name]), "every customer needs a finite one"
        wrong[f"{name} is negative"] = numbers[name] < 0, "zero or more is allowed"
    unnatural = np.isfinite(frequency) & (frequency % 1 != 0)
    wrong["frequency is no whole number"] = unnatural, "it counts the orders after the first"
    wrong["recency is larger than T"] = recency > age, "the last order cannot lie after the end"
    wrong["recency is above 0 with frequency == 0"] = (
        (frequency == 0) & (recency > 0),
        "without a repeat order the last one is the first; frequency must not count the first order",
    )
    same_day = "orders of one day are one; both are counted from the first order"
    wrong["recency is 0 with frequency above 0"] = (frequency > 0) & (recency == 0), same_day
    if "monetary_value" in numbers:
        unpaid = (frequency > 0) & ~(np.isfinite(numbers["monetary_value"]) & (numbers["monetary_value"] >= 0))
        needed = "customers with a repeat order need the mean amount of these"
        wrong["monetary_value is missing or negative"] = unpaid, needed
    wrong["the id stands more than once"] = numbers.index.duplicated(), "one row a customer is allowed"
    for found, (rows, allowed) in wrong.items():
        if count := int(np.sum(rows)):
            examples = ", ".join(shortened(repr(one)) for one in numbers.index[np.asarray(rows)][:3].tolist())
            yield f"customer summary: {found} for {counted(count, 'customer')}, such as {examples}; {allowed}"
    if len(numbers) == 0:
        yield "customer summary: there are no rows; at least one customer is needed"


def customer_summary(
    days: Days, rows: Relation, end: dt.date, *, has_money: bool, customers: Relation | None = None
) -> CustomerSummary:
    """The summary of everything up to ``end``, from the ``rows`` of ``days``; customers have an order by then.

    Spend in halves is left out of a table that is too large to be stored at once. ``customers`` are the table of
    those of ``expressions.customers`` where there is one, which goes.
    """
    found = customers or rows.then(expressions.customers, end)
    if run(rows.connection, f"SELECT count(*) FROM {rows.source}")[0][0] <= STORED_AT_ONCE:
        found = found.then(expressions.with_halves, rows, end)
    query = f"SELECT * FROM {found.then(expressions.described, has_money).source} ORDER BY customer_id"
    frame = rows.connection.sql(query).to_arrow_table()
    if customers:  # whose memory pandas needs
        run(rows.connection, f"DROP TABLE {customers.source}")
    return CustomerSummary.from_arrow(frame, end, has_money=has_money, id_column=days.id_column, id_type=days.id_type)
