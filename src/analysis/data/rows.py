"""Rows with every role read: customer, day, money, refund or not, order, discount and currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.config import DataConfig
from analysis.data.engine import MONEY, Connection, glob_safe, literal, run
from analysis.data.formats import Reading, read_date, read_number
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import Problem
from analysis.words import Message

NOTHING = Reading("NULL")
PRODUCT = {"quantity", "unit_price"}
MONEY_ROLES = ("amount", "quantity", "unit_price", "discount", "refunded")
ATTRIBUTES = ("product", "category", "channel")
"""Roles of what a line was of and where it was sold."""


@dataclass(frozen=True)
class TypedRows:
    """Rows as the cleaning takes them.

    Attributes
    ----------
    scan
        SQL relation with columns customer, day, money, is_refund, order_id, discount, currency, product, category,
        channel, status, refunded, reason (why it does not count), key_1, key_2, unread_date, unread_money; once it
        is staged also row, its number in the source from 1.
    table
        Where they come from.
    readings
        Role -> how it is read.
    workdir
        Folder for intermediate files.
    has_refunded, has_reasons
        Whether some money was paid back in the row of its order; whether some rows have a reason not to count.
    found, said
        Problems and notes on what the rows mean.
    """

    scan: str
    table: RawTable
    readings: dict[str, Reading]
    workdir: Path = Path()
    has_refunded: bool = False
    has_reasons: bool = False
    found: tuple[Problem, ...] = ()
    said: tuple[Message, ...] = ()

    @property
    def has_money(self) -> bool:
        return bool({"amount", "quantity"} & set(self.table.columns))

    def has(self, role: str) -> bool:
        return role in self.table.columns

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*(problem for reading in self.readings.values() for problem in reading.problems), *self.found)

    def is_text(self, role: str) -> bool:
        return self.table.is_text(self.table.columns[role])

    def noted(self, notes: Iterable[Message] = (), problems: Iterable[Problem] = ()) -> TypedRows:
        """These rows with more to say of them."""
        return replace(self, said=(*self.said, *notes), found=(*self.found, *problems))

    def staged(self, connection: Connection, name: str) -> TypedRows:
        """These rows as a file of their own, with their numbers."""
        target = self.workdir / f"typed-{name}.parquet"
        run(connection, f"COPY (SELECT * FROM {self.scan}) TO {literal(target)} (FORMAT parquet)")
        return replace(self, scan=numbered(target))

    @property
    def notes(self) -> tuple[Message, ...]:
        if not any(reading.in_utc for reading in self.readings.values()):
            return self.said
        return (
            *self.said,
            Message("Times carry an offset and no time zone is configured, so the day of an order is its day in UTC."),
        )


def typed_rows(connection: Connection, table: RawTable, data: DataConfig, workdir: Path) -> TypedRows:
    """Every role of the table, read and typed; text is parsed once, into ``workdir``."""
    readings = {}
    if "date" in table.columns:
        readings["date"] = read_date(connection, table, data.date_format, data.timezone)
    for role in (*MONEY_ROLES, "vat", "shipping"):
        if role in table.columns:
            readings[role] = read_number(connection, table, role, data.decimal)
    if "maybe_refunded" in table.columns:
        likely = read_number(connection, table, "maybe_refunded", data.decimal)
        readings |= {} if likely.problems else {"maybe_refunded": likely}
    is_text = any(table.is_text(table.columns[role]) for role in readings)
    if "customer" in table.columns:
        readings["customer"] = read_id(table)
    selected = f"SELECT {', '.join(_selected(table, readings, data))} FROM {table.scan}"
    selected = f"SELECT * REPLACE (is_refund OR coalesce(money < 0, false) AS is_refund) FROM ({selected})"
    rows = TypedRows(f"({selected})", table, readings, workdir)
    return rows.staged(connection, "text") if is_text else rows


def numbered(path: Path) -> str:
    """SQL of a file's rows with their numbers from 1 as ``row``."""
    inner = f"read_parquet({literal(glob_safe(path))}, file_row_number = true)"
    columns = f"SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS row FROM {inner}"
    return f"({columns})"


