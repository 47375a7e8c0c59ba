"""lifetimes' own fits, as starting points: its fitters and likelihoods only, none of its data helpers or plots.

lifetimes is imported here and nowhere else: at import it sets a retired pandas option and silences FutureWarning for
the whole process, and the filters are put back around it.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np

from analysis.models.patterns import Patterns

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
    from lifetimes.utils import ConvergenceError

__all__ = [
    "BetaGeoFitter",
    "GammaGammaFitter",
    "ModifiedBetaGeoFitter",
    "ParetoNBDFitter",
    "log_parameters",
    "log_spend_parameters",
]


def log_parameters(fitter, patterns: Patterns, names: tuple[str, ...], **options) -> np.ndarray | None:
    """Logs of the parameters that a lifetimes purchase fitter finds on weighted histories; None if it gives up.

    It prints an optimiser's report where it does not converge; several starts follow, so that is no news.
    """
    return _quietly(fitter, names, patterns.frequency, patterns.recency, patterns.T, weights=patterns.weight, **options)


def log_spend_parameters(fitter, frequency, mean_value, weight, names: tuple[str, ...]) -> np.ndarray | None:
    """As ``log_parameters``, for lifetimes' Gamma-Gamma fitter."""
    return _quietly(fitter, names, frequency, mean_value, weights=weight)


def _quietly(fitter, names, *data, **options) -> np.ndarray | None:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fitter.fit(*data, **options)
        except (ConvergenceError, ValueError, np.linalg.LinAlgError):
            return None
    found = np.log(fitter.params_[list(names)].to_numpy(dtype=float))
    return found if np.all(np.isfinite(found)) else None
