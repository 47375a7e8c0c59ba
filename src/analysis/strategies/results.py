"""Everything on loyalty strategies as plain data, for ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from analysis.interval import Interval
from analysis.strategies.comparison import StrategyComparison
from analysis.strategies.decision import Advice
from analysis.strategies.evidence import LoyaltyEvidence
from analysis.strategies.experiment import ExperimentResult
from analysis.strategies.simulation import SEGMENTS
from analysis.words import Message


def as_results(
    found: StrategyComparison, evidence: LoyaltyEvidence, experiment: ExperimentResult | Message | None
) -> dict[str, Any]:
    """The part ``strategies`` of ``results.json``.

    Parameters
    ----------
    experiment
        What an experiment that was run showed, why that is not known, or None where none is configured.
    """
    table, parts, level, names = found.to_frame(), found.components, found.level, found.names
    parameters = found.assumptions().set_index("name")
    draws, sizes = found.segments
    over_all = (
        "strategy",
        "difference",
        "lower",
        "upper",
        "level",
        "probability_of_loss",
        "probability_best",
        "regret",
    )

    def each(draws: np.ndarray) -> dict[str, Interval]:
        return {name: Interval.around(float(row.mean()), row, level) for name, row in zip(names, draws, strict=True)}

    attack = None if found.attacked is None else {"profit_lost": each(-found.attacked)}
    content = {
        "horizon_weeks": round(found.years * 52.18),
        "todays_deal": found.todays_deal,
        "evidence": {
            "findings": [plain(finding) | {"unit": finding.unit.text} for finding in evidence.findings],
            "used_for": sorted(evidence.estimates),
            "capped": {name: {"low": span.low, "high": span.high} for name, span in sorted(evidence.caps.items())},
            "reasons": {part: reason.code for part, reason in evidence.reasons.items()},
        },
        "origin": found.parameters.origin,
        "assumptions": parameters[["mean", "low", "high"]].to_dict("index"),
        "go_on": found.go_on,
        "lines": found.lines,
        "components": {name: each(amounts) for name, amounts in parts.items()},
        "segments": [
            {"dimension": "value", "segment": name, "customers": int(count), "difference": each(draws[:, :, g] / count)}
            for g, (name, count) in enumerate(zip(SEGMENTS, sizes, strict=True))
            if count
        ],
        "over_all_views": table[list(over_all)].to_dict("records"),
        "advice": [
            _advice(advice) | {"simulation_error": found.simulation_error[names.index(name)]}
            for name, advice in found.advice.items()
        ],
        "experiment_plan": {name: list(trials) for name, trials in found.trials.items()},
        "attack": attack,
        "experiment": {"reason": experiment.code} if isinstance(experiment, Message) else experiment,
    }
    return plain(content)


def _advice(advice: Advice) -> dict[str, Any]:
    said = {field.name: getattr(advice, field.name) for field in fields(advice)}
    return said | {"asked": None if advice.asked is None else advice.asked.name}


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
