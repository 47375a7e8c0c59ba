"""The choice between strategies: what to do, where the articles' rule holds, what decides, and what would settle it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.config import Config
from analysis.data import Note, Transactions
from analysis.strategies.comparison import configured_strategies, mean_order_value, sampled_customers, strategy_world
from analysis.strategies.decision import Decision, decision
from analysis.strategies.experiment import ExperimentPlan, experiment_plan
from analysis.strategies.frontier import MAP_CUSTOMERS, MAP_DRAWS, MAP_STRATEGIES, DecisionMap, decision_map
from analysis.strategies.parameters import Estimate, Span
from analysis.strategies.results import StrategyResults
from analysis.strategies.sensitivity import ParameterSensitivity, sensitivity

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.results import PurchaseResult, SpendResult


@dataclass(frozen=True)
class StrategyChoice:
    """What follows from a comparison of strategies.

    Attributes
    ----------
    decision
        Which strategy to choose, and what would change that.
    sensitivity
        Share of every single parameter in the uncertainty about the two strategies in front, the largest first.
    map
        Being better against promotions of every depth and cadence.
    plan
        The experiment between the two strategies in front, or why its size is not known.
    """

    decision: Decision
    sensitivity: tuple[ParameterSensitivity, ...]
    map: DecisionMap
    plan: ExperimentPlan | Note


def strategy_choice(
    transactions: Transactions,
    purchase: PurchaseResult,
    spend: SpendResult,
    config: Config,
    results: StrategyResults,
    *,
    estimates: Mapping[str, Estimate] | None = None,
    caps: Mapping[str, Span] | None = None,
    observed_deal: float | None = None,
    joining_per_year: float | None = None,
    kinds: np.ndarray | None = None,
) -> StrategyChoice:
    """What to do, from strategies that were compared; the parameters after ``results`` are those of the comparison."""
    known = {
        "estimates": estimates,
        "caps": caps,
        "observed_deal": observed_deal,
        "joining_per_year": joining_per_year,
        "kinds": kinds,
    }
    level, seed = config.model.credible_level, config.model.seed
    found = decision(results.simulations, level, seed)
    world, _ = strategy_world(transactions.summary, purchase, spend, config, **known)
    strategies, _ = configured_strategies(config.strategies, world)
    pair = tuple(next(each for each in strategies if each.name == name) for name in found.front)
    smaller, _ = strategy_world(
        transactions.summary, purchase, spend, _for_the_map(transactions.summary, config), **known
    )
    promotion, experience = strategies[1].promotion, strategies[2].experience
    return StrategyChoice(
        decision=found,
        sensitivity=sensitivity(results.per_purchase, found.front, level),
        map=decision_map(smaller, promotion, experience, mean_order_value(world), level),
        plan=experiment_plan(transactions, config, world, pair, found.lead),
    )


def _for_the_map(summary: CustomerSummary, config: Config) -> Config:
    """The map holds many strategies, and each needs fewer draws than the comparison does."""
    fewer = config.strategies.model_copy(update={"draws": min(config.strategies.draws, MAP_DRAWS)})
    config = config.model_copy(update={"strategies": fewer})
    customers = sampled_customers(summary, config, MAP_STRATEGIES)
    few = fewer.model_copy(update={"customers": min(customers, MAP_CUSTOMERS)})
    return config.model_copy(update={"strategies": few})
