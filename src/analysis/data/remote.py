"""Orders whose rows stay in the engine that holds them: PostgreSQL, Spark, or another that Ibis knows.

The expressions are those of ``expressions``; what comes here are counts: the ledger, days, distinct histories.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import NumericValue, Table

from analysis.config import Config, DatabaseSource, DataConfig, SparkSource
from analysis.data import expressions
from analysis.data.cleaning import Cleaned, cleaned
from analysis.data.database import database_url, parsed_url, told_without_secrets
from analysis.data.engine import Relation
from analysis.data.rows import engine_rows
from analysis.data.summary import CustomerSummary
from analysis.errors import USAGE, Problem, Unavailable, UsageError
from analysis.time import DAYS_PER, time_unit

MOST_SPENDERS = 1_000_000
"""Repeat customers up to which all come here for a spend model; above it a sample of so many."""
MOST_HERE = 5_000_000
"""Customers up to whom one row of each is brought here by what looks at each of them."""
PRIME = 1_000_003
UNREAD = "the table could not be read"
LOCAL = ("duckdb", "polars", "datafusion")
"""Engines of Ibis that work in this process."""


def configured_table(config: Config) -> Table | None:
    """The table of the configured source where the work can stay in its engine, else None.

    Raises
    ------
    UsageError
        When the engine is away, refuses the password or lacks the table, or cannot start.
    """
    source = config.data.transactions
    if isinstance(source, SparkSource):
        path = source.spark if "://" in source.spark else str(config.folder / source.spark)
        with told_without_secrets(UNREAD):
            return _spark().read_parquet(path)
    if not isinstance(source, DatabaseSource) or source.table is None:
        return None
    url = database_url(source)
    if not url.startswith("postgres"):
        return None
    *schema, name = source.table.split(".")
    with told_without_secrets(UNREAD, url):
        parsed = parsed_url(url)
        connection = ibis.postgres.connect(**parsed.translate_connect_args(username="user"), **parsed.query)
        return connection.table(name, database=".".join(schema) or None)


def _spark() -> Any:
    """The session that there is, or a new one on this machine."""
    if find_spec("pyspark") is None:
        raise UsageError('transactions: Spark is not installed; run: pip install "retention-lab[spark]"')
    if not (os.environ.get("JAVA_HOME") or os.environ.get("SPARK_REMOTE") or shutil.which("java")):
        raise UsageError("transactions: Spark needs Java, which is missing; run: sudo apt-get install openjdk-17-jre")
    from pyspark.sql import SparkSession

    return ibis.pyspark.connect(SparkSession.builder.appName("retention-lab").getOrCreate())


def is_remote(table: Any) -> bool:
    """Whether a table's rows are elsewhere."""
    return isinstance(table, Table) and table.get_backend().name not in LOCAL


@dataclass(frozen=True)
class InEngine:
    """Rows that an engine computes when they are asked for; ``table`` is the Ibis table, ``ids`` its column of ids."""

    table: Table
    ids: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    def to_frame(self) -> pd.DataFrame:
        """All rows here, by customer id."""
        return self.table.to_pandas().set_index(self.ids).sort_index()

    def __repr__(self) -> str:
        return f"<InEngine: {', '.join(self.table.columns)}; to_frame() brings the rows here>"


@dataclass(frozen=True, repr=False)
class RemoteOrders(Cleaned):
    """A company's transactions, cleaned where they are.

    Attributes
    ----------
    rows, days
        Ibis tables: the rows that count, as ``expressions`` takes them; customer-days.
    ledger, daily, rows_read, rows_used, customers, orders, observation_start, observation_end, has_money, currency
        As of ``Orders``.
    notes, left_truncation
        As of ``Orders``.
    id_column
        What the source calls its customers.
    """

    rows: Table
    days: Table
    id_column: str

    @cached_property
    def histories(self) -> RemoteHistories:
        """What models take."""
        return RemoteHistories(self)

    @property
    def lines(self) -> Table:
        """Lines of purchases with what is known of them, see ``expressions.lines``."""
        return expressions.lines(self.rows)

    @cached_property
    def occasions(self) -> Table:
        """Purchase occasions, see ``expressions.occasions``, computed once."""
        found = expressions.occasions(self.days, self.observation_end)
        return Relation.of_table(found).stored("occasions").source

    def summary(self, unit: str = "week", until: dt.date | str | None = None) -> InEngine:
        """The customer summary as a table of the engine, in the columns of ``Orders.summary`` and that of the ids."""
        days = DAYS_PER[time_unit(unit)]
        found = expressions.in_floats(expressions.summary(self.days, self.last_day(until)))
        columns = {self.id_column: found.customer, "frequency": found.frequency}
        columns |= {name: found[f"{name}_days"].cast("float64") / days for name in ("recency", "T")}
        if self.has_money:
            columns["monetary_value"] = mean_repeat_value(found)
        further = ("first_order", "last_order", "orders", *(("spent", *expressions.SPREAD) if self.has_money else ()))
        further += tuple(name for name in ("first_category", "first_channel") if name in found.columns)
        return InEngine(found.select(**columns, **{name: found[name] for name in further}), self.id_column)

    def spending(self, most: int = MOST_SPENDERS, seed: int = 1) -> pd.DataFrame:
        """What a spend model takes: one row a repeat customer, and one for all orders of the others.

        Above ``most`` repeat customers it is a seeded sample of about so many, with as large a share of the orders of
        the others: a mean of their order values then has the relative error s / sqrt(most), with s their coefficient of
        variation, which is below a thousandth for s < 1.

        Returns
        -------
        DataFrame
            frequency, monetary_value, spend_squares, orders, spent. The row of the others has frequency 0.
        """
        if not self.has_money:
            raise Unavailable("The data hold no amounts, so there is no spend to model.")
        found = expressions.summary(self.days, self.observation_end)
        repeat, rest = found.filter(found.frequency > 0), found.filter(found.frequency == 0)
        many = repeat.count().to_pyarrow().as_py()
        if many > most:
            # By arithmetic and not by the engine's own sample: the same customers on every engine and in every run.
            cents = (repeat.repeat_total * 100).round().cast("int64") % PRIME
            mixed = (cents * 48_271 + repeat.T_days * 7_919 + repeat.recency_days * 104_729 + seed * 611_953) % PRIME
            repeat = repeat.filter(mixed < int(PRIME * most / many))
        repeat = expressions.in_floats(repeat)
        names = ["frequency", "repeat_total", "spend_squares", "orders", "spent"]
        frame = repeat.order_by(repeat.customer.cast("string")).select(*names).to_pandas()
        others = rest.aggregate(orders=rest.count(), spent=rest.spent.sum()).to_pyarrow().to_pylist()[0]
        if others["orders"]:
            share = len(frame) / many if many else 1.0
            values = [0, 0.0, 0.0, others["orders"] * share, float(others["spent"]) * share]
            frame = pd.concat([frame, pd.DataFrame([values], columns=names)], ignore_index=True)
        frame.insert(1, "monetary_value", frame.pop("repeat_total") / frame["frequency"].clip(lower=1))
        return frame

    def _computed(self, expression: Callable[..., Table]) -> pd.DataFrame:
        return Relation.of_table(self.days).then(expression, self.observation_end).frame()


