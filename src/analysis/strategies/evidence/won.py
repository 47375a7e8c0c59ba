"""Customers won by promotions: what they are worth later, where births are observed.

Customers who came with a deal are compared with others who came in the same month. They chose the deal, and nothing was
over before they came that a placebo could look at: whatever is found here stays an association.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.data import Note
from analysis.interval import Interval
from analysis.strategies.dynamics import WON_VALUE_IS_STATED_AT
from analysis.strategies.evidence.driven import usual_share
from analysis.strategies.evidence.encounters import Encounters
from analysis.strategies.evidence.findings import Finding, normal_interval, ratio_less_one, transformed, verdict_of

HORIZON_DAYS = 182
MONTH_DAYS = 30.4375
FEWEST_CUSTOMERS = 100


@dataclass(frozen=True)
class WonByDeals:
    """Customers whose first order was bought on a deal, against others who came in the same month.

    Attributes
    ----------
    spending
        Finding on the relative difference in what they paid in the half year after their first order.
    returning
        Finding on the difference in the share who ordered again in that time.
    depth
        Share that their first order saved, on average, above what others' first orders did.
    value_at_stated_depth
        Their value as a share of others', carried on a straight line to a depth of 35%, at which the literature's is
        stated.
    won, others
        Customers compared.
    """

    spending: Finding
    returning: Finding
    depth: float
    value_at_stated_depth: Interval
    won: int
    others: int


def won_by_deals(encounters: Encounters, *, level: float) -> WonByDeals | Note:
    """What customers won by deals are worth, or why these data do not tell."""
    if not encounters.births_known:
        return Note("evidence.reason.births_unknown")
    born = encounters.day[encounters.first]
    seen = born + HORIZON_DAYS <= encounters.end_day
    first_saved = np.nan_to_num(encounters.saved[encounters.first])
    on_deal = first_saved > usual_share(encounters)
    won, others = int((seen & on_deal).sum()), int((seen & ~on_deal).sum())
    if min(won, others) < FEWEST_CUSTOMERS:
        return Note("evidence.reason.too_few_won", {"won": won, "others": others, "needed": FEWEST_CUSTOMERS})
    since = encounters.day - np.repeat(born, encounters.count)
    within = (since > 0) & (since <= HORIZON_DAYS)
    spent = np.add.reduceat(np.where(within, encounters.paid, 0.0), encounters.first)[seen]
    again = np.add.reduceat(within.astype(float), encounters.first)[seen] > 0
    month = (born[seen] / MONTH_DAYS).astype(int)
    on_log, points = _compared(on_deal[seen], spent, again, month, level)
    depth = float(first_saved[seen & on_deal].mean() - first_saved[seen & ~on_deal].mean())
    ratio = ratio_less_one(on_log)
    counts = won + others, int(within.sum())
    return WonByDeals(
        spending=Finding("evidence.won.spending", ratio, "share", None, verdict_of(ratio, None), *counts),
        returning=Finding("evidence.won.returning", points, "share", None, verdict_of(points, None), *counts),
        depth=depth,
        value_at_stated_depth=transformed(ratio, lambda change: 1 + change * WON_VALUE_IS_STATED_AT / depth),
        won=won,
        others=others,
    )


def _compared(on_deal, spent, again, month, level: float) -> tuple[Interval, Interval]:
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.regression.linear_model import OLS

    months = (month[:, None] == np.unique(month)[None, :]).astype(float)
    months = months[:, months.sum(axis=0) > 0]
    design = np.column_stack([on_deal.astype(float), months])
    ratio = GLM(spent / spent.mean(), design, family=Poisson()).fit(cov_type="HC1")
    share = OLS(again.astype(float), design).fit(cov_type="HC1")
    return tuple(normal_interval(fit.params[0], fit.bse[0], level) for fit in (ratio, share))
