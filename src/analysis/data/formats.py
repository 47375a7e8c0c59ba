"""Text becomes dates and numbers by trying: every known format on every distinct value of a column.

None that fits every value: refused, with examples. Two that fit and differ somewhere: refused, naming the key that
settles it. A format is a name and the SQL of what it makes of a text, NULL where the text is none of its kind.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, product
from typing import Any

import duckdb

from analysis.data.cells import OWN
from analysis.data.engine import MONEY, Connection, literal, literals, quoted, run
from analysis.data.source import RawTable
from analysis.data.vocabulary import CURRENCY, in_words, rows_by_code, vocabulary, words
from analysis.errors import CONTENT, USAGE, Problem, counted

ENGLISH = {
    name: dt.date(2000, month, 1).strftime("%b")
    for month, found in enumerate(words("months"), 1)
    for name in found.split()
}
"""Name of a month in the languages of ``vocabulary.yml``, without accents -> its three English letters."""
NAMES = "|".join(sorted(ENGLISH, key=len, reverse=True)).upper()
WEEKDAY = (
    f"^(?:{'|'.join(words('weekdays'))})[.]?,? +".upper()
    + "([0-9]+[-/.][0-9]{1,2}[-/.].*|[0-9]+(?:ST|ND|RD|TH|ER)?[-/. ]+[A-Z]+.*|[A-Z]+[. ].*)$"
)
"""Pattern of a day of the week and the date after it, which tells Tuesday from March in French."""
ORDERS = ("%Y{s}%m{s}%d", "%d{s}%m{s}%Y", "%m{s}%d{s}%Y", "%d{s}%m{s}%y", "%m{s}%d{s}%y", "%y{s}%m{s}%d",
          "%d{s}%b{s}%Y", "%Y{s}%b{s}%d", "%d{s}%b{s}%y", "%y{s}%b{s}%d", "%b{s}%d{s}%Y", "%b{s}%d{s}%y")  # fmt: skip
DATE_FORMATS = (
    *(order.format(s=s) for order, s in product(ORDERS, "-/. ")),
    *("%b %d, %Y", "%d %b, %Y", "%d%b%Y", "%Y%m%d", "%d%m%Y", "%m%d%Y", "%Y%m%d%H%M%S"),
)
SINCE_1970 = {
    "epoch seconds": ("9,10", 1_000_000),
    "epoch milliseconds": ("12,13", 1_000),
    "epoch microseconds": ("15,16", 1),
}
"""Name -> digits, microseconds of one."""
SERIAL = "spreadsheet serial"
MONTH_FORMATS = (*("%Y-%m", "%Y/%m", "%m-%Y", "%m/%Y", "%b %Y", "%b-%Y", "%Y %b", "%Y-%b"), "%Y%m")
"""Whole months, which stand for their first day where they are allowed."""
NOTHING = words("nothing")
"""Words that count as nothing."""
YEARS = (1900, 2199)
CLOCKS = ("%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p", "%H%M%S")
ZONES = vocabulary()["zones"]
"""Letters of a time zone -> its shift from UTC [min]."""
TIMED = "[-/. ][0-9A-Za-z]*[0-9][Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?$"
"""Pattern of a date with a time of day and no zone; its end is ``:`` and what surrounds it."""
PLAIN = "^-?[0-9]{1,12}([.][0-9]{1,2})?$"
GROUPS = "[1-9][0-9]{{0,2}}(?:{g}[0-9]{{3}})+"
INDIAN = "|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"
DECIMALS = {".": ",", ",": "[.]"}
"""Decimal mark -> pattern of what groups thousands beside it, as blanks and apostrophes always may."""
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
# What binary arithmetic leaves of nothing, such as 0.1 + 0.2 - 0.3, is below this; an amount is not.
FLOAT_NOISE = "1e-9"
ALIKE = "(word <> '' OR regexp_matches(whole, '^[0-9]+[-/. :][0-9]+[-/. :]|^[0-9]{8}$'))"
"""SQL of whether a text has the make of a date, even if it is none."""
OFFSET = ":[0-9.]+[-+][0-9:]+$"
OWN_ZONED = f"own AND regexp_matches(text, '{OFFSET}')"
OWN_PLAIN = f"own AND regexp_matches(text, '^.[0-9]{{4}}-') AND NOT regexp_matches(text, '{OFFSET}')"
"""SQL of whether a cell held a moment with an offset from UTC, or a day or a moment without."""
NUMBER = count()


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes
    ----------
    expression
        SQL of the value; NULL where it is missing.
    join
        SQL that joins what ``expression`` rests on to the rows; empty where it is the row alone.
    unreadable
        SQL that is true where something stands in the column that could not be read.
    currencies
        Rows of every sign or code of a currency that stands beside the values.
    problems
        What stands in the way.
    in_utc
        Whether times with an offset are read as their day in UTC, since no time zone is configured.
    per_cent
        Whether every value that is not zero carries a per-cent sign.
    form
        The format that the values prove; empty where they are no texts or nothing has to be known.
    """

    expression: str
    unreadable: str = "false"
    join: str = ""
    currencies: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    in_utc: bool = False
    per_cent: bool = False
    form: str = ""


