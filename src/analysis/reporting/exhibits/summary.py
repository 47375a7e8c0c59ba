"""What notebook 06 shows: at most three verdicts with their certainty, key figures, and what to be careful about."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.claims import Outcome
from analysis.data import Note, Transactions
from analysis.models.results import BackTest, PurchaseResult, SpendResult
from analysis.reporting.changes import Changes
from analysis.reporting.exhibit import name_key
from analysis.reporting.exhibits.backtest import PRIMARY, is_inside, miss_said, primary_score
from analysis.reporting.exhibits.changes import card_changes
from analysis.reporting.exhibits.lift import outcome, side_of
from analysis.reporting.exhibits.purchase import CLOSE_SHARE, alive_range, apart, left_out
from analysis.reporting.exhibits.readings import gain_of
from analysis.reporting.exhibits.value import no_value
from analysis.reporting.words import Remark, Saying
from analysis.timeunits import DAYS_PER_YEAR
from analysis.value.lift import CLAIMED
from analysis.value.results import CustomerValue, RetentionLift

TRUST = {
    "inside": "summary.trust.inside",
    "outside": "summary.trust.outside",
    "baseline": "summary.trust.baseline",
    "undecided": "summary.trust.undecided",
}
LOW, MEDIUM, HIGH = "low", "medium", "high"
CLAIMED_ENDS = {"low": CLAIMED[0], "high": CLAIMED[1]}
LONG_HORIZON = 2.5
"""Times the window of the data beyond which a horizon is called long."""


@dataclass(frozen=True)
class Verdict:
    """One plain verdict.

    Attributes
    ----------
    sentence
        What is said, with its number and interval.
    certainty
        ``low``, ``medium`` or ``high``.
    because
        Why it is no more and no less certain.
    """

    sentence: Saying
    certainty: str
    because: Remark


@dataclass(frozen=True)
class Card:
    """One key figure: label, value, what it is, and how it changed since the last run."""

    label: str
    kind: str
    value: Any
    detail: Saying | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    change: Saying | None = None


def verdicts(
    purchase: PurchaseResult, value: CustomerValue, backtest: BackTest | Note, lift: RetentionLift | Note
) -> list[Verdict]:
    """What the base is worth, whether the claim holds, and whether the forecast can be trusted.

    Where the data cannot speak of the claim, who is still a customer takes its place.
    """
    trusted = _worth_certainty(purchase, backtest, value)[0]
    claim = _alive(purchase) if isinstance(lift, Note) else _claim(lift, LOW if trusted == LOW else MEDIUM)
    found = [_worth(purchase, value, backtest), claim, _trust(backtest)]
    refuted = isinstance(backtest, BackTest) and backtest.verdict == "baseline"
    return [found[-1], *found[:-1]] if refuted else found


def _worth(purchase: PurchaseResult, value: CustomerValue, backtest: BackTest | Note) -> Verdict:
    numbers = {"horizon": value.horizon_years, "customers": len(value.table)}
    if value.residual_clv is None:
        sentence = Saying("summary.worth_orders", {**numbers, "orders": value.expected_orders})
    else:
        sentence = _worth_in_money(value, {**numbers, "total": value.residual_clv})
    return Verdict(sentence, *_worth_certainty(purchase, backtest, value))


def _worth_in_money(value: CustomerValue, numbers: Mapping[str, Any]) -> Saying:
    others = {name: total.residual_clv.estimate for name, total in value.by_model.items() if name != PRIMARY}
    if not value.brings_money:
        return Saying("summary.worth_nothing", numbers)
    if not others:
        return Saying("summary.worth", numbers)
    if len(others) == 1:
        ((name, other),) = others.items()
        return Saying("summary.worth_second", {**numbers, "model": Saying(name_key(name)), "other": other})
    return Saying("summary.worth_models", {**numbers, "low": min(others.values()), "high": max(others.values())})


def _worth_certainty(purchase: PurchaseResult, backtest: BackTest | Note, value: CustomerValue) -> tuple[str, Saying]:
    if no_value(value):
        return LOW, Saying("certainty.no_value")
    if not isinstance(backtest, BackTest):
        return LOW, Saying("certainty.untested")
    if backtest.verdict == "baseline":
        return LOW, Saying("certainty.baseline_better")
    if not is_inside(primary_score(backtest)):
        return LOW, Saying("certainty.total_missed", {"miss": miss_said(primary_score(backtest))})
    if backtest.verdict == "undecided":
        return LOW, Saying("certainty.not_better")
    if not purchase.challengers:
        return MEDIUM, Saying("certainty.no_second_model")
    if apart(purchase) > CLOSE_SHARE:
        return MEDIUM, Saying("certainty.models_differ")
    if (spread := _spread_of_models(value)) > CLOSE_SHARE:
        return LOW, Saying("certainty.values_differ", {"spread": spread})
    return HIGH, Saying("certainty.tested_orders" if value.residual_clv is None else "certainty.tested")


def _spread_of_models(value: CustomerValue) -> float:
    """How far the models' totals lie apart, relative to the primary one's."""
    totals = [(total.residual_clv or total.expected_orders).estimate for total in value.by_model.values()]
    return (max(totals) - min(totals)) / max(abs(totals[0]), 1e-300)


def _alive(purchase: PurchaseResult) -> Verdict:
    low, high = alive_range(purchase.customers_alive)
    customers = purchase.primary.customers
    if len(purchase.customers_alive) == 1:
        return Verdict(
            Saying("summary.alive_alone", {"alive": low, "customers": customers}), LOW, Saying("certainty.alone")
        )
    if apart(purchase) > CLOSE_SHARE:
        numbers = {"low": low, "high": high, "customers": customers}
        return Verdict(Saying("summary.alive_apart", numbers), LOW, Saying("certainty.who_is_alive"))
    numbers = {"low": low, "high": high, "customers": customers}
    return Verdict(Saying("summary.alive_close", numbers), MEDIUM, Saying("certainty.models_agree"))


def _claim(lift: RetentionLift, certainty: str) -> Verdict:
    """The popular claim as the configuration reads it; it never says that an action would bring this about."""
    known = [each.lift for each in lift.named_lifts.values() if each.lift is not None]
    found = outcome(lift)
    if found is Outcome.NOT_TESTABLE or len(known) < len(lift.models):
        return Verdict(Saying("summary.claim_no_per_cent", CLAIMED_ENDS), LOW, Saying("certainty.claim_no_per_cent"))
    low, high = (pick(known, key=lambda each: each.estimate) for pick in (min, max))
    alone = len(known) == 1
    ends = {"lift": low} if alone else {"lowest": low, "highest": high}
    numbers = {**CLAIMED_ENDS, "gain": gain_of(lift.named), **ends}
    if found is Outcome.CONTRADICTED:
        numbers["side"] = side_of(lift)
    sentence = Saying(f"summary.claim_{found}_alone" if alone else f"summary.claim_{found}", numbers)
    return Verdict(sentence, LOW if found is Outcome.DEPENDS else certainty, Saying("certainty.claim_reading"))


def _trust(backtest: BackTest | Note) -> Verdict:
    if not isinstance(backtest, BackTest):
        return Verdict(Saying("summary.no_backtest"), LOW, backtest)
    score = primary_score(backtest)
    outcome = backtest.verdict
    if outcome == "model":
        outcome = "inside" if is_inside(score) else "outside"
    numbers = {"total": score.total_interval, "actual": score.total_actual, "weeks": backtest.holdout_weeks}
    names = {"model": Saying(name_key(PRIMARY)), "baseline": Saying(name_key(backtest.best_baseline))}
    sentence = Saying(TRUST[outcome], {**numbers, "model": names["model"]})
    because = Saying("certainty.log_score", {**names, "lead": backtest.lead})
    return Verdict(sentence, MEDIUM if backtest.verdict == "undecided" else HIGH, because)


def cards(
    transactions: Transactions, purchase: PurchaseResult, value: CustomerValue, changes: Changes | None = None
) -> list[Card]:
    """The key figures, each with its change since the last run where there was one."""
    changed = card_changes(changes)
    shown = _cards(transactions, purchase, value)
    return [dataclasses.replace(card, change=changed.get(card.label)) for card in shown]


def _cards(transactions: Transactions, purchase: PurchaseResult, value: CustomerValue) -> list[Card]:
    repeaters = float((value.table["frequency"] > 0).mean())
    low, high = alive_range(purchase.customers_alive)
    shown = [
        Card("card.customers", "integer", transactions.customers, Saying("card.repeaters", {"share": repeaters})),
        Card(
            "card.orders", "integer", transactions.orders, Saying("card.until", {"end": transactions.observation_end})
        ),
    ]
    if value.residual_clv is not None:
        total = value.residual_clv
        shown.append(
            Card(
                "card.value",
                "money",
                total.estimate,
                Saying("card.money_interval", {"total": total, "level": total.level}),
            )
        )
        mean = total.per(len(value.table))
        each = {"horizon": value.horizon_years, "mean": mean, "level": mean.level}
        shown.append(Card("card.value_each", "money", mean.estimate, Saying("card.over", each)))
    orders = value.expected_orders
    shown.append(
        Card(
            "card.expected",
            "integer",
            orders.estimate,
            Saying("card.orders_interval", {"total": orders, "level": orders.level}),
        )
    )
    detail = Saying("card.alive_models", {"models": len(purchase.customers_alive)})
    if len(purchase.customers_alive) == 1:
        shown.append(Card("card.alive", "integer", low.estimate, detail))
    else:
        both = Saying("card.alive_range", {"low": low.estimate, "high": high.estimate})
        shown.append(Card("card.alive", "phrase", both, detail))
    return shown


def cautions(
    transactions: Transactions,
    purchase: PurchaseResult,
    spend: SpendResult | None,
    value: CustomerValue,
    backtest: BackTest | Note,
) -> list[Saying]:
    """What a careful reader would ask about, the gravest first."""
    found = no_value(value)
    if isinstance(backtest, BackTest):
        found += _backtest_cautions(backtest)
    if apart(purchase) > CLOSE_SHARE:
        once = purchase.alive_among_one_time_buyers
        found.append(Saying("caution.one_time", {"share": once[purchase.primary.model], "customers": _one_time(value)}))
    if value.residual_clv is not None:
        numbers = {"margin": value.gross_margin, "rate": value.annual_discount_rate, "horizon": value.horizon_years}
        found.append(Saying("caution.economics", numbers))
        if transactions.currency is None and value.currency is None:
            found.append(Saying("value.currency_unknown"))
    else:
        found.append(Saying("value.no_money"))
    if spend is not None and spend.dependence is not None and spend.dependence.verdict == "dependent":
        found.append(Saying("caution.dependence", {"change": spend.dependence.change_per_doubling}))
    window = (transactions.observation_end - transactions.observation_start).days + 1
    if (times := value.horizon_years * DAYS_PER_YEAR / window) > LONG_HORIZON:
        found.append(Saying("caution.horizon", {"horizon": value.horizon_years, "times": times, "window": window}))
    return [*found, *left_out(purchase), Saying("caution.no_cause")]


def _backtest_cautions(backtest: BackTest) -> list[Saying]:
    score, found = primary_score(backtest), []
    if backtest.verdict == "baseline":
        found.append(Saying("caution.baseline", {"baseline": Saying(name_key(backtest.best_baseline))}))
    if not is_inside(score):
        found.append(Saying("caution.total", {"miss": miss_said(score), "model": Saying(name_key(score.name))}))
    return found


def _one_time(value: CustomerValue) -> int:
    return int((value.table["frequency"] == 0).sum())