def mean_repeat_value(found: Table) -> NumericValue:
    """Mean of a customer's repeat orders, 0 without one, from a summary with its money in floating point."""
    return (found.repeat_total / ibis.greatest(found.frequency, 1).cast("float64")).coalesce(0.0)


@dataclass(frozen=True)
class RemoteHistories:
    """Customers' histories in an engine: here are the distinct ones with their weights.

    ``table`` and ``ids`` are as of ``CustomerSummary``: they bring one row a customer here, up to ``MOST_HERE``.
    """

    orders: RemoteOrders

    @property
    def has_money(self) -> bool:
        return self.orders.has_money

    @property
    def observation_end(self) -> dt.date:
        return self.orders.observation_end

    def __len__(self) -> int:
        return self.orders.customers

    @cached_property
    def here(self) -> CustomerSummary:
        """One row a customer, in this process.

        Raises
        ------
        Unavailable
            Of more than ``MOST_HERE`` customers.
        """
        if len(self) > MOST_HERE:
            raise Unavailable(
                "{customers:integer} customers stay in their engine, so that nothing that looks at each of them is "
                "computed here; that is done for up to {most:integer}. `orders.summary().to_frame()` brings them here "
                "where they fit into memory.",
                customers=len(self), most=MOST_HERE,
            )  # fmt: skip
        kind = self.customers.customer.type()
        return CustomerSummary.from_arrow(
            expressions.described(self.customers, self.has_money).to_pyarrow().sort_by("customer_id"),
            self.observation_end,
            has_money=self.has_money,
            id_column=self.orders.id_column,
            id_type=str(kind) if kind.is_integer() else "str",
        )

    @property
    def table(self) -> pd.DataFrame:
        return self.here.table

    @property
    def ids(self) -> pd.Index:
        return self.here.ids

    def places(self, customers: pd.Series) -> np.ndarray:
        return self.here.places(customers)

    @cached_property
    def customers(self) -> Table:
        """The summary in the engine."""
        return expressions.summary(self.orders.days, self.orders.observation_end)

    @cached_property
    def collapsed(self) -> pd.DataFrame:
        """Distinct histories: frequency, recency_days, T_days, customers and repeat_total [currency]."""
        found = expressions.in_floats(expressions.collapsed(self.customers)).to_pandas()
        return found.sort_values(list(expressions.HISTORY), ignore_index=True)

    def joined(self, found: Mapping[str, np.ndarray]) -> Table:
        """The summary with values of every row of ``collapsed`` joined back to its customers."""
        predicted = self.collapsed[list(expressions.HISTORY)].assign(**found)
        return expressions.joined(expressions.in_floats(self.customers), ibis.memtable(predicted))

    def predicted(self, found: Mapping[str, np.ndarray]) -> InEngine:
        """Values of every row of ``collapsed`` as a table of customers in the engine."""
        table, ids = self.joined(found), self.orders.id_column
        return InEngine(table.select(**{ids: table.customer}, **{name: table[name] for name in found}), ids)


def remote_orders(table: Table, config: Config, label: str = "table", as_of: dt.date | None = None) -> RemoteOrders:
    """The orders in a table of an engine, by the same rules as those of files.

    An engine has types: dates must be dates or timestamps and amounts numbers. ``as_of`` overrides the configured
    ``observation_end``.

    Raises
    ------
    InputRefused
        With every problem found.
    """
    rows = engine_rows(table, config.data, label)
    end = as_of or config.data.observation_end
    found, counting, days, _ = cleaned(rows, config, end, _problems_in_settings(config.data))
    return RemoteOrders(**vars(found), rows=counting.source, days=days.source, id_column=rows.columns["customer"])


def _problems_in_settings(data: DataConfig) -> list[Problem]:
    """Keys that are about reading files."""
    names = ("date_format", "decimal", "delimiter", "encoding", "sheet", "skip_rows", "part")
    given = [name for name in names if getattr(data, name, None)]
    return [Problem(f"{name}: a table of an engine is typed; leave the key out", USAGE) for name in given]
