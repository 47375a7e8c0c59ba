"""The claim that 40% repeat customers instead of 10% mean half as much revenue again.

It was found by comparing shops. Within one company its own birth cohorts can be compared, where they differ by more
than chance; and the fitted models can be asked what revenue would be if more customers came back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from analysis.claims.evidence import Evidence
from analysis.claims.finding import DATA, Finding, Range, finding_from_draws, not_testable
from analysis.data import Note
from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_draws, params_of
from analysis.timeunits import from_days
from analysis.value.history import birth_days, history

FEW, MANY = 0.10, 0.40
FOLLOWED_DAYS = (365, 182, 91)
FEWEST_COHORTS, FEWEST_IN_COHORT = 6, 50
LEAST_REAL = 0.5
"""Part of the differences between cohorts in repeat share that must be more than chance."""
DRAWS, MODEL_DRAWS = 4_000, 400


@dataclass(frozen=True)
class CohortMoments:
    """Birth months, each followed for the same number of days from every customer's own first order.

    Attributes
    ----------
    days
        How long each customer was followed.
    repeats, revenue
        By month: share with a repeat order, and mean revenue of a customer [currency], shape (months,).
    noise
        By month: covariance of the sampling errors of share and log mean revenue, shape (months, 2, 2).
    """

    days: int
    repeats: np.ndarray
    revenue: np.ndarray
    noise: np.ndarray


def revenue_by_repeat_share(evidence: Evidence, claimed: Range) -> Finding:
    """How much more revenue a cohort of 40% repeat customers brings than one of 10%, along the cohorts' own line."""
    days = _longest_followed(evidence)
    if days is None:
        return not_testable(Note("claim.reason.window_too_short", {"days": evidence.days_observed, "needed": 91}))
    lives = _followed(evidence, days)
    what_if = (*_mixed(lives, days), *_by_model(evidence, days))
    found = cohort_moments(lives, days)
    if len(found.repeats) < FEWEST_COHORTS:
        numbers = {"cohorts": len(found.repeats), "needed": FEWEST_COHORTS, "customers": FEWEST_IN_COHORT}
        return not_testable(Note("claim.reason.one_cohort", numbers), *what_if)
    numbers = {
        "cohorts": len(found.repeats),
        "days": days,
        "lowest": float(found.repeats.min()),
        "highest": float(found.repeats.max()),
    }
    if not differ_beyond_chance(found):
        return not_testable(Note("claim.reason.cohorts_alike", numbers), *what_if)
    slope, error = slope_over_cohorts(found)
    drawn = slope + error * evidence.rng(5).standard_t(len(found.repeats) - 1, DRAWS)
    return finding_from_draws(
        claimed,
        {DATA: np.expm1((MANY - FEW) * drawn)},
        {DATA: float(np.expm1((MANY - FEW) * slope))},
        evidence.level,
        unit="share",
        assumptions=(Note("claim.assumption.cohorts_compared", numbers), Note("claim.assumption.no_cause")),
        details=what_if,
    )


def slope_over_cohorts(found: CohortMoments) -> tuple[float, float]:
    """Slope of log mean revenue over repeat share across cohorts, and its jackknife error.

    A cohort whose customers happen to come back more also happens to bring more, so chance alone makes a slope. The
    sampling covariances are taken off before the slope is taken (Fuller 1987, Measurement Error Models).
    """
    n = len(found.repeats)
    slope = _corrected(found, np.arange(n))
    left_out = np.array([_corrected(found, np.delete(np.arange(n), each)) for each in range(n)])
    return slope, float(np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)))


def differ_beyond_chance(found: CohortMoments) -> bool:
    """Whether most of the variance of the cohorts' repeat shares is more than sampling error."""
    variance = found.repeats.var(ddof=1)
    return variance > 0 and 1 - found.noise[:, 0, 0].mean() / variance >= LEAST_REAL


def _corrected(found: CohortMoments, chosen: np.ndarray) -> float:
    observed = np.cov(found.repeats[chosen], np.log(found.revenue[chosen]))
    true = observed - found.noise[chosen].mean(axis=0)
    return float(true[0, 1] / max(true[0, 0], 0.1 * observed[0, 0]))


