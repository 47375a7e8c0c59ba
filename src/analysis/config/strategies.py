"""The configuration's section on loyalty strategies: what is done, what it costs, and what is assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from analysis.config.complaints import SMALLEST_PERCENTAGE
from analysis.config.kinds import LARGEST_COST, Identifier
from analysis.config.loyalty_tables import (
    CampaignsConfig,
    CustomerTypesConfig,
    ExperimentConfig,
    PromotionsConfig,
    SatisfactionConfig,
)
from analysis.config.section import Section

BUILT_IN_STRATEGIES = ("nothing", "promotion", "expectation", "both")
LONGEST_HORIZON = 1_040
"""Weeks over which strategies are compared at most."""


class Assumption(Section):
    """What is assumed of a number: a range, with the most likely value inside where one is known."""

    low: float
    high: float
    most_likely: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Assumption:
        most_likely = self.low if self.most_likely is None else self.most_likely
        if not self.low <= most_likely <= self.high:
            found = f"{self.low:g}, {most_likely:g}, {self.high:g}"
            raise ValueError(f"low <= most_likely <= high must hold, found {found}")
        return self


def _fixed_or_swept(given: Any) -> Any:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number and not isinstance(given, Mapping | Assumption):
        raise PydanticCustomError("assumption", "must be a number, or a range such as {low: 0.1, high: 0.3}")
    return {"low": given, "high": given} if is_number else given


def _within(low: float, high: float) -> AfterValidator:
    def check(assumption: Assumption) -> Assumption:
        if assumption.low < low or assumption.high > high:
            is_percentage = high == 1 and SMALLEST_PERCENTAGE <= assumption.low <= assumption.high <= 100
            hint = f"; write {assumption.high / 100:g} for {assumption.high:g}%" if is_percentage else ""
            found = f"{assumption.low:g} to {assumption.high:g}"
            raise ValueError(f"{found}, must be at least {low:g} and at most {high:g}{hint}")
        return assumption

    return AfterValidator(check)


def _between(low: float, high: float) -> Any:
    """A number or a range within these ends, which lie far outside what the package sweeps."""
    return Annotated[Assumption, BeforeValidator(_fixed_or_swept), _within(low, high)]


Share = _between(0, 1)
Multiple = _between(0, 10)
OddsRatio = _between(1e-6, 100)


class AssumptionsConfig(Section):
    """Parameters of the loyalty dynamics, each a number or a range, in place of an estimate or of what is assumed."""

    kappa_deal: Share | None = None
    theta_deal: _between(0, 30) | None = None
    gamma_deal: _between(0, 15) | None = None
    loss_aversion: _between(1, 20) | None = None
    kappa_exp: Share | None = None
    theta_exp: Multiple | None = None
    gamma_exp: _between(0, 5) | None = None
    tau: _between(1e-6, 100) | None = None
    sector_rise: Multiple | None = None
    delivery: Multiple | None = None
    inconsistency: Multiple | None = None
    promotional_lift: Multiple | None = None
    borrowed: Share | None = None
    from_rivals: Share | None = None
    won: Multiple | None = None
    won_value: Multiple | None = None
    mercenary_share: Share | None = None
    mercenary_leaving: OddsRatio | None = None
    mercenary_taken: _between(0, 100) | None = None
    referrals: _between(0, 1) | None = None
    referred_value: Multiple | None = None
    rival_pull: Multiple | None = None
    bond_shield: Multiple | None = None
    bond_decay: Share | None = None
    breakage: Share | None = None
    type_contrast: Multiple | None = None


Week = Annotated[int, Field(ge=0, le=LONGEST_HORIZON)]
Weeks = Annotated[int, Field(ge=1, le=LONGEST_HORIZON)]
Cost = Annotated[float, Field(ge=0, le=LARGEST_COST)]


class _Running(Section):
    starts_week: Week = 0
    ends_week: int | None = Field(default=None, ge=1, le=LONGEST_HORIZON)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> _Running:
        if self.ends_week is not None and self.ends_week <= self.starts_week:
            raise ValueError(f"ends_week == {self.ends_week}, must be after starts_week == {self.starts_week}")
        return self


class PromotionConfig(_Running):
    """The deal side of a strategy."""

    depth: float = Field(default=0.2, ge=0, le=1)
    every_weeks: Weeks = 8
    lasts_weeks: Weeks = 1
    coverage: float = Field(default=0.8, ge=0, le=1)
    redemption: float = Field(default=0.5, ge=0, le=1)
    points: float = Field(default=0, ge=0, le=1)
    programme_cost_per_year: Cost = 0

    @model_validator(mode="after")
    def _possible(self) -> PromotionConfig:
        wrong = []
        if self.lasts_weeks > self.every_weeks:
            wrong.append(f"lasts_weeks == {self.lasts_weeks}, must be at most every_weeks == {self.every_weeks}")
        if self.depth + self.points > 1:
            wrong.append(f"depth and points take {self.depth + self.points:.0%} off the price together, at most 100%")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class ExperienceConfig(_Running):
    """The expectation side of a strategy; without either cost per customer or order it gets the promotion's budget."""

    lift: float = Field(default=0.5, ge=-5, le=5)
    invested_per_customer_year: float | None = Field(default=None, ge=0, le=LARGEST_COST)
    invested_per_order: float | None = Field(default=None, ge=0, le=LARGEST_COST)
    database_per_year: Cost = 0
    spread: float | None = Field(default=None, ge=0, le=5)


