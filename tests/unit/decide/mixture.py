"""An oracle for the evidence: the mixture integrated numerically, as it is defined, with 30 digits.

It shares no formula with `decide.evidence` but the prior's, and that is computed anew. mpmath gives the digits, and
the points where the integrand is cut; the rule of each piece is Gauss and Legendre's.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from mpmath import mp, mpf, workdps

_NODES, _WEIGHTS = (part.tolist() for part in np.polynomial.legendre.leggauss(16))
_NEGLIGIBLE = 46
"""Pieces below exp(-46) of the integrand's peak are left out: a part in 1e20."""


def log_evidence(n: int, slow: int, p0: float, alpha: float) -> tuple[float, float]:
    """ln of the likelihood ratio to p0, averaged over the part of the prior above p0; and over the part below."""
    with workdps(30):
        a, b = _prior(p0, alpha)
        above, below = (
            _log_tail(a + slow, b + n - slow, p0, upper=upper) - _log_prior_tail(p0, alpha, upper=upper)
            for upper in (True, False)
        )
        return float(above), float(below)


def _prior(p0: float, alpha: float) -> tuple[Any, Any]:
    limit, spread = mpf(p0), -2 * mp.log(2 * mpf(alpha))
    variance = limit * (1 - limit)
    rho = 20 * (1 - limit) / (spread + mp.log1p(spread))
    r = max(rho - variance, variance / 1000)
    return r / (1 - limit), r / limit


@cache
def _log_prior_tail(p0: float, alpha: float, *, upper: bool) -> Any:
    return _log_tail(*_prior(p0, alpha), p0, upper=upper)


def _log_tail(a: Any, b: Any, p0: float, *, upper: bool) -> Any:
    """ln of the integral of (p/p0)^a ((1-p)/(1-p0))^b / (p (1-p)) over p > p0 or p < p0; over y = ln(p/(1-p))."""
    edge, side = mp.log(mpf(p0) / (1 - mpf(p0))), 1 if upper else -1

    def log_height(y: Any) -> Any:
        return -a * mp.log1p(mp.exp(-y)) - b * mp.log1p(mp.exp(y))

    peak = mp.log(a / b)
    peak = peak if (peak - edge) * side > 0 else edge
    top = log_height(peak)

    def far(direction: int) -> Any:
        """A distance from the peak in that direction at which the integrand is negligible, and not much further."""
        step = mpf(2) ** -45
        while top - log_height(peak + direction * step) < _NEGLIGIBLE:
            step *= 2
        return step

    pieces = [(peak, side * far(side))]
    if peak != edge:
        pieces.append((peak, -side * min(far(-side), abs(peak - edge))))
    total = mpf(0)
    for start, length in pieces:
        cuts = [0, *(mpf(2) ** -k for k in range(7, -1, -1))]
        for low, high in pairwise(cuts):
            middle, half = (low + high) / 2, (high - low) / 2
            heights = (
                weight * mp.exp(log_height(start + length * (middle + half * node)) - top)
                for node, weight in zip(_NODES, _WEIGHTS, strict=True)
            )
            total += abs(length) * half * mp.fsum(heights)
    return top + mp.log(total) - log_height(edge)
