"""One encounter of a customer with a company, written once for both channels: the deal and the experience.

A customer meets a deal [share of the list price] or an experience [standard deviations of the sector's quality] and
compares it with what was expected [1]_. The gap moves the chance of leaving and the pace until the next purchase
[4]_; a shortfall weighs more than a surplus of the same size [2]_, [6]_; what was met becomes part of what is expected
next time [3]_, so that delight raises the bar [5]_. Functions work on arrays of any shape, entry by entry.

References
----------
.. [1] Oliver (1980), Journal of Marketing Research 17(4): satisfaction from expectation and disconfirmation.
.. [2] Anderson, Sullivan (1993), Marketing Science 12(2): negative disconfirmation weighs more.
.. [3] Boulding, Kalra, Staelin, Zeithaml (1993), Journal of Marketing Research 30(1): expectations are updated.
.. [4] Ho, Park, Zhou (2006), Marketing Science 25(3): the pace depends on satisfaction at the last purchase.
.. [5] Rust, Oliver (2000), Journal of the Academy of Marketing Science 28(1): delight raises the bar.
.. [6] Kalyanaram, Winer (1995), Marketing Science 14(3): reference prices come from past prices; losses weigh more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit

LIFT_IS_STATED_AT = 0.2
"""Depth at which the promotional lift is stated."""
WON_VALUE_IS_STATED_AT = 0.35


class Channel(NamedTuple):
    """How customers take one channel.

    Attributes
    ----------
    theta
        Fall of the log odds of leaving per unit of response.
    gamma
        Rise of the log pace per unit of response.
    kappa
        Share of the gap by which the expectation moves at an encounter; 1 forgets everything before it.
    """

    theta: np.ndarray
    gamma: np.ndarray
    kappa: np.ndarray


class Impression(NamedTuple):
    """What an encounter leaves behind in one channel.

    Attributes
    ----------
    gap, response
        Met less expected, and how it is felt, in the channel's unit.
    log_odds
        What it adds to the log odds of leaving.
    log_pace
        What it adds to the log pace until the next purchase.
    expected
        The expectation after it.
    """

    gap: np.ndarray
    response: np.ndarray
    log_odds: np.ndarray
    log_pace: np.ndarray
    expected: np.ndarray


def impression(channel: Channel, expected, met, loss_aversion) -> Impression:
    """What meeting ``met`` where ``expected`` was expected does, in one channel.

    Examples
    --------
    >>> deal = Channel(theta=1.0, gamma=0.5, kappa=0.3)
    >>> [round(float(part), 3) for part in impression(deal, expected=0.0, met=0.2, loss_aversion=2.0)]
    [0.2, 0.2, -0.2, 0.1, 0.06]
    >>> [round(float(part), 3) for part in impression(deal, expected=0.2, met=0.0, loss_aversion=2.0)]
    [-0.2, -0.4, 0.4, -0.2, 0.14]
    """
    gap = met - expected
    felt = response(gap, loss_aversion)
    return Impression(gap, felt, -channel.theta * felt, channel.gamma * felt, expected + channel.kappa * gap)


def response(gap, loss_aversion):
    """h(D) = max(D, 0) - b max(-D, 0): a shortfall counts ``loss_aversion`` times a surplus of the same size."""
    return np.maximum(gap, 0.0) + loss_aversion * np.minimum(gap, 0.0)


def leaving_probability(log_odds, experience_gap, tau):
    """Chance of leaving at a purchase; 1 where the experience falls more than ``tau`` short and is not forgiven.

    The articles' own curve: far below the expectation a customer strikes the brand off for good.
    """
    return np.maximum(expit(log_odds), experience_gap < -tau)


def bond_after(bond, response_to_experience, decay):
    """Goodwill after an encounter: what is left of it, and what the experience adds; never below zero."""
    return np.maximum((1 - decay) * bond + response_to_experience, 0.0)


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


def taken_hazard(pull, rival_deal, own_deal, shield, bond):
    """Weekly hazard of being taken by a rival: the advantage of the rival's deal, less what the bond is worth."""
    return pull * np.maximum(rival_deal - own_deal - shield * bond, 0.0)


def value_of_won(won_value, depth, mercenary_share, promoted_time):
    """Order value of customers won by a deal who are no mercenaries, as a share of others'.

    ``won_value`` is that of everyone won at a depth of 35% [1]_, mercenaries among them, and 1 at depth 0. The
    mercenaries, who buy in promotion weeks only, bring about ``promoted_time`` of what others do; the rest is
    what the others of those won must bring. It is never below zero.

    References
    ----------
    .. [1] Lewis (2006), Journal of Marketing Research 43(2):195-203.
    """
    everyone = 1 + (won_value - 1) * depth / WON_VALUE_IS_STATED_AT
    others = np.maximum(1 - mercenary_share, 1e-9)
    return np.maximum((everyone - mercenary_share * promoted_time) / others, 0.0)


def order_margin(value, gross_margin, cost_per_order, deal, service=0.0):
    """What is left of an order [currency]: margin on its list value, less the deal, its costs and the better service.

    >>> round(float(order_margin(100.0, gross_margin=0.3, cost_per_order=2.0, deal=0.2)), 9)
    8.0
    """
    return (gross_margin - deal) * value - cost_per_order - service
