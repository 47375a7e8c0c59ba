"""What notebook 05 shows of the strategies themselves: what each earns, when, from what, by whom, and under attack."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import Exhibit, on_axes
from analysis.reporting.exhibits.readings import chance_said
from analysis.reporting.figures import plot_differences, plot_paths
from analysis.reporting.figures.strategies import Path
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.strategies.choice import StrategyChoice
from analysis.strategies.comparison import TENURES, VALUES
from analysis.strategies.decision import Ranking
from analysis.strategies.noise import expected_path_ends
from analysis.strategies.parameters import BY_NAME, CUSTOMER_TYPES, PARAMETERS
from analysis.strategies.results import COMPONENTS, Simulation, StrategyResults
from analysis.strategies.strategy import BUILT_IN, Strategy

GROUPS = tuple(name for name, _ in (*TENURES, *VALUES))
MOST_DRAWS = 0.5
"""A strategy is said to overtake another where it does so in this share of the draws or more."""


def named(strategy: str) -> Saying:
    """A strategy by its name: in the reader's language, or as the configuration calls it."""
    if strategy in BUILT_IN:
        return Saying(f"strategies.name.{strategy}")
    return Saying("strategies.name.own", {"name": strategy})


def view_of(ranking: Ranking | Simulation) -> Saying:
    """A view by its purchase model and how customers leave."""
    short = {"BG/NBD": "bg_nbd", "MBG/NBD": "mbg_nbd"}[ranking.model]
    return Saying(f"strategies.view.{short}.{ranking.structure}")


def what_is_compared(results: StrategyResults) -> list[Saying]:
    """Every strategy in words, with what it costs."""
    run = results.per_purchase
    joined = float(run.weekly.joined[:, 0].sum(axis=1).mean())
    numbers = {"customers": run.customers, "weeks": run.weeks}
    alone = Saying("strategies.is.today_alone", numbers)
    found = [Saying("strategies.is.today", {**numbers, "joined": joined}) if joined > 0 else alone]
    for strategy in results.per_purchase.strategies[1:]:
        name = {"name": named(strategy.name)}
        if strategy.name == "both":
            found.append(Saying("strategies.is.both", name))
            continue
        found += [Saying(f"strategies.is.{key}", {**name, **numbers}) for key, numbers in _sides_of(strategy)]
    return found


def notes(results: StrategyResults | Note) -> list[Note | Saying]:
    """What was assumed on the way, with strategies by their names."""
    if isinstance(results, Note):
        return []
    found = []
    for note in results.notes:
        if "strategy" in note.numbers:
            found.append(Saying(note.key, {**note.numbers, "strategy": named(note.numbers["strategy"])}))
        else:
            found.append(note)
    return found


def _sides_of(strategy: Strategy) -> Iterator[tuple[str, dict[str, float]]]:
    deal, better = strategy.promotion, strategy.experience
    if deal is not None:
        if deal.depth:
            yield (
                "promotion",
                {"depth": deal.depth, "every": deal.every_weeks, "lasts": deal.lasts_weeks, "reach": deal.reach},
            )
        if not deal.depth and not deal.points:
            yield "idle", {}
        if deal.points:
            yield "points", {"points": deal.points}
        if deal.programme_cost_per_year:
            yield "programme", {"cost": deal.programme_cost_per_year}
    if better is not None:
        yield "experience", {"lift": better.lift}
        costs = {
            "per_order": better.invested_per_order,
            "per_customer": better.invested_per_customer_year,
            "database": better.database_per_year,
        }
        yield from ((key, {"cost": cost}) for key, cost in costs.items() if cost)
        if not any(costs.values()):
            yield "free", {}


def ranking_table(choice: StrategyChoice) -> Table:
    """Every strategy under every view: profit against doing nothing, probability of being the best, regret."""
    first = choice.decision.rankings[0]
    level = first.difference[0].level
    columns = [
        Column("column.strategy", "label"),
        Column("column.view", "label"),
        *interval_columns("column.against_nothing", "money", level),
        Column("column.probability_best", "phrase"),
        Column("column.regret", "money"),
    ]
    rows = [
        [named(name), view_of(each), each.difference[s], each.difference[s],
         chance_said(each.probability_best[s]), each.regret[s]]
        for s, name in enumerate(first.names)
        for each in choice.decision.rankings
    ]  # fmt: skip
    return Table("table.strategies.caption", columns, rows, {"before": first.profit_before})


