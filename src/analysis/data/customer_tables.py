"""Tables of a customer database beside the orders: what fits these, and what was left out, counted with examples.

What cannot be read is refused; what can be read and does not fit is kept out of the numbers that it would spoil. A
table of which nothing is left is refused.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.config import CUSTOMER_TABLES, GROUP, LOT, Config
from analysis.data.formats import NOTHING
from analysis.data.orders import Orders
from analysis.data.samples import further_table, sample_rows
from analysis.data.tables import NUMBERS, Table, read_table
from analysis.data.vocabulary import words
from analysis.errors import DataError, InputRefused, Problem, Unavailable, collecting, counted
from analysis.words import Message

TABLE_LABELS = {
    "customers": Message("Names"), "acquisition": Message("Spend on winning customers"),
    "contacts": Message("Contacts"), "exits": Message("Customers who left"), "points": Message("Points"),
}  # fmt: skip
REASONS = {
    "fits": Message("fits"),
    "empty": Message("a cell that is needed is empty"),
    "repeated": Message("repeats another row"),
    "unknown": Message("a customer whom the orders do not know"),
    "zeros": Message("an id that only leading zeros tell from one in the orders"),
    "outside": Message("a day outside the data"),
    "negative": Message("a number below zero"),
    "early": Message("left before the first order"),
    "unearned": Message("redeemed more points than were earned by then"),
    "several": Message("several values for one customer; none of them counts"),
    "self": Message("referred by oneself, or in a circle; the referral does not count"),
    "stranger": Message("referred by somebody unknown; the referral does not count"),
    "later": Message("in the club only after the last day of the data; not in it yet"),
    "neither": Message("neither yes nor no; counts as no permission"),
    "spelled": Message("an id written otherwise than in the orders; taken as the same customer"),
}
"""What became of rows; from ``several`` on the row stays."""
KEPT = tuple(REASONS)[list(REASONS).index("several") :]
ATTRIBUTES = ("channel", "segment")
ONCE = ("contacts", "exits", "lots")
"""Tables in which equal rows are one; of spend and points they may well be two, and of names one row is made."""


@dataclass(frozen=True)
class CustomerTables:
    """What is known beside the orders; None for what is not there. Ids are text as in the orders, days datetime64.

    Attributes
    ----------
    customers
        One row a name: customer, and what the configuration names of channel, segment, referred_by, enquired and opt_in
        (true, false or missing), club_since, and columns to group by; earned (whether they came by a referral) where
        that is known.
    acquisition
        date, spend [currency], channel.
    contacts
        customer, date, list.
    exits
        customer, date, reason, avoidable (whether the reason is named as such).
    points
        customer, date, earned, redeemed, expires.
    lots
        list, customer, arm (``contact`` or ``none``), start and end (first and last day of the window), gross_margin,
        cost_per_order, cost_per_contact and incentive [currency] as they were when it was drawn: one row a name.
    ledger
        table, reason, rows, examples: the rows that fit and those left out add up to the rows of each table; a reason
        in ``KEPT`` tells of rows that stay.
    data_hash
        SHA-256 (hex) over the content of the files; None without any.
    """

    customers: pd.DataFrame | None = None
    acquisition: pd.DataFrame | None = None
    contacts: pd.DataFrame | None = None
    exits: pd.DataFrame | None = None
    points: pd.DataFrame | None = None
    lots: pd.DataFrame | None = None
    ledger: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["table", "reason", "rows", "examples"]))
    data_hash: str | None = None

    def of(self, orders: Orders, *roles: str) -> pd.DataFrame:
        """Columns of ``customers`` by the orders' own ids, one row a customer with an order; those that there are."""
        ids = orders.histories.table["customer_id"].astype(str)
        known = pd.DataFrame(index=ids) if self.customers is None else self.customers.set_index("customer").reindex(ids)
        return known[[role for role in roles if role in known]].set_axis(orders.histories.ids)

    def attributes(self, orders: Orders) -> pd.DataFrame:
        """What customers can be grouped by, such as ``channel``, by the orders' own ids; no column without a table."""
        names = [] if self.customers is None else list(self.customers)
        own = [name for name in names if name.startswith(GROUP)]
        return self.of(orders, *ATTRIBUTES, *own).rename(columns=lambda name: name.removeprefix(GROUP))

    def earned(self, orders: Orders) -> pd.Series:
        """Whether customers came by a referral, by the orders' own ids; missing of those who are in no table."""
        known = self.of(orders, "earned")
        if known.empty or "earned" not in known:
            raise Unavailable(
                "Who came by a referral a table of customers says, by whom they were referred "
                "(`data.customers.columns.referred_by`) or by channels that count as such (`data.customers.earned`)."
            )
        return known["earned"]

    def names(self, satisfaction: pd.DataFrame | None = None) -> pd.DataFrame | None:
        """What the ladder takes: every name, and whether one gave the top score; None where nothing is known."""
        names = self.customers
        if names is not None:
            names = names[[role for role in ("customer", "enquired", "club_since", "referred_by") if role in names]]
        if satisfaction is None:
            return names
        top = satisfaction["customer"][satisfaction["score"] == satisfaction["score"].max()].astype(str)
        everybody = pd.DataFrame({"customer": top.unique()}) if names is None else names
        return everybody.assign(top_score=everybody["customer"].isin(top))