class Trial:
    """What every format made of every distinct text of a column.

    Attributes
    ----------
    table, column, value
        Where the column is; SQL of its values.
    name
        DuckDB table: text, rows, whatever was prepared, and one column for each format.
    rows
        Rows with a value.
    fits
        Format -> rows that it reads, only those that read any, in the order of preference.
    unread
        Rows that none reads; words that count as nothing are not tried.
    """

    def __init__(
        self,
        connection: Connection,
        table: RawTable,
        column: str,
        value: str,
        prepared: Sequence[str],
        formats: Mapping[str, str],
        days: Mapping[str, str] | None = None,
    ):
        """``prepared`` is SQL of columns that the formats rest on, made of ``text`` step by step.

        ``days`` is, for each format, SQL of what it makes of the column ``day`` of these, of which far fewer differ:
        formats that read none of them are not tried on the texts.
        """
        self.connection, self.table, self.column, self.value = connection, table, column, value
        self.name = name = f"tried_{next(NUMBER)}"
        # What was no text where it came from has its mark; it is read as it is, whatever is tried on the others.
        texts = f"""
            SELECT *, starts_with(text, {OWN}) AS own, lower(trim(text)) IN {literals(NOTHING)} AS nothing
            FROM (SELECT {value} AS text, count(*)::BIGINT AS rows FROM {table.scan} GROUP BY 1)
            WHERE trim(text) <> ''"""
        for step in prepared:
            texts = f"SELECT *, {step} FROM ({texts})"
        run(connection, f"CREATE TEMP TABLE {name}_texts AS {texts}")
        if days:
            reads = ", ".join(f"bool_or({day} IS NOT NULL)" for day in days.values())
            each = f"SELECT DISTINCT day, day AS whole FROM {name}_texts WHERE NOT (own OR nothing)"
            found = run(connection, f"SELECT {reads} FROM ({each})")[0]
            # Where all were no texts any format says so.
            forms = [form for form, is_read in zip(days, found, strict=True) if is_read] or [*days][:1]
            formats = {form: formats[form] for form in forms}
        columns = "".join(f", {read} AS {_name(form)}" for form, read in formats.items())
        run(connection, f"CREATE TEMP TABLE {name} AS SELECT *{columns} FROM {name}_texts WHERE NOT nothing")
        counts = "".join(f", sum(rows) FILTER ({_name(form)} IS NOT NULL)" for form in formats)
        unread = " AND ".join(map(_misfit, formats)) or "true"
        sums = run(connection, f"SELECT sum(rows), sum(rows) FILTER ({unread}){counts} FROM {name}")[0]
        self.rows, self.unread, *fits = (int(found or 0) for found in sums)
        self.fits = {form: number for form, number in zip(formats, fits, strict=True) if number}

    @property
    def whole(self) -> list[str]:
        """The formats that read every value, without those that read all of them as another one does."""
        found: list[str] = []
        for form in (form for form, rows in self.fits.items() if rows == self.rows):
            if all(self.texts(f"{_name(form)} <> {_name(other)}", 1) for other in found):
                found.append(form)
        return found

    def texts(self, condition: str = "true", most: int = 5) -> list[str]:
        """Distinct texts that meet a condition, the most frequent first."""
        texts = f"SELECT text FROM {self.name} WHERE {condition} ORDER BY rows DESC, text LIMIT {most}"
        return [text for (text,) in run(self.connection, texts)]

    def shown(self, condition: str, most: int = 5) -> str:
        """Rows whose texts meet a condition, as examples."""
        condition = f"{self.value} IN {literals(self.texts(condition))}"
        return self.table.examples(self.connection, [self.column], condition, most)

    def number(self, condition: str) -> int:
        """Rows whose texts meet a condition."""
        return run(self.connection, f"SELECT coalesce(sum(rows), 0)::BIGINT FROM {self.name} WHERE {condition}")[0][0]

    @property
    def best(self) -> str | None:
        """The format that reads most."""
        return max(self.fits, key=self.fits.__getitem__, default=None)

    def reading(self, form: str, /, **known: Any) -> Reading:
        """What ``form`` makes of the values; ``known`` are further attributes."""
        # Names that no column of a user has, since the values stand beside them.
        text, read = quoted(f"text of {self.name}"), quoted(f"value of {self.name}")
        looked_up = f"(SELECT text AS {text}, {_name(form)} AS {read} FROM {self.name})"
        return Reading(read, join=f"LEFT JOIN {looked_up} ON {text} = {self.value}", **known)


