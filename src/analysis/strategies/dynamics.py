"""What an encounter does to a customer, written once for both channels: the deal and the experience.

A customer meets a deal [share of the list price] or an experience [standard deviations of the sector's quality] and
compares it with what was expected [1]_. The gap moves the chance of leaving and the pace until the next purchase
[4]_; a shortfall weighs more than a surplus of the same size [2]_, [6]_; what was met becomes part of what is expected
next time [3]_, so that delight raises the bar [5]_. Beside the gap acts the level: what stays better than it was keeps
customers better for as long as it does. Everything is a difference from the path of a customer who is treated as today,
which is the fitted model's. Functions work on arrays of any shape, entry by entry.

References
----------
.. [1] Oliver (1980), Journal of Marketing Research 17(4): satisfaction from expectation and disconfirmation.
.. [2] Anderson, Sullivan (1993), Marketing Science 12(2): negative disconfirmation weighs more.
.. [3] Boulding, Kalra, Staelin, Zeithaml (1993), Journal of Marketing Research 30(1): expectations are updated.
.. [4] Ho, Park, Zhou (2006), Marketing Science 25(3): the pace depends on satisfaction at the last purchase.
.. [5] Rust, Oliver (2000), Journal of the Academy of Marketing Science 28(1): delight raises the bar.
.. [6] Kalyanaram, Winer (1995), Marketing Science 14(3): reference prices come from past prices; losses weigh more.
.. [7] Lewis (2006), Journal of Marketing Research 43(2):195-203: what customers won by a deal are worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import triang
from scipy.stats.qmc import LatinHypercube

from analysis.config.assumptions import PARAMETERS, Assumption

LIFT_IS_STATED_AT = 0.2
"""Depth at which the promotional lift is stated."""
WON_VALUE_IS_STATED_AT = 0.35
SHOWN_ORDERS, SHOWN_CHANCE = 12, 0.1
"""Orders of the one customer that is shown, and its chance of leaving at an order on today's path."""
TYPE_SENSITIVITY = {"service": (0.5, 1.75), "offer": (2.0, 0.5), "brand": (0.75, 1.25), "at_hand": (0.75, 0.5)}
"""How strongly a customer type takes deals and experiences, the average customer being 1: an assumption."""


def response(gap, loss_aversion):
    """h(D) = max(D, 0) - b max(-D, 0): a shortfall counts ``loss_aversion`` times a surplus of the same size.

    >>> response(np.array([0.2, -0.2]), 2.0)
    array([ 0.2, -0.4])
    """
    return np.maximum(gap, 0.0) + loss_aversion * np.minimum(gap, 0.0)


def expected_after(expected, met, kappa):
    """E <- E + kappa (X - E): what was met becomes part of what is expected.

    >>> round(float(expected_after(0.0, met=0.5, kappa=0.3)), 2)
    0.15
    """
    return expected + kappa * (met - expected)


def log_odds_of_staying(of, felt_deal, felt, level):
    """Rise of the log odds of staying at an order (or fall of the log rate of leaving).

    Parameters
    ----------
    of
        Parameter name -> value, of the average customer or as this one feels it.
    felt_deal, felt
        Response to the deal and to the experience.
    level
        How much better the customer has come to know the experience than on today's path.

    Examples
    --------
    >>> round(log_odds_of_staying({"theta_deal": 1.0, "theta_exp": 0.3, "level_exp": 0.2}, 0.0, 0.5, 0.5), 2)
    0.25
    """
    return of["theta_deal"] * felt_deal + of["theta_exp"] * felt + of["level_exp"] * level


def usual_response(spread, loss_aversion):
    """E[h(D)] over the gaps of an uneven experience that nobody changes, D ~ N(0, spread^2); never above zero.

    The fitted model holds what today's encounters do on average, so that responses count from here.

    >>> round(float(usual_response(0.5, 2.0)), 3), float(usual_response(0.5, 1.0)) + 0.0
    (-0.199, 0.0)
    """
    return -(loss_aversion - 1) * spread / np.sqrt(2 * np.pi)


def promotional_lift(lift, deal, expected):
    """Extra orders in a promotion week, as a share of the others, of a customer who takes part.

    ``lift`` is that of a deal of 20% that nobody expected; a deal that is expected lifts nothing.

    >>> float(promotional_lift(0.3, deal=0.2, expected=0.0)), float(promotional_lift(0.3, deal=0.2, expected=0.2))
    (0.3, 0.0)
    """
    return lift / LIFT_IS_STATED_AT * np.maximum(deal - expected, 0.0)


def deal_orders(lift, reach):
    """Share of a promotion week's orders that use the deal, where a share ``reach`` of customers takes part."""
    return reach * (1 + lift) / (1 + reach * lift)


