"""Tails of the Beta distribution relative to its density, for whole arrays, where the library's tails underflow.

The evidence of `decide.evidence` needs P(X <= x) / pdf(x) and P(X >= x) / pdf(x) of Beta(a, b) for counts up to 1e12
and tails down to exp(-1e12). The lesser of the two is an integral. With t = logit(p) - logit(x), m = a + b:

    P(X >= x) / pdf(x) = x (1 - x) * integral over t > 0 of exp(a t - m ln(1 + x (e^t - 1)))

and the lower tail is the same over t < 0. The exponent is concave and falls from 0, so a few dozen nodes of
Gauss-Legendre's rule see all of it, whatever the counts. Both tails together are 1 / pdf(x), which gives the greater.
The logarithms are right to 1e-9, or to 1e-9 of their size where that is more.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln

Array = NDArray[np.float64]

_NODES, _WEIGHTS = (0.5 * part for part in np.polynomial.legendre.leggauss(32))
_NODES += 0.5

_ROWS = 1024
"""So many integrals are worked out at a time: their nodes fit into a processor's cache."""

_NOTHING = 37.0
"""The integrand is left out where it is below exp(-37), a part in 1e16 of its greatest value."""

_WIDEST = 10.0
"""A tail that reaches further, in logits, has too few counts to be smooth, and is one that the library knows."""


def log_mills(a: Array, b: Array, x: Array) -> tuple[Array, Array]:
    """ln(P(X <= x) / pdf(x)) and ln(P(X >= x) / pdf(x)) for X ~ Beta(a, b), a, b > 0, 0 < x < 1; elementwise.

    The arguments are vectors of one length.
    """
    mirrored = x > 0.5  # 1 - X instead, as small x loses no digits
    a, b, x = np.where(mirrored, b, a), np.where(mirrored, a, b), np.where(mirrored, 1 - x, x)
    lower = (
        a > (1 + 1e-9) * (a + b) * x
    )  # which tail is the lesser; at the mean the upper one is the smoother
    odds = _log_odds_density(a, b, x)
    lesser = _log_lesser_tail(a, b, x, lower, odds)
    with np.errstate(under="ignore"):
        greater = np.log1p(-np.exp(np.minimum(lesser + odds, 0.0))) - odds
    scale = np.log(x) + np.log1p(-x)
    below = lower != mirrored
    return np.where(below, lesser, greater) + scale, np.where(below, greater, lesser) + scale


def _log_lesser_tail(a: Array, b: Array, x: Array, lower: NDArray[np.bool_], odds: Array) -> Array:
    """ln of the integral above over t > 0, or over t < 0 where `lower`; `odds` is ln(x (1 - x) pdf(x))."""
    m = a + b
    reach = _reach(a, m, x, lower)
    wide = reach >= _WIDEST
    arguments = (a, m, x, np.where(lower, -reach, reach))
    means = [_mean_height(*(v[i : i + _ROWS] for v in arguments)) for i in range(0, max(1, len(a)), _ROWS)]
    log_tail: Array = np.log(reach * np.concatenate(means))
    if wide.any():
        a, b, x, lower = a[wide], b[wide], x[wide], lower[wide]
        tail = betainc(np.where(lower, a, b), np.where(lower, b, a), np.where(lower, x, 1 - x))
        log_tail[wide] = np.log(tail) - odds[wide]
    return log_tail


def _mean_height(a: Array, m: Array, x: Array, end: Array) -> Array:
    """The mean of the integrand from t = 0 to `end`."""
    t = end[:, None] * _NODES
    heights: Array = np.exp(a[:, None] * t - m[:, None] * np.log1p(x[:, None] * np.expm1(t))) @ _WEIGHTS
    return heights


def _reach(a: Array, m: Array, x: Array, lower: NDArray[np.bool_]) -> Array:
    """Where the exponent has fallen to -`_NOTHING`, in logits from x; at most 2 `_WIDEST`."""
    slope = np.abs(a - m * x)
    straight = 2 * _NOTHING / (slope + np.sqrt(slope * slope + 2 * _NOTHING * m * x * (1 - x)))
    reach: Array = np.minimum(straight, 2 * _WIDEST)
    sign = np.where(lower, -1.0, 1.0)
    for _ in range(3):  # Newton's steps from where it would be if the curvature did not change
        grown = x * np.expm1(sign * reach)
        exponent = a * sign * reach - m * np.log1p(grown)
        fall = np.abs(a - m * (x + grown) / (1 + grown))
        reach = np.minimum(reach + (exponent + _NOTHING) / fall, 2 * _WIDEST)
    return reach


def _log_odds_density(a: Array, b: Array, x: Array) -> Array:
    """ln(x^a (1 - x)^b / B(a, b)) without the cancellation of ln B for large a and b (C. Loader, 2000)."""
    m = a + b
    near_a, near_b = _deviance(np.stack((a, b)), m * np.stack((x, 1 - x)))
    rest, rest_a, rest_b = _stirling_error(np.stack((m, a, b)))
    log_power: Array = 0.5 * np.log(a / (2 * math.pi) * (b / m)) - near_a - near_b + rest - rest_a - rest_b
    return log_power


def _deviance(z: Array, mean: Array) -> Array:
    """z ln(z / mean) - z + mean, accurate where z is close to mean."""
    d = (z - mean) / mean
    series = d * d * (1 / 2 - d * (1 / 6 - d * (1 / 12 - d * (1 / 20 - d / 30))))
    return mean * np.where(np.abs(d) < 1e-3, series, (1 + d) * np.log1p(d) - d)


def _stirling_error(z: Array) -> Array:
    """What Stirling's formula for ln Gamma(z) lacks."""
    w = 1 / (z * z)
    series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z
    exact = gammaln(z) - ((z - 0.5) * np.log(z) - z + 0.5 * math.log(2 * math.pi))
    return np.where(z < 16, exact, series)
