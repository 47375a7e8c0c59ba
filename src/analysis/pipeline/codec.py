"""Results as bytes that can be read without running code: a checksum, and a zip of JSON, Parquet and NumPy arrays.

``result.json`` holds the fields; tables and arrays lie beside it. Types are named, and only those of our own layers
below the pipeline are known: dataclasses, named tuples, enumerations, errors and sections of the configuration.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd

from analysis.config.kinds import Section
from analysis.data.files import file_digest
from analysis.errors import RetentionLabError
from analysis.words import Message

LAYERS = ("data", "models", "value", "claims", "strategies", "config", "errors", "interval", "time")
"""Parts of this package whose types a result may hold."""
KIND, VALUE = "$type", "value"
ARRAY = b"\x93NUMPY"
CHECKSUM = hashlib.sha256().digest_size


class Damaged(Exception):
    """Raised when stored bytes are not what was written."""


def packed(result: Any, record: Mapping[str, Any], folder: Path) -> bytes:
    """A result, and the ``record`` of how it came about (as JSON knows it), as the bytes of a zip.

    To the record is added the ``digest`` of the result, which equal results share. Raises TypeError for what cannot be
    held, with the place where it stands. A file in a folder below ``folder`` is held by its name, and by the checksums
    of all that lies beside it.
    """
    writer = _Writer(folder)
    parts = {"result.json": _json(writer.tree(result, "result")).encode(), **writer.parts}
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts.values())).hexdigest()
    # Where files lie that a result names is no part of what it is.
    about = {"record.json": _json({**record, "digest": digest, "folders": writer.folders})}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (about | parts).items():
            archive.writestr(zipfile.ZipInfo(name), content)  # draws hardly shrink
    body = buffer.getvalue()
    return hashlib.sha256(body).digest() + body


def unpacked(content: bytes, folder: Path) -> Any:
    """The result in such bytes; raises ``Damaged`` where a single one of them, or a file that it names, has changed."""
    checksum, body = content[:CHECKSUM], content[CHECKSUM:]
    if checksum != hashlib.sha256(body).digest():
        raise Damaged("checksum")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _Reader(archive, folder).value(json.loads(archive.read("result.json")))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise Damaged("not as this version writes it") from error  # computing again is always right


def _json(tree: Any) -> str:
    return json.dumps(tree, allow_nan=False, ensure_ascii=False)


def _apart_frame(frame: pd.DataFrame) -> list[Any]:
    """Parquet of the columns and the index, as pandas describes them there, and beside it what Parquet would change."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbered, buffer = frame.set_axis([str(place) for place in range(frame.shape[1])], axis=1), io.BytesIO()
    dtypes = numbered.dtypes.astype(str).to_dict()
    others = {name: numbered[name].values for name in dtypes if dtypes[name] in ("object", "category")}
    pq.write_table(pa.Table.from_pandas(numbered.drop(columns=list(others))), buffer)
    has_plain_names = frame.columns.inferred_type == "string" and frame.columns.name is None
    names = frame.columns.tolist() if has_plain_names else frame.columns
    index = frame.index if isinstance(frame.index, pd.RangeIndex) else None
    return [names, index, dtypes, buffer.getvalue(), others]


def _frame(parts: list[Any]) -> pd.DataFrame:
    import pyarrow.parquet as pq

    names, index, dtypes, parquet, others = parts
    frame = pq.read_table(io.BytesIO(parquet)).to_pandas()
    if index is not None:
        frame = frame.reindex(index)  # without a column Parquet has no rows
    for name, values in others.items():
        frame.insert(int(name), name, pd.Series(values, frame.index, values.dtype))
    return frame.astype(dtypes).set_axis(names, axis=1)


def _array(parts: Any) -> np.ndarray:
    if isinstance(parts, bytes):
        return np.load(io.BytesIO(parts), allow_pickle=False)
    items, shape = parts
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)


def _apart_array(array: np.ndarray) -> Any:
    if array.dtype == object:
        return [array.ravel().tolist(), list(array.shape)]
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


# fmt: off
KINDS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    float: (repr, float),  # not finite
    tuple: (list, tuple),
    set: (lambda value: sorted(value, key=repr), set),
    dict: (lambda value: [list(item) for item in value.items()], dict),
    dt.date: (dt.date.isoformat, dt.date.fromisoformat),
    dt.datetime: (dt.datetime.isoformat, dt.datetime.fromisoformat),
    pd.Timestamp: (pd.Timestamp.isoformat, pd.Timestamp),
    pd.Timedelta: (pd.Timedelta.isoformat, pd.Timedelta),
    type(pd.NaT): (lambda _: None, lambda _: pd.NaT),
    Message: (lambda value: [value.text, value.plural, value.code, value.context, value.values],
              lambda parts: Message(parts[0], parts[1], code=parts[2], context=parts[3], **parts[4])),
    np.generic: (lambda value: [value.dtype.str, value.item()], lambda parts: np.array(parts[1], dtype=parts[0])[()]),
    np.ndarray: (_apart_array, _array),
    pd.Categorical: (lambda value: [value.codes, value.categories, value.ordered],
                     lambda parts: pd.Categorical.from_codes(*parts[:2], ordered=parts[2])),
    pd.DataFrame: (_apart_frame, _frame),
    pd.Series: (lambda value: [value.to_frame("values"), value.name],
                lambda parts: parts[0]["values"].rename(parts[1])),
    pd.RangeIndex: (lambda value: [value.start, value.stop, value.step, value.name],
                    lambda parts: pd.RangeIndex(*parts[:3], name=parts[3])),
    pd.Index: (lambda value: pd.DataFrame(index=value), lambda frame: frame.index),
}
# fmt: on
"""Of values that are neither JSON's nor of our own types: how each is taken apart, and put together again."""
TOGETHER = {kind.__name__: together for kind, (_, together) in KINDS.items()}


