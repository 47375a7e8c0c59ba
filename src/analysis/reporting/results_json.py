"""results.json: what other programs read. Keys are fixed; more may be added, none renamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.models.results import (
    BackTest,
    ForecastScore,
    Posterior,
    PurchaseFit,
    PurchaseResult,
    SpendResult,
    as_plain,
)
from analysis.reporting.strategies_json import strategies, strategies_reason
from analysis.reporting.words import Words

if TYPE_CHECKING:
    from analysis.claims import Verdict
    from analysis.data import Note, Transactions
    from analysis.study import Study
    from analysis.value.results import CustomerValue, RetentionLift
    from analysis.value.retention import ModelRetention, RetentionByYear

SCHEMA_VERSION = 1


def results(study: Study) -> dict[str, Any]:
    """Everything that a run found, as what JSON knows; a number that does not exist is null."""
    words = Words(study.config.language, study.transactions.currency or study.config.economics.currency)
    spend, spend_reason = _spend_model(study.spend)
    backtest, backtest_reason = _backtest(study.backtest)
    content = {
        "schema_version": SCHEMA_VERSION,
        "data": _data(study.transactions),
        "purchase_model": _purchase_model(study.purchase),
        "spend_model": spend,
        "spend_model_reason": spend_reason,
        "backtest": backtest,
        "backtest_reason": backtest_reason,
        "portfolio": _portfolio(study.value, study.purchase),
        "retention": _retention(study.retention),
        "retention_lift": _lift(study.lift),
        "claims": [_claim(verdict, words) for verdict in study.claims],
        "strategies": strategies(study),
        "strategies_reason": strategies_reason(study),
    }
    return as_plain(content)


def _data(transactions: Transactions) -> dict[str, Any]:
    return {
        "rows_read": transactions.rows_read,
        "rows_used": transactions.rows_used,
        "customers": transactions.customers,
        "orders": transactions.orders,
        "observation_start": transactions.observation_start.isoformat(),
        "observation_end": transactions.observation_end.isoformat(),
        "currency": transactions.currency,
        "data_hash": transactions.data_hash,
    }


def _purchase_model(purchase: PurchaseResult) -> dict[str, Any]:
    fit = purchase.primary
    return {
        **_fit(fit),
        "time_unit": str(fit.time_unit),
        "standard_errors": fit.standard_errors,
        "converged": fit.converged,
        "customers": fit.customers,
        "posterior": _quality(purchase.posterior),
        "alternatives": [
            {
                **_fit(fit),
                "standard_errors": fit.standard_errors,
                "converged": fit.converged,
                "posterior": _quality(purchase.challenger_posteriors[fit.model]),
            }
            for fit in purchase.challengers
        ],
        "not_identified": as_plain(purchase.not_identified),
    }


def _quality(posterior: Posterior) -> dict[str, Any]:
    return {
        "method": posterior.method,
        "effective_size": posterior.effective_size,
        "pareto_shape": posterior.pareto_shape,
    }


def _fit(fit: PurchaseFit) -> dict[str, Any]:
    return {"name": fit.model, "parameters": fit.parameters, "log_likelihood": fit.log_likelihood}


def _spend_model(spend: SpendResult | None) -> tuple[dict[str, Any] | None, str | None]:
    """The Gamma-Gamma fit; or null and the reason, where there is no money or the data do not identify it."""
    if spend is None:
        return None, "spend.reason.no_money"
    if spend.reason is not None:
        return None, spend.reason
    fit = spend.fit
    return {
        "name": fit.model,
        "parameters": fit.parameters,
        "standard_errors": fit.standard_errors,
        "log_likelihood": fit.log_likelihood,
        "customers": fit.customers,
        "mean_order_value": fit.mean_order_value,
        "recentred_from": fit.recentred_from,
        "dependence": as_plain(spend.dependence),
    }, None


def _backtest(backtest: Any) -> tuple[dict[str, Any] | None, str | None]:
    if not isinstance(backtest, BackTest):
        return None, backtest.key
    return {
        "holdout_weeks": backtest.holdout_weeks,
        "calibration_end": backtest.calibration_end,
        "customers": backtest.customers,
        "new_customers": backtest.new_customers,
        "new_customer_orders": backtest.new_customer_orders,
        "models": [_score(score) for score in backtest.scores],
        "winner": backtest.winner,
        "lead": as_plain(backtest.lead),
        "verdict": backtest.verdict,
        "not_identified": as_plain(backtest.not_identified),
    }, None


def _score(score: ForecastScore) -> Mapping[str, Any]:
    return as_plain(score)


def _portfolio(value: CustomerValue, purchase: PurchaseResult) -> dict[str, Any]:
    alive = purchase.customers_alive
    return {
        "residual_clv": as_plain(value.residual_clv),
        "expected_residual_clv": as_plain(value.expected_residual_clv),
        "expected_orders": as_plain(value.expected_orders),
        "customers_alive": {model: interval.estimate for model, interval in alive.items()},
        "customers_alive_intervals": as_plain(alive),
        "by_model": as_plain(value.by_model),
        "segments": as_plain(value.segments),
        "horizon_years": value.horizon_years,
        "annual_discount_rate": value.annual_discount_rate,
        "gross_margin": value.gross_margin,
        "cost_per_order": value.cost_per_order,
        "currency": value.currency,
    }


def _retention(retention: ModelRetention) -> dict[str, Any]:
    """Yearly retention of new customers (``yearly``) and of today's base, the primary model's with each model's."""
    return {
        "yearly": _yearly(retention.new_customers),
        "base_yearly": _yearly(retention.base),
        "weighted_by_orders": as_plain(
            {model: by_year.weighted_by_orders for model, by_year in retention.new_customers.items()}
        ),
        "oldest_age_years": retention.oldest_age_years,
    }


def _yearly(groups: Mapping[str, RetentionByYear]) -> list[dict[str, Any]]:
    primary = next(iter(groups.values()))
    return [
        {
            "year": number + 1,
            **as_plain(rate),
            "by_model": {model: as_plain(by_year.rates[number]) for model, by_year in groups.items()},
        }
        for number, rate in enumerate(primary.rates)
    ]


def _lift(lift: RetentionLift | Note) -> dict[str, Any]:
    """The lift for every reading of the claim under every model; or the reason why there is none."""
    if not hasattr(lift, "lifts"):
        return {"reason": lift.key, "readings": []}
    readings = [
        {name: as_plain(getattr(each, name)) for name in each.__dataclass_fields__ if name != "draws"}
        for each in lift.lifts
    ]
    return {"reason": None, "named": as_plain(lift.named), "readings": readings}


def _claim(verdict: Verdict, words: Words) -> dict[str, Any]:
    finding = verdict.finding
    estimate = finding.estimate
    ends = {name: estimate and getattr(estimate, name) for name in ("estimate", "lower", "upper", "level")}
    return {
        "id": verdict.claim,
        "verdict": str(verdict.verdict),
        "verdict_after_holm": str(verdict.after_holm),
        **ends,
        "unit": finding.unit,
        "by_model": as_plain(finding.estimates),
        "probability": as_plain(finding.probabilities),
        "error": verdict.error,
        "error_after_holm": verdict.error_after_holm,
        "reason": finding.reason and finding.reason.key,
        "sentence": words(f"claim.{verdict.claim}.wording"),
    }
