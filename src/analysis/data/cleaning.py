"""What becomes of every row: why it does not count, the problems that rows show, and a ledger that balances."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import NumericValue, Table
from markupsafe import Markup

from analysis.config import Config, DataConfig
from analysis.data import expressions
from analysis.data.engine import Relation
from analysis.data.first_orders import left_truncation_of
from analysis.data.ledger import Entry, Outcome, Reason, ledger_frame, where_any
from analysis.data.ledger import in_words as labelled
from analysis.data.meaning import dominant_customer, meant, nearly_alike, on_whole_amounts, problems_in_far_days
from analysis.data.rows import MONEY_ROLES, PRICE_ROLES, Rows, problems_in_rows
from analysis.data.vocabulary import CODES, CODES_OF_SIGN, IN_NAME, in_words, rows_by_code
from analysis.errors import CONTENT, USAGE, DataError, InputRefused, Problem, Unavailable, UsageError, counted
from analysis.plotting import Plots
from analysis.tables import HoldsFrames, table_html
from analysis.words import Message, block

BIRTH_WINDOW_DAYS = 28
QUIET_DAYS, QUIET_TIMES = 7, 2
"""Days without orders at the end that are worth a note: so many, and so many times the longest time before."""
NAMELESS_REFUNDS = 5  # from which it is no chance that none of them has a customer
MANY_REFUNDS = 15  # from which a file without turnover is no shop that paid everything back
FEWEST_REFUNDS, LONGEST_LAG = 30, 182
"""Refunds from which their lag is told; days after an order that are looked at, at most half of the window."""
MOST_SEEN = 0.9
"""Share of the refunds that has come when the orders of a week count as settled."""
MATERIAL = 0.005
"""Share of a turnover from which it is worth a word."""
NARROW_TOTAL, NARROW_SQUARE = 900_000_000_000, 900_000
"""Money below them, and its square, fits into ``expressions.CELL``."""


PLOTS = {"orders_over_time": "analysis.data.plots:plot_orders_over_time", "cohorts": "analysis.data.plots:plot_cohorts"}
MOST_WEEKS = 130
"""Weeks up to which orders are shown by week."""


@dataclass(frozen=True, repr=False)
class Cleaned(HoldsFrames):
    """What is known of cleaned rows wherever they are; attributes as of ``Orders``."""

    ledger: pd.DataFrame
    daily: pd.DataFrame
    rows_read: int
    rows_used: int
    customers: int
    orders: int
    observation_start: dt.date
    observation_end: dt.date
    has_money: bool
    currency: str | None
    notes: tuple[Message, ...]
    left_truncation: Message | None

    plot = Plots(**PLOTS)

    def last_day(self, until: dt.date | str | None) -> dt.date:
        """The last day that counts.

        Raises
        ------
        UsageError
            For a day outside the window.
        """
        day = self.observation_end if until is None else pd.Timestamp(until).date()
        if not self.observation_start <= day <= self.observation_end:
            window = f"{self.observation_start} to {self.observation_end}"
            raise UsageError(f"until == {str(until)!r} lies outside the data; {window} is allowed")
        return day

    def cohorts(self, kind: str = "orders") -> pd.DataFrame:
        """Cohorts: customers by the calendar month of their first order, followed month by month.

        Parameters
        ----------
        kind
            ``orders``, ``customers`` (who ordered) or ``revenue`` [currency, refunds taken off].

        Returns
        -------
        DataFrame, index cohort (month), columns month (0 is the cohort's own, which includes first orders)
            Missing where the month lies after the last day of the data; that day's own month may be incomplete.

        Raises
        ------
        Unavailable
            For revenue without money.
        """
        kinds = ("orders", "customers", "revenue")
        if kind not in kinds:
            raise UsageError(f"cohorts of {kind!r}: must be of {', '.join(kinds)}")
        if kind == "revenue" and not self.has_money:
            raise Unavailable("The data hold no amounts, so there is no revenue.")
        cells = self._computed(expressions.cohorts)
        cells["cohort"] = pd.to_datetime(cells["cohort"]).dt.to_period("M")
        last = pd.Period(self.observation_end, "M")
        cohorts = pd.period_range(cells["cohort"].min(), last, freq="M", name="cohort")
        months = pd.RangeIndex(len(cohorts), name="month")
        cells[kind] = cells[kind].astype(float)
        table = cells.pivot_table(index="cohort", columns="month", values=kind, fill_value=0)
        table = table.reindex(cohorts, columns=months, fill_value=0.0)
        table = table.where(np.add.outer(months, months) < len(cohorts))
        return table if kind == "revenue" else table.astype("Int64")

    def by_period(self) -> pd.DataFrame:
        """Orders by whole week since the start, by calendar month where weeks are too many.

        Returns
        -------
        DataFrame
            start (first day), days (length), first_orders, repeat_orders. A period of which over a tenth is missing
            would look like a fall and is left out, unless it is the only one.
        """
        monthly = len(self.daily) > 7 * MOST_WEEKS
        daily = self.daily.set_index("date")[["new_customers", "repeat_orders"]]
        bins = daily.resample("MS") if monthly else daily.resample("7D", origin="start")
        periods = bins.sum().rename(columns={"new_customers": "first_orders"}).rename_axis("start").reset_index()
        periods.insert(1, "days", bins.size().to_numpy())
        full = periods["start"].dt.days_in_month if monthly else 7
        return periods[(periods["days"] >= 0.9 * full) | (len(periods) == 1)].reset_index(drop=True)

    def _computed(self, expression: Callable[..., Table]) -> pd.DataFrame:
        """What an expression of customer-days and the last day that counts makes of them."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._said()}>"

    def _repr_html_(self) -> str:
        return block(
            table_html(labelled(self.ledger), self._said()), *(Markup("<p>{}</p>").format(note) for note in self.notes)
        )

    def _said(self) -> Message:
        return Message(
            "**{n:integer} order** between {start:date} and {end:date} (customers: {customers:integer}).",
            "**{n:integer} orders** between {start:date} and {end:date} (customers: {customers:integer}).",
            n=self.orders, customers=self.customers, start=self.observation_start, end=self.observation_end,
        )  # fmt: skip


def cleaned(
    rows: Rows, config: Config, end: dt.date | None, further: Iterable[Problem] = ()
) -> tuple[Cleaned, Relation, Relation, Relation]:
    """What is known of the rows up to ``end``, those that count, their customer-days and customers, stored.

    Raises
    ------
    InputRefused
        With every problem found, after the ``further`` ones.
    """
    data, today = config.data, dt.datetime.now(dt.UTC).date()
    rows = meant(rows, data)
    rows = rows.then(_with_reasons, data.observation_start, end, rows.has_money, data.refunds == "drop")
    profile = Profile({line["reason"]: line for line in rows.relation.few(_profile, today)})
    first_day, last_day = (profile.of(name) or None for name in ("first_day", "last_day"))
    kept = rows.then(_counting) if profile.dropped else rows
    currency, mixed, on_currency = currency_of(kept, config)
    duplicates = None if data.duplicates == "keep" else duplicates_in(kept)
    problems = [
        *further,
        *rows.found,
        *(problems_in_rows(rows) if profile.total("unread") else []),
        *mixed,
        *problems_in_duplicates(kept, duplicates, data),
        *problems_in_far_days(kept, first_day, last_day),
        *problems_in_profile(rows, profile, data, end, today),
    ]
    if problems:
        raise InputRefused(problems)
    end = end or max(line["last_day"] for line in profile.lines.values() if line["last_day"])
    start, entries = data.observation_start or first_day, profile.dropped
    if data.duplicates == "drop" and duplicates:
        kept = replace(kept, relation=kept.relation.then(_single, kept.keys).stored("single_rows"))
        left = kept.relation.one(lambda t: t.aggregate(amount=t.money.sum().coalesce(0).cast(expressions.MONEY)))
        amount = profile.of("amount") - left["amount"]
        entries.append(Entry(Outcome.DROPPED, Reason.DUPLICATE, duplicates, amount))
    early_customers = 0
    if data.exclude_earlier:
        kept, entry, early_customers = without_early_customers(rows, kept, profile, start)
        entries.append(entry)
    counting = kept.relation.then(_as_expressions_take_them, profile.of("refunds") > 0)
    money = expressions.CELL if profile.total("turnover") < NARROW_TOTAL else expressions.MONEY
    days = counting.then(expressions.customer_days, money, profile.of("free") > 0).stored("customer_days")
    if data.duplicates == "keep" and data.count_duplicates:
        # Rows that are equal fall on one day of one customer.
        several = days.then(expressions.several_rows)
        duplicates = duplicates_in(kept.then(_on_days, several))
    bought = days.then(expressions.by_day, end).frame()
    if bought.empty:
        raise DataError(f"{rows.label}: no customer has an order in the window")
    square = expressions.CELL if bought["largest"].max() < NARROW_SQUARE else expressions.MONEY
    customers = days.then(expressions.customers, end, square).stored("customers")
    entries += entries_of(days, customers, bought, profile.total("rows") - sum(entry.rows for entry in entries))
    seen = customers.then(expressions.first_seen).frame()

    def repeats_soon(*settings: Any) -> pd.DataFrame:
        return days.then(expressions.repeats_soon, customers, *settings).frame()

    setting = "known" if data.exclude_earlier else data.first_orders
    left_truncation, on_first_orders = left_truncation_of(seen, start, end, setting, repeats_soon)
    daily = daily_of(bought, seen, start, end)
    refunds_late = []
    if "refund" in days.columns:
        lags = days.then(expressions.refunds_by_age, end).frame()
        daily["refunds_to_come"], refunds_late = refunds_to_come(lags, daily["gross"].to_numpy())
    found = Cleaned(
        ledger=ledger_frame(entries),
        daily=daily.drop(columns="gross"),
        rows_read=profile.total("rows"),
        rows_used=sum(entry.rows for entry in entries if entry.outcome != "dropped"),
        customers=int(seen["customers"].sum()),
        orders=int(daily["orders"].sum()),
        observation_start=start,
        observation_end=end,
        has_money=rows.has_money,
        currency=currency,
        left_truncation=left_truncation,
        notes=(
            *(rows.table.notes if rows.table else ()),
            *rows.said,
            *on_currency,
            *on_whole_amounts(kept, currency),
            *notes_on(entries, duplicates, early_customers, profile, data),
            *refunds_late,
            *dominant_customer(customers, seen, int(daily["orders"].sum())),
            *nearly_alike(customers),
            *on_first_orders,
            *quiet_end_of(daily, end),
        ),
    )
    return found, counting, days, customers


@dataclass(frozen=True)
class Profile:
    """What one pass over all rows found: sums of ``_profile`` by the reason why rows do not count, None where they do.

    Examples
    --------
    >>> lines = [{"reason": None, "rows": 2, "amount": 5}, {"reason": str(Reason.MISSING_DATE), "rows": 1, "amount": 3}]
    >>> profile = Profile({line["reason"]: line for line in lines})
    >>> profile.total("rows"), profile.of("amount"), profile.of("rows", Reason.MISSING_DATE), profile.of("free")
    (3, 5, 1, 0)
    """

    lines: dict[str | None, dict[str, Any]]

    def total(self, name: str) -> Any:
        """A sum over all rows."""
        return sum(line[name] for line in self.lines.values())

    def of(self, name: str, reason: Reason | None = None) -> Any:
        """A sum over the rows that count, or do not for a reason; 0 where there are none."""
        return self.lines.get(reason, {}).get(name) or 0

    @property
    def dropped(self) -> list[Entry]:
        """Ledger lines of the rows that do not count, and of what was paid back in the row of its order."""
        entries = [
            Entry(Outcome.DROPPED, Reason(reason), line["rows"], line["amount"] + line.get("paid_back", 0))
            for reason, line in sorted(self.lines.items(), key=lambda item: item[0] or "")
            if reason is not None
        ]
        paid_back = self.of("paid_back")
        return entries + [Entry(Outcome.REFUNDED, Reason.REFUND_IN_COLUMN, 0, paid_back)] * bool(paid_back)


def _with_reasons(
    rows: Table,
    start: dt.date | None,
    end: dt.date | None,
    has_money: bool,  # noqa: FBT001
    no_refunds: bool,  # noqa: FBT001
) -> Table:
    """The reason of every row that does not count; the first that applies."""
    tests = [(rows.reason.notnull(), rows.reason)]
    # A further line of an order whose first line holds both.
    tests += [(rows.customer.isnull() & rows.money.isnull(), str(Reason.MISSING_AMOUNT))] if has_money else []
    tests.append((rows.customer.isnull(), str(Reason.MISSING_CUSTOMER)))
    tests.append((rows.day.isnull(), str(Reason.MISSING_DATE)))
    tests += [(rows.day > end, str(Reason.AFTER_END))] if end is not None else []
    tests += [(rows.day < start, str(Reason.BEFORE_START))] if start is not None else []
    tests += [(rows.money.isnull(), str(Reason.MISSING_AMOUNT))] if has_money else []
    tests += [(rows.is_refund, str(Reason.REFUND_DROPPED))] if has_money and no_refunds else []
    return rows.mutate(reason=ibis.cases(*tests))


def _counting(rows: Table) -> Table:
    return rows.filter(rows.reason.isnull())


def _profile(rows: Table, today: dt.date) -> Table:
    """Sums by reason: rows, amount, turnover (absolute, a bound for every sum), first and last day, and of what ever
    makes trouble.
    """

    def total(column: NumericValue) -> NumericValue:
        return column.sum().coalesce(0).cast(expressions.MONEY)

    sums = {
        "rows": rows.count(),
        "amount": total(rows.money),
        "turnover": total(rows.money.abs()),
        "refunds": rows.count(where=rows.is_refund),
        "free": rows.count(where=rows.money.coalesce(0) == 0),
        "first_day": rows.day.min(),
        "last_day": rows.day.max(),
        "future": rows.count(where=rows.day > today),
        "unread": rows.count(where=rows.unread),
    }
    if "refunded" in rows.columns:
        sums["paid_back"] = total(ibis.cases((rows.money.notnull(), rows.refunded)))
    if "discount" in rows.columns:
        sums["large_discounts"] = rows.count(where=~rows.is_refund & (rows.discount > rows.money))
    return rows.group_by("reason").agg(**sums)


def problems_in_profile(
    rows: Rows, profile: Profile, data: DataConfig, end: dt.date | None, today: dt.date
) -> list[Problem]:
    """What makes the rows unusable as a whole."""
    label, number, refunds = rows.label, profile.total("rows"), profile.of("refunds")
    if not number:
        return [Problem(f"{label}: there are no rows under the header; at least one order is needed")]
    problems = []
    missing = profile.of("rows", Reason.MISSING_CUSTOMER)
    if missing > data.max_missing_customer_share * number:
        message = (
            f"{label}: {missing:,} of {counted(number, 'row')} ({missing / number:.0%}) "
            f"{'has' if missing == 1 else 'have'} no customer id; "
            f"max_missing_customer_share == {data.max_missing_customer_share:g} allows fewer; where an id stands only "
            "on the first of a customer's rows, as in merged cells, fill it down"
        )
        problems.append(Problem(message))
    nameless = sum(profile.of("refunds", reason) for reason in (Reason.MISSING_CUSTOMER, Reason.ANONYMOUS))
    if data.refunds == "net" and nameless >= NAMELESS_REFUNDS and not refunds and profile.of("rows") > missing:
        message = (
            f"{label}: none of the {nameless:,} refunds has a customer id, and nothing would be taken off; give each "
            "the customer of its order, or set the key `data.refunds` to 'drop' where none is of these customers"
        )
        problems.append(Problem(message))
    if end is None:
        dated, allowed = f"dated after today ({today})", "set the key `observation_end` to the last day that counts"
        found = f"row is {dated}", f"rows are {dated}", f"correct them, or {allowed}"
        problems += rows.problems(label, lambda t: t.day > today, found, ["date"], number=profile.total("future"))
    if data.refunds == "refuse":
        allowed = "refunds == 'refuse', set it to 'net' or 'drop' to allow them"
        found = "row is a refund (negative)", "rows are refunds (negative)", allowed
        problems += rows.problems(label, lambda t: t.is_refund, found, PRICE_ROLES, number=refunds)
    is_readable = not (any(reading.problems for reading in rows.readings.values()) or profile.total("unread"))
    if is_readable and profile.of("rows") == refunds:
        problems.append(Problem(_nothing_left(label, profile)))
    elif is_readable and rows.has_money and not profile.total("turnover"):
        message = f"{label}: every amount is 0; where orders have no amounts, name no column of money"
        problems.append(Problem(message))
    elif is_readable and refunds >= MANY_REFUNDS and profile.of("amount") <= 0:
        message = (
            f"{label}: the amounts of all rows that count come to {profile.of('amount'):,.2f}; where turnover is "
            "written as negative, turn the signs; where the file holds both sides of every entry, keep one of them"
        )
        problems.append(Problem(message))
    return problems


def _nothing_left(label: str, profile: Profile) -> str:
    found = {entry.reason.rsplit(".", 1)[-1].replace("_", " "): entry.rows for entry in profile.dropped}
    found["refunds, which are no orders"] = profile.of("refunds")
    reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in found.items() if rows)
    return f"{label}: no order is left of {counted(profile.total('rows'), 'row')}: {reasons}"


