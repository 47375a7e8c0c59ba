"""What the customers of an experiment earned while it ran, and before: every assigned customer, ordering or not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.config import ExperimentConfig
from analysis.config.economics import EconomicsConfig
from analysis.data import Note, Transactions
from analysis.data.engine import MONEY
from analysis.strategies.schedule import Economics
from analysis.value.history import history

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """When an experiment ran, and how many days before it are compared.

    Attributes
    ----------
    starts, ends
        First and last day.
    days, days_before
        Days of it; as many before it, or as the data have.
    """

    starts: dt.date
    ends: dt.date
    days: int
    days_before: int

    @classmethod
    def of(cls, transactions: Transactions, settings: ExperimentConfig) -> Period:
        """As configured, up to the end of the data where no end is."""
        starts, ends = settings.starts, settings.ends or transactions.observation_end
        days = (ends - starts).days + 1
        there = (starts - transactions.observation_start).days
        return cls(starts, ends, days, max(min(days, there), 0))

    @property
    def before_starts(self) -> dt.date:
        """First of the days before."""
        return self.starts - self.days_before * ONE_DAY

    def why_outside(self, transactions: Transactions) -> Note | None:
        """Why the data do not cover it; None where they do."""
        first, last = transactions.observation_start, transactions.observation_end
        if first <= self.starts <= self.ends <= last:
            return None
        numbers = {"starts": self.starts, "ends": max(self.starts, self.ends), "first": first, "last": last}
        return Note("experiment.reason.outside_data", numbers)


@dataclass(frozen=True)
class Margins:
    """Of every assigned customer, shape (customers,).

    Attributes
    ----------
    during, before
        Margin during the experiment and over the days before [currency], without what an arm cost; ``before`` is None
        where the data begin with the experiment.
    orders
        Orders during the experiment.
    newcomer
        Who had no order before the experiment.
    unknown
        Who is not in the data, and counts with a margin of 0.
    margin_of
        ``list`` or ``paid``, as in ``ExperimentResult``.
    notes
        What was assumed for the margin.
    """

    during: np.ndarray
    before: np.ndarray | None
    orders: np.ndarray
    newcomer: np.ndarray
    unknown: np.ndarray
    margin_of: str
    notes: tuple[Note, ...]


def margins_of(transactions: Transactions, customers: pd.Series, period: Period, money: EconomicsConfig) -> Margins:
    """What each customer of an experiment earned.

    By ``Economics.margin_of``, where discounts are known with the one that was usual before, so that a deeper one comes
    off the margin in full. Otherwise the margin is a share of what was paid. A refund is taken off the order that it is
    for, whenever it comes.
    """
    ids = transactions.summary.table["customer_id"].astype(str)
    position = customers.astype(str).map(pd.Series(np.arange(len(ids)), index=ids.to_numpy()))
    sums, usual = _sums(transactions, position, period)

    economics = Economics(money.gross_margin, money.cost_per_order, todays_deal=usual or 0.0)

    def margin(when: str) -> np.ndarray:
        paid, saved, orders = (sums[f"{name}_{when}"] for name in ("paid", "saved", "orders"))
        return economics.margin_of(paid, paid if usual is None else paid + saved, orders)

    return Margins(
        during=margin("during"),
        before=margin("before") if period.days_before else None,
        orders=sums["orders_during"],
        newcomer=sums["known_before"] == 0,
        unknown=position.isna().to_numpy(),
        margin_of="paid" if usual is None else "list",
        notes=() if usual is not None else (Note("experiment.note.discounts_unknown"),),
    )


def _sums(
    transactions: Transactions, position: pd.Series, period: Period
) -> tuple[dict[str, np.ndarray], float | None]:
    """Orders, what was paid and saved, by assigned customer; and the share that orders usually save, if it is known."""
    places = pd.DataFrame(
        {"place": np.arange(len(position)), "customer": position.fillna(-1).astype("int64").to_numpy()}
    )
    has_discount = transactions.days.has_discount
    saved = f"CAST(CASE WHEN amount > 0 THEN discount ELSE 0 END AS {MONEY})" if has_discount else "0"
    spans = {
        "during": f"day BETWEEN DATE '{period.starts}' AND DATE '{period.ends}'",
        "before": f"day >= DATE '{period.before_starts}' AND day < DATE '{period.starts}'",
    }
    # Fixed-point sums do not depend on the order of the rows.
    columns = [
        f"CAST(coalesce(sum({value}) FILTER ({span}), 0) AS DOUBLE) AS {name}_{when}"
        for when, span in spans.items()
        for name, value in {"paid": f"CAST(amount AS {MONEY})", "saved": saved, "orders": "1"}.items()
    ]
    with history(transactions, assigned=places) as (connection, occasions):
        found = connection.execute(
            f"""SELECT {", ".join(columns)}, count(*) FILTER (day < DATE '{period.starts}') AS known_before
                FROM assigned LEFT JOIN {occasions} AS o USING (customer) GROUP BY place ORDER BY place"""
        ).fetchnumpy()
        usual = _usual_share(connection, occasions, saved, period) if has_discount else None
    return {name: np.asarray(values) for name, values in found.items()}, usual


def _usual_share(connection, occasions: str, saved: str, period: Period) -> float | None:
    """Share of the list value that orders saved before the experiment; of all orders where there are none before.

    None where discounts below zero say that the column is something else.
    """
    is_early = f"day < DATE '{period.starts}'"
    found = connection.execute(
        f"""SELECT min(discount), CAST(sum(CAST(amount AS {MONEY})) AS DOUBLE), CAST(sum({saved}) AS DOUBLE)
            FROM {occasions} GROUP BY {is_early} ORDER BY {is_early} DESC"""
    ).fetchall()
    _, paid, given = found[0]
    is_discount = all(least is None or least >= 0 for least, _, _ in found)
    return given / (paid + given) if is_discount and paid + given > 0 else None
