import dataclasses

import numpy as np
import pytest

from analysis.config import Config
from analysis.data import holdout_split, load_orders
from analysis.models.backtest import forecast_holdout
from analysis.time import TimeUnit


@pytest.fixture(scope="module")
def cdnow_split(cdnow):
    return holdout_split(cdnow, 39)


@pytest.fixture(scope="module")
def cdnow_test(cdnow_split, cdnow_purchase):
    """The back test with the fits of its 39 weeks, which other tests have too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.models.backtest.fit_candidates", lambda *_, **__: cdnow_purchase)
        return forecast_holdout(cdnow_split, time_unit=TimeUnit.WEEK, seed=1)


def test_bgnbd_forecasts_1653_orders_where_1882_came_outside_its_own_interval(cdnow_test):
    score = cdnow_test.scores.loc["BG/NBD"]
    assert score.mae == pytest.approx(0.785, abs=5e-4)
    assert score.actual == 1_882
    assert round(score.estimate) == 1_653
    assert score.upper < 1_882
    assert score.lower == pytest.approx(1_487, rel=0.02)
    assert score.upper == pytest.approx(1_818, rel=0.02)


def test_the_size_of_a_miss_is_said_in_its_own_standard_deviations(cdnow_test):
    own = cdnow_test.scores.loc["BG/NBD"]
    assert 0 < cdnow_test.miss_probability < 0.1
    assert cdnow_test.miss > 1.645
    exact = dataclasses.replace(cdnow_test, actual=round(own["estimate"]))
    assert abs(exact.miss) < 0.02
    at_its_lower_end = dataclasses.replace(cdnow_test, actual=round(own["lower"]))
    assert at_its_lower_end.miss < 0
    assert at_its_lower_end.miss_probability == pytest.approx(1 - own["level"], abs=0.04)


def test_groups_and_the_path_end_in_the_totals(cdnow_test):
    groups = cdnow_test.calibration_by_group
    assert groups["customers"] @ groups["actual"] == pytest.approx(1_882)
    assert groups["customers"] @ groups["BG/NBD"] == pytest.approx(1_653.4, abs=0.1)
    path = cdnow_test.path
    assert path["actual"].is_monotonic_increasing
    assert path[["actual", "estimate"]].iloc[-1].tolist() == pytest.approx([1_882, 1_653.4], abs=0.1)


@pytest.mark.slow
def test_when_the_future_ignores_the_past_the_verdict_is_not_to_use_the_model(cdnow_split):
    """Orders dealt out evenly, as the average baseline says, whatever a customer did before."""
    rng = np.random.default_rng(1)
    earlier = dataclasses.replace(
        cdnow_split.earlier, holdout_orders=rng.poisson(0.4, len(cdnow_split.earlier.holdout_orders))
    )
    shuffled = dataclasses.replace(
        cdnow_split, holdout_orders=rng.poisson(0.8, len(cdnow_split.holdout_orders)), earlier=earlier
    )
    test = forecast_holdout(shuffled, time_unit=TimeUnit.WEEK, seed=1)
    assert test.verdict == "baseline"
    assert test.winner in {"same rate", "hiatus", "average"}
    assert test.lead.upper < 0


@pytest.mark.slow
def test_on_customers_who_really_are_bgnbd_the_model_beats_every_baseline(tmp_path):
    config = Config(name="simulated", data={"transactions": {"sample": "simulated"}})
    split = holdout_split(load_orders(config, workdir=tmp_path), 26)
    test = forecast_holdout(split, time_unit=TimeUnit.WEEK, seed=1)
    assert test.verdict == "model"
    assert test.winner == "BG/NBD"


def test_three_models_and_three_baselines_are_ranked_by_log_score(cdnow_test):
    scores = cdnow_test.scores
    assert set(scores.index[scores["is_baseline"]]) == {"same rate", "hiatus", "average"}
    assert set(scores.index[~scores["is_baseline"]]) == {"BG/NBD", "MBG/NBD", "Pareto/NBD"}
    assert scores["log_score"].is_monotonic_decreasing
    assert cdnow_test.winner == scores.index[0]
    assert not cdnow_test.accuracy["is_baseline"][cdnow_test.winner]
    assert cdnow_test.best_baseline == "same rate"
