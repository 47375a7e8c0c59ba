"""Loyalty strategies: what is done, what it costs, and the configuration's section that compares them.

The same classes are written in Python and read from a configuration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from analysis.config.assumptions import AssumptionsConfig, Share
from analysis.config.kinds import Cost, Identifier, WrittenSection
from analysis.config.tables import LoyaltyTablesConfig

LONGEST_HORIZON = 1_040
"""Weeks after which nothing of a strategy begins or ends."""
Week = Annotated[int, Field(ge=0, le=LONGEST_HORIZON)]
Weeks = Annotated[int, Field(ge=1, le=LONGEST_HORIZON)]


class Promotion(WrittenSection):
    """The deal side of a strategy.

    Attributes
    ----------
    depth
        Share of the list price taken off an order in a promotion week, on top of today's deal; 0 for points alone.
    every_weeks, lasts_weeks
        A promotion begins every so many weeks and lasts so many; equal ones are a permanent deal.
    reach
        Share of customers who use it when they order.
    points
        Points given on every order, worth this share of its list price.
    programme_cost_per_year
        Fixed cost of running it [currency per year].

    Examples
    --------
    >>> round(Promotion(depth=0.2, every_weeks=4, reach=0.2).given_per_order, 9)
    0.01
    """

    depth: Share = 0.2
    every_weeks: Weeks = 8
    lasts_weeks: Weeks = 1
    reach: Share = 0.4
    points: Share = 0.0
    programme_cost_per_year: Cost = 0.0

    @model_validator(mode="after")
    def _possible(self) -> Promotion:
        wrong = []
        if self.lasts_weeks > self.every_weeks:
            wrong.append(f"lasts_weeks == {self.lasts_weeks}, must be at most every_weeks == {self.every_weeks}")
        if self.depth + self.points > 1:
            wrong.append(f"depth and points take {self.depth + self.points:.0%} off the price together, at most 100%")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def given_per_order(self) -> float:
        """Share of the list value of today's orders that it gives away, before any of them changes."""
        return self.depth * self.reach * (self.lasts_weeks / self.every_weeks) + self.points


class Experience(WrittenSection):
    """The expectation side of a strategy: being better than the sector's standard, and what that costs.

    Attributes
    ----------
    lift
        How much better an encounter is planned to be than today [standard deviations of the sector's quality].
    invested_per_customer_year, invested_per_order
        Cost for each customer who is still one [currency per year], and of every order [currency]. Where neither is
        given, being better gets the budget of the promotion that it is compared with.
    spread
        Standard deviation of what single encounters turn out to be [standard deviations of the sector's quality]; None
        leaves encounters as uneven as they are today (the assumption ``unevenness``).

    Examples
    --------
    >>> import analysis as rl
    >>> rl.Strategy("better", experience=rl.Experience(invested_per_order=0.4)).experience.lift
    0.5
    """

    lift: Annotated[float, Field(ge=-5, le=5)] = 0.5
    invested_per_customer_year: Cost | None = None
    invested_per_order: Cost | None = None
    spread: Annotated[float, Field(ge=0, le=5)] | None = None


class Gift(WrittenSection):
    """A surprise at one order of every customer, such as the second: how much better it makes it, and what it costs.

    Attributes
    ----------
    order
        At which order of a customer's life it is given.
    lift
        How much better that encounter is [standard deviations of the sector's quality].
    cost
        Of one gift [currency]; where it is not given, what a used discount costs on an order of mean value.
    """

    order: Annotated[int, Field(ge=2, le=100)] = 2
    lift: Annotated[float, Field(ge=0, le=5)] = 1.0
    cost: Cost | None = None


class Strategy(WrittenSection):
    """A strategy with its sides: a promotion, a better experience, a gift; one without any goes on as today.

    Attributes
    ----------
    name
        At most 40 lowercase letters, digits and ``_``.
    promotion, experience, gift
        Its sides.
    starts_week, ends_week
        First week of promotion and experience, and the week before which they end; None lets them last.

    Examples
    --------
    >>> Strategy("club", promotion=Promotion(depth=0.1, every_weeks=4)).promotion.lasts_weeks
    1
    """

    name: Identifier
    promotion: Promotion | None = None
    experience: Experience | None = None
    gift: Gift | None = None
    starts_week: Week = 0
    ends_week: Weeks | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Strategy:
        if self.ends_week is not None and self.ends_week <= self.starts_week:
            raise ValueError(f"ends_week == {self.ends_week}, must be after starts_week == {self.starts_week}")
        return self

    def with_budget(self, per_order: float, per_gift: float) -> Strategy:
        """The same with so much [currency] to spend on being better, or on a gift, where nobody states a cost."""
        update, better = {}, self.experience
        if better is not None and {better.invested_per_customer_year, better.invested_per_order} == {None}:
            update["experience"] = better.model_copy(update={"invested_per_order": per_order})
        if self.gift is not None and self.gift.cost is None:
            update["gift"] = self.gift.model_copy(update={"cost": per_gift})
        return self.model_copy(update=update) if update else self

    @property
    def is_own(self) -> bool:
        """Whether it is none of those that every configuration knows."""
        return not set(self.name.split("_and_")) <= set(BUILT_IN)

    @property
    def fixed_per_year(self) -> float:
        """Of the programme [currency per year]."""
        return self.promotion.programme_cost_per_year if self.promotion else 0.0


NOTHING = Strategy("nothing")
COMPARED = ("promotion", "points", "members", "gift", "expectation", "both")
BUILT_IN = ("nothing", *COMPARED)


