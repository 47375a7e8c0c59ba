"""What is said of strategies in words: what a company does, what it brings, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.config.assumptions import BY_NAME
from analysis.config.strategies import NOTHING, Strategy
from analysis.interval import Interval
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.strategies.choice import StrategyChoice
    from analysis.strategies.comparison import StrategyComparison
    from analysis.strategies.decision import Ranking
    from analysis.strategies.experiment import ExperimentResult
    from analysis.strategies.simulation import Simulation

NAMES = {
    "nothing": Message("Go on as today"),
    "promotion": Message("Promotion"),
    "expectation": Message("Better service"),
    "both": Message("Promotion and better service"),
}
VIEWS = {
    ("BG/NBD", "per_purchase"): Message("BG/NBD, leaving at orders"),
    ("BG/NBD", "calendar"): Message("BG/NBD, leaving over time"),
    ("MBG/NBD", "per_purchase"): Message("MBG/NBD, leaving at orders"),
}
COMPONENTS = {
    "given_away": Message("Margin given away on orders that would have come anyway"),
    "extra_orders": Message("Extra orders in promotion weeks"),
    "extra_from_rivals": Message("Extra orders taken from rivals"),
    "borrowed": Message("Orders missing after promotions"),
    "pace": Message("Faster or slower buying after an encounter"),
    "retention": Message("Customers who stay longer or shorter"),
    "rival": Message("Customers kept from or lost to the rival"),
    "won": Message("Customers won by promotions"),
    "referred": Message("Referred customers"),
    "service": Message("Cost of better service on orders"),
    "invested": Message("Investment in customers"),
    "programme": Message("Programme and customer database"),
}
ORIGINS = {
    "posterior": Message("from the fitted model"),
    "estimate": Message("estimated from these data"),
    "given": Message("stated in the configuration"),
    "assumption": Message("an assumption"),
    "capped": Message("an assumption (range capped by the data)"),
}
ALMOST_SURE, LIKELY = 0.95, 0.8
"""Chances from which on a loss, or a gain, is called almost certain, and likely."""
VERDICTS = {
    "better": "**{arm}** earned more than {control}: {difference:interval money} of margin a customer.",
    "worse": "**{arm}** earned less than {control}: {difference:interval money} of margin a customer.",
    "undecided": "**{arm}** and {control} cannot be told apart: {difference:interval money} a customer.",
}


# --- what is done ---


def name_of(strategy: str) -> Message | str:
    """A strategy by its name: in the reader's language, or as its owner calls it."""
    return NAMES.get(strategy, strategy)


def view_of(view: Ranking | Simulation) -> Message:
    """A view by its purchase model and how customers leave."""
    return VIEWS[view.model, view.structure]


def done_in(strategy: Strategy) -> Message:
    """What the company does, in plain words.

    >>> from analysis.config.strategies import Promotion
    >>> print(done_in(Strategy("sale", Promotion(depth=0.2, every_weeks=8))))
    20% off for 1 week every 8 weeks, for 80% of customers
    """
    parts = [*_promised_in(strategy), *_bettered_in(strategy)]
    if not parts:
        return Message("nothing new")
    return parts[0] if len(parts) == 1 else Message("{parts:list}", parts=parts)


def _promised_in(strategy: Strategy) -> Iterator[Message]:
    deal = strategy.promotion
    if deal is None:
        return
    numbers = {"depth": deal.depth, "share": deal.coverage, "lasts": deal.lasts_weeks, "every": deal.every_weeks}
    if deal.depth and deal.lasts_weeks == deal.every_weeks:
        yield Message("{depth:percent} off at any time, for {share:percent} of customers", **numbers)
    elif deal.depth:
        yield Message(
            "{depth:percent} off for {lasts:weeks} every {every:weeks}, for {share:percent} of customers", **numbers
        )
    if deal.points:
        yield Message("points worth {points:percent1} on every order", points=deal.points)
    if cost := deal.programme_cost_per_year:
        yield Message("a programme that costs {cost:rounded_money} a year", cost=cost)


def _bettered_in(strategy: Strategy) -> Iterator[Message]:
    better = strategy.experience
    if better is None:
        return
    by_order, by_customer, fixed = (
        better.invested_per_order,
        better.invested_per_customer_year,
        better.database_per_year,
    )
    if better.lift < 0:
        yield Message("serving customers worse")
    elif not (by_order or by_customer or fixed):
        yield Message("serving customers better, at no cost")
    if by_order:
        yield Message("serving customers better for {cost:money} an order", cost=by_order)
    if by_customer:
        yield Message("serving customers better for {cost:money} a customer a year", cost=by_customer)
    if fixed:
        yield Message("a customer database for {cost:rounded_money} a year", cost=fixed)


def labelled(table: pd.DataFrame, strategies: Sequence[Strategy]) -> pd.DataFrame:
    """The table of a decision with names and labels, own strategies first, going on as today last."""
    of = table["strategy"].map({each.name: each for each in strategies})
    told = {
        "name": of.map(lambda each: name_of(each.name)),
        "label": of.map(done_in),
        "is_own": of.map(lambda s: s.is_own),
    }
    order = sorted(table.index, key=lambda row: (of[row] == NOTHING, not of[row].is_own))
    first = ["strategy", "name", "label", "is_own"]
    return table.assign(**told).loc[order, [*first, *table.columns.drop("strategy")]].reset_index(drop=True)


# --- what it brings ---


def decision_sentences(choice: StrategyChoice | StrategyComparison) -> list[Message]:
    """What to do, in a director's words: the advice, what each strategy brings, and what would settle it."""
    rows = choice.to_frame().query("strategy != 'nothing'").itertuples()
    return [_advice(choice), *(_brought_by(row, choice.years) for row in rows), *_next(choice)]


