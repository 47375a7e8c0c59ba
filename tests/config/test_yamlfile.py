"""YAML files: what is read, and the keys that stand twice."""

import datetime as dt

import pytest

from analysis.config.yamlfile import read_yaml
from analysis.errors import UsageError


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "shop.yml").write_text(text)
        return read_yaml(tmp_path / "shop.yml")

    return read


def test_a_key_that_stands_twice_is_named_with_both_lines(read):
    _, problems = read("name: a\ndata:\n  decimal: ','\n  sheet: x\n  decimal: .\nname: b\nname: c\n")
    said = [problem.message.split(": ", 1)[1] for problem in problems]
    assert said == [
        "key 'decimal' stands in line 3 and again in line 5; keep one of them",
        "key 'name' stands in line 1 and again in line 6; keep one of them",
        "key 'name' stands in line 1 and again in line 7; keep one of them",
    ]


def test_equal_keys_in_different_places_and_anchors_are_no_repetition(read):
    content, problems = read("a: &here {x: 1}\nb: {x: 2}\nc: *here\nd:\n  <<: *here\n  y: 2\n")
    assert problems == []
    assert content["d"] == {"x": 1, "y": 2}


def test_a_day_that_does_not_exist_stays_text_for_whoever_takes_the_key(read):
    assert read("a: 2024-02-30\nb: 2024-02-29\n")[0] == {"a": "2024-02-30", "b": dt.date(2024, 2, 29)}


@pytest.mark.parametrize("text", ["", "[]", "5", "a: [", "? [a]\n: 5", "a: " + "[" * 5000, "a: \0"])
def test_what_is_no_mapping_is_a_usage_problem(read, text):
    with pytest.raises(UsageError, match=r"shop\.yml"):
        read(text)
