"""Contracts by tenure: how many renewals fell due and were made, by starting cohort, and who is still a customer."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.config import Config, config_from_mapping
from analysis.config.config import ContractColumns
from analysis.data.ledger import where_any
from analysis.data.orders import source_and_frame, told_of_arguments
from analysis.data.tables import Table, read_table
from analysis.data.vocabulary import words
from analysis.errors import DataError, UsageError, counted
from analysis.tables import Result
from analysis.words import Message


@dataclass(frozen=True, repr=False)
class Contracts(Result):
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
        cohort, renewals (made so far), customers: those whose contract runs at ``as_of``; ahead, the mean share of a
        period until their next renewal, above 0 and at most 1.
    due_last, renewed_last
        Each customer's latest renewal that fell due: how many there were, all cohorts together, and how many were
        made. Their ratio is the aggregate retention rate of the last period. 0 of tenures, which do not say when
        customers left.
    customers
        Contracts counted or running.
    period_months
        Months from one renewal to the next.
    first_start, as_of
        First day a contract began; last day on which they are known.
    rows_read
        Rows of the source.
    data_hash
        SHA-256 (hex) over the content of the file.
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
    data_hash: str
    notes: tuple[Message, ...]

    main = "by_period"

    @property
    def by_period(self) -> pd.DataFrame:
        """period, at_risk, renewed, lost: all cohorts together."""
        return self.counts.groupby("period", as_index=False)[["at_risk", "renewed", "lost"]].sum()


def read_contracts(
    source: Any, *, customer: str, observation_end: dt.date | str, period_months: int = 12, **settings: Any
) -> Contracts:
    """Contracts from a table or a file, counted by tenure and starting cohort; orders are not needed.

    Parameters
    ----------
    source
        A table (pandas, Arrow, polars) or a path, with every contract that ever ran.
    customer
        Name of the column of customers.
    observation_end
        Last day that counts; a contract that ends later runs on.
    period_months
        Months from one renewal to the next.
    settings
        The other columns, two of one kind: start and end; month and active; tenure (months) and churned. And every
        other key of the configuration's section ``contracts``: date_format, delimiter, encoding, sheet.

    Raises
    ------
    InputRefused
        With every problem found.

    Examples
    --------
    >>> import analysis as rl
    >>> rows = [("a", 30, "no"), ("b", 14, "yes"), ("c", 26, "yes"), ("d", 40, "no")]
    >>> gym = rl.read_contracts(
    ...     pd.DataFrame(rows, columns=["member", "months", "left"]),
    ...     customer="member", tenure="months", churned="left", observation_end="2025-12-31",
    ... )
    >>> gym.by_period[["period", "at_risk", "lost"]].values.tolist()
    [[1, 4, 0], [2, 4, 1], [3, 2, 1]]
    """
    if observation_end is None:
        raise UsageError("read_contracts: observation_end is missing; name the last day that counts")
    file, frame = source_and_frame(source, "read_contracts")
    columns = {role: settings.pop(role) for role in ContractColumns.model_fields if role in settings}
    section = {"file": file, "columns": {"customer": customer, **columns}, "period_months": period_months, **settings}
    data = {"transactions": {"sample": "cdnow"}, "observation_end": observation_end}
    with told_of_arguments(), tempfile.TemporaryDirectory(prefix="rlab-") as folder:
        config = config_from_mapping({"data": data, "contracts": section}, path=Path("contracts.yml"))
        return load_contracts(config, as_of=config.data.observation_end, workdir=Path(folder), frame=frame)


def load_contracts(config: Config, *, as_of: dt.date, workdir: Path, frame: Any = None) -> Contracts:
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
    >>> folder = tempfile.TemporaryDirectory()
    >>> rows = ["who,from,until", "a,2020-03-01,", "b,2020-05-01,2021-05-01", "c,2020-07-01,2022-08-15"]
    >>> _ = Path(folder.name, "gym.csv").write_text("\\n".join(rows))
    >>> contracts = {"file": "gym.csv", "columns": {"customer": "who", "start": "from", "end": "until"}}
    >>> data = {"transactions": {"sample": "cdnow"}}
    >>> config = Config(name="gym", folder=folder.name, data=data, contracts=contracts)
    >>> gym = load_contracts(config, as_of=dt.date(2022, 12, 31), workdir=Path(folder.name))
    >>> gym.by_period[["period", "at_risk", "lost"]].values.tolist()
    [[1, 3, 1], [2, 2, 0]]
    """
    columns, months = config.contracts.columns, config.contracts.period_months
    read = _of_months if columns.month else _of_tenure if columns.tenure else _of_spans
    table = read_table("contracts", config.contracts, config, workdir / "contracts", frame)
    contracts, last_day, notes = read(table, pd.Timestamp(as_of), months)
    found = _counted(table, contracts, last_day, [*table.said(Message("contracts")), *notes], months)
    return replace(found, due_last=0, renewed_last=0) if columns.tenure else found