def _selected(table: RawTable, readings: dict[str, Reading], data: DataConfig) -> list[str]:
    amount, quantity, unit_price, discount, refunded = (readings.get(role, NOTHING) for role in MONEY_ROLES)
    refunded = readings.get("maybe_refunded", refunded)
    money = _product(quantity, unit_price) if set(readings) >= PRODUCT else f"CAST({amount.expression} AS {MONEY})"
    money = _without_extras(money, readings, data)
    unread = [reading.unreadable for role, reading in readings.items() if role != "date"]
    if set(readings) >= PRODUCT:
        unread.append(_product_is_lost(readings))
    date = readings.get("date", Reading("CAST(NULL AS DATE)"))
    return [
        f"{readings.get('customer', NOTHING).expression} AS customer",
        f"{date.expression} AS day",
        f"{money} AS money",
        f"{_refund(readings)} AS is_refund",
        f"{_text(table, 'order', 'maybe_order')} AS order_id",
        f"CAST({discount.expression} AS {MONEY}) AS discount",
        f"CAST({refunded.expression} AS {MONEY}) AS refunded",
        f"{_text(table, 'status', 'maybe_status')} AS status",
        "CAST(NULL AS VARCHAR) AS reason",
        f"{_text(table, 'currency')} AS currency",
        *(f"{_text(table, role)} AS {role}" for role in ATTRIBUTES),
        f"{table.row_keys[0]} AS key_1",
        f"{table.row_keys[1]} AS key_2",
        f"coalesce({date.unreadable}, false) AS unread_date",
        f"coalesce({' OR '.join(f'({test})' for test in unread) or 'false'}, false) AS unread_money",
    ]


def _product(quantity: Reading, unit_price: Reading) -> str:
    wide = f"CAST({quantity.expression} AS DECIMAL(19, 6)) * CAST({unit_price.expression} AS DECIMAL(19, 6))"
    return f"TRY_CAST({wide} AS {MONEY})"


def _product_is_lost(readings: Mapping[str, Reading]) -> str:
    quantity, unit_price = readings["quantity"], readings["unit_price"]
    product = _product(quantity, unit_price)
    factors = f"{quantity.expression} IS NOT NULL AND {unit_price.expression} IS NOT NULL"
    nonzero = f"{quantity.expression} <> 0 AND {unit_price.expression} <> 0"
    return f"({factors} AND {product} IS NULL) OR ({product} = 0 AND {nonzero})"


def _without_extras(money: str, readings: dict[str, Reading], data: DataConfig) -> str:
    """SQL of the money without shipping and value-added tax, where the amount includes them."""
    included = data.amount_includes
    if "shipping" in readings:
        money = f"({money} - coalesce({readings['shipping'].expression}, 0))"
    if "vat" in readings:
        money = f"({money} - coalesce({readings['vat'].expression}, 0))"
    elif included and isinstance(included.vat, float):
        money = f"(CAST({money} AS DOUBLE) / {1 + included.vat!r})"
    return money if money[0] != "(" else f"CAST({money} AS {MONEY})"


def _refund(readings: dict[str, Reading]) -> str:
    if set(readings) >= PRODUCT:
        return f"coalesce(({readings['quantity'].expression} < 0) <> ({readings['unit_price'].expression} < 0), false)"
    return "false"


def read_id(table: RawTable, role: str = "customer") -> Reading:
    """How a column of ids is read: as text, whole numbers without decimals; unreadable is what cannot be kept."""
    column = table.columns[role]
    value, kind = table.expression(column), table.types[column].upper()
    if table.is_text(column):
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


def _text(table: RawTable, *roles: str) -> str:
    """SQL of the first of several roles that exists, as text without blanks around it."""
    for role in roles:
        if role in table.columns:
            return f"NULLIF(trim(CAST({table.expression(table.columns[role])} AS VARCHAR)), '')"
    return "CAST(NULL AS VARCHAR)"


def problems_in_values(connection: Connection, table: RawTable, readings: Mapping[str, Reading]) -> list[Problem]:
    """Values that have the make of a date or a number but are none, such as 31-02-2024, and ids that cannot be kept."""
    problems = []
    for role, reading in readings.items():
        if reading.problems or reading.unreadable == "false":
            continue
        if count := run(connection, f"SELECT count(*) FROM {table.scan} WHERE {reading.unreadable}")[0][0]:
            column = table.columns[role]
            examples = table.examples(connection, [column], reading.unreadable)
            one, many, allowed = _expectation(
                role if table.is_text(column) or role != "customer" else "numeric customer"
            )
            found = counted(count, f"value is {one}", f"values are {many}")
            problems.append(Problem(f"{table.label}: column {column!r} (for {role}): {found}: {examples}; {allowed}"))
    if set(readings) >= PRODUCT and not problems:
        problems += _problems_in_products(connection, table, readings)
    return problems


def _problems_in_products(connection: Connection, table: RawTable, readings: Mapping[str, Reading]) -> list[Problem]:
    lost = _product_is_lost(readings)
    count = run(connection, f"SELECT count(*) FROM {table.scan} WHERE {lost}")[0][0]
    if not count:
        return []
    columns = [table.columns[role] for role in ("quantity", "unit_price")]
    examples = table.examples(connection, columns, lost)
    one, many, allowed = _expectation("amount")
    found = counted(count, f"product is {one}", f"products are {many}")
    return [Problem(f"{table.label}: quantity times unit price: {found}: {examples}; {allowed}")]


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
