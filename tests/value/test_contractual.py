"""Retention of customers with a contract: published cohorts, simulated truths, and gains that must come out right."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.config import Config
from analysis.data.contracts import Contracts
from analysis.models.shifted_beta_geometric import SBGParams, survival
from analysis.value.contractual import contractual_retention

SIZES = yaml.safe_load((Path(__file__).parents[1] / "reference" / "contracts.yml").read_text())["five_cohorts"]["sizes"]


def config(economics=None, retention=None, **model):
    return Config(
        name="gym",
        data={"transactions": {"sample": "cdnow"}},
        economics=economics or {},
        retention=retention or {},
        model=model,
    )


def cohorts(tables, months=12) -> Contracts:
    """Contracts from the sizes of each cohort over time, the oldest first; all are seen to the same day."""
    counts, base, due, renewed = [], [], 0, 0
    for number, sizes in enumerate(tables):
        begun = pd.Timestamp(2000 + number, 1, 1)
        for period in range(1, len(sizes)):
            before, after = sizes[period - 1], sizes[period]
            counts.append((begun, period, before, after, before - after))
        base.append((begun, len(sizes) - 1, sizes[-1]))
        due, renewed = due + (sizes[-2] if len(sizes) > 1 else 0), renewed + (sizes[-1] if len(sizes) > 1 else 0)
    return Contracts(
        counts=pd.DataFrame(counts, columns=["cohort", "period", "at_risk", "renewed", "lost"]),
        base=pd.DataFrame(base, columns=["cohort", "renewals", "customers"]),
        due_last=due,
        renewed_last=renewed,
        customers=sum(sizes[0] for sizes in tables),
        period_months=months,
        first_start=dt.date(2000, 1, 1),
        as_of=dt.date(2000 + len(tables), 1, 1),
        rows_read=0,
        data_hash=None,
        notes=(),
    )


FIVE = [SIZES[: 5 - number] for number in range(5)]


def simulated(rng, truth: SBGParams, customers: int, ages) -> Contracts:
    tables = []
    for age in ages:
        leaves = rng.geometric(rng.beta(*truth, customers))
        tables.append([int(np.sum(leaves > t)) for t in range(age + 1)])
    return cohorts(tables)


@pytest.fixture(scope="module")
def five():
    return contractual_retention(cohorts(FIVE), config())


def test_one_aggregate_rate_values_the_published_base_12_2_per_cent_too_low(five):
    assert five.base == 34_178
    assert five.one_rate == pytest.approx(0.8117, abs=5e-5)
    assert round(five.one_rate_gap.estimate, 3) == -0.122
    assert five.one_rate_gap.lower < -0.122 < five.one_rate_gap.upper < 0


def test_observed_and_fitted_retention_stand_side_by_side_and_then_comes_the_forecast(five):
    observed = [period for period in five.periods if not period.is_forecast]
    assert [period.number for period in observed] == [1, 2, 3, 4]
    assert [round(period.observed, 3) for period in observed] == [0.8, 0.81, 0.819, 0.827]
    for period in observed:
        assert period.fitted.lower < period.observed < period.fitted.upper
        assert period.observed_survival == pytest.approx(SIZES[period.number] / SIZES[0])
    assert len(five.periods) == 9
    assert all(period.at_risk is None and period.observed_survival is None for period in five.periods[4:])
    widths = [period.survival.upper - period.survival.lower for period in five.periods]
    assert widths[8] > widths[4]
    assert five.years == five.periods
    assert five.misfit > 0.99


def test_fewer_customers_remain_every_year_and_more_than_one_rate_says(five):
    left = [ahead.customers.estimate for ahead in five.remaining]
    assert np.all(np.diff(left) < 0)
    assert left[0] < five.base
    assert all(ahead.customers.lower < ahead.customers.estimate < ahead.customers.upper for ahead in five.remaining)
    assert all(ahead.with_one_rate < ahead.customers.estimate for ahead in five.remaining)


def test_older_cohorts_stay_more_and_the_cohorts_add_up_to_the_base(five):
    next_retention = [cohort.next_retention.estimate for cohort in five.cohorts]
    assert next_retention == sorted(next_retention, reverse=True)
    assert sum(cohort.customers for cohort in five.cohorts) == five.base
    assert sum(cohort.customer_years.estimate for cohort in five.cohorts) == pytest.approx(five.base_years.estimate)


@pytest.mark.parametrize("scope", ["new_customer", "new_customer_renewals", "base"])
def test_the_gain_lifts_retention_by_itself_and_customer_years_by_more_the_longer_they_count(five, scope):
    lift, unlimited = five.lift_of(scope), five.lift_of(scope, unlimited=True)
    assert lift.retention_after.estimate - lift.retention_before.estimate == pytest.approx(0.05)
    assert 0 < lift.lift.lower < lift.lift.estimate < lift.lift.upper
    assert unlimited.lift.lower > lift.lift.upper
    assert len(lift.draws) == len(five.posterior.draws)


def test_the_lift_of_a_new_customer_is_a_shift_of_the_mean_at_the_same_polarisation(five):
    alpha, beta = five.fit.params
    moved = SBGParams(alpha - 0.05 * (alpha + beta), beta + 0.05 * (alpha + beta))
    years = np.arange(3)
    before, after = (np.sum(survival(params, years) / 1.1**years) for params in (five.fit.params, moved))
    assert five.tenure_years.estimate == pytest.approx(before)
    assert five.lift_of("new_customer").lift.estimate == pytest.approx(after / before - 1)


@pytest.mark.parametrize("kind", ["points", "relative", "fewer_lost"])
def test_no_gain_lifts_exactly_nothing_and_more_gain_lifts_more(kind):
    lifts = []
    for gain in (0.0, 0.02, 0.05):
        result = contractual_retention(cohorts(FIVE), config(retention={"gain": gain, "gain_kind": kind}))
        lifts.append([lift.lift.estimate for lift in result.lifts])
        if gain == 0:
            assert all(np.all(lift.draws == 0) for lift in result.lifts)
    assert lifts[0] == [0.0] * 6
    assert np.all(np.diff(lifts, axis=0) > 0)


def test_points_and_per_cent_agree_where_retention_makes_them_the_same(five):
    first = five.lift_of("new_customer").retention_before.estimate
    relative = contractual_retention(
        cohorts(FIVE), config(retention={"gain": 0.05 / first, "gain_kind": "relative"})
    ).lift_of("new_customer")
    assert relative.lift.estimate == pytest.approx(five.lift_of("new_customer").lift.estimate)


def test_retention_that_cannot_rise_so_far_has_no_lift_but_a_reason():
    result = contractual_retention(cohorts(FIVE), config(retention={"gain": 0.25}))
    assert {lift.reason for lift in result.lifts} == {"lift.reason.cannot_rise"}
    assert all(lift.lift is None and lift.retention_after is None and not lift.draws.size for lift in result.lifts)


def test_a_horizon_without_a_renewal_has_no_renewals_to_lift():
    result = contractual_retention(cohorts(FIVE), config(economics={"horizon_years": 1}))
    assert result.tenure_years.estimate == 1
    assert result.lift_of("new_customer").lift.estimate == 0
    assert result.lift_of("new_customer_renewals").reason == "contracts.reason.no_renewal_in_horizon"


def test_without_discount_there_is_no_value_without_a_horizon():
    result = contractual_retention(cohorts(FIVE), config(economics={"annual_discount_rate": 0}))
    assert result.one_rate_gap is None
    assert result.lift_of("base", unlimited=True) is None
    assert result.lift_of("base").lift.estimate > 0


def test_months_are_gathered_into_years():
    rng = np.random.default_rng(4)
    monthly = simulated(rng, SBGParams(0.6, 12.0), 2_000, [24] * 3)
    monthly = cohorts([[2_000, *sizes] for sizes in _sizes(monthly)], months=1)
    result = contractual_retention(monthly, config())
    year = result.years[0]
    assert year.at_risk is None
    assert year.observed == pytest.approx(np.prod([period.observed for period in result.periods[:12]]))
    assert year.fitted.estimate == pytest.approx(np.prod([period.fitted.estimate for period in result.periods[:12]]))
    assert result.tenure_years.estimate < 3
    assert result.remaining[11].years_ahead == pytest.approx(1)


def _sizes(contracts):
    return [table["renewed"].tolist() for _, table in contracts.counts.groupby("cohort")]


def test_a_year_that_is_no_whole_number_of_periods_has_no_yearly_rates():
    assert contractual_retention(cohorts(FIVE, months=24), config()).years == ()


def test_contracts_without_a_running_one_still_give_rates():
    contracts = cohorts([[1_000, 500, 350, 280]])
    gone = Contracts(**{**vars(contracts), "base": contracts.base.iloc[:0]})
    result = contractual_retention(gone, config())
    assert result.base == 0
    assert result.one_rate_gap is None
    assert result.cohorts == ()
    assert result.lift_of("base") is None
    assert result.lift_of("new_customer").lift.estimate > 0


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [([100, 80, 64, 51], "rates_do_not_rise"), ([90, 90, 90], "nobody_left"), ([100, 20, 20, 20], "at_once_or_never")],
)
def test_what_the_model_cannot_learn_is_a_note_with_the_reason(sizes, reason):
    note = contractual_retention(cohorts([sizes]), config())
    assert note.key == f"contracts.reason.{reason}"
    assert note.numbers["renewals_due"] == sum(sizes[:-1])


def test_retention_that_falls_again_is_seen_as_a_misfit():
    result = contractual_retention(cohorts([[10_000, 5_000, 4_000, 3_600, 2_500]]), config())
    assert result.misfit < 0.001


@pytest.mark.slow
def test_intervals_of_rates_and_lifts_cover_a_simulated_truth():
    truth, rng = SBGParams(0.9, 3.1), np.random.default_rng(21)
    years = np.arange(3)
    moved = SBGParams(0.9 - 0.05 * 4.0, 3.1 + 0.05 * 4.0)
    before, after = (np.sum(survival(params, years) / 1.1**years) for params in (truth, moved))
    true_survival, covered = float(survival(truth, 8)), np.zeros(2)
    for _ in range(200):
        result = contractual_retention(simulated(rng, truth, 500, range(1, 6)), config())
        lift, left = result.lift_of("new_customer").lift, result.periods[7].survival
        covered += [lift.lower < after / before - 1 < lift.upper, left.lower < true_survival < left.upper]
    assert np.all((covered >= 169) & (covered <= 190)), covered
