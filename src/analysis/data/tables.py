"""Tables beside the transactions, read by one reader: those of a customer database, and those that say more of loyalty.

Each column is read by what its role is: a day, a number, or an id or name. Of a customer database, rows that do not fit
the orders are left out and counted, with examples; a table of which nothing is left is refused. Of tables on loyalty,
and of contracts, rows that must not be there are refused, all at once, in the words of the table's own section; how
far they fit the orders is told.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.config import (
    CUSTOMER_TABLES,
    CUSTOMER_TYPES,
    GROUP,
    LOT,
    LOYALTY_TABLES,
    Config,
    ExperimentConfig,
    nearest,
)
from analysis.data.cells import staged_frame
from analysis.data.engine import NUMBER_OF_ROW, Connection, parquet_scan, quoted, scratch
from analysis.data.files import combined_digest, files_and_problems
from analysis.data.formats import NOTHING, Reading, read_date, read_number
from analysis.data.ledger import where_any
from analysis.data.orders import Orders
from analysis.data.reading import damage_named, from_files
from analysis.data.rows import expected, read_id
from analysis.data.samples import further_table, sample_rows
from analysis.data.source import RawTable
from analysis.data.vocabulary import INVISIBLE, words
from analysis.errors import USAGE, DataError, InputRefused, Problem, Unavailable, collecting, counted, shortened
from analysis.words import Message

DAYS = ("start", "end", "date", "month", "club_since", "expires")
NUMBERS = ("score", "tenure", "spend", "earned", "redeemed")
NUMBERS += ("gross_margin", "cost_per_order", "cost_per_contact", "incentive")
IDS = ("customer", "referred_by")
WORDS = ("type", "active", "churned", "opt_in", "enquired")
"""Roles whose capitals say nothing."""
KINDS = dict.fromkeys(DAYS, ("TIMESTAMP_S", "datetime64[s]")) | dict.fromkeys(NUMBERS, ("DOUBLE", "float64"))
"""Role -> type in DuckDB and in pandas; all others are text."""
EXAMPLES = 5
READING_KEY = re.compile(r"^(sheet|date_format|encoding) ==|(?<= )(decimal) ==")


@contextmanager
def told_of(section: str) -> Iterator[None]:
    """Tells what is refused inside with the keys of ``section`` in place of those of the transactions.

    >>> with told_of("contracts"):
    ...     raise DataError("sheet == 'One', but a.csv is no Excel workbook")
    Traceback (most recent call last):
    analysis.errors.InputRefused: contracts.sheet == 'One', but a.csv is no Excel workbook
    """
    try:
        yield
    except InputRefused as refused:
        problems = []
        for problem in refused.problems:
            message = re.sub("^transactions: ", f"{section}.file: ", problem.message)
            message = READING_KEY.sub(lambda match: f"{section}.{match.group()}", message)
            message = message.replace("the key `", f"the key `{section}.")
            problems.append(Problem(message, problem.exit_code))
        raise InputRefused(problems) from None


def read_table(section: str, settings: Any, config: Config, workdir: Path, given: Any = None) -> Table:
    """The rows of a table; ``given`` stands in for its file.

    Raises
    ------
    InputRefused
        Where nothing of it can be read; what can be read in part comes back with its ``problems``.
    """
    with scratch(workdir) as connection:
        with told_of(section):
            if given is not None:
                raw = staged_frame(connection, given, settings, workdir)
            else:
                paths, problems = files_and_problems([settings.file], config.folder)
                raw = from_files(connection, paths, settings, workdir, problems)
            if not (raw.parts and raw.columns):
                raise InputRefused(raw.problems)
        with damage_named(raw):
            return Table(connection, section, settings, raw, config.data.timezone)


def read_tables(config: Config, keys: Iterable[str], workdir: Path, take: Callable[[str, Table], None]) -> str | None:
    """Every table that there is, handed to ``take`` with its name; SHA-256 (hex) over their contents, None without any.

    Raises
    ------
    InputRefused
        With every problem found in any of them, also by ``take``.
    """
    digests: dict[str, str] = {}
    problems: list[Problem] = []
    for key in keys:
        settings, given = further_table(config, key)
        if settings is not None:
            with collecting(problems):
                table = read_table(key, settings, config, workdir / key, given)
                take(key.rpartition(".")[2], table)
                digests[key] = table.digest
    if problems:
        raise InputRefused(problems)
    return hashlib.sha256(f"{digests}".encode()).hexdigest() if digests else None


class Table:
    """A table's rows, how its columns are read, and what is wrong with them.

    Attributes
    ----------
    frame
        The rows in an order of their own, without empty ones, by their place in the source: days are datetime64,
        numbers floats, all else text; without roles whose columns cannot be read.
    readings
        Role -> how it is read.
    rows, blank
        Rows of the source; those of them that are empty.
    problems
        What was found so far.
    left_out
        Reason, rows and examples of what was left out, or only told.
    """

    def __init__(self, connection: Connection, section: str, settings: Any, raw: RawTable, timezone: str | None):
        self.section, self.settings, self.raw = section, settings, raw
        self.problems, self.left_out = [*raw.problems], []
        found = {role: self._reading(connection, role, timezone) for role in raw.columns}
        self.readings = {role: reading for role, reading in found.items() if not reading.problems}
        self._fetch(connection)
        self.rows, self.blank = len(self._shown), int((~self._filled).sum())
        if self.rows == self.blank:
            self.add("there are no rows under the header; at least one is needed")
            self.refuse()
        for role in sorted(self.readings, key=lambda role: role not in DAYS):
            self._check_values(role)

    def _reading(self, connection: Connection, role: str, timezone: str | None) -> Reading:
        if role in DAYS:
            months = self.section in ("contracts", "data.acquisition")  # whose days may be whole months
            reading = read_date(connection, self.raw, self.settings.date_format, timezone, months=months, role=role)
        elif role in NUMBERS:
            reading = read_number(connection, self.raw, role, getattr(self.settings, "decimal", None))
        else:
            reading = read_id(self.raw, role)
            text = f"CAST({reading.expression} AS VARCHAR)"
            text = text if role in IDS else f"NULLIF(trim({text}), '')"
            reading = replace(reading, expression=f"lower({text})" if role in WORDS else text)
        # What is wrong with the format of dates is wrong with every column of them.
        self.problems += [one for one in reading.problems if one not in self.problems]
        return reading

    def _fetch(self, connection: Connection) -> None:
        """Every row's values, whether they could not be read, and how they are written."""
        selected = {f"shown {role}": f"CAST({self.raw.expression(column)} AS VARCHAR)"
                    for role, column in self.raw.columns.items()}  # fmt: skip
        for role, reading in self.readings.items():
            selected[role] = f"CAST({reading.expression} AS {KINDS.get(role, ('VARCHAR',))[0]})"
            selected[f"unread {role}"] = f"coalesce({reading.unreadable}, false)"
        listed = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in selected.items())
        joins = " ".join(reading.join for reading in self.readings.values())
        rows = f"SELECT {quoted(NUMBER_OF_ROW)} AS place, {listed} FROM {self.raw.scan} {joins} ORDER BY place"
        found = connection.execute(rows).df().set_index("place")
        self._shown = pd.DataFrame({role: found[f"shown {role}"].astype("str") for role in self.raw.columns})
        self._filled = (self._shown.apply(lambda texts: texts.str.strip()).fillna("") != "").any(axis="columns")
        self._unread = {role: found[f"unread {role}"] for role in self.readings}
        frame = found[[*self.readings]].astype({role: KINDS.get(role, ("", "str"))[1] for role in self.readings})
        self.frame = frame[self._filled].sort_values([*self.readings]) if self.readings else frame

    def _check_values(self, role: str) -> None:
        kind = "id" if self.raw.is_text(self.raw.columns[role]) else "numeric id"
        kind = "date" if role in DAYS else "number" if role in NUMBERS else kind
        self.check((role,), self._unread[role], *expected("value", kind), self.raw.where(role))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the content; of rows that come with a sample its name."""
        return self.raw.digest() if self.raw.digest else str(self.settings.file)

    def said(self, label: Message) -> list[Message]:
        """What reading it gives reason to say; ``label`` is what readers know it by."""
        in_utc = any(reading.in_utc for reading in self.readings.values())
        blank = Message("Empty rows in the file of {table}, skipped: {n:integer}.", n=self.blank, table=label)
        times = Message(
            "Times in the file of {table} carry an offset and no time zone is configured, so a day there is a day in "
            "UTC.",
            table=label,
        )
        return [*self.raw.notes, *where_any(blank), *([times] if in_utc else [])]

    def _examples(self, roles: Iterable[str], rows: pd.Series) -> str:
        roles = [role for role in roles if role in self._shown]
        shown = self._shown.loc[rows.index[rows], roles].sort_index().head(EXAMPLES)
        return ", ".join(
            self.raw.in_words(place, *(None if pd.isna(text) else text for text in texts))
            for place, *texts in shown.itertuples(name=None)
        )

    def check(
        self, roles: Iterable[str], rows: pd.Series, one: str, many: str, allowed: str, where: str | None = None
    ) -> None:
        """A problem where some rows (truth values) are as they must not be; ``roles`` are quoted as examples."""
        if number := int(rows.sum()):
            self.add(f"{counted(number, one, many)}: {self._examples(roles, rows)}; {allowed}", where)

    def check_known(self, role: str, known: Iterable[str], allowed: str) -> None:
        """A problem where a column holds other words than the ``known`` ones."""
        if role in self.frame:
            column, other = f"in column {self.raw.columns[role]!r} (for {role})", ~self.frame[role].isin(known)
            self.check((role,), other, f"value {column} is unknown", f"values {column} are unknown", allowed)

    def check_filled(self, *roles: str) -> None:
        """A problem where nothing stands in the column of a role."""
        for role in (role for role in roles if role in self.frame):
            shown = ("customer",) if role != "customer" and "customer" in self.frame else tuple(self.raw.columns)[:2]
            nothing = self.frame[role].isna() & ~self._unread[role].reindex(self.frame.index)
            self.check(shown, nothing, f"row has no {role}", f"rows have no {role}", "every row needs one")

    def check_order(self) -> None:
        """A problem where a row ends before it starts."""
        if {"start", "end"} <= {*self.frame}:
            before, allowed = self.frame["end"] < self.frame["start"], "an end must be the start or later"
            self.check(("start", "end"), before, "row ends before it starts", "rows end before they start", allowed)

    def check_once(self, roles: Iterable[str], wrong: pd.Series, one: str, many: str, allowed: str) -> None:
        """A problem with the customers of some rows (truth values)."""
        customers = self.frame["customer"]
        names = sorted(customers[wrong].dropna().unique())
        if names:
            examples = self._examples(("customer", *roles), customers.isin(names[:EXAMPLES]))
            self.add(f"{counted(len(names), f'customer {one}', f'customers {many}')}: {examples}; {allowed}")

    def tell(self, reason: str, rows: pd.Series, column: str = "customer") -> None:
        """Tell of rows (truth values), with values of a column as examples."""
        if rows.any():
            values = self.frame.loc[rows, column if column in self.frame else self.frame.columns[0]]
            shown = values.dropna().astype(str).unique()
            examples = ", ".join(repr(shortened(value)) for value in shown[:EXAMPLES])
            self.left_out.append({"reason": reason, "rows": int(rows.sum()), "examples": examples})

    def leave(self, reason: str, rows: pd.Series, column: str = "customer") -> None:
        """Leave rows out, and tell of them."""
        self.tell(reason, rows, column)
        self.frame = self.frame[~rows]

    def ignore(self, role: str, reason: str, rows: pd.Series) -> None:
        """Tell of rows that stay, whose values of a role do not count."""
        self.tell(reason, rows)
        self.frame = self.frame.assign(**{role: self.frame[role].mask(rows)})

    def add(self, message: str, where: str | None = None) -> None:
        self.problems.append(Problem(f"{where or self.raw.label}: {message}"))

    def refuse(self) -> None:
        """Raise what was collected, if anything was."""
        if self.problems:
            with told_of(self.section):
                raise InputRefused(self.problems)


TABLE_LABELS = {
    "customers": Message("Names"), "acquisition": Message("Spend on winning customers"),
    "contacts": Message("Contacts"), "exits": Message("Customers who left"), "points": Message("Points"),
    "campaigns": Message("campaigns"), "promotions": Message("promotions"),
    "satisfaction": Message("satisfaction scores"), "customer_types": Message("customer types"),
    "experiment": Message("the experiment"),
}  # fmt: skip
REASONS = {
    "fits": Message("fits"),
    "empty": Message("a cell that is needed is empty"),
    "repeated": Message("repeats another row"),
    "unknown": Message("a customer whom the orders do not know"),
    "zeros": Message("an id that only leading zeros tell from one in the orders"),
    "outside": Message("a day outside the data"),
    "negative": Message("a number below zero"),
    "early": Message("left before the first order"),
    "unearned": Message("redeemed more points than were earned by then"),
    "several": Message("several values for one customer; none of them counts"),
    "self": Message("referred by oneself, or in a circle; the referral does not count"),
    "stranger": Message("referred by somebody unknown; the referral does not count"),
    "later": Message("in the club only after the last day of the data; not in it yet"),
    "neither": Message("neither yes nor no; counts as no permission"),
    "spelled": Message("an id written otherwise than in the orders; taken as the same customer"),
}
"""What became of rows; from ``several`` on the row stays."""
KEPT = tuple(REASONS)[list(REASONS).index("several") :]
ATTRIBUTES = ("channel", "segment")
ONCE = ("contacts", "exits", "lots")
"""Tables in which equal rows are one; of spend and points they may well be two, and of names one row is made."""


@dataclass(frozen=True)
class CustomerTables:
    """What is known beside the orders; None for what is not there. Ids are text as in the orders, days datetime64.

    Attributes
    ----------
    customers
        One row a name: customer, and what the configuration names of channel, segment, referred_by, enquired and opt_in
        (true, false or missing), club_since, and columns to group by; earned (whether they came by a referral) where
        that is known.
    acquisition
        date, spend [currency], channel.
    contacts
        customer, date, list.
    exits
        customer, date, reason, avoidable (whether the reason is named as such).
    points
        customer, date, earned, redeemed, expires.
    lots
        list, customer, arm (``contact`` or ``none``), start and end (first and last day of the window), gross_margin,
        cost_per_order, cost_per_contact and incentive [currency] as they were when it was drawn: one row a name.
    ledger
        table, reason, rows, examples: the rows that fit and those left out add up to the rows of each table; a reason
        in ``KEPT`` tells of rows that stay.
    data_hash
        SHA-256 (hex) over the content of the files; None without any.
    """

    customers: pd.DataFrame | None = None
    acquisition: pd.DataFrame | None = None
    contacts: pd.DataFrame | None = None
    exits: pd.DataFrame | None = None
    points: pd.DataFrame | None = None
    lots: pd.DataFrame | None = None
    ledger: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["table", "reason", "rows", "examples"]))
    data_hash: str | None = None

    def of(self, orders: Orders, *roles: str) -> pd.DataFrame:
        """Columns of ``customers`` by the orders' own ids, one row a customer with an order; those that there are."""
        known, ids = self._by_name, orders.histories.ids
        return known[[role for role in roles if role in known]].reindex(ids.astype(str)).set_axis(ids)

    @property
    def _by_name(self) -> pd.DataFrame:
        known = pd.DataFrame({"customer": []}) if self.customers is None else self.customers
        return known.set_index("customer")

    def groups(self) -> pd.DataFrame:
        """What names can be grouped by, such as ``channel``, by their ids as text; no column without a table."""
        known = self._by_name
        named = [name for name in known if name in ATTRIBUTES or name.startswith(GROUP)]
        return known[named].rename(columns=lambda name: name.removeprefix(GROUP))

    def attributes(self, orders: Orders) -> pd.DataFrame:
        """What customers with an order can be grouped by, by the orders' own ids; no column without a table."""
        ids = orders.histories.ids
        return self.groups().reindex(ids.astype(str)).set_axis(ids)

    def earned(self, orders: Orders) -> pd.Series:
        """Whether customers came by a referral, by the orders' own ids; missing of those who are in no table."""
        known = self.of(orders, "earned")
        if known.empty or "earned" not in known:
            raise Unavailable(
                "Who came by a referral a table of customers says, by whom they were referred "
                "(`data.customers.columns.referred_by`) or by channels that count as such (`data.customers.earned`)."
            )
        return known["earned"]

    def names(self, orders: Orders, satisfaction: pd.DataFrame | None = None) -> pd.DataFrame | None:
        """What the ladder takes: every name, and which customers gave the top score; None where nothing is known."""
        names = self.customers
        if names is not None:
            names = names[[role for role in ("customer", "enquired", "club_since", "referred_by") if role in names]]
        if satisfaction is None:
            return names
        top = satisfaction["customer"][satisfaction["score"] == satisfaction["score"].max()].astype(str)
        top = top[top.isin(orders.histories.table["customer_id"].astype(str))]
        known = pd.DataFrame({"customer": []}) if names is None else names
        everybody = pd.Index(known["customer"]).union(top.unique(), sort=False)
        known = known.set_index("customer").reindex(everybody).rename_axis("customer").reset_index()
        return known.assign(top_score=known["customer"].isin(top))


