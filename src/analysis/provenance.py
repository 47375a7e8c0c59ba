"""What a result depends on besides its input: our own source, the packages below it, the interpreter."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

DISTRIBUTION = "retention-lab"
PACKAGE = Path(__file__).resolve().parent
REQUIRED_NAME = re.compile(r"[A-Za-z0-9._-]+")


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
    """SHA-256 over the source of this package (the notebooks that a wheel carries are hashed apart)."""
    return files_hash((file for file in PACKAGE.rglob("*") if _is_source(file)), PACKAGE)


def _is_source(file: Path) -> bool:
    return file.is_file() and not {"notebooks", "__pycache__"} & set(file.relative_to(PACKAGE).parts)


@cache
def package_version() -> str:
    """Version of the installed distribution."""
    return metadata.version(DISTRIBUTION)


@cache
def _closure() -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    waiting = [DISTRIBUTION]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = distribution.version
        waiting += _required_names(distribution)
    return tuple(sorted(found.items()))


def _required_names(distribution: metadata.Distribution) -> list[str]:
    # Markers need no evaluation: what another platform would need is not installed, hence not found.
    plain = (text for text in distribution.requires or [] if "extra ==" not in text)
    return [match.group().lower() for text in plain if (match := REQUIRED_NAME.match(text))]


def dependency_versions() -> dict[str, str]:
    """Version of every package that this one needs, also indirectly, and of the interpreter.

    >>> sorted({"pandas", "python", "lifetimes"} & set(dependency_versions()))
    ['lifetimes', 'pandas', 'python']
    """
    return {"python": platform.python_version(), **dict(_closure())}


def main_versions() -> dict[str, str]:
    """The versions that a reader of a report may want to know: those that make its numbers."""
    named = (DISTRIBUTION, "lifetimes", "numpy", "pandas", "scipy", "duckdb", "statsmodels")
    known = dependency_versions()
    return {name: known[name] for name in ("python", *named) if name in known}
