"""What a row means: whose it is, whether its status counts, what was paid back in it, what its discount is.

Everything here works on typed rows and leaves typed rows; what the values do not settle is asked, naming the key.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from dataclasses import replace

import pandas as pd

from analysis.config import DataConfig
from analysis.data.engine import MONEY, Connection, literal, literals, run
from analysis.data.notes import STATUS, Reason, where_any
from analysis.data.rows import TypedRows
from analysis.data.vocabulary import words
from analysis.data.wording import counted
from analysis.errors import USAGE, Problem
from analysis.words import Message

NOBODY, COUNTED, UNCOUNTED, REFUNDED = (words(kind) for kind in ("nobody", "counted", "uncounted", "repaid"))
ANONYMOUS_SHARE, ANONYMOUS_TIMES, DOUBTFUL_TIMES, EMAIL_SHARE = 0.01, 20, 5, 0.95
DOMINANT_SHARE = 0.1
EMPTY = "(empty)"
TOTALS = "^(grand |sub)?(total|totals|totaal|eindtotaal|summe|gesamt|gesamtsumme|somme|suma)[ :]*$"
FAR_DAYS, FAR_SHARE = 3_650, 0.01
MOST_LISTED = 15
SAME_TOTAL_SHARE, FEWEST_ORDERS = 0.9, 5
PERCENT_NAME = re.compile("%|per ?cent|pct|procent|prozent|pourcent", re.IGNORECASE)
PROFIT_NAME = re.compile("profit|margin|winst|marge|gewinn|b[eé]n[eé]fice|beneficio", re.IGNORECASE)
LIKE_MONEY = re.compile(
    "amount|total|revenue|sales|price|bedrag|omzet|prijs|betrag|umsatz|montant|importe|" + PROFIT_NAME.pattern,
    re.IGNORECASE,
)
MONEY_NAME = re.compile("amount|bedrag|total|eur|usd|gbp|value|betrag", re.IGNORECASE)


def meant(connection: Connection, rows: TypedRows, data: DataConfig) -> TypedRows:
    """The rows with what their columns mean: ``customer`` and ``reason``, ``money`` net of ``refunded``, ``discount``.

    Problems and notes are added to those of the rows.
    """
    problems: list[Problem] = []
    for part in (_ids, _statuses, _totals, _refunds, _discount, _money):
        rows, found = part(connection, rows, data)
        problems += found
    return rows.noted(problems=problems)


def _changed(rows: TypedRows, columns: str) -> TypedRows:
    return replace(rows, scan=f"(SELECT * REPLACE ({columns}) FROM {rows.scan})")


def _where(rows: TypedRows, role: str) -> str:
    return f"{rows.table.label}: column {rows.table.columns[role]!r} (for {role})"


def _ids(connection: Connection, rows: TypedRows, data: DataConfig) -> tuple[TypedRows, list[Problem]]:
    """One spelling for each customer, the one seen first; nobody where an id stands for nobody."""
    if not rows.has("customer"):
        return rows, []
    rules, is_text = data.ids, rows.is_text("customer")
    text = "CAST(customer AS VARCHAR)"
    nobody = NOBODY if rules.anonymous == "auto" else tuple(str(one).strip().lower() for one in rules.anonymous)
    plain = f"lower(trim({text}))"
    suspicious = f"({plain} IN {literals(nobody)} OR regexp_matches({plain}, '^0([.]0)?$'))" if nobody else "false"
    if nobody and rules.anonymous != "auto":
        suspicious = f"{plain} IN {literals(nobody)}"
    if not is_text and nobody:
        suspicious = f"{plain} IN {literals(one for one in nobody if re.fullmatch('-?[0-9.]+', one))}"
    odd = (
        f"{text} <> trim({text}) OR ends_with({text}, '.0') OR contains({text}, '@') OR {text} <> lower({text})"
        if is_text
        else "false"
    )
    strange, nobodies = run(connection, f"SELECT bool_or({odd}), bool_or({suspicious}) FROM {rows.scan}")[0]
    changes = strange and (rules.strip or rules.case != "keep" or rules.float_suffix == "strip")
    if not (changes or nobodies):
        return rows, []
    key = text
    if is_text:
        key = f"trim({key})" if rules.strip else key
        if rules.float_suffix == "strip":
            key = f"CASE WHEN regexp_matches({key}, '^[0-9]+[.]0+$') THEN split_part({key}, '.', 1) ELSE {key} END"
        share = run(
            connection,
            f"SELECT avg(CAST(contains(id, '@') AS INTEGER)) FROM (SELECT DISTINCT {text} AS id FROM {rows.scan}"
            f" WHERE customer IS NOT NULL AND NOT {suspicious})",
        )[0][0]
        if rules.case == "lower" or (rules.case == "auto" and (share or 0) >= EMAIL_SHARE):
            key = f"lower({key})"
    rows = rows.staged(connection, "ids")
    run(connection, f"""
        CREATE TEMP TABLE ids_of_rows AS
        SELECT customer AS id, {key} AS key, {suspicious} AS suspicious, count(*) AS rows, min(row) AS first_row
        FROM {rows.scan} WHERE customer IS NOT NULL GROUP BY 1, 2, 3""")  # fmt: skip
    run(
        connection,
        """
        CREATE TEMP TABLE customers_of_ids AS
        SELECT key, arg_min(id, first_row) AS customer, bool_or(suspicious) AS suspicious, sum(rows)::BIGINT AS rows
        FROM ids_of_rows GROUP BY key""",
    )
    told = rules.anonymous != "auto"
    limits = (
        "true"
        if told
        else (
            f"rows > {ANONYMOUS_SHARE} * (SELECT sum(rows) FROM customers_of_ids) AND rows >= {ANONYMOUS_TIMES} * "
            "(SELECT median(rows) FROM customers_of_ids)"
        )
    )
    found = run(
        connection, f"SELECT customer, rows, {limits} FROM customers_of_ids WHERE suspicious ORDER BY rows DESC"
    )
    out = [str(customer) for customer, _, is_nobody in found if is_nobody]
    median = run(connection, "SELECT median(rows) FROM customers_of_ids")[0][0]
    doubtful = [
        (customer, number)
        for customer, number, is_nobody in found
        if not is_nobody and (not re.fullmatch("[-0-9.]+", str(customer)) or number >= DOUBTFUL_TIMES * median)
    ]
    merged = run(connection, "SELECT count(*) - (SELECT count(*) FROM customers_of_ids) FROM ids_of_rows")[0][0]
    known = f"""SELECT i.id, CASE WHEN NOT ({limits} AND c.suspicious) THEN c.customer END AS customer
                FROM ids_of_rows AS i JOIN (SELECT * FROM customers_of_ids) AS c USING (key)"""
    limited = known.replace("rows >", "c.rows >")
    reason = f"CASE WHEN t.customer IS NOT NULL AND m.customer IS NULL THEN {literal(Reason.ANONYMOUS)} ELSE reason END"
    scan = f"""(SELECT t.* REPLACE (m.customer AS customer, {reason} AS reason)
                FROM {rows.scan} AS t LEFT JOIN ({limited}) AS m ON t.customer = m.id)"""
    notes = where_any(
        Message(
            "Spellings of customer ids that differ only in capitals, blanks or a final .0, taken for the same "
            "customer: {n:integer}. `data.ids` says what counts as the same.",
            n=merged,
        ),
        Message(
            "Ids taken for nobody, and left out: {ids}. Set `data.ids` with `anonymous` where they are customers.",
            n=len(out), ids=", ".join(map(repr, out[:5])),
        ),
    )  # fmt: skip
    notes += [
        Message(
            "The id {id} may stand for nobody; it has {n:integer} row and counts as one customer. Set `data.ids` with "
            "`anonymous` to say which ids are nobody.",
            "The id {id} may stand for nobody; its {n:integer} rows count as one customer. Set `data.ids` with "
            "`anonymous` to say which ids are nobody.",
            id=repr(str(customer)), n=number,
        )
        for customer, number in doubtful
    ]  # fmt: skip
    return replace(rows, scan=scan, has_reasons=rows.has_reasons or bool(out)).noted(notes), []


def _statuses(connection: Connection, rows: TypedRows, data: DataConfig) -> tuple[TypedRows, list[Problem]]:
    """Rows whose status does not count get a reason."""
    role = "status" if rows.has("status") else "maybe_status"
    if not rows.has(role):
        if data.count_status:
            return rows, [Problem("data.count_status needs data.columns.status: name the column of statuses", USAGE)]
        return rows, []
    found = run(connection, f"""
        SELECT coalesce(lower(status), {literal(EMPTY)}), count(*) FROM {rows.scan}
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200""")  # fmt: skip
    statuses = dict(found)
    listed = ", ".join(f"{status!r} ({number:,})" for status, number in found[:MOST_LISTED] if status != EMPTY)
    column = rows.table.columns[role]
    likely = [status for status in statuses if status in COUNTED]
    if role != "status":
        bad = [status for status in statuses if status in UNCOUNTED]
        if not bad:
            return rows, []
        return rows, [
            Problem(
                f"{rows.table.label}: column {column!r} holds statuses, among them "
                f"{', '.join(map(repr, bad[:5]))}, and every row would count: {listed}; "
                "name it with the key `data.columns.status`, and those that count "
                f"with `data.count_status`" + (f", such as {likely}" if likely else "")
            )
        ]
    if data.count_status is None:
        if all(status in (*COUNTED, EMPTY) for status in statuses):
            return rows, []
        advice = f", such as {likely}" if likely else ""
        message = f"{_where(rows, role)}: which statuses count? {listed}; list them with the key `data.count_status`"
        return rows, [Problem(message + advice)]
    wanted = [status.strip().lower() for status in data.count_status]
    problems = []
    for status in wanted:
        if status not in statuses:
            near = difflib.get_close_matches(status, statuses, n=1)
            hint = f"did you mean {near[0]!r}? The" if near else "the"
            message = f"data.count_status: no row has the status {status!r}; {hint} statuses are {listed}"
            problems.append(Problem(message, USAGE))
    value = f"coalesce(lower(status), CASE WHEN money IS NOT NULL THEN {literal(EMPTY)} END)"
    other = f"reason IS NULL AND {value} NOT IN {literals(wanted)}"
    reason = f"CASE WHEN {other} THEN {literal(STATUS)} || {value} ELSE reason END"
    rows = replace(_changed(rows, f"{reason} AS reason"), has_reasons=True)
    repaid = [status for status in wanted if status in REFUNDED]
    if repaid:
        other = "refunded" if rows.has("refunded") else "NULL"
        full = f"CASE WHEN lower(status) IN {literals(repaid)} THEN greatest(money, 0) ELSE {other} END"
        rows = _changed(rows, f"CAST({full} AS {MONEY}) AS refunded")
        rows = replace(rows, has_refunded=True)
    return rows, problems


def _totals(connection: Connection, rows: TypedRows, data: DataConfig) -> tuple[TypedRows, list[Problem]]:
    """An order's total that stands on each of its lines counts once; a line of totals is no order."""
    if rows.has("customer") and rows.is_text("customer"):
        is_total = f"day IS NULL AND regexp_matches(lower(trim(customer)), '{TOTALS}')"
        if run(connection, f"SELECT bool_or({is_total}) FROM {rows.scan}")[0][0]:
            total = f"CASE WHEN {is_total} THEN {literal(Reason.TOTAL_ROW)} ELSE reason END AS reason"
            rows = replace(_changed(rows, total), has_reasons=True)
    role = "order" if rows.has("order") else "maybe_order"
    if not rows.has("amount") or not rows.has(role):
        if data.amount_of == "order" and not rows.has("order"):
            return rows, [
                Problem("data.amount_of == 'order' needs data.columns.order: name the column of orders", USAGE)
            ]
        return rows, []
    if data.amount_of == "order":
        rows = rows.staged(connection, "orders")
        first = "row = min(row) FILTER (reason IS NULL AND money IS NOT NULL) OVER (PARTITION BY customer, order_id)"
        once = f"CASE WHEN order_id IS NULL OR reason IS NOT NULL OR {first} THEN money ELSE 0 END"
        return _changed(rows, f"CAST({once} AS {MONEY}) AS money"), []
    if data.amount_of == "line":
        return rows, []
    several, alike, example = run(connection, f"""
        SELECT count(*), count(*) FILTER (lowest = highest AND highest <> 0 AND filled = lines), min(order_id) FROM (
            SELECT order_id, count(*) AS lines, count(money) AS filled, min(money) AS lowest, max(money) AS highest
            FROM {rows.scan} WHERE reason IS NULL AND order_id IS NOT NULL GROUP BY customer, order_id
            HAVING count(*) > 1)""")[0]  # fmt: skip
    if several < FEWEST_ORDERS or alike < SAME_TOTAL_SHARE * several:
        return rows, []
    message = (
        f"{_where(rows, 'amount')} is the same on all lines of {alike:,} of {several:,} orders with several "
        f"lines, such as {example!r}: is it the total of the order? Set the key `data.amount_of` to "
        "'order' (it counts once) or 'line' (lines are added)"
    )
    if role != "order":
        message += f", and name {rows.table.columns[role]!r} with `data.columns.order`"
    return rows, [Problem(message)]