def expiring_points(points: pd.DataFrame | None, end: dt.date, days: float) -> pd.DataFrame | None:
    """Points that lapse within so many days after the day ``end``, the oldest being redeemed first.

    Returns
    -------
    DataFrame, index customer
        points, and expires (the first day on which some lapse); None where nothing is known of points.

    Examples
    --------
    >>> rows = [("a", "2025-01-01", 50, 0, "2026-01-01"), ("a", "2025-02-01", 30, 60, "2026-02-01")]
    >>> points = pd.DataFrame(rows, columns=["customer", "date", "earned", "redeemed", "expires"])
    >>> points = points.astype({"date": "datetime64[s]", "expires": "datetime64[s]"})
    >>> expiring_points(points, dt.date(2026, 1, 15), 28)["points"].to_dict()
    {'a': 20}
    """
    if points is None or "expires" not in points:
        return None
    last, found = pd.Timestamp(end) + pd.Timedelta(days=days), {}
    for customer, rows in points.sort_values("date", kind="stable").groupby("customer"):
        held: list[list] = []
        for day, earned, due, expires in rows[["date", "earned", "redeemed", "expires"]].itertuples(index=False):
            held = [each for each in held if not each[0] < day] + [[expires, earned]]
            for each in held:
                used = min(each[1], due)
                each[1], due = each[1] - used, due - used
        lapsing = [each for each in held if pd.Timestamp(end) < each[0] <= last and each[1] > 0]
        if lapsing:
            found[customer] = sum(each[1] for each in lapsing), min(each[0] for each in lapsing)
    lapsing = pd.DataFrame.from_dict(found, orient="index", columns=["points", "expires"])
    return lapsing.astype({"expires": "datetime64[s]"})


