"""Several tests at once: Holm's correction.

References
----------
.. [1] Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian J. Statistics 6(2):65-70.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm_adjusted(errors: Sequence[float]) -> np.ndarray:
    """Errors (or p-values) after Holm's correction ([1]_), in the given order, shape (n,).

    With these, the probability of any wrong call at a bound is at most the bound, whatever the dependence.

    >>> holm_adjusted([0.01, 0.5, 0.02]).round(3).tolist()
    [0.03, 0.5, 0.04]
    """
    given = np.asarray(errors, dtype=float)
    order = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted
