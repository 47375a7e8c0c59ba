"""What today's customers are expected to bring, with intervals widened by how far past forecasts missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.interval import Interval
from analysis.models.origins import Calibration
from analysis.time import DAYS_PER_YEAR

if TYPE_CHECKING:
    from analysis.models.origins import Record
    from analysis.value.valuation import CustomerValue

WINDOW_DAYS = 91
"""Length of a past window where there are none."""


@dataclass(frozen=True)
class Outlook:
    """Totals with calibrated intervals.

    Attributes
    ----------
    orders, money
        Expected orders, and the residual value [currency]; None without money or where nothing is left.
    spread
        Root mean square of the log error beyond the model's own.
    windows
        Past windows that it rests on.
    is_assumed
        Whether the horizon is longer than a window, so that the interval is carried on by assumption.
    calibration, horizon_days
        What intervals are widened by.
    """

    orders: Interval
    money: Interval | None
    spread: float
    windows: int
    is_assumed: bool
    calibration: Calibration
    horizon_days: float

    def of(self, groups: pd.DataFrame) -> pd.DataFrame:
        """Groups as ``CustomerValue.by`` gives them, with calibrated intervals beside the predictive ones.

        That the total of a group misses beyond the model's own interval by as much as that of all is assumed: past
        windows were looked at as a whole. Missing where a group brings nothing.

        Returns
        -------
        DataFrame
            With calibrated_lower and calibrated_upper of the residual value [currency] (without money of the orders),
            and expected_orders_calibrated_lower and expected_orders_calibrated_upper.
        """
        ends = {"": ("estimate", "lower", "upper")}
        ends["expected_orders_"] = ("expected_orders", "expected_orders_lower", "expected_orders_upper")
        found = {}
        for name, columns in ends.items():
            rows = groups[[*columns, "level"]].to_numpy(dtype=float)
            wide = [self._ends(Interval(*row)) for row in rows.tolist()]
            found[f"{name}calibrated_lower"], found[f"{name}calibrated_upper"] = np.reshape(wide, (-1, 2)).T
        return groups.assign(**found)

    def _ends(self, own: Interval) -> tuple[float, float]:
        if not own.estimate > 0:
            return np.nan, np.nan
        wide = self.calibration.widened(own, self.horizon_days)
        return wide.lower, wide.upper


def outlook(value: CustomerValue, record: Record | None = None) -> Outlook:
    """The totals of a value with calibrated intervals; without a record only with what is assumed beforehand.

    Parameters
    ----------
    value
        Of any horizon: over a shorter time than a past window totals miss by more, over a longer one by as much.
    record
        How past windows were forecast, such as ``rolling_origins`` gives.

    Examples
    --------
    >>> import analysis as rl
    >>> study = rl.open_study(sample="cdnow")
    >>> quarter = rl.customer_value(study.fit, study.spend, "13W")
    >>> ahead = rl.outlook(quarter, study.origins)
    >>> ahead.is_assumed, ahead.money.upper > quarter.total.upper
    (False, True)
    >>> wide = ahead.of(quarter.by("orders"))
    >>> bool((wide["calibrated_upper"] >= wide["upper"]).all())
    True
    """
    calibration = Calibration.of([], [], WINDOW_DAYS) if record is None else record.calibration
    days, money = value.horizon_years * DAYS_PER_YEAR, value.total
    return Outlook(
        orders=calibration.widened(value.expected_orders, days),
        money=None if money is None or money.estimate <= 0 else calibration.widened(money, days),
        spread=calibration.spread,
        windows=calibration.windows,
        is_assumed=calibration.is_assumed(days),
        calibration=calibration,
        horizon_days=days,
    )
