"""What changed between runs of a report, why, and whether it is within the noise; and the list of all runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.pipeline import notebooks_folder
from analysis.pipeline.sources import dependency_versions, files_hash, package_hash
from analysis.report import folders
from analysis.words import Message, shown

if TYPE_CHECKING:
    import pandas as pd

    from analysis.config import Config
    from analysis.pipeline import Study
    from analysis.report.export import Report

RESULTS, CONFIGURATION, INDEX = "results.json", "config.yml", "index.html"
MOST_POINTS = 60
"""Runs behind a trend, the newest ones."""
NO_SETTINGS = {"name", "deadline_minutes", "customer_files", "data.observation_end"}
"""Keys that change no figure, or whose effect is told as the last day of the data."""
MOST_SETTINGS, LONGEST_VALUE = 8, 60
WHOLE_MONEY = 1000
SMALLEST_SEEN = {"integer": 0.5, "money": 0.005, "percent1": 0.0005}
COUNTED = {"rows": "rows_used", "orders": "orders", "customers": "customers"}
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError, yaml.YAMLError)


@dataclass(frozen=True)
class Figure:
    """A figure that readers follow from run to run: what it is, how it is shown, its value."""

    label: Message
    kind: str
    value: Interval | int

    @property
    def interval(self) -> Interval:
        """With nothing around it where it was counted."""
        return self.value if isinstance(self.value, Interval) else Interval(self.value, self.value, self.value, 1.0)

    @property
    def estimate(self) -> float:
        return self.interval.estimate

    def __str__(self) -> str:
        return shown(f"bracketed {self.kind}" if isinstance(self.value, Interval) else self.kind, self.value)

    def is_within_noise_of(self, before: Figure) -> bool | None:
        """Whether each estimate lies inside the other's interval; None for what is counted."""
        if not isinstance(self.value, Interval) or not isinstance(before.value, Interval):
            return None
        pairs = ((self.value, before.value), (before.value, self.value))
        return all(one.lower <= other.estimate <= one.upper for one, other in pairs)


def key_figures(results: Mapping[str, Any]) -> dict[str, Figure]:
    """The key figures in the content of a results.json, by name.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where it is not such content.
    """
    data, portfolio, primary = results["data"], results["portfolio"], results["purchase_model"]["name"]
    found = {
        "customers": Figure(Message("Customers"), "integer", int(data["customers"])),
        "orders": Figure(Message("Orders so far"), "integer", int(data["orders"])),
    }
    if (worth := portfolio["residual_clv"]) is not None:
        total = _interval(worth)
        found["value"] = Figure(Message("What your customers are still worth"), "money", total)
        found["value_each"] = Figure(
            Message("What a customer is still worth"), "money", total.per(int(data["customers"]))
        )
    found["expected_orders"] = Figure(Message("Orders to come"), "integer", _interval(portfolio["expected_orders"]))
    alive = _interval(portfolio["customers_alive_intervals"][primary])
    found["alive"] = Figure(Message("Customers still active"), "integer", alive)
    lifts = results.get("retention_lift") or {}
    for one in lifts.get("readings", ()):
        if one["choice"] == lifts.get("named") and one["model"] == primary and one["lift"] is not None:
            label = Message("Rise in profit under the claim, as it is read")
            found["lift"] = Figure(label, "percent1", _interval(one["lift"]))
    return found


def _interval(content: Mapping[str, Any]) -> Interval:
    return Interval(*(float(content[name]) for name in ("estimate", "lower", "upper", "level")))


@dataclass(frozen=True)
class FinishedRun:
    """A published run: its folder's name, results, key figures, manifest and resolved configuration."""

    run_id: str
    results: Mapping[str, Any]
    figures: Mapping[str, Figure]
    manifest: Mapping[str, Any]
    configuration: Mapping[str, Any]

    @property
    def as_of(self) -> dt.date:
        return dt.date.fromisoformat(self.results["data"]["observation_end"])

    @property
    def currency(self) -> str | None:
        return self.results["portfolio"].get("currency") or self.results["data"].get("currency")

    @property
    def verdicts(self) -> dict[str, tuple[str, str]]:
        """Claim -> its sentence and the verdict on it."""
        return {claim["id"]: (claim["sentence"], claim["verdict"]) for claim in self.results.get("claims", ())}


