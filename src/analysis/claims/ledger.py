"""The verdicts on all claims together: as a data frame, and as a table to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.claims.claim import CLAIMS, Outcome, Verdict, chance_said
from analysis.interval import Interval, spanned
from analysis.plotting import Plots
from analysis.tables import Result, table_html
from analysis.words import Message, placeholders, shown, tr

RULE = Message("A claim is **supported** where the posterior probability of its range is at least 95% under every "
    "purchase model (or in the data, where no model is needed), **contradicted** where it is at most 5% under every "
    "one, and otherwise it **depends**. Nothing is averaged over models or choices.")  # fmt: skip


@dataclass(frozen=True, repr=False)
class Claims(Result):
    """The verdicts, in the order of the page; one of them by ``claims["twenty_bring_eighty"]``."""

    verdicts: tuple[Verdict, ...]

    plot = Plots("analysis.claims.plots", "claimed_range")

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __getitem__(self, claim: str) -> Verdict:
        return self.verdicts[[verdict.claim for verdict in self.verdicts].index(claim)]

    def to_frame(self) -> pd.DataFrame:
        """One row a claim.

        Returns
        -------
        DataFrame
            claim (id), verdict; estimate (of the first model), lower and upper (the widest of all models), level, unit;
            probability_low and probability_high (of the claim, over the models); reason (why it cannot be tested); and
            wording, trust and source in the reader's language.
        """
        return pd.DataFrame([_row(verdict) for verdict in self])

    def table(self) -> pd.DataFrame:
        """Columns claim, verdict, found and probability, as text in the reader's language."""
        columns = ["claim", "verdict", "found", "probability"]
        rows = [(each.declared.wording, each.verdict.label, _found(each), _chance(each)) for each in self]
        return pd.DataFrame([map(str, row) for row in rows], columns=columns)

    def over_measures(self, claim: str) -> Outcome:
        """The verdict on a claim about retention that holds whatever is called retention; else ``depends``.

        ``claim`` is the id of the reading by survival.
        """
        found = self.measures(claim)
        return found.pop() if len(found) == 1 else Outcome.DEPENDS

    def measures(self, claim: str) -> set[Outcome]:
        """The verdicts on it under each measure of retention."""
        return {each.verdict for each in self if each.declared.test is CLAIMS[claim].test}

    def counts(self) -> Message:
        """How many claims came out how."""
        return Message("**{claims:integer} claims** that are repeated as facts: {supported:integer} supported, "
            "{contradicted:integer} contradicted, {depends:integer} open, as models disagree or the data are too few, "
            "and {not_testable:integer} not testable on these data. A verdict speaks of this company in this window "
            "and of nobody else.",
            claims=len(self.verdicts),
            **{str(outcome): sum(verdict.verdict is outcome for verdict in self) for outcome in Outcome})  # fmt: skip

    def _repr_html_(self) -> str:
        return table_html(self.table(), self.counts())


def _row(verdict: Verdict) -> dict[str, Any]:
    declared, chances = verdict.declared, verdict.probabilities.values()
    estimate = verdict.estimate or Interval(*[float("nan")] * 4)
    return {
        "claim": verdict.claim,
        "verdict": str(verdict.verdict),
        **vars(estimate),
        "unit": declared.unit,
        "probability_low": min(chances, default=float("nan")),
        "probability_high": max(chances, default=float("nan")),
        "reason": str(verdict.reason or ""),
        **{name: str(getattr(declared, name)) for name in ("wording", "trust", "source")},
    }


def _found(verdict: Verdict) -> str:
    """One estimate with its interval; or from the lowest to the highest of the models' estimates, which is said."""
    every = list(verdict.estimates.values())
    if not every:
        return "–"
    kind = placeholders(verdict.declared.found.text)["estimate"].rpartition(" ")[2]
    if len(every) == 1:
        return shown(f"{'estimate' if every[0].lower == every[0].upper else 'interval'} {kind}", every[0])
    return tr("{range}, by model", range=shown(f"range {kind}", spanned(every)))


def _chance(verdict: Verdict) -> str:
    if not verdict.probabilities:
        return "–"
    low, high = (str(chance_said(pick(verdict.probabilities.values()))) for pick in (min, max))
    return low if low == high else tr("{low} to {high}", low=low, high=high)
