"""What changed between runs of a report, why, and whether it is within the noise; and the list of all runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from analysis.config import EconomicsConfig, ModelConfig
from analysis.config.config import LadderConfig
from analysis.interval import Interval
from analysis.pipeline import notebooks_folder
from analysis.pipeline.sources import dependency_versions, files_hash, package_hash
from analysis.pipeline.store import replace
from analysis.report import folders
from analysis.report.folders import CONFIGURATION, INDEX, RESULTS
from analysis.words import Message, formats, reader, shown, tr

if TYPE_CHECKING:
    from analysis.pipeline import Study
    from analysis.report.page import Card

MOST_POINTS = 60
"""Runs behind a trend, the newest ones."""
NO_SETTINGS = {
    "name", "deadline_minutes", "customer_files", "data.observation_end", "data.lots", "model.previous_primary",
    "ladder.member_orders",
}  # fmt: skip
"""Keys that change no figure, or whose effect is told as the last day of the data."""
SMALLEST_SEEN = {"integer": 0.5, "money": 0.005}
COUNTED = {"rows": "rows_used", "orders": "orders", "customers": "customers"}
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, RecursionError)


@dataclass(frozen=True)
class Figure:
    """A figure that readers follow from run to run: what it is, how it is shown, its value."""

    label: Message
    kind: str
    value: Interval

    def is_within_noise_of(self, before: Figure) -> bool:
        """Whether each estimate lies inside the other's interval."""
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
    customers = int(data["customers"])
    found = {"customers": Figure(Message("Customers"), "integer", Interval(customers, customers, customers, 1.0))}
    calibrated = portfolio.get("calibrated") or {}  # as on the page; runs of before had none
    if (worth := calibrated.get("money") or portfolio["residual_clv"]) is not None:
        found["value"] = Figure(Message("What your customers are still worth"), "money", _interval(worth))
    orders = calibrated.get("orders") or portfolio["expected_orders"]
    found["expected_orders"] = Figure(Message("Orders to come"), "integer", _interval(orders))
    alive = _interval(portfolio["customers_alive_intervals"][primary])
    found["alive"] = Figure(Message("Customers still active"), "integer", alive)
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


def finished_run(folder: Path) -> FinishedRun | None:
    """A published run; None where it is gone, or was made by a version whose files say something else."""
    try:
        results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        configuration = yaml.safe_load((folder / CONFIGURATION).read_text(encoding="utf-8"))
        run = FinishedRun(
            folder.name, results, key_figures(results), folders.manifest_of(folder) or {}, dict(configuration)
        )
        _check_what_later_runs_take(run)
        return run if run.as_of and run.manifest else None
    except (*UNREADABLE, yaml.YAMLError):
        return None


