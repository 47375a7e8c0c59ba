"""One table that says more of loyalty: its columns read, its rows checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pandas as pd

from analysis.config import Config, CustomerTypesConfig, ExperimentConfig, TypesConfig
from analysis.data.contract_checks import EXAMPLES, Checks
from analysis.data.contract_dates import NO_END, without_blank_rows
from analysis.data.engine import literals, quoted, run
from analysis.data.files import files_and_problems
from analysis.data.headers import nearest_columns
from analysis.data.notes import Note
from analysis.data.numbers import Reading, read_number
from analysis.data.reading import damage_named, from_files
from analysis.data.rows import TypedRows, problems_in_values, read_id
from analysis.data.sections import read_day, told_of
from analysis.data.source import RawTable, shortened
from analysis.data.wording import counted
from analysis.errors import CONTENT, USAGE, InputRefused, Problem

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
    notes: tuple[Note, ...]


def loyalty_rows(connection: duckdb.DuckDBPyConnection, name: str, config: Config, workdir: Path) -> LoyaltyRows:
    """The table that stands under ``strategies.name``: one column a role.

    Raises
    ------
    InputRefused
        With every problem of its file, columns and rows.
    """
    section, settings = f"strategies.{name}", getattr(config.strategies, name)
    table = _table(connection, section, settings, config, workdir)
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


def _table(connection: duckdb.DuckDBPyConnection, section: str, settings, config: Config, workdir: Path) -> RawTable:
    try:
        paths, problems = files_and_problems([settings.file], config.folder)
        table = from_files(connection, paths, settings, workdir, problems)
    except InputRefused as refused:
        raise InputRefused(told_of(section, refused.problems)) from None
    if not table.parts:
        raise InputRefused(told_of(section, table.problems))
    return replace(table, problems=told_of(section, table.problems))


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
        yield Problem(f"{column} names one arm only, {shown}; at least two are needed", CONTENT)
    if len(arms) > MOST_ARMS:
        many = f"names {len(arms):,} arms ({shown}); at most {MOST_ARMS} are allowed"
        yield Problem(f"{column} {many}; is it the column of the arms?", CONTENT)
    named = {f"control == {settings.control!r}": settings.control}
    named |= {f"cost_per_customer.{arm}": arm for arm in settings.cost_per_customer}
    for key, name in named.items():
        if arms and name not in arms:
            near = nearest_columns(name, arms).replace("columns", "arms")
            yield Problem(f"strategies.experiment.{key} is no arm in {table.label}; {near}", USAGE)


def _notes(name: str, skipped: list[Note], readings: dict[str, Reading]) -> Iterator[Note]:
    for note in skipped:
        yield Note("loyalty.blank_rows_skipped", {"table": name, **note.numbers})
    if any(note.key == "data.offsets_read_as_utc" for reading in readings.values() for note in reading.notes):
        yield Note("loyalty.offsets_read_as_utc", {"table": name})


def _kept(checks: Checks, readings: dict[str, Reading], name: str, notes: tuple[Note, ...], digest: str) -> LoyaltyRows:
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
    if left_out := checks.number_of("true") - len(frame):
        key = "loyalty.rows_repeated" if distinct else "loyalty.rows_without_score"
        notes = (*notes, Note(key, {"rows": left_out}))
    return LoyaltyRows(frame, digest, notes)
