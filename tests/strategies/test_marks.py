import numpy as np

from analysis.strategies.marks import Marks


def test_marks_depend_on_seed_stream_and_event_alone():
    one = Marks(1, 0, 50)
    late, early = one.of_event(900), one.of_event(3)
    again = Marks(1, 0, 50)
    assert (again.of_event(3).gap == early.gap).all()
    assert (again.of_event(900).noise == late.noise).all()
    for other in (Marks(2, 0, 50), Marks(1, 1, 50)):
        assert (other.of_event(3).gap != early.gap).all()


def test_marks_have_their_distributions():
    mark = Marks(3, 0, 200_000).of_event(0)
    assert abs(mark.gap.mean() - 1) < 0.01
    assert abs(mark.noise.std() - 1) < 0.01
    for name in ("level", "fate", "coupon"):
        assert abs(getattr(mark, name).mean() - 0.5) < 0.005
    assert abs(np.corrcoef(mark.level, mark.fate)[0, 1]) < 0.01
