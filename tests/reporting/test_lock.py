"""One run of a report at a time, and no lock that outlives its process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from analysis.errors import ReportLocked
from analysis.reporting.lock import HOLDER, LOCK, report_lock

HOLD = """
import sys, time
from pathlib import Path
from analysis.reporting.lock import report_lock
with report_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "shop"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_refused_at_once_and_told_who_holds_the_lock(holder, tmp_path):
    began = time.monotonic()
    told = f"report shop: another run .process {holder.pid} on .*, since "
    with pytest.raises(ReportLocked, match=told) as locked, report_lock(tmp_path / "shop"):
        pass

    assert locked.value.exit_code == 75
    assert str(tmp_path / "shop" / LOCK) in str(locked.value)
    assert time.monotonic() - began < 1


def test_another_report_is_not_in_the_way(holder, tmp_path):
    with report_lock(tmp_path / "other"):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_does_not_block(holder, tmp_path, number):
    holder.send_signal(number)
    holder.wait()

    with report_lock(tmp_path / "shop"):
        assert f"process {holder.pid} " not in (tmp_path / "shop" / HOLDER).read_text()


def test_a_lock_file_with_any_content_does_not_block(tmp_path):
    (tmp_path / LOCK).write_text("12345")
    (tmp_path / HOLDER).write_bytes(b"\xff\x1b[31m")

    with report_lock(tmp_path), pytest.raises(ReportLocked), report_lock(tmp_path):
        pass


def test_nothing_is_left_where_nothing_else_was_made(tmp_path):
    with report_lock(tmp_path / "shop"):
        pass
    assert list((tmp_path / "shop").iterdir()) == []


def test_the_file_stays_beside_what_a_run_made(tmp_path):
    with report_lock(tmp_path):
        (tmp_path / "latest").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"latest", LOCK}
