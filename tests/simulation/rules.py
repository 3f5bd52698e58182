"""When the live test speaks, tabulated once so that millions of looks are cheap; and the point test of other tools.

The tables are found by bisection on `tollgate.decide.evidence` itself: what is simulated is what runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tollgate.decide.evidence import log_breach, log_within

Counts = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Boundary:
    """Indexed by the count of slow requests: the most requests that are a Breach (-1: none), the fewest Within."""

    breach: Counts
    within: Counts

    def is_breach(self, requests: Counts, slow: Counts) -> NDArray[np.bool_]:
        """Elementwise: do these counts speak for a Breach?"""
        return requests <= self.breach[slow]

    def is_within(self, requests: Counts, slow: Counts) -> NDArray[np.bool_]:
        """Elementwise: do these counts speak for Within?"""
        return requests >= self.within[slow]

    def least_breach(self, requests: Counts) -> Counts:
        """The fewest slow requests that are a Breach, for each of these numbers of requests."""
        return np.searchsorted(self.breach, self._covered(requests), side="left")

    def most_within(self, requests: Counts) -> Counts:
        """The most slow requests that are Within, for each of these numbers of requests; -1 where none are."""
        return np.searchsorted(self.within, self._covered(requests), side="right") - 1

    def _covered(self, requests: Counts) -> Counts:
        if np.max(requests) > self.breach[-1]:
            raise ValueError(f"tabulated for up to {self.breach[-1]} requests, asked for {np.max(requests)}")
        return requests


def boundary(p0: float, alpha: float, requests: int) -> Boundary:
    """The verdicts on a limit p0 at level alpha for up to so many requests, whatever part of them is slow by chance."""
    return _tabulate(p0, alpha, int(1.3 * p0 * requests) + 200)


@cache
def _tabulate(p0: float, alpha: float, slow: int) -> Boundary:
    need = -math.log(alpha)
    stride = math.ceil(1 / p0)
    breach, within = np.empty(slow + 1, np.int64), np.empty(slow + 1, np.int64)
    most, fewest = -1, 0
    for s in range(slow + 1):
        start = max(s, most + 1)
        if log_breach(start, s, p0, alpha) >= need:
            most = _first(lambda n, s=s: log_breach(n, s, p0, alpha) < need, start, stride) - 1
        start = max(s, fewest)
        fewest = _first(lambda n, s=s: log_within(n, s, p0, alpha) >= need, start, stride)
        breach[s], within[s] = most, fewest
    return Boundary(breach, within)


def _first(holds: Callable[[int], bool], low: int, stride: int) -> int:
    """The first number after `low` for which `holds`, false up to some number and true from there on."""
    while not holds(low + stride):
        low, stride = low + stride, 2 * stride
    high = low + stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def point_test_fails(requests: Counts, slow: Counts, p0: float) -> NDArray[np.bool_]:
    """What peers compare at each tick: are more than a fraction p0 of this window's requests slow?"""
    return slow > p0 * requests
