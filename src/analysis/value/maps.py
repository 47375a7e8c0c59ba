"""Where the claimed lift lies: over base retention, net margin, discount rate and horizon; and a grid of what-ifs.

With nothing else in the profit than a new customer's contribution, the lift of a gain depends on base retention,
discount rate and horizon. Where only a share n of the contribution is left as profit (winning the customer cost the
rest), the same gain is a lift 1 / n times as large. So the claim's range is, for each base retention, a range of n.
Base retention moves along the company's own model: the mean dropout shifts and customers differ as much as they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator, RegularGridInterpolator

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.registry import MODELS
from analysis.plotting import Plots
from analysis.time import units_per_year
from analysis.value.intervals import ends
from analysis.value.lift import CLAIMED, MAY_BE_UNPROFITABLE, growth_points, paid_for_keeping, why_not
from analysis.value.profit import Choice, Prices, brings, horizons, named_choice, profit
from analysis.value.shifts import retention_shifts, target_retention, timeline

if TYPE_CHECKING:
    from analysis.config import EconomicsConfig, RetentionConfig
    from analysis.data import CustomerSummary
    from analysis.models.fits import PurchaseFit
    from analysis.models.spend import SpendFit
    from analysis.value.shifts import Shifts

DISCOUNT_RATES = (0.05, 0.20)
SIZES = np.linspace(-4.0, 8.0, 97)
RETENTION = np.round(np.arange(0.02, 0.95, 0.01), 2)

GAINS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.10)
MARGINS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
RATES = (0.0, 0.05, 0.10, 0.15, 0.20, 0.30)
YEARS = (1.0, 2.0, 3.0, 5.0, 10.0)
SETTINGS = ("gain", "gross_margin", "annual_discount_rate", "horizon_years")


@dataclass(frozen=True)
class RetentionMap:
    """The map of the claim and the company's place on it.

    Attributes
    ----------
    panels
        The lift of a new customer's contribution under the primary model by base retention, first order included, other
        costs left out: annual_discount_rate, horizon_years, retention (in the first year, before the gain), estimate,
        and net_share_from and net_share_to, the shares of the contribution between which the claim holds. Missing where
        the model cannot have that retention, or where it cannot rise so far.
    retention
        First-year retention of a new customer by model: the company's places along the map.
    net_share
        Profit over contribution of a new customer, by model; 1 where winning costs nothing. None where contribution
        is not positive.
    annual_discount_rate, horizon_years
        As configured.
    """

    panels: pd.DataFrame
    retention: dict[str, Interval]
    net_share: dict[str, Interval | None]
    annual_discount_rate: float
    horizon_years: float

    plot = Plots(map="analysis.value.plots:plot_map")


def retention_map(
    fit: PurchaseFit, shifts: Shifts, economics: EconomicsConfig, retention: RetentionConfig, *, level: float = 0.9
) -> RetentionMap:
    """The map around a company, for the named gain.

    Parameters
    ----------
    fit
        Of the model that the map is drawn for.
    shifts
        With the configured horizon: they say where the company stands.
    """
    own = economics.annual_discount_rate, float(economics.horizon_years)
    places = list(product(sorted({*DISCOUNT_RATES, own[0]}), horizons(own[1])))
    index = pd.MultiIndex.from_product([places, RETENTION])
    panels = pd.DataFrame(index.get_level_values(0).tolist(), columns=["annual_discount_rate", "horizon_years"])
    lifts = _lifts(fit, places, retention.gain, retention.gain_kind).ravel()
    low, high = lifts / CLAIMED[1], np.minimum(lifts / CLAIMED[0], 1.0)
    shares = {"net_share_from": np.where(low <= 1, low, np.nan), "net_share_to": np.where(low <= 1, high, np.nan)}
    choice, prices = Choice(profit="contribution", horizon_years=own[1]), Prices.of(economics, retention)
    stays, net_share = {}, {}
    for each in shifts.by_model:
        contribution = profit(choice, prices, brings(each, shifts, choice, 0, own[0]))
        stays[each.model] = Interval.around(each.before[0][0], each.before[0][1:], level)
        earned = Interval.around(contribution[0], contribution[1:], level)
        net_share[each.model] = _net_share(earned, economics.acquisition_cost)
    panels = panels.assign(retention=index.get_level_values(1), estimate=lifts, **shares)
    return RetentionMap(panels, stays, net_share, *own)


def _lifts(fit: PurchaseFit, places: Sequence[tuple[float, float]], gain: float, kind: str) -> np.ndarray:
    """The lift at each base retention, for each (discount rate, horizon), shape (places, retentions)."""
    model, year = MODELS[fit.model], units_per_year(fit.time_unit)
    line, leaving = timeline([horizon for _, horizon in places], year), model.leaving(fit.params, 0.0, year)
    sizes = SIZES[np.exp(-SIZES) < leaving.largest_factor]
    curves = leaving.of_new("mean", sizes[:, None], line.times)[:, 0]
    reached = curves.customers[:, 0]
    rising = np.append(True, np.diff(np.maximum.accumulate(reached)) > 1e-9)
    lifts = []
    for rate, horizon in places:
        kernel = line.weights[line.horizons.index(horizon)] * (1 + rate) ** (-line.times[1:] / year)
        # Each order leaves the same, so contribution is counted in orders; the first one is worth 1.
        value = 1 + curves.orders[:, 1:] @ kernel
        by_retention = PchipInterpolator(reached[rising], value[rising], extrapolate=False)
        lifts.append(by_retention(target_retention(RETENTION, gain, kind)) / by_retention(RETENTION) - 1)
    return np.array(lifts)


def _net_share(contribution: Interval, cost: float) -> Interval | None:
    if contribution.lower <= 0:
        return None
    shares = (1 - cost / each for each in (contribution.estimate, contribution.lower, contribution.upper))
    return Interval(*shares, contribution.level)


def what_if_grid(
    histories: CustomerSummary,
    fits: Iterable[PurchaseFit],
    spend: SpendFit,
    economics: EconomicsConfig,
    retention: RetentionConfig,
    *,
    new_customers_per_year: float | None = None,
    growth: Interval | None = None,
    level: float = 0.9,
    seed: int = 1,
) -> pd.DataFrame:
    """The lift of the named reading over a grid of gains, gross margins, discount rates and horizons.

    Every axis holds the configured setting.

    Returns
    -------
    DataFrame
        One row a model and setting: model, gain, gross_margin, annual_discount_rate, horizon_years, estimate, lower,
        upper, level; NaN where profit before may be zero or less, or where retention cannot rise so far.
    """
    named, prices = named_choice(economics, retention), Prices.of(economics, retention)
    own = named.gain, economics.annual_discount_rate, named.horizon_years, economics.gross_margin
    axes = [sorted({*values, here}) for values, here in zip((GAINS, RATES, YEARS, MARGINS), own, strict=True)]
    gains, rates, years, margins = axes
    choices = [replace(named, gain=gain) for gain in gains]
    shifts = retention_shifts(histories, fits, spend, (each.rise for each in choices), years, new_customers_per_year)
    if reason := why_not(named, shifts, growth):
        raise Unavailable(reason)
    prices, paid, frames = prices._replace(margin=np.array(margins)[:, None]), paid_for_keeping(named, prices), []
    setting = pd.MultiIndex.from_product(axes, names=["gain", "annual_discount_rate", "horizon_years", "gross_margin"])
    for each in shifts.by_model:
        grown = growth_points(growth, len(each.order_value), seed) if named.margins == "growing" else None
        lifts = np.empty((*map(len, axes), len(each.order_value)))
        for (row, rate), (column, horizon) in product(enumerate(rates), enumerate(years)):
            at = replace(named, horizon_years=horizon)
            before = profit(at, prices, brings(each, shifts, at, 0, rate, grown))
            for number, choice in enumerate(choices):
                place = each.rises.index(choice.rise)
                after = brings(each, shifts, at, place, rate, grown)
                gain = profit(at, prices, after) - paid * after.customer_years - before
                possible = (before > 0) & np.isfinite(each.after[place])
                lifts[number, row, column] = np.where(possible, gain / np.where(before > 0, before, 1.0), np.nan)
        points = lifts.reshape(-1, lifts.shape[-1]).T
        points[:, np.isnan(points[1:]).mean(axis=0) > MAY_BE_UNPROFITABLE] = np.nan
        points[:, np.isnan(points[0])] = np.nan
        frames.append(setting.to_frame(index=False).assign(model=each.model, **ends(points, level), level=level))
    return pd.concat(frames, ignore_index=True)[["model", *SETTINGS, "estimate", "lower", "upper", "level"]]


def what_if(grid: pd.DataFrame, model: str, **setting: float) -> Interval | None:
    """The lift between the settings of a grid, by linear interpolation; None where there is none.

    Parameters
    ----------
    grid
        As ``what_if_grid`` gives it.
    setting
        gain, gross_margin, annual_discount_rate, horizon_years; each within the grid.

    Examples
    --------
    >>> axes = {name: [0.0, 1.0] for name in SETTINGS}
    >>> grid = pd.MultiIndex.from_product(axes.values(), names=SETTINGS).to_frame(index=False)
    >>> grid = grid.assign(model="BG/NBD", estimate=grid["gain"], lower=0.0, upper=1.0, level=0.9)
    >>> what_if(grid, "BG/NBD", gain=0.25, gross_margin=0.5, annual_discount_rate=0.1, horizon_years=1)
    Interval(estimate=0.25, lower=0.0, upper=1.0, level=0.9)
    """
    own = grid[grid["model"] == model].sort_values(list(SETTINGS))
    axes = [np.unique(own[name]) for name in SETTINGS]
    values = own[["estimate", "lower", "upper"]].to_numpy().reshape(*map(len, axes), 3)
    at = RegularGridInterpolator(axes, values)([setting[name] for name in SETTINGS])[0]
    return Interval(*at.tolist(), float(own["level"].iloc[0])) if np.isfinite(at).all() else None