def _name(form: str) -> str:
    # By capitals alone DuckDB tells no columns apart.
    return quoted(form.replace("%y", "%yy"))


def _misfit(form: str | None) -> str:
    """SQL of whether a format does not read a text."""
    return f"{_name(form)} IS NULL" if form else "true"


def _refused(kind: str, message: str, exit_code: int = CONTENT) -> Reading:
    return Reading(f"CAST(NULL AS {kind})", problems=(Problem(message, exit_code),))


def read_date(
    connection: Connection,
    table: RawTable,
    date_format: str | None,
    timezone: str | None,
    *,
    months: bool = False,
    role: str = "date",
) -> Reading:
    """How a column of dates is read: SQL of the day, in ``timezone`` where the values carry an offset.

    With ``months`` a whole month, such as 2024-03, stands for its first day.
    """
    column = table.columns[role]
    kind, value = table.types[column].upper(), table.expression(column)
    if kind.startswith(("DATE", "TIMESTAMP")) and not kind.endswith("]"):
        return _native_date(value, kind, timezone, role)
    if kind.startswith((*INTEGERS, "DOUBLE", "FLOAT", "DECIMAL")) and not kind.endswith("]"):
        value = f"NULLIF(regexp_replace(CAST({value} AS VARCHAR), '[.]0+$', ''), 'nan')"
    elif kind != "VARCHAR":
        return _refused("DATE", f"{table.where(role)} holds {kind.lower()} values, must hold dates")
    else:
        value = quoted(column)
    zone = timezone or "UTC"
    days = _days(zone, months=months)
    formats = {form: _day(_with_shift(day, zone) if "%" in form else day, zone, role) for form, day in days.items()}
    if kind == "VARCHAR" and (date_format is None or date_format in formats):
        # A time of day without a zone says nothing of the day, and without it far fewer texts differ.
        timed, day = f"regexp_matches({value}, '{TIMED}')", f"left({value}, strpos({value}, ':') - 4)"
        value = f"CASE WHEN contains({value}, ':') AND {timed} THEN {day} ELSE {value} END"
    if date_format is not None:
        if not (date_format.strip() and (date_format in formats or _is_format(connection, date_format))):
            message = f'date_format == {date_format!r}, must be a strptime format such as "%d-%m-%Y"'
            return _refused("DATE", message, USAGE)
        days, formats = None, {date_format: formats.get(date_format) or _configured(date_format, zone, role)}
    trial = Trial(connection, table, column, value, _prepared_date(), formats, days)
    if not trial.rows:
        return Reading("CAST(NULL AS DATE)")
    forms = trial.whole
    if len(forms) > 1 and any("%y" in form for form in forms):
        today = dt.datetime.now(dt.UTC).date()
        forms = [form for form in forms if not trial.texts(f"{_name(form)} > DATE '{today}'", 1)]
    ways = ((OWN_PLAIN, OWN_ZONED), ("zone = '' AND NOT own", "zone <> '' AND NOT own"))
    mixed = next((both for both in ways[: 1 if date_format else 2] if all(map(trial.number, both))), ())
    if len(forms) == 1 and not mixed:
        zoned = trial.number(ways[1][1]) or forms[0] in SINCE_1970 or (date_format or "").lower().endswith("%z")
        return trial.reading(forms[0], in_utc=timezone is None and bool(zoned), form=forms[0])
    best, misfit = trial.best, _misfit(trial.best)
    if trial.unread and not mixed and (date_format or not trial.number(f"{misfit} AND NOT {ALIKE}")):
        unreadable = f"{trial.value} IN (SELECT text FROM {trial.name} WHERE {misfit})"
        if best:
            return trial.reading(best, unreadable=unreadable)
        return Reading("CAST(NULL AS DATE)", unreadable)
    return _refused("DATE", f"{table.where(role)}{_why_no_dates(trial, mixed)}")


