"""What each sample can honestly say of each claim, as docs/claims.md tells it."""

import re
from pathlib import Path

import pytest

from analysis.claims import CLAIMS, Outcome

PAGE = (Path(__file__).parents[2] / "docs" / "claims.md").read_text()
SAMPLES = ("cdnow", "complete-journey", "simulated")
REASONS = {
    "births": "claim.reason.births_unknown", "costs": "claim.reason.costs_not_configured",
    "one cohort": "claim.reason.one_cohort", "cohorts alike": "claim.reason.cohorts_alike",
    "too short": "claim.reason.too_short_for_three_years", "survey": "claim.reason.survey",
    "experiment": "claim.reason.needs_an_experiment",
}  # fmt: skip


def matrix():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, flags=re.M)
    return {row[0]: dict(zip(SAMPLES, (cell.strip() for cell in row[1:]), strict=True)) for row in rows}


def test_both_tables_of_the_page_have_every_claim_and_no_other():
    assert list(matrix()) == list(CLAIMS)
    read = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \| [^|]+ \|$", PAGE, flags=re.M)
    assert re.findall(r"\w+", " ".join(read)) == list(CLAIMS)


@pytest.fixture(params=["cdnow", *(pytest.param(name, marks=pytest.mark.slow) for name in SAMPLES[1:])])
def sample(request):
    return request.param


def test_each_sample_gives_the_verdicts_of_the_matrix(sample, sample_study, every_step_of_cdnow):
    found = {}
    for verdict in sample_study(sample).claims:
        said = str(verdict.verdict)
        if verdict.reason:
            said += ": " + next(word for word, code in REASONS.items() if verdict.reason.code.startswith(code))
        found[verdict.claim] = said
    assert found == {claim: cells[sample] for claim, cells in matrix().items()}


def test_no_verdict_stands_without_number_interval_and_assumptions_and_none_is_missing_its_reason(sample, sample_study):
    claims = sample_study(sample).claims
    for verdict in claims:
        if verdict.verdict is Outcome.NOT_TESTABLE:
            assert verdict.reason, verdict.claim
            assert not verdict.probabilities
            continue
        assert verdict.estimates.keys() == verdict.probabilities.keys(), verdict.claim
        assert verdict.assumptions, verdict.claim
        for interval in verdict.estimates.values():
            assert interval.lower <= interval.estimate <= interval.upper, verdict.claim
        assert all(0 <= chance <= 1 for chance in verdict.probabilities.values())
    if sample != "complete-journey":  # what cannot be tested shows the number that can be given
        assert any(each.values for each in claims["forty_percent_repeat"].details)


def test_who_leaves_and_who_stays_add_up_to_all(sample_study):
    study = sample_study("cdnow")
    for model, leaves in study.claims["keeping_everyone_is_a_myth"].estimates.items():
        stays = study.retention.first_year(model)
        ends = (1 - stays.upper, 1 - stays.estimate, 1 - stays.lower)
        assert (leaves.lower, leaves.estimate, leaves.upper) == pytest.approx(ends)


def test_a_claim_about_retention_holds_as_a_whole_only_where_it_does_by_every_measure(sample_study):
    claims = sample_study("cdnow").claims
    ids = [f"five_points_more_profit{end}" for end in ("", "_orders", "_again")]
    assert [str(claims[each].verdict) for each in ids] == ["contradicted", "contradicted", "depends"]
    assert claims.over_measures("five_points_more_profit") is Outcome.DEPENDS
    assert claims.over_measures("two_points_equal_cost_cut") is Outcome.CONTRADICTED
