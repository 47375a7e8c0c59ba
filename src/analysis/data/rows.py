"""Rows with every role read, of a file or in an engine: from here on both go the same way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

import ibis
from ibis.expr.datatypes import Timestamp
from ibis.expr.types import BooleanValue, NumericValue, Table, Value

from analysis.config import DataConfig
from analysis.data.engine import MONEY, NUMBER_OF_ROW, Connection, Relation, literal, quoted
from analysis.data.expressions import CELL
from analysis.data.formats import FLOAT_NOISE, YEARS, Reading, read_date, read_number
from analysis.data.source import FLAGS, INCLUDED, RawTable, guessed_roles, in_words, mapped_columns, problems_in_headers
from analysis.data.vocabulary import BLANKS, INVISIBLE, says_hundredths
from analysis.errors import Problem, counted
from analysis.words import Message

PRICE_ROLES = ("amount", "quantity", "unit_price")
MONEY_ROLES = (*PRICE_ROLES, "discount", "refunded", *INCLUDED)
TEXTS = {role: role for role in ("status", *FLAGS, "currency", "product", "category", "channel")}
TEXTS["order"] = "order_id"
"""Role that is text -> its column of typed rows."""
KEPT_AS_THEY_ARE = {"BIGINT": "int64", "INTEGER": "int32", "UBIGINT": "uint64"}
IN_UTC = Message("Times carry an offset and no time zone is configured, so the day of an order is its day in UTC.")
LARGEST = 10**12
"""Amounts are below it."""
WHOLE_FLOATS = {"float64": 1e15, "float32": 2**24, "float16": 2**11}
"""From here on neighbouring whole numbers are the same floating-point number, or were when a sheet was written."""


@dataclass(frozen=True)
class Rows:
    """Rows as the cleaning takes them.

    Attributes
    ----------
    relation
        Columns customer, day, money, is_refund, reason (why it does not count), unread (whether a value of it could
        not be read), those of ``keys``, and where they are given order_id, discount, currency, product, category,
        channel, status, refunded; of a file also row, its place there.
    label
        What the user calls the source.
    columns, all_columns
        Role -> column name, with roles whose column does not exist left out; every column of the source.
    keys
        Columns in which a row that repeats another one equals it.
    guessed
        Roles whose column nobody named: what it says is asked about.
    table, readings
        Of a file: the rows as they came; role -> how it is read.
    found, said
        Problems and notes.
    """

    relation: Relation
    label: str
    columns: Mapping[str, str]
    all_columns: tuple[str, ...]
    keys: tuple[str, ...]
    guessed: frozenset[str]
    table: RawTable | None = None
    readings: Mapping[str, Reading] = field(default_factory=dict)
    found: tuple[Problem, ...] = ()
    said: tuple[Message, ...] = ()

    @property
    def has_money(self) -> bool:
        return bool({"amount", "quantity"} & set(self.columns))

    def has(self, role: str) -> bool:
        """Whether somebody named the column of a role."""
        return role in self.columns and role not in self.guessed

    def where(self, role: str) -> str:
        """A role's column, for messages."""
        return f"{self.label}: column {self.columns[role]!r} (for {role})"

    def then(self, function: Callable[..., Table], *settings: Any) -> Rows:
        """The rows as an expression changes them."""
        return replace(self, relation=self.relation.then(function, *settings))

    def noted(self, notes: Iterable[Message] = (), problems: Iterable[Problem] = ()) -> Rows:
        """These rows with more to say of them."""
        return replace(self, said=(*self.said, *notes), found=(*self.found, *problems))

    def number(self, test: Callable[[Table], BooleanValue]) -> int:
        """How many rows meet a test (an expression)."""
        return self.relation.one(_number, test)["number"]

    def problems(
        self,
        where: str,
        test: Callable[[Table], BooleanValue],
        found: tuple[str, str, str],
        roles: Iterable[str],
        *,
        number: int | None = None,
        most: int = 5,
    ) -> list[Problem]:
        """A problem where some rows meet a test; ``roles`` are quoted as examples.

        ``found`` is what one and several such rows are, and what is allowed; ``number`` is how many there are, where
        that is known.
        """
        if not (number := self.number(test) if number is None else number):
            return []
        one, many, allowed = found
        return [Problem(f"{where}: {counted(number, one, many)}: {self.examples(roles, test, most)}; {allowed}")]

    def examples(self, roles: Iterable[str], test: Callable[[Table], BooleanValue], most: int = 5) -> str:
        """The first rows that meet a test (an expression), in words: as they stand in the file, and where."""
        roles = tuple(role for role in roles if self.has(role))
        if self.table is None:
            raw = [f"raw {role}" for role in roles]
            found = self.relation.few(lambda t: t.filter(test(t)).select(*raw).order_by(raw).limit(most))
            return ", ".join(in_words(line.values()) for line in found)
        places = self.relation.few(lambda t: t.filter(test(t)).select("row").order_by("row").limit(most))
        numbers = [str(line["row"]) for line in places]
        condition = f"{quoted(NUMBER_OF_ROW)} IN ({', '.join(numbers) or 'NULL'})"
        columns = [self.columns[role] for role in roles]
        return self.table.examples(self.relation.connection, columns, condition, most)