def refuse_contracts(config: Config, workdir: Path) -> None:
    """Raise every problem in the configured contracts, where the transactions, and so the last day, cannot be read."""
    if config.contracts is not None:
        load_contracts(config, as_of=config.data.observation_end or dt.datetime.now(dt.UTC).date(), workdir=workdir)


YES, NO = words("said_yes"), words("said_no")
"""What is written of a contract that ran, or had ended."""
SAID = (*YES, *NO)
ALLOWED = "true or false, 1 or 0, yes or no, active or inactive (also ended, cancelled) are allowed"
_Read = tuple[pd.DataFrame, pd.Timestamp, list[Message]]
FAR = pd.Timestamp("9999-12-31")
"""Stands for the end of what runs on, where ends are compared."""


# Each shape of a table becomes customer, start and stop (NaT where the contract runs on), a row for each customer; with
# the last day that is known, and notes.


def _of_spans(table: Table, as_of: pd.Timestamp, _months: int) -> _Read:
    """Rows with a start and an end; those of a customer that follow on one another are one contract."""
    table.check_filled("start")
    table.check_order()
    table.check_filled("customer")
    table.refuse()
    later = table.frame["start"] > as_of
    spans = table.frame[~later]
    contracts, following, came_back = _first_contracts(spans.assign(stop=spans["end"].mask(spans["end"] > as_of)))
    late = Message("Contracts that began after the last day that counts, left out: {n:integer}.", n=int(later.sum()))
    return contracts, as_of, where_any(following, came_back, late)


def _first_contracts(spans: pd.DataFrame) -> tuple[pd.DataFrame, Message, Message]:
    """Of spans with a stop, NaT where they run on, each customer's first contract, and how many belong to another one.

    Spans that follow on one another are one contract.
    """
    spans = spans.sort_values(["customer", "start"], kind="stable").fillna({"stop": FAR})
    before = spans.groupby("customer")["stop"].cummax().groupby(spans["customer"]).shift()
    spans["spell"] = (spans["start"] > before + pd.Timedelta(days=1)).groupby(spans["customer"]).cumsum()
    spells = spans.groupby(["customer", "spell"], as_index=False).agg(start=("start", "min"), stop=("stop", "max"))
    contracts = spells.drop_duplicates("customer")
    following, came_back = len(spans) - len(spells), spells.loc[spells["spell"] > 0, "customer"].nunique()
    return (
        contracts.assign(stop=contracts["stop"].mask(contracts["stop"] == FAR)),
        Message(
            "Contracts that follow on another one of the customer, taken as one with it: {n:integer}.", n=following
        ),
        Message(
            "Customers who came back after leaving: {n:integer}; their first contract counts, also where a later one "
            "runs.",
            n=came_back,
        ),
    )


