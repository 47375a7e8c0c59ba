"""Intervals and diagnostics where the models are wrong: ``python -m benchmarks.worlds [n] [world]``.

Each world of ``worlds.yml`` in each form n times, or one of them: a shop of three years, a report's forecast of the
next 26 weeks. A shop takes about 15 processor seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

import analysis as rl
from analysis.models.diagnostics import diagnostics
from analysis.models.futures import simulate_futures
from analysis.models.origins import fit_candidates, led_by_choice, record_of, time_that_wins, windows_of
from analysis.models.patterns import patterns_of
from analysis.models.registry import MODELS
from analysis.time import TimeUnit
from benchmarks.origins import interval_score

SETTINGS = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text())
START = pd.Timestamp("2020-01-01")
LEVEL = 0.9


def shop(rng: np.random.Generator, **form: float) -> tuple[pd.DataFrame, int]:
    """Orders up to the end of what is observed, and repeat orders of these customers in the weeks ahead."""
    rates, end = SETTINGS["purchases"], 7 * SETTINGS["weeks"]
    last = end + 7 * SETTINGS["ahead"]
    count = SETTINGS["customers"]
    share = rng.random(count) ** (1 / (1 + np.log2(form.get("growth", 1))))
    begins = share * end
    if "earlier" in form:
        old = int(2 * count * form["earlier"])
        begins = np.concatenate([begins, rng.uniform(-2 * end / 3, 0, old)])
    rate = rng.gamma(rates["r"], 1 / rates["alpha"] / 7, len(begins))
    rate = rate * form.get("last_over_first", 1) ** np.clip(begins / end, 0, 1)
    leaves = rng.beta(rates["a"], rates["b"], len(begins))
    busy, shape, rows = form.get("november_december", 1.0), form.get("erlang", 1), []
    for number, (day, each, chance) in enumerate(zip(begins, rate, leaves, strict=True)):
        gone = last
        if "lifetime" in form:
            chance = 0.0
            gone = day + rng.exponential(
                7 * form["lifetime"] / max(rng.gamma(form["spread"], 1 / form["spread"]), 1e-9)
            )
        rows += [(number, at) for at in ordered(rng, day, each, chance, min(gone, last), shape, busy)]
    frame = pd.DataFrame(rows, columns=["customer", "day"]).query("day >= 0")
    frame["day"] = np.floor(frame["day"])
    frame = frame.drop_duplicates()
    seen = frame[frame["day"] < end]
    ahead = frame[(frame["day"] >= end) & frame["customer"].isin(seen["customer"])]
    return seen.assign(date=START + pd.to_timedelta(seen["day"], unit="D"))[["customer", "date"]], len(ahead)


def ordered(rng, day: float, rate: float, chance: float, end: float, shape: int, busy: float) -> list[float]:
    """Times of one customer's orders; with a season the rate is at its highest and orders are thinned."""
    times = [day]
    while len(times) < 5_000:
        day += rng.gamma(shape, 1 / max(rate * busy * shape, 1e-9))
        if day >= end:
            break
        if busy > 1 and (START + pd.Timedelta(day, "D")).month < 11 and rng.random() > 1 / busy:
            continue
        times.append(day)
        if rng.random() < chance:
            break
    return times


def outcome(seed: int, **form: float) -> dict[str, float]:
    """What a report would have said of one shop, beside what came."""
    rng = np.random.default_rng(seed)
    frame, came = shop(rng, **form)
    orders = rl.read_orders(frame, customer="customer", date="date", observation_end=str(frame["date"].max().date()))
    windows = windows_of(orders, 13, TimeUnit.WEEK, seed=1)
    candidates = fit_candidates(
        orders.histories, orders.daily, follows=time_that_wins(windows), time_unit=TimeUnit.WEEK, seed=1
    )
    fits = led_by_choice(candidates, windows)
    record = record_of(windows, level=LEVEL, follows=fits.primary.clock.follows)
    clock, days = fits.primary.clock, 7 * SETTINGS["ahead"]
    patterns, horizon = patterns_of(orders.histories, clock), clock.ahead(days, orders.observation_end)
    history = tuple(part[patterns.index] for part in patterns.history)
    draws = fits.primary.posterior.draws[:300]
    chunks = simulate_futures(MODELS[fits.primary.model], draws, history, horizon, seed=seed)
    totals = sum(orders.sum(axis=1) for _, orders, *_ in chunks)
    expected = MODELS[fits.primary.model].expected_purchases(fits.primary.params, horizon, *patterns.history)
    checks = diagnostics(orders, fits)
    own = rl.Interval.around(patterns.total(expected), totals, LEVEL)
    wide = record.calibration.widened(own, days)
    alarms = {**checks.found["alarm"], "first_orders": orders.left_truncation is not None}
    return {
        "own": own.lower <= came <= own.upper,
        "calibrated": wide.lower <= came <= wide.upper,
        "width": (wide.upper - wide.lower) / (own.upper - own.lower),
        "error": np.log(came / own.estimate),
        "in_season": clock.season is not None,
        "score": float(interval_score(wide.lower, wide.upper, came, LEVEL)) / own.estimate,
        **alarms,
        "any": any(alarms.values()),
    }


def main(count: int, worlds: list[str]) -> None:
    every = []
    for world in worlds:
        for number, form in enumerate(SETTINGS["worlds"][world]):
            shops = pd.DataFrame([outcome(1000 + seed, **form) for seed in range(count)])
            every.append(shops)
            print(f"{world}, {('strong', 'weak')[number]}" if form else world, f"({count} shops)", flush=True)
            print(shops.mean().round(2).to_frame().T.to_string(index=False), flush=True)
    shops = pd.concat(every)
    held = ", ".join(f"{name} intervals hold in {shops[name].sum()}" for name in ("own", "calibrated"))
    print(f"of {len(shops)} shops {held}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int((given or [15])[0]), given[1:] or list(SETTINGS["worlds"]))
