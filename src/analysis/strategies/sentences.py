"""What is said of strategies in words: what a company does, what it brings, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING

from scipy.stats import norm

from analysis.config.assumptions import BY_NAME
from analysis.config.strategies import Strategy
from analysis.strategies.decision import DO, DO_NOT, EITHER, FIND_OUT_FIRST, TRY_FIRST, Advice
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.strategies.comparison import StrategyComparison
    from analysis.strategies.experiment import ExperimentResult

NAMES = {
    "nothing": Message("Go on as today"),
    "promotion": Message("Discount weeks"),
    "points": Message("Points"),
    "members": Message("A club"),
    "gift": Message("A surprise gift"),
    "expectation": Message("Better service"),
    "both": Message("Discount weeks and better service"),
}
COMPONENTS = {
    "given_away": Message("Margin given away on orders that would have come anyway"),
    "extra_orders": Message("Extra orders, and orders that come sooner"),
    "retention": Message("Customers who stay longer or shorter"),
    "newcomers": Message("New customers who come anyway"),
    "won": Message("Customers won by promotions"),
    "referred": Message("Referred customers"),
    "service": Message("Cost of better service and gifts on orders"),
    "invested": Message("Investment in customers"),
    "programme": Message("Programme"),
}
LINES = {
    "newcomers": Message("With the new customers who come anyway"),
    "rival": Message("If a rival attacks"),
    "standard": Message("If others get better faster than until now"),
}
ORIGINS = {
    "estimate": Message("estimated from these data"),
    "given": Message("stated in the configuration"),
    "assumption": Message("an assumption"),
}
FORMS = {
    DO_NOT: Message("Do not"),
    TRY_FIRST: Message("Try it on some first"),
    FIND_OUT_FIRST: Message("Find out first"),
    EITHER: Message("Either; take the cheaper"),
    DO: Message("Do it"),
}
UNITS = {"order": Message("an order"), "gift": Message("a gift"), "year": Message("a year")}
GROUPS = {"all": Message("all customers"), "top_tenth": Message("the most valuable tenth")}
MEASURED = {"margin": Message("their margin"), "orders": Message("their orders at the mean margin")}
VERDICTS = {
    "better": "**{arm}** earned more than {control}: {difference:interval margin} of margin a customer.",
    "worse": "**{arm}** earned less than {control}: {difference:interval margin} of margin a customer.",
    "undecided": "**{arm}** and {control} cannot be told apart: {difference:interval margin} a customer.",
}


MOST_IN_FULL = 6  # strategies
SELDOM = 0.05  # a chance below which tenths would say "never"


# --- what is done ---


def name_of(strategy: str) -> Message | str:
    """A strategy by its name: in the reader's language, or as its owner calls it.

    >>> print(name_of("points_and_gift"))
    Points + A surprise gift
    """
    one, _, other = strategy.partition("_and_")
    if other and {one, other} <= set(NAMES):
        return Message("{one} + {other}", one=NAMES[one], other=NAMES[other])
    return NAMES.get(strategy, strategy)


def done_in(strategy: Strategy) -> Message:
    """What the company does, in plain words.

    >>> from analysis.config.strategies import Experience, Promotion
    >>> from analysis.words import reader
    >>> print(done_in(Strategy("sale", Promotion(depth=0.2, every_weeks=8))))
    20% off for 1 week every 8 weeks, for 40% of customers
    >>> with reader("en", "EUR"):
    ...     print(done_in(Strategy("better", experience=Experience(lift=0.5, invested_per_order=0.4))))
    €0.40 more an order for delivery, answers and fewer mistakes: from average to better than 69% of the trade
    """
    parts = [*_promised_in(strategy), *_bettered_in(strategy), *_given_in(strategy)]
    if not parts:
        return Message("nothing new")
    return reduce(lambda one, other: Message("{one}; {other}", one=one, other=other), parts)


def _promised_in(strategy: Strategy) -> Iterator[Message]:
    deal = strategy.promotion
    if deal is None:
        return
    numbers = {"depth": deal.depth, "share": deal.reach, "lasts": deal.lasts_weeks, "every": deal.every_weeks}
    if deal.depth and deal.lasts_weeks == deal.every_weeks:
        yield Message("{depth:percent} off at any time, for {share:percent} of customers", **numbers)
    elif deal.depth:
        yield Message(
            "{depth:percent} off for {lasts:weeks} every {every:weeks}, for {share:percent} of customers", **numbers
        )
    if deal.points:
        yield Message("points worth {points:percent1} on every order", points=deal.points)
    if cost := deal.programme_cost_per_year:
        yield Message("a programme that costs {cost:money} a year", cost=cost)


def _bettered_in(strategy: Strategy) -> Iterator[Message]:
    better = strategy.experience
    if better is None:
        return
    by_order, by_customer = better.invested_per_order, better.invested_per_customer_year
    numbers = {"better": float(norm.cdf(better.lift)), "cost": by_order or 0.0}
    if better.lift and by_order:
        yield Message(
            "{cost:money} more an order for delivery, answers and fewer mistakes: from average to better than "
            "{better:percent} of the trade",
            **numbers,
        )
    elif better.lift:
        yield Message(
            "delivery, answers and fewer mistakes: from average to better than {better:percent} of the trade",
            **numbers,
        )
    elif by_order:
        yield Message("steadier service for {cost:money} an order", **numbers)
    if by_customer:
        yield Message("{cost:money} a customer a year", cost=by_customer)


def _given_in(strategy: Strategy) -> Iterator[Message]:
    gift = strategy.gift
    if gift is not None and gift.cost:
        yield Message("a gift of {cost:money} with order {order:integer}", cost=gift.cost, order=gift.order)
    elif gift is not None:
        yield Message("a gift with order {order:integer}", order=gift.order)


# --- what it brings ---


def decision_sentences(found: StrategyComparison) -> list[Message]:
    """What to do, in a director's words: the one thing to do, on what it rests, and the advice on each strategy.

    Of more than six, what would make those built in pay that are advised against is left to the table of break-evens.
    """
    rows = found.to_frame().query("strategy != 'nothing'").itertuples()
    labels = {row.strategy: (row.name, row.label) for row in rows}
    brief = {name for name in labels if len(labels) > MOST_IN_FULL and name_of(name) != name}
    brief |= {each.strategy for each in _ranked(found, DO)[:1] if _has_price(each)}  # which the first sentence gives
    said = [advice_sentence(found.advice[name], *labels[name], brief=name in brief) for name in labels]
    return [_first(found), basis(found), *said]


FIRST = {
    DO: Message(
        "**Do this: {name}.** It is expected to earn some {difference:estimate rounded_money} more over "
        "{years:years} ({difference:range rounded_money}), new customers included."
    ),
    TRY_FIRST: Message("**Try this first, on some customers: {name}.** A test is worth more than it costs."),
    FIND_OUT_FIRST: Message("**Find out first: {what}.** Whether “{name}” pays depends on it."),
    EITHER: Message("**It makes hardly any difference what you do; take what is cheapest.**"),
}
"""The first of these that is advised for any strategy is the one thing to do."""
PRICED = Message(
    "**Do this if it costs {most:margin} {unit} or less: {name}.** Reckoned at {cost:money}, it is expected to earn "
    "some {difference:estimate rounded_money} more over {years:years} ({difference:range rounded_money}), new "
    "customers included."
)


def _first(found: StrategyComparison) -> Message:
    years = found.years
    for form, sentence in FIRST.items():
        if best := next(iter(_ranked(found, form)), None):
            said = PRICED if form == DO and _has_price(best) else sentence
            return said.with_values(
                name=name_of(best.strategy), difference=best.difference, years=years, cost=best.cost,
                most=best.most.estimate, unit=UNITS[best.unit], what=best.asked and best.asked.label,
            )  # fmt: skip
    if any(each.difference.estimate > 0 for each in found.advice.values()):
        return Message(
            "**Go on as today.** What may earn more over {years:years} loses too often, and no test is worth its cost.",
            years=years)  # fmt: skip
    return Message("**Go on as today.** Nothing that was compared is expected to earn more over {years:years}.",
                   years=years)  # fmt: skip


def _ranked(found: StrategyComparison, form: str) -> list[Advice]:
    """The advice of one form, the strategy that is expected to earn most first."""
    given = (each for each in found.advice.values() if each.form == form)
    return sorted(given, key=lambda each: -each.difference.estimate)


def advice_sentence(advice: Advice, name, label, *, brief: bool = False) -> Message:
    """The advice on one strategy; what is to be done is described, what is not is named, if ``brief`` that alone."""
    said = {"name": name, "label": label, "amount": abs(advice.difference.estimate), "loses": _loses(advice.loss)}
    if advice.form == DO_NOT:
        against = Message(
            "**{name}: not without knowing more.** Some {amount:rounded_money} more, but {loses}: too little for "
            "that risk."
            if advice.difference.estimate > 0
            else "**{name}: do not.** Some {amount:rounded_money} less, {loses}.",
            **said
        )  # fmt: skip
        return against if brief else _with_what_pays(against, _where_it_pays(advice))
    if advice.form == TRY_FIRST:
        trial = advice.trial
        tried = Message(
            "**{name}** ({label}): **try it on some first**, on half of {customers:integer} customers ({group}) for "
            "{weeks:weeks}, chosen by lot, and compare {outcome}.",
            customers=trial.customers, group=GROUPS[trial.group], weeks=trial.weeks, outcome=MEASURED[trial.outcome],
            **said
        )  # fmt: skip
        return _with_what_pays(tried, _margin_needed(advice))
    if advice.form == FIND_OUT_FIRST:
        return Message(
            "**{name}** ({label}): **find out first: “{what}”**, {how}. Knowing it is worth some "
            "{worth:rounded_money}.",
            what=advice.asked.label, how=advice.asked.ask, worth=advice.worth, **said
        )  # fmt: skip
    if advice.form == EITHER:
        return Message(
            "**{name}: little difference to “{other}”; take the cheaper.** Which earns more cannot be told.",
            other=name_of(advice.other), **said
        )  # fmt: skip
    if advice.other:
        return Message(
            "**{name}: do it, unless you do “{other}”**, which earns more. Some {amount:rounded_money} more than today "
            "is expected, {loses}.",
            other=name_of(advice.other), **said
        )  # fmt: skip
    done = Message("**{name}** ({label}): **do it**, {loses}.", **said)
    return done if brief else _with_what_pays(done, _where_it_pays(advice))


def _with_what_pays(advised: Message, where: Message) -> Message:
    return Message("{advised} It pays only {where}.", advised=advised, where=where)


def _where_it_pays(advice: Advice) -> Message:
    if not _has_price(advice):
        return _margin_needed(advice)
    numbers = {"most": advice.most.estimate, "unit": UNITS[advice.unit], "cost": advice.cost}
    return Message("at a cost of {most:margin} {unit} or less; {cost:money} is reckoned with", **numbers)


def _has_price(advice: Advice) -> bool:
    """Whether it pays below a price of an order or a gift."""
    return advice.unit != "year" and advice.most.estimate > 0


def _margin_needed(advice: Advice) -> Message:
    return Message(
        "if customers bring {need:percent1} more margin; we judge it to be {likely:range percent1}",
        need=max(advice.need.estimate, 0.0), likely=advice.likely,
    )  # fmt: skip


def _loses(chance: float) -> Message:
    """How often a strategy loses, in words where a tenth of the cases would round to none or to all."""
    if chance <= SELDOM:
        return Message("with a loss in hardly any case")
    if chance >= 1 - SELDOM:
        return Message("with a loss in nearly every case")
    return Message("with a loss in {tenths:integer} of 10 cases", tenths=round(10 * chance))


def basis(found: StrategyComparison) -> Message:
    """On what the chances rest."""
    estimated = [BY_NAME[name].label for name, origin in found.parameters.origin.items() if origin == "estimate"]
    if estimated:
        return Message(
            "These ranges and chances are our judgement. Your data tell this much of it: "
            "{names:phrases}. Begin small where you can.",
            names=estimated,
        )
    return Message("These ranges and chances are our judgement, not measured in your data: begin small where you can.")


def price_sentence(advice: Advice, name) -> Message:
    """What a strategy may cost at most."""
    return Message(
        "{name}: may cost at most {most:interval margin} {unit}; {cost:money} is reckoned with.",
        name=name, most=advice.most, unit=UNITS[advice.unit], cost=advice.cost,
    )  # fmt: skip


def experiment_sentences(result: ExperimentResult) -> list[Message]:
    """For each arm beside the control, whether it earned more, how much, and how that was checked."""
    said = []
    for each in result.differences.itertuples():
        numbers = {"arm": each.arm, "control": result.control.name, "difference": each.adjusted, "plain": each.plain}
        said.append(Message(VERDICTS[each.verdict], **numbers))
        said.append(Message("Without the adjustment by the margin before it is {plain:interval margin}.", **numbers))
        if each.before is not None:
            said.append(
                Message(
                    "In the {days:integer} days before, where there can be none, it was {before:interval margin}.",
                    days=result.days_before, before=each.before
                )
            )  # fmt: skip
    return said