def _of_tenure(table: Table, as_of: pd.Timestamp, months: int) -> _Read:
    """Rows with a tenure in months and whether the customer left.

    Whoever left did so in the period that the tenure lies in; whoever stays is seen until the last whole period.
    """
    rows = table.frame
    table.check_filled("customer", "tenure")
    table.check_known("churned", SAID, ALLOWED)
    if "tenure" in rows:
        one, many = "tenure is negative", "tenures are negative"
        table.check(("tenure",), rows["tenure"] < 0, one, many, "months since the start are allowed")
    if "customer" in rows:
        one, many = "stands in more than one row", "stand in more than one row"
        table.check_once((), rows["customer"].duplicated(), one, many, "one row a customer is allowed")
    table.refuse()
    tenure, churned = rows["tenure"].astype("int64"), rows["churned"].isin(YES)
    last = np.maximum(np.ceil(tenure / months), 1).astype("int64") * months
    start = _months_later(pd.Series(as_of, rows.index), -tenure.mask(churned, last))
    stop = _months_later(start, tenure).clip(upper=as_of).where(churned)
    note = Message("The file of contracts gives tenures and no dates, so cohorts by calendar say nothing here.")
    early = Message(
        "Customers who left within a tenure period: {n:integer}. They count as lost in it, and those who stay count up "
        "to their last whole period, so that more seem to leave than do: with `contracts.period_months` 1 this is "
        "small.",
        n=int((churned & (tenure % months > 0)).sum()),
    )
    return pd.DataFrame({"customer": rows["customer"], "start": start, "stop": stop}), as_of, [note, *where_any(early)]


def _of_months(table: Table, as_of: pd.Timestamp, _months: int) -> _Read:
    """Rows with a status by month.

    A contract starts on the first of the first month in which it ran and stops on the first of the next in which it
    did not. The last month is the last day that is known.
    """
    table.check_filled("month")
    table.check_known("active", SAID, ALLOWED)
    table.check_filled("customer")
    rows = table.frame
    if "month" in rows:
        rows = rows.assign(month=rows["month"].dt.to_period("M").dt.start_time.astype(rows["month"].dtype))
    if {"customer", "month"} <= {*rows}:
        is_twice = rows.duplicated(["customer", "month"])
        allowed = "one row a customer and month is allowed"
        table.check_once(("month",), is_twice, "has a month twice", "have a month twice", allowed)
    table.refuse()
    rows = rows[rows["month"] <= as_of].sort_values(["customer", "month"])
    rows["active"] = rows["active"].isin(YES)
    behind = _month_of(rows["month"]).groupby(rows["customer"]).diff() > 1
    one, many = "row comes after a month that is missing", "rows come after months that are missing"
    every = "every month between a customer's first and last row is needed"
    table.check(("customer", "month"), behind, one, many, every)
    stops = ~rows.duplicated("customer", keep="last") & rows["active"] & (rows["month"] < rows["month"].max())
    one, many = "row ends a contract that still ran", "rows end contracts that still ran"
    table.check(("customer", "month"), stops, one, many, "add the month in which they were no longer active")
    table.refuse()
    ran = rows[rows["active"]]
    stop = _months_later(ran["month"], pd.Series(1, ran.index)).where(ran["month"] < rows["month"].max())
    contracts, _, came_back = _first_contracts(ran.assign(start=ran["month"], stop=stop))
    never, is_early = rows["customer"].nunique() - len(contracts), contracts["start"] == rows["month"].min()
    left_out = Message("Customers who were never active, left out: {n:integer}.", n=never)
    if is_early.all():
        early = Message(
            "Customers who were active in the first month of the file: {n:integer}. They are taken to have begun in "
            "it, since there are no others.",
            n=len(contracts),
        )
    else:  # they began in that month or long before it; only those who began later have a known tenure
        contracts = contracts[~is_early]
        early = Message(
            "Customers who were active in the first month of the file, left out since it is not known when they "
            "began: {n:integer}.",
            n=int(is_early.sum()),
        )
    return contracts, rows["month"].max() if len(rows) else as_of, where_any(left_out, came_back, early)


