"""A YAML file as a mapping; a key that is given twice is refused, where YAML itself would take the last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import USAGE, Problem, UsageError

DATA_ENDINGS = {".csv", ".gz", ".tsv", ".txt", ".parquet", ".xlsx"}


def read_yaml(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """The mapping in a YAML file, and a problem for every key that stands twice in one place.

    Raises
    ------
    UsageError
        Where the file is missing, unreadable, no YAML or no mapping.
    """
    if path.suffix.lower() in DATA_ENDINGS:
        raise UsageError(
            f"configuration {path}: this looks like a file of transactions; make a configuration for it with "
            f"`retention-lab init {path}`"
        )
    try:
        content, repeated = _parsed(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"configuration {path}: there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"configuration {path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise UsageError(f"configuration {path}: is not valid YAML{line}; {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"configuration {path}: must hold keys such as data:, found {type(content).__name__}")
    return content, [Problem(f"configuration {path}: {message}", USAGE) for message in repeated]


class _Loader(yaml.SafeLoader):
    """Leaves a day that does not exist as the text it is, so that whoever takes the key can name it."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def _parsed(text: str) -> tuple[Any, list[str]]:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None, []
        repeated = [message for _, message in sorted(_repeated_keys(root))]
        return loader.construct_document(root), repeated
    finally:
        loader.dispose()


def _repeated_keys(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and message of each key that its mapping had before."""
    pending, known = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in known or not isinstance(node, yaml.CollectionNode):
            continue
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
            continue
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            pending.append(value)
            if not isinstance(key, yaml.ScalarNode):
                continue
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in lines:
                first = lines[name]
                yield line, f"key {key.value!r} stands in line {first} and again in line {line}; keep one of them"
            lines.setdefault(name, line)
