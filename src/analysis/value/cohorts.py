"""Retention by cohort: who of those who first ordered together ordered again in each later period of their lives."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data import Note, Transactions
from analysis.interval import Interval
from analysis.timeunits import TimeUnit, to_days
from analysis.value.history import birth_days, births_unknown, history
from analysis.value.proportions import share_interval

MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}
MOST_COHORTS = 24


@dataclass(frozen=True)
class Cohort:
    """Customers whose first orders fall into the same calendar month, quarter or year.

    Attributes
    ----------
    start, end
        First and last day of the calendar period, cut to the window of the data.
    customers
        How many there are, gone or not.
    complete_periods
        Periods of life that all of them have behind them.
    """

    start: dt.date
    end: dt.date
    customers: int
    complete_periods: int


@dataclass(frozen=True)
class Cohorts:
    """The triangle: cohorts by period of life.

    The k-th period of a customer's life is the k-th month, quarter or year after the first order, by that customer's
    own age: ages above (k - 1) ``period_days`` and up to k ``period_days``. The first order itself is in none. A cell
    is there only where every customer of the cohort has been observed to the end of the period.

    Attributes
    ----------
    unit
        ``month``, ``quarter`` or ``year``: of the cohorts and of the periods of life.
    period_days
        Length of a period of life.
    cohorts
        The rows, oldest first; those without customers are left out.
    ordered
        Customers of the cohort who ordered in the period, shape (cohorts, periods), NaN where incomplete; the columns
        are periods 1, 2, ….
    share
        ``ordered`` over the cohort's customers.
    spent
        Amount of the cohort's orders in the period [currency], same shape; None without money.
    first_spent
        Amount of the cohort's first orders [currency], shape (cohorts,); None without money.
    average
        For each period the share over all cohorts that have it, with Jeffreys' interval: customers are taken as
        independent and cohorts as alike. Later periods rest on fewer and older cohorts, so its shape mixes age and
        cohort.
    average_customers
        Customers behind each average, shape (periods,).
    notes
        ``retention.note.one_cohort`` (start, end, customers) where there is nothing to compare.
    """

    unit: str
    period_days: float
    cohorts: tuple[Cohort, ...]
    ordered: np.ndarray
    share: np.ndarray
    spent: np.ndarray | None
    first_spent: np.ndarray | None
    average: tuple[Interval, ...]
    average_customers: np.ndarray
    notes: tuple[Note, ...] = ()


def retention_cohorts(transactions: Transactions, *, level: float = 0.9) -> Cohorts | Note:
    """Cohorts by month of the first order, or by quarter or year where months would make more than 24 of them.

    Returns
    -------
    Cohorts or Note
        Note keys: ``retention.reason.births_unknown``; ``retention.reason.too_short_for_cohorts`` (days_needed,
        days_there) where no cohort has a whole period behind it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from analysis.config import Config
    >>> from analysis.data import load_transactions
    >>> config = Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})
    >>> folder = tempfile.TemporaryDirectory()
    >>> found = retention_cohorts(load_transactions(config, workdir=Path(folder.name)))
    >>> [(cohort.customers, cohort.complete_periods) for cohort in found.cohorts]
    [(781, 16), (857, 16), (719, 15)]
    >>> found.share[:, :2].round(3).tolist()
    [[0.175, 0.147], [0.186, 0.144], [0.159, 0.118]]
    """
    if unknown := births_unknown(transactions):
        return unknown
    birth = birth_days(transactions)
    unit, labels = _calendar_periods(birth)
    period_days = MONTHS_OF[unit] * to_days(1, TimeUnit.MONTH)
    values, member = np.unique(labels, return_inverse=True)
    customers = np.bincount(member)
    youngest = np.full(len(values), np.datetime64(0, "D"))
    np.maximum.at(youngest, member, birth)
    age = (np.datetime64(transactions.observation_end) - youngest).astype(np.int64)
    complete = np.floor_divide(age, period_days).astype(int)
    if complete.max() < 1:
        needed = int(np.ceil(period_days)) + 1
        there = (transactions.observation_end - transactions.observation_start).days + 1
        return Note("retention.reason.too_short_for_cohorts", {"days_needed": needed, "days_there": there})
    cells = _cells(transactions, birth, member, period_days, (len(values), int(complete.max())))
    empty = np.arange(1, complete.max() + 1) > complete[:, None]
    cells = {name: np.where(empty, np.nan, table) if table.ndim == 2 else table for name, table in cells.items()}
    rows = tuple(
        _cohort(transactions, value, MONTHS_OF[unit], int(size), int(periods))
        for value, size, periods in zip(values, customers, complete, strict=True)
    )
    whole = np.where(empty, 0, customers[:, None]).sum(axis=0)
    parts = np.nansum(cells["ordered"], axis=0)
    return Cohorts(
        unit=unit,
        period_days=period_days,
        cohorts=rows,
        ordered=cells["ordered"],
        share=cells["ordered"] / customers[:, None],
        spent=cells["spent"] if transactions.has_money else None,
        first_spent=cells["first_spent"] if transactions.has_money else None,
        average=tuple(share_interval(int(part), int(n), level) for part, n in zip(parts, whole, strict=True)),
        average_customers=whole,
        notes=_notes(rows),
    )


def _calendar_periods(birth: np.ndarray) -> tuple[str, np.ndarray]:
    """The finest unit with few enough cohorts, and the number of each customer's period since 1970."""
    months = birth.astype("datetime64[M]").astype(np.int64)
    spans = {unit: int(months.max() // length - months.min() // length) for unit, length in MONTHS_OF.items()}
    unit = next((unit for unit, span in spans.items() if span < MOST_COHORTS), "year")
    return unit, months // MONTHS_OF[unit]


def _cohort(transactions: Transactions, value: np.int64, months: int, customers: int, periods: int) -> Cohort:
    first, after = (
        np.datetime64(int(each) * months, "M").astype("datetime64[D]").item() for each in (value, value + 1)
    )
    end = min(after - dt.timedelta(days=1), transactions.observation_end)
    return Cohort(max(first, transactions.observation_start), end, customers, periods)


def _cells(
    transactions: Transactions, birth: np.ndarray, member: np.ndarray, period_days: float, shape: tuple[int, int]
) -> dict[str, np.ndarray]:
    """``ordered`` and ``spent`` of every cell, and ``first_spent`` of every cohort, complete or not."""
    born = pd.DataFrame({"customer": np.arange(len(birth)), "birth": birth.astype("datetime64[s]"), "cohort": member})
    with history(transactions, born=born) as (connection, occasions):
        found = connection.execute(f"""
            WITH ages AS (
                SELECT o.customer, cohort, amount,
                       CAST(ceil(date_diff('day', CAST(birth AS DATE), day) / {period_days!r}) AS INTEGER) AS period
                FROM {occasions} AS o JOIN born USING (customer)),
            lives AS (
                SELECT customer, any_value(cohort) AS cohort, period, sum(CAST(amount AS DECIMAL(38, 6))) AS spent
                FROM ages WHERE period <= {shape[1]} GROUP BY customer, period)
            SELECT cohort, period, count(*) AS customers, CAST(sum(spent) AS DOUBLE) AS spent
            FROM lives GROUP BY cohort, period""").fetchnumpy()
    ordered, spent = np.zeros((shape[0], shape[1] + 1)), np.zeros((shape[0], shape[1] + 1))
    place = found["cohort"], found["period"]
    ordered[place], spent[place] = found["customers"], found["spent"]
    return {"ordered": ordered[:, 1:], "spent": spent[:, 1:], "first_spent": spent[:, 0]}


def _notes(cohorts: tuple[Cohort, ...]) -> tuple[Note, ...]:
    if len(cohorts) > 1:
        return ()
    (only,) = cohorts
    return (Note("retention.note.one_cohort", {"start": only.start, "end": only.end, "customers": only.customers}),)
