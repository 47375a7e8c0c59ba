"""What lists bring after one lot was read back, against choosing by risk, contacting everybody and an oracle.

Run with ``python -m benchmarks.lists [SHOPS] [NAMES]``. Each shop's customers follow BG/NBD; about ``NAMES`` of them
are late (the list ``about_to_slip``). A contact adds 3 points to their chance of an order in four weeks, takes 3 points
from a twentieth as many others (of those on ``up_sell``), and changes nothing for the rest, members among them. A lot
of each list is drawn, sent, and read back; then the lists are made again. Profit is what contacts are expected to bring
in the next four weeks, over contacting nobody, per 1,000 names. By risk as many are chosen as are late.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import analysis as rl
from analysis.data.simulation import PurchaseTruth, simulate_transactions
from analysis.errors import UsageError
from analysis.strategies.lots import draw_lot, lot_effects
from analysis.value.contacts import ContactLists

TRUTH = PurchaseTruth(r=0.9, alpha=8.0, a=0.6, b=3.5)
DAYS, WINDOW = 730, 28
MARGIN, COST = 0.4, 0.15
EFFECT = 0.03
SHARE_HARMED = 0.05
CUSTOMERS_PER_NAME = 10
"""Of the customers about a tenth are late."""
START = pd.Timestamp("2023-01-01")


def lists_at(frame: pd.DataFrame, day: int, **known: object) -> tuple[rl.Orders, ContactLists]:
    """Orders up to a day, and the lists of that day."""
    end = (START + pd.Timedelta(days=day - 1)).date()
    orders = rl.read_orders(frame, customer="customer", date="date", amount="amount", observation_end=end)
    fit = rl.BGNBD().fit(orders)
    value = rl.customer_value(fit, rl.GammaGamma().fit(orders), horizon="1Y", gross_margin=MARGIN)
    costs = {"cost_per_contact": COST, "window": f"{WINDOW}D"}
    stand = rl.ladder(orders, fit)
    if known:
        known["effects"] = lot_effects(orders, known["lots"], known.pop("sent")).effects
    return orders, rl.contact_lists(orders, fit, value, stand, **costs, **known)


def effects_of(found: ContactLists, harmed: set) -> pd.Series:
    """Points by which a contact changes the chance of an order, by customer; who is on no list is not there."""
    rows = found.customers.drop_duplicates(["list", "customer_id"])
    late = rows["customer_id"][rows["list"] == "about_to_slip"]
    effect = pd.Series(0.0, index=rows["customer_id"].unique())
    effect[effect.index.isin(harmed)] = -EFFECT
    effect[late.to_numpy()] = EFFECT
    return effect


def shop(names: int, seed: int) -> dict[str, float]:
    """Profit of each rule in one shop, per 1,000 names."""
    rng, customers = np.random.default_rng(seed), CUSTOMERS_PER_NAME * names
    both = DAYS + WINDOW
    frame = simulate_transactions(customers, purchases=TRUTH, window_days=both, birth_days=DAYS, seed=seed)
    _, before = lists_at(frame, DAYS)
    low = before.customers["customer_id"][before.customers["list"] == "up_sell"]
    harmed = set(low.iloc[rng.permutation(len(low))[: int(SHARE_HARMED * names)]])
    effect, lots = effects_of(before, harmed), []
    for name in before.lists.index:
        try:
            lots.append(draw_lot(before, name))
        except UsageError:  # too few are on it
            continue
    lots = pd.concat(lots, ignore_index=True)
    sent = lots[lots["arm"] == "contact"].assign(date=START + pd.Timedelta(days=DAYS))[["date", "customer", "list"]]
    frame = contacted(frame, effect.reindex(sent["customer"]).fillna(0.0), before, rng)
    _, after = lists_at(frame, both, lots=lots, sent=sent)

    effect = effects_of(after, harmed)
    rows = after.customers.drop_duplicates("customer_id").set_index("customer_id")
    worth = rows["margin"] * effect.reindex(rows.index) - COST
    chosen = after.customers[after.customers["send"]]["customer_id"]
    risky = rows.sort_values("p_order").index[:names]
    profits = {
        "after one lot": worth[chosen].sum(),
        "by risk": worth[risky].sum(),
        "everybody": worth.sum() - COST * (customers - len(worth)),
        "oracle": worth[worth > 0].nlargest(names).sum(),
    }
    return {name: 1_000 * profit / names for name, profit in profits.items()}


def contacted(frame: pd.DataFrame, effect: pd.Series, found: ContactLists, rng: np.random.Generator) -> pd.DataFrame:
    """The orders with those that contacts brought, and without those that they prevented."""
    first = START + pd.Timedelta(days=DAYS)
    chance = found.customers.drop_duplicates("customer_id").set_index("customer_id")["p_order"].reindex(effect.index)
    more = effect.index[rng.random(len(effect)) < effect]
    lost = effect.index[rng.random(len(effect)) < -effect / np.maximum(chance, EFFECT)]
    amounts = frame.groupby("customer")["amount"].mean().reindex(more)
    dates = first + pd.to_timedelta(rng.integers(0, WINDOW, len(more)), "D")
    kept = frame[~(frame["customer"].isin(lost) & (pd.to_datetime(frame["date"]) >= first))]
    came = pd.DataFrame({"customer": more, "date": dates, "amount": amounts.round(2).to_numpy()})
    return pd.concat([kept.assign(date=pd.to_datetime(kept["date"])), came], ignore_index=True)


def main(shops: int = 100, names: int = 2_000) -> None:
    found = []
    for number in range(shops):
        found.append(shop(names, 500 + number))
        print(number, {name: round(profit, 1) for name, profit in found[-1].items()}, flush=True)
    table = pd.DataFrame(found)
    print(f"{shops} shops, lists of {names:,}: profit over no contact, per 1,000 names\n{table.mean().round(1)}")
    for other in ("by risk", "everybody"):
        paired = table["after one lot"] - table[other]
        reach = 1.96 * paired.std() / np.sqrt(shops)
        print(f"after one lot less {other}: {paired.mean():.1f} ± {reach:.1f}")
    print(f"of the oracle's: {table['after one lot'].mean() / table['oracle'].mean():.0%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
