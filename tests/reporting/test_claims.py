"""The ledger of claims on the page: every claim has its words, and every verdict its number."""

import re
from pathlib import Path

import pytest

from analysis.claims import CLAIMS, Finding, Outcome, Verdict
from analysis.claims.finding import CONFIGURED, DATA
from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting import elements
from analysis.reporting.exhibits import claims as show
from analysis.reporting.results_json import _claim
from analysis.reporting.tables import table_html
from analysis.reporting.words import Words

WORDS = Words("en", "EUR")
SOURCE = Path(__file__).parents[2] / "src" / "analysis" / "claims"
MODELS = ("BG/NBD", "MBG/NBD", "Pareto/NBD")


def _verdict(claim="five_points_more_profit", outcome=Outcome.CONTRADICTED, after=None, finding=None):
    return Verdict(claim, outcome, after or outcome, 0.01, 0.1, finding or _finding())


def _finding(names=MODELS, unit="share", **more):
    estimates = {name: Interval(0.1 + place / 100, 0.05, 0.2, 0.9) for place, name in enumerate(names)}
    return Finding(dict.fromkeys(names, 0.004), estimates, unit, **more)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_has_its_wording_its_article_its_source_and_its_trust(claim):
    for key in (f"claim.{claim.id}.{part}" for part in ("wording", "article", "source")):
        assert key in WORDS
    assert f"claim.mark.{claim.mark}" in WORDS
    assert f"claim.trust.{claim.trust}" in WORDS
    assert claim.unit in show.KINDS


def test_every_key_that_a_claim_can_return_has_a_sentence():
    found = set()
    for path in SOURCE.glob("*.py"):
        found |= set(re.findall(r'"(claim\.[a-z_0-9.]+[a-z0-9])"', path.read_text()))
    assert len(found) > 40
    assert [key for key in sorted(found) if key not in WORDS] == []


def test_the_table_shows_the_range_over_the_models_and_how_probable_the_claim_is():
    html = str(table_html(show.ledger_table([_verdict()]), WORDS))
    assert "or as the configuration reads it, raises profit by 25% to 95%." in html
    assert "10% to 12%" in html
    assert "below 1%" in html
    assert "contradicted" in html


def test_a_single_number_is_shown_with_its_interval_and_a_configured_one_without():
    own = table_html(show.ledger_table([_verdict("twenty_bring_eighty", finding=_finding((DATA,)))]), WORDS)
    assert "10% (90% interval 5% to 20%)" in own
    certain = Finding({CONFIGURED: 1.0}, {CONFIGURED: Interval(6.0, 6.0, 6.0, 0.9)}, "ratio")
    ratio = _verdict("keeping_5_times_cheaper", Outcome.SUPPORTED, finding=certain)
    assert "<td" in (html := str(table_html(show.ledger_table([ratio]), WORDS)))
    assert "90% interval" not in html
    assert "winning costs 6 times as much as keeping" in str(elements.claims_html(show.entries([ratio]), WORDS))


def test_what_cannot_be_tested_says_why_and_shows_no_number():
    reason = Note("claim.reason.no_money")
    verdict = Verdict(
        "twenty_bring_eighty", Outcome.NOT_TESTABLE, Outcome.NOT_TESTABLE, None, None, Finding(reason=reason)
    )
    html = str(elements.claims_html(show.entries([verdict]), WORDS))
    assert "not testable" in html
    assert "The data hold no amounts of money." in html
    assert "–" in str(table_html(show.ledger_table([verdict]), WORDS))
    assert _claim(verdict, WORDS)["estimate"] is None


def test_every_entry_says_how_far_its_source_is_trusted():
    html = str(elements.claims_html(show.entries([_verdict(claim.id) for claim in CLAIMS[:1]]), WORDS))
    assert "Zero Defections" in html
    assert "Trust in it: low." in html


def test_a_verdict_that_luck_could_explain_says_so():
    entry = show.entries([_verdict(after=Outcome.DEPENDS)])[0]
    said = " ".join(str(WORDS.said(saying)) for saying in entry.verdict)
    assert said == "contradicted (after Holm&#39;s correction: depends)"
    counted = show.rule([_verdict(after=Outcome.DEPENDS), _verdict()])[1].numbers
    assert counted == {"tested": 2, "changed": 1}


def test_the_counts_add_up():
    verdicts = [_verdict(), _verdict(outcome=Outcome.SUPPORTED), _verdict(outcome=Outcome.DEPENDS)]
    numbers = show.count_of_verdicts(verdicts)[0].numbers
    assert numbers["claims"] == 3
    assert sum(numbers[str(outcome)] for outcome in Outcome) == 3


def test_results_json_holds_what_others_rely_on():
    content = _claim(_verdict(), WORDS)
    assert {"id", "verdict", "estimate", "lower", "upper", "unit", "sentence"} <= set(content)
    assert content["verdict"] == "contradicted"
    assert (content["estimate"], content["lower"], content["upper"]) == (0.1, 0.05, 0.2)
