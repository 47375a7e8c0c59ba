"""The look of figures: the same bytes each time, one's own axes left alone, labels that do not collide."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from analysis import plotting
from analysis.plotting import Plots, label_ends, name_axes, own_axes, picture, stroke_of
from analysis.words import reader

LONG = "Cumulative repeat orders of the customers of the calibration period, all of them taken together"


@pytest.fixture(autouse=True)
def closed_figures():
    with mpl.rc_context({"backend": "agg"}):
        yield
    pyplot.close("all")


def plot_lines(result, ax=None, *, names=("BG/NBD", "MBG/NBD", "mine")):
    """Lines that all end in nearly the same place."""
    ax, x = own_axes(ax), np.arange(20)
    lines = {}
    for place, name in enumerate(names):
        (lines[name],) = ax.plot(x, x * (1 + place / 100), color=stroke_of(name).color)
    label_ends(ax, lines)
    return name_axes(plotting.few_ticks(ax, x=4), x=LONG, y=LONG)


class Result:
    plot = Plots(lines=plot_lines, ends="analysis.plotting:label_ends")


def texts_of(figure):
    figure.canvas.draw()
    for ax in figure.axes:
        for text in (ax._left_title, ax.xaxis.label, *ax.texts, *ax.get_xticklabels()):
            yield text.get_text(), text.get_window_extent()


@pytest.mark.parametrize("layout", [None, "tight", "constrained"])
def test_labels_do_not_collide_in_a_grid_of_ones_own(layout):
    figure, grid = pyplot.subplots(2, 2, figsize=(11, 8), layout=layout)
    for ax in grid.flat:
        assert Result().plot.lines(ax) is ax
    for (one, box), (other, second) in itertools.combinations(texts_of(figure), 2):
        assert not box.overlaps(second), (one, other)
    for ax in grid.flat:
        assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in ax.texts)


@pytest.mark.parametrize("own", [
    lambda ax: ax.set_xticks([0, 7, 14]), lambda ax: ax.set_xscale("symlog"), lambda ax: ax.set_xticks([]),
])  # fmt: skip
def test_ones_own_axes_may_have_ticks_a_scale_and_a_place_of_their_own(own):
    figure = pyplot.figure(figsize=(11, 4))
    ax = figure.subfigures(1, 2)[1].subplots()
    own(ax)
    assert Result().plot.lines(ax) is ax
    parts = plotting.panels(pyplot.subplots()[1], 3)
    assert len(parts) == 3
    assert parts[0].figure.axes[0].figure is parts[0].figure
    figure.canvas.draw()


def test_the_same_drawing_gives_the_same_bytes_whatever_the_readers_settings():
    first = picture(lambda ax: plot_lines(None, ax))
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "black"}):
        assert picture(lambda ax: plot_lines(None, ax)) == first
    assert (first.width, first.height) == (720, 340)
    assert '"' not in first.uri
    assert "<" not in first.uri


def test_many_points_are_sent_as_png():
    many = np.random.default_rng(1).random((2, 20_000))
    assert picture(lambda ax: ax.plot(*many, ".")).uri.startswith("data:image/png;base64,")


def test_ticks_are_in_the_readers_language():
    with reader("nl", "EUR"):
        _, ax = pyplot.subplots()
        ax.plot([0, 20_000], [0, 1])
        plotting.format_ticks(ax, x="compact_money", y="percent")
        ax.figure.canvas.draw()
        assert "€\xa020K" in [label.get_text() for label in ax.get_xticklabels()]
        plotting.month_ticks(ax, "2024-01-15", "2026-01-15")
        assert ax.get_xticklabels()[0].get_text() == "jul 2024"
