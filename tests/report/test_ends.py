"""A run that is ended from outside, by a signal or its deadline: nothing runs on, nothing half-made is left."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.report.small import folder_with, small_config

from analysis import processes
from analysis.errors import DeadlinePassed
from analysis.processes import Deadline, Interruption, pool
from analysis.report.run import EARLY

ROOT = Path(__file__).parents[2]
SECOND = 1 / 60
MOMENTS = int(os.environ.get("RETENTION_LAB_KILLS", "50"))
RUN = """
import builtins, sys
from pathlib import Path
from tests.report.small import small_config, use_made_up_results
from analysis.errors import ReportLocked
from analysis.processes import Interruption, heed_signals
from analysis.report import run
heed_signals()
run.EARLY = "made_up", "papermill", "analysis.report.kernel"
use_made_up_results(builtins)
print("ready", flush=True)
try:
    print(run.run_report(small_config(), out=Path(sys.argv[1]), notebooks=Path(sys.argv[2])).name)
except (Interruption, ReportLocked) as ended:
    sys.exit(ended.exit_code)
"""


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def awaited(found: Callable[[], list[int]], patience: float = 30) -> list[int]:
    """Those processes of some that run on."""
    until = time.monotonic() + patience
    while (left := [one for one in found() if is_there(one)]) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def still_there(children: Path, patience: float = 30) -> list[int]:
    """Of a kernel and of what it started, near and far, those that run on."""
    return awaited(lambda: [int(word) for word in children.read_text().split()], patience)


def everyone_with(variable: str, value: str) -> list[int]:
    """Processes with such a variable in their environment."""
    every = psutil.process_iter(["environ"])
    return [one.pid for one in every if (one.info["environ"] or {}).get(variable) == value]


@pytest.fixture
def children(tmp_path, monkeypatch):
    """File for the process ids of a kernel and of what it started."""
    monkeypatch.setenv("CHILDREN", str(tmp_path / "children"))
    return tmp_path / "children"


def test_a_deadline_gives_way_to_a_signal_in_every_thread(monkeypatch):
    monkeypatch.setattr(processes, "_heard", [signal.SIGTERM])
    with ThreadPoolExecutor(1) as threads, pytest.raises(Interruption) as ended:
        threads.submit(Deadline(5).result, Future()).result(30)
    assert ended.value.exit_code == 143


def test_a_forked_worker_has_the_environment_of_today(monkeypatch):
    for value in ("first", "second"):
        monkeypatch.setenv("RETENTION_LAB_TEST_VALUE", value)
        with pool(1, preload=EARLY) as workers:
            assert workers.submit(os.getenv, "RETENTION_LAB_TEST_VALUE").result() == value


def test_workers_start_where_temporary_files_lie_deep_and_import_nothing_from_the_working_folder(tmp_path):
    (deep := tmp_path / ("deep" * 20)).mkdir()
    for name in ("analysis", "psutil"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    code = """
import sys
from analysis.processes import pool
sys.path[:0] = ["", sys.argv[1]]
with pool(1, preload=["os"]) as workers:
    print(workers.submit(abs, -1).result())
"""
    environment = {**os.environ, "TMPDIR": str(deep), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-P", "-c", code, tmp_path]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def test_an_interruption_waits_for_what_must_be_done_as_a_whole(monkeypatch):
    monkeypatch.setattr(processes, "_heard", [])
    done = []

    def publishes():
        with processes.shielded():
            processes._heard.append(signal.SIGTERM)
            processes.check()
            done.append("whole")

    with pytest.raises(Interruption):
        publishes()
    assert done == ["whole"]


class Soon(Deadline):
    """Passes a second after a file is there, however long that takes."""

    def __init__(self, file: Path):
        super().__init__(120 * SECOND)
        self.file, self.minutes = file, 20 * SECOND

    def seconds_left(self) -> float | None:
        if self.file.exists():
            self._ends = min(self._ends, time.monotonic() + 1)
        return super().seconds_left()


def stopped_at(deadline: Deadline | None, minutes: float, make, *names) -> Path:
    """The folder of the pages of a run that is stopped at its deadline."""
    with pytest.raises(DeadlinePassed) as passed:
        make(*names, config=small_config().model_copy(update={"deadline_minutes": minutes}), deadline=deadline)
    assert passed.value.exit_code == 5
    (failed,) = Path().glob("out/shop/failed/*")
    assert json.loads((failed / "manifest.json").read_text())["exit_code"] == 5
    assert failed.name in Path("out/index.html").read_text()
    assert not list(Path().glob("out/shop/.work*"))
    return failed


def test_a_run_that_takes_too_long_is_stopped_with_everything_it_started_and_says_why(make, children):
    page = (stopped_at(Soon(children), 20 * SECOND, make, "good", "has_children") / "index.html").read_text()
    assert still_there(children) == []
    assert "longer than the 0.3333 minutes" in page
    assert "It runs." in page


@pytest.mark.parametrize(("variable", "seconds"), [("READ_SECONDS", "60"), ("COMPUTE_SECONDS", "3")])
def test_a_run_that_takes_too_long_while_it_reads_or_computes_says_so(make, monkeypatch, variable, seconds):
    monkeypatch.setenv(variable, seconds)
    stopped_at(None, 2 * SECOND, make, "good")


class Place:
    """A folder of reports, in which runs are begun and ended."""

    def __init__(self, folder: Path, notebook: str, temporary: str):
        self.folder, self.out, self.report = folder, folder / "out", folder / "out" / "shop"
        self.notebooks = folder_with(folder, notebook)
        self.mark = "RETENTION_LAB_TEST", str(folder)
        self.script = folder / "run.py"
        self.script.write_text(RUN)
        paths = [str(ROOT), str(ROOT / "src"), str(ROOT / "tests" / "report" / "workers")]
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": temporary}
        self.environment |= dict([self.mark])

    def begun(self, data: str = "d") -> subprocess.Popen:
        run = subprocess.Popen(
            [sys.executable, self.script, self.out, self.notebooks], env={**self.environment, "DATA_HASH": data},
            start_new_session=True, stdout=subprocess.PIPE, stderr=(self.folder / "stderr").open("w"), text=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # which is ignored below nohup
        )  # fmt: skip
        assert run.stdout.readline() == "ready\n", (self.folder / "stderr").read_text()
        return run

    def processes(self) -> list[int]:
        """What is left of an ended run."""
        return awaited(lambda: everyone_with(*self.mark))


@pytest.fixture
def short():
    """A folder for temporary files whose path is short, as that of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="rlab-kill-") as short:
        yield short


