"""Damaged and odd files: each is refused in words, or its rows, money and orders equal an independent count."""

import csv
import datetime as dt
import io
import random
import re
from collections import defaultdict
from decimal import Decimal

import openpyxl
import pandas as pd
import pytest

import analysis as rl
from analysis.errors import InputRefused

FIRST = dt.date(2024, 1, 1)
HEADER = ("customer", "date", "amount")
NOTHING = ("", "NULL", "n.v.t.", "-", " ")
ODD = ("abc", "1e400", "0x1F", "99999999999999999999", "=1+1", "12:50", "\u00a0", "\u2212", "31-02-2024", "#N/A", "0")
NOBODY = ("NULL", "n.v.t.", "-", "guest", "0")
WHOLE_FILE = {"csv": ("bytes", "cut", "line"), "parquet": ("bytes", "cut"), "xlsx": ("bytes", "cut")}


def base_rows(random):
    """Text cells of 40 plain rows of twelve customers."""
    return [
        [
            f"c{random.randrange(12):02d}",
            str(FIRST + dt.timedelta(days=random.randrange(300))),
            f"{random.randrange(100, 9000) / 100:.2f}",
        ]
        for _ in range(40)
    ]


def mutated_cells(random, rows):
    """The same with up to six odd cells or rows: nothing, zero, a refund, a twin, blanks around, something else."""
    rows = [list(row) for row in rows]
    for _ in range(random.randrange(1, 7)):
        row = random.choice(rows)
        kind, place = random.randrange(7), random.randrange(3)
        if kind == 0:
            row[place] = random.choice(NOTHING)
        elif kind == 1:
            row[2] = random.choice(("0", "0.00", "-" + row[2].strip("-"), "NaN", "inf", "-inf"))
        elif kind == 2:
            rows.insert(random.randrange(len(rows)), list(row))
        elif kind == 3:
            row[place] = f"  {row[place]} "
        elif kind == 4:
            row[place] = random.choice(ODD)
        elif kind == 5:
            row[1] = random.choice((f"{row[1]} 13:45:00", f"{row[1]}T23:59:59", "2024-12-31", "1024-01-01"))
        else:
            row[0] = random.choice((row[0].upper(), "guest", "0", "c01.0", "x" * 300))
    return rows


def mutated_bytes(random, content, kind):
    """The file with some bytes changed, its end cut off, or, of text, a line changed as a whole."""
    if kind == "cut":
        return content[: random.randrange(1, len(content))]
    if kind == "line":
        lines = content.split(b"\n")
        place = random.randrange(len(lines))
        odd = (b"", b",,", b'"', b"total,,999.99", b"a,b", b"a,b,c,d,e", lines[place] + b",", b"\xff\xfe", b"\x00")
        lines[place] = random.choice(odd)
        return b"\n".join(lines)
    changed = bytearray(content)
    for _ in range(random.randrange(1, 4)):
        place = random.randrange(len(changed))
        changed[place : place + random.randrange(2)] = bytes([random.randrange(256)])
    return bytes(changed)


def written(rows, suffix):
    """A CSV file, a Parquet file or a workbook of text cells; numbers and dates are typed in the latter two."""
    held = io.BytesIO()
    if suffix == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
        return text.getvalue().encode()
    if suffix == "parquet":
        frame = pd.DataFrame(rows, columns=HEADER)
        frame["date"] = pd.to_datetime(frame["date"].where(frame["date"].map(day_of).notna()), format="mixed")
        frame["amount"] = pd.to_numeric(frame["amount"].str.strip(), errors="coerce").where(
            frame["amount"].map(is_amount)
        )
        frame.to_parquet(held)
        return held.getvalue()
    book = openpyxl.Workbook()
    for row in (HEADER, *rows):
        amount = money_of(row[2]) if is_amount(row[2]) else None
        book.active.append([row[0], day_of(row[1]) or row[1], row[2] if amount is None else float(amount)])
    book.save(held)
    return held.getvalue()


