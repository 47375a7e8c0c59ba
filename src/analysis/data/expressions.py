"""What is computed from typed rows, written once as Ibis expressions: the same on DuckDB, PostgreSQL and Spark.

Typed rows have the columns customer, day, money, is_refund and, where they are given, order_id, discount, product,
category and channel. Money is fixed-point in every expression, so that sums depend neither on the engine nor on the
order of the rows; nothing else is left to an engine's own habits: order, whole-number division and missing values are
said where they matter.
"""

from __future__ import annotations

import datetime as dt

import ibis
from ibis.expr.types import NumericValue, Table

MONEY, CELL = "decimal(38, 6)", "decimal(18, 6)"
"""Types of sums of money, and of the money of one row."""
COUNTS = ("lines", "refunds")
HISTORY = ("frequency", "recency_days", "T_days")
"""Columns that tell one history from another."""
ATTRIBUTES = ("category", "channel")
"""Columns of lines that an order has as well."""
SPREAD = ("spend_squares", "odd_total", "odd_orders", "even_total", "even_orders")
"""How a customer's orders spread, in a summary."""
GIVEN = ("order_id", "discount", "product", *ATTRIBUTES)
"""Columns of typed rows that there may be."""


def customer_days(rows: Table, money: str = MONEY, count_lines: bool = True) -> Table:  # noqa: FBT001, FBT002
    """One row a customer and day: what was bought, and what was given back.

    Parameters
    ----------
    rows
        Typed rows that count; refunds have negative money.
    money
        Type of sums; a narrower one where none can be larger.
    count_lines
        Whether lines are counted; without refunds and free lines, several of a day show by their money.

    Returns
    -------
    Table
        customer, day, gross (of purchases), head (the largest line), with ``is_refund`` among the columns refund
        (negative) and refunds (rows); with ``order_id`` bills (orders) and heads (sum of the largest lines of each);
        with one of these two, or where they are counted, lines (rows); with ``discount`` that; of a category and a
        channel those of the largest line, of equal lines the first in the alphabet.
    """
    has_refunds, has_orders = "is_refund" in rows.columns, "order_id" in rows.columns
    attributes = [name for name in ATTRIBUTES if name in rows.columns]
    if attributes:
        largest = rows.money.max().over(group_by=[rows.customer, rows.day])
        rows = rows.mutate(is_largest=(rows.money == largest) & (rows.money >= 0))
    only = ~rows.is_refund if has_refunds else None

    def total(column: NumericValue, where=only) -> NumericValue:
        return column.sum(where=where).coalesce(0).cast(money)

    sums = {"gross": total(rows.money), "head": rows.money.max(where=only).coalesce(0).cast(money)}
    if count_lines or has_refunds or has_orders:
        sums["lines"] = rows.count(where=only)
    if has_refunds:
        sums["refund"] = total(rows.money, rows.is_refund)
        sums["refunds"] = rows.count(where=rows.is_refund)
    if "discount" in rows.columns:
        sums["discount"] = total(rows.discount)
    sums |= {name: rows[name].min(where=rows.is_largest) for name in attributes}
    if not has_orders:
        return rows.group_by("customer", "day").agg(**sums)
    each = rows.group_by("customer", "day", "order_id").agg(**sums)
    outer = {name: each[name].sum().cast(money) for name in sums if name not in (*COUNTS, "head", *attributes)}
    outer |= {name: whole(each[name].sum()) for name in COUNTS if name in sums}
    outer |= {"head": each["head"].max(), "heads": each["head"].sum().cast(money)}
    outer["bills"] = each.count(where=each.lines > 0)
    return each.group_by("customer", "day").agg(**outer, **{name: each[name].min() for name in attributes})


