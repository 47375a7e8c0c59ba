"""lifetimes' fitters: the Gamma-Gamma one as a starting point, the others beside ours in tests.

lifetimes is imported here and nowhere else: at import it sets a retired pandas option and silences FutureWarning for
the whole process, and the filters are put back around it.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
    from lifetimes.utils import ConvergenceError

__all__ = [
    "BetaGeoFitter",
    "GammaGammaFitter",
    "ModifiedBetaGeoFitter",
    "ParetoNBDFitter",
    "log_spend_parameters",
]


def log_spend_parameters(fitter, frequency, mean_value, weight, names: tuple[str, ...]) -> np.ndarray | None:
    """Logs of the parameters that lifetimes' Gamma-Gamma fitter finds on weighted customers; None if it gives up.

    It prints an optimiser's report where it does not converge; several starts follow, so that is no news.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fitter.fit(frequency, mean_value, weights=weight)
        except (ConvergenceError, ValueError, np.linalg.LinAlgError):
            return None
    found = np.log(fitter.params_[list(names)].to_numpy(dtype=float))
    return found if np.all(np.isfinite(found)) else None
