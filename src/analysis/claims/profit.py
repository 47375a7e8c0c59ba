"""Claims about money: what retention does to profit, and what keeping costs beside winning.

Orders hold no costs: a table of spend and configured costs decide, or a break-even is given.
"""

from __future__ import annotations

import numpy as np

from analysis.claims import claim as c
from analysis.claims.claim import DATA, Claim, Range, Verdict, as_configured, from_draws, not_testable, recoded
from analysis.config import EconomicsConfig, RetentionConfig
from analysis.errors import Unavailable
from analysis.value.lift import (
    CANNOT_RISE,
    CLAIMED,
    MAY_BE_UNPROFITABLE,
    NO_PROFIT,
    OPTIONS,
    Choice,
    brings,
    by_measure,
    five_points,
    profit,
    shifts_of,
)
from analysis.value.payback import spent_on_winning
from analysis.words import Message

CUT_COMPARED = 0.02
"""The rise in retention, in points, that is said to equal a cut of costs."""
PRICE_CUT, MORE_REGULARS = 0.10, 0.05
BOOTSTRAP_PARTS, DRAWS = 1_000, 2_000
LEAST_TIMES, MOST_TIMES = 5, 10
"""The articles say 5, 6, 7 and 10 times."""
NOT_AN_ACTION = Message("This says what higher retention would be worth, not that anything brings it about. For that, "
    "customers would have to be treated at random and compared.")  # fmt: skip


def read_as(choice: Choice, annual_discount_rate: float) -> Message:
    """A reading of the claim in one sentence; a cost that its scope does not have is not named."""
    taken = choice.profit if choice.scope in ("new_customer", "firm") else "contribution"
    names = ("measure", "gain_kind", "shift", "scope", "margins", "keeping")
    return Message("Read as: first-year retention ({measure}) rises by {gain:hundredths} {gain_kind}, {shift}; profit "
        "of {scope} over {horizon:years}, {profit}, discounted at {discount:percent1} a year; {margins}; "
        "{keeping}.",
        gain=choice.gain, horizon=choice.horizon_years, discount=annual_discount_rate, profit=OPTIONS[taken],
        **{name: OPTIONS[getattr(choice, name)] for name in names})  # fmt: skip


def prices_configured(economics: EconomicsConfig, retention: RetentionConfig) -> Message:
    return Message("Not from the orders: margin {margin:percent1}, cost per order "
        "{cost_per_order:money}, winning a customer {acquisition_cost:money}, keeping one "
        "{cost_per_customer_year:money} a year, fixed costs {fixed_costs_per_year:money} a year.",
        margin=economics.gross_margin, cost_per_customer_year=retention.cost_per_customer_year,
        **economics.model_dump(include={"cost_per_order", "acquisition_cost", "fixed_costs_per_year"}))  # fmt: skip


FIVE_POINTS = {
    "article": Message("Raising customer loyalty by 5% raises profit by 25% to 95%."),
    "source": Message("Reichheld and Sasser (1990), Zero Defections, Harvard Business Review: five points fewer "
        "defections, 25% to 85% by industry; the 95% is from Reichheld (1996). It is the computed value of one "
        "average customer whose margin grows, with keeping taken as free, not the observed profit of firms."),
    "found": Message("profit changes by {estimate:interval percent1}"),
    "range": Range(*CLAIMED), "needs": (c.has_money, c.births_known), "known": c.SECOND_HAND, "trust": c.LOW,
}  # fmt: skip


