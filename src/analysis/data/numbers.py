"""Numbers in text: which mark is the decimal one, judged by every value of the column, never by a sample."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from analysis.data.engine import MONEY, literals, quoted
from analysis.data.notes import Note
from analysis.data.source import RawTable
from analysis.errors import CONTENT, Problem

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "EUR": "EUR", "USD": "USD", "GBP": "GBP"}
CODES = ("EUR", "USD", "GBP")
NEUTRAL = ("^9+$", r"^9{1,3}([ ']9{3})+$")
CERTAIN = (
    r"^9{1,3}(T9{3})+D9*$",
    r"^9{1,3}(T9{3}){2,}$",
    r"^9*D(9{1,2}|9{4,})$",
    r"^9{4,}D9{3}$",
    r"^D9+$",
    r"^9{1,3}([ ']9{3})+D9+$",
    r"^9+(D9+)?[eE][+-]?9+$",
)


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes
    ----------
    expression
        SQL of the value; NULL where it is missing.
    unreadable
        SQL that is true where something stands in the column that could not be read.
    problems, notes
        What stands in the way, and what is worth saying.
    """

    expression: str
    unreadable: str = "false"
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Shape:
    """Values of one make: ``mark`` is the decimal mark they prove ('' for none, '?' for either, '!' for no number)."""

    mark: str
    symbol: str
    rows: int
    examples: tuple[str, ...]


def read_number(connection: duckdb.DuckDBPyConnection, table: RawTable, role: str, decimal: str | None) -> Reading:
    """How the numbers of a column are read, exactly as they stand or not at all.

    ``1.234,56`` and ``1,50`` prove a decimal comma, ``1,234.56`` and ``1.5`` a decimal point; ``1.234`` proves
    neither and is refused unless another value of the column, or the key ``decimal``, settles it.
    """
    column = table.columns[role]
    value, kind = table.expression(column), table.types[column].upper()
    if kind.startswith(("DECIMAL", *INTEGERS)):
        parsed = f"TRY_CAST({value} AS {MONEY})"
        return Reading(parsed, f"{value} IS NOT NULL AND {parsed} IS NULL")
    if kind in {"DOUBLE", "FLOAT"}:
        parsed = f"TRY_CAST({value} AS {MONEY})"
        return Reading(parsed, f"CAST({value} AS VARCHAR) <> 'nan' AND {parsed} IS NULL")
    if kind != "VARCHAR":
        message = f"{table.label}: column {column!r} (for {role}) holds {kind.lower()} values, must hold numbers"
        return Reading(f"CAST(NULL AS {MONEY})", problems=(Problem(message, CONTENT),))
    return _read_text(connection, table, column, value, decimal)


def _read_text(
    connection: duckdb.DuckDBPyConnection, table: RawTable, column: str, value: str, decimal: str | None
) -> Reading:
    shapes = shapes_of(connection, table.scan, value)
    problems = _problems_in_symbols(table, column, shapes)
    wrong = _problems_in_shapes(connection, table, column, value, shapes, decimal)
    if problems or wrong:
        return Reading(f"CAST(NULL AS {MONEY})", problems=(*problems, *wrong))
    marks = {shape.mark for shape in shapes} & {",", "."}
    parsed = parsed_number(value, decimal or next(iter(marks), "."))
    return Reading(parsed, f"trim({_plain(value)}) <> '' AND {parsed} IS NULL")


def _plain(value: str) -> str:
    # No-break, narrow and thin spaces, tabs and the typographic minus, as their plain counterparts.
    return f"translate({value}, chr(160) || chr(8239) || chr(8201) || chr(9) || chr(8722) || chr(8217), '    -''')"


def parsed_number(value: str, mark: str) -> str:
    """SQL of the number that a text of a known make stands for."""
    bare = f"translate({_plain(value)}, ' ''€$£¥{',' if mark == '.' else '.'}', '')"
    for code in CODES:
        bare = f"replace({bare}, '{code}', '')"
    bare = f"replace({bare}, ',', '.')" if mark == "," else bare
    number = f"TRY_CAST(translate({bare}, '()', '') AS {MONEY})"
    turned = f"-TRY_CAST(translate({bare}, '()-', '') AS {MONEY})"
    return f"CASE WHEN ends_with({bare}, '-') OR starts_with({bare}, '(') THEN {turned} ELSE {number} END"


