"""What notebook 05 shows of the evidence: findings with their placebos, and what stays an assumption."""

from __future__ import annotations

from analysis.data import Note
from analysis.reporting.exhibit import Exhibit, on_axes
from analysis.reporting.figures import plot_campaigns
from analysis.reporting.tables import Column, Table
from analysis.reporting.words import Remark, Saying
from analysis.strategies.evidence import LoyaltyEvidence
from analysis.strategies.evidence.findings import Finding, normal_interval
from analysis.strategies.results import StrategyResults
from analysis.strategies.trial import ExperimentResult

RATIOS = ("evidence.bump.", "evidence.driven.", "evidence.won.")
MONEY = ("evidence.campaign.spending",)
ORDERS = ("evidence.campaign.",)


def sayings(evidence: LoyaltyEvidence) -> list[Saying]:
    """What was asked of the data, and how much they gave."""
    if not evidence.findings:
        return [Saying("evidence.none")]
    used = len(evidence.estimates)
    said = [Saying("evidence.rule"), Saying("evidence.used", {"used": used}) if used else Saying("evidence.none_used")]
    return said if isinstance(evidence.campaigns, Note) else [*said, Saying("evidence.campaigns_beside")]


def placebo_points(evidence: LoyaltyEvidence) -> list[Saying]:
    """What the placebo of each part of the evidence is."""
    parts = {
        "evidence.placebo.curve": (evidence.deal, evidence.experience),
        "evidence.placebo.panel": (evidence.panel,),
        "evidence.placebo.driven": (evidence.driven,),
        "evidence.placebo.won": (evidence.won,),
        "evidence.placebo.bump": (evidence.bump,),
    }
    found = [Saying(key) for key, each in parts.items() if not all(isinstance(part, Note) for part in each)]
    if not isinstance(evidence.campaigns, Note):
        alike = evidence.campaigns.orders.details["among_alike"]
        found.append(Saying("evidence.placebo.campaigns", {"alike": alike}))
    return found


def table_points(evidence: LoyaltyEvidence) -> list[Remark]:
    """How many rows of the tables beside the transactions fit these; where hardly any do, a note says so instead."""
    return list(evidence.tables)


def used_points(evidence: LoyaltyEvidence) -> list[Saying]:
    """The estimates that replace assumptions, each with its interval."""
    return [
        Saying(
            "evidence.used_one",
            {
                "parameter": Saying(f"strategies.parameter.{name}"),
                "value": normal_interval(each.value, each.standard_error, evidence.level),
            },
        )
        for name, each in evidence.estimates.items()
    ]


def findings_table(evidence: LoyaltyEvidence) -> Table | None:
    """Every finding with its placebo and verdict; None where nothing was found."""
    found = evidence.findings
    if not found:
        return None
    columns = [
        Column("column.finding", "label"),
        Column("column.estimate", "mixed"),
        Column("column.interval", "mixed", {"level": evidence.level}),
        Column("column.placebo", "mixed", {"level": evidence.level}),
        Column("column.verdict", "label"),
        Column("column.customers", "integer"),
    ]
    rows = []
    for each in found:
        kind = kind_of(each)
        placebo = ("text", None) if each.placebo is None else (f"range {kind}", each.placebo)
        rows.append([Saying("evidence.in_unit", {"what": Saying(each.name), "unit": Saying(unit_of(each))}),
                     (f"estimate {kind}", each.estimate), (f"range {kind}", each.estimate), placebo,
                     f"evidence.verdict.{each.verdict}", each.customers])  # fmt: skip
    return Table("table.evidence.caption", columns, rows)


def kind_of(finding: Finding) -> str:
    """Format of a finding's numbers: relative changes as per cent, amounts as money, all else as it is."""
    if finding.name in MONEY:
        return "money"
    if finding.name.startswith(RATIOS):
        return "percent1"
    return "decimal3" if finding.name.startswith(ORDERS) else "decimal2"


def unit_of(finding: Finding) -> str:
    """Key of the unit of a finding."""
    return "evidence.unit." + finding.name.removeprefix("evidence.")