def load_customer_tables(config: Config, orders: Orders, *, workdir: Path) -> CustomerTables:
    """The tables that ``config.data`` names, or that come with a sample, less what does not fit the orders.

    Parameters
    ----------
    config
        A checked configuration; paths resolve against its folder.
    workdir
        Folder for intermediate files.

    Raises
    ------
    InputRefused
        With every problem found in any of them, such as a table of which no row is left.

    Examples
    --------
    >>> import tempfile
    >>> import analysis as rl
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "names.csv").write_text("who,via\\n4,shop\\n00004 ,shop\\n00018,web\\nx,web\\n")
    >>> names = {"file": "names.csv", "columns": {"customer": "who", "channel": "via"}}
    >>> data = {"transactions": {"sample": "cdnow"}, "customers": names}
    >>> config, orders = Config(name="cdnow", folder=folder.name, data=data), rl.read_orders({"sample": "cdnow"})
    >>> tables = load_customer_tables(config, orders, workdir=Path(folder.name))
    >>> tables.attributes(orders)["channel"].value_counts().to_dict(), len(tables.customers)
    ({'shop': 1, 'web': 1}, 3)
    """
    first = orders.histories.table.set_index("customer_id")["first_order"]
    everybody, frames, ledger = first.index, {}, []

    def take(name: str, table: Table) -> None:
        nonlocal everybody
        _keep_whole(name, table)
        _keep_fitting(name, table, everybody, orders, is_part=config.data.part is not None)
        if name == "exits":
            table.leave("early", ~(table.frame["customer"].map(first) <= table.frame["date"]))
        _refuse_nothing_left(name, table)
        frames[name] = frame = table.frame.reset_index(drop=True)
        fits = {"reason": "fits", "rows": len(frame), "examples": ""}
        ledger.extend({"table": name} | line for line in (fits, *table.left_out))
        if name == "customers":
            everybody = everybody.union(frame["customer"], sort=False)
            frames[name] = _with_earned(frame, table.settings.earned)
        elif name == "exits":
            frame["avoidable"] = frame["reason"].isin(table.settings.avoidable)

    digest = read_tables(config, [f"data.{name}" for name in CUSTOMER_TABLES if name != "lots"], workdir, take)
    return CustomerTables(**frames, ledger=pd.DataFrame(ledger), data_hash=digest) if digest else CustomerTables()


