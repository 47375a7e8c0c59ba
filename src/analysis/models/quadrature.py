"""Gauss rules: means over the unit interval and over a beta distribution."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.linalg import eigh_tridiagonal


@cache
def unit_rule(nodes: int, *, near_zero: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes in (0, 1) and weights that sum to one; ``near_zero`` squares the nodes' positions.

    Squared they lie closer together near zero, where the rates of customers who may leave fall fastest.

    Examples
    --------
    >>> at, weight = unit_rule(8, near_zero=True)
    >>> round(float(weight @ at**2), 9), round(float(weight @ np.sqrt(at)), 9)
    (0.333333333, 0.666666667)
    """
    points, weights = np.polynomial.legendre.leggauss(nodes)
    share = (points + 1) / 2
    return (share**2, weights * share) if near_zero else (share, weights / 2)


def beta_rule(a: float, b: float, nodes: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in (0, 1) and weights that sum to one, for means over Beta(a, b).

    Gauss-Jacobi quadrature by the eigenvalues of the Jacobi matrix (Golub & Welsch 1969, Mathematics of
    Computation 23); no gamma function is formed, so that large a and b do no harm.

    Examples
    --------
    >>> p, w = beta_rule(0.8, 2.4)
    >>> round(float(w @ p), 6), round(0.8 / 3.2, 6)
    (0.25, 0.25)
    """
    k = np.arange(nodes, dtype=float)
    # Jacobi weight (1-u)^(b-1) (1+u)^(a-1) on (-1, 1), p = (1 + u) / 2.
    upper, lower = b - 1, a - 1
    total = 2 * k + upper + lower
    with np.errstate(invalid="ignore", divide="ignore"):
        diagonal = (lower**2 - upper**2) / (total * (total + 2))
    diagonal[0] = (lower - upper) / (upper + lower + 2)
    k, total = k[1:], total[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = 4 * k * (k + upper) * (k + lower) * (k + upper + lower) / (total**2 * (total + 1) * (total - 1))
    squared[0] = 4 * (1 + upper) * (1 + lower) / ((2 + upper + lower) ** 2 * (3 + upper + lower))
    values, vectors = eigh_tridiagonal(diagonal, np.sqrt(squared))
    return np.clip((1 + values) / 2, 0.0, 1.0), vectors[0] ** 2
