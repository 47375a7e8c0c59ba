"""Which character encoding a text file is in: certain, or settled by a configuration key."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from analysis.data.files import CHUNK_BYTES
from analysis.errors import DataError, UsageError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UNUSED_IN_CP1252 = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])


@dataclass(frozen=True)
class Encoding:
    """An encoding and where the knowledge comes from: ``guessed`` when the bytes alone do not prove it."""

    name: str
    guessed: bool = False

    @property
    def is_utf8(self) -> bool:
        return self.name in {"utf-8", "utf-8-sig"}


def opened(path: Path) -> BinaryIO:
    """The file as bytes, decompressed where its name ends in .gz."""
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


def recognised_encoding(path: Path, configured: str | None = None) -> Encoding:
    """The encoding of a text file, from all of its bytes.

    UTF-8 is certain when every byte is valid UTF-8, and so is a byte order mark. What is left is read as
    Windows-1252 (latin-1 where no byte tells the two apart): the text of western European exports. That may
    garble letters in names, never a digit, and never makes two customer ids one.

    Raises
    ------
    InputRefused
        When the bytes are no text, or the configured encoding is unknown.
    """
    if configured:
        return Encoding(_known(configured))
    try:
        with opened(path) as stream:
            start = stream.read(4)
            for mark, name in BYTE_ORDER_MARKS.items():
                if start.startswith(mark):
                    return Encoding(name)
            stream.seek(0)
            return _from_bytes(stream, path)
    except EOFError:
        raise DataError(f"{path.name}: the gzip archive is cut off") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path.name}: the gzip archive is damaged ({error})") from None


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name)
        # Python has codecs that are none of text, such as base64; only opening a text stream tells.
        io.TextIOWrapper(io.BytesIO(), encoding=name)
    except (LookupError, ValueError):
        message = f"encoding == {name!r}, must be a known encoding of text such as utf-8, latin-1, cp1252, utf-16"
        raise UsageError(message) from None
    return "utf-8-sig" if found.name == "utf-8" else found.name


def _from_bytes(stream: BinaryIO, path: Path) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, high, unused = True, False, False
    while chunk := stream.read(CHUNK_BYTES):
        if b"\x00" in chunk:
            raise DataError(_nul_message(path))
        if chunk.isascii() and valid:
            valid = not decoder.getstate()[0]
            continue
        if valid:
            valid = _decodes(decoder, chunk)
        rest = chunk.translate(None, bytes(range(0x80)))
        high = high or bool(rest.translate(None, bytes(range(0xA0, 0x100))))
        unused = unused or any(byte in rest for byte in UNUSED_IN_CP1252)
    if valid and not decoder.getstate()[0]:
        return Encoding("utf-8")
    if unused:
        message = f"{path.name}: the text is neither UTF-8 nor Windows-1252; name its encoding with the key `encoding`"
        raise DataError(message)
    return Encoding("cp1252" if high else "latin-1", guessed=True)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _nul_message(path: Path) -> str:
    return (
        f"{path.name}: the content is not text (it has zero bytes); if it is UTF-16 without a byte order mark, "
        "say so with the key `encoding`, for example utf-16-le"
    )


def transcoded(path: Path, encoding: Encoding, target: Path) -> Path:
    """The file as UTF-8 with one kind of line end, written to ``target`` chunk by chunk; itself where it already is."""
    if encoding.is_utf8 and _is_plain(path):
        return path
    try:
        with opened(path) as stream, target.open("w", encoding="utf-8", newline="") as out:
            # Universal newlines: a file that mixes line ends would lose rows, or be refused for a wrong reason.
            reader = io.TextIOWrapper(stream, encoding=encoding.name, newline=None)
            while text := reader.read(CHUNK_BYTES):
                out.write(text)
    except (UnicodeError, EOFError) as error:
        message = f"{path.name}: cannot be read as {encoding.name} ({error}); correct the key `encoding`"
        raise DataError(message) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path.name}: the gzip archive is damaged ({error})") from None
    return target


def _is_plain(path: Path) -> bool:
    """Whether a file is valid UTF-8 and all its lines end the same way."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    returns, feeds, pairs, before = 0, 0, 0, b""
    with opened(path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            if not (chunk.isascii() and not decoder.getstate()[0]) and not _decodes(decoder, chunk):
                return False
            returns, feeds = returns + chunk.count(b"\r"), feeds + chunk.count(b"\n")
            pairs += (before + chunk).count(b"\r\n")
            before = chunk[-1:] if chunk.endswith(b"\r") else b""
    one_kind = (pairs == returns == feeds) or (returns == 0) or (feeds == 0)
    return one_kind and not decoder.getstate()[0]