@Claim(
    Message("If 5 more of 100 new customers ordered again in their second year, profit would rise by 25% to 95%."),
    measure="ordering_again", **FIVE_POINTS,
)  # fmt: skip
@Claim(
    Message("Raising the rate of orders after a year, as a share of that at the start, by 5 points raises profit by "
        "25% to 95%."),
    measure="order_rate", **FIVE_POINTS,
)  # fmt: skip
@Claim(Message("Raising retention by 5 points raises profit by 25% to 95%."), **FIVE_POINTS)
def five_points_more_profit(
    claimed, measure, lift, fits, economics, retention_config, credible_level
) -> Verdict:  # fmt: skip
    """The lift of five points, else as configured, in per cent only where profit is surely positive."""
    # By survival the configured scope counts; the other measures are those of new customers.
    lifts = lift.of(five_points(lift.named)) if measure == "survival" else lift.by_measure[measure]
    choice, rate = next(iter(lifts.values())).choice, economics.annual_discount_rate
    read = read_as(choice, rate), prices_configured(economics, retention_config)
    if reason := next((each.reason for each in lifts.values() if each.lift is None), None):
        in_money = [
            Message("{model}: a profit of {profit:interval margin} changes by {gain:interval margin}.",
                model=model, profit=each.profit_before, gain=each.gain)
            for model, each in lifts.items() if each.gain is not None
        ]  # fmt: skip
        return not_testable(recoded(reason), *in_money, assumptions=read)
    draws = {model: np.append(each.lift.estimate, each.draws) for model, each in lifts.items()}
    assumptions = (*read, NOT_AN_ACTION, *c.models_left_out(fits))
    return from_draws(claimed, draws, credible_level, assumptions=assumptions)


TWO_POINTS = {
    "article": Message("2% more retention equals a 10% price or cost cut."),
    "source": Message(
        "Credited to Murphy and Murphy (2002), but already printed in 1998; no derivation was found."),
    "found": Message("2 points equal a cut of all costs by {estimate:interval percent1}"),
    "range": Range(0.08, 0.12), "needs": (c.has_money, c.births_known), "trust": c.VERY_LOW,
}  # fmt: skip


@Claim(
    Message("2 more of 100 new customers who order again in their second year bring as much as a cut of all costs by "
        "about 10% (8% to 12%)."),
    measure="ordering_again", **TWO_POINTS,
)  # fmt: skip
@Claim(
    Message("2 points more in the rate of orders after a year, as a share of that at the start, bring as much as a cut "
        "of all costs by about 10% (8% to 12%)."),
    measure="order_rate", **TWO_POINTS,
)  # fmt: skip
@Claim(Message("2 points more retention bring as much as a cut of all costs by about 10% (8% to 12%)."), **TWO_POINTS)
def two_points_equal_cost_cut(
    claimed, measure, orders, lift, fits, spend, economics_config, credible_level
) -> Verdict:  # fmt: skip
    """The cut of all costs that brings a new customer's contribution as much as two points more retention do.

    Costs are what of the revenue is no contribution.
    """
    margin, cost = economics_config.gross_margin, economics_config.cost_per_order
    rate = economics_config.annual_discount_rate
    if (margin, cost) == (1, 0):
        raise Unavailable("With a margin of 100% and no cost per order there are no costs to cut.",
            code="claim.reason.no_costs")  # fmt: skip
    named = Choice(
        gain=CUT_COMPARED, shift=lift.named.shift, profit="contribution", horizon_years=lift.named.horizon_years
    )
    choice = next(each for each in by_measure(named) if each.measure == measure)
    shifts, cuts, volumes = shifts_of(orders.histories, fits, spend, [choice], None), {}, []
    for streams in shifts.by_model:
        possible = np.isfinite(streams.after[1])
        if not possible[0] or np.mean(~possible) > MAY_BE_UNPROFITABLE:
            raise Unavailable(recoded(CANNOT_RISE))
        before, after = (brings(streams, shifts, choice, place, rate) for place in (0, 1))
        earned = profit(choice, economics_config, before)
        gain = profit(choice, economics_config, after) - earned
        cuts[streams.model] = np.where(possible, gain, np.nan) / (before.revenue - earned)
        volumes.append(_volume_of_a_price_cut(streams.model, before.revenue[0], earned[0], gain[0]))
    share = Message("Costs are what the configured margin and cost per order leave: {share:percent} of revenue. "
        "Retention is that of an average new customer, its profit the contribution alone.",
        share=1 - margin + cost / spend.mean_order_value)  # fmt: skip
    assumptions = (read_as(choice, rate), share, NOT_AN_ACTION, *c.models_left_out(fits))
    return from_draws(claimed, cuts, credible_level, assumptions=assumptions, details=tuple(volumes))


