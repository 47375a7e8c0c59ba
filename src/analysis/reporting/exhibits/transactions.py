"""What notebook 01 shows: the file, the ledger, the orders over time and the customers behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.config import DataConfig
from analysis.data import CustomerSummary, Transactions
from analysis.reporting.exhibit import Exhibit, on_axes
from analysis.reporting.figures import plot_frequency, plot_orders_over_time
from analysis.reporting.tables import Column, Table
from analysis.reporting.words import Saying

MOST_WEEKS = 130
LAST_FREQUENCY = 7
OUTCOMES = {
    "used": "outcome.used",
    "merged": "outcome.merged",
    "dropped": "outcome.dropped",
    "refunded": "outcome.refunded",
}


def answer(transactions: Transactions) -> list[Saying]:
    """What the file holds, how many came back, and how much was left out."""
    table, unused = transactions.summary.table, transactions.rows_read - transactions.rows_used
    repeaters = int((table["frequency"] > 0).sum())
    return [
        Saying(
            "transactions.answer",
            {
                "rows": transactions.rows_read,
                "orders": transactions.orders,
                "customers": transactions.customers,
                "start": transactions.observation_start,
                "end": transactions.observation_end,
            },
        ),
        Saying("transactions.answer_repeaters", {"repeaters": repeaters, "share": repeaters / len(table)}),
        Saying("transactions.answer_unused", {"unused": unused, "share": unused / transactions.rows_read})
        if unused
        else Saying("transactions.answer_all_used"),
    ]


def ledger(transactions: Transactions) -> Table:
    """Every row of the file with what became of it; rows and money add up to the file."""
    has_money = transactions.has_money
    columns = [Column("column.reason", "label"), Column("column.outcome", "label"), Column("column.rows", "integer")]
    entries = transactions.ledger
    rows = [
        [str(row.reason), OUTCOMES[str(row.outcome)], int(row.rows), *([float(row.amount)] if has_money else [])]
        for row in entries.itertuples()
    ]
    total = ["table.ledger.total", "value.none", int(entries["rows"].sum())]
    if has_money:
        columns.append(Column("column.amount", "cents"))
        total.append(float(entries["amount"].sum()))
    return Table("table.ledger.caption", columns, [*rows, total], {"rows": transactions.rows_read}, total=True)


def orders_over_time(transactions: Transactions) -> Exhibit:
    """Orders a week (a month where the window is long), first orders and repeat orders apart."""
    periods, left_out = periods_of(transactions)
    busiest = periods.loc[(periods["first_orders"] + periods["repeat_orders"]).idxmax()]
    columns = [
        Column("column.starting", "date"),
        Column("column.first_orders", "integer"),
        Column("column.repeat_orders", "integer"),
    ]
    rows = periods[["start", "first_orders", "repeat_orders"]].to_numpy().tolist()
    numbers = {
        "first": int(transactions.daily["new_customers"].sum()),
        "repeat": int(transactions.daily["repeat_orders"].sum()),
        "start": transactions.observation_start,
        "end": transactions.observation_end,
        "left_out": left_out,
        "busiest": busiest["start"],
        "most": int(busiest["first_orders"] + busiest["repeat_orders"]),
        "last": int(periods["repeat_orders"].iloc[-1]),
    }
    return Exhibit(
        "orders", on_axes(plot_orders_over_time, periods), Table("figure.orders.data", columns, rows), numbers
    )


def periods_of(transactions: Transactions) -> tuple[pd.DataFrame, int]:
    """Orders by whole week since the start (by calendar month where weeks are too many), and the days left out.

    An incomplete last period would look like a fall and is left out, unless it is the only one.
    """
    days = (transactions.observation_end - transactions.observation_start).days + 1
    monthly = days > 7 * MOST_WEEKS
    daily = transactions.daily.assign(date=pd.to_datetime(transactions.daily["date"]))
    every_day = pd.date_range(transactions.observation_start, transactions.observation_end, unit="s")
    daily = daily.set_index("date")[["new_customers", "repeat_orders"]].reindex(every_day, fill_value=0)
    bins = daily.resample("MS") if monthly else daily.resample("7D", origin="start")
    periods = bins.sum().rename(columns={"new_customers": "first_orders"}).rename_axis("start").reset_index()
    full = periods["start"].dt.days_in_month if monthly else 7
    held = bins.size().to_numpy()
    whole = (held == full) | (len(periods) == 1)
    return periods.assign(days=held)[whole].reset_index(drop=True), int(held[~np.asarray(whole)].sum())


def frequency(summary: CustomerSummary) -> Exhibit:
    """Customers by number of repeat orders."""
    counts = frequency_counts(summary.table["frequency"].to_numpy())
    columns = [Column("column.repeat_orders"), Column("column.customers", "integer")]
    rows = counts[["label", "customers"]].to_numpy().tolist()
    draw, data = on_axes(plot_frequency, counts), Table("figure.frequency.data", columns, rows)
    none, once, more = (int(part.sum()) for part in np.split(counts["customers"].to_numpy(), [1, 2]))
    numbers = {"none": none, "once": once}
    if none >= once > more:
        return Exhibit("frequency", draw, data, {**numbers, "share": none / len(summary.table)})
    top = counts.loc[counts["customers"].idxmax()]
    numbers |= {"more": more, "share": (once + more) / len(summary.table)}
    numbers |= {"top": str(top["label"]), "most": int(top["customers"])}
    return Exhibit("frequency_spread", draw, data, numbers)


def frequency_counts(frequencies: np.ndarray, last: int = LAST_FREQUENCY) -> pd.DataFrame:
    """Customers by frequency, everything from ``last`` on together.

    >>> frequency_counts(np.array([0, 0, 1, 9]), last=2)["customers"].tolist()
    [2, 1, 1]
    """
    counts = np.bincount(np.minimum(frequencies, last), minlength=last + 1)
    labels = [*map(str, range(last)), f"{last}+"]
    return pd.DataFrame({"label": labels, "customers": counts})


def customer_summary(summary: CustomerSummary) -> Table:
    """How x, t_x, T and money are spread over the customers."""
    table = summary.table
    repeaters = table[table["frequency"] > 0]
    measures: Sequence[tuple[str, str, pd.Series]] = [
        ("measure.frequency", "significant", table["frequency"]),
        ("measure.recency", "significant", repeaters["recency_days"] / 7),
        ("measure.age", "significant", table["T_days"] / 7),
    ]
    if summary.has_money:
        money = [("measure.spent", table["spent"]), ("measure.repeat_value", repeaters["mean_repeat_value"])]
        measures = [*measures, *((key, "money", values) for key, values in money)]
    columns = [Column("column.measure", "label"), Column("column.customers", "integer")]
    names = ("quarter", "median", "three_quarters", "mean", "largest")
    columns += [Column(f"column.{name}", "mixed") for name in names]
    rows = [
        [key, int(values.notna().sum()), *((kind, value) for value in _spread(values))]
        for key, kind, values in measures
    ]
    return Table("table.customers.caption", columns, rows)


def _spread(values: pd.Series) -> list[float]:
    return [*values.quantile([0.25, 0.5, 0.75]), values.mean(), values.max()]


def assumptions(transactions: Transactions, settings: DataConfig) -> list[Saying]:
    """What was decided on the way from rows to customers."""
    window = {"start": transactions.observation_start, "end": transactions.observation_end}
    sayings = [
        Saying("assumption.window", window),
        Saying("assumption.occasion"),
        Saying("assumption.duplicates", {"policy": settings.duplicates}),
        Saying("assumption.born_before_start", {"policy": settings.born_before_start}),
    ]
    if not transactions.has_money:
        return [*sayings, Saying("assumption.no_money")]
    currency = Saying("assumption.currency", {"currency": transactions.currency}) if transactions.currency else None
    return [
        *sayings,
        Saying("assumption.refunds", {"policy": settings.refunds}),
        currency or Saying("value.currency_unknown"),
    ]
