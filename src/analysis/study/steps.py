"""The steps of a study, each with what it is made from: the order in which data flow, written once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.config import LOYALTY_TABLES, StrategiesConfig
from analysis.study import loyalty

if TYPE_CHECKING:
    from analysis.claims import Verdict
    from analysis.data import HoldoutSplit, Note, Transactions
    from analysis.data.contracts import Contracts
    from analysis.data.loyalty_tables import LoyaltyTables
    from analysis.models.results import BackTest, PurchaseResult, SpendResult
    from analysis.study.study import Study
    from analysis.value.cohorts import Cohorts
    from analysis.value.contractual_results import ContractualRetention
    from analysis.value.firm import FirmFlow
    from analysis.value.landscape import Landscape
    from analysis.value.period_rates import PeriodRates
    from analysis.value.results import CustomerValue, RetentionLift
    from analysis.value.retention import ModelRetention
    from analysis.value.spend_growth import SpendGrowth
    from analysis.value.what_if import WhatIf


@dataclass(frozen=True)
class Step:
    """One result of a study.

    Attributes
    ----------
    compute
        Makes the result from the study.
    made_from
        Names of the steps whose results go in.
    settings
        Dotted names of the sections and keys of the configuration that go in.
    reads
        Dotted names of those sections whose files it reads.
    """

    compute: Callable[[Study], Any]
    made_from: tuple[str, ...]
    settings: tuple[str, ...]
    reads: tuple[str, ...] = ()


def _transactions(study: Study) -> Transactions:
    from analysis.data import load_transactions

    workdir = study.results.new_workdir("transactions")
    settings = {"as_of": study.as_of, "frame": study.frame, "most_rows": study.most_rows}
    return load_transactions(study.config, workdir=workdir, **settings)


def _split(study: Study) -> HoldoutSplit | Note:
    from analysis.data import holdout_split

    return holdout_split(study.transactions, study.config.data.holdout_weeks)


def _purchase(study: Study) -> PurchaseResult:
    from analysis.models import purchase_result

    return purchase_result(study.transactions.summary, study.config.model)


def _spend(study: Study) -> SpendResult | None:
    from analysis.models import spend_result

    return spend_result(study.transactions.summary, study.config.model)


def _value(study: Study) -> CustomerValue:
    from analysis.value import customer_value

    config = study.config
    return customer_value(study.transactions.summary, study.purchase, study.spend, config.model, config.economics)


def _backtest(study: Study) -> BackTest | Note:
    from analysis.data import Note
    from analysis.models import back_test

    split = study.split
    return split if isinstance(split, Note) else back_test(split, study.config.model)


def _periods(study: Study) -> PeriodRates | Note:
    from analysis.value.period_rates import period_rates

    config = study.config
    window = config.retention.active_window_days
    return period_rates(study.transactions, window, level=config.model.credible_level)


def _cohorts(study: Study) -> Cohorts | Note:
    from analysis.value.cohorts import retention_cohorts

    return retention_cohorts(study.transactions, level=study.config.model.credible_level)


def _growth(study: Study) -> SpendGrowth | Note:
    from analysis.value.spend_growth import spend_growth

    return spend_growth(study.transactions, level=study.config.model.credible_level)


def _retention(study: Study) -> ModelRetention:
    from analysis.value.retention import model_retention

    return model_retention(study.transactions.summary, study.purchase, study.config.model)


def _lift(study: Study) -> RetentionLift | Note:
    from analysis.data import Note
    from analysis.value.lift import new_customers_observed, retention_lift, why_no_lift

    transactions, spend = study.transactions, study.spend
    if reason := why_no_lift(transactions, study.retention):
        return reason
    growth = study.growth
    return retention_lift(
        transactions.summary,
        study.purchase,
        spend,
        study.config,
        new_customers_per_year=new_customers_observed(transactions),
        growth=None if isinstance(growth, Note) else growth.same_customers,
    )


def _what_if(study: Study) -> WhatIf | None:
    from analysis.data import Note
    from analysis.value.what_if import what_if

    if isinstance(study.lift, Note):
        return None
    return what_if(study.transactions.summary, study.purchase, study.spend, study.config, study.lift)


def _contracts(study: Study) -> Contracts | None:
    from analysis.data.contracts import load_contracts

    if study.config.contracts is None:
        return None
    workdir = study.results.new_workdir("contracts")
    return load_contracts(study.config, as_of=study.transactions.observation_end, workdir=workdir)


def _contractual(study: Study) -> ContractualRetention | Note | None:
    from analysis.value.contractual import contractual_retention

    return None if study.contracts is None else contractual_retention(study.contracts, study.config)


def _loyalty_tables(study: Study) -> LoyaltyTables:
    from analysis.data.loyalty_tables import LoyaltyTables, load_loyalty_tables

    if not study.config.further_tables.keys() & set(LOYALTY_SECTIONS):
        return LoyaltyTables()
    return load_loyalty_tables(study.config, workdir=study.results.new_workdir("loyalty_tables"))


def _landscape(study: Study) -> Landscape | None:
    from analysis.data import Note
    from analysis.value.landscape import landscape

    if isinstance(study.lift, Note):
        return None
    return landscape(study.transactions.summary, study.purchase, study.spend, study.config)


def _firm(study: Study) -> tuple[FirmFlow, ...]:
    from analysis.data import Note
    from analysis.value.firm import firm_flows

    lift = study.lift
    if isinstance(lift, Note) or not lift.new_customers_per_year:
        return ()
    summary, model = study.transactions.summary, study.config.model
    return firm_flows(summary, study.purchase, model, lift.named, lift.new_customers_per_year)


def _claims(study: Study) -> tuple[Verdict, ...]:
    from analysis.claims import Evidence, ledger_of_claims

    evidence = Evidence(
        transactions=study.transactions,
        split=study.split,
        purchase=study.purchase,
        spend=study.spend,
        lift=study.lift,
        growth=study.growth,
        config=study.config,
    )
    return ledger_of_claims(evidence)


STRATEGY_SETTINGS = tuple(f"strategies.{name}" for name in StrategiesConfig.model_fields if name not in LOYALTY_TABLES)
LOYALTY_SECTIONS = tuple(f"strategies.{name}" for name in LOYALTY_TABLES)
STEPS = {
    "transactions": Step(_transactions, (), ("data",)),
    "purchase": Step(_purchase, ("transactions",), ("model",)),
    "spend": Step(_spend, ("transactions",), ("model",)),
    "value": Step(_value, ("transactions", "purchase", "spend"), ("model", "economics")),
    "split": Step(_split, ("transactions",), ("data.holdout_weeks",)),
    "backtest": Step(_backtest, ("split",), ("model",)),
    "periods": Step(_periods, ("transactions",), ("model", "retention.active_window_days")),
    "cohorts": Step(_cohorts, ("transactions",), ("model",)),
    "growth": Step(_growth, ("transactions",), ("model",)),
    "retention": Step(_retention, ("transactions", "purchase"), ("model",)),
    "lift": Step(
        _lift, ("transactions", "purchase", "spend", "growth", "retention"), ("model", "economics", "retention")
    ),
    "what_if": Step(_what_if, ("transactions", "purchase", "spend", "lift"), ("model", "economics", "retention")),
    "landscape": Step(_landscape, ("transactions", "purchase", "spend", "lift"), ("model", "economics", "retention")),
    "firm": Step(_firm, ("transactions", "purchase", "lift"), ("model", "economics", "retention")),
    "contracts": Step(_contracts, ("transactions",), ("contracts",), reads=("contracts",)),
    "contractual": Step(_contractual, ("contracts",), ("model", "economics", "retention", "contracts")),
    "loyalty_tables": Step(_loyalty_tables, ("transactions",), LOYALTY_SECTIONS, reads=LOYALTY_SECTIONS),
    "claims": Step(
        _claims,
        ("transactions", "split", "purchase", "spend", "growth", "lift"),
        ("model", "economics", "retention"),
    ),
    "loyalty": Step(loyalty.loyalty, ("transactions", "purchase", "loyalty_tables"), ("model", "economics")),
    "strategies": Step(
        loyalty.strategies,
        ("transactions", "purchase", "spend", "loyalty_tables", "loyalty"),
        ("model", "economics", *STRATEGY_SETTINGS, "retention.new_customers_per_year"),
    ),
    "choice": Step(
        loyalty.choice,
        ("transactions", "purchase", "spend", "loyalty_tables", "loyalty", "strategies"),
        ("model", "economics", *STRATEGY_SETTINGS, "retention.new_customers_per_year"),
    ),
    "trial": Step(loyalty.trial, ("transactions", "loyalty_tables"), ("model", "economics", "strategies.experiment")),
}
