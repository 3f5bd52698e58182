"""How many requests a live verdict takes: the exact law of the first time at which the evidence speaks.

Only a slow request adds to the evidence of a breach, and only a fast one to that of being within. So each test is a
list of numbers: the last request at which k slow ones are a Breach, the first at which they are Within. Between two of
these numbers nothing is decided that the later one would not show, and the law of the first crossing follows by one
binomial step for each k (the recursion of Armitage, McPherson and Rowe, Journal of the Royal Statistical Society A,
1969). It takes every request as slow with the same probability, whatever came before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy

from tollgate.decide.evidence import breach_until, log_breach, within_from

_MOST_SLOW = 4096
"""No plan goes further than so many slow requests."""

_AT_ONCE = 64
"""For so many of them the evidence is found at a time."""

_NEGLIGIBLE = 1e-15


@lru_cache(maxsize=4096)
def requests_until_breach(
    p0: float, alpha: float, rate: float, chances: tuple[float, ...]
) -> tuple[int, ...] | None:
    """After how many requests a Breach is called with each of these chances, ascending, if a fraction `rate` is slow.

    None where no plan is of use: the rate is no breach, or too close to the limit p0.
    """
    if rate <= p0:
        return None
    found: list[int] = []
    undecided, n = np.ones(1), 0  # by the number of slow requests so far
    for slow, last in _breach_ends(p0, alpha):
        before, undecided = undecided, _after(undecided, last - n, rate)[:slow]
        while 1 - float(undecided.sum()) >= chances[len(found)]:
            chance = chances[len(found)]
            found.append(n + _first(partial(_crosses, before, slow, rate, chance), 1, last - n))
            if len(found) == len(chances):
                return tuple(found)
        n = last
    return None


@lru_cache(maxsize=4096)
def requests_until_within(
    p0: float, alpha: float, rate: float, chances: tuple[float, ...]
) -> tuple[int, ...] | None:
    """After how many requests Within is called with each of these chances; see `requests_until_breach`."""
    if rate >= p0:
        return None
    found: list[int] = []
    undecided, n, spoken = np.ones(1), 0, 0.0  # by the slow requests beyond those that would be Within
    for at in _within_starts(p0, alpha):
        undecided = _after(undecided, at - n, rate)
        spoken += float(undecided[0])
        undecided, n = undecided[1:], at
        while spoken >= chances[len(found)]:
            found.append(at)
            if len(found) == len(chances):
                return tuple(found)
    return None


def slow_for_breach(n: int, p0: float, alpha: float) -> int | None:
    """The fewest slow requests that are a Breach at `n` requests; None where not even all of them are."""
    need = -math.log(alpha)
    if log_breach(n, n, p0, alpha) < need:
        return None
    return _first(lambda slow: log_breach(n, slow, p0, alpha) >= need, 0, n)


@lru_cache(maxsize=4096)
def requests_for_within(slow: int, p0: float, alpha: float, *, above: int = 0) -> int:
    """The fewest requests, more than `above`, that are Within if `slow` of them are slow."""
    return max(above + 1, int(within_from(slow, p0, alpha)))


def _breach_ends(p0: float, alpha: float) -> Iterator[tuple[int, int]]:
    """How many slow requests are a Breach, and up to which request: from the fewest that ever are one."""
    for start in range(0, _MOST_SLOW, _AT_ONCE):
        slow = np.arange(start, start + _AT_ONCE)
        ends = zip(slow.tolist(), breach_until(slow, p0, alpha).tolist(), strict=True)
        yield from ((few, last) for few, last in ends if last > 0)


def _within_starts(p0: float, alpha: float) -> Iterator[int]:
    """From which request on 0, 1, 2, ... slow ones are Within."""
    for start in range(0, _MOST_SLOW, _AT_ONCE):
        yield from within_from(np.arange(start, start + _AT_ONCE), p0, alpha).tolist()


def _crosses(before: NDArray[np.float64], slow: int, rate: float, chance: float, requests: int) -> bool:
    return 1 - float(_after(before, requests, rate)[:slow].sum()) >= chance


def _after(chances: NDArray[np.float64], requests: int, rate: float) -> NDArray[np.float64]:
    """The law of the number of slow requests, so many requests later."""
    slow = np.arange(min(requests, _MOST_SLOW) + 1)
    ways = gammaln(requests + 1) - gammaln(slow + 1) - gammaln(requests - slow + 1)
    more = np.exp(ways + xlogy(slow, rate) + xlog1py(requests - slow, -rate))
    kept = np.flatnonzero(more > _NEGLIGIBLE)
    later: NDArray[np.float64] = np.convolve(chances, more[: kept[-1] + 1])
    return later


def _first(holds: Callable[[int], bool], low: int, guess: int) -> int:
    """The first number from `low` on for which `holds`, false up to some number and true from there on.

    Searched first up to `guess`, then in steps that double.
    """
    step = max(1, guess - low)
    while not holds(low + step):
        low += step + 1
        step *= 2
    high = low + step
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
