"""Posterior draws at the speed of a point estimate: mode, curvature, importance weights; a sampler where these fail.

References
----------
.. [1] Vehtari, Simpson, Gelman, Yao, Gabry (2024), Pareto smoothed importance sampling, JMLR 25(72).
.. [2] Zhang, Stephens (2009), A new and efficient estimation method for the generalized Pareto distribution,
       Technometrics 51(3):316-325.
.. [3] Goodman, Weare (2010), Ensemble samplers with affine invariance, Communications in Applied Mathematics and
       Computational Science 5(1):65-80.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import boxcox1p, softmax

from analysis.errors import UsageError
from analysis.models.fitting import LogLikelihood, polish

DRAWS = 2_000
PROPOSALS = 3_000
QUICK = 250
LARGEST_SHAPE = 0.7
DEGREES_OF_FREEDOM = 8
WALKERS, BATCHES = 32, 50
FEWEST_EFFECTIVE = 400
MOST_DOUBLINGS = 3
LARGEST = 1e12
"""Nothing that is fitted comes near it."""


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
    draws: np.ndarray = field(repr=False)
    effective_size: float
    pareto_shape: float
    method: str

    def check(self, model: str, names: tuple[str, ...], parameters: Mapping[str, float]) -> None:
        """Refuse parameters and draws that no fit gives, as a file may hold them."""
        if tuple(parameters) != names or tuple(self.names) != names:
            raise UsageError(f"{model}: parameters {', '.join(parameters)}, must be {', '.join(names)}")
        if self.draws.ndim != 2 or self.draws.shape[1] != len(names) or len(self.draws) == 0:
            raise UsageError(f"{model}: posterior draws of shape {self.draws.shape}, must be rows of {len(names)}")
        values = np.concatenate([self.draws.ravel(), [float(parameters[name]) for name in names]])
        if not np.all(np.isfinite(values) & (values > 0) & (values < LARGEST)):
            raise UsageError(f"{model}: parameters and posterior draws must be finite numbers above 0")

    def intervals(self, estimates: Mapping[str, float], errors: Mapping[str, float], level: float) -> pd.DataFrame:
        """Columns coef, se, lower, upper of each parameter: the ends of the central credible interval.

        Of two of which only the ratio is known there is no standard error, and no interval.
        """
        lower, upper = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        found = pd.DataFrame({"coef": estimates, "se": errors}).assign(lower=lower, upper=upper)
        found.loc[found["se"].isna(), ["lower", "upper"]] = np.nan
        return found

    def to_arviz(self):
        """The draws as one chain: an ``InferenceData``, or from arviz 1 on a ``DataTree``."""
        import arviz

        draws = {name: column[None] for name, column in zip(self.names, self.draws.T, strict=True)}
        if int(arviz.__version__.split(".")[0]) >= 1:
            return arviz.from_dict({"posterior": draws})
        return arviz.from_dict(posterior=draws)


@dataclass(frozen=True)
class Prior:
    """Independent normal priors of the log-parameters: proper, and wide next to what data say.

    Attributes
    ----------
    mean, sd
        Of the log-parameters, shape (k,). With sd = 2 the middle 95% of a parameter spans a factor of 2,500.
    """

    mean: np.ndarray
    sd: np.ndarray | float = 2.0

    def log_density(self, point: np.ndarray) -> float:
        away = (point - self.mean) / self.sd
        return float(-0.5 * away @ away)


@dataclass(frozen=True)
class WeightedDraws:
    """Points on the log scale, shape (n, k), with weights that sum to one and how far these can be trusted."""

    points: np.ndarray
    weights: np.ndarray
    effective_size: float
    pareto_shape: float

    @property
    def trusted(self) -> bool:
        enough = min(DRAWS, 2 / 3 * len(self.weights))
        return self.effective_size >= enough and self.pareto_shape < LARGEST_SHAPE


def draw_posterior(
    log_likelihood: LogLikelihood,
    prior: Prior,
    start: np.ndarray,
    seed: int,
    proposals: int = PROPOSALS,
    *,
    quick: bool = False,
) -> Posterior:
    """``DRAWS`` draws from the posterior on the scale of the search, starting from the maximum of the likelihood.

    Importance sampling from a multivariate t around the mode; a second round from the first one's moments where
    the first is not good enough; else an ensemble sampler, which the result names. Fewer ``proposals`` are
    for likelihoods too dear for more; the effective size of the result tells what that costs. ``quick`` stops after a
    first round of ``QUICK`` proposals, whatever its weights.
    """

    def log_posterior(point: np.ndarray) -> float:
        value = log_likelihood(point) + prior.log_density(point)
        return value if np.isfinite(value) else -np.inf

    rng = np.random.default_rng(seed)
    mode = polish(log_posterior, start)
    spread = _positive_covariance(mode.curvature, prior)
    weighted = importance_draws(log_posterior, mode.point, spread, QUICK if quick else proposals, rng)
    if not (weighted.trusted or quick):
        centre = weighted.weights @ weighted.points
        scatter = (weighted.points - centre).T @ ((weighted.points - centre) * weighted.weights[:, None])
        weighted = importance_draws(log_posterior, centre, 1.2 * scatter + 1e-9 * spread, 2 * proposals, rng)
    if weighted.trusted or quick:
        chosen = weighted.points[_systematic(weighted.weights, DRAWS, rng)]
        return Posterior((), rng.permutation(chosen), weighted.effective_size, weighted.pareto_shape, "importance")
    walkers = mode.point + rng.standard_normal((WALKERS, start.size)) @ np.linalg.cholesky(spread).T
    draws, effective = ensemble_draws(log_posterior, walkers, proposals // 2, rng)
    return Posterior((), draws, effective, weighted.pareto_shape, "sampler")


def importance_draws(log_density, centre, covariance, n: int, rng) -> WeightedDraws:
    """Draws from a multivariate t, weighted towards ``log_density``, with Pareto smoothed weights ([1]_)."""
    k = centre.size
    root = np.linalg.cholesky(covariance)
    normal = rng.standard_normal((n, k))
    stretch = rng.chisquare(DEGREES_OF_FREEDOM, n) / DEGREES_OF_FREEDOM
    points = centre + normal / np.sqrt(stretch)[:, None] @ root.T
    distance = np.sum(normal**2, axis=1) / stretch
    log_proposal = -0.5 * (DEGREES_OF_FREEDOM + k) * np.log1p(distance / DEGREES_OF_FREEDOM)
    log_weights = np.array([log_density(point) for point in points]) - log_proposal
    weights, shape = pareto_smoothed(log_weights)
    return WeightedDraws(points, weights, 1 / float(np.sum(weights**2)), shape)


def pareto_smoothed(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Normalised weights with their upper tail smoothed, and the tail's shape k ([1]_, section 3).

    Examples
    --------
    >>> weights, shape = pareto_smoothed(np.zeros(1000))
    >>> float(weights.max()), shape
    (0.001, -inf)
    """
    log_weights = log_weights - log_weights.max()
    n = log_weights.size
    tail = int(min(n / 5, 3 * np.sqrt(n)))
    order = np.argsort(log_weights, kind="stable")
    cutoff = log_weights[order[-tail - 1]]
    excess = np.exp(log_weights[order[-tail:]]) - np.exp(cutoff)
    if excess[-1] <= 1e-12:
        weights = np.exp(log_weights)
        return weights / weights.sum(), -np.inf
    shape, scale = generalized_pareto_fit(np.maximum(excess, 1e-300))
    if np.isfinite(shape):
        probability = (np.arange(tail) + 0.5) / tail
        quantile = -boxcox1p(-probability, -shape)  # infinite far out in a very heavy tail
        smoothed = np.log(np.exp(cutoff) + scale * quantile)
        log_weights[order[-tail:]] = np.minimum(smoothed, 0.0)
    weights = np.exp(log_weights)
    return weights / weights.sum(), float(shape)


