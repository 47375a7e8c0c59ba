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
    "GammaGamma": "models.gamma_gamma",
    "Credibility": "models.credibility",
    "spend_choice": "models.spend_choice",
    "fit_spend": "models.spend_choice",
    "NBD": "models.nbd",
    "backtest": "models.backtest",
    "fit_purchase": "models.origins",
    "rolling_origins": "models.origins",
    "customer_value": "value.valuation",
    "outlook": "value.valuation",
    "value_by_group": "value.groups",
    "rfm": "value.groups",
    "alerts": "value.alerts",
    "customer_base": "value.base",
    "contact_lists": "value.contacts",
    "ladder": "value.ladder",
    "payback": "value.payback",
    "promotion_honesty": "value.promotions",
    "earned_growth": "value.payback",
    "referred_against_others": "value.payback",
    "draw_lot": "strategies.lots",
    "lot_effects": "strategies.lots",
    "retention_lift": "value.lift",
    "test_claims": "pipeline",
    "compare_strategies": "strategies.comparison",
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