def _why_no_dates(trial: Trial, mixed: tuple[str, ...]) -> str:
    """Why not one format reads every date; ``mixed`` are conditions on rows that are of two kinds."""
    whole, best, misfit = trial.whole, trial.best, _misfit(trial.best)
    if len(whole) > 1 and not mixed:
        fields = "day and year" if "%b" in whole[0] else "day and month"
        texts = trial.number("NOT own")
        which = f"any of the {texts:,} dates" if texts > 1 else "the only date"
        choices = " or ".join(f'"{form}"' for form in whole)
        shown = trial.shown("NOT own", 3)
        return f": {fields} cannot be told apart in {which}, such as {shown}; set the key `date_format` to {choices}"
    if best and (mixed or not trial.unread):
        conditions = mixed or (f"NOT {misfit}", misfit)
        listed = ", ".join(f"{counted(trial.number(one), 'row')} like {trial.shown(one, 1)}" for one in conditions)
        return f" mixes formats: {listed}; all rows must be written the same way"
    found = counted(trial.number(misfit), "value is not a date", "values are not dates")
    return (
        f": {found} that can be recognised: {trial.shown(misfit)}; each must be a day with its month and year; correct "
        "them, take lines of totals out of the file, or describe the format with the key `date_format`"
    )


def _native_date(value: str, kind: str, timezone: str | None, role: str) -> Reading:
    zoned = "TIME ZONE" in kind
    day = f"CAST(timezone('{timezone or 'UTC'}', {value}) AS DATE)" if zoned else f"CAST({value} AS DATE)"
    return Reading(
        day, f"{value} IS NOT NULL AND NOT coalesce({_in_range(day, role)}, false)", in_utc=zoned and not timezone
    )


def _in_range(day: str, role: str) -> str:
    # An end such as 9999-12-31 stands for what runs on.
    return f"{day} BETWEEN DATE '{YEARS[0]}-01-01' AND DATE '{9999 if role == 'end' else YEARS[1]}-12-31'"


