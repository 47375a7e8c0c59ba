"""What the functions of the front door are handed: each argument must be of the kind that its annotation names."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, TypeVar

from analysis.errors import UsageError

ORDERS = {"Cleaned"}, "orders, such as `rl.read_orders(...)` gives"
KINDS = {
    "Orders": ORDERS,
    "AnyOrders": ORDERS,
    "CustomerSummary": ({"CustomerSummary", "RemoteHistories"}, "the histories of orders"),
    "PurchaseFit": ({"PurchaseFit", "PurchaseFits"}, "a purchase model's fit, such as `rl.BGNBD().fit(orders)`"),
    "PurchaseFits": ({"PurchaseFits"}, "fits of several models, such as `study.fits`"),
    "CovariateFit": ({"CovariateFit"}, "a fit with covariates, such as `rl.BGNBD(rate=['channel']).fit(...)`"),
    "SpendFit": ({"SpendFit"}, "a spend model's fit, such as `rl.GammaGamma().fit(orders)`"),
    "CustomerValue": ({"CustomerValue", "RemoteValue"}, "a value, as `rl.customer_value(...)` gives"),
    "Ladder": ({"Ladder"}, "a ladder, such as `rl.ladder(...)` gives"),
    "ContactLists": ({"ContactLists"}, "lists, such as `rl.contact_lists(...)` gives"),
    "Contracts": ({"Contracts"}, "contracts, such as `rl.read_contracts(...)` gives"),
    "Record": ({"Record"}, "a record, such as `rl.rolling_origins(...)` gives"),
    "Strategy": ({"Strategy"}, "a strategy, such as `rl.Strategy('club', rl.Promotion(depth=0.1, every_weeks=4))`"),
    "Study": ({"Study"}, "a study, such as `rl.open_study(...)` gives"),
    "None": ({"NoneType"}, "None"),
}
"""Name in an annotation -> classes, or parents of them, that are meant, and what to say of them."""

Function = TypeVar("Function", bound=Callable)


def checked(function: Function) -> Function:
    """The function, which refuses arguments of other kinds than its annotations name, all at once.

    Raises
    ------
    UsageError
        For results of another kind, a level that is none, and a seed that is none.

    Examples
    --------
    >>> import analysis as rl
    >>> rl.outlook("CDNOW")
    Traceback (most recent call last):
    analysis.errors.UsageError: outlook: value is of the type str, must be a value, as `rl.customer_value(...)` gives
    >>> rl.rolling_origins(rl.read_orders({"sample": "cdnow"}), "26W", level=90)
    Traceback (most recent call last):
    analysis.errors.UsageError: rolling_origins: level == 90, must be between 0 and 1, such as 0.9
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*args, **settings):
        given = signature.bind_partial(*args, **settings).arguments
        found = (_problem(signature.parameters[name].annotation, name, value) for name, value in given.items())
        if problems := [f"{function.__name__}: {problem}" for problem in found if problem]:
            raise UsageError(*problems)
        return function(*args, **settings)

    return called


def _problem(annotation: str, name: str, value: Any) -> str | None:
    """What is wrong with an argument."""
    if name == "level" and not (isinstance(value, Real) and 0 < value < 1):
        return f"level == {value!r}, must be between 0 and 1, such as 0.9"
    if name == "seed" and (isinstance(value, bool) or not isinstance(value, Integral) or value < 0):
        return f"seed == {value!r}, must be a whole number from 0 on"
    allowed = [KINDS[each] for each in re.findall(r"\w+", str(annotation)) if each in KINDS]
    classes = set().union(*(names for names, _ in allowed))
    values = value if isinstance(value, list | tuple) else [value]
    wrong = [each for each in values if not classes & {parent.__name__ for parent in type(each).__mro__}]
    if not wrong or classes <= {"NoneType"} or hasattr(value, "__next__"):
        return None
    words = " or ".join(dict.fromkeys(said for _, said in allowed))
    return f"{name} is of the type {type(wrong[0]).__name__}, must be {words}"
