"""Retention of customers with a contract: what was observed and what the sBG model makes of it.

The customers who are alive are known here, so nothing rests on a guess of who has left. Time is counted in tenure
periods of the configured length; customer-years are discounted from the renewal that each period begins with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import chi2

from analysis.arguments import checked
from analysis.config import EconomicsConfig
from analysis.data.contracts import Contracts
from analysis.interval import Interval
from analysis.models.shifted_beta_geometric import (
    SBGParams,
    contract_posterior,
    discounted_renewals,
    fit_shifted_beta_geometric,
    retention_rate,
    survival,
)
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import DAYS_PER_YEAR, TimeUnit, duration, rate_over
from analysis.value.intervals import ends
from analysis.words import Message

MONTHS_PER_YEAR, FORECAST_YEARS = 12, 5
DOUBTFUL = 0.05


@dataclass(frozen=True, repr=False)
class ContractualRetention(Result):
    """Retention of customers with a contract. Frames hold estimates NAME with their ends NAME_lower and NAME_upper.

    Attributes
    ----------
    misfit
        Probability of counts that lie farther from the model than the observed ones, were it true (deviance, chi
        squared); None with two periods, where it always fits. Below .05 the forecast deserves doubt.
    periods
        Retention by tenure period, observed and then forecast: number, from 1; at_risk and renewed; observed share that
        stayed, and observed_survival, the share of new customers that is left; fitted and survival, the same two by the
        model.
    base
        Customers whose contract runs.
    one_rate
        Aggregate retention rate of the last period, all cohorts together; None where no renewal fell due in it, and of
        a table of tenures.
    one_rate_gap
        Share by which that one rate misses the discounted value of the base's renewals without a horizon; negative is
        too low. None without ``one_rate``, without a base, or where the value has no bound.
    base_years
        Discounted customer-years of the coming renewals of the base within the horizon.
    horizon_years, level
        As asked for.
    """

    misfit: float | None
    periods: pd.DataFrame
    base: int
    one_rate: float | None
    one_rate_gap: Interval | None
    base_years: Interval
    horizon_years: float
    level: float

    main = "periods"
    plot = Plots("analysis.value.plots", "survival")

    def sentences(self) -> Iterator[Message]:
        """What became of renewals, what the model says of them, and what today's contracts still bring."""
        seen = self.periods.dropna(subset=["observed"])
        first, last = seen.iloc[0], seen.iloc[-1]
        yield Message(
            "Of the {at_risk:integer} contracts whose first renewal fell due, {observed:percent} were renewed; the "
            "shifted-beta-geometric model (customers differ in how prone they are to leave, and stay that way) gives "
            "{fitted:interval percent}.",
            at_risk=first["at_risk"], observed=first["observed"],
            fitted=Interval(first["fitted"], first["fitted_lower"], first["fitted_upper"], self.level),
        )  # fmt: skip
        if last["number"] > 1:
            yield Message(
                "By renewal {number:integer} the rate was {observed:percent}. In the model it rises because those who "
                "leave easily go first.", number=last["number"], observed=last["observed"],
            )  # fmt: skip
        if self.misfit is not None and self.misfit < DOUBTFUL:
            yield Message(
                "The counts lie farther from the model than chance would put them in all but {probability:percent1} of "
                "the cases, so the forecast deserves doubt.", probability=self.misfit,
            )  # fmt: skip
        if not self.base:
            yield Message("No contract runs on the last day of the data.")
            return
        yield Message(
            "Contracts that run today ({base:integer}) are expected to bring {years:interval significant} further "
            "customer-years in renewals over {horizon:years}, discounted.",
            base=self.base, years=self.base_years, horizon=self.horizon_years,
        )  # fmt: skip
        if self.one_rate_gap is not None:
            yield Message(
                "One rate for all ({rate:percent1} in the last period) would miss the value of all their renewals, "
                "without an end in time, by {gap:interval percent1}; below zero is too low.",
                rate=self.one_rate, gap=self.one_rate_gap,
            )  # fmt: skip


