"""One rule for every verdict.

A claim is ``supported`` where the posterior probability of its range is at least .95 under every purchase model (or in
the data, where no model is needed), ``contradicted`` where it is at most .05 under every one, else ``depends``.
Probabilities are never averaged, over models or over choices.

With errors after Holm's correction, the probability of any wrong clear verdict in the ledger is at most
``LARGEST_ERROR``, as far as an error is read as the probability of being wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

LARGEST_ERROR = 0.05
ROUNDING = 1e-12


class Outcome(StrEnum):
    """The four verdicts."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    DEPENDS = "depends"
    NOT_TESTABLE = "not_testable"


def error_of(probabilities: Mapping[str, float]) -> float:
    """Probability that the nearer of the two clear verdicts is wrong, under the model that doubts it most.

    >>> round(error_of({"BG/NBD": 0.99, "MBG/NBD": 0.97}), 3), error_of({"BG/NBD": 0.99, "MBG/NBD": 0.02})
    (0.03, 0.98)
    """
    lowest, highest = min(probabilities.values()), max(probabilities.values())
    return float(min(1 - lowest, highest))


def outcome_of(probabilities: Mapping[str, float], error: float | None = None) -> Outcome:
    """The verdict; ``error`` stands in for the claim's own where it was corrected. No probabilities: not testable.

    >>> str(outcome_of({"data": 0.02})), str(outcome_of({"data": 0.02}, error=0.2)), str(outcome_of({}))
    ('contradicted', 'depends', 'not_testable')
    """
    if not probabilities:
        return Outcome.NOT_TESTABLE
    if (error_of(probabilities) if error is None else error) > LARGEST_ERROR + ROUNDING:
        return Outcome.DEPENDS
    return Outcome.SUPPORTED if min(probabilities.values()) > 0.5 else Outcome.CONTRADICTED
