"""Numbers do not change: results.json of three samples beside what the first edition found.

A difference that is wanted stands in ``golden/allowed.yml`` with its reason, one of a single sample under its name; a
key that is new needs none.
"""

import json
import math
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml

GOLDEN = Path(__file__).parent / "golden"
ALLOWED = yaml.safe_load((GOLDEN / "allowed.yml").read_text())
SLOWER = ("simulated", "complete-journey")
NAMES = ("id", "name", "model", "choice", "structure", "dimension", "segment", "year", "parameter", "group", "weeks")
"""What tells one entry of a list from the others; a list whose entries have none of these is told by place."""

TOLERANCES = (  # key pattern, share of the number, share of the width of its interval, difference: and why
    ("*.level", 0, 0, 0, "a setting"),
    ("*.log_likelihood", 1e-6, 0, 0, "flat at its maximum"),
    ("*parameters.*", 1e-4, 0, 0, "optimised"),
    ("*.standard_errors.*", 2e-3, 0, 0, "second derivatives at the optimum"),
    ("backtest.models*.interval_coverage", 0, 0, 0.01, "quantiles of simulated futures"),
    ("backtest.*.upper", 0, 0.1, 1, "quantiles of simulated futures, whole orders"),
    ("backtest.*.lower", 0, 0.1, 1, "quantiles of simulated futures, whole orders"),
    ("claims?more_orders_stronger_tie*.estimate", 0, 0.15, 0, "mean over 100 simulated companies"),
    ("claims?more_orders_stronger_tie*.upper", 0, 0.2, 0, "predictive for one more of 100 simulated companies"),
    ("claims?more_orders_stronger_tie*.lower", 0, 0.2, 0, "predictive for one more of 100 simulated companies"),
    ("claims?more_orders_stronger_tie*.probability.*", 0, 0, 0.15, "over 100 simulated companies"),
    ("claims?more_orders_stronger_tie*.error", 0, 0, 0.15, "over 100 simulated companies"),
    ("claims*.probability.*", 0, 0, 0.02, "share of draws"),
    ("claims*.error", 0, 0, 0.02, "share of draws"),
    ("retention_lift.readings*.p_*", 0, 0, 0.03, "share of draws"),
    ("strategies.evidence.*", 1e-4, 0.01, 0, "regressions; some intervals by bootstrap"),
    ("strategies.assumptions.*", 0.1, 0, 0.05, "mean and extremes of draws"),
    ("strategies*.probability*", 0, 0, 0.12, "share of draws"),
    ("strategies.*.estimate", 0, 0.12, 1e-9, "mean over simulated companies"),
    ("strategies.experiment_plan.horizon", 0, 0, 0.03, "share of simulated companies"),
    ("strategies.*.lower", 0, 0.25, 1e-9, "of 200 simulated companies; one standard error is 7% of the width"),
    ("strategies.*.upper", 0, 0.25, 1e-9, "of 200 simulated companies; one standard error is 7% of the width"),
    ("strategies.*", 0.2, 0, 1e-9, "over simulated companies"),
    ("*.lower", 1e-4, 0.16, 1e-9, "of 400 draws; one standard error is 4.5% of the width"),
    ("*.upper", 1e-4, 0.16, 1e-9, "of 400 draws; one standard error is 4.5% of the width"),
    ("*", 1e-4, 0, 1e-9, "follows from what was optimised"),
)
EXACT = ("data.*", "*.customers", "backtest.holdout_weeks", "backtest.new_customer*", "*.total_actual", "*.year")


def is_allowed(key: str) -> bool:
    # Brackets are part of a key here, and no sets of characters.
    return any(fnmatchcase(key, re.sub(r"\[", "[[]", pattern)) for pattern in ALLOWED)


def differences(key: str, old: Any, new: Any, width: float = 0.0) -> Iterator[str]:
    """Every place in which the new content says something else than the old."""
    if is_allowed(key):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        width = (old["upper"] - old["lower"]) if {"lower", "upper"} <= set(old) and old["lower"] is not None else 0.0
        for name, value in old.items():
            below = f"{key}.{name}".lstrip(".")
            if name in new:
                yield from differences(below, value, new[name], width)
            elif not is_allowed(below):
                yield f"{below} is gone; it was {json.dumps(value)[:60]}"
    elif isinstance(old, list) and isinstance(new, list):
        entries = [dict(named(key, content)) for content in (old, new)]
        yield from differences("", *entries)
        is_longer = len(new) > len(old) and set(entries[0]) < set(entries[1])  # what is new needs no entry
        if len(old) != len(new) and not is_longer and not any(is_allowed(name) for name in entries[0]):
            yield f"{key}: {len(new)} entries, before {len(old)}"
    elif isinstance(old, int | float) and isinstance(new, int | float) and not isinstance(old, bool):
        if not is_near(key, old, new, width):
            yield f"{key}: {new!r}, before {old!r}"
    elif old != new:
        yield f"{key}: {json.dumps(new)[:60]}, before {json.dumps(old)[:60]}"


def named(key: str, entries: list[Any]) -> Iterator[tuple[str, Any]]:
    for place, entry in enumerate(entries):
        told = [entry[name] for name in NAMES if name in entry] if isinstance(entry, dict) else []
        yield f"{key}[{' '.join(map(_told, told)) or place}]", entry


def _told(name: Any) -> str:
    return " ".join(map(str, name.values())) if isinstance(name, dict) else str(name)


def is_near(key: str, old: float, new: float, width: float) -> bool:
    if any(fnmatchcase(key, pattern) for pattern in EXACT):
        return old == new
    _, share, of_width, difference, _ = next(rule for rule in TOLERANCES if fnmatchcase(key, rule[0]))
    return math.isclose(old, new, rel_tol=max(share, 1e-6), abs_tol=difference + of_width * width)


def golden(sample: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{sample}.json").read_text())


@pytest.mark.parametrize("sample", ["cdnow", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOWER)])
def test_a_sample_has_the_numbers_of_the_first_edition(sample, every_step_of_cdnow, monkeypatch):
    from analysis.pipeline import Study, sample_config
    from analysis.report.results import plain, results

    for pattern, reason in ALLOWED.get(sample, {}).items():
        monkeypatch.setitem(ALLOWED, pattern, reason)
    config = sample_config(sample)
    # The first edition's values all rest on BG/NBD; which model the data support is another question.
    config = config.model_copy(update={"model": config.model.model_copy(update={"primary": "BG/NBD"})})
    study = Study(config, store=every_step_of_cdnow)
    found = list(differences("", golden(sample), json.loads(json.dumps(plain(results(study))))))
    assert not found, "\n".join(found)


def test_the_error_of_simulated_strategies_is_small_beside_the_interval_and_the_base(sample_study, every_step_of_cdnow):
    compared = sample_study("cdnow").strategies
    for row, error in enumerate(compared.simulation_error[1:], start=1):
        found = compared.difference(compared.names[row])
        assert error < 0.1 * (found.upper - found.lower)
        assert error < 0.003 * compared.go_on.estimate


@pytest.mark.parametrize(("place", "by"), [
    (("data", "orders"), 1),
    (("purchase_model", "parameters", "alpha"), 2e-3),
    (("portfolio", "residual_clv", "upper"), 2500),
    (("retention_lift", "readings", 40, "lift", "estimate"), 1e-4),
    (("claims", 8, "estimate"), 1e-3),
])  # fmt: skip
def test_the_comparison_finds_a_number_that_changed(place, by):
    *above, leaf = place
    new = golden("cdnow")
    reduce(getitem, above, new)[leaf] += by
    (found,) = differences("", golden("cdnow"), new)
    assert leaf in found
