"""All results of one configuration: each is computed when it is asked for, and kept by what it is made of."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from analysis.arguments import checked
from analysis.config import (
    SAMPLES,
    Config,
    DatabaseSource,
    SampleSource,
    SparkSource,
    config_from_mapping,
    load_config,
    nearest,
    parameter_keys,
)
from analysis.config.kinds import Section
from analysis.errors import InputRefused, Problem, RetentionLabError, Unavailable, UsageError, collecting
from analysis.pipeline import steps  # noqa: F401 (declares the steps)
from analysis.pipeline.sources import PACKAGE, content_hash, numerical_versions, sources_kept_in
from analysis.pipeline.step import READING, STEPS, Step, all_steps, only, reading_steps
from analysis.pipeline.store import MISSING, Store

if TYPE_CHECKING:
    import pandas as pd

    from analysis.data import Orders
    from analysis.models.fits import PurchaseFits
    from analysis.models.spend import SpendFit
    from analysis.processes import Pool

BEGAN = time.time()
KEY_DIGITS = 32
RECORD = 3
"""Version of what a record says; nothing is read that an earlier one was written with."""


class Study:
    """All results of one configuration; ``dir(study)`` lists them, each has its step's description.

    Parameters
    ----------
    config
        The resolved configuration.
    as_of
        Last day of the data that counts; None as configured.
    store
        Folder where results are kept; None for ``.retention-lab`` in the working folder.
    frame
        Orders that stand in for the configured file.

    Attributes
    ----------
    seconds
        Step -> how long it took to compute [s], of those that were computed now.
    incidents
        What happened to processes that helped to compute, for a log.
    planned
        How many steps ``compute`` names; 0 as long as it has not begun.

    Raises
    ------
    Unavailable
        By a result that these data do not give, whenever it is asked for.
    """

    def __init__(
        self,
        config: Config,
        as_of: dt.date | None = None,
        store: str | Path | None = None,
        frame: Any = None,
    ):
        self.config, self.as_of, self.frame = config, as_of, frame
        self.store = Store(default_store() if store is None else Path(store))
        self.sources = sources_kept_in(self.store.folder)
        self.seconds: dict[str, float] = {}
        self.incidents: list[str] = []
        self.planned = 0
        self._own = secrets.token_hex(16)
        self._keys: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        self._known: dict[str, Any] = {}
        self._because: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or (name not in STEPS and name not in all_steps()):
            raise AttributeError(f"a study has no {name!r}{nearest(name, STEPS)}")
        return self.result(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *STEPS})

    def __repr__(self) -> str:
        return f"Study({self.config.name!r}, as_of={self.as_of}, store={str(self.store.folder)!r})"

    def _repr_html_(self) -> str:
        from markupsafe import Markup

        row = Markup("<tr><td><code>study.{}</code></td><td>{}</td></tr>")
        rows = [row.format(name, step.function.__doc__) for name, step in STEPS.items() if step.function.__doc__]
        return Markup("<table><caption>Study of {}</caption>{}</table>").format(self.config.name, Markup("").join(rows))

    def __reduce__(self) -> tuple:
        """For a worker process: what was read is known by its keys, and found in the store."""
        keys = {name: key for name, key in self._keys.items() if STEPS[name].reads}
        return _in_worker, (self.config, self.as_of, self.store.folder, keys)

    def result(self, name: str) -> Any:
        """The result of a step: known, kept in the store, or computed now; a refusal is raised."""
        import pandas as pd  # which opening a study does without

        found = self.outcome(name)
        if isinstance(found, RetentionLabError):
            raise found.with_traceback(None)
        return found.copy(deep=False) if isinstance(found, pd.DataFrame) else found

    def outcome(self, name: str) -> Any:
        """As ``result``, but a refusal is given back."""
        key = self.key(name)
        if key not in self._known:
            found = self.store.read(name, key) if STEPS[name].stored else MISSING
            self._known[key] = self._computed(name) if found is MISSING else found
        return self._known[key]

    def hold(self, **results: Any) -> None:
        """Results of steps that come from elsewhere, in place of what would be computed."""
        for name, result in results.items():
            self._keys[name] = self._digests[name] = name
            self._known[name] = result

    def key(self, name: str) -> str:
        """What a step's result is found by: a hash over everything that it is made of, computed where it must be."""
        if name not in self._keys:
            self._keys[name] = content_hash(RECORD, self.made_of(name), self._files(STEPS[name]))[:KEY_DIGITS]
            self.sources.keep()
        return self._keys[name]

    def is_kept(self, name: str) -> bool:
        """Whether a step's result is in the store, with all that it is made of, and refuses nothing."""
        return not any(self._missing(name)) and self.store.record(name, self.key(name)).get("refuses") is False

    def _missing(self, name: str) -> Iterator[str]:
        """Steps to be computed before the key of this one is known: of each way to it the first."""
        for earlier in () if name in self._keys else STEPS[name].inputs:
            before = list(self._missing(earlier))
            is_missing = not before and STEPS[earlier].stored and self._digest(earlier) is None
            yield from [earlier] if is_missing else before

    def made_of(self, name: str) -> dict[str, Any]:
        """Settings, inputs (by what they hold), source and versions that a step's result is made of."""
        step = STEPS[name]
        settings = {key: _plain(self._setting(step, given)) for given, key in step.settings.items()}
        return {
            "step": name,
            "settings": settings | ({"as_of": str(self.as_of)} if "as_of" in step.parameters else {}),
            "inputs": {earlier: self.digest(earlier) for earlier in step.inputs},
            "source": self.sources.behind(step.function),
            "versions": numerical_versions(),
        }

    def digest(self, name: str) -> str:
        """A hash of what a result holds, by which it is an input: where it comes out as before, no other step changes.

        Of one that is never kept its key.
        """
        if not STEPS[name].stored:
            return self.key(name)
        found = None if self._digest(name) else self.outcome(name)
        if STEPS[name].reads and isinstance(found, InputRefused):
            raise found.with_traceback(None)
        return self._digest(name) or self._own + self.key(name)

    def _digest(self, name: str) -> str | None:
        """As the record of a result has it; None where there is none."""
        key = self.key(name)
        if key not in self._digests and (record := self.store.record(name, key)):
            self._digests[key] = record["digest"]
        return self._digests.get(key)

    def _setting(self, step: Step, given: str) -> Any:
        """A setting as the step is given it."""
        value: Any = self.config
        for part in step.settings[given].split("."):
            value = getattr(value, part, None)
        if isinstance(seen := step.parameters[given], only):
            value = type(value).model_construct(**{key: getattr(value, key) for key in seen.keys})
        return value

    def _files(self, step: Step) -> list[Any]:
        """What tells one state of the files that a step reads from another, without reading them."""
        if not step.reads:
            return []
        sections = [each for given in step.settings if isinstance(each := self._setting(step, given), Section)]
        parts = [part for section in sections for part in (section, *vars(section).values())]
        named = [getattr(part, "file", None) or getattr(part, "transactions", None) for part in parts]
        return [self._state(source) for source in named if source]

    def _state(self, source: Any) -> Any:
        from analysis.data.files import files_matching

        if self.frame is not None:
            return self._own
        if isinstance(source, SampleSource):
            return source.sample  # the versions of the packages that hold it are part of every key
        if isinstance(source, DatabaseSource | SparkSource):
            # A database may have changed since; only within one run its answer is taken as the same.
            return self.store.run or self._own
        patterns = [source] if isinstance(source, str) else source
        states = [(file, file.stat()) for pattern in patterns for file in files_matching(pattern, self.config.folder)]
        return [(str(file), at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns) for file, at in states]

    def _computed(self, name: str) -> Any:
        from threadpoolctl import threadpool_limits

        step, began = STEPS[name], None
        try:
            given = self._given(step)
            began = time.perf_counter(), time.process_time()
            # Sums over several threads depend on how many there are; and such threads hinder other processes.
            with threadpool_limits(limits=1):
                result = step.function(**given)
        except (Unavailable, InputRefused) as refusal:
            result = refusal.with_traceback(None)
        now = time.perf_counter(), time.process_time()
        seconds, processor_seconds = (round(end - start, 3) for end, start in zip(now, began or now, strict=True))
        if step.stored:
            self.seconds[name], self._because[name] = seconds, self._difference(name)
            if not (step.reads and isinstance(result, InputRefused)):
                return self._kept(name, result, {"seconds": seconds, "processor_seconds": processor_seconds})
        return result

    def _kept(self, name: str, result: Any, took: Mapping[str, float]) -> Any:
        """The result as the store gives it back: where arrays lie in memory can move the last digit of a sum."""
        made_of = self.made_of(name)
        if self.sources.newest(made_of["source"]) > BEGAN:
            # What ran may be the source of before; another process would take this for what the new one gives.
            self._because[name] += "; not kept, since the source changed after this process began"
            return result
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record = {
            **made_of,
            "because": self._because[name],
            "refuses": refuses(name, result),
            "data_hash": getattr(result, "data_hash", None),
            "observation_end": str(getattr(result, "observation_end", "")),
            "computed_at": at,
            **took,
        }
        self.store.write(name, self.key(name), result, record)
        return self.store.read(name, self.key(name))

    def call(self, function: Callable) -> Any:
        """What any function gives whose parameters are named for steps and settings; nothing is kept.

        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> study = open_study(sample="cdnow", store=folder.name)
        >>> study.call(lambda orders, gross_margin: orders.customers * gross_margin)
        707.1
        """
        return function(**self._given(Step(function)))

    def _given(self, step: Step) -> dict[str, Any]:
        """What a step's function is called with."""
        given: dict[str, Any] = {name: self._setting(step, name) for name in step.settings}
        for name in step.inputs:
            found = self.outcome(name)
            if isinstance(found, Unavailable) and step.parameters[name] is None:
                found = None
            elif isinstance(found, RetentionLabError) and step.parameters[name] is not Unavailable:
                raise found
            given[name] = found
        if step.reads:
            workdir = self.store.new_workdir(step.name, self.key(step.name))
            beside = {**vars(self), "folder": self.config.folder, "workdir": workdir}
            given |= {name: beside[name] for name in READING if name in step.parameters}
        return given

    def why(self, name: str) -> str:
        """In words, whether a step's result is kept, or what changed so that it was or will be computed again."""
        if name not in all_steps():
            raise UsageError(f"there is no step {name!r}{nearest(name, STEPS)}")
        if not STEPS[name].stored:
            return f"{name}: not kept, made from {' and '.join(STEPS[name].inputs)} whenever it is asked for"
        if (missing := dict.fromkeys(self._missing(name))) and self.store.latest(name):
            why = "; ".join(dict.fromkeys(map(self._difference, missing)))
            return f"{name}: to be computed unless {' and '.join(missing)} come out as before, since {why}"
        if missing:
            return f"{name}: to be computed, since nothing was kept of it"
        key = self.key(name)
        if name in self._because and key in self._known:
            return f"{name}: computed now, since {self._because[name]}"
        if record := self.store.record(name, key):
            return f"{name}: kept, computed {record['computed_at']} since {record['because']}"
        return f"{name}: to be computed, since {self._difference(name)}"

    def _difference(self, name: str) -> str:
        """What distinguishes a result that is not there from the last one of the same step."""
        before = self.store.latest(name, self.key(name))
        found = self._differences(self.made_of(name), before) if before else ["nothing was kept of it"]
        return "; ".join(dict.fromkeys(found)) or "its files changed"

    def _differences(self, now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
        for part in ("settings", "versions"):
            for name, old, new in _changes(before[part], now[part]):
                yield f"{name} was {old} and is {new}"
        if changed := [name for name, *_ in _changes(before["source"], now["source"])]:
            yield f"the source of {', '.join(name.removeprefix('analysis.') for name in changed[:3])} changed"
        for name, *_ in _changes(before["inputs"], now["inputs"]):
            earlier = self.store.latest(name, self.key(name)) if name in now["inputs"] else {}
            yield from list(self._differences(self.made_of(name), earlier) if earlier else ()) or [f"{name} changed"]

    def with_(self, *, as_of: dt.date | str | None = None, **settings: Any) -> Study:
        """The same study with other settings by the last part of their key; what does not depend on them is shared."""
        content, path = self.config.model_dump(exclude_none=True), self.config.folder / f"{self.config.name}.yml"
        config = config_from_mapping(content, path=path, overrides=overrides(settings))
        other = Study(config, _day(as_of) or self.as_of, self.store.folder, self.frame)
        other._own, other._known, other._digests = self._own, self._known, self._digests
        return other

    @property
    def data_hash(self) -> str:
        """SHA-256 (hex) over everything that was read."""
        read = {name: self.store.record(name, self.key(name)) for name in reading_steps()}
        known = (
            held["data_hash"] if held else getattr(self.result(name), "data_hash", None) for name, held in read.items()
        )
        first, *further = [found for found in known if found is not None]
        return content_hash(first, *further) if further else first

    @property
    def observation_end(self) -> str:
        """Last day of the data [ISO]; as kept beside the orders, which need not be read for it."""
        held = self.store.record("orders", self.key("orders")) or {}
        return held.get("observation_end") or str(self.orders.observation_end)

    @property
    def currency(self) -> str | None:
        """ISO code of the currency that money is in; None where nobody said."""
        return self.result("orders").currency or self.config.economics.currency

    def read_input(self) -> None:
        """Read transactions, and the tables beside them; and look at the covariates of customers.

        Raises
        ------
        InputRefused
            With every problem found in any of them.
        """
        from analysis.data.contracts import refuse_contracts
        from analysis.models.fits import refuse_unknown_model

        problems: list[Problem] = []
        with collecting(problems):
            refuse_unknown_model(self.config.model.primary)
        for name in [*reading_steps(), "covariate_design"]:
            with collecting(problems):
                self.result(name)
            if name == "contracts" and isinstance(self.outcome("orders"), InputRefused):
                with collecting(problems):
                    refuse_contracts(self.config, self.store.new_workdir(name, "refused"))
        if problems:
            raise InputRefused(problems)

    def compute(self, workers: Pool | None = None, watch: Callable[[], Any] = bool) -> Iterator[str]:
        """Compute every step, naming each when it is done; several processes give the same results.

        Parameters
        ----------
        workers
            The pool that computes them, as of ``analysis.processes.pool``; None for this process alone.
        watch
            With workers called at least once a second; what it raises ends the computing.

        Raises
        ------
        RetentionLabError
            As the first step does that refuses, once all others are done. What these data do not give is no refusal,
            unless it is the purchase models.
        """
        from analysis.pipeline.parallel import side_by_side

        if workers is not None:
            yield from side_by_side(self, workers, watch)
            return
        for name in [name for name, step in all_steps().items() if step.stored]:
            if refuses(name, found := self.outcome(name)):
                raise found
            yield name


def open_study(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    sample: str | None = None,
    as_of: dt.date | str | None = None,
    store: str | Path | None = None,
    frame: Any = None,
    **settings: Any,
) -> Study:
    """Everything that is known of one configuration, computed when it is asked for.

    Parameters
    ----------
    config
        A configuration file (a relative path starts at the working folder, else at the folder of the notebooks), or
        what such a file holds.
    sample
        In its place: ``cdnow``, ``cdnow-full``, ``complete-journey``, ``simulated`` or ``simulated-shop``.
    as_of
        Last day of the data that counts (ISO date); None as configured.
    store
        Folder where results are kept; None for ``.retention-lab`` in the working folder.
    frame
        A table of orders that stands in for the file that ``transactions`` names.
    settings
        Configuration values that beat the file's, by the last part of their key; None leaves the file's value.

    Raises
    ------
    InputRefused
        With everything that is wrong with the configuration.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> study = open_study(sample="cdnow", as_of="1997-09-30", store=folder.name, gross_margin=0.4)
    >>> study.orders.customers
    2357
    >>> open_study(sample="cdnow", gros_margin=0.4)
    Traceback (most recent call last):
    analysis.errors.UsageError: there is no setting 'gros_margin'; did you mean 'gross_margin'?
    """
    if (config is None) == (sample is None):
        raise UsageError("a study needs either a configuration (a file, or a mapping of what it holds) or sample=...")
    given = overrides(settings)
    if sample is not None:
        resolved = sample_config(sample, given)
    elif isinstance(config, Mapping):
        resolved = config_from_mapping(config, path=Path.cwd() / "study.yml", overrides=given)
    else:
        beside = notebooks_folder() / config
        resolved = load_config(beside if not Path(config).exists() and beside.exists() else Path(config), given)
    return Study(resolved, _day(as_of), store, frame)


@checked
def test_claims(
    orders: Orders,
    fits: PurchaseFits | None = None,  # noqa: PT028 (no test of ours)
    spend: SpendFit | None = None,  # noqa: PT028
    **settings: Any,
) -> pd.DataFrame:
    """The verdict on every claim of the articles; see docs/claims.md.

    Parameters
    ----------
    orders
        As ``read_orders`` gives them.
    fits, spend
        The purchase models and the spend model; fitted here where they are not given.
    settings
        Of the configuration, by the last part of their keys: ``gross_margin``, ``acquisition_cost``, ``horizon_years``,
        ``cost_per_customer_year``, ``credible_level`` …

    Returns
    -------
    DataFrame
        As ``analysis.claims.Claims.to_frame``: claim, verdict, estimate, lower, upper, level, unit and more.

    Raises
    ------
    InputRefused
        For settings that there are not, or with a value that is not allowed.
    Unavailable
        Of orders that stay in an engine.

    Examples
    --------
    >>> import analysis as rl
    >>> from analysis.data import simulate_transactions
    >>> frame = simulate_transactions(100, seed=1)
    >>> orders = rl.read_orders(frame, customer="customer", date="date")
    >>> found = rl.test_claims(orders, acquisition_cost=30, cost_per_customer_year=4, holdout_weeks=0)
    >>> found = found.set_index("claim")
    >>> print(found.loc[["keeping_cheaper"], ["verdict", "estimate", "unit"]].to_string(index=False))
      verdict  estimate  unit
    supported       7.5 ratio
    >>> found.loc["twenty_bring_eighty", "reason"]
    'The data hold no amounts of money.'
    """
    from analysis.data import Orders

    if not isinstance(orders, Orders):
        raise Unavailable(
            "The claims look at every customer, and these stay in their engine; a configuration that names the table "
            "brings their orders here."
        )
    content = {"data": {"transactions": {"sample": "cdnow"}}}  # the orders stand in for it
    config = config_from_mapping(content, path=Path("claims.yml"), overrides=overrides(settings))
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder:
        study = Study(config, store=folder, frame=orders)
        given = {"orders": orders, "fits": fits, "spend": spend}
        study.hold(**{name: result for name, result in given.items() if result is not None})
        return study.claims.to_frame()


_held: tuple[dict[str, Any], dict[str, str]] = {}, {}
"""By key, results that a worker process has read or computed, and digests."""


def _in_worker(config: Config, as_of: dt.date | None, store: Path, keys: dict[str, str]) -> Study:
    study = Study(config, as_of, store)
    study._keys, (study._known, study._digests) = keys, _held
    return study


def sample_config(name: str, given: Mapping[str, Any] | None = None) -> Config:
    """The ready configuration of an embedded sample; ``given`` holds values that beat its own, by dotted key."""
    if name not in SAMPLES:
        raise UsageError(f"there is no sample {name!r}{nearest(name, SAMPLES)}")
    return load_config(notebooks_folder() / "parameters" / f"{name}.yml", given)


def overrides(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted key -> value of settings that are named by the last part of their key."""
    known = {name: name for name in Config.model_fields} | parameter_keys()
    if unknown := [f"there is no setting {name!r}{nearest(name, known)}" for name in settings if name not in known]:
        raise UsageError(*unknown)
    return {known[name]: value for name, value in settings.items()}


def notebooks_folder() -> Path:
    """The folder of the notebooks: inside an installed wheel, or beside ``src`` in a working copy."""
    inside = PACKAGE / "notebooks"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "notebooks"


def default_store() -> Path:
    """Where results are kept when no folder is named: beside the work, and out of git."""
    folder = Path.cwd() / ".retention-lab"
    Store(folder).make()
    with suppress(OSError):
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def refuses(name: str, result: Any) -> bool:
    """Whether the result of a step leaves nothing to say: a refusal, or no purchase model that can be identified."""
    return isinstance(result, RetentionLabError) and (name == "fits" or not isinstance(result, Unavailable))


def _day(as_of: dt.date | str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    except ValueError:
        raise UsageError(f"as_of == {as_of!r}, must be an ISO date such as 1997-09-30") from None


def _plain(setting: Any) -> Any:
    """A setting as JSON knows it; 3 and 3.0 are one number.

    >>> _plain(3.0), _plain([0.5])
    (3, [0.5])
    """
    return json.loads(
        to_json(setting), parse_float=lambda text: int(float(text)) if float(text) % 1 == 0 else float(text)
    )


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, old and new value of what differs."""
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new, f"{prefix}{name}.")
        elif old != new:
            yield f"{prefix}{name}", old, new
