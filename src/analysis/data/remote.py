"""Orders whose rows stay in the engine that holds them: PostgreSQL, Spark, or another that Ibis knows.

The expressions are those of ``expressions``; what comes here are counts: the ledger, days, distinct histories.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from ibis.expr.datatypes import Timestamp
from ibis.expr.types import NumericValue, StringValue, Table, Value

from analysis.config import Config, DatabaseSource, DataConfig, SparkSource
from analysis.data import expressions
from analysis.data.cleaning import Entry, Profile, ledger_frame
from analysis.data.database import database_url, parsed_url, redacted
from analysis.data.first_orders import FOLLOWED_DAYS, left_truncation_of
from analysis.data.meaning import EMPTY
from analysis.data.notes import STATUS, Outcome, Reason
from analysis.data.occasions import Days, entries_from
from analysis.data.policies import BIRTH_WINDOW_DAYS, UNCOUNTED, notes_on, quiet_end_of
from analysis.data.source import nearest_columns
from analysis.data.wording import counted
from analysis.errors import (
    USAGE,
    DataError,
    InputRefused,
    Problem,
    RetentionLabError,
    Unavailable,
    UsageError,
    is_full_disk,
    shortened,
)
from analysis.time import time_unit
from analysis.words import Message

MOST_SPENDERS = 1_000_000
"""Repeat customers up to which all come here for a spend model; above it a sample of so many."""
PRIME = 1_000_003
LARGEST = 10**12
"""Amounts are below it."""
REPEATS = "repeats of the row"
LOCAL = ("duckdb", "polars", "datafusion")
"""Engines of Ibis that work in this process."""
DAYS_OF_UNIT = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}


@contextmanager
def engine_errors(url: str = "") -> Iterator[None]:
    """What an engine says when it is away, refuses the password or lacks the table, without anything secret in it.

    Raises
    ------
    UsageError
        In place of the engine's own error.
    """
    try:
        yield
    except RetentionLabError:
        raise
    except Exception as error:
        if is_full_disk(error):
            raise
        reason = redacted(shortened(str(error).strip().split("\n", 1)[0], 300), url) if url else str(error)
        message = f"transactions: the table could not be read ({type(error).__name__}: {shortened(reason, 300)})"
        raise UsageError(message) from None


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
        with engine_errors():
            return _spark().read_parquet(path)
    if not isinstance(source, DatabaseSource) or source.table is None:
        return None
    url = database_url(source)
    if not url.startswith("postgres"):
        return None
    *schema, name = source.table.split(".")
    with engine_errors(url):
        parsed = parsed_url(url)
        connection = ibis.postgres.connect(
            user=parsed.username,
            password=parsed.password,
            host=parsed.host,
            port=parsed.port or 5432,
            database=parsed.database,
            **parsed.query,
        )
        return connection.table(name, database=".".join(schema) or None)


def _spark() -> Any:
    """The session that there is, or a new one on this machine."""
    if find_spec("pyspark") is None:
        raise UsageError('transactions: Spark is not installed; run: pip install "retention-lab[spark]"')
    if not (os.environ.get("JAVA_HOME") or os.environ.get("SPARK_REMOTE") or shutil.which("java")):
        raise UsageError("transactions: Spark needs Java, which is missing; run: sudo apt-get install openjdk-17-jre")
    from pyspark.sql import SparkSession

    return ibis.pyspark.connect(SparkSession.builder.appName("retention-lab").getOrCreate())


def orders_here(table: Table, config: Config, workdir: Path) -> tuple[RemoteOrders, Days]:
    """The orders of a configured table: rows are cleaned and summed up by day in the engine, these sums come here."""
    found, path = remote_orders(table, config), workdir / "days.parquet"
    batches = found.days.order_by(found.days.customer, found.days.day).to_pyarrow_batches()
    unfinished = path.with_name(f"{path.name}-{os.getpid()}.unfinished")
    with pq.ParquetWriter(unfinished, batches.schema, compression="lz4") as writer:
        for batch in batches:
            writer.write_batch(batch)
    unfinished.replace(path)
    customer, kinds = found.days.customer.type(), {name: str(kind) for name, kind in found.days.schema().items()}
    kinds["customer"] = "string"
    return found, Days(
        path, kinds, id_column=found.id_column, id_type=str(customer) if customer.is_integer() else "str"
    )


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
class RemoteOrders:
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
    ledger: pd.DataFrame
    daily: pd.DataFrame
    rows_read: int
    rows_used: int
    customers: int
    orders: int
    observation_start: dt.date
    observation_end: dt.date
    has_money: bool
    currency: str | None
    notes: tuple[Message, ...]
    left_truncation: Message | None
    id_column: str

    @cached_property
    def histories(self) -> RemoteHistories:
        """What models take."""
        return RemoteHistories(self)

    @property
    def lines(self) -> Table:
        """Lines of purchases with what is known of them, see ``expressions.lines``."""
        return expressions.lines(self.rows)

    def summary(self, unit: str = "week", until: dt.date | str | None = None) -> InEngine:
        """The customer summary as a table of the engine, in the columns of ``Orders.summary`` and that of the ids."""
        end = self.observation_end if until is None else pd.Timestamp(until).date()
        if not self.observation_start <= end <= self.observation_end:
            window = f"{self.observation_start} to {self.observation_end}"
            raise UsageError(f"until == {str(until)!r} lies outside the data; {window} is allowed")
        found, days = expressions.in_floats(expressions.summary(self.days, end)), DAYS_OF_UNIT[time_unit(unit)]
        columns = {self.id_column: found.customer, "frequency": found.frequency}
        columns |= {name: found[f"{name}_days"] / ibis.literal(days) for name in ("recency", "T")}
        if self.has_money:
            columns["monetary_value"] = mean_repeat_value(found)
        further = ("first_order", "last_order", "orders", *(MONEY_COLUMNS if self.has_money else ()))
        further += tuple(name for name in ("first_category", "first_channel") if name in found.columns)
        return InEngine(found.select(**columns, **{name: found[name] for name in further}), self.id_column)

    def spending(self, most: int = MOST_SPENDERS, seed: int = 1) -> pd.DataFrame:
        """What a spend model takes: one row a repeat customer, and one for all orders of the others.

        Above ``most`` repeat customers it is a seeded sample of about so many: a mean of their order values then has
        the relative error s / sqrt(most), with s their coefficient of variation, which is below a thousandth for s < 1.

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
            mixed = (cents * 48_271 + repeat.T_days * 7_919 + repeat.recency_days * 104_729 + seed) % PRIME
            repeat = repeat.filter(mixed < int(PRIME * most / many))
        repeat = expressions.in_floats(repeat)
        names = ["frequency", "repeat_total", "spend_squares", "orders", "spent"]
        frame = repeat.order_by(repeat.customer.cast("string")).select(*names).to_pandas()
        others = rest.aggregate(orders=rest.count(), spent=rest.spent.sum()).to_pyarrow().to_pylist()[0]
        if others["orders"]:
            values = [0, 0.0, 0.0, others["orders"], float(others["spent"])]
            frame = pd.concat([frame, pd.DataFrame([values], columns=names)], ignore_index=True)
        frame.insert(1, "monetary_value", frame.pop("repeat_total") / frame["frequency"].clip(lower=1))
        return frame

    def __repr__(self) -> str:
        return f"<RemoteOrders: {self.orders:,} orders of {self.customers:,} customers, {self.observation_end}>"


