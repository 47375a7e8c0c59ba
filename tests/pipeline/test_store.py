"""The store gives back what was written, and reads nothing that anybody changed or planted."""

import datetime as dt
import io
import os
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.pipeline.same import assert_same

from analysis.errors import InputRefused, NotIdentified, Problem, Unavailable, UsageError
from analysis.interval import Interval
from analysis.models.beta_geometric import BGNBD
from analysis.pipeline import codec
from analysis.pipeline.store import LIVE, LONGEST_UNUSED, MISSING, Store
from analysis.time import TimeUnit
from analysis.words import Message

FRAMES = {
    "ids": pd.DataFrame({"customer_id": ["007", "é", None], "orders": np.array([1, 2, 3], dtype="int32")}),
    "days": pd.DataFrame({"day": pd.to_datetime(["2024-02-29", None]).astype("datetime64[s]"), "late": [True, False]}),
    "nullable": pd.DataFrame({"n": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean")}),
    "categories": pd.DataFrame({"c": pd.Categorical([3, 1, None], categories=[1, 3, 5], ordered=True)}),
    "objects": pd.DataFrame({"o": pd.Series([Interval(1, 0, 2, 0.9), dt.date(2024, 1, 1), None], dtype=object)}),
    "numbered": pd.DataFrame(np.eye(2), columns=pd.RangeIndex(2, name="month")),
    "cohorts": pd.DataFrame({0: [1.5]}, index=pd.period_range("2024-01", periods=1, freq="M", name="cohort")),
    "levels": pd.DataFrame({"x": [1.0, np.nan]}, pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["m", "n"])),
    "twice": pd.DataFrame([[1, "x"]], columns=["same", "same"]),
    "by day": pd.DataFrame({"x": [1, 2]}, index=pd.date_range("2024-01-01", periods=2, freq="D", name="day")),
    "nobody": pd.DataFrame({"customer_id": pd.Series([], dtype="str"), "n": pd.Series([], dtype="int64")}),
    "no columns": pd.DataFrame(index=["a", "b"]),
}
VALUES = {
    "numbers": [1, 10**30, 0.1, float("nan"), float("inf"), -0.0, True, None, np.float64(2.5), np.int8(3), np.bool_(1)],
    "text": ["", "</script>", "a\x00b", "☃"],
    "days": [dt.date(2024, 2, 29), dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC), pd.Timestamp("2024-01-01"), pd.NaT],
    "np days": [np.datetime64("2024-01-01"), pd.Timedelta("13W")],
    "collections": [(1, (2,)), {3, 4}, {}, {"$type": 1}, {(1, "a"): [None], 2: {"x": ()}}],
    "ours": [Interval(1.0, 0.5, float("inf"), 0.9), TimeUnit.WEEK, BGNBD.Params(0.2, 4.4, 0.8, 2.4)],
    "messages": [Message("{n:integer} row of {why}", "{n:integer} rows of {why}", n=2, why=Message("x", code="c"))],
    "arrays": [np.eye(3)[:, :2], np.array([], dtype="int64"), np.array("a"), np.array([["x", None]], dtype=object)],
    "days in arrays": np.array(["2024-01-01", "NaT"], dtype="datetime64[s]"),
    "series": pd.Series([1.5, None], index=["a", "b"], name="spent"),
    "index": pd.Index(["a", None], name="customer"),
    "refusals": [
        Unavailable("{n:integer} order", "{n:integer} orders", n=3, code="few"),
        InputRefused([Problem("no rows"), Problem("unknown key", 2)]),
        NotIdentified("The data leave {parameter} open.", parameter="a"),
    ],
    **FRAMES,
}


@pytest.fixture
def store(tmp_path):
    (tmp_path / "below").mkdir()
    return Store(tmp_path / "below" / ".." / "store")  # which no file of a result may have in its name


@pytest.mark.parametrize("name", VALUES)
def test_what_is_read_is_what_was_written(store, name):
    store.write("step", "key", VALUES[name], {})
    assert_same(store.read("step", "key"), VALUES[name])


def test_no_changed_byte_is_read_as_whole(store):
    store.write("step", "key", {"draws": np.arange(3.0), "fit": Interval(1.0, 0.5, 2.0, 0.9)}, {})
    path = store.file("step", "key")
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert store.read("step", "key") is MISSING, place
    for end in (0, 1, 64, len(content) - 1):
        path.write_bytes(content[:end])
        assert store.read("step", "key") is MISSING