@checked
def contractual_retention(
    contracts: Contracts,
    *,
    annual_discount_rate: float = 0.1,
    horizon: object = "3Y",
    level: float = 0.9,
    seed: int = 1,
) -> ContractualRetention:
    """The sBG model on contracts.

    Parameters
    ----------
    contracts
        Counts by tenure and cohort, such as ``rl.read_contracts`` gives.
    annual_discount_rate, horizon
        By how much a customer-year a year later counts less; a duration with its unit, such as ``"3Y"``.
    level, seed
        Level of the intervals; the same seed gives the same draws.

    Raises
    ------
    NotIdentified
        Where the contracts do not identify the model.

    Examples
    --------
    >>> import analysis as rl
    >>> gym = pd.DataFrame({"months": np.repeat([8, 20, 32, 40], [30, 10, 4, 56]), "left": ["yes"] * 44 + ["no"] * 56})
    >>> columns = {"customer": "member", "tenure": "months", "churned": "left"}
    >>> contracts = rl.read_contracts(gym.rename_axis("member").reset_index(), **columns, observation_end="2025-12-31")
    >>> found = rl.contractual_retention(contracts)
    >>> found.periods["fitted"].round(2).tolist()[:4], round(found.base_years.estimate)
    ([0.7, 0.87, 0.92, 0.94], 130)
    """
    horizon_years = duration(horizon) / DAYS_PER_YEAR
    EconomicsConfig.checked(annual_discount_rate=annual_discount_rate, horizon_years=horizon_years)
    counts = contracts.by_period
    fit = fit_shifted_beta_geometric(counts)
    # The estimate, then every posterior draw.
    params = SBGParams(*np.vstack([fit, contract_posterior(fit, counts, seed).draws]).T)
    years = contracts.period_months / MONTHS_PER_YEAR
    rate = rate_over(annual_discount_rate, contracts.period_months, TimeUnit.MONTH)
    base = contracts.base.groupby("renewals")["customers"].sum()
    one_rate, gap = contracts.renewed_last / contracts.due_last if contracts.due_last else None, None
    base_years = np.zeros(params.alpha.shape)
    for made, count, ahead in contracts.base[["renewals", "customers", "ahead"]].itertuples(index=False):
        # Renewals that fall due within the horizon; the rounding keeps 3 years of 1/12 from losing a month.
        due = max(int(np.floor(round(horizon_years / years - ahead, 9))) + 1, 0)
        sooner = (1 + rate) ** (1 - ahead)
        base_years += years * count * sooner * discounted_renewals(params.after(made), rate, due)
    # Without a discount, customer-years without a horizon are not finite in every draw.
    if one_rate is not None and len(base) and rate:
        gaps = one_rate_gap(params, base.index, base, one_rate, rate)
        gap = Interval.around(gaps[0], gaps[1:], level)
    return ContractualRetention(
        misfit=_misfit(fit, counts),
        periods=_periods(contracts, params, int(np.ceil(FORECAST_YEARS / years)), level),
        base=int(base.sum()),
        one_rate=one_rate,
        one_rate_gap=gap,
        base_years=Interval.around(base_years[0], base_years[1:], level),
        horizon_years=horizon_years,
        level=level,
    )


def _periods(contracts: Contracts, params: SBGParams, ahead: int, level: float) -> pd.DataFrame:
    """Retention over the periods of tenure, observed ones first, then those ahead."""
    seen = contracts.by_period.set_index("period")[["at_risk", "renewed"]]
    table = seen.reindex(range(1, int(seen.index.max()) + ahead + 1)).rename_axis("number").reset_index()
    params, number = SBGParams(*np.array(params)[..., None]), table["number"].to_numpy()
    left, observed = survival(params, number), table["renewed"] / table["at_risk"]
    return table.assign(
        observed=observed,
        observed_survival=observed.cumprod(skipna=False),
        **ends(left / survival(params, number - 1), level, "fitted"),
        **ends(left, level, "survival"),
    )


def _misfit(params: SBGParams, counts: pd.DataFrame) -> float | None:
    if len(counts) <= 2:
        return None
    rate, at_risk, lost = retention_rate(params, counts["period"]), counts["at_risk"], counts["lost"]
    renewed = at_risk - lost
    deviance = xlogy(renewed, renewed / (at_risk * rate)) + xlogy(lost, lost / (at_risk * (1 - rate)))
    return float(chi2.sf(2 * deviance.sum(), len(counts) - 2))


def one_rate_gap(params: SBGParams, renewals, customers, one_rate: float, discount_rate: float) -> np.ndarray:
    """Share by which one aggregate retention rate misses the value of a base's renewals, [1]_; negative is too low.

    Counted is what renewals still bring, without the period that is running: sum over t >= 1 of the share left,
    discounted; whether the first renewal is due now or a period ahead does not matter to the share.

    Parameters
    ----------
    params
        sBG parameters, or draws of shape (n,).
    renewals, customers
        Renewals that customers have behind them, and how many customers have so many; shape (k,).
    one_rate
        The aggregate rate: renewals made over renewals due in the last period, all cohorts together.

    References
    ----------
    .. [1] Fader, Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1):85-93.

    Examples
    --------
    >>> sizes = np.array([10000, 8000, 6480, 5307, 4391])
    >>> rate = sizes[1:].sum() / sizes[:-1].sum()
    >>> round(float(one_rate_gap(SBGParams(3.80, 15.19), range(5), sizes, rate, 0.10)), 3)
    -0.122
    """
    by_state = zip(renewals, customers, strict=True)
    value = sum(count * discounted_renewals(params.after(made), discount_rate) for made, count in by_state)
    # A constant margin that is paid on renewal: r / (1 + d - r).
    with_one_rate = np.sum(customers) * one_rate / (1 + discount_rate - one_rate)
    return with_one_rate / value - 1
