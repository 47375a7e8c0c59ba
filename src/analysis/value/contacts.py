"""Whom to contact, why and until when, and how many more must order for a contact to pay.

Nobody is listed for a high risk alone: what a contact changes is not known from orders, only from a lot (Ascarza 2018,
Journal of Marketing Research 55(1)). What is known is the break-even lift, by which lists are ranked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.arguments import checked
from analysis.config import ContactsConfig
from analysis.data.remote import InEngine
from analysis.data.summary import CustomerSummary
from analysis.errors import Unavailable, UsageError
from analysis.models.fits import PurchaseFit, PurchaseFits, fits_of
from analysis.models.registry import MODELS
from analysis.models.season import fit_in_time
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import duration
from analysis.value.categories import backtest_categories, bought_next, due_categories, next_categories, run_out_times
from analysis.value.groups import by_id
from analysis.value.history import AnyOrders, history, of_each, refuse_without_money
from analysis.value.intervals import picks_compared, share_interval
from analysis.value.ladder import Ladder, histories_ago, own_rhythm, state_of, waits_that_ended, with_rhythm
from analysis.value.valuation import CustomerValue
from analysis.words import Message

LISTS: Mapping[str, Message] = {
    "run_out": Message("Running out"), "second_order": Message("Second order"),
    "gift": Message("Gift after the second order"), "about_to_slip": Message("About to slip"),
    "win_back": Message("Win back"), "advocates": Message("Advocates to ask"), "up_sell": Message("More an order"),
    "next_category": Message("Next category"), "points": Message("Points about to expire"),
}  # fmt: skip
QUITE_LATE = 0.75
"""Point of the own rhythm beyond which a customer who is probably still there is about to slip."""
HOPELESS = 0.05
"""P(alive) below which nobody is there to be won back."""
LOW_ORDERS = 0.25
"""Share of customers alike whose orders are smallest."""
GIFT_DAYS = 14
"""Days after the second order within which a gift is for it."""
TEST_DAYS = 182
FEWEST_TESTED, TEST_LEVEL = 20, 0.95
FALSE_EFFECTS = 0.05
"""Chance of ever declaring an effect of lots where there is none, over all lists together."""
MIXTURE = 10.0
"""Variance of the mixture over that of the estimate at the first look: the bound is narrowest at the first few."""


def bound_at_any_look(k: float, level: float) -> float:
    """Standard errors by which an effect of lots is bounded however often one looks, see ``rl.lot_effects``.

    Parameters
    ----------
    k
        Variance of the mixture of effects over that of the estimate.

    >>> round(bound_at_any_look(MIXTURE, 0.95), 2)
    3.04
    """
    return float(np.sqrt((1 + k) / k * (np.log1p(k) - 2 * np.log1p(-level))))


ERRORS_TO_FIND = bound_at_any_look(MIXTURE, 1 - FALSE_EFFECTS / len(LISTS)) + float(norm.ppf(0.8))
"""Standard errors of an effect that one lot finds in four of five cases, at the first look and for any of the lists."""


def error_of_net_lift(lists: pd.DataFrame | pd.Series, lift, incentive: float):
    """Standard error of a lot's net effect a name, times the root of its names, half of them contacted.

    In units of what one more order leaves, margin - incentive: where it is 0.1, a tenth of the names must order more.

    Parameters
    ----------
    lists
        p_order (without a contact) and margin of an order [currency], as in ``ContactLists.lists``.
    lift
        That contacts bring in the chance of an order.
    incentive
        What everybody contacted gets who orders [currency].
    """
    p, contacted = lists["p_order"], np.minimum(lists["p_order"] + lift, 1.0)
    scale = lists["margin"] / (lists["margin"] - incentive)
    return np.sqrt(2 * (p * (1 - p) * scale**2 + contacted * (1 - contacted)))


@dataclass(frozen=True, repr=False)
class ContactLists(Result):
    """Lists of customers to contact.

    Attributes
    ----------
    customers
        One row a customer and list, each list from the lowest break-even lift on: list, customer_id, silent_days,
        usual_days (mean own gap), own_value and alike_value (mean order of the customer, median of those with as many
        orders [currency]), points (about to expire, missing where none are), category (that runs out, or comes next),
        due (day on which it runs out), valid_until (last day on which the reason holds), p_order (chance of an order in
        the window without a contact), margin (of one more order [currency]), break_even (lift in the chance of an order
        at which a contact pays; infinite where an order brings no more than the incentive), free (whether the customer
        may be written to for this list now: in no other running lot, not written to lately, an order brings more than
        the incentive), send (whether that is to be done: a customer is for one list only).
    lists
        One row a list: customers, send, p_order, margin, break_even (means over those to be sent to), brings (margin of
        those orders that come anyway), detectable (lift that a lot of
        all of them, half contacted, would find to pay in four of five cases, at the first look; missing where no lift
        would do), works (whether lots showed that it brings more than it costs).
    tests
        Each list of at least 20 customers that would have been drawn up half a year before the end, by orders up to
        then and a fit to them: list, customers; forecast (mean chance of an order within the window, of half a year at
        most), came, came_lower, came_upper (share that did, and its interval at 95%); hit and hit_naive (share right,
        also of as many customers by a naive rule), error (standard error of their difference), right (what a hit is:
        ``lost``, no order in that half year, ``ordered``; ``above_mean``, the next order was above the own mean before;
        ``one_of_three``, the next order's category was among three, of those who ordered; ``same_again``, the same
        category came within the window); advocates and points are left out: orders do not tell who they were.
    unasked
        Of the customers asleep half a year before the end: customers, returned (share that ordered since), margin_each
        (their orders at the mean margin of an order [currency]); whether anybody asked them, orders do not tell.
    last_day
        The last day of the data.
    gross_margin, cost_per_order
        As of the value: what is left of an order's amount, and a further cost of each order [currency].
    window_days, cost_per_contact, incentive
        As asked for.
    permission
        Whether the customers' permission was known.
    """

    customers: pd.DataFrame
    lists: pd.DataFrame
    tests: pd.DataFrame
    unasked: pd.DataFrame
    last_day: dt.date
    gross_margin: float
    cost_per_order: float
    window_days: float
    cost_per_contact: float
    incentive: float
    permission: bool

    main = "lists"
    plot = Plots("analysis.value.plots", "break_even")

    @property
    def valid_until(self) -> dt.date:
        """The day after which no reason on any list holds."""
        return self.customers["valid_until"].max().date()

    def to_send(self, name: str) -> pd.DataFrame:
        """Whom to write to for a list, for the mail tool: customer_id, list, valid_until; category, due where known."""
        if name not in LISTS:
            raise UsageError(f"list == {name!r}, must be one of {', '.join(map(repr, LISTS))}")
        rows = self.customers[(self.customers["list"] == name) & self.customers["send"]]
        more = [each for each in ("category", "due") if rows[each].notna().any()]
        return rows[["customer_id", "list", "valid_until", *more]].reset_index(drop=True)

    def of_customers(self) -> pd.DataFrame:
        """The list for which a customer is written to, by customer_id: list, reason; customers on none are left out."""
        chosen = self.customers[self.customers["send"]].set_index("customer_id")
        return pd.DataFrame({"list": chosen["list"], "reason": [str(each) for each in reasons(chosen)]})


@checked
def contact_lists(
    orders: AnyOrders,
    fit: PurchaseFit | Iterable[PurchaseFit],
    value: CustomerValue,
    ladder: Ladder,
    *,
    cost_per_contact: float = 0.0,
    incentive: float = 0.0,
    window: object = "28D",
    most: int | None = None,
    opt_in: pd.Series | None = None,
    lots: pd.DataFrame | None = None,
    effects: pd.DataFrame | None = None,
    points: pd.DataFrame | None = None,
    exits: pd.DataFrame | None = None,
    contacts: pd.DataFrame | None = None,
) -> ContactLists:
    """Lists with the reason, the window and the break-even lift of each customer.

    A contact pays where it raises the chance of an order in the window by more than (cost of a contact + P(orders
    anyway) x incentive) / (margin of an order - incentive).

    Parameters
    ----------
    fit, value, ladder
        The fitted purchase model, what customers are worth, at the margin that counts here too, and where they stand.
    cost_per_contact, incentive
        Of one contact, and of what everybody gets who then orders [currency].
    window
        For how long a contact works: a duration with its unit.
    most
        Contacts at most; without it all.
    opt_in
        Whether customers may be contacted, by customer id; whoever is not there or not True is on no list. Without it
        permission is not checked.
    lots
        Lots that were drawn: list, customer, arm, start and end. Whoever is in one whose window still runs is written
        to for no list; the arm ``contact`` of a lot that has not begun, for its own.
    effects
        What lots showed, as ``rl.lot_effects(...).effects``: a customer is written to for the list whose contacts
        are expected to bring more (``shrunk``; 0 without a lot, so that a list is tried before it is given up), then
        for the first in ``LISTS``; a list whose contacts are expected to cost more than they bring is sent to nobody,
        but for a lot.
    points
        Points about to lapse by customer id as text: points, and expires, the first day on which some do.
    exits
        Who said that they left: customer, date and avoidable. As long as they do not order again they are on no list,
        but for an avoidable reason on that of those to be won back.
    contacts
        Contacts that were made: customer and date. Whoever was contacted within the length of the window before the
        last day is written to for no list.

    References
    ----------
    .. [1] Thomas, Blattberg, Fox (2004), Journal of Marketing Research 41(1): winning back.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> fit, spend = rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders)
    >>> value = rl.customer_value(fit, spend)
    >>> found = rl.contact_lists(orders, fit, value, rl.ladder(orders, fit), cost_per_contact=1)
    >>> found.lists.loc["about_to_slip", ["customers", "send"]].astype(int).tolist()
    [130, 130]
    """
    ContactsConfig.checked(cost_per_contact=cost_per_contact, incentive=incentive, most_contacts=most)
    fit, days = with_rhythm(fits_of(fit)), duration(window)
    refuse_without_money(orders)
    table = _customers(orders, fit, value, ladder, days, exits)
    none = pd.DataFrame({"points": [], "expires": pd.DatetimeIndex([])})
    lapsing = (none if points is None else points).reindex(table["customer_id"].astype(str))
    table["points"] = lapsing["points"].to_numpy(dtype=float)
    table["lapses"] = (lapsing["expires"] - pd.Timestamp(orders.observation_end)).dt.days.to_numpy()
    end = pd.Timestamp(orders.observation_end)
    gain = table["margin"] - incentive
    needed = (cost_per_contact + table["p_order"] * incentive) / gain.where(gain > 0)
    table["break_even"] = needed.fillna(np.inf)
    permitted = np.ones(len(table), dtype=bool)
    if opt_in is not None:  # blank is no permission
        permitted = by_id(opt_in, pd.Index(table["customer_id"]), "opt_in").eq(True).to_numpy()  # noqa: FBT003
    found = [table[members & permitted].assign(list=name) for name, members in _members(table).items()]
    known = pd.DataFrame(columns=["list", "shrunk", "verdict"]) if effects is None or effects.empty else effects
    brought = known.set_index("list")["shrunk"].astype(float)
    chosen = pd.concat(found, ignore_index=True)
    chosen["brought"] = chosen["list"].map(brought).fillna(0.0)
    outside, chosen["asked"] = _by_lots(chosen, lots, end)
    chosen["free"] = np.isfinite(chosen["break_even"]) & (outside | chosen["asked"])
    if contacts is not None:
        lately = contacts["customer"][contacts["date"].between(end - pd.Timedelta(days=days - 1), end)]
        chosen["free"] &= ~chosen["customer_id"].astype(str).isin(lately.astype(str))
    by, rising = ["asked", "brought", "break_even", "margin"], [False, False, True, False]
    chosen = chosen.sort_values(by, ascending=rising, kind="stable")
    wanted = chosen[chosen["free"] & (chosen["asked"] | (chosen["brought"] >= 0))]
    chosen["send"] = chosen.index.isin(wanted.drop_duplicates("customer_id").head(most).index)
    left = chosen["left"].where(chosen["list"] != "points", chosen["lapses"])
    left = left.where(chosen["list"] != "run_out", chosen["closes"].clip(lower=1)).clip(upper=days)
    of_gift = (GIFT_DAYS - chosen["silent_days"]).clip(lower=1)
    left = np.minimum(left, of_gift.where(chosen["list"] == "gift", np.inf))
    chosen["category"] = chosen["next"].where(chosen["list"] == "next_category")
    chosen["category"] = chosen["category"].mask(chosen["list"] == "run_out", chosen["runs_out"])
    chosen["due"] = (end + pd.to_timedelta(chosen["due_in"], "D")).where(chosen["list"] == "run_out")
    chosen["valid_until"] = (end + pd.to_timedelta(np.ceil(left), "D")).dt.normalize()
    order = pd.CategoricalIndex(chosen["list"], list(LISTS), ordered=True)
    chosen = chosen.iloc[np.argsort(order.codes, kind="stable")].reset_index(drop=True)
    found = chosen[list(COLUMNS)], _lists(chosen, known, incentive), *_tests(orders, fit, value, days, exits)
    settings = days, cost_per_contact, incentive, opt_in is not None
    return ContactLists(*found, orders.observation_end, value.gross_margin, value.cost_per_order, *settings)


def _gone(customers: pd.Series, last: pd.Series, exits: pd.DataFrame | None) -> pd.DataFrame:
    """Who left and has not ordered since, and whether for a reason that was avoidable."""
    if exits is None:
        return pd.DataFrame({"gone": False, "regainable": False}, index=customers.index)
    left = exits.assign(customer=exits["customer"].astype(str)).sort_values("date", kind="stable")
    left = left.drop_duplicates("customer", keep="last").set_index("customer").reindex(customers.astype(str))
    gone = left["date"].to_numpy() >= last.to_numpy()
    return pd.DataFrame({"gone": gone, "regainable": gone & left["avoidable"].eq(True).to_numpy()}, customers.index)  # noqa: FBT003


def _by_lots(chosen: pd.DataFrame, lots: pd.DataFrame | None, end: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """Who is in no lot that still runs, and whom one that has not begun asks to write to for this list."""
    if lots is None:
        return np.ones(len(chosen), dtype=bool), np.zeros(len(chosen), dtype=bool)
    drawn = lots["start"] <= end + pd.Timedelta(days=1)  # and not on later data than these
    running = lots[drawn & (lots["end"] > end)].drop_duplicates("customer").set_index("customer")
    own = running.reindex(chosen["customer_id"].astype(str))
    is_asked = (own["arm"] == "contact").to_numpy() & (own["start"] > end).to_numpy()
    return own["arm"].isna().to_numpy(), is_asked & (own["list"].to_numpy() == chosen["list"].to_numpy())


COLUMNS = (
    "list", "customer_id", "silent_days", "usual_days", "own_value", "alike_value", "valid_until", "p_order", "margin",
    "points", "category", "due", "break_even", "free", "send",
)  # fmt: skip


def _customers(orders: AnyOrders, fit: PurchaseFit, value: CustomerValue, ladder: Ladder, days, exits) -> pd.DataFrame:
    """One row a customer with all that lists go by; ``left``: days for which a reason goes on to hold."""
    now, stand = histories_ago(orders, 0), ladder.customers
    table = stand[["customer_id", "rung", "asleep", "orders", "silent_days", "asleep_days", "p_alive"]].copy()
    table["own_value"] = orders.histories.table["spent"].to_numpy() / now["orders"]
    _add_criteria(table, orders, fit, now, orders.observation_end, days, exits)
    worth = value.customers
    worth = worth.to_frame() if isinstance(worth, InEngine) else worth.set_index("customer_id")
    order_value = worth["expected_order_value"].reindex(table["customer_id"]).to_numpy()
    table["margin"] = value.gross_margin * order_value - value.cost_per_order
    left = table["asleep_days"] - table["silent_days"]
    if "days_until_p_alive_half" in worth:  # in an engine it is not known
        left = np.fmin(left, worth["days_until_p_alive_half"].reindex(table["customer_id"]).to_numpy())
    table["left"] = left.clip(lower=1).where(~table["asleep"], np.inf)
    return table


def _add_criteria(table: pd.DataFrame, orders: AnyOrders, fit: PurchaseFit, past: Mapping, until, days, exits) -> None:
    """To where customers stood on a day: the chance of an order in so many days after it, and what decides on lists."""
    repeats, recency = np.maximum(past["orders"] - 1, 0), past["recency"]
    times = fit.clock.ages(recency, past["T"], until)
    table["p_order"] = MODELS[fit.model].p_order(fit.params, fit.clock.ahead(days, until), repeats, *times)
    table["usual_days"] = np.where(repeats > 0, recency / np.maximum(repeats, 1), np.nan)
    table["quite_late"] = np.where(repeats > 0, own_rhythm(fit, repeats, recency, QUITE_LATE), np.nan)
    alike = table["own_value"].groupby(np.minimum(past["orders"], 10))
    table["alike_value"], table["low"] = alike.transform("median"), alike.rank(pct=True) <= LOW_ORDERS
    _add_categories(table, orders, days, until)
    last = pd.Timestamp(until) - pd.to_timedelta(table["silent_days"], "D")
    table[["gone", "regainable"]] = _gone(table["customer_id"], last, exits)


def _add_categories(table: pd.DataFrame, orders: AnyOrders, days: float, until: dt.date) -> None:
    """``next``, the likeliest category where it is another than that bought last; and what runs out first within so
    many days: ``runs_out``, and ``due_in`` and ``closes``, days until it probably has and until it is over.
    """
    table[["next", "runs_out"]], table[["due_in", "closes"]] = None, np.nan
    if "category" not in orders.days.columns:
        return
    with suppress(Unavailable):
        bought = bought_next(orders, next_categories(orders, until), until)
        table["next"] = bought["likeliest"].where(bought["likeliest"] != bought["last"]).to_numpy()
    held = due_categories(orders, run_out_times(orders, until), days, until).query("due")
    held = held.assign(due_in=held["days"] - held["since"], closes=held["closes"] - held["since"])
    held = held.sort_values("due_in", kind="stable").drop_duplicates("customer").set_index("customer")
    held = held.reindex(range(orders.customers)).rename(columns={"category": "runs_out"})
    for name in ("runs_out", "due_in", "closes"):
        table[name] = held[name].to_numpy()


def _members(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Who is on which list, in the order of ``LISTS``: a customer is written to for the first of several."""
    awake, again = ~table["asleep"] & ~table["gone"], table["orders"] >= 2
    to_regain = table["asleep"].where(~table["gone"], table["regainable"])
    return {
        "run_out": awake & table["runs_out"].notna(),
        "second_order": awake & ~again,
        "gift": awake & (table["orders"] == 2) & (table["silent_days"] <= GIFT_DAYS),
        "about_to_slip": awake & again & (table["silent_days"] > table["quite_late"]),
        "win_back": to_regain & again & (table["p_alive"] >= HOPELESS),
        "advocates": awake & table["rung"].isin(["member", "advocate", "fan"]),
        "up_sell": awake & again & table["low"] & (table["silent_days"] <= table["quite_late"]),
        "next_category": awake & again & table["next"].notna() & (table["silent_days"] <= table["quite_late"]),
        "points": (table["points"] > 0) & ~table["gone"],
    }


