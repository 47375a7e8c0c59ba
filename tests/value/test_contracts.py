"""Retention of customers with a contract: published cohorts and simulated truths."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.data.contracts import Contracts
from analysis.models.shifted_beta_geometric import SBGParams, survival
from analysis.value.contracts import contractual_retention

SIZES = yaml.safe_load((Path(__file__).parents[1] / "reference" / "contracts.yml").read_text())["five_cohorts"]["sizes"]


def cohorts(tables, months=12) -> Contracts:
    """Contracts from the sizes of each cohort over time, the oldest first; all are seen to the same day."""
    counts, base, due, renewed = [], [], 0, 0
    for number, sizes in enumerate(tables):
        begun = pd.Timestamp(2000 + number, 1, 1)
        for period in range(1, len(sizes)):
            before, after = sizes[period - 1], sizes[period]
            counts.append((begun, period, before, after, before - after))
        base.append((begun, len(sizes) - 1, sizes[-1], 1.0))
        due, renewed = due + (sizes[-2] if len(sizes) > 1 else 0), renewed + (sizes[-1] if len(sizes) > 1 else 0)
    return Contracts(
        counts=pd.DataFrame(counts, columns=["cohort", "period", "at_risk", "renewed", "lost"]),
        base=pd.DataFrame(base, columns=["cohort", "renewals", "customers", "ahead"]), due_last=due,
        renewed_last=renewed, customers=sum(sizes[0] for sizes in tables), period_months=months,
        first_start=dt.date(2000, 1, 1), as_of=dt.date(2000 + len(tables), 1, 1), rows_read=0, data_hash=None,
        notes=(),
    )  # fmt: skip


FIVE = [SIZES[: 5 - number] for number in range(5)]


def simulated(rng, truth: SBGParams, customers: int, ages) -> Contracts:
    tables = []
    for age in ages:
        leaves = rng.geometric(rng.beta(*truth, customers))
        tables.append([int(np.sum(leaves > t)) for t in range(age + 1)])
    return cohorts(tables)


@pytest.fixture(scope="module")
def five():
    return contractual_retention(cohorts(FIVE))


def test_one_aggregate_rate_values_the_published_base_12_2_per_cent_too_low(five):
    assert five.base == 34_178
    assert five.one_rate == pytest.approx(0.8117, abs=5e-5)
    assert round(five.one_rate_gap.estimate, 3) == -0.122
    assert five.one_rate_gap.lower < -0.122 < five.one_rate_gap.upper < 0


def test_observed_and_fitted_retention_stand_side_by_side_and_then_comes_the_forecast(five):
    observed, forecast = five.periods.iloc[:4], five.periods.iloc[4:]
    assert observed["number"].tolist() == [1, 2, 3, 4]
    assert observed["observed"].round(3).tolist() == [0.8, 0.81, 0.819, 0.827]
    assert observed["observed"].between(observed["fitted_lower"], observed["fitted_upper"]).all()
    assert observed["observed_survival"].tolist() == pytest.approx([size / SIZES[0] for size in SIZES[1:5]])
    assert len(forecast) == 5
    assert forecast[["at_risk", "renewed", "observed", "observed_survival"]].isna().all().all()
    widths = five.periods["survival_upper"] - five.periods["survival_lower"]
    assert widths[8] > widths[4]
    assert five.misfit > 0.99


def test_without_discount_there_is_no_value_without_a_horizon():
    result = contractual_retention(cohorts(FIVE), annual_discount_rate=0)
    assert result.one_rate_gap is None
    assert result.base_years.estimate > 0


def test_a_month_is_a_twelfth_of_a_year_of_tenure():
    rng = np.random.default_rng(4)
    monthly = simulated(rng, SBGParams(0.6, 12.0), 2_000, [24] * 3)
    sizes = [[2_000, *table["renewed"]] for _, table in monthly.counts.groupby("cohort")]
    result = contractual_retention(cohorts(sizes, months=1))
    assert len(result.periods) == 24 + 60
    assert 0 < result.base_years.estimate < 3 * result.base


def test_renewals_are_discounted_from_the_day_on_which_they_fall_due(five):
    contracts = cohorts(FIVE)
    soon = Contracts(**{**vars(contracts), "base": contracts.base.assign(ahead=0.25)})
    assert contractual_retention(soon).base_years.estimate == pytest.approx(five.base_years.estimate * 1.1**0.75)


def test_renewals_that_fall_due_after_the_horizon_do_not_count():
    contracts = cohorts(FIVE)
    late = Contracts(**{**vars(contracts), "base": contracts.base.assign(ahead=0.9)})
    two, between, three = (
        contractual_retention(late, horizon=f"{years}Y").base_years.estimate for years in (2, 2.5, 3)
    )
    assert two == between < three


def test_contracts_without_a_running_one_still_give_rates():
    contracts = cohorts([[1_000, 500, 350, 280]])
    gone = Contracts(**{**vars(contracts), "base": contracts.base.iloc[:0]})
    result = contractual_retention(gone)
    assert result.base == 0
    assert result.one_rate_gap is None
    assert "No contract runs on the last day of the data." in map(str, result.sentences())
    assert result.base_years.estimate == 0


def test_retention_that_falls_again_is_seen_as_a_misfit():
    result = contractual_retention(cohorts([[10_000, 5_000, 4_000, 3_600, 2_500]]))
    assert result.misfit < 0.001
    assert any("the forecast deserves doubt" in str(sentence) for sentence in result.sentences())


@pytest.mark.slow
def test_intervals_of_survival_cover_a_simulated_truth():
    truth, rng, covered = SBGParams(0.9, 3.1), np.random.default_rng(21), 0
    for _ in range(200):
        left = contractual_retention(simulated(rng, truth, 500, range(1, 6))).periods.iloc[7]
        covered += left["survival_lower"] < float(survival(truth, 8)) < left["survival_upper"]
    assert 169 <= covered <= 190, covered
