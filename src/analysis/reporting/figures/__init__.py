"""The pictures: every ``plot_*`` draws on axes and returns them; words and number formats come from outside."""

from analysis.reporting.figures.backtest import plot_calibration, plot_scores, plot_tracking
from analysis.reporting.figures.contracts import plot_contract_survival
from analysis.reporting.figures.customers import plot_frequency, plot_orders_over_time
from analysis.reporting.figures.lift import plot_lift_by_horizon, plot_readings, plot_tornado
from analysis.reporting.figures.lift_map import plot_lift_curves, plot_map_panel
from analysis.reporting.figures.purchase import (
    plot_alive_among_one_time_buyers,
    plot_alive_by_silence,
    plot_customers_alive,
    plot_posterior,
)
from analysis.reporting.figures.retention import plot_cohorts, plot_retention_by_year, plot_windows
from analysis.reporting.figures.strategies import (
    plot_campaigns,
    plot_differences,
    plot_frontier,
    plot_information,
    plot_paths,
)
from analysis.reporting.figures.tenure import plot_firm, plot_tenure
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
    "plot_campaigns",
    "plot_cohorts",
    "plot_concentration",
    "plot_contract_survival",
    "plot_customers_alive",
    "plot_differences",
    "plot_firm",
    "plot_frequency",
    "plot_frontier",
    "plot_information",
    "plot_lift_by_horizon",
    "plot_lift_curves",
    "plot_map_panel",
    "plot_order_chance",
    "plot_orders_over_time",
    "plot_paths",
    "plot_posterior",
    "plot_readings",
    "plot_retention_by_year",
    "plot_scores",
    "plot_segments",
    "plot_tenure",
    "plot_tornado",
    "plot_tracking",
    "plot_value_histogram",
    "plot_windows",
]
