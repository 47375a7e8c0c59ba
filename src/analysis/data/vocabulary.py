"""Words that exports use, of ``vocabulary.yml``: months, statuses, names of columns, shop systems."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def vocabulary() -> dict[str, Any]:
    """All words, by what they are.

    >>> vocabulary()["months"][2].split()[:2]
    ['march', 'maart']
    """
    return yaml.safe_load(files("analysis.data").joinpath("vocabulary.yml").read_text(encoding="utf-8"))


def words(kind: str) -> tuple[str, ...]:
    """The words of one kind.

    >>> words("said_yes")[:2]
    ('1', '1.0')
    """
    return tuple(vocabulary()[kind])


def names(role: str) -> list[str]:
    """Names of columns that probably play a role, the likeliest first.

    >>> "orderdate" in names("date")
    True
    """
    return vocabulary()["words"][role].split()
