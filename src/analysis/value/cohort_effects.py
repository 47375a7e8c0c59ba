"""Months of joining as random effects: how much the customers of one month differ from those of another.

A month moves the order rate and the dropout of its customers as a covariate does, by gamma ~ N(0, sd of rates) and
delta ~ N(0, sd of dropout). The two standard deviations have flat priors on a grid; all the rest is integrated by
Laplace's method, exact where the log-likelihood of a month is a parabola ([1]_, eq. 3; [2]_ for the prior). Customers
of a month to come draw effects of their own: what they will bring is less sure than the mean over months.

References
----------
.. [1] Rue, Martino, Chopin (2009), Approximate Bayesian inference for latent Gaussian models, JRSS B 71(2).
.. [2] Gelman (2006), Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import softmax
from scipy.stats import chi2

from analysis.arguments import checked
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.covariates import PROCESSES, refuse_without_dropout, with_dropout
from analysis.models.fits import PurchaseFit, fits_of, purchase_prior
from analysis.models.fitting import LogLikelihood, curvature, gradient
from analysis.models.patterns import coarsened, collapse, patterns_of
from analysis.models.posterior import DRAWS, Prior
from analysis.models.purchase import PurchaseModel
from analysis.models.registry import MODELS
from analysis.tables import Result
from analysis.time import from_days
from analysis.value.history import AnyOrders, refuse_left_truncation

FEWEST_MONTHS = 6
SPREADS = np.linspace(0.1, 1.5, 14) ** 2
"""Standard deviations tried: from next to none to a factor of nine between the mean month and one in six."""
EDGES = np.array([0.0, *(SPREADS[1:] + SPREADS[:-1]) / 2, SPREADS[-1]])
ROUNDS, LONGEST_STEP, SMALL_STEP = 20, 1.0, 1e-3
YEAR_DAYS = 365
DRAWS_OF_YEAR = 400


@dataclass(frozen=True, repr=False)
class CohortEffects(Result):
    """How much the customers of one month of joining differ from those of another.

    Attributes
    ----------
    spread
        Standard deviation between months by process, ``rate`` (of log order rates) and ``dropout`` (of log odds of the
        mean dropout, under Pareto/NBD of log dropout rates): estimate (posterior mean), lower, upper, level, and p of
        none at all (likelihood ratio at the edge of what is possible: half a chi-squared).
    effects
        One row a process and month, drawn towards 0: process, month, customers, estimate, lower, upper, level.
    first_year
        Repeat orders that a new customer is expected to place in a year, by who joins: ``mean_month`` (whose
        effects are 0) or ``month_to_come``; estimate (posterior mean), lower, upper, level.
    future
        The fit for customers of a month to come: each posterior draw holds effects of that month.
    """

    spread: pd.DataFrame
    effects: pd.DataFrame
    first_year: pd.DataFrame
    future: PurchaseFit

    main = "spread"


@checked
def cohort_effects(orders: AnyOrders, fit: PurchaseFit, *, level: float = 0.9, seed: int = 1) -> CohortEffects:
    """Months of joining as random effects on how often customers order and how soon they leave.

    Raises
    ------
    Unavailable
        Where first orders are not known, customers joined in fewer than six months, nobody leaves in the model, or
        the orders do not tell the effects of months.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "simulated"})
    >>> found = rl.cohort_effects(orders, rl.BGNBD().fit(orders))
    >>> found.spread.index.tolist(), found.effects["month"].nunique()
    (['rate', 'dropout'], 12)
    """
    fit = fits_of(fit)[0]
    model, table = MODELS[fit.model], orders.histories.table
    refuse_without_dropout(model)
    refuse_left_truncation(orders)
    months = dict(tuple(table.groupby(table["first_order"].dt.to_period("M").dt.start_time)))
    if len(months) < FEWEST_MONTHS:
        raise Unavailable("New customers came in too few months to tell how much months differ.")
    prior, own = purchase_prior(model, patterns_of(orders.histories, fit.clock)), len(model.names)

    def of_month(rows: pd.DataFrame) -> LogLikelihood:
        ages = fit.clock.ages(rows["recency_days"], rows["T_days"], orders.observation_end)
        total = model.total_log_likelihood(coarsened(collapse(rows["frequency"], *ages)))
        return lambda point: total(np.log(_params(model, point)))

    start = np.append(np.log(fit.params), np.zeros(2 * len(months)))
    weights, sds, centres, roots = _laplace([of_month(rows) for rows in months.values()], prior, start, own)
    rng = np.random.default_rng([seed, 31])
    which = rng.choice(len(weights), DRAWS, p=weights)
    points = rng.standard_normal((DRAWS, len(start)))
    for pair in np.unique(which):  # one root of each at a time, since those of all draws take much memory
        points[which == pair] = centres[pair] + points[which == pair] @ roots[pair].T
    of_months, u = points[:, own:].reshape(DRAWS, -1, 2), sds[which] * rng.standard_normal((DRAWS, 2))
    joining = {"mean_month": np.zeros_like(u), "month_to_come": u}
    joining = {name: _params(model, np.hstack([points[:, :own], each]).T) for name, each in joining.items()}
    year = from_days(YEAR_DAYS, fit.time_unit)

    def first_year(params) -> Interval:
        some = zip(*(each[:DRAWS_OF_YEAR] for each in params), strict=True)
        return Interval.of_draws(
            np.array([model.expected_purchases(model.Params(*each), year, 0, 0, 0) for each in some]), level
        )

    return CohortEffects(
        spread=_spread(weights, level),
        effects=pd.DataFrame(
            {"process": process, "month": month, "customers": len(rows)}
            | vars(Interval.of_draws(of_months[:, place, side], level))
            for side, process in enumerate(PROCESSES)
            for place, (month, rows) in enumerate(months.items())
        ),
        first_year=pd.DataFrame({"joined": name} | vars(first_year(params)) for name, params in joining.items()),
        future=replace(fit, posterior=replace(fit.posterior, draws=np.column_stack(joining["month_to_come"]))),
    )


def _params(model: PurchaseModel, point: np.ndarray):
    """Parameters of a month: from the logs of the model's own and, as the last two, the effects of the month."""
    *own, faster, sooner = point
    return with_dropout(model, model.with_order_rate(model.Params(*np.exp(own)), np.exp(faster)), sooner, "mean")