def differences_figure(choice: StrategyChoice | None) -> Exhibit | None:
    """Profit against doing nothing of every strategy under every view."""
    if choice is None:
        return None
    rankings = choice.decision.rankings
    names = rankings[0].names[1:]
    rows = [
        (named(name), {view_of(each).key: each.difference[s] for each in rankings})
        for s, name in enumerate(names, start=1)
    ]
    first = rankings[0]
    ends = first.difference[1:]
    best = max(range(len(ends)), key=lambda place: ends[place].estimate)
    numbers = {"best": named(names[best]), "difference": ends[best], "level": ends[best].level,
               "strategies": len(names), "views": len(rankings)}  # fmt: skip
    height = 1.0 + 0.26 * len(names) * (len(rankings) + 1.4)
    key = "strategies" if ends[best].estimate > 0 else "strategies_loss"
    return Exhibit(key, on_axes(plot_differences, rows), ranking_table(choice), numbers, height, height + 0.6)


def paths_figure(results: StrategyResults | Note, level: float) -> Exhibit | None:
    """When profit comes: cumulative against doing nothing, under the first view."""
    if isinstance(results, Note):
        return None
    run = results.per_purchase
    ends = expected_path_ends(run, level)
    mean = (run.cumulative - run.cumulative[:, :1]).mean(axis=0)
    paths = [Path(named(name), mean[s], ends[0][s], ends[1][s]) for s, name in enumerate(run.names) if s]
    shown = [week for week in (13, 26, 52, 104, 156, 208, 260) if week < run.weeks] + [run.weeks]
    columns = [Column("column.weeks", "integer")]
    for name in run.names[1:]:
        columns += [Column("column.of_strategy", "estimate money", {"strategy": named(name)}),
                    Column("column.interval", "range money", {"level": level})]  # fmt: skip
    rows = []
    for week in shown:
        cells = [Interval(mean[s][week - 1], ends[0][s][week - 1], ends[1][s][week - 1], level)
                 for s in range(1, len(run.names))]  # fmt: skip
        rows.append([week, *(cell for each in cells for cell in (each, each))])
    table = Table("figure.strategy_paths.data", columns, rows)
    last = {name: mean[s][-1] for s, name in enumerate(run.names) if s}
    best, worst = max(last, key=last.get), min(last, key=last.get)
    numbers = {"weeks": run.weeks, "level": level, "best": named(best), "most": last[best]}
    numbers |= {"worst": named(worst), "least": last[worst]}
    return Exhibit("strategy_paths", on_axes(plot_paths, paths), table, numbers)


def overtaking_sayings(results: StrategyResults | Note) -> list[Saying]:
    """When the better experience overtakes the promotion, and when each has earned itself back."""
    if isinstance(results, Note):
        return []
    run, found = results.per_purchase, []
    for name, other in (("promotion", "nothing"), ("expectation", "nothing"), ("expectation", "promotion")):
        weeks = run.overtakes(name, other)
        share = float(np.isfinite(weeks).mean())
        numbers = {"name": named(name), "other": named(other), "share": chance_said(share)}
        if share < MOST_DRAWS:
            found.append(Saying("strategies.never_overtakes", {**numbers, "weeks": run.weeks}))
        else:
            found.append(Saying("strategies.overtakes", {**numbers, "after": float(np.nanmedian(weeks)) + 1}))
    return found


def components_table(results: StrategyResults, level: float) -> Table:
    """What the difference from doing nothing consists of, under the first view; columns add up."""
    run = results.per_purchase
    columns = [Column("column.component", "label"), *_money_columns(run)]
    rows = []
    for component in COMPONENTS:
        draws = run.components[component]
        if np.any(draws):
            rows.append([f"strategies.component.{component}", *_cells(draws, level)])
    rows.append(["strategies.component.total", *_cells(run.difference, level)])
    return Table("table.components.caption", columns, rows, {"weeks": run.weeks, "level": level}, total=True)


def _cells(draws: np.ndarray, level: float) -> list[Interval]:
    return [Interval.around(float(draws[:, s].mean()), draws[:, s], level) for s in range(1, draws.shape[1])]


def _money_columns(run: Simulation) -> list[Column]:
    """One for each strategy but doing nothing: estimate and, in brackets, the interval whose level the caption says."""
    return [Column("column.of_strategy", "bracketed money", {"strategy": named(name)}) for name in run.names[1:]]


def state_table(results: StrategyResults, level: float) -> Table:
    """Over the horizon: customers, retention, orders, margin and costs, mercenaries, and profit for each unit spent."""
    run = results.per_purchase
    weekly = run.weekly
    columns = [Column("column.measure", "label")]
    columns += [Column("column.of_strategy", "mixed", {"strategy": named(name)}) for name in run.names]
    measures = {
        "retention": ("bracketed percent", run.retention[:, :, -1]),
        "customers": ("bracketed integer", weekly.alive[:, :, -1]),
        "orders": ("bracketed integer", weekly.orders.sum(axis=2)),
        "margin": ("bracketed money", run.margin),
        "spent": ("bracketed money", run.spent),
        "mercenaries": ("bracketed percent", weekly.mercenary_share[:, :, -1]),
        "struck_off": ("bracketed integer", run.struck_off),
        "per_spent": ("bracketed decimal2", run.profit_per_spent),
    }
    rows = []
    for name, (kind, draws) in measures.items():
        if not np.any(np.nan_to_num(draws)):
            continue
        cells = []
        for s in range(draws.shape[1]):
            known = np.isfinite(draws[:, s]).all()
            interval = Interval.around(float(draws[:, s].mean()), draws[:, s], level) if known else None
            cells.append((kind, interval) if known else ("text", None))
        rows.append([f"strategies.measure.{name}", *cells])
    return Table("table.strategy_states.caption", columns, rows, {"weeks": run.weeks, "level": level})


