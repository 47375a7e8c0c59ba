"""Fitted purchase models: what a fit answers, and the steps from customer histories to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from analysis.config import AUTO, PREFERRED, nearest
from analysis.errors import NotIdentified, UsageError
from analysis.interval import Interval
from analysis.models import views
from analysis.models.fitting import (
    CONVERGED_BELOW,
    SMALLEST_DROP,
    LogLikelihood,
    Optimum,
    best_of,
    corrected,
    curvature,
    polish,
)
from analysis.models.patterns import Patterns, coarsened, customers_of, patterns_of
from analysis.models.posterior import PROPOSALS, Posterior, Prior, draw_posterior
from analysis.models.purchase import PurchaseModel
from analysis.models.registry import FALLBACK, MODELS
from analysis.plotting import Plots
from analysis.tables import Result, table_html
from analysis.time import Clock, Promotions, TimeUnit, duration
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, Orders

WIDEST_AT_LIMIT = 1.01
"""Standard error, in e-folds, that the other parameters may have where customers do not differ."""
DRAWS_FOR_ALIVE = 400
ALIKE = float(np.log(1e3))
"""Where the second of two parameters is held when customers do not differ in what the two say, on the scale of the
search."""
WITHIN_AN_ERROR = 0.5
"""Log-likelihood that is lost one standard error away; so much may be lost where customers are alike in both."""
LEVEL = 0.9
"""Level of the intervals where none is asked for."""


@dataclass(frozen=True, repr=False)
class PurchaseFit(Result):
    """A purchase model at its maximum likelihood, with its posterior.

    Attributes
    ----------
    model
        ``BG/NBD``, ``MBG/NBD``, ``Pareto/NBD`` or another name in ``MODELS``.
    time_unit
        Unit of the parameters that have one (alpha, beta).
    parameters, standard_errors
        By name; the errors come from the curvature of the log-likelihood (those of a group of customers with covariates
        are posterior standard deviations).
    log_likelihood
        Unscaled sum over customers in ``time_unit``.
    customers, patterns
        Number of customers, and of distinct (x, t_x, T) among them.
    newton_decrement
        How much log-likelihood a last Newton step would still have won; below 1e-6, or there is no fit.
    posterior
        Draws of the parameters.
    alive
        Expected number of customers still alive.
    alive_draws
        That number under posterior draws, shape (m,).
    alive_luck
        Standard deviation of the number still alive under the fit: each customer is, or is not.
    alive_among_one_time_buyers
        Expected share still alive of those without a repeat order; NaN where there are none.
    season
        Order rate in equal parts of the year over its mean, in whose operational time the model was fitted, shape
        (parts,); None where it follows no season. See ``Clock``.
    promotions
        The same of promotions, past and planned; None where it follows none.
    histories, orders
        The customers whose answers are asked for, and their orders where these are known; never stored.
    """

    model: str
    time_unit: TimeUnit
    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    log_likelihood: float
    customers: int
    patterns: int
    newton_decrement: float
    posterior: Posterior
    alive: float
    alive_draws: np.ndarray = field(repr=False)
    alive_among_one_time_buyers: float
    alive_luck: float = 0.0
    season: np.ndarray | None = field(default=None, repr=False)
    promotions: Promotions | None = None
    histories: CustomerSummary | None = field(default=None, repr=False, compare=False, metadata={"stored": False})
    orders: Orders | None = field(default=None, repr=False, compare=False, metadata={"stored": False})

    main = "summary"
    plot = Plots(
        "analysis.models.plots",
        *("frequency_recency", "p_alive_matrix", "silence", "history", "posterior"),
        calibration="analysis.models.plots:plot_calibration_of_fit",
        tracking="analysis.models.plots:plot_tracking_of_fit",
    )
    frequencies = views.frequencies
    silence = views.silence
    frequency_recency = views.frequency_recency
    p_alive_matrix = views.p_alive_matrix
    tracking = views.tracking
    history = views.history

    def __post_init__(self):
        if self.model not in MODELS:
            raise UsageError(f"purchase model == {self.model!r}, must be one of {', '.join(MODELS)}")
        self.posterior.check(self.model, MODELS[self.model].names, self.parameters)

    @property
    def clock(self) -> Clock:
        """What turns days into the time of the model."""
        return Clock(self.time_unit, self.season, self.promotions)

    @property
    def converged(self) -> bool:
        """Judged by gradient and curvature, never by an optimiser's flag."""
        return self.newton_decrement < CONVERGED_BELOW

    @property
    def dropout(self) -> str:
        """Whether customers leave: ``differs`` between them, ``alike`` (the limit of the model), ``none`` (NBD)."""
        if self.model == FALLBACK:
            return "none"
        return self._between(-1)

    @property
    def rate(self) -> str:
        """Whether the rate of orders ``differs`` between customers, or is ``alike`` (the limit of the model)."""
        return self._between(1)

    def _between(self, place: int) -> str:
        """At the limit, where all are alike, a parameter has no error."""
        return "differs" if np.isfinite(list(self.standard_errors.values())[place]) else "alike"

    @property
    def params(self) -> NamedTuple:
        """The parameters as the model takes them."""
        return MODELS[self.model].Params(**self.parameters)

    def draws(self, count: int) -> list[NamedTuple]:
        """The first ``count`` posterior draws as the model takes them."""
        return [MODELS[self.model].Params(*draw) for draw in self.posterior.draws[:count].tolist()]

    def of(self, data, unit: str | None = None) -> PurchaseFit:
        """The same fit for the customers of ``data``, as ``PurchaseModel.fit`` takes it."""
        histories, orders = customers_of(data, unit)
        return replace(self, histories=histories, orders=orders)

    @property
    def summary(self) -> pd.DataFrame:
        """Columns coef, se, lower, upper of each parameter: the ends of the central 90% credible interval."""
        return self.parameter_intervals(LEVEL).drop(columns="level")

    def parameter_intervals(self, level: float) -> pd.DataFrame:
        """Columns coef, se, lower, upper, level of each parameter: central credible intervals."""
        return self.posterior.intervals(self.parameters, self.standard_errors, level).assign(level=level)

    def customers_alive(self, level: float = LEVEL) -> Interval:
        """Expected number of customers still alive, with a predictive interval: each customer's luck is in it."""
        luck = np.random.default_rng(0).standard_normal((50, 1)) * self.alive_luck
        return Interval.around(self.alive, np.minimum(self.alive_draws + luck, self.customers), level)

    def predict(self, horizon, customers=None, *, unit: str | None = None) -> pd.DataFrame:
        """What each customer will do in the next ``horizon``, by customer id.

        Parameters
        ----------
        horizon
            A duration with its unit, such as ``"13W"``; see ``analysis.time.duration``.
        customers
            ``Orders``, a ``CustomerSummary``, or a frame in lifetimes' columns with its ``unit``; those of the fit
            where not given.

        Returns
        -------
        DataFrame
            Columns p_alive, expected_orders, and p_order: probability of at least one order. For orders whose rows stay
            in an engine a table of that engine; ``to_frame()`` brings it here.
        """
        histories = self.known_histories() if customers is None else customers_of(customers, unit)[0]
        patterns = patterns_of(histories, self.clock)
        time = float(self.clock.ahead(duration(horizon), histories.observation_end))
        found = MODELS[self.model].expectations(self.params, patterns, time)
        return histories.predicted({name: values[patterns.index] for name, values in found.items()})

    def to_arviz(self):
        """The posterior draws for arviz: its ``InferenceData``, or its ``DataTree`` from version 1 on."""
        return self.posterior.to_arviz()

    def known_histories(self) -> CustomerSummary:
        """The customers that are asked about; an error where the fit holds none."""
        if self.histories is None:
            raise UsageError("this fit holds no customers: name them, as in fit.of(orders)")
        return self.histories

    def _repr_html_(self) -> str:
        count = Message(
            "{model}, {n:integer} customer", "{model}, {n:integer} customers", model=self.model, n=self.customers
        )
        return table_html(self.summary, count)


