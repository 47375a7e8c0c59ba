"""What notebook 04 shows of the claim itself: what was read into it, the lift under every reading, and the verdict."""

from __future__ import annotations

from analysis.claims import Outcome
from analysis.claims.rule import LARGEST_ERROR, outcome_of
from analysis.config import Config
from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import name_key
from analysis.reporting.exhibits.readings import gain_of, level_of, probability, probability_said
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.value.lift import CLAIMED
from analysis.value.readings import Choice
from analysis.value.results import Lift, RetentionLift
from analysis.value.retention import ModelRetention


def outcome(lift: RetentionLift) -> Outcome:
    """The verdict on the named reading alone; it needs a lift under every model."""
    chances = {model: probability(each) for model, each in lift.named_lifts.items()}
    return outcome_of({} if None in chances.values() else chances)


def answer(lift: RetentionLift | Note) -> list[Saying | Note]:
    """Whether the claim holds here as it is read, with what keeps that from meaning more than it does."""
    claimed = {"low": CLAIMED[0], "high": CLAIMED[1]}
    if isinstance(lift, Note):
        return [Saying("lift.answer_unknown", claimed), lift]
    found, chances = outcome(lift), [probability(each) for each in lift.named_lifts.values()]
    if found is Outcome.NOT_TESTABLE:
        some = any(chance is not None for chance in chances)
        return [Saying("lift.answer_some_models" if some else "lift.answer_no_per_cent", claimed)]
    whose = Saying(f"whose.{lift.named.scope}", {"horizon": lift.named.horizon_years})
    said = {**claimed, "models": len(lift.models), "gain": gain_of(lift.named), "whose": whose}
    limits = {"unlikely": LARGEST_ERROR, "likely": 1 - LARGEST_ERROR}
    if found is Outcome.CONTRADICTED:
        numbers = {**said, "unlikely": limits["unlikely"], "side": side_of(lift)}
        verdict = Saying("lift.answer_contradicted", numbers)
    elif found is Outcome.SUPPORTED:
        verdict = Saying("lift.answer_supported", {**said, "likely": limits["likely"]})
    else:
        split = min(chances) <= limits["unlikely"] and max(chances) >= limits["likely"]
        verdict = Saying("lift.answer_believed" if split else "lift.answer_undecided", {**said, **limits})
    return [verdict, Saying("lift.answer_reading")]


def side_of(lift: RetentionLift) -> str:
    """On which side of the claimed range the rise lies: ``below``, ``above``, or ``apart`` from model to model."""
    below = [each.lift.estimate < CLAIMED[0] for each in lift.named_lifts.values()]
    return "below" if all(below) else "apart" if any(below) else "above"


def model_points(lift: RetentionLift | Note) -> list[Saying]:
    """The named reading under each model, one point each."""
    if isinstance(lift, Note):
        return []
    points = []
    for model, each in lift.named_lifts.items():
        name = Saying(name_key(model))
        if each.lift is not None:
            numbers = {"model": name, "lift": each.lift, "chance": probability_said(each)}
            points.append(Saying("lift.under_model", numbers))
        elif each.gain is not None:
            points.append(_in_money(name, each))
        else:
            points.append(Saying("lift.under_model_nothing", {"model": name, "reason": Saying(each.reason)}))
    return points


def _in_money(model: Saying, lift: Lift) -> Saying:
    gain, numbers = lift.gain, {"model": model, "profit": lift.profit_before, "reason": Saying(lift.reason)}
    if gain.estimate == 0:
        return Saying("lift.under_model_unchanged", numbers)
    if gain.estimate < 0:
        loss = Interval(-gain.estimate, -gain.upper, -gain.lower, gain.level)
        return Saying("lift.under_model_loss", {**numbers, "loss": loss})
    return Saying("lift.under_model_money", {**numbers, "gain": gain})


def reading_points(lift: RetentionLift | Note, config: Config) -> list[Saying]:
    """Every choice of the named reading in words."""
    if isinstance(lift, Note):
        return []
    named = lift.named
    margins = Saying(f"choice.margins.{named.margins}")
    if named.margins == "growing" and lift.growth_per_year is not None:
        margins = Saying("choice.margins.growing_by", {"growth": lift.growth_per_year})
    keeping = {"cost": config.retention.cost_per_customer_year} if named.keeping == "paid" else {}
    return [
        _gain_point(lift),
        Saying(f"choice.shift.{named.shift}"),
        Saying(f"choice.scope.{named.scope}"),
        _profit_point(named, config),
        margins,
        Saying(f"choice.keeping.{named.keeping}", keeping),
        Saying("choice.time", {"horizon": named.horizon_years, "rate": config.economics.annual_discount_rate}),
    ]


def _gain_point(lift: RetentionLift) -> Saying:
    """What rises and by how much, with the first model under which it can as an example."""
    what = {"what": Saying(f"rises.{lift.named.scope}"), "gain": gain_of(lift.named)}
    example = next((each for each in lift.named_lifts.values() if each.retention_after is not None), None)
    if example is None:
        return Saying("choice.gain_alone", what)
    ends = {"before": example.retention_before.estimate, "after": example.retention_after.estimate}
    return Saying("choice.gain_example", {**what, **ends, "model": Saying(name_key(example.model))})


