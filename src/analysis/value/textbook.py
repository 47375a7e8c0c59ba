"""Retention and value as textbooks and articles reckon them, to be laid beside a company's own curve.

Nothing here is learned from data: a rate, a discount rate and a convention give a number.

References
----------
.. [1] Reichheld, Sasser (1990), Zero defections, Harvard Business Review 68(5):105-111.
.. [2] Fader, Hardie (2012), note 024: the constant-margin formula and its three conventions.
.. [3] Fader, Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1):85-93.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.models.shifted_beta_geometric import SBGParams, discounted_renewals, discounted_tenure, params_at

CREDIT_CARD_PROFITS = (-51.0, 30.0, 42.0, 44.0, 49.0, 55.0)
"""Profit of one credit-card customer in years 0 (winning), 1, 2, ... in [1]_ [dollar]; the last goes on for ever."""
CREDIT_CARD_DISCOUNT = 0.038
"""Yearly rate under which the arithmetic comes nearest to the printed values."""
CREDIT_CARD_DEFECTIONS = (0.20, 0.10, 0.05)
STEP_DISCOUNTS = (0.038, 0.08, 0.10, 0.15)
CONVENTIONS = ("paid_at_once", "paid_on_renewal", "paid_afterwards")
"""When the constant margin comes in: at the start of every period, the first at once and certain; at every renewal, the
first one period ahead; at the end of every period from those who were there at its start."""
GAIN = 0.05
LOG_STEP = 1e-4


@dataclass(frozen=True)
class CreditCardExample:
    """The arithmetic of 1990.

    Attributes
    ----------
    defections
        Yearly share that leaves.
    values
        Net present value of one customer at each of them, at ``discount_rate`` [dollar].
    discount_rate
        The yearly rate of ``values``.
    step_discount_rates, step_lifts
        Relative rise of the value where defection falls from 10% to 5%, by discount rate.
    """

    defections: tuple[float, ...]
    values: tuple[float, ...]
    discount_rate: float
    step_discount_rates: tuple[float, ...]
    step_lifts: tuple[float, ...]


@dataclass(frozen=True)
class ConstantMarginRow:
    """What the constant-margin formula says at one retention rate, under one convention.

    Attributes
    ----------
    convention
        One of ``CONVENTIONS``.
    retention
        Yearly retention rate.
    value
        Value of a customer with a margin of 1 a year.
    elasticity
        Per cent of value for one per cent of retention.
    lift_relative, lift_points
        Relative rise of the value with 5% more retention (.70 to .735), and with 5 points more (.70 to .75).
    """

    convention: str
    retention: float
    value: float
    elasticity: float
    lift_relative: float
    lift_points: float


@dataclass(frozen=True)
class LiftCurve:
    """Relative rise of a customer's value with a gain in retention, as a function of base retention.

    Attributes
    ----------
    key
        ``credit_card``, a convention of the constant margin, or ``heterogeneous``.
    retention
        Yearly (first-renewal) retention before, shape (n,).
    lift
        Share by which the value rises, shape (n,); NaN where retention would pass 1, or where the value is not positive
        or without bound.
    polarisation
        Of ``heterogeneous``: 1 / (alpha + beta + 1), which is kept; None elsewhere.
    """

    key: str
    retention: np.ndarray
    lift: np.ndarray
    polarisation: float | None = None


def credit_card_value(defection, discount_rate: float, profits: Sequence[float] = CREDIT_CARD_PROFITS) -> np.ndarray:
    """Net present value of a customer whose profit depends on tenure, with the same defection every year.

    The first entry is what winning the customer brings (or costs) now. Year t >= 1 is discounted t years, and its
    profit comes from the share (1 - defection)^(t - 1) that has not left in the years before. The last entry goes on.
    This is the reading of [1]_ that reproduces its values of 134, 300 and 525 best.

    Examples
    --------
    >>> credit_card_value(np.array([0.20, 0.10, 0.05]), 0.038).round().tolist()
    [137.0, 301.0, 525.0]
    """
    defection = np.asarray(defection, dtype=float)
    kept = (1 - defection) / (1 + discount_rate)
    value, weight = np.full(defection.shape, profits[0]), np.full(defection.shape, 1 / (1 + discount_rate))
    for profit in profits[1:-1]:
        value, weight = value + profit * weight, weight * kept
    with np.errstate(divide="ignore"):
        return value + profits[-1] * weight / (1 - kept)


def credit_card_lift(retention, gain: float, discount_rate: float = CREDIT_CARD_DISCOUNT) -> np.ndarray:
    """Relative rise of ``credit_card_value`` where yearly retention rises by ``gain`` points."""
    return _lift(lambda rate: credit_card_value(1 - rate, discount_rate), retention, np.asarray(retention) + gain)


def credit_card_example() -> CreditCardExample:
    """The numbers of 1990, and how the step from 10% to 5% defection depends on the discount rate.

    >>> [round(lift, 2) for lift in credit_card_example().step_lifts]
    [0.75, 0.55, 0.49, 0.41]
    """
    values = credit_card_value(np.array(CREDIT_CARD_DEFECTIONS), CREDIT_CARD_DISCOUNT)
    lifts = [float(credit_card_lift(0.90, 0.05, rate)) for rate in STEP_DISCOUNTS]
    return CreditCardExample(
        CREDIT_CARD_DEFECTIONS, tuple(values.tolist()), CREDIT_CARD_DISCOUNT, STEP_DISCOUNTS, tuple(lifts)
    )


def constant_margin_value(retention, discount_rate: float, convention: str, margin: float = 1.0) -> np.ndarray:
    """Value of a customer with the same margin every period and the same retention rate for ever, [2]_.

    m (1 + d) / (1 + d - r), m r / (1 + d - r) or m / (1 + d - r), in the order of ``CONVENTIONS``.

    >>> [round(float(constant_margin_value(0.8, 0.10, each)), 3) for each in CONVENTIONS]
    [3.667, 2.667, 3.333]
    """
    retention = np.asarray(retention, dtype=float)
    first = {"paid_at_once": 1 + discount_rate, "paid_on_renewal": retention, "paid_afterwards": 1.0}[convention]
    with np.errstate(divide="ignore"):
        return margin * first / (1 + discount_rate - retention)


def constant_margin_elasticity(retention, discount_rate: float, convention: str) -> np.ndarray:
    """Per cent of value for one per cent of retention: r / (1 + d - r), or (1 + d) / (1 + d - r) on renewal.

    >>> [round(float(constant_margin_elasticity(0.8, 0.10, each)), 2) for each in CONVENTIONS]
    [2.67, 3.67, 2.67]
    """
    retention = np.asarray(retention, dtype=float)
    numerator = 1 + discount_rate if convention == "paid_on_renewal" else retention
    return numerator / (1 + discount_rate - retention)


def constant_margin_lift(retention, gain: float, discount_rate: float, convention: str) -> np.ndarray:
    """Relative rise of the value where retention rises by ``gain`` points.

    >>> round(float(constant_margin_lift(0.7, 0.05, 0.10, "paid_on_renewal")), 3)
    0.224
    """
    return _lift(
        lambda rate: constant_margin_value(rate, discount_rate, convention), retention, np.asarray(retention) + gain
    )


def constant_margin_table(
    discount_rate: float = 0.10, retentions: Sequence[float] = (0.7, 0.8, 0.9), gain: float = GAIN
) -> tuple[ConstantMarginRow, ...]:
    """Elasticity and lifts under every convention, one row a convention and retention rate."""
    return tuple(
        ConstantMarginRow(
            convention=convention,
            retention=retention,
            value=float(constant_margin_value(retention, discount_rate, convention)),
            elasticity=float(constant_margin_elasticity(retention, discount_rate, convention)),
            lift_relative=float(constant_margin_lift(retention, gain * retention, discount_rate, convention)),
            lift_points=float(constant_margin_lift(retention, gain, discount_rate, convention)),
        )
        for convention in CONVENTIONS
        for retention in retentions
    )


def heterogeneous_tenure(mean_retention: float, polarisation: float, discount_rate: float) -> float:
    """Sum over t >= 0 of S(t) / (1 + d)^t for a new customer of the sBG model with this mean and polarisation.

    Polarisation 0 is one rate for all: (1 + d) / (1 + d - r).
    """
    if polarisation == 0:
        return float(constant_margin_value(mean_retention, discount_rate, "paid_at_once"))
    return float(discounted_tenure(params_at(mean_retention, polarisation), discount_rate))


def heterogeneous_elasticity(mean_retention: float, polarisation: float, discount_rate: float) -> float:
    """Per cent of a new customer's discounted tenure for one per cent of mean retention, at fixed polarisation.

    Whether heterogeneity raises or lowers the elasticity depends on what is held fixed. Here it is the mean retention
    at the first renewal and the polarisation 1 / (alpha + beta + 1), and the customer is a new one: a little
    heterogeneity raises the elasticity and much lowers it.

    Examples
    --------
    >>> [round(heterogeneous_elasticity(0.8, spread, 0.10), 2) for spread in (0, 0.05, 0.75)]
    [2.67, 2.82, 1.35]
    """
    if polarisation == 0:
        return float(constant_margin_elasticity(mean_retention, discount_rate, "paid_at_once"))
    step = min(LOG_STEP, np.log(1 / mean_retention) / 2)
    low, high = (
        np.log(heterogeneous_tenure(mean_retention * np.exp(side * step), polarisation, discount_rate))
        for side in (-1, 1)
    )
    return float((high - low) / (2 * step))


def heterogeneous_lift(retention, gain: float, discount_rate: float, polarisation: float) -> np.ndarray:
    """Relative rise of a new customer's discounted tenure where mean retention rises by ``gain`` points."""

    def tenure(rate):
        if polarisation == 0:
            return constant_margin_value(rate, discount_rate, "paid_at_once")
        return discounted_tenure(params_at(rate, polarisation), discount_rate)

    return _lift(tenure, retention, np.asarray(retention) + gain)