def day_of(text):
    """The day of an ISO date with or without a time; None for what is none."""
    plain = text.strip()
    if re.fullmatch(r"(19|20|21)\d\d-\d\d-\d\d([ T]\d\d:\d\d:\d\d)?", plain):
        return dt.date.fromisoformat(plain[:10])
    return None


def is_amount(text):
    return bool(re.fullmatch(r"-?\d{1,9}(\.\d{1,4})?", text.strip()))


def money_of(text):
    return Decimal(text.strip())


def counted(rows):
    """Rows, money and orders (days of a customer with a purchase) of text cells, by nothing but this file."""
    money, orders = Decimal(0), set()
    for customer, date, amount in rows:
        is_known = customer.strip() not in ("", *NOBODY) and day_of(date) and is_amount(amount)
        money += money_of(amount) if is_amount(amount) else 0
        if is_known and money_of(amount) >= 0:
            orders.add((customer.strip(), day_of(date)))
    return len(rows), money, orders


def understood(rows):
    """Whether every cell is one that this file can read itself, or nothing."""
    missing = {*(each.strip() for each in NOTHING), "NaN", "inf", "-inf"}
    return all(
        len(row) == 3
        and (row[1].strip() in missing or day_of(row[1]))
        and (row[2].strip() in missing or is_amount(row[2]))
        and not {'"', "\0", "\r"} & set("".join(row))
        for row in rows
    )


def read(path):
    """Orders of a file with every question settled that is not about what is damaged; or why it is refused."""
    ids = {"anonymous": NOBODY, "case": "keep", "float_suffix": "keep"}
    try:
        found = rl.read_orders(
            str(path), **dict(zip(HEADER, HEADER, strict=True)), ids=ids, max_missing_customer_share=1, refunds="net"
        )
    except InputRefused as refused:
        found = refused
    return found


def tried(number, folder):
    """One mutated file: whether it was read, after it was compared with the independent count."""
    rng = random.Random(number)
    suffix = ("csv", "parquet", "xlsx")[number % 3]
    rows = base_rows(rng)
    path = folder / f"orders.{suffix}"
    if whole := rng.random() < 0.4:
        path.write_bytes(mutated_bytes(rng, written(rows, suffix), rng.choice(WHOLE_FILE[suffix])))
    else:
        rows = mutated_cells(rng, rows)
        path.write_bytes(written(rows, suffix))
    found = read(path)
    if isinstance(found, InputRefused):
        assert found.exit_code in (2, 3)
        assert all(problem.message.strip() for problem in found.problems)
        return False
    assert found.ledger["rows"].sum() == found.rows_read
    assert found.ledger.loc[found.ledger["outcome"] == "used", "rows"].sum() == found.orders
    if whole and suffix == "csv":
        try:
            rows = [row for row in csv.reader(io.StringIO(path.read_text())) if row][1:]
        except (UnicodeDecodeError, csv.Error):
            return True
    if (whole and suffix != "csv") or not understood(rows):
        return True
    number_of_rows, money, orders = counted(rows)
    assert found.rows_read == number_of_rows
    assert found.ledger["amount"].sum() == pytest.approx(float(money), abs=1e-6)
    expected = defaultdict(set)
    for customer, day in orders:
        expected[customer].add(day)
    # Of an id in several spellings the first comes back, blanks and all.
    histories = found.histories.table
    assert dict(zip(histories["customer_id"].str.strip(), histories["orders"], strict=True)) == {
        customer: len(days) for customer, days in expected.items()
    }
    return True


def tried_all(numbers, folder):
    failed, was_read = [], 0
    for number in numbers:
        try:
            was_read += tried(number, folder)
        except Exception as error:
            failed.append(f"{number}: {type(error).__name__}: {str(error)[:300]}")
    assert not failed, "\n".join(failed[:20])
    return was_read


def test_mutated_files_are_refused_in_words_or_counted_as_an_independent_count_does(tmp_path):
    assert tried_all(range(30), tmp_path) > 10


@pytest.mark.slow
def test_five_thousand_mutated_files_are_refused_in_words_or_counted_as_an_independent_count_does(tmp_path):
    assert tried_all(range(30, 5030), tmp_path) > 1500
