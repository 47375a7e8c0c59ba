"""The part of results.json on loyalty strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.interval import Interval
from analysis.models.results import as_plain

if TYPE_CHECKING:
    from analysis.strategies.choice import StrategyChoice
    from analysis.strategies.decision import Ranking
    from analysis.strategies.evidence import LoyaltyEvidence
    from analysis.strategies.results import Simulation, StrategyResults
    from analysis.strategies.trial import ExperimentResult
    from analysis.study import Study


def strategies(study: Study) -> dict[str, Any] | None:
    """Evidence, comparison, choice and experiment; None where strategies cannot be compared (``strategies_reason``)."""
    choice = study.choice
    if choice is None:
        return None
    return {
        "horizon_weeks": study.strategies.per_purchase.weeks,
        "todays_deal": study.strategies.todays_deal,
        "evidence": _evidence(study.loyalty),
        "origin": study.strategies.per_purchase.origin,
        "assumptions": _assumptions(study.strategies.per_purchase),
        **_first_view(study.strategies.per_purchase, study.config.model.credible_level),
        **_choice(choice),
        "attack": _attack(study.strategies),
        "experiment": _trial(study.trial),
    }


def strategies_reason(study: Study) -> str | None:
    """Message key of why strategies cannot be compared; None where they can."""
    return study.strategies.key if study.choice is None else None


def _choice(choice: StrategyChoice) -> dict[str, Any]:
    decision, found = choice.decision, choice.map
    plan = choice.plan
    return {
        "outcome": str(decision.outcome),
        "recommended": decision.recommended,
        "contenders": list(decision.contenders),
        "same_in_effect": dict(decision.twins),
        "views": [_view(ranking) for ranking in decision.rankings],
        "information": [as_plain(each) for each in decision.information],
        "turning_points": [as_plain(each) for each in decision.turning_points],
        "sensitivity": [as_plain(each) for each in choice.sensitivity],
        "map": as_plain(found),
        "experiment_plan": as_plain(plan) if hasattr(plan, "designs") else {"reason": plan.key},
    }


def _view(ranking: Ranking) -> dict[str, Any]:
    rows = zip(
        ranking.names,
        ranking.difference,
        ranking.probability_best,
        ranking.regret,
        ranking.simulation_error,
        strict=True,
    )
    return {
        "model": ranking.model,
        "structure": ranking.structure,
        "profit_before": as_plain(ranking.profit_before),
        "perfect_information": ranking.perfect_information,
        "strategies": [
            {
                "name": name,
                "difference": as_plain(difference),
                "probability_best": probability,
                "regret": regret,
                "simulation_error": error,
            }
            for name, difference, probability, regret, error in rows
        ],
    }


def _assumptions(run: Simulation) -> dict[str, Any]:
    """Mean and range over draws of every parameter, shares of customer types and bindings included."""
    draws = run.parameters[[name for name in run.parameters if not name.startswith(("purchase.", "spend."))]]
    ends = {"mean": draws.mean(), "low": draws.min(), "high": draws.max()}
    return {name: {end: float(values[name]) for end, values in ends.items()} for name in draws}


def _first_view(run: Simulation, level: float) -> dict[str, Any]:
    """What the difference from doing nothing consists of, and what it is in every segment, under the first view."""

    def each(draws: Any) -> dict[str, Any]:
        places = enumerate(run.names)
        return {name: as_plain(Interval.around(float(draws[:, s].mean()), draws[:, s], level)) for s, name in places}

    return {
        "components": {part: each(draws) for part, draws in run.components.items()},
        "segments": [
            {
                "dimension": part.dimension,
                "segment": part.label,
                "customers": part.customers,
                "difference": each(part.difference),
            }
            for part in run.segments
        ],
    }


def _evidence(evidence: LoyaltyEvidence) -> dict[str, Any]:
    return {
        "findings": [as_plain(finding) for finding in evidence.findings],
        "used_for": sorted(evidence.estimates),
        "capped": {name: {"low": span.low, "high": span.high} for name, span in sorted(evidence.caps.items())},
        "reasons": {part: note.key for part, note in evidence.reasons.items()},
    }


def _attack(results: StrategyResults) -> dict[str, Any] | None:
    if not results.attacked:
        return None
    names = results.per_purchase.names
    return {
        structure: {
            name: {"taken": float(loss.taken[:, s].mean()), "profit_lost": float(loss.profit[:, s].mean())}
            for s, name in enumerate(names)
        }
        for structure, loss in results.attacked.items()
    }


def _trial(trial: ExperimentResult | Any) -> dict[str, Any] | None:
    if trial is None:
        return None
    return as_plain(trial) if hasattr(trial, "differences") else {"reason": trial.key}
