"""What changed since the last run, and why: sentences, a table, and the line that a card gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.reporting.changes import Change, Changes, plain_content, settings_of
from analysis.reporting.tables import Column, Table
from analysis.reporting.words import Saying, name_key

if TYPE_CHECKING:
    from analysis.config import Config
    from analysis.interval import Interval

MOST_SETTINGS, LONGEST_VALUE = 12, 80
WHOLE_MONEY = 999.5
"""From here on amounts are shown without cents, and so are their differences."""
DIFFERENCES = {
    "integer": ("changes.integer", "changes.integer_only"),
    "money": ("changes.money", "changes.money_only"),
    "whole_money": ("changes.whole_money", "changes.whole_money_only"),
}
"""Kind -> sentence with the change in per cent, and without."""
SMALLEST_SEEN = {"integer": 0.5, "money": 0.005, "percent1": 0.0005}


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
        _counted("card.customers", then.customers, now.customers),
        _counted("card.orders", then.orders, now.orders),
    ]
    if changes.money_compares and then.residual_value is not None and now.residual_value is not None:
        rows.append(_estimated("card.value", "money", then.residual_value, now.residual_value))
        rows.append(_estimated("card.value_each", "money", then.value_each, now.value_each))
    rows.append(_estimated("card.expected", "integer", then.expected_orders, now.expected_orders))
    rows += _by_model("changes.alive", "integer", then.alive, now.alive)
    rows += _by_model("changes.lift", "percent1", then.lift, now.lift)
    columns = [Column("column.figure", "label")]
    columns += [Column(key, "mixed") for key in ("column.last_run", "column.this_run", "column.change")]
    return Table("table.changes.caption", columns, rows, {"run": changes.before.run_id})


def _counted(label: str, then: int, now: int) -> tuple:
    return label, ("integer", then), ("integer", now), ("phrase", _difference("integer", then, now))


def _by_model(
    key: str, kind: str, then: Mapping[str, Interval], now: Mapping[str, Interval]
) -> Iterator[tuple[tuple, ...]]:
    """A row for each model of both runs."""
    for model in now:
        if model in then:
            yield _estimated((key, {"model": Saying(name_key(model))}), kind, then[model], now[model])


def _estimated(label: str | tuple, kind: str, then: Interval, now: Interval) -> tuple:
    shown = f"bracketed {kind}"
    return label, (shown, then), (shown, now), ("phrase", _difference(kind, then.estimate, now.estimate))


def _difference(kind: str, then: float, now: float) -> Saying:
    if abs(now - then) < SMALLEST_SEEN[kind]:
        return Saying("changes.none")
    if kind == "percent1":
        return Saying("changes.points", {"points": 100 * (now - then)})
    if kind == "money" and max(abs(then), abs(now)) >= WHOLE_MONEY:
        kind = "whole_money"
    with_share, alone = DIFFERENCES[kind]
    if then <= 0:
        return Saying(alone, {"by": now - then})
    return Saying(with_share, {"by": now - then, "share": now / then - 1})


def reasons(changes: Changes | None) -> list[Saying]:
    """Why figures may differ: data, settings, versions, program; nothing without an earlier run."""
    if changes is None:
        return []
    return [*_data(changes), *_settings(changes.settings), *_versions(changes), *_verdicts(changes)]


def _data(changes: Changes) -> list[Saying]:
    then, now = changes.before.figures, changes.now
    days = {"then": then.as_of, "now": now.as_of}
    if changes.same_data and then.as_of == now.as_of:
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
    return Saying("value.text", {"value": _short(text)})


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


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


def settings_table(config: Config) -> Table:
    """Every setting that this report was made with, defaults included."""
    rows = [(key, _short(value)) for key, value in settings_of(plain_content(config)).items()]
    columns = [Column("column.setting", "code"), Column("column.setting_value", "code")]
    return Table("table.settings.caption", columns, rows)


def card_changes(changes: Changes | None) -> dict[str, Saying]:
    """Key of a card's label -> how its figure changed; empty without an earlier run."""
    if changes is None:
        return {}
    then, now = changes.before.figures, changes.now
    pairs = {
        "card.customers": ("integer", then.customers, now.customers),
        "card.orders": ("integer", then.orders, now.orders),
        "card.expected": ("integer", then.expected_orders.estimate, now.expected_orders.estimate),
    }
    if changes.money_compares and then.residual_value is not None and now.residual_value is not None:
        pairs["card.value"] = ("money", then.residual_value.estimate, now.residual_value.estimate)
        pairs["card.value_each"] = ("money", then.value_each.estimate, now.value_each.estimate)
    found = {label: _since(_difference(*pair)) for label, pair in pairs.items()}
    ends = zip(then.alive_ends, now.alive_ends, strict=True)
    is_same = all(abs(one - other) < SMALLEST_SEEN["integer"] for one, other in ends)
    before = Saying("card.range_before", dict(zip(("low", "high"), then.alive_ends, strict=True)))
    return found | {"card.alive": Saying("card.as_before") if is_same else before}


def _since(difference: Saying) -> Saying:
    if difference.key == "changes.none":
        return Saying("card.as_before")
    return Saying("card.change", {"change": difference})
