"""Contracts by tenure: how many renewals fell due and were made, by starting cohort, and who is still a customer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.config import Config
from analysis.data.engine import Connection, literals, run
from analysis.data.formats import YEARS
from analysis.data.ledger import where_any
from analysis.data.tables import EXAMPLES, Table, opened_table
from analysis.data.vocabulary import words
from analysis.errors import DataError, InputRefused, Problem, counted, shortened
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
    reading, folder = {"months": True, "needed": "one contract"}, workdir / "contracts"
    with opened_table("contracts", config.contracts, config, folder, frame, **reading) as table:
        last_day, notes = _read(table.connection, table, config, as_of)
        digest = table.raw.digest() if table.raw.digest else None
        return _counted(table.connection, table, last_day, notes, config.contracts.period_months, digest)


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


CONTRACTS, STATUSES, STATES = "contracts", "contract_statuses", "contract_states"
"""DuckDB tables: customer, start, stop (NULL where the contract runs on); customer, month, active; customers with the
same history: cohort, periods due, seen, lost or not, running or not, how many."""
DUE = "due > 0 AND seen = due"
YES, NO = words("said_yes"), words("said_no")
"""What is written of a contract that ran, or had ended."""


def _read(connection: Connection, table: Table, config: Config, as_of: dt.date) -> tuple[dt.date, list[Message]]:
    """Makes ``CONTRACTS``, one row a customer, of whichever shape the table has; the last day that is known, and notes.

    Raises
    ------
    InputRefused
        With every problem of the rows.
    """
    columns, readings = config.contracts.columns, table.readings.values()
    read = _of_months if columns.month else _of_tenure if columns.tenure else _of_spans
    last_day, notes = read(connection, table, as_of, config.contracts.period_months)
    nothing = table.readings["end"].nothing if table.has("end") else 0
    told = where_any(
        Message(
            "Contracts whose end is a word for nothing, such as NULL or n.v.t.: {n:integer}. They are taken to run on.",
            n=nothing,
        ),
        Message(
            "Rows that name a month and no day: {n:integer}. The first day of the month is taken.",
            n=0 if columns.month else max((reading.months for reading in readings), default=0),
        ),
    )
    return last_day, [*table.said(Message("contracts")), *told, *notes]


def _of_spans(connection: Connection, table: Table, as_of: dt.date, _months: int) -> tuple[dt.date, list[Message]]:
    """Rows with a start and an end; those of a customer that follow on one another are one contract."""
    table.check_filled("start")
    allowed = "an end must be the start or later, or empty where the contract runs on"
    table.check_order("contract ends", "contracts end", allowed)
    table.check_filled("customer")
    table.refuse()
    start, end = table.value("start"), table.value("end")
    known = f"DATE '{as_of}'"
    run(connection, f"""
        CREATE TEMP TABLE spans AS
        SELECT {table.value("customer")} AS customer, {start} AS start,
               CASE WHEN ({end}) <= {known} THEN {end} END AS stop,
               coalesce(({end}) > {known} AND year({end}) <= {YEARS[1]}, false) AS ahead
        FROM {table.raw.scan}""")  # fmt: skip
    later, running = run(
        connection, f"SELECT count(*) FILTER (start > {known}), count(*) FILTER (start <= {known} AND ahead) FROM spans"
    )[0]
    run(connection, f"""
        CREATE TEMP TABLE spells AS
        SELECT customer, spell, min(start) AS start, CASE WHEN count(stop) = count(*) THEN max(stop) END AS stop,
               count(*) AS contracts
        FROM (SELECT *, sum(CAST(coalesce(start > before + 1, false) AS INTEGER)) OVER (
                            PARTITION BY customer ORDER BY start, number) AS spell
              FROM (SELECT *, row_number() OVER () AS number,
                           max(coalesce(stop, DATE '9999-12-31' - 1)) OVER (
                               PARTITION BY customer ORDER BY start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                           AS before
                    FROM spans WHERE start <= {known}))
        GROUP BY customer, spell""")  # fmt: skip
    run(connection, f"""
        CREATE TEMP TABLE {CONTRACTS} AS
        SELECT customer, min(start) AS start, arg_min(struct_pack(stop := stop), start).stop AS stop FROM spells
        GROUP BY customer""")  # fmt: skip
    joined, returned = run(
        connection, f"SELECT sum(contracts - 1), count(*) - (SELECT count(*) FROM {CONTRACTS}) FROM spells"
    )[0]
    return as_of, where_any(
        Message(
            "Contracts that follow on another one of the customer, taken as one with it: {n:integer}.", n=joined or 0
        ),
        _came_back(returned),
        Message("Contracts that began after the last day that counts, left out: {n:integer}.", n=later),
        Message("Contracts that end after the last day that counts: {n:integer}. They run until then.", n=running),
    )


def _came_back(customers: int) -> Message:
    return Message("Customers who came back after leaving: {n:integer}; their first contract counts.", n=customers)


def _of_tenure(connection: Connection, table: Table, as_of: dt.date, months: int) -> tuple[dt.date, list[Message]]:
    """Rows with a tenure in months and whether the customer left.

    Whoever left did so in the period that the tenure lies in; whoever stays is seen until the last whole period.
    """
    table.check_filled("customer", "tenure")
    churned = _said(table, "churned")
    if table.has("tenure"):
        negative = f"{table.value('tenure')} < 0"
        table.check(
            ("tenure",), negative, "tenure is negative", "tenures are negative", "months since the start are allowed"
        )
    one, many = "stands in more than one row", "stand in more than one row"
    table.check_once((), "count(*) > 1", one, many, "one row a customer is allowed")
    table.refuse()
    tenure = f"CAST(floor({table.value('tenure')}) AS INTEGER)"
    last = f"greatest(CAST(ceil({tenure} / {months}.0) AS INTEGER), 1) * {months}"
    run(connection, f"""
        CREATE TEMP TABLE {CONTRACTS} AS
        SELECT customer, CAST(DATE '{as_of}' - to_months(CASE WHEN churned THEN last ELSE tenure END) AS DATE) AS start,
               CASE WHEN churned THEN least(CAST(start + to_months(tenure) AS DATE), DATE '{as_of}') END AS stop
        FROM (SELECT {table.value("customer")} AS customer, {churned} AS churned, {tenure} AS tenure, {last} AS last
              FROM {table.raw.scan})""")  # fmt: skip
    note = Message("The file of contracts gives tenures and no dates, so cohorts by calendar say nothing here.")
    return as_of, [note]


def _said(table: Table, role: str) -> str:
    """SQL of what a column of yes and no says, NULL where there is none; a problem where it says neither."""
    if not table.has(role):
        return "NULL"
    value = f"lower({table.value(role)})"
    said = f"CASE WHEN {value} IN {literals(YES)} THEN true WHEN {value} IN {literals(NO)} THEN false END"
    column = f"in column {table.raw.columns[role]!r} (for {role})"
    one, many = f"value {column} says neither yes nor no", f"values {column} say neither yes nor no"
    allowed = "true or false, 1 or 0, yes or no, active or inactive (also ended, cancelled) are allowed"
    table.check((role,), f"({said}) IS NULL", one, many, allowed)
    return said


def _of_months(connection: Connection, table: Table, as_of: dt.date, _months: int) -> tuple[dt.date, list[Message]]:
    """Rows with a status by month.

    A contract starts on the first of the first month in which it ran and stops on the first of the next in which it
    did not. The last month is the last day that is known.
    """
    table.check_filled("month")
    active = _said(table, "active")
    table.check_filled("customer")
    who, month = table.value("customer"), f"CAST(date_trunc('month', CAST({table.value('month')} AS DATE)) AS DATE)"
    twice = "has a month twice", "have a month twice"
    table.check_once(("month",), "count(*) > 1", *twice, "one row a customer and month is allowed", each=month)
    if not table.problems:
        run(connection, f"""
            CREATE TEMP TABLE {STATUSES} AS
            SELECT * FROM (SELECT {who} AS customer, {month} AS month, {active} AS active FROM {table.raw.scan})
            WHERE month <= DATE '{as_of}'""")  # fmt: skip
        _check_gaps(table)
    table.refuse()
    last_day, notes = _from_statuses(connection)
    return last_day or as_of, notes


def _check_gaps(table: Table) -> None:
    """Problems with customers of whom a month is missing between their first and last row, or who just stop."""
    found = run(
        table.connection,
        f"""SELECT * FROM (
            SELECT customer, min(month) AS first, max(month) AS last, count(*) AS months,
                   datediff('month', min(month), max(month)) + 1 AS needed,
                   arg_max(active, month) AND last < (SELECT max(month) FROM {STATUSES}) AS stops
            FROM {STATUSES} GROUP BY customer)
        WHERE months < needed OR stops ORDER BY customer""",
    )
    gaps = [
        f"{shortened(customer)!r} has {months} of {needed} months from {first:%Y-%m} to {last:%Y-%m}"
        for customer, first, last, months, needed, _ in found
        if months < needed
    ]
    if gaps:
        words = counted(len(gaps), "customer has gaps", "customers have gaps")
        table.add(f"{words}: {', '.join(gaps[:EXAMPLES])}; every month between the first and the last row is needed")
    ends = [f"{shortened(customer)!r} after {last:%Y-%m}" for customer, _, last, _, _, stops in found if stops]
    if ends:
        words = counted(len(ends), "customer's rows stop", "customers' rows stop")
        allowed = "add the month in which they were no longer active"
        table.add(f"{words} while active and before the last month: {', '.join(ends[:EXAMPLES])}; {allowed}")


def _from_statuses(connection: Connection) -> tuple[dt.date | None, list[Message]]:
    """Makes ``CONTRACTS`` of the first spell of each customer, and says what was left out."""
    first, last = run(connection, f"SELECT min(month), max(month) FROM {STATUSES}")[0]
    run(
        connection,
        f"""CREATE TEMP TABLE {CONTRACTS} AS
        WITH begun AS (SELECT customer, min(month) FILTER (active) AS start FROM {STATUSES} GROUP BY customer)
        SELECT customer, start, min(month) FILTER (NOT active AND month > start) AS stop,
               max(month) FILTER (active) AS last_active
        FROM {STATUSES} JOIN begun USING (customer) GROUP BY customer, start""",
    )
    customers, never, early, returned = run(
        connection,
        f"""SELECT count(*), count(*) FILTER (start IS NULL), count(*) FILTER (start = DATE '{first or dt.date.min}'),
        count(*) FILTER (last_active > stop) FROM {CONTRACTS}""",
    )[0]
    run(connection, f"DELETE FROM {CONTRACTS} WHERE start IS NULL")
    is_known = early and early < customers - never
    if is_known:
        # They began in that month or long before it; only those who began later have a known tenure.
        run(connection, f"DELETE FROM {CONTRACTS} WHERE start = DATE '{first}'")
    return last, where_any(
        Message("Customers who were never active, left out: {n:integer}.", n=never),
        _came_back(returned),
        Message(
            "Customers who were active in the first month of the file, left out since it is not known when they began: "
            "{n:integer}.",
            n=early if is_known else 0,
        ),
        Message(
            "Customers who were active in the first month of the file: {n:integer}. They are taken to have begun in "
            "it, since there are no others.",
            n=0 if is_known else early,
        ),
    )


def _counted(
    connection: Connection, table: Table, last_day: dt.date, notes: list[Message], months: int, digest: str | None
) -> Contracts:
    run(connection, _states(last_day, months))
    customers, longest, due_last, renewed_last, ends = run(connection, f"""
        SELECT sum(customers), max(seen), sum(customers) FILTER ({DUE}), sum(customers) FILTER ({DUE} AND NOT lost),
               sum(customers) FILTER (NOT running AND NOT lost)
        FROM {STATES}""")[0]  # fmt: skip
    _refuse_too_short(table, longest, last_day, months)
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
        as_of=last_day,
        rows_read=table.rows,
        data_hash=digest,
        notes=(*notes, *where_any(unfinished)),
    )


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


def _refuse_too_short(table: Table, longest: int | None, last_day: dt.date, months: int) -> None:
    if longest is None:
        raise DataError(f"{table.raw.label}: none of the contracts in {counted(table.rows, 'row')} began by {last_day}")
    if longest < 2:
        seen = "only first renewals" if longest else "no renewal"
        raise DataError(
            f"{table.raw.label}: {seen} fell due by {last_day}, {months} months or more after a contract began; at "
            "least two tenure periods are needed. Give older contracts too, or set the key `contracts.period_months` "
            "lower where contracts can be ended more often"
        )
