"""What it would be worth to know more before choosing: expected value of perfect and of partial perfect information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from analysis.models.results import Interval

PENALTIES = np.logspace(-1, 5, 25)


@dataclass(frozen=True)
class GroupInformation:
    """What knowing one group of parameters for certain would be worth.

    Attributes
    ----------
    group
        Of parameters, by its key.
    value
        Expected gain in profit over the horizon [currency], with its interval from the number of draws.
    explained
        Share of the variance of the difference between the two strategies in front that the group explains.
    """

    group: str
    value: Interval
    explained: float


def expected_value_of_perfect_information(differences: np.ndarray) -> float:
    """E[max over strategies] less max over strategies of E, from draws of expected profits, shape (D, S) [currency].

    >>> expected_value_of_perfect_information(np.array([[0.0, 3.0], [0.0, -1.0]]))
    0.5
    """
    return float(differences.max(axis=1).mean() - differences.mean(axis=0).max())


def information_by_group(
    differences: np.ndarray,
    parameters: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    level: float,
) -> tuple[GroupInformation, ...]:
    """Expected value of partial perfect information of every group that is uncertain, the largest first.

    Parameters of one group (those of a posterior, say) are known or unknown together. Given a group, the expected
    differences are a regression on its parameters over the draws [1]_; here a quadratic in their normal scores with
    a ridge penalty by leave-one-out cross-validation, which is what is left of a group that explains nothing. The
    regression also takes out what simulation error the draws do not share.

    Parameters
    ----------
    differences
        Expected profit against doing nothing under each draw, shape (D, S).
    parameters
        One row a draw.
    groups
        Group -> its columns.

    References
    ----------
    .. [1] Strong, Oakley, Brennan (2014), Estimating multiparameter partial expected value of perfect information from
       a probabilistic sensitivity analysis sample, Medical Decision Making 34(3):311-326.
    """
    best, second = np.argsort(-differences.mean(axis=0), kind="stable")[:2]
    ahead = differences[:, best] - differences[:, second]
    found = []
    for group, names in groups.items():
        varying = [name for name in names if np.ptp(parameters[name].to_numpy()) > 0]
        if not varying:
            continue
        given = given_parameters(parameters[varying].to_numpy(), np.column_stack([differences, ahead]))
        known, ahead_known = given[:, :-1], given[:, -1]
        total = ahead.var()
        explained = float(min(ahead_known.var() / total, 1.0)) if total > 0 else 0.0
        found.append(GroupInformation(group, _gain(known, best, level), explained))
    return tuple(sorted(found, key=lambda each: -each.value.estimate))


def given_parameters(known: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """Expectation of ``outcomes``, shape (D, O), given parameters, shape (D, P), at every draw."""
    if np.allclose(outcomes, outcomes[:1]):
        return outcomes
    scale = outcomes.std(axis=0)
    moving = scale > 0
    model = make_pipeline(
        PolynomialFeatures(2, include_bias=False), StandardScaler(), RidgeCV(PENALTIES, alpha_per_target=True)
    )
    given = outcomes.copy()
    target = (outcomes[:, moving] - outcomes[:, moving].mean(axis=0)) / scale[moving]
    fitted = model.fit(_normal_scores(known), target).predict(_normal_scores(known))
    given[:, moving] = outcomes[:, moving].mean(axis=0) + scale[moving] * fitted.reshape(target.shape)
    return given


def _normal_scores(values: np.ndarray) -> np.ndarray:
    return norm.ppf((rankdata(values, axis=0) - 0.5) / len(values))


def _gain(known: np.ndarray, best: int, level: float) -> Interval:
    """What choosing anew under every draw gains over ``best``, with the error of its mean over draws."""
    gains = known.max(axis=1) - known[:, best]
    value = max(float(known.max(axis=1).mean() - known.mean(axis=0).max()), 0.0)
    reach = NormalDist().inv_cdf((1 + level) / 2) * float(gains.std() / np.sqrt(len(gains)))
    return Interval(value, max(value - reach, 0.0), value + reach, level)
