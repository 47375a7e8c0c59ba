"""The verdicts together: as a frame, as a table, and as a picture."""

import matplotlib.pyplot as plt
import pytest

import analysis as rl
from analysis.claims import Claims, Verdict
from analysis.claims.claim import CONFIGURED, DATA
from analysis.errors import InputRefused, Unavailable
from analysis.interval import Interval
from analysis.words import Message

MODELS = ("BG/NBD", "MBG/NBD", "Pareto/NBD")


def verdict(claim="five_points_more_profit", names=MODELS, chance=0.004, **more):
    estimates = {name: Interval(0.1 + place / 100, 0.05, 0.2, 0.9) for place, name in enumerate(names)}
    return Verdict(estimates, dict.fromkeys(names, chance), claim=claim, **more)


SILENT = Verdict(reason=Message("The data hold no amounts of money."), claim="never_return")
ALL = Claims(
    (verdict(), verdict("twenty_bring_eighty", (DATA,), 0.5), verdict("keeping_cheaper", (CONFIGURED,), 1.0), SILENT)
)


def test_the_frame_has_a_row_a_claim_with_number_interval_probability_and_source():
    frame = ALL.to_frame().set_index("claim")
    first = frame.loc["five_points_more_profit"]
    assert first[["verdict", "estimate", "lower", "upper", "level", "unit"]].tolist() == [
        "contradicted", 0.1, 0.05, 0.2, 0.9, "share",
    ]  # fmt: skip
    assert (first["probability_low"], first["trust"]) == (0.004, "low")
    assert "Zero Defections" in first["source"]
    silent = frame.loc["never_return"]
    assert silent["reason"] == "The data hold no amounts of money."
    assert silent[["estimate", "probability_high"]].isna().all()


def test_the_table_shows_the_range_over_the_models_and_a_single_number_with_its_interval():
    found = ALL.table().set_index("verdict")
    assert found.loc["contradicted", ["found", "probability"]].tolist() == ["10.0% to 12.0%, by model", "below 1%"]
    assert found.loc["depends", ["found", "probability"]].tolist() == ["10% (90% interval 5% to 20%)", "50%"]
    assert found.loc["not testable", ["found", "probability"]].tolist() == ["–", "–"]


def test_the_counts_add_up_and_stand_above_the_table_in_a_notebook():
    counts = ALL.counts().values
    assert counts.pop("claims") == sum(counts.values()) == 4
    html = ALL._repr_html_()
    assert "<strong>4 claims</strong>" in html
    assert "raises profit by 25% to 95%." in html
    assert ALL["never_return"] is SILENT


def test_the_picture_shows_every_model_beside_the_claimed_range_and_together_no_models_name():
    figure, (left, right) = plt.subplots(1, 2)
    assert ALL.plot.claimed_range(ax=left) is left
    ALL.plot.claimed_range(ax=right, together=True)
    names = [[label.get_text() for label in ax.get_yticklabels()] for ax in (left, right)]
    assert names == [list(MODELS), ["Your customers"]]
    shaded = left.patches[0].get_extents().transformed(left.transData.inverted())
    assert (shaded.x0, shaded.x1) == pytest.approx((0.25, 0.95))
    plt.close(figure)
    with pytest.raises(Unavailable, match="no amounts"):
        ALL.plot.claimed_range(claim="never_return")


def test_a_setting_that_there_is_not_is_refused(sample_study):
    with pytest.raises(InputRefused, match="gros_margin"):
        rl.test_claims(sample_study("cdnow").orders, gros_margin=0.4)