def expiring_points(points: pd.DataFrame | None, end: dt.date, days: float) -> pd.DataFrame | None:
    """Points that lapse within so many days after the day ``end``, the oldest being redeemed first.

    Returns
    -------
    DataFrame, index customer
        points, and expires (the first day on which some lapse); None where nothing is known of points.

    Examples
    --------
    >>> rows = [("a", "2025-01-01", 50, 0, "2026-01-01"), ("a", "2025-02-01", 30, 60, "2026-02-01")]
    >>> points = pd.DataFrame(rows, columns=["customer", "date", "earned", "redeemed", "expires"])
    >>> points = points.astype({"date": "datetime64[s]", "expires": "datetime64[s]"})
    >>> expiring_points(points, dt.date(2026, 1, 15), 28)["points"].to_dict()
    {'a': 20}
    """
    if points is None or "expires" not in points:
        return None
    last, found = pd.Timestamp(end) + pd.Timedelta(days=days), {}
    for customer, rows in points.sort_values("date", kind="stable").groupby("customer"):
        held: list[list] = []
        for day, earned, due, expires in zip(
            *(rows[n] for n in ("date", "earned", "redeemed", "expires")), strict=True
        ):
            held = [each for each in held if not each[0] < day] + [[expires, earned]]
            for each in held:
                used = min(each[1], due)
                each[1], due = each[1] - used, due - used
        lapsing = [each for each in held if pd.Timestamp(end) < each[0] <= last and each[1] > 0]
        if lapsing:
            found[customer] = sum(each[1] for each in lapsing), min(each[0] for each in lapsing)
    lapsing = pd.DataFrame.from_dict(found, orient="index", columns=["points", "expires"])
    return lapsing.astype({"expires": "datetime64[s]"})


def load_customer_tables(config: Config, orders: Orders, *, workdir: Path) -> CustomerTables:
    """The tables that ``config.data`` names, or that come with a sample, less what does not fit the orders.

    Parameters
    ----------
    config
        A checked configuration; paths resolve against its folder.
    workdir
        Folder for intermediate files.

    Raises
    ------
    InputRefused
        With every problem found in any of them, such as a table of which no row is left.

    Examples
    --------
    >>> import tempfile
    >>> import analysis as rl
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "names.csv").write_text("who,via\\n4,shop\\n00004 ,shop\\n00018,web\\nx,web\\n")
    >>> names = {"file": "names.csv", "columns": {"customer": "who", "channel": "via"}}
    >>> data = {"transactions": {"sample": "cdnow"}, "customers": names}
    >>> config, orders = Config(name="cdnow", folder=folder.name, data=data), rl.read_orders({"sample": "cdnow"})
    >>> tables = load_customer_tables(config, orders, workdir=Path(folder.name))
    >>> tables.attributes(orders)["channel"].value_counts().to_dict(), len(tables.customers)
    ({'shop': 1, 'web': 1}, 3)
    """
    known = pd.Index(orders.histories.table["customer_id"].astype(str))
    first = pd.Series(orders.histories.table["first_order"].to_numpy(), index=known)
    window = pd.Timestamp(orders.observation_start), pd.Timestamp(orders.observation_end)
    is_part = config.data.part is not None
    everybody, frames, digests, ledger, problems = known, {}, {}, [], []
    for name in (name for name in CUSTOMER_TABLES if name != "lots"):
        settings, given = further_table(config, f"data.{name}")
        if settings is None:
            continue
        with collecting(problems):
            table, digests[name] = _read(config, name, settings, given, workdir)
            _keep_fitting(name, table, everybody, window, first, is_part=is_part)
            _refuse_nothing_left(name, table)
            frames[name] = frame = table.frame.reset_index(drop=True)
            fits = {"reason": "fits", "rows": len(frame), "examples": ""}
            ledger += [{"table": name} | line for line in (fits, *table.left_out)]
            if name == "customers":
                everybody = known.union(frame["customer"], sort=False)
                frames[name] = _with_earned(frame, settings.earned)
            elif name == "exits":
                frame["avoidable"] = frame["reason"].isin(settings.avoidable)
    if problems:
        raise InputRefused(problems)
    if not digests:
        return CustomerTables()
    return CustomerTables(**frames, ledger=pd.DataFrame(ledger), data_hash=_hash_of(f"{digests}"))