def _number(rows: Table, test: Callable[[Table], BooleanValue]) -> Table:
    # Filtered, so that an engine tries the cheap part of a test first.
    return rows.filter(test(rows)).aggregate(number=ibis._.count())


def file_rows(connection: Connection, table: RawTable, data: DataConfig) -> Rows:
    """The rows of a file, every role read and typed; text is parsed once, into a temporary table."""
    readings, guessed = {}, guessed_roles(data, table.columns)
    if "date" in table.columns:
        readings["date"] = read_date(connection, table, data.date_format, data.timezone)
    for role in (role for role in MONEY_ROLES if role in table.columns):
        reading = read_number(connection, table, role, data.decimal)
        if role not in guessed:
            readings[role] = reading
        elif not reading.problems:  # what cannot be read in a column that nobody named is in nobody's way
            readings[role] = replace(reading, unreadable="false")
    has_texts = any(table.is_text(table.columns[role]) for role in readings)
    if "customer" in table.columns:
        readings["customer"] = read_id(table)
    relation = Relation(*_selected(table, readings), connection)
    if has_texts:
        relation = relation.stored("typed_rows")
    rows = Rows(
        relation=relation,
        label=table.label,
        columns=table.columns,
        all_columns=tuple(table.types),
        keys=("key_1", "key_2"),
        guessed=guessed,
        table=table,
        readings=readings,
        found=tuple(problem for reading in readings.values() for problem in reading.problems),
        said=(IN_UTC,) if any(reading.in_utc for reading in readings.values()) else (),
    )
    return _typed(rows, data)


def _selected(table: RawTable, readings: Mapping[str, Reading]) -> tuple[str, dict[str, str]]:
    """SQL of the columns of every role, and their types in Ibis."""
    selected = {name: (key, "uint64") for name, key in zip(("key_1", "key_2"), table.row_keys, strict=True)}
    selected["row"] = quoted(NUMBER_OF_ROW), "int64"
    for role, reading in readings.items():
        if role == "customer":
            kind = KEPT_AS_THEY_ARE.get(table.types[table.columns[role]].upper(), "string")
            selected[role] = reading.expression, kind
        elif role == "date":
            selected["day"] = reading.expression, "date"
        else:
            selected[role] = f"CAST({reading.expression} AS {MONEY})", CELL
        if reading.unreadable != "false":
            selected[f"unread {role}"] = f"coalesce({reading.unreadable}, false)", "boolean"
    for role in (role for role in TEXTS if role in table.columns):
        text = f"CAST({table.expression(table.columns[role])} AS VARCHAR)"
        selected[TEXTS[role]] = f"NULLIF(trim({text}), '')", "string"
    listed = ", ".join(f"{expression} AS {quoted(name)}" for name, (expression, _) in selected.items())
    joins = " ".join(reading.join for reading in readings.values())
    return f"(SELECT {listed} FROM {table.scan} {joins})", {name: kind for name, (_, kind) in selected.items()}