def _laplace(months: Sequence[LogLikelihood], prior: Prior, point: np.ndarray, own: int):
    """Posterior of the standard deviations on their grid, and of all else given them as normal.

    Returns
    -------
    tuple of ndarray
        Probability of each pair of standard deviations, shape (pairs,); the pairs, shape (pairs, 2); centre, shape
        (pairs, k), and a root of the covariance, shape (pairs, k, k), of the model's own log-parameters and the months'
        effects.
    """
    sds, mean = np.array(list(product(SPREADS, SPREADS))), np.append(prior.mean, np.zeros(len(point) - own))
    for _ in range(ROUNDS):
        slope, bend = np.zeros_like(point), np.zeros((len(point), len(point)))
        for place, of_month in enumerate(months):
            its = [*range(own), own + 2 * place, own + 2 * place + 1]
            slope[its] += gradient(of_month, point[its])
            bend[np.ix_(its, its)] += curvature(of_month, point[its])
        heights, centres, roots = [], [], []
        for pair in sds:
            precision = np.append(np.full(own, prior.sd), np.tile(pair, len(months))) ** -2.0
            size, axes = np.linalg.eigh(bend + np.diag(precision))
            size, away = np.maximum(size, precision.min()), point - mean
            root = axes / np.sqrt(size)
            rise = (slope - precision * away) @ root
            heights.append((rise @ rise - away @ (precision * away) + np.log(precision).sum() - np.log(size).sum()) / 2)
            centres.append(point + root @ rise)
            roots.append(root)
        weights = softmax(heights + np.log(np.outer(np.diff(EDGES), np.diff(EDGES))).ravel())
        step = np.clip(weights @ centres - point, -LONGEST_STEP, LONGEST_STEP)
        point = point + step
        if np.abs(step).max() < SMALL_STEP:
            break
    else:
        raise Unavailable("The model does not tell from these orders how much months of joining differ.")
    return weights, sds, np.array(centres), np.array(roots)


def _spread(weights: np.ndarray, level: float) -> pd.DataFrame:
    """Each standard deviation over the other one, and whether it may be none."""
    both, rows = weights.reshape(len(SPREADS), len(SPREADS)), {}
    height = both / np.outer(np.diff(EDGES), np.diff(EDGES))
    for side, process in enumerate(PROCESSES):
        mass = both.sum(axis=1 - side)
        lower, upper = np.interp([(1 - level) / 2, (1 + level) / 2], np.append(0.0, mass.cumsum()), EDGES)
        none = height.max(axis=1 - side)[0] / height.max()
        statistic = -2 * np.log(max(none, np.finfo(float).tiny))
        rows[process] = {"estimate": mass @ SPREADS, "lower": lower, "upper": upper, "level": level}
        rows[process]["p"] = chi2.sf(statistic, 1) / 2
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("process")
