"""What a row means: whose it is, whether its status counts, what was paid back in it, what its discount is.

Everything here works on typed rows and leaves typed rows; what the values do not settle is asked, naming the key.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import or_

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import BooleanValue, StringValue, Table

from analysis.config import DataConfig
from analysis.data.engine import NUMBER_OF_ROW, Relation, quoted, run
from analysis.data.expressions import CELL
from analysis.data.expressions import whole as whole_number
from analysis.data.formats import Reading, read_number
from analysis.data.ledger import STATUS, Reason, where_any
from analysis.data.rows import LARGEST, PRICE_ROLES, Rows
from analysis.data.source import FLAGS, SUMMED, SURE, Part, is_tip, normalised, other_sides, role_score
from analysis.data.vocabulary import BLANKS, INVISIBLE, TOTALS, says_hundredths, words
from analysis.errors import USAGE, Problem, counted
from analysis.words import Message

NOBODY, TAKEN_BACK, AMBIGUOUS = map(words, ("nobody", "taken_back", "ambiguous"))
SIDES, SAID_YES, SAID_NO = map(words, ("sides", "said_yes", "said_no"))
COUNTED, UNCOUNTED, REFUNDED = (
    (*words(kind), *(f"wc-{word}" for word in words(kind)))  # as WooCommerce stores them
    for kind in ("counted", "uncounted", "repaid")
)
ANONYMOUS_SHARE, ANONYMOUS_TIMES, DOUBTFUL_TIMES, EMAIL_SHARE = 0.01, 20, 5, 0.95
DOMINANT_SHARE, NEGLIGIBLE_SHARE = 0.1, 0.0001
"""Shares of rows: of a customer who is worth a word, and below which a number may be any customer's id."""
EMPTY = "(empty)"
FAR_DAYS, FAR_SHARE = 3_650, 0.01
FEW_ROWS, LARGE_AMOUNT = 1_000, 1_000
WITHOUT_CENTS = ("JPY", "KRW", "ISK", "IDR", "HUF")
MOST_LISTED, MOST_STATUSES = 15, 200
SAME_TOTAL_SHARE, FEWEST_ORDERS, SPREAD_SHARE = 0.9, 5, 0.01
MOST_SUMMED = 100_000
"""Rows in which sums over columns are looked for."""
MOST_RATES, HIGHEST_RATE, AMOUNTS_A_RATE = 5, 30, 5
"""A column of tax of so few values, none above, and of far more amounts, holds rates."""
GIVEN_UP = re.compile(
    "(?!.*\\b(not?n?|niet)\\b).*(\\b(hold|timeout|authori.ation)|mislukt|(cancel|fail|void|declin|reject|refus)l?ed)\\b"
)
UNDONE = re.compile("[^a-z]*(ge)?(cancel|ann?ul|storn|makul)|(?<!a)void(?!fill)|delet|verwij|no.?show|fail|decline[dr]")
GIVEN_BACK = re.compile("(refund|return|retour|chargeback|dispute|terugbet).*(edat|edon|op|date|datum|reason|reden)$")
TAKEN = re.compile(
    "(?=.{,40}$)(?!.*\\b(not?|non|niet|geen|free|polic|await|decline|reject|request|pending)).*\\b"
    f"({'|'.join(re.escape(w) for w in TAKEN_BACK if len(w) > 4 and w not in AMBIGUOUS)}|reto?urn? (w|with|of|van))\\b"
)
PERCENT_NAME = re.compile("%|per ?cent|pct|procent|prozent|pourcent", re.IGNORECASE)
PROFIT_NAME = re.compile("profit|margin|winst|marge|gewinn|b[eé]n[eé]fice|beneficio", re.IGNORECASE)
TAX = "(btw|vat|tax|mwst|ust|tva|iva)"
WITH_TAX_NAME = re.compile(rf"\bin[ck]l\w*\W+(\d+ ?% ?)?{TAX}\b|\b{TAX} in[ck]l|\bttc\b", re.IGNORECASE)
MONEY_NAME = re.compile("amount|bedrag|total|eur|usd|gbp|value|betrag", re.IGNORECASE)


def meant(rows: Rows, data: DataConfig) -> Rows:
    """The rows with what their columns mean: ``customer`` and ``reason``, ``money`` net of ``refunded``, ``discount``.

    Problems and notes are added to those of the rows.
    """
    parts = (
        _one_spelling,
        _with_statuses,
        _with_flags,
        _without_totals,
        _tax_as_money,
        _amount_as_paid,
        _net_of_refunds,
        _discount_as_money,
    )
    for part in parts:
        rows = part(rows, data)
    return _on_money(rows, data)


