"""What notebook 04 shows of customers with a contract, whose leaving is known."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.data import Note
from analysis.data.contracts import Contracts
from analysis.reporting.exhibit import Exhibit, on_axes
from analysis.reporting.exhibits.readings import gain_said
from analysis.reporting.figures import plot_contract_survival
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.value.contractual_results import ContractualRetention, RenewalRate

DOUBTFUL = 0.05
"""Probability of a worse fit below which the forecast is said to deserve doubt."""

Found = ContractualRetention | Note | None


def notes(contracts: Contracts | None) -> Sequence[Note]:
    """What was noticed while reading the contracts."""
    return () if contracts is None else contracts.notes


def sayings(found: Found, contracts: Contracts | None) -> list[Saying | Note]:
    """How contracts were counted and what became of the first renewal; nothing where none are configured."""
    if found is None or contracts is None:
        return []
    counted = {"customers": contracts.customers, "months": contracts.period_months, "until": contracts.as_of}
    intro = Saying("contracts.intro", counted)
    if isinstance(found, Note):
        return [intro, found]
    first, last = found.periods[0], _last_observed(found.periods)
    numbers = {"observed": first.observed, "fitted": first.fitted, "at_risk": first.at_risk}
    known = [intro, Saying("contracts.first_renewal", numbers)]
    if last.number > 1:
        known.append(Saying("contracts.last_renewal", {"number": last.number, "observed": last.observed}))
    if found.misfit is not None and found.misfit < DOUBTFUL:
        known.append(Saying("contracts.misfit", {"probability": found.misfit}))
    return [*known, *_base_sayings(found)]


def _base_sayings(found: ContractualRetention) -> list[Saying]:
    """Today's contracts, and what one rate for all would make of them."""
    if not found.base:
        return [Saying("contracts.none_runs")]
    base = Saying("contracts.base", {"base": found.base, "years": found.base_years, "horizon": found.horizon_years})
    if found.one_rate_gap is None:
        return [base]
    return [base, Saying("contracts.one_rate", {"rate": found.one_rate, "gap": found.one_rate_gap})]


def _last_observed(periods: Sequence[RenewalRate]) -> RenewalRate:
    return [period for period in periods if not period.is_forecast][-1]


def survival_figure(found: Found) -> Exhibit | None:
    """Share of new customers who are left by tenure period: observed, and by the model beyond it."""
    if found is None or isinstance(found, Note):
        return None
    level, last = found.periods[0].fitted.level, _last_observed(found.periods)
    columns = [
        Column("column.tenure_period", "integer"),
        Column("column.at_risk", "integer"),
        Column("column.renewed", "integer"),
        Column("column.observed_rate", "percent1"),
        *interval_columns("column.fitted_rate", "percent1", level),
        *interval_columns("column.left_over", "percent1", level),
    ]
    rows = [
        [
            *(each.number, each.at_risk, each.renewed, each.observed),
            *(each.fitted, each.fitted, each.survival, each.survival),
        ]
        for each in found.periods
    ]
    end = found.periods[-1]
    numbers = {
        "months": found.period_months,
        "level": level,
        "number": last.number,
        "left": last.survival,
        "last": end.number,
        "forecast": end.survival,
    }
    draw = on_axes(plot_contract_survival, found.periods)
    return Exhibit("contract_survival", draw, Table("figure.contract_survival.data", columns, rows), numbers)


def lift_table(found: Found) -> Table | None:
    """What the gain does to discounted customer-years."""
    if found is None or isinstance(found, Note):
        return None
    level = found.tenure_years.level
    columns = [
        Column("column.whose_years", "label"),
        Column("column.horizon", "phrase"),
        Column("column.next_renewal_before", "estimate percent1"),
        Column("column.next_renewal_after", "estimate percent1"),
        *interval_columns("column.lift_of_years", "percent", level),
    ]
    rows = [
        [
            f"contracts.scope.{lift.scope}",
            _horizon(lift.horizon_years),
            *(lift.retention_before, lift.retention_after, lift.lift, lift.lift),
        ]
        for lift in found.lifts
    ]
    numbers = {"gain": gain_said(found.gain_kind, found.gain), "rate": found.annual_discount_rate}
    return Table("table.contract_lifts.caption", columns, rows, numbers)


def _horizon(years: float | None) -> Saying:
    return Saying("contracts.no_horizon") if years is None else Saying("reading.horizon", {"horizon": years})
