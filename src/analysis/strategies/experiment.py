"""The analysis of an experiment that was run: what each arm's customers earned against the control, and how sure.

Every assigned customer counts, also those who never ordered. The difference in margin is adjusted by the margin before;
the plain difference stands beside it, and so do the checks of the assignment, with the usual bound for arms of unequal
size [1]_. The adjustment is the regression by which lots are pooled (``within.effect_within``).

References
----------
.. [1] Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments, KDD '19:2156-2164.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.config import ExperimentConfig
from analysis.data.orders import Orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.evidence.encounters import occasions_of
from analysis.strategies.schedule import Economics
from analysis.strategies.within import effect_within
from analysis.words import Message

FEWEST_CUSTOMERS = 10
FEWEST_ORDERING = 10
"""Customers with an order in each arm. Below it the spread of margins rests on so few that an interval may hold nothing
but a cost that is certain; from it on 87 to 98% of nominal 90% intervals held the truth, with skewed margins."""
MISMATCH = 0.001
"""Chance below which a check of the assignment counts as failed."""
LARGEST_SHARE = 0.9
"""Where one customer's past is so much of an arm's variance, it is not adjusted by."""
PERFECT = 1e-5


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
        A row for each arm, the control first: name; customers (assigned), unknown (of them, not in the data), ordering
        (with an order during the experiment); margin (mean of a customer, the arm's own cost taken off) and
        cost_per_customer (that cost) [currency].
    differences
        A row for each other arm, as of ``differences``.
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
    arms: pd.DataFrame
    differences: pd.DataFrame
    ratio_p_value: float
    newcomers_p_value: float | None
    margin_of: str
    notes: tuple[Message, ...]

    @property
    def control(self) -> Any:
        """The row of ``arms`` that the others are compared with."""
        return next(self.arms.itertuples())

    def to_frame(self) -> pd.DataFrame:
        """The arms, the control first.

        Columns arm, customers, ordering, margin and cost [currency a customer]; difference of the margin from the
        control's, with lower, upper and level, and p_holm, which allows for all arms that are compared.
        """
        names = {"name": "arm", "customers": "customers", "ordering": "ordering", "margin": "margin",
                 "cost_per_customer": "cost"}  # fmt: skip
        told = [{"difference": each.adjusted.estimate} | vars(each.adjusted) | {"p_holm": each.p_holm}
                for each in self.differences.itertuples()]  # fmt: skip
        columns = ["difference", "lower", "upper", "level", "p_holm"]
        return self.arms[list(names)].rename(columns=names).join(pd.DataFrame([{}, *told], columns=columns))


def experiment_result(
    orders: Orders, arms: pd.DataFrame, settings: ExperimentConfig, economics: Economics, level: float
) -> ExperimentResult:
    """What an experiment showed.

    Parameters
    ----------
    orders, economics, level
        The orders; margin and cost per order; level of the intervals.
    arms
        customer (id), arm: one row for each customer assigned, as in ``LoyaltyTables.arms``.
    settings
        When it ran, its control, and what the arms cost.

    Raises
    ------
    Unavailable
        Without money, where the experiment lies outside the data, nobody assigned is in them, an arm has fewer than 10
        customers or fewer than 10 who ordered, or everybody in the control, and in another arm, brought the same
        margin.
    """
    if not orders.has_money:
        raise Unavailable(
            "The data hold no amounts, so the arms of the experiment cannot be compared in margin.",
            code="experiment.reason.no_money",
        )
    period = Period.of(orders, settings.starts, settings.ends)
    names = [settings.control, *sorted(set(arms["arm"]) - {settings.control})]
    arm = arms["arm"].map({name: number for number, name in enumerate(names)}).to_numpy()
    found, margin_of = margins_of(orders, arms["customer"], period, economics)
    before = found["before"].to_numpy() if "before" in found else None
    cost = np.array([settings.cost_per_customer.get(name, 0.0) for name in names])
    during, newcomer = found["during"].to_numpy() - cost[arm], found["newcomer"].to_numpy()
    table = found.assign(customers=1, ordering=found["orders"] > 0, margin=during).groupby(arm)
    table = table.agg({"customers": "sum", "unknown": "sum", "ordering": "sum", "margin": "mean"})
    table = table.assign(cost_per_customer=cost).set_axis(pd.RangeIndex(len(names)))
    table.insert(0, "name", names)
    _refuse(table, arm, during)
    against = differences(names, arm, during, before, level)
    ratio, newcomers = float(stats.chisquare(table["customers"]).pvalue), _unlike(arm, newcomer)
    notes = tuple(_notes(margin_of, table, against, ratio, newcomers))
    return ExperimentResult(*period, table, against, ratio, newcomers, margin_of, notes)


def _refuse(arms: pd.DataFrame, arm: np.ndarray, during: np.ndarray) -> None:
    smallest, fewest = arms.loc[arms["customers"].idxmin()], arms.loc[arms["ordering"].idxmin()]
    if arms["unknown"].sum() == len(arm):
        raise Unavailable(
            "None of {customers:integer} customers in the experiment is in the transactions. Are the ids written in "
            "the same way in both files?",
            code="experiment.reason.nobody_known", customers=len(arm)
        )  # fmt: skip
    if smallest["customers"] < FEWEST_CUSTOMERS:
        raise Unavailable(
            "Customers in arm {arm}: {customers:integer}; at least {needed:integer} are needed in every arm.",
            code="experiment.reason.few_customers",
            arm=smallest["name"], customers=int(smallest["customers"]), needed=FEWEST_CUSTOMERS
        )  # fmt: skip
    if fewest["ordering"] < FEWEST_ORDERING:
        raise Unavailable(
            "Customers of arm {arm} who ordered during the experiment: {customers:integer}; at least {needed:integer} "
            "are needed in every arm, since with so few no interval can say what is chance.",
            code="experiment.reason.few_ordering",
            arm=fewest["name"], customers=int(fewest["ordering"]), needed=FEWEST_ORDERING
        )  # fmt: skip
    constant = [bool(np.ptp(during[arm == number]) == 0) for number in arms.index]
    if constant[0] and any(constant[1:]):
        raise Unavailable(
            "All customers of {control} brought the same margin, and so did all of {arm}, so nothing tells what of a "
            "difference between them is chance.",
            code="experiment.reason.no_variation", control=arms["name"][0], arm=arms["name"][constant.index(True, 1)]
        )  # fmt: skip


def _unlike(arm: np.ndarray, newcomer: np.ndarray) -> float | None:
    if newcomer.all() or not newcomer.any():
        return None
    table = [np.bincount(arm, weights=kind) for kind in (newcomer, ~newcomer)]
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _notes(margin_of: str, arms: pd.DataFrame, against, ratio: float, newcomers: float | None) -> Iterator[Message]:
    if margin_of == "paid":
        yield Message(
            "No usable column of discounts is configured, so the margin is the same share of whatever was paid. An arm "
            "that gave discounts looks better here than it was.",
            code="experiment.note.discounts_unknown",
        )
    yield Message(
        "The difference is what the arms did only if customers were assigned to them by lot. The checks can show that "
        "they were not; they cannot prove that they were.",
        code="experiment.note.by_lot",
    )
    if unknown := int(arms["unknown"].sum()):
        yield Message(
            "Assigned customers without an order in the data ({customers:integer}, {share:percent1} of all) count with "
            "a margin of 0. Where ids are written differently in the two files, the difference is too small.",
            code="experiment.note.unknown_customers",
            customers=unknown, share=unknown / int(arms["customers"].sum())
        )  # fmt: skip
    if ratio < MISMATCH:
        yield Message(
            "The arms differ in size by more than chance makes of equal ones (probability below 0.1%). If they were "
            "meant to be equal, customers got lost on the way, and the difference cannot be trusted.",
            code="experiment.note.unequal_arms",
        )
    if newcomers is not None and newcomers < MISMATCH:
        yield Message(
            "The arms differ in how many of their customers had ordered before, by more than chance allows "
            "(probability below 0.1%): the assignment was not by lot, or customers got lost on the way.",
            code="experiment.note.unlike_newcomers",
        )
    for each in against.itertuples():
        if each.before and not each.before.lower <= 0 <= each.before.upper:
            yield Message(
                "Before the experiment the customers of arm {arm} already differed from the control, by "
                "{difference:interval money} of margin each; if that is large, the assignment was hardly by lot.",
                code="experiment.note.unlike_before", arm=each.arm, difference=each.before
            )  # fmt: skip


class Period(NamedTuple):
    """First and last day of an experiment, how many days it has, and as many before it, or as the data have."""

    starts: dt.date
    ends: dt.date
    days: int
    days_before: int

    @classmethod
    def of(cls, transactions: Orders, starts: dt.date, ends: dt.date | None) -> Period:
        """Up to the end of the data where there is no other end."""
        ends = ends or transactions.observation_end
        days = (ends - starts).days + 1
        first, last = transactions.observation_start, transactions.observation_end
        if not first <= starts <= ends <= last:
            raise Unavailable(
                "The experiment is said to run from {starts:date} to {ends:date}, and the data cover {first:date} to "
                "{last:date}; it must lie inside them.",
                code="experiment.reason.outside_data",
                starts=starts, ends=max(starts, ends), first=first, last=last
            )  # fmt: skip
        return cls(starts, ends, days, min(days, (starts - first).days))


def margins_of(
    orders: Orders, customers: pd.Series | np.ndarray, period: Period, money: Economics
) -> tuple[pd.DataFrame, str]:
    """What each customer of an experiment earned, and what the margin is taken of (as in ``ExperimentResult``).

    Customers are given by their ids, or by their places in the summary, shape (customers,): then only theirs are read.

    By ``Economics.margin_of``, where discounts are known with the one that was usual before, so that a deeper one comes
    off the margin in full. Otherwise the margin is a share of what was paid. A refund is taken off the order that it is
    for, whenever it comes.

    Returns
    -------
    DataFrame
        A row for each customer: during and before, margin during the experiment and over the days before [currency],
        without what an arm cost, and without ``before`` where the data begin with it; orders during it, what they
        saved as far as discounts are known [currency], and orders_before; newcomer, who had no order before it;
        unknown, who is not in the data, and counts with a margin of 0.
    """
    some = customers if isinstance(customers, np.ndarray) else None
    position = orders.histories.places(customers) if some is None else some
    placed = occasions_of(orders, some)
    day, starts = placed["day"].to_numpy().astype("datetime64[D]"), np.datetime64(period.starts)
    usual = _usual_share(placed, day < starts) if "saved" in placed else None
    money = replace(money, todays_deal=usual or 0.0)
    listed = placed["amount"] + (0.0 if usual is None else placed["discount"])
    placed = placed.assign(margin=money.margin_of(placed["amount"], listed), orders=1, saved=listed - placed["amount"])
    spans = {
        "during": (day >= starts) & (day <= np.datetime64(period.ends)),
        "before": (day < starts) & (day >= starts - np.timedelta64(period.days_before, "D")),
        "known_before": day < starts,
    }
    sums = {name: placed[span].groupby("customer")[["margin", "orders", "saved"]].sum() for name, span in spans.items()}
    sums = {name: each.reindex(position).fillna(0.0).reset_index(drop=True) for name, each in sums.items()}
    found = sums["during"].rename(columns={"margin": "during"}).astype({"orders": int})
    found = found.assign(newcomer=sums["known_before"]["orders"] == 0, unknown=position < 0)
    if period.days_before:
        found = found.assign(before=sums["before"]["margin"], orders_before=sums["before"]["orders"])
    return found, "paid" if usual is None else "list"


def _usual_share(placed: pd.DataFrame, is_early: np.ndarray) -> float | None:
    """Share of the list value that orders saved before the experiment; of all orders where there are none before.

    None where discounts below zero say that the column is something else.
    """
    rows = is_early if is_early.any() else ~is_early
    paid, given = placed["amount"][rows].sum(), placed["discount"][rows].sum()
    return given / (paid + given) if (placed["discount"] >= 0).all() and paid + given > 0 else None


def differences(
    names: Sequence[str], arm: np.ndarray, during: np.ndarray, before: np.ndarray | None, level: float
) -> pd.DataFrame:
    """What every arm brought against the first, by customer over the whole experiment [currency].

    Parameters
    ----------
    names
        Of the arms.
    arm
        Number of each customer's arm, shape (customers,).
    during, before
        Margin of each customer during the experiment and before it [currency]; ``before`` is None where nothing is
        known of it.

    Returns
    -------
    DataFrame
        A row for each arm but the first: arm (its name); adjusted (an ``Interval``: difference in margin by the
        regression; ``plain`` where there is nothing to adjust by); plain (an ``Interval``: of the two means); before
        (the same difference before the experiment, when there can be none; None where the data begin with it);
        variance_reduction (share of the plain difference's variance that the regression takes away); p_value of no
        difference, two-sided, and p_holm, which allows for all arms that are compared (Holm 1979); verdict, by that:
        ``better``, ``worse`` or ``undecided``; level of the intervals.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> arm, before = np.arange(400) % 2, rng.normal(10, 3, 400)
    >>> found = differences(["a", "b"], arm, before + arm + rng.normal(0, 1, 400), before, 0.9).iloc[0]
    >>> round(found["adjusted"].estimate, 1), found["verdict"], round(float(found["variance_reduction"]), 1)
    (1.1, 'better', 0.9)
    """
    found = []
    for number, name in enumerate(names[1:], start=1):
        two = np.isin(arm, (0, number))
        treated, came, past = arm[two] == number, during[two], None if before is None else before[two]
        plain = adjusted = _compared(came, treated, level)
        if past is not None and _tells(past, treated):
            by_past = _compared(came, treated, level, past)
            # Whoever orders exactly as before says nothing about chance.
            adjusted = by_past if by_past[1] > PERFECT * plain[1] else plain
        same = None if past is None else _compared(past, treated, level)[0]
        found.append((name, adjusted[0], plain[0], same, 1 - (adjusted[1] / plain[1]) ** 2, adjusted[2]))
    frame = pd.DataFrame(found, columns=["arm", "adjusted", "plain", "before", "variance_reduction", "p_value"])
    # One comparison needs no adjustment, and statsmodels collects garbage for every one.
    p_holm = multipletests(frame["p_value"], method="holm")[1] if len(frame) > 1 else frame["p_value"]
    sign = np.where([each.estimate > 0 for each in frame["adjusted"]], "better", "worse")
    return frame.assign(p_holm=p_holm, verdict=np.where(p_holm >= 1 - level, "undecided", sign), level=level)


def _compared(outcome: np.ndarray, treated: np.ndarray, level: float, *alike) -> tuple[Interval, float, float]:
    """Difference of two arms, its error and its p value; the degrees of freedom are those of the smaller arm."""
    estimate, error = effect_within(outcome, treated, np.zeros(len(treated)), np.arange(len(treated)), alike)
    freedom = int(np.bincount(treated).min()) - 1 - len(alike)
    p_value = float(2 * stats.t.sf(abs(estimate) / max(error, 1e-300), freedom))
    return Interval.normal(estimate, error, level, freedom), error, p_value


def _tells(before: np.ndarray, treated: np.ndarray) -> bool:
    """Whether the margin before can be adjusted by: it varies in both arms, and in neither by one customer alone."""
    away = [(each - each.mean()) ** 2 for each in (before[treated], before[~treated])]
    return all(0 < each.max() < LARGEST_SHARE * each.sum() for each in away)