def load_lots(config: Config, *, workdir: Path) -> CustomerTables:
    """Every lot that was drawn, of this report and of the sample; raises InputRefused where one cannot be read."""
    found = [(config.data.lots, None), sample_rows(config, "data.lots")]
    read = [_read(config, "lots", settings, rows, workdir / str(rows is None)) for settings, rows in found if settings]
    if not read:
        return CustomerTables()
    frame = pd.concat([table.frame for table, _ in read], ignore_index=True)
    # As formulas were escaped when it was written.
    frame["customer"] = frame["customer"].str.replace(r"^'(?= *[=+\-@\t\r\n])", "", regex=True)
    frame["arm"] = frame["arm"].str.strip().str.lower()
    if problems := list(_problems_in_lots(frame)):
        raise DataError(*problems)
    return CustomerTables(lots=frame, data_hash=_hash_of("".join(digest for _, digest in read)))


def _problems_in_lots(lots: pd.DataFrame) -> Iterator[str]:
    """What cannot be in lots, which nobody but this package needs to write; each kind with an example."""
    one = lots.groupby(["list", "start"])
    fixed = [name for name in LOT if name not in ("list", "start", "customer", "arm")]
    costs = lots[["cost_per_order", "cost_per_contact", "incentive"]]
    wrong = {
        "a cell is empty": lots[list(LOT)].isna().any(axis=1),
        "arm is neither contact nor none": ~lots["arm"].isin(["contact", "none"]),
        "end lies before start": lots["end"] < lots["start"],
        "gross_margin is not above 0 and at most 1": ~lots["gross_margin"].between(0, 1) | (lots["gross_margin"] == 0),
        "a cost or the incentive is below 0": (costs < 0).any(axis=1),
        "a customer stands twice in a lot": lots.duplicated(["list", "start", "customer"], keep=False),
        "end, margin and costs are not the same in the whole lot": (one[fixed].transform("nunique") > 1).any(axis=1),
    }
    for what, rows in wrong.items():
        if rows.any():
            first = lots[rows].iloc[0]
            where = f"list {first['list']!r}, customer {first['customer']!r}"
            yield f"data.lots: {what} in {counted(int(rows.sum()), 'row')}, such as {where}"


def _hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(config: Config, name: str, settings, given, workdir: Path) -> tuple[Table, str]:
    """A table less rows that lack what is needed or that repeat another one, and its digest."""
    table = read_table(f"data.{name}", settings, config, workdir / name, given)
    table.refuse()
    columns = CUSTOMER_TABLES[name].model_fields["columns"].annotation.model_fields
    needed = [role for role, field in columns.items() if field.is_required()]
    table.leave("empty", table.frame[needed].isna().any(axis=1))
    if name in ONCE:
        table.leave("repeated", table.frame.duplicated())
    return table, table.digest


def _refuse_nothing_left(name: str, table: Table) -> None:
    if table.frame.empty:
        listed = "; ".join(
            f"{row['rows']:,}: {REASONS[row['reason']].text}, such as {row['examples']}" for row in table.left_out
        )
        rows = table.rows - table.blank
        told = f"none of its {rows:,} rows fits the orders ({listed}); are ids and days written alike?"
        raise InputRefused([Problem(f"data.{name}: {table.raw.label}: {told}")])