def lift_curves(
    discount_rate: float = 0.10,
    gain: float = GAIN,
    retentions: np.ndarray | None = None,
    polarisations: Sequence[float] = (0.05, 0.25, 0.75),
) -> tuple[LiftCurve, ...]:
    """The lift of ``gain`` points as a function of base retention: credit card, constant margin, heterogeneous.

    All at the same discount rate; the credit card's own rate gives higher lifts, see ``credit_card_example``.
    """
    rates = np.linspace(0.3, 0.95, 131) if retentions is None else np.asarray(retentions, dtype=float)
    return (
        LiftCurve("credit_card", rates, credit_card_lift(rates, gain, discount_rate)),
        *(
            LiftCurve(convention, rates, constant_margin_lift(rates, gain, discount_rate, convention))
            for convention in CONVENTIONS
        ),
        *(
            LiftCurve("heterogeneous", rates, heterogeneous_lift(rates, gain, discount_rate, each), each)
            for each in polarisations
        ),
    )


def one_rate_gap(params: SBGParams, renewals, customers, one_rate: float, discount_rate: float) -> np.ndarray:
    """Share by which one aggregate retention rate misses the value of a base's renewals, [3]_; negative is too low.

    Counted is what renewals still bring, without the period that is running: sum over t >= 1 of the share left,
    discounted; whether the first renewal is due now or a period ahead does not matter to the share.

    Parameters
    ----------
    params
        sBG parameters, or draws of shape (n,).
    renewals, customers
        Renewals that customers have behind them, and how many customers have so many; shape (k,).
    one_rate
        The aggregate rate: renewals made over renewals due in the last period, all cohorts together.

    Examples
    --------
    >>> sizes = np.array([10000, 8000, 6480, 5307, 4391])
    >>> rate = sizes[1:].sum() / sizes[:-1].sum()
    >>> round(float(one_rate_gap(SBGParams(3.80, 15.19), range(5), sizes, rate, 0.10)), 3)
    -0.122
    """
    by_state = zip(renewals, customers, strict=True)
    value = sum(count * discounted_renewals(params.after(made), discount_rate) for made, count in by_state)
    with_one_rate = np.sum(customers) * constant_margin_value(one_rate, discount_rate, "paid_on_renewal")
    return with_one_rate / value - 1


def _lift(value, before, after) -> np.ndarray:
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    possible = after <= 1
    low, high = value(before), value(np.where(possible, after, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(possible & (low > 0) & np.isfinite(low) & np.isfinite(high), high / low - 1, np.nan)
