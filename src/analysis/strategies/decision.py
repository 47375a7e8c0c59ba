"""What to do with each strategy: one written rule, its break-even, and what a test or an answer is worth.

The rule, in this order: (1) *do not*, where expected profit is below zero, or too little above it for the loss that is
possible, and no affordable test or answer is worth its price; (2) *try it first* or *find out first*, where that is
worth more than it costs and delays, and these customers can show the break-even; (3) *either*, where it and another
earn so nearly alike that it does not matter which: take the cheaper; (4) *do it*, with its chance of a loss.

References
----------
.. [1] Strong, Oakley, Brennan (2014), Medical Decision Making 34(3):311-326: partial information by regression.
.. [2] Raiffa, Schlaifer (1961), Applied Statistical Decision Theory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.config.assumptions import PARAMETERS, Parameter
from analysis.interval import Interval

if TYPE_CHECKING:
    from analysis.strategies.comparison import StrategyComparison

DO_NOT, TRY_FIRST, FIND_OUT_FIRST, EITHER, DO = FORMS = ("do_not", "try_first", "find_out_first", "either", "do")
CAUTION = 2.0
"""Expected gain over expected loss, below which nothing is done untested: in the cases in which a strategy gains and in
those in which it loses, each weighted with its chance. Chosen on simulated companies (``docs/strategies.md``)."""
ALIKE = 0.005
"""Share of the profit of going on as today: two strategies with less regret than it either way may be alike."""
ROUNDING = 1e-6
SURE = 0.9
"""Share of cases from which on one of two is better for sure, however little: they are not alike then."""
SMALL_CHANCE = 0.05
"""A part of the assumptions that explains less of a difference than this is not asked for."""


@dataclass(frozen=True)
class Advice:
    """What to do with one strategy.

    Attributes
    ----------
    strategy, form
        Its name, and one of ``do_not``, ``try_first``, ``find_out_first``, ``either``, ``do``.
    difference, loss, regret
        Expected profit against going on as today [currency]; the chance that this is below zero; expected profit
        forgone by choosing it where another strategy is better [currency].
    need, likely
        Break-even: by which share the margin of all customers, new ones included, must rise for it to pay, from the
        least to the most in all cases (level 1); and by which it does.
    cost, most, unit
        What it costs and what it may cost at most [currency]: ``order``, ``gift`` or ``year``.
    trial
        The row of ``trials`` that is worth most and can show the break-even; None where these customers allow none that
        is worth its price.
    asked, worth
        The assumption that it is worth most to find out, and what that is worth [currency]; None where there is none.
    other
        The strategy that it is alike with, cheaper first; or that earns more, where the advice is to do it.
    attacked
        What a rival's attack takes from it beyond what it takes from going on [currency].
    estimated
        Names of what comes from the company's own data.
    """

    strategy: str
    form: str
    difference: Interval
    loss: float
    regret: float
    need: Interval
    likely: Interval
    cost: float
    most: Interval
    unit: str
    trial: Any
    asked: Parameter | None
    worth: float
    other: str | None
    attacked: Interval
    estimated: tuple[str, ...]


def advice_on(found: StrategyComparison) -> dict[str, Advice]:
    """The advice on every strategy but going on as today."""
    return {name: _advice(found, row) for row, name in enumerate(found.names) if row}


def _advice(found: StrategyComparison, row: int) -> Advice:
    draws, level, name = found.draws, found.level, found.names[row]
    mine = draws[row]
    trials = found.trials[(found.trials["strategy"] == name) & (found.trials["worth"] > 0) & found.trials["shows"]]
    trial = next(trials.sort_values("worth", ascending=False, kind="stable").itertuples(), None)
    asked, worth = worth_of_asking(mine, found.parameters.values, found.parameters.origin)
    worth -= found.finding_out_costs
    other, alike = _other(found, row)
    form = form_of(untested(mine), trial.worth if trial else 0.0, worth if asked else 0.0, alike=alike)
    cost = -sum(found.explained[part][row] for part in ("given_away", "service", "invested", "programme"))
    margin = found.profit + found.joining
    price, most, unit = affordable(found, row)
    return Advice(
        strategy=name,
        form=form,
        difference=found.difference(name),
        loss=float((mine < 0).mean()),
        regret=float((draws.max(axis=0) - mine).mean()),
        need=_share(cost, margin, 1.0),
        likely=_share(mine + cost, margin, level),
        cost=price,
        most=Interval.of_draws(most, level),
        unit=unit,
        trial=trial,
        asked=asked if worth > 0 else None,
        worth=max(worth, 0.0),
        other=other,
        attacked=Interval.of_draws(found.attacked[row] - found.attacked[0], level),
        estimated=tuple(each for each, origin in found.parameters.origin.items() if origin == "estimate"),
    )


def _share(part: np.ndarray, whole: np.ndarray, level: float) -> Interval:
    """Mean part over mean whole, which a draw with next to nothing cannot carry away, with the draws' interval."""
    return Interval.around(float(part.mean() / whole.mean()), part / whole, level)


def untested(draws: np.ndarray) -> float:
    """What a strategy is expected to bring if nothing more is found out; 0 where it is not done then [currency].

    >>> untested(np.array([-1.0, 4.0])), untested(np.array([-2.0, 3.0])), untested(np.array([-2.0, 1.0]))
    (1.5, 0.0, 0.0)
    """
    gain, loss = np.maximum(draws, 0.0).mean(), np.maximum(-draws, 0.0).mean()
    return float(gain - loss) if gain > CAUTION * loss else 0.0


