"""Claims about ties and leaving: that every order ties a customer more strongly, and that some always leave.

Customers who ordered often order again more often, even where no order changes anyone: who orders at a high rate and
rarely leaves is found among those with many orders. The fitted models hold nothing but such differences between
customers, so the data are compared with companies that are simulated from them.
"""

from __future__ import annotations

import ibis
import numpy as np
from scipy.special import expit, gammaln
from scipy.stats import t as student_t

from analysis.claims import claim as c
from analysis.claims.claim import NO_CAUSE, Claim, Range, Verdict
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.fits import maximum
from analysis.models.fitting import climb, polish
from analysis.models.nbd import NBD
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.registry import MODELS
from analysis.value.history import first_order_days, history, left_truncation
from analysis.words import Message

MOST_ORDERS = 8
"""Orders after which the next one is looked for: beyond, a few heavy buyers would decide."""
MOST_CUSTOMERS, FEWEST_TRIALS = 40_000, 30
COMPANIES = 100
NEVER, NEWTON_STEPS = 10**9, 30


@Claim(
    Message("With every order a customer's tie grows stronger, by more than differences between customers explain."),
    article=Message("The more often a customer has bought, the stronger the tie."),
    source=Message("No source was found."),
    found=Message("with every order the log odds of a next one change by {estimate:interval decimal3} beyond what "
        "differences between customers explain"),
    range=Range(0.0, np.inf), unit="log_odds", needs=(c.births_known,),
)  # fmt: skip
def more_orders_stronger_tie(claimed, orders, fits, active_window_days, credible_level, seed) -> Verdict:
    """How much faster the log odds of a next order rise with every order than in companies without any such tie."""
    rng, end = np.random.default_rng([seed, 10]), c.days_observed(orders) - 1
    rows = c.some_customers(len(orders.histories), MOST_CUSTOMERS, rng)
    days, window = order_days(orders, rows), min(active_window_days, (end + 1) // 4)
    trials, hits = next_orders(days, window, end)
    if np.sum(trials >= FEWEST_TRIALS) < 3 or not 0 < hits.sum() < trials.sum():
        raise Unavailable("Too few customers were seen for {window:days} after two and more orders.",
            code="claim.reason.too_few_orders", window=window)  # fmt: skip
    shares, observed = hits / np.maximum(trials, 1), log_odds_slope(trials, hits)
    estimates, probabilities, details = {}, {}, [Message("Within {window:days} the next order came after "
        "{first:percent} of first orders and {third:percent} of third ones.",
        window=window, first=float(shares[0]), third=float(shares[2]))]  # fmt: skip
    for fit in fits:
        start = np.datetime64(orders.observation_start, "D")
        companies = (simulated_days(fit, params, days[:, 0], start, end, rng) for params in fit.draws(COMPANIES))
        tried, came = np.swapaxes([next_orders(each, window, end) for each in companies], 0, 1)
        excess = _predictive(observed - log_odds_slope(tried, came))
        tails = excess.ppf([(1 - credible_level) / 2, (1 + credible_level) / 2]).tolist()
        probabilities[fit.model] = float(excess.cdf(claimed.high) - excess.cdf(claimed.low))
        estimates[fit.model] = Interval(float(excess.mean()), *tails, credible_level)
        shares = np.mean(came / np.maximum(tried, 1), axis=0)
        details.append(Message("{model}, without any tie: {first:percent} and {third:percent}.",
            model=fit.model, first=float(shares[0]), third=float(shares[2])))  # fmt: skip
    only_differences = Message("Log odds are the logarithm of a chance divided by the chance of the opposite; one "
        "tenth more makes that ratio about 10% larger. After each of the first {orders:integer} orders: did the next "
        "come within {window:days}? {customers:integer} customers, against companies simulated from each model, in "
        "which customers differ but no order changes anyone. Anything else that the models leave out would show here "
        "too. And a tie that looks just like differences between customers cannot be told from them.",
        orders=MOST_ORDERS, window=window, customers=len(rows))  # fmt: skip
    assumptions = (only_differences, NO_CAUSE, *c.models_left_out(fits))
    return Verdict(estimates, probabilities, assumptions=assumptions, details=tuple(details))


def _predictive(excess: np.ndarray):
    """Student's t for one more company, from the mean and spread over the simulated ones."""
    count = len(excess)
    return student_t(count - 1, excess.mean(), max(excess.std(ddof=1), 1e-12) * np.sqrt(1 + 1 / count))


def order_days(orders, rows: np.ndarray) -> np.ndarray:
    """Days of the first orders of customers, counted from the start of the data, shape (n, MOST_ORDERS + 1)."""
    start, births = orders.observation_start, first_order_days(orders)[rows]
    days = np.full((len(rows), MOST_ORDERS + 1), NEVER, dtype=np.int64)
    days[:, 0] = (births - np.datetime64(start)).astype(np.int64)
    places = np.full(len(orders.histories), -1)
    places[rows] = np.arange(len(rows))
    with history(orders) as bought:
        numbered = bought.mutate(place=ibis.row_number().over(group_by="customer", order_by="day"))
        later = numbered.filter(numbered.place.between(1, MOST_ORDERS))
        found = later.select("customer", "place", day=later.day.delta(ibis.literal(start), unit="day")).to_pandas()
    found = found[places[found["customer"]] >= 0]
    days[places[found["customer"]], found["place"]] = found["day"]
    return days


def next_orders(days: np.ndarray, window: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """After the first, second, … order: how often ``window`` days were observed, and how often the next came in them.

    Only orders with the whole window behind them count, whatever came, so that nobody is counted for being seen.
    """
    seen = days[:, :-1] + window <= end
    came = seen & (days[:, 1:] - days[:, :-1] <= window)
    return seen.sum(axis=0), came.sum(axis=0)


def log_odds_slope(trials: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Slope of the logistic regression of the next order on the number of orders so far, over the last axis.

    >>> log_odds_slope(np.array([10**6] * 2), np.array([500_000, 750_000])).round(3).tolist()  # log(3)
    1.099
    """
    # Half a hit and half a miss at each count keep the slope finite where all or none came back.
    hits, trials, design = hits + 0.5, trials + 1.0, np.vander(np.arange(trials.shape[-1]), 2)
    line = np.zeros((*trials.shape[:-1], 2))
    for _ in range(NEWTON_STEPS):
        share = expit(line @ design.T)
        bend = (design.T * (trials * share * (1 - share))[..., None, :]) @ design
        line = line + np.linalg.solve(bend, ((hits - trials * share) @ design)[..., None])[..., 0]
    return line[..., 0]


def simulated_days(
    fit, params, births: np.ndarray, start: np.datetime64, end: int, rng: np.random.Generator
) -> np.ndarray:
    """As ``order_days``, of customers of a fitted model who were born on the same days since ``start``."""
    model, n = MODELS[fit.model], len(births)
    moments = births + rng.random(n)
    # Orders after the end are simulated too; they come too late to be counted.
    drawn = model.draw_orders_while_alive(rng, params, fit.clock.ahead(end + 1, start), np.zeros(n), np.zeros(n))
    count = np.where(rng.random(n) < model.p_alive(params, 0, 0.0, 0.0), drawn.count, 0)
    days = np.full((n, MOST_ORDERS + 1), NEVER, dtype=np.int64)
    days[:, 0] = births
    place, born = np.zeros(n), start + births
    for order in range(1, MOST_ORDERS + 1):
        who = np.flatnonzero(count >= order)
        # The first of so many uniform times in what is left; the last order of one who left falls at the very end.
        uniform = count[who] - drawn.last_at_end[who] - (order - 1)
        gone = rng.random(len(who)) ** (1 / np.maximum(uniform, 1))
        place[who] = np.where(uniform > 0, 1 - (1 - place[who]) * gone, 1.0)
        days[who, order] = moments[who] + fit.clock.days_ahead(place[who] * drawn.span[who], born[who])
    return days


@Claim(
    Message("Some customers always leave: a model in which nobody ever does fits worse."),
    article=Message("100% retention is a myth; natural churn remains."),
    source=Message("No source was found."),
    found=Message("if customers leave at all, {estimate:interval percent} of new ones have left for good after a year"),
    range=Range(0.0, 1.0),
)
def keeping_everyone_is_a_myth(orders, fits, retention) -> Verdict:
    """Posterior probability of each model with dropout against customers who never leave, at even odds beforehand.

    Without dropout all models are the negative binomial one. Against each stands the better of two without leaving:
    order rates that stay, and order rates that all fall alike with the time since the first order. The likelihoods of
    the three are of the same histories. The marginal likelihoods are taken from BIC (Schwarz
    1978, Annals of Statistics 6(2)), which amounts to a prior worth one customer.
    """
    patterns = patterns_of(orders.histories, fits.primary.clock)
    without, half_log = log_likelihood_without_dropout(patterns), np.log(patterns.customers) / 2
    staying = np.nanmax([without - 2 * half_log, log_likelihood_of_falling_rates(patterns) - 3 * half_log])
    probabilities, losses = {}, {}
    for fit in fits:
        leaving = max(fit.log_likelihood, without) - len(MODELS[fit.model].names) * half_log
        probabilities[fit.model] = float(expit(leaving - staying))
        stay = retention.first_year(fit.model)
        losses[fit.model] = Interval(1 - stay.estimate, 1 - stay.upper, 1 - stay.lower, stay.level)
    assumptions = [Message("Before the data, leaving and not leaving count as equally likely; the weight of the data "
        "is taken from BIC. A long pause looks like leaving, and customers who order in bursts, or a season, also "
        "speak against a model in which nobody leaves. Rates that fall alike for all are weighed against leaving; "
        "rates that fall at a pace of each customer's own are not, and look the same. That some leave does not say "
        "that it must stay so: the models have no floor below which leaving cannot fall.")]  # fmt: skip
    if left_truncation(orders):
        assumptions.append(Message("The test does not need to know when customers were born, but the share that "
            "leaves does: where most were born before the data, it is that of customers who had already "
            "stayed."))  # fmt: skip
    return Verdict(losses, probabilities, assumptions=(*assumptions, *c.models_left_out(fits)))


def log_likelihood_without_dropout(patterns: Patterns) -> float:
    """Maximum of the log-likelihood of NBD, the limit of all models as dropout vanishes, on the same scale.

    Raises
    ------
    NotIdentified
        Where there is no maximum.
    """
    model = NBD()
    return model.total_log_likelihood(patterns)(maximum(model, patterns)[0])


def log_likelihood_of_falling_rates(patterns: Patterns) -> float:
    """As ``log_likelihood_without_dropout``, where rates fall as exp(-kappa t) with the time t since the first order.

    NaN without a maximum. Given x and t_x the times of the orders before the last one are integrated out, as in the
    other models.
    """
    x, recency, age = (each.astype(float) for each in patterns.history)
    scale = patterns.total(age) / patterns.customers
    last, age, repeat = np.where(x > 0, recency, 1.0) / scale, age / scale, x > 0

    def total(log_params: np.ndarray) -> float:
        r, alpha, kappa = np.exp(log_params)

        def passed(time: np.ndarray) -> np.ndarray:
            return -np.expm1(-kappa * time) / kappa

        order_times = np.where(repeat, -kappa * last + (x - 1) * np.log(passed(last) / last), 0.0)
        counts = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + passed(age))
        return float(patterns.weight @ (counts + order_times))

    optimum = polish(total, climb(total, np.zeros(3)))
    return optimum.value - patterns.total(x) * float(np.log(scale)) if optimum.is_peak else float("nan")
