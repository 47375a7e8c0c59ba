"""The same expressions give the same rows and cents on DuckDB, PostgreSQL and Spark, and those of a plain loop."""

import datetime as dt
from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data.servers import postgresql, spark

from analysis.data import expressions

END = dt.date(2024, 5, 20)
MONEY = pa.decimal128(38, 6)
SCHEMA = pa.schema(
    [("customer", pa.string()), ("day", pa.date32()), ("money", MONEY), ("is_refund", pa.bool_())]
    + [(name, pa.string()) for name in ("order_id", "channel", "category")]
    + [("discount", MONEY)]
)


@contextmanager
def duckdb_tables(_folder):
    connection = ibis.duckdb.connect()
    yield connection.read_parquet
    connection.disconnect()


@contextmanager
def postgresql_tables(_folder):
    with postgresql() as url:
        connection = ibis.connect(url)

        def enter(path):
            name, table = ibis.util.gen_name("rows"), pq.read_table(path)
            connection.create_table(name, schema=ibis.Schema.from_pyarrow(table.schema))
            with connection.con.cursor() as cursor, cursor.copy(f"copy {name} from stdin") as rows:
                for row in table.to_pylist():
                    rows.write_row(tuple(row.values()))
            connection.con.commit()
            return connection.table(name)

        yield enter
        connection.disconnect()


@contextmanager
def spark_tables(_folder):
    with spark() as session:
        yield ibis.pyspark.connect(session).read_parquet


ENGINES = [
    pytest.param(duckdb_tables, id="duckdb"),
    pytest.param(postgresql_tables, id="postgresql", marks=pytest.mark.needs_postgresql),
    pytest.param(spark_tables, id="spark", marks=pytest.mark.needs_spark),
]


@pytest.fixture(scope="module", params=ENGINES)
def table(request, tmp_path_factory):
    """A function that puts rows into the engine."""
    folder = tmp_path_factory.mktemp("engine")
    with request.param(folder) as enter:

        def entered(rows):
            path = folder / f"{ibis.util.guid()}.parquet"
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
            return enter(str(path))

        yield entered


def messy_rows(seed, rows=1_500):
    """Rows of few customers, so that days, orders and refunds meet; some refunds exceed all that was bought."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(rows):
        refund = rng.random() < 0.15
        cents = -int(rng.integers(1, 9_000)) if refund else int(rng.choice([0, 100, 2_550, rng.integers(1, 10_000)]))
        found.append({
            "customer": f"c{rng.integers(0, 90)}",
            "day": dt.date(2024, 1, 1) + dt.timedelta(days=int(rng.integers(0, 150))), "money": Decimal(cents) / 100,
            "is_refund": refund, "order_id": None if rng.random() < 0.1 else str(number // 3),
            "channel": [None, "web", "shop", "Shop"][rng.integers(0, 4)],
            "category": ["hats", "shoes", "Ärmel"][rng.integers(0, 3)],
            "discount": None if refund else Decimal(int(rng.integers(0, 300))) / 100,
        })  # fmt: skip
    return found


def plain_summary(rows, end):
    """Customer -> what the summary must say, by a loop over each customer's days."""
    summary = {}
    rows = sorted((row for row in rows if row["day"] <= end), key=lambda row: (row["customer"], row["day"]))
    for customer, own in groupby(rows, key=lambda row: row["customer"]):
        left, layers, spent = {}, [], Decimal(0)
        for day, lines in groupby(own, key=lambda row: row["day"]):
            lines = list(lines)
            bought = [line for line in lines if not line["is_refund"]]
            spent += sum(line["money"] for line in lines)
            if bought:
                left[day] = sum(line["money"] for line in bought)
                layers.append(day)
            back = -sum(line["money"] for line in lines if line["is_refund"])
            for layer in reversed(layers):
                taken = min(back, left[layer])
                left[layer], back = left[layer] - taken, back - taken
            if len(layers) == 1 and bought and not summary.get(customer):
                largest = max(line["money"] for line in bought)
                of_largest = [line for line in bought if line["money"] == largest]
                summary[customer] = {
                    name: min((line[name] for line in of_largest if line[name]), default=None)
                    for name in ("channel", "category")
                }
        if layers:
            repeat = [left[day] for day in layers[1:]]
            summary[customer] |= {
                "days": (layers[0], layers[-1], len(layers)),
                "ages": (len(repeat), (layers[-1] - layers[0]).days, (end - layers[0]).days),
                "spent": spent,
                "repeat": (sum(repeat), sum(value**2 for value in repeat)),
                "halves": (sum(repeat[::2]), len(repeat[::2]), sum(repeat[1::2]), len(repeat[1::2])),
            }
    return summary


def told(summary):
    """As ``plain_summary``, from the rows of the expression."""
    return {
        row["customer"]: {
            "channel": row["first_channel"],
            "category": row["first_category"],
            "days": (row["first_order"], row["last_order"], row["orders"]),
            "ages": (row["frequency"], row["recency_days"], row["T_days"]),
            "spent": row["spent"],
            "repeat": (row["repeat_total"], row["spend_squares"]),
            "halves": (row["odd_total"], row["odd_orders"], row["even_total"], row["even_orders"]),
        }
        for row in summary.to_pyarrow().to_pylist()
    }


@pytest.mark.parametrize("end", [END, dt.date(2024, 2, 10)])
def test_the_summary_of_any_day_is_that_of_a_plain_loop_to_the_cent(table, end):
    rows = messy_rows(1)
    days = expressions.customer_days(table(rows))
    assert told(expressions.summary(days, end)) == plain_summary(rows, end)


def test_lines_are_purchases_with_what_is_known_of_them(table):
    rows = messy_rows(6)
    found = expressions.lines(table(rows)).to_pyarrow()
    assert found.column_names == ["customer", "day", "order_id", "category", "channel", "money", "discount"]
    assert sorted(found["money"].to_pylist()) == sorted(row["money"] for row in rows if not row["is_refund"])