def _check_what_later_runs_take(run: FinishedRun) -> None:
    """Raises one of ``UNREADABLE`` where what they keep of a run, or compare with, is not of its kind."""
    EconomicsConfig(currency=run.currency)
    for ladder in (run.results.get("ladder") or {}, run.configuration.get("ladder", {})):
        LadderConfig(member_orders=ladder.get("member_orders"))
    ModelConfig(previous_primary=run.configuration.get("model", {}).get("previous_primary"))
    sum(run.results["data"][key] for key in COUNTED.values())
    {one["id"]: one["verdict"] for one in run.results.get("claims", ())}
    run.manifest.get("package", {}).get("source_hash")


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
class Changes:
    """What differs from the run before.

    Attributes
    ----------
    before, now
        The run before and this one, which has no manifest yet; both None where there is nothing to compare with.
    same_data
        Whether both were made from the same rows.
    settings
        Keys of the configuration whose values differ.
    program
        Whether this package, its notebooks, or packages below it differ.
    earlier
        Runs of the same report that can be compared, the oldest first.
    """

    before: FinishedRun | None = None
    now: FinishedRun | None = None
    same_data: bool = True
    settings: tuple[str, ...] = ()
    program: bool = False
    earlier: Sequence[FinishedRun] = ()

    def trend(self, name: str) -> list[Interval]:
        """A figure in the runs before and in this one, the oldest first."""
        runs = [*self.earlier, self.now] if self.before else []
        return [run.figures[name].value for run in runs if name in run.figures]

    @property
    def headline(self) -> Message:
        """How the main figure changed, and whether that is within the noise."""
        if self.before is None:
            return Message("There is no earlier run of this report to compare with.")
        both = self.before.figures.keys() & self.now.figures.keys()
        is_money = "value" in both and self.before.currency == self.now.currency
        name, kind = ("value", "estimate rounded_money") if is_money else ("expected_orders", "estimate rounded")
        then, now = self.before.figures[name], self.now.figures[name]
        values = {"label": now.label, "then": shown(kind, then.value), "now": shown(kind, now.value)}
        if abs(now.value.estimate - then.value.estimate) < SMALLEST_SEEN[now.kind]:
            return Message("{label}: {now}, as in the last run.", **values)
        if now.is_within_noise_of(then):
            return Message("{label}: {now}, before {then}; chance alone explains so small a difference.", **values)
        return Message("{label}: {now}, before {then}; more than chance alone explains.", **values)

    @property
    def reasons(self) -> Iterator[Message]:
        """Why figures may differ: the run before, its data, settings and program; and verdicts that differ."""
        if self.before is None:
            return
        yield Message(
            "Compared with run {run}, from data up to {day:date}.", run=self.before.run_id, day=self.before.as_of
        )
        yield self._data()
        if self.settings:
            yield Message(
                "**Settings**: {n:integer} differs (`config.yml`).",
                "**Settings**: {n:integer} differ (`config.yml`).",
                n=len(self.settings),
            )
        if self.program:
            yield Message("**Program**: another version, which alone can change figures.")
        yield from self._model()
        yield from self._verdicts()

    def _model(self) -> Iterator[Message]:
        """That the forecast rests on another purchase model than before, why, and what that alone changes."""
        then, now = (run.results["purchase_model"]["name"] for run in (self.before, self.now))
        if then == now:
            return
        by_model = self.now.results["portfolio"]["by_model"]
        if then not in by_model:
            yield Message(
                "**Forecast**: it follows another model of ordering, since these data do not support the one before."
            )
            return
        values = [by_model[name]["residual_clv"] or by_model[name]["expected_orders"] for name in (now, then)]
        yield Message(
            "**Forecast**: it follows another model of ordering, which the settings name, or which forecast past "
            "periods better by more than chance explains. That alone moves the total by {change:signed percent}.",
            change=values[0]["estimate"] / values[1]["estimate"] - 1,
        )

    def _data(self) -> Message:
        then, now = self.before.results["data"], self.now.results["data"]
        if self.same_data and self.before.as_of == self.now.as_of:
            return Message("**Data**: the same rows.")
        counts = {name: now[key] - then[key] for name, key in COUNTED.items()}
        if self.before.as_of == self.now.as_of and not any(counts.values()):
            return Message("**Data**: as many orders as before, but other rows, or other tables or lots beside them.")
        return Message(
            "**Data**: {rows:signed integer} rows used, {orders:signed integer} orders, {customers:signed integer} "
            "customers.",
            **counts,
        )

    def _verdicts(self) -> Iterator[Message]:
        before, now = (
            {one["id"]: one["verdict"] for one in run.results.get("claims", ())} for run in (self.before, self.now)
        )
        if changed := [claim for claim, verdict in now.items() if before.get(claim, verdict) != verdict]:
            yield Message(
                "**Verdicts**: {n:integer} claim now reads otherwise; see the page on retention and profit.",
                "**Verdicts**: {n:integer} claims now read otherwise; see the page on retention and profit.",
                n=len(changed),
            )


def changes_since(previous: str | Path | None, study: Study) -> Changes:
    """What differs from the run in the folder ``previous``, where there is one."""
    from analysis.report.results import results

    folder = Path(previous).absolute() if previous else None
    before = finished_run(folder) if folder else None
    if before is None:
        return Changes()
    found = results(study)
    now = FinishedRun("", found, key_figures(found), {}, study.config.model_dump(mode="json", exclude_none=True))
    then_set, now_set = settings_of(before.configuration), settings_of(now.configuration)
    manifest, notebooks = before.manifest, sorted(notebooks_folder().glob("*.ipynb"))
    made_of = [manifest.get("package", {}).get("source_hash"), manifest.get("versions"), manifest.get("notebooks")]
    return Changes(
        before=before,
        now=now,
        same_data=manifest.get("data_hash") == study.data_hash,
        settings=tuple(key for key in sorted({**then_set, **now_set}) if then_set.get(key) != now_set.get(key)),
        program=made_of != [package_hash(), dependency_versions(), notebook_hashes(notebooks)],
        earlier=_comparable(folder.parent, before.currency),
    )


def notebook_hashes(notebooks: Sequence[Path]) -> dict[str, str]:
    """Name of a notebook -> SHA-256 of its file."""
    return {path.stem: files_hash([path], path.parent) for path in notebooks}


