"""Frames and files that an attack handed over, each refused in the package's own words."""

import datetime as dt
import os
from decimal import Decimal

import pandas as pd
import pytest

import analysis as rl
from analysis.config import Columns
from analysis.errors import InputRefused

COLUMNS = {"customer": "c", "date": "d", "amount": "a"}
DAYS = ["2025-01-03", "2025-02-11", "2025-02-12", "2025-03-01"]
UTC = dt.UTC


def read(days=DAYS, amounts=(1.0, 2.0, 3.0, 4.0), **settings):
    frame = {"c": ["x", "x", "y", "y"], "d": pd.Series(days, dtype=object), "a": pd.Series(amounts, dtype=object)}
    return rl.read_orders(pd.DataFrame(frame), **COLUMNS | settings)


@pytest.mark.parametrize("amount", ["1e400", "-1e30", "1e-400", "1e-11"])
def test_a_decimal_that_cannot_be_kept_is_refused(amount):
    with pytest.raises(InputRefused, match=r"1 value is no number that can be kept exactly: '.+' in row 3; zero and"):
        read(amounts=[Decimal(1), Decimal("2.5"), Decimal(amount), Decimal(4)])


@pytest.mark.parametrize("plain", [pd.Timestamp("2025-01-03"), dt.date(2025, 1, 3)])
def test_moments_with_and_without_an_offset_are_refused_together(plain):
    days = [plain, *(dt.datetime(2025, 2, day, tzinfo=UTC) for day in (1, 2, 3))]
    with pytest.raises(InputRefused, match=r"mixes formats: 1 row like '2025-01-03.*, 3 rows like '2025-02-01"):
        read(days)


def test_moments_of_several_zones_are_one_kind():
    zones = [dt.timezone(dt.timedelta(hours=hours)) for hours in (0, 2, 3, -5)]
    days = [dt.datetime(2025, 2, 1, 12, tzinfo=zone) for zone in zones]
    assert read(days, timezone="UTC").orders == read([*days[:3], pd.NaT], timezone="UTC").orders == 2


def test_one_column_cannot_have_two_roles_that_differ():
    with pytest.raises(InputRefused, match="customer and date name one column, 'c'; each needs its own"):
        read(date="c")
    assert Columns(customer="c", date="d", category="k", split="k").split == "k"


def test_half_of_a_pair_of_utf_16_is_no_setting():
    with pytest.raises(InputRefused, match=r"ids\.anonymous.*a lone surrogate"):
        read(ids={"anonymous": ["\ud800"]})
    with pytest.raises(InputRefused, match=r"customer == '\\ud800', must be text"):
        read(customer="\ud800")


def test_a_pipe_is_named_as_one(tmp_path):
    os.mkfifo(tmp_path / "orders.csv")
    for path in (tmp_path / "orders.csv", "/dev/null"):
        with pytest.raises(InputRefused, match="is a pipe or a device, which can be read only once; write it to a fil"):
            rl.read_orders(path, **COLUMNS)