def finished_run(folder: Path) -> FinishedRun | None:
    """A published run; None where it is gone, or was made by a version whose files say something else."""
    try:
        results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        configuration = yaml.safe_load((folder / CONFIGURATION).read_text(encoding="utf-8"))
        run = FinishedRun(
            folder.name, results, key_figures(results), folders.manifest_of(folder) or {}, dict(configuration)
        )
        return run if run.as_of and run.manifest else None
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ZeroDivisionError,
        RecursionError,
        yaml.YAMLError,
    ):
        return None


def compared_with(report: Path, run_id: str, *, force: bool) -> str | None:
    """Name of the run that "change since the last run" compares with: the one to which ``latest`` points.

    A run that is made again compares with what it compared with the first time, so that it gives the same page.
    """
    if force and (first := folders.manifest_of(report / run_id)):
        name = first.get("previous_run")
    else:
        name = folders.latest_run(report)
    return name if name and finished_run(report / name) else None


@dataclass(frozen=True)
class Change:
    """One setting or version that has another value than before; None where it had or has none."""

    name: str
    before: str | None
    now: str | None


@dataclass(frozen=True)
class Changes:
    """What differs from the run before.

    Attributes
    ----------
    before, now
        The run before and this one; this one has no manifest yet.
    same_data
        Whether both were made from the same rows.
    settings, versions
        Keys of the configuration, and packages below this one, whose values differ.
    program
        Whether this package itself differs, in its source or its notebooks.
    earlier
        Runs of the same report that can be compared, the oldest first.
    """

    before: FinishedRun
    now: FinishedRun
    same_data: bool
    settings: tuple[Change, ...]
    versions: tuple[Change, ...]
    program: bool
    earlier: Sequence[FinishedRun]

    @property
    def pairs(self) -> dict[str, tuple[Figure, Figure]]:
        """Name -> figure before and now, of those that can be compared."""
        then, now = self.before.figures, self.now.figures
        same_money = self.before.currency == self.now.currency
        return {
            name: (then[name], now[name]) for name in now if name in then and (now[name].kind != "money" or same_money)
        }

    @property
    def table(self) -> pd.DataFrame:
        """figure, before, now, difference and within_noise of every key figure, as a page shows them."""
        import pandas as pd

        rows = [
            (now.label, str(then), str(now), difference(then, now), now.is_within_noise_of(then))
            for then, now in self.pairs.values()
        ]
        return pd.DataFrame(rows, columns=["figure", "before", "now", "difference", "within_noise"], dtype=object)

    def trend(self, name: str) -> list[Interval]:
        """A figure in the runs before and in this one, the oldest first."""
        return [run.figures[name].interval for run in (*self.earlier, self.now) if name in run.figures]

    @property
    def compared(self) -> Message:
        """With which run this one is compared."""
        return Message(
            "Compared with run {run}, made {moment:moment} from data up to {day:date}.",
            run=self.before.run_id,
            moment=str(self.before.manifest.get("generated_at")),
            day=self.before.as_of,
        )

    @property
    def headline(self) -> Message:
        """How the main figure changed, and whether that is within the noise."""
        then, now = next(pair for name, pair in self.pairs.items() if name in ("value", "expected_orders"))
        kind = "rounded_money" if now.kind == "money" else "rounded"
        values = {"label": now.label, "then": shown(kind, then.estimate), "now": shown(kind, now.estimate)}
        if abs(now.estimate - then.estimate) < SMALLEST_SEEN[now.kind]:
            return Message("{label}: {now}, as in the last run.", **values)
        if now.is_within_noise_of(then):
            return Message("{label}: {now}, before {then}; chance alone explains so small a difference.", **values)
        return Message("{label}: {now}, before {then}; more than chance alone explains.", **values)

    @property
    def reasons(self) -> list[Message]:
        """Why figures may differ: data, settings, versions, program; and verdicts that differ."""
        return [self._data(), *self._settings(), *self._versions(), *self._verdicts()]

    def _data(self) -> Message:
        then, now = self.before.results["data"], self.now.results["data"]
        if self.same_data and self.before.as_of == self.now.as_of:
            return Message("**Data**: the same rows.")
        counts = {name: now[key] - then[key] for name, key in COUNTED.items()}
        if self.before.as_of == self.now.as_of:
            return Message(
                "**Data**: other rows up to the same day, {now:date}: {rows:signed_integer} rows used, "
                "{orders:signed_integer} orders, {customers:signed_integer} customers.",
                now=self.now.as_of,
                **counts,
            )
        return Message(
            "**Data**: up to {now:date}, before up to {then:date}: {rows:signed_integer} rows used, "
            "{orders:signed_integer} orders, {customers:signed_integer} customers.",
            now=self.now.as_of,
            then=self.before.as_of,
            **counts,
        )

    def _settings(self) -> Iterator[Message]:
        if not self.settings:
            yield Message("**Settings**: the same.")
        for change in self.settings[:MOST_SETTINGS]:
            values = {name: _short(getattr(change, name)) for name in ("before", "now")}
            yield Message("**Setting** `{setting}`: {now}, before {before}.", setting=change.name, **values)
        if (rest := len(self.settings) - MOST_SETTINGS) > 0:
            yield Message(
                "**Settings**: {n:integer} more differs; `config.yml` of both runs has them.",
                "**Settings**: {n:integer} more differ; `config.yml` of both runs has them.",
                n=rest,
            )

    def _versions(self) -> Iterator[Message]:
        if self.program:
            yield Message(
                "**Program**: another version of the program or its notebooks, so figures can differ for that reason "
                "alone."
            )
        if self.versions:
            listed = [f"{change.name} {change.before or '–'} → {change.now or '–'}" for change in self.versions]
            yield Message(
                "**Versions**: {n:integer} package below the program differs: {versions:list}.",
                "**Versions**: {n:integer} packages below the program differ: {versions:list}.",
                n=len(listed),
                versions=listed[:MOST_SETTINGS],
            )
        if not self.program and not self.versions:
            yield Message("**Program and versions**: the same.")

    def _verdicts(self) -> Iterator[Message]:
        words = {
            "supported": Message("supported"),
            "contradicted": Message("contradicted"),
            "depends": Message("depends"),
            "not_testable": Message("not testable"),
        }
        for claim, (sentence, verdict) in self.now.verdicts.items():
            _, before = self.before.verdicts.get(claim, (sentence, verdict))
            if before != verdict and {before, verdict} <= set(words):
                yield Message(
                    "**Verdict**: “{claim}” now reads “{now}”, before “{before}”.",
                    claim=sentence,
                    now=words[verdict],
                    before=words[before],
                )


