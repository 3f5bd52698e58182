"""Exact tails of the binomial distribution, and how many requests a certificate needs. Pure.

The operator judges benchmarks by them, and the load generator chooses by them where its search goes on: it is one
certificate, in a place that both may use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from scipy.special import betainc, betaincc

_SEARCH_LIMIT = 10**9
"""More requests than this are not a plan."""


def chance_of_at_most(t: int, n: int, p: float) -> float:
    """P(X <= t) for X ~ Binomial(n, p)."""
    return 1.0 if t >= n else float(betaincc(t + 1, n - t, p))


def chance_of_at_least(t: int, n: int, p: float) -> float:
    """P(X >= t) for X ~ Binomial(n, p)."""
    if t <= 0:
        return 1.0
    return 0.0 if t > n else float(betainc(t, n - t + 1, p))


@lru_cache(maxsize=4096)
def requests_needed(p0: float, alpha: float, slow: int = 0) -> int | None:
    """The smallest number of requests that certifies Within with `slow` slow ones; None when no number does."""
    return smallest(lambda n: n > slow and chance_of_at_most(slow, n, p0) <= alpha)


def smallest(certifies: Callable[[int], bool]) -> int | None:
    """The smallest number, found by doubling and halving, that certifies as all greater ones do; None: not a plan."""
    high = 1
    while not certifies(high):
        high *= 2
        if high > _SEARCH_LIMIT:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if certifies(middle) else (middle, high)
    return high
