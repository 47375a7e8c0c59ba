"""Everything on loyalty strategies, for ``results.json``."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.interval import Interval
from analysis.strategies.comparison import StrategyComparison
from analysis.strategies.evidence.evidence import LoyaltyEvidence
from analysis.strategies.experiment import ExperimentResult
from analysis.strategies.schedule import WEEKS_PER_YEAR
from analysis.strategies.simulation import SEGMENTS
from analysis.words import Message

OVER_ALL = ("strategy", "difference", "lower", "upper", "level", "probability_of_loss", "probability_best", "regret")


def as_results(
    found: StrategyComparison, evidence: LoyaltyEvidence, experiment: ExperimentResult | Message | None
) -> dict[str, Any]:
    """The part ``strategies`` of ``results.json``.

    Parameters
    ----------
    experiment
        What an experiment that was run showed, why that is not known, or None where none is configured.
    """
    names, (draws, sizes), trials = found.names, found.segments, found.trials

    def each(draws: np.ndarray) -> dict[str, Interval]:
        return {name: Interval.of_draws(row, found.level) for name, row in zip(names, draws, strict=True)}

    return {
        "horizon_weeks": round(found.years * WEEKS_PER_YEAR),
        "todays_deal": found.todays_deal,
        "evidence": {
            "findings": [vars(finding) | {"unit": finding.unit.text} for finding in evidence.findings],
            "used_for": sorted(evidence.estimates),
            "reasons": {part: reason.code for part, reason in evidence.reasons.items()},
        },
        "origin": found.parameters.origin,
        "assumptions": found.assumptions().set_index("name")[["mean", "low", "high"]].to_dict("index"),
        "go_on": found.go_on,
        "lines": found.lines,
        "components": {name: each(draws) for name, draws in found.explained.items()},
        "segments": [
            {"dimension": "value", "segment": name, "customers": count, "difference": each(draws[:, :, g] / count)}
            for g, (name, count) in enumerate(zip(SEGMENTS, sizes, strict=True))
            if count
        ],
        "over_all_views": found.to_frame()[list(OVER_ALL)],
        "advice": [_advice(found, row) for row in range(1, len(names))],
        "experiment_plan": {name: trials[trials["strategy"] == name].drop(columns="strategy") for name in names[1:]},
        "attack": {"profit_lost": each(-found.attacked)},
        "experiment": _experiment(experiment),
    }


def _advice(found: StrategyComparison, row: int) -> dict[str, Any]:
    advice = found.advice[found.names[row]]
    told = {"asked": advice.asked and advice.asked.name, "trial": advice.trial and advice.trial._asdict()}
    return vars(advice) | told | {"simulation_error": found.simulation_error[row]}


def _experiment(run: ExperimentResult | Message | None) -> dict[str, Any] | None:
    if not isinstance(run, ExperimentResult):
        return run and {"reason": run.code}
    return vars(run) | {"notes": [{"key": each.code, "numbers": each.values} for each in run.notes]}
