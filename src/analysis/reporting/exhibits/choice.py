"""What notebook 05 shows of the choice: the advice on one page, the map, what decides, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import Exhibit, on_axes
from analysis.reporting.exhibits.loyalty import differences_said
from analysis.reporting.exhibits.readings import chance_said
from analysis.reporting.exhibits.strategies import named, parameter_name, view_of
from analysis.reporting.figures import plot_frontier, plot_information
from analysis.reporting.figures.strategies import FrontierLine
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.strategies.choice import StrategyChoice
from analysis.strategies.decision import SURE, Decision, Outcome
from analysis.strategies.experiment import POWER, ExperimentPlan
from analysis.strategies.frontier import CADENCES, DecisionMap, Frontier
from analysis.strategies.information import GroupInformation
from analysis.strategies.parameters import BY_NAME
from analysis.strategies.results import COMPONENTS, StrategyResults
from analysis.strategies.trial import ExperimentResult

WORTH_SAYING = 0.01
"""Groups whose information is worth less than this share of all information are left out of the picture."""

NARROW = 5
"""Width in inches below which panels stand on each other."""


def answer(choice: StrategyChoice | None, results: StrategyResults | Note) -> list[Saying | Note]:
    """What to do, in the two or three sentences that stand on top."""
    if choice is None:
        return [Saying("choice.answer_none"), results]
    found, first = choice.decision, choice.decision.rankings[0]
    weeks = {"weeks": results.per_purchase.weeks}
    if found.outcome is Outcome.RECOMMENDED:
        numbers = {"sure": SURE, "views": len(found.rankings)}
        if found.recommended == "nothing":
            return [Saying("choice.answer_nothing", {**numbers, **weeks}), Saying("choice.no_cause")]
        difference = first.difference[first.names.index(found.recommended)]
        said = {**numbers, **weeks, "strategy": named(found.recommended), "difference": difference}
        return [Saying("choice.answer_recommended", said), Saying("choice.no_cause")]
    if found.outcome is Outcome.VIEWS_DISAGREE:
        return [Saying("choice.answer_views", {"sure": SURE}), Saying("choice.no_cause")]
    if found.held_back is not None:
        numbers = {"sure": SURE, "views": len(found.rankings), "draws": first.draws, "strategy": named(found.held_back)}
        return [Saying("choice.answer_few_draws", {**numbers, **weeks}), Saying("choice.no_cause")]
    return [
        Saying("choice.answer_undecided", {"sure": SURE, "views": len(found.rankings), **weeks}),
        Saying("choice.contenders", {"names": found_names(found.contenders)}),
        Saying("choice.no_cause"),
    ]


def found_names(names: Sequence[str]) -> Saying:
    """Two to four names as one phrase; of more, how many they are."""
    if 1 <= len(names) <= 4:
        numbers = {f"name{place}": named(name) for place, name in enumerate(names, start=1)}
        return Saying(f"choice.names.{len(names)}", numbers)
    return Saying("choice.names.many", {"count": len(names)})


def tried(trial: ExperimentResult | Note | None) -> list[Saying]:
    """What an experiment that was run showed, one saying for each arm; nothing where there is nothing to tell."""
    if trial is None or isinstance(trial, Note):
        return []
    return [Saying("choice.trial", {"result": each}) for each in differences_said(trial)]


def advice(
    choice: StrategyChoice | None, results: StrategyResults | Note, trial: ExperimentResult | Note | None = None
) -> list[Saying]:
    """One page in plain words: because, what would change our mind, what to find out, what would settle it."""
    if choice is None:
        return []
    found = choice.decision
    because = [*_twins(found), *_views(found), *_because(found, results), *_articles_rule(choice.map)]
    learned = [*_mind_changers(found), *_find_out_first(found), Saying("choice.first_view")]
    return [*because, *learned, *tried(trial), *_settled_by(choice.plan)]


def _twins(found: Decision) -> list[Saying]:
    pairs = found.twins.items()
    return [Saying("choice.twin", {"strategy": named(name), "other": named(other)}) for name, other in pairs]


def _views(found: Decision) -> list[Saying]:
    if found.outcome is Outcome.RECOMMENDED:
        return []
    points = []
    for each in found.rankings:
        best = max(each.names, key=each.probability)
        numbers = {"view": view_of(each), "strategy": named(best), "chance": chance_said(each.probability(best))}
        points.append(Saying("choice.by_view", numbers))
    return points


def _because(found: Decision, results: StrategyResults) -> list[Saying]:
    """The largest gain and the largest loss of the strategy in front that does something."""
    name = next((each for each in found.front if each != "nothing"), None)
    if name is None:
        return []
    run = results.per_purchase
    level, place = found.rankings[0].difference[0].level, run.strategy(name)
    parts = {each: run.components[each][:, place] for each in COMPONENTS}
    means = {each: Interval.around(float(draws.mean()), draws, level) for each, draws in parts.items()}
    gain, loss = (pick(means, key=lambda each: means[each].estimate) for pick in (max, min))
    if means[gain].estimate <= 0 or means[loss].estimate >= 0:
        return []
    numbers = {
        "strategy": named(name),
        "gain": means[gain],
        "from": Saying(f"strategies.component.{gain}"),
        "loss": means[loss],
        "to": Saying(f"strategies.component.{loss}"),
    }
    return [Saying("choice.because", numbers)]


def _articles_rule(found: DecisionMap) -> list[Saying]:
    likeliest = max(range(len(found.lifts)), key=lambda place: found.probability[place])
    at = likeliest if found.holds_from is None else found.lifts.index(found.holds_from)
    numbers = {"cost": found.cost, "lift": found.lifts[at], "chance": chance_said(found.probability[at])}
    if found.holds_from is None:
        return [Saying("choice.rule_fails", {**numbers, "most": max(found.lifts)})]
    return [Saying("choice.rule_holds" if at == 0 else "choice.rule_holds_from", numbers)]


def _mind_changers(found: Decision) -> list[Saying]:
    points = []
    for point in found.turning_points:
        parameter = BY_NAME[point.parameter]
        numbers = {
            "parameter": parameter_name(point.parameter),
            "value": point.value,
            "unit": Saying(f"strategies.unit.{parameter.unit}"),
            "below": named(point.below),
            "above": named(point.above),
        }
        points.append(Saying("choice.turning_point", numbers))
    return points or [
        Saying("choice.no_turning_point", {"first": named(found.front[0]), "second": named(found.front[1])})
    ]


def _find_out_first(found: Decision) -> list[Saying]:
    first = found.rankings[0]
    if not found.information or first.perfect_information <= 0:
        return [Saying("choice.nothing_to_learn")]
    top = found.information[0]
    everything = {"everything": first.perfect_information}
    if top.value.estimate <= WORTH_SAYING * first.perfect_information:
        return [Saying("choice.learn_together", everything)]
    return [Saying("choice.learn_first", {**everything, "group": _group(top), "value": top.value})]


def _settled_by(plan: ExperimentPlan | Note) -> list[Saying]:
    if isinstance(plan, Note):
        return [Saying("choice.no_plan", {"reason": Saying(plan.key, plan.numbers)})]
    arms = {"first": named(plan.arms[0]), "second": named(plan.arms[1])}
    shortest = plan.shortest
    if shortest is None:
        best = max(plan.designs, key=lambda design: design.power)
        numbers = {**arms, "weeks": best.weeks, "customers": best.customers, "detectable": best.detectable,
                   "expected": best.expected}  # fmt: skip
        said = [Saying("choice.experiment_too_small", numbers)]
    else:
        numbers = {**arms, "weeks": shortest.weeks, "each": shortest.customers_per_arm, "expected": shortest.expected,
                   "power": POWER}  # fmt: skip
        said = [Saying("choice.experiment", numbers)]
    if plan.contradicts_the_horizon:
        longest = plan.designs[-1]
        numbers = {"weeks": longest.weeks, "expected": longest.expected.estimate, "horizon": plan.horizon}
        said.append(Saying("choice.experiment_contradicts", numbers))
    return said


# --- the map ---


def map_sayings(choice: StrategyChoice | None, results: StrategyResults | Note) -> list[Saying]:
    """How to read the map, and that it rests on less than the comparison where it does."""
    if choice is None or isinstance(results, Note):
        return []
    found, run = choice.map, results.per_purchase
    all_draws, all_customers = len(run.profit), run.sampled
    if found.draws >= all_draws and found.customers >= all_customers:
        return [Saying("choice.map_note")]
    numbers = {"draws": found.draws, "customers": found.customers}
    numbers |= {"all_draws": all_draws, "all_customers": all_customers}
    return [Saying("choice.map_note"), Saying("choice.map_rests_on_fewer", numbers)]


def map_figure(choice: StrategyChoice | None) -> Exhibit | None:
    """Where being better beats doing nothing and the own promotion, with the company's plan."""
    if choice is None:
        return None
    found = choice.map
    lines = [FrontierLine(Saying("legend.frontier_nothing"), found.frontiers[0].cost),
             FrontierLine(Saying("legend.frontier_own"), found.own.cost)]  # fmt: skip
    at = min(range(len(found.lifts)), key=lambda place: abs(found.lifts[place] - found.lift))
    numbers = {"lift": found.lifts[at], "cost": found.own.cost[at], "plan": found.cost, "planned": found.lift,
               "level": found.own.cost[at].level, "draws": found.draws, "customers": found.customers}  # fmt: skip
    draw = on_axes(plot_frontier, found.lifts, lines, company=(found.lift, found.cost))
    return Exhibit(
        "decision_map", draw, map_table(found, [found.frontiers[0], found.own]), numbers, height=3.6, narrow_height=3.2
    )


