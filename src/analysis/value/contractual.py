"""Retention of customers with a contract: what was observed, what the sBG model makes of it, and what five points do.

The customers who are alive are known here, so nothing rests on a guess of who has left. Time is counted in tenure
periods of the configured length; customer-years are discounted from the start of each period, the first of which, paid
at once, counts in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import chi2

from analysis.data.notes import Note
from analysis.interval import Interval
from analysis.models.results import Posterior
from analysis.models.shifted_beta_geometric import (
    ContractFit,
    RenewalCounts,
    SBGNotIdentified,
    SBGParams,
    contract_posterior,
    discounted_renewals,
    discounted_tenure,
    fit_shifted_beta_geometric,
    retention_rate,
    survival,
)
from analysis.timeunits import TimeUnit, rate_over
from analysis.value.contractual_results import (
    CohortTenure,
    ContractualLift,
    ContractualRetention,
    RemainingCustomers,
    RenewalRate,
)
from analysis.value.streams import target_retention
from analysis.value.textbook import one_rate_gap

if TYPE_CHECKING:
    from analysis.config import Config
    from analysis.data.contracts import Contracts

MONTHS_PER_YEAR = 12
FORECAST_YEARS = 5
CANNOT_RISE = 0.01
"""Posterior probability that retention cannot rise so far, above which there is no lift."""


def contractual_retention(contracts: Contracts, config: Config) -> ContractualRetention | Note:
    """The sBG model on contracts; a note with the reason where they do not identify it.

    Parameters
    ----------
    contracts
        Counts by tenure and cohort, see ``analysis.data.contracts.load_contracts``.
    config
        Level of the intervals and seed; discount rate and horizon; the gain in retention.
    """
    counts = RenewalCounts(*(contracts.by_period[name].to_numpy() for name in ("period", "at_risk", "lost")))
    try:
        fit = fit_shifted_beta_geometric(counts)
    except SBGNotIdentified as refused:
        numbers = {"renewals_due": int(counts.at_risk.sum()), "lost": int(counts.lost.sum())}
        return Note(f"contracts.reason.{refused.reason}", {**numbers, "periods": int(counts.period.size)})
    return _Contractual(contracts, config, fit, contract_posterior(fit, counts, config.model.seed)).result(counts)


class _Contractual:
    """The pieces of the result, each under the estimate (place 0) and every posterior draw after it."""

    def __init__(self, contracts: Contracts, config: Config, fit: ContractFit, posterior: Posterior):
        self.contracts, self.config, self.fit, self.posterior = contracts, config, fit, posterior
        self.params = SBGParams(*np.vstack([fit.params, posterior.draws]).T)
        self.years_per_period = contracts.period_months / MONTHS_PER_YEAR
        economics = config.economics
        self.rate = rate_over(economics.annual_discount_rate, contracts.period_months, TimeUnit.MONTH)
        # Periods that begin within the horizon; the rounding keeps 3 years of 1/12 from becoming 37 months.
        self.horizon = int(np.ceil(round(economics.horizon_years / self.years_per_period, 9)))
        self.states = contracts.base.groupby("renewals", as_index=False)["customers"].sum()
        self.one_rate = contracts.renewed_last / contracts.due_last if contracts.due_last else None

    def result(self, counts: RenewalCounts) -> ContractualRetention:
        economics, retention = self.config.economics, self.config.retention
        return ContractualRetention(
            fit=self.fit,
            posterior=self.posterior,
            misfit=_misfit(self.fit.params, counts),
            period_months=self.contracts.period_months,
            periods=self.renewal_rates(1),
            years=self.yearly(),
            base=int(self.states["customers"].sum()),
            remaining=tuple(self.remaining()),
            cohorts=tuple(self.cohorts()),
            one_rate=self.one_rate,
            one_rate_gap=self.gap(),
            tenure_years=self.around(self.tenure(self.params, self.horizon)),
            base_years=self.around(self.base_years(self.params, self.states, self.horizon)),
            gain=retention.gain,
            gain_kind=retention.gain_kind,
            lifts=tuple(self.lifts()),
            horizon_years=economics.horizon_years,
            annual_discount_rate=economics.annual_discount_rate,
        )

    def around(self, values: np.ndarray) -> Interval:
        """The estimate with the interval of the draws after it."""
        level = self.config.model.credible_level
        lower, upper = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2]).tolist()
        return Interval(float(values[0]), lower, upper, level)

    def yearly(self) -> tuple[RenewalRate, ...]:
        in_a_year, rest = divmod(MONTHS_PER_YEAR, self.contracts.period_months)
        return () if rest else self.renewal_rates(in_a_year)

    def renewal_rates(self, step: int) -> tuple[RenewalRate, ...]:
        """Retention over every ``step`` periods of tenure, observed ones first."""
        seen = self.contracts.by_period.set_index("period")
        shown = int(seen.index.max()) + int(np.ceil(FORECAST_YEARS / self.years_per_period))
        rates = (seen["renewed"] / seen["at_risk"]).reindex(range(1, shown + 1)).to_numpy()
        return tuple(self._renewal_rate(number, step, seen, rates) for number in range(1, shown // step + 1))

    def _renewal_rate(self, number: int, step: int, seen: pd.DataFrame, rates: np.ndarray) -> RenewalRate:
        last = number * step
        left, before = survival(self.params, last), survival(self.params, last - step)
        observed, observed_left = np.prod(rates[last - step : last]), np.prod(rates[:last])
        single = step == 1 and last in seen.index
        return RenewalRate(
            number=number,
            at_risk=int(seen["at_risk"][last]) if single else None,
            renewed=int(seen["renewed"][last]) if single else None,
            observed=None if np.isnan(observed) else float(observed),
            observed_survival=None if np.isnan(observed_left) else float(observed_left),
            fitted=self.around(left / before),
            survival=self.around(left),
        )

    def remaining(self):
        """Today's customers who are left after 1, 2, ... renewals: under each draw those who stay, by luck."""
        rng = np.random.default_rng(self.config.model.seed)
        level, one_rate = self.config.model.credible_level, np.nan if self.one_rate is None else self.one_rate
        made, today = (self.states[name].to_numpy()[:, None] for name in ("renewals", "customers"))
        expected, left = today.astype(float), np.tile(today, len(self.posterior.draws))
        for ahead in range(1, int(np.ceil(FORECAST_YEARS / self.years_per_period)) + 1):
            stays = retention_rate(self.params, made + ahead)
            expected, left = expected * stays[:, :1], rng.binomial(left, stays[:, 1:])
            lower, upper = np.quantile(left.sum(axis=0), [(1 - level) / 2, (1 + level) / 2]).tolist()
            yield RemainingCustomers(
                renewals_ahead=ahead,
                years_ahead=ahead * self.years_per_period,
                customers=Interval(float(expected.sum()), lower, upper, level),
                with_one_rate=float(today.sum() * one_rate**ahead),
            )

    def cohorts(self):
        for cohort, states in self.contracts.base.groupby("cohort"):
            yield CohortTenure(
                cohort=cohort.date(),
                customers=int(states["customers"].sum()),
                next_retention=self.around(self.next_retention(self.params, states)),
                customer_years=self.around(self.base_years(self.params, states, self.horizon)),
            )

    def tenure(self, params: SBGParams, periods: int | None) -> np.ndarray:
        return self.years_per_period * discounted_tenure(params, self.rate, periods)

    def base_years(self, params: SBGParams, states: pd.DataFrame, periods: int | None) -> np.ndarray:
        parts = zip(states["renewals"], states["customers"], strict=True)
        value = (customers * discounted_renewals(params.after(made), self.rate, periods) for made, customers in parts)
        return self.years_per_period * sum(value, np.zeros(params.alpha.shape))

    def next_retention(self, params: SBGParams, states: pd.DataFrame) -> np.ndarray:
        parts = zip(states["renewals"], states["customers"], strict=True)
        staying = (customers * retention_rate(params.after(made), 1) for made, customers in parts)
        return sum(staying, np.zeros(params.alpha.shape)) / states["customers"].sum()

    def gap(self) -> Interval | None:
        if self.one_rate is None or not len(self.states) or not self.has_bound:
            return None
        states = self.states["renewals"].to_numpy(), self.states["customers"].to_numpy()
        return self.around(one_rate_gap(self.params, *states, self.one_rate, self.rate))

    @property
    def has_bound(self) -> bool:
        """Whether customer-years without a horizon are finite in every draw."""
        return self.rate > 0

    def lifts(self):
        scopes = {
            "new_customer": lambda params, periods: self.tenure(params, periods),
            "new_customer_renewals": lambda params, periods: self.tenure(params, periods) - self.years_per_period,
        }
        if len(self.states):
            scopes["base"] = lambda params, periods: self.base_years(params, self.states, periods)
        for scope, years in scopes.items():
            for horizon in (self.horizon, None)[: 1 + self.has_bound]:
                yield self._lift(scope, years, horizon)

    def _lift(self, scope: str, years, periods: int | None) -> ContractualLift:
        retention, states = self.config.retention, self.states
        if scope != "base":
            states = pd.DataFrame({"renewals": [0], "customers": [1]})
        before = self.next_retention(self.params, states)
        after = target_retention(before, retention.gain, retention.gain_kind)
        moved = self._moved(states, after - before)
        value = years(self.params, periods)
        reached = moved.alpha >= 0
        shown = {
            "scope": scope,
            "horizon_years": None if periods is None else self.config.economics.horizon_years,
            "retention_before": self.around(before),
            "years_before": self.around(value),
        }
        if not reached[0] or np.mean(~reached[1:]) > CANNOT_RISE:
            return ContractualLift(**shown, retention_after=None, lift=None, reason="lift.reason.cannot_rise")
        if not value[0] > 0:
            return ContractualLift(
                **shown, retention_after=self.around(after), lift=None, reason="contracts.reason.no_renewal_in_horizon"
            )
        lift = years(SBGParams(np.maximum(moved.alpha, 0.0), moved.beta), periods) / value - 1
        return ContractualLift(
            **shown,
            retention_after=self.around(after),
            lift=self.around(lift[np.r_[True, reached[1:]]]),
            draws=lift[1:],
        )

    def _moved(self, states: pd.DataFrame, gain: np.ndarray) -> SBGParams:
        """The population whose customers in ``states`` make their next renewal more often by ``gain``.

        alpha + beta, and so the polarisation, is kept. The next retention after n renewals is (beta + n) / (alpha +
        beta + n), so it rises in proportion to beta.
        """
        alpha, beta = self.params
        weight = states["customers"].to_numpy() / states["customers"].sum()
        slope = weight @ (1 / (alpha + beta + states["renewals"].to_numpy()[:, None]))
        return SBGParams(alpha - gain / slope, beta + gain / slope)


def _misfit(params: SBGParams, counts: RenewalCounts) -> float | None:
    if counts.period.size <= 2:
        return None
    rate, renewed = retention_rate(params, counts.period), counts.at_risk - counts.lost
    deviance = 2 * np.sum(
        xlogy(renewed, renewed / (counts.at_risk * rate))
        + xlogy(counts.lost, counts.lost / (counts.at_risk * (1 - rate)))
    )
    return float(chi2.sf(deviance, counts.period.size - 2))
