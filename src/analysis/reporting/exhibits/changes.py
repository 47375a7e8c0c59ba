"""What changed since the last run, and why: sentences, a table, and the line that a card gets."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.reporting.changes import Change, Changes
from analysis.reporting.tables import Column, Table
from analysis.reporting.words import Saying, name_key

MOST_SETTINGS, LONGEST_VALUE = 12, 80
DIFFERENCES = {
    "integer": ("changes.integer", "changes.integer_only"),
    "money": ("changes.money", "changes.money_only"),
}
"""Kind -> sentence with the change in per cent, and without."""
SMALLEST_SEEN, SMALLEST_POINTS = {"integer": 0.5, "money": 0.005}, 0.05


def compared_with(changes: Changes | None) -> Saying:
    """Which run this one is compared with."""
    if changes is None:
        return Saying("changes.first")
    before = changes.before
    numbers = {"run": before.run_id, "moment": before.manifest["generated_at"], "day": before.figures.as_of}
    return Saying("changes.compared", numbers)


def figures_table(changes: Changes | None) -> Table | None:
    """The key figures then and now; None without an earlier run."""
    if changes is None:
        return None
    then, now = changes.before.figures, changes.now
    rows = [
        _row("card.customers", "integer", then.customers, now.customers),
        _row("card.orders", "integer", then.orders, now.orders),
    ]
    if changes.money_compares and then.residual_value is not None and now.residual_value is not None:
        rows.append(_row("card.value", "money", then.residual_value, now.residual_value))
        rows.append(_row("card.value_each", "money", then.value_each, now.value_each))
    rows.append(_row("card.expected", "integer", then.expected_orders, now.expected_orders))
    for model, count in now.alive.items():
        if model in then.alive:
            label = ("changes.alive", {"model": Saying(name_key(model))})
            rows.append(_row(label, "integer", then.alive[model], count))
    if then.lift is not None and now.lift is not None:
        rows.append(("changes.lift", ("percent1", then.lift), ("percent1", now.lift), ("phrase", _points(changes))))
    columns = [Column("column.figure", "label")]
    columns += [Column(key, "mixed") for key in ("column.last_run", "column.this_run", "column.change")]
    return Table("table.changes.caption", columns, rows, {"run": changes.before.run_id})


def _row(label: str | tuple, kind: str, then: float, now: float) -> tuple:
    return label, (kind, then), (kind, now), ("phrase", _difference(kind, then, now))


def _difference(kind: str, then: float, now: float) -> Saying:
    if abs(now - then) < SMALLEST_SEEN[kind]:
        return Saying("changes.none")
    with_share, alone = DIFFERENCES[kind]
    if then <= 0:
        return Saying(alone, {"by": now - then})
    return Saying(with_share, {"by": now - then, "share": now / then - 1})


def _points(changes: Changes) -> Saying:
    points = 100 * (changes.now.lift - changes.before.figures.lift)
    return Saying("changes.points", {"points": points}) if abs(points) >= SMALLEST_POINTS else Saying("changes.none")


def reasons(changes: Changes | None) -> list[Saying]:
    """Why figures may differ: data, settings, versions, program; nothing without an earlier run."""
    if changes is None:
        return []
    return [*_data(changes), *_settings(changes.settings), *_versions(changes), *_verdicts(changes)]


def _data(changes: Changes) -> list[Saying]:
    then, now = changes.before.figures, changes.now
    days = {"then": then.as_of, "now": now.as_of}
    if changes.same_data:
        return [Saying("changes.data_same")]
    counts = {name: getattr(now, name) - getattr(then, name) for name in ("rows", "orders", "customers")}
    if then.as_of == now.as_of:
        return [Saying("changes.data_same_day", {**counts, "now": now.as_of})]
    return [Saying("changes.data_new", {**counts, **days})]


def _settings(settings: Sequence[Change]) -> list[Saying]:
    if not settings:
        return [Saying("changes.settings_same")]
    shown = [Saying("changes.setting", _named(change)) for change in settings[:MOST_SETTINGS]]
    rest = len(settings) - len(shown)
    return [*shown, Saying("changes.settings_more", {"settings": rest})] if rest else shown


def _named(change: Change) -> dict:
    return {"setting": change.name, "before": _value(change.before), "now": _value(change.now)}


def _value(text: str | None) -> Saying:
    if text is None:
        return Saying("changes.not_set")
    return Saying("value.text", {"value": text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"})


def _versions(changes: Changes) -> list[Saying]:
    found = [Saying("changes.program")] if changes.program else []
    if changes.versions:
        listed = [f"{change.name} {change.before or '–'} → {change.now or '–'}" for change in changes.versions]
        found.append(Saying("changes.versions", {"count": len(listed), "versions": listed[:MOST_SETTINGS]}))
    return found or [Saying("changes.versions_same")]


def _verdicts(changes: Changes) -> list[Saying]:
    return [
        Saying(
            "changes.verdict",
            {
                "claim": Saying(f"claim.{claim}.wording"),
                "before": Saying(f"claim.verdict.{before}"),
                "now": Saying(f"claim.verdict.{now}"),
            },
        )
        for claim, (before, now) in changes.verdicts.items()
    ]


def card_changes(changes: Changes | None) -> dict[str, Saying]:
    """Key of a card's label -> how its figure changed; empty without an earlier run."""
    if changes is None:
        return {}
    then, now = changes.before.figures, changes.now
    pairs = {
        "card.customers": ("integer", then.customers, now.customers),
        "card.orders": ("integer", then.orders, now.orders),
        "card.expected": ("integer", then.expected_orders, now.expected_orders),
    }
    if changes.money_compares and then.residual_value is not None and now.residual_value is not None:
        pairs["card.value"] = ("money", then.residual_value, now.residual_value)
        pairs["card.value_each"] = ("money", then.value_each, now.value_each)
    found = {label: _since(_difference(*pair)) for label, pair in pairs.items()}
    ends = zip(then.alive_ends, now.alive_ends, strict=True)
    is_same = all(abs(one - other) < SMALLEST_SEEN["integer"] for one, other in ends)
    before = Saying("card.range_before", dict(zip(("low", "high"), then.alive_ends, strict=True)))
    return found | {"card.alive": Saying("card.as_before") if is_same else before}


def _since(difference: Saying) -> Saying:
    if difference.key == "changes.none":
        return Saying("card.as_before")
    return Saying("card.change", {"change": difference})