def _prepared_date() -> Sequence[str]:
    """SQL of a date's parts: ``day`` with the month in three English letters, ``clock``, ``shift`` from UTC [min].

    In steps, since DuckDB writes out a name of the same step wherever it stands.
    """
    short = ", ".join(f"'{name.upper()}': '{english.upper()}'" for name, english in ENGLISH.items())
    clock = r"(?:[0-9]{6}|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?(?: ?[AP]M)?)"
    offset = "[+-][0-9]{2}(?::?[0-9]{2})?"
    zone = f"(?:{'|'.join(ZONES)}|{offset})"
    return (
        "strip_accents(upper(trim(text))) AS whole",
        rf"regexp_replace(whole, '{WEEKDAY}', '\1') AS bare",
        f"regexp_extract(bare, '(?:^|[^A-Z])({NAMES})(?:[^A-Z]|$)', 1) AS word",
        rf"""
        CASE WHEN word = '' THEN bare ELSE
            regexp_replace(regexp_replace(
                replace(replace(bare, word || '. ', word || ' '), word, MAP {{{short}}}[word]),
                '^([0-9]{{1,2}})(?:[.]|ST|ND|RD|TH|ER)? (?:DE )?([A-Z]{{3}})', '\1 \2'),
                '([A-Z]{{3}}) DE |([A-Z]{{3}} [0-9]{{1,2}})(?:ST|ND|RD|TH),?', '\1\2 ')
            END AS spelled""",
        rf"""
        regexp_replace(replace(spelled, '  ', ' '),
                       '(?:GMT|UTC)?({offset})(?: [A-Z]+| [(][^)]*[)])?$', '\1') AS spaced""",
        f"regexp_extract(spaced, '(?:T|,? +(?:(?:OM|UM|AT|A|-) )?){clock}(?: UHR)?(?: ?{zone})?$') AS time",
        f"""
        left(spaced, length(spaced) - length(time)) AS day,
        regexp_extract(time, '{clock}') AS clock_text, regexp_extract(time, '{zone}$') AS zone""",
        f"""
        CASE WHEN clock_text = '' THEN TIME '00:00:00'
             ELSE coalesce(TRY_CAST(clock_text AS TIME), CAST(try_strptime(clock_text, {literals(CLOCKS)}) AS TIME))
             END AS clock,
        CASE WHEN NOT regexp_matches(zone, '[0-9]') THEN coalesce(MAP {ZONES}[zone], 0)
             WHEN CAST(zone[2:3] AS INTEGER) < 15 AND coalesce(TRY_CAST(right(zone, 2) AS INTEGER), 0) < 60
             THEN CAST(zone[1] || '1' AS INTEGER) * (CAST(zone[2:3] AS INTEGER) * 60
                  + CASE WHEN length(zone) > 3 THEN CAST(right(zone, 2) AS INTEGER) ELSE 0 END) END AS shift""",
    )


def _days(zone: str, *, months: bool) -> dict[str, str]:
    """Name of a format -> SQL of what it makes of a date without its time of day."""
    forms = (*DATE_FORMATS, *(MONTH_FORMATS if months else ()))
    found = {form: f"try_strptime(day, '{form}')" for form in forms}
    for form in (form for form in forms if re.fullmatch("(%[YmdHMS])+", form)):
        digits = f"^[0-9]{{{2 + 2 * form.count('%')}}}$"
        found[form] = f"CASE WHEN regexp_matches(day, '{digits}') THEN {found[form]} END"
    for name, (digits, micro) in SINCE_1970.items():
        moment = f"make_timestamp(CAST(split_part(day, '.', 1) AS BIGINT) * {micro})"
        local = f"CAST(timezone('{zone}', timezone('UTC', {moment})) AS DATE)"
        found[name] = f"CASE WHEN regexp_matches(whole, '^[0-9]{{{digits}}}([.][0-9]+)?$') THEN {local} END"
    serial = "DATE '1899-12-30' + CAST(left(whole, 5) AS INTEGER)"
    found[SERIAL] = f"CASE WHEN regexp_matches(whole, '^[1-9][0-9]{{4}}([.,][0-9]+)?$') THEN {serial} END"
    return found


def _day(of_text: str, zone: str, role: str) -> str:
    """SQL of the day that a text means, or of the moment that a cell held; NULL outside the years that are dates."""
    moment = "substr(text, 2)"
    local = f"CAST(timezone('{zone}', TRY_CAST({moment} AS TIMESTAMP WITH TIME ZONE)) AS DATE)"
    held = f"CASE WHEN regexp_matches({moment}, '{OFFSET}') THEN {local} ELSE TRY_CAST({moment} AS DATE) END"
    day = f"CASE WHEN own THEN {held} ELSE {of_text} END"
    return f"CASE WHEN {_in_range(f'({day})', role)} THEN {day} END"


def _with_shift(midnight: str, zone: str) -> str:
    moment = f"(CAST({midnight} AS DATE) + clock - to_minutes(CAST(shift AS BIGINT)))"
    local = f"CAST(timezone('{zone}', timezone('UTC', {moment})) AS DATE)"
    return f"CASE WHEN zone = '' AND clock IS NOT NULL THEN CAST({midnight} AS DATE) ELSE {local} END"


def _is_format(connection: Connection, date_format: str) -> bool:
    try:
        run(connection, f"SELECT try_strptime('', {literal(date_format)})")
    except duckdb.Error:
        return False
    return True


