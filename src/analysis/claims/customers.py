"""Claims about the best, the oldest and the returning customers: what they bring, now and afterwards.

What is computed from data alone has posterior draws by the Bayesian bootstrap (Rubin 1981, Annals of Statistics 9(1)):
customers are weighted by independent exponential variates, which makes the weights uniform over all that sum to one, a
posterior under no assumption but that customers are independent draws.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.claims import claim as c
from analysis.claims.claim import DATA, NO_CAUSE, Claim, Range, Verdict, from_draws, not_testable
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.value.growth import HALF_YEAR_DAYS
from analysis.value.history import exact, first_order_days, history
from analysis.value.lives import days_seen
from analysis.words import Message

TOP = 0.2
FEWEST_CUSTOMERS, MOST_CUSTOMERS = 50, 20_000
SINGLE, BINS = 500, 300
"""Largest values that are drawn singly, and bins for the others."""
DRAWS = {"top": 2_000, "rank": 400, "ratio": 4_000, "slope": 4_000}
LAST_HALF_YEAR = 6
"""Months 31 to 36 are the sixth half year of a customer's life."""
FEW, MANY = 0.10, 0.40
FOLLOWED_DAYS = (365, 182, 91)
FEWEST_COHORTS, FEWEST_IN_COHORT = 6, 50
LEAST_REAL = 0.5
"""Part of the differences between cohorts in repeat share that must be more than chance."""


def too_few_spenders(customers: int) -> Unavailable:
    return Unavailable("Too few customers spent something: {customers:integer}.",
        code="claim.reason.too_few_spenders", customers=customers)  # fmt: skip


@Claim(
    Message("Customers spend about 67% more in months 31 to 36 than in their first six months (57% to 77% more)."),
    article=Message("A customer of three years spends 67% more than one of less than six months."),
    source=Message("Bain & Company and Mainspring, 2000: repeat buyers of clothing online, months 31 to 36 against "
        "months 1 to 6, of those who were still there."),
    found=Message("the spending of the same customers changed by {estimate:interval percent}"),
    range=Range(0.57, 0.77), needs=(c.has_money, c.births_known), trust=c.LOW_TO_MEDIUM,
)  # fmt: skip
def long_standing_spend_more(claimed, orders, credible_level, seed, growth=None) -> Verdict:
    """Spend in months 31 to 36 against months 1 to 6 of the same customers, those who ordered again later.

    Whoever orders in months 31 to 36 has an order there by definition, and everyone has one in months 1 to 6, the
    first: both tilt the comparison. So customers are followed who are known to have been there, by an order after
    month 36, and first orders are left out.
    """
    periods = growth.periods.to_dict("records") if growth else []
    sixth = next((period for period in periods if period["period"] == LAST_HALF_YEAR), None)
    if sixth is None or growth.period_days != HALF_YEAR_DAYS or np.isnan(sixth["stayers_ratio"]):
        return not_testable(Message("Months 31 to 36 of enough customers are needed; the data span {days:days}.",
            code="claim.reason.too_short_for_three_years", days=c.days_observed(orders)))  # fmt: skip
    still_there = Message("Followed are the {customers:integer} customers who ordered again after month 36, so that "
        "they are known to have been there. First orders are left out, since every first half year holds one by "
        "definition. A general rise of prices counts as a rise of spending; where customers buy at regular intervals, "
        "the first half year looks smaller by up to half an order.", customers=sixth["stayers"])  # fmt: skip
    ratio = Interval.in_row(sixth, "stayers_ratio")
    # The interval of a ratio is normal on the scale of its logarithm.
    spread = np.log(ratio.upper / ratio.lower) / 2 / NormalDist().inv_cdf((1 + ratio.level) / 2)
    chance = np.append(0.0, np.random.default_rng([seed, 7]).standard_normal(DRAWS["ratio"]))
    more = {DATA: ratio.estimate * np.exp(spread * chance) - 1}
    return from_draws(claimed, more, credible_level, assumptions=(still_there, NO_CAUSE))


