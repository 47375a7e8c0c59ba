"""What becomes of every row: the fates, the problems they show, and the ledger that balances."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from analysis.config import DataConfig
from analysis.data.engine import Connection
from analysis.data.notes import Outcome, Reason
from analysis.data.rows import TypedRows
from analysis.data.wording import counted
from analysis.errors import Problem

KEPT, OWN_REASON = 0, -1
FATES = (
    Reason.MISSING_CUSTOMER,
    Reason.MISSING_DATE,
    Reason.AFTER_END,
    Reason.BEFORE_START,
    Reason.MISSING_AMOUNT,
    Reason.REFUND_DROPPED,
)
BEFORE_START = FATES.index(Reason.BEFORE_START) + 1


@dataclass(frozen=True)
class Entry:
    """One line of the ledger: where rows went, why, how many, and their money."""

    outcome: Outcome
    reason: Reason
    rows: int
    amount: Decimal


@dataclass(frozen=True)
class Profile:
    """What one pass over all rows found.

    Attributes
    ----------
    rows, kept, refunds
        Rows of the file; rows that are kept; refunds among the kept.
    kept_amount, largest_total
        Money of the kept rows; sum of the absolute money of all rows, a bound for every sum.
    first_day, last_day
        First and last day among the rows with a customer and a date that lie in the window.
    last_date
        Last date in the data.
    future
        Rows dated after today.
    unread_dates, unread_money
        Rows with a date that could not be read; with a number, or an id, that could not.
    large_discounts
        Kept purchases with a discount above their amount.
    dropped
        Ledger lines of the rows that are not kept.
    """

    rows: int
    kept: int
    refunds: int
    kept_amount: Decimal
    largest_total: Decimal
    first_day: dt.date | None
    last_day: dt.date | None
    last_date: dt.date | None
    future: int
    unread_dates: int
    unread_money: int
    large_discounts: int
    dropped: tuple[Entry, ...]

    def rows_with(self, reason: Reason) -> int:
        """Rows that were dropped for a reason."""
        return sum(entry.rows for entry in self.dropped if entry.reason == reason)


def fate_of_row(rows: TypedRows, data: DataConfig, end: dt.date | None) -> str:
    """SQL of the number of a row's fate: 0 where it is kept, else the position in ``FATES`` counted from 1.

    It is -1 where the row has a reason of its own.
    """
    tests = {Reason.MISSING_CUSTOMER: "customer IS NULL", Reason.MISSING_DATE: "day IS NULL"}
    if end:
        tests[Reason.AFTER_END] = f"day > DATE '{end}'"
    if data.observation_start:
        tests[Reason.BEFORE_START] = f"day < DATE '{data.observation_start}'"
    if rows.has_money:
        tests[Reason.MISSING_AMOUNT] = "money IS NULL"
        if data.refunds == "drop":
            tests[Reason.REFUND_DROPPED] = "is_refund"
    cases = " ".join(f"WHEN {test} THEN {FATES.index(reason) + 1}" for reason, test in tests.items())
    own = f"WHEN reason IS NOT NULL THEN {OWN_REASON} " if rows.has_reasons else ""
    return f"CASE {own}{cases} ELSE {KEPT} END"


def profile_of(connection: Connection, rows: TypedRows, fate: str, today: dt.date) -> Profile:
    """All counts that the cleaning needs, in one pass."""
    large = "count(*) FILTER (NOT is_refund AND discount > money)" if rows.has("discount") else "0"
    reason = "reason" if rows.has_reasons else "NULL"
    gross = "money + coalesce(refunded, 0)" if rows.has_refunded else "money"
    found = connection.execute(f"""
        SELECT {fate} AS fate, count(*) AS rows, coalesce(sum(money), 0) AS amount,
               coalesce(sum(abs(money)), 0) AS absolute, count(*) FILTER (is_refund) AS refunds,
               min(day) AS first_day, max(day) AS last_day, count(*) FILTER (day > DATE '{today}') AS future,
               count(*) FILTER (unread_date) AS unread_dates, count(*) FILTER (unread_money) AS unread_money,
               {large} AS large_discounts, {reason} AS reason, coalesce(sum({gross}), 0) AS gross
        FROM {rows.scan} GROUP BY fate, reason ORDER BY fate, reason""").fetchall()
    kept = next((line for line in found if line[0] == KEPT), (0, 0, Decimal(0), 0, 0, None, None, *[0] * 4, None, 0))
    return Profile(
        rows=sum(line[1] for line in found),
        kept=kept[1],
        refunds=kept[4],
        kept_amount=kept[2],
        largest_total=sum((line[3] for line in found), Decimal(0)),
        first_day=kept[5],
        last_day=kept[6],
        last_date=max((line[6] for line in found if line[6]), default=None),
        future=sum(line[7] for line in found),
        unread_dates=sum(line[8] for line in found),
        unread_money=sum(line[9] for line in found),
        large_discounts=kept[10],
        dropped=(
            *(
                Entry(Outcome.DROPPED, Reason(line[11]) if line[11] else FATES[line[0] - 1], line[1], line[12])
                for line in found
                if line[0] != KEPT
            ),
            *([Entry(Outcome.REFUNDED, Reason.REFUND_IN_COLUMN, 0, kept[12] - kept[2])] if kept[12] != kept[2] else []),
        ),
    )


def problems_in_profile(
    connection: Connection, rows: TypedRows, profile: Profile, data: DataConfig, end: dt.date | None, today: dt.date
) -> list[Problem]:
    """What makes the rows unusable as a whole."""
    label, table = rows.table.label, rows.table
    if not profile.rows:
        return [Problem(f"{label}: there are no rows under the header; at least one order is needed")]
    messages = []
    missing = profile.rows_with(Reason.MISSING_CUSTOMER)
    if missing > data.max_missing_customer_share * profile.rows:
        messages.append(
            f"{label}: {missing:,} of {counted(profile.rows, 'row')} ({missing / profile.rows:.0%}) "
            f"{'has' if missing == 1 else 'have'} no customer id; "
            f"max_missing_customer_share == {data.max_missing_customer_share:g} allows fewer"
        )
    if end is None and profile.future:
        examples = table.examples(connection, [table.columns["date"]], _future(rows, today))
        messages.append(
            f"{label}: {counted(profile.future, 'row is', 'rows are')} dated after today ({today}): {examples}; "
            "correct them, or set the key `observation_end` to the last day that counts"
        )
    if data.refunds == "refuse" and profile.refunds:
        columns = [table.columns[role] for role in ("amount", "quantity", "unit_price") if rows.has(role)]
        examples = table.examples(connection, columns, _negative(rows))
        messages.append(
            f"{label}: {counted(profile.refunds, 'row is a refund', 'rows are refunds')} (negative): {examples}; "
            "refunds == 'refuse', set it to 'net' or 'drop' to allow them"
        )
    readable = not any(reading.problems for reading in rows.readings.values())
    if readable and profile.kept == profile.refunds and not profile.unread_dates:
        messages.append(_nothing_left(label, profile))
    return [Problem(message) for message in messages]


def _future(rows: TypedRows, today: dt.date) -> str:
    return f"{rows.readings['date'].expression} > DATE '{today}'"


def _negative(rows: TypedRows) -> str:
    roles = [role for role in ("amount", "quantity", "unit_price") if role in rows.readings]
    return "(" + " OR ".join(f"{rows.readings[role].expression} < 0" for role in roles) + ")"


def _nothing_left(label: str, profile: Profile) -> str:
    refunds = profile.refunds + profile.rows_with(Reason.REFUND_DROPPED)
    if refunds and profile.kept + profile.rows_with(Reason.REFUND_DROPPED) == refunds:
        all_of_them = "the only amount is" if refunds == 1 else f"all {refunds:,} amounts are"
        return f"{label}: {all_of_them} negative; at least one order of zero or more is needed"
    reasons = ", ".join(
        f"{entry.rows:,} {entry.reason.rsplit('.', 1)[-1].replace('_', ' ')}" for entry in profile.dropped if entry.rows
    )
    return f"{label}: no order is left of {counted(profile.rows, 'row')}: {reasons}"


def ledger_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """The ledger as a table: outcome, reason, rows, amount; lines without rows are left out."""
    order = list(Outcome)
    lines = sorted(
        (entry for entry in entries if entry.rows or entry.amount), key=lambda e: (order.index(e.outcome), e.reason)
    )
    return pd.DataFrame(
        {
            "outcome": [str(line.outcome) for line in lines],
            "reason": [str(line.reason) for line in lines],
            "rows": pd.array([line.rows for line in lines], dtype="int64"),
            "amount": pd.array([float(line.amount) for line in lines], dtype="float64"),
        }
    )
