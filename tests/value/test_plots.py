import matplotlib.pyplot as plt
import pytest

import analysis as rl
from analysis import words
from analysis.config import EconomicsConfig, RetentionConfig
from analysis.errors import Unavailable
from analysis.models.fits import fit_all
from analysis.models.patterns import patterns_of
from analysis.models.spend_choice import fit_spend
from analysis.time import Clock, TimeUnit
from analysis.value.growth import spend_growth
from analysis.value.lift import readings_that_matter, retention_lifts, shifts_of
from analysis.value.retention import model_retention
from analysis.value.valuation import futures, value_of


@pytest.fixture(scope="module")
def results(cdnow, few_draws):
    orders, clock = cdnow, Clock(TimeUnit.WEEK)
    fits = fit_all(patterns_of(orders.histories, clock), clock, 1, quick=True)
    spend = fit_spend(orders.histories, seed=1)
    economics, retention = EconomicsConfig(acquisition_cost=8), RetentionConfig(cost_per_customer_year=1)
    readings = tuple(readings_that_matter(economics, retention))
    solved = shifts_of(orders.histories, fits, spend, readings, 1_000.0)
    return {
        "value": value_of(futures(orders.histories, fits, spend)),
        "orders only": value_of(futures(orders.histories, fits, None)),
        "lift": retention_lifts(solved, readings, economics, retention),
        "no lift": retention_lifts(solved, readings, EconomicsConfig(acquisition_cost=1_000), retention),
        "retention": model_retention(orders.histories, fits),
        "growth": spend_growth(orders),
        "base": rl.customer_base(orders),
        "ladder": rl.ladder(orders, fits.primary),
        "payback": rl.payback(orders, fits.primary, acquisition_cost=15),
    }


FIGURES = [
    *((of, name) for of in ("value", "orders only") for name in
      ("segments", "concentration", "grid")),
    *(("lift", name) for name in ("readings", "horizons")),
    ("retention", "by_year"), ("growth", "tenure"), ("payback", "curve"),
    *(("base", name) for name in ("bridge", "drivers", "second_order")),
    *(("ladder", name) for name in ("rungs", "flows")),
]  # fmt: skip


@pytest.mark.parametrize(("of", "name"), FIGURES)
def test_every_figure_is_drawn_on_axes_of_its_own_and_in_dutch_on_those_of_a_user(results, of, name):
    own = getattr(results[of].plot, name)()
    figure, axes = plt.subplots(1, 2, figsize=(12, 4))
    with words.reader("nl", "EUR"):
        used = getattr(results[of].plot, name)(ax=axes[0])
        figure.canvas.draw()
    assert used.figure is figure
    assert own.figure is not figure
    assert used.get_title(loc="left") or used.get_xlabel()
    assert any(part.has_data() for part in figure.axes)
    plt.close("all")


@pytest.mark.parametrize("name", ["readings", "horizons"])
def test_where_the_named_reading_gives_no_lift_its_figures_say_why(results, name):
    with pytest.raises(Unavailable, match="may be zero or less"):
        getattr(results["no lift"].plot, name)()
