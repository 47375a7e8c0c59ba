"""Where transactions come from: a file, several files, an embedded sample or a database."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from analysis.config.kinds import VariableName
from analysis.config.section import Section

SAMPLES = ("cdnow", "cdnow-full", "complete-journey", "simulated")


class SampleSource(Section):
    """An embedded sample, by name."""

    sample: Literal["cdnow", "cdnow-full", "complete-journey", "simulated"]


class DatabaseSource(Section):
    """A query on a database whose URL stands in an environment variable."""

    database_url_env: VariableName
    query: str = Field(min_length=1)


def _kind_of_source(given: Any) -> str | None:
    if isinstance(given, str):
        return SOURCE_TAGS[0]
    if isinstance(given, list):
        return SOURCE_TAGS[1]
    if not isinstance(given, Mapping | BaseModel):
        return None
    keys = [str(key) for key in given] if isinstance(given, Mapping) else list(type(given).model_fields)
    is_database = {"database_url_env", "query"} & set(keys)
    is_sample = not is_database and difflib.get_close_matches("sample", keys, n=1)
    return SOURCE_TAGS[2] if is_sample else SOURCE_TAGS[3]


SOURCE_TAGS = ("<file>", "<files>", "<sample>", "<database>")
Source = Annotated[
    Annotated[str, Tag(SOURCE_TAGS[0])]
    | Annotated[list[str], Tag(SOURCE_TAGS[1])]
    | Annotated[SampleSource, Tag(SOURCE_TAGS[2])]
    | Annotated[DatabaseSource, Tag(SOURCE_TAGS[3])],
    Discriminator(
        _kind_of_source,
        custom_error_type="source",
        custom_error_message="must be a file, a list of files, {sample: NAME} or {database_url_env: NAME, query: ...}",
    ),
]
