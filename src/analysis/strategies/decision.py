"""Which strategy to choose: how probable each is the best, what a wrong choice costs, and what would change that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from analysis.interval import Interval
from analysis.strategies.information import (
    GroupInformation,
    expected_value_of_perfect_information,
    information_by_group,
)
from analysis.strategies.noise import error_scores, expected_differences, simulation_error, with_simulation_error
from analysis.strategies.results import Simulation
from analysis.strategies.turning import TurningPoint, turning_points

SURE = 0.95
"""A strategy is recommended where it is the best with at least this probability under every view."""
STILL_IN = 0.05
"""A strategy is a contender where it is the best with at least this probability under some view."""


class Outcome(StrEnum):
    """What can be said of the choice."""

    RECOMMENDED = "recommended"
    UNDECIDED = "undecided"
    VIEWS_DISAGREE = "views_disagree"


@dataclass(frozen=True)
class Ranking:
    """The strategies under one view: a purchase model and a structure of leaving. Lists are in the strategies' order.

    Attributes
    ----------
    model, structure
        The view.
    names
        Strategies, the first of them ``nothing``.
    difference
        Expected discounted profit against doing nothing [currency]; the interval is that of the expectation over
        everything uncertain, simulation error of the mean included, of the draws not.
    profit_before
        Expected discounted profit of doing nothing [currency].
    probability_best
        That its expected profit is the largest; strategies that are equal share it.
    regret
        Expected profit forgone by choosing it where another is better [currency].
    perfect_information
        Expected gain from knowing everything that is uncertain before choosing [currency].
    simulation_error
        Standard error of the difference from the number of simulated customers [currency].
    draws
        Of everything that is uncertain.
    """

    model: str
    structure: str
    names: tuple[str, ...]
    difference: tuple[Interval, ...]
    profit_before: Interval
    probability_best: tuple[float, ...]
    regret: tuple[float, ...]
    perfect_information: float
    simulation_error: tuple[float, ...]
    draws: int

    def probability(self, name: str) -> float:
        return self.probability_best[self.names.index(name)]

    @property
    def surely_best(self) -> str | None:
        """The strategy whose probability of being the best is at least ``SURE`` for all that so many draws can tell."""
        return next((name for name in self.names if lower_limit(self.probability(name), self.draws) >= SURE), None)


@dataclass(frozen=True)
class Decision:
    """What to do, and what would change that.

    Attributes
    ----------
    rankings
        One a view; the first is the primary model with dropout at every order.
    outcome
        ``recommended``, ``undecided`` or ``views_disagree``.
    recommended
        The strategy; None unless it is the best with probability ``SURE`` under every view.
    contenders
        Strategies that are the best with probability ``STILL_IN`` or more under some view, the most probable first.
    information
        What knowing each group of parameters would be worth, under the first view, the largest first.
    turning_points
        Values of single assumptions at which the two strategies in front change places, under the first view.
    twins
        Strategy -> the one that is the same in effect and is ranked in its place.
    """

    rankings: tuple[Ranking, ...]
    outcome: Outcome
    recommended: str | None
    contenders: tuple[str, ...]
    information: tuple[GroupInformation, ...]
    turning_points: tuple[TurningPoint, ...]
    twins: Mapping[str, str] = field(default_factory=dict)

    @property
    def held_back(self) -> str | None:
        """The strategy that is the best with probability ``SURE`` under every view, which so few draws do not prove."""
        if self.outcome is not Outcome.UNDECIDED:
            return None
        names = self.rankings[0].names
        return next((name for name in names if all(each.probability(name) >= SURE for each in self.rankings)), None)

    @property
    def front(self) -> tuple[str, str]:
        """The two strategies that the choice is between, as ``front_of`` names them."""
        return front_of(self.rankings)

    @property
    def lead(self) -> float:
        """Expected profit of the first of these less that of the second, under the first view [currency]."""
        first = self.rankings[0]
        one, two = (first.difference[first.names.index(name)].estimate for name in self.front)
        return one - two


def decision(simulations: Sequence[Simulation], level: float, seed: int) -> Decision:
    """What to do, from the strategies' simulated futures under every view.

    Probabilities and regret come from draws of *expected* profits: per-draw means over customers, freed of simulation
    error. From single paths they would be meaningless, since luck would count as uncertainty that somebody could
    resolve. Strategies that are the same in effect share every draw; they are ranked as one.
    """
    twins = twins_of(simulations)
    if twins:
        simulations = [each.among([name for name in each.names if name not in twins]) for each in simulations]
    first = simulations[0]
    expected = [expected_differences(each) for each in simulations]
    rankings = tuple(ranking(each, draws, level, seed) for each, draws in zip(simulations, expected, strict=True))
    outcome, recommended = outcome_of(rankings)
    front = front_of(rankings)
    return Decision(
        rankings=rankings,
        outcome=outcome,
        recommended=recommended,
        contenders=contenders_of(rankings),
        information=information_by_group(
            expected[0], first.parameters, first.groups, level, pair=tuple(first.strategy(name) for name in front)
        ),
        turning_points=turning_points(first, front, level, seed),
        twins=twins,
    )


def twins_of(simulations: Sequence[Simulation]) -> dict[str, str]:
    """Strategy -> an earlier one with the same profit in every draw under every view.

    None where less than two strategies would be left.
    """
    names, twins = simulations[0].names, {}
    for place, name in enumerate(names):
        for earlier in (each for each in names[:place] if each not in twins):
            other = names.index(earlier)
            if all(np.array_equal(each.profit[:, place], each.profit[:, other]) for each in simulations):
                twins[name] = earlier
                break
    return twins if len(names) - len(twins) >= 2 else {}


def ranking(simulation: Simulation, expected: np.ndarray, level: float, seed: int) -> Ranking:
    """The strategies under one view, from draws of expected differences, shape (D, S)."""
    draws = with_simulation_error(simulation, expected, seed)
    mean = expected.mean(axis=0)
    largest = draws.max(axis=1, keepdims=True)
    is_best = draws >= largest - 1e-9 * np.maximum(np.abs(largest), 1.0)
    before = simulation.profit[:, 0]
    luck = error_scores(simulation, len(before), seed) * np.sqrt(simulation.common_noise[0, 0])
    return Ranking(
        model=simulation.model,
        structure=simulation.structure,
        names=simulation.names,
        difference=tuple(Interval.around(mean[s], draws[:, s], level) for s in range(len(mean))),
        profit_before=Interval.around(float(before.mean()), before + luck, level),
        probability_best=tuple((is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0).tolist()),
        regret=tuple((expected.max(axis=1, keepdims=True) - expected).mean(axis=0).tolist()),
        perfect_information=expected_value_of_perfect_information(expected),
        simulation_error=tuple(simulation_error(simulation).tolist()),
        draws=len(expected),
    )


def outcome_of(rankings: Sequence[Ranking]) -> tuple[Outcome, str | None]:
    """The rule: recommend what is surely the best under every view, and nothing else."""
    sure = [each.surely_best for each in rankings]
    if None not in sure and len(set(sure)) == 1:
        return Outcome.RECOMMENDED, sure[0]
    if len({name for name in sure if name is not None}) > 1:
        return Outcome.VIEWS_DISAGREE, None
    return Outcome.UNDECIDED, None


def lower_limit(share: float, draws: int) -> float:
    """Lower end of Wilson's interval of a share that was found in so many draws, at 90% on one side.

    >>> round(lower_limit(1.0, 200), 3), round(lower_limit(1.0, 20), 3), round(lower_limit(0.96, 200), 3)
    (0.992, 0.924, 0.938)
    """
    z = NormalDist().inv_cdf(0.9)
    middle = share + z**2 / (2 * draws)
    reach = z * np.sqrt(share * (1 - share) / draws + z**2 / (4 * draws**2))
    return float((middle - reach) / (1 + z**2 / draws))


def front_of(rankings: Sequence[Ranking]) -> tuple[str, str]:
    """The two most probable strategies, on average over views; of those never the best, by profit under the first view.

    The one with the larger expected profit under the first view comes first.
    """
    first = rankings[0]
    by_profit = sorted(first.names, key=lambda name: -first.difference[first.names.index(name)].estimate)
    one, two = sorted(sorted(by_profit, key=lambda name: -_mean_probability(rankings, name))[:2], key=by_profit.index)
    return one, two


def contenders_of(rankings: Sequence[Ranking]) -> tuple[str, ...]:
    """Strategies that may be the best under some view, the most probable (on average over views) first."""
    still_in = [name for name in rankings[0].names if max(each.probability(name) for each in rankings) >= STILL_IN]
    return tuple(sorted(still_in, key=lambda name: -_mean_probability(rankings, name)))


def _mean_probability(rankings: Sequence[Ranking], name: str) -> float:
    return float(np.mean([each.probability(name) for each in rankings]))
