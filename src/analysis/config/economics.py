"""The sections on the models, on money and time, and on the claim about retention."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from analysis.config.kinds import LARGEST_COST, CurrencyCode
from analysis.config.section import Section
from analysis.timeunits import TimeUnit


class ModelConfig(Section):
    """Choices of the purchase and spend models."""

    time_unit: TimeUnit = TimeUnit.WEEK
    credible_level: float = Field(default=0.9, gt=0.5, lt=1)
    seed: int = Field(default=1, ge=0)


class EconomicsConfig(Section):
    """Money and time: what an order earns and how the future is discounted."""

    currency: CurrencyCode | None = None
    gross_margin: float = Field(default=0.30, gt=0, le=1)
    acquisition_cost: float = Field(default=0, ge=0, le=LARGEST_COST)
    cost_per_order: float = Field(default=0, ge=0, le=LARGEST_COST)
    fixed_costs_per_year: float = Field(default=0, ge=0, le=LARGEST_COST)
    annual_discount_rate: float = Field(default=0.10, ge=0, le=1)
    horizon_years: float = Field(default=3, gt=0, le=100)


class RetentionConfig(Section):
    """The claim about retention that is tested: what rises, whose profit is meant, and what keeping costs."""

    gain: float = Field(default=0.05, ge=0, lt=1)
    gain_kind: Literal["points", "relative", "fewer_lost"] = "points"
    shift: Literal["mean", "scale", "logit", "every_year"] = "mean"
    scope: Literal["new_customer", "new_customer_repeat_orders", "base", "firm"] = "new_customer"
    profit: Literal["contribution", "after_acquisition", "after_fixed"] = "after_acquisition"
    margins: Literal["constant", "growing"] = "constant"
    cost_per_customer_year: float = Field(default=0, ge=0, le=LARGEST_COST)
    new_customers_per_year: float | None = Field(default=None, ge=0, le=LARGEST_COST)
    active_window_days: int = Field(default=180, ge=1)

    @model_validator(mode="after")
    def _fixed_costs_are_the_firms(self) -> RetentionConfig:
        if self.profit == "after_fixed" and self.scope != "firm":
            raise ValueError(
                f"profit == 'after_fixed' needs scope == 'firm', found {self.scope!r}: fixed costs belong to no single "
                "customer; set scope to 'firm', or profit to 'after_acquisition'"
            )
        return self
