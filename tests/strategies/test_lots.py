"""Lots: drawn within strata, no larger than needed, read back by the arm of the lot, declared by a bound that holds."""

import datetime as dt
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.errors import UsageError
from analysis.strategies.lots import COSTS, ENOUGH_ORDERING, always_valid, draw_lot, lot_effects
from analysis.value.contacts import ERRORS_TO_FIND, FALSE_EFFECTS, LISTS, contact_lists, error_of_net_lift

END = dt.date(2025, 6, 30)
START = pd.Timestamp("2025-01-01")
FREE = {"cost_per_contact": 0.0, "incentive": 0.0}
MARGIN = dict(zip(COSTS, (0.4, 1.0, 0.25, 2.0), strict=True))


@pytest.fixture(scope="module")
def lists(small_shop):
    """The lists of a shop; those without a lot are drawn up once."""

    def lists(lots=None, **given):
        return contact_lists(*small_shop, cost_per_contact=0.5, incentive=2.0, lots=lots, **given)

    plain = cache(lists)
    return lambda lots=None, **given: plain() if lots is None and not given else lists(lots, **given)


def with_win_back(found, **figures):
    """The lists, with other figures of those to be won back."""
    table = found.lists
    table.loc["win_back", [*figures]] = [*figures.values()]
    return replace(found, lists=table)


class TestDrawing:
    def test_halves_a_list_within_strata_and_fixes_what_it_counts_by(self, lists):
        found = lists()
        lot = draw_lot(found, "win_back", seed=3)
        sent = found.to_send("win_back")["customer_id"]
        assert set(lot["customer"]) <= set(sent)
        assert abs((lot["arm"] == "contact").mean() - 0.5) < 0.02
        assert lot[["start", "end"]].drop_duplicates().to_numpy().tolist() == [
            [pd.Timestamp("2024-12-31"), pd.Timestamp("2025-01-27")]
        ]
        assert lot[list(COSTS)].iloc[0].tolist() == [0.3, 0.0, 0.5, 2.0]
        pd.testing.assert_frame_equal(lot, draw_lot(found, "win_back", seed=3))
        assert not lot.equals(draw_lot(found, "win_back", seed=4))

    def test_is_no_larger_than_finding_half_as_much_again_as_must_come_takes(self, lists):
        found = with_win_back(lists(), p_order=0.6, break_even=0.8, margin=8.0)
        lot = draw_lot(found, "win_back")
        # Of those contacted all order, and the incentive of 2 leaves 6 of each 8.
        assert len(lot) == np.ceil(2 * 0.6 * 0.4 * (8 / 6 * ERRORS_TO_FIND / 0.4) ** 2)
        assert len(lot) < found.lists.loc["win_back", "send"]

    def test_has_room_for_enough_orders_in_each_arm(self, lists):
        found = with_win_back(lists(), p_order=0.4, break_even=5.0)
        assert len(draw_lot(found, "win_back")) == 2 * ENOUGH_ORDERING / 0.4

    def test_of_a_list_that_works_takes_everybody_and_leaves_a_tenth_out_within_strata(self, lists):
        effects = pd.DataFrame({"list": ["win_back"], "shrunk": [0.4], "verdict": ["works"]})
        found = lists(effects=effects)
        assert found.lists["works"].to_dict() == {name: name == "win_back" for name in found.lists.index}
        lot = draw_lot(found, "win_back", seed=3)
        sent = found.customers.query("list == 'win_back' and send").set_index("customer_id")
        assert set(lot["customer"]) == set(sent.index)
        out = lot["customer"][lot["arm"] == "none"]
        assert len(out) == pytest.approx(len(lot) / 10, abs=3)
        worth = (sent["p_order"] * sent["margin"]).rank(pct=True)
        assert worth[out].mean() == pytest.approx(0.5, abs=0.05)

    def test_of_a_list_that_is_sent_to_nobody_takes_those_of_no_other_and_they_come_first_within_the_cap(self, lists):
        effects = pd.DataFrame({"list": ["win_back"], "shrunk": [-0.4], "verdict": ["open"]})
        found = lists(effects=effects)
        assert found.lists.loc["win_back", "send"] == 0
        lot = draw_lot(found, "win_back")
        assert not set(lot["customer"]) & set(found.customers.query("send")["customer_id"])
        asked = set(lot.loc[lot["arm"] == "contact", "customer"])
        assert set(lists(lot, effects=effects, most=len(asked)).customers.query("send")["customer_id"]) == asked

    def test_refuses_what_is_no_list_or_a_short_one(self, lists):
        with pytest.raises(UsageError, match="0 customers may be written to, a lot takes 20"):
            draw_lot(lists(), "gifts")
        with pytest.raises(UsageError, match="there are none: does `opt_in` say no"):
            draw_lot(lists(opt_in=pd.Series(dtype=bool)), "win_back")

    def test_keeps_a_customer_in_one_lot_and_off_every_other_list_as_long_as_it_runs(self, lists):
        before = lists()
        end = (before.customers["valid_until"].max() - pd.Timedelta(days=28)).date()
        lot = draw_lot(before, "win_back")
        after = lists(lot)
        asked = set(lot.loc[lot["arm"] == "contact", "customer"])
        sent = after.customers[after.customers["send"]]
        assert set(sent.loc[sent["list"] == "win_back", "customer_id"]) & set(lot["customer"]) == asked
        assert not set(sent.loc[sent["list"] != "win_back", "customer_id"]) & set(lot["customer"])
        week = lists(lot.assign(start=pd.Timestamp(end) - pd.Timedelta(days=7)))
        assert not set(week.customers.loc[week.customers["send"], "customer_id"]) & set(lot["customer"])
        later = {name: lot[name] + pd.Timedelta(days=30) for name in ("start", "end")}
        for other in (lot.assign(end=pd.Timestamp(end)), lot.assign(**later)):
            pd.testing.assert_frame_equal(lists(other).customers, before.customers)