def deals_figure(choice: StrategyChoice | None) -> Exhibit | None:
    """The same against promotions of other depths, a panel for each cadence."""
    if choice is None:
        return None
    found = choice.map
    others = found.frontiers[1:]
    panels = {weeks: [each for each in others if each.every_weeks == weeks] for weeks in CADENCES}

    def draw(figure, words):
        shape = {"nrows": len(panels)} if figure.get_figwidth() < NARROW else {"ncols": len(panels)}
        axes = figure.subplots(**shape, squeeze=False, sharey=True).ravel()
        for ax, (weeks, frontiers) in zip(axes, panels.items(), strict=True):
            lines = [FrontierLine(Saying("legend.frontier_depth", {"depth": each.depth}), each.cost)
                     for each in frontiers]  # fmt: skip
            plot_frontier(found.lifts, lines, words, ax, title=words("axis.frontier_every", weeks=weeks))

    numbers = {"level": found.own.cost[0].level, "deals": len(others)}
    return Exhibit("other_deals", draw, map_table(found, others), numbers, height=3.3, narrow_height=2.8 * len(panels))


def map_table(found: DecisionMap, shown: Sequence[Frontier]) -> Table:
    """Some frontiers of the map at every lift."""
    level = found.own.cost[0].level
    columns = [Column("column.rival", "label")]
    for lift in found.lifts:
        columns += [Column("column.at_lift", "estimate percent1", {"lift": lift}),
                    Column("column.interval", "range percent1", {"level": level})]  # fmt: skip
    rows = [[_rival(each, own=each is found.own), *(cell for cost in each.cost for cell in (cost, cost))]
            for each in shown]  # fmt: skip
    return Table("figure.decision_map.data", columns, rows)


