import pytest

from analysis.models.patterns import patterns_of
from analysis.models.registry import MODELS
from analysis.time import Clock, TimeUnit
from analysis.value.retention import model_retention

from .individuals import YEAR


@pytest.fixture(scope="module")
def retention(cdnow_39_weeks, cdnow_purchase):
    return model_retention(cdnow_39_weeks, cdnow_purchase)


def test_later_years_lose_fewer_since_those_who_leave_easily_have_left(retention):
    by_year = retention.years.set_index("year").groupby(["group", "model"])["estimate"]
    rates = by_year.get_group(("new_customers", "BG/NBD"))
    assert rates[:4].tolist() == pytest.approx([0.764, 0.900, 0.933, 0.949], abs=0.001)
    assert all(rates.is_monotonic_increasing for _, rates in by_year)


def test_the_retention_of_the_base_is_that_of_those_who_are_alive(retention, cdnow_39_weeks, cdnow_purchase):
    patterns = patterns_of(cdnow_39_weeks, Clock(TimeUnit.WEEK))
    first = retention.years.query("group == 'base' and year == 1").set_index("model")["estimate"]
    for fit in cdnow_purchase:
        model = MODELS[fit.model]
        alive = model.p_alive(fit.params, *patterns.history)
        stays = model.survival_while_alive(fit.params, YEAR, patterns.frequency, patterns.T)
        exact = patterns.total(alive * stays) / patterns.total(alive)
        assert first[fit.model] == pytest.approx(exact, rel=1e-5)


def test_whether_anyone_was_watched_for_a_year_is_known(retention):
    assert not retention.reaches_a_year
    assert retention.oldest_age_years == pytest.approx(272 / 365.25, abs=0.01)