def load_lots(config: Config, *, workdir: Path) -> CustomerTables:
    """Every lot that was drawn, of this report and of the sample; raises InputRefused where one cannot be read."""
    found = [(config.data.lots, None), sample_rows(config, "data.lots")]
    tables = [
        read_table("data.lots", settings, config, workdir / f"lots-{number}", rows)
        for number, (settings, rows) in enumerate(found)
        if settings
    ]
    if not tables:
        return CustomerTables()
    for table in tables:
        _keep_whole("lots", table)
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    # As formulas were escaped when it was written.
    frame["customer"] = frame["customer"].str.replace(r"^'(?= *[=+\-@\t\r\n])", "", regex=True)
    frame["arm"] = frame["arm"].str.strip().str.lower()
    if problems := list(_problems_in_lots(frame)):
        raise DataError(*problems)
    return CustomerTables(lots=frame, data_hash=combined_digest(table.digest for table in tables))


def _problems_in_lots(lots: pd.DataFrame) -> Iterator[str]:
    """What cannot be in lots, which nobody but this package needs to write; each kind with an example."""
    one = lots.groupby(["list", "start"])
    fixed = [name for name in LOT if name not in ("list", "start", "customer", "arm")]
    costs = lots[["cost_per_order", "cost_per_contact", "incentive"]]
    wrong = {
        "a cell is empty": lots[list(LOT)].isna().any(axis=1),
        "arm is neither contact nor none": ~lots["arm"].isin(["contact", "none"]),
        "end lies before start": lots["end"] < lots["start"],
        "gross_margin is not above 0 and at most 1": ~lots["gross_margin"].between(0, 1) | (lots["gross_margin"] == 0),
        "a cost or the incentive is below 0": (costs < 0).any(axis=1),
        "a customer stands twice in a lot": lots.duplicated(["list", "start", "customer"], keep=False),
        "end, margin and costs are not the same in the whole lot": (one[fixed].transform("nunique") > 1).any(axis=1),
    }
    for what, rows in wrong.items():
        if rows.any():
            first = lots[rows].iloc[0]
            where = f"list {first['list']!r}, customer {first['customer']!r}"
            yield f"data.lots: {what} in {counted(int(rows.sum()), 'row')}, such as {where}"


