"""Folders: what is published stays, links move at once, leftovers go; one run at a time, and no lock outlives it."""

import json
import os
import subprocess
import sys
import time

import pytest

from analysis.errors import ReportLocked, UsageError
from analysis.report import folders
from analysis.report.folders import HOLDER, LOCK, report_lock

LONG_AGO = time.time() - 3600


def finished(folder, name="run", **manifest):
    run = folder / name
    run.mkdir(parents=True)
    (run / folders.MANIFEST).write_text(json.dumps(manifest))
    return run


LOOK = """
import sys
from pathlib import Path
link, looks = Path(sys.argv[1]) / "latest", 0
print("ready", flush=True)
while not (link.parent / "stop").exists():
    assert (link / "manifest.json").read_text() == "{}", looks
    looks += 1
print(looks)
"""


def test_who_looks_at_latest_while_runs_are_published_finds_it_whole_each_time(tmp_path):
    for number in range(200):
        finished(tmp_path, f"{number:012x}")
    folders.set_latest(tmp_path, f"{0:012x}")
    looker = subprocess.Popen([sys.executable, "-c", LOOK, tmp_path], stdout=subprocess.PIPE, text=True)
    assert looker.stdout.readline() == "ready\n"
    for number in range(200):
        folders.set_latest(tmp_path, f"{number:012x}")
        time.sleep(0.002)
    (tmp_path / "stop").touch()
    looks, _ = looker.communicate(timeout=60)
    assert looker.returncode == 0
    assert int(looks) > 1000


def test_a_latest_that_points_to_no_run_counts_as_none(tmp_path):
    for target in ("../elsewhere", "0123456789ab", "failed"):
        (tmp_path / "latest").unlink(missing_ok=True)
        (tmp_path / "latest").symlink_to(target)
        assert folders.latest_run(tmp_path) is None


def left(folder, name):
    """What a process left long ago."""
    (made := folder / name).mkdir()
    (made / folders.ALIVE).touch()
    os.utime(made, (LONG_AGO, LONG_AGO))
    return made


def test_leftovers_of_a_killed_run_go_and_those_of_a_living_one_stay(tmp_path):
    killed = left(tmp_path, ".work-killed")
    with folders.work_folder(tmp_path) as living:
        os.utime(living, (LONG_AGO, LONG_AGO))
        with folders.work_folder(tmp_path):
            assert living.exists()
            assert not killed.exists()


def test_scratch_of_a_killed_process_goes_at_the_next_start_and_nothing_else(tmp_path, monkeypatch):
    killed, precious = left(tmp_path, f"{folders.SCRATCH_PREFIX}killed"), left(tmp_path, "precious")
    link = tmp_path / f"{folders.SCRATCH_PREFIX}link"
    link.symlink_to(precious)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: killed.stat().st_uid + 1)
        with folders.scratch_folder(tmp_path):
            assert killed.exists()  # another user's
    with folders.scratch_folder(tmp_path) as living:
        os.utime(living, (LONG_AGO, LONG_AGO))
        with folders.scratch_folder(tmp_path):
            assert living.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"precious", link.name}


def test_a_place_where_nothing_can_be_written_is_a_usage_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="nothing can be written there"):
        folders.refuse_unwritable(tmp_path / "out" / "shop")
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys, time
from pathlib import Path
from analysis.report.folders import report_lock
with report_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


class TestTheLock:
    @pytest.fixture
    def holder(self, tmp_path):
        process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "shop"], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()
        process.wait()
        process.stdout.close()

    def test_refuses_a_second_run_at_once_and_tells_who_holds_it(self, holder, tmp_path):
        began = time.monotonic()
        told = f"report shop: another run .process {holder.pid} on .*, since "
        with pytest.raises(ReportLocked, match=told) as locked, report_lock(tmp_path / "shop"):
            pass
        assert locked.value.exit_code == 75
        assert str(tmp_path / "shop" / LOCK) in str(locked.value)
        assert time.monotonic() - began < 2
        with report_lock(tmp_path / "other"):  # another report is not in the way
            pass

    def test_of_a_dead_process_does_not_block(self, holder, tmp_path):
        holder.kill()
        holder.wait()
        with report_lock(tmp_path / "shop"):
            assert f"process {holder.pid} " not in (tmp_path / "shop" / HOLDER).read_text()

    def test_does_not_write_through_a_link_that_somebody_left(self, tmp_path):
        (tmp_path / "shop").mkdir()
        (tmp_path / "victim").write_text("mine")
        (tmp_path / "shop" / HOLDER).symlink_to(tmp_path / "victim")
        with report_lock(tmp_path / "shop"):
            assert (tmp_path / "victim").read_text() == "mine"

    def test_refuses_a_latest_that_is_a_folder_before_anything_is_computed(self, tmp_path):
        (tmp_path / "latest").mkdir()
        with pytest.raises(UsageError, match="latest is no link, as after a copy"), report_lock(tmp_path):
            pass

    def test_leaves_nothing_where_nothing_else_was_made(self, tmp_path):
        with report_lock(tmp_path / "shop"):
            pass
        assert list((tmp_path / "shop").iterdir()) == []
        with report_lock(tmp_path / "shop"):
            (tmp_path / "shop" / "latest").touch()
        assert {path.name for path in (tmp_path / "shop").iterdir()} == {"latest", LOCK}
