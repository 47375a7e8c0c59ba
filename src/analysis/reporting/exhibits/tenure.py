"""What notebook 04 shows of time: spending by tenure, and the firm's customers as a stock and a flow."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.config import Config
from analysis.data import Note
from analysis.reporting.exhibit import Exhibit, name_key, on_axes
from analysis.reporting.figures import plot_firm, plot_tenure
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.value.firm import FirmFlow, FirmYear
from analysis.value.results import RetentionLift
from analysis.value.spend_growth import SpendGrowth

WAYS = ("survivors_ratio", "growth", "all_ratio")


def growth_sayings(growth: SpendGrowth | Note) -> list[Saying | Note]:
    """Spending with tenure in the ways that are mistaken for one another, or why it is not known."""
    if isinstance(growth, Note):
        return [growth]
    sayings: list[Saying | Note] = []
    if growth.periods:
        last = growth.periods[-1]
        numbers = {"period": last.period, "days": growth.period_days}
        survivors = {"ratio": last.survivors_ratio, "selection": last.selection, "survivors": last.survivors}
        sayings.append(Saying("tenure.survivors", {**numbers, **survivors, "customers": last.customers}))
        sayings.append(Saying("tenure.same", {"growth": last.growth}))
        sayings.append(Saying("tenure.all", {"all": last.all_ratio}))
        if last.all_repeat is not None:
            sayings.append(Saying("tenure.all_repeat", {"repeat": last.all_repeat}))
    return sayings


def order_value_sayings(growth: SpendGrowth | Note) -> list[Saying | Note]:
    """How the value of an order changes with tenure within the same customers."""
    if isinstance(growth, Note):
        return []
    if growth.same_customers is None:
        return [growth.same_customers_reason]
    change = growth.same_customers
    numbers = {"change": change, "customers": growth.same_customers_count, "orders": growth.same_customers_orders}
    unclear = change.lower <= 0 <= change.upper
    return [Saying("tenure.order_value", numbers), Saying("tenure.unclear" if unclear else "tenure.clear")]


def growth_figure(growth: SpendGrowth | Note) -> Exhibit | None:
    """Spend in each period of life over that in the first, in three ways; None where it is not known."""
    if isinstance(growth, Note) or not growth.periods:
        return None
    periods, level = growth.periods, growth.periods[0].growth.level
    columns = [
        Column("column.tenure_period", "integer"),
        Column("column.customers", "integer"),
        Column("column.survivors", "integer"),
    ]
    for name in WAYS:
        columns += interval_columns(f"column.{name}", "decimal2", level)
    rows = [
        [each.period, each.customers, each.survivors, *(getattr(each, name) for name in WAYS for _ in range(2))]
        for each in periods
    ]
    last = periods[-1]
    numbers = {
        "days": growth.period_days,
        "level": level,
        "period": last.period,
        "survivors": last.survivors_ratio.estimate,
        "same": last.growth.estimate,
        "all": last.all_ratio.estimate,
    }
    table = Table("figure.tenure.data", columns, rows, {"days": growth.period_days})
    return Exhibit("tenure", on_axes(plot_tenure, periods), table, numbers, height=2.9)


def firm_sayings(firm: Sequence[FirmFlow], lift: RetentionLift | Note, config: Config) -> list[Saying]:
    """How the firm's customers come and go under each model, or that nobody is known to join."""
    if isinstance(lift, Note):
        return []
    if not firm:
        return [Saying("firm.nobody_joins")]
    source = "counted" if config.retention.new_customers_per_year is None else "configured"
    numbers = {"joining": lift.new_customers_per_year, "years": len(firm[0].before), "source": source}
    sayings = [Saying("firm.intro", numbers)]
    for flow in firm:
        first, last = flow.before[0], flow.before[-1]
        numbers = {"model": Saying(name_key(flow.model)), "start": first.start, "left": first.left, "end": last.end}
        if flow.after:
            sayings.append(Saying("firm.model_after", {**numbers, "after": flow.after[-1].end}))
        else:
            sayings.append(Saying("firm.model", numbers))
    return sayings


def firm_figure(firm: Sequence[FirmFlow]) -> Exhibit | None:
    """Customers at the end of each year, as things are and with the gain; None where nobody is known to join."""
    if not firm:
        return None
    ends = [flow.before[-1].end for flow in firm]
    numbers = {"years": len(firm[0].before), "low": min(ends), "high": max(ends)}
    return Exhibit("firm", on_axes(plot_firm, firm), firm_table(firm), numbers, height=3.0)


def firm_table(firm: Sequence[FirmFlow]) -> Table:
    """The flow year by year; start and joined are end and left."""
    columns = [Column("column.model", "label"), Column("column.course", "label"), Column("column.year", "integer")]
    columns += [Column(f"column.{name}", "integer") for name in ("firm_start", "firm_joined", "firm_left", "firm_end")]
    rows = [
        [name_key(flow.model), course, *_cells(year)]
        for flow in firm
        for course, years in (("firm.as_is", flow.before), ("firm.with_gain", flow.after))
        for year in years
    ]
    return Table("figure.firm.data", columns, rows)


def _cells(year: FirmYear) -> list[float]:
    return [year.year, year.start, year.joined, year.left, year.end]
