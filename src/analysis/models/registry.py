"""The purchase models that there are: each is fitted, valued, tested on a holdout and reported."""

from __future__ import annotations

from analysis.models.beta_geometric import BGNBD, MBGNBD
from analysis.models.nbd import NBD
from analysis.models.pareto import ParetoNBD
from analysis.models.purchase import PurchaseModel

MODELS: dict[str, PurchaseModel] = {model.name: model for model in (BGNBD(), MBGNBD(), ParetoNBD(), NBD())}

FALLBACK = NBD.name
"""Fitted where it is named, or where the data identify none of the others."""