@Claim(
    Message("The best 20% of customers bring about 80% of the revenue (75% to 85%)."),
    article=Message("20% of customers bring 80% of revenue. (A commonplace; not in the articles.)"),
    source=Message("A rule of thumb. Measured: 73% in packaged goods (Kim, Singh and Winer 2017), 67% over 339 firms "
        "(McCarthy and Winer 2019), about 60% (Sharp 2010)."),
    found=Message("the best 20% of customers brought {estimate:interval percent} of the revenue"),
    range=Range(0.75, 0.85), needs=(c.has_money,), known=c.READ, trust=c.MEDIUM,
)  # fmt: skip
def twenty_bring_eighty(claimed, orders, credible_level, seed) -> Verdict:
    """Share of the revenue of the window that its best fifth of customers brought."""
    spent = np.maximum(orders.histories.table["spent"].to_numpy(dtype=float), 0.0)
    if len(spent) < FEWEST_CUSTOMERS or not spent.any():
        raise too_few_spenders(int((spent > 0).sum()))
    window = Message("{customers:integer} customers over {days:days}. In another window the share is another: a short "
        "one has many who bought only once.", customers=len(spent), days=c.days_observed(orders))  # fmt: skip
    shares = {DATA: top_share_draws(spent, np.random.default_rng([seed, 6]))}
    return from_draws(claimed, shares, credible_level, assumptions=(window,))


@Claim(
    Message("The longer a relationship has lasted, the more a customer brings afterwards (rank correlation of at "
        "least 0.1)."),
    article=Message("Long relationships are more profitable."),
    source=Message("Assumed by Reichheld and Sasser (1990). Reinartz and Kumar (2002) followed 16,000 customers of "
        "four firms: correlations of 0.20 to 0.45."),
    found=Message("rank correlation {estimate:interval decimal2} of length so far and spend afterwards"),
    range=Range(0.1, 1.0), unit="correlation", needs=(c.has_money, c.births_known), known=c.SECOND_HAND,
)  # fmt: skip
def longer_more_profitable(claimed, orders, split, credible_level, seed) -> Verdict:
    """Rank correlation of the length of the relationship so far with what is spent afterwards, within birth months.

    Length is the time from the first to the last order of the calibration; what follows is spent in the holdout, so no
    order is on both sides. Within a birth month all customers are of one age.
    """
    everyone, rng = split.calibration.table, np.random.default_rng([seed, 8])
    if len(everyone) < FEWEST_CUSTOMERS or not split.holdout_spent.any():
        raise too_few_spenders(len(everyone))
    chosen = c.some_customers(len(everyone), MOST_CUSTOMERS, rng)
    table, spent = everyone.iloc[chosen], split.holdout_spent[chosen]
    length, first = table["recency_days"].to_numpy(), table["first_order"].to_numpy()
    month = first.astype("datetime64[M]").astype(int)
    followed = Message("{customers:integer} customers, compared within their month of birth: the time from the first "
        "to the last order until {calibration_end:date} against what they spent in the {days:days} after it. A long "
        "span also means a recent last order.",
        customers=len(chosen), calibration_end=split.calibration_end, days=split.holdout_days)  # fmt: skip
    whole = orders.histories.table.iloc[c.some_customers(len(orders.histories), MOST_CUSTOMERS, rng)]
    pair = whole["recency_days"].to_numpy(), whole["spent"].to_numpy()
    usual = Message("The usual correlation, of the whole length with all that was spent, is "
        "{correlation:decimal2}; but what was spent early is part of both. Reinartz and Kumar found 0.20 to 0.45.",
        correlation=float(rank_correlation_draws(*pair, np.zeros(len(whole)), rng, draws=0)[0]))  # fmt: skip
    draws = {DATA: rank_correlation_draws(length, spent, month, rng)}
    alone = Message("Differences between customers alone produce such a correlation: who orders often and rarely "
        "leaves has a long relationship and orders on. It does not say that length makes anyone more "
        "profitable.")  # fmt: skip
    return from_draws(claimed, draws, credible_level, assumptions=(followed, alone, NO_CAUSE), details=(usual,))


def top_share(values: np.ndarray, top: float = TOP) -> float:
    """Share of the sum that the largest ``top`` of the values hold.

    >>> top_share(np.array([6.0, 1.0, 1.0, 1.0, 1.0]))
    0.6
    """
    return float(_top_shares(np.sort(values)[::-1], np.ones((1, len(values))), top)[0])


def top_share_draws(values: np.ndarray, rng: np.random.Generator, draws: int = DRAWS["top"]) -> np.ndarray:
    """``top_share``, then its posterior draws, shape (1 + draws,); small values are drawn in bins."""
    count, mean = binned(values)
    weights = rng.standard_gamma(count, size=(draws, len(count)))
    return np.append(top_share(values), _top_shares(mean, weights, TOP))


