"""Lots: whom of a list to contact and whom not, and what contacts brought by the lots that were sent.

Everybody in a lot counts in the arm that it gave, whoever was really contacted (intention to treat): margin per name
over the window, less the contact and the incentive, at the costs of the day on which the lot was drawn. Lots of a list
are pooled by one regression within lots, adjusted by the margin before; its errors are by customer, since one may be in
several lots one after the other.

Whoever looks every month would find an effect in the end where there is none. ``always_valid`` allows for every look:
it inverts a mixture of normal likelihood ratios [1]_, which holds for means in large samples [2]_. Its level is shared
by all lists, so that in at most one base in twenty a false effect is ever declared.

References
----------
.. [1] Robbins (1970), Statistical methods related to the law of the iterated logarithm, Annals of Mathematical
   Statistics 41(5):1397-1409.
.. [2] Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Time-uniform central limit theory and asymptotic confidence
   sequences, Annals of Statistics 52(6):2613-2640.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.arguments import checked
from analysis.data.orders import Orders
from analysis.errors import UsageError
from analysis.interval import Interval
from analysis.strategies.experiment import FEWEST_ORDERING, Period, margins_of
from analysis.strategies.schedule import Economics
from analysis.strategies.trial import FEWEST_CUSTOMERS, assignment
from analysis.strategies.within import effect_within
from analysis.value.contacts import (
    ERRORS_TO_FIND,
    FALSE_EFFECTS,
    LISTS,
    MIXTURE,
    ContactLists,
    bound_at_any_look,
    error_of_net_lift,
)
from analysis.value.payback import pooled_means

CONFIRMED = 0.5
"""Share of the arm to be contacted that must have been, for a lot to count."""
WORTH_FINDING = 1.5
"""Lift over the break-even lift, at which nothing would be left of it, that a lot is made to find."""
ENOUGH_ORDERING = 20
"""Expected to order in each arm, so that ``FEWEST_ORDERING`` most probably do."""
SPREAD = 0.02
"""Standard deviation between lists, at least, of what a contact changes in the chance of an order: an assumption, since
a handful of lists does not tell how much lists differ."""
KEPT_OUT = 10
"""Of a list that works one in so many stays out by lot for good, so that what it brings stays known."""
COSTS = ("gross_margin", "cost_per_order", "cost_per_contact", "incentive")


@checked
def draw_lot(found: ContactLists, name: str, *, seed: int = 1) -> pd.DataFrame:
    """A lot over those to be written to for a list: half of them, within tenths of the margin that they bring anyway.

    For a list that is sent to nobody, since its contacts are expected to cost more than they bring, it is drawn over
    those who may be written to for it and are not for another.

    It is as large as it takes to find one and a half times the break-even lift in four of five cases at the first look,
    by the bound that holds at every look, and to see enough orders in each arm; or all of the list where that is less.
    Of a list that lots showed to work everybody is in it, and a tenth is not written to.

    Its window begins on the day after the data end. The margin, the costs and the window of the lists stay those of the
    lot, whatever they are later.

    Returns
    -------
    DataFrame
        One row a name: list, customer, arm (``contact`` or ``none``), start, end, gross_margin, cost_per_order,
        cost_per_contact, incentive.

    Raises
    ------
    UsageError
        For a list that there is not, or with fewer than 20 customers who may be written to for it.

    Examples
    --------
    >>> import analysis as rl
    >>> from analysis.data import simulate_transactions
    >>> frame = simulate_transactions(300, seed=1)
    >>> orders = rl.read_orders(frame, customer="customer", date="date", amount="amount")
    >>> fit = rl.BGNBD().fit(orders)
    >>> value = rl.customer_value(fit, rl.GammaGamma().fit(orders))
    >>> found = rl.contact_lists(orders, fit, value, rl.ladder(orders, fit))
    >>> lot = rl.draw_lot(found, "win_back")
    >>> lot["arm"].value_counts().to_dict()
    {'none': 32, 'contact': 31}
    """
    sent = found.customers[found.customers["send"]]
    others = found.customers[found.customers["free"] & ~found.customers["list"].isin(sent["list"])]
    others = others[~others["customer_id"].isin(sent["customer_id"])]
    rows = pd.concat([sent, others])
    there, rows = rows["list"].value_counts(sort=False), rows[rows["list"] == name]
    if len(rows) < FEWEST_CUSTOMERS:
        there = ", ".join(f"{each} ({count:,})" for each, count in there.items()) or "none: does `opt_in` say no?"
        raise UsageError(
            f"list {name!r}: {len(rows):,} customers may be written to, a lot takes {FEWEST_CUSTOMERS}; there are "
            f"{there}"
        )
    row = found.lists.loc[name]
    written_to = ["contact"] * (KEPT_OUT - 1 if row["works"] else 1)
    size = len(rows)
    if not row["works"] and row["break_even"] > 0:
        error = error_of_net_lift(row, WORTH_FINDING * row["break_even"], found.incentive)
        found_by = (ERRORS_TO_FIND * error / ((WORTH_FINDING - 1) * row["break_even"])) ** 2
        size = int(min(np.ceil(max(found_by, 2 * ENOUGH_ORDERING / max(row["p_order"], 1e-9))), size))
    rows = rows.iloc[np.random.default_rng([seed, 62]).permutation(len(rows))[:size]]
    arms = assignment(rows.assign(residual_clv=rows["p_order"] * rows["margin"]), ("none", *written_to), seed)
    last = pd.Timestamp(found.last_day)
    days = {"start": last + pd.Timedelta(days=1), "end": last + pd.Timedelta(days=int(found.window_days))}
    lot = arms.assign(**days, **{cost: getattr(found, cost) for cost in COSTS})
    lot.insert(0, "list", name)
    return lot.sort_values("customer", ignore_index=True)


@dataclass(frozen=True)
class LotEffects:
    """What contacts brought.

    Attributes
    ----------
    lots
        One row a lot, the oldest first: list, start, end, names, asked (in the arm to be contacted), sent and spilled
        (shares of that arm, and of the other, that were contacted; missing without a table of contacts), ordered and
        others_ordered (how many of either arm ordered, once its window ended), state:
        ``counts``, ``running`` (its window has not ended), ``unconfirmed`` (no contacts, or fewer than half of those
        asked), ``few`` (fewer than 10 who ordered in an arm of all its list's lots), ``outside`` (before the data).
    effects
        One row a list with a lot that counts: list, lots, names, and the margin that a contact brought per name, less
        what it cost [currency]: estimate, lower, upper, level; at_any_look_lower and at_any_look_upper, which hold
        however often one looks; lift in the share that ordered, with its ends; verdict: ``works``, ``harms`` or
        ``open``. By shrunk (with its ends) lists are ranked: the same margin by who ordered, at the mean margin of
        those who did, which a contact hardly moves and chance does (of ``up_sell``, which is to move it, the margin
        itself), drawn towards the mean of all lists and of one more whose contacts change nothing and cost what they
        cost.
    """

    lots: pd.DataFrame
    effects: pd.DataFrame


LOT_COLUMNS = ["list", "start", "end", "names", "asked", "sent", "spilled", "ordered", "others_ordered", "state"]


@checked
def lot_effects(
    orders: Orders, lots: pd.DataFrame | None, contacts: pd.DataFrame | None = None, *, level: float = 0.9
) -> LotEffects:
    """What contacts brought, by lots that were drawn and whose sending ``contacts`` confirms.

    Parameters
    ----------
    lots
        As ``draw_lot`` gives them, one under the other.
    contacts
        Contacts that were made: customer, date and, where it is known, list.
    level
        Level of the ordinary intervals.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> ids = orders.histories.ids[:400]
    >>> lot = pd.DataFrame({"list": "win_back", "customer": ids, "arm": ["contact", "none"] * 200})
    >>> lot = lot.assign(start=pd.Timestamp("1997-03-01"), end=pd.Timestamp("1997-05-31"))
    >>> lot = lot.assign(**dict.fromkeys(COSTS, 0.5))
    >>> sent = lot[lot["arm"] == "contact"].assign(date=pd.Timestamp("1997-03-02"))
    >>> found = lot_effects(orders, lot, sent)
    >>> found.lots["state"].tolist(), found.effects["verdict"].tolist()
    (['counts'], ['open'])
    """
    told, counted = [], []
    groups = [] if lots is None else lots.sort_values("start", kind="stable").groupby(["start", "list"], sort=False)
    for number, ((start, name), lot) in enumerate(groups):
        asked, end = (lot["arm"] == "contact").to_numpy(), lot["end"].iloc[0]
        was = _contacted(lot, contacts, name, start, end)
        sent, spilled = (float(was[arm].mean()) if contacts is not None else np.nan for arm in (asked, ~asked))
        state = "running" if end > pd.Timestamp(orders.observation_end) else "counts"
        if start < pd.Timestamp(orders.observation_start):
            state = "outside"
        elif state == "counts" and not sent >= CONFIRMED:
            state = "unconfirmed"
        came = [np.nan, np.nan]
        if state == "counts":
            counted.append(rows := _outcomes(orders, lot, asked, number))
            came = [rows["ordered"][rows["arm"] == arm].sum() for arm in (1, 0)]
        told.append((name, start, end, len(lot), int(asked.sum()), sent, spilled, *came, state))
    lists = dict(list(pd.concat(counted).groupby("list"))) if counted else {}
    effects = {name: found for name, rows in lists.items() if (found := _effect(name, rows, level))}
    frame = pd.DataFrame(told, columns=LOT_COLUMNS)
    frame["state"] = frame["state"].mask(frame["state"].eq("counts") & ~frame["list"].isin(effects), "few")
    shrunk = _shrunk([lists[name] for name in effects], level)
    return LotEffects(frame, pd.DataFrame(effects.values()).join(shrunk))


def _contacted(lot: pd.DataFrame, contacts: pd.DataFrame | None, name: str, start, end) -> np.ndarray:
    """Who of a lot was contacted for its list while it ran."""
    if contacts is None:
        return np.zeros(len(lot), dtype=bool)
    of_list = contacts["date"].between(start, end)
    if "list" in contacts:
        of_list &= contacts["list"].str.strip().str.lower().str.replace(r"[\s-]+", "_", regex=True).eq(name)
    return lot["customer"].astype(str).isin(contacts["customer"][of_list].astype(str)).to_numpy()


def _outcomes(orders: Orders, lot: pd.DataFrame, asked: np.ndarray, number: int) -> pd.DataFrame:
    """One row a name: list, lot, customer, arm (1 or 0), what came [currency] and whether one ordered (1 or 0)."""
    cost = lot.iloc[0]
    period = Period.of(orders, cost["start"].date(), cost["end"].date())
    money = Economics(cost["gross_margin"], cost["cost_per_order"])
    found, _ = margins_of(orders, lot["customer"], period, money)
    ordered = found["orders"].to_numpy() > 0
    given = asked * (cost["cost_per_contact"] + cost["incentive"] * ordered)
    margin, saved = found["during"].to_numpy(), found["saved"].to_numpy()
    arms = [ordered & asked, ordered & ~asked]
    if all(arm.any() for arm in arms) and saved[arms[0]].mean() - saved[arms[1]].mean() > cost["incentive"] / 2 > 0:
        margin = margin + cost["incentive"] * arms[0]  # a voucher: it came off the margin as a discount
    each = margin[ordered].mean() if ordered.any() else 0.0
    return pd.DataFrame(
        {
            "list": cost["list"],
            "lot": number,
            "customer": lot["customer"].astype(str).to_numpy(),
            "arm": asked.astype(float),
            "net": margin - given,
            "by_orders": (margin if cost["list"] == "up_sell" else ordered * each) - given,
            "of_an_order": each,
            "given": given,
            "before": found["before"].to_numpy() if "before" in found else 0.0,
            "ordered": ordered.astype(float),
        }
    )


def always_valid(estimate: float, error: float, first_error: float, level: float) -> Interval:
    """An interval that holds at every look at a growing sum of lots.

    Of an estimate with information I and a mixture of effects Normal(0, tau^2) it is
    estimate +/- sqrt((1 + tau^2 I) / (tau^2 I^2) (log(1 + tau^2 I) + 2 log(1 / (1 - level)))).

    Parameters
    ----------
    error, first_error
        Of the estimate now, and of that at the first look, by which tau was fixed.

    Examples
    --------
    >>> [round(float(always_valid(0.0, error, 1.0, 0.95).upper), 2) for error in (1.0, 0.5)]
    [3.04, 1.58]
    """
    k = MIXTURE * (first_error / error) ** 2
    reach = error * bound_at_any_look(k, level)
    return Interval(estimate, estimate - reach, estimate + reach, level)


def _effect(name: str, rows: pd.DataFrame, level: float) -> dict | None:
    """What the lots of a list showed; None before enough ordered in both arms for the first look."""
    ordered = rows.pivot_table(index="lot", columns="arm", values="ordered", aggfunc="sum").cumsum().min(axis=1)
    if ordered.iloc[-1] < FEWEST_ORDERING:
        return None
    net, lift = (_pooled(rows, outcome) for outcome in ("net", "ordered"))
    first = _pooled(rows[rows["lot"] <= ordered.index[ordered >= FEWEST_ORDERING][0]], "net")[1]
    bound = always_valid(*net, first, 1 - FALSE_EFFECTS / len(LISTS))
    verdict = "works" if bound.lower > 0 else "harms" if bound.upper < 0 else "open"
    margin, lift = (Interval.normal(*each, level) for each in (net, lift))
    found = {"list": name, "lots": rows["lot"].nunique(), "names": len(rows), "verdict": verdict}
    found |= {**vars(margin), "at_any_look_lower": bound.lower, "at_any_look_upper": bound.upper}
    return found | {"lift": lift.estimate, "lift_lower": lift.lower, "lift_upper": lift.upper}


def _pooled(rows: pd.DataFrame, outcome: str) -> tuple[float, float]:
    """Effect of the arm on an outcome, lots pooled and adjusted by the margin before, and its error."""
    return effect_within(rows[outcome], rows["arm"], rows["lot"], rows["customer"], [rows["before"]])


def _shrunk(lists: Sequence[pd.DataFrame], level: float) -> pd.DataFrame:
    """What is expected of a contact for each list, by who ordered, drawn towards the mean of all and of an idle one."""
    if not lists:
        return pd.DataFrame()
    pooled = np.array([_pooled(rows, "by_orders") for rows in lists]) ** [1, 2]
    between = np.mean([(SPREAD * rows["of_an_order"].mean()) ** 2 for rows in lists])
    idle = -np.mean([rows["given"][rows["arm"] == 1].mean() for rows in lists]), between
    found = pooled_means(pd.DataFrame([*pooled, idle], columns=["mean", "variance"]), level, least=between)[:-1]
    ends = {"estimate": "shrunk", "lower": "shrunk_lower", "upper": "shrunk_upper"}
    return found[list(ends)].rename(columns=ends)
