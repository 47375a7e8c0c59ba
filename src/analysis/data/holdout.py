"""The split into calibration and holdout: the same definitions on both sides."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.data import expressions
from analysis.data.engine import Relation
from analysis.data.orders import Orders
from analysis.data.summary import CustomerSummary
from analysis.errors import Unavailable


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

    @property
    def daily(self) -> pd.DataFrame:
        """date, repeat_orders of each day of the calibration."""
        before = self.cumulative[self.cumulative["date"] <= pd.Timestamp(self.calibration_end)]
        return before[["date"]].assign(repeat_orders=np.diff(before["repeat_orders"], prepend=0))


def holdout_split(orders: Orders, holdout_weeks: int) -> HoldoutSplit:
    """The last ``holdout_weeks`` weeks as a holdout.

    Raises
    ------
    Unavailable
        For 0 weeks, and where what comes before is too short, or has fewer than two customers or no repeat order.
    """
    known, end = calibration(orders, holdout_weeks), orders.observation_end
    past = orders.histories_until(_earlier_end(orders, known.observation_end))
    return replace(_split(orders, known, end), earlier=_split(orders, past, known.observation_end))


def calibration(orders: Orders, holdout_weeks: int) -> CustomerSummary:
    """The summary before the last ``holdout_weeks`` weeks; raises Unavailable as ``holdout_split``."""
    refuse_no_holdout(holdout_weeks)
    calibration_end = orders.observation_end - dt.timedelta(weeks=holdout_weeks)
    too_short = Unavailable(
        "A test on the last {holdout_weeks:weeks} leaves too little to learn from in {window_days:days} of data. A "
        "shorter test period may do.",
        code="backtest.reason.window_too_short",
        holdout_weeks=holdout_weeks, window_days=(orders.observation_end - orders.observation_start).days + 1,
    )  # fmt: skip
    if calibration_end <= orders.observation_start:
        raise too_short
    known = orders.histories_until(calibration_end)
    if len(known) < 2:
        raise Unavailable(
            "Up to {calibration_end:date} there is only {n:integer} customer, too few to learn from.",
            "Up to {calibration_end:date} there are only {n:integer} customers, too few to learn from.",
            code="backtest.reason.too_few_customers", n=len(known), calibration_end=calibration_end,
        )  # fmt: skip
    if not (known.table["frequency"] > 0).any():
        raise Unavailable(
            "Up to {calibration_end:date} no customer had come back, so there is nothing to learn from.",
            code="backtest.reason.no_repeat_customer", calibration_end=calibration_end,
        )  # fmt: skip
    if (known.table["first_order"] <= pd.Timestamp(_earlier_end(orders, calibration_end))).sum() < 2:
        raise too_short
    return known


def refuse_no_holdout(holdout_weeks: int) -> None:
    """Raise Unavailable where no part of the data is to be held out."""
    if holdout_weeks == 0:
        raise Unavailable("No holdout was asked for (`holdout_weeks` is 0).", code="backtest.reason.switched_off")


def rolling_splits(orders: Orders, holdout_weeks: int, most: int) -> list[HoldoutSplit]:
    """Splits into windows that follow each other up to the end, the oldest first; at most ``most``.

    Each calibrates on all that came before its window, which is at least as much as the window.
    """
    length = dt.timedelta(weeks=holdout_weeks)
    ends = [orders.observation_end - number * length for number in range(most)]
    ends = [end for end in reversed(ends) if end - 2 * length >= orders.observation_start]
    return [_split(orders, orders.histories_until(end - length), end) for end in ends]


def _earlier_end(orders: Orders, calibration_end: dt.date) -> dt.date:
    half = (calibration_end - orders.observation_start) / 2
    return calibration_end - max(min(orders.observation_end - calibration_end, half), dt.timedelta(days=1))


def _split(orders: Orders, calibration: CustomerSummary, end: dt.date) -> HoldoutSplit:
    calibration_end = calibration.observation_end
    with orders.days.opened() as days:
        later = days.then(expressions.bought_after, end, calibration_end)
        held = later.then(expressions.in_floats).frame().astype({"customer": "str"})
        cumulative = _cumulative(days.then(expressions.repeats_by_day, end, calibration_end), orders, end)
    held = held.set_index("customer").reindex(calibration.table["customer_id"])
    first = orders.histories.table["first_order"]
    later = (first > pd.Timestamp(calibration_end)) & (first <= pd.Timestamp(end))
    return HoldoutSplit(
        calibration=calibration,
        holdout_orders=held["orders"].fillna(0).to_numpy(dtype=np.int64),
        holdout_spent=held["amount"].fillna(0).to_numpy(dtype=float) if orders.has_money else None,
        calibration_end=calibration_end,
        holdout_days=(end - calibration_end).days,
        new_customers=int(later.sum()),
        new_customer_orders=int(orders.histories.table.loc[later, "orders"].sum()),
        cumulative=cumulative,
    )


def _cumulative(repeats: Relation, orders: Orders, end: dt.date) -> pd.DataFrame:
    dates = pd.date_range(orders.observation_start, end, unit="s", name="date")
    counts = repeats.frame().set_index("day")["repeats"]
    daily = counts.set_axis(pd.DatetimeIndex(counts.index)).reindex(dates, fill_value=0).to_numpy(dtype=np.int64)
    return pd.DataFrame({"day": np.arange(len(dates)), "date": dates, "repeat_orders": daily.cumsum()})
