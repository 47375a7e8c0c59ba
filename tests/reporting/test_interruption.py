"""A run that is ended from outside, by a signal or its deadline: nothing runs on, nothing half-made is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.reporting.small_runs import folder_with, small_config, use_small_study

from analysis.data.engine import connect
from analysis.errors import DeadlinePassed
from analysis.reporting import interruption
from analysis.reporting.interruption import Deadline, Interrupted
from analysis.reporting.runner import run_report

ROOT = Path(__file__).parents[2]
SECOND = 1 / 60
LONG_QUERY = "SELECT count(*) FROM range(1000000000000) AS t WHERE hash(t.range) = 1"
RUN = """
import sys
from pathlib import Path
import pytest
from tests.reporting.small_runs import small_config, use_small_study
from analysis.reporting.interruption import Interruption, heed_signals
from analysis.reporting.runner import run_report
if __name__ == "__main__":
    heed_signals()
    use_small_study(pytest.MonkeyPatch())
    print("ready", flush=True)
    try:
        print(run_report(small_config(), out=Path(sys.argv[1]), notebooks=Path(sys.argv[2])).name)
    except Interruption as interruption:
        sys.exit(interruption.exit_code)
"""


@pytest.fixture(autouse=True)
def _nothing_pending():
    yield
    interruption.forget()


@pytest.fixture
def children(tmp_path, monkeypatch):
    """File for the process ids of a kernel and of what it started, near and far."""
    monkeypatch.setenv("CHILDREN", str(tmp_path / "children"))
    return tmp_path / "children"


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def still_there(children: Path, patience: float = 10) -> list[int]:
    ids = [int(word) for word in children.read_text().split()]
    until = time.monotonic() + patience
    while any(map(is_there, ids)) and time.monotonic() < until:
        time.sleep(0.05)
    return [one for one in ids if is_there(one)]


def everyone_with(variable: str) -> list[int]:
    """Processes but this one with a variable in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if variable.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def wait_for(file: Path, patience: float = 60) -> None:
    until = time.monotonic() + patience
    while not (file.exists() and file.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    assert file.exists()


class TestADeadline:
    def test_that_does_not_pass_changes_nothing(self):
        with Deadline(5).held():
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 200
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0

    def test_ends_what_runs(self):
        began = time.monotonic()
        with pytest.raises(DeadlinePassed, match=r"deadline_minutes == 0\.00333"), Deadline(0.2 * SECOND).held():
            time.sleep(60)
        assert time.monotonic() - began < 5
        assert interruption.pending() is None

    def test_ends_a_query_whichever_of_the_database_s_threads_is_at_it(self, tmp_path):
        connection, began = connect(tmp_path), time.monotonic()
        for _ in range(8):
            with pytest.raises(DeadlinePassed), Deadline(0.2 * SECOND).held():
                connection.execute(LONG_QUERY).fetchall()
        assert time.monotonic() - began < 60

    def test_is_raised_again_where_something_swallowed_it_and_runs_on(self, monkeypatch):
        monkeypatch.setattr(interruption, "AGAIN_SECONDS", 0.2)
        swallowed = []

        def runs_on():
            try:
                time.sleep(60)
            except BaseException as error:
                swallowed.append(error)
            time.sleep(60)

        began = time.monotonic()
        with pytest.raises(DeadlinePassed), Deadline(0.2 * SECOND).held():
            runs_on()
        assert len(swallowed) == 1
        assert time.monotonic() - began < 30

    def test_is_not_lost_where_something_swallows_it(self):
        def swallows():
            try:
                time.sleep(60)
            except BaseException:
                return

        with pytest.raises(DeadlinePassed), Deadline(0.2 * SECOND).held():
            swallows()

    def test_waits_for_what_must_be_done_as_a_whole(self):
        done = []

        def publishes():
            with interruption.shielded():
                time.sleep(0.3)
                done.append("whole")
            done.append("more")

        with pytest.raises(DeadlinePassed), Deadline(0.1 * SECOND).held():
            publishes()
        assert done == ["whole"]

    def test_gives_way_to_a_signal(self):
        def is_ended():
            with interruption.shielded():
                time.sleep(0.3)
                interruption._interrupt(Interrupted(signal.SIGTERM))

        with pytest.raises(Interrupted), Deadline(0.1 * SECOND).held():
            is_ended()

    def test_outside_the_main_thread_ends_the_run_at_its_next_sign_of_life(self):
        ends = []

        def run():
            deadline = Deadline(0.1 * SECOND)
            try:
                with deadline.held():
                    time.sleep(0.3)
                    deadline.check()
                    ends.append("went on")
            except DeadlinePassed:
                ends.append("stopped")

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert ends == ["stopped"]


class TestARunThatTakesTooLong:
    def test_is_stopped_with_everything_it_started_and_says_why(self, tmp_path, monkeypatch, children):
        use_small_study(monkeypatch)
        good = run_report(small_config(), out=tmp_path / "out", notebooks=folder_with(tmp_path, "good"))
        notebooks = folder_with(tmp_path, "good", "has_children")
        config = small_config().model_copy(update={"deadline_minutes": 8 * SECOND})

        with pytest.raises(DeadlinePassed) as passed:
            run_report(config, out=tmp_path / "out", notebooks=notebooks)

        assert passed.value.exit_code == 5
        assert still_there(children) == []
        (failed,) = (tmp_path / "out" / "shop" / "failed").iterdir()
        page = (failed / "index.html").read_text()
        assert "longer than the 0.1333 minutes" in page
        assert "It runs." in page
        assert json.loads((failed / "manifest.json").read_text())["exit_code"] == 5
        assert str((good.parent / "latest").readlink()) == good.name
        assert not list(good.parent.glob(".work*"))

    def test_while_it_reads_the_data_says_so_under_an_id_of_its_own(self, tmp_path, monkeypatch):
        use_small_study(monkeypatch, read_input=lambda study: time.sleep(60))
        config = small_config().model_copy(update={"deadline_minutes": 0.5 * SECOND})

        with pytest.raises(DeadlinePassed):
            run_report(config, out=tmp_path / "out", notebooks=folder_with(tmp_path, "good"))

        (failed,) = (tmp_path / "out" / "shop" / "failed").iterdir()
        assert "minutes that it is allowed" in (failed / "index.html").read_text()
        assert failed.name in (tmp_path / "out" / "index.html").read_text()

    def test_has_the_id_of_one_that_may_take_any_time(self, tmp_path, monkeypatch):
        use_small_study(monkeypatch)
        notebooks = folder_with(tmp_path, "good")
        config = small_config().model_copy(update={"deadline_minutes": 7.0})
        assert len({run_report(one, out=tmp_path, notebooks=notebooks) for one in (small_config(), config)}) == 1


class TestARunThatIsEnded:
    @pytest.fixture
    def run(self, tmp_path, children):
        (tmp_path / "run.py").write_text(RUN)
        notebooks = folder_with(tmp_path, "has_children")
        process = subprocess.Popen(
            [sys.executable, tmp_path / "run.py", tmp_path / "out", notebooks],
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
            start_new_session=True,
            stderr=(tmp_path / "stderr").open("w"),
        )
        wait_for(children)
        yield process
        process.kill()
        process.wait()

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
    def test_leaves_no_kernel_no_grandchild_and_no_folder(self, run, tmp_path, children, number, code):
        run.send_signal(number)

        assert run.wait(timeout=30) == code
        assert still_there(children, patience=0) == []
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob("rlab-run-*"))

    def test_with_its_whole_group_says_nothing_odd(self, run, tmp_path, children):
        os.killpg(run.pid, signal.SIGINT)

        assert run.wait(timeout=30) == 130
        assert (tmp_path / "stderr").read_text() == ""
        assert still_there(children) == []

    def test_together_with_all_that_it_started_ends_the_same_way(self, run, tmp_path, children):
        for process in [*everyone_with(f"CHILDREN={children}"), run.pid]:
            with suppress(ProcessLookupError):  # it followed one that was told before
                os.kill(process, signal.SIGTERM)

        assert run.wait(timeout=30) == 143
        assert still_there(children) == []
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("seconds", [0.2, 0.8, 1.4])
    def test_by_ctrl_c_while_it_starts_says_nothing_odd(self, tmp_path, seconds):
        (tmp_path / "run.py").write_text(RUN)
        command = [sys.executable, tmp_path / "run.py", tmp_path / "out", folder_with(tmp_path, "good")]
        run = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=(tmp_path / "stderr").open("w"),
        )
        assert run.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        os.killpg(run.pid, signal.SIGINT)

        assert run.wait(timeout=30) in {130, 0}
        run.stdout.close()
        assert (tmp_path / "stderr").read_text() == ""

    def test_by_a_kill_leaves_no_kernel_and_no_grandchild(self, run, children):
        run.kill()
        run.wait()

        assert still_there(children) == []