class OwnStrategyConfig(Section):
    """A further strategy: a promotion, a better experience, or both."""

    name: Identifier
    promotion: PromotionConfig | None = None
    experience: ExperienceConfig | None = None

    @model_validator(mode="after")
    def _does_something(self) -> OwnStrategyConfig:
        if self.name in BUILT_IN_STRATEGIES:
            raise ValueError(f"name == {self.name!r} is built in; choose another")
        if self.promotion is None and self.experience is None:
            raise ValueError(f"strategy {self.name!r} needs a promotion or an experience; without both it is 'nothing'")
        return self


class AttackConfig(Section):
    """A rival's deeper promotion."""

    rival_depth: float = Field(gt=0, le=1)
    first_week: Week = 26
    last_week: Week = 38

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> AttackConfig:
        if self.last_week < self.first_week:
            raise ValueError(f"last_week == {self.last_week}, must not be before first_week == {self.first_week}")
        return self


class _Mix(Section):
    @model_validator(mode="after")
    def _sums_to_one(self) -> _Mix:
        total = sum(self.model_dump().values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares sum to {total:g}, must sum to 1")
        return self


class TypesConfig(_Mix):
    """Shares of the four customer types."""

    service: float = Field(default=0, ge=0, le=1)
    offer: float = Field(default=0, ge=0, le=1)
    brand: float = Field(default=0, ge=0, le=1)
    at_hand: float = Field(default=0, ge=0, le=1)


class BindingsConfig(_Mix):
    """Shares of the five ways in which customers are bound."""

    situational: float = Field(default=0, ge=0, le=1)
    economic: float = Field(default=0, ge=0, le=1)
    legal: float = Field(default=0, ge=0, le=1)
    emotional: float = Field(default=0, ge=0, le=1)
    technical: float = Field(default=0, ge=0, le=1)


class StrategiesConfig(Section):
    """The comparison of loyalty strategies."""

    horizon_weeks: int | None = Field(default=None, ge=1, le=LONGEST_HORIZON)
    draws: int = Field(default=200, ge=20, le=5_000)
    customers: int | None = Field(default=None, ge=50, le=100_000)
    todays_deal: float | None = Field(default=None, ge=0, lt=1)
    promotion: PromotionConfig = PromotionConfig()
    experience: ExperienceConfig = ExperienceConfig()
    own: tuple[OwnStrategyConfig, ...] = ()
    attack: AttackConfig | None = None
    types: TypesConfig | None = None
    bindings: BindingsConfig | None = None
    assumptions: AssumptionsConfig = AssumptionsConfig()
    campaigns: CampaignsConfig | None = None
    promotions: PromotionsConfig | None = None
    satisfaction: SatisfactionConfig | None = None
    customer_types: CustomerTypesConfig | None = None
    experiment: ExperimentConfig | None = None

    @model_validator(mode="after")
    def _consistent(self) -> StrategiesConfig:
        wrong = []
        names = Counter(own.name for own in self.own)
        wrong += [f"own: strategy {name!r} is there {times} times" for name, times in names.items() if times > 1]
        sides = {"promotion": self.promotion}
        sides |= {f"own {own.name!r}": own.promotion for own in self.own if own.promotion}
        for where, promotion in sides.items():
            given = promotion.depth + promotion.points + (self.todays_deal or 0)
            if given > 1:
                wrong.append(f"{where}: depth, points and todays_deal take {given:.0%} off the price, at most 100%")
        if self.experience.lift < 0:
            instead = "what makes it worse can be compared as a strategy of your own (strategies.own)"
            wrong.append(f"experience.lift == {self.experience.lift:g}, must be at least 0; {instead}")
        wrong += self.after_the_horizon(self.horizon_weeks, "horizon_weeks")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def after_the_horizon(self, weeks: int | None, horizon: str) -> list[str]:
        """What would begin too late to be seen within ``weeks``, or an attack end; nothing where they are not known."""
        begins = {"promotion.starts_week": self.promotion.starts_week}
        begins |= {"experience.starts_week": self.experience.starts_week}
        for own in self.own:
            sides = {"promotion": own.promotion, "experience": own.experience}
            begins |= {f"own {own.name!r}: {side}.starts_week": it.starts_week for side, it in sides.items() if it}
        if self.attack is not None:
            begins |= {f"attack.{key}": getattr(self.attack, key) for key in ("first_week", "last_week")}
        if weeks is None:
            return []
        late = {key: week for key, week in begins.items() if week >= weeks}
        return [f"{key} == {week}, must be below {horizon} == {weeks}" for key, week in late.items()]
