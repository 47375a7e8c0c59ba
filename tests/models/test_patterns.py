import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.models.patterns import coarsened, collapse

histories = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 30), st.integers(0, 30)).map(
        lambda h: (h[0], h[1] if h[0] else 0, (h[1] if h[0] else 0) + h[2])
    ),
    min_size=1,
    max_size=60,
)


@given(histories)
def test_collapsing_loses_nothing(rows):
    x, t_x, age = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    patterns = collapse(x, t_x, age)
    assert np.array_equal(patterns.frequency[patterns.index], x)
    assert np.array_equal(patterns.recency[patterns.index], t_x)
    assert np.array_equal(patterns.T[patterns.index], age)
    assert patterns.weight.sum() == len(rows)
    assert len(set(zip(*patterns.history, strict=True))) == len(patterns)


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_customers_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    first, second = (collapse(*(np.array(c, dtype=float) for c in zip(*r, strict=True))) for r in (rows, shuffled))
    for one, other in zip((*first.history, first.weight), (*second.history, second.weight), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(("x", "t_x", "age", "told"), [
    ([1], [5.0], [3.0], "recency is larger than T"), ([-1], [0.0], [3.0], "frequency is negative"),
    ([1], [0.0], [3.0], "recency is zero although"), ([0], [2.0], [3.0], "recency is not zero although"),
    ([0], [0.0], [np.nan], "not a number"), ([], [], [], "there are none"),
])  # fmt: skip
def test_impossible_histories_are_refused_with_the_reason(x, t_x, age, told):
    with pytest.raises(DataError, match=told):
        collapse(x, t_x, age)


def test_coarse_histories_keep_the_customers_and_stay_possible():
    rng = np.random.default_rng(1)
    age = rng.uniform(0.01, 100, 20_000)
    x = rng.poisson(1, age.size)
    patterns = collapse(x, np.where(x > 0, rng.uniform(0, 1, age.size) * age + 1e-9, 0), np.maximum(age, 1e-6) + 1e-9)
    rough = coarsened(patterns)
    assert len(rough) < len(patterns) / 4
    assert rough.weight.sum() == 20_000
    assert np.all(rough.recency <= rough.T)
