"""Covariates of the purchase models: customers whose channel is known to matter, and the apparel shop's known fits."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.config import Config
from analysis.data import simulate_transactions
from analysis.data.simulation import PurchaseTruth, simulate_customers
from analysis.errors import InputRefused, Unavailable
from analysis.models.beta_geometric import BGNBD
from analysis.models.covariates import design_of, with_dropout
from analysis.pipeline import Study

APPAREL = os.environ.get("RETENTION_LAB_DATA")
needs_apparel = pytest.mark.skipif(
    not APPAREL, reason="RETENTION_LAB_DATA names no folder with the apparel shop's data"
)
TRUTH = BGNBD.Params(0.6, 6.0, 0.8, 2.4)
pytestmark = pytest.mark.usefixtures("few_proposals")


def _shop(customers=2_000, faster=0.0, sooner=0.0, seed=1):
    """Half of the customers came by the web: they order exp(faster) times as often and leave by ``sooner`` log odds."""
    frames = []
    for channel, params in {
        "shop": TRUTH,
        "web": with_dropout(BGNBD(), BGNBD().with_order_rate(TRUTH, np.exp(faster)), sooner, "mean"),
    }.items():
        found = simulate_customers(customers // 2, T=104.0, births=26.0, seed=seed, purchases=PurchaseTruth(*params))
        columns = {name: getattr(found, name) for name in ("frequency", "recency", "T")}
        frames.append(pd.DataFrame(columns).assign(channel=channel))
        seed += 1
    return pd.concat(frames, ignore_index=True)


class TestDesign:
    def test_levels_are_compared_with_the_most_frequent_one_and_numbers_stay(self):
        frame = pd.DataFrame({"channel": ["b"] * 30 + ["a"] * 20 + ["c"] * 10, "age": [0, 1] * 30})
        design = design_of(frame)
        assert list(design.numbers) == [("channel", "channel=a"), ("channel", "channel=c"), ("age", "age")]
        assert design.groups["customers"].sum() == 60
        assert len(design.groups) == len(design.numbers) == 6
        first = design.groups.iloc[design.group[0]]
        assert (first["channel"], first["age"]) == ("b", 0)

    def test_every_problem_is_told_at_once(self):
        frame = pd.DataFrame(
            {"same": ["x"] * 100, "few": ["a"] * 97 + ["b"] * 3, "gaps": [None] * 5 + ["a"] * 50 + ["b"] * 45}
        )
        with pytest.raises(InputRefused) as refused:
            design_of(frame)
        told = str(refused.value)
        assert "'same': all customers have the same value" in told
        assert "'few': 'b' has 3 customers, at least 10 are needed" in told
        assert "'gaps': it is missing for 5 of 100 customers" in told

    def test_too_many_groups_and_a_column_that_there_is_not_are_refused(self):
        with pytest.raises(InputRefused, match="200 different combinations, at most 24"):
            design_of(pd.DataFrame({"age": np.arange(200.0).repeat(10)}))
        with pytest.raises(InputRefused, match="covariate 'colour': there is no such column"):
            rl.BGNBD(rate=["colour"]).fit(_shop(100), unit="week")


def test_the_default_moves_the_mean_dropout_and_one_factor_cannot():
    for moves, moved in (("mean", True), ("factor", False)):
        params = with_dropout(BGNBD(), TRUTH, 0.7, moves)
        before, after = (each.a / (each.a + each.b) for each in (TRUTH, params))
        assert (after > before + 0.01) == moved
    assert sum(with_dropout(BGNBD(), TRUTH, 0.7, "mean")[2:]) == pytest.approx(sum(TRUTH[2:]))


def test_what_a_channel_does_is_found_and_what_it_does_not_is_not_claimed():
    fit = rl.BGNBD(rate=["channel"], dropout=["channel"]).fit(_shop(4_000, faster=0.5), unit="week")
    rate, dropout = fit.summary.loc["rate[channel=web]"], fit.summary.loc["dropout[channel=web]"]
    assert abs(rate["coef"] - 0.5) < 3 * rate["se"] < 0.5
    assert abs(dropout["coef"]) < 3 * dropout["se"]
    tests = fit.tests.set_index("process")
    assert tests.loc["rate", "p_adjusted"] < 0.001
    assert tests.loc["dropout", "p_adjusted"] > 0.01
    assert (fit.tests["p_adjusted"] >= fit.tests["p"]).all()
    assert fit.log_likelihood > fit.log_likelihood_without


def test_without_an_effect_the_fit_is_the_plain_one_and_prediction_is_shrunk():
    frame = _shop(2_000)
    plain = rl.MBGNBD().fit(frame, unit="week")
    fit = rl.MBGNBD(rate=["channel"]).fit(frame, unit="week")
    assert 0 <= fit.log_likelihood - plain.log_likelihood < 6
    found, usual = fit.predict("26W"), plain.predict("26W")
    assert found.index.equals(usual.index)
    assert found["expected_orders"].sum() == pytest.approx(usual["expected_orders"].sum(), rel=0.02)
    shop, web = (each.parameters["alpha"] for each in fit.groups.values())
    assert abs(np.log(shop / web)) <= abs(fit.summary.loc["rate[channel=web]", "coef"]) + 1e-9


def test_where_nobody_leaves_groups_are_not_compared():
    with pytest.raises(Unavailable, match="in NBD nobody leaves"):
        rl.NBD(rate=["channel"], dropout=["channel"]).fit(_shop(100), unit="week")


def _shop_of_channels(folder, **model):
    """A study whose customers' channel stands in a table of customers; and the ids of the customers."""
    frame = simulate_transactions(400, seed=1)
    ids = frame["customer"].drop_duplicates()
    frame.to_csv(folder / "orders.csv", index=False)
    table = pd.DataFrame({"who": ids, "via": np.where(np.arange(len(ids)) % 2, "web", "shop")})
    table.to_csv(folder / "names.csv", index=False)
    columns = {"customer": "customer", "date": "date", "amount": "amount"}
    names = {"file": "names.csv", "columns": {"customer": "who", "channel": "via"}}
    config = Config(
        name="shop",
        folder=folder,
        data={"transactions": "orders.csv", "columns": columns, "customers": names, "holdout_weeks": 0},
        model={"covariates": ["channel"], **model},
    )
    return Study(config, store=folder / "store"), table