def _volume_of_a_price_cut(model: str, revenue: float, earned: float, gain: float) -> Message:
    """By how much more has to be sold at prices cut by 10% to earn what two points more retention do."""
    left = earned - PRICE_CUT * revenue
    if left <= 0:
        return Message("{model}: a cut of prices by {cut:percent} leaves nothing of an order, so no volume makes up "
            "for it.", model=model, cut=PRICE_CUT)  # fmt: skip
    return Message("{model}: a cut of prices by {cut:percent} brings as much only if {more:percent} more is sold; "
        "{even:percent} more are needed for it to cost nothing.",
        model=model, cut=PRICE_CUT, more=(earned + gain) / left - 1, even=earned / left - 1)  # fmt: skip


@Claim(
    Message("5% more regular customers (a count, and no rate) raise the contribution of today's customers by 25% to "
        "95%."),
    article=Message("Raising customer loyalty by 5% raises profit by 25% to 95%."),
    source=Message("A common misreading: 5% more of those who come back, instead of five points more who stay."),
    found=Message("5% more customers who have come back raise it by {estimate:interval percent1}"),
    range=Range(*CLAIMED), needs=(c.has_money,), trust=c.VERY_LOW,
)  # fmt: skip
def five_percent_more_regulars(claimed, value, credible_level, seed) -> Verdict:
    """5% of the share of what is still expected of today's customers that those with a repeat order hold.

    Posterior draws by the Bayesian bootstrap over customers.
    """
    if not value.brings_money:
        raise Unavailable(recoded(NO_PROFIT))
    worth = value.customers["residual_clv"].to_numpy()
    came_back = (value.customers["frequency"] > 0).to_numpy()
    parts = np.arange(len(worth)) % BOOTSTRAP_PARTS
    whole = np.bincount(parts, worth, BOOTSTRAP_PARTS)
    of_them = np.bincount(parts, worth * came_back, BOOTSTRAP_PARTS)
    weights = np.random.default_rng([seed, 11]).standard_exponential((DRAWS, BOOTSTRAP_PARTS))
    shares = np.append(of_them.sum() / whole.sum(), (weights @ of_them) / (weights @ whole))
    like_them = Message("Further customers like those who have come back, at no cost of winning them; they hold "
        "{share:percent} of what is still to come. It can never be more than 5% unless costs are fixed or customers "
        "have to be won: 5% more customers are 5% more contribution.", share=float(shares[0]))  # fmt: skip
    return from_draws(claimed, {DATA: MORE_REGULARS * shares}, credible_level, assumptions=(like_them,))


