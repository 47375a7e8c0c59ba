"""The one script that a page may run, known by its hash, and the block of data that it reads.

Data stand in a ``<script>`` of a type that no browser runs. What may pass is told by exact form, so that nothing in a
notebook's output can look like it and be more.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

WHAT_IF = Path(__file__).parent / "templates" / "what_if.js"
DATA_ATTRIBUTES = [("type", "application/json"), ("class", "rl-what-if-data")]
DATA_START = "<script{}>".format("".join(f' {name}="{value}"' for name, value in DATA_ATTRIBUTES))
DATA_BLOCK = re.compile(re.escape(DATA_START) + "[^<]*</script>")


@functools.cache
def what_if_script() -> str:
    """The script of the what-if panel."""
    return WHAT_IF.read_text(encoding="utf-8")


def source_of(script: str) -> str:
    """A script as a content security policy names it.

    >>> source_of("alert(1)")
    "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def may_run(script: str) -> bool:
    """Whether a script is the one that pages may run."""
    return source_of(script) == source_of(what_if_script())


def data_block(data: Any) -> Markup:
    """Data for the script; in JSON a ``<`` is as well written by its number, and then it cannot end the block.

    >>> data_block({"name": "</script>"})
    Markup('<script type="application/json" class="rl-what-if-data">{"name":"\\\\u003c/script>"}</script>')
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return Markup(f"{DATA_START}{text}</script>")


def is_data_block(html: str) -> bool:
    return DATA_BLOCK.fullmatch(html) is not None


def needs_script(fragments: Sequence[str]) -> bool:
    """Whether a page of these fragments has a panel."""
    return any(DATA_START in fragment for fragment in fragments)
