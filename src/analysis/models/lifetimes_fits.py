"""lifetimes' fitters, which stand beside ours in notebooks, tests and benchmarks.

lifetimes is imported here and nowhere else: at import it sets a retired pandas option and silences FutureWarning for
the whole process, and the filters are put back around it.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

__all__ = ["BetaGeoFitter", "GammaGammaFitter", "ModifiedBetaGeoFitter", "ParetoNBDFitter"]
