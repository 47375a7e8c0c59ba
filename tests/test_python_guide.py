"""The guide for Python runs, ten jobs of at most six lines in their order; and so does the one for strategies."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest

GUIDE = Path(__file__).parents[1] / "docs" / "python.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def jobs():
    return BLOCK.findall(GUIDE.read_text(encoding="utf-8"))


def test_there_are_ten_jobs_of_at_most_six_lines():
    numbered = re.findall(r"^## \d+\. .*?(?=^## )", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(numbered) == 10
    for job in numbered:
        lines = [line for block in BLOCK.findall(job) for line in block.splitlines() if line.strip()]
        assert len(lines) <= 6, job


@pytest.mark.filterwarnings("ignore::FutureWarning:lifetimes")
def test_every_job_runs_in_its_order(every_step_of_cdnow, few_proposals, few_draws, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("analysis.pipeline.study.default_store", lambda: every_step_of_cdnow)
    mpl.use("agg")
    first, *others = jobs()
    exec(compile(first, str(GUIDE), "exec"), names := {})
    names["df"] = names["df"].query("who % 4 == 0")  # which is faster
    for block in others:
        exec(compile(block, str(GUIDE), "exec"), names)
    assert names["value"].total.lower < names["value"].total.estimate < names["value"].total.upper
    assert set(names["strategies"].to_frame()["strategy"]) >= {"club"}
    for name in ("fit", "spend", "value", "test", "strategies", "ladder", "base"):
        found = names[name]
        assert len(found.to_frame()) > 0, name
        assert found._repr_html_().count("<tr") >= 2, name
        assert len(repr(found)) < 10_000, name
    assert names["test"].to_frame().equals(names["test"].scores)


def test_the_example_of_the_guide_to_strategies_runs(few_proposals, few_draws):
    mpl.use("agg")
    (block,) = BLOCK.findall(GUIDE.with_name("strategies.md").read_text(encoding="utf-8"))
    exec(compile(block, "strategies.md", "exec"), names := {})
    assert names["compared"].to_frame()["strategy"].tolist() == ["better", "club", "nothing"]