def _keep_fitting(
    name: str,
    table: Table,
    known: pd.Index,
    window: tuple[pd.Timestamp, pd.Timestamp],
    first: pd.Series,
    *,
    is_part: bool,
) -> None:
    """Leaves out what does not fit the orders: customers, days, numbers, and what the table alone is about."""
    if "customer" in table.frame:
        _spell(table, "customer", known)
        plain, alike = (_plain(ids).str.lstrip("0") for ids in (table.frame["customer"], pd.Series(known)))
        table.leave("zeros", plain.isin(alike) & ~table.frame["customer"].isin(known))
    if name == "customers":
        _keep_one_row_a_name(table, known, window[1], only_known=is_part)
        return
    start, end = window
    if "customer" in table.frame:
        table.leave("unknown", ~table.frame["customer"].isin(known))
    else:  # spend of the month in which the data begin
        start = start.to_period("M").start_time
    table.leave("outside", ~table.frame["date"].between(start, end), "date")
    numbers = [role for role in NUMBERS if role in table.frame]
    table.leave(
        "negative", (table.frame[numbers] < 0).any(axis="columns"), "spend" if "spend" in numbers else "customer"
    )
    if name == "exits":
        table.leave("early", ~(table.frame["customer"].map(first) <= table.frame["date"]))
    if name == "points":
        redeemed = table.frame["redeemed"].fillna(0.0) if "redeemed" in table.frame else 0.0
        table.frame = table.frame.assign(redeemed=redeemed).sort_values(["customer", "date"], kind="stable")
        left = (table.frame["earned"] - table.frame["redeemed"]).groupby(table.frame["customer"]).cumsum()
        table.leave("unearned", (left < 0) & (table.frame["redeemed"] > 0))


def _plain(ids: pd.Series) -> pd.Series:
    return ids.str.strip().str.casefold().str.removesuffix(".0")


def _spell(table: Table, role: str, known: pd.Index) -> None:
    """Ids as the orders have them, where they differ in capitals, blanks or ``.0`` alone."""
    own, ids = pd.Series(known, index=_plain(pd.Series(known))), table.frame[role]
    found = _plain(ids).map(own[~own.index.duplicated(keep=False)]).where(~ids.isin(known))
    _tell(table, "spelled", found.notna() & ids.notna())
    table.frame = table.frame.assign(**{role: found.fillna(ids)})


def _tell(table: Table, reason: str, rows: pd.Series, column: str = "customer", *, blank: str = "") -> None:
    """Tell of rows that stay, whose values of ``blank`` do not count."""
    table.leave(reason, rows, column, out=False)
    if blank:
        table.frame = table.frame.assign(**{blank: table.frame[blank].mask(rows)})


def _keep_one_row_a_name(table: Table, known: pd.Index, end: pd.Timestamp, *, only_known: bool) -> None:
    """One row a name, with what does not contradict itself."""
    if only_known:
        table.leave("unknown", ~table.frame["customer"].isin(known))
    yes, no, nothing = (set(found) for found in (words("said_yes"), words("said_no"), NOTHING))
    if "opt_in" in table.frame:
        said = table.frame["opt_in"]
        _tell(table, "neither", ~said.isin(yes | no | nothing) & said.notna(), "opt_in")
        table.frame = table.frame.assign(opt_in=said.map(dict.fromkeys(yes, True) | dict.fromkeys(no - yes, False)))
    if "enquired" in table.frame:
        said = table.frame["enquired"]
        table.frame = table.frame.assign(enquired=(~said.isin(no)).where(said.notna() & ~said.isin(nothing)))
    if "club_since" in table.frame:
        _tell(table, "later", table.frame["club_since"] > end, blank="club_since")
    by = table.frame.groupby("customer", sort=False)
    for role in (role for role in table.frame if role != "customer"):
        _tell(table, "several", by[role].transform("nunique") > 1, blank=role)
    whole = table.frame.groupby("customer", sort=False).first()
    table.leave("repeated", table.frame.duplicated("customer"))
    table.frame = whole.reset_index()
    if "referred_by" in table.frame:
        everybody = known.union(whole.index, sort=False)
        _spell(table, "referred_by", everybody)
        referred_by = table.frame["referred_by"]
        _tell(table, "stranger", referred_by.notna() & ~referred_by.isin(everybody), blank="referred_by")
        _tell(table, "self", _in_circles(table.frame), blank="referred_by")


def _with_earned(names: pd.DataFrame, channels: tuple[str, ...]) -> pd.DataFrame:
    """Who came by a referral: by somebody who is named, or by a channel that counts as one."""
    if "referred_by" not in names and not channels:
        return names
    by_name, by_channel = (names.get(role, pd.Series(None, names.index)) for role in ("referred_by", "channel"))
    return names.assign(earned=by_name.notna() | by_channel.isin(channels))


def _in_circles(names: pd.DataFrame) -> pd.Series:
    """Who was referred by oneself, or by somebody whom one referred, also over others."""
    by = pd.Index(names["customer"]).get_indexer(names["referred_by"])
    referred = np.flatnonzero(by >= 0)
    graph = coo_array((np.ones(len(referred)), (by[referred], referred)), shape=(len(names), len(names)))
    _, part = connected_components(graph.tocsr(), connection="strong")
    return pd.Series((np.bincount(part)[part] > 1) | (by == np.arange(len(names))), index=names.index)