def _longest_followed(evidence: Evidence) -> int | None:
    """The longest following that leaves enough birth months; else the longest that leaves half of the customers."""
    age = (np.datetime64(evidence.transactions.observation_end) - birth_days(evidence.transactions)).astype(int)
    months = birth_days(evidence.transactions).astype("datetime64[M]")
    enough = [
        days
        for days in FOLLOWED_DAYS
        if np.sum(np.unique(months[age >= days], return_counts=True)[1] >= FEWEST_IN_COHORT) >= FEWEST_COHORTS
    ]
    most = [days for days in FOLLOWED_DAYS if np.mean(age >= days) >= 0.5]
    return next(iter(enough or most), None)


def _followed(evidence: Evidence, days: int) -> pd.DataFrame:
    """Customers followed for ``days``: month of birth, whether they came back, and what they brought in that time."""
    birth = birth_days(evidence.transactions)
    age = (np.datetime64(evidence.transactions.observation_end) - birth).astype(int)
    chosen = np.flatnonzero(age >= days)
    born = pd.DataFrame({"customer": chosen, "birth": birth[chosen].astype("datetime64[s]")})
    with history(evidence.transactions, born=born) as (connection, occasions):
        found = connection.execute(f"""
            SELECT customer, count(*) > 1 AS repeats, sum(CAST(amount AS DECIMAL(38, 6)))::DOUBLE AS revenue
            FROM {occasions} JOIN born USING (customer)
            WHERE date_diff('day', CAST(birth AS DATE), day) < {days} GROUP BY customer""").fetchnumpy()
    month = birth[found["customer"]].astype("datetime64[M]")
    return pd.DataFrame({"month": month, "repeats": found["repeats"], "revenue": found["revenue"]})


def cohort_moments(lives: pd.DataFrame, days: int) -> CohortMoments:
    """Moments of the birth months with enough customers who brought something."""
    kept = [part for _, part in lives.groupby("month") if len(part) >= FEWEST_IN_COHORT and part["revenue"].mean() > 0]
    repeats = np.array([part["repeats"].mean() for part in kept])
    revenue = np.array([part["revenue"].mean() for part in kept])
    noise = np.array(
        [np.cov(part["repeats"].astype(float), part["revenue"] / part["revenue"].mean()) / len(part) for part in kept]
    )
    return CohortMoments(days, repeats, revenue, noise)


def _mixed(lives: pd.DataFrame, days: int) -> tuple[Note, ...]:
    """If only the mix of today's one-time and repeat customers changed."""
    means = lives.groupby("repeats")["revenue"].mean()
    if len(means) < 2 or means[False] <= 0:
        return ()
    once, repeat = float(means[False]), float(means[True])
    more = (once + MANY * (repeat - once)) / (once + FEW * (repeat - once)) - 1
    share = float(lives["repeats"].mean())
    return (Note("claim.detail.mix_of_customers", {"more": more, "days": days, "share": share}),)


def _by_model(evidence: Evidence, days: int) -> tuple[Note, ...]:
    """If customers ordered so much more often, or less, that 40% or 10% came back; order values as they are."""
    horizon, notes = from_days(days, evidence.config.model.time_unit), []
    for fit in evidence.purchase.fits:
        model = MODELS[fit.model]
        points = [params_of(fit), *params_draws(evidence.posteriors[fit.model], model, MODEL_DRAWS)]
        more = np.array([more_orders(model, params, horizon) for params in points])
        if np.isfinite(more[0]) and np.mean(np.isfinite(more)) > 0.99:
            numbers = {"model": fit.model, "more": Interval.around(more[0], more[1:], evidence.level), "days": days}
            notes.append(Note("claim.detail.repeat_share_by_model", numbers))
    return tuple(notes)


def more_orders(model, params, horizon: float) -> float:
    """Orders of a new customer where 40% come back over those where 10% do, less one; NaN where 40% cannot be reached.

    The order rate of everyone is scaled, which is alpha divided; how customers leave stays as it is.
    """

    def expected(share: float) -> float:
        def missing(log_scale: float) -> float:
            scaled = params._replace(alpha=params.alpha * np.exp(log_scale))
            return float(model.p_order(scaled, horizon, 0, 0.0, 0.0)) - share

        if missing(-20.0) < 0 or missing(20.0) > 0:
            return float("nan")
        scaled = params._replace(alpha=params.alpha * np.exp(brentq(missing, -20.0, 20.0, xtol=1e-6)))
        return 1 + float(model.expected_purchases(scaled, horizon, 0, 0.0, 0.0))

    return expected(MANY) / expected(FEW) - 1