def engine_rows(table: Table, data: DataConfig, label: str) -> Rows:
    """The rows of a table of an engine, every role as the engine types it."""
    columns = mapped_columns(data, list(table.columns))
    guessed = guessed_roles(data, columns)
    problems = problems_in_headers([(label, table.columns)], data, together=())
    roles: dict[str, Value] = {}
    in_utc = False
    for role, column in columns.items():
        value, kind = table[column], table[column].type()
        if role == "customer":
            roles |= _id(value)
        elif role in TEXTS:
            roles[TEXTS[role]] = value.cast("string").strip().nullif("")
        elif role == "date" and kind.is_temporal() and not kind.is_time():
            in_utc = kind.is_timestamp() and kind.timezone is not None
            roles["day"] = day = _day(value, data.timezone)
            roles["unread date"] = value.notnull() & ~day.year().between(*YEARS).coalesce(False)
        elif role in MONEY_ROLES and kind.is_numeric() and not kind.is_boolean():
            roles[role], unread = _exact(value)
            roles |= {} if role in guessed else {f"unread {role}": unread}
        elif role in ("date", *MONEY_ROLES) and role not in guessed:
            wanted = "a date or a timestamp" if role == "date" else "a number"
            message = (
                f"{label}: column {column!r} (for {role}) is of the type {kind} in the engine, must be {wanted}; "
                "cast it in a view, or name a `query` so that the rows are read here"
            )
            problems.append(Problem(message))
    keys = {f"key {number}": table[name] for number, name in enumerate(table.columns)}
    raw = {f"raw {role}": table[column].cast("string") for role, column in columns.items()}
    rows = Rows(
        relation=Relation.of_table(table.select(**keys, **raw, **roles)),
        label=label,
        columns=columns,
        all_columns=tuple(table.columns),
        keys=tuple(keys),
        guessed=guessed,
        found=tuple(problems),
        said=(IN_UTC,) if in_utc and not data.timezone else (),
    )
    return _typed(rows, data)


def _exact(column: NumericValue) -> tuple[NumericValue, BooleanValue]:
    """A number as it is kept, and whether it cannot be kept exactly; NaN and infinity are missing."""
    is_missing = column.isnull()
    if not column.type().is_integer():
        # By its text, since optimisers answer isnan() from statistics that know no NaN.
        names = ["nan", "inf", "-inf", "infinity", "-infinity"]
        is_missing |= column.cast("string").lower().isin(names)
    is_small = column.abs() < LARGEST
    kept = ibis.cases((~is_missing & is_small, column)).cast(CELL)
    lost = (kept == 0) & (column.abs() >= float(FLOAT_NOISE)) if not column.type().is_integer() else kept.isnull()
    return kept, ibis.cases((is_missing, False), (~is_small, True), else_=lost)


def _id(column: Value) -> dict[str, Value]:
    """The column of ids: whole numbers as they are, else text without decimals of whole numbers; empty is missing."""
    kind = column.type()
    if kind.is_integer():
        return {"customer": column}
    text = column.cast("string")
    if not kind.is_floating():
        return {"customer": ibis.cases((text.strip() != "", text))}
    is_number, is_kept = ~text.lower().isin(["nan"]), column.abs() < WHOLE_FLOATS[str(kind)]
    plain = ibis.cases((is_number & is_kept & (column.floor() == column), column))
    customer = plain.cast("int64").cast("string").coalesce(ibis.cases((is_number, text)))
    return {"customer": customer, "unread customer": (is_number & ~is_kept).coalesce(False)}


def _day(column: Value, timezone: str | None) -> Value:
    kind = column.type()
    if kind.is_date() or kind.timezone is None:
        return column.cast("date")
    if column.get_backend().name == "pyspark":
        return from_utc_timestamp(to_utc_timestamp(column, current_timezone()), timezone or "UTC").cast("date")
    return timezone_of(timezone or "UTC", column).cast("date")


@ibis.udf.scalar.builtin(name="timezone")
def timezone_of(zone: str, moment: Timestamp("UTC")) -> Timestamp():
    """What the clocks of a zone show, in DuckDB and PostgreSQL."""


