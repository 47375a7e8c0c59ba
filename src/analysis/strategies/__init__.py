"""Loyalty strategies: the dynamics of deals and experiences, what follows from them, and what to do."""

from analysis.config.strategies import NOTHING, Attack, Experience, Promotion, Strategy
from analysis.strategies.choice import StrategyChoice, strategy_choice
from analysis.strategies.comparison import StrategyComparison, compare_strategies, kinds_of
from analysis.strategies.results import as_results
from analysis.strategies.sentences import decision_sentences

__all__ = [
    "NOTHING",
    "Attack",
    "Experience",
    "Promotion",
    "Strategy",
    "StrategyChoice",
    "StrategyComparison",
    "as_results",
    "compare_strategies",
    "decision_sentences",
    "kinds_of",
    "strategy_choice",
]