@Claim(
    Message("Winning a customer costs at least 5 times as much as keeping one for a year."),
    article=Message("Keeping a customer is 5 times cheaper than winning one; elsewhere 6, 7 or 10 times."),
    source=Message("The earliest trace is TARP, late 1980s. Rival figures are 7 to 9, 8 to 10, 11 and 5 to 25 times: "
        "it is not a constant."),
    found=Message("winning costs {estimate:interval decimal1} times as much as keeping"),
    range=Range(LEAST_TIMES, np.inf), unit="ratio", known=c.SECOND_HAND, trust=c.LOW,
)  # fmt: skip
def keeping_cheaper(
    claimed, orders, economics_config, retention_config, credible_level, seed, customer_tables=None
) -> Verdict:
    """Cost of winning one customer over that of keeping one for a year; else the break-even.

    Winning costs what the table of spend says of the last year, with as many new customers as a Poisson process brings
    (a gamma posterior of their rate); without a table what is configured.
    """
    winning, keeping = economics_config.acquisition_cost, retention_config.cost_per_customer_year
    rests_on = (prices_configured(economics_config, retention_config),)
    if spent := spent_on_winning(orders, customer_tables and customer_tables.acquisition):
        winning = spent["spend"] / spent["customers"]
        used = economics_config.model_copy(update={"acquisition_cost": winning})
        rests_on = (Message("Over the last year of spend {customers:integer} new customers cost {spend:money}, which "
            "is {winning:money} for each; this is used here, and not what is configured.",
            winning=winning, **spent), prices_configured(used, retention_config))  # fmt: skip
    if not (winning > 0 and keeping > 0):
        reason = Message("Orders do not show what winning or keeping a customer costs. Set "
            "`economics.acquisition_cost` (or `data.acquisition`) and `retention.cost_per_customer_year`.",
            code="claim.reason.costs_not_configured")  # fmt: skip
        return not_testable(reason, _break_even(winning, keeping), assumptions=rests_on)
    saved = ()
    if retention_config.gain > 0 and retention_config.gain_kind == "points":
        saved = (Message("Everyone is paid for, but only {gain:percent1} stay because of it: that is "
            "{cost:money} for each customer who would have left.",
            gain=retention_config.gain, cost=keeping / retention_config.gain),)  # fmt: skip
    if spent:
        rate = np.random.default_rng([seed, 12]).gamma(spent["customers"], size=DRAWS)
        draws = np.append(winning, spent["spend"] / rate) / keeping
        return from_draws(claimed, {DATA: draws}, credible_level, assumptions=rests_on, details=saved)
    return as_configured(claimed, winning / keeping, credible_level, assumptions=rests_on, details=saved)


@Claim(
    Message("At most 19% of the marketing budget goes to keeping customers."),
    article=Message("Only 19% of the marketing budget goes to keeping customers."),
    source=Message("The source of the 19% was not found."),
    found=Message("{estimate:estimate percent1} of what winning and keeping cost went to keeping customers"),
    range=Range(0.0, 0.19),
)  # fmt: skip
def budget_share_for_keeping(claimed, orders, retention_config, credible_level, customer_tables=None) -> Verdict:
    """Cost of keeping those who ordered in the last year, over that and the spend on winning customers in it."""
    spent = spent_on_winning(orders, customer_tables and customer_tables.acquisition)
    each = retention_config.cost_per_customer_year
    no_response = Message("Orders do not show what a budget brings. It would take budgets that were varied at random, "
        "or at least their course over time.")  # fmt: skip
    if not (spent and each):
        return not_testable(Message("How a budget is shared needs the spend on winning customers (`data.acquisition`) "
            "and what keeping one costs a year (`retention.cost_per_customer_year`).",
            code="claim.reason.costs_not_configured"), assumptions=(no_response,))  # fmt: skip
    last_order = orders.histories.table["last_order"]
    kept = int((last_order > np.datetime64(orders.observation_end) - np.timedelta64(365, "D")).sum())
    share = kept * each / (kept * each + spent["spend"])
    told = Message("Keeping {kept:integer} customers who ordered in the last year, at {each:money} a year as "
        "configured, beside {spend:money} spent on winning customers.",
        kept=kept, each=each, spend=spent["spend"])  # fmt: skip
    return as_configured(claimed, share, credible_level, assumptions=(told, no_response))


def _break_even(winning: float, keeping: float) -> Message:
    if winning > 0:
        return Message("Winning a customer costs {winning:money}; that is 5 times as much where keeping one for a "
            "year costs {at_five:money}, and 10 times where it costs {at_ten:money}.",
            winning=winning, at_five=winning / LEAST_TIMES, at_ten=winning / MOST_TIMES)  # fmt: skip
    if keeping > 0:
        return Message("Keeping a customer for a year costs {keeping:money}; winning one costs 5 times as much from "
            "{at_five:money} on, and 10 times from {at_ten:money} on.",
            keeping=keeping, at_five=keeping * LEAST_TIMES, at_ten=keeping * MOST_TIMES)  # fmt: skip
    return Message("It would be true if winning a customer cost you at least 5 times what you spend on keeping one "
        "for a year.")  # fmt: skip