@ibis.udf.scalar.builtin
def from_utc_timestamp(moment: Timestamp(), zone: str) -> Timestamp():
    """What the clocks of a zone show, in Spark."""


@ibis.udf.scalar.builtin
def to_utc_timestamp(moment: Timestamp("UTC"), zone: str) -> Timestamp():
    """What the clocks of UTC show, in Spark, where a session has a zone of its own."""


@ibis.udf.scalar.builtin
def current_timezone() -> str:
    """The zone of a Spark session."""


def _typed(rows: Rows, data: DataConfig) -> Rows:
    """Rows with their money; a missing column of customers or dates does not hide what is wrong with the others."""
    rows = _out_of_hundredths(rows)
    vat = data.amount_includes.vat if data.amount_includes else None
    stand_in = data.observation_start or data.observation_end or dt.date(2000, 1, 1)
    return rows.then(_with_money, vat if isinstance(vat, float) else 0.0, stand_in)


def _out_of_hundredths(rows: Rows) -> Rows:
    """Rows whose whole numbers in columns such as ``amount_cents`` are money."""
    known = {*MONEY_ROLES} & {*rows.relation.columns}
    priced = {role: name for role, name in rows.columns.items() if role in known and says_hundredths(name)}
    whole = tuple(role for role in priced if not rows.number(lambda t, role=role: t[role] != t[role].floor()))
    note = Message(
        "The numbers of {columns} are in hundredths, as the name says, and were divided by 100.",
        columns=", ".join(repr(priced[role]) for role in whole),
    )
    return rows.then(_divided_by_100, whole).noted([note]) if whole else rows


def _divided_by_100(rows: Table, roles: tuple[str, ...]) -> Table:
    return rows.mutate(**{role: (rows[role] * ibis.literal(Decimal("0.01"))).cast(CELL) for role in roles})


def _with_money(rows: Table, vat_rate: float, stand_in: dt.date) -> Table:
    nothing, never = ibis.null(CELL), ibis.literal(value=False)
    money, is_refund = rows.amount if "amount" in rows.columns else nothing, never
    unread = [rows[name] for name in rows.columns if name.startswith("unread ")]
    if {"quantity", "unit_price"} <= set(rows.columns):
        money, lost = product_of(rows)
        unread.append(lost)
        is_refund = (rows.quantity < 0) != (rows.unit_price < 0)
    elif "quantity" in rows.columns:
        is_refund = rows.quantity < 0
        money = ibis.cases((is_refund, -money.abs()), else_=money)
    paid = money
    for name in (name for name in INCLUDED if name in rows.columns):
        money = money - rows[name].coalesce(0)
    if vat_rate:
        money = money.cast("float64") / (1 + vat_rate)
    money = money.cast(CELL)
    refunded = {}
    if "refunded" in rows.columns and (vat_rate or {*INCLUDED} & set(rows.columns)):
        # What was paid back held tax, shipping and tips in the same proportion as what was paid.
        left = ibis.cases((paid != 0, money.cast("float64") / paid.cast("float64")), else_=1.0)
        refunded = {"refunded": (rows.refunded.cast("float64") * left).cast(CELL)}
    anyone = {"customer": ibis.literal("anyone")} if "customer" not in rows.columns else {}
    some_day = {"day": stand_in} if "day" not in rows.columns else {}
    return rows.mutate(
        **anyone,
        **some_day,
        **refunded,
        money=money,
        is_refund=(is_refund | (money < 0)).coalesce(never),
        unread=reduce(or_, unread, never),
        reason=ibis.null("string"),
    )


def product_of(rows: Table) -> tuple[NumericValue, BooleanValue]:
    """Quantity times unit price, and whether it cannot be kept exactly."""
    wide = "decimal(19, 6)"
    product = (rows.quantity.cast(wide) * rows.unit_price.cast(wide)).cast("decimal(38, 6)")
    is_free = (rows.quantity == 0) | (rows.unit_price == 0)
    lost = ((product.abs() >= LARGEST) | ((product == 0) & ~is_free)).coalesce(False)
    return ibis.cases((~lost, product)).cast(CELL), lost


