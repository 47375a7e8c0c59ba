"""Claims that no orders can test: what people say in surveys, and what it would take customers by lot to tell."""

from __future__ import annotations

import ibis
import pandas as pd

from analysis.claims.claim import LOW, LOW_TO_MEDIUM, Claim, Range, Verdict, not_testable
from analysis.value.history import history
from analysis.value.intervals import share_interval
from analysis.words import Message

FEWEST_SCORES = 30
SURVEY = Message("This is what people say in a survey. Orders show what customers do, not what they would do or why.",
    code="claim.reason.survey")  # fmt: skip


@Claim(
    Message("86% of customers would pay 25% more for better service."),
    article=Message("86% would pay 25% more for better service."),
    source=Message("RightNow and Harris, 2011: 86% would pay more, without an amount. In its edition of 2010, 10% "
        "would pay at least 25% more."),
    range=Range(0.86, 1.0), trust=LOW,
)  # fmt: skip
def pay_more_for_service(orders, tables, active_window_days, credible_level) -> Verdict:
    return not_testable(SURVEY, *_after_scores(orders, tables.satisfaction, active_window_days, credible_level))


@Claim(
    Message("78% of customers gave up a purchase because of bad service."),
    article=Message("78% gave up a purchase over bad service."),
    source=Message("American Express, 2011: at some time in their lives. In 2012, 55% said so of the past year."),
    range=Range(0.78, 1.0), trust=LOW_TO_MEDIUM,
)  # fmt: skip
def gave_up_over_service(orders, tables, active_window_days, credible_level) -> Verdict:
    return not_testable(SURVEY, *_after_scores(orders, tables.satisfaction, active_window_days, credible_level))


def _after_scores(orders, scores, window, level) -> tuple[Message, ...]:
    """How many ordered again after the lowest quarter of satisfaction scores and after the others, if there are any."""
    if scores is None:
        return ()
    scores = scores.assign(place=orders.histories.places(scores["customer"])).dropna(subset="score")
    followed = scores["date"] <= pd.Timestamp(orders.observation_end) - pd.Timedelta(days=window)
    scores = scores[followed & (scores["place"] >= 0)].reset_index(drop=True)
    is_low = scores["score"] <= scores["score"].quantile(0.25)
    if len(scores) < FEWEST_SCORES or is_low.all():
        return ()
    with history(orders) as bought:
        asked = ibis.memtable(scores[["place", "date"]].reset_index(names="row"))
        since = bought.day.delta(asked.date.cast("date"), unit="day")
        inside = asked.join(bought, [asked.place == bought.customer, since > 0, since <= window])
        again = scores.index.isin(inside.row.to_pandas())
    low, other = (share_interval(int(again[rows].sum()), int(rows.sum()), level) for rows in (is_low, ~is_low))
    return (Message("After satisfaction scores of {limit:number} or less, {scores:integer} of {all:integer}, "
        "{low:interval percent} ordered again within {window:days}, after the others {other:interval percent}. That is "
        "what customers did, not why.", scores=int(is_low.sum()), all=len(scores),
        limit=float(scores["score"][is_low].max()), window=window, low=low, other=other),)  # fmt: skip


NEEDS_A_LOT = Message("Orders do not show who took part in a programme, or what service they met, and those who do "
    "differ from the others. It would take customers who are given the one or the other by lot.",
    code="claim.reason.needs_an_experiment")  # fmt: skip


@Claim(
    Message("Points bind customers better than discounts of the same cost do."),
    article=Message("Points bind better than discounts."),
    source=Message("Points pressure and rewarded behaviour both raise buying (Taylor and Neslin 2005); how points and "
        "discounts of equal cost compare over a customer's life was not found."),
    range=Range(0.0, 1.0),
)  # fmt: skip
def points_bind_better() -> Verdict:
    return not_testable(NEEDS_A_LOT)


@Claim(
    Message("Better service always pays, loyalty programmes do not."),
    article=Message("Better service always pays, programmes do not."),
    source=Message("Against the first half: delight raises expectations and costs later (Rust and Oliver 2000). "
        "Against the second: light and moderate buyers bought more in a programme, heavy ones did not (Liu 2007)."),
    range=Range(0.0, 1.0),
)  # fmt: skip
def service_always_pays() -> Verdict:
    return not_testable(NEEDS_A_LOT)


@Claim(
    Message("90% of those who gave up a purchase because of bad service never return."),
    article=Message("90% of those never return."),
    source=Message("The source of the 90% was not found."),
    range=Range(0.90, 1.0),
)
def never_return() -> Verdict:
    return not_testable(Message("This is what people say in a survey, and orders do not show why a customer left.",
        code="claim.reason.survey_and_reason_of_leaving"))  # fmt: skip