def _configured(date_format: str, zone: str, role: str) -> str:
    """SQL of the day by a format of the user's own: of the whole text, or of its date without the time of day."""
    # Texts are in capitals, without accents, with months in three letters: the format's own letters are too.
    bare = "".join(one for one in unicodedata.normalize("NFD", date_format.strip()) if not unicodedata.combining(one))
    parts = (part if part.startswith("%") else part.upper() for part in re.split("(%-?.)", bare))
    form = "".join(parts).replace("%B", "%b").replace("%b. ", "%b ")
    text = "regexp_replace(CASE WHEN word = '' THEN whole ELSE spaced END, '(Z|UTC)$', '+00:00')"
    moment = f"try_strptime({text}, {literal(form)})"
    if "%z" in form or "%Z" in form:
        day = f"CASE WHEN shift IS NOT NULL THEN CAST(timezone('{zone}', {moment}) AS DATE) END"
    else:
        day = f"coalesce(CAST({moment} AS DATE), {_with_shift(f'try_strptime(day, {literal(form)})', zone)})"
    return _day(day, zone, role)


def read_number(connection: Connection, table: RawTable, role: str, decimal: str | None) -> Reading:
    """How the numbers of a column are read, exactly as they stand or not at all.

    ``1.234,56`` and ``1,50`` prove a decimal comma, ``1,234.56`` and ``1.5`` a decimal point; ``1.234`` proves
    neither and is refused unless another text of the column, or the key ``decimal``, settles it. Cells that are
    numbers of their own say nothing about how texts beside them are written.
    """
    column = table.columns[role]
    kind = table.types[column].upper()
    if kind == "VARCHAR":
        reading = _text_number(connection, table, role, decimal)
    elif kind.startswith(("DECIMAL", "DOUBLE", "FLOAT", *INTEGERS)) and not kind.endswith("]"):
        reading = _native_number(table.expression(column), kind)
    else:
        return _refused(MONEY, f"{table.where(role)} holds {kind.lower()} values, must hold numbers")
    if len(rows := rows_by_code(reading.currencies)) > 1:
        return _refused(MONEY, f"{table.where(role)} mixes currencies: {in_words(rows)}; one currency is allowed")
    return reading


def _native_number(value: str, kind: str) -> Reading:
    parsed = f"TRY_CAST({value} AS {MONEY})"
    if kind in {"DOUBLE", "FLOAT"}:
        nothing = f"CAST({value} AS VARCHAR) IN ('nan', 'inf', '-inf')"
        lost = f"{parsed} = 0 AND abs({value}) >= {FLOAT_NOISE}"
        return Reading(parsed, f"CASE WHEN {parsed} IS NULL THEN NOT {nothing} ELSE {lost} END")
    lost = f" OR ({parsed} = 0 AND {value} <> 0)" if kind.startswith("DECIMAL") else ""
    return Reading(parsed, f"({value} IS NOT NULL AND {parsed} IS NULL){lost}")


def _prepared_number(*, per_cent: bool) -> Sequence[str]:
    """SQL of a number's parts: ``core`` without blanks, sign and currency; ``turned`` where it is negative."""
    sign = " ?%$" if per_cent else "^$"
    odd = " || ".join(f"chr({number})" for number in (160, 8239, 8201, 9, 8722, 8211, 8217))
    return (
        f"replace(trim(translate(text, {odd}, '    --''')), '&euro;', '€') AS spaced",
        rf"""
        list_distinct(regexp_extract_all(spaced, '{CURRENCY}')) AS marks,
        regexp_replace(regexp_replace(spaced, '^([-+(]? ?){CURRENCY} ?', '\1'),
                       ' ?{CURRENCY} ?([-)]?)$', '\2') AS bare""",
        rf"""
        regexp_replace(regexp_replace(bare, '{sign}', ''), '([,.])(--?|=)([)]?)$', '\1' || '00' || '\3') AS signed,
        ends_with(bare, '%') AS per_cent""",
        """
        CASE WHEN regexp_matches(signed, '^[(][^-+()]*[)]$') THEN trim(translate(signed, '()', ''))
             WHEN regexp_matches(signed, '^[^-+()]* ?-$') THEN trim(rtrim(signed, '-'))
             ELSE regexp_replace(signed, '^[-+] ?', '') END AS core,
        regexp_matches(signed, '^[-(]|-$') AS turned""",
    )


