from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from tests.claims.companies import orders

from analysis.claims import Evidence, Range
from analysis.claims import ties as room
from analysis.claims.rule import Outcome, outcome_of
from analysis.claims.ties import NEVER, log_odds_slope, next_orders, tie_beyond_differences
from analysis.config import Config
from analysis.data import Note, load_transactions, simulate_transactions
from analysis.models import purchase_result

ANY = Range(0.0, np.inf)


def evidence_of(tmp_path, frame):
    columns = {"customer": "customer", "date": "date", "amount": "amount"}
    config = Config(name="test", data={"transactions": "x.csv", "columns": columns})
    transactions = load_transactions(config, workdir=tmp_path, frame=frame)
    purchase = purchase_result(transactions.summary, config.model)
    nothing = Note("lift.reason.no_money")
    return Evidence(transactions, nothing, purchase, None, nothing, nothing, config)


def changing(factor, seed, customers=2_500, most=150):
    """BG/NBD customers, but each of the first five repeat orders multiplies their order rate by ``factor``."""
    rng = np.random.default_rng(seed)
    days, pace = np.full((customers, most), np.inf), 7.0 / rng.gamma(1.0, 1 / 20.0, customers)
    dropout, alive = rng.beta(0.8, 3.0, customers), np.ones(customers, dtype=bool)
    days[:, 0] = rng.uniform(0, 365, customers)
    for place in range(1, most):
        gap = rng.standard_exponential(customers) * pace / factor ** min(place - 1, 5)
        days[:, place] = np.where(alive, days[:, place - 1] + gap, np.inf)
        alive &= rng.random(customers) >= dropout
    kept = days < 730
    return orders(np.nonzero(kept)[0], days[kept].astype(int), np.full(kept.sum(), 20.0))


def test_an_order_whose_window_is_not_over_counts_for_nothing_whatever_came():
    days = np.array([[0, 10, NEVER], [0, 95, NEVER], [60, 70, NEVER]])
    trials, hits = next_orders(days, window=30, end=100)
    assert trials.tolist() == [3, 2]
    assert hits.tolist() == [2, 0]


def test_the_slope_is_that_of_a_logistic_regression():
    trials, hits = np.array([500, 300, 200]), np.array([200, 160, 130])
    fit = sm.GLM(
        np.column_stack([hits + 0.5, trials - hits + 0.5]), sm.add_constant(np.arange(3.0)), sm.families.Binomial()
    ).fit()
    assert log_odds_slope(trials, hits) == pytest.approx(fit.params[1], abs=1e-8)


def test_the_days_of_orders_are_those_of_the_file_and_count_from_its_start(tmp_path):
    frame = orders(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 5, 9, 2, 40, 30]), np.full(6, 10.0))
    columns = {"customer": "customer", "date": "date", "amount": "amount"}
    config = Config(name="test", data={"transactions": "x.csv", "columns": columns})
    transactions = load_transactions(config, workdir=tmp_path, frame=frame)
    nothing = Note("lift.reason.no_money")
    evidence = Evidence(transactions, nothing, None, None, nothing, nothing, config)
    days = room.order_days(evidence, np.array([0, 2]))
    assert days[0, :4].tolist() == [0, 5, 9, NEVER]
    assert days[1, :2].tolist() == [30, NEVER]


def test_customers_whom_no_order_changes_leave_the_claim_open(tmp_path):
    found = tie_beyond_differences(evidence_of(tmp_path, simulate_transactions(4_000, seed=11)), ANY)
    assert 0.02 < found.probabilities["BG/NBD"] < 0.98
    assert outcome_of(found.probabilities) is Outcome.DEPENDS
    told = [note.key for note in found.details]
    assert told.count("claim.detail.next_order_by_model") == 3


def test_customers_who_order_faster_after_every_order_support_it(tmp_path):
    found = tie_beyond_differences(evidence_of(tmp_path, changing(1.6, seed=12)), ANY)
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED


@pytest.mark.slow
def test_customers_who_tire_with_every_order_contradict_it(tmp_path):
    found = tie_beyond_differences(evidence_of(tmp_path, changing(0.85, seed=12, customers=4_000)), ANY)
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED


def test_too_few_orders_say_nothing(tmp_path):
    evidence = evidence_of(tmp_path / "all", simulate_transactions(1_500, seed=15))
    few = load_transactions(evidence.config, workdir=tmp_path / "few", frame=simulate_transactions(60, seed=14))
    found = tie_beyond_differences(replace(evidence, transactions=few), ANY)
    assert found.reason.key == "claim.reason.too_few_orders"
