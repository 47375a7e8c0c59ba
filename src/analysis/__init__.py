"""Customer lifetime value, retention and loyalty from transactions: ``import analysis as rl``.

Every name is loaded when it is first used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import Any

_HOME = {
    "read_orders": "data.orders",
    "Orders": "data.orders",
    "BGNBD": "models.beta_geometric",
    "MBGNBD": "models.beta_geometric",
    "ParetoNBD": "models.pareto",
    "MODELS": "models.registry",
    "PurchaseModel": "models.purchase",
    "GammaGamma": "models.spend",
    "backtest": "models.backtest",
    "customer_value": "value.valuation",
    "rfm": "value.segments",
    "retention_lift": "value.lift",
    "test_claims": "pipeline",
    "compare_strategies": "strategies",
    "Strategy": "config.strategies",
    "Promotion": "config.strategies",
    "Experience": "config.strategies",
    "open_study": "pipeline",
    "Study": "pipeline",
    "open_page": "report.page",
    "Interval": "interval",
    "Message": "words",
    "Unavailable": "errors",
    "RetentionLabError": "errors",
    "InputRefused": "errors",
}
"""Name -> module of this package that it lives in."""

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("retention-lab")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