def binned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number and mean of neighbouring values, largest first: the largest ``SINGLE`` alone, the rest in ``BINS``."""
    ordered = np.sort(values)[::-1]
    edges = np.arange(len(ordered))
    if len(ordered) > SINGLE + BINS:
        edges = np.concatenate([edges[:SINGLE], np.linspace(SINGLE, len(ordered), BINS, endpoint=False).astype(int)])
    count = np.diff(np.append(edges, len(ordered)))
    return count.astype(float), np.add.reduceat(ordered, edges) / count


def _top_shares(ordered: np.ndarray, weights: np.ndarray, top: float) -> np.ndarray:
    """Amount above the point that ``top`` of the weight lies above, over the whole amount, shape (draws,)."""
    mass = np.cumsum(weights, axis=1)
    limit = top * mass[:, -1:]
    # Of each value that part of its weight counts that lies within the limit.
    inside = np.clip(limit - (mass - weights), 0.0, weights)
    return (inside @ ordered) / (weights @ ordered)


def rank_correlation_draws(
    first: np.ndarray, second: np.ndarray, group: np.ndarray, rng: np.random.Generator, draws: int = DRAWS["rank"]
) -> np.ndarray:
    """Spearman's correlation within groups, then its posterior draws, shape (1 + draws,).

    Ranks are taken within each group, as shares of it, and correlated over all groups; a group with one value in it
    counts for nothing. Every draw ranks anew.

    >>> x, y = np.array([1.0, 2, 3, 1, 2, 3]), np.array([1.0, 2, 3, 11, 12, 13])
    >>> rank_correlation_draws(x, y, np.array([0, 0, 0, 1, 1, 1]), np.random.default_rng(1), 10)[0]
    np.float64(1.0)
    """
    ranks = [_Ranks(values, group) for values in (first, second)]
    groups = np.unique(group, return_inverse=True)[1]

    def correlation(weights: np.ndarray) -> float:
        a, b = (each.of(weights) for each in ranks)
        size = np.bincount(groups, weights)
        a, b = (each - (np.bincount(groups, weights * each) / size)[groups] for each in (a, b))
        spread = np.sum(weights * a**2) * np.sum(weights * b**2)
        return float(np.sum(weights * a * b) / np.sqrt(spread)) if spread > 0 else 0.0

    weights = (rng.standard_exponential(len(group)) for _ in range(draws))
    return np.array([correlation(np.ones(len(group))), *(correlation(each) for each in weights)])


class _Ranks:
    """Weighted middle ranks within groups, sorted once."""

    def __init__(self, values: np.ndarray, group: np.ndarray):
        pairs = np.unique(np.column_stack([group, values]), axis=0, return_inverse=True)
        self.place = pairs[1].ravel()
        self.group = np.unique(pairs[0][:, 0], return_inverse=True)[1]

    def of(self, weights: np.ndarray) -> np.ndarray:
        mass = np.bincount(self.place, weights)
        size = np.bincount(self.group, mass)
        before = np.cumsum(mass) - mass / 2 - (np.cumsum(size) - size)[self.group]
        return (before / size[self.group])[self.place]


class Cohorts(NamedTuple):
    """Birth months, each followed for the same number of days from every customer's own first order.

    Attributes
    ----------
    repeats, revenue
        By month: share with a repeat order, and mean revenue of a customer [currency], shape (months,).
    noise
        By month: covariance of the sampling errors of share and log mean revenue, shape (months, 2, 2).
    """

    repeats: np.ndarray
    revenue: np.ndarray
    noise: np.ndarray


@Claim(
    Message("With 40% repeat customers instead of 10%, revenue per customer is about half as much again (40% to 60% "
        "more)."),
    article=Message("Shops with 40% repeat customers earn 50% more than shops with 10%."),
    source=Message('SumAll, about 2013: "nearly 50%" more revenue, in a comparison across the shops of one vendor, '
        "without controls."),
    found=Message("along the cohorts' own line revenue changes by {estimate:interval percent}"),
    range=Range(0.40, 0.60), needs=(c.has_money, c.births_known), trust=c.LOW,
)  # fmt: skip
def forty_percent_repeat(claimed, orders, credible_level, seed) -> Verdict:
    """How much more revenue a cohort of 40% repeat customers brings than one of 10%, along the cohorts' own line."""
    days = longest_followed(orders)
    lives = followed(orders, days)
    mixed, found = _mixed(lives, days), cohorts_of(lives)
    if len(found.repeats) < FEWEST_COHORTS:
        return not_testable(Message("To compare cohorts, {needed:integer} birth months with at least "
            "{customers:integer} customers each are needed; these data have {cohorts:integer}.",
            code="claim.reason.one_cohort", cohorts=len(found.repeats), customers=FEWEST_IN_COHORT,
            needed=FEWEST_COHORTS), *mixed)  # fmt: skip
    seen = {"cohorts": len(found.repeats), "days": days, "low": found.repeats.min(), "high": found.repeats.max()}
    if not differ_beyond_chance(found):
        return not_testable(Message("The repeat share of the {cohorts:integer} birth months lies between "
            "{low:percent} and {high:percent} after {days:days}, and most of these differences are chance. Cohorts "
            "that are alike cannot show what a difference would bring.", code="claim.reason.cohorts_alike",
            **seen), *mixed)  # fmt: skip
    slope, error = slope_over_cohorts(found)
    drawn = slope + error * np.random.default_rng([seed, 5]).standard_t(len(found.repeats) - 1, DRAWS["slope"])
    compared = Message("{cohorts:integer} birth months, each customer followed for {days:days}; their repeat shares "
        "lie between {low:percent} and {high:percent}, and the line is carried on beyond them where 10% and 40% lie "
        "outside.", **seen)  # fmt: skip
    more = np.expm1((MANY - FEW) * np.append(slope, drawn))
    return from_draws(claimed, {DATA: more}, credible_level, assumptions=(compared, NO_CAUSE), details=mixed)


