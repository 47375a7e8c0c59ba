"""What it would be worth to know more before choosing: expected value of perfect and of partial perfect information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from analysis.interval import Interval

PENALTIES = np.logspace(-1, 5, 25)
REPEATS = 50
MOST_CROSSED = 4
"""In groups of more parameters there are no cross products: more terms than so few draws can tell apart."""


@dataclass(frozen=True)
class GroupInformation:
    """What knowing one group of parameters for certain would be worth.

    Attributes
    ----------
    group
        Of parameters, by its key.
    value
        Expected gain in profit over the horizon [currency], with its interval over regressions on resampled draws.
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
    *,
    pair: tuple[int, int] = (1, 0),
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
    pair
        Numbers of the two strategies of whose difference ``explained`` speaks.

    References
    ----------
    .. [1] Strong, Oakley, Brennan (2014), Estimating multiparameter partial expected value of perfect information from
       a probabilistic sensitivity analysis sample, Medical Decision Making 34(3):311-326.
    """
    ahead = differences[:, pair[0]] - differences[:, pair[1]]
    rng = np.random.default_rng(len(differences))
    again = rng.integers(0, len(differences), (REPEATS, len(differences)))
    found = []
    for group, names in groups.items():
        varying = [name for name in names if np.ptp(parameters[name].to_numpy()) > 0]
        if not varying:
            continue
        scores, outcomes = _normal_scores(parameters[varying].to_numpy()), np.column_stack([differences, ahead])
        given, penalties = given_parameters(scores, outcomes)
        total = ahead.var()
        explained = float(min(given[:, -1].var() / total, 1.0)) if total > 0 else 0.0
        value = _gain(given[:, :-1])
        repeated = [_gain(given_parameters(scores[rows], outcomes[rows], penalties)[0][:, :-1]) for rows in again]
        found.append(GroupInformation(group, _around(value, repeated, level), explained))
    return tuple(sorted(found, key=lambda each: -each.value.estimate))


def given_parameters(
    scores: np.ndarray, outcomes: np.ndarray, penalties: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Expectation of ``outcomes``, shape (D, O), given normal scores of parameters, shape (D, P), at every draw.

    Parameters
    ----------
    penalties
        Ridge penalty of each outcome, shape (O,); None to choose them by leave-one-out cross-validation. Of resampled
        draws many are there twice, so that leaving one out leaves nothing out: they take those of the draws themselves.

    Returns
    -------
    tuple
        The expectations, shape (D, O), and the penalties, shape (O,).
    """
    scale = outcomes.std(axis=0)
    moving = scale > 1e-12 * np.maximum(np.abs(outcomes).max(axis=0), 1e-300)
    chosen = np.full(len(scale), PENALTIES[-1]) if penalties is None else penalties
    if not moving.any():
        return outcomes, chosen
    features = StandardScaler().fit_transform(_features(scores))
    centre, chosen = outcomes[:, moving].mean(axis=0), chosen.copy()
    target = (outcomes[:, moving] - centre) / scale[moving]
    if penalties is None:
        chosen[moving] = RidgeCV(PENALTIES, alpha_per_target=True).fit(features, target).alpha_
    fitted = Ridge(chosen[moving]).fit(features, target).predict(features)
    given = outcomes.copy()
    given[:, moving] = centre + scale[moving] * fitted.reshape(target.shape)
    return given, chosen


def _normal_scores(values: np.ndarray) -> np.ndarray:
    return norm.ppf((rankdata(values, axis=0) - 0.5) / len(values))


def _features(scores: np.ndarray) -> np.ndarray:
    if scores.shape[1] > MOST_CROSSED:
        return np.hstack([scores, scores**2])
    return PolynomialFeatures(2, include_bias=False).fit_transform(scores)


def _gain(known: np.ndarray) -> float:
    """What choosing anew under every draw gains over choosing once, from expectations given what is known."""
    return max(float(known.max(axis=1).mean() - known.mean(axis=0).max()), 0.0)


def _around(value: float, repeated: list[float], level: float) -> Interval:
    lower, upper = np.quantile(repeated, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(value, min(lower, value), max(upper, value), level)