def form_of(untested: float, of_trial: float, of_asking: float, *, alike: bool) -> str:
    """The rule, from what it brings untested, and what a test and an answer are worth net of what they cost.

    >>> form_of(0.0, 0.0, 0.0, alike=False), form_of(0.0, 5.0, 2.0, alike=False), form_of(9.0, 1.0, 2.0, alike=True)
    ('do_not', 'try_first', 'find_out_first')
    >>> form_of(10.0, 0.0, 0.0, alike=True), form_of(10.0, 0.0, 0.0, alike=False)
    ('either', 'do')
    """
    if max(of_trial, of_asking) > 0:
        return TRY_FIRST if of_trial >= of_asking else FIND_OUT_FIRST
    if untested <= 0:
        return DO_NOT
    return EITHER if alike else DO


def _other(found: StrategyComparison, row: int) -> tuple[str | None, bool]:
    """The strategy that this one is alike with, if any; else the one that earns most, where that is another."""
    draws, names = found.draws, found.names
    bound = ALIKE * found.profit.mean()
    for place in sorted(range(len(names)), key=lambda other: -draws[other].mean()):
        ahead = draws[place] - draws[row]
        ahead[np.abs(ahead) < ROUNDING * bound] = 0.0
        both = max(np.maximum(ahead, 0).mean(), np.maximum(-ahead, 0).mean())
        is_open = max((ahead > 0).mean(), (ahead < 0).mean()) < SURE
        if place != row and draws[place].mean() >= 0 and both < bound and is_open:
            return names[place], True
    best = int(np.argmax(draws.mean(axis=1)))
    return (None if best == row else names[best]), False


def affordable(found: StrategyComparison, row: int) -> tuple[float, np.ndarray, str]:
    """What a strategy costs and may cost at most, by draw [currency], for each ``order``, ``gift`` or ``year``."""
    strategy, mine = found.strategies[row], found.draws[row]
    better, gift = strategy.experience, strategy.gift
    served = found.served[row]
    price = gift.cost if gift else better.invested_per_order if better else None
    # What a promotion gives away is no price of service, and a gift beside service has none of its own.
    if price and not strategy.promotion and not (better and gift) and served > 0:
        return price, price * np.maximum(1 + mine / served, 0.0), "gift" if gift else "order"
    years = found.annuity_years[row]
    return strategy.fixed_per_year, np.maximum(strategy.fixed_per_year + mine / years, 0.0), "year"


def worth_of_asking(
    draws: np.ndarray, parameters: Mapping[str, np.ndarray], origin: Mapping[str, str]
) -> tuple[Parameter | None, float]:
    """The one assumption that it is worth most to know before choosing, and what that is worth [currency].

    What the difference is by a quadratic in the assumption [1]_ is known then; less what is expected untested.

    >>> value = np.linspace(-1, 1, 101)
    >>> asked, worth = worth_of_asking(10 * value, {"referrals": value}, {"referrals": "assumption"})
    >>> asked.name, round(worth, 1)
    ('referrals', 2.5)
    """
    best, most = None, 0.0
    for each in PARAMETERS:
        values = parameters.get(each.name)
        if each.ask is None or values is None or origin[each.name] != "assumption":
            continue
        if np.ptp(values) == 0 or np.ptp(draws) == 0:
            continue
        told = np.polyval(np.polyfit(values - values.mean(), draws, 2), values - values.mean())
        worth = worth_of_knowing(told) - untested(draws)
        if worth > most and told.var() > SMALL_CHANCE * draws.var():
            best, most = each, worth
    return best, most


def worth_of_knowing(told: np.ndarray) -> float:
    """E[max(0, E[difference | what is found out])] [2]_, from the inner expectation by draw, whatever finds it out.

    >>> worth_of_knowing(np.array([-2.0, 4.0])), worth_of_knowing(np.array([1.0, 1.0]))
    (2.0, 1.0)
    """
    return float(np.maximum(told, 0.0).mean())


def smooth(draws: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """What each row of draws is by a quadratic in each parameter [1]_, free of the luck of simulated lives, (S, D)."""
    design = _design(parameters)
    return (design @ np.linalg.lstsq(design, draws.T, rcond=None)[0]).T


def _design(parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """An intercept, parameters and their squares; with few draws less."""
    varied = [values for values in parameters.values() if np.ptp(values) > 0]
    varied = [(values - values.mean()) / values.std() for values in varied]
    design = np.column_stack([np.ones(len(next(iter(parameters.values())))), *varied, *(each**2 for each in varied)])
    few = (each for each in (design.shape[1], 1 + len(varied)) if len(design) >= 2 * each)
    return design[:, : next(few, 1)]


def simulation_error(draws: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Standard error of the mean of each row of draws, shape (S,) [currency].

    Of what parameters do not explain: simulated lives, and finitely many draws; a Latin hypercube takes out what
    is additive in the assumptions.
    """
    count, coefficients = _design(parameters).shape
    left = ((draws - smooth(draws, parameters)) ** 2).sum(axis=1)
    return np.sqrt(left / max(count - coefficients, 1) / count)
