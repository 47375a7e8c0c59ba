"""Contracts as rows, one a customer: from starts and ends, or from a status by month."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pandas as pd

from analysis.config import Config
from analysis.data.cells import staged_frame
from analysis.data.contract_checks import CONTRACTS, Checks, note_on, of_contracts, text_of
from analysis.data.contract_dates import date_reading, open_ended, with_open_ends, with_whole_months, without_blank_rows
from analysis.data.contract_months import contracts_of_months
from analysis.data.engine import run
from analysis.data.files import files_and_problems
from analysis.data.notes import Note
from analysis.data.numbers import Reading
from analysis.data.reading import from_files
from analysis.data.source import RawTable
from analysis.errors import CONTENT, InputRefused, Problem


@dataclass(frozen=True)
class ContractRows:
    """The DuckDB table ``CONTRACTS`` with columns customer, start and stop (NULL where the contract runs on).

    Attributes
    ----------
    last_day
        Last day on which the contracts are known.
    rows_read
        Rows of the source.
    notes
        What is worth saying about them.
    """

    last_day: dt.date
    rows_read: int
    notes: tuple[Note, ...]


def contract_table(
    connection: duckdb.DuckDBPyConnection, config: Config, workdir: Path, frame: pd.DataFrame | None
) -> RawTable:
    """The table that ``config.contracts`` (or ``frame``) stands for.

    Raises
    ------
    InputRefused
        When nothing of it can be read. What can be read in part comes back with its ``problems``.
    """
    contracts = config.contracts
    try:
        if frame is not None:
            table = staged_frame(connection, frame, contracts, workdir)
        else:
            paths, problems = files_and_problems([contracts.file], config.folder)
            table = from_files(connection, paths, contracts, workdir, problems)
    except InputRefused as refused:
        raise InputRefused(of_contracts(refused.problems)) from None
    if not table.parts:
        raise InputRefused(of_contracts(table.problems))
    return replace(table, problems=of_contracts(table.problems))


def contract_rows(
    connection: duckdb.DuckDBPyConnection, table: RawTable, config: Config, as_of: dt.date
) -> ContractRows:
    """Every contract that began by ``as_of``, checked.

    Raises
    ------
    InputRefused
        With every problem of the rows.
    """
    rows = _number_of(connection, table)
    filled, skipped = without_blank_rows(connection, table)
    if not _number_of(connection, filled):
        message = f"{table.label}: there are no rows under the header; at least one contract is needed"
        raise InputRefused([*table.problems, Problem(message, CONTENT)])
    read = contracts_of_months if config.contracts.columns.by_month else _from_start_to_end
    last_day, notes = read(connection, filled, config, as_of)
    return ContractRows(last_day, rows, (*table.notes, *skipped, *notes))


def _number_of(connection: duckdb.DuckDBPyConnection, table: RawTable) -> int:
    return run(connection, f"SELECT count(*) FROM {table.scan}")[0][0]


def _from_start_to_end(
    connection: duckdb.DuckDBPyConnection, table: RawTable, config: Config, as_of: dt.date
) -> tuple[dt.date, list[Note]]:
    """One row a contract: makes ``CONTRACTS``."""
    checks = Checks(connection, table)
    dates, noted = _dates(checks, config)
    _check(checks, dates)
    checks.refuse()
    start, end = dates["start"].expression, dates["end"].expression
    run(
        connection,
        f"""CREATE TEMP TABLE {CONTRACTS} AS
        SELECT {text_of(table, "customer")} AS customer, {start} AS start, {end} AS stop FROM {table.scan}""",
    )
    known = f"DATE '{as_of}'"
    later, running = run(
        connection,
        f"""SELECT count(*) FILTER (start > {known}), count(*) FILTER (start <= {known} AND stop > {known})
        FROM {CONTRACTS}""",
    )[0]
    run(connection, f"DELETE FROM {CONTRACTS} WHERE start > {known}")
    run(connection, f"UPDATE {CONTRACTS} SET stop = NULL WHERE stop > {known}")
    notes = [*note_on("contracts.started_after_end", later), *note_on("contracts.end_lies_ahead", running)]
    read = dict.fromkeys(note.key for reading in dates.values() for note in reading.notes)
    return as_of, [*(Note(key) for key in read), *noted, *notes]


def _dates(checks: Checks, config: Config) -> tuple[dict[str, Reading], list[Note]]:
    """How starts and ends are read, and what is taken for something that is not written."""
    connection, table, notes = checks.connection, checks.table, []
    if checks.has("end"):
        table, is_open = with_open_ends(checks)
        notes += note_on("contracts.end_read_as_running", checks.number_of(is_open))
    months = []
    for role in ("start", "end"):
        if config.contracts.date_format is None:
            table, is_month = with_whole_months(table, role)
            months.append(is_month)
    notes += note_on("contracts.month_read_as_first_day", checks.number_of(" OR ".join(months) or "false"))
    dates = {role: date_reading(connection, table, role, config) for role in ("start", "end") if checks.has(role)}
    if "end" in dates:
        dates["end"] = open_ended(dates["end"])
    return dates, notes


def _check(checks: Checks, dates: dict[str, Reading]) -> None:
    for role, reading in dates.items():
        checks.dates(role, reading)
    readable = {role: reading.expression for role, reading in dates.items() if not reading.problems}
    if "start" in readable:
        checks.missing("start", f"NOT coalesce({dates['start'].unreadable}, false) AND {readable['start']}")
    if len(readable) == 2:
        checks.rows(
            ("start", "end"),
            f"{readable['end']} < {readable['start']}",
            "contract ends before it starts",
            "contracts end before they start",
            "an end must be the start or later, or empty where the contract runs on",
        )
    if checks.has("customer"):
        customer = text_of(checks.table, "customer")
        checks.missing("customer", customer)
        checks.repeated(
            (customer,),
            "customer stands in more than one row",
            "customers stand in more than one row",
            "one row a customer is allowed: make one of contracts that follow on one another",
        )