MONEY_COLUMNS = ("spent", "spend_squares", "odd_total", "odd_orders", "even_total", "even_orders")


def mean_repeat_value(found: Table) -> NumericValue:
    """Mean of a customer's repeat orders, 0 without one, from a summary with its money in floating point."""
    return (found.repeat_total / ibis.greatest(found.frequency, 1).cast("float64")).coalesce(0.0)


@dataclass(frozen=True)
class RemoteHistories:
    """Customers' histories in an engine: here are the distinct ones with their weights."""

    orders: RemoteOrders

    @property
    def has_money(self) -> bool:
        return self.orders.has_money

    @property
    def observation_end(self) -> dt.date:
        return self.orders.observation_end

    def __len__(self) -> int:
        return self.orders.customers

    @property
    def table(self) -> pd.DataFrame:
        raise Unavailable(
            "The customers stay in their engine, so that nothing that looks at each of them is computed here; "
            "`orders.summary().to_frame()` brings them here where they fit into memory."
        )

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


def remote_orders(table: Table, config: Config, label: str = "table") -> RemoteOrders:
    """The orders in a table of an engine, by the same rules as those of files.

    An engine has types: dates must be dates or timestamps and amounts numbers, and ids are taken as they stand but for
    blanks around them.

    Raises
    ------
    InputRefused
        With every problem found.
    """
    data, today = config.data, dt.datetime.now(dt.UTC).date()
    columns = data.columns.mapped()
    if problems := [*_problems_in_columns(table, columns, label), *_problems_in_settings(data)]:
        raise InputRefused(problems)
    single = _typed(table.group_by(*table.columns).agg(**{REPEATS: table.count()}), data)
    duplicates = UNCOUNTED if data.duplicates == "keep" and not data.count_duplicates else _repeated(single)
    dropping = data.duplicates == "drop" and duplicates > 0
    rows = single if dropping else _typed(table.mutate(**{REPEATS: ibis.literal(1, "int64")}), data)
    profile, unread = _profile(rows, today)
    currency, problems = _currency(rows, config, label)
    if problems := [*_problems_in_rows(profile, unread, duplicates, data, label), *problems]:
        raise InputRefused(problems)
    end, entries = data.observation_end or profile.last_date, list(profile.dropped)
    kept = rows.filter(rows.reason.isnull())
    start = data.observation_start or profile.first_day
    if dropping:
        again = kept.repeats - 1
        (line,) = _few(kept.aggregate(rows=expressions.whole(again.sum()), amount=(kept.money * again).sum()))
        entries.append(Entry(Outcome.DROPPED, Reason.DUPLICATE, line["rows"] or 0, line["amount"] or Decimal(0)))
    early_customers = 0
    if data.exclude_earlier:
        kept, entry, early_customers = _without_early(rows, kept, start, profile)
        entries.append(entry)
    counted_rows = _as_expressions_take_them(kept, profile, data)
    days = expressions.customer_days(counted_rows).cache()
    used, rows_left = _few(expressions.used_lines(days))[0], profile.rows - sum(entry.rows for entry in entries)
    if "refund" in days.columns:
        whole = _few(expressions.refunded_whole(days, end))[0]
        entries += entries_from(used, rows_left, whole, _few(expressions.refunds(days)))
    else:
        entries += entries_from(used, rows_left)
    daily, customers = _daily(days, start, end)
    if not customers:
        raise DataError(f"{label}: no customer has an order in the window")
    seen = expressions.first_seen(days, end, FOLLOWED_DAYS).to_pandas()
    seen["first"] = pd.to_datetime(seen["first"]).astype("datetime64[s]")
    setting = "known" if data.exclude_earlier else data.first_orders
    truncation, on_first_orders = left_truncation_of(seen, start, end, setting)
    quiet = quiet_end_of(daily, end)
    notes = notes_on(entries, duplicates, early_customers, profile, data)
    return RemoteOrders(
        rows=counted_rows,
        days=days,
        ledger=ledger_frame(entries),
        daily=daily,
        rows_read=profile.rows,
        rows_used=sum(entry.rows for entry in entries if entry.outcome != "dropped"),
        customers=customers,
        orders=int(daily["orders"].sum()),
        observation_start=start,
        observation_end=end,
        has_money="amount" in columns or "quantity" in columns,
        currency=currency,
        notes=(*notes, *on_first_orders, *((quiet,) if quiet else ())),
        left_truncation=truncation,
        id_column=columns["customer"],
    )


