import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.config import ConfigurationRefused, config_from_mapping
from analysis.data.first_orders import earlier_customers
from analysis.errors import DataError

DAYS, BEFORE = 546, 730


def shop(seed, births, old=0.0, customers=1_200):
    """What ``earlier_customers`` takes of a shop with CDNOW's rates and dropout."""
    rng = np.random.default_rng(seed)
    earlier = 4 * int(customers * old / (1 - old))
    born = np.concatenate([births(rng, customers), rng.uniform(-BEFORE, 0, earlier)])
    rate, leaves = rng.gamma(0.24, 1 / 31, len(born)), rng.beta(0.79, 2.4, len(born))
    until = np.minimum(rng.geometric(leaves), 400)
    first, repeats = [], []
    for begins, each, last in zip(born, rate, until, strict=True):
        times = begins + np.concatenate([[0.0], np.cumsum(rng.exponential(1 / max(each, 1e-9), last))])
        days = np.unique(np.floor(times[(times >= 0) & (times < DAYS)]).astype(int))
        if len(days):
            first.append(days[0])
            repeats.append(int(np.sum((days > days[0]) & (days <= days[0] + 91))))
    first, repeats = np.array(first), np.array(repeats, dtype=float)
    followed = DAYS - first >= 91
    return (
        first,
        np.ones(len(first)),
        lambda later: (repeats[(first < 28) & followed], repeats[(first >= later) & followed]),
    )


def evenly(rng, n):
    return rng.uniform(0, DAYS - 1, n)


HARMLESS = {
    "opened on the first day": evenly,
    "a launch burst": lambda rng, n: np.where(rng.random(n) < 0.4, rng.uniform(0, 14, n), evenly(rng, n)),
    "growth": lambda rng, n: (DAYS - 1) * np.sqrt(rng.random(n)),
    "all on one day": lambda _, n: np.zeros(n),
}


@pytest.mark.parametrize("births", HARMLESS)
def test_more_new_names_alone_are_no_sign_of_earlier_customers(births):
    found = [earlier_customers(*shop(seed, HARMLESS[births])) for seed in range(3)]
    assert True not in found
    if births == "all on one day":
        assert set(found) == {None}


@pytest.mark.parametrize("old", [0.3, 0.5, 0.7])
def test_regulars_seen_for_the_first_time_are_noticed(old):
    assert [earlier_customers(*shop(seed, evenly, old)) for seed in range(2)] == [True] * 2


@pytest.fixture(scope="module")
def with_regulars():
    """Orders of 60 regulars from the first weeks on, and of slower customers who come later."""
    rng, rows = np.random.default_rng(1), []
    for number in range(260):
        is_old = number < 60
        begins = rng.integers(0, 20) if is_old else rng.integers(28, 400)
        days = np.arange(begins, 500, rng.integers(8, 16)) if is_old else [begins, begins + rng.integers(60, 200)]
        rows += [(number, dt.date(2024, 1, 1) + dt.timedelta(int(day)), 10.0) for day in days]
    frame = pd.DataFrame(rows, columns=["customer", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_what_is_likely_is_said_and_ages_are_not_known(load_frame, with_regulars):
    found = load_frame(with_regulars)
    assert found.left_truncation in found.notes
    assert "order again faster than later ones" in str(found.left_truncation)


def test_first_orders_that_are_known_are_taken_as_said_with_a_warning(load_frame, with_regulars):
    found = load_frame(with_regulars, first_orders="known")
    assert found.left_truncation is None
    assert "look like regulars of before" in str(found.notes[-1])


def test_first_orders_that_are_unknown_are_taken_as_said(load_frame):
    frame = pd.DataFrame({"customer": [1, 1, 2, 2], "date": pd.Timestamp("2024-01-01"), "amount": 1.0})
    frame["date"] += pd.to_timedelta([0, 9, 3, 8], unit="D")
    assert "As the settings say" in str(load_frame(frame, first_orders="unknown").left_truncation)


def test_they_are_known_where_the_data_begin_within_four_weeks_of_the_opening(load_frame, with_regulars):
    begun = with_regulars["date"].min().date()
    assert load_frame(with_regulars, first_orders=begun - dt.timedelta(28)).left_truncation is None
    assert "As the settings say" in str(load_frame(with_regulars, first_orders="2023-01-01").left_truncation)
    with pytest.raises(DataError, match="before the shop opened"):
        load_frame(with_regulars, first_orders="2024-03-01")
    with pytest.raises(ConfigurationRefused, match="first_orders == 'maybe', must be auto, known, unknown, or the day"):
        config_from_mapping(
            {"data": {"transactions": {"sample": "cdnow"}, "first_orders": "maybe"}}, path=Path("a.yml")
        )
