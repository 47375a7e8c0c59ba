"""Every figure has an alt text with numbers, its data as a table, and the same bytes each time."""

import datetime as dt
import re
import warnings
from urllib.parse import unquote
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tests.reporting import fakes, retention_fakes

from analysis.data import CustomerSummary, Note
from analysis.reporting import figures
from analysis.reporting.embed import _svg, compact_svg, picture
from analysis.reporting.exhibit import figure_html
from analysis.reporting.exhibits import (
    backtest,
    lift_map,
    purchase,
    readings,
    retention,
    tenure,
    transactions,
    value,
)
from analysis.reporting.style import MODEL_STROKES, RC, report_style, spread
from analysis.reporting.words import Words

WORDS = Words("en", "USD")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
EXHIBITS = {
    "orders": lambda: transactions.orders_over_time(fakes.transactions()),
    "frequency": lambda: transactions.frequency(fakes.summary()),
    "posterior": lambda: purchase.posterior_figure(fakes.purchase(), 0.9),
    "frequency_fit": lambda: purchase.frequency_fit(fakes.summary(), fakes.purchase().primary),
    "alive": lambda: purchase.alive_figure(fakes.purchase()),
    "alive_alone": lambda: purchase.alive_figure(fakes.purchase(alone=True)),
    "silence": lambda: purchase.silence_figure(fakes.summary(), fakes.purchase()),
    "tracking": lambda: backtest.tracking(fakes.back_test()),
    "calibration": lambda: backtest.calibration(fakes.back_test()),
    "scores": lambda: backtest.score_figure(fakes.back_test()),
    "segments": lambda: value.segment_figure(fakes.value(), "orders"),
    "segments_orders": lambda: value.segment_figure(fakes.value(has_money=False), "recency"),
    "concentration": lambda: value.concentration(fakes.value()),
    "histogram": lambda: value.value_histogram(fakes.value()),
    "chance": lambda: value.order_chance(fakes.value()),
    "windows": lambda: retention.window_figure(retention_fakes.periods()),
    "windows_without_births": lambda: retention.window_figure(retention_fakes.periods(births=False)),
    "windows_overlap": lambda: retention.window_figure(retention_fakes.periods(months=3, shared_days=88)),
    "cohorts": lambda: retention.cohort_figure(retention_fakes.cohorts()),
    "cohorts_many": lambda: retention.cohort_figure(retention_fakes.cohorts(12, 22)),
    "cohorts_one": lambda: retention.cohort_figure(retention_fakes.cohorts(1, 3)),
    "by_year": lambda: retention.yearly_figure(retention_fakes.retention()),
    "by_year_alone": lambda: retention.yearly_figure(retention_fakes.retention(models=("BG/NBD",), oldest=0.7)),
    "readings": lambda: readings.readings_figure(retention_fakes.lift()),
    "readings_high": lambda: readings.readings_figure(retention_fakes.lift(estimates={"BG/NBD": 3.0, "MBG/NBD": -0.2})),
    "lift_horizons": lambda: readings.horizon_figure(retention_fakes.lift(joining=1500.0)),
    "tornado": lambda: lift_map.tornado_figure(retention_fakes.lift()),
    "lift_map": lambda: lift_map.map_figure(retention_fakes.landscape(), retention_fakes.config()),
    "lift_map_off": lambda: lift_map.map_figure(retention_fakes.landscape(net_share=None), retention_fakes.config()),
    "lift_curves": lambda: lift_map.curve_figure(retention_fakes.landscape(), retention_fakes.config()),
    "tenure": lambda: tenure.growth_figure(retention_fakes.growth()),
    "firm": lambda: tenure.firm_figure(retention_fakes.firm()),
    "firm_cannot_rise": lambda: tenure.firm_figure(retention_fakes.firm(rises=False)),
}