def _profit_point(named: Choice, config: Config) -> Saying:
    """What profit is; a cost that the scope does not have is not named."""
    economics = config.economics
    numbers = {"margin": economics.gross_margin, "cost": economics.cost_per_order}
    if not pays_for_winning(named):
        of_orders = named.scope in ("base", "new_customer_repeat_orders")
        return Saying("choice.profit.of_orders" if of_orders else "choice.profit.contribution", numbers)
    numbers |= {"winning": economics.acquisition_cost}
    if named.profit == "after_fixed" and named.scope == "firm":
        return Saying("choice.profit.after_fixed", {**numbers, "fixed": economics.fixed_costs_per_year})
    return Saying("choice.profit.after_acquisition", numbers)


def pays_for_winning(named: Choice) -> bool:
    """Whether what winning customers costs is taken off in this reading."""
    return named.profit != "contribution" and named.scope in ("new_customer", "firm")


def named_table(lift: RetentionLift | Note) -> Table | None:
    """The named reading under each model: retention, lift and its probability of lying in the claimed range."""
    if isinstance(lift, Note) or (level := level_of(lift)) is None:
        return None
    columns = [
        Column("column.model", "label"),
        Column("column.retention_before", "estimate percent1"),
        Column("column.retention_after", "estimate percent1"),
        *interval_columns("column.lift", "percent", level),
        Column("column.in_claimed_range", "phrase", {"low": CLAIMED[0], "high": CLAIMED[1]}),
    ]
    rows = [
        [
            name_key(each.model),
            *(each.retention_before, each.retention_after),
            *(each.lift, each.lift, probability_said(each)),
        ]
        for each in lift.named_lifts.values()
    ]
    return Table("table.named_lift.caption", columns, rows)


def money_table(lift: RetentionLift | Note) -> Table | None:
    """The named reading in money, and the most that keeping may cost before the gain is gone."""
    if isinstance(lift, Note) or (level := level_of(lift)) is None:
        return None
    columns = [Column("column.model", "label")]
    for name in ("profit_before", "gain", "break_even"):
        columns += interval_columns(f"column.{name}", "money", level)
    rows = [
        [name_key(each.model), *[each.profit_before] * 2, *[each.gain] * 2, *[each.break_even_cost] * 2]
        for each in lift.named_lifts.values()
    ]
    return Table("table.lift_money.caption", columns, rows)


def break_even_sayings(lift: RetentionLift, config: Config) -> list[Saying]:
    """What keeping is taken to cost and what it may cost: the range over the models."""
    named = lift.named_lifts.values()
    if lift.named.gain == 0 or any(each.gain is None for each in named):
        return []
    taken = Saying("lift.keeping_free")
    if lift.named.keeping == "paid":
        taken = Saying("lift.keeping_paid", {"cost": config.retention.cost_per_customer_year})
    costs = sorted((each.break_even_cost for each in named if each.break_even_cost), key=lambda cost: cost.estimate)
    if not costs:
        return [Saying("lift.break_even_never")]
    if len(costs) < len(named):
        return [taken, Saying("lift.break_even_some", {"high": costs[-1]})]
    if len(costs) == 1:
        return [taken, Saying("lift.break_even_one", {"cost": costs[0]})]
    return [taken, Saying("lift.break_even", {"low": costs[0], "high": costs[-1]})]


def result_sayings(lift: RetentionLift | Note, config: Config) -> list[Saying]:
    """What keeping may cost, and what it does to the lift that no cost of winning customers is configured."""
    if isinstance(lift, Note):
        return []
    reasons = dict.fromkeys(each.reason for each in lift.named_lifts.values() if each.reason)
    sayings = [*(Saying(reason) for reason in reasons), *break_even_sayings(lift, config)]
    free = pays_for_winning(lift.named) and config.economics.acquisition_cost == 0
    gains = any(each.gain is not None and each.gain.estimate > 0 for each in lift.named_lifts.values())
    return [*sayings, Saying("lift.no_acquisition_cost")] if free and gains else sayings


def assumptions(lift: RetentionLift | Note, retention: ModelRetention) -> list[Saying]:
    """What the lift takes for granted, besides the choices that are named."""
    if isinstance(lift, Note):
        return []
    reach = {"oldest": round(retention.oldest_age_years, 1), "horizon": lift.named.horizon_years}
    sayings = [Saying("assume.only_leaving"), Saying("assume.models_differ"), Saying("assume.economics")]
    if reach["horizon"] > reach["oldest"]:
        sayings.append(Saying("assume.beyond", reach))
    return [*sayings, Saying("assume.intervals")]


def left_out(lift: RetentionLift | Note) -> list[Saying]:
    """The readings that have no lift, with the reason, one sentence a reason."""
    if isinstance(lift, Note):
        return []
    missing: dict[str, list[Choice]] = {}
    for each in lift.lifts:
        if each.reason and each.choice not in missing.setdefault(each.reason, []):
            missing[each.reason].append(each.choice)
    return [
        Saying("lift.left_out", {"readings": len(choices), "reason": Saying(reason)})
        for reason, choices in missing.items()
    ]
