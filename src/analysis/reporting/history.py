"""Earlier runs of a report: their key figures, and the one that a run is compared with."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.interval import Interval
from analysis.reporting import publish

RESULTS, CONFIGURATION = "results.json", "config.yml"


@dataclass(frozen=True)
class KeyFigures:
    """What a reader follows from run to run.

    Attributes
    ----------
    rows, customers, orders
        Rows used, customers and orders in the data.
    as_of
        Last day of the data.
    residual_value
        Residual value of the base [currency] with its interval; None without money.
    expected_orders
        Orders of the base within the horizon, with their interval.
    alive
        Purchase model -> customers still active with their interval, the primary model first.
    lift
        Purchase model -> change in profit under the claim as it is read [share], with its interval; the primary model
        first, and empty where there is none.
    currency
        Currency of the amounts; None where unknown.
    horizon_years
        How far ahead values look [years].
    claims
        Claim -> verdict.
    """

    rows: int
    customers: int
    orders: int
    as_of: dt.date
    residual_value: Interval | None
    expected_orders: Interval
    alive: Mapping[str, Interval]
    lift: Mapping[str, Interval]
    currency: str | None
    horizon_years: float
    claims: Mapping[str, str]

    @property
    def value_each(self) -> Interval | None:
        """Residual value a customer [currency]."""
        return None if self.residual_value is None else self.residual_value.per(self.customers)

    @property
    def alive_ends(self) -> tuple[float, float]:
        """Fewest and most customers still active, by model."""
        counts = [count.estimate for count in self.alive.values()]
        return min(counts), max(counts)


def key_figures(results: Mapping[str, Any]) -> KeyFigures:
    """The key figures in the content of a results.json.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where it is not such content.
    """
    data, portfolio = results["data"], results["portfolio"]
    worth = portfolio["residual_clv"]
    return KeyFigures(
        rows=int(data["rows_used"]),
        customers=int(data["customers"]),
        orders=int(data["orders"]),
        as_of=dt.date.fromisoformat(data["observation_end"]),
        residual_value=None if worth is None else _interval(worth),
        expected_orders=_interval(portfolio["expected_orders"]),
        alive={str(model): _interval(count) for model, count in portfolio["customers_alive_intervals"].items()},
        lift=_lifts(results.get("retention_lift") or {}),
        currency=portfolio.get("currency") or data.get("currency"),
        horizon_years=float(portfolio["horizon_years"]),
        claims={claim["id"]: claim["verdict"] for claim in results.get("claims", ())},
    )


def _lifts(lifts: Mapping[str, Any]) -> dict[str, Interval]:
    named = lifts.get("named")
    readings = [one for one in lifts.get("readings", ()) if one["choice"] == named and one["lift"] is not None]
    return {str(one["model"]): _interval(one["lift"]) for one in readings}


def _interval(content: Mapping[str, Any]) -> Interval:
    return Interval(*(float(content[name]) for name in ("estimate", "lower", "upper", "level")))


@dataclass(frozen=True)
class EarlierRun:
    """A published run that another one is compared with.

    Attributes
    ----------
    run_id
        Name of its folder.
    figures
        What it found.
    manifest
        Its manifest.
    configuration
        Its resolved configuration.
    """

    run_id: str
    figures: KeyFigures
    manifest: Mapping[str, Any]
    configuration: Mapping[str, Any]


def figures_of(folder: Path) -> KeyFigures | None:
    """The key figures of a run; None where its results cannot be read."""
    try:
        return key_figures(json.loads((folder / RESULTS).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        return None


def earlier_run(folder: Path) -> EarlierRun | None:
    """A published run; None where it is gone, or was made by a version whose files say something else."""
    figures, manifest = figures_of(folder), publish.manifest_of(folder)
    if figures is None or manifest is None:
        return None
    try:
        configuration = yaml.safe_load((folder / CONFIGURATION).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return EarlierRun(folder.name, figures, manifest, configuration) if isinstance(configuration, dict) else None


def compared_with(report: Path, run_id: str, *, force: bool) -> str | None:
    """Name of the run that "change since the last run" compares with.

    That is the run to which ``latest`` points. A run that is made again compares with what it compared with the first
    time, so that it gives the same page.
    """
    if force and (first := publish.manifest_of(report / run_id)):
        name = first.get("previous_run")
    else:
        name = publish.latest_run(report)
    return name if name and earlier_run(report / name) else None
