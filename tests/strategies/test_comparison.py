from dataclasses import replace

import numpy as np
import pytest

from analysis.config import Config
from analysis.data import Note
from analysis.strategies import strategy_results
from analysis.strategies.comparison import mean_order_value, strategy_world
from analysis.strategies.decision import decision
from analysis.strategies.parameters import Estimate, Span


def _config(**strategies):
    settings = {"draws": 20, "customers": 200, "horizon_weeks": 52} | strategies
    return Config(name="shop", data={"transactions": {"sample": "cdnow"}}, strategies=settings)


def test_strategies_are_compared_under_both_structures(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    own = [{"name": "club", "promotion": {"depth": 0, "points": 0.03}}]
    config = _config(own=own, attack={"rival_depth": 0.4, "first_week": 10, "last_week": 20})
    found = strategy_results(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config, joining_per_year=500.0)
    assert found.per_purchase.names == ("nothing", "promotion", "expectation", "both", "club")
    views = [(run.model, run.structure) for run in found.simulations]
    assert views == [("BG/NBD", "per_purchase"), ("BG/NBD", "calendar"), ("MBG/NBD", "per_purchase")]
    assert found.per_purchase.profit.shape == (20, 5)
    assert found.attacked["calendar"].taken.mean() > 0
    assert (found.attacked["per_purchase"].profit.mean(axis=0) > 0).all()
    dimensions = {segment.dimension for segment in found.calendar.segments}
    assert dimensions == {"tenure", "value", "type"}
    assert {note.key for note in found.notes} == {"strategies.note.no_deal_today", "strategies.note.same_budget"}


def test_a_better_experience_without_a_stated_cost_gets_the_budget_of_the_promotion(
    cdnow_39_weeks, cdnow_purchase, cdnow_spend
):
    found = strategy_results(cdnow_39_weeks, cdnow_purchase, cdnow_spend, _config(), joining_per_year=0.0)
    world, _ = strategy_world(cdnow_39_weeks, cdnow_purchase, cdnow_spend, _config())
    promotion, expectation = found.per_purchase.strategies[1:3]
    given = promotion.promotion.given_per_order * mean_order_value(world)
    assert expectation.experience.invested_per_order == pytest.approx(given)
    stated = _config(experience={"invested_per_customer_year": 4.0})
    found = strategy_results(cdnow_39_weeks, cdnow_purchase, cdnow_spend, stated, joining_per_year=0.0)
    experience = found.per_purchase.strategies[2].experience
    assert (experience.invested_per_customer_year, experience.invested_per_order) == (4.0, 0.0)


def test_without_money_there_is_nothing_to_compare(cdnow_39_weeks, cdnow_purchase):
    assert strategy_results(cdnow_39_weeks, cdnow_purchase, None, _config()) == Note("strategies.reason.no_money")


def test_what_is_configured_beats_what_was_observed(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    config = _config(todays_deal=0.1, assumptions={"tau": 2.0, "theta_exp": {"low": 0.1, "high": 0.3}})
    estimates = {"tau": Estimate(4.0, 0.1), "kappa_deal": Estimate(0.5, 0.01)}
    world, notes = strategy_world(
        cdnow_39_weeks, cdnow_purchase, cdnow_spend, config, estimates=estimates, observed_deal=0.3
    )
    assert world.economics.todays_deal == 0.1
    told = Note("strategies.note.deal_today", {"deal": 0.1, "origin": "stated"})
    assert [note if note == told else note.key for note in notes] == [told, "strategies.note.nobody_new"]
    origin = world.parameters.origin
    assert (origin["tau"], origin["theta_exp"], origin["kappa_deal"]) == ("given", "given", "estimate")
    assert (world.parameters.values["tau"] == 2.0).all()


def test_an_assumption_that_the_data_limit_keeps_within_and_stays_one(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    caps = {"theta_deal": Span(0.0, 0.4, 0.1), "tau": Span(2.0, 3.0, 2.5)}
    config = _config(assumptions={"tau": 4.0})
    world, _ = strategy_world(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config, caps=caps)
    origin = world.parameters.origin
    assert (origin["theta_deal"], origin["tau"], origin["gamma_deal"]) == ("capped", "given", "assumption")
    assert world.parameters.values["theta_deal"].max() <= 0.4


def test_the_horizon_is_that_of_the_economics_unless_stated():
    assert _config().horizon_weeks == 52
    assert _config(horizon_weeks=None).horizon_weeks == 157


def test_a_promotion_that_with_what_orders_save_already_exceeds_the_price_cannot_be_compared(
    cdnow_39_weeks, cdnow_purchase, cdnow_spend
):
    config = _config(promotion={"depth": 0.7}, own=[{"name": "club", "promotion": {"depth": 0.8, "points": 0.05}}])
    found = strategy_results(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config, observed_deal=0.2)
    assert found == Note("strategies.reason.too_deep", {"deal": pytest.approx(0.85), "today": 0.2})


def test_what_goes_on_today_is_told(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    found = strategy_results(cdnow_39_weeks, cdnow_purchase, cdnow_spend, _config(), observed_deal=0.05)
    assert Note("strategies.note.deal_today", {"deal": 0.05, "origin": "data"}) in found.notes
    assert found.todays_deal == 0.05


def test_a_promotion_that_gives_nothing_is_ranked_as_doing_nothing(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    config = _config(promotion={"depth": 0}, experience={"invested_per_order": 1.0})
    found = strategy_results(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config, joining_per_year=100.0)
    chosen = decision(found.simulations, 0.9, seed=1)
    assert chosen.twins == {"promotion": "nothing", "both": "expectation"}
    assert chosen.rankings[0].names == ("nothing", "expectation")
    assert sum(chosen.rankings[0].probability_best) == pytest.approx(1)
    kept = found.per_purchase.among(["nothing", "expectation"])
    assert np.array_equal(kept.cumulative[:, 1], found.per_purchase.cumulative[:, 2])
    assert sum(kept.components.values())[:, 1] == pytest.approx(kept.difference[:, 1])


def test_the_same_configuration_gives_the_same_numbers(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    runs = [strategy_results(cdnow_39_weeks, cdnow_purchase, cdnow_spend, _config()) for _ in range(2)]
    assert np.array_equal(runs[0].calendar.profit, runs[1].calendar.profit)


def test_known_customer_types_give_the_mix_of_the_others(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    kinds = np.full(len(cdnow_39_weeks.table), -1)
    kinds[:300], kinds[300:400] = 0, 1
    world, notes = strategy_world(cdnow_39_weeks, cdnow_purchase, cdnow_spend, _config(), kinds=kinds)
    assert np.allclose(world.parameters.types, [0.75, 0.25, 0, 0])
    assert notes[0] == Note("strategies.note.types_known", {"known": 400, "customers": 2357, "others": "known"})
    known = kinds[world.base.row] >= 0
    assert (world.base.kind[:, known] == kinds[world.base.row][known]).all()


def test_a_base_that_brings_no_money_has_nothing_to_compare(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    worthless = replace(cdnow_spend, fit=replace(cdnow_spend.fit, mean_order_value=0.0), posterior=None)
    worthless = replace(worthless, fit=replace(worthless.fit, model="constant", parameters={"mean": 0.0}))
    found = strategy_results(cdnow_39_weeks, cdnow_purchase, worthless, _config())
    assert found == Note("strategies.reason.worthless")


def test_customers_are_grouped_by_what_is_expected_of_them_and_not_by_what_becomes_of_them(
    cdnow_39_weeks, cdnow_purchase, cdnow_spend
):
    world, _ = strategy_world(cdnow_39_weeks, cdnow_purchase, cdnow_spend, _config())
    lower = world.base.alive[:, world.labels["value"] == "lower_half"]
    top = world.base.alive[:, world.labels["value"] == "top_tenth"]
    assert 0.2 < lower.mean() < 1.0
    assert top.mean() < 1.0


def test_nobody_new_because_it_is_stated_is_told_apart_from_not_knowing(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    stated = _config().model_copy(
        update={"retention": _config().retention.model_copy(update={"new_customers_per_year": 0.0})}
    )
    notes = [strategy_world(cdnow_39_weeks, cdnow_purchase, cdnow_spend, each)[1] for each in (_config(), stated)]
    assert [each[-1].key for each in notes] == ["strategies.note.nobody_new", "strategies.note.nobody_new_stated"]
