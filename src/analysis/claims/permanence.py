"""The claim that keeping everyone is a myth: is a model in which nobody ever leaves worse than those with dropout?"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, gammaln
from scipy.stats import chi2

from analysis.claims.evidence import Evidence, models_left_out
from analysis.claims.finding import Finding, Range, not_testable
from analysis.data import Note
from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_draws, params_of
from analysis.models.fitting import climb, polish
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.results import PurchaseFit
from analysis.timeunits import units_per_year

EXTRA_PARAMETERS = 2
DRAWS = 400
"""As many as yearly retention has, so that who leaves and who stays add up to all at both ends of the interval."""


def some_customers_leave(evidence: Evidence, claimed: Range) -> Finding:
    """Posterior probability of each model with dropout against the same without it, at even odds beforehand.

    Without dropout all three models are the negative binomial one. The marginal likelihoods are taken from BIC
    (Schwarz 1978, Annals of Statistics 6(2)), which amounts to a prior worth one customer. Beside it stands the
    likelihood ratio. No dropout lies on the boundary, where its distribution is not chi-squared; with the two
    degrees of freedom of the further parameters the limit errs on the safe side.
    """
    patterns = patterns_of(evidence.transactions.summary, evidence.config.model.time_unit)
    without = log_likelihood_without_dropout(patterns)
    if not np.isfinite(without):
        return not_testable(Note("claim.reason.no_fit_without_dropout"))
    penalty = EXTRA_PARAMETERS / 2 * np.log(patterns.customers)
    probabilities, losses, ratios = {}, {}, []
    for fit in evidence.purchase.fits:
        gained = max(fit.log_likelihood - without, 0.0)
        probabilities[fit.model] = float(expit(gained - penalty))
        losses[fit.model] = _lost_in_first_year(evidence, fit)
        numbers = {"model": fit.model, "ratio": 2 * gained, "limit": float(chi2.ppf(0.95, EXTRA_PARAMETERS))}
        ratios.append(Note("claim.detail.likelihood_ratio", numbers))
    return Finding(
        probabilities=probabilities,
        estimates=losses,
        unit="share",
        assumptions=(
            Note("claim.assumption.even_odds"),
            Note("claim.assumption.dropout_or_pauses"),
            Note("claim.assumption.no_floor"),
            *((Note("claim.assumption.loss_without_births"),) if evidence.births_unknown else ()),
            *models_left_out(evidence),
        ),
        details=tuple(ratios),
    )


def _lost_in_first_year(evidence: Evidence, fit: PurchaseFit) -> Interval:
    """Share of new customers who have left for good after a year."""
    model, year = MODELS[fit.model], units_per_year(fit.time_unit)
    points = [params_of(fit), *params_draws(evidence.posteriors[fit.model], model, DRAWS)]
    lost = np.array([1 - float(model.survival(params, year)) for params in points])
    return Interval.around(lost[0], lost[1:], evidence.level)


def log_likelihood_without_dropout(patterns: Patterns) -> float:
    """Maximum of the log-likelihood of orders at gamma distributed rates by customers who never leave.

    It is the limit of all three models as dropout vanishes, on the same histories and the same scale.
    """
    x, _, age = patterns.history
    scale = patterns.total(age) / patterns.customers

    def total(log_params: np.ndarray) -> float:
        r, alpha = np.exp(log_params)
        return float(
            patterns.weight @ (gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age / scale))
        )

    optimum = polish(total, climb(total, np.zeros(2)))
    orders = patterns.total(x.astype(float))
    return optimum.value - orders * float(np.log(scale)) if optimum.is_peak else float("nan")
