"""The sBG model: published segments, its sums against plain addition and simulated customers, and what it refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.special import betaln

from analysis.errors import NotIdentified
from analysis.models.shifted_beta_geometric import (
    SBGParams,
    contract_posterior,
    discounted_renewals,
    fit_shifted_beta_geometric,
    survival,
)

PUBLISHED = yaml.safe_load((Path(__file__).parents[1] / "reference" / "contracts.yml").read_text())
SEGMENTS = [PUBLISHED["segments"][name] for name in ("high_end", "regular")]
FITTED_YEARS = PUBLISHED["segments"]["fitted_years"]


def of_cohort(sizes, cohorts=1):
    """Renewals of a cohort of such sizes at the start, after the first renewal, and so on; of so many cohorts alike."""
    at_risk, lost = np.array(sizes[:-1]) * cohorts, -np.diff(sizes) * cohorts
    return pd.DataFrame({"period": np.arange(1, len(sizes)), "at_risk": at_risk, "lost": lost})


@pytest.mark.parametrize("segment", SEGMENTS, ids=["high end", "regular"])
def test_a_published_segment_is_reproduced_forecast_within_its_known_errors_and_hardly_moved_by_the_prior(segment):
    actual = np.array(segment["survival_percent"])
    counts = of_cohort(actual[: FITTED_YEARS + 1] * 10)
    fit = fit_shifted_beta_geometric(counts)
    assert (round(fit.alpha, 3), round(fit.beta, 3)) == (segment["alpha"], segment["beta"])
    errors = np.abs(100 * survival(fit, np.arange(13)) - actual)[FITTED_YEARS + 1 :]
    assert round(errors.mean(), 2) == segment["forecast_mean_error"]
    assert round(errors.max(), 2) == segment["forecast_largest_error"]
    posterior = contract_posterior(fit, counts, seed=1)
    assert posterior.pareto_shape < 0.7
    assert posterior.effective_size > 2_000
    gap = np.median(posterior.draws, axis=0) - fit
    assert (abs(gap) < 0.2 * posterior.draws.std(axis=0)).all()


def test_cohorts_of_different_ages_give_the_published_parameters():
    published = PUBLISHED["five_cohorts"]
    fit = fit_shifted_beta_geometric(of_cohort(published["sizes"], cohorts=np.arange(4, 0, -1)))  # a year apart
    assert round(fit.alpha, 2) == published["alpha"]
    assert round(fit.beta, 2) == published["beta"]


@pytest.mark.parametrize("alpha", [0.01, 3.8, 1000])
@pytest.mark.parametrize("beta", [0.02, 15, 2000])
@pytest.mark.parametrize("rate", [0.5, 0.1, 0.0008])
def test_discounted_renewals_are_what_adding_up_gives(alpha, beta, rate):
    t = np.arange(int(45 / np.log1p(rate)))
    added = np.exp(betaln(alpha, beta + t) - betaln(alpha, beta) - t * np.log1p(rate))
    params = SBGParams(alpha, beta)
    assert float(discounted_renewals(params, rate)) == pytest.approx(added[1:].sum(), rel=1e-9)
    assert float(discounted_renewals(params, rate, 7)) == pytest.approx(added[1:8].sum(), rel=1e-9)


@pytest.mark.parametrize(("sizes", "reason"), [
    ([100, 60], "few_periods"), ([100, 60, 0], "rates_do_not_rise"), ([100, 100, 100], "nobody_left"),
    ([100, 0, 0], "few_periods"), ([1000, 800, 640, 512], "rates_do_not_rise"),
    ([1000, 900, 800, 690, 550], "rates_do_not_rise"), ([100, 20, 20, 20], "at_once_or_never"),
])  # fmt: skip
def test_what_the_contracts_do_not_tell_is_refused_with_the_reason(sizes, reason):
    with pytest.raises(NotIdentified) as refused:
        fit_shifted_beta_geometric(of_cohort(sizes))
    assert refused.value.reason.code == f"contracts.reason.{reason}"


def test_contracts_that_nobody_renews_are_refused():
    counts = pd.DataFrame({"period": [1, 2], "at_risk": [30, 10], "lost": [30, 10]})
    with pytest.raises(NotIdentified, match="Nobody stayed at any of the 40 renewals"):
        fit_shifted_beta_geometric(counts)