@pytest.fixture
def place(tmp_path, children, short):
    return Place(tmp_path, "has_children", short)


@pytest.mark.parametrize(("whom", "number", "code"), [
    ("itself", signal.SIGHUP, 129),
    ("its group", signal.SIGINT, 130),
    ("all of it", signal.SIGTERM, 143),
    ("itself", signal.SIGKILL, -signal.SIGKILL),
    ("its worker", signal.SIGKILL, 1),  # it tells of the notebook that failed
])  # fmt: skip
def test_a_run_that_is_ended_leaves_no_kernel_no_grandchild_and_no_folder(place, children, short, whom, number, code):
    run, until = place.begun(), time.monotonic() + 120
    while not (children.exists() and children.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    told = {"itself": [run.pid], "its group": [-run.pid], "all of it": [*everyone_with(*place.mark), run.pid]}
    told["its worker"] = [psutil.Process(int(children.read_text().split()[0])).ppid()]  # the kernel's
    for process in told[whom]:
        with suppress(ProcessLookupError):  # it followed one that was told before
            os.kill(process, number)

    assert run.wait(timeout=60) == code
    run.stdout.close()
    assert still_there(children, patience=0 if code == 129 else 30) == []
    assert place.processes() == []
    if code > 128:
        # What the next run need not compute again may stay.
        assert {path.name for path in place.out.glob("*/*")} <= {".lock", ".store"}
        assert not list(Path(short).glob("rlab-run-*"))
    said = (place.folder / "stderr").read_text()
    assert said == "" if whom == "its group" else "ended without an answer" in said or whom != "its worker"


def test_ctrl_c_while_a_run_starts_says_nothing_odd(place):
    run = place.begun()
    time.sleep(0.2)
    os.killpg(run.pid, signal.SIGINT)

    assert run.wait(timeout=60) == 130
    run.stdout.close()
    assert (place.folder / "stderr").read_text() == ""
    assert place.processes() == []


def test_of_two_runs_at_once_one_publishes_and_the_other_is_told_to_wait(tmp_path, short, monkeypatch):
    monkeypatch.setenv("COMPUTE_SECONDS", "2")
    place = Place(tmp_path, "good", short)
    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(lambda _: place.begun(), range(2)))
    published = [run.communicate(timeout=300)[0].strip() for run in runs]

    assert sorted(run.returncode for run in runs) == [0, 75]
    assert (place.report / "".join(published) / "manifest.json").exists()
    assert not list(place.report.glob(".work*"))


def content_of(place: Place) -> dict[str, str]:
    """The content of every published run; each is whole, and ``latest`` points to one of them."""
    found = {}
    for run in place.report.glob("[0-9a-f]" * 12):
        assert json.loads((run / "manifest.json").read_text())["status"] == "succeeded"
        assert (run / "index.html").read_text().rstrip().endswith("</html>")
        content = b"".join(file.read_bytes() for file in sorted(run.rglob("*")) if file.is_file())
        found[run.name] = hashlib.sha256(content).hexdigest()
    assert str((place.report / "latest").readlink()) in found
    assert (place.out / "index.html").read_text().rstrip().endswith("</html>")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_a_run_that_is_killed_leaves_what_was_published_whole_and_the_next_run_succeeds(tmp_path, short, number):
    place, moments = Place(tmp_path, "good", short), random.Random(20261122)
    published: dict[str, str] = {}
    killed = inside = tries = 0

    def done() -> float:
        """Seconds that a run takes which is left alone."""
        run, began = place.begun(f"{tries:03} "), time.monotonic()
        out, _ = run.communicate(timeout=300)
        assert run.returncode == 0, (place.folder / "stderr").read_text()
        assert str((place.report / "latest").readlink()) == out.strip()
        found = content_of(place)
        assert published.items() <= found.items()
        published.update(found)
        return time.monotonic() - began

    duration = done()
    while killed < MOMENTS:
        before = set(place.report.glob(".work-*"))  # of runs that were killed
        run = place.begun(f"{tries + 1:03} ")
        # One moment in each of as many equal parts of a run: early, late and in between.
        time.sleep((tries % MOMENTS + moments.random()) / MOMENTS * duration)
        is_inside = bool(set(place.report.glob(".work-*")) - before)
        run.send_signal(number)
        code, tries = run.wait(timeout=60), tries + 1
        with run.stdout:
            if code == -signal.SIGTERM:
                # Python gives its handlers back when it ends; until then ours is there.
                assert run.stdout.read().strip() == str((place.report / "latest").readlink())
                code = 0
        assert code in {0, -signal.SIGKILL, 143}, tries
        killed += code != 0  # else it was over before the moment came
        inside += is_inside and code != 0
        assert not place.processes(), tries
        assert published.items() <= content_of(place).items()
        assert number == signal.SIGKILL or not list(place.report.glob(".work-*")), tries
        duration = done()
    assert inside > MOMENTS / 3
    assert len(published) == tries + 1
