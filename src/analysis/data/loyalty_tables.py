"""Tables beside the transactions that say more of loyalty, and how far they fit these.

Ids of another system match nobody, and wrong days no order.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.config import CUSTOMER_TYPES, LOYALTY_TABLES, Config, ExperimentConfig
from analysis.data.engine import literals, parquet_scan, run, scratch
from analysis.data.formats import NOTHING
from analysis.data.ledger import where_any
from analysis.data.orders import Orders
from analysis.data.samples import further_table
from analysis.data.source import nearest_columns
from analysis.data.tables import EXAMPLES, Table, opened_table
from analysis.errors import USAGE, InputRefused, Problem, shortened
from analysis.words import Message

TABLE_NAMES = {
    "campaigns": Message("campaigns"),
    "promotions": Message("promotions"),
    "satisfaction": Message("satisfaction scores"),
    "customer_types": Message("customer types"),
    "experiment": Message("the experiment"),
}
MOST_ARMS = 20
MISSING_IN_WORDS = "NULL, none, n.v.t. and - count as none, unless the configuration names such an arm"
FEW = 0.5
"""Share of rows below which a table hardly fits."""


def _rows_of(name: str, config: Config, workdir: Path) -> tuple[pd.DataFrame, str, list[Message]]:
    """The checked rows of the table under ``strategies.name``, its digest, and what is worth saying about it.

    Raises
    ------
    InputRefused
        With every problem of its file, columns and rows.
    """
    settings, rows = further_table(config, f"strategies.{name}")
    with opened_table(f"strategies.{name}", settings, config, workdir / name, rows) as table:
        _check(table, settings)
        table.refuse()
        frame = table.frame(distinct=name in ("experiment", "customer_types"))
        left_out = table.rows - table.blank - len(frame)
        repeated = Message("Rows that repeat another one and count once: {n:integer}.", n=left_out)
        unscored = Message("Answers without a score, left out: {n:integer}.", n=left_out)
        more = where_any(unscored if name == "satisfaction" else repeated)
        return frame, table.digest, [*table.said(TABLE_NAMES[name]), *more]


def _check(table: Table, settings) -> None:
    """Collects what is wrong with the rows."""
    table.check_filled(*(role for role in table.raw.columns if role not in ("arm", "score")))
    if table.has("score") and not table.number_of(f"({table.value('score')}) IS NOT NULL"):
        column = table.raw.columns["score"]
        table.add(f"column {column!r} (for score): every value is empty; at least one is needed")
    table.check_order("row ends", "rows end", "an end must be the start or later")
    for role, several in (("arm", "in several arms"), ("type", "there with several types")):
        if not table.has(role):
            continue
        if role == "arm":
            _check_arms(table, settings)
        table.check_once(
            (role,),
            f"count(DISTINCT {table.value(role)}) > 1",
            f"stands {several}",
            f"stand {several}",
            f"one {role} a customer is allowed",
        )
    if table.has("type"):
        column = f"in column {table.raw.columns['type']!r} (for type)"
        unknown = f"coalesce({table.value('type')} NOT IN {literals(CUSTOMER_TYPES)}, false)"
        one, many = f"value {column} is no customer type", f"values {column} are no customer types"
        table.check(("customer", "type"), unknown, one, many, f"{', '.join(CUSTOMER_TYPES)} are allowed")


def _check_arms(table: Table, settings: ExperimentConfig) -> None:
    """Words such as NULL are no arms, unless the configuration names such an arm."""
    named = {name.lower() for name in (settings.control, *settings.cost_per_customer)}
    words, arm = literals(word for word in NOTHING if word not in named), table.value("arm")
    nothing = f"coalesce(lower({arm}) IN {words}, true)"
    table.check(
        ("customer", "arm"), nothing, "row has no arm", "rows have no arm", f"every row needs one ({MISSING_IN_WORDS})"
    )
    found = run(table.connection, f"SELECT DISTINCT {arm} AS arm FROM {table.raw.scan} WHERE NOT {nothing} ORDER BY 1")
    table.problems += _problems_in_arms(table, [name for (name,) in found], settings)


def _problems_in_arms(table: Table, arms: list[str], settings: ExperimentConfig) -> Iterator[Problem]:
    column = f"{table.raw.label}: column {table.raw.columns['arm']!r} (for arm)"
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
            near = nearest_columns(name, arms).replace("columns", "arms")
            yield Problem(f"strategies.experiment.{key} is no arm in {table.raw.label}; {near}", USAGE)


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
    digests: dict[str, str] = {}
    notes: list[Message] = []
    problems: list[Problem] = []
    for name in LOYALTY_TABLES:
        if further_table(config, f"strategies.{name}")[0] is not None:
            try:
                frame, digests[name], said = _rows_of(name, config, workdir)
                frames["arms" if name == "experiment" else name] = frame
                notes += said
            except InputRefused as refused:
                problems += refused.problems
    if problems:
        raise InputRefused(problems)
    digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest() if digests else None
    return LoyaltyTables(**frames, data_hash=digest, notes=tuple(notes))


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


def _match(name: str, frame: pd.DataFrame, transactions: Orders, *, of_part: bool) -> Match:
    fits = np.ones(len(frame), dtype=bool)
    customers = known = None
    if "customer" in frame:
        positions = transactions.histories.places(frame["customer"])
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