def read_id(table: RawTable, role: str = "customer") -> Reading:
    """How a column of ids is read: as text, whole numbers without decimals; unreadable is what cannot be kept."""
    column = table.columns[role]
    value, kind = table.expression(column), table.types[column].upper()
    if table.is_text(column):
        # Nearly every id begins with a visible character; asking for that first spares the dear test eight times over.
        visible = f"ascii({value}) BETWEEN 33 AND 126"
        kept = f"translate({value}, {literal(BLANKS + INVISIBLE)}, '')"
        error = f"{value} LIKE '#%' AND regexp_matches({value}, '^#(N/A|(REF|VALUE|NAME|DIV/0|NULL|NUM|ERROR)[!?])$')"
        kept = f"CASE WHEN {error} THEN NULL WHEN {visible} THEN {value} WHEN {kept} <> '' THEN {value} END"
        customer = f"nfc_normalize({kept})"
        # Of 8.9E+09, as spreadsheets write 8900000001, most digits are lost; CASE spares all others the dear test.
        rounded = f"regexp_matches(trim({value}), '^[0-9][.,]?[0-9]*E[+][0-9]+$')"
        lost = f"CASE WHEN contains({value}, chr(0)) THEN true WHEN contains({value}, 'E+') THEN {rounded} END"
        return Reading(customer, lost)
    if kind in {"DOUBLE", "FLOAT"}:
        # As text, since DuckDB answers isnan() from the statistics of a Parquet file, which know no NaN.
        whole, text = f"TRY_CAST({value} AS BIGINT)", f"CAST({value} AS VARCHAR)"
        plain = f"CASE WHEN {whole} = {value} THEN CAST({whole} AS VARCHAR) ELSE {text} END"
        lost = f"{text} <> 'nan' AND abs({value}) >= {WHOLE_FLOATS['float64' if kind == 'DOUBLE' else 'float32']}"
        return Reading(f"CASE WHEN {text} <> 'nan' THEN {plain} END", lost)
    return Reading(value if kind in KEPT_AS_THEY_ARE else f"CAST({value} AS VARCHAR)")


def problems_in_rows(rows: Rows) -> list[Problem]:
    """Values that have the make of a date or a number but are none, such as 31-02-2024, and ids that cannot be kept."""
    flagged = tuple(name.removeprefix("unread ") for name in rows.relation.columns if name.startswith("unread "))
    problems = []
    for role in flagged:
        is_text = rows.table is not None and rows.table.is_text(rows.columns[role])
        kind = {"date": "date", "customer": "id" if is_text else "numeric id"}.get(role, "number")
        found = expected("value", kind)
        problems += rows.problems(rows.where(role), lambda t, flag=f"unread {role}": t[flag], found, [role])
    if {"quantity", "unit_price"} <= set(rows.relation.columns) and not problems:
        where, found = f"{rows.label}: quantity times unit price", expected("product", "number")
        problems += rows.problems(where, lambda t: product_of(t)[1], found, ("quantity", "unit_price"))
    return problems


_RANGE = "between 1900 and 2199 in the format of the column"
_DIGITS = "of more digits than a floating-point number keeps, so that different customers look the same"
_LOST = "with a zero byte (NUL), which no output can show, or such as 8.9E+09, which has lost its digits"
EXPECTED = {
    "date": (
        f"no date {_RANGE}",
        f"no dates {_RANGE}",
        "correct them, or describe the format with the key `date_format`",
    ),
    "number": (
        "no number that can be kept exactly",
        "no numbers that can be kept exactly",
        "zero and numbers of at least 0.000001 and below 1,000,000,000,000 are allowed",
    ),
    "id": (f"an id {_LOST}", f"ids {_LOST}", "write them out in the source"),
    "numeric id": (f"an id {_DIGITS}", f"ids {_DIGITS}", "write them as text in the source"),
}
"""Kind of value -> what one and several that cannot be read are, and what is allowed."""


def expected(what: str, kind: str) -> tuple[str, str, str]:
    """What one and several of a kind that cannot be read are, and what is allowed."""
    one, many, allowed = EXPECTED[kind]
    return f"{what} is {one}", f"{what}s are {many}", allowed