def _refunds(connection: Connection, rows: TypedRows, data: DataConfig) -> tuple[TypedRows, list[Problem]]:
    """What a column of the same row says was paid back is taken off the row's money."""
    if rows.has("maybe_refunded") and data.refunds == "net":
        unpaid = f"coalesce(lower(status), '') NOT IN {literals(REFUNDED)}"
        test = f"reason IS NULL AND refunded <> 0 AND {unpaid}"
        some = run(connection, f"SELECT count(*) FROM {rows.scan} WHERE {test}")[0][0]
        if some:
            column, found = rows.table.columns["maybe_refunded"], counted(some, "row")
            message = (
                f"{rows.table.label}: column {column!r} says of {found} that money was paid back, and nothing is taken "
                "off; name it with the key `data.columns.refunded`, or set `data.refunds` to 'drop' where the amounts "
                "are what was kept"
            )
            return rows, [Problem(message)]
    if not (rows.has("refunded") or rows.has_refunded):
        return rows, []
    problems = []
    if rows.has("refunded"):
        counts = "refunded < 0", "refunded > 0", "reason IS NULL AND abs(refunded) > greatest(money, 0)"
        tests = ", ".join(f"count(*) FILTER ({test})" for test in counts)
        negative, positive, above = run(connection, f"SELECT {tests} FROM {rows.scan}")[0]
        if negative and positive:
            message = f"{counted(negative, 'value')} below 0 and {positive:,} above; all must have one sign"
            problems.append(Problem(f"{_where(rows, 'refunded')}: {message}"))
        if above and rows.has_money:
            first = f"FROM {rows.scan} WHERE {counts[2]} ORDER BY ALL LIMIT 3"
            examples = run(connection, f"SELECT customer, money, refunded {first}")
            shown = ", ".join(
                f"{float(abs(back)):g} of {float(money):g} (customer {who!r})" for who, money, back in examples
            )
            found = counted(above, "refund is above its order", "refunds are above their orders")
            allowed = "a refund of at most the amount is allowed"
            problems.append(Problem(f"{_where(rows, 'refunded')}: {found}: {shown}; {allowed}"))
        rows = _changed(rows, "abs(refunded) AS refunded")
    if rows.has_money:
        rows = _changed(rows, f"CAST(money - coalesce(refunded, 0) AS {MONEY}) AS money")
    return replace(rows, has_refunded=True), problems