def _few(table: Table) -> list[dict[str, Any]]:
    return table.to_pyarrow().to_pylist()


def _problems_in_columns(table: Table, columns: Mapping[str, str], label: str) -> list[Problem]:
    """Columns that are not there, and those of a type that an engine does not compute with."""
    problems, schema = [], table.schema()
    expected = {
        "date": ("a date or a timestamp", lambda kind: kind.is_temporal() and not kind.is_time()),
        **dict.fromkeys(("amount", "quantity", "unit_price", "discount", "refunded"), ("a number", _is_number)),
    }
    for role, name in columns.items():
        if name not in table.columns:
            told = nearest_columns(name, list(table.columns))
            problems.append(Problem(f"{label}: there is no column {name!r} (for {role}); {told}"))
        elif role in expected and not expected[role][1](schema[name]):
            wanted = expected[role][0]
            message = (
                f"{label}: column {name!r} (for {role}) is of the type {schema[name]} in the engine, must be {wanted}; "
                "cast it in a view, or name a `query` so that the rows are read here"
            )
            problems.append(Problem(message))
    return problems


def _is_number(kind: Any) -> bool:
    return kind.is_numeric() and not kind.is_boolean()


def _problems_in_settings(data: DataConfig) -> list[Problem]:
    """Keys that are about reading files."""
    names = ("date_format", "decimal", "delimiter", "encoding", "sheet", "part")
    given = [name for name in names if getattr(data, name, None)]
    problems = [Problem(f"{name}: a table of an engine is typed; leave the key out", USAGE) for name in given]
    of_rows = [name for name in ("amount_of", "amount_includes", "discount", "skip_rows") if getattr(data, name, None)]
    problems += [
        Problem(f"data.{name}: not done inside an engine; do it in a view or query", USAGE) for name in of_rows
    ]
    if bool(data.columns.status) != bool(data.count_status):
        message = (
            "data.columns.status and data.count_status go together for a table of an engine; one of them is missing"
        )
        problems.append(Problem(message, USAGE))
    return problems