def currency_of(kept: Rows, config: Config) -> tuple[str | None, list[Problem], list[Message]]:
    """The one currency of the kept rows, None where nothing says which; what stands in the way, and what is said.

    It is the one that their column or the configuration tells, and that beside their amounts.
    """
    configured, label = config.economics.currency, kept.label
    column, is_guess = kept.columns.get("currency"), "currency" in kept.guessed
    lines = kept.relation.few(_currencies) if column else []
    codes = {line["code"]: line["number"] for line in lines}
    in_column = rows_by_code(codes, configured)
    if is_guess and not (len(in_column) > 1 and {*in_column} <= {*CODES}):
        in_column, column = {}, None  # of one currency, or of something else
    if is_guess and column and configured:
        told = Message(
            "All amounts are taken to be in {currency}, though {column} names several: {found}. Name it with "
            "`data.columns.currency` where they are in those.",
            currency=configured, column=repr(column), found=in_words(in_column),
        )  # fmt: skip
        return configured, [], [told]
    part = config.data.part or ""
    known = next(iter(in_column), (kept.table.currency if kept.table else None) or (part if part in CODES else None))
    told = known or configured
    beside: dict[str, int] = {}
    for reading in kept.readings.values():
        for mark, number in reading.currencies.items():
            beside[mark] = max(beside.get(mark, 0), number)
    for priced in filter(kept.has, MONEY_ROLES):
        for mark in re.findall(IN_NAME, kept.columns[priced], re.IGNORECASE):
            beside.setdefault(mark if mark in CODES_OF_SIGN else mark.upper(), kept.number(lambda t: t.money.notnull()))
    written = rows_by_code(beside, told)
    message, exit_code = "", CONTENT
    if len(in_column) > 1:
        message = (
            f"{label}: the rows are in {len(in_column)} currencies ({in_words(in_column)}); one currency is allowed: "
            f"name one with the key `data.part` and {column!r} with `data.columns.split`, or make a report for each "
            "with `batch.split_by`"
        )
        if is_guess:
            message += "; where all amounts are in one of them, name that with `economics.currency`"
    elif known and not re.fullmatch("[A-Z]{3}", known):
        message = f"{label}: the currency {known!r} is no three-letter ISO 4217 code such as EUR"
    elif known and configured and known != configured:
        message = f"{label}: the amounts are in {known}, but economics.currency == {configured!r}; make them agree"
        exit_code = USAGE
    elif written and {*written} != {told or next(iter(written))}:
        says = f"column {column!r} says" if column else "economics.currency =="
        against = f", but {says} {told!r}" if told else ""
        message = f"{label}: there are amounts in {in_words(written)}{against}; one currency is allowed"
    if message:
        return None, [Problem(message, exit_code)], []
    return told or next(iter(written), None), [], []