def _keep_whole(name: str, table: Table) -> None:
    """Leaves out rows that lack what is needed or that repeat another one."""
    table.refuse()
    columns = CUSTOMER_TABLES[name].model_fields["columns"].annotation.model_fields
    needed = [role for role, field in columns.items() if field.is_required()]
    table.leave("empty", table.frame[needed].isna().any(axis=1))
    if name in ONCE:
        table.leave("repeated", table.frame.duplicated())


def _refuse_nothing_left(name: str, table: Table) -> None:
    if table.frame.empty:
        listed = "; ".join(
            f"{row['rows']:,}: {REASONS[row['reason']].text}, such as {row['examples']}" for row in table.left_out
        )
        rows = table.rows - table.blank
        told = f"none of its {rows:,} rows fits the orders ({listed}); are ids and days written alike?"
        raise InputRefused([Problem(f"data.{name}: {table.raw.label}: {told}")])


def _keep_fitting(name: str, table: Table, known: pd.Index, orders: Orders, *, is_part: bool) -> None:
    """Leaves out what does not fit the orders: customers, days, numbers, and what the table alone is about."""
    start, end = pd.Timestamp(orders.observation_start), pd.Timestamp(orders.observation_end)
    if "customer" in table.frame:
        _spell(table, "customer", known)
        plain, alike = (_plain(ids).str.lstrip("0") for ids in (table.frame["customer"], pd.Series(known)))
        table.leave("zeros", plain.isin(alike) & ~table.frame["customer"].isin(known))
    if name == "customers":
        _keep_one_row_a_name(table, known, end, only_known=is_part)
        return
    if "customer" in table.frame:
        table.leave("unknown", ~table.frame["customer"].isin(known))
    else:  # spend of the month in which the data begin
        start = start.to_period("M").start_time
    table.leave("outside", ~table.frame["date"].between(start, end), "date")
    if name == "points" and "redeemed" not in table.frame:
        earned = table.frame["earned"]
        table.frame = table.frame.assign(earned=earned.clip(lower=0), redeemed=(-earned).clip(lower=0))
    numbers = [role for role in NUMBERS if role in table.frame]
    table.leave(
        "negative", (table.frame[numbers] < 0).any(axis="columns"), "spend" if "spend" in numbers else "customer"
    )
    if name == "points":
        redeemed = table.frame["redeemed"].fillna(0.0)
        table.frame = table.frame.assign(redeemed=redeemed).sort_values(["customer", "date"], kind="stable")
        left = (table.frame["earned"] - table.frame["redeemed"]).groupby(table.frame["customer"]).cumsum()
        table.leave("unearned", (left < 0) & (table.frame["redeemed"] > 0))


