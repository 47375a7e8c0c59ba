"""The steps of a study on loyalty strategies: what the data say, what follows, what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from analysis.data import Note
    from analysis.strategies.choice import StrategyChoice
    from analysis.strategies.evidence import LoyaltyEvidence
    from analysis.strategies.results import StrategyResults
    from analysis.strategies.trial import ExperimentResult
    from analysis.study.study import Study


def loyalty(study: Study) -> LoyaltyEvidence:
    """What the orders, and the tables beside them, say of loyalty, and how far these tables fit the transactions."""
    from analysis.data.loyalty_matches import loyalty_matches
    from analysis.strategies.evidence import loyalty_evidence

    tables = study.loyalty_tables
    found = loyalty_evidence(
        study.transactions,
        study.config,
        study.purchase,
        campaigns=tables.campaigns,
        promotions=tables.promotions,
        satisfaction=tables.satisfaction,
    )
    matches = loyalty_matches(tables, study.transactions, of_part=study.config.data.part is not None)
    doubts = (*tables.notes, *(match.note for match in matches if match.is_few))
    fits = tuple(match.note for match in matches if not match.is_few)
    return replace(found, tables=fits, notes=(*doubts, *found.notes))


def strategies(study: Study) -> StrategyResults | Note:
    """The configured strategies compared, or why they cannot be."""
    from analysis.strategies import strategy_results

    return strategy_results(
        study.transactions.summary, study.purchase, study.spend, study.config, **_known_beside_models(study)
    )


def choice(study: Study) -> StrategyChoice | None:
    """What to do; None where strategies cannot be compared."""
    from analysis.data import Note
    from analysis.strategies.choice import strategy_choice

    results = study.strategies
    if isinstance(results, Note):
        return None
    return strategy_choice(
        study.transactions, study.purchase, study.spend, study.config, results, **_known_beside_models(study)
    )


def trial(study: Study) -> ExperimentResult | Note | None:
    """What an experiment that was run showed; None where none is configured."""
    from analysis.strategies.trial import experiment_result

    arms, settings = study.loyalty_tables.arms, study.config.strategies.experiment
    if arms is None or settings is None:
        return None
    return experiment_result(study.transactions, arms, settings, study.config)


def _known_beside_models(study: Study) -> dict:
    from analysis.value.lift import new_customers_observed

    evidence = study.loyalty
    return {
        "estimates": evidence.estimates,
        "caps": evidence.caps,
        "observed_deal": evidence.observed_deal,
        "joining_per_year": new_customers_observed(study.transactions),
        "kinds": _kinds(study),
    }


def _kinds(study: Study) -> np.ndarray | None:
    """Number of every customer's type, -1 where unknown, shape (customers,); None where nobody's is known."""
    import numpy as np

    from analysis.strategies.parameters import CUSTOMER_TYPES

    table = study.loyalty_tables.customer_types
    if table is None:
        return None
    numbers = dict(zip(CUSTOMER_TYPES, range(len(CUSTOMER_TYPES)), strict=True))
    kind_of = dict(zip(table["customer"], table["type"].map(numbers), strict=True))
    ids = study.transactions.summary.table["customer_id"]
    return np.array([kind_of.get(customer, -1) for customer in ids], dtype=int)