def _number_format(mark: str) -> str:
    """SQL of a core in which ``mark`` stands before the decimals, exact or NULL; what cannot be kept is -1e12."""
    groups = "|".join(GROUPS.format(g=group) for group in (DECIMALS[mark], " ", "''"))
    whole = f"(?:[0-9]+|{groups}{INDIAN if mark == '.' else ''})"
    pattern = f"^({whole}([{mark}][0-9]+)?|[{mark}][0-9]+)([eE][-+]?[0-9]+)?$"
    digits = f"translate(core, ' ''{DECIMALS[mark].strip('[]')}', '')"
    digits = f"replace({digits}, ',', '.')" if mark == "," else digits
    parsed = f"TRY_CAST({digits} AS {MONEY})"
    kept = f"NOT ({parsed} = 0 AND regexp_matches(core, '^[^eE]*[1-9]'))"
    value = f"CASE WHEN {kept} THEN CASE WHEN turned THEN -{parsed} ELSE {parsed} END ELSE {LOST} END"
    held = f"TRY_CAST(substr(text, 2) AS {MONEY})"
    held = f"CASE WHEN {held} <> 0 OR TRY_CAST(substr(text, 2) AS DOUBLE) = 0 THEN {held} ELSE {LOST} END"
    return f"""CASE WHEN own THEN CASE WHEN TRY_CAST(substr(text, 2) AS DOUBLE) IS NOT NULL THEN {held} END
                    WHEN regexp_matches(core, '{pattern}') THEN coalesce({value}, {LOST}) END"""


LOST = f"CAST(-999999999999.999999 AS {MONEY})"
"""Stands for a number that cannot be kept exactly."""


def _text_number(connection: Connection, table: RawTable, role: str, decimal: str | None) -> Reading:
    column = table.columns[role]
    value = quoted(column)
    others = f"SELECT 1 FROM {table.scan} WHERE trim({value}) <> '' AND NOT regexp_matches({value}, '{PLAIN}') LIMIT 1"
    if decimal != "," and not run(connection, others):
        return Reading(f"TRY_CAST({value} AS {MONEY})")
    formats = {mark: _number_format(mark) for mark in DECIMALS}
    trial = Trial(connection, table, column, value, _prepared_number(per_cent=role == "discount"), formats)
    where, shown = table.where(role), trial.shown
    if not trial.rows:
        return Reading(f"CAST(NULL AS {MONEY})")
    if rows := trial.unread:
        found = counted(rows, "value is not a number", "values are not numbers")
        found += f": {shown(' AND '.join(map(_misfit, trial.fits)) or 'true')}"
        return _refused(MONEY, f"{where}: {found}; correct them, or take their lines out of the file")
    form = decimal or trial.best
    misfit = _misfit(form if form in trial.fits else None)
    if rows := trial.number(misfit):
        found = counted(rows, "value does not fit", "values do not fit")
        others = "" if decimal else ", as others of the column do; all must be written the same way"
        return _refused(MONEY, f"{where}: {found} decimal == {form!r}{others}: {shown(misfit)}")
    if len(trial.whole) > 1 and not decimal:
        differ = f"{_name('.')} <> {_name(',')}"
        return _refused(
            MONEY,
            f"{where}: {counted(trial.number(differ), 'number')} can be read two ways, as thousands or with decimals "
            f"({shown(differ)}), and no other value of the column settles it; set the key `decimal` to ',' or '.'",
        )
    proven = min(trial.fits.get(mark, 0) for mark in DECIMALS) < trial.rows
    marks = run(connection, f"SELECT unnest(marks) AS mark, sum(rows)::BIGINT FROM {trial.name} GROUP BY 1 ORDER BY 1")
    all_per_cent = not trial.number(f"NOT per_cent AND {_name(form)} <> 0") and trial.number("per_cent") > 0
    reading = trial.reading(form, currencies=dict(marks), per_cent=all_per_cent, form=form if proven else "")
    if trial.number(f"{_name(form)} = {LOST}"):
        return replace(reading, unreadable=f"coalesce({reading.expression} = {LOST}, false)")
    return reading