def _plain(ids: pd.Series) -> pd.Series:
    visible = ids.str.replace(f"[{INVISIBLE}]", "", regex=True)
    return visible.str.strip().str.casefold().str.replace("[.,]0$", "", regex=True)


def _spell(table: Table, role: str, known: pd.Index) -> None:
    """Ids as the orders have them, where they differ in capitals, blanks or ``.0`` alone."""
    own, ids = pd.Series(known, index=_plain(pd.Series(known))), table.frame[role]
    found = _plain(ids).map(own[~own.index.duplicated(keep=False)]).where(~ids.isin(known))
    table.tell("spelled", found.notna() & ids.notna())
    table.frame = table.frame.assign(**{role: found.fillna(ids)})


def _keep_one_row_a_name(table: Table, known: pd.Index, end: pd.Timestamp, *, only_known: bool) -> None:
    """One row a name, with what does not contradict itself."""
    if only_known:
        table.leave("unknown", ~table.frame["customer"].isin(known))
    yes, no, nothing = (set(found) for found in (words("said_yes"), words("said_no"), NOTHING))
    if "opt_in" in table.frame:
        said = table.frame["opt_in"]
        table.tell("neither", ~said.isin(yes | no | nothing) & said.notna(), "opt_in")
        table.frame = table.frame.assign(opt_in=said.map(dict.fromkeys(yes, True) | dict.fromkeys(no - yes, False)))
    if "enquired" in table.frame:
        said = table.frame["enquired"]
        table.frame = table.frame.assign(enquired=(~said.isin(no)).where(said.notna() & ~said.isin(nothing)))
    if "club_since" in table.frame:
        table.ignore("club_since", "later", table.frame["club_since"] > end)
    by = table.frame.groupby("customer", sort=False)
    for role in (role for role in table.frame if role != "customer"):
        table.ignore(role, "several", by[role].transform("nunique") > 1)
    whole = table.frame.groupby("customer", sort=False).first()
    table.leave("repeated", table.frame.duplicated("customer"))
    table.frame = whole.reset_index()
    if "referred_by" in table.frame:
        everybody = known.union(whole.index, sort=False)
        _spell(table, "referred_by", everybody)
        referred_by = table.frame["referred_by"]
        table.ignore("referred_by", "stranger", referred_by.notna() & ~referred_by.isin(everybody))
        table.ignore("referred_by", "self", _in_circles(table.frame))


