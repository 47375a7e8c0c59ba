"""What the page shows of the ledger of claims: a table of verdicts, and behind each claim what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.claims import CLAIMS, Claim, Outcome, Verdict
from analysis.claims.finding import CONFIGURED, DATA
from analysis.interval import Interval
from analysis.reporting.exhibit import name_key
from analysis.reporting.exhibits.readings import chance_said
from analysis.reporting.tables import Column, Table
from analysis.reporting.words import Remark, Saying

KINDS = {"share": "percent", "ratio": "significant", "correlation": "decimal2", "log_odds": "decimal3"}
KNOWN = {claim.id: claim for claim in CLAIMS}


@dataclass(frozen=True)
class Entry:
    """One claim of the ledger before it is dressed.

    Attributes
    ----------
    outcome
        ``supported``, ``contradicted``, ``depends`` or ``not_testable``.
    wording
        The claim as it is read here.
    verdict
        The verdict, and where it differs the one after Holm's correction.
    parts
        Heading key -> what stands below it; a part without remarks is left out.
    """

    outcome: Outcome
    wording: Saying
    verdict: tuple[Saying, ...]
    parts: Mapping[str, Sequence[Remark]]


def rule(verdicts: Sequence[Verdict]) -> list[Saying]:
    """How verdicts come about, and what their number does to them."""
    tested = [verdict for verdict in verdicts if verdict.verdict is not Outcome.NOT_TESTABLE]
    if not tested:
        return [Saying("claim.rule")]
    changed = sum(verdict.after_holm is not verdict.verdict for verdict in tested)
    return [Saying("claim.rule"), Saying("claim.holm", {"tested": len(tested), "changed": changed})]


def count_of_verdicts(verdicts: Sequence[Verdict]) -> list[Saying]:
    """How many claims came out how."""
    counts = {str(outcome): sum(verdict.verdict is outcome for verdict in verdicts) for outcome in Outcome}
    return [Saying("claims.counts", {"claims": len(verdicts), **counts})]


def ledger_table(verdicts: Sequence[Verdict]) -> Table:
    """Every claim with its verdict, the number and how probable the claim is."""
    columns = [
        Column("column.claim", "label"),
        Column("column.verdict", "label"),
        Column("column.verdict_after_holm", "label"),
        Column("column.found", "mixed"),
        Column("column.claim_probability", "mixed"),
    ]
    return Table("table.claims.caption", columns, [_row(verdict) for verdict in verdicts])


def short_table(verdicts: Sequence[Verdict]) -> Table:
    """Every claim with its verdict alone."""
    rows = [[wording_key(verdict.claim), verdict_key(verdict.verdict)] for verdict in verdicts]
    return Table("table.claims.caption", [Column("column.claim", "label"), Column("column.verdict", "label")], rows)


def wording_key(claim: str) -> str:
    return f"claim.{claim}.wording"


def verdict_key(outcome: Outcome) -> str:
    return f"claim.verdict.{outcome}"


def _row(verdict: Verdict) -> list[Any]:
    finding = verdict.finding
    found, chance = ("text", None), ("text", None)
    if finding.estimates:
        found = _found(finding.estimates, KINDS[finding.unit])
        chance = _chances(finding.probabilities)
    after = verdict_key(verdict.after_holm)
    return [wording_key(verdict.claim), verdict_key(verdict.verdict), after, found, chance]


def _found(estimates: Mapping[str, Interval], kind: str) -> tuple[str, Any]:
    """One estimate with its interval; or the lowest and the highest of the models' estimates."""
    every = list(estimates.values())
    if len(every) == 1:
        certain = every[0].lower == every[0].upper
        return (f"estimate {kind}" if certain else f"interval {kind}", every[0])
    low, high = (pick(each.estimate for each in every) for pick in (min, max))
    return f"range {kind}", Interval(low, low, high, every[0].level)


def _chances(probabilities: Mapping[str, float]) -> tuple[str, Any]:
    low, high = (chance_said(pick(probabilities.values())) for pick in (min, max))
    return "phrase", low if low == high else Saying("claim.chance_range", {"low": low, "high": high})


def entries(verdicts: Sequence[Verdict]) -> list[Entry]:
    """Every claim with what the articles say, where that comes from, what was found, and what it rests on."""
    return [_entry(KNOWN[verdict.claim], verdict) for verdict in verdicts]


def _entry(claim: Claim, verdict: Verdict) -> Entry:
    finding = verdict.finding
    said = [Saying(verdict_key(verdict.verdict))]
    if verdict.after_holm is not verdict.verdict:
        said.append(Saying("claim.after_holm", {"verdict": Saying(verdict_key(verdict.after_holm))}))
    source = Saying(
        "claim.trusted", {"mark": Saying(f"claim.mark.{claim.mark}"), "trust": Saying(f"claim.trust.{claim.trust}")}
    )
    found = [*_findings(verdict), *([finding.reason] if finding.reason else []), *finding.details]
    return Entry(
        outcome=verdict.verdict,
        wording=Saying(wording_key(claim.id)),
        verdict=tuple(said),
        parts={
            "claims.part_found": found,
            "claims.part_rests_on": list(finding.assumptions),
            "claims.part_source": [Saying(f"claim.{claim.id}.article"), Saying(f"claim.{claim.id}.source"), source],
        },
    )


def _findings(verdict: Verdict) -> list[Saying]:
    """The number under each model with the probability of the claim; one without a model has no name."""
    finding, said = verdict.finding, []
    for model, estimate in finding.estimates.items():
        what = Saying(f"claim.{verdict.claim}.finding", {"estimate": estimate})
        chance = chance_said(finding.probabilities[model])
        if model == CONFIGURED:
            said.append(Saying("claim.as_configured", {"finding": what}))
        elif model == DATA:
            said.append(Saying("claim.in_data", {"finding": what, "chance": chance}))
        else:
            name = Saying(name_key(model))
            said.append(Saying("claim.under_model", {"model": name, "finding": what, "chance": chance}))
    return said
