"""Rows with every role read: customer, day, money, refund or not, order, discount and currency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.config import DataConfig
from analysis.data.cells import holds_text
from analysis.data.dates import read_date
from analysis.data.engine import MONEY, Connection, literal, parquet_scan, run
from analysis.data.numbers import Reading, read_number
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import Problem
from analysis.words import Message

NOTHING = Reading("NULL")


@dataclass(frozen=True)
class TypedRows:
    """Rows as the cleaning takes them.

    Attributes
    ----------
    scan
        SQL relation with columns customer, day, money, is_refund, order_id, discount, currency, key_1, key_2,
        unread_date, unread_money.
    table
        Where they come from.
    readings
        Role -> how it is read.
    has_money, has_orders, has_discount, has_currency
        Which roles exist.
    """

    scan: str
    table: RawTable
    readings: dict[str, Reading]

    @property
    def has_money(self) -> bool:
        return bool({"amount", "quantity"} & set(self.table.columns))

    def has(self, role: str) -> bool:
        return role in self.table.columns

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for reading in self.readings.values() for problem in reading.problems)

    @property
    def notes(self) -> tuple[Message, ...]:
        if not any(reading.in_utc for reading in self.readings.values()):
            return ()
        return (
            Message("Times carry an offset and no time zone is configured, so the day of an order is its day in UTC."),
        )


def typed_rows(connection: Connection, table: RawTable, data: DataConfig, workdir: Path) -> TypedRows:
    """Every role of the table, read and typed; text is parsed once, into ``workdir``."""
    readings = {}
    if "date" in table.columns:
        readings["date"] = read_date(connection, table, data.date_format, data.timezone)
    for role in ("amount", "quantity", "unit_price", "discount"):
        if role in table.columns:
            readings[role] = read_number(connection, table, role, data.decimal)
    is_text = any(holds_text(table, table.columns[role]) for role in readings)
    if "customer" in table.columns:
        readings["customer"] = read_id(table)
    selected = f"SELECT {', '.join(_selected(table, readings))} FROM {table.scan}"
    if is_text:
        target = workdir / "typed.parquet"
        run(connection, f"COPY ({selected}) TO {literal(target)} (FORMAT parquet)")
        return TypedRows(parquet_scan([target]), table, readings)
    return TypedRows(f"({selected})", table, readings)


def _selected(table: RawTable, readings: dict[str, Reading]) -> list[str]:
    numbers = [readings.get(role, NOTHING) for role in ("amount", "quantity", "unit_price", "discount")]
    amount, quantity, unit_price, discount = numbers
    money = _product(quantity, unit_price) if "quantity" in readings else f"CAST({amount.expression} AS {MONEY})"
    unread = [reading.unreadable for role, reading in readings.items() if role != "date"]
    if "quantity" in readings:
        unread.append(_product_is_lost(readings))
    date = readings.get("date", Reading("CAST(NULL AS DATE)"))
    return [
        f"{readings.get('customer', NOTHING).expression} AS customer",
        f"{date.expression} AS day",
        f"{money} AS money",
        f"{_refund(readings)} AS is_refund",
        f"{_text(table, 'order')} AS order_id",
        f"CAST({discount.expression} AS {MONEY}) AS discount",
        f"{_text(table, 'currency')} AS currency",
        f"{table.row_keys[0]} AS key_1",
        f"{table.row_keys[1]} AS key_2",
        f"coalesce({date.unreadable}, false) AS unread_date",
        f"coalesce({' OR '.join(f'({test})' for test in unread) or 'false'}, false) AS unread_money",
    ]


def _product(quantity: Reading, unit_price: Reading) -> str:
    wide = f"CAST({quantity.expression} AS DECIMAL(19, 6)) * CAST({unit_price.expression} AS DECIMAL(19, 6))"
    return f"TRY_CAST({wide} AS {MONEY})"


def _product_is_lost(readings: dict[str, Reading]) -> str:
    quantity, unit_price = readings["quantity"], readings["unit_price"]
    product = _product(quantity, unit_price)
    factors = f"{quantity.expression} IS NOT NULL AND {unit_price.expression} IS NOT NULL"
    nonzero = f"{quantity.expression} <> 0 AND {unit_price.expression} <> 0"
    return f"({factors} AND {product} IS NULL) OR ({product} = 0 AND {nonzero})"


def _refund(readings: dict[str, Reading]) -> str:
    if "quantity" in readings:
        return f"coalesce(({readings['quantity'].expression} < 0) <> ({readings['unit_price'].expression} < 0), false)"
    return f"coalesce({readings['amount'].expression} < 0, false)" if "amount" in readings else "false"


def read_id(table: RawTable, role: str = "customer") -> Reading:
    """How a column of ids is read: as text, whole numbers without decimals; unreadable is what cannot be kept."""
    column = table.columns[role]
    value, kind = table.expression(column), table.types[column].upper()
    if holds_text(table, column):
        # Nearly every id begins with a visible character; asking for that first spares the dear test eight times over.
        blanked = f"trim(translate({value}, chr(9) || chr(10) || chr(13) || chr(160), ''))"
        visible = f"ascii({value}) > 32 AND ascii({value}) <> 160"
        customer = f"CASE WHEN {visible} THEN {value} WHEN {blanked} <> '' THEN {value} END"
        return Reading(customer, f"contains({value}, chr(0))")
    if kind in {"DOUBLE", "FLOAT"}:
        # As text, since DuckDB answers isnan() from the statistics of a Parquet file, which know no NaN.
        whole, text = f"TRY_CAST({value} AS BIGINT)", f"CAST({value} AS VARCHAR)"
        plain = f"CASE WHEN {whole} = {value} THEN CAST({whole} AS VARCHAR) ELSE {text} END"
        # From here on neighbouring whole numbers are the same floating-point number, or were when a sheet was written.
        lost = f"{text} <> 'nan' AND abs({value}) >= {1e15 if kind == 'DOUBLE' else 2**24}"
        return Reading(f"CASE WHEN {text} <> 'nan' THEN {plain} END", lost)
    return Reading(value if kind in {"BIGINT", "INTEGER", "UBIGINT"} else f"CAST({value} AS VARCHAR)")


def _text(table: RawTable, role: str) -> str:
    if role not in table.columns:
        return "NULL"
    return f"NULLIF(trim(CAST({table.expression(table.columns[role])} AS VARCHAR)), '')"


def problems_in_values(connection: Connection, rows: TypedRows) -> list[Problem]:
    """Values that have the make of a date or a number but are none, such as 31-02-2024, and ids that cannot be kept."""
    problems = []
    for role, reading in rows.readings.items():
        if reading.problems or reading.unreadable == "false":
            continue
        test = f"SELECT count(*) FROM {rows.table.scan} WHERE {reading.unreadable}"
        if count := connection.execute(test).fetchall()[0][0]:
            column = rows.table.columns[role]
            examples = rows.table.examples(connection, [column], reading.unreadable)
            is_text = holds_text(rows.table, column)
            one, many, allowed = _expectation(role if is_text or role != "customer" else "numeric customer")
            where = f"{rows.table.label}: column {column!r} (for {role})"
            found = counted(count, f"value is {one}", f"values are {many}")
            problems.append(Problem(f"{where}: {found}: {examples}; {allowed}"))
    if {"quantity", "unit_price"} <= set(rows.readings) and not problems:
        problems += _problems_in_products(connection, rows)
    return problems


def _problems_in_products(connection: Connection, rows: TypedRows) -> list[Problem]:
    lost = _product_is_lost(rows.readings)
    count = connection.execute(f"SELECT count(*) FROM {rows.table.scan} WHERE {lost}").fetchall()[0][0]
    if not count:
        return []
    columns = [rows.table.columns[role] for role in ("quantity", "unit_price")]
    examples = rows.table.examples(connection, columns, lost)
    one, many, allowed = _expectation("amount")
    found = counted(count, f"product is {one}", f"products are {many}")
    return [Problem(f"{rows.table.label}: quantity times unit price: {found}: {examples}; {allowed}")]


def _expectation(role: str) -> tuple[str, str, str]:
    """What one value and several values are not, and what is allowed."""
    if role == "date":
        rest = "between 1900 and 2199 in the format of the column"
        advice = "correct them, or describe the format with the key `date_format`"
        return f"no date {rest}", f"no dates {rest}", advice
    if role == "numeric customer":
        rest = "of more digits than a floating-point number keeps, so that different customers look the same"
        return f"an id {rest}", f"ids {rest}", "write them as text in the source"
    if role == "customer":
        rest = "with a zero byte (NUL), which no output can show"
        return f"an id {rest}", f"ids {rest}", "ids without one are allowed"
    return (
        "no number that can be kept exactly",
        "no numbers that can be kept exactly",
        "zero and numbers of at least 0.000001 and below 1,000,000,000,000 are allowed",
    )