def _with_earned(names: pd.DataFrame, channels: tuple[str, ...]) -> pd.DataFrame:
    """Who came by a referral: by somebody who is named, or by a channel that counts as one."""
    if "referred_by" not in names and not channels:
        return names
    by_name, by_channel = (names.get(role, pd.Series(None, names.index)) for role in ("referred_by", "channel"))
    return names.assign(earned=by_name.notna() | by_channel.isin(channels))


def _in_circles(names: pd.DataFrame) -> pd.Series:
    """Who was referred by oneself, or by somebody whom one referred, also over others."""
    by = pd.Index(names["customer"]).get_indexer(names["referred_by"])
    referred = np.flatnonzero(by >= 0)
    graph = coo_array((np.ones(len(referred)), (by[referred], referred)), shape=(len(names), len(names)))
    _, part = connected_components(graph.tocsr(), connection="strong")
    return pd.Series((np.bincount(part)[part] > 1) | (by == np.arange(len(names))), index=names.index)


MOST_ARMS = 20
MISSING_IN_WORDS = "NULL, none, n.v.t. and - count as none, unless the configuration names such an arm"
FEW = 0.5
"""Share of rows below which a table hardly fits."""


def _check(table: Table) -> None:
    """Collects what is wrong with the rows."""
    frame = table.frame
    table.check_filled(*(role for role in table.raw.columns if role not in ("arm", "score", "type")))
    if "score" in frame and frame["score"].isna().all():
        column = table.raw.columns["score"]
        table.add(f"column {column!r} (for score): every value is empty; at least one is needed")
    table.check_order()
    if "arm" in frame:
        _check_arms(table, table.settings)
    for role, several in (("arm", "in several arms"), ("type", "there with several types")):
        if {"customer", role} <= {*frame}:
            is_several = frame.groupby("customer")[role].transform("nunique") > 1
            one, many = f"stands {several}", f"stand {several}"
            table.check_once((role,), is_several, one, many, f"one {role} a customer is allowed")
    table.check_known("type", CUSTOMER_TYPES, f"{', '.join(CUSTOMER_TYPES)} are allowed")


def _check_arms(table: Table, settings: ExperimentConfig) -> None:
    """Words such as NULL are no arms, unless the configuration names such an arm."""
    named = {name.lower() for name in (settings.control, *settings.cost_per_customer)}
    arm = table.frame["arm"]
    nothing = arm.isna() | arm.str.lower().isin([word for word in NOTHING if word not in named])
    table.check(
        ("customer", "arm"), nothing, "row has no arm", "rows have no arm", f"every row needs one ({MISSING_IN_WORDS})"
    )
    table.problems += _problems_in_arms(table, sorted(arm[~nothing].unique()), settings)


def _problems_in_arms(table: Table, arms: list[str], settings: ExperimentConfig) -> Iterator[Problem]:
    column = table.raw.where("arm")
    shown = ", ".join(repr(shortened(arm)) for arm in arms[:EXAMPLES]) + (", …" if len(arms) > EXAMPLES else "")
    if len(arms) == 1:
        yield Problem(f"{column} names one arm only, {shown}; at least two are needed")
    if len(arms) > MOST_ARMS:
        many = f"names {len(arms):,} arms ({shown}); at most {MOST_ARMS} are allowed"
        yield Problem(f"{column} {many}; is it the column of the arms?")
    named = {f"control == {settings.control!r}": settings.control}
    named |= {f"cost_per_customer.{arm}": arm for arm in settings.cost_per_customer}
    for key, name in named.items():
        if arms and name not in arms:
            yield Problem(f"strategies.experiment.{key} is no arm in {table.raw.label}{nearest(name, arms)}", USAGE)


@dataclass(frozen=True)
class LoyaltyTables:
    """What is known beside the orders; None for what is not configured. Ids and names are text, days datetime64.

    Attributes
    ----------
    campaigns
        customer, start, end (first and last day) and, where it is configured, campaign: one row for each customer of
        each campaign.
    promotions
        start, end: one row a promotion.
    satisfaction
        customer, date (of the order), score (float, as it stands in the file): one row an answer.
    customer_types
        customer, type (``service``, ``offer``, ``brand`` or ``at_hand``): one row a customer.
    arms
        customer, arm: one row for each customer of the experiment.
    data_hash
        SHA-256 (hex) over the content of the files; None without any.
    notes
        What is worth saying about them.
    """

    campaigns: pd.DataFrame | None = None
    promotions: pd.DataFrame | None = None
    satisfaction: pd.DataFrame | None = None
    customer_types: pd.DataFrame | None = None
    arms: pd.DataFrame | None = None
    data_hash: str | None = None
    notes: tuple[Message, ...] = ()


