"""Tails of the Beta distribution relative to its density, where the library's tails underflow.

The evidence of `decide.evidence` needs P(X <= x) / pdf(x) and P(X >= x) / pdf(x) of Beta(a, b) for counts up to 1e12
and tails down to exp(-1e12). Both are computed in logarithms, to about 1e-10 absolute: a tail that is not small by
the library, a small one by the continued fraction of the incomplete beta function (DLMF 8.17.22), which converges
fast exactly there.
"""

from __future__ import annotations

import math

from scipy.special import betainc, betaincc, gammaln

_SMALL = 1e-20
"""Tails below this come from the continued fraction; at this distance it needs a dozen terms."""

_MAX_TERMS = 10_000


def log_mills_lower(a: float, b: float, x: float) -> float:
    """ln(P(X <= x) / pdf(x)) for X ~ Beta(a, b), a, b > 0, 0 < x < 1."""
    tail = float(betainc(a, b, x))
    if tail < _SMALL:
        return math.log(x) + math.log1p(-x) - math.log(a) + math.log(_continued_fraction(a, b, x, 1 - x))
    return math.log(tail) - _log_density(a, b, x)


def log_mills_upper(a: float, b: float, x: float) -> float:
    """ln(P(X >= x) / pdf(x)) for X ~ Beta(a, b), a, b > 0, 0 < x < 1."""
    tail = float(betaincc(a, b, x))
    if tail < _SMALL:
        return math.log(x) + math.log1p(-x) - math.log(b) + math.log(_continued_fraction(b, a, 1 - x, x))
    return math.log(tail) - _log_density(a, b, x)


def _continued_fraction(a: float, b: float, x: float, y: float) -> float:
    """F with I_x(a, b) = x^a y^b / (a B(a, b)) * F, y = 1 - x, for x well below the mean; Lentz's algorithm."""
    c = 1.0
    d = 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for k in range(1, _MAX_TERMS):
        even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            return value
    raise ArithmeticError(f"the incomplete beta function did not converge at a={a}, b={b}, x={x}")


def _log_density(a: float, b: float, x: float) -> float:
    """ln pdf(x) of Beta(a, b) without the cancellation of ln B for large a and b (C. Loader, 2000)."""
    y = 1 - x
    m = a + b
    log_power = (  # ln(x^a y^b / B(a, b))
        0.5 * math.log(a / (2 * math.pi) * (b / m))
        - _deviance(a, m * x)
        - _deviance(b, m * y)
        + _stirling_error(m)
        - _stirling_error(a)
        - _stirling_error(b)
    )
    return log_power - math.log(x) - math.log(y)


def _deviance(z: float, mean: float) -> float:
    """z ln(z / mean) - z + mean, accurate where z is close to mean."""
    d = (z - mean) / mean
    if abs(d) < 1e-3:
        return mean * d * d * (1 / 2 - d * (1 / 6 - d * (1 / 12 - d * (1 / 20 - d / 30))))
    return mean * ((1 + d) * math.log1p(d) - d)


def _stirling_error(z: float) -> float:
    """What Stirling's formula for ln Gamma(z) lacks."""
    if z < 16:
        return float(gammaln(z)) - ((z - 0.5) * math.log(z) - z + 0.5 * math.log(2 * math.pi))
    w = 1 / (z * z)
    return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z
