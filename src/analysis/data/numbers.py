"""Numbers in text: which mark is the decimal one, judged by every value of the column, never by a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import duckdb

from analysis.data.currencies import CODES, CODES_OF_SIGN, in_words, rows_by_code
from analysis.data.engine import MONEY, literals, quoted
from analysis.data.mixed import native_type, native_value, written_text
from analysis.data.notes import Note
from analysis.data.shapes import WHOLE, Shape, plain, shapes_of
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import CONTENT, Problem

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
# What binary arithmetic leaves of nothing, such as 0.1 + 0.2 - 0.3, is below this; an amount is not.
FLOAT_NOISE = "1e-9"


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes
    ----------
    expression
        SQL of the value; NULL where it is missing.
    unreadable
        SQL that is true where something stands in the column that could not be read.
    currencies
        Rows of every sign or code of a currency that stands beside the values.
    problems, notes
        What stands in the way, and what is worth saying.
    """

    expression: str
    unreadable: str = "false"
    currencies: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()


def beside(native: Reading, text: Reading) -> Reading:
    """How a column is read that holds native values beside texts, each by its own rule."""
    return Reading(
        f"coalesce({native.expression}, {text.expression})",
        f"({native.unreadable}) OR ({text.unreadable})",
        text.currencies,
        (*native.problems, *text.problems),
        (*native.notes, *(note for note in text.notes if note not in native.notes)),
    )


def read_number(connection: duckdb.DuckDBPyConnection, table: RawTable, role: str, decimal: str | None) -> Reading:
    """How the numbers of a column are read, exactly as they stand or not at all.

    ``1.234,56`` and ``1,50`` prove a decimal comma, ``1,234.56`` and ``1.5`` a decimal point; ``1.234`` proves
    neither and is refused unless another text of the column, or the key ``decimal``, settles it. Cells that are
    numbers of their own say nothing about how texts beside them are written, but their formats name a currency.
    """
    column = table.columns[role]
    reading = _read(connection, table, role, decimal)
    shown = table.marks.get(column)
    if not shown or reading.problems:
        return reading
    currencies = dict(Counter(reading.currencies) + Counter(shown))
    return replace(reading, currencies=currencies, problems=_problems_in_currencies(table, column, currencies))


def _read(connection: duckdb.DuckDBPyConnection, table: RawTable, role: str, decimal: str | None) -> Reading:
    column = table.columns[role]
    kind = table.types[column]
    if native := native_type(kind):
        numbers = _read_native(native_value(column), native.upper())
        return beside(numbers, _read_text(connection, table, column, written_text(table, column), decimal))
    if kind.upper() == "VARCHAR":
        return _read_text(connection, table, column, table.expression(column), decimal)
    if kind.upper().startswith(("DECIMAL", "DOUBLE", "FLOAT", *INTEGERS)) and not kind.endswith("]"):
        return _read_native(table.expression(column), kind.upper())
    message = f"{table.label}: column {column!r} (for {role}) holds {kind.lower()} values, must hold numbers"
    return Reading(f"CAST(NULL AS {MONEY})", problems=(Problem(message, CONTENT),))


def _read_native(value: str, kind: str) -> Reading:
    parsed = f"TRY_CAST({value} AS {MONEY})"
    if kind in {"DOUBLE", "FLOAT"}:
        lost = f"{parsed} = 0 AND abs({value}) >= {FLOAT_NOISE}"
        return Reading(parsed, f"CASE WHEN {parsed} IS NULL THEN CAST({value} AS VARCHAR) <> 'nan' ELSE {lost} END")
    lost = f" OR ({parsed} = 0 AND {value} <> 0)" if kind.startswith("DECIMAL") else ""
    return Reading(parsed, f"({value} IS NOT NULL AND {parsed} IS NULL){lost}")


def _read_text(
    connection: duckdb.DuckDBPyConnection, table: RawTable, column: str, value: str, decimal: str | None
) -> Reading:
    shapes = shapes_of(connection, table.scan, value)
    currencies = _rows_by_mark(shapes)
    problems = [*_problems_in_currencies(table, column, currencies)]
    problems += _problems_in_shapes(connection, table, column, value, shapes, decimal)
    if problems:
        return Reading(f"CAST(NULL AS {MONEY})", problems=tuple(problems))
    mark = decimal or next(iter({shape.mark for shape in shapes} & {",", "."}), ".")
    if any(shape.is_whole for shape in shapes):
        value = f"regexp_replace({plain(value)}, '{WHOLE}', '\\1' || '00')"
    bare = _bare_number(value, mark)
    parsed = _parsed_number(bare)
    lost = f"{parsed} IS NULL"
    if any(shape.is_fine for shape in shapes):
        lost = f"CASE WHEN {parsed} = 0 THEN regexp_matches({bare}, '^[^eE]*[1-9]') ELSE {lost} END"
    return Reading(parsed, f"trim({plain(value)}) <> '' AND ({lost})", currencies)


def _bare_number(value: str, mark: str) -> str:
    signs = "".join(CODES_OF_SIGN)
    bare = f"translate({plain(value)}, ' ''{signs}{',' if mark == '.' else '.'}', '')"
    for code in CODES:
        bare = f"replace({bare}, '{code}', '')"
    return f"replace({bare}, ',', '.')" if mark == "," else bare


def _parsed_number(bare: str) -> str:
    number = f"TRY_CAST(translate({bare}, '()', '') AS {MONEY})"
    turned = f"-TRY_CAST(translate({bare}, '()-', '') AS {MONEY})"
    return f"CASE WHEN ends_with({bare}, '-') OR starts_with({bare}, '(') THEN {turned} ELSE {number} END"


def _rows_by_mark(shapes: list[Shape]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for shape in shapes:
        for mark in shape.currencies:
            rows[mark] = rows.get(mark, 0) + shape.rows
    return rows


def _problems_in_currencies(table: RawTable, column: str, currencies: Mapping[str, int]) -> tuple[Problem, ...]:
    rows = rows_by_code(currencies)
    if len(rows) < 2:
        return ()
    message = f"{table.label}: column {column!r} mixes currencies: {in_words(rows)}; one currency is allowed"
    return (Problem(message, CONTENT),)


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

    where, messages = f"{table.label}: column {quoted(column)}", []
    if rows := count("!"):
        messages.append(f"{where}: {counted(rows, 'value is not a number', 'values are not numbers')}: {found('!')}")
    if decimal and (rows := count(other := "," if decimal == "." else ".")):
        fit = counted(rows, "value does not fit", "values do not fit")
        messages.append(f"{where}: {fit} decimal == {decimal!r}: {found(other)}")
    if not decimal and count(",") and count("."):
        messages.append(
            f"{where} mixes decimal marks: {counted(count(','), 'value')} with a comma ({found(',')}) and "
            f"{count('.'):,} with a point ({found('.')}); all must be written the same way"
        )
    if not decimal and not count(",") and not count(".") and (rows := count("?")):
        messages.append(
            f"{where}: {counted(rows, 'number')} can be read two ways, as thousands or with decimals ({found('?')}), "
            "and no other value of the column settles it; set the key `decimal` to ',' or '.'"
        )
    return tuple(Problem(message, CONTENT) for message in messages)
