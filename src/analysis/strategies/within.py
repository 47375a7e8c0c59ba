"""The difference that being contacted goes with, compared within groups of customers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS


def effect_within(outcome, treated, group, customer, alike: Sequence = ()) -> tuple[float, float]:
    """Mean outcome of the treated less that of the others within groups (fixed effects), and its standard error.

    Parameters
    ----------
    outcome, treated, group, customer
        Of each row: what came, 1 or 0, the group (a lot, a campaign), and who it is; shape (n,). Errors are clustered
        by customer, since one may be in several groups.
    alike
        Columns that those compared have in common, by regression; one that does not vary is left out.

    Examples
    --------
    >>> effect, error = effect_within([3.0, 1.0, 9.0, 5.0], [1, 0, 1, 0], [0, 0, 1, 1], [1, 2, 3, 4])
    >>> round(effect, 6)
    3.0
    """
    columns = pd.DataFrame(np.column_stack([outcome, treated, *alike]).astype(float))
    within = columns - columns.groupby(np.asarray(group)).transform("mean")
    kept = [name for name in within if name == 1 or (name > 1 and within[name].std() > 0)]
    clusters = {"groups": pd.factorize(np.asarray(customer))[0]}
    fitted = OLS(within[0], within[kept]).fit(cov_type="cluster", cov_kwds=clusters)
    return float(fitted.params[1]), float(fitted.bse[1])
