"""Loyalty strategies: the dynamics of deals and experiences, what follows from them, and what to do."""

from analysis.strategies.comparison import strategy_results, strategy_world
from analysis.strategies.parameters import Estimate, draw_parameters
from analysis.strategies.results import Simulation, StrategyResults
from analysis.strategies.simulation import simulate
from analysis.strategies.strategy import NOTHING, Attack, Experience, Promotion, Strategy

__all__ = [
    "NOTHING",
    "Attack",
    "Estimate",
    "Experience",
    "Promotion",
    "Simulation",
    "Strategy",
    "StrategyResults",
    "draw_parameters",
    "simulate",
    "strategy_results",
    "strategy_world",
]
