"""What is wrong with rows of contracts, collected to be raised together, and how their columns are read."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from analysis.data.dates import YEARS
from analysis.data.engine import literals, run
from analysis.data.notes import Note
from analysis.data.numbers import Reading
from analysis.data.sections import told_of
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import CONTENT, InputRefused, Problem

CONTRACTS = "contracts"
"""DuckDB table of checked contracts: customer, start, stop (NULL where the contract runs on)."""
EXAMPLES = 5
RAN = ("1", "1.0", "true", "t", "yes", "y", "active", "running", "ja", "j", "actief", "lopend")
ENDED = (
    *("0", "0.0", "false", "f", "no", "n", "inactive", "ended", "expired", "terminated", "cancelled", "canceled"),
    *("nee", "inactief", "beëindigd", "beeindigd", "verlopen", "opgezegd", "gestopt"),
)
"""What is written of a contract that ran, or had ended."""


def of_contracts(problems: Iterable[Problem], role: str = "") -> tuple[Problem, ...]:
    """Problems of reading, told of the keys and columns of contracts in place of those of transactions."""
    return told_of("contracts", problems, role)


def text_of(table: RawTable, role: str) -> str:
    column = table.columns[role]
    text = f"NULLIF(trim(CAST({table.expression(column)} AS VARCHAR)), '')"
    return f"NULLIF({text}, 'nan')" if table.types[column].upper() in {"DOUBLE", "FLOAT"} else text


class Checks:
    """Collects what is wrong with the rows of a table, to be raised together; ``section`` holds its keys."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: RawTable, section: str = "contracts"):
        self.connection, self.table, self.section = connection, table, section
        self.problems = list(table.problems)

    def has(self, *roles: str) -> bool:
        return set(roles) <= set(self.table.columns)

    def number_of(self, condition: str) -> int:
        """Rows that meet a condition."""
        return run(self.connection, f"SELECT count(*) FROM {self.table.scan} WHERE {condition}")[0][0]

    def rows(self, shown: tuple[str, ...], condition: str, one: str, many: str, allowed: str) -> None:
        """A problem where rows meet a condition; the columns of the roles in ``shown`` are quoted as examples."""
        if number := self.number_of(condition):
            examples = self.table.examples(self.connection, [self.table.columns[role] for role in shown], condition)
            self.add(f"{counted(number, one, many)}: {examples}; {allowed}")

    def dates(self, role: str, reading: Reading) -> None:
        """What stands in the way of reading a column of dates."""
        self.problems += reading.problems
        if not reading.problems:
            column = f"in column {self.table.columns[role]!r} (for {role})"
            self.rows(
                (role,),
                f"coalesce({reading.unreadable}, false)",
                f"value {column} is no date",
                f"values {column} are no dates",
                f"dates between {YEARS[0]} and {YEARS[1]} in the format of the column are allowed; correct them, or "
                f"describe the format with the key `{self.section}.date_format`",
            )

    def missing(self, role: str, value: str) -> None:
        """A problem where nothing stands in the column of a role."""
        shown = ("customer",) if role != "customer" and self.has("customer") else tuple(self.table.columns)[:2]
        self.rows(shown, f"{value} IS NULL", f"row has no {role}", f"rows have no {role}", "every row needs one")

    def repeated(self, keys: tuple[str, ...], one: str, many: str, allowed: str) -> None:
        """A problem where rows share all ``keys``, SQL of the customer first."""
        listed, customer = ", ".join(keys), keys[0]
        found = f"FROM {self.table.scan} WHERE {customer} IS NOT NULL GROUP BY {listed} HAVING count(*) > 1"
        twice = f"SELECT {listed} {found}"
        customers = run(self.connection, f"SELECT DISTINCT {customer} AS customer {found} ORDER BY customer")
        if customers:
            columns = [self.table.columns[role] for role in tuple(self.table.columns)[:2]]
            first = literals(customer for (customer,) in customers[:EXAMPLES])
            condition = f"{customer} IN {first} AND ({listed}) IN ({twice})"
            examples = self.table.examples(self.connection, columns, condition)
            self.add(f"{counted(len(customers), one, many)}: {examples}; {allowed}")

    def add(self, message: str) -> None:
        self.problems.append(Problem(f"{self.table.label}: {message}", CONTENT))

    def refuse(self) -> None:
        """Raise what was collected, if anything was."""
        if self.problems:
            raise InputRefused(self.problems)


def note_on(key: str, customers: int) -> list[Note]:
    return [Note(key, {"customers": customers})] if customers else []