class _Writer:
    """Takes a value apart: JSON, and ``parts`` beside it."""

    def __init__(self, folder: Path):
        self.folder, self.parts, self.folders = folder, {}, []

    def tree(self, value: Any, place: str) -> Any:
        if type(value) in (str, bool, int, type(None)) or (type(value) is float and math.isfinite(value)):
            return value
        if type(value) is list:
            return [self.tree(inner, f"{place}[{number}]") for number, inner in enumerate(value)]
        if type(value) is dict and KIND not in value and all(type(key) is str for key in value):
            return {key: self.tree(inner, f"{place}.{key}") for key, inner in value.items()}
        if type(value) is bytes:
            name = f"{len(self.parts)}.{'npy' if value.startswith(ARRAY) else 'parquet'}"
            self.parts[name] = value
            return {KIND: "part", VALUE: name}
        kind, parts = self._apart(value, place)
        return {KIND: kind, VALUE: self.tree(parts, place)}

    def _apart(self, value: Any, place: str) -> tuple[str, Any]:
        """The name of a type, and the value taken apart into what is known."""
        if isinstance(value, Path):
            return self._path(value)
        kind = type(value)
        if _is_ours(kind):
            return f"{kind.__module__}:{kind.__qualname__}", _fields(value)
        for base in (kind, np.generic, pd.Index):
            if base in KINDS and isinstance(value, base):
                return base.__name__, KINDS[base][0](value)
        raise TypeError(f"{place}: a {kind.__module__}.{kind.__qualname__} cannot be stored")

    def _path(self, path: Path) -> tuple[str, Any]:
        if not path.is_relative_to(self.folder):
            return "path", str(path)
        beside = [file for file in path.parent.iterdir() if file.is_file()] if path.exists() else []
        self.folders.append(path.relative_to(self.folder).parent.as_posix())
        return "file", [len(self.folders) - 1, path.name, {file.name: file_digest(file) for file in sorted(beside)}]


class _Reader:
    """Puts a value together again."""

    def __init__(self, archive: zipfile.ZipFile, folder: Path):
        self.archive, self.folder = archive, folder

    def value(self, tree: Any) -> Any:
        if isinstance(tree, list):
            return [self.value(inner) for inner in tree]
        if not isinstance(tree, dict):
            return tree
        if KIND not in tree:
            return {key: self.value(inner) for key, inner in tree.items()}
        kind, parts = tree[KIND], self.value(tree[VALUE])
        if kind in TOGETHER:
            return TOGETHER[kind](parts)
        return {"part": self.archive.read, "path": Path, "file": self._file}.get(kind, lambda it: _own(kind, it))(parts)

    def _file(self, parts: list[Any]) -> Path:
        number, own, digests = parts
        path = self.folder / json.loads(self.archive.read("record.json"))["folders"][number] / own
        for name, digest in digests.items():
            file = path.with_name(name)
            if ".." in file.parts or not file.is_file() or file_digest(file) != digest:
                raise Damaged(file)
        return path


def _is_ours(kind: type) -> bool:
    """Whether a result may hold this type: one of our layers, found by its name, whose fields are all there is."""
    plain = dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
    holds_fields = plain or issubclass(kind, Enum | RetentionLabError | Section)
    return holds_fields and _named(f"{kind.__module__}:{kind.__qualname__}") is kind


def _named(name: str) -> Any:
    package, *below = name.partition(":")[0].split(".")
    if package != "analysis" or not below or below[0] not in LAYERS:
        return None
    try:
        return resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        return None


def _fields(value: Any) -> Any:
    """What a value of our own holds; fields of a dataclass with the metadata ``{"stored": False}`` are left out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return value._asdict()
    if isinstance(value, Section):
        return value.model_dump()
    if isinstance(value, RetentionLabError):
        return {"args": value.args, **vars(value)}
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if _is_stored(field)}


def _is_stored(field: dataclasses.Field) -> bool:
    return field.metadata.get("stored", True)


def _own(name: str, fields: Any) -> Any:
    """A value of our own with its fields as they were; no code of its own is run, but the checks of a section."""
    kind = _named(name)
    if not (isinstance(kind, type) and _is_ours(kind)):
        raise Damaged(name)
    if issubclass(kind, Enum):
        return kind(fields)
    if issubclass(kind, tuple):
        return kind(**fields)
    if issubclass(kind, Section):
        return kind.model_validate(fields)
    made = kind.__new__(kind)
    if issubclass(kind, RetentionLabError):
        made.args = fields.pop("args")
    else:
        left_out = [field for field in dataclasses.fields(kind) if not _is_stored(field)]
        fields |= {one.name: None if one.default is dataclasses.MISSING else one.default for one in left_out}
    for field, value in fields.items():
        object.__setattr__(made, field, value)
    return made