def shop(lift, names=1_500, lots=3, seed=5, costs=MARGIN, luck=0.0, voucher=0.0, off=0.0):
    """Orders of names of whom a tenth orders in any four weeks, ``lift`` more of those contacted; their lots, sent.

    By ``luck`` one order of each lot is larger, of someone contacted, who all pay with a ``voucher``;
    everybody has so much ``off``.
    """
    rng, ids = np.random.default_rng(seed), np.array([f"c{who}" for who in range(names)])
    orders = [pd.DataFrame({"customer": ids, "date": START - pd.Timedelta(days=40), "amount": 20.0})]
    drawn, sent = [], []
    for start in START + pd.to_timedelta(28 * np.arange(lots), "D"):
        arm = rng.permutation(np.arange(names) % 2)
        came = ids[rng.random(names) < 0.1 + lift * arm]
        when = start + pd.to_timedelta(rng.integers(0, 28, len(came)), "D")
        amount = rng.gamma(4, 8, len(came)).round(2)
        amount[np.argmax(np.isin(came, ids[arm == 1]))] += luck
        saved = off + voucher * np.isin(came, ids[arm == 1])
        orders.append(pd.DataFrame({"customer": came, "date": when, "amount": amount - saved, "saved": saved}))
        lot = pd.DataFrame({"list": "win_back", "customer": ids, "arm": np.where(arm == 1, "contact", "none")})
        drawn.append(lot.assign(start=start, end=start + pd.Timedelta(days=27), **costs))
        sent.append(pd.DataFrame({"date": start, "customer": ids[arm == 1], "list": "win back"}))
    columns = {"customer": "customer", "date": "date", "amount": "amount"} | (
        {"discount": "saved"} if voucher or off else {}
    )
    read = rl.read_orders(pd.concat(orders).fillna({"saved": 0.0}), **columns, observation_end=END)
    return read, pd.concat(drawn, ignore_index=True), pd.concat(sent, ignore_index=True)


