"""Whether two results are the same to the last bit (or so near as is asked), type and dtype."""

import dataclasses

import numpy as np
import pandas as pd

from analysis.errors import RetentionLabError
from analysis.words import Message


def assert_same(found, expected, place="result", *, rtol=0.0):
    assert type(found) is type(expected), place
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, check_exact=not rtol, rtol=rtol, check_freq=False, obj=place)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, check_exact=not rtol, rtol=rtol, obj=place)
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(found, expected, exact=True, obj=place)
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, place
        if rtol and found.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=place)
        else:
            np.testing.assert_array_equal(found, expected, strict=True, err_msg=place)
    elif rtol and isinstance(expected, float):
        np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=place)
    elif isinstance(expected, dict) or hasattr(expected, "keys"):
        assert list(found) == list(expected), place
        for key in expected:
            assert_same(found[key], expected[key], f"{place}.{key}", rtol=rtol)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), place
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{place}[{number}]", rtol=rtol)
    elif isinstance(expected, Message):
        assert found == expected, place
        assert str(found) == str(expected), place
    elif isinstance(expected, RetentionLabError):
        assert (found.args, str(found), found.exit_code) == (expected.args, str(expected), expected.exit_code), place
        assert_same(vars(found), vars(expected), place, rtol=rtol)
    elif dataclasses.is_dataclass(expected):
        for field in dataclasses.fields(expected):
            if field.metadata.get("stored", True):
                assert_same(
                    getattr(found, field.name), getattr(expected, field.name), f"{place}.{field.name}", rtol=rtol
                )
    else:
        assert repr(found) == repr(expected), f"{place}: {found!r} is not {expected!r}"
