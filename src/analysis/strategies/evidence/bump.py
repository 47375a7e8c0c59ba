"""The promotional bump: orders in promotion weeks, and the dips before and after them.

Orders of customers who were there before the week are regressed on promotion weeks, the week before them, the two after
them, and a trend: Poisson's pseudo-likelihood with a log link and the number of these customers as exposure, so that
newcomers, and a base that grows, are no lift. Errors allow for neighbouring weeks being alike and for any spread (Newey
& West 1987). Placebo: the third and fourth week before a promotion,
which nobody can have moved an order from or to. Where promotions follow so closely that these weeks leave hardly any
other to compare with, promotion weeks are compared with all others: dips and placebo are then unknown, and the rise is
no more than an association.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.data import Note
from analysis.interval import Interval
from analysis.strategies.dynamics import LIFT_IS_STATED_AT
from analysis.strategies.evidence.encounters import Encounters
from analysis.strategies.evidence.findings import Finding, Verdict, normal_interval, ratio_less_one, verdict_of
from analysis.strategies.evidence.promotion_weeks import FEWEST_THERE, weekly_orders
from analysis.strategies.evidence.takers import Takers, reach_of, takers_of
from analysis.strategies.evidence.week_design import (
    FEWEST_PROMOTED,
    NEAR,
    WeekDesign,
    separate_promotions,
    week_design,
)
from analysis.strategies.parameters import BY_NAME, Estimate

FEWEST_WEEKS = 26
FEWEST_SEPARATE = 4
"""Separate promotions, below which a holiday or two can make a lift and nothing more than an association is claimed."""
LAGS = 4
MOST_EMPTY = 0.1
"""Of the weeks may be without an order: where there are more, too little happens in a week to compare it."""
LEAST_DEPTH = 0.05
"""Lifts are stated at a depth of 20%; a promotion that is shallower than a quarter of that is no basis for it."""
LEAST_REACH = 0.05
DRAWS = 4_000


@dataclass(frozen=True)
class PromotionalBump:
    """What promotion weeks do to the number of orders.

    Attributes
    ----------
    lift
        Finding on the relative rise, in a promotion week, of the orders of customers who were there before. Details:
        separate promotions, weeks, depth, and unclear weeks, which are compared with nothing.
    dip_before, dip_after, borrowed
        Orders missing in the week before, in the two weeks after, and both, as shares of the extra orders; None where
        there is no rise to take a share of, or too few such weeks.
    lift_of_takers
        Extra orders of those who take part, at 20% depth; None where the promotions are too shallow to say, or hardly
        anybody takes part.
    depth
        Share saved by orders that use the promotion, above what orders save in other weeks.
    reach
        Share of customers who take part, from the excess of deals over the usual ones.
    weeks
        As of ``weekly_orders``.
    defined_by
        ``data`` or ``calendar``: where the promotion weeks come from.
    around_told
        Whether the weeks around promotions could be told from others; if not they count among these, and the rise is
        too large by what was moved from them.
    draws
        ``promotional_lift`` and ``borrowed``, row-aligned; without those that are None.
    """

    lift: Finding
    dip_before: Interval | None
    dip_after: Interval | None
    borrowed: Interval | None
    lift_of_takers: Interval | None
    depth: float
    reach: float
    weeks: pd.DataFrame = field(repr=False)
    defined_by: str
    around_told: bool
    draws: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def is_telling(self) -> bool:
        """Whether there are promotions enough, and deep enough, for more than an association."""
        return _is_telling(self.lift.details)

    @property
    def is_calendar_alone(self) -> bool:
        """Whether promotion weeks are known and no order in them is known to have saved anything."""
        return self.defined_by == "calendar" and self.depth == 0

    @property
    def estimates(self) -> dict[str, Estimate]:
        """What may replace an assumption."""
        if self.lift.verdict != Verdict.ESTIMATE:
            return {}
        known = {"promotional_lift": self.lift_of_takers, "borrowed": self.borrowed}
        return {
            name: Estimate(interval.estimate, float(np.std(self.draws[name])), self.draws[name])
            for name, interval in known.items()
            if interval is not None and interval.lower > 0
        }


def promotional_bump(
    encounters: Encounters, *, level: float, seed: int, calendar: pd.DataFrame | None = None
) -> PromotionalBump | Note:
    """The bump and its dips, or why these weeks do not show them.

    Parameters
    ----------
    calendar
        Promotions, with columns start and end (days, both included); without it a promotion week is one that saved
        more than half way from the median week to the three deepest, and at least 1.5 robust standard deviations
        above the median; one that saved less, but a quarter of the way, is compared with nothing.
    """
    weeks = weekly_orders(encounters, calendar)
    promoted = round(float(weeks["promoted"].sum()))
    if len(weeks) < FEWEST_WEEKS:
        numbers = {"weeks": len(weeks), "needed": FEWEST_WEEKS, "customers": FEWEST_THERE}
        return Note("evidence.reason.too_few_weeks", numbers)
    if promoted < FEWEST_PROMOTED or promoted > len(weeks) / 2:
        numbers = {"weeks": promoted, "of": len(weeks), "needed": FEWEST_PROMOTED}
        return Note("evidence.reason.no_promotion_weeks", numbers)
    if (empty := int((weeks["orders"] == 0).sum())) > MOST_EMPTY * len(weeks):
        return Note("evidence.reason.weeks_without_orders", {"weeks": empty, "of": len(weeks)})
    design = week_design(weeks["promoted"].to_numpy(), weeks["unclear"].to_numpy())
    if design is None:
        return Note("evidence.reason.promotions_without_others", {"weeks": promoted, "near": NEAR})
    rng = np.random.default_rng([seed, 47])
    return _bump(encounters, weeks, design, level, rng, "data" if calendar is None else "calendar")


def notes_on_bump(found: PromotionalBump) -> tuple[Note, ...]:
    """What is worth saying of the promotion weeks, and of the lift where it is larger than any in the literature."""
    numbers, most, notes = found.lift.details, BY_NAME["promotional_lift"].high, []
    if found.defined_by == "data":
        told = {name: numbers[name] for name in ("promotions", "weeks", "depth")}
        notes.append(Note("evidence.note.weeks_from_discounts", told))
    if numbers["unclear"]:
        notes.append(Note("evidence.note.unclear_weeks", {"weeks": numbers["unclear"]}))
    if found.is_calendar_alone:
        notes.append(Note("evidence.note.calendar_alone"))
    if not found.around_told:
        told = {name: numbers[name] for name in ("promotions", "weeks")}
        notes.append(Note("evidence.note.promotions_too_close", told))
    if "promotional_lift" in found.estimates and found.lift_of_takers.estimate > most:
        notes.append(Note("evidence.note.lift_beyond_literature", {"lift": found.lift_of_takers, "most": most}))
    return tuple(notes)


def _bump(encounters, weeks: pd.DataFrame, design: WeekDesign, level: float, rng, defined_by: str) -> PromotionalBump:
    point, covariance = _coefficients(weeks, design)
    place = {name: k for k, name in enumerate(design.told)}
    on_log = {name: normal_interval(point[k], np.sqrt(covariance[k, k]), level) for name, k in place.items()}
    rise = ratio_less_one(on_log["promoted"])
    placebo = ratio_less_one(on_log["long_before"]) if "long_before" in on_log else None
    drawn = rng.multivariate_normal(point, covariance, DRAWS, method="eigh")
    takers = takers_of(encounters, weeks, DRAWS, rng)
    promoted = weeks["promoted"].to_numpy()
    weeks_in = round(float(promoted.sum()))
    details = {"promotions": separate_promotions(promoted), "weeks": weeks_in, "depth": takers.depth}
    details["unclear"] = int(weeks["unclear"].sum())
    verdict = verdict_of(rise, placebo if _is_telling(details) else None, expected_sign=1)
    counts = int(weeks["there"].max()), int(weeks["orders"].sum())
    found, draws = {}, {}
    if rise.lower > 0:
        shares, draws = (_missing(rows, place, design) for rows in (point[None, :], drawn))
        found = {name: Interval.around(shares[name][0], draws[name], level) for name in draws}
        lifts = _of_takers(rise.estimate, np.expm1(drawn[:, place["promoted"]]), takers, level)
        if lifts is not None:
            found["promotional_lift"], draws["promotional_lift"] = lifts
    return PromotionalBump(
        lift=Finding("evidence.bump.lift", rise, "share of orders", placebo, verdict, *counts, details),
        dip_before=found.get("before"),
        dip_after=found.get("after"),
        borrowed=found.get("borrowed"),
        lift_of_takers=found.get("promotional_lift"),
        depth=takers.depth,
        reach=float(reach_of(takers.orders, rise.estimate)),
        weeks=weeks,
        defined_by=defined_by,
        around_told=design.around,
        draws={name: draws[name] for name in ("promotional_lift", "borrowed") if name in draws},
    )


def _is_telling(details: Mapping[str, float]) -> bool:
    return details["promotions"] >= FEWEST_SEPARATE and details["depth"] >= LEAST_DEPTH


def _coefficients(weeks: pd.DataFrame, design: WeekDesign) -> tuple[np.ndarray, np.ndarray]:
    """Of the columns that tell something, with their covariance."""
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    exposure = weeks["there"].to_numpy().astype(float)
    model = GLM(weeks["orders"].to_numpy().astype(float), design.columns, family=Poisson(), exposure=exposure)
    fitted = model.fit(cov_type="HAC", cov_kwds={"maxlags": LAGS, "use_correction": True})
    told = [design.names.index(name) for name in design.told]
    return fitted.params[told], fitted.cov_params()[np.ix_(told, told)]


def _missing(points: np.ndarray, place, design: WeekDesign) -> dict[str, np.ndarray]:
    """Orders missing before and after as shares of the extra ones, by row of coefficients, where they are told."""

    def change(name: str) -> np.ndarray:
        return np.expm1(points[:, place[name]]) * design.columns[:, design.names.index(name)].sum()

    extra = change("promoted")
    found = {name: -change(name) / extra for name in ("before", "after") if name in place}
    return found | ({"borrowed": found["before"] + found["after"]} if len(found) == 2 else {})


def _of_takers(lift: float, lifts: np.ndarray, takers: Takers, level: float) -> tuple[Interval, np.ndarray] | None:
    """Lift of those who take part at the stated depth, with draws; None where depth or reach is too small or unsure."""
    reaches = reach_of(takers.orders_draws, lifts)
    sure = np.minimum(reaches / LEAST_REACH, takers.depth_draws / LEAST_DEPTH)
    if takers.depth < LEAST_DEPTH or np.quantile(sure, (1 - level) / 2) < 1:
        return None
    at_least = np.maximum(reaches, LEAST_REACH) * np.maximum(takers.depth_draws, LEAST_DEPTH)
    draws = lifts * LIFT_IS_STATED_AT / at_least
    estimate = lift * LIFT_IS_STATED_AT / takers.depth / float(reach_of(takers.orders, lift))
    return Interval.around(estimate, draws, level), draws