class Planted:
    def __reduce__(self):
        return Path.touch, (Path("planted"),)


def test_a_planted_pickle_is_not_even_looked_at(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.make()
    store.file("step", "key").write_bytes(pickle.dumps(Planted()))
    assert store.read("step", "key") is MISSING
    buffer = io.BytesIO()
    np.save(buffer, np.array([Planted()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Object arrays"):
        codec._array(buffer.getvalue())
    assert not Path("planted").exists()


@pytest.mark.parametrize("name", ["os:system", "analysis.cli:main", "analysis.words:use", "analysis.data.orders:Path"])
def test_only_types_of_our_own_results_are_made(name):
    with pytest.raises(codec.Damaged):
        codec._own(name, {})


@dataclass
class Foreign:
    rows: list = field(default_factory=list)


@pytest.mark.parametrize("value", [Foreign(), lambda: 1, BGNBD(), 1j])
def test_what_cannot_be_held_is_an_error_that_names_its_place(store, value):
    with pytest.raises(TypeError, match=r"result\.fits\[1\]: a .* cannot be stored"):
        store.write("step", "key", {"fits": [None, value]}, {})
    assert list(store.folder.iterdir()) == []


def test_files_that_a_result_points_to_are_part_of_it(store):
    days = store.new_workdir("step", "key") / "days.parquet"
    files = days, days.with_name("occasions.parquet")
    for file in files:
        file.write_bytes(b"days")
    store.write("step", "key", {"days": days, "elsewhere": Path("/data/orders.csv")}, {})
    days.with_name("spill").write_bytes(b"of a query")
    assert store.read("step", "key") == {"days": days, "elsewhere": Path("/data/orders.csv")}
    for file in files:
        file.write_bytes(b"dayz")
        assert store.read("step", "key") is MISSING
        file.unlink()
        assert store.read("step", "key") is MISSING
        file.write_bytes(b"days")


def test_the_digest_goes_by_what_a_result_holds_and_not_by_where_its_files_lie(store):
    digests = []
    for key, content in (("here", b"days"), ("there", b"days"), ("changed", b"dayz")):
        days = store.new_workdir("step", key) / "days.parquet"
        days.write_bytes(content)
        store.write("step", key, {"days": days, "of": {"shop", "web"}}, {"at": key})
        digests.append(store.record("step", key)["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_the_folder_is_its_owners_alone_or_refused(store, tmp_path):
    store.write("step", "key", 1, {})
    assert store.folder.stat().st_mode & 0o777 == 0o700
    store.folder.chmod(0o755)
    assert Store(store.folder).read("step", "key") == 1
    assert store.folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(store.folder)
    with pytest.raises(UsageError, match="is no folder of your own"):
        Store(tmp_path / "link").write("step", "key", 1, {})
    for mode in (0o770, 0o702):
        store.folder.chmod(mode)
        with pytest.raises(UsageError, match="others may write into it"):
            Store(store.folder).read("step", "key")
    if os.getuid() == 0:  # only root can give a folder away
        os.chown(store.folder, 12345, -1)
        with pytest.raises(UsageError, match="is no folder of your own"):
            Store(store.folder).read("step", "key")


def test_it_keeps_what_was_used_lately_and_removes_the_rest(store, monkeypatch):
    def kept() -> set[str]:
        store.prune()
        return {path.name.split("-")[1].removesuffix(".zip") for path in store.folder.glob("step-*")}

    for key, age in (("live", 0), ("old", LIVE + 60), ("read", LONGEST_UNUSED + 60), ("unused", LONGEST_UNUSED + 60)):
        store.new_workdir("step", key).joinpath("days.parquet").write_bytes(b"0" * 500)
        store.write("step", key, np.zeros(100), {})
        for path in store.folder.glob(f"step-{key}*"):
            os.utime(path, (time.time() - age,) * 2)
    store.read("step", "read")
    assert kept() == {"live", "old", "read"}
    monkeypatch.setattr("analysis.pipeline.store.MOST_BYTES", 1)
    assert kept() == {"live", "read"}