def _rival(frontier: Frontier, *, own: bool) -> Saying:
    if frontier.depth is None:
        return Saying("legend.frontier_nothing")
    numbers = {"depth": frontier.depth, "weeks": frontier.every_weeks}
    return Saying("choice.own_deal" if own else "choice.deal", numbers)


# --- what decides, and what would settle it ---


def information_figure(choice: StrategyChoice | None) -> Exhibit | None:
    """What knowing each group of assumptions would be worth; None where there is nothing to be gained."""
    if choice is None or choice.decision.rankings[0].perfect_information <= 0:
        return None
    everything = choice.decision.rankings[0].perfect_information
    shown = [each for each in choice.decision.information if each.value.estimate > WORTH_SAYING * everything]
    if not shown:
        return None
    rows = [(_group(each), each.value) for each in shown]
    numbers = {"everything": everything, "group": rows[0][0], "value": rows[0][1], "level": rows[0][1].level}

    def draw(figure, words):
        plot_information(rows, words, ax=figure.subplots())

    height = 1.0 + 0.34 * len(rows)
    return Exhibit("information", draw, information_table(choice), numbers, height, height + 0.3)


def information_table(choice: StrategyChoice) -> Table:
    """Every group of assumptions: worth of knowing it, and its share in the uncertainty about the two in front."""
    level = choice.decision.rankings[0].difference[0].level
    columns = [Column("column.assumptions", "label"), *interval_columns("column.worth_knowing", "money", level),
               Column("column.explained", "percent")]  # fmt: skip
    rows = [[_group(each), each.value, each.value, each.explained] for each in choice.decision.information]
    return Table("table.information.caption", columns, rows)


