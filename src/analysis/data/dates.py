"""Dates in text: their layouts, and which field is the day and which the month, judged by every value of the column."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from analysis.data.cells import native_type, native_value, written_text
from analysis.data.engine import Connection, literal, literals
from analysis.data.numbers import INTEGERS, Reading, beside
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import CONTENT, USAGE, Problem

LONG_NAMES = (
    ("january", "januari"),
    ("february", "februari"),
    ("march", "maart"),
    ("april",),
    ("may", "mei"),
    ("june", "juni"),
    ("july", "juli"),
    ("august", "augustus"),
    ("september",),
    ("october", "oktober"),
    ("november",),
    ("december",),
)
MORE_SHORT_NAMES = {"mrt": "mar", "okt": "oct", "sept": "sep"}
ENGLISH = {name: names[0][:3] for names in LONG_NAMES for name in (*names, names[0][:3])} | MORE_SHORT_NAMES
PATTERN = "|".join(sorted(ENGLISH, key=len, reverse=True))


def in_english(text: str) -> str:
    """SQL of a text in capitals whose month, by name, is turned into three English letters for ``%b``.

    A point that ends the name before a blank goes with it, as in ``13 mrt. 2024``.
    """
    word = f"regexp_extract({text}, '(?:^|[^A-Z])({PATTERN.upper()})(?:[^A-Z]|$)', 1)"
    short = ", ".join(f"'{name.upper()}': '{english.upper()}'" for name, english in ENGLISH.items())
    without_point = f"replace({text}, {word} || '. ', {word} || ' ')"
    return f"CASE WHEN {word} = '' THEN {text} ELSE replace({without_point}, {word}, MAP {{{short}}}[{word}]) END"


SHAPE = re.compile(
    rf"(?P<date>9{{4}}(?P<s1>[-/. ])9{{1,2}}(?P=s1)9{{1,2}}|9{{1,2}}(?P<s2>[-/. ])9{{1,2}}(?P=s2)(?:9{{4}}|9{{2}})"
    r"|9{8}"
    rf"|9{{1,2}}(?P<s3>[-/. ])(?:{PATTERN})[.]?(?P=s3)(?:9{{4}}|9{{2}})"
    rf"|9{{4}}(?P<s4>[-/. ])(?:{PATTERN})[.]?(?P=s4)9{{1,2}}"
    rf"|(?P<first>{PATTERN})[.]? 9{{1,2}}(?P<comma>,?) 9{{4}})"
    r"(?:(?P<gap>T| +|, )(?P<time>9{1,2}:99(?P<seconds>:99)?(?P<fraction>[.]9{1,9})?)(?P<half> ?[AP]M)?)?"
    r"(?P<offset> ?(?:Z|UTC|[+-]99(?::?99)?))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layout:
    """One way in which dates are written.

    Attributes
    ----------
    family
        What must be the same in all rows: order of the year, separator, with or without an offset.
    formats
        strptime formats that fit, one for every order of day, month and year that is possible.
    has_offset
        Whether the values carry a UTC offset.
    has_name
        Whether the month is written as a name; it is ``%b`` in the formats, whatever its length and language.
    """

    family: str
    formats: tuple[str, ...]
    has_offset: bool
    has_name: bool


def layout_of(shape: str) -> Layout | None:
    """The layout of a date whose digits are written as 9; None where it is no date.

    >>> layout_of("99-99-9999 99:99").formats
    ('%d-%m-%Y %H:%M', '%m-%d-%Y %H:%M')
    >>> layout_of("9 maart 9999").formats
    ('%d %b %Y',)
    """
    match = SHAPE.fullmatch(shape)
    if match is None or (match["half"] is None and match["fraction"] and not match["seconds"]):
        return None
    family, dates = _date_formats(match)
    tail = _time_format(match) + (_gap_before_offset(match) + "%z" if match["offset"] else "")
    return Layout(
        f"{family}{' with offset' if match['offset'] else ''}",
        tuple(date + tail for date in dates),
        bool(match["offset"]),
        "%b" in dates[0],
    )


def _date_formats(match: re.Match) -> tuple[str, tuple[str, ...]]:
    year = "%Y" if match["date"].endswith("9999") else "%y"
    words = "year" if year == "%Y" else "two-digit year"
    if s := match["s3"]:
        turned = (f"%y{s}%b{s}%d",) if year == "%y" else ()
        return f"day{s}month name{s}{words}", (f"%d{s}%b{s}{year}", *turned)
    if s := match["s4"]:
        return f"year{s}month name{s}day", (f"%Y{s}%b{s}%d",)
    if match["first"]:
        return "month name first", (f"%b %d{match['comma']} %Y",)
    if s := match["s1"]:
        return f"year{s}month{s}day", (f"%Y{s}%m{s}%d",)
    if s := match["s2"]:
        orders = (f"%d{s}%m{s}{year}", f"%m{s}%d{s}{year}")
        two_digit = (f"%y{s}%m{s}%d",) if year == "%y" else ()
        return f"day and month{s}{words}", orders + two_digit
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


YEARS = (1900, 2199)
MAX_SHAPES = 5000
UNREAD = Reading("CAST(NULL AS DATE)")
# Clocks on earth are at most 14 hours from UTC; DuckDB would take +99:99 as well.
IMPOSSIBLE_OFFSET = "[+-](1[5-9]|[2-9][0-9])(:?[0-9][0-9])?$|[+-][0-9][0-9]:?[6-9][0-9]$"


def read_date(connection: Connection, table: RawTable, date_format: str | None, timezone: str | None) -> Reading:
    """How the dates of a table are read: SQL of the day, in ``timezone`` where the values carry an offset."""
    column = table.columns["date"]
    kind, value = table.types[column], table.expression(column)
    if native := native_type(kind):
        dates = _read_native(native_value(column), native.upper(), timezone)
        return beside(dates, _read_text(connection, table, written_text(table, column), date_format, timezone))
    kind = kind.upper()
    is_list = kind.endswith("]")
    if kind.startswith(("DATE", "TIMESTAMP")) and not is_list:
        return _read_native(value, kind, timezone)
    if kind.startswith(INTEGERS) and not is_list:
        value = f"CAST({value} AS VARCHAR)"
    elif kind != "VARCHAR":
        return _refused(f"{table.label}: column {column!r} (for date) holds {kind.lower()} values, must hold dates")
    return _read_text(connection, table, value, date_format, timezone)


def _read_native(value: str, kind: str, timezone: str | None) -> Reading:
    if "TIME ZONE" in kind:
        day = f"CAST(timezone('{timezone or 'UTC'}', {value}) AS DATE)"
        return Reading(day, _out_of_range(value, day), in_utc=timezone is None)
    day = f"CAST({value} AS DATE)"
    return Reading(day, _out_of_range(value, day))


def _read_text(
    connection: Connection, table: RawTable, value: str, date_format: str | None, timezone: str | None
) -> Reading:
    text = f"upper(trim({value}))"
    if date_format is None:
        return _recognised(connection, table, text, timezone)
    return _as_configured(connection, text, date_format, timezone)


def _out_of_range(value: str, day: str) -> str:
    return f"{value} IS NOT NULL AND NOT coalesce({_in_range(day)}, false)"


def _in_range(day: str) -> str:
    return f"{day} BETWEEN DATE '{YEARS[0]}-01-01' AND DATE '{YEARS[1]}-12-31'"


def _as_configured(connection: Connection, text: str, date_format: str, timezone: str | None) -> Reading:
    if not (date_format.strip() and _is_format(connection, date_format)):
        return _refused(f'date_format == {date_format!r}, must be a strptime format such as "%d-%m-%Y"', USAGE)
    fitting = _with_capitals(date_format.strip())
    if "%b" in fitting:
        text = in_english(text)
    return _reading(text, (fitting,), "%z" in fitting or "%Z" in fitting, timezone)


def _is_format(connection: Connection, date_format: str) -> bool:
    try:
        connection.execute("SELECT try_strptime('', ?)", [date_format])
    except duckdb.Error:
        return False
    return True


def _with_capitals(date_format: str) -> str:
    """A format for texts in capitals with months in three letters: its own letters are capitals too."""
    parts = re.split("(%-?.)", date_format)
    capitals = "".join(part if part.startswith("%") else part.upper() for part in parts)
    return capitals.replace("%B", "%b").replace("%b. ", "%b ")


def _reading(text: str, formats: Iterable[str], offset: bool, timezone: str | None) -> Reading:  # noqa: FBT001
    day = _day(text, formats, offset, timezone)
    return Reading(day, _unparsed(text, day), in_utc=offset and timezone is None)


def _unparsed(text: str, day: str) -> str:
    return f"{text} <> '' AND NOT coalesce({_in_range(day)}, false)"


def _day(text: str, formats: Iterable[str], offset: bool, timezone: str | None) -> str:  # noqa: FBT001
    if not offset:
        return f"CAST(try_strptime({text}, {literals(formats)}) AS DATE)"
    moment = f"try_strptime(regexp_replace({text}, '(Z|UTC)$', '+00:00'), {literals(formats)})"
    day = f"CAST(timezone('{timezone or 'UTC'}', {moment}) AS DATE)"
    return f"CASE WHEN NOT regexp_matches({text}, '{IMPOSSIBLE_OFFSET}') THEN {day} END"


def _recognised(connection: Connection, table: RawTable, text: str, timezone: str | None) -> Reading:
    families, strange, strange_rows = _families(connection, table, text)
    column = table.columns["date"]
    if strange_rows:
        examples = table.examples(connection, [column], f"{text} IN {literals(strange)}")
        many = "values are not dates that can be recognised"
        return _refused(
            f"{table.label}: column {column!r} (for date): "
            f"{counted(strange_rows, 'value is not a date that can be recognised', many)}: {examples}; "
            "correct them, or describe the format with the key `date_format`"
        )
    if len(families) > 1:
        return _refused(_mixed_message(connection, table, text, families))
    if not families:
        return UNREAD
    ((_, (layouts, _, _)),) = families.items()
    return _decided(connection, table, text, layouts, timezone)


def _refused(message: str, exit_code: int = CONTENT) -> Reading:
    return Reading(UNREAD.expression, problems=(Problem(message, exit_code),))


def _families(connection: Connection, table: RawTable, text: str):
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
    listed = ", ".join(f"{counted(rows, 'row')} like {example}" for rows, example in examples)
    return (
        f"{table.label}: column {table.columns['date']!r} (for date) mixes formats: {listed}; "
        "all rows must be written the same way"
    )


def _decided(
    connection: Connection, table: RawTable, text: str, layouts: list[Layout], timezone: str | None
) -> Reading:
    """The one order of day, month and year under which every value is a date, if there is exactly one.

    Where the month is a name and the year has two digits, an order that puts a date after today is none.
    """
    offset, has_name = layouts[0].has_offset, layouts[0].has_name
    by_order: dict[int, list[str]] = defaultdict(list)
    for layout in layouts:
        for order, single in enumerate(layout.formats):
            if single not in by_order[order]:
                by_order[order].append(single)
    text = in_english(text) if has_name else text
    if len(by_order) == 1:
        return _reading(text, by_order[0], offset, timezone)
    days = [_day(text, formats, offset, timezone) for formats in by_order.values()]
    past = f" AND {{}} <= DATE '{dt.datetime.now(dt.UTC).date()}'" if has_name else ""
    readable = [f"NOT ({_unparsed(text, day)}){past.format(day)}" for day in days]
    counts = connection.execute(
        f"SELECT count(*), {', '.join(f'count(*) FILTER ({test})' for test in readable)}, "
        f"count(*) FILTER (NOT ({' OR '.join(readable)})) FROM {table.scan} WHERE {text} <> ''"
    ).fetchall()[0]
    total, *fitting, hopeless = counts
    whole = [order for order, rows in enumerate(fitting) if rows == total]
    if len(whole) == 1 or hopeless:
        best = whole[0] if whole else max(range(len(fitting)), key=fitting.__getitem__)
        return _reading(text, by_order[best], offset, timezone)
    return _refused(_order_message(connection, table, text, by_order, fitting, readable, whole))


def _order_message(connection, table: RawTable, text: str, by_order, fitting, readable, whole) -> str:
    where = f"{table.label}: column {table.columns['date']!r} (for date)"
    if whole:
        example = table.examples(connection, [table.columns["date"]], f"{text} <> ''", 3)
        fields = "day and year" if "%b" in by_order[0][0] else "day and month"
        which = f"any of the {max(fitting):,} dates" if max(fitting) > 1 else "the only date"
        choices = " or ".join(f'"{by_order[order][0]}"' for order in whole)
        return (
            f"{where}: {fields} cannot be told apart in {which}, such as {example}; set the key `date_format` to "
            f"{choices}"
        )
    parts = []
    for order, test in enumerate(readable):
        others = " AND ".join(f"NOT ({other})" for number, other in enumerate(readable) if number != order)
        example = table.examples(connection, [table.columns["date"]], f"{text} <> '' AND {test} AND {others}", 1)
        if example:
            parts.append(f"only {by_order[order][0]} fits {example}")
    return f"{where} mixes formats: {'; '.join(parts)}; all rows must be written the same way"
