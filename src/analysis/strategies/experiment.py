"""The analysis of an experiment that was run: what each arm's customers earned against the control, and how sure.

Every assigned customer counts, also those who never ordered. The difference in margin is adjusted by the margin before;
the plain difference stands beside it, and so do the checks of the assignment, with the usual bound for arms of unequal
size [1]_. The margin before is centred and interacted with the arm [2]_, the errors are HC2 [3]_. As arms share no
coefficient, this is one regression for each arm, whose constant is what everybody would have earned in it. Where the
slopes differ, the customers who happened to take part are a source of error too [4]_.

References
----------
.. [1] Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments, KDD '19:2156-2164.
.. [2] Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals of Applied Statistics
   7(1):295-318.
.. [3] MacKinnon & White (1985), Journal of Econometrics 29(3):305-325.
.. [4] Negi & Wooldridge (2021), Revisiting regression adjustment in experiments with heterogeneous treatment effects,
   Econometric Reviews 40(5):504-534.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS

from analysis.config import ExperimentConfig
from analysis.data import Orders
from analysis.data.engine import MONEY
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.multiplicity import holm_adjusted
from analysis.strategies.schedule import Economics
from analysis.value.history import history
from analysis.words import Message

ONE_DAY = dt.timedelta(days=1)
FEWEST_CUSTOMERS = 10
FEWEST_ORDERING = 10
"""Customers with an order in each arm. Below it the spread of margins rests on so few that an interval may hold nothing
but a cost that is certain; from it on 87 to 98% of nominal 90% intervals held the truth, with skewed margins."""
MISMATCH = 0.001
"""Chance below which a check of the assignment counts as failed."""
FEWEST_ALIKE = 5
"""Newcomers, and others, that each arm must have for the two to be told apart in the regression."""
LARGEST_LEVERAGE = 0.9
"""Where one customer's past decides this much of a fitted value, the regression is left out."""
PERFECT = 1e-9


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
    notes: tuple[Message, ...]

    @property
    def control(self) -> Arm:
        """What the others are compared with."""
        return self.arms[0]

    def to_frame(self) -> pd.DataFrame:
        """The arms, the control first.

        Columns arm, customers, ordering, margin and cost [currency a customer]; difference of the margin from the
        control's, with lower, upper and level, and p_holm, which allows for all arms that are compared.
        """
        arms = [(each.name, each.customers, each.ordering, each.margin, each.cost_per_customer) for each in self.arms]
        nothing = (np.nan,) * 5
        differences = [nothing, *((*vars(each.adjusted).values(), each.p_holm) for each in self.differences)]
        columns = ["arm", "customers", "ordering", "margin", "cost", "difference", "lower", "upper", "level", "p_holm"]
        return pd.DataFrame([arm + each for arm, each in zip(arms, differences, strict=True)], columns=columns)


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
    period = Period.of(orders, settings)
    names = [settings.control, *sorted(set(arms["arm"]) - {settings.control})]
    arm = arms["arm"].map({name: number for number, name in enumerate(names)}).to_numpy()
    found = margins_of(orders, arms["customer"], period, economics)
    cost = np.array([settings.cost_per_customer.get(name, 0.0) for name in names])
    during, sizes = found.during - cost[arm], np.bincount(arm, minlength=len(names))
    unknown, ordering = (np.bincount(arm, each, len(names)) for each in (found.unknown, found.orders > 0))
    _refuse(names, sizes, ordering, arm, during, found.unknown)
    columns = zip(names, sizes, unknown, ordering, np.bincount(arm, during) / sizes, cost, strict=True)
    against = differences(names, arm, during, found.before, found.newcomer, level)
    ratio, newcomers = float(stats.chisquare(sizes).pvalue), _unlike(arm, found.newcomer)
    checked = {"ratio_p_value": ratio, "newcomers_p_value": newcomers, "margin_of": found.margin_of}
    compared = tuple(Arm(a, int(n), int(u), int(o), float(m), float(c)) for a, n, u, o, m, c in columns)
    notes = tuple(_notes(period, found, against, ratio, newcomers))
    return ExperimentResult(**vars(period), arms=compared, differences=against, **checked, notes=notes)