def sensitivity_table(choice: StrategyChoice, most: int = 10) -> Table | None:
    """The single parameters that decide most; None where no share can be told from zero."""
    shown = [each for each in choice.sensitivity[:most] if each.first_order.lower > 0]
    if not shown:
        return None
    level = shown[0].first_order.level
    columns = [Column("column.parameter", "label"), *interval_columns("column.first_order", "percent", level)]
    rows = [[parameter_name(each.parameter), each.first_order, each.first_order] for each in shown]
    pair = {"first": named(choice.decision.front[0]), "second": named(choice.decision.front[1])}
    return Table("table.sensitivity.caption", columns, rows, pair)


def experiment_sayings(choice: StrategyChoice | None) -> list[Saying | Note]:
    """What an experiment between the two strategies in front would have to look like."""
    if choice is None:
        return []
    plan = choice.plan
    if isinstance(plan, Note):
        return [plan]
    arms = {"first": named(plan.arms[0]), "second": named(plan.arms[1])}
    said = [Saying("experiment.plan", {**arms, "power": POWER, "significance": plan.significance})]
    said.append(Saying("experiment.sees"))
    last = plan.designs[-1]
    for name, each in zip(plan.arms, last.service_each, strict=True):
        if each > 0:
            said.append(Saying("experiment.service", {"arm": named(name), "each": each, "weeks": last.weeks}))
    if plan.fixed_per_year:
        said.append(Saying("experiment.fixed", {"fixed": plan.fixed_per_year}))
    return said


def experiment_table(choice: StrategyChoice | None) -> Table | None:
    """Experiments of several lengths: size, and what the whole base could show."""
    if choice is None or isinstance(choice.plan, Note):
        return None
    plan = choice.plan
    columns = [
        Column("column.weeks", "integer"),
        *interval_columns("column.expected_each", "money", plan.designs[0].expected.level),
        Column("column.deviation_each", "money"),
        Column("column.correlation", "decimal2"),
        Column("column.customers_per_arm", "integer"),
        Column("column.can_take_part", "integer"),
        Column("column.detectable", "money"),
        Column("column.power", "percent"),
    ]
    rows = [
        [each.weeks, each.expected, each.expected, each.deviation, each.correlation, each.customers_per_arm,
         each.customers, each.detectable, each.power]
        for each in plan.designs
    ]  # fmt: skip
    return Table("table.experiment.caption", columns, rows)


def _group(each: GroupInformation) -> Saying:
    return Saying(f"strategies.group.{each.group}")