def _discount(connection: Connection, rows: TypedRows, data: DataConfig) -> tuple[TypedRows, list[Problem]]:
    """A discount as money off, whatever it is written as."""
    if not rows.has("discount"):
        return rows, []
    kind = data.discount or _kind_of_discount(connection, rows)
    if kind is None:
        message = (
            f"{_where(rows, 'discount')}: is it money or per cent off? All its values are whole steps of 5 up to 100; "
            "set the key `data.discount` to money, share or per_cent"
        )
        return rows, [Problem(message)]
    if kind == "money":
        return rows, []
    share = "discount" if kind == "share" else "(discount / 100)"
    outside = run(connection, f"SELECT count(*) FROM {rows.scan} WHERE NOT {share} BETWEEN 0 AND 1")[0][0]
    if outside:
        found = counted(outside, "value is", "values are")
        message = (
            f"{_where(rows, 'discount')}: {found} outside 0 to {1 if kind == 'share' else 100}; discount == {kind!r}"
        )
        return rows, [Problem(message)]
    # The price before it, less what was paid: a gift's price is not known.
    off = f"CASE WHEN {share} < 1 THEN TRY_CAST(CAST(money AS DOUBLE) * {share} / (1 - {share}) AS {MONEY}) END"
    note = Message("The discounts are a share of the price, not money; they were turned into money off.")
    return _changed(rows, f"CAST(coalesce({off}, 0) AS {MONEY}) AS discount").noted([note]), []


