import numpy as np
import pytest

from analysis.models.baselines import BASELINES, CountForecast, learned_forecast


def _base(n, seed, *, leave=0.0):
    """Customers of 200 days, forecast over 100 more; a share has left at day 100 unnoticed."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.0, 0.02, n)
    gone = rng.random(n) < leave
    active_days = np.where(gone, 100.0, 200.0)
    x = rng.poisson(rate * active_days)
    recency = np.where(x > 0, active_days * rng.beta(np.maximum(x, 1), 1), 0.0)
    count = rng.poisson(rate * 100 * ~gone)
    columns = {"frequency": x.astype(float), "recency_days": recency, "T_days": np.full(n, 200.0)}
    return columns | {"horizon_days": np.full(n, 100.0)}, count


@pytest.mark.parametrize("baseline", BASELINES)
def test_every_baseline_learns_the_level_and_beats_a_careless_version_of_itself(baseline):
    past, count = _base(4_000, 1)
    future, came = _base(4_000, 2)
    learned = learned_forecast(baseline, past, count, future)
    careless = CountForecast(np.full(came.size, 0.05), size=10.0)
    assert learned.mean.sum() == pytest.approx(came.sum(), rel=0.1)
    assert learned.log_probability(came).mean() > careless.log_probability(came).mean()


def test_where_customers_leave_the_hiatus_rule_beats_the_past_rate_and_both_beat_the_average():
    past, count = _base(6_000, 3, leave=0.5)
    future, came = _base(6_000, 4, leave=0.5)
    score = {name: learned_forecast(name, past, count, future).log_probability(came).mean() for name in BASELINES}
    assert score["hiatus"] > score["same rate"] > score["average"]
