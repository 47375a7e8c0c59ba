"""What a company may do: a promotion, a better experience, both, or nothing new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.errors import UsageError


@dataclass(frozen=True)
class Promotion:
    """The deal side of a strategy.

    Attributes
    ----------
    depth
        Share of the list price taken off an order in a promotion week, on top of today's deal.
    every_weeks, lasts_weeks
        A promotion begins every so many weeks and lasts so many; equal ones are a permanent deal.
    coverage, redemption
        Share of customers whom a promotion reaches, and of these who use it when they order.
    points
        Points given on every order, worth this share of its list price.
    programme_cost_per_year
        Fixed cost of running it [currency per year].
    starts_week, ends_week
        First week, and the week before which it ends; None lets it last.
    """

    depth: float = 0.2
    every_weeks: int = 8
    lasts_weeks: int = 1
    coverage: float = 0.8
    redemption: float = 0.5
    points: float = 0.0
    programme_cost_per_year: float = 0.0
    starts_week: int = 0
    ends_week: int | None = None

    @property
    def reach(self) -> float:
        """Share of customers whom a promotion moves."""
        return self.coverage * self.redemption

    @property
    def given_per_order(self) -> float:
        """Share of the list value of today's orders that it gives away, before any of them changes."""
        return self.depth * self.reach * min(self.lasts_weeks / self.every_weeks, 1.0) + self.points


@dataclass(frozen=True)
class Experience:
    """The expectation side of a strategy: being better than the sector's standard, and what that costs.

    Attributes
    ----------
    lift
        How much better an encounter is planned to be than today [standard deviations of the sector's quality].
    invested_per_customer_year
        Cost for each customer who is still one [currency per year].
    invested_per_order
        Cost of every order of being better [currency].
    database_per_year
        Fixed cost of the customer database that personal service needs [currency per year].
    spread
        Standard deviation of what single encounters turn out to be [standard deviations of the sector's quality];
        None takes the assumption ``inconsistency`` times the lift.
    starts_week, ends_week
        First week, and the week before which it ends; None lets it last.
    """

    lift: float = 0.5
    invested_per_customer_year: float = 0.0
    invested_per_order: float = 0.0
    database_per_year: float = 0.0
    spread: float | None = None
    starts_week: int = 0
    ends_week: int | None = None


@dataclass(frozen=True)
class Strategy:
    """A strategy with its two sides; one without either goes on as today.

    Attributes
    ----------
    name
        ``nothing``, ``promotion``, ``expectation``, ``both``, or a name of the configuration.
    promotion, experience
        Its two sides; None where nothing new is done.
    """

    name: str
    promotion: Promotion | None = None
    experience: Experience | None = None


NOTHING = Strategy("nothing")
BUILT_IN = ("nothing", "promotion", "expectation", "both")


@dataclass(frozen=True)
class Attack:
    """A rival's deeper promotion.

    Attributes
    ----------
    rival_depth
        Share of the price that the rival takes off.
    first_week, last_week
        The weeks in which it does, both included, counted from 0.
    """

    rival_depth: float
    first_week: int
    last_week: int


def built_in_strategies(promotion: Promotion, experience: Experience) -> tuple[Strategy, ...]:
    """Nothing, the promotion, the better experience, and both.

    >>> [strategy.name for strategy in built_in_strategies(Promotion(), Experience())]
    ['nothing', 'promotion', 'expectation', 'both']
    """
    return (
        NOTHING,
        Strategy("promotion", promotion=promotion),
        Strategy("expectation", experience=experience),
        Strategy("both", promotion, experience),
    )


def refuse_impossible(
    strategies: Sequence[Strategy], weeks: int, todays_deal: float = 0.0, attack: Attack | None = None
) -> None:
    """Raise ``UsageError`` with everything that is wrong with strategies over a horizon of ``weeks``."""
    problems = problems_in_strategies(strategies, weeks, todays_deal, attack)
    if problems:
        raise UsageError(*problems)


