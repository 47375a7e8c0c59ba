"""Whether two results are the same to the last bit (or so near as is asked), type and dtype."""

import dataclasses

import numpy as np
import pandas as pd

from analysis.errors import RetentionLabError
from analysis.words import Message


def assert_same(found, expected, place="result", *, rtol=0.0):
    assert type(found) is type(expected), place
    asked = {"check_exact": not rtol, "rtol": rtol, "obj": place}
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, check_freq=False, **asked)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, **asked)
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(found, expected, exact=True, obj=place)
    elif isinstance(expected, np.ndarray) and not (rtol and expected.dtype.kind == "f"):
        np.testing.assert_array_equal(found, expected, strict=True, err_msg=place)
    elif rtol and isinstance(expected, float | np.ndarray):
        np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=place)
    elif (parts := parts_of(expected)) is not None:
        others = parts_of(found)
        assert list(others) == list(parts), place
        for name in parts:
            assert_same(others[name], parts[name], f"{place}.{name}", rtol=rtol)
    else:
        assert repr(found) == repr(expected), f"{place}: {found!r} is not {expected!r}"


def parts_of(value):
    """What a value is made of, by name or by place; None where it is one piece."""
    if isinstance(value, Message):
        return {"parts": value._parts(), "said": str(value)}
    if isinstance(value, RetentionLabError):
        return {"args": value.args, "said": str(value), "exit_code": value.exit_code, **vars(value)}
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    if dataclasses.is_dataclass(value):
        fields = [field for field in dataclasses.fields(value) if field.metadata.get("stored", True)]
        return {field.name: getattr(value, field.name) for field in fields}
    return dict(value) if hasattr(value, "keys") else None
