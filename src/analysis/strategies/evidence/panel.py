"""The panel regression beside the likelihood: a customer's gaps, the time until the next order, and its size.

Customer and week effects are taken out (within transformation), errors are clustered by customer, and the size of the
basket on which the deal was met is controlled. Beside each outcome stands its placebo: the same gap is asked to explain
the interval, or the order, that was already over when the deal was met. The gap before it is controlled there, since a
smoothed expectation carries it on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.data import Note
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters
from analysis.strategies.evidence.expectation import gaps
from analysis.strategies.evidence.findings import Finding, normal_interval, verdict_of
from analysis.strategies.evidence.intervals import FORMING, basket_size

FEWEST_ROWS = 200
SWEEPS, STILL = 50, 1e-8
GAPS = ("surplus", "shortfall")
# A surplus should bring the next order sooner and make it larger; a shortfall the opposite.
EXPECTED = {"days": {"surplus": -1, "shortfall": 1}, "size": {"surplus": 1, "shortfall": -1}}
EARLIER = {
    "days": ("previous_surplus", "previous_shortfall", "previous_basket"),
    "size": ("previous_surplus", "previous_shortfall"),
}
"""What the placebo controls of the encounter before; its basket is what the placebo of the size explains."""
UNITS = {"days": "log days per share of price", "size": "log list value per share of price"}


@dataclass(frozen=True)
class PanelRegression:
    """Gaps and what came next, within customers.

    Attributes
    ----------
    findings
        ``evidence.panel.days_surplus``, ``…days_shortfall``, ``…size_surplus``, ``…size_shortfall``, with placebos.
    kappa
        Smoothing at which the expectation was formed.
    customers, encounters
        On how many it rests.
    """

    findings: tuple[Finding, ...]
    kappa: float
    customers: int
    encounters: int


def panel_regression(
    encounters: Encounters, met: np.ndarray, *, kappa: float, initial: float, level: float
) -> PanelRegression | Note:
    """The panel regression at a smoothing; ``met`` in shares of price, shape (n,)."""
    table = _columns(encounters, met, kappa, initial)
    usable = table["in_between"]
    rows = int(usable.sum())
    if rows < FEWEST_ROWS:
        return Note("evidence.reason.too_few_intervals", {"intervals": rows, "needed": FEWEST_ROWS})
    findings = []
    for outcome in ("days", "size"):
        main = _fit(table, f"next_{outcome}", (*GAPS, "basket"), level)
        placebo = _fit(table, f"over_{outcome}", (*GAPS, "basket", *EARLIER[outcome]), level)
        for gap in GAPS:
            verdict = verdict_of(main[gap], placebo[gap], expected_sign=EXPECTED[outcome][gap])
            key = f"evidence.panel.{outcome}_{gap}"
            customers = int(np.unique(encounters.customer[usable]).size)
            findings.append(Finding(key, main[gap], UNITS[outcome], placebo[gap], verdict, customers, rows))
    return PanelRegression(tuple(findings), kappa, findings[0].customers, rows)


def _columns(encounters: Encounters, met, kappa: float, initial: float) -> dict[str, np.ndarray]:
    """Every encounter with its gap, the one before it, and the interval and order on either side; NaN where none is."""
    surplus, shortfall = gaps(met, encounters.first, encounters.count, kappa, initial)
    size = np.log(np.where(encounters.listed > 0, encounters.listed, np.nan))
    basket, number = basket_size(encounters), encounters.number
    days = np.log(np.maximum(np.r_[encounters.day[1:] - encounters.day[:-1], 1], 1))
    is_last = number == np.repeat(encounters.count, encounters.count) - 1
    forming = 0 if encounters.births_known else FORMING
    return {
        "customer": encounters.customer,
        "week": encounters.day // DAYS_PER_WEEK,
        "in_between": ~is_last & (number > forming) & np.isfinite(met),
        "surplus": surplus,
        "shortfall": shortfall,
        "basket": basket,
        "previous_surplus": np.r_[0.0, surplus[:-1]],
        "previous_shortfall": np.r_[0.0, shortfall[:-1]],
        "previous_basket": np.r_[0.0, basket[:-1]],
        "next_days": days,
        "over_days": np.r_[0.0, days[:-1]],
        "next_size": np.r_[size[1:], np.nan],
        "over_size": np.r_[np.nan, size[:-1]],
    }


def _fit(table, outcome: str, columns: tuple[str, ...], level: float) -> dict:
    from statsmodels.regression.linear_model import OLS

    used = table["in_between"] & np.isfinite(table[outcome])
    _, customer = np.unique(table["customer"][used], return_inverse=True)
    _, week = np.unique(table["week"][used], return_inverse=True)
    values = np.column_stack([table[outcome][used], *(table[name][used] for name in columns)])
    within = without_effects(values, customer, week)
    fitted = OLS(within[:, 0], within[:, 1:]).fit(cov_type="cluster", cov_kwds={"groups": customer})
    return {
        name: normal_interval(estimate, error, level)
        for name, estimate, error in zip(columns, fitted.params, fitted.bse, strict=True)
    }


def without_effects(values: np.ndarray, *groups: np.ndarray) -> np.ndarray:
    """Columns of ``values`` (n, k) with the effects of all groups taken out, by taking means out in turn.

    >>> flat = without_effects(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]))
    >>> flat[:, 0]
    array([-1.,  1.,  0.])
    """
    values = values.astype(float).copy()
    sizes = [np.bincount(group) for group in groups]
    scale = values.std(axis=0) + 1e-300
    for _ in range(SWEEPS):
        moved = 0.0
        for group, size in zip(groups, sizes, strict=True):
            for k in range(values.shape[1]):
                mean = np.bincount(group, weights=values[:, k], minlength=len(size)) / size
                values[:, k] -= mean[group]
                moved = max(moved, float(np.abs(mean).max() / scale[k]))
        if len(groups) == 1 or moved < STILL:
            break
    return values
