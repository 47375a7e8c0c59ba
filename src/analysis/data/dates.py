"""Dates in text: which field is the day and which the month, judged by every value of the column."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from analysis.data.engine import literal, literals
from analysis.data.notes import Note
from analysis.data.numbers import INTEGERS, Reading
from analysis.data.source import RawTable
from analysis.errors import CONTENT, USAGE, Problem

MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
LONG_MONTHS = "january|february|march|april|june|july|august|september|october|november|december"
SHAPE = re.compile(
    rf"(?P<date>9{{4}}(?P<s1>[-/. ])9{{1,2}}(?P=s1)9{{1,2}}|9{{1,2}}(?P<s2>[-/. ])9{{1,2}}(?P=s2)(?:9{{4}}|9{{2}})"
    r"|9{8}"
    rf"|9{{1,2}}(?P<s3>[-/. ])(?P<mon>{LONG_MONTHS}|{MONTHS})(?P=s3)(?:9{{4}})"
    rf"|(?P<mon2>{LONG_MONTHS}|{MONTHS}) 9{{1,2}}(?P<comma>,?) 9{{4}})"
    r"(?:(?P<gap>T| +|, )(?P<time>9{1,2}:99(?P<seconds>:99)?(?P<fraction>[.]9{1,9})?)(?P<half> ?[AP]M)?)?"
    r"(?P<offset> ?(?:Z|UTC|[+-]99(?::?99)?))?",
    re.IGNORECASE,
)
YEARS = (1900, 2199)
MAX_SHAPES = 5000


@dataclass(frozen=True)
class Layout:
    """One way in which dates are written.

    Attributes
    ----------
    family
        What must be the same in all rows: order of the year, separator, with or without an offset.
    formats
        strptime formats that fit, one for every order of day and month that is possible.
    has_offset
        Whether the values carry a UTC offset.
    """

    family: str
    formats: tuple[str, ...]
    has_offset: bool


def layout_of(shape: str) -> Layout | None:
    """The layout of a date whose digits are written as 9; None where it is no date.

    >>> layout_of("99-99-9999 99:99").formats
    ('%d-%m-%Y %H:%M', '%m-%d-%Y %H:%M')
    """
    match = SHAPE.fullmatch(shape)
    if match is None or (match["half"] is None and match["fraction"] and not match["seconds"]):
        return None
    family, dates = _date_formats(match)
    tail = _time_format(match) + (_gap_before_offset(match) + "%z" if match["offset"] else "")
    return Layout(
        f"{family}{' with offset' if match['offset'] else ''}", tuple(d + tail for d in dates), bool(match["offset"])
    )


def _date_formats(match: re.Match) -> tuple[str, tuple[str, ...]]:
    date = match["date"]
    if match["mon"]:
        month = "%b" if len(match["mon"]) == 3 else "%B"
        return f"day{match['s3']}month name", (f"%d{match['s3']}{month}{match['s3']}%Y",)
    if match["mon2"]:
        month = "%b" if len(match["mon2"]) == 3 else "%B"
        return "month name first", (f"{month} %d{match['comma']} %Y",)
    if match["s1"]:
        s = match["s1"]
        return f"year{s}month{s}day", (f"%Y{s}%m{s}%d",)
    if match["s2"]:
        s, year = match["s2"], "%Y" if date.endswith("9999") else "%y"
        orders = (f"%d{s}%m{s}{year}", f"%m{s}%d{s}{year}")
        two_digit = (f"%y{s}%m{s}%d",) if year == "%y" else ()
        return f"day and month{s}{'year' if year == '%Y' else 'two-digit year'}", orders + two_digit
    return "eight digits", ("%Y%m%d", "%d%m%Y", "%m%d%Y")


def _time_format(match: re.Match) -> str:
    if match["time"] is None:
        return ""
    hours = "%I" if match["half"] else "%H"
    fraction = ".%f" if match["fraction"] and len(match["fraction"]) <= 7 else ".%n" if match["fraction"] else ""
    half = "" if not match["half"] else " %p" if match["half"].startswith(" ") else "%p"
    return f"{match['gap']}{hours}:%M{':%S' if match['seconds'] else ''}{fraction}{half}"


def _gap_before_offset(match: re.Match) -> str:
    return " " if match["offset"].startswith(" ") else ""


def read_date(
    connection: duckdb.DuckDBPyConnection, table: RawTable, date_format: str | None, timezone: str | None
) -> Reading:
    """How the dates of a table are read: SQL of the day, in ``timezone`` where the values carry an offset."""
    column = table.columns["date"]
    value, kind = table.expression(column), table.types[column].upper()
    if kind == "DATE" or (kind.startswith("TIMESTAMP") and "TIME ZONE" not in kind):
        day = f"CAST({value} AS DATE)"
        return Reading(day, _out_of_range(value, day))
    if kind.startswith("TIMESTAMP"):
        day = f"CAST(timezone('{timezone or 'UTC'}', {value}) AS DATE)"
        return Reading(day, _out_of_range(value, day), notes=_zone_notes(timezone))
    if kind.startswith(INTEGERS):
        value = f"CAST({value} AS VARCHAR)"
    elif kind != "VARCHAR":
        message = f"{table.label}: column {column!r} (for date) holds {kind.lower()} values, must hold dates"
        return Reading("CAST(NULL AS DATE)", problems=(Problem(message, CONTENT),))
    text = f"upper(trim({value}))"
    if date_format:
        return _as_configured(connection, table, text, date_format, timezone)
    return _recognised(connection, table, text, timezone)


def _out_of_range(value: str, day: str) -> str:
    return f"{value} IS NOT NULL AND NOT coalesce({_in_range(day)}, false)"


def _in_range(day: str) -> str:
    return f"{day} BETWEEN DATE '{YEARS[0]}-01-01' AND DATE '{YEARS[1]}-12-31'"


def _zone_notes(timezone: str | None) -> tuple[Note, ...]:
    return () if timezone else (Note("data.offsets_read_as_utc"),)


def _as_configured(
    connection: duckdb.DuckDBPyConnection, table: RawTable, text: str, date_format: str, timezone: str | None
) -> Reading:
    offset = "%z" in date_format or "%Z" in date_format
    try:
        connection.execute("SELECT try_strptime('', ?)", [date_format])
    except duckdb.Error as error:
        reason = str(error).split("\n", 1)[0]
        problem = Problem(f"date_format == {date_format!r}, must be a strptime format ({reason})", USAGE)
        return Reading("CAST(NULL AS DATE)", problems=(problem,))
    return _reading(text, (date_format,), offset, timezone)


def _reading(text: str, formats: Iterable[str], offset: bool, timezone: str | None) -> Reading:  # noqa: FBT001
    day = _day(text, formats, offset, timezone)
    return Reading(day, _unparsed(text, day), notes=_zone_notes(timezone) if offset else ())


def _unparsed(text: str, day: str) -> str:
    return f"{text} <> '' AND NOT coalesce({_in_range(day)}, false)"


def _day(text: str, formats: Iterable[str], offset: bool, timezone: str | None) -> str:  # noqa: FBT001
    if not offset:
        return f"CAST(try_strptime({text}, {literals(formats)}) AS DATE)"
    moment = f"try_strptime(regexp_replace({text}, '(Z|UTC)$', '+00:00'), {literals(formats)})"
    return f"CAST(timezone('{timezone or 'UTC'}', {moment}) AS DATE)"


def _recognised(connection: duckdb.DuckDBPyConnection, table: RawTable, text: str, timezone: str | None) -> Reading:
    families, strange, strange_rows = _families(connection, table, text)
    column = table.columns["date"]
    where = f"{table.label}: column {column!r} (for date)"
    unread = Reading("CAST(NULL AS DATE)")
    if strange_rows:
        examples = table.examples(connection, [column], f"{text} IN {literals(strange)}")
        message = (
            f"{where}: {strange_rows:,} values are not dates that can be recognised: {examples}; "
            "correct them, or describe the format with the key `date_format`"
        )
        return _refused(unread, message)
    if len(families) > 1:
        return _refused(unread, _mixed_message(connection, table, text, families))
    if not families:
        return unread
    ((_, (layouts, _, _)),) = families.items()
    return _decided(connection, table, text, layouts, timezone)


def _refused(reading: Reading, message: str) -> Reading:
    return Reading(reading.expression, problems=(Problem(message, CONTENT),))


def _families(connection: duckdb.DuckDBPyConnection, table: RawTable, text: str):
    """Layouts, rows and an example by family; examples and rows of what is no date."""
    shapes = connection.execute(f"""
        SELECT translate({text}, '0123456789', '9999999999'), count(*), min({text})
        FROM {table.scan} WHERE {text} <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MAX_SHAPES}""").fetchall()
    families: dict[str, tuple[list[Layout], int, str]] = {}
    strange, strange_rows = [], 0
    for shape, rows, example in shapes:
        layout = layout_of(shape)
        if layout is None:
            strange.append(example)
            strange_rows += rows
            continue
        layouts, before, first = families.get(layout.family, ([], 0, example))
        families[layout.family] = ([*layouts, layout], before + rows, first)
    return families, strange[:5], strange_rows


def _mixed_message(connection, table: RawTable, text: str, families) -> str:
    column = table.columns["date"]
    examples = [
        (rows, table.examples(connection, [column], f"{text} = {literal(first)}", 1))
        for _, rows, first in families.values()
    ]
    listed = ", ".join(f"{rows:,} rows like {example}" for rows, example in examples)
    return (
        f"{table.label}: column {table.columns['date']!r} (for date) mixes formats: {listed}; "
        "all rows must be written the same way"
    )


def _decided(
    connection: duckdb.DuckDBPyConnection, table: RawTable, text: str, layouts: list[Layout], timezone: str | None
) -> Reading:
    """The one order of day and month under which every value is a date, if there is exactly one."""
    offset = layouts[0].has_offset
    by_order: dict[int, list[str]] = defaultdict(list)
    for layout in layouts:
        for order, single in enumerate(layout.formats):
            if single not in by_order[order]:
                by_order[order].append(single)
    if len(by_order) == 1:
        return _reading(text, by_order[0], offset, timezone)
    readable = [f"NOT ({_unparsed(text, _day(text, formats, offset, timezone))})" for formats in by_order.values()]
    counts = connection.execute(
        f"SELECT count(*), {', '.join(f'count(*) FILTER ({test})' for test in readable)}, "
        f"count(*) FILTER (NOT ({' OR '.join(readable)})) FROM {table.scan} WHERE {text} <> ''"
    ).fetchall()[0]
    total, *fitting, hopeless = counts
    whole = [order for order, rows in enumerate(fitting) if rows == total]
    if len(whole) == 1 or hopeless:
        best = whole[0] if whole else max(range(len(fitting)), key=fitting.__getitem__)
        return _reading(text, by_order[best], offset, timezone)
    message = _order_message(connection, table, text, by_order, fitting, readable, whole)
    return _refused(Reading("CAST(NULL AS DATE)"), message)


def _order_message(connection, table: RawTable, text: str, by_order, fitting, readable, whole) -> str:
    where = f"{table.label}: column {table.columns['date']!r} (for date)"
    if whole:
        example = table.examples(connection, [table.columns["date"]], f"{text} <> ''", 3)
        choices = " or ".join(f'"{by_order[order][0]}"' for order in whole)
        return (
            f"{where}: day and month cannot be told apart in any of the {max(fitting):,} dates, such as {example}; "
            f"set the key `date_format` to {choices}"
        )
    parts = []
    for order, test in enumerate(readable):
        others = " AND ".join(f"NOT ({other})" for number, other in enumerate(readable) if number != order)
        example = table.examples(connection, [table.columns["date"]], f"{text} <> '' AND {test} AND {others}", 1)
        if example:
            parts.append(f"only {by_order[order][0]} fits {example}")
    return f"{where} mixes formats: {'; '.join(parts)}; all rows must be written the same way"