def difference(then: Figure, now: Figure) -> Message:
    """By how much a figure changed, and by what share of what it was."""
    by, kind = now.estimate - then.estimate, now.kind
    if abs(by) < SMALLEST_SEEN[kind]:
        return Message("no change")
    if kind == "percent1":
        return Message("{points:signed1} points", points=100 * by)
    is_whole = max(abs(then.estimate), abs(now.estimate)) >= WHOLE_MONEY
    kind = "signed_integer" if kind == "integer" else "signed_whole_money" if is_whole else "signed_money"
    amount = shown(kind, by)
    if then.estimate <= 0:
        return Message("{amount}", amount=amount)
    return Message("{amount} ({share:signed_percent})", amount=amount, share=by / then.estimate)


def changes_since(previous: str | Path | None, study: Study) -> Changes:
    """What differs from the run in the folder ``previous``.

    Raises
    ------
    Unavailable
        Where there is no such run.
    """
    from analysis.report.results import results

    folder = Path(previous).absolute() if previous else None
    before = finished_run(folder) if folder else None
    if before is None:
        raise Unavailable("There is no earlier run of this report to compare with.", code="changes.first")
    manifest, found = before.manifest, json.loads(json.dumps(results(study)))
    now = FinishedRun("", found, key_figures(found), {}, plain_content(study.config))
    return Changes(
        before=before,
        now=now,
        same_data=manifest.get("data_hash") == study.data_hash,
        settings=tuple(_differing(settings_of(before.configuration), settings_of(now.configuration))),
        versions=tuple(_differing(manifest.get("versions", {}), dependency_versions())),
        program=manifest.get("package", {}).get("source_hash") != package_hash()
        or manifest.get("notebooks") != notebook_hashes(sorted(notebooks_folder().glob("*.ipynb"))),
        earlier=_comparable(folder.parent, before.currency),
    )


def notebook_hashes(notebooks: Sequence[Path]) -> dict[str, str]:
    """Name of a notebook -> SHA-256 of its file."""
    return {path.stem: files_hash([path], path.parent) for path in notebooks}


def plain_content(config: Config) -> dict[str, Any]:
    """What a configuration says, defaults included, as JSON knows it."""
    return config.model_dump(mode="json", exclude_none=True)


