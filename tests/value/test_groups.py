import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data.simulation import SpendTruth, simulate_customers


@pytest.fixture(scope="module")
def two_channels(few_proposals):
    """Customers of two channels that do not differ, the fit with their channel, and that of their spend."""
    frames = []
    for seed, channel in enumerate(("shop", "web"), start=1):
        found = simulate_customers(800, T=104.0, births=26.0, seed=seed, spend=SpendTruth(6.25, 3.74, 15.44))
        columns = {name: getattr(found, name) for name in ("frequency", "recency", "T")}
        frame = pd.DataFrame(columns).assign(monetary_value=np.nan_to_num(found.mean_repeat_value), channel=channel)
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True)
    return frame, rl.BGNBD(rate=["channel"]).fit(frame, unit="week"), rl.GammaGamma().fit(frame)


def test_groups_that_do_not_differ_have_a_difference_whose_interval_holds_none(two_channels):
    _, fit, spend = two_channels
    table = rl.value_by_group(fit, spend, horizon="3Y", gross_margin=0.3)
    assert list(table["customers"]) == [800, 800]
    assert ((table["lower"] < table["estimate"]) & (table["estimate"] < table["upper"])).all()
    assert table["difference"].iloc[0] == 0
    other = table.iloc[1]
    assert other["difference_lower"] < 0 < other["difference_upper"]
    assert other["difference"] == pytest.approx(other["new_customer"] - table["new_customer"].iloc[0])


def test_the_groups_together_are_worth_what_the_plain_fit_says(two_channels):
    frame, fit, spend = two_channels
    table = rl.value_by_group(fit, spend)
    plain = rl.customer_value(rl.BGNBD().fit(frame, unit="week"), spend)
    assert (table["estimate"] * table["customers"]).sum() == pytest.approx(plain.total.estimate, rel=0.03)