def _one_spelling(rows: Rows, data: DataConfig) -> Rows:
    """One spelling for each customer, the one seen first; nobody where an id stands for nobody."""
    if not rows.has("customer"):
        return rows
    rules, is_text = data.ids, not ibis.dtype(rows.relation.columns["customer"]).is_integer()
    is_sure = rules.anonymous != "auto"
    nobody = tuple(str(one).strip().lower() for one in rules.anonymous) if is_sure else NOBODY
    if is_text:
        seen = rows.relation.one(_looks_of_ids, _of_several_spellings(nobody, data))
        is_lower = rules.case == "lower" or (rules.case == "auto" and seen["addresses"] and seen["capitals"])
        is_plain = not seen["odd"] and not (is_lower and seen["capitals"])
    else:
        nobody, is_lower = tuple(int(one) for one in nobody if re.fullmatch("-?[0-9]+", one)), False
        number = rows.number(lambda t: _stands_for_nobody(t, nobody))
        least = 0 if is_sure else NEGLIGIBLE_SHARE * rows.number(lambda _: ibis.literal(value=True))
        is_plain = number == 0 or number < least
    if is_plain:
        return rows
    ids = rows.relation.then(_written).stored("ids")
    if is_text and rules.case == "auto" and is_lower:
        is_lower = (ids.one(_share_of_addresses, nobody)["share"] or 0) >= EMAIL_SHARE
    shape = (rules.strip, rules.float_suffix == "strip", is_lower) if is_text else (False, False, False)
    spellings = ids.then(_spellings, nobody, *shape).stored("spellings")
    totals, named = spellings.one(_of_all_ids), spellings.few(_of_suspicious_ids)
    share, times = ANONYMOUS_SHARE * totals["number"], ANONYMOUS_TIMES * totals["median"]
    out = [one for one in named if is_sure or (one["number"] > share and one["number"] >= times)]
    doubtful = [
        one
        for one in named
        if one not in out
        and (not re.fullmatch("[-0-9.]+", str(one["customer"])) or one["number"] >= DOUBTFUL_TIMES * totals["median"])
    ]
    notes = where_any(
        Message(
            "Spellings of customer ids that differ only in capitals, blanks or a final .0, taken for the same "
            "customer: {n:integer}. `data.ids` says what counts as the same.",
            n=totals["ids"] - totals["keys"],
        ),
        Message(
            "Ids taken for nobody, and left out: {ids}. Set `data.ids` with `anonymous` where they are customers.",
            n=len(out), ids=", ".join(repr(str(one["customer"])) for one in out[:5]),
        ),
        Message(
            "Ids that may stand for nobody, each counted as one customer: {ids}. Set `data.ids` with `anonymous` to "
            "say which ids are nobody.",
            n=len(doubtful), ids=", ".join(repr(str(one["customer"])) for one in doubtful),
        ),
    )  # fmt: skip
    problems = _problems_in_totals(rows, ids) if is_text and not is_sure else []
    return rows.then(_respelled, spellings, tuple(one["key"] for one in out)).noted(notes, problems)


def _problems_in_totals(rows: Rows, ids: Relation) -> list[Problem]:
    """Lines of totals that have a day, where they come to as much as all others."""
    if not rows.has_money or not ids.few(lambda t: t.filter(_says_total(t.customer)).limit(1)):
        return []
    paid = rows.relation.one(_paid_by_totals)
    if paid["totals"] is None or 2 * paid["totals"] < paid["money"]:
        return []
    found = (
        "row looks like a total of the others and has a date",
        "rows look like totals of the others and have dates",
        "take them out of the file, or set the key `data.ids` with `anonymous` to the ids that are no customers ([] "
        "where all are)",
    )
    return rows.problems(rows.where("customer"), _has_day_of_total, found, ["customer"])


def _paid_by_totals(rows: Table) -> Table:
    return rows.aggregate(totals=rows.money.sum(where=_has_day_of_total(rows)), money=rows.money.sum())


def _has_day_of_total(rows: Table) -> BooleanValue:
    return rows.day.notnull() & rows.money.notnull() & _says_total(rows.customer)


def _says_total(text: StringValue) -> BooleanValue:
    return _stripped(text).lower().re_search(TOTALS).coalesce(False)


def _stripped(text: StringValue) -> StringValue:
    """Without blanks around it, also those of web pages, and without what takes no room."""
    return text.re_replace(f"[{INVISIBLE}]|^[{BLANKS}{INVISIBLE}]+|[{BLANKS}{INVISIBLE}]+$", "")


def _stands_for_nobody(ids: Table, nobody: tuple) -> BooleanValue:
    plain = ids.customer if ids.customer.type().is_integer() else _stripped(ids.customer).lower()
    return plain.isin(nobody) if nobody else ibis.literal(value=False)


def _of_several_spellings(nobody: tuple[str, ...], data: DataConfig) -> str:
    """A pattern of ids that stand for nobody or a total, or that are written in several ways, apart from capitals."""
    blank = f"[{BLANKS}{INVISIBLE}]"
    parts = [f"^{blank}*({'|'.join(map(re.escape, nobody))}){blank}*$"] if nobody else []
    parts += [f"^{blank}|{blank}$|[{INVISIBLE}]"] if data.ids.strip else []
    parts += ["[.,]0$"] if data.ids.float_suffix == "strip" else []
    parts += [TOTALS] if data.ids.anonymous == "auto" else []
    return "|".join(parts) or "^$"


def _looks_of_ids(rows: Table, pattern: str) -> Table:
    """Whether ids are of the ``pattern``, have an @, and capitals; one cheap look, as most sources have none of it."""
    text, small = rows.customer, rows.customer.lower()
    looks = rows.select(odd=small.re_search(pattern), addresses=text.contains("@"), capitals=text != small)
    return looks.aggregate(**{name: looks[name].any() for name in looks.columns})


def _written(rows: Table) -> Table:
    """Ids as they are written, with their rows (number) and the first of these (place)."""
    rows = rows.filter(rows.customer.notnull())
    place = rows.row.min() if "row" in rows.columns else rows.customer.min()
    return rows.group_by("customer").agg(number=rows.count(), place=place)


def _share_of_addresses(ids: Table, nobody: tuple) -> Table:
    ids = ids.filter(~_stands_for_nobody(ids, nobody))
    return ids.aggregate(share=ids.count(where=ids.customer.contains("@")) / ids.count().nullif(0))


def _spellings(ids: Table, nobody: tuple, strip: bool, whole: bool, lower: bool) -> Table:  # noqa: FBT001
    """Ids as they are written, with what they have in common (key), its first spelling and its rows (number)."""
    key = ids.customer.cast("string")
    key = _stripped(key) if strip else key
    key = ibis.cases((key.re_search("^[0-9]+[.,]00?$"), key.re_replace("[.,]00?$", "")), else_=key) if whole else key
    ids = ids.mutate(key=key.lower() if lower else key, suspicious=_stands_for_nobody(ids, nobody))
    same = {"group_by": ids.key}
    return ids.select(
        "key",
        written=ids.customer,
        customer=ids.customer.first().over(ibis.window(**same, order_by=[ids.place, ids.customer])),
        number=whole_number(ids.number.sum().over(ibis.window(**same))),
        suspicious=ids.suspicious.any().over(ibis.window(**same)),
    )


