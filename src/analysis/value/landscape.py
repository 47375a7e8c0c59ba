"""Where the claimed lift lies: over base retention, net margin, discount rate and horizon.

With nothing else in the profit than a new customer's contribution, the lift of a gain depends on base retention,
discount rate and horizon. Where only a share n of the contribution is left as profit (winning the customer cost the
rest), the same gain is a lift 1 / n times as large. So the claim's range is, for each base retention, a range of n.
Base retention moves along the company's own model: the mean dropout shifts and customers differ as much as they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator

from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_draws, params_of
from analysis.models.results import Posterior, PurchaseFit, PurchaseResult, SpendResult
from analysis.timeunits import force_of_interest, units_per_year
from analysis.value.leaving import Shift, leaving_of
from analysis.value.lift import retention_lift
from analysis.value.readings import Choice, horizons, named_choice
from analysis.value.streams import Group, target_retention, timeline

if TYPE_CHECKING:
    from analysis.config import Config
    from analysis.data import CustomerSummary

DISCOUNT_RATES = (0.05, 0.20)
SIZES = np.linspace(-4.0, 8.0, 97)
RETENTION = np.round(np.arange(0.02, 0.95, 0.01), 2)
DRAWS = 200


@dataclass(frozen=True)
class LiftCurve:
    """Lift of a new customer's contribution by base retention, first order included, other costs left out.

    Attributes
    ----------
    model
        The purchase model whose mean dropout is moved.
    annual_discount_rate, horizon_years
        The setting.
    retention
        First-year retention before the gain, shape (n,).
    lift
        Relative gain in contribution, shape (n,); NaN where the model cannot have that retention, or where it cannot
        rise so far.
    lower, upper
        Credible interval, shape (n,); None where it was not computed.
    """

    model: str
    annual_discount_rate: float
    horizon_years: float
    retention: np.ndarray
    lift: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None


@dataclass(frozen=True)
class Landscape:
    """The map of the claim and the company's place on it.

    Attributes
    ----------
    curves
        Every model at the configured discount rate and horizon, with intervals.
    panels
        The primary model at every discount rate and horizon of the map, at the fit.
    retention
        First-year retention of a new customer by model: the company's places along the map.
    net_share
        Profit over contribution of a new customer, by model; 1 where winning costs nothing. None where contribution
        is not positive.
    """

    curves: tuple[LiftCurve, ...]
    panels: tuple[LiftCurve, ...]
    retention: dict[str, Interval]
    net_share: dict[str, Interval | None]


def landscape(summary: CustomerSummary, purchase: PurchaseResult, spend: SpendResult, config: Config) -> Landscape:
    """The map around a company, for the named gain."""
    reading = contribution_of_new_customer(config)
    lifts = retention_lift(summary, purchase, spend, config, choices=[reading])
    contribution = {model: lifts.of(reading, model) for model in lifts.models}
    posteriors = {purchase.primary.model: purchase.posterior, **purchase.challenger_posteriors}
    economics, primary = config.economics, purchase.primary
    rates = sorted({*DISCOUNT_RATES, economics.annual_discount_rate})
    setting = (economics.annual_discount_rate, float(economics.horizon_years))
    lengths = horizons(setting[1])
    places = [(rate, horizon) for rate in rates for horizon in lengths]
    return Landscape(
        curves=tuple(_with_interval(fit, posteriors[fit.model], setting, config) for fit in purchase.fits),
        panels=tuple(
            LiftCurve(primary.model, *place, RETENTION, lift)
            for place, lift in zip(places, _lifts(primary.model, params_of(primary), places, config), strict=True)
        ),
        retention={model: lift.retention_before for model, lift in contribution.items()},
        net_share={
            model: _net_share(lift.profit_before, economics.acquisition_cost) for model, lift in contribution.items()
        },
    )


def contribution_of_new_customer(config: Config) -> Choice:
    """The reading that the map is drawn for."""
    named = named_choice(config)
    return Choice(gain=named.gain, gain_kind=named.gain_kind, profit="contribution", horizon_years=named.horizon_years)


def _with_interval(fit: PurchaseFit, posterior: Posterior, setting: tuple[float, float], config: Config) -> LiftCurve:
    level = config.model.credible_level
    draws = params_draws(posterior, MODELS[fit.model], DRAWS)
    lifts = np.array([_lifts(fit.model, params, [setting], config)[0] for params in draws])
    at_fit = _lifts(fit.model, params_of(fit), [setting], config)[0]
    known = np.isfinite(at_fit) & (np.isfinite(lifts).mean(axis=0) > level)
    bounds = np.full((2, RETENTION.size), np.nan)
    bounds[:, known] = np.nanquantile(lifts[:, known], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return LiftCurve(fit.model, *setting, RETENTION, np.where(known, at_fit, np.nan), *bounds)


def _lifts(name: str, params, places: list[tuple[float, float]], config: Config) -> list[np.ndarray]:
    """The lift at each base retention, for each (discount rate, horizon)."""
    year = units_per_year(config.model.time_unit)
    line = timeline(tuple(sorted({horizon for _, horizon in places})), year)
    new = Group(leaving_of(MODELS[name], params, 0.0, year), np.ones(1), np.ones(1))
    sizes = SIZES[np.exp(-SIZES) < _largest_factor(params)]
    streams = [new.stream(Shift("mean", size), line.times) for size in sizes]
    reached = np.array([stream.first_year for stream in streams])
    rising = np.append(True, np.diff(np.maximum.accumulate(reached)) > 1e-9)
    lifts = []
    for rate, horizon in places:
        discount = np.exp(-force_of_interest(rate, config.model.time_unit) * line.times[1:])
        kernel = line.weights[horizon] * discount
        # Each order leaves the same, so contribution is counted in orders; the first one is worth 1.
        value = np.array([1 + kernel @ stream.orders[1:] for stream in streams])
        by_retention = PchipInterpolator(reached[rising], value[rising], extrapolate=False)
        after = target_retention(RETENTION, config.retention.gain, config.retention.gain_kind)
        lifts.append(by_retention(after) / by_retention(RETENTION) - 1)
    return lifts


def _largest_factor(params) -> float:
    """By how much the mean dropout can grow: a probability not beyond one, a rate without bound."""
    return (params.a + params.b) / params.a if hasattr(params, "a") else np.inf


def _net_share(contribution: Interval | None, cost: float) -> Interval | None:
    if contribution is None or contribution.lower <= 0:
        return None
    shares = (1 - cost / each for each in (contribution.estimate, contribution.lower, contribution.upper))
    return Interval(*shares, contribution.level)
