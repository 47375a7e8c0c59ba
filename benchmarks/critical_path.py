"""The whole CDNOW report against its critical path, and a run with nothing new: ``python -m benchmarks.critical_path``.

Each run is the command ``retention-lab report --sample cdnow`` in a fresh process; the first has nothing kept.

- **Critical path**: the longest chain of notebooks. Until the data are read, then what the study computes once for all
  notebooks, then the notebook that takes longest, each as measured in this very run; all other drawing, the start of
  kernels, and writing and checking go on beside it. The aim: the whole command takes at most 1.5 times that.
- **Chain of steps**: the same, with what the study computes shortened to its longest chain of steps, each waiting only
  for those it is made from. A machine with as many processors as steps could not be faster. The runner computes steps
  side by side, as many at a time as there are processors, and the kernels share these.
- **Nothing new**: the same command again, in wall seconds. The aim: less than 2 s.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from analysis.reporting.run import NEEDS
from analysis.study import STEPS

AIM, AIM_SECONDS = 1.5, 2.0
COMMAND = (str(Path(sys.executable).with_name("retention-lab")), "report", "--sample", "cdnow", "--log-format", "json")


def timed(out: Path) -> tuple[float, list[dict], Path]:
    """Wall seconds of a report, what it logged, and its folder."""
    began = time.perf_counter()
    done = subprocess.run([*COMMAND, "--out", str(out)], check=False, capture_output=True, text=True)
    wall = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stderr[-2000:]}")
    return wall, [json.loads(line) for line in done.stderr.splitlines()], Path(done.stdout.strip())


def began_computing(log: list[dict]) -> float:
    """When computing began, in seconds since the log's start."""
    return next(line["seconds"] for line in log if line.get("name") == "computing")


def chain_of_steps(steps: Mapping[str, float], notebooks: Mapping[str, float]) -> float:
    """Seconds of the longest chain of steps with the notebook at its end.

    >>> chain_of_steps(dict.fromkeys(STEPS, 1.0), {"01-transactions": 2.0})
    3.0
    """

    @cache
    def until(step: str) -> float:
        return steps[step] + max((until(earlier) for earlier in STEPS[step].made_from), default=0.0)

    return max(seconds + max(until(step) for step in NEEDS.get(name, STEPS)) for name, seconds in notebooks.items())


def run() -> dict:
    """Both measurements."""
    with tempfile.TemporaryDirectory(prefix="rlab-bench-") as folder:
        wall, log, made = timed(Path(folder))
        again = min(timed(Path(folder))[0] for _ in range(3))
        manifest = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    steps = {name: manifest["seconds"].get(name, 0.0) for name in STEPS}
    notebooks = {name: manifest["seconds"][name] for name in manifest["notebooks"]}
    # The log begins when the command line was read; the interpreter had started before.
    before = began_computing(log) + wall - manifest["seconds"]["total"] - log[0]["seconds"]
    path = before + manifest["seconds"]["compute"] + max(notebooks.values())
    chain = before + chain_of_steps(steps, notebooks)
    return {
        "wall_seconds": round(wall, 1),
        "critical_path_seconds": round(path, 1),
        "ratio": round(wall / path, 2),
        "aim": AIM,
        "chain_of_steps_seconds": round(chain, 1),
        "ratio_to_chain_of_steps": round(wall / chain, 2),
        "nothing_new_seconds": round(again, 2),
        "aim_seconds": AIM_SECONDS,
        "steps": {name: round(seconds, 1) for name, seconds in steps.items() if seconds >= 0.05},
        "notebooks": {name: round(seconds, 1) for name, seconds in notebooks.items()},
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name}: {value}")
