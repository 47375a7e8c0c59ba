"""All notebooks with HTML: our runner against the commands papermill and jupyter nbconvert, one after the other.

Compared are two ways from the same data, configuration and notebooks to executed notebooks and their HTML:

- the commands ``papermill NOTEBOOK OUT -p config … -p store …`` and ``jupyter nbconvert --to html --no-input OUT``,
  one after the other for each notebook, in the order of their names; they share a store, so that a result is
  computed by the first notebook that needs it and found by the others (the comparison would flatter us otherwise);
- ``run_report``, in a fresh interpreter as the command runs it, which computes once, boots kernels meanwhile, draws
  side by side, and also composes, checks and publishes the page and writes the files beside it.

Each starts with an empty store. Pairs alternate; the medians are compared. The aim: at most two thirds.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from analysis.reporting.request import notebooks_folder

AIM = 2 / 3
PAIRS = 3
SCRIPTS = Path(sys.executable).parent
RUN = """
import sys
from pathlib import Path
from analysis.cli import sample_config
from analysis.reporting.runner import run_report
if __name__ == "__main__":
    run_report(sample_config("cdnow"), out=Path(sys.argv[1]))
"""


def seconds_of_commands(folder: Path) -> float:
    """Wall time of the commands, one after the other [s]."""
    notebooks = notebooks_folder()
    config = notebooks / "parameters" / "cdnow.yml"
    began = time.perf_counter()
    for notebook in sorted(notebooks.glob("*.ipynb")):
        executed = folder / notebook.name
        parameters = ["-p", "config", str(config), "-p", "store", str(folder / "store")]
        _run(SCRIPTS / "papermill", notebook, executed, *parameters, "--no-progress-bar", cwd=notebooks)
        _run(SCRIPTS / "jupyter", "nbconvert", "--to", "html", "--no-input", executed, cwd=notebooks)
    return time.perf_counter() - began


def seconds_of_runner(folder: Path) -> float:
    """Wall time of a whole report, the start of the interpreter included [s]."""
    script = folder / "run.py"
    script.write_text(RUN, encoding="utf-8")
    began = time.perf_counter()
    _run(sys.executable, script, folder / "out", cwd=folder)
    return time.perf_counter() - began


def _run(*command: object, cwd: Path) -> None:
    arguments = [str(part) for part in command]
    done = subprocess.run(arguments, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stderr[-2000:]}")


def _in_fresh_folder(measure) -> float:
    folder = Path(tempfile.mkdtemp(prefix="rlab-bench-"))
    try:
        return measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run() -> dict:
    """Both times [s], their ratio and the aim."""
    pairs = [(_in_fresh_folder(seconds_of_runner), _in_fresh_folder(seconds_of_commands)) for _ in range(PAIRS)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "name": "all notebooks with HTML",
        "ours_seconds": round(ours, 2),
        "commands_seconds": round(theirs, 2),
        "ratio": round(ours / theirs, 3),
        "aim": round(AIM, 3),
        "pairs": [[round(one, 2) for one in pair] for pair in pairs],
    }


if __name__ == "__main__":
    result = run()
    print(f"{result['name']}: {result['ours_seconds']} s against {result['commands_seconds']} s for the commands;")
    print(f"ratio {result['ratio']} (aim: at most {result['aim']}); pairs {result['pairs']}")
