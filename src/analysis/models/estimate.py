"""From customer histories to fitted purchase models with posteriors: the steps, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.config import ModelConfig
from analysis.data import Note
from analysis.errors import NotIdentified
from analysis.interval import Interval
from analysis.models.beta_geometric import BGNBD, MBGNBD
from analysis.models.fitting import Optimum, best_of, curvature, polish
from analysis.models.pareto import ParetoNBD
from analysis.models.patterns import Patterns, coarsened, patterns_of
from analysis.models.posterior import PROPOSALS, Prior, draw_posterior
from analysis.models.purchase import PurchaseModel
from analysis.models.results import Posterior, PurchaseFit, PurchaseResult
from analysis.timeunits import TimeUnit

if TYPE_CHECKING:
    from analysis.data import CustomerSummary

PRIMARY = BGNBD()
CHALLENGERS = (MBGNBD(), ParetoNBD())
MODELS: dict[str, PurchaseModel] = {model.name: model for model in (PRIMARY, *CHALLENGERS)}
PRIOR_SD = 2.0
DRAWS_FOR_ALIVE = 400


def purchase_result(summary: CustomerSummary, config: ModelConfig) -> PurchaseResult:
    """All purchase models on the customers of a summary.

    Raises
    ------
    NotIdentified
        Where the data do not identify BG/NBD. A challenger that they do not identify is left out and named.
    """
    patterns = patterns_of(summary, config.time_unit)
    primary = fit_purchase_model(PRIMARY, patterns, config.time_unit)
    challengers, not_identified = [], {}
    for model in CHALLENGERS:
        try:
            challengers.append(fit_purchase_model(model, patterns, config.time_unit))
        except NotIdentified as error:
            not_identified[model.name] = why_not_identified(error)
    posteriors = {fit.model: purchase_posterior(fit, patterns, config.seed) for fit in (primary, *challengers)}
    alive = {
        fit.model: _customers_alive(fit, posteriors[fit.model], patterns, config.credible_level)
        for fit in (primary, *challengers)
    }
    return PurchaseResult(
        primary=primary,
        posterior=posteriors.pop(PRIMARY.name),
        challengers=tuple(challengers),
        challenger_posteriors=posteriors,
        not_identified=not_identified,
        customers_alive=alive,
        alive_among_one_time_buyers={
            fit.model: _alive_among_one_time_buyers(fit, patterns) for fit in (primary, *challengers)
        },
    )


def fit_purchase_model(model: PurchaseModel, patterns: Patterns, unit: TimeUnit) -> PurchaseFit:
    """Maximum likelihood, from lifetimes' fit and from two starts of our own, polished by Newton's method.

    Raises
    ------
    NotIdentified
        Where the likelihood has no maximum in the interior, naming the parameter that runs away.
    """
    scale = _time_scale(patterns)
    scaled = Patterns(patterns.frequency, patterns.recency / scale, patterns.T / scale, patterns.weight, patterns.index)
    rough = coarsened(scaled)
    starts = [np.zeros(len(model.names)), _moment_start(model, rough)]
    from_lifetimes = model.lifetimes_fit(rough)
    if from_lifetimes is not None:
        starts.insert(0, from_lifetimes)
    likelihood = model.total_log_likelihood(rough)
    best = best_of(likelihood, starts)
    guess = curvature(likelihood, best, likelihood(best))
    optimum = polish(model.total_log_likelihood(scaled), best, guess)
    if not optimum.is_peak:
        raise _not_identified(model, optimum, patterns, unit)
    return _purchase_fit(model, optimum, patterns, unit, scale)


def why_not_identified(error: NotIdentified) -> Note:
    """What the data leave open, for a sentence of any language."""
    return Note("purchase.not_identified", error.numbers)


def _purchase_fit(model, optimum: Optimum, patterns, unit, scale) -> PurchaseFit:
    units = np.where(model.time_scaled, scale, 1.0)
    estimates = np.exp(optimum.point) * units
    errors = estimates * np.sqrt(np.diag(optimum.covariance))
    return PurchaseFit(
        model=model.name,
        time_unit=unit,
        parameters=dict(zip(model.names, estimates.tolist(), strict=True)),
        standard_errors=dict(zip(model.names, errors.tolist(), strict=True)),
        log_likelihood=model.total_log_likelihood(patterns)(np.log(estimates)),
        customers=patterns.customers,
        patterns=len(patterns),
        newton_decrement=optimum.newton_decrement,
    )


def params_of(fit: PurchaseFit):
    """A fit's parameters as its model takes them."""
    return MODELS[fit.model].Params(**fit.parameters)