def drawn_in(words: Words) -> dict[str, str]:
    """Every figure at both widths; a warning of the layout is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {name: str(figure_html(make(), words)) for name, make in EXHIBITS.items()}


@pytest.fixture(scope="module")
def drawn():
    return drawn_in(WORDS)


def test_every_figure_finds_room_for_its_dutch_words(drawn):
    assert drawn_in(Words("nl", "USD")).keys() == drawn.keys()


@pytest.mark.parametrize("name", EXHIBITS)
def test_a_figure_goes_out_with_caption_alt_text_and_its_data(drawn, name):
    html = drawn[name]
    assert html.startswith("<figure")
    assert "<figcaption>" in html
    assert "<details" in html
    assert "<table" in html
    alts = re.findall(r'alt="([^"]+)"', html)
    assert len(alts) == 2
    assert re.search(r"\d", alts[0])
    assert len(alts[0]) > 40


@pytest.mark.parametrize("name", EXHIBITS)
def test_a_figure_holds_its_pictures_itself_and_tells_their_size(drawn, name):
    images = re.findall(r'<img class="rl-(wide|narrow)" src="data:image/svg\+xml,([^"]+)" width="(\d+)"', drawn[name])
    assert [(kind, width) for kind, _, width in images] == [("wide", "720"), ("narrow", "340")]
    for _, svg, width in images:
        root = ElementTree.fromstring(unquote(svg))
        assert root.tag.endswith("svg")
        assert float(root.get("width").removesuffix("pt")) == pytest.approx(int(width) * 0.72, abs=0.01)


def test_a_compact_picture_is_the_same_picture():
    figure = Figure(figsize=(4, 3))
    EXHIBITS["frequency"]().draw(figure, WORDS)
    before = re.sub(r"<metadata>.*?</metadata>", "", _svg(figure), flags=re.DOTALL)
    after = compact_svg(before)
    assert len(after) < 0.85 * len(before)
    parts = [ElementTree.fromstring(svg.partition("<svg")[1] + svg.partition("<svg")[2]) for svg in (before, after)]
    for one, other in zip(*(part.iter() for part in parts), strict=True):
        assert one.tag == other.tag
        for name, said in one.attrib.items():
            numbers = [[float(n) for n in NUMBER.findall(text)] for text in (said, other.attrib[name])]
            for before_it, after_it in zip(*numbers, strict=True):
                # The factor of a scale counts in all its digits, a place to a hundredth of a point.
                assert after_it == pytest.approx(before_it, abs=0.0051 if abs(before_it) >= 1 else 1e-6), name


def test_a_figure_drawn_twice_has_the_same_bytes(drawn):
    assert str(figure_html(EXHIBITS["tracking"](), WORDS)) == drawn["tracking"]


def test_the_readers_own_matplotlib_settings_change_nothing(drawn):
    with mpl.rc_context({"axes.grid": False, "font.size": 20, "svg.hashsalt": "other", "axes.facecolor": "red"}):
        assert str(figure_html(EXHIBITS["frequency"](), WORDS)) == drawn["frequency"]


def test_drawing_leaves_the_readers_settings_as_they_were():
    before = dict(mpl.rcParams)
    with report_style():
        assert mpl.rcParams["svg.hashsalt"] == RC["svg.hashsalt"]
    assert dict(mpl.rcParams) == before


def test_a_dollar_sign_is_no_formula_and_a_hostile_label_is_only_text():
    shown = picture(lambda figure: figure.subplots().set_title("$5 and $6 <script>"))
    assert shown.uri.startswith("data:image/svg+xml")


def test_a_picture_of_very_many_points_becomes_a_png():
    points = np.random.default_rng(1).normal(size=(20_000, 2))
    shown = picture(lambda figure: figure.subplots().scatter(*points.T))
    assert shown.uri.startswith("data:image/png")
    assert shown.width == 720


def test_very_many_cohorts_still_make_a_light_picture():
    html = str(figure_html(retention.cohort_figure(retention_fakes.cohorts(24, 60)), WORDS))
    assert len(re.findall("<img", html)) == 2
    assert len(html) < 1_000_000


def test_a_plot_draws_on_the_axes_it_is_given_and_returns_them():
    ax = Figure().subplots()
    counts = transactions.frequency_counts(np.array([0, 1, 1, 3]))
    assert figures.plot_frequency(counts, WORDS, ax) is ax
    assert isinstance(figures.plot_frequency(counts, WORDS), Axes)


def test_an_incomplete_last_period_is_left_out_and_said():
    shown = fakes.transactions()
    periods, left_out = transactions.periods_of(shown)
    days = (fakes.END - fakes.START).days + 1
    assert int(periods["days"].sum()) + left_out == days
    assert (periods["days"] == 7).all()


def test_the_alt_text_counts_the_orders_of_a_period_that_is_left_out_too():
    shown = fakes.transactions()
    shown.observation_start -= dt.timedelta(days=4)
    exhibit = transactions.orders_over_time(shown)
    assert exhibit.numbers["left_out"] > 0
    assert exhibit.numbers["first"] + exhibit.numbers["repeat"] == shown.daily["orders"].sum()


@pytest.mark.parametrize(
    ("frequencies", "key"),
    [([0] * 5 + [1] * 3 + [2], "frequency"), ([9] * 10, "frequency_spread"), ([0, 1, 4, 4], "frequency_spread")],
)
def test_the_alt_text_of_the_frequencies_is_true_of_any_base(frequencies, key):
    table = pd.DataFrame({"frequency": frequencies})
    exhibit = transactions.frequency(CustomerSummary(table, fakes.END, has_money=False))
    assert exhibit.key == key
    alt = re.search(r'alt="([^"]+)"', str(figure_html(exhibit, WORDS)))[1]
    assert ("fewer have more" in alt) == (key == "frequency")
    if key == "frequency_spread":
        assert sum(exhibit.numbers[part] for part in ("none", "once", "more")) == len(frequencies)


@pytest.mark.parametrize("width", [7.2, 3.4])
@pytest.mark.parametrize("name", ["orders", "frequency_fit", "tracking", "calibration"])
def test_a_key_lies_above_the_plot_and_on_nothing(name, width):
    with report_style():
        figure = Figure(figsize=(width, 3.2), layout="constrained")
        EXHIBITS[name]().draw(figure, WORDS)
        FigureCanvasAgg(figure).draw()
        (ax,) = figure.axes
        keys = [ax.get_legend()] if ax.get_legend() else []
        keys += [text for text in ax.texts if text.get_text() in (WORDS("legend.holdout"), WORDS("legend.expected"))]
        assert keys
        title = ax._left_title.get_window_extent()
        others = [text.get_window_extent() for text in ax.texts if text not in keys]
        for key in keys:
            box = key.get_window_extent()
            assert ax.bbox.y1 <= box.y0
            assert box.y1 <= title.y0
            assert not [other for other in others if box.overlaps(other)]


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("name", ["orders", "calibration", "windows", "tornado", "tenure"])
def test_no_key_is_cut_on_a_phone(name, language):
    with report_style():
        exhibit = EXHIBITS[name]()
        figure = Figure(figsize=(3.4, exhibit.narrow_height), layout="constrained")
        exhibit.draw(figure, Words(language, "USD"))
        FigureCanvasAgg(figure).draw()
        keys = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
        assert keys
        assert all(key.get_window_extent().x1 <= figure.bbox.x1 for key in keys)


def test_a_key_shows_the_markers_of_the_plot():
    ax = Figure().subplots()
    figures.plot_calibration(fakes.back_test().calibration_by_group, 0.9, WORDS, ax)
    markers = {text.get_text(): line.get_marker() for text, line in zip(*_key_of(ax), strict=True)}
    assert [markers[model] for model in MODEL_STROKES] == [stroke.marker for stroke in MODEL_STROKES.values()]


def _key_of(ax):
    return ax.get_legend().get_texts(), ax.get_legend().get_lines()


def test_a_long_window_is_shown_by_month():
    shown = fakes.transactions()
    shown.observation_start = fakes.START.replace(year=1990)
    periods, _ = transactions.periods_of(shown)
    assert periods["days"].between(28, 31).all()


def test_without_a_back_test_or_money_there_is_no_figure_of_it():
    untested = Note("backtest.reason.switched_off")
    assert backtest.tracking(untested) is None
    assert backtest.calibration(untested) is None
    assert backtest.score_figure(untested) is None
    assert backtest.score_table(untested) is None
    assert value.value_histogram(fakes.value(has_money=False)) is None


def test_what_the_model_expects_adds_up_to_the_customers():
    expected = purchase.expected_frequencies(fakes.fit("BG/NBD", -1.0), fakes.summary().table["T_days"].to_numpy())
    assert expected.sum() == pytest.approx(fakes.CUSTOMERS)
    assert (expected > 0).all()


def test_bg_nbd_forgives_every_silence_of_a_customer_without_a_repeat_order():
    curves = purchase.silence_curves(fakes.purchase(), 500.0, 0)
    assert (curves["BG/NBD"] == 1).all()
    assert (curves["MBG/NBD"].diff().dropna() <= 0).all()


def test_every_customer_is_in_the_histogram_once():
    for values in (
        np.zeros(10),
        np.array([-5.0, 0.0, 3.0, 1e6]),
        np.full(3, 7.0),
        np.random.default_rng(1).gamma(0.3, 9, 999),
    ):
        bins = value.value_bins(values)
        assert bins["customers"].sum() == len(values)
        assert bins["low"].iloc[0] <= min(0, values.min())


def test_labels_are_moved_apart_and_keep_their_order():
    placed = spread([1.0, 1.01, 1.02, 9.0], gap=1.0)
    assert placed == sorted(placed)
    assert min(np.diff(placed)) >= 1 - 1e-6
