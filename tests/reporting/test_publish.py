"""Folders: what is published stays, links move at once, leftovers go."""

from __future__ import annotations

import errno
import json
import os
import time

import pytest

from analysis.errors import UsageError
from analysis.reporting import publish


def finished(folder, name="run", **manifest):
    run = folder / name
    run.mkdir(parents=True)
    (run / publish.MANIFEST).write_text(json.dumps(manifest))
    return run


def test_a_published_folder_is_never_replaced(tmp_path):
    assert publish.publish(finished(tmp_path, "one", number=1), tmp_path, "0123456789ab")
    assert not publish.publish(finished(tmp_path, "two", number=2), tmp_path, "0123456789ab")
    assert json.loads((tmp_path / "0123456789ab" / publish.MANIFEST).read_text()) == {"number": 1}


def test_a_forced_run_gets_the_next_free_number(tmp_path):
    assert publish.free_run_id(tmp_path, "0123456789ab") == "0123456789ab"
    for name in ("0123456789ab", "0123456789ab-2"):
        finished(tmp_path, name)
    assert publish.free_run_id(tmp_path, "0123456789ab") == "0123456789ab-3"


def test_latest_is_a_relative_link_that_moves(tmp_path):
    for name in ("0123456789ab", "ba9876543210"):
        finished(tmp_path, name)
        publish.set_latest(tmp_path, name)
        assert str((tmp_path / "latest").readlink()) == name
        assert publish.latest_run(tmp_path) == name
    assert {path.name for path in tmp_path.iterdir()} == {"0123456789ab", "ba9876543210", "latest"}


@pytest.mark.parametrize("target", ["../elsewhere", "0123456789ab", "failed"])
def test_a_latest_that_points_to_no_run_counts_as_none(tmp_path, target):
    (tmp_path / "latest").symlink_to(target)
    assert publish.latest_run(tmp_path) is None


def test_a_working_folder_is_gone_afterwards_with_the_folders_made_for_it(tmp_path):
    def interrupted():
        with publish.work_folder(tmp_path / "out" / "shop") as work:
            (work / "file").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_run_go_and_those_of_a_living_one_stay(tmp_path):
    killed = tmp_path / ".work-killed"
    killed.mkdir()
    long_ago = time.time() - 3600
    with publish.work_folder(tmp_path) as living:
        for folder in (killed, living):
            os.utime(folder, (long_ago, long_ago))
        with publish.work_folder(tmp_path):
            assert living.exists()
            assert not killed.exists()


def test_scratch_of_a_killed_process_goes_at_the_next_start_and_nothing_else(tmp_path):
    def scratch(name, *, has_lock=True):
        folder = tmp_path / f"{publish.SCRATCH_PREFIX}{name}"
        folder.mkdir()
        (folder / "0").mkdir()
        if has_lock:
            (folder / publish.ALIVE).touch()
        os.utime(folder, (time.time() - 3600,) * 2)
        return folder

    killed, precious = scratch("killed"), tmp_path / "precious"
    precious.mkdir()
    (precious / publish.ALIVE).touch()
    (tmp_path / "rlab-other").mkdir()
    link = tmp_path / f"{publish.SCRATCH_PREFIX}link"
    link.symlink_to(precious)
    os.utime(precious, (time.time() - 3600,) * 2)
    with publish.scratch_folder(tmp_path) as living:
        os.utime(living, (time.time() - 3600,) * 2)
        with publish.scratch_folder(tmp_path):
            assert living.exists()
    assert not killed.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"precious", "rlab-other", link.name}


def test_scratch_of_another_user_stays(tmp_path, monkeypatch):
    folder = tmp_path / f"{publish.SCRATCH_PREFIX}theirs"
    folder.mkdir()
    os.utime(folder, (time.time() - 3600,) * 2)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with publish.scratch_folder(tmp_path):
        assert folder.exists()


@pytest.mark.parametrize("below", ["file", "file/sub/shop", "n" * 300, "link"])
def test_a_place_where_no_folder_can_be_is_a_usage_problem(tmp_path, below):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UsageError, match="output folder") as refused, publish.work_folder(tmp_path / below):
        pass
    assert len(str(refused.value)) < 400
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}


def test_a_place_where_nothing_can_be_written_is_a_usage_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="nothing can be written there"):
        publish.refuse_unwritable(tmp_path / "out" / "shop")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_usage_problem_and_leaves_no_folders(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publish.tempfile, "mkdtemp", full)
    with pytest.raises(OSError, match="No space left"), publish.work_folder(tmp_path / "out" / "shop"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_run_gives_way(tmp_path):
    for number in (1, 2):
        folder = publish.keep_failed(finished(tmp_path, "work", number=number), tmp_path, "0123456789ab")
    assert json.loads((folder / publish.MANIFEST).read_text()) == {"number": 2}
    assert [path.name for path in (tmp_path / "failed").iterdir()] == ["0123456789ab"]
