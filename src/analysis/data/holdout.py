"""The split into calibration and holdout: the same definitions on both sides."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.data.engine import close, connect
from analysis.data.notes import Note
from analysis.data.occasions import net_occasions
from analysis.data.summary import CustomerSummary, customer_summary
from analysis.data.transactions import Transactions


@dataclass(frozen=True)
class HoldoutSplit:
    """Calibration up to ``calibration_end``, holdout after it.

    Attributes
    ----------
    calibration
        Summary of the customers born by ``calibration_end``, as if the later rows did not exist.
    holdout_orders
        Their occasions after ``calibration_end`` (int64), in the order of ``calibration.table``.
    holdout_spent
        The amount of these occasions; None without money.
    calibration_end, holdout_days
        The last day of the calibration; the length of the holdout.
    new_customers, new_customer_orders
        Customers born in the holdout and their occasions: counted, not predicted.
    cumulative
        day (since observation_start), date, repeat_orders: cumulative repeat occasions of the calibration
        customers over calibration and holdout.
    earlier
        The same kind of split inside the calibration, for what must be learned without a look at the holdout; its
        holdout is as long, or half the calibration where that is shorter. None inside itself.
    """

    calibration: CustomerSummary
    holdout_orders: np.ndarray
    holdout_spent: np.ndarray | None
    calibration_end: dt.date
    holdout_days: int
    new_customers: int
    new_customer_orders: int
    cumulative: pd.DataFrame
    earlier: HoldoutSplit | None = None


def holdout_split(transactions: Transactions, holdout_weeks: int) -> HoldoutSplit | Note:
    """The last ``holdout_weeks`` weeks as a holdout, or the reason why there is none.

    Returns
    -------
    HoldoutSplit or Note
        Note keys: ``backtest.reason.switched_off`` (0 weeks), ``backtest.reason.window_too_short``,
        ``backtest.reason.too_few_customers``, ``backtest.reason.no_repeat_customer``.
    """
    if holdout_weeks == 0:
        return Note("backtest.reason.switched_off")
    end = transactions.observation_end
    calibration_end = end - dt.timedelta(weeks=holdout_weeks)
    window = (end - transactions.observation_start).days + 1
    numbers = {"holdout_weeks": holdout_weeks, "window_days": window, "calibration_end": calibration_end}
    if calibration_end <= transactions.observation_start:
        return Note("backtest.reason.window_too_short", numbers)
    transactions.days.store()
    connection = connect(transactions.days.path.parent / "holdout")
    try:
        split = _split(connection, transactions, calibration_end, end)
        customers = len(split.calibration)
        if customers < 2:
            return Note("backtest.reason.too_few_customers", numbers | {"customers": customers})
        if not (split.calibration.table["frequency"] > 0).any():
            return Note("backtest.reason.no_repeat_customer", numbers | {"customers": customers})
        earlier = _split(connection, transactions, _earlier_end(transactions, calibration_end, end), calibration_end)
        if len(earlier.calibration) < 2:
            return Note("backtest.reason.window_too_short", numbers)
        return replace(split, earlier=earlier)
    finally:
        close(connection, transactions.days.path.parent / "holdout")


def _earlier_end(transactions: Transactions, calibration_end: dt.date, end: dt.date) -> dt.date:
    half = (calibration_end - transactions.observation_start) / 2
    return calibration_end - max(min(end - calibration_end, half), dt.timedelta(days=1))


def _split(connection, transactions: Transactions, calibration_end: dt.date, end: dt.date) -> HoldoutSplit:
    days = transactions.days
    calibration = customer_summary(connection, days, calibration_end, has_money=transactions.has_money)
    connection.register("born", calibration.table[["customer_id", "first_order"]])
    after = f"(SELECT * FROM {net_occasions(days, end)} WHERE day > DATE '{calibration_end}')"
    held = connection.execute(f"""
        SELECT coalesce(n, 0) AS n, coalesce(amount, 0) AS amount
        FROM born LEFT JOIN (SELECT CAST(customer AS VARCHAR) AS customer_id, count(*) AS n,
                                    CAST(sum(amount) AS DOUBLE) AS amount FROM {after} GROUP BY customer)
             USING (customer_id) ORDER BY customer_id""").fetchnumpy()
    orders = np.asarray(held["n"], dtype=np.int64)
    first = transactions.summary.table["first_order"]
    later = (first > pd.Timestamp(calibration_end)) & (first <= pd.Timestamp(end))
    return HoldoutSplit(
        calibration=calibration,
        holdout_orders=orders,
        holdout_spent=np.asarray(held["amount"], dtype=float) if transactions.has_money else None,
        calibration_end=calibration_end,
        holdout_days=(end - calibration_end).days,
        new_customers=int(later.sum()),
        new_customer_orders=int(transactions.summary.table.loc[later, "orders"].sum()),
        cumulative=_cumulative(connection, transactions, end),
    )


def _cumulative(connection, transactions: Transactions, end: dt.date) -> pd.DataFrame:
    start = transactions.observation_start
    counts = connection.execute(f"""
        SELECT date_diff('day', DATE '{start}', day) AS place, count(*) AS repeats
        FROM {net_occasions(transactions.days, end)} AS o JOIN born ON CAST(o.customer AS VARCHAR) = born.customer_id
        WHERE day > first_order GROUP BY place""").fetchnumpy()
    dates = pd.date_range(start, end, unit="s", name="date")
    daily = np.zeros(len(dates), dtype=np.int64)
    daily[counts["place"]] = counts["repeats"]
    return pd.DataFrame({"day": np.arange(len(dates)), "date": dates, "repeat_orders": daily.cumsum()})
