import pickle
from dataclasses import replace

import pytest

from analysis.claims import CLAIMS, Claim, Range, finding_from_draws, ledger_of_claims, not_testable
from analysis.claims.evidence import unmet_need
from analysis.claims.rule import Outcome
from analysis.data import Note

NEEDS = {"money", "births", "holdout", "lift", "costs"}


def test_every_claim_has_its_own_name_a_range_and_a_known_mark_and_trust():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS) >= 13
    for claim in CLAIMS:
        assert claim.id.isidentifier()
        assert claim.range.low < claim.range.high
        assert claim.mark in {"p", "2", "m", "c", "none"}
        assert claim.trust in {"very_low", "low", "low_to_medium", "medium", "unknown"}
        assert set(claim.needs) <= NEEDS


def test_keeping_is_said_to_be_5_6_7_and_10_times_cheaper_by_one_function():
    times = [claim for claim in CLAIMS if claim.id.startswith("keeping_") and claim.id.endswith("cheaper")]
    assert [claim.range.low for claim in times] == [5, 6, 7, 10]
    assert len({claim.test for claim in times}) == 1


@pytest.mark.parametrize(
    ("need", "changed", "key"),
    [
        ("money", "has_money", "claim.reason.no_money"),
        ("births", "notes", "claim.reason.births_unknown"),
        ("holdout", "split", "backtest.reason.switched_off"),
        ("lift", "lift", "lift.reason.shorter_than_a_year"),
    ],
)
def test_what_is_missing_is_the_reason(sample_evidence, need, changed, key):
    evidence = sample_evidence("cdnow")
    assert unmet_need(evidence, NEEDS) is None
    numbers = {"customers": 1_000, "share": 0.4, "next_customers": 10, "days": 28}
    born = (Note("data.born_before_start_kept", numbers),)
    lacking = {
        "has_money": {"transactions": replace(evidence.transactions, has_money=False)},
        "notes": {"transactions": replace(evidence.transactions, notes=born)},
        "split": {"split": Note("backtest.reason.switched_off")},
        "lift": {"lift": Note("lift.reason.shorter_than_a_year", {"days": 90})},
    }
    assert unmet_need(replace(evidence, **lacking[changed]), (need,)).key == key


def test_a_margin_of_all_and_orders_that_cost_nothing_leave_no_costs_to_cut(sample_evidence):
    evidence = sample_evidence("cdnow")
    economics = evidence.config.economics.model_copy(update={"gross_margin": 1.0})
    without = replace(evidence, config=evidence.config.model_copy(update={"economics": economics}))
    assert unmet_need(without, ("costs",)).key == "claim.reason.no_costs"


def claims_with(*probabilities):
    """Claims whose draws hold their range with these probabilities."""

    def test_of(probability):
        draws = [1.0] * round(probability * 1_000) + [9.0] * round((1 - probability) * 1_000)

        def found(evidence, claimed):
            import numpy as np

            return finding_from_draws(claimed, {"data": np.array(draws)}, {"data": 1.0}, 0.9, unit="share")

        return found

    return [Claim(f"c{place}", test_of(each), Range(0, 2), "share") for place, each in enumerate(probabilities)]


def test_both_verdicts_are_kept_where_the_number_of_claims_matters(sample_evidence):
    claims = claims_with(0.97, 0.96, 0.5)
    first, second, third = ledger_of_claims(sample_evidence("cdnow"), claims)
    assert (first.verdict, second.verdict, third.verdict) == ("supported", "supported", "depends")
    assert (first.after_holm, second.after_holm) == (Outcome.DEPENDS, Outcome.DEPENDS)
    assert first.error_after_holm == pytest.approx(3 * first.error)


def test_claims_that_cannot_be_tested_do_not_count_in_the_correction(sample_evidence):
    silent = Claim("silent", lambda evidence, claimed: not_testable(Note("claim.reason.survey")), Range(0, 1), "share")
    (only, *others) = ledger_of_claims(sample_evidence("cdnow"), [*claims_with(0.97), *[silent] * 5])
    assert only.after_holm == "supported"
    assert only.error_after_holm == only.error
    assert all(verdict.verdict == "not_testable" for verdict in others)


def test_a_ledger_can_be_stored(sample_evidence):
    ledger = ledger_of_claims(sample_evidence("cdnow"), CLAIMS[-3:])
    assert pickle.loads(pickle.dumps(ledger)) == ledger
