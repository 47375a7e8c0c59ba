"""What notebook 03 shows of the spend model: which one is used, why, and whether its doubtful assumption holds."""

from __future__ import annotations

from analysis.models.results import SpendResult
from analysis.reporting.tables import Column, Table
from analysis.reporting.words import Saying

DEPENDENCE = {
    "independent": "spend.independent",
    "weak": "spend.weak",
    "dependent": "spend.dependent",
}


def spend_sayings(spend: SpendResult | None) -> list[Saying]:
    """Which spend model is used and why, and whether its doubtful assumption holds."""
    if spend is None:
        return [Saying("value.no_money")]
    fit = spend.fit
    numbers = {"customers": fit.customers, "mean": fit.mean_order_value}
    sayings = [Saying(spend.reason) if spend.reason else Saying("spend.gamma_gamma", numbers)]
    if fit.model != "Gamma-Gamma":
        sayings += [Saying("spend.constant", {"mean": fit.mean_order_value}), Saying("spend.certain_values")]
    if fit.recentred_from is not None:
        sayings.append(Saying("spend.recentred", {"model": fit.recentred_from, "mean": fit.mean_order_value}))
    if fit.left_out:
        sayings.append(Saying("spend.left_out", {"customers": fit.left_out}))
    if spend.dependence is None:
        return [*sayings, Saying("spend.untested")]
    test = spend.dependence
    tested = {"change": test.change_per_doubling, "customers": test.customers}
    sayings.append(Saying(DEPENDENCE[test.verdict], tested))
    if test.verdict == "dependent":
        more = test.change_per_doubling.estimate > 0
        sayings.append(Saying("spend.consequence_more" if more else "spend.consequence_less"))
    return sayings


def spend_table(spend: SpendResult | None) -> Table | None:
    """The spend model's parameters; None without money, or where the fallback has none."""
    if spend is None or spend.posterior is None:
        return None
    columns = [
        Column("column.parameter", "label"),
        Column("column.estimate", "decimal3"),
        Column("column.standard_error", "decimal3"),
    ]
    rows = [
        [("value.text", {"value": name}), estimate, spend.fit.standard_errors.get(name)]
        for name, estimate in spend.fit.parameters.items()
    ]
    return Table("table.spend.caption", columns, rows, {"customers": spend.fit.customers})