def problems_in_strategies(
    strategies: Sequence[Strategy], weeks: int, todays_deal: float = 0.0, attack: Attack | None = None
) -> list[str]:
    """What is wrong with strategies, each with what is allowed."""
    problems = [f"horizon == {weeks} weeks, must be at least 1"] if weeks < 1 else []
    if not 0 <= todays_deal < 1:
        problems.append(f"today's deal == {todays_deal:g}, must be at least 0 and below 1 (a share of the list price)")
    names = Counter(strategy.name for strategy in strategies)
    problems += [f"strategy {name!r} is there {n} times; names must differ" for name, n in names.items() if n > 1]
    if not strategies or strategies[0] != NOTHING:
        problems.append("the first strategy must be 'nothing', with which the others are compared")
    for strategy in strategies:
        sides = []
        if strategy.promotion is not None:
            sides += _problems_in_promotion(strategy.promotion, weeks, todays_deal)
        if strategy.experience is not None:
            sides += _problems_in_experience(strategy.experience, weeks)
        problems += [f"strategy {strategy.name!r}: {problem}" for problem in sides]
    return problems + ([] if attack is None else _problems_in_attack(attack, weeks))


def _problems_in_promotion(promotion: Promotion, weeks: int, todays_deal: float) -> list[str]:
    shares = ("depth", "coverage", "redemption", "points")
    problems = [
        f"{name} == {getattr(promotion, name):g}, must be between 0 and 1"
        for name in shares
        if not 0 <= getattr(promotion, name) <= 1
    ]
    given = promotion.depth + promotion.points + todays_deal
    if not problems and given > 1:
        problems.append(f"depth, points and today's deal take {given:.0%} off the price together, must be at most 100%")
    if promotion.every_weeks < 1 or promotion.lasts_weeks < 1:
        problems.append("every_weeks and lasts_weeks must be at least 1")
    elif promotion.lasts_weeks > promotion.every_weeks:
        problems.append(
            f"lasts_weeks == {promotion.lasts_weeks}, must be at most every_weeks == {promotion.every_weeks}"
        )
    return problems + _problems_in_costs(promotion, ("programme_cost_per_year",)) + _problems_in_weeks(promotion, weeks)


def _problems_in_experience(experience: Experience, weeks: int) -> list[str]:
    costs = ("invested_per_customer_year", "invested_per_order", "database_per_year")
    problems = _problems_in_costs(experience, costs) + _problems_in_weeks(experience, weeks)
    if experience.spread is not None and experience.spread < 0:
        problems.append(f"spread == {experience.spread:g}, must be at least 0")
    return problems


def _problems_in_costs(side, names: tuple[str, ...]) -> list[str]:
    return [f"{name} == {getattr(side, name):g}, must be at least 0" for name in names if not getattr(side, name) >= 0]


def _problems_in_weeks(side, weeks: int) -> list[str]:
    problems = []
    if not 0 <= side.starts_week < max(weeks, 1):
        problems.append(f"starts_week == {side.starts_week}, must be at least 0 and below the horizon of {weeks} weeks")
    if side.ends_week is not None and side.ends_week <= side.starts_week:
        problems.append(f"ends_week == {side.ends_week}, must be after starts_week == {side.starts_week}")
    return problems


def _problems_in_attack(attack: Attack, weeks: int) -> list[str]:
    problems = []
    if not 0 < attack.rival_depth <= 1:
        problems.append(f"rival_depth == {attack.rival_depth:g}, must be above 0 and at most 1")
    if not 0 <= attack.first_week <= attack.last_week:
        problems.append(
            f"the rival's attack lasts from week {attack.first_week} to week {attack.last_week}; "
            "it must not end before it begins"
        )
    elif attack.first_week >= weeks:
        problems.append(f"the rival's attack begins in week {attack.first_week}, after the horizon of {weeks} weeks")
    return problems