@dataclass(frozen=True, repr=False)
class PurchaseFits(Result):
    """All purchase models on the same customers.

    Attributes
    ----------
    fits
        The primary model's first, then the others that the data identify.
    not_identified
        Model name -> why the data do not identify it.
    """

    fits: tuple[PurchaseFit, ...]
    not_identified: Mapping[str, Message]

    main = "customers_alive"
    plot = Plots(silence="analysis.models.plots:plot_silence_by_model")

    @property
    def primary(self) -> PurchaseFit:
        return self.fits[0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(fit.model for fit in self.fits)

    def led_by(self, model: str | None) -> PurchaseFits:
        """The same fits with another primary model, where it is among them."""
        return replace(self, fits=tuple(sorted(self.fits, key=lambda fit: fit.model != model)))

    def of(self, data, unit: str | None = None) -> PurchaseFits:
        """The same fits for the customers of ``data``, as ``PurchaseFit.of``."""
        return PurchaseFits(tuple(fit.of(data, unit) for fit in self), self.not_identified)

    def customers_alive(self, level: float = LEVEL) -> pd.DataFrame:
        """By model: log_likelihood, the expected number of customers still alive with its predictive interval
        (estimate, lower, upper, level), and among_one_time_buyers, the expected share alive of those without a repeat
        order.
        """
        rows = {
            fit.model: {
                "log_likelihood": fit.log_likelihood,
                **vars(fit.customers_alive(level)),
                "among_one_time_buyers": fit.alive_among_one_time_buyers,
            }
            for fit in self
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")

    def __iter__(self) -> Iterator[PurchaseFit]:
        return iter(self.fits)

    def __getitem__(self, name: str) -> PurchaseFit:
        return self.fits[self.names.index(name)]


def fits_of(fit: PurchaseFit | Iterable[PurchaseFit]) -> tuple[PurchaseFit, ...]:
    """One fit or several, as several."""
    fits = tuple(fit) if isinstance(fit, Iterable) else (fit,)
    if len({each.time_unit for each in fits}) != 1:
        raise UsageError("purchase fits: must all have the same time unit")
    return fits


def refuse_unknown_model(name: str) -> None:
    """Raise UsageError for a primary purchase model that there is not."""
    if name not in (allowed := (AUTO, *MODELS)):
        raise UsageError(f"model.primary == {name!r}, must be one of {', '.join(allowed)}{nearest(name, MODELS)}")


def fit_all(patterns: Patterns, clock: Clock, seed: int, primary: str = AUTO, *, quick: bool = False) -> PurchaseFits:
    """All purchase models on the same histories, the primary one first: with ``auto`` BG/NBD where it is identified.

    NBD, in which nobody leaves, is fitted where it is named and where the data identify no model with dropout. With
    ``quick`` the posterior is good enough for the variance of a total, and no more.

    Raises
    ------
    NotIdentified
        Where the data do not identify the model that is named as the primary one, or none at all. Another that they do
        not identify is left out and named.
    """
    refuse_unknown_model(primary)
    first = PREFERRED if primary == AUTO else primary
    fits: list[PurchaseFit] = []
    not_identified: dict[str, Message] = {}
    for name in sorted(MODELS, key=lambda name: (name == FALLBACK, name != first)):
        if name == FALLBACK and fits and primary != FALLBACK:
            continue
        try:
            fits.append(fit_one(MODELS[name], patterns, clock, seed, quick=quick))
        except NotIdentified as error:
            not_identified[name] = error.reason
    if not fits:
        raise NotIdentified(not_identified[first])
    if primary in not_identified:
        raise NotIdentified(
            "{reason} Name another as `model.primary`, or `auto`; identified here: {models:list}.",
            code="purchase.not_identified",
            reason=not_identified[primary],
            models=[fit.model for fit in fits],
        )
    return PurchaseFits(tuple(sorted(fits, key=lambda fit: fit.model != first)), not_identified)


def fit_one(model: PurchaseModel, patterns: Patterns, clock: Clock, seed: int, *, quick: bool = False) -> PurchaseFit:
    """Maximum likelihood from several starts, polished by Newton's method; posterior; and who is still alive.

    Where dropout does not differ between customers, the estimate is the limit of the model (a and b, or s and beta, are
    large and only their ratio is known); these two then have no standard error. So it is with r and alpha of NBD where
    customers do not differ in how often they order.

    Raises
    ------
    NotIdentified
        Where the likelihood has no maximum, naming the parameters that run away.
    """
    point, errors, decrement = maximum(model, patterns)
    params = model.Params(*np.exp(point).tolist())
    posterior = purchase_posterior(model, params, patterns, seed, quick=quick)
    # Fewer posterior draws where a model is dear.
    draws = 1 if quick else int(np.clip(model.evaluations / len(patterns) / 4, 100, DRAWS_FOR_ALIVE))
    return fitted(model, patterns, clock, params, np.array(params) * errors, decrement, posterior, draws)


def fitted(
    model: PurchaseModel, patterns: Patterns, clock: Clock, params, errors: np.ndarray, decrement: float,
    posterior: Posterior, draws: int,
) -> PurchaseFit:  # fmt: skip
    """The fit with given parameters, and who is still alive under it and under so many posterior draws."""
    alive, once = model.p_alive(params, *patterns.history), patterns.weight * (patterns.frequency == 0)
    alike, some = coarsened(patterns), (model.Params(*draw) for draw in posterior.draws[:draws].tolist())
    of_alike, *of_draws = (alike.total(model.p_alive(each, *alike.history)) for each in (params, *some))
    return PurchaseFit(
        model=model.name,
        time_unit=clock.unit,
        season=clock.season,
        promotions=clock.promotions,
        parameters=params._asdict(),
        standard_errors=dict(zip(model.names, errors.tolist(), strict=True)),
        log_likelihood=model.total_log_likelihood(patterns)(np.log(params)),
        customers=patterns.customers,
        patterns=len(patterns),
        newton_decrement=decrement,
        posterior=posterior,
        alive=patterns.total(alive),
        alive_draws=np.array(of_draws) * (patterns.total(alive) / of_alike),
        alive_among_one_time_buyers=float(once @ alive / once.sum()) if once.any() else float("nan"),
        alive_luck=float(np.sqrt(patterns.total(alive * (1 - alive)))),
    )


def maximum(model: PurchaseModel, patterns: Patterns) -> tuple[np.ndarray, np.ndarray, float]:
    """Log-parameters at the maximum of the likelihood, their standard errors, and the Newton decrement there.

    The climbs go on coarsened histories, with the mean age as the unit of time; Newton's method ends on all of them.

    Raises
    ------
    NotIdentified
        As ``fit_one``.
    """
    scale = _time_scale(patterns)
    scaled = Patterns(patterns.frequency, patterns.recency / scale, patterns.T / scale, patterns.weight, patterns.index)
    rough, exact = model.total_log_likelihood(coarsened(scaled)), model.total_log_likelihood(scaled)
    orders_per_customer = patterns.total(patterns.frequency) / patterns.customers
    best = best_of(rough, [np.zeros(len(model.names)), model.start(orders_per_customer)])
    optimum = polish(exact, best, curvature(rough, best))
    point, errors = optimum.point, np.sqrt(np.diag(optimum.covariance)) if optimum.is_peak else None
    if errors is None:
        limit = _where_all_are_alike(exact, optimum)
        if limit is None:
            raise _not_identified(model, optimum, patterns)
        point, errors, optimum = limit
    return point + np.where(model.time_scaled, np.log(scale), 0.0), errors, optimum.newton_decrement


def shows_leaving(histories: CustomerSummary) -> bool:
    """Whether the customers identify a model in which they leave, without fitting more than it takes to know."""
    patterns = coarsened(patterns_of(histories, Clock(TimeUnit.WEEK)))
    for name in MODELS:
        if name != FALLBACK:
            with suppress(NotIdentified):
                maximum(MODELS[name], patterns)
                return True
    return False


def _where_all_are_alike(function: LogLikelihood, found: Optimum) -> tuple[np.ndarray, np.ndarray, Optimum] | None:
    """The maximum where customers are alike in leaving, in how often they order, or in both: point, errors, optimum.

    The last two parameters, a and b or s and beta, then are those of a dropout that hardly differs between customers,
    the first two, r and alpha, of a rate of orders that hardly does. The second of a pair is held high, where the
    likelihood rises towards that and has its peak in the others there; neither of the pair has an error.
    """
    size = len(found.point)
    for held in dict.fromkeys([(size - 1,), (1,), tuple({1, size - 1})]):  # under NBD these are one
        held, partners = list(held), [place - 1 for place in held]
        free = [place for place in range(size) if place not in held]

        def filled(values: np.ndarray, rest: float, free: list[int] = free) -> np.ndarray:
            point = np.full(size, rest)
            point[free] = values
            return point

        start = found.point.copy()
        start[partners] += ALIKE - found.point[held]
        if start[held].min() < 0:
            continue
        limit = polish(lambda values, filled=filled: function(filled(values, ALIKE)), start[free])
        lost = SMALLEST_DROP if len(held) == 1 else WITHIN_AN_ERROR
        rises = limit.value > found.value - lost or found.point[held].min() > ALIKE
        if limit.is_peak and rises and np.all(np.diag(limit.covariance) < WIDEST_AT_LIMIT**2):
            errors = filled(np.sqrt(np.diag(limit.covariance)), np.nan)
            errors[partners] = np.nan
            return filled(limit.point, ALIKE), errors, limit
    return None


def purchase_prior(model: PurchaseModel, patterns: Patterns) -> Prior:
    """Log-parameters are normal with sd 2 around 0; durations in units of the customers' mean age."""
    return Prior(np.where(model.time_scaled, np.log(_time_scale(patterns)), 0.0))


def purchase_posterior(
    model: PurchaseModel, params, patterns: Patterns, seed: int, *, quick: bool = False
) -> Posterior:
    """Posterior of a purchase model, see ``analysis.models.posterior``."""
    alike, prior = coarsened(patterns), purchase_prior(model, patterns)
    proposals = int(np.clip(model.evaluations / len(alike), 300, PROPOSALS))
    likelihood = model.total_log_likelihood(alike)
    if alike is not patterns:
        likelihood = corrected(likelihood, model.total_log_likelihood(patterns), np.log(params))
    drawn = draw_posterior(likelihood, prior, np.log(params), seed, proposals, quick=quick)
    return replace(drawn, names=model.names, draws=np.exp(drawn.draws))


def _time_scale(patterns: Patterns) -> float:
    return patterns.total(patterns.T) / patterns.customers


def _not_identified(model: PurchaseModel, optimum: Optimum, patterns: Patterns) -> NotIdentified:
    said = {
        "code": "purchase.not_identified",
        "model": model.name,
        "parameters": [name for name, runs in zip(model.names, optimum.runs_away, strict=True) if runs],
        "n": patterns.customers,
        "repeaters": int(patterns.weight[patterns.frequency > 0].sum()),
    }
    if not said["repeaters"]:
        return NotIdentified(
            "{model}: the data do not determine {parameters:list}, because nobody ordered twice.", **said
        )
    return NotIdentified(
        "{model}: the data do not determine {parameters:list} ({n:integer} customer, {repeaters:integer} with a repeat "
        "order). They show too little of customers leaving, or of customers differing in it. A longer observation "
        "period helps where many are new; where hardly anyone leaves, this model has no answer.",
        "{model}: the data do not determine {parameters:list} ({n:integer} customers, {repeaters:integer} with a "
        "repeat order). They show too little of customers leaving, or of customers differing in it. A longer "
        "observation period helps where many are new; where hardly anyone leaves, this model has no answer.",
        **said,
    )
