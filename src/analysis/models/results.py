"""What the models hand on: small frozen types, one documented field each, units stated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.interval import Interval
from analysis.timeunits import TimeUnit

if TYPE_CHECKING:
    from analysis.data import Note


@dataclass(frozen=True)
class PurchaseFit:
    """A purchase model at its maximum likelihood.

    Attributes
    ----------
    model
        ``BG/NBD``, ``MBG/NBD`` or ``Pareto/NBD``.
    time_unit
        Unit of the parameters that have one (alpha, beta).
    parameters, standard_errors
        By name; the errors come from the curvature of the log-likelihood.
    log_likelihood
        Unscaled sum over customers in ``time_unit``.
    customers, patterns
        Number of customers, and of distinct (x, t_x, T) among them.
    newton_decrement
        How much log-likelihood a last Newton step would still have won; the fit counts as converged below 1e-6.
    converged
        Judged by gradient and curvature, never by an optimiser's flag.
    """

    model: str
    time_unit: TimeUnit
    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    log_likelihood: float
    customers: int
    patterns: int
    newton_decrement: float
    converged: bool = True


@dataclass(frozen=True)
class Posterior:
    """Draws of a model's parameters.

    Attributes
    ----------
    names
        Parameter names, in the order of the columns of ``draws``.
    draws
        Equally weighted draws, shape (n_draws, n_parameters), in the fit's units.
    effective_size
        Effective sample size of the weighted draws that these were resampled from.
    pareto_shape
        Shape k of the weights' tail; importance sampling is trusted below 0.7.
    method
        ``importance`` or, where the weights were not good enough, ``sampler``.
    """

    names: tuple[str, ...]
    draws: np.ndarray
    effective_size: float
    pareto_shape: float
    method: str


@dataclass(frozen=True)
class PurchaseResult:
    """All purchase models on the same customers.

    Attributes
    ----------
    primary
        The BG/NBD fit.
    posterior
        Its posterior.
    challengers
        Fits of MBG/NBD and Pareto/NBD, where the data identify them.
    challenger_posteriors
        Their posteriors, by model name.
    not_identified
        Model name -> why the data do not identify it: a note with ``parameters``, ``customers`` and ``repeaters``.
    customers_alive
        Model name -> expected number of customers still alive, with a credible interval.
    alive_among_one_time_buyers
        Model name -> share of customers without a repeat order that count as alive.
    """

    primary: PurchaseFit
    posterior: Posterior
    challengers: tuple[PurchaseFit, ...]
    challenger_posteriors: Mapping[str, Posterior]
    not_identified: Mapping[str, Note]
    customers_alive: Mapping[str, Interval]
    alive_among_one_time_buyers: Mapping[str, float]

    @property
    def fits(self) -> tuple[PurchaseFit, ...]:
        return (self.primary, *self.challengers)


@dataclass(frozen=True)
class SpendFit:
    """The spend model at its maximum likelihood.

    Attributes
    ----------
    model
        ``Gamma-Gamma``; or ``constant`` where the data do not identify it and everyone is given the mean.
    parameters, standard_errors
        p, q (no unit) and v [currency]; for ``constant`` the mean order value.
    log_likelihood
        Unscaled sum over customers in the stated currency; NaN for ``constant``.
    customers
        Repeat customers with a positive mean order value, on whom it was fitted.
    left_out
        Repeat customers whose repeat orders were worth nothing on balance.
    mean_order_value
        Expected mean order value of a customer nothing is known of [currency].
    recentred_from
        The mean that the likelihood gave, where it contradicted the mean of the data so plainly that v was moved to
        agree with the data [currency]; None where it did not.
    """

    model: str
    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    log_likelihood: float
    customers: int
    left_out: int
    mean_order_value: float
    recentred_from: float | None = None


@dataclass(frozen=True)
class SpendDependence:
    """Whether customers who order more often also spend more an order (Gamma-Gamma assumes they do not).

    Attributes
    ----------
    rank_correlation
        Spearman's correlation of frequency and mean repeat order value, with its interval.
    change_per_doubling
        Relative change of the mean order value with a doubling of the frequency, with its interval.
    customers
        Repeat customers it was computed on.
    verdict
        ``independent``, ``weak`` or ``dependent``.
    """

    rank_correlation: Interval
    change_per_doubling: Interval
    customers: int
    verdict: str


@dataclass(frozen=True)
class SpendResult:
    """The spend model, its posterior and its doubtful assumption.

    Attributes
    ----------
    fit
        The model that is used.
    posterior
        Its posterior; None for ``constant``.
    dependence
        Test of the independence of frequency and spend; None with fewer than ten repeat customers.
    reason
        Message key of why Gamma-Gamma is not used; None where it is.
    """

    fit: SpendFit
    posterior: Posterior | None
    dependence: SpendDependence | None
    reason: str | None


@dataclass(frozen=True)
class ForecastScore:
    """How well one model or baseline forecast the holdout.

    Attributes
    ----------
    name
        A model's name, or ``same rate``, ``hiatus``, ``average``.
    is_baseline
        Whether it is one of the naive baselines.
    total_actual, total_predicted
        Repeat orders in the holdout, of the calibration customers.
    total_interval
        Predictive interval of the total.
    mae, rmse
        Mean absolute and root mean squared error per customer [orders].
    log_score
        Mean log probability given to what each customer did; higher is better.
    rank_correlation
        Spearman's correlation of forecast and actual orders.
    best_decile_hit_rate
        Share of the customers who ordered most that the forecast also puts into its best tenth.
    interval_coverage
        Share of customers inside their predictive interval (randomised, so that the level is attainable).
    """

    name: str
    is_baseline: bool
    total_actual: int
    total_predicted: float
    total_interval: Interval
    mae: float
    rmse: float
    log_score: float
    rank_correlation: float
    best_decile_hit_rate: float
    interval_coverage: float


@dataclass(frozen=True)
class BackTest:
    """The back test: calibrate, forecast the holdout, compare.

    Attributes
    ----------
    holdout_weeks
        Length of the holdout.
    calibration_end
        Last day of the calibration (ISO date).
    customers
        Customers born in the calibration, on whom everything is compared.
    new_customers, new_customer_orders
        Customers born in the holdout and their orders; nobody forecast them.
    scores
        One entry a model and baseline, best log score first.
    winner
        Name with the best mean log score.
    best_baseline
        Name of the baseline with the best mean log score.
    lead
        Mean log score of BG/NBD, on which the values rest, less that of the best baseline, with a paired interval.
    verdict
        ``model``: BG/NBD beats every baseline; ``baseline``: a baseline beats it, do not use it; ``undecided``: the
        paired interval contains zero.
    calibration_by_group
        Columns frequency (group label), customers, actual and its standard_error [orders per customer], and one
        column of mean forecasts for each model and baseline.
    tracking
        Columns date, actual, and one a purchase model: cumulative repeat orders of the calibration customers.
    not_identified
        Model name -> why the calibration data do not identify it, as in ``PurchaseResult``.
    parameters
        Model name -> the parameters of the calibration fit.
    """

    holdout_weeks: int
    calibration_end: str
    customers: int
    new_customers: int
    new_customer_orders: int
    scores: tuple[ForecastScore, ...]
    winner: str
    best_baseline: str
    lead: Interval
    verdict: str
    calibration_by_group: pd.DataFrame
    tracking: pd.DataFrame
    not_identified: Mapping[str, Note] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def as_plain(value: Any) -> Any:
    """Dataclasses, arrays, NumPy numbers and days, as what JSON knows; NaN becomes None."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: as_plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): as_plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [as_plain(inner) for inner in value]
    if isinstance(value, pd.DataFrame):
        return as_plain(value.to_dict(orient="list"))
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
