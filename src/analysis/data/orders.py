"""Orders, read, cleaned and summarised: the order of the steps is written once, here."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ibis.expr.types import Table

from analysis.config import (
    CUSTOMER_TABLES,
    Columns,
    Config,
    ConfigurationRefused,
    DataConfig,
    config_from_mapping,
    nearest,
)
from analysis.config.config import ContractColumns, ContractsConfig
from analysis.data import expressions
from analysis.data.cleaning import PLOTS, Cleaned, cleaned
from analysis.data.database import told_without_secrets
from analysis.data.engine import Connection, Relation, close, connect, id_type, literal, quoted, run
from analysis.data.reading import damage_named, part_of, raw_table
from analysis.data.remote import UNREAD, RemoteOrders, configured_table, is_remote, remote_orders
from analysis.data.rows import file_rows
from analysis.data.source import RawTable
from analysis.data.summary import STORED_AT_ONCE, TABLE, CustomerSummary, Days, customer_summary, text_of_ids
from analysis.errors import USAGE, InputRefused, Problem, UsageError, collecting
from analysis.plotting import Plots


@dataclass(frozen=True, repr=False)
class Orders(Cleaned):
    """A company's transactions, cleaned.

    Attributes
    ----------
    histories
        One row per customer, up to ``observation_end``.
    ledger
        outcome, reason (a code), rows, amount, meaning (of the reason): where every row of the source ended; sums to
        the source.
    daily
        date, orders, new_customers, repeat_orders, amount, refunds_to_come (what of the day's orders is expected to be
        paid back still, where refunds come late): one row for every day of the window.
    rows_read, rows_used
        Rows of the source; those that are in the results (used, merged or refunded).
    customers, orders
        Customers with an order; purchase occasions (one per customer and day).
    observation_start, observation_end
        First and last day of the window.
    has_money, currency
        Whether there are amounts, and their currency where it is known.
    data_hash
        SHA-256 (hex) over the content: of the files, or of the rows in any order for a database or a frame.
    notes
        What is worth saying about the data.
    left_truncation
        Why ages and new customers cannot be told: many customers seem to have bought before the data begin. One of
        the notes; None where ages can be told.
    days
        Customer-days behind the occasions.
    """

    histories: CustomerSummary
    data_hash: str
    days: Days = field(repr=False)

    plot = Plots(**PLOTS, frequency="analysis.data.plots:plot_frequency")

    @property
    def occasions(self) -> Path:
        """Parquet file with one row per customer-day, written when it is first asked for.

        Columns customer (int64, position in ``summary.table``), day (date), amount (double, refunds taken off,
        0 without money), and where they are configured discount and gross (double, before refunds), and category (text,
        of the largest line).
        """
        path = self.days.path.with_name("occasions.parquet")
        if not path.exists():
            _write_occasions(self, path)
        return path

    def summary(self, unit: str = "week", until: dt.date | str | None = None) -> pd.DataFrame:
        """The customer summary by the customers' own ids, in lifetimes' columns and a few more.

        Parameters
        ----------
        unit
            Of recency and T: ``day``, ``week``, ``month`` or ``year``.
        until
            The last day that counts, as if later rows did not exist; without it the last day of the data.

        Returns
        -------
        DataFrame, one row a customer with an order by then, index ids
            frequency (orders after the first day), recency and T [unit], monetary_value [currency] (mean of the
            repeat orders, 0 without one), first_order, last_order, orders, spent [currency], spend_squares
            [currency squared] (sum of the squares of the repeat orders), odd_total and odd_orders, even_total and
            even_orders (amount and number of the first, third, ... and of the second, fourth, ... repeat order; not
            above two million customer-days), and where the columns are named first_category and first_channel (of the
            largest line of the first day).

        Raises
        ------
        UsageError
            For a day outside the window.

        Examples
        --------
        >>> import analysis as rl
        >>> cdnow = rl.read_orders({"sample": "cdnow"}, observation_end="1997-09-30")
        >>> cdnow.summary().loc["00004", ["frequency", "recency", "T"]].round(2).tolist()
        [2.0, 30.43, 38.86]
        >>> cdnow.summary("day", until="1997-01-31").loc["00004", ["frequency", "T"]].tolist()
        [1.0, 30.0]
        """
        if until is None:
            return self.histories.frame(unit)
        return self.histories_until(until).frame(unit)

    def histories_until(self, until: dt.date | str) -> CustomerSummary:
        """``histories`` as they were at the end of the day ``until``.

        Raises
        ------
        UsageError
            For a day outside the window.
        """
        day = self.last_day(until)
        with self.days.opened() as days:
            return customer_summary(self.days, days, day, has_money=self.has_money)

    def _computed(self, expression: Callable[..., Table]) -> pd.DataFrame:
        with self.days.opened() as days:
            return days.then(expression, self.observation_end).frame()

    def by_frequency(self, last: int = 7) -> pd.DataFrame:
        """Customers by number of repeat orders: label and customers, everything from ``last`` on together."""
        counts = np.bincount(np.minimum(self.histories.table["frequency"], last), minlength=last + 1)
        return pd.DataFrame({"label": [*map(str, range(last)), f"{last}+"], "customers": counts})


def _write_occasions(orders: Orders, path: Path) -> None:
    unfinished = path.with_name(f"occasions-{os.getpid()}-{threading.get_ident()}.unfinished")
    before_refunds = ("discount", "gross") if orders.days.has_discount else ()
    more = "".join(f", CAST({name} AS DOUBLE) AS {name}" for name in before_refunds)
    more += ", category" if "category" in orders.days.columns else ""
    with orders.days.opened() as days:
        found = days.then(expressions.occasions, orders.observation_end)
        days.connection.register("positions", orders.histories.table[["customer_id"]].reset_index(names="position"))
        run(days.connection, f"""
            COPY (SELECT CAST(position AS BIGINT) AS customer, day, CAST(amount AS DOUBLE) AS amount{more}
                  FROM {found.source} AS o
                  JOIN positions AS p ON CAST(o.customer AS VARCHAR) = p.customer_id
                  ORDER BY 1, 2)
            TO {literal(unfinished)} (FORMAT parquet)""")  # fmt: skip
    unfinished.replace(path)


NO_ARGUMENTS = {
    "transactions": ": it is the source, the first argument",
    "columns": ": each column has an argument of its own, such as customer",
    "csv": ": it is about files that a report writes",
    **dict.fromkeys(
        CUSTOMER_TABLES,
        ": hand the table to what uses it, such as ladder(names=...), contact_lists(opt_in=..., exits=...) or "
        "payback(acquisition=...); in a configuration `data` names it",
    ),
    "holdout_weeks": ": name it where orders are split, such as backtest(orders, holdout='26W')",
}
ARGUMENTS = {*Columns.model_fields, *DataConfig.model_fields, "currency_column", "discount_is"} - NO_ARGUMENTS.keys()
ALSO = ", a table of Ibis or DuckDB, a glob, a list of these, or a mapping such as {'sample': 'cdnow'}"
KEYS = "|".join(ARGUMENTS | ContractsConfig.model_fields.keys() | ContractColumns.model_fields.keys())
KEY_OF_ARGUMENT = re.compile(rf"(?<=key ')contracts\.|\b(?:contracts|data|economics)\.(?:columns\.)?(?=(?:{KEYS})\b)")


def read_orders(
    source: Any,
    *,
    customer: str | None = None,
    date: str | None = None,
    amount: str | None = None,
    currency: str | None = None,
    observation_end: dt.date | str | None = None,
    **settings: Any,
) -> Orders | RemoteOrders:
    """Orders of a table or of files, cleaned and summarised.

    The rows of an Ibis table of PostgreSQL, Spark or another engine stay there, see docs/scale.md.

    Parameters
    ----------
    source
        A table (pandas, Arrow, polars, Ibis or DuckDB), a path, a glob, a list of both, or as in a configuration
        ``{"sample": "cdnow"}`` or ``{"database_url_env": "CRM_URL", "query": "SELECT ..."}``.
    customer, date, amount
        Names of the columns; a sample needs none. Ids come back as they stand there.
    currency
        ISO 4217 code of the amounts, such as EUR. (A column that holds it is named by ``currency_column``.)
    observation_end
        Last day that counts; without it the last date of the data.
    settings
        The other columns (quantity, unit_price, order, discount, status, refunded, product, category, channel, split,
        currency_column) and every other key of the configuration's section ``data``: part, date_format, timezone,
        decimal, delimiter, encoding, sheet, skip_rows, count_status, ids, discount_is (there ``discount``), amount_of,
        amount_includes, refunds, duplicates, count_duplicates, max_missing_customer_share, observation_start,
        first_orders, exclude_earlier.

    Raises
    ------
    InputRefused
        With every problem of the arguments and of the data.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as rl
    >>> days = ["2025-01-03", "2025-02-11", "2025-02-12"]
    >>> frame = pd.DataFrame({"client": [7, 7, 12], "when": days, "eur": [9, 6, 5]})
    >>> orders = rl.read_orders(frame, customer="client", date="when", amount="eur", currency="EUR")
    >>> orders.summary(unit="day")[["frequency", "recency", "T", "spent"]]
            frequency  recency     T  spent
    client
    12              0      0.0   0.0    5.0
    7               1     39.0  40.0   15.0
    >>> orders.ledger
      outcome               reason  rows  amount   meaning
    0    used  ledger.reason.order     3    20.0  An order
    >>> rl.read_orders(frame, customer="clint", date="wen")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    analysis.errors.InputRefused: frame: there is no column 'clint' (for customer); did you mean 'client'? ...
    """
    problems = [
        Problem(f"there is no argument {name!r}{NO_ARGUMENTS.get(name) or nearest(name, sorted(ARGUMENTS))}", USAGE)
        for name in sorted(settings.keys() - ARGUMENTS)
    ]
    settings = {name: settings[name] for name in settings.keys() & ARGUMENTS}
    named = {"customer": customer, "date": date, "amount": amount, "currency": settings.pop("currency_column", None)}
    named |= {role: settings.pop(role, None) for role in Columns.model_fields if role not in named}
    columns = {role: name for role, name in named.items() if name is not None}
    files, frame = ("table", source) if is_remote(source) else source_and_frame(source, "read_orders", ALSO)
    data = {"transactions": files, "observation_end": observation_end, "discount": settings.pop("discount_is", None)}
    data |= settings
    ids: dict[str, Any] = {}
    if isinstance(frame, pd.DataFrame) and isinstance(frame.get(customer), pd.Series):
        text, ids = text_of_ids(frame[customer])
        frame = frame.assign(**{customer: text}) if ids else frame
    if columns or not isinstance(files, Mapping) or "sample" not in files:
        data["columns"] = columns
    folder = Path(tempfile.mkdtemp(prefix="rlab-"))
    try:
        with told_of_arguments():
            orders = _read({"data": data, "economics": {"currency": currency}}, problems, frame, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if isinstance(orders, Orders):
        orders.days.owns(folder)
        if ids:
            orders.days.id_type = ids
            orders = replace(orders, histories=replace(orders.histories, id_type=ids))
    else:
        shutil.rmtree(folder)
    return orders


def source_and_frame(source: Any, asked_by: str, also: str = "") -> tuple[Any, Any]:
    """What a configuration names as its source, and a table that stands in for it."""
    if hasattr(source, "collect"):
        source = source.collect()  # a lazy frame of polars
    if hasattr(source, "__arrow_c_stream__") and not hasattr(source, "dtype"):  # which a single column has
        return "frame", source
    if isinstance(source, Mapping):
        return dict(source), None
    if isinstance(source, str | os.PathLike):
        return os.fspath(source), None
    if isinstance(source, list | tuple) and all(isinstance(path, str | os.PathLike) for path in source):
        return [os.fspath(path) for path in source], None
    kind = type(source).__name__
    raise UsageError(
        f"{asked_by}: the source is of the type {kind}, must be a table (pandas, Arrow, polars) or a path{also}"
    )


def _read(content: Mapping[str, Any], problems: list[Problem], frame: Any, folder: Path) -> Orders | RemoteOrders:
    """Orders as ``content`` says; where it is refused, the problems of the data that it names are told as well."""

    def loaded(config: Config) -> Orders | RemoteOrders:
        if is_remote(frame):
            return remote_orders(frame, config)
        return load_orders(config, workdir=folder, frame=frame, to_fit=False)

    try:
        config = config_from_mapping(content, path=Path("orders.yml"), problems=problems)
    except ConfigurationRefused as refused:
        found = [*refused.problems]
        with collecting(found):
            if refused.readable:
                loaded(refused.readable)
        raise InputRefused(found) from None
    return loaded(config)


@contextmanager
def told_of_arguments() -> Iterator[None]:
    """Problems of a configuration are told as problems of arguments."""
    try:
        yield
    except InputRefused as refused:
        raise InputRefused(
            replace(problem, message=_of_arguments(problem.message)) for problem in refused.problems
        ) from None


def _of_arguments(message: str) -> str:
    message = message.replace("`data.discount`", "`discount_is`")
    message = re.sub(r"^configuration [\w.]+: ", "", KEY_OF_ARGUMENT.sub("", message))
    return message.replace("configuration key", "argument")


def load_orders(
    config: Config, *, workdir: Path, as_of: dt.date | None = None, frame: Any = None, to_fit: bool = True
) -> Orders:
    """Orders as the configuration describes them, cleaned and summarised.

    Parameters
    ----------
    config
        A checked configuration; ``config.data`` says where the rows are and how to read them.
    workdir
        Folder for intermediate files; the occasions stay there and must live as long as the result is used.
    as_of
        Last day that counts; overrides ``observation_end`` of the configuration.
    frame
        A table (pandas, or whatever hands itself over as Arrow) that stands in for the configured source.
    to_fit
        Whether models are to be fitted on them, which takes two customers and a repeat order.

    Raises
    ------
    InputRefused
        With every problem found.

    Examples
    --------
    >>> import tempfile
    >>> config = Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})
    >>> folder = tempfile.TemporaryDirectory()
    >>> cdnow = load_orders(config, workdir=Path(folder.name), as_of=dt.date(1997, 9, 30))
    >>> cdnow.customers, int((cdnow.histories.table["frequency"] > 0).sum())
    (2357, 946)
    """
    engine_table = configured_table(config) if frame is None else None
    connection = connect(workdir)
    try:
        if engine_table is not None:
            label, loaded = "table", _from_engine(connection, engine_table, config, workdir, as_of)
        else:
            table = raw_table(connection, config, workdir, frame)
            if config.data.part is not None:
                table = part_of(table, config.data.part)
            with damage_named(table):
                label, loaded = table.label, _loaded(connection, table, config, workdir, as_of)
        if problems := _problems_in_fitting(label, loaded.histories) if to_fit else []:
            raise InputRefused(problems)
    except BaseException:
        close(connection, workdir)
        raise
    # Writing the customer-days takes a while at tens of millions of rows and is left to whoever needs them.
    if loaded.orders <= STORED_AT_ONCE:
        loaded.days.store()
    return loaded


def _loaded(connection: Connection, table: RawTable, config: Config, workdir: Path, as_of: dt.date | None) -> Orders:
    if not table.parts:
        raise InputRefused(table.problems)
    rows = file_rows(connection, table, config.data)
    end = as_of or config.data.observation_end
    found, _, customer_days, customers = cleaned(rows, config, end, table.problems)
    id_column = table.columns["customer"]
    kinds = dict(customer_days.columns)
    days = Days(workdir / "days.parquet", kinds, id_column, id_type(table.types[id_column]), connection)
    orders = _summed(found, days, table.digest or (lambda: _row_digest(connection, table)), customers)
    # What was staged goes before the connection is kept for its customer-days.
    staged = run(connection, f"SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name <> '{TABLE}'")
    for (name,) in staged:
        run(connection, f"DROP TABLE {quoted(name)}")
    return orders


def _summed(found: Cleaned, days: Days, digest: Callable[[], str], customers: Relation | None = None) -> Orders:
    """Orders of which this is known, and whose customer-days are on a live connection."""
    rows = days.relation(days.connection)
    summary = customer_summary(days, rows, found.observation_end, has_money=found.has_money, customers=customers)
    known = {each.name: getattr(found, each.name) for each in fields(Cleaned)}
    return Orders(**known, histories=summary, days=days, data_hash=digest())


def _from_engine(connection: Connection, table: Table, config: Config, workdir: Path, as_of: dt.date | None) -> Orders:
    """Orders whose rows are cleaned and summed up by day in their engine; only these sums come here."""
    url = os.environ.get(getattr(config.data.transactions, "database_url_env", ""), "")
    with told_without_secrets(UNREAD, url):
        found = remote_orders(table, config, as_of=as_of)
        customer, kinds = found.days.customer.type(), {name: str(kind) for name, kind in found.days.schema().items()}
        kind = str(customer) if customer.is_integer() else "str"
        connection.register("arriving", found.days.order_by("customer", "day").to_pyarrow_batches())
        run(connection, f"CREATE TEMP TABLE {TABLE} AS SELECT * FROM arriving")
    columns = ", ".join(map(quoted, kinds))
    sums = run(connection, f"SELECT count(*), sum(hash({columns})), bit_xor(hash({columns})) FROM {TABLE}")
    ledger = found.ledger.drop(columns="meaning").to_numpy().tolist()
    digest = hashlib.sha256(f"{sums} {ledger}".encode())
    return _summed(found, Days(workdir / "days.parquet", kinds, found.id_column, kind, connection), digest.hexdigest)


def _problems_in_fitting(label: str, summary: CustomerSummary) -> list[Problem]:
    if len(summary) == 1:
        name = str(summary.table["customer_id"].iloc[0])
        return [Problem(f"{label}: all orders belong to a single customer, {name!r}; at least two are needed")]
    if not (summary.table["frequency"] > 0).any():
        message = (
            f"{label}: none of the {len(summary):,} customers ordered on a second day, so nothing can be learned about "
            "repeat orders; a longer window, or a column that identifies customers, is needed"
        )
        return [Problem(message)]
    return []


def _row_digest(connection: Connection, table: RawTable) -> str:
    one, other = table.row_keys
    sums = f"count(*), sum(CAST({one} AS HUGEINT)), bit_xor({other}), sum(CAST({other} AS HUGEINT))"
    content = run(connection, f"SELECT {sums} FROM {table.scan}")[0]
    return hashlib.sha256(f"{sorted(table.types)} {content}".encode()).hexdigest()