def slope_over_cohorts(found: Cohorts) -> tuple[float, float]:
    """Slope of log mean revenue over repeat share across cohorts, and its jackknife error.

    A cohort whose customers happen to come back more also happens to bring more, so chance alone makes a slope. The
    sampling covariances are taken off before the slope is taken (Fuller 1987, Measurement Error Models).
    """
    n = len(found.repeats)
    slope = _corrected(found, np.arange(n))
    left_out = np.array([_corrected(found, np.delete(np.arange(n), each)) for each in range(n)])
    return slope, float(np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)))


def _corrected(found: Cohorts, chosen: np.ndarray) -> float:
    observed = np.cov(found.repeats[chosen], np.log(found.revenue[chosen]))
    true = observed - found.noise[chosen].mean(axis=0)
    return float(true[0, 1] / max(true[0, 0], 0.1 * observed[0, 0]))


def differ_beyond_chance(found: Cohorts) -> bool:
    """Whether most of the variance of the cohorts' repeat shares is more than sampling error."""
    variance = found.repeats.var(ddof=1)
    return variance > 0 and 1 - found.noise[:, 0, 0].mean() / variance >= LEAST_REAL


def longest_followed(orders) -> int:
    """The longest following that leaves enough birth months; else the longest that leaves half of the customers."""
    born = first_order_days(orders)
    age = (np.datetime64(orders.observation_end) - born).astype(int)
    months = born.astype("datetime64[M]")
    sizes = {days: np.unique(months[age >= days], return_counts=True)[1] for days in FOLLOWED_DAYS}
    enough = [days for days, size in sizes.items() if np.sum(size >= FEWEST_IN_COHORT) >= FEWEST_COHORTS]
    most = [days for days, size in sizes.items() if size.sum() >= len(born) / 2]
    if not enough and not most:
        raise Unavailable("The data span {days:days}; at least {needed:days} after the first order are needed.",
            code="claim.reason.window_too_short", days=c.days_observed(orders), needed=FOLLOWED_DAYS[-1])  # fmt: skip
    return (enough or most)[0]


def followed(orders, days: int) -> pd.DataFrame:
    """Customers followed for ``days``: month of birth, whether they came back, and what they brought in that time."""
    with history(orders) as bought:
        told = bought.filter((days_seen(orders, bought) >= days) & (bought.age < days))
        each = told.group_by("customer", month=told["first"].truncate("M"))
        found = each.agg(repeats=told.count() > 1, revenue=exact(told.amount).sum().cast("float64"))
        return found.order_by("customer").drop("customer").to_pandas()


def cohorts_of(lives: pd.DataFrame) -> Cohorts:
    """Moments of the birth months with enough customers who brought something."""
    pairs = [part[["repeats", "revenue"]].astype(float).to_numpy() for _, part in lives.groupby("month")]
    kept = [each for each in pairs if len(each) >= FEWEST_IN_COHORT and each[:, 1].mean() > 0]
    means = np.array([each.mean(axis=0) for each in kept]).reshape(-1, 2)
    noise = [np.cov(each[:, 0], each[:, 1] / each[:, 1].mean()) / len(each) for each in kept]
    return Cohorts(*means.T, np.array(noise))


def _mixed(lives: pd.DataFrame, days: int) -> tuple[Message, ...]:
    """If only the mix of today's one-time and repeat customers changed."""
    means = lives.groupby("repeats")["revenue"].mean()
    if len(means) < 2 or means[False] <= 0:
        return ()
    few, many = (means[False] + share * (means[True] - means[False]) for share in (FEW, MANY))
    return (Message("If only the mix changed, and those who come back spent what they spend now, revenue in "
        "{days:days} would change by {more:percent}. {share:percent} came back in that time.",
        more=float(many / few - 1), days=days, share=float(lives["repeats"].mean())),)  # fmt: skip
