"""Numbers in text: their makes, currencies and decimal mark, judged by every value of the column, never by a sample."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from analysis.data.cells import native_type, native_value, written_text
from analysis.data.engine import MONEY, Connection, literals, quoted
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import Problem

# What a sign stands for when nothing else is told comes first.
CODES_OF_SIGN = {
    "€": ("EUR",),
    "$": (
        *("USD", "AUD", "BBD", "BMD", "BND", "BSD", "BZD", "CAD", "FJD", "GYD", "HKD", "JMD", "KYD", "LRD"),
        *("NAD", "NZD", "SBD", "SGD", "SRD", "TTD", "TWD", "XCD"),
    ),
    "£": ("GBP", "EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SYP"),
    "¥": ("JPY", "CNY"),
}
CODES = ("EUR", "USD", "GBP")
MARKS = (*CODES_OF_SIGN, *CODES)
# Of a number format: [$€-413] and [$EUR], "EUR", \€, and signs that stand for themselves; else [Red] and the like.
FORMAT_PARTS = re.compile(r'\[\$(?P<told>[^\]-]*)[^\]]*\]|\[[^\]]*\]|"(?P<quoted>[^"]*)"|\\?(?P<single>.)', re.DOTALL)


def rows_by_code(rows: Mapping[str, int], told: Iterable[str] = ()) -> dict[str, int]:
    """Rows of every currency, from the rows of every sign and code; more than one key means mixed money.

    A sign counts as a code that is written out, here or in ``told``, where it can stand for that.

    >>> rows_by_code({"$": 2, "CAD": 3}), rows_by_code({"$": 2}), rows_by_code({"€": 2}, ["USD"])
    ({'CAD': 5}, {'USD': 2}, {'EUR': 2})
    """
    written = [mark for mark in (*rows, *told) if mark not in CODES_OF_SIGN]
    found: dict[str, int] = {}
    for mark, number in rows.items():
        codes = CODES_OF_SIGN.get(mark, (mark,))
        code = next((code for code in written if code in codes), codes[0])
        found[code] = found.get(code, 0) + number
    return found


def mark_in_format(number_format: str) -> str | None:
    """The sign or code of a currency that a sheet's number format shows beside a number; None where it shows none.

    >>> mark_in_format("[$€-413] #,##0.00"), mark_in_format('"$"#,##0.00'), mark_in_format("#,##0.00 [$CHF]")
    ('€', '$', 'CHF')
    >>> mark_in_format("[$-413]#,##0.00"), mark_in_format("0.0%"), mark_in_format('0 "STK"')
    (None, None, None)
    """
    for part in FORMAT_PARTS.finditer(number_format.split(";", 1)[0]):
        told = (part["told"] or "").strip()
        if re.fullmatch("[A-Z]{3}", told):
            return told
        shown = f"{told}{part['quoted'] or ''}{part['single'] or ''}".strip()
        if mark := next((mark for mark in MARKS if mark in shown), None):
            return mark
    return None


def in_words(rows: Mapping[str, int]) -> str:
    """Currencies with their numbers of rows, the ten most frequent.

    >>> in_words({"USD": 1, "EUR": 2})
    'EUR in 2 rows, USD in 1 row'
    """
    most = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    return ", ".join(f"{code} in {counted(number, 'row')}" for code, number in most)


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


def shapes_of(connection: Connection, scan: str, value: str) -> list[Shape]:
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
    problems
        What stands in the way.
    in_utc
        Whether times with an offset are read as their day in UTC, since no time zone is configured.
    """

    expression: str
    unreadable: str = "false"
    currencies: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    in_utc: bool = False


def beside(native: Reading, text: Reading) -> Reading:
    """How a column is read that holds native values beside texts, each by its own rule."""
    return Reading(
        f"coalesce({native.expression}, {text.expression})",
        f"({native.unreadable}) OR ({text.unreadable})",
        text.currencies,
        (*native.problems, *text.problems),
        native.in_utc or text.in_utc,
    )


def read_number(connection: Connection, table: RawTable, role: str, decimal: str | None) -> Reading:
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


def _read(connection: Connection, table: RawTable, role: str, decimal: str | None) -> Reading:
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
    return Reading(f"CAST(NULL AS {MONEY})", problems=(Problem(message),))


def _read_native(value: str, kind: str) -> Reading:
    parsed = f"TRY_CAST({value} AS {MONEY})"
    if kind in {"DOUBLE", "FLOAT"}:
        lost = f"{parsed} = 0 AND abs({value}) >= {FLOAT_NOISE}"
        return Reading(parsed, f"CASE WHEN {parsed} IS NULL THEN CAST({value} AS VARCHAR) <> 'nan' ELSE {lost} END")
    lost = f" OR ({parsed} = 0 AND {value} <> 0)" if kind.startswith("DECIMAL") else ""
    return Reading(parsed, f"({value} IS NOT NULL AND {parsed} IS NULL){lost}")


def _read_text(connection: Connection, table: RawTable, column: str, value: str, decimal: str | None) -> Reading:
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
    return (Problem(message),)


def _problems_in_shapes(
    connection: Connection, table: RawTable, column: str, value: str, shapes: list[Shape], decimal: str | None
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
    return tuple(Problem(message) for message in messages)
