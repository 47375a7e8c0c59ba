"""The reference of the front door, from its docstrings: ``python docs/reference.py`` writes docs/reference.md."""

from __future__ import annotations

import inspect
from pathlib import Path

import analysis as rl
from analysis.data.tables import CustomerTables
from analysis.models.backtest import BackTest
from analysis.models.fits import PurchaseFit, PurchaseFits
from analysis.models.origins import Record
from analysis.models.spend import SpendFit
from analysis.strategies.lots import LotEffects
from analysis.value.base import CustomerBase
from analysis.value.contacts import ContactLists
from analysis.value.ladder import Ladder
from analysis.value.lives import Lives
from analysis.value.payback import Payback
from analysis.value.valuation import CustomerValue

RESULTS = (
    PurchaseFit,
    PurchaseFits,
    SpendFit,
    BackTest,
    Record,
    CustomerValue,
    CustomerBase,
    Lives,
    Ladder,
    ContactLists,
    Payback,
    CustomerTables,
    LotEffects,
)
"""What the names of the front door give back."""
TARGET = Path(__file__).with_suffix(".md")
HEAD = "# Reference\n\nEvery name of `import analysis as rl`, from its docstring (`python docs/reference.py`).\n"


def reference() -> str:
    """The whole page."""
    named = [_entry(f"rl.{name}", getattr(rl, name)) for name in rl.__all__ if callable(getattr(rl, name))]
    return "\n".join([HEAD, *named, *(_entry(result.__name__, result) for result in RESULTS)])


def _entry(name: str, thing: object) -> str:
    parts = [f"## {name}\n", _told(thing, name)]
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        function = value.fget if isinstance(value, property) else value
        if not member.startswith("_") and inspect.isfunction(function) and function.__doc__:
            parts.append(_told(function, f".{member}", called=not isinstance(value, property)))
    return "\n".join(parts)


def _told(thing: object, name: str, *, called: bool = True) -> str:
    return f"```text\n{name}{_arguments(thing) if called else ''}\n\n{inspect.getdoc(thing) or ''}\n```\n"


def _arguments(thing: object) -> str:
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return ""
    plain = [str(each.replace(annotation=inspect.Parameter.empty)) for each in parameters if each.name != "self"]
    return f"({', '.join(plain)})"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
