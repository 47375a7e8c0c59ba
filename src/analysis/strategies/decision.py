"""Which strategy to choose: how probable each is the best, what a wrong choice costs, and what would change that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import pandas as pd

from analysis.interval import Interval
from analysis.strategies.simulation import Simulation
from analysis.strategies.simulation_error import (
    error_scores,
    expected_difference,
    expected_differences,
    shared_error,
    simulation_error,
    with_simulation_error,
)

SURE = 0.95
"""A strategy is recommended where it is the best with at least this probability under every view."""
STILL_IN = 0.05
"""A strategy is a contender where it is the best with at least this probability under some view."""
RECOMMENDED, UNDECIDED, VIEWS_DISAGREE = "recommended", "undecided", "views_disagree"
REPEATS, MOST_TURNING_POINTS, LEAST_EXPLAINED, FOUND_IN = 200, 4, 0.05, 0.9
"""Of turning points: resampled draws, how many are told, and the shares of variance and of resamples they need."""


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
class TurningPoint:
    """Where, along one assumption, the order of two strategies changes, everything else as uncertain as it is.

    Attributes
    ----------
    parameter
        The assumption.
    value
        Where it changes, with its interval over resampled draws and the simulation error that draws share, in the
        parameter's unit.
    below, above
        The better strategy on either side.
    explained
        Share of the variance of their difference that the assumption alone explains.
    """

    parameter: str
    value: Interval
    below: str
    above: str
    explained: float


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
    turning_points
        Values of single assumptions at which the two strategies in front change places, under the first view.
    table
        All views together, each as likely as the others: a row a strategy with strategy, difference, lower, upper,
        level, probability_of_loss (that it earns less than going on as today), probability_best and regret.
    same_in_effect
        Strategy -> the one that is the same in effect and is ranked in its place.
    """

    rankings: tuple[Ranking, ...]
    outcome: str
    recommended: str | None
    contenders: tuple[str, ...]
    turning_points: tuple[TurningPoint, ...]
    table: pd.DataFrame
    same_in_effect: Mapping[str, str] = field(default_factory=dict)

    @property
    def held_back(self) -> str | None:
        """The strategy that is the best with probability ``SURE`` under every view, which so few draws do not prove."""
        if self.outcome != UNDECIDED:
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
    error. From single paths they would be meaningless, since chance would count as uncertainty that somebody could
    resolve. Strategies that are the same in effect share every draw; they are ranked as one.
    """
    every, same = simulations[0].names, same_in_effect(simulations)
    if same:
        simulations = [each.among([name for name in each.names if name not in same]) for each in simulations]
    rankings = tuple(ranking(each, level, seed) for each in simulations)
    outcome, recommended = outcome_of(rankings)
    pooled = _pooled(simulations, rankings, level, seed).loc[[same.get(name, name) for name in every]]
    return Decision(
        rankings=rankings,
        outcome=outcome,
        recommended=recommended,
        contenders=contenders_of(rankings),
        turning_points=turning_points(simulations[0], front_of(rankings), level, seed),
        table=pooled.reset_index(drop=True).assign(strategy=list(every)),
        same_in_effect=same,
    )


def same_in_effect(simulations: Sequence[Simulation]) -> dict[str, str]:
    """Strategy -> an earlier one with the same profit in every draw under every view.

    None where less than two strategies would be left.
    """
    names, found = simulations[0].names, {}
    for place, name in enumerate(names):
        for earlier in (each for each in names[:place] if each not in found):
            other = names.index(earlier)
            if all(np.array_equal(each.profit[:, place], each.profit[:, other]) for each in simulations):
                found[name] = earlier
                break
    return found if len(names) - len(found) >= 2 else {}


def ranking(simulation: Simulation, level: float, seed: int) -> Ranking:
    """The strategies under one view."""
    expected = expected_differences(simulation)
    draws = with_simulation_error(simulation, expected, seed)
    mean, largest = expected.mean(axis=0), draws.max(axis=1, keepdims=True)
    is_best = draws >= largest - 1e-9 * np.maximum(np.abs(largest), 1.0)
    before = simulation.profit[:, 0]
    error = error_scores(simulation, len(before), seed) * np.sqrt(simulation.common_noise[0, 0])
    return Ranking(
        model=simulation.model,
        structure=simulation.structure,
        names=simulation.names,
        difference=tuple(Interval.around(mean[s], draws[:, s], level) for s in range(len(mean))),
        profit_before=Interval.around(float(before.mean()), before + error, level),
        probability_best=tuple((is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0).tolist()),
        regret=tuple((expected.max(axis=1, keepdims=True) - expected).mean(axis=0).tolist()),
        perfect_information=expected_value_of_perfect_information(expected),
        simulation_error=tuple(simulation_error(simulation).tolist()),
        draws=len(expected),
    )


def _pooled(simulations: Sequence[Simulation], rankings: Sequence[Ranking], level: float, seed: int) -> pd.DataFrame:
    """``Decision.table`` of the strategies that are ranked, indexed by these."""
    drawn = [with_simulation_error(each, expected_differences(each), seed) for each in simulations]
    draws = np.concatenate(drawn)
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    means = {
        "difference": [[each.estimate for each in one.difference] for one in rankings],
        "probability_best": [one.probability_best for one in rankings],
        "regret": [one.regret for one in rankings],
    }
    means = {name: np.mean(values, axis=0) for name, values in means.items()}
    names = list(rankings[0].names)
    # Doing nothing differs from itself by nothing, and what costs a rounding error is no loss.
    loss = np.mean(draws < -1e-9 * np.abs(draws).max(), axis=0)
    ends = {"difference": means["difference"], "lower": lower, "upper": upper, "level": level}
    others = {"probability_of_loss": loss, "probability_best": means["probability_best"], "regret": means["regret"]}
    return pd.DataFrame({"strategy": names, **ends, **others}, index=names)


def expected_value_of_perfect_information(differences: np.ndarray) -> float:
    """E[max over strategies] less max over strategies of E, from draws of expected profits, shape (D, S) [currency].

    >>> expected_value_of_perfect_information(np.array([[0.0, 3.0], [0.0, -1.0]]))
    0.5
    """
    return float(differences.max(axis=1).mean() - differences.mean(axis=0).max())


def outcome_of(rankings: Sequence[Ranking]) -> tuple[str, str | None]:
    """The rule: recommend what is surely the best under every view, and nothing else."""
    sure = [each.surely_best for each in rankings]
    if None not in sure and len(set(sure)) == 1:
        return RECOMMENDED, sure[0]
    if len({name for name in sure if name is not None}) > 1:
        return VIEWS_DISAGREE, None
    return UNDECIDED, None


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


def turning_points(simulation: Simulation, pair: tuple[str, str], level: float, seed: int) -> tuple[TurningPoint, ...]:
    """Turning points of the assumptions that explain most, at most four; none where the order never changes.

    The expected difference between the two strategies of ``pair`` is a quadratic in the assumption over the draws.
    """
    ahead = expected_difference(simulation, *pair)
    errors = shared_error(simulation, *pair) * error_scores(simulation, REPEATS, seed)
    found = []
    for name, origin in simulation.origin.items():
        values = simulation.parameters[name].to_numpy()
        if origin == "posterior" or "." in name or np.ptp(values) == 0 or np.ptp(ahead) == 0:
            continue
        curve = np.polyfit(values, ahead, 2)
        explained = float(np.var(np.polyval(curve, values)) / np.var(ahead))
        where = crossing(curve, values)
        if where is None or explained < LEAST_EXPLAINED:
            continue
        rng, again = np.random.default_rng(seed), []
        for error in errors:
            rows = rng.integers(0, len(values), len(values))
            again.append(crossing(np.polyfit(values[rows], ahead[rows] + error, 2), values))
        again = [each for each in again if each is not None]
        if len(again) >= FOUND_IN * REPEATS:
            sides = pair if np.polyval(curve, values.min()) > 0 else pair[::-1]
            found.append(TurningPoint(name, Interval.around(where, np.array(again), level), *sides, explained))
    return tuple(sorted(found, key=lambda point: -point.explained)[:MOST_TURNING_POINTS])


def crossing(curve: np.ndarray, values: np.ndarray) -> float | None:
    """Where a quadratic changes sign once between the smallest and the largest value; None where it does not.

    >>> round(crossing(np.array([0.0, 1.0, -2.0]), np.array([0.0, 5.0])), 6)
    2.0
    """
    low, high = values.min(), values.max()
    if np.polyval(curve, low) * np.polyval(curve, high) >= 0:
        return None
    roots = np.roots(curve)
    inside = [float(root.real) for root in roots if abs(root.imag) < 1e-12 and low <= root.real <= high]
    return inside[0] if len(inside) == 1 else None
