"""YAML files: what is read, and the keys that stand twice."""

import datetime as dt
import os
import re
import time
from pathlib import Path

import pytest

from analysis.config import load_config
from analysis.config.loading import read_yaml
from analysis.errors import InputRefused, UsageError


@pytest.fixture
def read(written):
    return lambda text: read_yaml(written(text))


def test_a_key_that_stands_twice_is_named_with_both_lines(read):
    _, problems = read("name: a\ndata:\n  decimal: ','\n  sheet: x\n  decimal: .\nname: b\nname: c\n")
    assert [problem.message.split(": ", 1)[1].split(";")[0] for problem in problems] == [
        "key 'decimal' stands in line 3 and again in line 5",
        "key 'name' stands in line 1 and again in line 6",
        "key 'name' stands in line 1 and again in line 7",
    ]


def test_equal_keys_in_different_places_and_anchors_are_no_repetition(read):
    content, problems = read("a: &here {x: 1}\nb: {x: 2}\nc: *here\nd:\n  <<: *here\n  y: 2\n")
    assert problems == []
    assert content["d"] == {"x": 1, "y": 2}


def test_a_day_that_does_not_exist_stays_text_for_whoever_takes_the_key(read):
    assert read("a: 2024-02-30\nb: 2024-02-29\n")[0] == {"a": "2024-02-30", "b": dt.date(2024, 2, 29)}


@pytest.mark.parametrize("text", ["", "5", "a: [", "? [a]\n: 5", "a: \0"])
def test_what_is_no_mapping_is_a_usage_problem(read, text):
    with pytest.raises(UsageError, match=r"shop\.yml"):
        read(text)


NINE = ", ".join(["*a{0}"] * 9)
BOMBS = {
    "aliases": "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{NINE.format(i - 1)}]\n" for i in range(1, 12)),
    "merges": "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{NINE.format(i - 1)}]}}\n" for i in range(1, 12)),
    "itself": "a: &a [*a, *a]\n", "nested": "a: " + "[" * 100_000, "long": "a: [" + "1, " * 50_000 + "1]\n",
    "large": f"a: {'x' * 300_000}\n", "surrogate": 'a: "\\ud800"\n', "digits": f"a: {'9' * 5_000}\n",
    "sixties": f"a: {':20' * 50_000}\n".replace(" :", " 1:"), "hexadecimal": f"a: 0x{'f' * 5_000}\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_that_would_take_for_ever_is_refused_at_once(written, kind):
    began = time.process_time()
    with pytest.raises(InputRefused, match=r"shop\.yml: cannot be read \(") as refused:
        load_config(written(BOMBS[kind]))
    assert refused.value.exit_code == 2
    assert len(str(refused.value)) < 1_000
    assert time.process_time() - began < 10


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yml")
    for path in (tmp_path / "pipe.yml", Path("/dev/zero"), tmp_path):
        with pytest.raises(UsageError, match="it is no regular file"):
            load_config(path)


def test_a_name_that_is_not_utf_8_is_refused_in_a_sentence_that_can_be_printed(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/sh\xffp/shop.yml"))
    path.parent.mkdir()
    path.write_text("data: {transactions: {sample: cdnow}}\n")
    with pytest.raises(UsageError, match="its name, or that of its folder, is not UTF-8; rename it") as refused:
        load_config(path)
    assert str(refused.value).encode()


def test_contracts_without_orders_are_told_what_to_do(refused):
    said = str(refused("contracts: {file: c.csv, columns: {customer: c, tenure: t, churned: x}}\n"))
    assert re.search(r"'data' is missing; every report rests on orders .* data\.transactions", said)
