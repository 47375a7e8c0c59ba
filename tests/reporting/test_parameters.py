"""Names and types of notebooks' parameters are settled before anything runs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from tests.reporting.small_runs import small_config

from analysis.config import Config
from analysis.errors import UsageError
from analysis.reporting.notebook import dotted_key
from analysis.reporting.parameters import (
    COMMON,
    PREVIOUS,
    TYPES,
    declared_parameters,
    parameter_keys,
    problems_in_parameters,
)
from analysis.reporting.runner import run_report

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def notebook(tmp_path):
    def notebook(*lines: str) -> Path:
        cells = [nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": ["parameters"]})]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
        return tmp_path / "one.ipynb"

    return notebook


def field_of(dotted: str):
    *path, leaf = dotted.split(".")
    section = Config
    for part in path:
        section = section.model_fields[part].annotation
    return section.model_fields[leaf]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_of_every_notebook_agree_with_the_configuration_by_name_and_type(path):
    declared = declared_parameters(path)
    assert set(COMMON) <= set(declared)
    assert problems_in_parameters(path, dict.fromkeys(declared)) == []
    for name in set(declared) - {*COMMON, PREVIOUS}:
        allowed = str(field_of(parameter_keys()[name]).annotation)
        assert declared[name] in allowed or (declared[name] == "str" and "Literal" in allowed), name


def test_every_line_of_a_parameters_cell_is_understood():
    for path in NOTEBOOKS:
        cell = next(c for c in nbformat.read(path, 4).cells if "parameters" in c.metadata.get("tags", []))
        assert len(declared_parameters(path)) == len(cell.source.splitlines()), path.stem


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"gros_margin": 0.4}, "there is no parameter 'gros_margin'; did you mean 'gross_margin'?"),
        ({"gross_margin": "ninety"}, "gross_margin == 'ninety', must be float"),
        ({"gross_margin": True}, "gross_margin == True, must be float"),
        ({"seed": 1.5}, "seed == 1.5, must be int"),
    ],
)
def test_an_unknown_name_and_a_wrong_type_are_told(notebook, given, word):
    path = notebook("gross_margin: float = 0.3  # share [0 to 1]", "seed: int = 1")
    assert problems_in_parameters(path, {"gross_margin": 1, "seed": None}) == []
    assert problems_in_parameters(path, given) == [f"notebook one.ipynb: {word}"]


def test_a_parameter_that_is_no_key_is_told_with_the_nearest(notebook):
    (problem,) = problems_in_parameters(notebook("horizon_year: float = 3.0"), {})
    assert "'horizon_year' is no configuration key; did you mean 'horizon_years'?" in problem


def test_a_run_starts_no_kernel_for_a_notebook_that_does_not_take_what_it_is_given(notebook, tmp_path):
    path = notebook('config: str = ""', "as_off: str = None", "store: str = None")
    with pytest.raises(UsageError, match="no parameter 'as_of'; did you mean 'as_off'"):
        run_report(small_config(), out=tmp_path / "out", notebooks=path.parent)
    assert not (tmp_path / "out").exists()


def test_a_value_by_hand_under_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UsageError, match=r"'gros_margin': there is no configuration key.*'gross_margin'"):
        dotted_key("gros_margin")


def test_every_type_is_one_that_papermill_can_hand_over():
    assert set(TYPES) == {"str", "int", "float", "bool"}
