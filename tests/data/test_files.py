"""Names and globs of files: what they stand for, and what is said where they stand for nothing."""

import os
from pathlib import Path

import pytest

from analysis.data.files import files_and_problems, files_matching, problems_in_content
from analysis.errors import USAGE, InputRefused


@pytest.mark.parametrize("folder", ["a[b]c", "[ab]", "d*", "{x}"])
def test_a_glob_is_followed_below_a_folder_whose_name_looks_like_a_pattern(tmp_path, folder):
    (tmp_path / folder).mkdir()
    for name in ("o1.csv", "o2.csv", "p.csv"):
        (tmp_path / folder / name).touch()
    assert [path.name for path in files_matching("o*.csv", tmp_path / folder)] == ["o1.csv", "o2.csv"]


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "o.csv").touch()
    assert files_matching("~/o.csv", Path("/elsewhere")) == [tmp_path / "o.csv"]
    assert files_matching("~/*.csv", Path("/elsewhere")) == [tmp_path / "o.csv"]
    assert files_matching("~nobody-of-that-name/o.csv", tmp_path) == []


@pytest.mark.parametrize("name", ["a" * 5000 + ".csv", "a" * 300 + "*.csv", "a\0.csv", "a/" * 3000 + "o.csv"])
def test_a_name_that_no_file_can_have_is_a_usage_problem(tmp_path, name):
    _, (problem,) = files_and_problems([name], tmp_path)
    assert problem.exit_code == USAGE
    assert len(problem.message) < 400 + len(str(tmp_path))


def test_a_name_that_is_not_utf_8_is_told_in_a_sentence_that_can_be_printed(tmp_path):
    (tmp_path / "good.csv").touch()
    (tmp_path / os.fsdecode(b"sh\xffp.csv")).touch()
    found, (problem,) = files_and_problems(["*.csv"], tmp_path)
    assert [path.name for path in found] == ["good.csv"]
    assert problem.message.endswith("sh\\udcffp.csv is no UTF-8; rename it")
    assert problem.message.encode()


def test_a_file_that_cannot_be_opened_says_why_and_is_no_broken_archive(tmp_path, monkeypatch):
    (tmp_path / "a.csv").touch()

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refused)
    (problem,) = problems_in_content(tmp_path / "a.csv")
    assert "cannot be read: permission denied" in problem.message
    assert problem.exit_code == USAGE


@pytest.mark.parametrize(("name", "text"), [("a.jsonl", '{"a": 1}\n{"a": 2}\n'), ("a.csv", '[{"a": 1}]')])
def test_json_is_told_how_it_becomes_a_table(load_file, name, text):
    with pytest.raises(InputRefused, match=r"pandas\.read_json.*to_csv"):
        load_file(name, text)