def _currencies(rows: Table) -> Table:
    told = rows.filter(rows.currency.notnull())
    found = told.group_by(code=told.currency.upper()).agg(number=told.count())
    return found.order_by(found.number.desc(), found.code)


def duplicates_in(rows: Rows) -> int:
    """How many rows repeat an earlier row in every column."""
    return rows.relation.one(_repeats, rows.keys)["number"]


def _on_days(rows: Table, days: Table) -> Table:
    return rows.semi_join(days, ["customer", "day"])


def _repeats(rows: Table, keys: tuple[str, ...]) -> Table:
    each = rows.group_by(*keys).agg(copies=rows.count())
    return each.aggregate(number=expressions.whole((each.copies - 1).sum().coalesce(0)))


def problems_in_duplicates(kept: Rows, duplicates: int | None, data: DataConfig) -> list[Problem]:
    """Duplicates under the policy ``refuse``."""
    if data.duplicates != "refuse" or not duplicates:
        return []
    repeated = kept.then(lambda t: t.mutate(copies=t.count().over(group_by=[t[key] for key in kept.keys])))
    allowed = "duplicates == 'refuse', set it to 'keep' or 'drop' to allow them"
    found = "row repeats another row in every column", "rows repeat another row in every column", allowed
    return repeated.problems(kept.label, lambda t: t.copies > 1, found, ("customer", "date"), number=duplicates)


