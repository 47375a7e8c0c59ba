"""Posterior draws at the speed of a point estimate: mode, curvature, importance weights; a sampler where these fail.

References
----------
.. [1] Vehtari, Simpson, Gelman, Yao, Gabry (2024), Pareto smoothed importance sampling, JMLR 25(72).
.. [2] Zhang, Stephens (2009), A new and efficient estimation method for the generalized Pareto distribution,
       Technometrics 51(3):316-325.
.. [3] Haario, Saksman, Tamminen (2001), An adaptive Metropolis algorithm, Bernoulli 7(2):223-242.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import softmax

from analysis.errors import UsageError
from analysis.models.fitting import LogLikelihood, polish

DRAWS = 2_000
PROPOSALS = 3_000
QUICK = 250
LARGEST_SHAPE = 0.7
DEGREES_OF_FREEDOM = 8
CHAINS = 4
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
    sd: np.ndarray

    def log_density(self, point: np.ndarray) -> float:
        return float(-0.5 * np.sum(((point - self.mean) / self.sd) ** 2))


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


@dataclass(frozen=True)
class LogDraws:
    """Equally weighted draws on the log scale, shape (DRAWS, k), with the quality of what they come from."""

    points: np.ndarray
    effective_size: float
    pareto_shape: float
    method: str


def draw_posterior(
    log_likelihood: LogLikelihood,
    prior: Prior,
    start: np.ndarray,
    seed: int,
    proposals: int = PROPOSALS,
    *,
    quick: bool = False,
) -> LogDraws:
    """``DRAWS`` draws from the posterior, starting from the maximum of the likelihood.

    Importance sampling from a multivariate t around the mode; a second round from the first one's moments where
    the first is not good enough; else an adaptive Metropolis sampler, which the result names. Fewer ``proposals`` are
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
        return LogDraws(rng.permutation(chosen), weighted.effective_size, weighted.pareto_shape, "importance")
    points, effective = metropolis_draws(log_posterior, mode.point, spread, rng, 4 * proposals)
    return LogDraws(points, effective, weighted.pareto_shape, "sampler")


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
        quantile = -np.log1p(-probability) if shape == 0 else np.expm1(-shape * np.log1p(-probability)) / shape
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


def metropolis_draws(log_density, start, covariance, rng, steps: int) -> tuple[np.ndarray, float]:
    """``DRAWS`` draws by adaptive Metropolis ([3]_) in four chains, and their effective number.

    The chains are run again, twice as long and from what the last ones learned, while their draws are worth fewer than
    ``FEWEST_EFFECTIVE`` independent ones, up to ``MOST_DOUBLINGS`` times.
    """
    for doubling in range(MOST_DOUBLINGS + 1):
        kept = [_chain(log_density, start, covariance, steps * 2**doubling, rng) for _ in range(CHAINS)]
        effective = min(effective_sample_size(np.stack([chain[:, j] for chain in kept])) for j in range(start.size))
        if effective >= FEWEST_EFFECTIVE:
            break
        seen = np.concatenate(kept)
        start, covariance = seen.mean(axis=0), np.cov(seen.T) + 1e-8 * np.eye(start.size)
    pooled = np.concatenate(kept)
    return pooled[rng.choice(len(pooled), DRAWS, replace=len(pooled) < DRAWS)], effective


def _chain(log_density, start, covariance, steps, rng) -> np.ndarray:
    k, warm_up = start.size, steps // 3
    root = np.linalg.cholesky(covariance)
    point = start + root @ rng.standard_normal(k)
    value, points, scale, accepted = log_density(point), np.empty((steps, k)), 2.38 / np.sqrt(k), 0
    for step in range(steps):
        if 0 < step <= warm_up and step % (warm_up // 10) == 0:
            scale *= np.exp(accepted / (warm_up // 10) - 0.25)
            accepted = 0
            if step in {warm_up // 10 * 4, warm_up // 10 * 7}:
                root, scale = (
                    np.linalg.cholesky(np.cov(points[step // 2 : step].T) + 1e-8 * np.eye(k)),
                    2.38 / np.sqrt(k),
                )
        trial = point + scale * root @ rng.standard_normal(k)
        trial_value = log_density(trial)
        if np.log(rng.random()) < trial_value - value:
            point, value, accepted = trial, trial_value, accepted + 1
        points[step] = point
    return points[warm_up:]


def effective_sample_size(chains: np.ndarray) -> float:
    """Number of independent draws that chains of shape (m, n) are worth, by Geyer's initial positive sequence."""
    m, n = chains.shape
    centred = chains - chains.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * n, axis=1)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), axis=1)[:, :n].mean(axis=0) / n
    between = chains.mean(axis=1).var(ddof=1) if m > 1 else 0.0
    variance = covariance[0] + between
    if variance == 0:
        return float(m * n)
    correlation = 1 - (covariance[0] - covariance) / variance
    pairs = correlation[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.argmax(pairs < 0) if np.any(pairs < 0) else pairs.size
    return float(m * n / max(2 * pairs[:ends].sum() - 1, 1.0))


def _positive_covariance(curvature: np.ndarray, prior: Prior) -> np.ndarray:
    size, axes = np.linalg.eigh(curvature)
    return (axes / np.maximum(size, 0.5 / prior.sd.max() ** 2)) @ axes.T


def _systematic(weights: np.ndarray, n: int, rng) -> np.ndarray:
    places = (np.arange(n) + rng.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), places), weights.size - 1)