def _month_of(days: pd.Series) -> pd.Series:
    """Number of the month, counted from the year 0."""
    return days.dt.year * 12 + days.dt.month - 1


def _months_later(days: pd.Series, months: pd.Series) -> pd.Series:
    """Each day so many months later, in a shorter month its last day."""
    a_day, a_month = np.timedelta64(1, "D"), np.timedelta64(1, "M")
    month = days.to_numpy().astype("datetime64[M]") + months.to_numpy().astype("int64") * a_month
    last = (month + a_month).astype("datetime64[D]") - a_day
    moved = np.minimum(month.astype("datetime64[D]") + (days.dt.day.to_numpy() - 1) * a_day, last)
    return pd.Series(moved.astype("datetime64[s]"), days.index)


def _counted(
    table: Table, contracts: pd.DataFrame, last_day: pd.Timestamp, notes: list[Message], months: int
) -> Contracts:
    start, stop = contracts["start"], contracts["stop"]
    running = stop.isna()

    def whole_periods(until: pd.Series) -> tuple[pd.Series, pd.Series]:
        """Periods between two days by their months, and the day on which the last of them is over."""
        periods = ((_month_of(until) - _month_of(start)) // months).astype("int64")
        return periods, _months_later(start, periods * months)

    periods, over = whole_periods(pd.Series(last_day, contracts.index))
    due = periods - (over > last_day)
    # A renewal is made where the contract ends after the day on which it fell due.
    periods, over = whole_periods(stop.fillna(last_day))
    renewed = (periods - (over >= stop)).clip(lower=0)
    following = _months_later(start, (due + 1) * months)
    ahead = (following - last_day) / (following - _months_later(start, due * months))
    began = _month_of(start) // months * months
    states = pd.DataFrame(
        {
            "cohort": pd.to_datetime({"year": began // 12, "month": began % 12 + 1, "day": 1}).astype("datetime64[us]"),
            "due": due,
            "seen": due.where(running, np.minimum(renewed + 1, due)),
            "lost": ~running & (renewed < due),
            "running": running,
        }
    )
    of_state = states.assign(ahead=ahead)[running].groupby(["cohort", "due"], as_index=False)["ahead"]
    base = of_state.agg(["size", "mean"]).set_axis(["cohort", "renewals", "customers", "ahead"], axis=1)
    states = states.groupby([*states], as_index=False).size().rename(columns={"size": "customers"})
    _refuse_too_short(table, states["seen"].max(), last_day.date(), months)
    customers, lost = states["customers"], states["lost"]
    each = states.loc[states.index.repeat(states["seen"])]
    each = each.assign(period=each.groupby(level=0).cumcount() + 1)
    each["lost"] = each["customers"] * (each["lost"] & (each["seen"] == each["period"]))
    counts = each.groupby(["cohort", "period"], as_index=False).agg(at_risk=("customers", "sum"), lost=("lost", "sum"))
    counts.insert(3, "renewed", counts["at_risk"] - counts["lost"])
    latest = (states["due"] > 0) & (states["seen"] == states["due"])
    return Contracts(
        counts=counts,
        base=base,
        due_last=int(customers[latest].sum()),
        renewed_last=int(customers[latest & ~lost].sum()),
        customers=int(customers.sum()),
        period_months=months,
        first_start=start.min().date(),
        as_of=last_day.date(),
        rows_read=table.rows,
        data_hash=table.digest,
        notes=tuple(notes),
    )


def _refuse_too_short(table: Table, longest: float, last_day: dt.date, months: int) -> None:
    if np.isnan(longest):
        raise DataError(f"{table.raw.label}: none of the contracts in {counted(table.rows, 'row')} began by {last_day}")
    if longest < 2:
        seen = "only first renewals" if longest else "no renewal"
        raise DataError(
            f"{table.raw.label}: {seen} fell due by {last_day}, {months} months or more after a contract began; at "
            "least two tenure periods are needed. Give older contracts too, or set the key `contracts.period_months` "
            "lower where contracts can be ended more often"
        )
