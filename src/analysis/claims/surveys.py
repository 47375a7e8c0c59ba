"""Claims that no orders can test: what people say in surveys, and what a budget brings."""

from __future__ import annotations

from analysis.claims.claim import LOW, LOW_TO_MEDIUM, Claim, Range, Verdict, not_testable
from analysis.words import Message

SURVEY = Message("This is what people say in a survey. Orders show what customers do, not what they would do or why.",
    code="claim.reason.survey")  # fmt: skip


@Claim(
    Message("More than 19% of the marketing budget should go to keeping customers."),
    article=Message("Only 19% of the marketing budget goes to keeping customers."),
    source=Message("The source of the 19% was not found."),
    range=Range(0.19, 1.0),
)
def budget_share_for_keeping() -> Verdict:
    return not_testable(Message("Orders do not show what a budget brings. It would take budgets that were varied at "
        "random, or at least their course over time.", code="claim.reason.no_response_in_orders"))  # fmt: skip


@Claim(
    Message("86% of customers would pay 25% more for better service."),
    article=Message("86% would pay 25% more for better service."),
    source=Message("RightNow and Harris, 2011: 86% would pay more, without an amount. In its edition of 2010, 10% "
        "would pay at least 25% more."),
    range=Range(0.86, 1.0), trust=LOW,
)  # fmt: skip
def pay_more_for_service() -> Verdict:
    return not_testable(SURVEY)


@Claim(
    Message("78% of customers gave up a purchase because of bad service."),
    article=Message("78% gave up a purchase over bad service."),
    source=Message("American Express, 2011: at some time in their lives. In 2012, 55% said so of the past year."),
    range=Range(0.78, 1.0), trust=LOW_TO_MEDIUM,
)  # fmt: skip
def gave_up_over_service() -> Verdict:
    return not_testable(SURVEY)


@Claim(
    Message("90% of those who gave up a purchase because of bad service never return."),
    article=Message("90% of those never return."),
    source=Message("The source of the 90% was not found."),
    range=Range(0.90, 1.0),
)
def never_return() -> Verdict:
    return not_testable(Message("This is what people say in a survey, and orders do not show why a customer left.",
        code="claim.reason.survey_and_reason_of_leaving"))  # fmt: skip
