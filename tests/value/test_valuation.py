import numpy as np
import pytest

from analysis.config import EconomicsConfig, ModelConfig
from analysis.models import purchase_result, spend_result
from analysis.models.estimate import MODELS, params_of
from analysis.models.patterns import patterns_of
from analysis.timeunits import TimeUnit
from analysis.value import customer_value
from analysis.value.expectations import discounted_orders, terms_of

COLUMNS = [
    *("customer_id", "first_order", "last_order", "orders", "spent", "frequency", "recency", "T"),
    *("p_alive", "expected_orders", "p_order", "expected_order_value"),
    *("residual_clv", "residual_clv_lower", "residual_clv_upper", "days_until_p_alive_half", "no_repeat_yet"),
]
ECONOMICS = EconomicsConfig(currency="USD")


@pytest.fixture(autouse=True, scope="module")
def _fewer_futures():
    """Two hundred simulated futures are enough for what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.value.valuation.passes_for", lambda customers, most=200: 200)
        yield


@pytest.fixture(scope="module")
def models(cdnow_39_weeks):
    return purchase_result(cdnow_39_weeks, ModelConfig()), spend_result(cdnow_39_weeks, ModelConfig())


@pytest.fixture(scope="module")
def value(cdnow_39_weeks, models):
    return customer_value(cdnow_39_weeks, *models, ModelConfig(), ECONOMICS)


def test_the_table_has_the_columns_that_others_rely_on(value):
    assert list(value.table.columns) == COLUMNS
    assert len(value.table) == 2_357


def test_totals_are_the_sums_of_customers_and_of_every_dimension_of_segments(value):
    total = value.table["residual_clv"].sum()
    assert value.residual_clv.estimate == pytest.approx(total)
    for dimension in ("orders", "recency", "value"):
        parts = [segment for segment in value.segments if segment.dimension == dimension]
        assert sum(segment.customers for segment in parts) == 2_357
        assert sum(segment.residual_clv.estimate for segment in parts) == pytest.approx(total)
        assert sum(segment.share_of_value for segment in parts) == pytest.approx(1)


def test_the_predictive_interval_is_wider_than_the_credible_one_of_the_expectation(value):
    predictive, credible = value.residual_clv, value.expected_residual_clv
    assert predictive.lower < credible.lower < credible.estimate < credible.upper < predictive.upper


def test_the_base_is_valued_under_every_model_since_they_disagree_on_who_is_alive(value):
    assert list(value.by_model) == ["BG/NBD", "MBG/NBD", "Pareto/NBD"]
    assert value.by_model["BG/NBD"].residual_clv == value.residual_clv
    for total in value.by_model.values():
        for interval in (total.residual_clv, total.expected_orders):
            assert interval.lower < interval.estimate < interval.upper


def test_customers_without_a_repeat_order_are_marked_and_have_no_day_on_which_they_count_as_gone(value):
    once = value.table["frequency"] == 0
    assert (value.table["no_repeat_yet"] == once).all()
    assert value.table.loc[once, "days_until_p_alive_half"].isna().all()
    assert (value.table.loc[once, "p_alive"] == 1).all()


def test_probabilities_and_bounds_are_in_their_places(value):
    table = value.table
    assert table["p_alive"].between(0, 1).all()
    assert (table["p_order"] <= table["p_alive"] + 1e-12).all()
    assert (table["p_order"] <= table["expected_orders"] + 1e-12).all()
    assert (table["residual_clv_lower"] <= table["residual_clv_upper"]).all()


@pytest.mark.parametrize("unit", [TimeUnit.DAY, TimeUnit.MONTH])
def test_value_does_not_depend_on_the_time_unit(cdnow_39_weeks, value, unit):
    config = ModelConfig(time_unit=unit)
    other = customer_value(
        cdnow_39_weeks, purchase_result(cdnow_39_weeks, config), spend_result(cdnow_39_weeks, config), config, ECONOMICS
    )
    assert other.table["residual_clv"].to_numpy() == pytest.approx(value.table["residual_clv"].to_numpy(), rel=1e-4)
    assert other.residual_clv.lower == pytest.approx(value.residual_clv.lower, rel=0.03)


def test_margin_scales_value_and_costs_reduce_it(cdnow_39_weeks, models, value):
    doubled = customer_value(cdnow_39_weeks, *models, ModelConfig(), EconomicsConfig(currency="USD", gross_margin=0.6))
    costly = customer_value(cdnow_39_weeks, *models, ModelConfig(), EconomicsConfig(currency="USD", cost_per_order=5))
    assert doubled.residual_clv.estimate == pytest.approx(2 * value.residual_clv.estimate)
    assert doubled.residual_clv.upper == pytest.approx(2 * value.residual_clv.upper)
    assert costly.residual_clv.estimate < value.residual_clv.estimate


def test_over_a_very_long_horizon_discounted_orders_reach_the_infinite_sum(cdnow_39_weeks, models):
    """P(alive) E[lambda / (lambda p + delta)], by simulation of lambda and p."""
    fit, patterns = models[0].primary, patterns_of(cdnow_39_weeks, TimeUnit.WEEK)
    model, params = MODELS[fit.model], params_of(fit)
    terms = terms_of(ModelConfig(), EconomicsConfig(horizon_years=100, annual_discount_rate=0.15))
    found = discounted_orders(model, params, patterns, terms)
    rng = np.random.default_rng(1)
    for row in (0, len(patterns) // 2, len(patterns) - 1):
        x, _, age = (part[row] for part in patterns.history)
        rate = rng.gamma(params.r + x, 1 / (params.alpha + age), 400_000)
        leaves = rng.beta(params.a, params.b + x, 400_000)
        drawn = rate / (rate * leaves + terms.delta)
        alive = float(model.p_alive(params, *(part[row] for part in patterns.history)))
        assert found[row] == pytest.approx(alive * drawn.mean(), abs=5 * alive * drawn.std() / np.sqrt(drawn.size))


def test_without_money_there_are_orders_but_no_value(cdnow_39_weeks, models):
    from analysis.data import CustomerSummary

    table = cdnow_39_weeks.table.drop(columns=["spent", "mean_repeat_value"])
    bare = CustomerSummary(table, cdnow_39_weeks.observation_end, has_money=False)
    found = customer_value(bare, models[0], None, ModelConfig(), EconomicsConfig())
    assert list(found.table.columns) == COLUMNS
    assert found.table[["spent", "residual_clv", "residual_clv_lower"]].isna().all().all()
    assert found.residual_clv is None
    assert found.expected_orders.estimate > 0
    assert all(segment.residual_clv is None for segment in found.segments)


def test_customers_are_never_stored_times_draws(monkeypatch, cdnow_39_weeks, models):
    monkeypatch.setattr("analysis.models.futures.CELLS_PER_CHUNK", 50_000)
    seen = []
    import analysis.value.predictive as predictive

    original = predictive.simulate_futures

    def spying(*args):
        for chunk in original(*args):
            seen.append(chunk.orders.size)
            yield chunk

    monkeypatch.setattr(predictive, "simulate_futures", spying)
    customer_value(cdnow_39_weeks, *models, ModelConfig(), ECONOMICS)
    assert max(seen) <= 50_000
