"""The difference that being treated goes with, compared within groups of customers.

One regression for lots, campaigns and experiments: group means taken off, adjusted by what those compared have in
common [1]_, with errors that allow for unequal spread and small arms (HC2 [2]_) and for customers in several groups.

References
----------
.. [1] Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals of Applied Statistics
   7(1):295-318.
.. [2] MacKinnon & White (1985), Journal of Econometrics 29(3):305-325.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
    columns = np.column_stack([outcome, treated, *alike]).astype(float)
    place, who = (np.unique(each, return_inverse=True)[1] for each in (group, customer))
    size = np.bincount(place)
    within = columns - np.column_stack([np.bincount(place, each) / size for each in columns.T])[place]
    came, design = within[:, 0], within[:, [1, *(2 + np.flatnonzero(within[:, 2:].std(axis=0) > 0))]]
    bread = np.linalg.inv(design.T @ design)
    found = bread @ design.T @ came
    leverage = np.einsum("ij,jk,ik->i", design, bread, design) + 1 / size[place]
    left = (came - design @ found) / np.sqrt(np.maximum(1 - leverage, 1e-12))
    by_customer = np.column_stack([np.bincount(who, left * each) for each in design.T]) @ bread[:, 0]
    return float(found[0]), float(np.sqrt(by_customer @ by_customer))
