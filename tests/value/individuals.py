"""Single customers simulated event by event, to check what the value layer integrates."""

import numpy as np
from scipy.special import expit, logit

YEAR = 52.1786
PARAMS = {
    "BG/NBD": (0.243, 4.414, 0.793, 2.426),
    "MBG/NBD": (0.525, 6.183, 0.891, 1.614),
    "Pareto/NBD": (0.553, 10.578, 0.606, 11.669),
}
"""Fits of the 39 weeks of CDNOW; that of BG/NBD is published (Fader, Hardie and Lee 2005)."""


def proneness(rng, name, params, count, trials=0, T=0.0, shift=("scale", 0.0), year=52.1786):
    """Order rates and dropout (p, or mu for Pareto/NBD) of customers alive after ``trials`` at age T, shifted."""
    kind, size = shift
    _, _, a, b = params
    if name == "Pareto/NBD":
        mu = rng.gamma(a, 1 / (b * (np.exp(size) if kind == "mean" else 1) + T), count)
        if kind == "logit":
            mu = np.log1p(np.expm1(mu * year) * np.exp(-size)) / year
        return mu * (np.exp(-size) if kind == "scale" else 1)
    mean = a * np.exp(-size) if kind == "mean" else a
    p = rng.beta(mean, a + b - mean + trials, count)
    if kind == "logit":
        return expit(logit(p) - size)
    return p * (np.exp(-size) if kind == "scale" else 1)


def futures(rng, name, rates, dropout, horizon, trial_now=False):
    """Orders of each customer within the horizon, as (customer, time), and when each one leaves (inf: not yet)."""
    count = len(rates)
    leaving = np.full(count, np.inf)
    if name == "Pareto/NBD":
        leaving = rng.exponential(1 / np.maximum(dropout, 1e-300))
    elif trial_now:
        leaving[rng.random(count) < dropout] = 0.0
    who, when = [], []
    active, clock = np.flatnonzero(leaving > 0), np.zeros(count)
    while active.size:
        clock[active] += rng.exponential(1 / rates[active])
        active = active[clock[active] <= np.minimum(horizon, leaving[active])]
        who.append(active.copy())
        when.append(clock[active].copy())
        if name != "Pareto/NBD":
            gone = rng.random(active.size) < dropout[active]
            leaving[active[gone]] = clock[active[gone]]
            active = active[~gone]
    return np.concatenate(who), np.concatenate(when), leaving