REASONS: Mapping[str, Message] = {
    "run_out": Message("{category} probably runs out about {due:date}"),
    "next_category": Message("{category} is what most often comes next"),
    "points": Message("{points:integer} points are about to expire"),
    "second_order": Message("First order {silent_days:integer} days ago, none since"),
    "gift": Message("Second order {silent_days:integer} days ago"),
    "up_sell": Message("Spends {own_value:money} an order; others with as many orders spend {alike_value:money}"),
    "advocates": Message("Orders every {usual_days:integer} days, and is still there"),
    "recommends": Message("Praised or recommended you, and is still there"),
    "win_back": Message("Silent for {silent_days:integer} days; ordered every {usual_days:integer} days before"),
    "about_to_slip": Message("Silent for {silent_days:integer} days; orders every {usual_days:integer} days otherwise"),
}


def reasons(table: pd.DataFrame) -> list[Message]:
    """Why each customer is on a list, in a sentence; advocates who ordered once have no rhythm to name."""
    names = table["list"].mask(table["list"].eq("advocates") & ~(table["usual_days"] > 0), "recommends")
    return [REASONS[name].with_values(**row) for name, row in zip(names, table.to_dict("records"), strict=True)]


def _lists(chosen: pd.DataFrame, effects: pd.DataFrame, incentive: float) -> pd.DataFrame:
    sent = chosen[chosen["send"]]
    frame = chosen.groupby("list").agg(customers=("send", "size"), send=("send", "sum"))
    frame = frame.join(sent.groupby("list")[["p_order", "margin", "break_even"]].mean())
    error = error_of_net_lift(frame, frame["break_even"], incentive)
    lift = frame["break_even"] + ERRORS_TO_FIND * error / np.sqrt(frame["send"].where(frame["send"] > 0))
    frame["detectable"] = lift.where(frame["p_order"] + lift < 1)
    frame["brings"] = (sent["p_order"] * sent["margin"]).groupby(sent["list"]).sum()
    frame["works"] = frame.index.isin(effects["list"][effects["verdict"] == "works"])
    return frame.reindex([name for name in LISTS if name in frame.index]).fillna({"brings": 0.0})