def _of_all_ids(ids: Table) -> Table:
    keys = ids.select("key", "number").distinct()
    one_row = keys.aggregate(keys=keys.count(), number=keys.number.sum().cast("float64"), median=keys.number.median())
    return one_row.cross_join(ids.aggregate(ids=ids.count()))


def _of_suspicious_ids(ids: Table) -> Table:
    found = ids.filter(ids.suspicious).select("key", "customer", "number").distinct()
    return found.order_by(found.number.desc(), found.key)


def _respelled(rows: Table, spellings: Table, out: tuple[str, ...]) -> Table:
    spelled = spellings.select("written", first_spelling="customer", is_nobody=spellings.key.isin(out))
    found = rows.left_join(spelled, rows.customer == spelled.written)
    reason = ibis.cases((found.is_nobody, str(Reason.ANONYMOUS)), else_=found.reason)
    found = found.mutate(customer=ibis.cases((~found.is_nobody, found.first_spelling)), reason=reason)
    return found.select(*rows.columns)


def _with_statuses(rows: Rows, data: DataConfig) -> Rows:
    """Rows whose status does not count get a reason."""
    needed = [Problem("data.count_status needs data.columns.status: name the column of statuses", USAGE)]
    needed = needed if data.count_status else []
    if "status" not in rows.columns:
        return rows.noted(problems=needed)
    found = rows.relation.few(_status_counts, "status", rows.has_money)
    statuses = {line["status"]: line["number"] for line in found}
    most = [status for status in [*statuses][:MOST_LISTED] if status != EMPTY]
    listed = ", ".join(f"{status!r} ({statuses[status]:,})" for status in most)
    likely = [status for status in statuses if status in COUNTED]
    advice = f", such as {likely}" if likely else ""
    if not rows.has("status"):
        bad = [status for status in statuses if is_uncounted(status)]
        bad += [line["status"] for line in found if takes_back(line["status"]) and line["paid"]]
        message = (
            f"{rows.label}: column {rows.columns['status']!r} holds statuses, among them "
            f"{', '.join(map(repr, bad[:5]))}, and every row would count: {listed}; name it with the key "
            f"`data.columns.status`, and those that count with `data.count_status`{advice}{_advice_on_taken_back(bad)}"
        )
        return rows.noted(problems=[Problem(message)] if bad else needed)
    if data.count_status is None:
        if all(status in (*COUNTED, EMPTY) for status in statuses):
            return rows
        message = f"{rows.where('status')}: which statuses count? {listed}; list them with the key `data.count_status`"
        advice = advice or ", or name no such column where these are no statuses of orders"
        return rows.noted(problems=[Problem(message + advice + _advice_on_taken_back(statuses))])
    wanted = [status.strip().lower() for status in data.count_status]
    repaid = tuple(status for status in wanted if status in REFUNDED)
    taken = {line["status"]: line["paid"] for line in found if takes_back(line["status"], rows.columns["status"])}
    taken = {one: paid for one, paid in taken.items() if paid and one in wanted} if rows.has_money else {}
    returned = [status for status in statuses if status in REFUNDED] if rows.has_money and data.refunds == "net" else []
    pairs = rows.relation.one(_refunds_of, tuple(returned), tuple(wanted)) if returned else {"number": 0}
    problems, alone = [], 0
    if pairs["number"] >= FEWEST_ORDERS:
        message = (
            f"{rows.label}: {pairs['number']:,} refunds are of the customer and the amount of an order whose status is "
            f"{' or '.join(returned)}, and would be taken off other orders; name {' and '.join(returned)} with the key "
            "`data.count_status`, so that they are taken off these"
        )
        problems = [] if {*returned} <= {*wanted} else [Problem(message)]
        repaid, alone = (), pairs["orders"] - pairs["number"]
    rows = rows.then(_told_by_status, tuple(wanted), repaid, rows.has("refunded")).then(_turned, tuple(taken))
    note = Message(
        "Rows whose status is {statuses}, with positive amounts, are taken for refunds: {n:integer}.",
        n=sum(taken.values()), statuses=", ".join(map(repr, taken)),
    )  # fmt: skip
    unmatched = Message(
        "Refunds are rows of their own here: {n:integer} order whose status is {statuses} has no refund of its amount, "
        "so it counts in full, less what other rows give back.",
        "Refunds are rows of their own here: {n:integer} orders whose status is {statuses} have no refund of their "
        "amount, so they count in full, less what other rows give back.",
        n=alone, statuses=", ".join(map(repr, returned)),
    )  # fmt: skip
    backward = {*filter(takes_back, statuses), *filter(UNDONE.match, statuses), *REFUNDED} - {*wanted}
    undone = tuple(one for one in statuses if one in backward)
    later = rows.relation.one(_undone_later, undone)["number"] if undone and "order_id" in rows.relation.columns else 0
    message = f"{rows.label}: a row of {counted(later, 'order')} counts, and a later one says {' or '.join(undone)}; "
    if back := [one for one in undone if takes_back(one) or one in REFUNDED]:
        message += f"name {' or '.join(back)} with the key `data.count_status` where such rows are refunds, or "
    message += "keep the last row of each order"
    problems += [Problem(message)] if later >= FEWEST_ORDERS else []
    rows = rows.noted(where_any(note, unmatched), problems)
    unseen = [status for status in wanted if status not in statuses]
    if not unseen:
        return rows
    if data.part or (unseen != wanted and {*unseen} <= {*COUNTED, *REFUNDED}):  # a month need not hold every status
        return rows.noted([Message("Statuses that count and that no row has: {statuses:list}.", statuses=unseen)])
    message = f"data.count_status: no row has the status {' or '.join(map(repr, unseen))}; the statuses are {listed}"
    return rows.noted(problems=[Problem(message, USAGE)])


