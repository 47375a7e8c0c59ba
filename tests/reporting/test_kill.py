"""Runs that are killed at random moments: what was published is whole, and the next run succeeds, every time."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.reporting.small_runs import folder_with

ROOT = Path(__file__).parents[2]
MOMENTS = int(os.environ.get("RETENTION_LAB_KILLS", "50"))
RUN = """
import os, sys
from pathlib import Path
import pytest
from tests.reporting.small_runs import small_config, use_small_study
from analysis.reporting.interruption import Interruption, heed_signals
from analysis.reporting.runner import run_report
if __name__ == "__main__":
    heed_signals()
    use_small_study(pytest.MonkeyPatch(), data_hash=sys.argv[3])
    try:
        print("ready", flush=True)
        print(run_report(small_config(), out=Path(sys.argv[1]), notebooks=Path(sys.argv[2])).name)
    except Interruption as interruption:
        sys.exit(interruption.exit_code)
"""


class Place:
    """A folder of reports, in which runs are begun and killed."""

    def __init__(self, folder: Path, temporary: str):
        self.out, self.report = folder / "out", folder / "out" / "shop"
        self.script, self.notebooks = folder / "run.py", folder_with(folder, "good")
        self.script.write_text(RUN)
        self.mark = f"RETENTION_LAB_KILL_TEST={folder}"
        name, _, value = self.mark.partition("=")
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": temporary, name: value}
        self.published: dict[str, str] = {}

    def begun(self, data: str) -> subprocess.Popen:
        command = [sys.executable, self.script, self.out, self.notebooks, data * 64]
        run = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert run.stdout.readline() == "ready\n"
        return run

    def done(self, data: str) -> float:
        """Seconds that a run takes which is left alone; it must succeed."""
        run, began = self.begun(data), time.monotonic()
        out, err = run.communicate(timeout=300)
        assert run.returncode == 0, err
        assert str((self.report / "latest").readlink()) == out.strip()
        return time.monotonic() - began

    def killed(self, data: str, after: float, number: int) -> tuple[int, bool]:
        """Exit code of a run that got a signal, and whether that came between its first and its last step."""
        before = set(self.report.glob(".work-*"))  # of runs that were killed
        run = self.begun(data)
        time.sleep(after)
        is_inside = bool(set(self.report.glob(".work-*")) - before)
        run.send_signal(number)
        code = run.wait(timeout=60)
        with run.stdout, run.stderr:
            if code == -signal.SIGTERM:
                # Python gives its handlers back when it ends; until then ours is there.
                assert run.stdout.read().strip() == str((self.report / "latest").readlink())
                code = 0
        return code, is_inside and code != 0

    def processes(self, patience: float = 120) -> list[str]:
        """What is left of a killed run; the server of its workers notices once its own imports are over."""
        until = time.monotonic() + patience
        while (found := self._marked()) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def _marked(self) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_text())
        return found

    def check_published(self) -> None:
        """Every published run is whole and as it was, and ``latest`` points to one of them."""
        assert str((self.report / "latest").readlink()) in {path.name for path in self._runs()}
        for run in self._runs():
            assert json.loads((run / "manifest.json").read_text())["status"] == "succeeded"
            assert (run / "index.html").read_text().rstrip().endswith("</html>")
            content = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(run.rglob("*")) if file.is_file()))
            assert self.published.setdefault(run.name, content.hexdigest()) == content.hexdigest()
        assert (self.out / "index.html").read_text().rstrip().endswith("</html>")

    def _runs(self) -> list[Path]:
        return [path for path in self.report.glob("[0-9a-f]*") if path.is_dir() and len(path.name) == 12]


@pytest.fixture
def short_folder():
    """A Unix socket's path is short, and the folders of tests that run side by side are not."""
    with tempfile.TemporaryDirectory(prefix="rlab-kill-") as folder:
        yield folder


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_a_run_that_is_killed_leaves_what_was_published_whole_and_the_next_run_succeeds(tmp_path, short_folder, number):
    place, moments = Place(tmp_path, short_folder), random.Random(20261122)
    duration = place.done("first ")
    killed = inside = tries = 0
    while killed < MOMENTS:
        # One moment in each of as many equal parts of a run: early, late and in between.
        share = (tries % MOMENTS + moments.random()) / MOMENTS
        tries += 1
        code, was_inside = place.killed(f"{tries:03} ", share * duration, number)
        killed += code != 0  # else it was over before the moment came
        inside += was_inside
        assert code in {0, -signal.SIGKILL, 143}, tries
        assert not place.processes(), tries
        place.check_published()
        assert number == signal.SIGKILL or not list(place.report.glob(".work-*")), tries
        duration = place.done(f"{tries:03} ")
        place.check_published()
    told = f"{killed} runs killed, {inside} of them at work in their folder; {tries - killed} were over before"
    print(f"signal {number:d}: {told}; {len(place.published)} published; a run took {duration:.1f} s")
    assert inside > MOMENTS / 3
    assert len(place.published) == tries + 1