def _advice(choice: StrategyChoice | StrategyComparison) -> Message:
    found, years = choice.decision, choice.years
    names = [name_of(name) for name in found.contenders]
    if found.recommended == NOTHING.name:
        return Message("**Go on as today.** Nothing that was compared earns more over {years:years}.", years=years)
    if name := found.recommended:
        return Message("**Do this: {name}.** It earns most over {years:years}.", name=name_of(name), years=years)
    if name := found.held_back:
        return Message("**Probably best: {name}.** The calculation is too coarse to be sure.", name=name_of(name))
    if NOTHING.name in found.contenders:
        return Message(
            "**Nothing is sure to earn more than going on as today.** Still possible as the best: {names:list}.",
            names=names,
        )
    return Message("**It pays to do something; what is best is not sure.** Still possible: {names:list}.", names=names)


def _brought_by(row: Any, years: float) -> Message:
    """What one strategy brings against going on as today, by how likely a loss is."""
    ends = Interval(row.difference, row.lower, row.upper, row.level)
    said = {"name": row.name, "label": row.label, "amount": abs(row.difference), "ends": ends, "years": years}
    said["loss"] = loss = row.probability_of_loss
    if row.lower == row.upper == 0:
        return Message("**{name}** ({label}) changes nothing.", **said)
    if loss >= ALMOST_SURE:
        return Message(
            "**{name}** ({label}) almost certainly loses money: some {amount:rounded_money} over {years:years}.", **said
        )
    if loss >= LIKELY:
        return Message(
            "**{name}** ({label}) probably loses money, some {amount:rounded_money} over {years:years}; the chance of "
            "a loss is {loss:percent}.",
            **said,
        )
    if loss <= 1 - ALMOST_SURE and row.difference > 0:
        return Message(
            "**{name}** ({label}) almost certainly earns more: some {amount:rounded_money} over {years:years}.", **said
        )
    return Message(
        "**{name}** ({label}) may win or lose: {ends:range rounded_money} over {years:years}; the chance of a loss is "
        "{loss:percent}.",
        **said,
    )


def _next(choice: StrategyChoice | StrategyComparison) -> Iterator[Message]:
    found, plan = choice.decision, getattr(choice, "plan", None)
    if plan is not None and found.recommended is None:
        first, second = (name_of(arm) for arm in plan.arms)
        if best := plan.shortest:
            yield Message(
                "**What would settle it:** try “{first}” against “{second}” for {length:weeks}, on {each:rounded} "
                "customers each, chosen by lot.",
                first=first, second=second, length=best.weeks, each=best.customers_per_arm
            )  # fmt: skip
        else:
            yield Message(
                "**What would settle it:** no test on these customers; they are too few to show the difference between "
                "“{first}” and “{second}”.",
                first=first, second=second
            )  # fmt: skip
    for point in found.turning_points[:1] if found.recommended is None else ():
        below, above = name_of(point.below), name_of(point.above)
        yield Message(
            "**Find out first:** {what}. It decides most between “{below}” and “{above}”.",
            what=BY_NAME[point.parameter].label, below=below, above=above
        )  # fmt: skip
    yield Message(
        "What a strategy does to customers is mostly assumed and not observed; the chances say how sure that leaves us."
    )


def turning_sentences(choice: StrategyChoice | StrategyComparison) -> list[Message]:
    """Values of single assumptions at which the two strategies in front change places."""
    first, second = (name_of(name) for name in choice.decision.front)
    alone = Message(
        "No single assumption, moved over its range, changes the order of “{first}” and “{second}” on average.",
        first=first, second=second
    )  # fmt: skip
    return [
        Message(
            "{parameter}: below {value:interval decimal2} ({unit}) “{below}” is better on average, above it “{above}”.",
            parameter=BY_NAME[point.parameter].label, unit=BY_NAME[point.parameter].unit, value=point.value,
            below=name_of(point.below), above=name_of(point.above)
        )
        for point in choice.decision.turning_points
    ] or [alone]  # fmt: skip


def rule_sentence(choice: StrategyChoice) -> Message:
    """Whether the articles' rule holds at what the company's better service costs."""
    found = choice.map
    place = int(np.argmax(found.probability)) if found.holds_from is None else found.lifts.index(found.holds_from)
    numbers = {"cost": found.cost, "lift": found.lifts[place], "chance": found.probability[place]}
    if found.holds_from is None:
        return Message(
            "**The articles' rule.** At a cost of {cost:percent1} of an order, no improvement on the map is sure to "
            "beat both the promotion and doing nothing. It is likeliest to with an improvement by {lift:number}, with "
            "a probability of {chance:percent}.",
            **numbers,
        )
    return Message(
        "**The articles' rule.** At a cost of {cost:percent1} of an order, being better beats both the promotion and "
        "doing nothing on average from an improvement by {lift:number} standard deviations on; there with a "
        "probability of {chance:percent}.",
        **numbers,
    )


def experiment_sentences(result: ExperimentResult) -> list[Message]:
    """For each arm beside the control, whether it earned more, how much, and how that was checked."""
    said = []
    for each in result.differences:
        numbers = {"arm": each.arm, "control": result.control.name, "difference": each.adjusted, "plain": each.plain}
        said.append(Message(VERDICTS[each.verdict], **numbers))
        said.append(Message("Without the adjustment by the margin before it is {plain:interval money}.", **numbers))
        if each.before is not None:
            said.append(
                Message(
                    "In the {days:integer} days before, where there can be none, it was {before:interval money}.",
                    days=result.days_before, before=each.before
                )
            )  # fmt: skip
    return said
