"""What is known of the retention of customers with a contract."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np

from analysis.interval import Interval
from analysis.models.results import Posterior
from analysis.models.shifted_beta_geometric import ContractFit


@dataclass(frozen=True)
class RenewalRate:
    """Retention at the end of one tenure period, or year of tenure.

    Attributes
    ----------
    number
        Tenure period or year, from 1.
    at_risk, renewed
        Customers whose renewal fell due at the end of a period, and those who made it; None for a year of several
        periods and where nothing was observed.
    observed
        Share that stayed; None where it was not observed. Of a year of several periods the product of their rates.
    observed_survival
        Share of new customers that is left afterwards: the product of the observed rates; None where one is missing.
    fitted, survival
        The same two by the model, with credible intervals.
    """

    number: int
    at_risk: int | None
    renewed: int | None
    observed: float | None
    observed_survival: float | None
    fitted: Interval
    survival: Interval

    @property
    def is_forecast(self) -> bool:
        return self.observed is None


@dataclass(frozen=True)
class RemainingCustomers:
    """How many of today's customers are left after a number of renewals that still come.

    Attributes
    ----------
    renewals_ahead
        Renewals from now; years_ahead is the same in years.
    customers
        Their number with a **predictive** interval.
    with_one_rate
        What one aggregate retention rate would expect; NaN where no renewal fell due in the last period.
    """

    renewals_ahead: int
    years_ahead: float
    customers: Interval
    with_one_rate: float


@dataclass(frozen=True)
class CohortTenure:
    """What today's customers of one starting cohort still bring.

    Attributes
    ----------
    cohort
        First day of the calendar period in which they began.
    customers
        Those whose contract runs.
    next_retention
        Share of them that makes the next renewal.
    customer_years
        Discounted customer-years of their coming renewals within the horizon, all of them together.
    """

    cohort: dt.date
    customers: int
    next_retention: Interval
    customer_years: Interval


@dataclass(frozen=True)
class ContractualLift:
    """What a gain in first-renewal retention does to discounted customer-years, the polarisation kept.

    Attributes
    ----------
    scope
        ``new_customer`` (the first period included), ``new_customer_renewals`` (without it), or ``base`` (the coming
        renewals of today's customers, whose past stays as it was: the mean of the population moves until their next
        retention has risen by the gain).
    horizon_years
        How far customer-years count; None for all that come.
    retention_before, retention_after
        At the first renewal of a new customer, or the next one of the base.
    years_before
        Discounted customer-years of one new customer, or of the whole base, before the gain.
    lift
        Relative rise of the discounted customer-years; None where retention cannot rise so far.
    reason
        Message key of why there is no lift; None where there is one.
    draws
        The lift under each posterior draw, shape (draws,); empty without a lift.
    """

    scope: str
    horizon_years: float | None
    retention_before: Interval
    retention_after: Interval | None
    years_before: Interval
    lift: Interval | None
    reason: str | None = None
    draws: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


@dataclass(frozen=True)
class ContractualRetention:
    """Retention of customers with a contract.

    Attributes
    ----------
    fit, posterior
        The sBG model of alpha and beta.
    misfit
        Probability of counts that lie farther from the model than the observed ones, were it true (deviance, chi
        squared); None with two periods, where it always fits. Below .05 the forecast deserves doubt.
    period_months
        Months from one renewal to the next.
    periods, years
        Retention by tenure period and by year of tenure, observed and then forecast; no years where a year is no whole
        number of periods.
    base
        Customers whose contract runs.
    remaining
        How many of them are left after 1, 2, ... renewals.
    cohorts
        What they still bring, by starting cohort.
    one_rate
        Aggregate retention rate of the last period, all cohorts together; None where no renewal fell due in it.
    one_rate_gap
        Share by which that one rate misses the discounted value of the base's renewals without a horizon; negative is
        too low. None without ``one_rate``, without a base, or where the value has no bound.
    tenure_years
        Discounted customer-years of a new customer within the horizon, the first period included.
    base_years
        Discounted customer-years of the coming renewals of the base within the horizon.
    gain, gain_kind
        The gain in retention that the lifts are for.
    lifts
        By scope, within the horizon and, where that has a bound, without one.
    horizon_years, annual_discount_rate
        As configured.
    """

    fit: ContractFit
    posterior: Posterior
    misfit: float | None
    period_months: int
    periods: tuple[RenewalRate, ...]
    years: tuple[RenewalRate, ...]
    base: int
    remaining: tuple[RemainingCustomers, ...]
    cohorts: tuple[CohortTenure, ...]
    one_rate: float | None
    one_rate_gap: Interval | None
    tenure_years: Interval
    base_years: Interval
    gain: float
    gain_kind: str
    lifts: tuple[ContractualLift, ...]
    horizon_years: float
    annual_discount_rate: float

    def lift_of(self, scope: str, *, unlimited: bool = False) -> ContractualLift | None:
        """The lift of a scope, within the horizon or without one; None where it has no bound."""
        horizon = None if unlimited else self.horizon_years
        return next((lift for lift in self.lifts if (lift.scope, lift.horizon_years) == (scope, horizon)), None)
