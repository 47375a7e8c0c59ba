"""The difference that each arm of an experiment made, from a regression on the margin before it.

The margin before is centred and interacted with the arm [1]_, the errors are HC2 [2]_. As arms share no coefficient,
this is one regression for each arm, whose constant is what everybody would have earned in it. Where the slopes differ,
the customers who happened to take part are a source of error too [3]_.

References
----------
.. [1] Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals of Applied Statistics
   7(1):295-318.
.. [2] MacKinnon & White (1985), Journal of Econometrics 29(3):305-325.
.. [3] Negi & Wooldridge (2021), Revisiting regression adjustment in experiments with heterogeneous treatment effects,
   Econometric Reviews 40(5):504-534.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.regression.linear_model import OLS

from analysis.interval import Interval
from analysis.models.multiplicity import holm_adjusted

FEWEST_ALIKE = 5
"""Newcomers, and others, that each arm must have for the two to be told apart in the regression."""
LARGEST_LEVERAGE = 0.9
"""Where one customer's past decides this much of a fitted value, the regression is left out."""
PERFECT = 1e-9


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
    >>> round(found.adjusted.estimate, 1), found.verdict, round(found.variance_reduction, 1)
    (1.1, 'better', 0.9)
    """
    plain = _arm_means(during, arm, np.empty((len(arm), 0)))
    adjusted = _arm_means(during, arm, covariates(before, newcomer, arm))
    past = None if before is None else _arm_means(before, arm, np.empty((len(arm), 0)))
    found = []
    for number in range(1, len(names)):
        of_plain, of_adjusted = plain.against_first(number), adjusted.against_first(number)
        if of_adjusted.variance < PERFECT * of_plain.variance:
            # Whoever orders exactly as before says nothing about chance.
            of_adjusted = of_plain
        of_past = past and past.against_first(number)
        found.append((names[number], of_adjusted, of_plain, of_past))
    p_values = [adjusted.p_value for _, adjusted, _, _ in found]
    after_holm = holm_adjusted(p_values)
    return tuple(
        ArmDifference(
            arm=name,
            adjusted=adjusted.interval(level),
            plain=plain.interval(level),
            before=past and past.interval(level),
            variance_reduction=1 - adjusted.variance / plain.variance,
            p_value=p_value,
            p_holm=float(corrected),
            level=level,
        )
        for (name, adjusted, plain, past), p_value, corrected in zip(found, p_values, after_holm, strict=True)
    )


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


@dataclass(frozen=True)
class _Difference:
    estimate: float
    variance: float
    freedom: float

    @property
    def p_value(self) -> float:
        return float(2 * stats.t.sf(abs(self.estimate) / np.sqrt(self.variance), self.freedom))

    def interval(self, level: float) -> Interval:
        reach = float(stats.t.ppf((1 + level) / 2, self.freedom) * np.sqrt(self.variance))
        return Interval(self.estimate, self.estimate - reach, self.estimate + reach, level)


@dataclass(frozen=True)
class _ArmMeans:
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
        variance = float(self.variance[both].sum())
        spread = float((self.variance[both] ** 2 / self.freedom[both]).sum())
        freedom = variance**2 / spread if spread > 0 else float(self.freedom[both].sum())
        steeper = self.slopes[number] - self.slopes[0]
        of_who_took_part = float(steeper @ self.mean_covariance @ steeper)
        return _Difference(float(self.mean[number] - self.mean[0]), variance + of_who_took_part, freedom)


def _arm_means(outcome: np.ndarray, arm: np.ndarray, table: np.ndarray) -> _ArmMeans:
    found = []
    for number in np.unique(arm):
        inside = arm == number
        design = np.column_stack([np.ones(inside.sum()), table[inside]])
        fitted = OLS(outcome[inside], design).fit(cov_type="HC2")
        found.append((fitted.params[0], fitted.cov_params()[0, 0], fitted.df_resid, fitted.params[1:]))
    covariance = np.atleast_2d(np.cov(table, rowvar=False)) if table.shape[1] else np.empty((0, 0))
    return _ArmMeans(*map(np.array, zip(*found, strict=True)), covariance / len(table))