def built_in_strategies(promotion: Promotion, experience: Experience, gift: Gift) -> dict[str, Strategy]:
    """Discount weeks, points, a club, a gift, better service, and both discount weeks and better service, by name.

    >>> list(built_in_strategies(Promotion(), Experience(), Gift()))
    ['nothing', 'promotion', 'points', 'members', 'gift', 'expectation', 'both']
    """
    points = Promotion(depth=0.0, points=promotion.points or 0.03)
    club = Promotion(depth=min(0.1, promotion.depth), every_weeks=4, reach=0.32, points=0.01)
    sides = {
        "promotion": {"promotion": promotion},
        "points": {"promotion": points},
        "members": {"promotion": club, "experience": Experience(lift=0.2)},
        "gift": {"gift": gift},
        "expectation": {"experience": experience},
        "both": {"promotion": promotion, "experience": experience},
    }
    return {"nothing": NOTHING} | {name: Strategy(name, **each) for name, each in sides.items()}


def together(name: str, one: Strategy, other: Strategy) -> Strategy:
    """Two strategies at once: the deeper of their promotions with the points of both, the better service, the gift.

    >>> known = built_in_strategies(Promotion(), Experience(), Gift())
    >>> both = together("promotion_and_gift", known["promotion"], known["gift"])
    >>> both.promotion.depth, both.gift.order
    (0.2, 2)
    """
    deals = [each.promotion for each in (one, other) if each.promotion]
    served = [each.experience for each in (one, other) if each.experience]
    gift, deal, better = one.gift or other.gift, None, None
    if deals:
        deal = max(deals, key=lambda each: each.depth)
        cost = sum(each.programme_cost_per_year for each in deals)
        points = sum(each.points for each in deals)
        deal = deal.model_copy(update={"points": points, "programme_cost_per_year": cost})
    if served:
        better = max(served, key=lambda each: each.lift)
    return Strategy(name, deal, better, gift)


class StrategiesConfig(LoyaltyTablesConfig):
    """The comparison of loyalty strategies."""

    todays_deal: float | None = Field(default=None, ge=0, lt=1)
    compared: tuple[str, ...] = Field(default=COMPARED, min_length=1)
    promotion: Promotion = Promotion()
    experience: Experience = Experience()
    gift: Gift = Gift()
    own: tuple[Strategy, ...] = ()
    rival_depth: Annotated[float, Field(gt=0, le=1)] = 0.2
    finding_out_costs: Cost = 2_000.0
    assumptions: AssumptionsConfig = AssumptionsConfig()

    @model_validator(mode="after")
    def _consistent(self) -> StrategiesConfig:
        wrong = [
            f"compared: {name!r} is no built-in strategy, nor two of them as a_and_b; known are {', '.join(COMPARED)}"
            for name in self.compared
            if not (set(parts := name.split("_and_")) <= set(COMPARED) and len(parts) <= 2)
        ]
        for own in self.own:
            if not own.is_own:
                wrong.append(f"own: name == {own.name!r} is built in; choose another")
            elif own.promotion is None and own.experience is None and own.gift is None:
                wrong.append(f"own: strategy {own.name!r} needs a promotion or an experience; without, it is 'nothing'")
        if self.experience.lift < 0:
            instead = "what makes it worse can be compared as a strategy of your own (strategies.own)"
            wrong.append(f"experience.lift == {self.experience.lift:g}, must be at least 0; {instead}")
        wrong += repeated_names(self.own, "own: strategy")
        wrong += problems_beside_today(self.named, self.todays_deal or 0.0)
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The built-in strategies that are compared, with their settings, then the configuration's own."""
        known = built_in_strategies(self.promotion, self.experience, self.gift)
        chosen = ((name, [known[part] for part in name.split("_and_")]) for name in dict.fromkeys(self.compared))
        return (*(each[0] if len(each) == 1 else together(name, *each) for name, each in chosen), *self.own)

    @property
    def stated(self) -> dict[str, Any]:
        """What is stated beside the strategies, by the names that ``compare_strategies`` takes."""
        names = ("todays_deal", "rival_depth", "assumptions", "finding_out_costs")
        return {name: getattr(self, name) for name in names}

    @property
    def named(self) -> dict[str, Strategy]:
        """What a problem begins with -> the strategy that has it, of all that have settings here."""
        ours = {"": Strategy("both", self.promotion, self.experience)}
        return ours | {f"own {own.name!r}: ": own for own in self.own}


def repeated_names(strategies: tuple[Strategy, ...], what: str) -> list[str]:
    """Names that several strategies have."""
    names = Counter(strategy.name for strategy in strategies)
    return [f"{what} {name!r} is there {times} times" for name, times in names.items() if times > 1]


def problems_beside_today(named: Mapping[str, Strategy], todays_deal: float) -> list[str]:
    """Promotions that, with what orders save today, take more than the whole price off."""
    wrong = []
    for where, each in named.items():
        given = each.promotion.depth + each.promotion.points + todays_deal if each.promotion else 0.0
        if given > 1:
            wrong.append(
                f"{where}promotion: depth, points and todays_deal take {given:.0%} off the price, at most 100%"
            )
    return wrong


def problems_of_time(named: Mapping[str, Strategy], weeks: int, horizon: str) -> list[str]:
    """What would begin too late to be seen within ``weeks``; ``horizon`` says what these are."""
    return [
        f"{where}starts_week == {each.starts_week}, must be below {horizon} == {weeks}"
        for where, each in named.items()
        if each.starts_week >= weeks
    ]