def _single(rows: Table, keys: tuple[str, ...]) -> Table:
    """One of all rows that are equal."""
    others = {name: rows[name].arbitrary() for name in rows.columns if name not in keys}
    return rows.group_by(*keys).agg(**others)


def without_early_customers(rows: Rows, kept: Rows, profile: Profile, start: dt.date) -> tuple[Rows, Entry, int]:
    """The kept rows without customers whose first order may lie before the data, under ``exclude_earlier``.

    Where the source has orders before ``observation_start``, these name the customers. Where it begins at the start,
    a customer counts as born before it when the first order falls into the first 28 days: whoever buys at least
    every four weeks is caught, and so are the customers who were really won in these days.
    """
    is_known = profile.of("rows", Reason.BEFORE_START) > 0
    seen = rows.then(lambda t: t.filter(t.customer.notnull())) if is_known else kept
    limit = start if is_known else start + dt.timedelta(days=BIRTH_WINDOW_DAYS)
    early = seen.relation.then(expressions.early_customers, limit)
    found = kept.relation.one(_of_customers, early)
    entry = Entry(Outcome.DROPPED, Reason.BORN_BEFORE_START, found["number"], found["amount"] or Decimal(0))
    return kept.then(lambda t, those: t.anti_join(those, "customer"), early), entry, found["customers"]