def generalized_pareto_fit(excess: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalized Pareto distribution for sorted excesses ([2]_, with the prior of [1]_)."""
    n = excess.size
    grid = 30 + int(np.sqrt(n))
    steps = 1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    theta = steps / (3 * excess[max(int(n / 4 + 0.5) - 1, 0)]) + 1 / excess[-1]
    shapes = np.mean(np.log1p(-theta[:, None] * excess), axis=1)
    profile = n * (np.log(-theta / shapes) - shapes - 1)
    weight = softmax(profile)
    best = float(weight @ theta)
    shape = float(np.mean(np.log1p(-best * excess)))
    return (n * shape + 5) / (n + 10), -shape / best


def ensemble_draws(log_density, walkers: np.ndarray, steps: int, rng) -> tuple[np.ndarray, float]:
    """``DRAWS`` draws by stretch moves of an ensemble of walkers ([3]_), and their effective number by batch means.

    It needs no scale, since it is the same for every linear change of the parameters; the first third is left out, and
    steps are doubled while the draws are worth too few independent ones.
    """
    n, k = walkers.shape
    values, first = np.array([log_density(point) for point in walkers]), np.arange(n) < n // 2
    for _ in range(MOST_DOUBLINGS + 1):
        path = np.empty((steps, n, k))
        for step in range(steps):
            for moving in (first, ~first):
                stretch = (1 + rng.random(n // 2)) ** 2 / 2
                others = walkers[~moving][rng.integers(n // 2, size=n // 2)]
                trial = others + stretch[:, None] * (walkers[moving] - others)
                found = np.array([log_density(point) for point in trial])
                with np.errstate(invalid="ignore"):  # from nowhere to nowhere is no move
                    gain = (k - 1) * np.log(stretch) + found - values[moving]
                accepted = np.log(rng.random(n // 2)) < gain
                moved = np.flatnonzero(moving)[accepted]
                walkers[moved], values[moved] = trial[accepted], found[accepted]
            path[step] = walkers
        kept = path[steps // 3 :]
        means = np.array([batch.mean(axis=(0, 1)) for batch in np.array_split(kept, BATCHES)])
        effective = float(BATCHES * np.min(kept.var(axis=(0, 1)) / np.maximum(means.var(axis=0, ddof=1), 1e-300)))
        if effective >= FEWEST_EFFECTIVE:
            break
        steps *= 2
    return rng.choice(kept.reshape(-1, k), DRAWS), effective


def _positive_covariance(curvature: np.ndarray, prior: Prior) -> np.ndarray:
    size, axes = np.linalg.eigh(curvature)
    return (axes / np.maximum(size, 0.5 / np.max(prior.sd) ** 2)) @ axes.T


def _systematic(weights: np.ndarray, n: int, rng) -> np.ndarray:
    places = (np.arange(n) + rng.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), places), weights.size - 1)
