"""Fitted models as plain JSON, so that a later run can score customers without fitting again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.errors import UsageError
from analysis.models.estimate import MODELS
from analysis.models.results import Posterior, PurchaseFit, PurchaseResult, SpendFit, SpendResult, as_plain
from analysis.models.spend import GammaGammaParams
from analysis.timeunits import TimeUnit

SCHEMA_VERSION = 1


def model_to_dict(
    purchase: PurchaseResult, spend: SpendResult | None, *, currency: str | None = None
) -> dict[str, Any]:
    """What scoring needs: the fits and posterior draws of the primary purchase model and of the spend model.

    ``currency`` is that of the amounts behind the spend model, None where it is not known.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "currency": currency,
        "purchase_model": as_plain(purchase.primary),
        "purchase_posterior": as_plain(purchase.posterior),
        "spend_model": None if spend is None else as_plain(spend.fit),
        "spend_posterior": None if spend is None else as_plain(spend.posterior),
        "spend_model_reason": None if spend is None else spend.reason,
    }


def model_from_dict(content: Mapping[str, Any]) -> tuple[PurchaseResult, SpendResult | None]:
    """The inverse of ``model_to_dict``; challengers and diagnostics are not kept.

    Raises
    ------
    UsageError
        Where the content is not what ``model_to_dict`` writes.
    """
    try:
        if content["schema_version"] != SCHEMA_VERSION:
            raise UsageError(f"model: schema_version == {content['schema_version']}, must be {SCHEMA_VERSION}")
        fit = dict(content["purchase_model"])
        fit["time_unit"] = TimeUnit(fit["time_unit"])
        purchase = PurchaseResult(
            primary=PurchaseFit(**fit),
            posterior=_posterior(content["purchase_posterior"]),
            challengers=(),
            challenger_posteriors={},
            not_identified={},
            customers_alive={},
            alive_among_one_time_buyers={},
        )
        spend = _spend(content)
        _refuse_nonsense(purchase.primary.parameters, purchase.posterior, MODELS[purchase.primary.model].names)
        if spend is not None and spend.posterior is not None:
            _refuse_nonsense(spend.fit.parameters, spend.posterior, GammaGammaParams._fields)
        return purchase, spend
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"model: is not a model that this package wrote ({error!r})") from error


def currency_of_model(content: Mapping[str, Any]) -> str | None:
    """Currency of the amounts that a stored spend model was fitted on, None where it was not known.

    Raises
    ------
    UsageError
        Where the content does not say, as with models of earlier versions.
    """
    if "currency" not in content:
        raise UsageError(
            "model: does not say in which currency its amounts are; make the report again and use that run"
        )
    return content["currency"]


def _spend(content: Mapping[str, Any]) -> SpendResult | None:
    if content["spend_model"] is None:
        return None
    fit = dict(content["spend_model"])
    if fit["log_likelihood"] is None:
        fit["log_likelihood"] = float("nan")
    posterior = content["spend_posterior"]
    return SpendResult(
        SpendFit(**fit), None if posterior is None else _posterior(posterior), None, content["spend_model_reason"]
    )


def _refuse_nonsense(parameters: Mapping[str, float], posterior: Posterior, names: tuple[str, ...]) -> None:
    if tuple(parameters) != names or posterior.names != names:
        raise UsageError(f"model: parameters {', '.join(parameters)}, must be {', '.join(names)}")
    draws = posterior.draws
    if draws.ndim != 2 or draws.shape[1] != len(names) or len(draws) == 0:
        raise UsageError(f"model: posterior draws have the shape {draws.shape}, must be rows of {len(names)} numbers")
    values = np.concatenate([draws.ravel(), [float(parameters[name]) for name in names]])
    if not np.all(np.isfinite(values) & (values > 0) & (values < 1e12)):
        raise UsageError("model: parameters and posterior draws must be finite numbers above 0")


def _posterior(content: Mapping[str, Any]) -> Posterior:
    fields = {**content, "names": tuple(content["names"]), "draws": np.asarray(content["draws"], dtype=float)}
    if fields["pareto_shape"] is None:
        fields["pareto_shape"] = float("-inf")
    return Posterior(**fields)
