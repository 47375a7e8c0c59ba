"""The claim that every further order ties a customer more strongly.

Customers who ordered often order again more often, even where no order changes anyone: who orders at a high rate and
rarely leaves is found among those with many orders. The fitted models hold nothing but such differences between
customers, so the data are compared with companies that are simulated from them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit
from scipy.stats import t as student_t

from analysis.claims.evidence import Evidence, models_left_out
from analysis.claims.finding import Finding, Range, not_testable
from analysis.data import Note
from analysis.data.simulation import PurchaseTruth, rounds_of_orders
from analysis.interval import Interval
from analysis.models.results import Posterior
from analysis.timeunits import from_days, to_days
from analysis.value.history import birth_days, history

MOST_ORDERS = 8
"""Orders after which the next one is looked for: beyond, a few heavy buyers would decide."""
MOST_CUSTOMERS, FEWEST_TRIALS = 40_000, 30
COMPANIES = 100
NEVER = 10**9


def tie_beyond_differences(evidence: Evidence, claimed: Range) -> Finding:
    """How much faster the log odds of a next order rise with every order than in companies without any such tie."""
    rows = evidence.some_customers(MOST_CUSTOMERS, stream=10)
    window = min(evidence.config.retention.active_window_days, evidence.days_observed // 4)
    days = order_days(evidence, rows)
    trials, hits = next_orders(days, window, evidence.days_observed - 1)
    numbers = {"window": window, "customers": len(rows), "orders": MOST_ORDERS}
    if np.sum(trials >= FEWEST_TRIALS) < 3 or not 0 < hits.sum() < trials.sum():
        return not_testable(Note("claim.reason.too_few_orders", numbers))
    observed = log_odds_slope(trials, hits)
    probabilities, estimates, expected = {}, {}, []
    for place, (model, posterior) in enumerate(evidence.posteriors.items()):
        rng = np.random.default_rng([evidence.config.model.seed, 10, place])
        slopes, shares = simulated_slopes(evidence, model, posterior, days[:, 0], window, rng)
        excess = _predictive(observed - slopes)
        probabilities[model] = float(excess.cdf(claimed.high) - excess.cdf(claimed.low))
        tails = [(1 - evidence.level) / 2, (1 + evidence.level) / 2]
        estimates[model] = Interval(float(excess.mean()), *excess.ppf(tails).tolist(), evidence.level)
        told = {"model": model, "first": float(shares[0]), "third": float(shares[2])}
        expected.append(Note("claim.detail.next_order_by_model", told))
    return Finding(
        probabilities=probabilities,
        estimates=estimates,
        unit="log_odds",
        assumptions=(
            Note("claim.assumption.only_differences", numbers),
            Note("claim.assumption.no_cause"),
            *models_left_out(evidence),
        ),
        details=(_seen(trials, hits, window), *expected),
    )


def _predictive(excess: np.ndarray):
    """Student's t for one more company, from the mean and spread over the simulated ones."""
    count = len(excess)
    return student_t(count - 1, excess.mean(), max(excess.std(ddof=1), 1e-12) * np.sqrt(1 + 1 / count))


def _seen(trials: np.ndarray, hits: np.ndarray, window: int) -> Note:
    again = hits / np.maximum(trials, 1)
    curve = {"counts": list(range(1, MOST_ORDERS + 1)), "trials": trials.tolist(), "shares": again.tolist()}
    told = {"first": float(again[0]), "third": float(again[2]), "window": window}
    return Note("claim.detail.next_order_seen", told | curve)


def order_days(evidence: Evidence, rows: np.ndarray) -> np.ndarray:
    """Days of the first orders of customers, counted from the start of the data, shape (n, MOST_ORDERS + 1)."""
    births = birth_days(evidence.transactions)[rows]
    days = np.full((len(rows), MOST_ORDERS + 1), NEVER, dtype=np.int64)
    days[:, 0] = (births - np.datetime64(evidence.transactions.observation_start)).astype(np.int64)
    places = np.full(len(evidence.transactions.summary), -1)
    places[rows] = np.arange(len(rows))
    start = evidence.transactions.observation_start
    with history(evidence.transactions) as (connection, occasions):
        found = connection.execute(f"""
            SELECT customer, place, date_diff('day', DATE '{start}', day) AS day
            FROM (SELECT customer, day, row_number() OVER (PARTITION BY customer ORDER BY day) - 1 AS place
                  FROM {occasions})
            WHERE place BETWEEN 1 AND {MOST_ORDERS}""").fetchnumpy()
    chosen = places[found["customer"]] >= 0
    days[places[found["customer"][chosen]], found["place"][chosen]] = found["day"][chosen]
    return days


def next_orders(days: np.ndarray, window: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """After the first, second, … order: how often ``window`` days were observed, and how often the next came in them.

    Only orders with the whole window behind them count, whatever came, so that nobody is counted for being seen.
    """
    seen = days[:, :-1] + window <= end
    came = seen & (days[:, 1:] - days[:, :-1] <= window)
    return seen.sum(axis=0), came.sum(axis=0)


def log_odds_slope(trials: np.ndarray, hits: np.ndarray, steps: int = 30) -> float:
    """Slope of the logistic regression of the next order on the number of orders so far.

    >>> round(log_odds_slope(np.array([10**6] * 2), np.array([500_000, 750_000])), 3)  # log(3)
    1.099
    """
    design = np.column_stack([np.ones(len(trials)), np.arange(len(trials))])
    # Half a hit and half a miss at each count keep the slope finite where all or none came back.
    trials, hits = trials + 1.0, hits + 0.5
    at = np.array([np.log(hits.sum() / (trials.sum() - hits.sum())), 0.0])
    for _ in range(steps):
        share = expit(design @ at)
        information = design.T @ (design * (trials * share * (1 - share))[:, None])
        step = np.linalg.solve(information, design.T @ (hits - trials * share))
        at = at + step
        if np.abs(step).max() < 1e-10:
            break
    return float(at[1])


def simulated_slopes(
    evidence: Evidence, model: str, posterior: Posterior, births: np.ndarray, window: int, rng
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes in companies with the same births, one for each posterior draw, and their mean shares by order count."""
    unit, end = evidence.config.model.time_unit, evidence.days_observed - 1
    draws = posterior.draws[:COMPANIES].tolist()
    slopes, shares = np.empty(len(draws)), np.zeros((len(draws), MOST_ORDERS))
    for number, draw in enumerate(draws):
        truth = PurchaseTruth(*draw, model=model)
        moments = births + rng.random(len(births))
        days = np.full((len(births), MOST_ORDERS + 1), NEVER, dtype=np.int64)
        days[:, 0] = births
        turns = rounds_of_orders(rng, len(births), truth, from_days(end + 1 - moments, unit))
        for place, turn in zip(range(1, MOST_ORDERS + 1), turns, strict=False):
            days[turn.customers, place] = (moments[turn.customers] + to_days(turn.times, unit)).astype(np.int64)
        trials, hits = next_orders(days, window, end)
        slopes[number], shares[number] = log_odds_slope(trials, hits), hits / np.maximum(trials, 1)
    return slopes, shares.mean(axis=0)