def value_of_won(won_value, depth, mercenary_share, promoted_time):
    """Order value of customers won by a deal who are no mercenaries, as a share of others'.

    ``won_value`` is that of everyone won at a depth of 35% [7]_, mercenaries among them, and 1 at depth 0. The
    mercenaries, who buy in promotion weeks only, bring about ``promoted_time`` of what others do; the rest is
    what the others of those won must bring. It is never below zero.
    """
    everyone = 1 + (won_value - 1) * depth / WON_VALUE_IS_STATED_AT
    others = np.maximum(1 - mercenary_share, 1e-9)
    return np.maximum((everyone - mercenary_share * promoted_time) / others, 0.0)


def one_customer(of, lift: float) -> pd.DataFrame:
    """The mechanism on one customer, order by order: what is met, expected, felt, and the chance of staying.

    Parameters
    ----------
    of
        Parameter name -> value: kappa_exp, theta_deal, theta_exp, level_exp, loss_aversion.
    lift
        How much better the experience is [standard deviations].

    Returns
    -------
    DataFrame
        Columns order, met, expected, gap, leaving, staying (until after that order), staying_today.

    Examples
    --------
    >>> of = {"kappa_exp": 0.3, "theta_deal": 0.0, "theta_exp": 0.3, "level_exp": 0.3, "loss_aversion": 2.0}
    >>> one_customer(of, 0.5)["leaving"].round(3).tolist()[:3]
    [0.084, 0.085, 0.086]
    """
    expected, staying, rows = 0.0, 1.0, []
    for order in range(1, SHOWN_ORDERS + 1):
        gap, before = lift - expected, expected
        expected = expected_after(expected, lift, of["kappa_exp"])
        felt = response(gap, of["loss_aversion"])
        leaving = float(expit(logit(SHOWN_CHANCE) - log_odds_of_staying(of, 0.0, felt, expected)))
        staying *= 1 - leaving
        rows.append((order, lift, before, gap, leaving, staying, (1 - SHOWN_CHANCE) ** order))
    columns = ["order", "met", "expected", "gap", "leaving", "staying", "staying_today"]
    return pd.DataFrame(rows, columns=columns)


SMALLEST = 1e-6


@dataclass(frozen=True)
class ParameterDraws:
    """Draws of everything that is assumed.

    Attributes
    ----------
    values
        Parameter name -> draws, shape (D,).
    origin
        Parameter name -> ``estimate`` (from these data), ``given`` (stated by somebody), or ``assumption``.
    """

    values: Mapping[str, np.ndarray]
    origin: Mapping[str, str]


def draw_parameters(
    count: int,
    seed: int,
    estimates: Mapping[str, np.ndarray] | None = None,
    given: Mapping[str, float | Assumption] | None = None,
) -> ParameterDraws:
    """``count`` draws of every parameter, a Latin hypercube.

    An assumption is triangular between the ends of its range, with its default as the most likely value. Draws of one
    parameter do not depend on what is known of the others.

    Parameters
    ----------
    estimates
        Draws of what the data say, row-aligned where they belong together.

    Examples
    --------
    >>> draws = draw_parameters(4, seed=1, given={"theta_deal": 0.0})
    >>> draws.values["theta_deal"], draws.origin["theta_deal"], draws.origin["tau"]
    (array([0., 0., 0., 0.]), 'given', 'assumption')
    """
    estimates, given = estimates or {}, given or {}
    uniform = LatinHypercube(len(PARAMETERS), rng=np.random.default_rng([seed, 7])).random(count).T
    rows = np.random.default_rng([seed, 8]).random(count)
    values, origin = {}, {}
    for parameter, u in zip(PARAMETERS, uniform, strict=True):
        name = parameter.name
        if name in given:
            values[name], origin[name] = _triangular(u, given[name]), "given"
        elif name in estimates:
            drawn = np.asarray(estimates[name], dtype=float)
            # One choice of rows for all estimates, so that what belongs together stays together.
            drawn = drawn[(rows * len(drawn)).astype(int)]
            values[name] = np.clip(drawn, min(parameter.least, SMALLEST), parameter.most)
            origin[name] = "estimate"
        else:
            values[name], origin[name] = _triangular(u, parameter.swept), "assumption"
    return ParameterDraws(values, origin)


def _triangular(u: np.ndarray, stated: float | Assumption) -> np.ndarray:
    if not isinstance(stated, Assumption):
        return np.full(u.shape, float(stated))
    low, width, likely = stated.low, stated.high - stated.low, stated.most_likely
    if width == 0 or likely is None:
        return low + width * u
    return triang.ppf(u, (likely - low) / width, low, width)
