from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.config import StrategiesConfig
from analysis.config.strategies import Attack, Experience, Promotion, Strategy, built_in_strategies
from analysis.errors import InputRefused, Unavailable, UsageError
from analysis.strategies import compare_strategies, kinds_of
from analysis.strategies.comparison import Setting
from analysis.strategies.parameters import Assumption, Estimate
from analysis.strategies.schedule import Economics

BUILT_IN = built_in_strategies(Promotion(), Experience())[1:]
FEW = StrategiesConfig(draws=20, customers=200)
CLUB = Strategy("club", promotion=Promotion(depth=0, points=0.03))


@pytest.fixture
def compare(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    """Strategies on CDNOW's first 39 weeks, with few draws and customers."""

    def compare(strategies=BUILT_IN, *, spend=cdnow_spend, **more):
        fits = [fit.of(cdnow_39_weeks) for fit in cdnow_purchase]
        few = {"draws": 20, "customers": 200, "horizon": "52W", "gross_margin": 0.3}
        return compare_strategies(fits, spend, strategies, **(few | more))

    return compare


def told(evidence=None, **numbers):
    """Evidence that tells no more than this."""
    return SimpleNamespace(**({"estimates": None, "caps": None, "observed_deal": None} | numbers))


def test_strategies_are_compared_under_every_view(compare):
    attack = Attack(0.4, first_week=10, last_week=20)
    found = compare([*BUILT_IN, CLUB], attack=attack, joining_per_year=500.0)
    assert found.per_purchase.names == ("nothing", "promotion", "expectation", "both", "club")
    views = [(run.model, run.structure) for run in found.simulations]
    assert views == [("BG/NBD", "per_purchase"), ("BG/NBD", "calendar"), ("MBG/NBD", "per_purchase")]
    assert found.per_purchase.profit.shape == (20, 5)
    losses = found.attack_losses()
    assert (losses.query("what == 'profit'")["estimate"] > 0).all()
    assert (losses.query("what == 'customers'")["estimate"] > 0).all()
    assert {segment.dimension for segment in found.calendar.segments} == {"tenure", "value", "type"}
    frame = found.to_frame()
    assert frame["strategy"].tolist() == ["club", "promotion", "expectation", "both", "nothing"]
    assert frame["is_own"].tolist() == [True, False, False, False, False]
    assert str(frame.loc[0, "label"]) == "points worth 3.0% on every order"
    parts = found.components().groupby("strategy")["estimate"].sum()
    assert parts[["promotion", "both"]].to_numpy() == pytest.approx(found.per_purchase.difference.mean(axis=0)[[1, 3]])
    last = found.paths().query("week == 52").set_index("strategy")["estimate"]
    assert last["club"] == pytest.approx(found.per_purchase.difference[:, 4].mean())
    assert len(found.views()) == 15
    assert "nobody" not in " ".join(map(str, found.notes))


def test_a_better_experience_without_a_stated_cost_gets_the_budget_of_the_promotion(compare):
    found = compare()
    promotion, expectation = found.strategies[1:3]
    (said,) = (note for note in found.notes if "Nobody stated" in str(note))
    assert expectation.experience.invested_per_order == said.values["per_order"]
    assert said.values["per_order"] / promotion.promotion.given_per_order == pytest.approx(36, rel=0.2)
    stated = compare([Strategy("better", experience=Experience(invested_per_customer_year=4.0))])
    assert stated.strategies[1].experience.invested_per_order is None


@pytest.mark.parametrize("what", ["money", "model", "worth", "room"])
def test_what_cannot_be_compared_says_why(compare, cdnow_spend, cdnow_purchase, cdnow_39_weeks, what):
    nothing = {"model": "constant", "parameters": {"mean": 0.0}, "mean_order_value": 0.0, "posterior": None}
    deep = [Strategy("sale", promotion=Promotion(0.7)), Strategy("club", promotion=Promotion(0.8, points=0.05))]
    asked = {
        "money": lambda: compare(spend=None),
        "worth": lambda: compare(spend=replace(cdnow_spend, **nothing)),
        "model": lambda: compare_strategies(
            cdnow_purchase["MBG/NBD"].of(cdnow_39_weeks), cdnow_spend, [CLUB], gross_margin=0.3
        ),
        "room": lambda: compare(deep, evidence=told(observed_deal=0.2)),
    }
    codes = {"money": "no_money", "worth": "worthless", "model": "no_model", "room": "too_deep"}
    with pytest.raises(Unavailable) as unknown:
        asked[what]()
    assert unknown.value.reason.code == f"strategies.reason.{codes[what]}"


def test_everything_that_is_wrong_is_told_at_once(compare):
    late = Strategy("late", promotion=Promotion(starts_week=60))
    with pytest.raises(UsageError) as refused:
        compare([late, late, Strategy("sale", promotion=Promotion(0.98))], todays_deal=0.05)
    for part in (
        "strategy 'late' is there 2 times",
        "strategy 'late': promotion.starts_week == 60, must be below the horizon == 52",
        "strategy 'sale': promotion: depth, points and todays_deal take 103% off the price, at most 100%",
    ):
        assert part in str(refused.value)
    with pytest.raises(InputRefused, match=r"gross_margin == 30, must be less than or equal to 1; write 0\.3 for 30%"):
        compare(gross_margin=30)
    with pytest.raises(UsageError, match="have a unit"):
        compare(horizon=52)


def test_what_is_stated_beats_what_was_observed(compare):
    estimates = {"tau": Estimate(4.0, 0.1), "kappa_deal": Estimate(0.5, 0.01)}
    caps = {"theta_deal": Assumption(low=0.0, high=0.4, most_likely=0.1)}
    assumptions = {"tau": 2.0, "theta_exp": {"low": 0.1, "high": 0.3}}
    evidence = told(estimates=estimates, caps=caps, observed_deal=0.3)
    found = compare([CLUB], todays_deal=0.1, assumptions=assumptions, evidence=evidence)
    assert found.setting.economics.todays_deal == 0.1
    drawn = found.assumptions().set_index("name")
    origins = {"tau": "given", "theta_exp": "given", "kappa_deal": "estimate", "theta_deal": "capped"}
    assert drawn.loc[list(origins), "origin"].to_dict() == origins
    assert drawn.loc["tau", ["low", "high"]].tolist() == [2.0, 2.0]
    assert drawn.loc["theta_deal", "high"] <= 0.4
    said = [str(note) for note in found.notes]
    assert said[0] == "Orders save 10.0% of the list price as it is, as stated."
    assert compare([CLUB], evidence=told(observed_deal=0.05)).setting.economics.todays_deal == 0.05


def test_a_promotion_that_gives_nothing_is_ranked_as_doing_nothing(compare):
    strategies = built_in_strategies(Promotion(depth=0), Experience(invested_per_order=1.0))[1:]
    found = compare(strategies, joining_per_year=100.0)
    chosen = found.decision
    assert chosen.same_in_effect == {"promotion": "nothing", "both": "expectation"}
    assert chosen.rankings[0].names == ("nothing", "expectation")
    assert sum(chosen.rankings[0].probability_best) == pytest.approx(1)
    kept = found.per_purchase.among(["nothing", "expectation"])
    assert np.array_equal(kept.cumulative[:, 1], found.per_purchase.cumulative[:, 2])
    assert sum(kept.components.values())[:, 1] == pytest.approx(kept.difference[:, 1])


def test_the_same_settings_give_the_same_numbers(compare):
    assert np.array_equal(compare().calendar.profit, compare().calendar.profit)


def test_known_customer_types_give_the_mix_of_the_others(compare, cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    ids = cdnow_39_weeks.table["customer_id"]
    table = ids.iloc[:400].to_frame("customer").assign(type=["service"] * 300 + ["offer"] * 100)
    kinds = kinds_of(cdnow_39_weeks, table)
    assert np.bincount(kinds + 1).tolist() == [len(ids) - 400, 300, 100]
    setting = Setting(Economics(0.3), 52, FEW, kinds=kinds)
    inputs = setting.inputs(cdnow_purchase["BG/NBD"].of(cdnow_39_weeks), cdnow_spend)
    assert np.allclose(inputs.parameters.types, [0.75, 0.25, 0, 0])
    known = kinds[inputs.base.row] >= 0
    assert (inputs.base.kind[:, known] == kinds[inputs.base.row][known]).all()
    said = [str(note) for note in compare([CLUB], kinds=kinds).notes]
    assert said[:2] == [
        "The type of 400 of 2,357 customers is known.",
        "The others, and new ones, are mixed in the proportions of those that are known.",
    ]


def test_customers_are_grouped_by_what_is_expected_of_them_and_not_by_what_becomes_of_them(
    cdnow_39_weeks, cdnow_purchase, cdnow_spend
):
    setting = Setting(Economics(0.3), 52, FEW)
    inputs = setting.inputs(cdnow_purchase["BG/NBD"].of(cdnow_39_weeks), cdnow_spend)
    lower = inputs.base.alive[:, inputs.labels["value"] == "lower_half"]
    top = inputs.base.alive[:, inputs.labels["value"] == "top_tenth"]
    assert 0.2 < lower.mean() < 1.0
    assert top.mean() < 1.0


def test_nobody_new_because_it_is_stated_is_told_apart_from_not_knowing(compare):
    unknown, stated = (" ".join(map(str, compare([CLUB], new_customers_per_year=n).notes)) for n in (None, 0.0))
    assert "No new customers came in the last year" in unknown
    assert "It is stated that no new customers come" in stated