def _undone_later(rows: Table, undone: tuple[str, ...]) -> Table:
    """How many orders have a row that counts and a later one of the same amount that takes it back."""
    counts, is_undone = rows.reason.isnull(), rows.status.lower().isin(undone)
    is_alike = rows.money.max(where=counts) == rows.money.abs().max(where=is_undone)
    is_later = rows.day.max(where=is_undone) > rows.day.min(where=counts)
    orders = rows.filter(rows.order_id.notnull()).group_by("customer", "order_id").agg(both=is_alike & is_later)
    return orders.aggregate(number=orders.count(where=orders.both))


def _refunds_of(rows: Table, repaid: tuple[str, ...], wanted: tuple[str, ...]) -> Table:
    """How many orders a status says were paid back, and how many refunds are of the customer and the amount of one."""
    status = rows.status.lower().coalesce(EMPTY)
    is_order = status.isin(repaid) & (rows.money > 0)
    is_refund = status.isin(wanted) & (rows.money < 0) & rows.reason.isnull()
    rows = rows.mutate(size=rows.money.abs(), is_order=is_order, is_refund=is_refund).filter(rows.customer.notnull())
    pairs = rows.group_by("customer", "size").agg(
        orders=rows.count(where=rows.is_order), refunds=rows.count(where=rows.is_refund)
    )
    number = ibis.least(pairs.orders, pairs.refunds).sum()
    return pairs.aggregate(number=whole_number(number.coalesce(0)), orders=whole_number(pairs.orders.sum().coalesce(0)))


def _status_counts(rows: Table, column: str, has_money: bool) -> Table:  # noqa: FBT001
    """Values of a column, the most frequent first: number (rows), paid (rows with a positive amount, all without)."""
    paid = rows.count(where=rows.money > 0) if has_money else rows.count()
    found = rows.group_by(status=rows[column].lower().coalesce(EMPTY)).agg(number=rows.count(), paid=paid)
    return found.order_by(found.number.desc(), found.status).limit(MOST_STATUSES)


def _told_by_status(rows: Table, wanted: tuple, repaid: tuple, has_refunded: bool) -> Table:  # noqa: FBT001
    """Reasons of the rows whose status does not count; of those that were paid back, what was."""
    status = rows.status.lower()
    told = status.coalesce(ibis.cases((rows.money.notnull() & rows.day.notnull(), EMPTY)))
    reason: StringValue = ibis.literal(STATUS).concat(told)
    changes = {"reason": ibis.cases((rows.reason.isnull() & told.notin(wanted), reason), else_=rows.reason)}
    if repaid:
        other = rows.refunded if has_refunded else ibis.null(CELL)
        paid = ibis.cases((rows.money > 0, rows.money), else_=ibis.literal(0).cast(CELL))
        changes["refunded"] = ibis.cases((status.isin(repaid), paid), else_=other).cast(CELL)
    return rows.mutate(**changes)


def _turned(rows: Table, taken: tuple[str, ...]) -> Table:
    """Rows whose status says that they give money back, as refunds."""
    if not taken:
        return rows
    is_taken = (rows.status.lower().isin(taken) & (rows.money > 0)).coalesce(False)
    money = ibis.cases((is_taken, -rows.money), else_=rows.money).cast(CELL)
    return rows.mutate(money=money, is_refund=rows.is_refund | is_taken)


def takes_back(status: str, column: str = "") -> bool:
    """Whether rows of a status, or those of which a ``column`` of this name says yes, give money back.

    >>> takes_back("deposit refund"), takes_back("no refund"), takes_back("j", "creditfactuur")
    (True, False, True)
    """
    says_yes = status in SAID_YES and normalised(column).removeprefix("is") in TAKEN_BACK
    return says_yes or status in TAKEN_BACK or bool(TAKEN.match(status))


def _advice_on_taken_back(statuses: Iterable[str], column: str = "") -> str:
    named = ", ".join(repr(status) for status in statuses if takes_back(status, column))
    return f". Name {named} there too where these are rows of their own: they are then taken off" if named else ""


def is_uncounted(status: str) -> bool:
    """Whether a status is of an order that does not count, whatever it says of why.

    >>> is_uncounted("cancelled_by_guest"), is_uncounted("wc-on-hold"), is_uncounted("confirmed")
    (True, True, False)
    >>> is_uncounted("processor_declined"), is_uncounted("not cancelled")
    (True, False)
    """
    return status in UNCOUNTED or bool(UNDONE.match(status) or GIVEN_UP.match(status))


def _counting(rows: Table) -> Table:
    return rows.filter(rows.reason.isnull() & rows.day.notnull())


def _with_flags(rows: Rows, _: DataConfig) -> Rows:
    """What is asked where columns say of rows that count that they were cancelled, not paid, a test or given back.

    Of a row that several speak against the first is told.
    """
    is_told, problems = rows.has("status"), []
    rest = rows.relation.then(_counting)
    for role in (role for role in FLAGS if role in rows.relation.columns):
        column = rows.columns[role]
        name = normalised(column)
        if rows.has("refunded") and (role_score("refunded", name) >= SURE or GIVEN_BACK.search(name)):
            continue  # how much it was stands beside it
        values = {line["status"]: line["paid"] for line in rest.few(_status_counts, role, rows.has_money)}
        bad = _speaking_against(values, name, is_told)
        if not bad:
            continue
        rest = rest.then(_without, role, tuple(bad))
        advice = (
            f"name it with the key `data.columns.status` in place of {rows.columns['status']!r}, or with "
            "`data.columns.split` and what counts with `data.part`; take these rows out of the file where they do not "
            "count, and the column where all do"
            if is_told
            else "name it with the key `data.columns.status`, and what counts with `data.count_status`, such as "
            f"{[value for value in values if value not in bad][:5] or [EMPTY]}{_advice_on_taken_back(bad, name)}"
        )
        message = (
            f"{rows.label}: column {column!r} says {', '.join(map(repr, bad[:5]))} of "
            f"{counted(sum(values[value] for value in bad), 'row')}{' with a positive amount' * rows.has_money}, and "
            f"they would count; {advice}"
        )
        problems.append(Problem(message))
    if len(problems) > 1:
        message = f"of these {len(problems)} columns one can be named; take the rows of the others out of the file"
        problems.append(Problem(f"{rows.label}: {message}"))
    return rows.noted(problems=problems)


