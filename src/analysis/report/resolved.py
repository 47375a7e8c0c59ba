"""The configuration of a run with its defaults filled in, as its folder holds it."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import yaml

from analysis.config import Config
from analysis.data.files import files_matching, located
from analysis.report.stamp import section_in


def write_resolved(config: Config, path: Path, *, for_folder: Path | None = None) -> None:
    """The configuration with its defaults filled in, and its paths absolute, so that it can lie anywhere.

    With ``for_folder`` they are relative to that folder, in which it will lie, and tell nobody how the rest of the disk
    is laid out.
    """
    base = config.folder.resolve()

    def placed(name: str) -> str:
        return _absolute(base, name) if for_folder is None else _relative(base, name, for_folder)

    content = config.model_dump(mode="json", exclude_none=True)
    source = config.data.transactions
    if isinstance(source, str):
        content["data"]["transactions"] = placed(source)
    elif isinstance(source, list):
        content["data"]["transactions"] = [placed(one) for one in source]
    for key, section in config.further_tables.items():
        section_in(content, key)["file"] = placed(section.file)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _absolute(base: Path, name: str) -> str:
    return str(located(name, Path(glob.escape(str(base))) if _is_pattern(name, base) else base))


def _relative(base: Path, name: str, seen_from: Path) -> str:
    place = located(name, Path())
    if place.is_absolute():
        return os.path.relpath(place, seen_from.resolve())
    steps = os.path.relpath(base, seen_from.resolve())
    return str(Path(glob.escape(steps) if _is_pattern(name, base) else steps) / place)


def _is_pattern(name: str, base: Path) -> bool:
    """Whether a name stands for several files; one that is there is meant as it stands, whatever brackets it has."""
    return glob.has_magic(name) and located(name, base) not in files_matching(name, base)