def params_draws(posterior: Posterior, model: PurchaseModel, count: int) -> list:
    """The first ``count`` posterior draws as the model takes them."""
    return [model.Params(*draw) for draw in posterior.draws[:count].tolist()]


def purchase_prior(model: PurchaseModel, patterns: Patterns) -> Prior:
    """Log-parameters are normal with sd 2 around 0; durations in units of the customers' mean age."""
    return Prior(np.where(model.time_scaled, np.log(_time_scale(patterns)), 0.0), np.full(len(model.names), PRIOR_SD))


def purchase_posterior(fit: PurchaseFit, patterns: Patterns, seed: int) -> Posterior:
    """Posterior of a purchase model, see ``analysis.models.posterior``."""
    model = MODELS[fit.model]
    start = np.log(np.array([fit.parameters[name] for name in model.names]))
    proposals = int(np.clip(model.evaluations / len(patterns), 300, PROPOSALS))
    prior = purchase_prior(model, patterns)
    drawn = draw_posterior(model.total_log_likelihood(patterns), prior, start, seed, proposals)
    return Posterior(model.names, np.exp(drawn.points), drawn.effective_size, drawn.pareto_shape, drawn.method)


def _time_scale(patterns: Patterns) -> float:
    return float(patterns.weight @ patterns.T / patterns.customers)


def _moment_start(model: PurchaseModel, patterns: Patterns) -> np.ndarray:
    per_age = patterns.weight @ patterns.frequency / (patterns.weight @ patterns.T)
    start = np.log(np.array([0.5, 0.5 / max(per_age, 1e-6), 0.7, 2.5]))
    return np.clip(start, -5, 5)


def _not_identified(model: PurchaseModel, optimum: Optimum, patterns: Patterns, unit: TimeUnit) -> NotIdentified:
    open_parameters = [name for name, runs in zip(model.names, optimum.runs_away, strict=True) if runs]
    names = _listed(open_parameters)
    repeaters = int(patterns.weight[patterns.frequency > 0].sum())
    return NotIdentified(
        model.name,
        names,
        f"{model.name}: the data do not identify {names}: the likelihood keeps rising as "
        f"{'they grow or shrink' if ' and ' in names else 'it grows or shrinks'} without bound "
        f"({patterns.customers} customers, {repeaters} with a repeat order, "
        f"oldest age {patterns.T.max():.4g} {unit}s). "
        "They show too little of customers leaving, or of customers differing in it. A longer observation period helps "
        "where many are new; where hardly anyone leaves, or all leave alike, this model has no answer.",
        {"parameters": open_parameters, "customers": int(patterns.customers), "repeaters": repeaters},
    )


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _customers_alive(fit, posterior: Posterior, patterns: Patterns, level: float) -> Interval:
    model = MODELS[fit.model]
    totals = [
        patterns.total(model.p_alive(params, *patterns.history))
        for params in params_draws(posterior, model, DRAWS_FOR_ALIVE)
    ]
    return Interval.around(patterns.total(model.p_alive(params_of(fit), *patterns.history)), np.array(totals), level)


def _alive_among_one_time_buyers(fit, patterns: Patterns) -> float:
    once = patterns.frequency == 0
    if not once.any():
        return float("nan")
    alive = MODELS[fit.model].p_alive(params_of(fit), *(part[once] for part in patterns.history))
    return float(patterns.weight[once] @ alive / patterns.weight[once].sum())