def occasions(days: Table, end: dt.date) -> Table:
    """Purchase occasions up to ``end``: one row a customer and day with an order, refunds taken off.

    A refund takes from the customer's most recent occasion at or before its own day, what exceeds that from the one
    before, and so on; what exceeds them all reduces only what the customer spent in total. An occasion that is
    refunded in full stays an occasion, worth nothing. In sums: a day's purchases put a layer on the customer's running
    balance and a refund takes it down again; what is left of a layer is how far every later balance still reaches
    into it.

    Returns
    -------
    Table
        customer, day, amount (refunds taken off), gross, head, and of lines, bills, heads, discount, category and
        channel what ``days`` has.
    """
    days = days.filter(days.day <= end)
    further = ("lines", "bills", "heads", "discount", *ATTRIBUTES)
    kept = ["customer", "day", "gross", "head", *(name for name in further if name in days.columns)]
    if "refund" not in days.columns:
        return days.select(*kept, amount=days.gross)
    last = _last_refunds(days)
    touched = days.inner_join(last, ["customer", days.day <= last.last_refund])
    ordered = {"group_by": "customer", "order_by": "day"}
    past, later = ibis.window(rows=(None, 0), **ordered), ibis.window(rows=(0, None), **ordered)
    earlier = ibis.window(rows=(None, -1), **ordered)
    touched = touched.mutate(change=(touched.gross + touched.refund).cast(MONEY))
    running = touched.mutate(raw=touched.change.sum().over(past).cast(MONEY))
    lowest = running.raw.min()
    floored = running.mutate(
        balance=_money(running.raw - _floor(lowest.over(past))),
        top=_money(running.raw - running.refund - _floor(lowest.over(earlier))),
    )
    left = floored.mutate(lowest=floored.balance.min().over(later))
    reached = _money(ibis.greatest(_money(left.lowest - (left.top - left.gross)), _money(ibis.literal(0))))
    netted = left.filter(left.lines > 0)
    netted = netted.select(*kept, amount=ibis.least(_money(netted.gross), reached).cast(days.gross.type()))
    whole = days.filter(days.lines > 0).left_join(last, "customer")
    whole = whole.filter(whole.last_refund.isnull() | (whole.day > whole.last_refund))
    return netted.union(whole.select(*kept, amount=whole.gross))


def _last_refunds(days: Table) -> Table:
    """The last day with a refund of each customer who has one, after which nothing more is taken off."""
    return days.filter(days.refund < 0).group_by("customer").agg(last_refund=days.day.max())


def _money(value: NumericValue) -> NumericValue:
    return value.cast(MONEY)


def whole(value: NumericValue) -> NumericValue:
    """A sum of whole numbers as one; engines have types of their own for it that Ibis does not know of."""
    return value.cast("decimal(38, 0)").cast("int64")


def _floor(lowest: NumericValue) -> NumericValue:
    """How far a running sum was below zero; 0 where it never was."""
    return _money(ibis.least(_money(lowest.coalesce(0)), _money(ibis.literal(0))))


def several_rows(days: Table) -> Table:
    """Customer-days of more than one row: customer, day."""
    if "lines" not in days.columns:
        some = days.gross != days["head"]
    else:
        some = (days.lines + days.refunds if "refunds" in days.columns else days.lines) > 1
    return days.filter(some).select("customer", "day")


def customers(days: Table, end: dt.date, square: str = MONEY) -> Table:
    """Customers with an order up to ``end``; ``square`` is the type of squares of money, a narrower one where they fit.

    Returns
    -------
    Table
        customer, first_order, last_order, orders (occasions), frequency (repeat orders), recency_days, T_days, spent
        (refunds taken off), repeat_total and spend_squares (sums over the repeat orders of their amounts and of the
        squares of these), first_category and first_channel where ``days`` has them.
    """
    bought = occasions(days, end)
    found = bought.group_by("customer").agg(
        first_order=bought.day.min(),
        last_order=bought.day.max(),
        orders=bought.count(),
        total=_money(bought.amount.sum()),
        squares=_money(_square(bought.amount, square).sum()),
        first_amount=bought.amount.argmin(bought.day),
        **({"gross": bought.gross.sum()} if "refund" in days.columns else {}),
        **{f"first_{name}": bought[name].argmin(bought.day) for name in ATTRIBUTES if name in days.columns},
    )
    if "refund" in days.columns:
        back = days.filter((days.day <= end) & (days.refund < 0)).group_by("customer").agg(back=days.refund.sum())
        # All money, also what was given back without an order that it is taken from.
        spent = _money(found.gross + back.back.coalesce(0))
        found = found.left_join(back, "customer").select(found, spent=spent).drop("gross")
    else:
        found = found.mutate(spent=found.total)
    found = found.mutate(
        frequency=found.orders - 1,
        recency_days=found.last_order.delta(found.first_order, unit="day").cast("int64"),
        T_days=-found.first_order.delta(end, unit="day").cast("int64"),
        repeat_total=_money(found.total - found.first_amount),
        spend_squares=_money(found.squares - _square(found.first_amount, square)),
    )
    return found.drop("total", "squares", "first_amount")