def test_a_lot_of_the_size_that_is_drawn_finds_half_as_much_again_as_must_come_in_four_of_five_cases():
    p, margin, incentive, cost, rng = 0.1, 12.0, 2.0, 0.5, np.random.default_rng(7)
    needed = (cost + p * incentive) / (margin - incentive)
    error = error_of_net_lift({"p_order": p, "margin": margin}, 1.5 * needed, incentive)
    names = int((ERRORS_TO_FIND * error / (needed / 2)) ** 2)
    arm = np.arange(names) % 2
    found = 0
    for _ in range(400):
        ordered = rng.random(names) < p + 1.5 * needed * arm
        net = ordered * (margin - incentive * arm) - cost * arm
        error = np.sqrt(sum(net[arm == each].var() / (arm == each).sum() for each in (0, 1)))
        effect = net[arm == 1].mean() - net[arm == 0].mean()
        found += always_valid(effect, error, error, 1 - FALSE_EFFECTS / len(LISTS)).lower > 0
    assert 0.7 < found / 400 < 0.9


class TestReadingBack:
    def test_a_planted_effect_comes_back_and_is_declared(self):
        orders, lots, sent = shop(0.15)
        found = lot_effects(orders, lots, sent)
        (row,) = found.effects.to_dict("records")
        # An order leaves 0.4 * 32 - 1 on average; everybody contacted costs 0.25, and 2 with an order.
        assert row["lower"] < 0.15 * 11.8 - 0.25 - 2 * 0.25 < row["upper"]
        assert row["lift_lower"] < 0.15 < row["lift_upper"]
        assert row["verdict"] == "works"
        assert row["at_any_look_lower"] < row["lower"] < row["shrunk"] < row["upper"] < row["at_any_look_upper"]
        assert (row["lots"], row["names"]) == (3, 4_500)
        assert found.lots["state"].tolist() == ["counts"] * 3
        costly = lot_effects(orders, lots.assign(cost_per_contact=9.0), sent)
        assert costly.effects["verdict"].tolist() == ["harms"]

    def test_a_voucher_that_is_known_as_a_discount_costs_what_a_gift_does(self):
        gift, voucher = (lot_effects(*shop(0.15, lots=1, voucher=each)).effects.iloc[0] for each in (0.0, 2.0))
        names = ["estimate", "lower", "upper", "shrunk", "lift"]
        assert voucher[names].tolist() == pytest.approx(gift[names].tolist())

    def test_a_discount_that_everybody_has_is_no_voucher(self):
        orders, lots, sent = shop(0.15, lots=1, off=6.0)
        cheap, dear = (lot_effects(orders, lots.assign(incentive=each), sent).effects.iloc[0] for each in (2.0, 6.0))
        # A quarter of those contacted order.
        assert cheap["estimate"] - dear["estimate"] == pytest.approx(4 * 0.25, abs=0.15)

    def test_everybody_counts_in_the_arm_of_the_lot_whoever_was_contacted(self):
        orders, lots, sent = shop(0.1)
        whole = lot_effects(orders, lots, sent)
        fewer = lot_effects(orders, lots, sent.iloc[::2])
        pd.testing.assert_frame_equal(whole.effects, fewer.effects)
        assert whole.lots["sent"].tolist() == [1.0] * 3
        assert fewer.lots["sent"].tolist() == pytest.approx([0.5] * 3, abs=0.01)
        assert whole.lots["spilled"].tolist() == [0.0] * 3

    def test_a_lot_counts_only_when_its_window_ended_and_its_sending_is_confirmed(self):
        orders, lots, sent = shop(0.1)
        assert lot_effects(orders, lots).lots["state"].tolist() == ["unconfirmed"] * 3
        assert lot_effects(orders, lots).effects.empty
        assert lot_effects(orders, None).lots.empty
        assert lot_effects(orders, lots, sent.assign(list="gift")).lots["state"].tolist() == ["unconfirmed"] * 3
        assert lot_effects(orders, lots, sent.iloc[:800]).lots["state"].tolist()[0] == "counts"
        late = lots.assign(end=pd.Timestamp(END) + pd.Timedelta(days=1))
        assert lot_effects(orders, late, sent).lots["state"].tolist() == ["running"] * 3
        early = lots.assign(start=pd.Timestamp("2020-01-01"))
        assert lot_effects(orders, early, sent).lots["state"].tolist() == ["outside"]
        few = pd.concat([lots.groupby(["start", "arm"]).head(20)])
        assert lot_effects(orders, few, sent).lots["state"].tolist() == ["few"] * 3

    def test_small_lots_count_together_once_enough_ordered(self):
        orders, lots, sent = shop(0.0, names=100, lots=6)
        first = lots[lots["start"] == START]
        assert lot_effects(orders, first, sent).lots["state"].tolist() == ["few"]
        found = lot_effects(orders, lots, sent)
        assert found.lots["state"].tolist() == ["counts"] * 6
        assert found.effects["names"].tolist() == [600]

    def test_one_great_order_moves_what_came_and_hardly_what_lists_are_ranked_by(self):
        plain, great = (lot_effects(*shop(0.0, luck=luck)).effects.iloc[0] for luck in (0.0, 10_000.0))
        moved = great[["estimate", "shrunk"]] - plain[["estimate", "shrunk"]]
        assert moved["estimate"] > 1
        assert 0 < moved["shrunk"] < 0.1 * moved["estimate"]

    def test_lists_that_came_out_alike_still_keep_most_of_what_they_differ_by(self):
        orders, lots, sent = shop(0.0, costs=MARGIN | FREE, seed=7)
        half = np.where(lots["customer"].str[-1].astype(int) < 5, "win_back", "gift")
        found = lot_effects(orders, lots.assign(list=half), sent.drop(columns="list")).effects.set_index("list")
        shown = found["lift"] * (0.4 * 32 - 1)
        assert 0.4 < np.ptp(found["shrunk"]) / np.ptp(shown) < 0.95
        assert found["shrunk"].abs().max() < shown.abs().max()  # a contact is taken to change nothing