def _speaking_against(values: dict[str, int], name: str, is_told: bool) -> list[str]:  # noqa: FBT001
    """Those ``values`` (with their paid rows) of a column of this ``name`` that say that a row does not count."""
    is_partly = role_score("flag", name) < SURE and role_score("refunded", name) < SURE
    if {*values} <= {*SAID_YES, *SAID_NO, EMPTY}:
        says = SAID_NO if name in words("paid_names") else SAID_YES
        found = {*says} if not is_partly or UNDONE.search(name) else set()
    elif (UNDONE.search(name) or (GIVEN_BACK.search(name) and EMPTY in values)) and not is_told:
        # A day, a reason, the number of another document.
        found = {*values} - {*SAID_NO, EMPTY}
    else:
        less_frequent_side = [*values][1:] if not is_partly and {*values} <= {*SIDES, EMPTY} else []
        found = {*filter(takes_back, values), *filter(is_uncounted, values), *less_frequent_side}
        found -= {*AMBIGUOUS} if is_partly else set()
    return [value for value, paid in values.items() if paid and value in found]


def _without(rows: Table, column: str, values: tuple[str, ...]) -> Table:
    return rows.filter(rows[column].lower().coalesce(EMPTY).notin(values))


def _without_totals(rows: Rows, data: DataConfig) -> Rows:
    """An order's total that stands on each of its lines counts once; a line of totals is no order."""
    if rows.has("customer") and rows.number(_is_total):
        total = str(Reason.TOTAL_ROW)
        rows = rows.then(lambda t: t.mutate(reason=ibis.cases((_is_total(t), total), else_=t.reason)))
    if not {"amount", "order"} <= {*rows.columns}:
        problem = Problem("data.amount_of == 'order' needs data.columns.order: name the column of orders", USAGE)
        return rows.noted(problems=[problem] if data.amount_of == "order" and not rows.has("order") else [])
    found = rows.relation.one(_totals_of_orders)
    if rows.has("order") and found["spread"] > SPREAD_SHARE * found["orders"]:
        note = Message(
            "Orders with rows on several days: {n:integer} of {orders:integer}. Each of their days counts as an order "
            "of its own; where these are instalments or parts of one order, give all its rows the first day.",
            n=found["spread"], orders=found["orders"],
        )  # fmt: skip
        rows = rows.noted([note])
    if data.amount_of == "line":
        return rows
    if data.amount_of == "order":
        return rows.then(_total_once)
    several, alike = found["several"], found["alike"]
    if several < FEWEST_ORDERS or alike < SAME_TOTAL_SHARE * several:
        return rows
    message = (
        f"{rows.where('amount')} is the same on all lines of {alike:,} of {several:,} orders with several "
        f"lines, or on one of them the sum of the others, such as {found['example']!r}: is it the total of the order? "
        "Set the key `data.amount_of` to "
        "'order' (it counts once) or 'line' (lines are added)"
    )
    if not rows.has("order"):
        message += f", and name {rows.columns['order']!r} with `data.columns.order`"
    return rows.noted(problems=[Problem(message)])


def _is_total(rows: Table) -> BooleanValue:
    names = (name for name in ("customer", "order_id") if name in rows.columns and rows[name].type().is_string())
    told = (_says_total(rows[name]) for name in names)
    return rows.day.isnull() & reduce(or_, told, ibis.literal(value=False))


def _total_once(rows: Table) -> Table:
    """The largest amount of an order on its first line that has it, nothing on the others; there stands also what was
    taken off or paid back: its total, where all lines or one of them hold that, else the sum of its lines.
    """
    order = [rows.customer, rows.order_id, rows.reason]
    counts = rows.money.notnull()
    place = rows.row if "row" in rows.columns else rows.money
    largest = rows.money.abs().desc()
    number = ibis.row_number().over(group_by=[*order, counts], order_by=[largest, place])
    alone = rows.order_id.isnull() | (counts & (number == 0))
    nothing, whole = ibis.literal(0).cast(CELL), ibis.window(group_by=order)
    changes = {"money": ibis.cases((alone, rows.money), else_=nothing)}
    for name in (name for name in ("discount", "refunded") if name in rows.columns):
        value = rows[name].coalesce(0)
        highest, lowest, total = (found.over(whole) for found in (value.max(), value.min(), value.sum()))
        several = (value != 0).cast("int64").sum().over(whole) > 2
        of_order = ibis.cases(
            (lowest == highest, highest),
            (several & (2 * highest == total), highest),
            (several & (2 * lowest == total), lowest),
            else_=total,
        )
        changes[name] = ibis.cases((rows.order_id.isnull(), rows[name]), (alone, of_order.cast(CELL)), else_=nothing)
    return rows.mutate(**changes)


