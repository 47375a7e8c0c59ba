"""The comparison: going on as today is the fitted model, and every strategy gets its advice."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from tests.conftest import constants

import analysis as rl
from analysis.config import StrategiesConfig
from analysis.config.strategies import NOTHING, Experience, Gift, Promotion, Strategy
from analysis.data.simulation import PurchaseTruth, SpendTruth, simulate_transactions
from analysis.errors import InputRefused, Unavailable, UsageError
from analysis.strategies.decision import FORMS
from analysis.strategies.dynamics import ParameterDraws
from analysis.strategies.sentences import _loses, decision_sentences
from analysis.value.lift import new_customers_observed
from analysis.words import reader

from .inputs import summary

BUILT_IN = StrategiesConfig().strategies


@pytest.fixture(scope="module")
def fits(few_proposals, few_draws):
    customers = {"BGNBD": 1_000, "MBGNBD": 1_000, "ParetoNBD": 200}  # of the last a fit takes its time
    fitted = {name: getattr(rl, name)().fit(summary(size)) for name, size in customers.items()}
    return fitted, rl.GammaGamma().fit(summary())


@pytest.fixture(scope="module")
def compared(fits):
    fit, spend = fits[0]["BGNBD"], fits[1]
    return rl.compare_strategies(fit, spend, gross_margin=0.3, new_customers_per_year=300.0, horizon="2Y")


@pytest.mark.parametrize(
    ("model", "horizon", "years"), [("BGNBD", "13W", 91 / 365.25), ("MBGNBD", "1Y", 1.0), ("ParetoNBD", "30M", 2.5)]
)
def test_going_on_as_today_is_the_value_section_to_six_digits(fits, model, horizon, years):
    fit, spend = fits[0][model], fits[1]
    money = {"gross_margin": 0.3, "cost_per_order": 1.0, "annual_discount_rate": 0.1, "horizon": horizon}
    found = rl.compare_strategies(fit, spend, [BUILT_IN[1]], **money)
    value = rl.customer_value(fit, spend, **money).expected_total
    assert vars(found.go_on) == pytest.approx(vars(value), rel=1e-6)
    assert found.draws.shape == (2, len(found.profit))
    assert found.years == pytest.approx(years)


def test_components_add_up_and_the_first_strategy_is_going_on(compared):
    total = sum(compared.components.values())
    assert compared.draws.mean(axis=1) == pytest.approx(total.mean(axis=1))
    assert not compared.draws[0].any()
    assert set(compared.lines) == {"newcomers", "rival", "standard"}
    assert compared.lines["newcomers"].estimate > 0 > compared.lines["standard"].estimate
    assert compared.components["won"][compared.names.index("promotion")].mean() > 0


def test_new_customers_are_those_of_the_last_year_unless_others_are_stated():
    orders = rl.read_orders({"sample": "simulated"})
    fit, spend = rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders)
    stated = rl.compare_strategies(fit, spend, [], horizon="13W", new_customers_per_year=new_customers_observed(orders))
    assert rl.compare_strategies(fit, spend, [], horizon="13W").lines == stated.lines
    assert "newcomers" in stated.lines


def test_every_strategy_has_one_advice_a_break_even_and_a_sentence(compared):
    assert list(compared.advice) == [each.name for each in BUILT_IN]
    assert {each.form for each in compared.advice.values()} <= set(FORMS)
    frame = compared.to_frame().set_index("strategy")
    for name, each in compared.advice.items():
        everybody = compared.go_on.estimate + compared.lines["newcomers"].estimate
        assert each.need.estimate + frame.loc[name, "difference"] / everybody == pytest.approx(
            each.likely.estimate, abs=0.02
        )
    with reader("en", "EUR"):
        said = [str(each) for each in decision_sentences(compared)]
    assert len(said) == 2 + len(BUILT_IN)
    assert "not measured in your data" in said[1]


@pytest.mark.parametrize(("chance", "said"), [
    (0.05, "hardly any case"), (0.06, "1 of 10 cases"), (0.94, "9 of 10 cases"), (0.95, "nearly every case"),
])  # fmt: skip
def test_no_chance_of_a_loss_is_said_to_be_none_or_all_of_ten(chance, said):
    assert str(_loses(chance)).endswith(said)


def test_what_new_customers_cost_counts_as_cost_and_drives_nobody_away(compared):
    assert compared.advice["points"].likely.estimate > -0.01
    gifts = compared.components_frame().query("strategy == 'gift' and component == 'service'").iloc[0]
    assert 1.5 * gifts["estimate"] < gifts["lower"] < gifts["upper"] < 0.5 * gifts["estimate"]


@pytest.mark.parametrize("kind", ["order", "late", "short"])
def test_at_the_most_that_a_strategy_may_cost_it_earns_nothing_with_old_and_new_customers(fits, kind):
    fit, spend = fits[0]["BGNBD"], fits[1]
    weeks = {"order": {}, "late": {"starts_week": 52}, "short": {"ends_week": 26}}[kind]

    def compared_at(price):
        programme = None if kind == "order" else Promotion(depth=0.0, points=0.001, programme_cost_per_year=price)
        better = Experience(lift=0.5, invested_per_order=price if kind == "order" else 0.0)
        money = {"gross_margin": 0.3, "new_customers_per_year": 300.0, "horizon": "2Y"}
        return rl.compare_strategies(fit, spend, [Strategy("better", programme, better, **weeks)], **money)

    first = compared_at(0.1)
    dear = compared_at(first.advice["better"].most.estimate)
    assert abs(dear.difference("better").estimate) < 0.01 * first.difference("better").estimate


@pytest.mark.slow
def test_no_seed_changes_the_advice_and_the_stated_error_is_the_true_one(fits):
    fit, spend = fits[0]["BGNBD"], fits[1]
    runs = [
        rl.compare_strategies(fit, spend, BUILT_IN, gross_margin=0.3, horizon="2Y", seed=seed) for seed in range(200)
    ]
    for name in (each.name for each in BUILT_IN):
        row = runs[0].names.index(name)
        means = np.array([run.draws[row].mean() for run in runs])
        stated = np.mean([run.simulation_error[row] for run in runs])
        # 50 seeds tell the true error to a seventh only, which alone leaves these bounds now and then.
        assert 0.8 < stated / means.std(ddof=1) < 1.25
        forms = {run.advice[name].form for run in runs}
        assert len(forms) == 1 or abs(means.mean()) < 3 * stated or "either" in forms


@pytest.fixture(scope="module")
def often(few_proposals, few_draws):
    """Models of a shop whose customers order often, so that a quarter shows much, with its orders."""
    truth, spend = PurchaseTruth(1.5, 4.0, 0.5, 8.0), SpendTruth(6.25, 3.74, 15.44)
    frame = simulate_transactions(2_000, purchases=truth, spend=spend, birth_days=200, window_days=500, seed=1)
    orders = rl.read_orders(frame, customer="customer", date="date", amount="amount", currency="EUR")
    return rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders)


def _service(price, name="service", lift=1.0):
    return Strategy(name, experience=Experience(lift=lift, invested_per_order=price))


def _programme(cost):
    return Strategy("programme", promotion=Promotion(depth=0.0, points=0.02, programme_cost_per_year=cost))


@pytest.mark.parametrize(("form", "strategies", "stated"), [
    ("do_not", [_programme(20_000)], {}),
    ("do", [_service(0.1)], {}),
    ("either", [_service(1.0), _service(1.0, "the_same")], {"assumptions": {"level_exp": 0.8}}),
    ("try_first", [_service(2.0)], {"assumptions": {"gamma_exp": {"low": 0, "high": 1}}}),
    ("find_out_first", [_service(0.8)], {"assumptions": {"theta_exp": 0, "level_exp": 0, "gamma_exp": 0}}),
])  # fmt: skip
def test_each_form_of_advice_comes_out_on_a_shop_made_for_it(often, form, strategies, stated):
    with constants({"value.shifts.DRAWS": 400 if form == "try_first" else 60}):  # few overstate what an answer is worth
        settings = {"gross_margin": 0.3, "horizon": "2Y", "finding_out_costs": 100}
        found = rl.compare_strategies(*often, strategies, **settings, **stated)
    assert found.advice[strategies[0].name].form == form
    with reader("en", "EUR"):
        said = str(decision_sentences(found)[2])
    if form == "do_not":
        assert found.advice["programme"].loss == 1.0
        assert said.startswith("programme: do not. Some €")
        assert "less, with a loss in nearly every case. It pays only if customers bring" in said
    words = {"do_not": "do not.", "do": "do it,", "either": "take the cheaper.", "try_first": "try it on some first",
             "find_out_first": "find out first"}  # fmt: skip
    assert words[form] in said


def test_orders_at_the_mean_margin_show_more_than_margins_and_a_sample_tells_what_all_do(often, monkeypatch):
    found = rl.compare_strategies(*often, [_service(1.0)], gross_margin=0.3, horizon="1Y")
    rows = found.trials.set_index(["weeks", "group", "outcome"])
    margin, orders = (rows.xs(each, level="outcome") for each in ("margin", "orders"))
    assert (orders["error"] < margin["error"]).all()
    monkeypatch.setattr("analysis.strategies.trial.MEASURED", 1_000)
    few = rl.compare_strategies(*often, [_service(1.0)], gross_margin=0.3, horizon="1Y").outcomes
    assert few["customers"].tolist() == pytest.approx(found.outcomes["customers"].tolist(), rel=0.1)
    of_all = found.outcomes["group"] == "all"
    assert few["deviation"][of_all].tolist() == pytest.approx(found.outcomes["deviation"][of_all].tolist(), rel=0.2)


def test_a_trial_is_worth_what_deciding_by_its_result_brings_and_luck_of_simulated_lives_tells_nothing(compared):
    rng, count = np.random.default_rng(1), 4_000
    cause, luck = (rng.permutation(norm.ppf((np.arange(count) + 0.5) / count)) for _ in range(2))
    seen, whole = 1 + 2 * cause, 300 * cause - 100
    tried = Strategy("tried", experience=Experience(invested_per_order=1.0))
    outcome = {"weeks": 26, "group": "all", "outcome": "margin", "customers": 100}
    outcome |= {"deviation": 10.0, "correlation": 0.6}
    early = np.zeros((3, 2, count, 4))
    early[1, 1, :, 0] = 100 * (seen + 3 * luck)
    found = replace(
        compared, strategies=(NOTHING, tried), components={"retention": np.array([0 * whole, whole])},
        profit=np.ones(count), parameters=ParameterDraws({"cause": cause}, {"cause": "assumption"}),
        segments=(np.zeros((2, count, 4)), np.array([100, 0, 0, 0])), early=early, outcomes=pd.DataFrame([outcome]),
        finding_out_costs=40.0,
    )  # fmt: skip
    trial = found.trials.iloc[0]
    error = 10 * np.sqrt(4 / 100) * 0.8
    assert trial["error"] == pytest.approx(error)
    result = seen + error * rng.standard_normal((200, count))
    by_result = np.polynomial.Polynomial.fit(result.ravel(), np.tile(whole, 200), 1)
    brought = np.where(by_result(result) > 0, whole, 0.0).mean() * (1 - 26 / 52.18 / found.years)
    assert trial["worth"] == pytest.approx(brought + 1 * 100 / 2 - 40, rel=0.02)
    assert trial["pays_from"] == pytest.approx(float(by_result.roots()[0]), rel=0.02)


def test_what_is_expected_to_pay_but_may_well_lose_is_not_done_without_knowing_more(often):
    def compared_at(price):
        money = {"gross_margin": 0.3, "horizon": "2Y", "finding_out_costs": 1e6}
        return rl.compare_strategies(*often, [_service(price)], **money)

    found = compared_at(0.95 * compared_at(1.0).advice["service"].most.estimate)
    advice = found.advice["service"]
    assert advice.difference.estimate > 0
    assert (advice.form, 0.3 < advice.loss < 0.7) == ("do_not", True)
    with reader("en", "EUR"):
        first, _, said = (str(each) for each in decision_sentences(found))
    assert first.startswith("Go on as today. What may earn more over 2 years loses too often")
    assert said.startswith("service: not without knowing more. Some €")


def test_what_orders_save_today_budgets_and_a_strategy_equal_to_another_are_told(fits):
    fit, spend = fits[0]["BGNBD"], fits[1]
    strategies = [*BUILT_IN, Strategy("our_weeks", promotion=Promotion())]
    found = rl.compare_strategies(fit, spend, strategies, gross_margin=0.3, horizon="1Y", todays_deal=0.1)
    assert found.draws[found.names.index("promotion")] == pytest.approx(found.draws[found.names.index("our_weeks")])
    with reader("en", "EUR"):
        said = " ".join(str(note) for note in found.notes)
        advised = [str(each) for each in decision_sentences(found) if "do not" in str(each)]
    explained = {each.partition(":")[0]: "It pays only" in each for each in advised}
    assert explained.pop("our_weeks")
    assert explained
    assert not any(explained.values())  # of so many, those built in are explained on their page alone
    told = ("Orders save 10.0% of the list price", "Nobody stated what better service costs", "a gift costs")
    for part in (*told, "“our_weeks” is the same in effect as “Discount weeks”."):
        assert part in said
    assert found.to_frame()["strategy"].iloc[-1] == "nothing"


def test_strategies_that_cannot_be_are_refused_all_at_once(fits):
    fit, spend = fits[0]["BGNBD"], fits[1]
    late = Strategy("late", promotion=Promotion(), starts_week=60)
    with pytest.raises(UsageError, match=r"strategy 'late' is there 2 times; late: starts_week == 60"):
        rl.compare_strategies(fit, spend, [late, late], gross_margin=0.3, horizon="1Y")
    with pytest.raises(Unavailable, match="would take more than the whole price off"):
        rl.compare_strategies(fit, spend, [Strategy("deep", Promotion(depth=0.9))], gross_margin=0.3, todays_deal=0.3)
    with pytest.raises(Unavailable, match="no amounts of money"):
        rl.compare_strategies(fit, None, [late], gross_margin=0.3)
    with pytest.raises(Unavailable, match="nobody leaves"):
        rl.compare_strategies(rl.NBD().fit(summary()), spend, [BUILT_IN[0]], gross_margin=0.3)
    with pytest.raises(UsageError, match="late: starts_week == 60"):
        rl.compare_strategies(fit, spend, late, gross_margin=0.3, horizon="1Y")  # one alone is a list of one
    with pytest.raises(InputRefused, match="gross_margin"):
        rl.compare_strategies(fit, spend, [late], gross_margin=1.3)


def test_any_two_built_in_strategies_can_be_done_together():
    settings = StrategiesConfig(compared=("points", "points_and_gift", "promotion_and_members"))
    points, both, deals = settings.strategies
    assert (points.gift, both.promotion.points, both.gift) == (None, 0.03, Gift())
    assert (deals.promotion.depth, deals.promotion.points, deals.experience.lift) == (0.2, 0.01, 0.2)
    assert not both.is_own
    assert NOTHING.fixed_per_year == 0
