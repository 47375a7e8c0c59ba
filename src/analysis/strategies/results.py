"""Everything on loyalty strategies as plain data, for ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from analysis.interval import Interval
from analysis.strategies.choice import StrategyChoice
from analysis.strategies.comparison import StrategyComparison
from analysis.strategies.evidence import LoyaltyEvidence
from analysis.strategies.experiment import ExperimentResult
from analysis.words import Message

TAKEN = {"customers": "taken", "profit": "profit_lost"}
OF_STRATEGY = ("difference", "probability_best", "regret", "simulation_error")


def as_results(
    comparison: StrategyComparison,
    choice: StrategyChoice,
    evidence: LoyaltyEvidence,
    experiment: ExperimentResult | Message | None,
) -> dict[str, Any]:
    """The part ``strategies`` of ``results.json``.

    Parameters
    ----------
    experiment
        What an experiment that was run showed, why that is not known, or None where none is configured.
    """
    run, decision, level = comparison.per_purchase, choice.decision, comparison.setting.level
    draws = run.parameters[[name for name in run.parameters if not name.startswith(("purchase.", "spend."))]]
    ends = {"mean": draws.mean(), "low": draws.min(), "high": draws.max()}

    def each(draws: np.ndarray) -> dict[str, Interval]:
        return {
            name: Interval.around(float(draws[:, s].mean()), draws[:, s], level) for s, name in enumerate(run.names)
        }

    attack: dict[str, dict] = {structure: {name: {} for name in run.names} for structure, _ in comparison.attacked}
    for (structure, what), loss in comparison.attacked.items():
        for s, name in enumerate(run.names):
            attack[structure][name] |= {TAKEN[what]: loss[:, s].mean()}
    found = {
        "horizon_weeks": run.weeks,
        "todays_deal": comparison.setting.economics.todays_deal,
        "evidence": {
            "findings": [plain(finding) | {"unit": finding.unit.text} for finding in evidence.findings],
            "used_for": sorted(evidence.estimates),
            "capped": {name: {"low": span.low, "high": span.high} for name, span in sorted(evidence.caps.items())},
            "reasons": {part: reason.code for part, reason in evidence.reasons.items()},
        },
        "origin": run.origin,
        "assumptions": {name: {end: values[name] for end, values in ends.items()} for name in draws},
        "components": {part: each(amounts) for part, amounts in run.components.items()},
        "segments": [
            {"dimension": part.dimension, "segment": part.label, "customers": part.customers,
             "difference": each(part.difference)}
            for part in run.segments
        ],
        "outcome": decision.outcome,
        "recommended": decision.recommended,
        "contenders": decision.contenders,
        "same_in_effect": decision.same_in_effect,
        "over_all_views": decision.table.to_dict("records"),
        "views": [
            {name: getattr(view, name) for name in ("model", "structure", "profit_before", "perfect_information")}
            | {"strategies": [
                {"name": name} | {what: getattr(view, what)[s] for what in OF_STRATEGY}
                for s, name in enumerate(view.names)
            ]}
            for view in decision.rankings
        ],
        "turning_points": decision.turning_points,
        "map": choice.map,
        "experiment_plan": choice.plan or {"reason": choice.no_plan.code},
        "attack": attack or None,
        "experiment": {"reason": experiment.code} if isinstance(experiment, Message) else experiment,
    }  # fmt: skip
    return plain(found)


def plain(value: Any) -> Any:
    """A value as what JSON knows: dataclasses as mappings, sentences by their code or in English, days as text.

    >>> plain({"unit": Message("orders a week"), "value": Interval(1.0, 0.5, float("nan"), 0.9)})
    {'unit': 'orders a week', 'value': {'estimate': 1.0, 'lower': 0.5, 'upper': None, 'level': 0.9}}
    """
    if isinstance(value, Message):
        return {"key": value.code, "numbers": plain(value.values)} if value.code else value.text
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(each) for each in value]
    value = value.item() if isinstance(value, np.generic) else value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return None if isinstance(value, float) and not np.isfinite(value) else value