def settings_of(configuration: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Dotted key -> value as text, of everything that can change a result; of a file its name, wherever it lies.

    >>> settings_of({"name": "shop", "data": {"transactions": "/srv/orders.csv", "count_duplicates": True}})
    {'data.transactions': 'orders.csv', 'data.count_duplicates': 'true'}
    """
    found: dict[str, str] = {}
    for name, value in configuration.items():
        key = f"{above}{name}"
        if isinstance(value, Mapping) and key not in NO_SETTINGS:
            found |= settings_of(value, f"{key}.")
        elif key not in NO_SETTINGS:
            is_file = key == "data.transactions" or key.endswith(".file")
            values = value if isinstance(value, list | tuple) else [value]
            texts = (str(one).lower() if isinstance(one, bool) else str(one) for one in values)
            found[key] = ", ".join(Path(text).name if is_file else text for text in texts)
    return found


def write_index(out: Path, language: str) -> None:
    """``out/index.html``: every report with its runs, the newest first."""
    while True:
        seen = [folder for folder, _ in _manifests(out)]
        page = runs_page(out, language)
        replace(out / INDEX, lambda unfinished, page=page: unfinished.write_text(page, encoding="utf-8"))
        if seen == [folder for folder, _ in _manifests(out)]:
            return  # else another run was published meanwhile, and its list may have come before ours


def is_listed(out: Path, folder: Path) -> bool:
    """Whether ``latest`` points to a run and the list of all reports was written since it was published."""
    index, manifest = out / INDEX, folder / folders.MANIFEST
    is_written = index.exists() and index.stat().st_mtime_ns >= manifest.stat().st_mtime_ns
    return is_written and folders.latest_run(folder.parent) == folder.name


def runs_page(out: Path, language: str) -> str:
    """Every report by name with its runs, the newest first, its last key figures and how they went."""
    from jinja2 import Environment, FileSystemLoader

    from analysis.report.page import STYLE, cards_html, shared

    loader = FileSystemLoader(STYLE.parent)
    template = Environment(loader=loader, autoescape=True, trim_blocks=True).get_template("runs.html.j2")
    reports = []
    for name, runs in groupby(_manifests(out), lambda one: one[0].relative_to(out).parts[0]):
        points = _comparable(out / name)
        with reader(language, points[-1].currency if points else None):
            cards = cards_html(_cards(points)) if points else ""
            reports.append((name, cards, [_run(out / name, *run) for run in runs]))
    with reader(language):
        page = {"title": tr("Reports"), "empty": tr("No report has been made here yet."), "meta": {}}
        return template.render(page=shared() | page, reports=reports)


def _cards(points: Sequence[FinishedRun]) -> Iterator[Card]:
    """Each figure of the last run that is not just counted, and how it went."""
    from analysis.report.page import Card

    for key, last in points[-1].figures.items():
        if last.value.level != 1:
            values = [run.figures[key].value for run in points if key in run.figures]
            ends = shown(f"brackets {last.kind}", last.value)
            yield Card(last.label, last.value, f"estimate {last.kind}", ends, values)


def _run(report: Path, folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """A line of the list of runs: status, address, id, and what is said of the run."""
    statuses = {"latest": tr("latest"), "earlier": tr("earlier"), "failed": tr("did not finish")}
    is_failed = folder.parent.name == folders.FAILED
    status = "failed" if is_failed else "latest" if folders.latest_run(report) == folder.name else "earlier"
    said = [statuses[status]]
    if as_of := formats().readable("date", manifest.get("as_of")):
        said.append(tr("data up to {day}", day=as_of))
    if made := formats().readable("moment", manifest.get("generated_at")):
        said.append(tr("made {moment}", moment=made))
    address = quote((folder / INDEX).relative_to(report.parent).as_posix())
    return {"status": status, "href": address, "run_id": folder.name, "said": ", ".join(said)}


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
    newest_first = sorted(found.values(), key=lambda run: run.as_of, reverse=True)
    return newest_first[::-1]


def _manifests(out: Path, name: str = "*") -> list[tuple[Path, dict[str, Any]]]:
    """Folders of runs with their manifests, by report, the newest first."""
    files = [*out.glob(f"{name}/*/{folders.MANIFEST}"), *out.glob(f"{name}/{folders.FAILED}/*/{folders.MANIFEST}")]
    places = [file.parent for file in files if folders.RUN_FOLDER.fullmatch(file.parent.name)]
    found = [(folder, content) for folder in places if (content := folders.manifest_of(folder)) is not None]
    newest_first = sorted(found, key=lambda one: str(one[1].get("finished_at")), reverse=True)
    return sorted(newest_first, key=lambda one: one[0].relative_to(out).parts[0])
