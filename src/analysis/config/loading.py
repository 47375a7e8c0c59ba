"""From a YAML file to a configuration, checked as a whole."""

from __future__ import annotations

import copy
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from analysis.config.complaints import keys_of, problems_in_validation
from analysis.config.config import Config
from analysis.errors import USAGE, InputRefused, Problem, UsageError, printable

DATA_ENDINGS = {".csv", ".gz", ".tsv", ".txt", ".parquet", ".xlsx"}
LARGEST_FILE = 1 << 18  # bytes
MOST_VALUES = 50_000
"""Values in a file, those that its aliases stand for included."""
MOST_DIGITS = 100
# Without these nothing can be said of the data; see ``ConfigurationRefused``.
READING_KEYS = {
    *("transactions", "columns", "part", "date_format", "timezone", "decimal", "delimiter", "encoding", "sheet")
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
    problems = list(problems)
    if "folder" in content:
        problems.append(Problem("unknown configuration key 'folder'", USAGE))
    content = _with_overrides(content, overrides or {})
    content.setdefault("name", re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-") or "report")
    content["folder"] = path.resolve().parent
    empty = [section for section in LEFT_OUT_OR_FILLED if section in content and content[section] is None]
    problems += [Problem(f"{section} is empty; name its keys, or leave it out", USAGE) for section in empty]
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        readable = _without_refused_keys(content, error)
        problems += problems_in_validation(error, Config.fields())
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
    if isinstance(merged.get("assumed"), list | tuple):
        merged["assumed"] = [key for key in merged["assumed"] if overrides.get(key) is None]
    return merged


def read_yaml(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """The mapping in a YAML file, and a problem for every key that stands twice in one place.

    Raises
    ------
    UsageError
        Where the file is missing, unreadable, no regular file, too large, no YAML or no mapping.
    """
    where = f"configuration {printable(path)}"
    if path.suffix.lower() in DATA_ENDINGS:
        raise UsageError(
            f"{where}: this looks like a file of transactions; make a configuration for it with "
            f"`retention-lab init {printable(path)}`"
        )
    try:
        content, repeated = _parsed(_text_of(path))
    except FileNotFoundError:
        raise UsageError(f"{where}: there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{where}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise UsageError(f"{where}: is not valid YAML{line}; {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{where}: must hold keys such as data:, found {type(content).__name__}")
    return content, [Problem(f"{where}: {message}", USAGE) for message in repeated]


def _text_of(path: Path) -> str:
    if printable(path.resolve()) != str(path.resolve()):
        raise ValueError("its name, or that of its folder, is not UTF-8; rename it")
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no regular file")
    with path.open("rb") as stream:
        text = stream.read(LARGEST_FILE + 1)
    if len(text) > LARGEST_FILE:
        raise ValueError(f"it is larger than the {LARGEST_FILE // 1024} kB that a configuration may have")
    return text.decode("utf-8-sig")


class _Loader(yaml.SafeLoader):
    """Leaves a day that does not exist as the text it is, so that whoever takes the key can name it."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def _parsed(text: str) -> tuple[Any, list[str]]:
    loader, repeated = _Loader(text), []
    try:
        root = loader.get_single_node()
        if root is None:
            return None, []
        if _values_in(root, {}, repeated) > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values, counting what its aliases stand for")
        return loader.construct_document(root), [message for _, message in sorted(repeated)]
    finally:
        loader.dispose()


def _values_in(node: yaml.Node, known: dict[int, int], repeated: list[tuple[int, str]]) -> int:
    """How many values a node stands for, an alias counted in full; tells keys that their mapping had before."""
    if isinstance(node, yaml.ScalarNode):
        node.value.encode()  # an escape such as \ud800 stands for no character
        if node.tag == "tag:yaml.org,2002:int" and len(node.value) > MOST_DIGITS:
            raise ValueError(f"line {node.start_mark.line + 1} holds a number of more than {MOST_DIGITS} digits")
        return 1
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = MOST_VALUES  # what stands inside itself has no end
    parts = node.value
    if isinstance(node, yaml.MappingNode):
        parts, lines = [part for pair in node.value for part in pair], {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in lines:
                first = f"key {key.value!r} stands in line {lines[name]}"
                repeated.append((line, f"{first} and again in line {line}; keep one of them"))
            lines.setdefault(name, line)
    known[id(node)] = 1 + sum(_values_in(part, known, repeated) for part in parts)
    return known[id(node)]