def _of_customers(rows: Table, customers: Table) -> Table:
    theirs = rows.semi_join(customers, "customer")
    return theirs.aggregate(number=theirs.count(), amount=theirs.money.sum(), customers=theirs.customer.nunique())


def _as_expressions_take_them(rows: Table, has_refunds: bool) -> Table:  # noqa: FBT001
    given = [name for name in expressions.GIVEN if name in rows.columns]
    money = rows.money.coalesce(ibis.literal(0).cast(expressions.CELL))
    return rows.select("customer", "day", *(["is_refund"] if has_refunds else []), *given, money=money)


def entries_of(days: Relation, customers: Relation, bought: pd.DataFrame, rows: int) -> list[Entry]:
    """Ledger lines of the ``rows`` that became occasions, were merged into one, or refunded.

    The largest line of a day carries the occasion; which of equal lines it is does not matter to the sums. ``bought``
    is as of ``expressions.by_day``.
    """
    sums = {name: sum(bought[name]) for name in bought.columns.drop("day")}
    used, whole, head, whole_head = (sums[name] for name in ("orders", "refunded", "head", "refunded_head"))
    lines = sums.get("lines", rows)
    bills, heads = sums.get("bills", lines), sums.get("heads", sums["gross"])
    refunds = days.few(expressions.refunds, customers) if "refund" in days.columns else []
    fates = {True: (Outcome.REFUNDED, Reason.REFUND_NETTED), False: (Outcome.DROPPED, Reason.REFUND_WITHOUT_ORDER)}
    return [
        Entry(Outcome.USED, Reason.ORDER, used - whole, head - whole_head),
        Entry(Outcome.USED, Reason.ORDER_REFUNDED, whole, whole_head),
        Entry(Outcome.MERGED, Reason.SAME_ORDER, lines - bills, sums["gross"] - heads),
        Entry(Outcome.MERGED, Reason.SAME_DAY, bills - used, heads - head),
        *(Entry(*fates[line["has_order"]], line["rows"], line["amount"]) for line in refunds),
    ]