def _kind_of_discount(connection: Connection, rows: TypedRows) -> str | None:
    """What a discount is where its values are certain; None where they are not."""
    column = rows.table.columns["discount"]
    highest, lowest, some, distinct, steps, shares, price = run(connection, f"""
        SELECT max(discount), min(discount), count(*), count(DISTINCT discount), bool_and(discount % 5 = 0),
               count(*) FILTER (discount < 1), median(abs(money))
        FROM {rows.scan} WHERE discount <> 0""")[0]  # fmt: skip
    if not some or lowest < 0:
        return "money"
    if rows.readings["discount"].per_cent or (PERCENT_NAME.search(column) and highest <= 100):
        # A column of per cents may still be written as 0.2.
        return "share" if highest <= 1 and shares and not rows.readings["discount"].per_cent else "per_cent"
    if highest <= 1 and shares and distinct <= 50 and some >= FEWEST_ORDERS and (price or 0) >= 2:
        return "share"
    if steps and highest <= 100 and distinct <= 12 and some >= 20 and not MONEY_NAME.search(column):
        return None
    return "money"


def _money(_connection: Connection, rows: TypedRows, _data: DataConfig) -> tuple[TypedRows, list[Problem]]:
    """What is said where the money is not named, or is named as something else than turnover."""
    if not rows.has_money:
        named = rows.table.columns.values()
        alike = [name for name in rows.table.types if name not in named and LIKE_MONEY.search(name)]
        note = Message(
            "No column of money is named, so orders are counted without it. Is it {columns}? Name it with "
            "`data.columns.amount`.",
            columns=", ".join(map(repr, alike[:3])),
        )
        return rows.noted([note] if alike else []), []
    column = rows.table.columns.get("amount", "")
    note = Message(
        "The amount is taken from the column {column}. An amount must be turnover: of a profit the margin would be "
        "taken once more, and a loss would count as a refund.",
        column=repr(column),
    )
    return rows.noted([note] if PROFIT_NAME.search(column) else []), []


