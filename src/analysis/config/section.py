"""What every section of the configuration has in common."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A section: unknown keys are refused, values cannot be changed, and nothing is taken for a number or a truth value
    that is none: not `"0.3"`, not `yes` for a number, not `"no"` or `0` for a truth value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_and_truth_values_are_what_they_seem(cls, given: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[info.field_name].annotation
        kinds = {annotation, *get_args(annotation)}
        if kinds & {int, float} and isinstance(given, bool | str) and type(given) not in kinds:
            raise PydanticCustomError("number", "must be a number" if float in kinds else "must be a whole number")
        if annotation is bool and not isinstance(given, bool):
            raise PydanticCustomError("truth_value", "must be true or false")
        return given
