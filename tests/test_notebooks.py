"""The notebooks are thin, parameterised, free of outputs, and run from start to end by hand."""

import ast
import re
from pathlib import Path

import nbformat
import papermill
import pytest

from analysis.config import Config, known_keys, load_config
from analysis.reporting.fragment import fragment_of
from analysis.reporting.parameters import parameter_keys
from analysis.reporting.stamp import SENTINEL

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAMES = [
    *("01-transactions", "02-purchase-model", "03-customer-value", "04-retention-and-profit"),
    *("05-loyalty-strategies", "06-summary"),
]
COMMON = {"config": "str", "as_of": "str", "store": "str", "previous": "str"}
LINE = re.compile(r"^(?P<name>[a-z_]+): (?P<type>str|int|float|bool) = (?P<literal>\S+)  # (?P<help>[^=]+)$")
LONGEST_CELL = 12


@pytest.fixture(params=NAMES)
def book(request):
    return nbformat.read(NOTEBOOKS / f"{request.param}.ipynb", as_version=4)


def code_of(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def test_these_are_all_the_notebooks():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


def test_a_notebook_is_valid_and_has_no_outputs(book):
    nbformat.validate(book)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_of(book))


def test_the_first_code_cell_and_only_that_holds_the_parameters(book):
    tags = [cell.metadata.get("tags", []) for cell in code_of(book)]
    assert tags[0] == ["parameters"]
    assert not any(tags[1:])


def test_every_parameter_has_a_name_a_type_a_literal_and_a_help_text(book):
    for line in code_of(book)[0].source.splitlines():
        assert LINE.match(line), line


def test_every_parameter_is_common_or_a_configuration_key_of_that_type(book):
    for line in code_of(book)[0].source.splitlines():
        name, kind = LINE.match(line).group("name", "type")
        if name in COMMON:
            assert kind == COMMON[name]
            continue
        section = Config
        *path, leaf = parameter_keys()[name].split(".")
        for part in path:
            section = section.model_fields[part].annotation
        allowed = str(section.model_fields[leaf].annotation)
        assert kind in allowed or (kind == "str" and "Literal" in allowed), (name, allowed)


def test_the_notebook_on_the_claim_takes_every_key_of_its_reading_and_its_money():
    (book,) = [nbformat.read(path, as_version=4) for path in NOTEBOOKS.glob("04-*.ipynb")]
    given = {LINE.match(line).group("name") for line in code_of(book)[0].source.splitlines()}
    keys = (key.partition(".") for key in known_keys())
    asked = {leaf for section, _, leaf in keys if section in ("retention", "economics") and leaf}
    assert asked - {"currency"} <= given


def test_cells_are_short_and_define_nothing(book):
    for cell in code_of(book)[1:]:
        assert len(cell.source.splitlines()) <= LONGEST_CELL
        defining = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, defining)]


def test_a_notebook_imports_nothing_but_the_package(book):
    for cell in code_of(book):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom):
                assert node.module.startswith("analysis")
            assert not isinstance(node, ast.Import)


def test_every_configuration_that_comes_along_is_valid():
    names = {path.stem: load_config(path).name for path in (NOTEBOOKS / "parameters").glob("*.yml")}
    assert names == {name: name for name in ("cdnow", "cdnow-full", "complete-journey", "simulated", "quick")}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_by_hand_to_its_last_cell(name, store, tmp_path):
    executed = papermill.execute_notebook(
        NOTEBOOKS / f"{name}.ipynb",
        tmp_path / f"{name}.ipynb",
        parameters={"config": "parameters/quick.yml", "store": str(store)},
        kernel_name="python3",
        cwd=NOTEBOOKS,
        progress_bar=False,
    )
    sentinel = executed.cells[-1].outputs[0].data[SENTINEL]
    assert sentinel["notebook"] == name
    assert sentinel["stamp"]["name"] == "quick"
    fragment = fragment_of(executed)
    assert fragment.count("<h2") == 1
    assert str(store) not in fragment
    assert not [output for cell in executed.cells[1:] for output in cell.get("outputs", []) if "text" in output]
