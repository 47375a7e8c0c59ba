"""The ladder of loyalty: every name on exactly one of seven rungs, what rungs are worth, and who moves between them.

A rung says how customers stand, not what moving them up would bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from statsmodels.duration.survfunc import SurvfuncRight

from analysis.arguments import checked
from analysis.config import nearest
from analysis.errors import DataError, Unavailable, UsageError
from analysis.models.fits import PurchaseFit, fits_of
from analysis.models.registry import MODELS
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import DAYS_PER_YEAR, to_days
from analysis.value.history import AnyOrders, by_customer, first_order_days, history, left_truncation
from analysis.value.lives import shares_by_age, waiting_times, watched
from analysis.value.valuation import CustomerValue
from analysis.words import Message

RUNGS = ("suspect", "prospect", "shopper", "customer", "member", "advocate", "fan")
LABELS: Mapping[str, Message] = {
    "suspect": Message("Suspect"), "prospect": Message("Prospect"), "shopper": Message("Shopper"),
    "customer": Message("Customer", context="rung"), "member": Message("Member"), "advocate": Message("Advocate"),
    "fan": Message("Enthusiastic fan"), "asleep": Message("Asleep"), "new": Message("New"),
}  # fmt: skip
STATES = ("shopper", "customer", "member", "asleep")
NAMES = {"enquired", "club_since", "referred_by", "top_score"}
"""Columns of a table of names, beside ``customer``."""
LATE, SILENT = 0.9, 0.95
"""Points of the own rhythm: beyond the first nobody is a member for orders alone, beyond the second one is asleep."""
FEWEST_ORDERS, MOST_ORDERS, STILL_RISING = 3, 12, 0.02
FEWEST_SEEN = 30
"""Customers with a number of orders below whom their share says too little."""
FEWEST_WATCHED = 10
"""Customers without a second order who are still watched, from whom one that comes moves the curve by little."""
FAN_REFERS, FAN_DAYS = 3, 730
MOST_VALUES = 10
AGES = (90, 365, 730)
PASSES, MOST_SIMULATED = 200, 20_000


@dataclass(frozen=True, repr=False)
class Ladder(Result):
    """Where every name stands.

    Attributes
    ----------
    customers
        One row a customer with orders, by their own ids: customer_id, rung, asleep, phase (``long`` from the member's
        orders on or in a club, else ``middle``), orders, silent_days (since the last order), late_days and asleep_days
        (the 90% and 95% points of the own rhythm: silence that so many of one's gaps do not exceed), p_alive.
    names
        Names without an order: customer_id, rung, phase (``short``). Empty without a table of names.
    rungs
        One row a rung that these data can show, lowest first: customers, asleep, share of all names, orders, spent
        [currency], spent_share; and with a value estimate, lower, upper, level of what is still to come [currency] (of
        orders without money) and value_share; orders_each, spent_each [currency] and silent_days (means and median of
        customers with an order).
    profile
        What the customers of a rung have, against all: rung, attribute (such as ``channel``, or ``first_category``
        where orders have one), value, customers (with an order), share (of the rung's of whom the attribute is known),
        share_of_all. Of an attribute the ten most frequent values.
    member_orders, proposed_orders
        Orders from which on a customer can be a member: as used, and as these data propose.
    steps
        What the proposal rests on: by number of orders a year before the end, customers not asleep then, and the share
        that ordered in the year after.
    past, coming
        Customers by state (shopper, customer, member, asleep) then and now, by orders alone: from, to, customers, of
        the past year (``from`` is also ``new``) and, with lower, upper and level over simulated futures, of the next.
    phases
        Share that reached the second order and the member's orders (``reached``: second, member) by cohort_year and
        age_days: customers, estimate, lower, upper, level. Empty where first orders are not known.
    """

    customers: pd.DataFrame
    names: pd.DataFrame
    rungs: pd.DataFrame
    profile: pd.DataFrame
    member_orders: int
    proposed_orders: int
    steps: pd.DataFrame
    past: pd.DataFrame
    coming: pd.DataFrame
    phases: pd.DataFrame

    main = "rungs"
    plot = Plots("analysis.value.plots", "rungs", "flows")

    def flows(self, which: str = "coming") -> pd.DataFrame:
        """``past`` or ``coming`` as a square: rows from, columns to."""
        if which not in ("past", "coming"):
            raise UsageError(f"which == {which!r}, must be 'past' or 'coming'")
        table = getattr(self, which).pivot(index="from", columns="to", values="customers")
        rows = [name for name in ("new", *STATES) if name in table.index]
        return table.reindex(index=rows, columns=list(STATES)).fillna(0)

    def to_frame(self) -> pd.DataFrame:
        """Every name, also those without an order: customer_id, rung, phase, asleep and more."""
        found = pd.concat([each for each in (self.customers, self.names) if len(each)], ignore_index=True)
        return found.astype({"orders": "Int64", "asleep": "boolean"})


@checked
def ladder(
    orders: AnyOrders,
    fit: PurchaseFit | Iterable[PurchaseFit] | None = None,
    value: CustomerValue | None = None,
    *,
    names: pd.DataFrame | None = None,
    attributes: pd.DataFrame | pd.Series | None = None,
    member_orders: int | None = None,
    level: float = 0.9,
    seed: int = 1,
) -> Ladder:
    """The ladder of loyalty, the flows between its rungs and the phases.

    Parameters
    ----------
    fit
        A fitted purchase model or several, the primary one first; without it BG/NBD is fitted.
    value
        What customers are worth; without it the rungs have no value to come.
    names
        One row a name: ``customer``, and what is known of enquired (yes or no), club_since (a day), referred_by (the
        id of another name), top_score (whether a review or score was of the top grade).
    attributes
        What customers are described by, such as ``channel``: one column or several by customer id.
    member_orders
        Orders from which on a customer can be a member; without it as the data propose.
    level, seed
        Level of the intervals; of the simulated futures.

    Raises
    ------
    DataError
        For a table of names without ``customer`` or with columns that there are not.

    References
    ----------
    .. [1] Sugars (2006), Instant Repeat Business: the rungs.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> found = rl.ladder(orders, rl.BGNBD().fit(orders))
    >>> found.rungs["customers"].to_dict()
    {'shopper': 1218, 'customer': 868, 'member': 271}
    """
    if fit is None:
        fit = MODELS["BG/NBD"].fit(orders, seed=seed)
    fit = with_rhythm(fits_of(fit))
    wait = waits_that_ended(orders)
    now, before = histories_ago(orders, 0), histories_ago(orders, DAYS_PER_YEAR)
    end = pd.Timestamp(orders.observation_end)
    today = state_of(fit, now, wait, end)
    a_year_ago = state_of(fit, before, wait, end - pd.Timedelta(days=int(DAYS_PER_YEAR)))
    steps = _steps(before, a_year_ago, now)
    proposed = _proposed(steps)
    needed = proposed if member_orders is None else member_orders
    known = _names(names, orders)
    by_orders = _states(now["orders"], today, needed)
    customers = _customers(orders, now, today, needed, known)
    outside = known[~known["has_ordered"]]
    outside = pd.DataFrame({"customer_id": outside.index, "rung": outside["rung"]}).assign(phase="short")
    then = np.where(before["orders"] > 0, _states(before["orders"], a_year_ago, needed), "new")
    past = pd.DataFrame({"from": then, "to": by_orders}).value_counts(sort=False).rename("customers").reset_index()
    return Ladder(
        customers=customers,
        names=outside.reset_index(drop=True),
        rungs=_rungs(customers, outside, orders, value),
        profile=_profile(customers, orders, attributes),
        member_orders=needed,
        proposed_orders=proposed,
        steps=steps,
        past=past,
        coming=_coming(fit, now, by_orders, wait, needed, end, level, seed),
        phases=_phases(orders, needed, level),
    )


def with_rhythm(fits: tuple[PurchaseFit, ...]) -> PurchaseFit:
    """The primary model where it has rates that follow a gamma distribution, as an own rhythm needs, else the next."""
    for fit in fits:
        if {"r", "alpha"} <= set(fit.parameters):
            return fit
    raise Unavailable("No purchase model that these data identify knows customers' own rhythms.")


def own_rhythm(fit: PurchaseFit, repeats: np.ndarray, recency: np.ndarray, share: float) -> np.ndarray:
    """Silence that so many of a customer's own gaps do not exceed while one is a customer [days].

    Of a rate of orders with the posterior Gamma(r + x, alpha + t_x) it is the point of a Lomax distribution,
    (alpha + t_x) ((1 - share)^(-1 / (r + x)) - 1).

    Parameters
    ----------
    repeats, recency
        Orders after the first, at least one, and days from the first to the last, shape (n,).
    """
    r, alpha = fit.parameters["r"], to_days(fit.parameters["alpha"], fit.time_unit)
    return (alpha + recency) * ((1 - share) ** (-1 / (r + np.maximum(repeats, 1))) - 1)


def waits_that_ended(orders: AnyOrders, days_ago: float = 0.0) -> dict[float, float]:
    """Point -> days to the second order of those who come back, as known so many days before the end: the only rhythm
    that one order has.
    """
    lives = waiting_times(orders, (2,))
    seen, waits = lives["seen"].to_numpy() - days_ago, lives["wait2"].to_numpy()
    return points_of_waits(np.where(waits <= seen, waits, np.nan)[seen >= 0], seen[seen >= 0])


def points_of_waits(waits: np.ndarray, seen: np.ndarray) -> dict[float, float]:
    """Point -> days by which that share of those who come back have, by Kaplan and Meier's estimate.

    Who came lately was not watched for long: among waits that have ended theirs are the short ones. The curve is read
    as far as enough customers were watched. Infinite where nobody came back.

    Parameters
    ----------
    waits, seen
        Days to the second order, NaN without one, and days watched, shape (n,).
    """
    curve = SurvfuncRight(*watched(waits, seen))
    enough = curve.n_risk >= min(FEWEST_WATCHED, len(waits) / 2)
    back, days = 1 - curve.surv_prob[enough], curve.surv_times[enough]
    if not back.size:
        return dict.fromkeys((LATE, SILENT), np.inf)
    return {point: float(days[np.searchsorted(back, point * back[-1])]) for point in (LATE, SILENT)}


def histories_ago(orders: AnyOrders, days_ago: float) -> dict[str, np.ndarray]:
    """Orders, recency and age [days] of every customer so many days before the end; 0 orders: not there yet."""
    table = orders.histories.table
    if not days_ago:
        recency, age = (table[name].to_numpy(dtype=float) for name in ("recency_days", "T_days"))
        return {"orders": table["orders"].to_numpy(), "recency": recency, "T": age}
    born, end = first_order_days(orders), np.datetime64(orders.observation_end) - np.timedelta64(int(days_ago), "D")
    counts, last = np.zeros(len(born), dtype="int64"), born.copy()
    with history(orders) as bought:
        then = bought.filter(bought.day <= end.item())
        found = by_customer(orders, then.group_by("customer").agg(orders=then.count(), last=then.day.max()))
    counts[found["customer"]], last[found["customer"]] = found["orders"], found["last"].to_numpy("datetime64[D]")
    ages = [np.where(counts > 0, (moment - born).astype(float), 0.0) for moment in (last, end)]
    return {"orders": counts, "recency": ages[0], "T": ages[1]}


def state_of(
    fit: PurchaseFit, history: Mapping[str, np.ndarray], wait: Mapping[float, float], end: pd.Timestamp
) -> dict[str, np.ndarray]:
    """Silence, the points of the own rhythm, P(alive) and who is asleep, of histories of customers up to a day."""
    repeats = np.maximum(history["orders"] - 1, 0)
    recency, age = history["recency"], history["T"]
    points = {
        share: np.where(repeats > 0, own_rhythm(fit, repeats, recency, share), wait[share]) for share in (LATE, SILENT)
    }
    alive = MODELS[fit.model].p_alive(fit.params, repeats, *fit.clock.ages(recency, age, end))
    silent = age - recency
    asleep = (silent > points[SILENT]) | (alive < 0.5)
    return {"silent": silent, "late": points[LATE], "latest": points[SILENT], "p_alive": alive, "asleep": asleep}


def _rung(orders: np.ndarray, state: Mapping[str, np.ndarray], needed: int) -> np.ndarray:
    """``shopper``, ``customer`` or ``member``, by orders alone."""
    member = (orders >= needed) & (state["silent"] <= state["late"])
    return np.where(member, "member", np.where(orders > 1, "customer", "shopper"))


def _states(orders: np.ndarray, state: Mapping[str, np.ndarray], needed: int) -> np.ndarray:
    return np.where(state["asleep"], "asleep", _rung(orders, state, needed))


def _steps(before: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray], now: Mapping) -> pd.DataFrame:
    """By number of orders a year ago: customers not asleep then, and the share that has ordered since."""
    awake = (before["orders"] > 0) & ~state["asleep"]
    counts = np.minimum(before["orders"][awake], MOST_ORDERS)
    again = now["orders"][awake] > before["orders"][awake]
    found = pd.DataFrame({"orders": counts, "again": again}).groupby("orders")["again"].agg(["size", "mean"])
    return found.rename(columns={"size": "customers", "mean": "share"}).reset_index()


def _proposed(steps: pd.DataFrame) -> int:
    """Orders from which on the share that orders again, made to rise, rises no more; of those with enough customers.

    >>> steps = pd.DataFrame({"orders": [1, 2, 3, 4, 5], "customers": 90, "share": [0.3, 0.5, 0.6, 0.7, 0.71]})
    >>> _proposed(steps)
    4
    """
    enough = steps[steps["customers"] >= FEWEST_SEEN]
    if len(enough) < 2:
        return FEWEST_ORDERS
    share = isotonic_regression(enough["share"], weights=enough["customers"]).x
    rises = np.flatnonzero(np.diff(share) > STILL_RISING)
    return max(FEWEST_ORDERS, int(enough["orders"].iloc[rises[-1] + 1 if len(rises) else 0]))


def _names(names: pd.DataFrame | None, orders: AnyOrders) -> pd.DataFrame:
    """Every name by id as text: has_ordered, club, refers, lately (days since a referred name last came), rung."""
    histories = orders.histories.table
    buyers = pd.Index(histories["customer_id"].astype(str))
    if names is None:
        names = pd.DataFrame({"customer": []})
    if "customer" not in names:
        raise DataError("names: there is no column 'customer'")
    if unknown := [name for name in names if name not in {"customer", *NAMES}]:
        raise DataError(*(f"names: the column {name!r} is not known{nearest(str(name), NAMES)}" for name in unknown))
    table = names.assign(customer=_text(names["customer"])).dropna(subset=["customer"])
    table = table.drop_duplicates("customer").set_index("customer").reindex(columns=sorted(NAMES))
    table = table.reindex(buyers.union(table.index, sort=False))
    found = pd.DataFrame({"has_ordered": table.index.isin(buyers)}, index=table.index)
    found["club"] = table["club_since"].notna() & found["has_ordered"]
    found["enquired"] = _yes(table["enquired"])
    found["praises"] = _yes(table["top_score"])
    referrer = _text(table["referred_by"])
    referred = found["has_ordered"] & table["referred_by"].notna() & (referrer != table.index)
    days = pd.Series(histories["T_days"].to_numpy(), index=buyers).reindex(table.index)
    by = days[referred].groupby(referrer[referred])
    found["refers"] = by.size().reindex(table.index, fill_value=0)
    found["lately"] = by.min().reindex(table.index)
    found["rung"] = np.where(found["enquired"], "prospect", "suspect")
    is_fan = (found["refers"] >= FAN_REFERS) & (found["lately"] <= FAN_DAYS)
    found["rung"] = found["rung"].mask(is_fan, "fan")
    return found


def _text(ids: pd.Series) -> pd.Series:
    """Ids as text; whole numbers that a gap made floats are whole numbers again."""
    return ids.convert_dtypes().astype("string").astype("object")


def _yes(column: pd.Series) -> pd.Series:
    """Where a column of yes and no, or of 1 and 0, says yes."""
    return pd.to_numeric(column, errors="coerce").fillna(0) > 0


def _customers(orders: AnyOrders, now: Mapping, today: Mapping, needed: int, known: pd.DataFrame) -> pd.DataFrame:
    of = known.reindex(orders.histories.table["customer_id"].astype(str))
    club, praised = of["club"].to_numpy(dtype=bool), (of["praises"] | (of["refers"] > 0)).to_numpy()
    rung = np.where(club, "member", _rung(now["orders"], today, needed))
    rung = np.where(praised & (rung != "shopper"), "advocate", rung)
    rung = np.where(of["rung"] == "fan", "fan", rung)
    return pd.DataFrame(
        {
            "customer_id": orders.histories.ids,
            "rung": rung,
            "asleep": today["asleep"],
            "phase": np.where((now["orders"] >= needed) | club, "long", "middle"),
            "orders": now["orders"],
            "silent_days": today["silent"],
            "late_days": today["late"],
            "asleep_days": today["latest"],
            "p_alive": today["p_alive"],
        }
    )


def _rungs(
    customers: pd.DataFrame, outside: pd.DataFrame, orders: AnyOrders, value: CustomerValue | None
) -> pd.DataFrame:
    table = orders.histories.table
    spent = table["spent"].to_numpy() if orders.has_money else np.zeros(len(table))
    by = customers.assign(spent=spent).groupby("rung")
    frame = by.agg(
        customers=("orders", "size"), asleep=("asleep", "sum"), orders=("orders", "sum"), spent=("spent", "sum")
    )
    names = outside["rung"].value_counts()
    frame = frame.reindex([rung for rung in RUNGS if rung in frame.index or rung in names.index], fill_value=0)
    frame["customers"] += names.reindex(frame.index, fill_value=0)
    frame.insert(2, "share", frame["customers"] / frame["customers"].sum())
    frame["spent_share"] = frame["spent"] / (frame["spent"].sum() or 1.0)
    if value is not None:
        worth = value.by(pd.Series(customers["rung"].to_numpy(), index=customers["customer_id"], name="rung"))
        frame = frame.join(worth[["estimate", "lower", "upper", "level"]])
        frame["value_share"] = worth["share"]
    frame["orders_each"], frame["spent_each"] = by["orders"].mean(), by["spent"].mean()
    return frame.assign(silent_days=by["silent_days"].median())


def _profile(customers: pd.DataFrame, orders: AnyOrders, attributes: pd.DataFrame | None) -> pd.DataFrame:
    """Shares of each value of each attribute on each rung, and of all."""
    own = orders.histories.table.filter(items=("first_category", "first_channel")).set_axis(customers["customer_id"])
    known = own if attributes is None else pd.DataFrame(attributes).reindex(customers["customer_id"]).join(own)
    rows = []
    for name in known:
        values = pd.Series(known[name].to_numpy(), name="value").dropna()
        counts = pd.crosstab(values, customers["rung"].reindex(values.index).to_numpy())
        of_all = values.value_counts(normalize=True)
        counts = counts.loc[of_all.sort_index().sort_values(ascending=False, kind="stable").index[:MOST_VALUES]]
        table = counts.reset_index().melt("value", var_name="rung", value_name="customers")
        size = customers["rung"].reindex(values.index).value_counts()
        shares = {"share": table["customers"] / table["rung"].map(size), "share_of_all": table["value"].map(of_all)}
        rows.append(table.assign(attribute=name, **shares))
    columns = ["rung", "attribute", "value", "customers", "share", "share_of_all"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _coming(
    fit: PurchaseFit,
    now: Mapping,
    states: np.ndarray,
    wait: Mapping,
    needed: int,
    end: pd.Timestamp,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Customers by state now and in a year, in simulated futures; a large base by a sample of it."""
    rng, model, clock = np.random.default_rng([seed, 15]), MODELS[fit.model], fit.clock
    size = len(states)
    chosen = np.arange(size) if size <= MOST_SIMULATED else rng.choice(size, MOST_SIMULATED, replace=False)
    start = np.searchsorted(sorted(STATES), states[chosen])
    repeats = now["orders"][chosen] - 1
    days = {name: now[name][chosen] for name in ("recency", "T")}
    recency, age = clock.ages(days["recency"], days["T"], end)
    year, year_later = clock.ahead(DAYS_PER_YEAR, end), end + pd.Timedelta(days=DAYS_PER_YEAR)
    counts = np.zeros((PASSES, len(STATES) ** 2))
    for number, params in enumerate(fit.draws(PASSES)):
        alive = np.flatnonzero(rng.random(len(chosen)) < model.p_alive(params, repeats, recency, age))
        future = model.draw_orders_while_alive(rng, params, year, repeats[alive], age[alive])
        # The last of several uniform moments; that of a customer who left with an order is exactly at the end.
        inside = future.span * rng.random(len(alive)) ** (1 / np.maximum(future.count, 1))
        last = np.where(future.last_at_end, future.span, inside)
        placed, moment = np.zeros(len(chosen)), days["recency"].copy()
        placed[alive] = future.count
        came = days["T"][alive] + clock.days_ahead(last, end)
        moment[alive] = np.where(future.count > 0, came, moment[alive])
        orders = (repeats + 1 + placed).astype("int64")
        later = {"orders": orders, "recency": moment, "T": days["T"] + DAYS_PER_YEAR}
        then = np.searchsorted(sorted(STATES), _states(orders, state_of(fit, later, wait, year_later), needed))
        counts[number] = np.bincount(start * len(STATES) + then, minlength=len(STATES) ** 2)
    counts *= size / len(chosen)
    tails = np.quantile(counts, [(1 - level) / 2, (1 + level) / 2], axis=0)
    pairs = pd.MultiIndex.from_product([sorted(STATES)] * 2, names=["from", "to"])
    frame = pd.DataFrame({"customers": counts.mean(axis=0), "lower": tails[0], "upper": tails[1]}, index=pairs)
    return frame[frame["customers"] > 0].assign(level=level).reset_index()


def _phases(orders: AnyOrders, needed: int, level: float) -> pd.DataFrame:
    """Kaplan-Meier's shares that reached the second and the member's order, by year of the first one."""
    columns = ["reached", "cohort_year", "age_days", "customers", "estimate", "lower", "upper", "level"]
    if left_truncation(orders):
        return pd.DataFrame(columns=columns)
    lives = waiting_times(orders, (2, needed))
    rows = [
        shares_by_age(part[f"wait{number}"].to_numpy(), part["seen"].to_numpy(), level, AGES).assign(
            reached=reached, cohort_year=year
        )
        for reached, number in (("second", 2), ("member", needed))
        for year, part in lives.groupby(lives["first"].dt.year)
    ]
    return pd.concat(rows, ignore_index=True).dropna(subset=["estimate"])[columns].reset_index(drop=True)