def _totals_of_orders(rows: Table) -> Table:
    """How many orders have several amounts, all of them the same or one of them the sum of the others."""
    lines = rows.filter(rows.reason.isnull() & rows.order_id.notnull())
    is_paid = lines.money > 0
    orders = lines.group_by("customer", "order_id").agg(
        filled=lines.money.count(),
        lowest=lines.money.min(),
        highest=lines.money.max(),
        total=lines.money.sum(),
        first=lines.day.min(where=is_paid),
        last=lines.day.max(where=is_paid),
    )
    is_several = (orders.filled > 1) & (orders.highest != 0)
    is_alike = is_several & ((orders.lowest == orders.highest) | (orders.highest * 2 == orders.total))
    return orders.aggregate(
        orders=orders.count(),
        spread=orders.count(where=orders["first"] < orders["last"]),
        several=orders.count(where=is_several),
        alike=orders.count(where=is_alike),
        example=orders.order_id.min(where=is_alike),
    )


def _tax_as_money(rows: Rows, _: DataConfig) -> Rows:
    """What is asked where a column of tax holds rates."""
    looks = rows.relation.one(_looks_of_tax) if rows.has("vat") else {"rates": 0}
    if not 0 < looks["rates"] <= MOST_RATES or not looks["small"] or looks["amounts"] < AMOUNTS_A_RATE * looks["rates"]:
        return rows
    message = (
        f"{rows.where('vat')} holds rates of tax, and what is taken off are amounts; name a column of amounts with the "
        "key `data.amount_includes`, or one rate such as 0.21"
    )
    return rows.noted(problems=[Problem(message)])


def _looks_of_tax(rows: Table) -> Table:
    tax = rows.vat
    is_small = ((tax >= 0) & (tax <= HIGHEST_RATE) & ((tax == tax.floor()) | (tax < 1))).all()
    return rows.aggregate(rates=tax.nunique(where=tax > 0), amounts=rows.money.nunique(), small=is_small)


def _amount_as_paid(rows: Rows, data: DataConfig) -> Rows:
    """What is asked where another column is the amount less its discount, or less the tip that is in it."""
    off = rows.columns["discount"] if rows.has("discount") else None
    tip = next(filter(is_tip, rows.columns.values()), None)
    if rows.table is None or not rows.has("amount") or not (off or tip):
        return rows
    numbers, problems = _numbers(rows, data), []
    is_told = data.amount_includes is not None and data.amount_includes.tip is not None
    after = (
        "an amount must be what was paid after the discount: name that column with the key `data.columns.amount`, or "
        "no `data.columns.discount` where amounts are before it"
    )
    without = f"set the key `data.amount_includes` to {{tip: {tip!r}}}, or to {{tip: 0}} where tips are turnover"
    for taken, beside, advice in ((off, tip, after), (None if is_told else tip, off, without)):
        if found := _less(numbers, rows.columns["amount"], taken, beside):
            other, seen, number, also = found
            less = f"less {taken!r}{f' plus {beside!r}' if also else ''} is {other!r}"
            message = f"{less} in {seen:,} of {counted(number, 'row')} with a {taken!r}; {advice}"
            problems.append(Problem(f"{rows.where('amount')} {message}"))
    return rows.noted(problems=problems)


def _less(
    numbers: pd.DataFrame, amount: str, taken: str | None, beside: str | None
) -> tuple[str, int, int, bool] | None:
    """The column that the amount less another one is on nearly all rows that have it, perhaps with a third added."""
    if not {amount, taken} <= {*numbers}:
        return None
    given = numbers[numbers[taken].fillna(0) != 0]
    others, best = given.drop(columns=[amount, taken, beside], errors="ignore"), None
    for also in (False, True) if beside in numbers else (False,):
        off = given[taken].abs() - (given[beside].fillna(0).abs() if also else 0)
        alike = others.sub(given[amount] - np.sign(given[amount]) * off, axis=0).abs().lt(0.005).sum()
        if alike.max() >= max(FEWEST_ORDERS, SAME_TOTAL_SHARE * len(given), best[1] + 1 if best else 0):
            best = alike.idxmax(), int(alike.max()), len(given), also
    return best


def _numbers(rows: Rows, data: DataConfig) -> pd.DataFrame:
    """The first rows of a file, of those columns of money that hold numbers."""
    connection, table = rows.relation.connection, rows.table
    scan = f"SELECT * EXCLUDE ({quoted(NUMBER_OF_ROW)}) FROM {table.scan} LIMIT {MOST_SUMMED}"
    run(connection, f"CREATE OR REPLACE TEMP TABLE first_rows AS {scan}")
    first = replace(table, parts=(Part("first_rows", table.label),), only="")
    priced = {role: name for role, name in table.columns.items() if role in ("amount", "discount", "tip", *SUMMED)}
    readings = {name: read_number(connection, first, role, data.decimal) for role, name in priced.items()}
    readings = {name: reading for name, reading in readings.items() if not reading.problems}
    listed = ", ".join(f"CAST({reading.expression} AS DOUBLE)" for reading in readings.values())
    joins = " ".join(reading.join for reading in readings.values())
    return pd.DataFrame(run(connection, f"SELECT {listed} FROM {first.scan} {joins}"), columns=[*readings])


def _net_of_refunds(rows: Rows, data: DataConfig) -> Rows:
    """What a column of the same row says was paid back is taken off the row's money."""
    if "refunded" not in rows.relation.columns:
        return rows
    if "refunded" in rows.guessed:
        some = rows.number(_is_paid_back) if data.refunds == "net" else 0
        message = (
            f"{rows.label}: column {rows.columns['refunded']!r} says of {counted(some, 'row')} that money was "
            "paid back, and nothing is taken off; name it with the key `data.columns.refunded`, or set `data.refunds` "
            "to 'drop' where the amounts are what was kept"
        )
        return rows.then(lambda t: t.drop("refunded")).noted(problems=[Problem(message)] if some else [])
    problems = []
    if rows.has("refunded"):
        where, priced = rows.where("refunded"), ("refunded", *PRICE_ROLES)
        below, above = rows.number(lambda t: t.refunded < 0), rows.number(lambda t: t.refunded > 0)
        if below and above:
            message = f"{counted(below, 'value')} below 0 and {above:,} above; all must have one sign"
            problems.append(Problem(f"{where}: {message}"))
        allowed = "a refund of at most the amount is allowed; where amounts are what was kept, do not name it"
        found = "refund is above its order", "refunds are above their orders", allowed
        problems += rows.problems(where, _is_above_its_order, found, priced, most=3) if rows.has_money else []
    is_side = bool(other_sides(rows.columns.get("amount", ""), [rows.columns.get("refunded", "")]))
    return rows.then(_paid_net, is_side).noted(problems=problems)


