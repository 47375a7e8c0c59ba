"""Fitted purchase models: what a fit answers, and the steps from customer histories to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from analysis.config import nearest
from analysis.errors import NotIdentified, UsageError
from analysis.interval import Interval
from analysis.models import views
from analysis.models.fitting import CONVERGED_BELOW, Optimum, best_of, curvature, polish
from analysis.models.patterns import Patterns, coarsened, customers_of, patterns_of
from analysis.models.posterior import PROPOSALS, Posterior, Prior, draw_posterior
from analysis.models.purchase import PurchaseModel
from analysis.models.registry import MODELS
from analysis.plotting import Plots
from analysis.tables import table_html
from analysis.time import TimeUnit, duration, from_days
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, Orders

PRIOR_SD = 2.0
DRAWS_FOR_ALIVE = 400
LEVEL = 0.9
"""Level of the intervals where none is asked for."""


@dataclass(frozen=True)
class PurchaseFit:
    """A purchase model at its maximum likelihood, with its posterior.

    Attributes
    ----------
    model
        ``BG/NBD``, ``MBG/NBD``, ``Pareto/NBD`` or another name in ``MODELS``.
    time_unit
        Unit of the parameters that have one (alpha, beta).
    parameters, standard_errors
        By name; the errors come from the curvature of the log-likelihood.
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
    alive_among_one_time_buyers
        Expected share still alive of those without a repeat order; NaN where there are none.
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
    alive_draws: np.ndarray
    alive_among_one_time_buyers: float
    histories: CustomerSummary | None = field(default=None, repr=False, compare=False, metadata={"stored": False})
    orders: Orders | None = field(default=None, repr=False, compare=False, metadata={"stored": False})

    plot = Plots(
        frequency_recency="analysis.models.plots:plot_frequency_recency",
        p_alive_matrix="analysis.models.plots:plot_p_alive_matrix",
        calibration="analysis.models.plots:plot_calibration_of_fit",
        tracking="analysis.models.plots:plot_tracking_of_fit",
        silence="analysis.models.plots:plot_silence",
        history="analysis.models.plots:plot_history",
        posterior="analysis.models.plots:plot_posterior",
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
    def converged(self) -> bool:
        """Judged by gradient and curvature, never by an optimiser's flag."""
        return self.newton_decrement < CONVERGED_BELOW

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
        lower, upper = np.quantile(self.posterior.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        columns = {"coef": self.parameters, "se": self.standard_errors}
        return pd.DataFrame(columns).assign(lower=lower, upper=upper, level=level)

    def customers_alive(self, level: float = LEVEL) -> Interval:
        """Expected number of customers still alive, with a credible interval."""
        return Interval.around(self.alive, self.alive_draws, level)

    def predict(self, horizon, customers=None) -> pd.DataFrame:
        """What each customer will do in the next ``horizon``, by customer id.

        Parameters
        ----------
        horizon
            A duration with its unit, such as ``"13W"``; see ``analysis.time.duration``.
        customers
            ``Orders`` or a ``CustomerSummary``; those of the fit where not given.

        Returns
        -------
        DataFrame
            Columns p_alive, expected_orders, and p_order: probability of at least one order.
        """
        histories = self.known_histories() if customers is None else customers_of(customers)[0]
        patterns = patterns_of(histories, self.time_unit)
        time = float(from_days(duration(horizon), self.time_unit))
        found = MODELS[self.model].expectations(self.params, patterns, time)
        return pd.DataFrame({name: values[patterns.index] for name, values in found.items()}, index=histories.ids)

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


@dataclass(frozen=True)
class PurchaseFits:
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

    plot = Plots(
        silence="analysis.models.plots:plot_silence_by_model",
        alive="analysis.models.plots:plot_alive",
    )

    @property
    def primary(self) -> PurchaseFit:
        return self.fits[0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(fit.model for fit in self.fits)

    def of(self, data, unit: str | None = None) -> PurchaseFits:
        """The same fits for the customers of ``data``, as ``PurchaseFit.of``."""
        return PurchaseFits(tuple(fit.of(data, unit) for fit in self), self.not_identified)

    def customers_alive(self, level: float = LEVEL) -> pd.DataFrame:
        """By model: log_likelihood, the expected number of customers still alive with its credible interval (estimate,
        lower, upper, level), and among_one_time_buyers, the expected share alive of those without a repeat order.
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

    def _repr_html_(self) -> str:
        return table_html(self.customers_alive())

    def __iter__(self) -> Iterator[PurchaseFit]:
        return iter(self.fits)

    def __getitem__(self, name: str) -> PurchaseFit:
        return self.fits[self.names.index(name)]


def fit_all(histories: CustomerSummary, *, time_unit: TimeUnit, seed: int, primary: str = "BG/NBD") -> PurchaseFits:
    """All purchase models on the customers of a summary, the primary one first.

    Raises
    ------
    NotIdentified
        Where the data do not identify the primary model. Another that they do not identify is left out and named.
    """
    return fit_patterns(patterns_of(histories, time_unit), time_unit, seed, primary)


def refuse_unknown_model(primary: str) -> None:
    """Raise UsageError for a purchase model that there is not."""
    if primary not in MODELS:
        raise UsageError(f"model.primary == {primary!r}, must be one of {', '.join(MODELS)}{nearest(primary, MODELS)}")


def fit_patterns(patterns: Patterns, time_unit: TimeUnit, seed: int, primary: str) -> PurchaseFits:
    """As ``fit_all``, on collapsed histories."""
    refuse_unknown_model(primary)
    fits, not_identified = [], {}
    for model in sorted(MODELS.values(), key=lambda model: model.name != primary):
        try:
            fits.append(fit_one(model, patterns, time_unit, seed))
        except NotIdentified as error:
            if model.name == primary:
                raise
            not_identified[model.name] = error.reason
    return PurchaseFits(tuple(fits), not_identified)


def fit_one(model: PurchaseModel, patterns: Patterns, unit: TimeUnit, seed: int) -> PurchaseFit:
    """Maximum likelihood from several starts, polished by Newton's method; posterior; and who is still alive.

    Raises
    ------
    NotIdentified
        Where the likelihood has no maximum in the interior, naming the parameters that run away.
    """
    scale = _time_scale(patterns)
    optimum = _maximum(model, patterns, scale)
    if not optimum.is_peak:
        raise _not_identified(model, optimum, patterns)
    units = np.where(model.time_scaled, scale, 1.0)
    estimates = np.exp(optimum.point) * units
    errors = estimates * np.sqrt(np.diag(optimum.covariance))
    params = model.Params(*estimates.tolist())
    posterior = purchase_posterior(model, params, patterns, seed)
    draws = [model.Params(*draw) for draw in posterior.draws[:DRAWS_FOR_ALIVE].tolist()]
    alive = model.p_alive(params, *patterns.history)
    once = patterns.weight * (patterns.frequency == 0)
    return PurchaseFit(
        model=model.name,
        time_unit=unit,
        parameters=params._asdict(),
        standard_errors=dict(zip(model.names, errors.tolist(), strict=True)),
        log_likelihood=model.total_log_likelihood(patterns)(np.log(estimates)),
        customers=patterns.customers,
        patterns=len(patterns),
        newton_decrement=optimum.newton_decrement,
        posterior=posterior,
        alive=patterns.total(alive),
        alive_draws=np.array([patterns.total(model.p_alive(draw, *patterns.history)) for draw in draws]),
        alive_among_one_time_buyers=float(once @ alive / once.sum()) if once.any() else float("nan"),
    )


def _maximum(model: PurchaseModel, patterns: Patterns, scale: float) -> Optimum:
    scaled = Patterns(patterns.frequency, patterns.recency / scale, patterns.T / scale, patterns.weight, patterns.index)
    rough = coarsened(scaled)
    starts = [np.zeros(len(model.names)), model.start(patterns.total(patterns.frequency) / patterns.customers)]
    from_lifetimes = model.lifetimes_fit(rough)
    if from_lifetimes is not None:
        starts.insert(0, from_lifetimes)
    likelihood = model.total_log_likelihood(rough)
    best = best_of(likelihood, starts)
    return polish(model.total_log_likelihood(scaled), best, curvature(likelihood, best, likelihood(best)))


def purchase_prior(model: PurchaseModel, patterns: Patterns) -> Prior:
    """Log-parameters are normal with sd 2 around 0; durations in units of the customers' mean age."""
    return Prior(np.where(model.time_scaled, np.log(_time_scale(patterns)), 0.0), np.full(len(model.names), PRIOR_SD))


def purchase_posterior(model: PurchaseModel, params, patterns: Patterns, seed: int) -> Posterior:
    """Posterior of a purchase model, see ``analysis.models.posterior``."""
    proposals = int(np.clip(model.evaluations / len(patterns), 300, PROPOSALS))
    likelihood, prior = model.total_log_likelihood(patterns), purchase_prior(model, patterns)
    drawn = draw_posterior(likelihood, prior, np.log(params), seed, proposals)
    return Posterior(model.names, np.exp(drawn.points), drawn.effective_size, drawn.pareto_shape, drawn.method)


def _time_scale(patterns: Patterns) -> float:
    return patterns.total(patterns.T) / patterns.customers


def _not_identified(model: PurchaseModel, optimum: Optimum, patterns: Patterns) -> NotIdentified:
    return NotIdentified(
        "{model}: the data do not determine {parameters:list} ({n:integer} customer, {repeaters:integer} with a repeat "
        "order). They show too little of customers leaving, or of customers differing in it. A longer observation "
        "period helps where many are new; where hardly anyone leaves, or all leave alike, this model has no answer.",
        "{model}: the data do not determine {parameters:list} ({n:integer} customers, {repeaters:integer} with a "
        "repeat order). They show too little of customers leaving, or of customers differing in it. A longer "
        "observation period helps where many are new; where hardly anyone leaves, or all leave alike, this model has "
        "no answer.",
        code="purchase.not_identified",
        model=model.name,
        parameters=[name for name, runs in zip(model.names, optimum.runs_away, strict=True) if runs],
        n=patterns.customers,
        repeaters=int(patterns.weight[patterns.frequency > 0].sum()),
    )