def _tests(orders: AnyOrders, fit: PurchaseFit, value: CustomerValue, days, exits) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The lists of half a year ago by what was known then, with what was forecast and came; and who was asleep."""
    names = ["list", "customers", "hit", "hit_naive", "error", "right", "forecast", "came", "came_lower", "came_upper"]
    tests, unasked = pd.DataFrame(columns=names), pd.DataFrame(columns=["customers", "returned", "margin_each"])
    until, ahead = orders.observation_end - dt.timedelta(days=TEST_DAYS), min(int(days), TEST_DAYS)
    then, soon, now = (histories_ago(orders, ago) for ago in (TEST_DAYS, TEST_DAYS - ahead, 0))
    again = then["orders"] >= 2
    if again.sum() < FEWEST_TESTED:
        return tests, unasked
    try:
        early = _fit_until(orders, fit, then, until)
    except Unavailable:
        return tests, unasked
    table, following = _customers_then(orders, early, then, until, ahead, exits)
    lists = {name: members.to_numpy() for name, members in _members(table).items()}
    awake, asleep = (~table["asleep"] & ~table["gone"]).to_numpy(), again & table["asleep"].to_numpy()
    since, latest = now["orders"] > then["orders"], -table["silent_days"]
    above = (following > table["own_value"]).to_numpy()
    rules = {  # among whom, by what the naive rule ranks them, the highest first, and who is right
        "second_order": (then["orders"] == 1, latest, "ordered", since),
        "gift": (then["orders"] == 2, latest, "ordered", since),
        "about_to_slip": (again & awake, table["silent_days"] / table["usual_days"], "lost", ~since),
        "win_back": (again & ~awake, table["orders"], "ordered", since),
        "up_sell": (again, -table["own_value"], "above_mean", above),
    }
    found, rows = {}, []
    with suppress(Unavailable):
        found = backtest_categories(orders, until, ahead, lists["next_category"], awake)
    for name in (name for name, members in lists.items() if members.sum() >= FEWEST_TESTED):
        own = np.flatnonzero(lists[name])
        if name in rules:
            whom, naive, right, outcome = rules[name]
            picks = naive[whom].sort_values(ascending=False, kind="stable").index[: len(own)]
            found[name] = {**picks_compared(outcome.astype(float), own, picks), "right": right}
        came = share_interval((soon["orders"] > then["orders"])[own].sum(), len(own), TEST_LEVEL)
        ends = {"came": came.estimate, "came_lower": came.lower, "came_upper": came.upper}
        row = {"customers": len(own), "forecast": table["p_order"][own].mean(), **ends}
        rows.append({"list": name, **found.get(name, {}), **row})
    if asleep.sum():
        placed, each = (now["orders"] - then["orders"])[asleep & since], orders.histories.table["spent"].sum()
        each = value.gross_margin * each / now["orders"].sum() - value.cost_per_order
        unasked.loc[0] = [int(asleep.sum()), since[asleep].mean(), each * placed.mean() if placed.size else np.nan]
    return pd.DataFrame(rows, columns=names), unasked


def _fit_until(orders: AnyOrders, fit: PurchaseFit, then: Mapping[str, np.ndarray], until: dt.date) -> PurchaseFit:
    """The same model on the orders up to a day, in the time that it follows where these show it."""
    past = {"frequency": then["orders"] - 1, "recency_days": then["recency"], "T_days": then["T"]}
    past = pd.DataFrame({**past, "first_order": orders.histories.table["first_order"]})[then["orders"] > 0]
    histories = CustomerSummary(past, until, has_money=False)
    early = MODELS[fit.model].fit(histories, unit=fit.time_unit)
    if not (follows := fit.clock.follows):
        return early
    given = histories, orders.daily[orders.daily["date"] <= pd.Timestamp(until)], past["first_order"], 1, follows
    edges = fit.clock.promotions and fit.clock.promotions.edges
    followed = fit_in_time(PurchaseFits((early,), {}), *given, edges, quick=True)
    return followed.primary if followed else early


def _customers_then(orders: AnyOrders, fit: PurchaseFit, then: Mapping, until, days, exits) -> tuple:
    """What lists would have gone by on a day; and the amount of the first order after it."""
    state = state_of(fit, then, waits_that_ended(orders, TEST_DAYS), pd.Timestamp(until))
    with history(orders) as bought:
        before, after = bought.day <= until, bought.day > until
        amounts = {"before": bought.amount.mean(where=before), "after": bought.amount.argmin(bought.day, where=after)}
        amounts = of_each(orders, bought.group_by("customer").agg(**amounts))
    columns = {"customer_id": orders.histories.ids, "orders": then["orders"], "own_value": amounts["before"]}
    columns |= {"asleep": state["asleep"] | (then["orders"] == 0), "p_alive": state["p_alive"]}
    # Who was an advocate, or had points, orders do not tell.
    table = pd.DataFrame({**columns, "silent_days": state["silent"], "rung": "", "points": 0.0})
    left = None if exits is None else exits[exits["date"] <= pd.Timestamp(until)]
    _add_criteria(table, orders, fit, then, until, days, left)
    return table, amounts["after"]