def _is_paid_back(rows: Table) -> BooleanValue:
    is_told = rows.status.lower().isin(REFUNDED).coalesce(False) if "status" in rows.columns else ibis.literal(False)  # noqa: FBT003
    return rows.reason.isnull() & rows.refunded.notin([0, 1]) & ~is_told


def _is_above_its_order(rows: Table) -> BooleanValue:
    paid = ibis.cases((rows.money > 0, rows.money), else_=ibis.literal(0).cast(CELL))
    return rows.reason.isnull() & rows.money.notnull() & (rows.refunded.abs() > paid)


def _paid_net(rows: Table, is_side: bool) -> Table:  # noqa: FBT001
    refunded = rows.refunded.abs()
    is_alone = (rows.money.isnull() & (refunded > 0) & is_side).coalesce(False)  # a row that is nothing but a refund
    money = ibis.cases((is_alone, -refunded), else_=rows.money - refunded.coalesce(0)).cast(CELL)
    refunded = ibis.cases((~is_alone, refunded)).cast(CELL)
    return rows.mutate(refunded=refunded, money=money, is_refund=rows.is_refund | is_alone)


def _discount_as_money(rows: Rows, data: DataConfig) -> Rows:
    """A discount as money off, whatever it is written as."""
    if "discount" not in rows.relation.columns:
        return rows
    kind = data.discount or _kind_of_discount(rows)
    if kind is None:
        message = (
            f"{rows.where('discount')}: is it money or per cent off? All its values are whole steps of 5 up to 100; "
            "set the key `data.discount` to money, share or per_cent"
        )
        return rows.noted(problems=[Problem(message)])
    if kind == "money":
        vat = data.amount_includes.vat if data.amount_includes else None
        rows = rows.then(_discount_without_tax, vat) if vat else rows
        return rows.then(_discount_kept) if "refunded" in rows.relation.columns else rows
    highest = 1 if kind == "share" else 100
    found = f"value is outside 0 to {highest}", f"values are outside 0 to {highest}", f"discount == {kind!r}"
    outside = rows.problems(rows.where("discount"), lambda t: ~t.discount.between(0, highest), found, ["discount"])
    if outside:
        return rows.noted(problems=outside)
    note = Message("The discounts are a share of the price, not money; they were turned into money off.")
    return rows.then(_money_off, highest).noted([note])


def _discount_without_tax(rows: Table, vat: float | str) -> Table:
    """A discount off a price with tax in it, less its part of the tax."""
    money = rows.money.cast("float64") + (rows.refunded.coalesce(0) if "refunded" in rows.columns else 0)
    share = 1 / (1 + vat) if isinstance(vat, float) else (money / (money + rows.vat).nullif(0)).coalesce(1.0)
    return rows.mutate(discount=(rows.discount.cast("float64") * share).cast(CELL))


def _discount_kept(rows: Table) -> Table:
    """The part of a discount that was on what the same row does not say was paid back."""
    share = rows.money.cast("float64") / (rows.money + rows.refunded)
    kept = (rows.discount.cast("float64") * share).cast(CELL)
    return rows.mutate(discount=ibis.cases(((rows.refunded > 0) & (rows.money >= 0), kept), else_=rows.discount))


def _money_off(rows: Table, whole: int) -> Table:
    """The price before the discount, less what was paid: a gift's price is not known."""
    share = rows.discount.cast("float64") / whole
    off = ibis.cases((share < 1, rows.money.cast("float64") * share / (1 - share)))
    kept = ibis.cases((off.abs() < LARGEST, off)).cast(CELL)
    return rows.mutate(discount=kept.coalesce(ibis.literal(0).cast(CELL)))


def _looks_of_discounts(rows: Table) -> Table:
    given = rows.filter(rows.discount != 0)
    return given.aggregate(
        highest=given.discount.max().cast("float64"),
        lowest=given.discount.min().cast("float64"),
        some=given.count(),
        distinct=given.discount.nunique(),
        in_steps=(given.discount % 5 == 0).all(),
        shares=given.count(where=given.discount < 1),
        price=given.money.abs().cast("float64").median(),
    )


def _kind_of_discount(rows: Rows) -> str | None:
    """What a discount is where its values are certain; None where they are not."""
    column, reading = rows.columns["discount"], rows.readings.get("discount", Reading("NULL"))
    seen = rows.relation.one(_looks_of_discounts)
    if not seen["some"] or seen["lowest"] < 0:
        return "money"
    highest, has_shares = seen["highest"], seen["shares"] > 0
    if reading.per_cent or (PERCENT_NAME.search(column) and highest <= 100):
        # A column of per cents may still be written as 0.2.
        return "share" if highest <= 1 and has_shares and not reading.per_cent else "per_cent"
    is_priced = seen["some"] >= FEWEST_ORDERS and (seen["price"] or 0) >= 2
    if highest <= 1 and has_shares and seen["distinct"] <= 50 and is_priced:
        return "share"
    is_stepped = seen["in_steps"] and highest <= 100 and seen["distinct"] <= 12 and seen["some"] >= 20
    return None if is_stepped and not MONEY_NAME.search(column) else "money"