def _refuse(names: Sequence[str], sizes, ordering, arm, during, unknown) -> None:
    if unknown.all():
        raise Unavailable(
            "None of {customers:integer} customers in the experiment is in the transactions. Are the ids written in "
            "the same way in both files?",
            code="experiment.reason.nobody_known", customers=len(unknown)
        )  # fmt: skip
    if sizes.min() < FEWEST_CUSTOMERS:
        raise Unavailable(
            "Customers in arm {arm}: {customers:integer}; at least {needed:integer} are needed in every arm.",
            code="experiment.reason.few_customers",
            arm=names[int(sizes.argmin())], customers=int(sizes.min()), needed=FEWEST_CUSTOMERS
        )  # fmt: skip
    if ordering.min() < FEWEST_ORDERING:
        raise Unavailable(
            "Customers of arm {arm} who ordered during the experiment: {customers:integer}; at least {needed:integer} "
            "are needed in every arm, since with so few no interval can say what is chance.",
            code="experiment.reason.few_ordering",
            arm=names[int(ordering.argmin())], customers=int(ordering.min()), needed=FEWEST_ORDERING
        )  # fmt: skip
    constant = [bool(np.ptp(during[arm == number]) == 0) for number in range(len(names))]
    if constant[0] and any(constant[1:]):
        raise Unavailable(
            "All customers of {control} brought the same margin, and so did all of {arm}, so nothing tells what of a "
            "difference between them is chance.",
            code="experiment.reason.no_variation", control=names[0], arm=names[constant.index(True, 1)]
        )  # fmt: skip


