"""Companies of which it is known what is true, and the evidence that they give."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.claims import Verdict
from analysis.config import Config
from analysis.pipeline import Study

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}
START = np.datetime64("2020-01-01")


def company(workdir: Path, frame: pd.DataFrame, **sections) -> Study:
    """The study of a company's orders, with sections of the configuration such as ``economics``."""
    columns = {role: name for role, name in COLUMNS.items() if name in frame}
    data = {"transactions": "frame.csv", "columns": columns} | sections.pop("data", {})
    config = Config(name="test", data=data, **sections)
    return Study(config, store=workdir, frame=frame)


def told(verdict: Verdict, name: str) -> dict:
    """The values of the first further number or assumption that has one called ``name``."""
    return next(each.values for each in (*verdict.details, *verdict.assumptions) if name in each.values)


def orders(customer: np.ndarray, day: np.ndarray, amount: np.ndarray) -> pd.DataFrame:
    """Orders from positions of customers, days since the start, and amounts."""
    return pd.DataFrame({"customer": [f"C{each}" for each in customer], "date": START + day, "amount": amount.round(2)})


def loyal_customers(growth: float, seed: int, customers: int = 400, years: float = 3.2) -> pd.DataFrame:
    """Customers who order every month or so, each order worth more by ``growth`` in all after three years."""
    rng = np.random.default_rng(seed)
    count = int(years * 12)
    birth = rng.integers(0, 84, customers)
    gaps = np.cumsum(np.maximum(rng.exponential(30, (customers, count)), 1).astype(int), axis=1)
    days = np.column_stack([birth, birth[:, None] + gaps])
    # What grows is compared over half years whose middles lie 910 days apart.
    age = days - birth[:, None]
    worth = rng.gamma(4, 10, (customers, 1)) * (1 + growth) ** (age / 910) * rng.gamma(20, 1 / 20, days.shape)
    who = np.repeat(np.arange(customers), count + 1)
    return orders(who, days.ravel(), worth.ravel())


def heavy_buyers_stay(seed: int, customers: int = 3_000) -> pd.DataFrame:
    """Nobody's spending changes, but those who spend little leave: survivors spend more than customers at first did."""
    rng = np.random.default_rng(seed)
    heavy = rng.random(customers) < 0.3
    count = np.where(heavy, 38, 8)
    who = np.repeat(np.arange(customers), count)
    place = np.concatenate([np.arange(each) for each in count])
    day = rng.integers(0, 84, customers)[who] + place * 30 + np.where(place > 0, rng.integers(-5, 5, who.size), 0)
    return orders(who, day, np.where(heavy, 60.0, 20.0)[who] * rng.gamma(20, 1 / 20, who.size))


def cohorts(ratio: float, seed: int, size: int = 1_500, months: int = 12, *, differ: bool = True) -> pd.DataFrame:
    """Birth months of 5% to 50% repeat customers; one of 40% brings ``ratio`` times what one of 10% brings."""
    rng = np.random.default_rng(seed)
    share = np.linspace(0.05, 0.5, months) if differ else np.full(months, 0.3)
    slope = np.log(ratio) / 0.3
    customers, days, amounts = [], [], []
    for month in range(months):
        who = np.arange(size) + month * size
        start = (np.datetime64("2020-01") + month).astype("datetime64[D]") - START
        birth = start.astype(int) + rng.integers(0, 28, size)
        comes_back = rng.random(size) < share[month]
        # Mean revenue is exp(slope * share), however many orders it is spread over.
        worth = 30 * np.exp(slope * share[month]) / (1 + share[month])
        customers += [who, who[comes_back]]
        days += [birth, birth[comes_back] + rng.integers(5, 80, comes_back.sum())]
        amounts += [worth * rng.gamma(10, 0.1, size), worth * rng.gamma(10, 0.1, comes_back.sum())]
    last = np.array([0]), np.array([(months + 14) * 31]), np.array([1.0])
    parts = (np.concatenate([*column, end]) for column, end in zip((customers, days, amounts), last, strict=True))
    return orders(*parts)