def declared(looks, paths, seed, lists=1, skew=False):
    """Share of paths on which an effect is ever declared where there is none, by estimates after each lot."""
    rng = np.random.default_rng(seed)
    level, wrong = 1 - FALSE_EFFECTS / len(LISTS), np.zeros(paths, dtype=bool)
    for _ in range(lists):
        steps = (
            rng.gamma(0.05, 1, (paths, looks, 400)).mean(axis=2) - 0.05 if skew else rng.normal(0, 1, (paths, looks))
        )
        deviation = np.sqrt(0.05 / 400) if skew else 1.0
        for look in range(1, looks + 1):
            error = deviation / np.sqrt(look)
            ends = always_valid(steps[:, :look].mean(axis=1), error, deviation, level)
            wrong |= (ends.lower > 0) | (ends.upper < 0)
    return wrong.mean()


def test_without_an_effect_one_is_declared_in_fewer_than_one_in_twenty_over_24_looks_at_all_lists():
    assert declared(looks=24, paths=4_000, seed=8, lists=len(LISTS)) < 0.05
    assert declared(looks=24, paths=300, seed=9, lists=len(LISTS), skew=True) < 0.05


def test_the_bound_is_never_much_wider_than_that_of_a_single_look():
    single = 2.64  # the two-sided point of a normal estimate at 5% over six lists
    for look in (1, 4, 24, 100):
        ends = always_valid(0.0, 1 / np.sqrt(look), 1.0, 1 - FALSE_EFFECTS / 6)
        assert single < ends.upper * np.sqrt(look) < 1.65 * single


@pytest.mark.slow
def test_whole_reports_without_an_effect_declare_one_in_at_most_one_shop_in_twenty():
    wrong = 0
    for seed in range(40):
        orders, lots, sent = shop(0.0, names=600, lots=6, seed=100 + seed, costs=MARGIN | FREE)
        for look in range(1, 7):
            known = lots["start"].drop_duplicates().iloc[:look]
            found = lot_effects(orders, lots[lots["start"].isin(known)], sent).effects
            if (found["verdict"] != "open").any():
                wrong += 1
                break
    assert wrong <= 4