def _square(amount: NumericValue, kind: str) -> NumericValue:
    return (amount.cast("float64") * amount.cast("float64")).cast(kind)


def with_halves(found: Table, days: Table, end: dt.date) -> Table:
    """``customers`` with odd_total, odd_orders, even_total and even_orders.

    Of the first, third, ... and of the second, fourth, ... repeat order. Numbering takes longer than all the rest.
    """
    bought = occasions(days, end)
    bought = bought.mutate(n=ibis.row_number().over(group_by="customer", order_by="day"))
    halves = {"odd": bought.n % 2 == 1, "even": (bought.n > 0) & (bought.n % 2 == 0)}
    totals = {f"{name}_total": _money(bought.amount.sum(where=half).coalesce(0)) for name, half in halves.items()}
    numbers = {f"{name}_orders": bought.count(where=half) for name, half in halves.items()}
    return found.inner_join(bought.group_by("customer").agg(**totals, **numbers), "customer")


def summary(days: Table, end: dt.date) -> Table:
    """The customer summary up to ``end``: ``customers`` ``with_halves``."""
    return with_halves(customers(days, end), days, end)


def described(found: Table, has_money: bool) -> Table:  # noqa: FBT001
    """``customers``, with or without halves, in the columns of ``CustomerSummary.table``."""
    found = in_floats(found)
    histories = {"customer_id": found.customer.cast("string")}
    histories |= {name: found[name] for name in ("first_order", "last_order", "orders", "frequency")}
    histories |= {name: found[name].cast("float64") for name in ("recency_days", "T_days")}
    mean = found.repeat_total / found.frequency.nullif(0).cast("float64")
    spent = {"spent": found.spent, "mean_repeat_value": mean} if has_money else {}
    further = (*(SPREAD if has_money else ()), *(f"first_{name}" for name in ATTRIBUTES))
    return found.select(**histories, **spent, **{name: found[name] for name in further if name in found.columns})


def in_floats(table: Table) -> Table:
    """The same with money as floating-point numbers, for whoever computes with it no further than printing."""
    return table.mutate(
        **{name: table[name].cast("float64") for name in table.columns if table[name].type().is_decimal()}
    )


def collapsed(customers: Table) -> Table:
    """Distinct histories of a summary: frequency, recency_days, T_days; customers, repeat_total."""
    shared = {"customers": customers.count(), "repeat_total": _money(customers.repeat_total.sum())}
    return customers.group_by(*HISTORY).agg(**shared).order_by(*HISTORY)


def by_day(days: Table, end: dt.date) -> Table:
    """Occasions by calendar day, for the calendar and for the ledger.

    Returns
    -------
    Table
        day, orders (occasions), amount (refunds taken off), largest (amount of one), sums of gross and head and, where
        ``days`` has them, of lines, bills (its orders) and heads; refunded and refunded_head: occasions that refunds
        leave nothing of.
    """
    bought = occasions(days, end)
    summed = [name for name in ("gross", "head", "heads", "lines", "bills") if name in bought.columns]
    sums = {name: bought[name].sum() for name in summed}
    refunded = (bought.gross > 0) & (bought.amount == 0)
    return bought.group_by("day").agg(
        orders=bought.count(),
        amount=_money(bought.amount.sum()),
        largest=bought.amount.max(),
        **{name: whole(value) if name in ("lines", "bills") else _money(value) for name, value in sums.items()},
        refunded=bought.count(where=refunded),
        refunded_head=_money(bought["head"].sum(where=refunded).coalesce(0)),
    )


def births(bought: Table) -> Table:
    """The day of each customer's first occasion: customer, first."""
    return bought.group_by("customer").agg(first=bought.day.min())