def _typed(table: Table, data: DataConfig) -> Table:
    """Rows with the columns customer, day, money, is_refund, refunded, repeats, reason, and those that are given."""
    named = data.columns.mapped()
    money = {role: _number(table[named[role]]) for role in MONEY_ROLES if role in named}
    columns = {"customer": _id(table[named["customer"]]), "day": _day(table[named["date"]], data.timezone)}
    amount = money.get("amount")
    if "quantity" in money:
        amount = (money["quantity"] * money["unit_price"]).cast(expressions.MONEY)
    given = [named[role] for role in ("amount", "quantity", "unit_price") if role in named]
    lost = ibis.literal(value=False)
    for name in given:
        lost |= ~_is_missing(table[name]) & (table[name].abs() >= LARGEST)
    columns["unread"] = lost.coalesce(ibis.literal(value=False))
    columns["is_refund"] = (amount < 0).coalesce(ibis.literal(value=False)) if given else ibis.literal(value=False)
    columns["money"] = amount if given else ibis.literal(0).cast(expressions.MONEY)
    columns["refunded"] = money["refunded"].coalesce(_nothing()) if "refunded" in money else _nothing()
    if "refunded" in money:
        columns["money"] = (columns["money"] - columns["refunded"]).cast(expressions.MONEY)
    columns |= {"discount": money["discount"]} if "discount" in money else {}
    texts = {"order": "order_id", **{role: role for role in ("product", "category", "channel", "currency", "status")}}
    columns |= {name: _text(table[named[role]]) for role, name in texts.items() if role in named}
    rows = table.select(**columns, repeats=table[REPEATS])
    return rows.mutate(reason=_reason(rows, data))


MONEY_ROLES = ("amount", "quantity", "unit_price", "discount", "refunded")


def _nothing() -> NumericValue:
    return ibis.literal(0).cast(expressions.MONEY)


def _is_missing(column: NumericValue) -> Value:
    """Whether a number is none, NaN or infinite: by its text, since optimisers answer isnan() from statistics."""
    if column.type().is_integer():
        return column.isnull()
    return column.isnull() | column.cast("string").lower().isin(["nan", "inf", "-inf", "infinity", "-infinity"])


def _number(column: NumericValue) -> NumericValue:
    usable = ~_is_missing(column) & (column.abs() < LARGEST)
    return ibis.cases((usable, column)).cast(expressions.MONEY)


def _id(column: Value) -> Value:
    if column.type().is_integer():
        return column
    return _text(column)


def _text(column: Value) -> StringValue:
    return column.cast("string").strip().nullif("")


def _day(column: Value, timezone: str | None) -> Value:
    kind = column.type()
    if kind.is_date() or kind.timezone is None:
        return column.cast("date")
    if column.get_backend().name == "pyspark":
        return from_utc_timestamp(to_utc_timestamp(column, current_timezone()), timezone or "UTC").cast("date")
    return timezone_of(timezone or "UTC", column).cast("date")


