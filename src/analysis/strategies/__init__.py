"""Loyalty strategies: the dynamics of deals and experiences, what follows from them, and what to do."""

from analysis.config.strategies import NOTHING, Experience, Gift, Promotion, Strategy
from analysis.strategies.comparison import StrategyComparison, compare_strategies
from analysis.strategies.results import as_results
from analysis.strategies.sentences import decision_sentences
from analysis.strategies.simulation import kinds_of
from analysis.strategies.trial import assignment

__all__ = [
    "NOTHING",
    "Experience",
    "Gift",
    "Promotion",
    "Strategy",
    "StrategyComparison",
    "as_results",
    "assignment",
    "compare_strategies",
    "decision_sentences",
    "kinds_of",
]