def load_loyalty_tables(config: Config, *, workdir: Path) -> LoyaltyTables:
    """The tables that ``config.strategies`` names, read and checked.

    Parameters
    ----------
    config
        A checked configuration; paths resolve against its folder.
    workdir
        Folder for intermediate files.

    Raises
    ------
    InputRefused
        With every problem found in any of them.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "weeks.csv").write_text("from;until\\n3-3-2025;9-3-2025\\n14-4-2025;20-4-2025\\n")
    >>> promotions = {"file": "weeks.csv", "columns": {"start": "from", "end": "until"}}
    >>> sample = {"transactions": {"sample": "cdnow"}}
    >>> config = Config(name="shop", folder=folder.name, data=sample, strategies={"promotions": promotions})
    >>> tables = load_loyalty_tables(config, workdir=Path(folder.name))
    >>> tables.promotions["end"].dt.day.tolist(), tables.arms
    ([9, 20], None)
    """
    frames: dict[str, pd.DataFrame] = {}
    notes: list[Message] = []

    def take(name: str, table: Table) -> None:
        _check(table)
        table.refuse()
        rows = table.frame.drop_duplicates() if name in ("experiment", "customer_types") else table.frame
        frames["arms" if name == "experiment" else name] = frame = rows.dropna().reset_index(drop=True)
        left_out = len(table.frame) - len(frame)
        repeated = Message("Rows that repeat another one and count once: {n:integer}.", n=left_out)
        unscored = Message("Answers without a score, left out: {n:integer}.", n=left_out)
        notes.extend(table.said(TABLE_LABELS[name]))
        notes.extend(where_any(unscored if name == "satisfaction" else repeated))

    digest = read_tables(config, [f"strategies.{name}" for name in LOYALTY_TABLES], workdir, take)
    return LoyaltyTables(**frames, data_hash=digest, notes=tuple(notes))


def loyalty_matches(tables: LoyaltyTables, orders: Orders, *, of_part: bool = False) -> tuple[Message, ...]:
    """How far each table that is there fits the orders; of those that hardly do it with a code, and what does not fit.

    A row fits that names a customer of the orders and, where the table has days, a day of the data: of satisfaction
    the day of one of the customer's orders. Few are fewer than half of the rows; of one part of the data (``of_part``),
    where most customers of a table may rightly not be there, none.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> types = pd.DataFrame({"customer": ["00004", "x", "y"], "type": "offer"})
    >>> [note.code for note in loyalty_matches(LoyaltyTables(customer_types=types), orders)]
    ['loyalty.few']
    """
    frames = {name: getattr(tables, "arms" if name == "experiment" else name) for name in LOYALTY_TABLES}
    return tuple(_match(name, frame, orders, of_part=of_part) for name, frame in frames.items() if frame is not None)


def _at_an_order(satisfaction: pd.DataFrame, orders: Orders) -> np.ndarray:
    """Which rows of satisfaction scores name a customer and a day with an order, shape (rows,)."""
    answers = pd.DataFrame({"row": np.arange(len(satisfaction)), "day": satisfaction["date"].to_numpy()})
    answers["customer"] = orders.histories.places(satisfaction["customer"])
    with scratch(orders.occasions.parent) as connection:
        connection.register("answers", answers)
        found = connection.execute(
            f"""SELECT "row" FROM answers SEMI JOIN {parquet_scan([orders.occasions])} AS o
                ON answers.customer = o.customer AND CAST(answers.day AS DATE) = o.day"""
        ).fetchnumpy()["row"]
    return np.isin(answers["row"], found)


def _match(name: str, frame: pd.DataFrame, orders: Orders, *, of_part: bool) -> Message:
    first, last = pd.Timestamp(orders.observation_start), pd.Timestamp(orders.observation_end)
    fits, counts = np.ones(len(frame), dtype=bool), {}
    if "customer" in frame:
        fits = orders.histories.places(frame["customer"]) >= 0
        counts = {"known": frame["customer"][fits].nunique(), "customers": frame["customer"].nunique()}
    if name == "satisfaction":
        fits = _at_an_order(frame, orders)
    elif "start" in frame:
        fits &= ((frame["end"] >= first) & (frame["start"] <= last)).to_numpy()
    counts |= {"table": TABLE_LABELS[name], "rows": len(frame), "fitting": int(fits.sum())}
    if counts["fitting"] > 0 if of_part else counts["fitting"] >= FEW * len(frame):
        return Message(
            "Rows in the file of {table} that fit the transactions: {fitting:integer} of {rows:integer}.", **counts
        )
    if "known" not in counts:
        return Message(
            "Rows in the file of {table} that fall into the data: {fitting:integer} of {rows:integer}, fewer than "
            "half, so the file says little here. Are its days the right ones?",
            code="loyalty.few", **counts,
        )  # fmt: skip
    return Message(
        "Rows in the file of {table} that fit the transactions: {fitting:integer} of {rows:integer}, fewer than half, "
        "so the file says little here (customers in the transactions: {known:integer} of {customers:integer}). Are "
        "the ids written in the same way in both files, and the days those of the data, of a score that of its order?",
        code="loyalty.few", **counts,
    )  # fmt: skip