def _reason(rows: Table, data: DataConfig) -> StringValue:
    """Why a row does not count; nothing where it does."""
    tests = []
    tests.append((rows.customer.isnull(), str(Reason.MISSING_CUSTOMER)))
    tests.append((rows.day.isnull(), str(Reason.MISSING_DATE)))
    if data.observation_end:
        tests.append((rows.day > data.observation_end, str(Reason.AFTER_END)))
    if data.observation_start:
        tests.append((rows.day < data.observation_start, str(Reason.BEFORE_START)))
    if data.ids.anonymous != "auto":
        nobody = [one.strip().lower() for one in data.ids.anonymous]
        tests.insert(0, (rows.customer.cast("string").strip().lower().isin(nobody), str(Reason.ANONYMOUS)))
    if data.count_status and "status" in rows.columns:
        status = rows.status.strip().lower().coalesce(EMPTY)
        counts = status.isin([one.strip().lower() for one in data.count_status])
        tests.append((~counts, ibis.literal(STATUS).concat(status)))
    tests.append((rows.money.isnull(), str(Reason.MISSING_AMOUNT)))
    if data.refunds == "drop":
        tests.append((rows.is_refund, str(Reason.REFUND_DROPPED)))
    return ibis.cases(*tests)


def _profile(rows: Table, today: dt.date) -> tuple[Profile, int]:
    """What one pass over all rows finds, and how many amounts are too large to be kept exactly."""
    repeats, gross = rows.repeats, (rows.money + rows.refunded).cast(expressions.MONEY)
    sums = {
        "rows": expressions.whole(repeats.sum()),
        "amount": (rows.money * repeats).sum(),
        "gross": (gross * repeats).sum(),
        "absolute": (rows.money.abs() * repeats).sum(),
        "refunds": rows.count(where=rows.is_refund),
        "first_day": rows.day.min(),
        "last_day": rows.day.max(),
        "future": rows.count(where=rows.day > today),
        "unread": rows.count(where=rows.unread),
        "over": rows.count(where=~rows.is_refund & (rows.money < 0)),
    }
    if "discount" in rows.columns:
        sums["large"] = rows.count(where=~rows.is_refund & (rows.discount > rows.money))
    found = _few(rows.group_by("reason").agg(**sums))
    kept = next((line for line in found if line["reason"] is None), dict.fromkeys(sums))
    dropped = [
        Entry(Outcome.DROPPED, Reason(line["reason"]), line["rows"], line["gross"] or Decimal(0))
        for line in found
        if line["reason"] is not None
    ]
    profile = Profile(
        rows=sum(line["rows"] for line in found),
        kept=kept["rows"] or 0,
        refunds=kept["refunds"] or 0,
        kept_amount=kept["amount"] or Decimal(0),
        largest_total=sum((line["absolute"] or Decimal(0) for line in found), Decimal(0)),
        first_day=kept["first_day"],
        last_day=kept["last_day"],
        last_date=max((line["last_day"] for line in found if line["last_day"]), default=None),
        future=sum(line["future"] for line in found),
        unread_dates=0,
        unread_money=kept["over"] or 0,
        large_discounts=kept.get("large") or 0,
        dropped=tuple(dropped),
    )
    return profile, sum(line["unread"] for line in found)


def _problems_in_rows(profile: Profile, unread: int, duplicates: int, data: DataConfig, label: str) -> list[Problem]:
    """What makes the rows unusable as a whole."""
    if not profile.rows:
        return [Problem(f"{label}: there are no rows; at least one order is needed")]
    messages, missing = [], profile.rows_with(Reason.MISSING_CUSTOMER)
    if missing > data.max_missing_customer_share * profile.rows:
        messages.append(
            f"{missing:,} of {counted(profile.rows, 'row')} ({missing / profile.rows:.0%}) have no customer id; "
            f"max_missing_customer_share == {data.max_missing_customer_share:g} allows fewer"
        )
    if unread:
        messages.append(
            f"{counted(unread, 'row')} with a number that cannot be kept exactly; numbers below {LARGEST:,} are allowed"
        )
    if profile.unread_money:
        messages.append(f"{counted(profile.unread_money, 'row')} with a refund above the order's amount")
    if data.observation_end is None and profile.future:
        found = counted(profile.future, "row is", "rows are")
        messages.append(f"{found} dated after today; set the key `observation_end` to the last day that counts")
    if data.refunds == "refuse" and profile.refunds:
        found = counted(profile.refunds, "row is a refund", "rows are refunds")
        messages.append(f"{found} (negative); refunds == 'refuse', set it to 'net' or 'drop' to allow them")
    if data.duplicates == "refuse" and duplicates > 0:
        found = counted(duplicates, "row repeats", "rows repeat")
        messages.append(f"{found} another row in every column; duplicates == 'refuse', set it to 'keep' or 'drop'")
    if profile.kept == profile.refunds and not messages:
        reasons = ", ".join(f"{entry.rows:,} {entry.reason.label}" for entry in profile.dropped if entry.rows)
        messages.append(f"no order is left of {counted(profile.rows, 'row')}: {reasons}")
    return [Problem(f"{label}: {message}") for message in messages]


