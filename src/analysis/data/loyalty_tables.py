"""Tables beside the transactions that say more of loyalty: campaigns, satisfaction, customer types, an experiment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from analysis.config import LOYALTY_TABLES, Config, CustomerTypesConfig, ExperimentConfig, TypesConfig
from analysis.data.checks import EXAMPLES, NO_END, Checks, further_table, read_day, told_of, without_blank_rows
from analysis.data.engine import Connection, literals, quoted, run, scratch
from analysis.data.notes import where_any
from analysis.data.numbers import Reading, read_number
from analysis.data.reading import damage_named
from analysis.data.rows import TypedRows, problems_in_values, read_id
from analysis.data.source import RawTable, nearest_columns
from analysis.data.wording import counted
from analysis.errors import USAGE, InputRefused, Problem, shortened
from analysis.words import Message

TABLE_NAMES = {
    "campaigns": Message("campaigns"),
    "promotions": Message("promotions"),
    "satisfaction": Message("satisfaction scores"),
    "customer_types": Message("customer types"),
    "experiment": Message("the experiment"),
}
DAYS, NUMBERS = ("start", "end", "date"), ("score",)
MAY_BE_EMPTY = ("score",)
MOST_ARMS = 20
MISSING_IN_WORDS = "NULL, none, n.v.t. and - count as none, unless the configuration names such an arm"
CUSTOMER_TYPES = tuple(TypesConfig.model_fields)
TYPES = {"start": "datetime64[s]", "end": "datetime64[s]", "date": "datetime64[s]", "score": "float64"}
SQL_TYPES = {**dict.fromkeys(DAYS, "TIMESTAMP_S"), **dict.fromkeys(NUMBERS, "DOUBLE")}


@dataclass(frozen=True)
class LoyaltyRows:
    """The checked rows of a table, in an order of their own, with the SHA-256 over the content of its files."""

    frame: pd.DataFrame
    digest: str
    notes: tuple[Message, ...]


def loyalty_rows(connection: Connection, name: str, config: Config, workdir: Path) -> LoyaltyRows:
    """The table that stands under ``strategies.name``: one column a role.

    Raises
    ------
    InputRefused
        With every problem of its file, columns and rows.
    """
    section, settings = f"strategies.{name}", getattr(config.strategies, name)
    table = further_table(connection, section, settings, config, workdir)
    with damage_named(table):
        filled, skipped = without_blank_rows(connection, table)
        checks = Checks(connection, filled, section)
        if not checks.number_of("true"):
            checks.add("there are no rows under the header; at least one is needed")
            checks.refuse()
        readings = _readings(checks, settings, config)
        _check(checks, readings)
        if isinstance(settings, ExperimentConfig) and {"customer", "arm"} <= set(readings):
            _check_arms(checks, readings, settings)
        if isinstance(settings, CustomerTypesConfig) and {"customer", "type"} <= set(readings):
            _check_types(checks, readings)
        # What is wrong with the format of dates is wrong with every column of them.
        checks.problems = list(dict.fromkeys(checks.problems))
        checks.refuse()
        noted = _notes(name, skipped, readings)
        return _kept(checks, readings, name, (*table.notes, *noted), table.digest())


def _readings(checks: Checks, settings, config: Config) -> dict[str, Reading]:
    """How each column that is there is read; what stands in the way goes to ``checks``."""
    connection, table, section = checks.connection, checks.table, checks.section
    readings = {}
    for role in table.columns:
        if role in DAYS:
            form, zone = settings.date_format, config.data.timezone
            reading = read_day(connection, table, role, section=section, date_format=form, timezone=zone)
            checks.dates(role, reading)
        elif role in NUMBERS:
            reading = read_number(connection, table, role, settings.decimal)
            checks.problems += told_of(section, reading.problems)
        else:
            reading = read_id(table, role)
            text = f"CAST({reading.expression} AS VARCHAR)"
            expression = text if role == "customer" else f"NULLIF(trim({text}), '')"
            if role == "arm":
                expression = f"CASE WHEN NOT {_says_missing(expression, settings)} THEN {expression} END"
            reading = replace(reading, expression=expression)
        if not reading.problems:
            readings[role] = reading
    values = {role: reading for role, reading in readings.items() if role not in DAYS}
    checks.problems += told_of(section, problems_in_values(connection, TypedRows(table.scan, table, values)))
    return readings


def _says_missing(arm: str, settings: ExperimentConfig) -> str:
    """SQL of whether a name is a word such as NULL, and no arm that the configuration names."""
    named = {name.lower() for name in (settings.control, *settings.cost_per_customer)}
    return f"coalesce(lower({arm}) IN {literals(word for word in NO_END if word not in named)}, false)"


def _check(checks: Checks, readings: dict[str, Reading]) -> None:
    for role, reading in readings.items():
        if role == "arm":
            checks.rows(
                tuple(name for name in ("customer", "arm") if checks.has(name)),
                f"({reading.expression}) IS NULL",
                "row has no arm",
                "rows have no arm",
                f"every row needs one ({MISSING_IN_WORDS})",
            )
        elif role not in MAY_BE_EMPTY:
            read = f"CAST({reading.expression} AS VARCHAR)"
            checks.missing(role, f"CASE WHEN coalesce({reading.unreadable}, false) THEN 'unread' ELSE {read} END")
        elif not checks.number_of(f"({reading.expression}) IS NOT NULL OR coalesce({reading.unreadable}, false)"):
            checks.add(
                f"column {checks.table.columns[role]!r} (for {role}): every value is empty; at least one is needed"
            )
    if {"start", "end"} <= set(readings):
        checks.rows(
            ("start", "end"),
            f"{readings['end'].expression} < {readings['start'].expression}",
            "row ends before it starts",
            "rows end before they start",
            "an end must be the start or later",
        )


def _check_one_each(checks: Checks, readings: dict[str, Reading], role: str, one: str, many: str) -> None:
    """A problem where a customer stands with several values of a role."""
    customer, value = readings["customer"].expression, readings[role].expression
    scan = checks.table.scan
    twice = f"SELECT {customer} AS customer FROM {scan} GROUP BY 1 HAVING count(DISTINCT {value}) > 1 ORDER BY 1"
    if customers := [found for (found,) in run(checks.connection, twice) if found is not None]:
        columns = [checks.table.columns[name] for name in ("customer", role)]
        first = f"{customer} IN {literals(customers[:EXAMPLES])}"
        examples = checks.table.examples(checks.connection, columns, first)
        found = counted(len(customers), f"customer {many}", f"customers {many.replace('stands', 'stand')}")
        checks.add(f"{found}: {examples}; one {one} a customer is allowed")


def _check_types(checks: Checks, readings: dict[str, Reading]) -> None:
    _check_one_each(checks, readings, "type", "type", "stands there with several types")
    column = checks.table.columns["type"]
    checks.rows(
        ("customer", "type"),
        f"coalesce({readings['type'].expression} NOT IN {literals(CUSTOMER_TYPES)}, false)",
        f"value in column {column!r} (for type) is no customer type",
        f"values in column {column!r} (for type) are no customer types",
        f"{', '.join(CUSTOMER_TYPES)} are allowed",
    )


def _check_arms(checks: Checks, readings: dict[str, Reading], settings: ExperimentConfig) -> None:
    _check_one_each(checks, readings, "arm", "arm", "stands in several arms")
    arm, scan = readings["arm"].expression, checks.table.scan
    arms = run(checks.connection, f"SELECT DISTINCT {arm} AS arm FROM {scan} WHERE arm IS NOT NULL ORDER BY arm")
    checks.problems += _problems_in_arms(checks.table, [name for (name,) in arms], settings)


def _problems_in_arms(table: RawTable, arms: list[str], settings: ExperimentConfig) -> Iterator[Problem]:
    column = f"{table.label}: column {table.columns['arm']!r} (for arm)"
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
            yield Problem(f"strategies.experiment.{key} is no arm in {table.label}; {near}", USAGE)


def _notes(name: str, skipped: int, readings: dict[str, Reading]) -> list[Message]:
    table = TABLE_NAMES[name]
    notes = where_any(Message("Empty rows in the file of {table}, skipped: {n:integer}.", n=skipped, table=table))
    if any(reading.in_utc for reading in readings.values()):
        notes.append(
            Message(
                "Times in the file of {table} carry an offset and no time zone is configured, so a day there is a day "
                "in UTC.",
                table=table,
            )
        )
    return notes


def _kept(
    checks: Checks, readings: dict[str, Reading], name: str, notes: tuple[Message, ...], digest: str
) -> LoyaltyRows:
    """The rows of a table, those without a score and repeated assignments left out."""
    selected = ", ".join(
        f"CAST({reading.expression} AS {SQL_TYPES.get(role, 'VARCHAR')}) AS {quoted(role)}"
        for role, reading in readings.items()
    )
    distinct = "DISTINCT " if name in ("experiment", "customer_types") else ""
    rows = f"SELECT {distinct}{selected} FROM {checks.table.scan}"
    filled = " AND ".join(f"{quoted(role)} IS NOT NULL" for role in readings)
    columns = checks.connection.execute(f"SELECT * FROM ({rows}) WHERE {filled} ORDER BY ALL").fetchnumpy()
    frame = pd.DataFrame({role: pd.Series(columns[role]).astype(TYPES.get(role, "str")) for role in readings})
    left_out = checks.number_of("true") - len(frame)
    repeated = Message("Rows that repeat another one and count once: {n:integer}.", n=left_out)
    unscored = Message("Answers without a score, left out: {n:integer}.", n=left_out)
    return LoyaltyRows(frame, digest, (*notes, *where_any(repeated if distinct else unscored)))


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
    found: dict[str, LoyaltyRows] = {}
    problems: list[Problem] = []
    for name in LOYALTY_TABLES:
        if getattr(config.strategies, name) is not None:
            try:
                with scratch(workdir / name) as connection:
                    found[name] = loyalty_rows(connection, name, config, workdir / name)
            except InputRefused as refused:
                problems += refused.problems
    if problems:
        raise InputRefused(problems)
    return LoyaltyTables(
        **{"arms" if name == "experiment" else name: rows.frame for name, rows in found.items()},
        data_hash=_digest({name: rows.digest for name, rows in found.items()}) if found else None,
        notes=tuple(note for rows in found.values() for note in rows.notes),
    )


def _digest(of_tables: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(of_tables, sort_keys=True).encode()).hexdigest()