def segments_table(results: StrategyResults, level: float) -> Table:
    """Profit against doing nothing for each customer of a part of the base, under the first view."""
    run = results.per_purchase
    columns = [Column("column.segment_by", "label"), Column("column.segment", "label"),
               Column("column.customers", "integer"), *_money_columns(run)]  # fmt: skip
    rows = []
    place = {name: number for number, name in enumerate((*GROUPS, *CUSTOMER_TYPES))}
    for part in sorted(run.segments, key=lambda part: place[part.label]):
        if part.customers > 0:
            kind = "type" if part.dimension == "type" else "segment"
            row = [f"strategies.dimension.{part.dimension}", f"strategies.{kind}.{part.label}", part.customers]
            rows.append([*row, *_cells(part.difference / part.customers, level)])
    return Table("table.strategy_segments.caption", columns, rows, {"weeks": run.weeks, "level": level})


def attack_sayings(results: StrategyResults | Note) -> list[Saying]:
    """What a rival's deeper promotion takes, or that none is configured."""
    if isinstance(results, Note):
        return []
    if not results.attacked:
        return [Saying("strategies.no_attack")]
    attack = next(iter(results.attacked.values())).attack
    first = results.attacked["per_purchase"]
    place = {name: s for s, name in enumerate(results.per_purchase.names)}
    gap = first.profit[:, place["expectation"]] - first.profit[:, place["promotion"]]
    numbers = {"depth": attack.rival_depth, "first": attack.first_week + 1, "last": attack.last_week + 1}
    if not any(loss.taken.any() for loss in results.attacked.values()):
        return [Saying("strategies.attack", numbers), Saying("strategies.attack_takes_nobody")]
    less = float(((gap < 0) + 0.5 * (gap == 0)).mean())
    return [
        Saying("strategies.attack", numbers),
        Saying("strategies.attack_compared", {"chance": chance_said(less)}),
    ]


def attack_table(results: StrategyResults | Note, level: float) -> Table | None:
    """Customers and profit that a rival's attack takes, by strategy and view."""
    if isinstance(results, Note) or not results.attacked:
        return None
    columns = [Column("column.strategy", "label"), Column("column.view", "label"),
               *interval_columns("column.customers_taken", "integer", level),
               *interval_columns("column.profit_taken", "money", level)]  # fmt: skip
    views = {"per_purchase": results.per_purchase, "calendar": results.calendar}
    rows = []
    for s, name in enumerate(results.per_purchase.names):
        for structure, loss in results.attacked.items():
            taken, profit = (
                Interval.around(float(draws[:, s].mean()), draws[:, s], level) for draws in (loss.taken, loss.profit)
            )
            rows.append([named(name), view_of(views[structure]), taken, taken, profit, profit])
    return Table("table.attack.caption", columns, rows)


def assumptions_table(results: StrategyResults) -> Table:
    """Every parameter of the dynamics: what was taken, in which unit, and where it comes from."""
    run = results.per_purchase
    columns = [Column("column.parameter", "label"), Column("column.assumed", "decimal2"),
               Column("column.swept", "label"), Column("column.unit", "label"), Column("column.origin", "label"),
               Column("column.source", "label")]  # fmt: skip
    rows = []
    for parameter in PARAMETERS:
        draws = run.parameters[parameter.name].to_numpy()
        swept = Saying("strategies.from_to", {"low": float(draws.min()), "high": float(draws.max())})
        source = (
            Saying("strategies.source", {"source": parameter.source}) if parameter.source else "strategies.no_source"
        )
        rows.append([f"strategies.parameter.{parameter.name}", float(draws.mean()), swept,
                     f"strategies.unit.{parameter.unit}", f"strategies.origin.{run.origin[parameter.name]}",
                     source])  # fmt: skip
    return Table("table.assumptions.caption", columns, rows, {"draws": len(run.profit), "customers": run.sampled})


def parameter_name(column: str) -> Saying:
    """A column of the draws in words: a parameter of the dynamics, or one of a fitted model or a mix."""
    if column in BY_NAME:
        return Saying(f"strategies.parameter.{column}")
    what, _, name = column.partition(".")
    if what in ("types", "bindings"):
        kind = {"types": "type", "bindings": "binding"}[what]
        return Saying("strategies.share_of", {"part": Saying(f"strategies.{kind}.{name}")})
    return Saying(f"strategies.fitted.{what}", {"name": name})
