"""When the live test speaks, tabulated once so that millions of looks are cheap; and the point test of other tools.

The tables are those of `tollgate.decide.evidence` itself: what is simulated is what runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tollgate.decide.evidence import breach_until, within_from

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
    counts = np.arange(slow + 1)
    return Boundary(breach_until(counts, p0, alpha), within_from(counts, p0, alpha))


def point_test_fails(requests: Counts, slow: Counts, p0: float) -> NDArray[np.bool_]:
    """What peers compare at each tick: are more than a fraction p0 of this window's requests slow?"""
    return slow > p0 * requests
