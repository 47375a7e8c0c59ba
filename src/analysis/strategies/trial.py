"""The analysis of an experiment that was run: what each arm's customers earned against the control, and how sure.

Every assigned customer counts, also those who never ordered. The difference in margin is adjusted by the margin before;
the plain difference stands beside it, and so do the checks of the assignment, with the usual bound for arms of unequal
size [1]_.

References
----------
.. [1] Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments, KDD '19:2156-2164.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis.config import Config, ExperimentConfig
from analysis.data import Note, Transactions
from analysis.strategies.trial_differences import ArmDifference, differences
from analysis.strategies.trial_margins import Period, margins_of

FEWEST_CUSTOMERS = 10
FEWEST_ORDERING = 10
"""Customers with an order in each arm. Below it the spread of margins rests on so few that an interval may hold nothing
but a cost that is certain; from it on 87 to 98% of nominal 90% intervals held the truth, with skewed margins."""
MISMATCH = 0.001
"""Chance below which a check of the assignment counts as failed."""


@dataclass(frozen=True)
class Arm:
    """One arm of an experiment.

    Attributes
    ----------
    name
        As in the table.
    customers, unknown, ordering
        Customers assigned; those of them who are not in the data; those with an order during the experiment.
    margin
        Mean margin of a customer during the experiment, the arm's own cost taken off [currency].
    cost_per_customer
        That cost [currency].
    """

    name: str
    customers: int
    unknown: int
    ordering: int
    margin: float
    cost_per_customer: float


@dataclass(frozen=True)
class ExperimentResult:
    """What an experiment showed.

    Attributes
    ----------
    starts, ends, days
        First and last day, and how many.
    days_before
        Days of margin before it that were adjusted by and compared; fewer than ``days`` where the data begin late.
    arms
        The control first.
    differences
        One for each other arm.
    ratio_p_value
        Of arms of equal size being this unequal by chance.
    newcomers_p_value
        Of the shares of customers without an order before being this unequal by chance; None where all arms have only
        newcomers, or none.
    margin_of
        ``list`` where discounts are known and come off the margin in full; ``paid`` where the margin is taken to be
        the same share of whatever was paid.
    notes
        What is worth saying about it.
    """

    starts: dt.date
    ends: dt.date
    days: int
    days_before: int
    arms: tuple[Arm, ...]
    differences: tuple[ArmDifference, ...]
    ratio_p_value: float
    newcomers_p_value: float | None
    margin_of: str
    notes: tuple[Note, ...]

    @property
    def control(self) -> Arm:
        """What the others are compared with."""
        return self.arms[0]


def experiment_result(
    transactions: Transactions, arms: pd.DataFrame, settings: ExperimentConfig, config: Config
) -> ExperimentResult | Note:
    """What an experiment showed, or why these data do not tell.

    Parameters
    ----------
    transactions, config
        The orders; margin, cost per order and level of the intervals.
    arms
        customer (id), arm: one row for each customer assigned, as in ``LoyaltyTables.arms``.
    settings
        When it ran, its control, and what the arms cost.

    Returns
    -------
    ExperimentResult or Note
        A Note ``experiment.reason.…`` without money, where the experiment lies outside the data, nobody assigned is
        in them, an arm has fewer than 10 customers or fewer than 10 who ordered, or everybody in the control, and in
        another arm, brought the same margin.
    """
    if not transactions.has_money:
        return Note("experiment.reason.no_money")
    period = Period.of(transactions, settings)
    if reason := period.why_outside(transactions):
        return reason
    names = [settings.control, *sorted(set(arms["arm"]) - {settings.control})]
    arm = arms["arm"].map({name: number for number, name in enumerate(names)}).to_numpy()
    found = margins_of(transactions, arms["customer"], period, config.economics)
    cost = np.array([settings.cost_per_customer.get(name, 0.0) for name in names])
    during = found.during - cost[arm]
    sizes = np.bincount(arm, minlength=len(names))
    counts = [np.bincount(arm, weights=each, minlength=len(names)) for each in (found.unknown, found.orders > 0)]
    if reason := _why_not(names, sizes, counts[1], arm, during, found.unknown):
        return reason
    means = np.bincount(arm, weights=during, minlength=len(names)) / sizes
    columns = zip(names, sizes, *counts, means, cost, strict=True)
    level = config.model.credible_level
    against = differences(names, arm, during, found.before, found.newcomer, level)
    ratio, newcomers = _unequal(sizes), _unlike(arm, found.newcomer)
    notes = (*found.notes, *_notes(period, found.unknown, against, ratio, newcomers))
    return ExperimentResult(
        starts=period.starts,
        ends=period.ends,
        days=period.days,
        days_before=period.days_before,
        arms=tuple(Arm(a, int(n), int(u), int(o), float(m), float(c)) for a, n, u, o, m, c in columns),
        differences=against,
        ratio_p_value=ratio,
        newcomers_p_value=newcomers,
        margin_of=found.margin_of,
        notes=notes,
    )


def _why_not(
    names: Sequence[str],
    sizes: np.ndarray,
    ordering: np.ndarray,
    arm: np.ndarray,
    during: np.ndarray,
    unknown: np.ndarray,
) -> Note | None:
    if unknown.all():
        return Note("experiment.reason.nobody_known", {"customers": len(unknown)})
    for key, counts, needed in (
        ("experiment.reason.few_customers", sizes, FEWEST_CUSTOMERS),
        ("experiment.reason.few_ordering", ordering, FEWEST_ORDERING),
    ):
        fewest = int(counts.argmin())
        if counts[fewest] < needed:
            numbers = {"arm": names[fewest], "customers": int(counts[fewest]), "needed": needed}
            return Note(key, numbers)
    constant = [bool(np.ptp(during[arm == number]) == 0) for number in range(len(names))]
    if constant[0] and any(constant[1:]):
        alike = names[constant.index(True, 1)]
        return Note("experiment.reason.no_variation", {"arm": alike, "control": names[0]})
    return None


def _unequal(sizes: np.ndarray) -> float:
    return float(stats.chisquare(sizes).pvalue)


def _unlike(arm: np.ndarray, newcomer: np.ndarray) -> float | None:
    if newcomer.all() or not newcomer.any():
        return None
    table = [np.bincount(arm, weights=kind) for kind in (newcomer, ~newcomer)]
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _notes(
    period: Period,
    unknown: np.ndarray,
    differences: Sequence[ArmDifference],
    ratio: float,
    newcomers: float | None,
) -> Iterator[Note]:
    yield Note("experiment.note.by_lot")
    if unknown.any():
        customers = int(unknown.sum())
        yield Note("experiment.note.unknown_customers", {"customers": customers, "share": customers / len(unknown)})
    if period.days_before == 0:
        yield Note("experiment.note.no_before")
    elif period.days_before < period.days:
        yield Note("experiment.note.short_before", {"days": period.days_before, "of": period.days})
    if ratio < MISMATCH:
        yield Note("experiment.note.unequal_arms", {"probability": ratio})
    if newcomers is not None and newcomers < MISMATCH:
        yield Note("experiment.note.unlike_newcomers", {"probability": newcomers})
    for each in differences:
        if each.before and not each.before.lower <= 0 <= each.before.upper:
            yield Note("experiment.note.unlike_before", {"arm": each.arm, "difference": each.before})
