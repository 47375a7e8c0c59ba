"""What the comparison of strategies assumes: every number with its meaning, unit, default and ranges, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from analysis.config.complaints import SMALLEST_PERCENTAGE
from analysis.config.kinds import Section
from analysis.words import Message


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


@dataclass(frozen=True)
class Parameter:
    """One number that the dynamics need and that the fitted model does not hold.

    Attributes
    ----------
    name
        Key in the configuration.
    label, unit
        What it is, and in which unit, in words.
    default, low, high
        Most likely value, and the range that is swept.
    least, most
        Ends of what may be stated; they lie far outside what is swept.
    source
        Whom the value, or its sign, is taken from; empty for a bare assumption.
    ask
        How a company can find it out without a test; None where it cannot.
    """

    name: str
    label: Message
    unit: Message
    default: float
    low: float
    high: float
    least: float = 0.0
    most: float = 10.0
    source: str = ""
    ask: Message | None = None

    @property
    def swept(self) -> Assumption:
        """Its range as long as nobody knows better."""
        return Assumption(low=self.low, high=self.high, most_likely=self.default)


_PURCHASE, _RATIO = Message("per purchase"), Message("ratio")
# fmt: off
PARAMETERS: tuple[Parameter, ...] = (
    Parameter("kappa_deal", Message("How fast customers get used to deals"), _PURCHASE, .3, .05, .8, most=1,
              source="Kalyanaram & Winer 1995"),
    Parameter("theta_deal", Message("What a better deal does to leaving"), Message("log odds per share of the price"),
              1, 0, 3, most=30),
    Parameter("gamma_deal", Message("What a better deal does to the pace of buying"),
              Message("log pace per share of the price"), .5, 0, 1.5, most=15),
    Parameter("loss_aversion", Message("How much more disappointment weighs than delight"), _RATIO, 2, 1, 4, 1, 20,
              "Anderson & Sullivan 1993"),
    Parameter("kappa_exp", Message("How fast customers get used to a better experience"), _PURCHASE, .3, .05, .8,
              most=1, source="Boulding et al. 1993"),
    Parameter("theta_exp", Message("What a surprisingly better experience does to leaving"),
              Message("log odds per standard deviation"), .3, 0, .8),
    Parameter("level_exp", Message("What a lastingly better experience does to leaving"),
              Message("log odds per standard deviation"), .3, 0, .8),
    Parameter("gamma_exp", Message("What a better experience does to the pace of buying"),
              Message("log pace per standard deviation"), .1, 0, .4, most=5, source="Ho, Park & Zhou 2006"),
    Parameter("tau", Message("Shortfall beyond which a customer strikes the brand off"),
              Message("standard deviations"), 3, 1.5, 5, 1e-6, 100),
    Parameter("unevenness", Message("How uneven encounters are today"), Message("standard deviations"), .3, 0, 1,
              ask=Message("by asking customers after every order how it was")),
    Parameter("delivery", Message("How much of the planned improvement arrives"), Message("share of the planned lift"),
              1, .5, 1.2, ask=Message("by serving some customers so for a month, and asking them")),
    Parameter("promotional_lift", Message("Extra orders in a promotion week"),
              Message("extra orders at a depth of 20%, as a share"), .3, .1, .73, source="Bijmolt et al. 2005",
              ask=Message("from the calendar of past promotions (`strategies.promotions`)")),
    Parameter("borrowed", Message("Extra orders borrowed from later weeks"), Message("share of the extra orders"),
              .2, .04, .33, most=1, source="van Heerde, Leeflang & Wittink 2000; van Heerde et al. 2004",
              ask=Message("from the calendar of past promotions (`strategies.promotions`)")),
    Parameter("won", Message("New customers won by a promotion week"),
              Message("share of a week's new customers, at a depth of 20%"), .3, 0, 1,
              ask=Message("by counting new customers in past promotion weeks")),
    Parameter("won_value", Message("Value of customers won by promotion"),
              Message("share of others' value, at a depth of 35%"), .5, .5, 1.3,
              source="Lewis 2006; Tsujikawa, Nakano & Hoshino 2025",
              ask=Message("from what customers won in past promotions bought since")),
    Parameter("mercenary_share", Message("Share of mercenaries among them"),
              Message("share of the customers won by promotion"), .3, .05, .7, most=1,
              ask=Message("from what customers won in past promotions bought since")),
    Parameter("referrals", Message("How many customers a delighted customer brings"),
              Message("new customers per purchase and standard deviation"), .02, 0, .1, most=1,
              ask=Message("by asking new customers who sent them")),
    Parameter("referred_value", Message("Value of referred customers"), Message("share of others' value"), 1, .8, 1.25,
              source="Schmitt et al. 2011; contra Wolters & Gedenk 2019"),
    Parameter("rival_pull", Message("How strongly a rival's better deal takes customers"),
              Message("hazard per week and share of the price"), .1, 0, .4),
    Parameter("bond_shield", Message("How much a better experience protects from a better deal"),
              Message("share of the price per standard deviation"), .05, 0, .2),
    Parameter("sector_rise", Message("How much faster than until now the sector gets better"),
              Message("standard deviations per year"), .1, 0, .5),
    Parameter("breakage", Message("Points never redeemed"), Message("share of the points"), .2, 0, .5, most=1,
              ask=Message("from the programme's own records")),
)
# fmt: on
BY_NAME: Mapping[str, Parameter] = {parameter.name: parameter for parameter in PARAMETERS}


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


def _stated(parameter: Parameter) -> Any:
    kind = Annotated[Assumption, BeforeValidator(_fixed_or_swept), _within(parameter.least, parameter.most)]
    return kind | None, None


AssumptionsConfig = create_model(
    "AssumptionsConfig",
    __base__=Section,
    __module__=__name__,
    __doc__="Parameters of the loyalty dynamics, each a number or a range, in place of an estimate or of the default.",
    **{parameter.name: _stated(parameter) for parameter in PARAMETERS},
)
Share = Annotated[float, Field(ge=0, le=1)]
CUSTOMER_TYPES = ("service", "offer", "brand", "at_hand")
"""Moved by service, hunting offers, true to the brand, taking what is near."""