def repeats_by_day(days: Table, end: dt.date, born_by: dt.date) -> Table:
    """Repeat occasions of the customers born by a day, by calendar day: day, repeats."""
    bought = occasions(days, end)
    born = births(bought)
    told = bought.inner_join(born.filter(born["first"] <= born_by), "customer")
    told = told.filter(told.day > told["first"])
    return told.group_by("day").agg(repeats=told.count())


def first_seen(found: Table) -> Table:
    """``customers`` by the day of their first occasion: first, customers, most (occasions of one of them)."""
    return found.group_by(first=found.first_order).agg(customers=found.count(), most=found.orders.max())


def repeats_soon(days: Table, found: Table, first: dt.date, last: dt.date, within: int) -> Table:
    """Of the ``customers`` first seen on these days, repeat occasions in so many days after: repeats, customers."""
    told = found.filter(found.first_order.between(first, last))
    is_over = told.recency_days <= within  # so that all repeats count
    told, over = told.filter(~is_over).select("customer", first="first_order"), told.filter(is_over)
    bought = days.filter(days.day.between(first, last + dt.timedelta(within)))
    bought = bought.filter(bought.lines > 0) if "lines" in days.columns else bought
    bought = bought.select("customer", "day").inner_join(told, "customer")
    bought = bought.filter(bought.day.delta(bought["first"], unit="day") <= within)
    each = bought.group_by("customer").agg(repeats=bought.count() - 1)
    each = each.select("repeats").union(over.select(repeats="frequency"))
    return each.group_by("repeats").agg(customers=each.count())


def bought_after(days: Table, end: dt.date, day: dt.date) -> Table:
    """Occasions after a day by customer: customer, orders, amount."""
    later = occasions(days, end)
    later = later.filter(later.day > day)
    return later.group_by("customer").agg(orders=later.count(), amount=_money(later.amount.sum()))


def cohorts(days: Table, end: dt.date) -> Table:
    """Occasions by month of birth (cohort, its first day) and month since: orders, customers, revenue."""
    bought = occasions(days, end)
    told = bought.inner_join(births(bought), "customer")
    first, day = told["first"], told["day"]
    cells = told.mutate(
        cohort=first.truncate("M"), month=whole((day.year() - first.year()) * 12 + day.month() - first.month())
    )
    return cells.group_by("cohort", "month").agg(
        orders=cells.count(), customers=cells.customer.nunique(), revenue=_money(cells.amount.sum())
    )


def refunds(days: Table, found: Table) -> Table:
    """Refunds for the ledger, by whether their customer is one of ``customers``: has_order, rows, amount."""
    given = days.filter(days.refunds > 0)
    each = given.left_join(found, "customer").select(given, has_order=found.orders.notnull())
    return each.group_by("has_order").agg(rows=whole(each.refunds.sum()), amount=_money(each.refund.sum()))


def refunds_by_age(days: Table, end: dt.date) -> Table:
    """Refunds by days since the customer's latest order (age): refunds (rows), amount (above 0)."""
    seen = days.filter(days.day <= end)
    last = _last_refunds(seen)
    seen = seen.inner_join(last, ["customer", seen.day <= last.last_refund])
    past = ibis.window(group_by="customer", order_by="day", rows=(None, 0))
    seen = seen.mutate(ordered=ibis.cases((seen.lines > 0, seen.day)).max().over(past))
    seen = seen.filter((seen.refund < 0) & seen.ordered.notnull())
    ages = seen.group_by(age=seen.day.delta(seen.ordered, unit="day").cast("int64"))
    return ages.agg(refunds=whole(seen.refunds.sum()), amount=_money(-seen.refund.sum()))


def lines(rows: Table) -> Table:
    """Lines of purchases: customer, day, money, and of order_id, product, category, channel and discount the given."""
    bought = rows.filter(~rows.is_refund) if "is_refund" in rows.columns else rows
    named = ("customer", "day", "order_id", "product", "category", "channel", "money", "discount")
    return bought.select(*(name for name in named if name in rows.columns))


def joined(customers: Table, predictions: Table) -> Table:
    """A summary with what is predicted of each history: ``predictions`` has a row for every row of ``collapsed``."""
    return customers.inner_join(predictions, list(HISTORY))


def early_customers(rows: Table, before: dt.date) -> Table:
    """Customers with an order before a day: customer."""
    return rows.filter(~rows.is_refund & (rows.day < before)).select("customer").distinct()