def daily_of(bought: pd.DataFrame, seen: pd.DataFrame, start: dt.date, end: dt.date) -> pd.DataFrame:
    """date, orders, new_customers, repeat_orders, amount, refunds_to_come, gross: one row for each day of the window.

    ``bought`` is as of ``expressions.by_day``, ``seen`` as of ``expressions.first_seen``.
    """
    dates = pd.date_range(start, end, unit="s")
    numbers = {"orders": 0, "new_customers": 0, "repeat_orders": 0, "amount": 0.0, "refunds_to_come": 0.0, "gross": 0.0}
    daily = pd.DataFrame({"date": dates, **numbers})
    place = (pd.to_datetime(bought["day"]) - dates[0]).dt.days
    daily.loc[place, "orders"] = bought["orders"].to_numpy()
    for name in ("amount", "gross"):
        daily.loc[place, name] = bought[name].astype(float).to_numpy()
    born = (pd.to_datetime(seen["first"]) - dates[0]).dt.days
    daily["new_customers"] = np.bincount(born, weights=seen["customers"], minlength=len(dates)).astype("int64")
    return daily.assign(repeat_orders=daily["orders"] - daily["new_customers"])


def refunds_to_come(lags: pd.DataFrame, gross: np.ndarray) -> tuple[np.ndarray, list[Message]]:
    """What is expected to be paid back still of each day's orders, and what is said of it; 0 where it is no matter.

    Of an order of age a the share sum of r(b) over b > a is still to come, where r(b) is what was paid back b days
    after orders, over what was bought long enough ago to be seen at that age.

    Parameters
    ----------
    lags
        As of ``expressions.refunds_by_age``.
    gross
        What was bought on each day of the window, without refunds [currency], shape (days,).

    Examples
    --------
    >>> lags = pd.DataFrame({"age": [20, 40], "refunds": [900, 850], "amount": [9_000.0, 8_500.0]})
    >>> to_come, (note,) = refunds_to_come(lags, np.full(400, 500.0))
    >>> to_come[-1].round(2), to_come[-30].round(2), to_come[-60], note.values["weeks"]
    (np.float64(47.3), np.float64(23.61), np.float64(0.0), 6)
    """
    days, nothing = len(gross), np.zeros(len(gross))
    longest = min(LONGEST_LAG, days // 2)
    lags = lags[lags["age"] <= longest]
    if lags["refunds"].sum() < FEWEST_REFUNDS:
        return nothing, []
    back = np.bincount(lags["age"], weights=lags["amount"].astype(float), minlength=longest + 1)
    rate = back / np.maximum(gross.cumsum()[::-1][: longest + 1], 1e-9)
    later = rate.sum() - rate.cumsum()
    weeks = int(np.ceil((np.argmax(later <= (1 - MOST_SEEN) * rate.sum()) + 1) / 7))
    last = slice(days - 7 * weeks, None)
    to_come = gross * later[np.minimum(np.arange(days)[::-1], longest)]
    amount, turnover = to_come[last].sum(), gross[last].sum()
    if weeks < 2 or amount <= MATERIAL * turnover:
        return nothing, []
    to_come[: days - 7 * weeks] = 0.0
    note = Message(
        "Refunds come late: it takes {weeks:weeks} until nine tenths of them are there. Of the orders of the last "
        "{weeks:weeks} some {amount:money} ({share:percent}) is expected to be paid back still; the turnover of the "
        "last 12 months is shown without it.",
        code="data.refunds_to_come", weeks=weeks, amount=float(amount), share=float(amount / turnover),
    )  # fmt: skip
    return to_come, [note]


def notes_on(
    entries: Iterable[Entry], duplicates: int | None, early_customers: int, profile: Profile, data: DataConfig
) -> list[Message]:
    """What the ledger and the policies give reason to say."""
    found = {entry.reason: entry for entry in entries}
    counts = {reason.name: found[reason].rows if reason in found else 0 for reason in Reason}
    left_out, homeless = found.get(Reason.REFUND_DROPPED), found.get(Reason.REFUND_WITHOUT_ORDER)
    lost = -float(homeless.amount) if homeless else 0.0
    notes = where_any(
        Message(
            "Rows without a customer id, left out: {n:integer} of {rows:integer}. What these customers bought is "
            "missing from everything below.",
            n=counts["MISSING_CUSTOMER"], rows=profile.total("rows"),
        ),
        Message(
            "Refunds left out: {n:integer}, {amount:money} in all. Customers who send much back look better than they "
            "are.",
            n=counts["REFUND_DROPPED"], amount=float(left_out.amount) if left_out else 0.0,
        ),
        Message(
            "Refunds to customers without any order, left out: {n:integer}, {amount:money} in all. If they pay back "
            "orders of others, as where a refund names the shop itself, these customers look better than they are.",
            n=homeless.rows if lost > MATERIAL * float(profile.of("turnover")) else 0,
            amount=lost,
        ),
        Message(
            "Customers who may have bought before the data begin, left out: {n:integer} (rows: {rows:integer}).",
            n=early_customers, rows=counts["BORN_BEFORE_START"],
        ),
        Message(
            "Rows equal to another one in every column: {n:integer}. They were kept, since two equal purchases can be "
            "real; if they are copies, set `duplicates: drop`.",
            n=duplicates if data.duplicates == "keep" else 0,
        ),
        Message(
            "Rows with a discount larger than the amount: {n:integer} of {rows:integer}. That is right where amounts "
            "are what was paid and more than half was taken off; if amounts are prices before the discount, the two "
            "columns do not fit together.",
            n=profile.of("large_discounts"), rows=profile.total("rows"),
        ),
    )  # fmt: skip
    if duplicates is None:
        notes.append(Message("Rows that are equal in every column were not looked for, as configured."))
    return notes


def quiet_end_of(daily: pd.DataFrame, end: dt.date) -> list[Message]:
    """What is said where the last days hold no order for far longer than any time before: the data may have stopped.

    Parameters
    ----------
    daily
        date, orders: one row a day, or one for each day with orders.
    end
        Last day that counts.
    """
    days = daily.loc[daily["orders"] > 0, "date"].to_numpy().astype("datetime64[D]")
    quiet = int((np.datetime64(end, "D") - days[-1]).astype(int))
    longest = int(np.diff(days).astype(int).max(initial=1))
    if quiet < QUIET_DAYS or quiet <= QUIET_TIMES * longest:
        return []
    note = Message(
        "The last order is of {last:date}, {quiet:days} before the data are said to end ({end:date}); before, the "
        "longest time without one was {longest:days}. If the data stopped coming, customers look as if they had left: "
        "set the last day of the data (`data.observation_end` or `--as-of`) to the last day that they cover.",
        code="data.quiet_end", last=days[-1].item(), end=end, quiet=quiet, longest=longest,
    )  # fmt: skip
    return [note]