def shapes_of(connection: duckdb.DuckDBPyConnection, scan: str, value: str) -> list[Shape]:
    """The makes of all non-empty values in a column, with their numbers of rows."""
    point, comma = (_certain(mark) for mark in ".,")
    rows = connection.execute(f"""
        WITH shapes AS (
            SELECT translate(trim({_plain(value)}), '0123456789', '9999999999') AS shape,
                   left(ltrim({_plain(value)}, '-+( €$£¥EURSDGBP'), 1) = '0' AS zero,
                   count(*) AS n, min({value}) AS example
            FROM {scan} WHERE trim({_plain(value)}) <> '' GROUP BY ALL),
        cores AS (
            SELECT *, regexp_extract(shape, '(€|\\$|£|¥|EUR|USD|GBP)', 1) AS symbol,
                   regexp_replace(regexp_replace(shape,
                       '^([-+]? ?(€|\\$|£|¥|EUR|USD|GBP)? ?[-+]?)(.*?)( ?(€|\\$|£|¥|EUR|USD|GBP)? ?-?)$', '\\3'),
                       '^\\((.*)\\)$', '\\1') AS core
            FROM shapes)
        SELECT CASE WHEN {_any(NEUTRAL)} THEN ''
                    WHEN {_any(point)} OR (zero AND regexp_matches(core, '^9{{1,3}}[.]9{{3}}$')) THEN '.'
                    WHEN {_any(comma)} OR (zero AND regexp_matches(core, '^9{{1,3}},9{{3}}$')) THEN ','
                    WHEN regexp_matches(core, '^9{{1,3}}[.,]9{{3}}$') THEN '?'
                    ELSE '!' END AS mark,
               symbol, sum(n)::BIGINT, list(example ORDER BY n DESC, example)[1:5]
        FROM cores GROUP BY ALL ORDER BY ALL""").fetchall()
    return [Shape(mark, symbol, n, tuple(examples)) for mark, symbol, n, examples in rows]


def _certain(mark: str) -> tuple[str, ...]:
    thousands = "," if mark == "." else "[.]"
    return tuple(p.replace("T", thousands).replace("D", "[.]" if mark == "." else ",") for p in CERTAIN)


def _any(patterns: tuple[str, ...]) -> str:
    return "(" + " OR ".join("regexp_matches(core, '" + p.replace("'", "''") + "')" for p in patterns) + ")"


def _problems_in_symbols(table: RawTable, column: str, shapes: list[Shape]) -> tuple[Problem, ...]:
    counts: dict[str, int] = {}
    for shape in shapes:
        if shape.symbol:
            code = SYMBOLS[shape.symbol]
            counts[code] = counts.get(code, 0) + shape.rows
    if len(counts) < 2:
        return ()
    listed = ", ".join(f"{code} in {rows:,} rows" for code, rows in sorted(counts.items()))
    return (Problem(f"{table.label}: column {column!r} mixes currencies: {listed}; one currency is allowed", CONTENT),)


def _problems_in_shapes(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    column: str,
    value: str,
    shapes: list[Shape],
    decimal: str | None,
) -> tuple[Problem, ...]:
    def count(mark: str) -> int:
        return sum(shape.rows for shape in shapes if shape.mark == mark)

    def found(mark: str) -> str:
        examples = [example for shape in shapes if shape.mark == mark for example in shape.examples]
        return table.examples(connection, [column], f"{value} IN {literals(examples)}")

    where, problems = f"{table.label}: column {quoted(column)}", []
    if rows := count("!"):
        problems.append(f"{where}: {rows:,} values are not numbers: {found('!')}")
    if decimal and (rows := count(other := "," if decimal == "." else ".")):
        problems.append(f"{where}: {rows:,} values do not fit decimal == {decimal!r}: {found(other)}")
    if not decimal and count(",") and count("."):
        problems.append(
            f"{where} mixes decimal marks: {count(','):,} values with a comma ({found(',')}) and "
            f"{count('.'):,} with a point ({found('.')}); all must be written the same way"
        )
    if not decimal and not count(",") and not count(".") and (rows := count("?")):
        problems.append(
            f"{where}: {rows:,} numbers can be read two ways, as thousands or with decimals ({found('?')}), "
            "and no other value of the column settles it; set the key `decimal` to ',' or '.'"
        )
    return tuple(Problem(message, CONTENT) for message in problems)