def _currency(rows: Table, config: Config, label: str) -> tuple[str | None, list[Problem]]:
    told = config.economics.currency
    if "currency" not in rows.columns:
        return told, []
    code = rows.currency.upper()
    found = _few(rows.mutate(code=code).filter(rows.reason.isnull() & code.notnull()).group_by("code").agg())
    codes = sorted({line["code"] for line in found} | ({told} if told else set()))
    if len(codes) > 1:
        return None, [Problem(f"{label}: the rows are in several currencies ({', '.join(codes)}); one is allowed")]
    return next(iter(codes), None), []


def _repeated(single: Table) -> int:
    """Rows that count and repeat an earlier row in every column."""
    kept = single.filter(single.reason.isnull())
    return _few(kept.aggregate(rows=expressions.whole((kept.repeats - 1).sum().coalesce(0))))[0]["rows"]


def _without_early(rows: Table, kept: Table, start: dt.date, profile: Profile) -> tuple[Table, Entry, int]:
    """The rows that count without those of customers whose first order may lie before the data."""
    known = profile.rows_with(Reason.BEFORE_START) > 0
    seen = rows.filter(rows.customer.notnull()) if known else kept
    limit = start if known else start + dt.timedelta(days=BIRTH_WINDOW_DAYS)
    early = expressions.early_customers(seen, limit)
    theirs = kept.semi_join(early, "customer")
    line = _few(theirs.aggregate(rows=theirs.count(), amount=theirs.money.sum(), customers=theirs.customer.nunique()))[
        0
    ]
    entry = Entry(Outcome.DROPPED, Reason.BORN_BEFORE_START, line["rows"], line["amount"] or Decimal(0))
    return kept.anti_join(early, "customer"), entry, line["customers"]


def _as_expressions_take_them(kept: Table, profile: Profile, data: DataConfig) -> Table:
    names = ["customer", "day", "money", *(["is_refund"] if profile.refunds else [])]
    return kept.select(*names, *(name for name in expressions.GIVEN if name in kept.columns))


def _daily(days: Table, start: dt.date, end: dt.date) -> tuple[pd.DataFrame, int]:
    """As ``Orders.daily``, and the number of customers."""
    dates = pd.date_range(start, end, unit="s")
    bought = expressions.in_floats(expressions.by_day(days, end)).to_pandas().set_index("day")
    first = expressions.births(expressions.occasions(days, end))
    born = first.group_by(day=first["first"]).agg(new_customers=first.count()).to_pandas().set_index("day")
    daily = bought.join(born)
    daily = daily.set_axis(pd.DatetimeIndex(daily.index).astype(dates.dtype)).reindex(dates).fillna(0)
    whole = daily[["orders", "new_customers"]].astype("int64")
    daily = pd.DataFrame(
        {"date": dates, "orders": whole["orders"].to_numpy(), "new_customers": whole["new_customers"].to_numpy()}
    ).assign(
        repeat_orders=lambda frame: frame["orders"] - frame["new_customers"],
        amount=daily["amount"].to_numpy(dtype=float),
    )
    return daily, int(daily["new_customers"].sum())


@ibis.udf.scalar.builtin(name="timezone")
def timezone_of(zone: str, moment: Timestamp("UTC")) -> Timestamp():
    """What the clocks of a zone show, in DuckDB and PostgreSQL."""


@ibis.udf.scalar.builtin
def from_utc_timestamp(moment: Timestamp(), zone: str) -> Timestamp():
    """What the clocks of a zone show, in Spark."""


@ibis.udf.scalar.builtin
def to_utc_timestamp(moment: Timestamp("UTC"), zone: str) -> Timestamp():
    """What the clocks of UTC show, in Spark, where a session has a zone of its own."""


@ibis.udf.scalar.builtin
def current_timezone() -> str:
    """The zone of a Spark session."""