def reasons(evidence: LoyaltyEvidence) -> list[Remark]:
    """Why parts of the evidence are missing, each reason once."""
    return list({note.key: note for note in evidence.reasons.values()}.values())


def campaign_figure(evidence: LoyaltyEvidence) -> Exhibit | None:
    """Orders of targeted customers against others, week by week before, during and after campaigns."""
    found = evidence.campaigns
    if isinstance(found, Note):
        return None
    path = found.path
    columns = [Column("column.week", "integer"), Column("column.difference", "decimal3"),
               Column("column.lower", "decimal3"), Column("column.upper", "decimal3")]  # fmt: skip
    rows = path[["week", "difference", "lower", "upper"]].to_numpy().tolist()
    numbers = {"campaigns": found.campaigns, "targeted": found.targeted, "controls": found.controls,
               "level": evidence.level, "during": found.orders.estimate, "before": found.orders.placebo}  # fmt: skip
    return Exhibit("campaigns", on_axes(plot_campaigns, path), Table("figure.campaigns.data", columns, rows), numbers)


def assumed_table(evidence: LoyaltyEvidence, results: StrategyResults | Note) -> Table | None:
    """What the data were asked for and did not give: what the comparison takes instead, and why."""
    if isinstance(results, Note):
        return None
    drawn = results.per_purchase.parameters
    columns = [
        Column("column.parameter", "label"),
        Column("column.assumed", "decimal2"),
        Column("column.swept", "label"),
        Column("column.why_assumed", "label"),
    ]
    rows = [
        [
            f"strategies.parameter.{each.name}",
            float(drawn[each.name].mean()),
            Saying("strategies.from_to", {"low": float(drawn[each.name].min()), "high": float(drawn[each.name].max())}),
            _why(each.because, results.per_purchase.origin[each.name]),
        ]
        for each in evidence.assumed
    ]
    return Table("table.assumed.caption", columns, rows)


def _why(note: Note, origin: str) -> Saying:
    if note.key.startswith("evidence.kept."):
        # What the configuration states beats the cap.
        return Saying(note.key if origin == "capped" else note.key.removesuffix("_capped"))
    return Saying("evidence.because.cannot")


def trial_sayings(result: ExperimentResult | Note | None) -> list[Remark]:
    """What an experiment that was run showed, arm by arm."""
    if result is None:
        return []
    if isinstance(result, Note):
        return [result]
    said: list[Remark] = []
    for each, found in zip(result.differences, differences_said(result), strict=True):
        said.append(found)
        if (arms := len(result.differences)) > 1:
            said.append(Saying("experiment.result.holm", {"arms": arms}))
        said.append(
            Saying("experiment.result.plain", {"plain": each.plain, "reduction": max(each.variance_reduction, 0.0)})
        )
        if each.before is not None:
            said.append(Saying("experiment.result.before", {"days": result.days_before, "before": each.before}))
    return [*said, Saying("experiment.result.beside")]


def differences_said(result: ExperimentResult) -> list[Saying]:
    """For each arm beside the control, whether it earned more, and how much."""
    names = {"control": result.control.name, "starts": result.starts, "ends": result.ends}
    return [
        Saying(f"experiment.result.{each.verdict}", {**names, "arm": each.arm, "difference": each.adjusted})
        for each in result.differences
    ]


def trial_table(result: ExperimentResult | Note | None) -> Table | None:
    """The arms of an experiment; None where there is none."""
    if result is None or isinstance(result, Note):
        return None
    columns = [
        Column("column.arm", "text"),
        Column("column.customers", "integer"),
        Column("column.ordering", "integer"),
        Column("column.margin_each", "cents"),
        Column("column.cost_each", "cents"),
    ]
    rows = [[each.name, each.customers, each.ordering, each.margin, each.cost_per_customer] for each in result.arms]
    return Table("table.trial.caption", columns, rows, {"starts": result.starts, "ends": result.ends})


def trial_notes(result: ExperimentResult | Note) -> tuple[Note, ...]:
    """What is worth saying about an experiment."""
    return () if isinstance(result, Note) else result.notes
