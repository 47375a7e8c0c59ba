"""Contracts by tenure: how many renewals fell due and were made, by starting cohort, and who is still a customer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from analysis.config import Config
from analysis.data.contract_checks import CONTRACTS
from analysis.data.contract_rows import ContractRows, contract_rows, contract_table
from analysis.data.engine import close, connect, run
from analysis.data.notes import Note
from analysis.data.reading import damage_named
from analysis.data.wording import counted
from analysis.errors import CONTENT, InputRefused, Problem


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
    notes: tuple[Note, ...]

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
    connection = connect(workdir)
    try:
        table = contract_table(connection, config, workdir, frame)
        with damage_named(table):
            rows = contract_rows(connection, table, config, as_of)
        digest = table.digest() if table.digest else None
        return _counted(connection, table.label, rows, config.contracts.period_months, digest)
    finally:
        close(connection, workdir)


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


def _counted(
    connection: duckdb.DuckDBPyConnection, label: str, rows: ContractRows, months: int, digest: str | None
) -> Contracts:
    found = run(connection, _states(rows.last_day, months))
    states = _States(*(np.array(column) for column in zip(*found, strict=True))) if found else None
    _refuse_too_short(label, states, rows, months)
    ends = int(states.customers[states.ends_unfinished].sum())
    due = (states.due > 0) & (states.seen == states.due)
    latest_lost = states.lost & (states.seen == states.due)
    return Contracts(
        counts=_counts(states),
        base=_base(states),
        due_last=int(states.customers[due].sum()),
        renewed_last=int(states.customers[due & ~latest_lost].sum()),
        customers=int(states.customers.sum()),
        period_months=months,
        first_start=run(connection, f"SELECT min(start) FROM {CONTRACTS}")[0][0],
        as_of=rows.last_day,
        rows_read=rows.rows_read,
        data_hash=digest,
        notes=(*rows.notes, *([Note("contracts.ended_in_unfinished_period", {"customers": ends})] if ends else [])),
    )


@dataclass(frozen=True)
class _States:
    """Customers with the same history: cohort, periods that fell due, periods seen, lost or not, and how many."""

    cohort: np.ndarray
    due: np.ndarray
    seen: np.ndarray
    lost: np.ndarray
    running: np.ndarray
    customers: np.ndarray

    @property
    def ends_unfinished(self) -> np.ndarray:
        """Those who left in a period whose renewal has not fallen due."""
        return ~self.running & ~self.lost


def _states(as_of: dt.date, months: int) -> str:
    """SQL of the customers by state; a renewal is made where the contract ends after the day on which it fell due."""

    def whole_periods(until: str, reaches: str) -> str:
        periods = f"datediff('month', start, {until}) // {months}"
        due = f"start + to_months(CAST({periods} * {months} AS INTEGER))"
        return f"{periods} - CAST({due} {reaches} {until} AS INTEGER)"

    known = f"DATE '{as_of}'"
    first_month = f"(year(start) * 12 + month(start) - 1) // {months} * {months}"
    return f"""
        WITH periods AS (
            SELECT {first_month} AS first_month, {whole_periods(known, ">")} AS due, stop IS NULL AS running,
                   greatest({whole_periods("stop", ">=")}, 0) AS renewed
            FROM {CONTRACTS})
        SELECT make_date(first_month // 12, first_month % 12 + 1, 1) AS cohort, due,
               CASE WHEN running THEN due ELSE least(renewed + 1, due) END AS seen,
               NOT running AND renewed < due AS lost, running, count(*) AS customers
        FROM periods GROUP BY ALL ORDER BY ALL"""


def _counts(states: _States) -> pd.DataFrame:
    cohorts, of_cohort = np.unique(states.cohort, return_inverse=True)
    shape = (len(cohorts), int(states.seen.max()) + 1)
    last_seen, lost = np.zeros(shape, dtype="int64"), np.zeros(shape, dtype="int64")
    np.add.at(last_seen, (of_cohort, states.seen), states.customers)
    np.add.at(lost, (of_cohort, states.seen), np.where(states.lost, states.customers, 0))
    at_risk = np.cumsum(last_seen[:, ::-1], axis=1)[:, ::-1]
    cohort, period = np.nonzero(at_risk[:, 1:])
    period += 1
    return pd.DataFrame(
        {
            "cohort": pd.to_datetime(cohorts[cohort]),
            "period": period,
            "at_risk": at_risk[cohort, period],
            "renewed": (at_risk - lost)[cohort, period],
            "lost": lost[cohort, period],
        }
    )


def _base(states: _States) -> pd.DataFrame:
    runs = states.running
    parts = {"cohort": states.cohort[runs], "renewals": states.due[runs], "customers": states.customers[runs]}
    return pd.DataFrame({**parts, "cohort": pd.to_datetime(parts["cohort"])})


def _refuse_too_short(label: str, states: _States | None, rows: ContractRows, months: int) -> None:
    if states is None:
        message = f"{label}: none of the contracts in {counted(rows.rows_read, 'row')} began by {rows.last_day}"
        raise InputRefused(Problem(message, CONTENT))
    longest = int(states.seen.max())
    if longest < 2:
        seen = "only first renewals" if longest else "no renewal"
        message = (
            f"{label}: {seen} fell due by {rows.last_day}, {months} months or more after a contract began; at least "
            "two tenure periods are needed. Give older contracts too, or set the key `contracts.period_months` lower "
            "where contracts can be ended more often"
        )
        raise InputRefused(Problem(message, CONTENT))