def settings_of(configuration: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Dotted key -> value as text, of everything that can change a result; of a file its name, wherever it lies.

    >>> settings_of({"name": "shop", "data": {"transactions": "/srv/orders.csv", "count_duplicates": True}})
    {'data.transactions': 'orders.csv', 'data.count_duplicates': 'true'}
    """
    found: dict[str, str] = {}
    for name, value in configuration.items():
        key = f"{above}{name}"
        if isinstance(value, Mapping):
            found |= settings_of(value, f"{key}.")
        elif key not in NO_SETTINGS:
            is_file = key == "data.transactions" or key.endswith(".file")
            values = value if isinstance(value, list | tuple) else [value]
            texts = (str(one).lower() if isinstance(one, bool) else str(one) for one in values)
            found[key] = ", ".join(Path(text).name if is_file else text for text in texts)
    return found


def settings_table(config: Config) -> pd.DataFrame:
    """setting and value, of every setting that a report is made with, defaults included."""
    import pandas as pd

    rows = [(key, _short(value)) for key, value in settings_of(plain_content(config)).items()]
    return pd.DataFrame(rows, columns=["setting", "value"])


def _short(text: str | None) -> Message | str:
    if text is None:
        return Message("not set")
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield Change(name, before.get(name), now.get(name))


def write_index(out: Path, language: str) -> None:
    """``out/index.html``: every report with its runs, the newest first."""
    from analysis.report.export import runs_page

    while True:
        seen = _manifests(out)
        folders.write_atomically(out / INDEX, runs_page(reports_in(out), language))
        if [folder for folder, _ in seen] == [folder for folder, _ in _manifests(out)]:
            return  # else another run was published meanwhile, and its list may have come before ours


def is_listed(out: Path, folder: Path) -> bool:
    """Whether ``latest`` points to a run and the list of all reports was written since it was published."""
    index, manifest = out / INDEX, folder / folders.MANIFEST
    is_written = index.exists() and index.stat().st_mtime_ns >= manifest.stat().st_mtime_ns
    return is_written and folders.latest_run(folder.parent) == folder.name


def reports_in(out: Path) -> list[Report]:
    """Every report by name with its runs, the newest first, and how its key figures went."""
    from analysis.report.export import KeyFigure, Report, Run

    runs: dict[str, list[Run]] = {}
    for folder, manifest in _manifests(out):
        is_failed = folder.parent.name == folders.FAILED
        report = folder.parent.parent if is_failed else folder.parent
        is_latest = not is_failed and folders.latest_run(report) == folder.name
        run = Run(
            run_id=folder.name,
            href=quote((folder / INDEX).relative_to(out).as_posix()),
            as_of=_day(manifest.get("as_of")),
            generated_at=str(manifest.get("generated_at", "")),
            status="failed" if is_failed else "latest" if is_latest else "earlier",
        )
        runs.setdefault(report.name, []).append(run)
    found = []
    for name, its in runs.items():
        points = _comparable(out / name)
        followed = [
            (figure, [run.figures[key].value for run in points if key in run.figures])
            for key, figure in (points[-1].figures.items() if points else ())
            if isinstance(figure.value, Interval) and key != "value_each"
        ]
        figures = [KeyFigure(figure.label, values, figure.kind) for figure, values in followed]
        found.append(Report(name, its, figures, points[-1].currency if points else None))
    return found


def _comparable(report: Path, currency: str | None = None) -> list[FinishedRun]:
    """Published runs by last day of the data, then as made; at most ``MOST_POINTS``.

    Runs whose results cannot be read are left out, those in another currency than the newest, and those that were
    made again (``--force``), which have the same figures.
    """
    found: dict[str, FinishedRun] = {}
    for folder, _ in _manifests(report.parent, report.name):
        made = folder.name.partition("-")[0]
        if folder.parent.name != folders.FAILED and made not in found and len(found) < MOST_POINTS:
            run = finished_run(folder)
            if run and run.currency == next(iter(found.values()), run).currency and currency in (None, run.currency):
                found[made] = run
    oldest_first = list(found.values())
    oldest_first.reverse()
    return sorted(oldest_first, key=lambda run: run.as_of)


def _manifests(out: Path, name: str = "*") -> list[tuple[Path, dict[str, Any]]]:
    """Folders of runs with their manifests, by report, the newest first."""
    files = [*out.glob(f"{name}/*/{folders.MANIFEST}"), *out.glob(f"{name}/{folders.FAILED}/*/{folders.MANIFEST}")]
    places = [file.parent for file in files if folders.RUN_FOLDER.fullmatch(file.parent.name)]
    found = [(folder, content) for folder in places if (content := folders.manifest_of(folder)) is not None]
    newest_first = sorted(found, key=lambda one: str(one[1].get("finished_at")), reverse=True)
    return sorted(newest_first, key=lambda one: one[0].relative_to(out).parts[0])


def _day(text: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