def _unlike(arm: np.ndarray, newcomer: np.ndarray) -> float | None:
    if newcomer.all() or not newcomer.any():
        return None
    table = [np.bincount(arm, weights=kind) for kind in (newcomer, ~newcomer)]
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _notes(
    period: Period, found: Margins, against: Sequence[ArmDifference], ratio: float, newcomers: float | None
) -> Iterator[Message]:
    if found.margin_of == "paid":
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
    if found.unknown.any():
        yield Message(
            "Assigned customers without an order in the data ({customers:integer}, {share:percent1} of all) count with "
            "a margin of 0. Where ids are written differently in the two files, the difference is too small.",
            code="experiment.note.unknown_customers",
            customers=int(found.unknown.sum()), share=float(found.unknown.mean())
        )  # fmt: skip
    if period.days_before == 0:
        yield Message(
            "The data begin with the experiment, so nothing before it can narrow the interval or check the assignment.",
            code="experiment.note.no_before",
        )
    elif period.days_before < period.days:
        yield Message(
            "The data reach back only {before:days} before the experiment, which lasted {length:days}.",
            code="experiment.note.short_before", before=period.days_before, length=period.days
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
    for each in against:
        if each.before and not each.before.lower <= 0 <= each.before.upper:
            yield Message(
                "Before the experiment the customers of arm {arm} already differed from the control, by "
                "{difference:interval money} of margin each; if that is large, the assignment was hardly by lot.",
                code="experiment.note.unlike_before", arm=each.arm, difference=each.before
            )  # fmt: skip


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
    def of(cls, transactions: Orders, settings: ExperimentConfig) -> Period:
        """As configured, up to the end of the data where no end is."""
        starts, ends = settings.starts, settings.ends or transactions.observation_end
        days = (ends - starts).days + 1
        first, last = transactions.observation_start, transactions.observation_end
        if not first <= starts <= ends <= last:
            raise Unavailable(
                "The experiment is said to run from {starts:date} to {ends:date}, and the data cover {first:date} to "
                "{last:date}; it must lie inside them.",
                code="experiment.reason.outside_data",
                starts=starts, ends=max(starts, ends), first=first, last=last
            )  # fmt: skip
        there = (starts - first).days
        return cls(starts, ends, days, max(min(days, there), 0))

    @property
    def before_starts(self) -> dt.date:
        """First of the days before."""
        return self.starts - self.days_before * ONE_DAY


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
    """

    during: np.ndarray
    before: np.ndarray | None
    orders: np.ndarray
    newcomer: np.ndarray
    unknown: np.ndarray
    margin_of: str


def margins_of(orders: Orders, customers: pd.Series, period: Period, money: Economics) -> Margins:
    """What each customer of an experiment earned.

    By ``Economics.margin_of``, where discounts are known with the one that was usual before, so that a deeper one comes
    off the margin in full. Otherwise the margin is a share of what was paid. A refund is taken off the order that it is
    for, whenever it comes.
    """
    ids = orders.histories.table["customer_id"].astype(str)
    position = customers.astype(str).map(pd.Series(np.arange(len(ids)), index=ids.to_numpy()))
    sums, usual = _sums(orders, position, period)
    money = replace(money, todays_deal=usual or 0.0)

    def margin(when: str) -> np.ndarray:
        paid, saved, count = (sums[f"{name}_{when}"] for name in ("paid", "saved", "orders"))
        return money.margin_of(paid, paid if usual is None else paid + saved, count)

    before, kind = margin("before") if period.days_before else None, "paid" if usual is None else "list"
    unknown, newcomer = position.isna().to_numpy(), sums["known_before"] == 0
    return Margins(margin("during"), before, sums["orders_during"], newcomer, unknown, kind)


def _sums(transactions: Orders, position: pd.Series, period: Period) -> tuple[dict[str, np.ndarray], float | None]:
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


@dataclass(frozen=True)
class ArmDifference:
    """What one arm brought against the control, by customer over the whole experiment [currency].

    Attributes
    ----------
    arm
        Its name.
    adjusted
        Difference in margin by the regression, with its interval; ``plain`` where there is nothing to adjust by.
    plain
        Difference of the two means.
    before
        The same difference before the experiment, when there can be none; None where the data begin with it.
    variance_reduction
        Share of the plain difference's variance that the regression takes away; 0 where there is none.
    p_value, p_holm
        Of no difference, two-sided; ``p_holm`` allows for all arms that are compared (Holm 1979).
    level
        Level of the intervals.
    """

    arm: str
    adjusted: Interval
    plain: Interval
    before: Interval | None
    variance_reduction: float
    p_value: float
    p_holm: float
    level: float

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``undecided``, all arms that are compared allowed for."""
        if self.p_holm >= 1 - self.level:
            return "undecided"
        return "better" if self.adjusted.estimate > 0 else "worse"


def differences(
    names: Sequence[str],
    arm: np.ndarray,
    during: np.ndarray,
    before: np.ndarray | None,
    newcomer: np.ndarray,
    level: float,
) -> tuple[ArmDifference, ...]:
    """Every arm against the first.

    Parameters
    ----------
    names
        Of the arms.
    arm
        Number of each customer's arm, shape (customers,).
    during, before
        Margin of each customer during the experiment and before it [currency]; ``before`` is None where nothing is
        known of it.
    newcomer
        Who had no order before it.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> arm, before = np.arange(400) % 2, rng.normal(10, 3, 400)
    >>> (found,) = differences(["a", "b"], arm, before + arm + rng.normal(0, 1, 400), before, arm < 0, 0.9)
    >>> round(float(found.adjusted.estimate), 1), found.verdict, round(float(found.variance_reduction), 1)
    (1.1, 'better', 0.9)
    """
    plain = _arm_means(during, arm, np.empty((len(arm), 0)))
    adjusted = _arm_means(during, arm, covariates(before, newcomer, arm))
    past = None if before is None else _arm_means(before, arm, np.empty((len(arm), 0)))
    found = []
    for number, name in enumerate(names[1:], start=1):
        of_plain, of_adjusted = plain.against_first(number), adjusted.against_first(number)
        if of_adjusted.variance < PERFECT * of_plain.variance:
            # Whoever orders exactly as before says nothing about chance.
            of_adjusted = of_plain
        reduction = 1 - of_adjusted.variance / of_plain.variance
        intervals = of_adjusted.interval(level), of_plain.interval(level)
        of_past = past and past.against_first(number).interval(level)
        found.append((name, *intervals, of_past, reduction, of_adjusted.p_value))
    after_holm = holm_adjusted([each[-1] for each in found])
    return tuple(ArmDifference(*each, float(p), level) for each, p in zip(found, after_holm, strict=True))


def covariates(before: np.ndarray | None, newcomer: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """What is adjusted by, centred, shape (customers, k): the margin before, and whether there was no order at all.

    What one arm cannot tell is left out, by what was known before the experiment alone. k is 0 where nothing is left.

    Examples
    --------
    >>> before, arm = np.arange(40.0), np.arange(40) % 2
    >>> covariates(before, before < 20, arm).shape, covariates(before, before < 1, arm).shape
    ((40, 2), (40, 1))
    """
    columns = {"newcomer": newcomer.astype(float)}
    if before is not None and np.ptp(before) > 0:
        columns["before"] = (before - before.mean()) / before.std()
    for chosen in (("before", "newcomer"), ("before",), ("newcomer",)):
        if set(chosen) <= set(columns):
            table = np.column_stack([columns[name] - columns[name].mean() for name in chosen])
            enough = "newcomer" not in chosen or _both_kinds(newcomer, arm)
            if enough and all(_tells(table[arm == number]) for number in np.unique(arm)):
                return table
    return np.empty((len(arm), 0))


def _both_kinds(newcomer: np.ndarray, arm: np.ndarray) -> bool:
    kinds = [np.bincount(arm, weights=kind) for kind in (newcomer, ~newcomer)]
    return bool(np.min(kinds) >= FEWEST_ALIKE)


def _tells(table: np.ndarray) -> bool:
    """Whether a regression on these columns stands, and does not hang on one customer."""
    design = np.column_stack([np.ones(len(table)), table])
    if len(design) <= design.shape[1] + 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        return False
    return bool((np.linalg.qr(design)[0] ** 2).sum(axis=1).max() < LARGEST_LEVERAGE)


class _Difference(NamedTuple):
    estimate: float
    variance: float
    freedom: float

    @property
    def p_value(self) -> float:
        return float(2 * stats.t.sf(abs(self.estimate) / np.sqrt(self.variance), self.freedom))

    def interval(self, level: float) -> Interval:
        reach = float(stats.t.ppf((1 + level) / 2, self.freedom) * np.sqrt(self.variance))
        return Interval(self.estimate, self.estimate - reach, self.estimate + reach, level)


class _ArmMeans(NamedTuple):
    """Mean outcome of each arm if it had everybody's covariates, its HC2 variance, degrees of freedom and slopes.

    ``mean_covariance`` is that of the covariates' mean, shape (k, k).
    """

    mean: np.ndarray
    variance: np.ndarray
    freedom: np.ndarray
    slopes: np.ndarray
    mean_covariance: np.ndarray

    def against_first(self, number: int) -> _Difference:
        """By Welch's degrees of freedom."""
        both = [0, number]
        variance, spread = self.variance[both].sum(), (self.variance[both] ** 2 / self.freedom[both]).sum()
        freedom = variance**2 / spread if spread > 0 else self.freedom[both].sum()
        steeper = self.slopes[number] - self.slopes[0]
        of_who_took_part = steeper @ self.mean_covariance @ steeper
        return _Difference(self.mean[number] - self.mean[0], float(variance + of_who_took_part), float(freedom))


def _arm_means(outcome: np.ndarray, arm: np.ndarray, table: np.ndarray) -> _ArmMeans:
    found = []
    for number in np.unique(arm):
        inside = arm == number
        design = np.column_stack([np.ones(inside.sum()), table[inside]])
        fitted = OLS(outcome[inside], design).fit(cov_type="HC2")
        found.append((fitted.params[0], fitted.cov_params()[0, 0], fitted.df_resid, fitted.params[1:]))
    covariance = np.atleast_2d(np.cov(table, rowvar=False)) if table.shape[1] else np.empty((0, 0))
    return _ArmMeans(*map(np.array, zip(*found, strict=True)), covariance / len(table))
