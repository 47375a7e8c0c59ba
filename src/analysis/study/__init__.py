"""All results of one configuration, computed once each, in the one order in which data flow."""

from analysis.study.steps import STEPS
from analysis.study.study import Study

__all__ = ["STEPS", "Study"]
