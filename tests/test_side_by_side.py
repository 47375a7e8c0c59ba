"""Steps side by side: every step once and after those it is made from, whatever becomes of the hands."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.test_study import small_config

from analysis.config import load_config
from analysis.errors import RetentionLabError
from analysis.reporting.artefacts import write_json
from analysis.reporting.results_json import results
from analysis.store import Store
from analysis.study import STEPS, Study
from analysis.study import side_by_side as module
from analysis.study.side_by_side import READY, due, in_line, side_by_side

QUICK = Path(__file__).parents[1] / "notebooks" / "parameters" / "quick.yml"


class Asking:
    """The study of the asking process: notes what it computed itself."""

    def __init__(self):
        self.kept, self.own, self.seconds, self.incidents = set(), [], {}, []

    def result(self, name):
        if name not in self.kept:
            assert set(STEPS[name].made_from) <= self.kept, name
            self.own.append(name)
            self.kept.add(name)


class FakeHand(module._Hand):
    """A hand without a process, which does what it was given as soon as it is asked."""

    dies_at = None
    is_slow = False

    def __init__(self, study):
        self.study, self.connection, self.process = study, self, SimpleNamespace(pid=None, exitcode=-9)
        self.is_ready, self.step, self.given, self.says = False, "", [], [READY]

    def give(self, step):
        self.is_ready, self.step = False, step
        self.given.append(step)
        self.says.append(step)

    def heard(self, study):
        name = self.says.pop(0)
        if name == self.dies_at:
            raise EOFError
        self.is_ready, self.step = True, ""
        if name != READY:
            assert set(STEPS[name].made_from) <= study.kept
            study.kept.add(name)
        return name or None


@pytest.fixture
def hands(monkeypatch):
    made = []

    class Hand(FakeHand):
        def __init__(self, study):
            super().__init__(study)
            made.append(self)

    monkeypatch.setattr(module, "_Hand", Hand)
    monkeypatch.setattr(
        module, "wait", lambda there, timeout: [hand for hand in there if hand.says and not hand.is_slow]
    )
    return Hand, made


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_step_is_done_once_and_after_those_it_is_made_from(hands, processes):
    study = Asking()
    told = list(side_by_side(study, processes))
    assert sorted(told) == sorted(STEPS)
    for name, step in STEPS.items():
        assert all(told.index(earlier) < told.index(name) for earlier in step.made_from)
    assert sorted(study.own + [name for hand in hands[1] for name in hand.given]) == sorted(STEPS)


def test_what_a_hand_left_when_it_died_is_computed_by_the_process_that_asked(hands):
    hands[0].dies_at = "lift"
    study = Asking()
    assert sorted(side_by_side(study, 1)) == sorted(STEPS)
    assert {"lift", "claims"} <= set(study.own)
    (told,) = study.incidents
    assert told == "the process that computed 'lift' ended with exit code -9; its work is done by others"


def test_until_a_hand_is_ready_the_process_that_asked_does_the_work(hands):
    hands[0].is_slow = True
    study = Asking()
    assert sorted(side_by_side(study, 2)) == sorted(STEPS)
    assert sorted(study.own) == sorted(STEPS)


def test_the_step_with_the_longest_line_after_it_comes_first():
    assert in_line("transactions") == max(in_line(name) for name in STEPS)
    assert due({"transactions"}, ["purchase"])[0] != "purchase"
    ready = due({"transactions", "purchase", "spend", "loyalty_tables", "loyalty", "growth", "retention"}, [])
    assert [in_line(name) for name in ready] == sorted((in_line(name) for name in ready), reverse=True)


def test_a_refusal_is_raised_and_no_process_is_left(tmp_path):
    (tmp_path / "orders.csv").write_text(
        "c,d\n" + "".join(f"c{number},2024-01-0{1 + number % 9}\n" for number in range(30))
    )
    Store(tmp_path / "store").make(for_one_run=True)
    study = Study(small_config(tmp_path), store=tmp_path / "store")
    with pytest.raises(RetentionLabError, match="repeat"):
        list(study.compute(processes=2))
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_the_results_are_those_of_one_process(tmp_path):
    found = []
    for processes in (1, 2):
        store = tmp_path / str(processes)
        Store(store).make(for_one_run=True)
        study = Study(load_config(QUICK), store=store)
        assert sorted(study.compute(processes)) == sorted(STEPS)
        write_json(results(study), tmp_path / f"{processes}.json")
        found.append((tmp_path / f"{processes}.json").read_bytes())
    assert found[0] == found[1]
