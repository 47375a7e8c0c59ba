"""The choice between strategies: what to do, where the articles' rule holds, and what would settle it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.config.strategies import Promotion, Strategy
from analysis.errors import Unavailable
from analysis.plotting import Plots
from analysis.strategies.comparison import StrategyComparison
from analysis.strategies.decision import Decision
from analysis.strategies.experiment_plan import ExperimentPlan, experiment_plan
from analysis.strategies.frontier import MAP_CUSTOMERS, MAP_DRAWS, MAP_STRATEGIES, DecisionMap, decision_map
from analysis.strategies.sentences import labelled
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import Orders
    from analysis.models.fits import PurchaseFit
    from analysis.models.spend import SpendFit


@dataclass(frozen=True)
class StrategyChoice:
    """What follows from a comparison of strategies.

    Attributes
    ----------
    strategies, years
        What was compared, going on as today first, and over how many years.
    decision
        Which strategy to choose, and what would change that.
    map
        Being better against promotions of every depth and cadence.
    plan
        The experiment between the two strategies in front; None where its size is not known.
    no_plan
        Why it is not.
    """

    strategies: tuple[Strategy, ...]
    years: float
    decision: Decision
    map: DecisionMap
    plan: ExperimentPlan | None
    no_plan: Message | None

    plot = Plots(differences="analysis.strategies.plots:plot_differences")

    def to_frame(self) -> pd.DataFrame:
        """Every strategy, own ones first; columns as of ``StrategyComparison.to_frame``."""
        return labelled(self.decision.table, self.strategies)


def strategy_choice(
    orders: Orders, fit: PurchaseFit, spend: SpendFit, comparison: StrategyComparison
) -> StrategyChoice:
    """What to do, from strategies that were compared on the same orders and fits of BG/NBD and the spend."""
    setting, found, strategies = comparison.setting, comparison.decision, comparison.strategies
    inputs = setting.inputs(fit, spend)
    # The map holds many strategies, and each needs fewer draws and customers than the comparison does.
    draws, stated = min(setting.stated.draws, MAP_DRAWS), setting.stated.customers
    customers = setting.fewer(draws, stated).sampled(orders.histories, MAP_STRATEGIES)
    fewer = setting.fewer(draws, min(customers, MAP_CUSTOMERS))
    promotion = next((each.promotion for each in strategies if each.promotion), Promotion())
    experience = next(each.experience for each in strategies if each.experience)
    plan, why = None, None
    try:
        pair = [strategies[comparison.per_purchase.strategy(name)] for name in found.front]
        plan = experiment_plan(orders, inputs, pair, setting.level, found.lead)
    except Unavailable as unknown:
        why = unknown.reason
    return StrategyChoice(
        strategies=strategies,
        years=comparison.years,
        decision=found,
        map=decision_map(fewer.inputs(fit, spend), promotion, experience, inputs.mean_order_value, setting.level),
        plan=plan,
        no_plan=why,
    )
