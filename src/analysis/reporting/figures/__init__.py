"""The pictures: every ``plot_*`` draws on axes and returns them; words and number formats come from outside."""

from analysis.reporting.figures.backtest import plot_calibration, plot_scores, plot_tracking
from analysis.reporting.figures.customers import plot_frequency, plot_orders_over_time
from analysis.reporting.figures.purchase import (
    plot_alive_among_one_time_buyers,
    plot_alive_by_silence,
    plot_customers_alive,
    plot_posterior,
)
from analysis.reporting.figures.value import (
    plot_concentration,
    plot_order_chance,
    plot_segments,
    plot_value_histogram,
)

__all__ = [
    "plot_alive_among_one_time_buyers",
    "plot_alive_by_silence",
    "plot_calibration",
    "plot_concentration",
    "plot_customers_alive",
    "plot_frequency",
    "plot_order_chance",
    "plot_orders_over_time",
    "plot_posterior",
    "plot_scores",
    "plot_segments",
    "plot_tracking",
    "plot_value_histogram",
]