class TestCovariatesOfAConfiguration:
    def test_may_stand_in_the_table_of_customers_and_their_fit_is_kept(self, tmp_path):
        study, table = _shop_of_channels(tmp_path)
        study.read_input()
        found = study.covariate_fit.of(study.orders)
        assert found.design["customers"].to_dict() == table["via"].value_counts().rename("channel={}".format).to_dict()
        expected = found.predict("13W")["expected_orders"]
        assert expected.index.equals(study.orders.histories.ids)
        web = table.loc[table["via"] == "web", "who"]
        alone = found.groups["channel=web"].predict("13W")["expected_orders"]
        assert expected[web].sum() == pytest.approx(alone.sum())

    def test_are_refused_with_every_problem_before_anything_is_computed(self, tmp_path):
        study, table = _shop_of_channels(tmp_path, covariates=["colour", "channel"])
        table.loc[:4, "via"] = ""
        table.to_csv(tmp_path / "names.csv", index=False)
        with pytest.raises(InputRefused) as refused:
            study.read_input()
        assert "covariate 'colour': there is no such column" in str(refused.value)
        assert "covariate 'channel': it is missing for 5 of 400 customers" in str(refused.value)
        assert refused.value.exit_code == 2
        assert not {"fits", "windows"} & set(study.seconds)


def test_groups_share_their_posterior_draws_so_that_differences_have_intervals():
    fit = rl.BGNBD(rate=["channel"]).fit(_shop(2_000, faster=0.5, seed=100), unit="week")
    shop, web = (each.posterior.draws for each in fit.groups.values())
    assert np.allclose(shop[:, [0, 2, 3]], web[:, [0, 2, 3]])
    low, high = np.quantile(np.log(shop[:, 1] / web[:, 1]), [0.025, 0.975])
    assert low < 0.5 < high
    assert list(fit.design["customers"]) == [1_000, 1_000]


@needs_apparel
@pytest.mark.parametrize(("model", "moves", "total", "without"), [
    (rl.BGNBD, "factor", -5839.863, None),
    pytest.param(rl.ParetoNBD, "mean", -5821.063, -5848.098, marks=pytest.mark.slow),
])  # fmt: skip
def test_the_fits_of_clvtools_are_reproduced(model, moves, total, without):
    """CLVTools 0.12.1 on 104 weeks of its apparel shop, gender and channel on both processes."""
    frame = _apparel(weeks=104)
    names = ["Gender", "Channel"]
    fit = model(rate=names, dropout=names, dropout_moves=moves).fit(frame, unit="week")
    assert fit.log_likelihood == pytest.approx(total, abs=2e-3)
    if without is not None:
        assert fit.log_likelihood_without == pytest.approx(without, abs=2e-3)
        assert 2 * (fit.log_likelihood - fit.log_likelihood_without) == pytest.approx(54.07, abs=0.01)


def _apparel(weeks):
    orders = pd.read_csv(Path(APPAREL) / "apparel_transactions.csv", parse_dates=["Date"])
    covariates = pd.read_csv(Path(APPAREL) / "apparel_covariates.csv").set_index("Id")
    end = orders["Date"].min() + pd.Timedelta(weeks=weeks)
    days = orders[orders["Date"] <= end].groupby("Id")["Date"].agg(["nunique", "min", "max"])
    columns = {
        "frequency": days["nunique"] - 1,
        "recency": (days["max"] - days["min"]).dt.days / 7,
        "T": (end - days["min"]).dt.days / 7,
    }
    return pd.DataFrame(columns).join(covariates)


def test_how_many_of_a_group_are_alive_has_each_customers_luck_in_its_interval():
    fit = rl.BGNBD(rate=["channel"]).fit(_shop(400), unit="week")
    for group in fit.groups.values():
        alive, found = group.predict("1W")["p_alive"], group.customers_alive()
        assert found.upper - found.lower > 3 * np.sqrt((alive * (1 - alive)).sum())
