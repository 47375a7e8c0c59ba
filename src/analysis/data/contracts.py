"""Contracts by tenure: how many renewals fell due and were made, by starting cohort, and who is still a customer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.config import Config
from analysis.data.checks import further_table
from analysis.data.contract_rows import CONTRACTS, ContractRows, contract_rows
from analysis.data.engine import Connection, run, scratch
from analysis.data.notes import where_any
from analysis.data.reading import damage_named
from analysis.data.wording import counted
from analysis.errors import DataError, InputRefused, Problem
from analysis.words import Message


@dataclass(frozen=True)
class Contracts:
    """What contracts say about retention.

    Tenure is counted in periods of ``period_months``; the renewal at the end of period t falls due t periods after the
    start. A customer counts in a period only once its renewal fell due by ``as_of``, and so does one who left before it
    fell due: young cohorts are censored without bias.

    Attributes
    ----------
    counts
        cohort (first day of the calendar period in which the contracts began), period (from 1), at_risk (customers
        whose renewal at its end fell due), renewed, lost: one row a cohort and period with somebody at risk.
    base
        cohort, renewals (made so far), customers: those whose contract runs at ``as_of``.
    due_last, renewed_last
        Each customer's latest renewal that fell due: how many there were, all cohorts together, and how many were
        made. Their ratio is the aggregate retention rate of the last period.
    customers
        Contracts counted or running.
    period_months
        Months from one renewal to the next.
    first_start, as_of
        First day a contract began; last day on which they are known.
    rows_read
        Rows of the source.
    data_hash
        SHA-256 (hex) over the content of the file; None for a frame.
    notes
        What is worth saying about them.
    """

    counts: pd.DataFrame
    base: pd.DataFrame
    due_last: int
    renewed_last: int
    customers: int
    period_months: int
    first_start: dt.date
    as_of: dt.date
    rows_read: int
    data_hash: str | None
    notes: tuple[Message, ...]

    @property
    def by_period(self) -> pd.DataFrame:
        """period, at_risk, renewed, lost: all cohorts together."""
        return self.counts.groupby("period", as_index=False)[["at_risk", "renewed", "lost"]].sum()


def load_contracts(config: Config, *, as_of: dt.date, workdir: Path, frame: pd.DataFrame | None = None) -> Contracts:
    """Contracts as ``config.contracts`` describes them, up to ``as_of``, counted.

    Parameters
    ----------
    config
        A checked configuration with the section ``contracts``.
    as_of
        Last day that counts: the ``observation_end`` of the transactions. A contract that ends later runs on.
    workdir
        Folder for intermediate files.
    frame
        A table that stands in for the configured file.

    Raises
    ------
    InputRefused
        With every problem found.

    Examples
    --------
    >>> import tempfile
    >>> columns = {"customer": "who", "start": "from", "end": "until"}
    >>> contracts = {"file": "frame", "columns": columns}
    >>> config = Config(name="gym", data={"transactions": {"sample": "cdnow"}}, contracts=contracts)
    >>> rows = [("a", "2020-03-01", None), ("b", "2020-05-01", "2021-05-01"), ("c", "2020-07-01", "2022-08-15")]
    >>> frame = pd.DataFrame(rows, columns=["who", "from", "until"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gym = load_contracts(config, as_of=dt.date(2022, 12, 31), workdir=Path(folder), frame=frame)
    >>> gym.by_period[["period", "at_risk", "lost"]].values.tolist()
    [[1, 3, 1], [2, 2, 0]]
    """
    workdir = workdir / "contracts"
    with scratch(workdir) as connection:
        table = further_table(connection, "contracts", config.contracts, config, workdir, frame)
        with damage_named(table):
            rows = contract_rows(connection, table, config, as_of)
        digest = table.digest() if table.digest else None
        return _counted(connection, table.label, rows, config.contracts.period_months, digest)


def problems_in_contracts(config: Config, workdir: Path) -> tuple[Problem, ...]:
    """Every problem in the configured contracts, where the transactions, and so the last day, cannot be read."""
    if config.contracts is None:
        return ()
    last_day = config.data.observation_end or dt.datetime.now(dt.UTC).date()
    try:
        load_contracts(config, as_of=last_day, workdir=workdir)
    except InputRefused as refused:
        return refused.problems
    return ()


def _counted(connection: Connection, label: str, rows: ContractRows, months: int, digest: str | None) -> Contracts:
    run(connection, _states(rows.last_day, months))
    customers, longest, due_last, renewed_last, ends = run(connection, f"""
        SELECT sum(customers), max(seen), sum(customers) FILTER ({DUE}), sum(customers) FILTER ({DUE} AND NOT lost),
               sum(customers) FILTER (NOT running AND NOT lost)
        FROM {STATES}""")[0]  # fmt: skip
    _refuse_too_short(label, longest, rows, months)
    counts = connection.execute(f"""
        SELECT cohort, CAST(period AS BIGINT) AS period, CAST(sum(customers) AS BIGINT) AS at_risk,
               at_risk - CAST(coalesce(sum(customers) FILTER (lost AND seen = period), 0) AS BIGINT) AS renewed,
               at_risk - renewed AS lost
        FROM (SELECT *, unnest(range(1, seen + 1)) AS period FROM {STATES})
        GROUP BY cohort, period ORDER BY cohort, period""").df()
    running = f"SELECT cohort, due AS renewals, customers FROM {STATES} WHERE running ORDER BY cohort, due"
    unfinished = Message(
        "Customers who left before a renewal that has not fallen due yet: {n:integer}. They count up to the one "
        "before.",
        n=int(ends or 0),
    )
    return Contracts(
        counts=counts,
        base=connection.execute(running).df(),
        due_last=int(due_last or 0),
        renewed_last=int(renewed_last or 0),
        customers=int(customers),
        period_months=months,
        first_start=run(connection, f"SELECT min(start) FROM {CONTRACTS}")[0][0],
        as_of=rows.last_day,
        rows_read=rows.rows_read,
        data_hash=digest,
        notes=(*rows.notes, *where_any(unfinished)),
    )


STATES = "contract_states"
"""DuckDB table of customers with the same history: cohort, periods due, seen, lost or not, running or not, how many."""
DUE = "due > 0 AND seen = due"


def _states(as_of: dt.date, months: int) -> str:
    """SQL that makes ``STATES``; a renewal is made where the contract ends after the day on which it fell due."""

    def whole_periods(until: str, reaches: str) -> str:
        periods = f"datediff('month', start, {until}) // {months}"
        due = f"start + to_months(CAST({periods} * {months} AS INTEGER))"
        return f"{periods} - CAST({due} {reaches} {until} AS INTEGER)"

    known = f"DATE '{as_of}'"
    first_month = f"(year(start) * 12 + month(start) - 1) // {months} * {months}"
    return f"""
        CREATE TEMP TABLE {STATES} AS
        WITH periods AS (
            SELECT {first_month} AS first_month, {whole_periods(known, ">")} AS due, stop IS NULL AS running,
                   greatest({whole_periods("stop", ">=")}, 0) AS renewed
            FROM {CONTRACTS})
        SELECT make_date(first_month // 12, first_month % 12 + 1, 1) AS cohort, due,
               CASE WHEN running THEN due ELSE least(renewed + 1, due) END AS seen,
               NOT running AND renewed < due AS lost, running, count(*) AS customers
        FROM periods GROUP BY ALL"""


def _refuse_too_short(label: str, longest: int | None, rows: ContractRows, months: int) -> None:
    if longest is None:
        raise DataError(f"{label}: none of the contracts in {counted(rows.rows_read, 'row')} began by {rows.last_day}")
    if longest < 2:
        seen = "only first renewals" if longest else "no renewal"
        raise DataError(
            f"{label}: {seen} fell due by {rows.last_day}, {months} months or more after a contract began; at least "
            "two tenure periods are needed. Give older contracts too, or set the key `contracts.period_months` lower "
            "where contracts can be ended more often"
        )
