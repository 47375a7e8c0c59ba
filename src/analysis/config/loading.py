"""From a YAML file to a configuration, checked as a whole."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analysis.config.complaints import keys_of, problems_in_validation
from analysis.config.config import Config, known_keys, share_names
from analysis.config.yamlfile import read_yaml
from analysis.errors import USAGE, InputRefused, Problem

# Without these nothing can be said of the data; see ``ConfigurationRefused``.
READING_KEYS = {
    *("transactions", "columns", "part", "date_format", "timezone", "decimal", "delimiter", "encoding", "sheet"),
}
LEFT_OUT_OR_FILLED = ("contracts", "batch")


class ConfigurationRefused(InputRefused):
    """Raised when a configuration has problems.

    Attributes
    ----------
    readable
        What is left without the refused keys, so that the problems of the data can be told as well; None where
        the refused keys say which data are meant or how to read them.
    """

    def __init__(self, problems: Iterable[Problem], readable: Config | None):
        super().__init__(problems)
        self.readable = readable


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration in a YAML file, checked as a whole.

    Parameters
    ----------
    path
        A YAML file. Paths inside it resolve against its own folder.
    overrides
        Values that beat the file's, by dotted key, such as ``{"economics.gross_margin": 0.4}``.
        A value of None leaves the file's value.

    Raises
    ------
    UsageError
        Where the file cannot be read.
    ConfigurationRefused
        With every problem found: keys given twice, unknown keys (with the nearest known), values out of range.
    """
    content, problems = read_yaml(path)
    return config_from_mapping(content, path=path, overrides=overrides, problems=problems)


def config_from_mapping(
    content: Mapping[str, Any],
    *,
    path: Path,
    overrides: Mapping[str, Any] | None = None,
    problems: Iterable[Problem] = (),
) -> Config:
    """As ``load_config``, from the mapping that the file at ``path`` holds (or would hold).

    ``problems`` are those already known; they come first.
    """
    given = set(content)
    content = _with_overrides(content, overrides or {})
    content.setdefault("name", _name_from(path))
    content["folder"] = path.resolve().parent
    problems = list(problems)
    if "folder" in given:
        problems.append(Problem("unknown configuration key 'folder'", USAGE))
    empty = [section for section in LEFT_OUT_OR_FILLED if section in content and content[section] is None]
    problems += [Problem(f"{section} is empty; name its keys, or leave it out", USAGE) for section in empty]
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        readable = _without_refused_keys(content, error)
        problems += problems_in_validation(error, list(known_keys()), set(share_names()))
        raise ConfigurationRefused(problems, readable) from None
    if problems:
        raise ConfigurationRefused(problems, config)
    return config


def _without_refused_keys(content: Mapping[str, Any], error: ValidationError) -> Config | None:
    rest = copy.deepcopy(content)
    for detail in error.errors():
        keys = keys_of(detail["loc"])
        is_unknown = detail["type"] == "extra_forbidden"
        if not keys:
            return None  # several sections contradict each other
        if keys[0] == "data" and not is_unknown and (len(keys) == 1 or keys[1] in READING_KEYS):
            return None
        target = rest
        with suppress(KeyError, TypeError, IndexError):
            for key in keys[:-1]:
                target = target[key]
            del target[keys[-1]]
    with suppress(ValidationError):
        return Config.model_validate({"name": "report", **rest})
    return None


def _name_from(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-") or "report"


def _with_overrides(content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    for dotted, value in overrides.items():
        if value is None:
            continue
        *sections, key = dotted.split(".")
        target = merged
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = value
    return merged
