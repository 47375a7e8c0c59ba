"""Customer lifetime value, retention and loyalty from transactions: ``import analysis as rl``.

Every name is loaded when it is first used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import Any

_NAMES = {
    "data.contracts": "read_contracts",
    "data.orders": "read_orders Orders",
    "models.beta_geometric": "BGNBD MBGNBD",
    "models.pareto": "ParetoNBD",
    "models.registry": "MODELS",
    "models.purchase": "PurchaseModel",
    "models.gamma_gamma": "GammaGamma",
    "models.credibility": "Credibility",
    "models.spend_choice": "spend_choice fit_spend",
    "models.nbd": "NBD",
    "models.backtest": "backtest",
    "models.origins": "rolling_origins fit_purchase",
    "value.valuation": "customer_value outlook",
    "value.groups": "value_by_group rfm",
    "value.alerts": "alerts",
    "value.base": "customer_base",
    "value.cohort_effects": "cohort_effects",
    "value.contacts": "contact_lists",
    "value.contracts": "contractual_retention",
    "value.ladder": "ladder",
    "value.payback": "payback earned_growth referred_against_others",
    "value.promotions": "promotion_honesty",
    "strategies.lots": "draw_lot lot_effects",
    "value.lift": "retention_lift",
    "pipeline": "test_claims open_study Study",
    "strategies.comparison": "compare_strategies",
    "config.strategies": "Strategy Promotion Experience Gift",
    "report.page": "open_page",
    "interval": "Interval",
    "words": "Message",
    "errors": "Unavailable RetentionLabError InputRefused",
}
"""Module of this package -> the names that live in it."""

_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("retention-lab")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