def problems_in_far_days(
    connection: Connection, rows: TypedRows, kept: str, first: dt.date, last: dt.date
) -> list[Problem]:
    """A few rows that lie decades from all others."""
    if first is None or (last - first).days <= FAR_DAYS or not rows.has("date"):
        return []
    gaps = run(connection, f"""
        SELECT day, before, rows_before, total FROM (
            SELECT day, lag(day) OVER (ORDER BY day) AS before, sum(rows) OVER (ORDER BY day) - rows AS rows_before,
                   sum(rows) OVER () AS total
            FROM (SELECT day, count(*) AS rows FROM {kept} WHERE day IS NOT NULL GROUP BY day))
        WHERE day - before > {FAR_DAYS}""")  # fmt: skip
    for day, before, number, total in gaps:
        early, late = number <= FAR_SHARE * total, total - number <= FAR_SHARE * total
        if not (early or late):
            continue
        read = rows.readings["date"].expression
        test = f"{read} <= DATE '{before}'" if early else f"{read} >= DATE '{day}'"
        examples = rows.table.examples(connection, [rows.table.columns["date"]], test)
        number = int(number if early else total - number)
        found = counted(number, "row lies", "rows lie")
        key = "observation_start" if early else "observation_end"
        message = (
            f"{_where(rows, 'date')}: {found} years from all others ({day if early else first} to "
            f"{last if early else before}): {examples}; correct them, or set the key `data.{key}`"
        )
        return [Problem(message)]
    return []


def dominant_customer(orders: pd.Series, ids: pd.Index) -> list[Message]:
    """What is said where one customer has a tenth of all orders."""
    total, most = orders.sum(), orders.max()
    if len(orders) < 2 * ANONYMOUS_TIMES or most < DOMINANT_SHARE * total:
        return []
    return [
        Message(
            "One customer, {id}, has {share:percent} of all orders. Set `data.ids` with `anonymous` where that stands "
            "for many.",
            id=repr(str(ids[int(orders.to_numpy().argmax())])), share=most / total,
        )
    ]  # fmt: skip
