"""Tables beside the transactions that say more of loyalty, and how far they fit these.

Ids of another system match nobody, and wrong days no order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.config import CUSTOMER_TYPES, LOYALTY_TABLES, Config, ExperimentConfig
from analysis.data.engine import parquet_scan, scratch
from analysis.data.formats import NOTHING
from analysis.data.ledger import where_any
from analysis.data.orders import Orders
from analysis.data.samples import further_table
from analysis.data.source import nearest_columns
from analysis.data.tables import EXAMPLES, Table, read_table
from analysis.errors import USAGE, InputRefused, Problem, collecting, shortened
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
    settings, given = further_table(config, f"strategies.{name}")
    table = read_table(f"strategies.{name}", settings, config, workdir / name, given)
    _check(table)
    table.refuse()
    rows = table.frame.drop_duplicates() if name in ("experiment", "customer_types") else table.frame
    frame = rows.dropna().reset_index(drop=True)
    left_out = len(table.frame) - len(frame)
    repeated = Message("Rows that repeat another one and count once: {n:integer}.", n=left_out)
    unscored = Message("Answers without a score, left out: {n:integer}.", n=left_out)
    more = where_any(unscored if name == "satisfaction" else repeated)
    return frame, table.digest, [*table.said(TABLE_NAMES[name]), *more]


def _check(table: Table) -> None:
    """Collects what is wrong with the rows."""
    frame = table.frame
    table.check_filled(*(role for role in table.raw.columns if role not in ("arm", "score", "type")))
    if "score" in frame and frame["score"].isna().all():
        column = table.raw.columns["score"]
        table.add(f"column {column!r} (for score): every value is empty; at least one is needed")
    table.check_order("row ends", "rows end", "an end must be the start or later")
    if "arm" in frame:
        _check_arms(table, table.settings)
    for role, several in (("arm", "in several arms"), ("type", "there with several types")):
        if {"customer", role} <= {*frame}:
            is_several = frame.groupby("customer")[role].transform("nunique") > 1
            one, many = f"stands {several}", f"stand {several}"
            table.check_once((role,), is_several, one, many, f"one {role} a customer is allowed")
    fault = "is no customer type", "are no customer types"
    table.check_known("type", CUSTOMER_TYPES, fault, f"{', '.join(CUSTOMER_TYPES)} are allowed")


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
            with collecting(problems):
                frame, digests[name], said = _rows_of(name, config, workdir)
                frames["arms" if name == "experiment" else name] = frame
                notes += said
    if problems:
        raise InputRefused(problems)
    digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest() if digests else None
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
    ['loyalty.few.ids']
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
    first, last = orders.observation_start, orders.observation_end
    fits, counts, of_few_customers = np.ones(len(frame), dtype=bool), {}, False
    if "customer" in frame:
        fits = orders.histories.places(frame["customer"]) >= 0
        counts = {"known": frame["customer"][fits].nunique(), "customers": frame["customer"].nunique()}
        of_few_customers = counts["known"] < FEW * counts["customers"]
    if name == "satisfaction":
        fits = _at_an_order(frame, orders)
    elif "start" in frame:
        fits &= ((frame["end"] >= pd.Timestamp(first)) & (frame["start"] <= pd.Timestamp(last))).to_numpy()
    counts |= {"rows": len(frame), "fitting": int(fits.sum())}
    if counts["fitting"] > 0 if of_part else counts["fitting"] >= FEW * len(frame):
        return Message(
            "Rows in the file of {table} that fit the transactions: {fitting:integer} of {rows:integer}.",
            table=TABLE_NAMES[name], **counts,
        )  # fmt: skip
    if of_few_customers:
        return Message(
            "Customers in the file of {table} who are in the transactions: {known:integer} of {customers:integer}, "
            "fewer than half, so the file says little here. Are the ids written in the same way in both files?",
            code="loyalty.few.ids", table=TABLE_NAMES[name], **counts,
        )  # fmt: skip
    if name == "satisfaction":
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
        code="loyalty.few.days", table=TABLE_NAMES[name], first=first, last=last, **counts,
    )  # fmt: skip
