"""Customer value: what the base, its segments and every customer are still worth, with intervals."""

from analysis.value.results import CustomerValue, ModelTotal, SegmentValue
from analysis.value.valuation import customer_value

__all__ = ["CustomerValue", "ModelTotal", "SegmentValue", "customer_value"]
