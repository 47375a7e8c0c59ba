"""Parameters of notebooks, checked by name and type before a kernel starts.

papermill only warns of a name that a notebook does not know, and never looks at types.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analysis.config import known_keys

COMMON = ("config", "as_of", "store")
PREVIOUS = "previous"
"""Parameter of a notebook that compares: the folder of the run before."""
LINE = re.compile(r"^(?P<name>[A-Za-z_]\w*)\s*:\s*(?P<type>str|int|float|bool)\s*=\s*(?P<literal>[^#]+?)\s*(#.*)?$")
TYPES = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}


def declared_parameters(notebook: Path) -> dict[str, str]:
    """Name -> type of each parameter in a notebook's parameters cell; empty where it has none."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = (cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    source = "".join(next(tagged, {"source": ""})["source"])
    matches = [LINE.match(line) for line in source.splitlines()]
    return {match["name"]: match["type"] for match in matches if match}


def problems_in_parameters(notebook: Path, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with values for a notebook's parameters, and with the parameters that it declares."""
    declared = declared_parameters(notebook)
    problems = [
        f"notebook {notebook.name}: parameter {name!r} is no configuration key{nearest(name, parameter_keys())}"
        for name in declared
        if name not in (*COMMON, PREVIOUS) and name not in parameter_keys()
    ]
    for name, value in given.items():
        if name not in declared:
            problems.append(f"notebook {notebook.name}: there is no parameter {name!r}{nearest(name, declared)}")
        elif value is not None and not _fits(value, declared[name]):
            problems.append(f"notebook {notebook.name}: {name} == {value!r}, must be {declared[name]}")
    return problems


def _fits(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def parameter_keys() -> dict[str, str]:
    """Parameter's name -> dotted key of each configuration key that a notebook may have as a parameter.

    The name is the key's last part, or its last two for a key of a section within a section. Where two sections share
    one, such as ``encoding``, that of the transactions is meant.

    >>> parameter_keys()["gross_margin"], parameter_keys()["encoding"], parameter_keys()["promotion_depth"]
    ('economics.gross_margin', 'data.encoding', 'strategies.promotion.depth')
    """
    dotted = [key for key in known_keys() if key.count(".") in (1, 2)]
    return {"_".join(key.split(".")[1:]): key for key in reversed(dotted)}


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, as the end of a message.

    >>> nearest("gros_margin", ["gross_margin", "seed"])
    "; did you mean 'gross_margin'?"
    """
    known = list(known)
    if near := difflib.get_close_matches(name, known, n=1):
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(known)}" if 0 < len(known) <= 10 else ""
