"""The layout, the two lists of dependencies, and the direction in which layers may import."""

import re
import tomllib
from pathlib import Path

import yaml
from tests.conftest import imports_of

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "ibis-framework": "ibis-duckdb",
    "jupyter-client": "jupyter_client",
    "matplotlib": "matplotlib-base",
}
ABOVE = "interval | words | errors | time processes plotting tables arguments | config | data | models | value"
LAYERS = [each.split() for each in f"{ABOVE} | claims strategies | pipeline | report | cli".split("|")]


def _name_and_bound(requirement):
    return re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?(.*)", requirement).groups()


def test_conda_users_get_the_bounds_of_pyproject():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    plain = dict(_name_and_bound(each) for each in conda if isinstance(each, str) and each != "pip")
    assert plain.pop("python") == PROJECT["requires-python"]
    required = dict(_name_and_bound(each) for each in PROJECT["dependencies"])
    assert plain == {CONDA_NAMES.get(name, name): bound for name, bound in required.items()}


def test_every_dependency_is_pinned_without_an_index_address_and_has_its_reason_in_contributing():
    lock = "".join((ROOT / name).read_text() for name in ("requirements.lock", "requirements-spark.lock"))
    assert "://" not in lock
    assert "index" not in lock
    pinned = {re.split(r"==", line)[0].lower() for line in lock.splitlines() if line}
    told = (ROOT / "CONTRIBUTING.md").read_text().lower()
    extras = PROJECT["optional-dependencies"].values()
    for requirement in [*PROJECT["dependencies"], *(each for extra in extras for each in extra)]:
        name = re.split(r"[\[<>=]", requirement)[0].lower()
        assert name in pinned, name
        assert f"`{name}`" in told, name


def _place(layer):
    return next(place for place, layers in enumerate(LAYERS) if layer in layers)


def test_a_layer_imports_only_from_layers_below_it():
    for path in (ROOT / "src/analysis").rglob("*.py"):
        layer = path.relative_to(ROOT / "src/analysis").parts[0].removesuffix(".py")
        for module, name in imports_of(path):
            package, imported, *_ = *module.split("."), name
            if package == "analysis" and imported not in (None, "__version__"):
                assert imported == layer or _place(imported) < _place(layer), f"{path}: must not import {imported}"
