"""The CDNOW report and the daily work with it, in yardsticks of processor time: ``python -m benchmarks.speed``.

- the whole report from nothing, and the same command with nothing new;
- each step, computed in one process;
- the first cell of a notebook, ``import analysis``, a new margin in notebook 03;
- all notebooks with HTML, beside the bare commands ``papermill`` and ``jupyter nbconvert`` one after the other.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import analysis as rl
from analysis.pipeline import all_steps
from benchmarks.yardstick import cost_of, processor_seconds, yardstick

SCRIPTS = Path(sys.executable).parent
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
REPORT = (SCRIPTS / "retention-lab", "report", "--sample", "cdnow", "--out")
LATER = ("evidence", "strategies", "experiment")
"""Steps of the comparison of strategies."""


def report() -> dict[str, float]:
    """Processor and wall seconds of the whole report, then of the same command with nothing new."""
    with tempfile.TemporaryDirectory(prefix="rlab-bench-") as folder:
        first, again = cost_of([*REPORT, folder]), cost_of([*REPORT, folder])
    return {
        "whole report": first.processor,
        "whole report, wall": first.wall,
        "nothing new": again.processor,
        "nothing new, wall": again.wall,
    }


def steps() -> dict[str, float]:
    """Processor seconds of each step of CDNOW, in one process and in the order in which they depend on each other."""
    with tempfile.TemporaryDirectory(prefix="rlab-bench-") as folder:
        study = rl.open_study(sample="cdnow", store=folder)
        found = {}
        for name in list(all_steps()):
            found[name] = processor_seconds(lambda name=name: study.outcome(name))
    return found


def daily_work() -> dict[str, float]:
    """Processor seconds of what a data scientist waits for."""
    with tempfile.TemporaryDirectory(prefix="rlab-bench-") as folder:
        store, notebook = Path(folder) / "store", NOTEBOOKS / "03-customer-value.ipynb"
        run = [SCRIPTS / "papermill", notebook, Path(folder) / "03.ipynb", "-p", "store", store, "--no-progress-bar"]
        cost_of(run, cwd=NOTEBOOKS)
        warm = cost_of(run, cwd=NOTEBOOKS)
        margin = cost_of([*run, "-p", "gross_margin", "0.4"], cwd=NOTEBOOKS)
        opening = f"import analysis as rl; study = rl.open_study(sample='cdnow', store={str(store)!r}); study.value"
        return {
            "import analysis": cost_of([sys.executable, "-c", "import analysis"]).processor,
            "first cell of a notebook": cost_of([sys.executable, "-c", opening]).processor,
            "a new margin in 03, beyond running it": margin.processor - warm.processor,
        }


def bare_commands() -> dict[str, float]:
    """Processor and wall seconds of papermill and nbconvert, one notebook after the other, with one store."""
    processor = wall = 0.0
    with tempfile.TemporaryDirectory(prefix="rlab-bench-") as folder:
        for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
            executed = Path(folder) / notebook.name
            store = ["-p", "store", Path(folder) / "store", "--no-progress-bar"]
            for command in (
                [SCRIPTS / "papermill", notebook, executed, *store],
                [SCRIPTS / "jupyter", "nbconvert", "--to", "html", "--no-input", executed],
            ):
                cost = cost_of(command, cwd=NOTEBOOKS)
                processor, wall = processor + cost.processor, wall + cost.wall
    return {"papermill and nbconvert": processor, "papermill and nbconvert, wall": wall}


def main() -> None:
    before = yardstick()
    measured = report() | daily_work() | bare_commands()
    by_step = steps()
    measured["all steps but those of strategies"] = sum(by_step[name] for name in by_step if name not in LATER)
    measured["steps of strategies"] = sum(by_step[name] for name in by_step if name in LATER)
    measured |= {f"step {name}": seconds for name, seconds in by_step.items()}
    unit = (before + yardstick()) / 2
    print(f"yardstick {unit:.2f} s of processor time ({before:.2f} s before)")
    for name, seconds in measured.items():
        print(f"{name:42} {seconds:7.2f} s {seconds / unit:6.2f} yardsticks")


if __name__ == "__main__":
    main()
