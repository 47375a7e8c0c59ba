"""The makes of numbers in text: digits, marks, signs and currencies, whatever the digits are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from analysis.data.currencies import MARKS

CURRENCY = "(" + "|".join(MARKS).replace("$", r"\$") + ")"
WHOLE = "([,.])(--?|=)"
NEUTRAL = ("^9+$", r"^9{1,3}([ ']9{3})+$", "^9+[eE][+-]?9+$")
CERTAIN = (
    r"^9{1,3}(T9{3})+D9*$",
    r"^9{1,3}(T9{3}){2,}$",
    r"^9*D(9{1,2}|9{4,})$",
    r"^9{4,}D9{3}$",
    r"^D9+$",
    r"^9{1,3}([ ']9{3})+D9+$",
    r"^9+D9+[eE][+-]?9+$",
)


@dataclass(frozen=True)
class Shape:
    """Values of one make.

    Attributes
    ----------
    mark
        The decimal mark they prove: "" for none, "?" for either, "!" for what is no number.
    currencies
        Signs and codes beside the number.
    is_whole
        Whether a dash stands for the decimals, as in ``12,-``.
    is_fine
        Whether there are more than six decimals or an exponent.
    rows, examples
        How many, and some of them.
    """

    mark: str
    currencies: tuple[str, ...]
    is_whole: bool
    is_fine: bool
    rows: int
    examples: tuple[str, ...]


def plain(value: str) -> str:
    """SQL of a text with no-break, narrow and thin spaces, tabs, typographic minus, dash and quote made plain."""
    odd = " || ".join(f"chr({number})" for number in (160, 8239, 8201, 9, 8722, 8211, 8217))
    return f"translate({value}, {odd}, '    --''')"


def shapes_of(connection: duckdb.DuckDBPyConnection, scan: str, value: str) -> list[Shape]:
    """The makes of all non-empty values in a column, with their numbers of rows."""
    point, comma = (_certain(mark) for mark in ".,")
    signed = f"^(?:{CURRENCY} ?[-+] ?|[-+]? ?{CURRENCY}? ?)(.*?)(?: ?{CURRENCY}? ?-?)$"
    bracketed = rf"^{CURRENCY}? ?\( ?{CURRENCY}? ?([^-+()]*?) ?{CURRENCY}? ?\) ?{CURRENCY}?$"
    twice_signed = "^[^9]*[-+].*9.*-$"
    rows = connection.execute(f"""
        WITH shapes AS (
            SELECT translate(trim({plain(value)}), '0123456789', '9999999999') AS shape,
                   left(ltrim({plain(value)}, '-+( €$£¥EURSDGBP'), 1) = '0' AS zero,
                   count(*) AS n, min({value}) AS example
            FROM {scan} WHERE trim({plain(value)}) <> '' GROUP BY ALL),
        whole AS (
            SELECT *, regexp_matches(shape, '9{WHOLE} ?{CURRENCY}? ?[)]?$') AS is_whole,
                   CASE WHEN is_whole THEN regexp_replace(shape, '{WHOLE}', '\\1' || '99') ELSE shape END AS amount
            FROM shapes),
        cores AS (
            SELECT *, list_sort(list_distinct(regexp_extract_all(shape, '{CURRENCY}'))) AS currencies,
                   CASE WHEN contains(shape, '(') THEN regexp_extract(amount, '{bracketed}', 3)
                        WHEN regexp_matches(amount, '{twice_signed}') THEN ''
                        ELSE regexp_replace(amount, '{signed}', '\\3') END AS core
            FROM whole)
        SELECT CASE WHEN {_any(NEUTRAL)} THEN ''
                    WHEN {_any(point)} OR (zero AND regexp_matches(core, '^9{{1,3}}[.]9{{3}}$')) THEN '.'
                    WHEN {_any(comma)} OR (zero AND regexp_matches(core, '^9{{1,3}},9{{3}}$')) THEN ','
                    WHEN regexp_matches(core, '^9{{1,3}}[.,]9{{3}}$') THEN '?'
                    ELSE '!' END AS mark,
               currencies, is_whole, regexp_matches(core, '[,.]9{{7,}}$|[eE]') AS is_fine,
               sum(n)::BIGINT, list(example ORDER BY n DESC, example)[1:5]
        FROM cores GROUP BY ALL ORDER BY ALL""").fetchall()
    return [
        Shape(mark, tuple(currencies), is_whole, is_fine, n, tuple(examples))
        for mark, currencies, is_whole, is_fine, n, examples in rows
    ]


def _certain(mark: str) -> tuple[str, ...]:
    thousands = "," if mark == "." else "[.]"
    return tuple(p.replace("T", thousands).replace("D", "[.]" if mark == "." else ",") for p in CERTAIN)


def _any(patterns: Iterable[str]) -> str:
    return "(" + " OR ".join("regexp_matches(core, '" + p.replace("'", "''") + "')" for p in patterns) + ")"
