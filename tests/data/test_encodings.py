"""Encodings that are no text, and byte order marks that begin alike."""

import pytest

from analysis.data.text import recognised_encoding
from analysis.errors import USAGE, InputRefused

PLAIN = "klant,datum,bedrag\nZoë,2024-01-31,1.50\nZoë,2024-02-01,2.25\n8,2024-02-05,12.5\n"


@pytest.mark.parametrize("name", ["base64", "rot13", "zlib", "hex", "bz2", "quopri", "\0", "utf-8\0", "klingon", " "])
def test_only_encodings_of_text_are_taken(tmp_path, name):
    (tmp_path / "a.csv").write_text(PLAIN)
    with pytest.raises(InputRefused, match="must be a known encoding of text") as refused:
        recognised_encoding(tmp_path / "a.csv", name)
    assert refused.value.exit_code == USAGE


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-be", "utf-16", "utf-16-be"])
def test_text_with_a_wide_byte_order_mark_is_read(load_file, encoding):
    mark = "" if encoding in {"utf-32", "utf-16"} else "\ufeff"
    found = load_file("a.csv", mark + PLAIN, encoding=encoding)
    assert found.histories.table["customer_id"].tolist() == ["8", "Zoë"]
