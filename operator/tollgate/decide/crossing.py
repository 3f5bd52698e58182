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

from tollgate.decide.evidence import log_breach, log_within

_MOST_SLOW = 4096
"""No plan goes further than so many slow requests."""

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
    undecided, n, spoken = (
        np.ones(1),
        0,
        0.0,
    )  # by the number of slow requests beyond those that would be Within
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


def requests_for_within(slow: int, p0: float, alpha: float, *, above: int = 0) -> int:
    """The fewest requests, more than `above`, that are Within if `slow` of them are slow."""
    need = -math.log(alpha)
    start = max(above, slow) + 1
    return _first(lambda n: log_within(n, slow, p0, alpha) >= need, start, start + math.ceil(1 / p0))


def _breach_ends(p0: float, alpha: float) -> Iterator[tuple[int, int]]:
    """How many slow requests are a Breach, and up to which request: from the fewest that ever are one."""
    need = -math.log(alpha)
    fewest = last = _first(lambda slow: log_breach(slow, slow, p0, alpha) >= need, 1, 16)
    for slow in range(fewest, _MOST_SLOW):
        last = _first(partial(_falls_short, slow, p0, alpha), last, last + math.ceil(1 / p0)) - 1
        yield slow, last
        last += 1  # one more slow request is a Breach here, whatever follows


def _falls_short(slow: int, p0: float, alpha: float, n: int) -> bool:
    return log_breach(n, slow, p0, alpha) < -math.log(alpha)


def _within_starts(p0: float, alpha: float) -> Iterator[int]:
    """From which request on 0, 1, 2, ... slow ones are Within."""
    start = 0
    for slow in range(_MOST_SLOW):
        start = requests_for_within(slow, p0, alpha, above=start)
        yield start


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