def names_of_money(names: Iterable[str]) -> list[str]:
    """Those names of columns that may be of money."""
    return [one for one in names if role_score("amount", one) or PROFIT_NAME.search(one) or normalised(one) in SIDES]


def _on_money(rows: Rows, data: DataConfig) -> Rows:
    """What is said where the money is not named, or is named as something else than turnover."""
    if not rows.has_money:
        named = rows.columns.values()
        free = (name for name in rows.all_columns if name not in named)
        alike = names_of_money(free)
        note = Message(
            "No column of money is named, so orders are counted without it. Is it {columns}? Name it with "
            "`data.columns.amount`.",
            columns=", ".join(map(repr, alike[:3])),
        )
        return rows.noted([note] if alike else [])
    column = rows.columns.get("amount", "")
    note = Message(
        "The amount is taken from the column {column}. An amount must be turnover: of a profit the margin would be "
        "taken once more, and a loss would count as a refund.",
        column=repr(column),
    )
    with_tax = Message(
        "The column {column} says that tax is in its amounts, and none is taken off: name the tax with "
        "`data.amount_includes`, or let the margin be a share of amounts with tax.",
        column=repr(column),
    )
    has_tax = data.amount_includes is None or data.amount_includes.vat is None
    told = ((note, PROFIT_NAME.search(column)), (with_tax, has_tax and WITH_TAX_NAME.search(column)))
    return rows.noted([each for each, holds in told if holds])


def on_whole_amounts(rows: Rows, currency: str | None) -> list[Message]:
    """What is said where amounts without decimals are so large that they may be cents."""
    if not rows.has("amount") or currency in WITHOUT_CENTS or says_hundredths(rows.columns["amount"]):
        return []
    looks = rows.relation.one(_looks_of_few_amounts)
    if not looks["whole"] or not (looks := rows.relation.one(_looks_of_amounts))["whole"]:
        return []
    note = Message(
        "All amounts are whole numbers, and half of them are {median:integer} or more. If they are cents, give the "
        "column a name that says so, such as amount_cents.",
        median=looks["median"],
    )
    return [note] if looks["median"] >= LARGE_AMOUNT else []


def _looks_of_amounts(rows: Table) -> Table:
    return rows.aggregate(whole=(rows.money == rows.money.floor()).all(), median=rows.money.cast("float64").median())


def _looks_of_few_amounts(rows: Table) -> Table:
    return _looks_of_amounts(rows.limit(FEW_ROWS))


def problems_in_far_days(rows: Rows, first: dt.date | None, last: dt.date | None) -> list[Problem]:
    """A few of the rows that count, which lie decades from all others."""
    if first is None or (last - first).days <= FAR_DAYS or not rows.has("date"):
        return []
    days = rows.relation.few(lambda t: t.group_by("day").agg(number=t.count()).order_by("day"))
    total, before = sum(line["number"] for line in days), 0
    for one, other in itertools.pairwise(days):
        before += one["number"]
        few = min(before, total - before)
        if (other["day"] - one["day"]).days <= FAR_DAYS or few > FAR_SHARE * total:
            continue
        if few == before:
            key, others, is_far = "observation_start", f"{other['day']} to {last}", lambda t, at=one["day"]: t.day <= at
        else:
            key, others, is_far = "observation_end", f"{first} to {one['day']}", lambda t, at=other["day"]: t.day >= at
        years = f"years from all others ({others})"
        found = f"row lies {years}", f"rows lie {years}", f"correct them, or set the key `data.{key}`"
        return rows.problems(rows.where("date"), is_far, found, ["date"], number=few)
    return []


def dominant_customer(customers: Relation, seen: pd.DataFrame, orders: int) -> list[Message]:
    """What is said where one customer has a tenth of all orders; ``seen`` is as of ``expressions.first_seen``."""
    most = int(seen["most"].max())
    if seen["customers"].sum() < 2 * ANONYMOUS_TIMES or most < DOMINANT_SHARE * orders:
        return []
    name = customers.one(lambda t: t.filter(t.orders == most).aggregate(customer=t.customer.min()))["customer"]
    return [
        Message(
            "One customer, {id}, has {share:percent} of all orders. Set `data.ids` with `anonymous` where that stands "
            "for many.",
            id=repr(str(name)), share=most / orders,
        )
    ]  # fmt: skip


def nearly_alike(customers: Relation) -> list[Message]:
    """What is said where the ids of several customers are the same but for what people and spreadsheets change."""
    if ibis.dtype(customers.columns["customer"]).is_integer():
        return []
    return [
        Message(
            "Customers whose ids differ only in capitals, blanks, zeros before or marks around them: {n:integer}, such "
            "as {ids}. Each spelling counts as a customer; where they are the same one, write it in one way in the "
            "source.",
            code="data.ids_alike", n=found["all"], ids=f"{found['first']!r}, {found['last']!r}",
        )
        for found in customers.few(_nearly_alike)
    ]  # fmt: skip


def _nearly_alike(customers: Table) -> Table:
    small, before, after = customers.customer.lower(), f"{BLANKS}'\"=#(", f"{BLANKS}'\")."
    plain = small.re_replace(f"^[{before}]*0*|[{after}]+$", "").re_replace(f"[{BLANKS}]+", " ")
    # Few ids have any of it; asking for that first spares the dear part.
    plain = ibis.cases((small.re_search(f"^[{before}0]|[{after}]$|[{BLANKS}]"), plain), else_=small)
    alike = customers.group_by(plain=plain).agg(
        number=customers.count(), first=customers.customer.min(), last=customers.customer.max()
    )
    alike = alike.filter(alike.number > 1)
    return alike.mutate(all=whole_number(alike.number.sum().over(ibis.window()))).order_by("plain").limit(1)
